-- When the password was last chosen; NULL: when the user was created.
ALTER TABLE users ADD COLUMN password_changed_at BIGINT;

-- Passwords that somebody had before, as far as the account's settings forbid to take them again.
CREATE TABLE former_passwords (
  id BYTEA PRIMARY KEY,
  user_id BYTEA NOT NULL REFERENCES users (id),
  hash TEXT NOT NULL,               -- Argon2id in PHC form
  created_at BIGINT NOT NULL
);
CREATE INDEX former_passwords_user ON former_passwords (user_id, created_at);

-- Links by which somebody chooses a password once. The secret in the link follows from the id and a key that is not in
-- the store.
CREATE TABLE password_links (
  id BYTEA PRIMARY KEY,
  user_id BYTEA NOT NULL REFERENCES users (id),
  hash BYTEA NOT NULL UNIQUE,       -- SHA-256 of the secret
  purpose TEXT NOT NULL,            -- invitation, recovery, setup
  created_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL
);
CREATE INDEX password_links_user ON password_links (user_id);
CREATE INDEX password_links_end ON password_links (ends_at);

-- Second factors: codes of an app, after RFC 6238.
CREATE TABLE second_factors (
  user_id BYTEA PRIMARY KEY REFERENCES users (id),
  secret BYTEA NOT NULL,            -- sealed
  confirmed_at BIGINT,              -- NULL: begun, and not asked for yet
  last_step BIGINT NOT NULL,        -- of the last code that was taken: none of it or before is taken again
  created_at BIGINT NOT NULL
);

-- Codes for whoever has lost their app; each goes when it is used.
CREATE TABLE recovery_codes (
  user_id BYTEA NOT NULL REFERENCES users (id),
  hash BYTEA NOT NULL,              -- HMAC-SHA256 under a key that is not in the store
  PRIMARY KEY (user_id, hash)
);
