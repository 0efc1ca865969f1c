-- The source that something happened on decides who may see it (crates/conversations/src/audience.rs). NULL: it belongs to
-- no source, or to a thread's and is of an earlier version.
ALTER TABLE log ADD COLUMN source_id BYTEA;

-- Of what names no thread. What a window has lost since is not found any more, and is for who reads every source.
UPDATE log SET source_id = object_id WHERE thread_id IS NULL AND kind <> 'content.imported' AND kind IN (
  'content_source.auto_disabled', 'content_source.created', 'content_source.destroyed',
  'content_source.failure_acknowledged', 'content_source.updated');
UPDATE log SET source_id = (SELECT source_id FROM messaging_objects WHERE messaging_objects.id = log.object_id)
WHERE object_id IN (SELECT id FROM messaging_objects);
