-- When each Channel SDK source is asked for what is new, and how that went.
CREATE TABLE polls (
  source_id BYTEA PRIMARY KEY REFERENCES sources (id),
  implementation TEXT,              -- JSON: what its channel told of itself last; NULL: it never did
  error TEXT,                       -- what stopped the last run; NULL: nothing did
  failures BIGINT NOT NULL,         -- runs in a row that were stopped: the pauses grow with it
  imported BIGINT NOT NULL,         -- contents that were taken in by asking
  skipped BIGINT NOT NULL,          -- objects that were left out, because something was missing or wrong
  skipped_last TEXT,                -- what was wrong with the last of them
  ended_at BIGINT,                  -- of the last run
  claim BIGINT NOT NULL,            -- grows with every run; a worker that was overtaken may not write
  claimed_by BYTEA,                 -- the node that is at it; NULL: none
  claimed_until BIGINT,             -- then another node may take over
  due_at BIGINT NOT NULL            -- when the next run may begin
);
CREATE INDEX polls_due ON polls (due_at);

-- How far each list was read.
CREATE TABLE poll_cursors (
  source_id BYTEA NOT NULL REFERENCES sources (id),
  object TEXT NOT NULL,             -- thread, message or private_message
  since_id TEXT NOT NULL,           -- the channel's id of the newest object that was taken in or left out
  PRIMARY KEY (source_id, object)
);

-- What is pushed: create, or what is done with a content that the channel has: publish, unpublish, delete.
ALTER TABLE deliveries ADD COLUMN action TEXT NOT NULL DEFAULT 'create';

INSERT INTO polls (source_id, failures, imported, skipped, claim, due_at)
SELECT id, 0, 0, 0, 0, 0 FROM sources WHERE type = 'sdk';
