-- An agent who asks for one more task gets the first that fits, however many wait. Tasks that ask for the same stand in
-- one line, and of each line the first is looked at.
ALTER TABLE tasks ADD COLUMN line BYTEA; -- a hash of what it asks of agents; NULL: not written since this is here
-- Those that wait already stand in a line each until they change.
UPDATE tasks SET line = id WHERE place = 'global' AND state = 'waiting';
CREATE INDEX tasks_lines ON tasks (channel_id, line, priority DESC, waiting_since, id)
WHERE place = 'global' AND state = 'waiting' AND NOT held;
-- The history of a step.
CREATE INDEX tasks_step ON tasks (step, priority, created_at, id) WHERE completed_at IS NOT NULL AND step IS NOT NULL;
