-- What becomes of contents after they are written.
ALTER TABLE contents ADD COLUMN scheduled_at BIGINT;   -- goes out then; NULL: at once, or it has gone
ALTER TABLE contents ADD COLUMN anonymized_at BIGINT;  -- when its text and files were erased

-- What goes out by itself when its time comes, and threads that hold such.
CREATE INDEX contents_scheduled ON contents (scheduled_at) WHERE scheduled_at IS NOT NULL;
-- Threads with contents that wait for approval.
CREATE INDEX contents_approval ON contents (thread_id) WHERE approval_required;
-- Interventions that come back by themselves.
CREATE INDEX interventions_deferred ON interventions (deferred_at) WHERE deferred_at IS NOT NULL;
-- The identities that agents and sources write as: few among many.
CREATE INDEX identities_controlled ON identities (community_id, created_at) WHERE controlled;

-- When a customer was last answered automatically, so that they are not answered all the time.
CREATE TABLE automatic_answers (
  source_id BYTEA NOT NULL REFERENCES sources (id),
  identity_id BYTEA NOT NULL REFERENCES identities (id),
  occasion TEXT NOT NULL,           -- first_message_from_user or out_of_office_hours_message
  answered_at BIGINT NOT NULL,
  PRIMARY KEY (source_id, identity_id, occasion)
);

-- How far a source's old contents and threads have been looked through, to archive and to close them.
CREATE TABLE sweeps (
  source_id BYTEA NOT NULL REFERENCES sources (id),
  name TEXT NOT NULL,               -- archiving or closing
  at BIGINT NOT NULL,               -- closing: the last activity of the last thread that was looked at
  id BYTEA NOT NULL,                -- the last row that was looked at
  PRIMARY KEY (source_id, name)
);

-- Identities whose contents are being anonymised.
CREATE TABLE erasures (
  identity_id BYTEA PRIMARY KEY REFERENCES identities (id),
  user_id BYTEA,                    -- who asked for it
  created_at BIGINT NOT NULL
);
