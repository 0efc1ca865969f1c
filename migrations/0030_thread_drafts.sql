-- What an agent has begun to write in a thread and has not sent: one for each of them.
CREATE TABLE thread_drafts (
  id BYTEA PRIMARY KEY,
  user_id BYTEA NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  thread_id BYTEA NOT NULL REFERENCES threads (id) ON DELETE CASCADE,
  body TEXT NOT NULL,
  body_format TEXT NOT NULL,        -- text or html
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,       -- also its version
  UNIQUE (user_id, thread_id)
);
-- Those of a thread that goes.
CREATE INDEX thread_drafts_thread ON thread_drafts (thread_id);
-- The oldest of somebody who keeps too many.
CREATE INDEX thread_drafts_age ON thread_drafts (user_id, updated_at, id);
