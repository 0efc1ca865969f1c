-- Whose names and pictures are asked for at their service.
CREATE TABLE channel_profiles (
  source_id BYTEA NOT NULL,
  -- The customer, by the service's id.
  foreign_id TEXT NOT NULL,
  -- When it was wanted last.
  asked_at BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  -- When to ask; null once it was answered.
  due_at BIGINT,
  PRIMARY KEY (source_id, foreign_id)
);
CREATE INDEX channel_profiles_due ON channel_profiles (due_at) WHERE due_at IS NOT NULL;
