-- Contents of customers on their way to agents.
CREATE TABLE tasks (
  id BYTEA PRIMARY KEY,
  content_id BYTEA NOT NULL,        -- the content that waits; it may be gone, as its thread
  thread_id BYTEA NOT NULL,
  source_id BYTEA NOT NULL,
  channel_id BYTEA NOT NULL,
  identity_id BYTEA NOT NULL,       -- the customer
  intervention_id BYTEA,
  state TEXT NOT NULL,              -- waiting, ringing, accepted, undelivered, completed or destroyed
  place TEXT NOT NULL,              -- the list that shows it: global, workbins, undelivered, history, or a special queue
  queue TEXT,                       -- the special queue that it waits in
  held BOOLEAN NOT NULL,            -- somebody outside of the queues is at it: offered to nobody
  step TEXT,                        -- of the topology, by its name; NULL: before the first
  step_entered_at BIGINT NOT NULL,
  agent_ids TEXT NOT NULL,          -- JSON list: at whom it rings
  owner_id BYTEA,                   -- in whose workbin it is, or was last
  category_ids TEXT NOT NULL,       -- JSON list
  language TEXT,
  last_agent_id BYTEA,              -- who had this customer before
  wishes TEXT,                      -- JSON: whom it was transferred to
  wishes_until BIGINT,
  asked TEXT NOT NULL,              -- JSON list of pairs: who did not want it, until when they are not asked again
  urgency TEXT NOT NULL,            -- JSON: what the priority is made of
  priority BIGINT NOT NULL,
  segment_index BIGINT NOT NULL,
  waiting_since BIGINT NOT NULL,    -- its age in queues
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  accepted_at BIGINT,
  completed_at BIGINT,
  expires_at BIGINT,                -- when the ringing ends, or it is taken back
  locked_at BIGINT,                 -- since when it rings
  transferred_at BIGINT,
  completes_at BIGINT,              -- completes by itself, unless the customer writes
  version BIGINT NOT NULL           -- grows with every change: who read an older one may not write
);
-- A customer waits once in a thread.
CREATE UNIQUE INDEX tasks_active ON tasks (thread_id, identity_id) WHERE completed_at IS NULL;
-- The lists: of a queue, of a workbin.
CREATE INDEX tasks_place ON tasks (place, priority, created_at, id);
CREATE INDEX tasks_owner ON tasks (owner_id, place, priority, created_at, id);
-- The latest of a customer or of an intervention; those of a channel that goes.
CREATE INDEX tasks_thread ON tasks (thread_id, identity_id, id);
CREATE INDEX tasks_intervention ON tasks (intervention_id, id);
CREATE INDEX tasks_channel ON tasks (channel_id) WHERE completed_at IS NULL;
-- Who waits for an agent: asked whenever somebody would offer one.
CREATE INDEX tasks_waiting ON tasks (channel_id) WHERE state = 'waiting' AND queue IS NULL AND NOT held;

-- Who has a task on their hands, ringing or accepted: counted against their limits.
CREATE TABLE task_agents (
  user_id BYTEA NOT NULL,
  task_id BYTEA NOT NULL REFERENCES tasks (id),
  channel_id BYTEA NOT NULL,
  PRIMARY KEY (user_id, task_id)
);
CREATE INDEX task_agents_task ON task_agents (task_id);

-- Why each task went where it went; the latest entries.
CREATE TABLE task_traces (
  task_id BYTEA NOT NULL REFERENCES tasks (id),
  position BIGINT NOT NULL,
  at BIGINT NOT NULL,
  entry TEXT NOT NULL,              -- JSON
  PRIMARY KEY (task_id, position)
);
