-- Facts about this installation: key_check proves the sealing key, domain_id names the account in webhooks.
CREATE TABLE meta (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

-- The number of the last event. Its row lock is what orders batches on PostgreSQL.
CREATE TABLE log_head (
  seq BIGINT NOT NULL
);
INSERT INTO log_head (seq) VALUES (0);

-- What happened. References and changed fields only: bodies live in rows that can be erased.
CREATE TABLE log (
  seq BIGINT PRIMARY KEY,
  id BYTEA NOT NULL,
  kind TEXT NOT NULL,
  at BIGINT NOT NULL,
  thread_id BYTEA,
  object_id BYTEA NOT NULL,
  user_id BYTEA,            -- the user who caused it; NULL: a customer or the system
  payload TEXT NOT NULL     -- JSON
);

-- How far each consumer of the log has come.
CREATE TABLE consumers (
  name TEXT PRIMARY KEY,
  position BIGINT NOT NULL
);

-- Answers kept for repeats of a request with an Idempotency-Key, 24 hours.
CREATE TABLE idempotency_keys (
  user_id BYTEA NOT NULL,
  operation TEXT NOT NULL,
  key TEXT NOT NULL,
  request_hash BYTEA NOT NULL,
  status BIGINT NOT NULL,
  answer BYTEA NOT NULL,            -- sealed: some answers hold secrets
  created_at BIGINT NOT NULL,
  PRIMARY KEY (user_id, operation, key)
);
-- Forgetting old ones.
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);
