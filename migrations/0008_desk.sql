-- What agents work with beside conversations.

-- What a muted thread or customer writes arrives ignored.
ALTER TABLE threads ADD COLUMN muted BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE identities ADD COLUMN muted BOOLEAN NOT NULL DEFAULT FALSE;

-- Threads whose contents are being archived or deleted, too many for one transaction.
CREATE TABLE thread_jobs (
  thread_id BYTEA PRIMARY KEY REFERENCES threads (id),
  verb TEXT NOT NULL,               -- ignore or delete
  user_id BYTEA NOT NULL,           -- who asked for it
  done_at BIGINT NOT NULL,          -- contents up to this one, by time of creation and id, are done
  done_id BYTEA NOT NULL,
  created_at BIGINT NOT NULL
);

-- Remarks of agents on an intervention, which customers never see.
CREATE TABLE intervention_comments (
  id BYTEA PRIMARY KEY,
  intervention_id BYTEA NOT NULL REFERENCES interventions (id),
  source_id BYTEA NOT NULL,         -- the intervention's, as the next two: lists are filtered by them
  thread_id BYTEA NOT NULL,
  identity_id BYTEA NOT NULL,
  user_id BYTEA NOT NULL,           -- who wrote it; it outlives them
  body TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
-- The list, newest first, and under each of its filters.
CREATE INDEX intervention_comments_age ON intervention_comments (created_at, id);
CREATE INDEX intervention_comments_intervention ON intervention_comments (intervention_id, created_at, id);
CREATE INDEX intervention_comments_thread ON intervention_comments (thread_id, created_at, id);
CREATE INDEX intervention_comments_user ON intervention_comments (user_id, created_at, id);
CREATE INDEX intervention_comments_identity ON intervention_comments (identity_id, created_at, id);

-- Kept searches of threads.
CREATE TABLE folders (
  id BYTEA PRIMARY KEY,
  label TEXT NOT NULL,
  parent_id BYTEA REFERENCES folders (id),
  position BIGINT NOT NULL,
  query TEXT NOT NULL,              -- in the search language
  render_threads_count BOOLEAN NOT NULL,
  role_ids TEXT NOT NULL,           -- JSON list of ids; empty: every role may see it
  team_ids TEXT NOT NULL,
  user_ids TEXT NOT NULL,
  user_id BYTEA,                    -- whose own search it is; NULL: a shared folder
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX folders_parent ON folders (parent_id);
CREATE INDEX folders_user ON folders (user_id);
