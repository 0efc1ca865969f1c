-- By which websites name a source; NULL on sources from before, whose id stands for it.
ALTER TABLE sources ADD COLUMN widget_token TEXT;
CREATE UNIQUE INDEX sources_widget_token ON sources (widget_token);

-- Whether visitors have to be signed by their website: require (NULL too) or reject.
ALTER TABLE communities ADD COLUMN signed_identities TEXT;

-- The keys with which websites sign their visitors.
CREATE TABLE jwt_keys (
  community_id BYTEA NOT NULL REFERENCES communities (id) ON DELETE CASCADE,
  key_id TEXT NOT NULL,
  algorithm TEXT NOT NULL,          -- HS256 or RS256: a key id stands for exactly one
  key BYTEA NOT NULL,               -- sealed
  created_at BIGINT NOT NULL,
  PRIMARY KEY (community_id, key_id)
);

-- Who was signed once: nobody gets to their conversations without a signature any more.
CREATE TABLE signed_visitors (
  community_id BYTEA NOT NULL REFERENCES communities (id) ON DELETE CASCADE,
  uuid TEXT NOT NULL,
  signed_at BIGINT NOT NULL,
  PRIMARY KEY (community_id, uuid)
);

-- Visitors' secrets, as hashes, and what their websites say of them.
CREATE TABLE visitor_sessions (
  id BYTEA PRIMARY KEY,
  hash BYTEA NOT NULL UNIQUE,
  source_id BYTEA NOT NULL REFERENCES sources (id) ON DELETE CASCADE,
  uuid TEXT NOT NULL,               -- the visitor: an identity of the source's community once they have written
  signed BOOLEAN NOT NULL,
  jwt_hash BYTEA,                   -- of what signed them last: it was not new when it comes again
  claims TEXT NOT NULL,             -- JSON: screenname and the like
  context TEXT NOT NULL,            -- JSON: page, custom variables, trigger, locale
  expires_at BIGINT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE INDEX visitor_sessions_visitor ON visitor_sessions (source_id, uuid);
CREATE INDEX visitor_sessions_expiry ON visitor_sessions (expires_at);

-- Files that a visitor has uploaded and not sent yet.
CREATE TABLE visitor_uploads (
  id BYTEA PRIMARY KEY,
  source_id BYTEA NOT NULL REFERENCES sources (id) ON DELETE CASCADE,
  uuid TEXT NOT NULL,
  client_id TEXT NOT NULL,
  filename TEXT NOT NULL,
  size BIGINT NOT NULL,
  sha256 BYTEA NOT NULL,
  created_at BIGINT NOT NULL,
  UNIQUE (source_id, uuid, client_id)
);
CREATE INDEX visitor_uploads_age ON visitor_uploads (created_at);

-- How a source looks and behaves to visitors, as JSON; none: as a new one.
CREATE TABLE messaging_settings (
  source_id BYTEA PRIMARY KEY REFERENCES sources (id) ON DELETE CASCADE,
  settings TEXT NOT NULL,
  updated_at BIGINT NOT NULL
);

-- When to offer the chat, with what, and what pages tell: triggers, items of the catalogue, custom variables.
CREATE TABLE messaging_objects (
  id BYTEA PRIMARY KEY,
  source_id BYTEA NOT NULL REFERENCES sources (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,               -- trigger, item or variable
  position BIGINT NOT NULL,         -- their order
  definition TEXT NOT NULL,         -- JSON
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX messaging_objects_source ON messaging_objects (source_id, kind, position);
