-- Groups of sources whose work is shared out among agents.
CREATE TABLE channels (
  id BYTEA PRIMARY KEY,
  name TEXT NOT NULL,
  name_key BYTEA NOT NULL UNIQUE,            -- the name without regard to case: bots know channels by their names
  soft_capability BIGINT NOT NULL,           -- tasks at which an agent is busy
  hard_capability BIGINT NOT NULL,           -- tasks at which an agent is full
  task_timeout_seconds BIGINT NOT NULL,      -- then an accepted task is taken back; 0: never
  agent_sla BIGINT NOT NULL,                 -- seconds; 0: none
  agent_sla_threshold BIGINT NOT NULL,       -- percent of it at which to warn; 0: never
  task_auto_complete_seconds BIGINT NOT NULL, -- then an accepted task completes by itself; 0: never
  auto_complete_category_ids TEXT NOT NULL,  -- JSON: given to it then
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);

-- A source is in one channel or none; of none, nothing is routed.
ALTER TABLE sources ADD COLUMN channel_id BYTEA REFERENCES channels (id);
-- The sources of a channel.
CREATE INDEX sources_channel ON sources (channel_id);

-- How a task finds its agent.
CREATE TABLE topologies (
  id BYTEA PRIMARY KEY,
  name TEXT NOT NULL,
  name_key BYTEA NOT NULL UNIQUE,   -- the name without regard to case
  config TEXT NOT NULL,             -- JSON
  version BIGINT NOT NULL,          -- grows with every change of the config
  active BOOLEAN NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
-- At most one leads the tasks.
CREATE UNIQUE INDEX topologies_active ON topologies (active) WHERE active;

-- How much an agent takes, in place of what a channel says.
CREATE TABLE user_capacities (
  id BYTEA PRIMARY KEY,
  name TEXT NOT NULL,
  name_key BYTEA NOT NULL UNIQUE,   -- the name without regard to case
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);

CREATE TABLE user_capacity_channels (
  user_capacity_id BYTEA NOT NULL REFERENCES user_capacities (id) ON DELETE CASCADE,
  channel_id BYTEA NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
  position BIGINT NOT NULL,         -- they are shown as they were given
  default_capacity BIGINT NOT NULL, -- in place of soft_capability
  max_capacity BIGINT NOT NULL,     -- in place of hard_capability
  PRIMARY KEY (user_capacity_id, channel_id)
);

ALTER TABLE users ADD COLUMN user_capacity_id BYTEA REFERENCES user_capacities (id);

-- Reasons to be away.
CREATE TABLE presence_statuses (
  id BYTEA PRIMARY KEY,
  name TEXT NOT NULL,
  name_key BYTEA NOT NULL UNIQUE,   -- the name without regard to case
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);

-- Agents who are there to take tasks, or were.
CREATE TABLE agent_presences (
  user_id BYTEA PRIMARY KEY REFERENCES users (id),
  connected BOOLEAN NOT NULL,
  lost BOOLEAN NOT NULL,            -- went silent; who left by themselves did not
  custom_status_id BYTEA REFERENCES presence_statuses (id),
  connected_at BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL,     -- late by at most ten seconds
  idle_since BIGINT NOT NULL        -- since when the number of their tasks has not changed
);
-- Who is connected; who has gone silent.
CREATE INDEX agent_presences_connected ON agent_presences (last_seen_at) WHERE connected;

-- What they set for each channel, and how much of it they have.
CREATE TABLE agent_channels (
  user_id BYTEA NOT NULL REFERENCES users (id),
  channel_id BYTEA NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
  available BOOLEAN NOT NULL,
  load BIGINT NOT NULL,             -- tasks that ring at them or that they have accepted
  PRIMARY KEY (user_id, channel_id)
);
