-- Pages that visitors saw while they were in a conversation.
CREATE TABLE visitor_pages (
  id BYTEA PRIMARY KEY,
  thread_id BYTEA NOT NULL REFERENCES threads (id) ON DELETE CASCADE,
  url TEXT NOT NULL,
  title TEXT,
  created_at BIGINT NOT NULL
);
-- A conversation's, the last ones.
CREATE INDEX visitor_pages_thread ON visitor_pages (thread_id, created_at, id);
