-- How people come in who are known to another system: one row for each kind.
CREATE TABLE single_sign_on (
  kind TEXT PRIMARY KEY,            -- jwt
  settings TEXT NOT NULL,           -- JSON object
  secret BYTEA,                     -- sealed; NULL: none yet
  updated_at BIGINT NOT NULL
);

-- Tokens that were taken, so that none is taken twice.
CREATE TABLE single_sign_on_tokens (
  hash BYTEA PRIMARY KEY,           -- SHA-256 of kind and id of the token
  ends_at BIGINT NOT NULL           -- when the token itself is too old
);
CREATE INDEX single_sign_on_tokens_end ON single_sign_on_tokens (ends_at);

-- By what the other system knows a user, where it is not their external_id.
ALTER TABLE users ADD COLUMN jwt_external_id TEXT;
CREATE UNIQUE INDEX users_jwt_external_id ON users (jwt_external_id);
