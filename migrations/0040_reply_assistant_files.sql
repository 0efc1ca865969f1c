-- On a version of the reply assistant, and on no content; who uploaded it owns it no more (user_id is NULL).
ALTER TABLE attachments ADD COLUMN version_id BYTEA;
-- The files of a version.
CREATE INDEX attachments_version ON attachments (version_id, position) WHERE version_id IS NOT NULL;
