-- The lowest number of a thread's contents: a search for words need not read a thread whose contents are all newer than
-- those that it knows of. It stays where it is when the content goes: what is left has higher ones. As the numbers
-- themselves it is this engine's own affair, written by a trigger, and in no backup.
ALTER TABLE threads ADD COLUMN first_number INTEGER NOT NULL DEFAULT 9223372036854775807;
UPDATE threads SET first_number = coalesce((SELECT min(number) FROM contents WHERE thread_id = threads.id), first_number);

CREATE TRIGGER contents_first_number AFTER INSERT ON contents BEGIN
  UPDATE threads SET first_number = new.number WHERE id = new.thread_id AND first_number > new.number;
END;

-- The list; searches for words ask its index for the number.
DROP INDEX threads_activity;
CREATE INDEX threads_activity ON threads (last_content_at, id, first_number);
