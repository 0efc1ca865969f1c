-- The reply assistant: answers that are kept ready. An entry is one of them, and has versions, by language and source.
CREATE TABLE reply_assistant_groups (
  id BYTEA PRIMARY KEY,
  name TEXT NOT NULL,
  autocomplete BOOLEAN NOT NULL,    -- its entries are completed by their names, too, and not by their shortcuts alone
  position BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);

CREATE TABLE reply_assistant_entries (
  id BYTEA PRIMARY KEY,
  label TEXT NOT NULL,
  foreign_id TEXT,                  -- by what another system knows it
  group_id BYTEA REFERENCES reply_assistant_groups (id),
  category_ids TEXT NOT NULL,       -- JSON list: offered for contents with one of these; empty: for all
  shortcuts TEXT NOT NULL,          -- JSON list
  source_ids TEXT NOT NULL,         -- JSON list: offered on these; empty: everywhere
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
-- The entries of a group.
CREATE INDEX reply_assistant_entries_group ON reply_assistant_entries (group_id, created_at, id);

CREATE TABLE reply_assistant_versions (
  id BYTEA PRIMARY KEY,
  entry_id BYTEA NOT NULL REFERENCES reply_assistant_entries (id),
  body TEXT NOT NULL,
  body_format TEXT NOT NULL,        -- text or html
  words TEXT NOT NULL,              -- of the body, without case and accents: what is searched
  language TEXT,
  source_ids TEXT NOT NULL,         -- JSON list, as an entry's
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
-- The versions of an entry.
CREATE INDEX reply_assistant_versions_entry ON reply_assistant_versions (entry_id, created_at, id);
