-- Tasks stay in the history for long; what looks for those that are alive does not walk through it.
--
-- Those of sources that have moved or gone: asked whenever sources, channels or the topology change.
CREATE INDEX tasks_live ON tasks (source_id, id) WHERE completed_at IS NULL;
-- Those of special queues that there are no more.
CREATE INDEX tasks_special ON tasks (queue, id) WHERE queue IS NOT NULL;
-- What waits on a channel, in its order: places in the queue, and what an agent asks for.
CREATE INDEX tasks_next ON tasks (channel_id, priority DESC, waiting_since, id)
WHERE place = 'global' AND state = 'waiting' AND NOT held;
-- A channel's history, in the order of the list.
CREATE INDEX tasks_history ON tasks (channel_id, priority, created_at, id) WHERE completed_at IS NOT NULL;
-- What has been over for longest: it goes first.
CREATE INDEX tasks_over ON tasks (completed_at, id) WHERE completed_at IS NOT NULL;
-- What they answered, these do.
DROP INDEX tasks_waiting;
DROP INDEX tasks_channel;
DROP INDEX tasks_intervention;

-- What one node at a time does.
CREATE TABLE leases (
  name TEXT PRIMARY KEY,
  holder BYTEA NOT NULL,            -- the node that does it
  until BIGINT NOT NULL             -- then another one may
);
