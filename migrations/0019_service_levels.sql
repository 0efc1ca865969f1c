-- What is promised and runs: to a customer an answer, of an agent an answer to the task in their workbin.
CREATE TABLE service_levels (
  thread_id BYTEA NOT NULL,
  identity_id BYTEA NOT NULL,   -- the customer
  target TEXT NOT NULL,         -- customer or agent
  source_id BYTEA NOT NULL,
  task_id BYTEA,                -- agent: of which task
  user_id BYTEA,                -- agent: who
  since BIGINT NOT NULL,        -- the customer has waited, or the agent has had it
  warns_at BIGINT NOT NULL,     -- due_at where there is no warning
  due_at BIGINT NOT NULL,
  next_at BIGINT,               -- when the next event is told; NULL: all are
  PRIMARY KEY (thread_id, identity_id, target)
);
-- What is to be told.
CREATE INDEX service_levels_next ON service_levels (next_at) WHERE next_at IS NOT NULL;

-- The first of its customers' promises; the largest number: none runs, and it comes last.
ALTER TABLE threads ADD COLUMN sla_warns_at BIGINT NOT NULL DEFAULT 9223372036854775807;
ALTER TABLE threads ADD COLUMN sla_due_at BIGINT NOT NULL DEFAULT 9223372036854775807;
-- Lists in the order of what is due.
CREATE INDEX threads_sla ON threads (sla_due_at, id);

-- How fast a channel's tasks are done.
CREATE INDEX tasks_done ON tasks (channel_id, completed_at) WHERE completed_at IS NOT NULL;
