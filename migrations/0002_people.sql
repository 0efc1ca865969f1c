CREATE TABLE roles (
  id BYTEA PRIMARY KEY,
  label TEXT NOT NULL,
  permissions TEXT NOT NULL,        -- comma-separated wire names
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);

CREATE TABLE users (
  id BYTEA PRIMARY KEY,
  email TEXT NOT NULL,
  email_key TEXT NOT NULL UNIQUE,   -- the e-mail in lower case
  firstname TEXT NOT NULL,
  lastname TEXT NOT NULL,
  nickname TEXT,
  gender TEXT,
  locale TEXT,
  timezone TEXT,
  external_id TEXT,
  spoken_languages TEXT NOT NULL,   -- JSON list of language codes
  role_id BYTEA NOT NULL REFERENCES roles (id),
  password_hash TEXT,               -- Argon2id in PHC form; NULL: no password
  enabled BOOLEAN NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX users_role ON users (role_id);

-- A token is 256 random bits, so its plain SHA-256 reveals nothing; the token itself is shown once and kept nowhere.
CREATE TABLE access_tokens (
  id BYTEA PRIMARY KEY,
  hash BYTEA NOT NULL UNIQUE,
  user_id BYTEA NOT NULL REFERENCES users (id),
  label TEXT NOT NULL,
  enabled BOOLEAN NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX access_tokens_user ON access_tokens (user_id);
