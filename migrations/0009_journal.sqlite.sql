-- Finding events of the log, threads and contents.

-- One event; the journal in its order and between two moments: ids are in time order.
CREATE UNIQUE INDEX log_id ON log (id);
-- Events about one object, such as a content. That of an imported message is always the newest object: it appends.
CREATE INDEX log_object ON log (object_id, id);
-- A thread's events, but for its messages: those are found by their contents, so that a message pays nothing here.
CREATE INDEX log_thread ON log (thread_id, id) WHERE thread_id IS NOT NULL AND kind <> 'content.imported';
-- What a user did.
CREATE INDEX log_user ON log (user_id, id) WHERE user_id IS NOT NULL;
-- Events of one name.
CREATE INDEX log_kind ON log (kind, id) WHERE kind <> 'content.imported';

-- The threads of a source that has few of them.
CREATE INDEX threads_source ON threads (source_id);
-- Contents of one state, newest first.
CREATE INDEX contents_status ON contents (status, created_at, id);
-- Threads with a content of one language, with one that is not published.
CREATE INDEX contents_language ON contents (language, thread_id) WHERE language IS NOT NULL;
CREATE INDEX contents_unpublished ON contents (thread_id) WHERE NOT published;
-- Threads with any category.
CREATE INDEX categorisations_threads ON categorisations (object_id) WHERE object = 'thread';
-- Threads with an open intervention, of one user or of any.
CREATE INDEX interventions_open ON interventions (user_id, thread_id) WHERE closed_at IS NULL;

-- Words are split and folded by the program alone (crates/store/src/search.rs): the tokenizer only parts them at spaces.
-- The program indexes what is there already after its start (contents/indexing.rs).
DROP TABLE contents_search;
CREATE VIRTUAL TABLE contents_search USING fts5 (words, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii');
INSERT INTO meta (name, value)
SELECT 'contents_to_index', 'ffffffffffffffffffffffff' WHERE EXISTS (SELECT 1 FROM contents);
