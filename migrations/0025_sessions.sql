-- Who is signed in at a console. The secret is 256 random bits in a browser's cookie, so its plain SHA-256 reveals
-- nothing; the secret itself is kept nowhere.
CREATE TABLE sessions (
  id BYTEA PRIMARY KEY,
  hash BYTEA NOT NULL UNIQUE,
  user_id BYTEA NOT NULL REFERENCES users (id),
  method TEXT NOT NULL,             -- password, jwt, openid
  address TEXT NOT NULL,            -- where the browser was at sign-in; empty: not known
  browser TEXT NOT NULL,            -- what it called itself
  created_at BIGINT NOT NULL,
  seen_at BIGINT NOT NULL           -- of the last request, some seconds late
);
-- A user's own.
CREATE INDEX sessions_user ON sessions (user_id, created_at);
-- Those that have been idle, or have lasted, too long.
CREATE INDEX sessions_seen ON sessions (seen_at);
CREATE INDEX sessions_age ON sessions (created_at);

-- Attempts to sign in that did not succeed, by account, by address, and by both.
CREATE TABLE sign_in_attempts (
  key BYTEA PRIMARY KEY,            -- SHA-256 of what is counted
  count BIGINT NOT NULL,
  since BIGINT NOT NULL             -- when the first was made; after a while they no longer count
);
CREATE INDEX sign_in_attempts_age ON sign_in_attempts (since);
