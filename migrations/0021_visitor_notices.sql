-- What the server itself says in visitors' conversations; never a text, so that nothing of anybody is in it.
CREATE TABLE visitor_notices (
  id BYTEA PRIMARY KEY,
  thread_id BYTEA NOT NULL REFERENCES threads (id) ON DELETE CASCADE,
  notice TEXT NOT NULL,             -- connection, disconnection, impossible, thread_closure, request_email
  user_id BYTEA REFERENCES users (id),   -- the agent whom it is about; none: the visitor, or nobody
  created_at BIGINT NOT NULL        -- its place among the contents
);
-- A conversation's, beside its contents.
CREATE INDEX visitor_notices_thread ON visitor_notices (thread_id, created_at, id);

-- Live chats in which nobody has answered yet.
CREATE TABLE visitor_waits (
  thread_id BYTEA PRIMARY KEY REFERENCES threads (id) ON DELETE CASCADE,
  due_at BIGINT NOT NULL            -- then it is said that nobody is there
);
CREATE INDEX visitor_waits_due ON visitor_waits (due_at);
