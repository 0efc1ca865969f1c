CREATE TABLE contents (
  number INTEGER PRIMARY KEY,       -- the row's place in the full-text index
  id BYTEA NOT NULL UNIQUE,
  source_id BYTEA NOT NULL REFERENCES sources (id),
  thread_id BYTEA NOT NULL REFERENCES threads (id),
  author_id BYTEA REFERENCES identities (id),
  creator_id BYTEA,                 -- the user who wrote it; NULL: a customer
  recipient_id BYTEA,               -- of a private message
  intervention_id BYTEA,
  in_reply_to_id BYTEA,
  foreign_id TEXT,
  type TEXT NOT NULL,
  status TEXT NOT NULL,
  title TEXT,
  body TEXT NOT NULL,
  body_format TEXT NOT NULL,        -- text or html, as written; HTML is cleaned when it is shown
  private BOOLEAN NOT NULL,
  first_in_thread BOOLEAN NOT NULL,
  created_from TEXT NOT NULL,
  language TEXT,
  source_url TEXT,
  approval_required BOOLEAN NOT NULL,
  auto_submitted BOOLEAN NOT NULL,
  published BOOLEAN NOT NULL,
  remotely_deleted BOOLEAN NOT NULL,
  read_at BIGINT,                   -- when the customer's side said that it was read
  attachments_count BIGINT NOT NULL,
  synchronization_status TEXT NOT NULL,
  synchronization_error TEXT,
  extras TEXT,                      -- JSON object of the rare ones: context_data, foreign_categories, structured_content, structured_reply, ip
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);

-- The conversation, and a thread's newest.
CREATE INDEX contents_thread ON contents (thread_id, created_at, id);
-- The flat list.
CREATE INDEX contents_age ON contents (created_at, id);
CREATE INDEX contents_author ON contents (author_id, created_at);
CREATE INDEX contents_intervention ON contents (intervention_id, created_at);

-- Which content a channel's id became. It outlives the content, so that a repeat is recognised for ever.
CREATE TABLE content_keys (
  source_id BYTEA NOT NULL,
  object TEXT NOT NULL,             -- message, private_message or thread: each has ids of its own
  foreign_id TEXT NOT NULL,
  content_id BYTEA NOT NULL,
  PRIMARY KEY (source_id, object, foreign_id)
);

-- Folded words; the text itself is only in contents.
CREATE VIRTUAL TABLE contents_search USING fts5 (words, content = '', contentless_delete = 1, detail = full, tokenize = 'unicode61 remove_diacritics 0');
