-- What services count of a source's calls, and until when it pauses because its service wants no more.
CREATE TABLE channel_quotas (
  source_id BYTEA NOT NULL PRIMARY KEY,
  -- The number of the service's day that the units were used on.
  day BIGINT NOT NULL,
  answers BIGINT NOT NULL,
  reading BIGINT NOT NULL,
  paused_until BIGINT
);

-- Where reading a channel stands, in the words of its kind (JSON); none before its first run.
ALTER TABLE polls ADD COLUMN state TEXT;

-- Threads that are looked at again on their channel, because nobody tells what was added, edited or deleted.
CREATE TABLE watched_threads (
  source_id BYTEA NOT NULL,
  thread_id BYTEA NOT NULL,
  due_at BIGINT NOT NULL,
  PRIMARY KEY (source_id, thread_id)
);
-- Those that are due.
CREATE INDEX watched_threads_due ON watched_threads (source_id, due_at);
