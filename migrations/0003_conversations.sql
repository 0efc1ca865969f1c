-- A namespace of identities.
CREATE TABLE communities (
  id BYTEA PRIMARY KEY,
  type TEXT NOT NULL,
  name TEXT NOT NULL,
  active BOOLEAN NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);

-- A configured connection to one third-party place.
CREATE TABLE sources (
  id BYTEA PRIMARY KEY,
  type TEXT NOT NULL,
  community_id BYTEA NOT NULL REFERENCES communities (id),
  name TEXT NOT NULL,
  active BOOLEAN NOT NULL,
  settings TEXT NOT NULL,           -- JSON: the documented fields and those of its kind; no secrets
  secrets BYTEA,                    -- JSON of the kind's secret settings, sealed
  secret_hash BYTEA UNIQUE,         -- keyed hash of the channel's secret: two sources may not share one
  error_message TEXT,               -- why the channel cannot be reached now
  version BIGINT NOT NULL,          -- grows with every change, so that copies in memory notice
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX sources_community ON sources (community_id);

-- How many threads and contents a source has: lists are counted by these.
CREATE TABLE source_counters (
  source_id BYTEA PRIMARY KEY REFERENCES sources (id),
  threads BIGINT NOT NULL,
  contents BIGINT NOT NULL
);

-- What a user may do on a source; no row: nothing.
CREATE TABLE source_permissions (
  user_id BYTEA NOT NULL REFERENCES users (id),
  source_id BYTEA NOT NULL REFERENCES sources (id),
  rights BIGINT NOT NULL,           -- bits of SourceRight
  PRIMARY KEY (user_id, source_id)
);
CREATE INDEX source_permissions_source ON source_permissions (source_id);

-- One author in one community.
CREATE TABLE identities (
  id BYTEA PRIMARY KEY,
  community_id BYTEA NOT NULL REFERENCES communities (id),
  foreign_id TEXT NOT NULL,
  type TEXT NOT NULL,
  screenname TEXT,
  firstname TEXT,
  lastname TEXT,
  company TEXT,
  email TEXT,
  home_phone TEXT,
  mobile_phone TEXT,
  gender TEXT,
  avatar_url TEXT,
  uuid TEXT,
  extra_values TEXT NOT NULL,       -- JSON object
  controlled BOOLEAN NOT NULL,      -- agents may write as it
  fingerprint BIGINT NOT NULL,      -- of what the channel last told of this author: unchanged means nothing to write
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  UNIQUE (community_id, foreign_id)
);
CREATE INDEX identities_uuid ON identities (uuid);
CREATE INDEX identities_change ON identities (updated_at, id);

-- Which users write as which identities; the first by position is a user's default.
CREATE TABLE identity_users (
  user_id BYTEA NOT NULL REFERENCES users (id),
  identity_id BYTEA NOT NULL REFERENCES identities (id),
  position BIGINT NOT NULL,
  PRIMARY KEY (user_id, identity_id)
);
CREATE INDEX identity_users_identity ON identity_users (identity_id);

CREATE TABLE threads (
  id BYTEA PRIMARY KEY,
  source_id BYTEA NOT NULL REFERENCES sources (id),
  foreign_id TEXT,
  title TEXT,
  closed BOOLEAN NOT NULL,
  author_id BYTEA,                  -- the customer, in threads that belong to one
  text_input_disabled BOOLEAN NOT NULL, -- messaging: the customer may not type
  extra_data TEXT NOT NULL,         -- JSON object
  contents_count BIGINT NOT NULL,
  interventions_count BIGINT NOT NULL,
  first_content_at BIGINT NOT NULL, -- of a thread without contents: when it was made
  last_content_at BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  -- In this order, so that lists of whole sources are not tempted to read it and sort.
  UNIQUE (foreign_id, source_id)
);
-- The inbox: newest activity first.
CREATE INDEX threads_activity ON threads (last_content_at, id);
CREATE INDEX threads_age ON threads (created_at, id);
-- A customer's latest thread, for sources without threads of their own.
CREATE INDEX threads_author ON threads (author_id, source_id, last_content_at);

CREATE TABLE categories (
  id BYTEA PRIMARY KEY,
  name TEXT NOT NULL,
  parent_id BYTEA REFERENCES categories (id),
  color BIGINT NOT NULL,
  mandatory BOOLEAN NOT NULL,
  multiple BOOLEAN NOT NULL,
  post_qualification BOOLEAN NOT NULL,
  unselectable BOOLEAN NOT NULL,
  source_ids TEXT NOT NULL,         -- JSON list of ids; empty: every source
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX categories_parent ON categories (parent_id);

-- Which categories a thread, content or intervention carries.
CREATE TABLE categorisations (
  object_id BYTEA NOT NULL,
  category_id BYTEA NOT NULL REFERENCES categories (id),
  position BIGINT NOT NULL,
  object TEXT NOT NULL,             -- thread, content or intervention
  PRIMARY KEY (object_id, category_id)
);
CREATE INDEX categorisations_category ON categorisations (category_id, object_id);

-- The ticket.
CREATE TABLE interventions (
  id BYTEA PRIMARY KEY,
  source_id BYTEA NOT NULL REFERENCES sources (id),
  thread_id BYTEA NOT NULL REFERENCES threads (id),
  content_id BYTEA NOT NULL,        -- the content that was engaged
  identity_id BYTEA NOT NULL REFERENCES identities (id),
  user_id BYTEA REFERENCES users (id),
  reopened BOOLEAN NOT NULL,
  deferred_at BIGINT,
  closed_at BIGINT,                 -- NULL: open
  custom_fields TEXT NOT NULL,      -- JSON object
  comments_count BIGINT NOT NULL,
  user_replies_count BIGINT NOT NULL,
  first_user_reply_id BYTEA,
  first_user_reply_in BIGINT,       -- seconds
  first_user_reply_in_bh BIGINT,    -- seconds within the source's business hours
  last_user_reply_in BIGINT,
  last_user_reply_in_bh BIGINT,
  reply_seconds BIGINT NOT NULL,    -- sum over all answered questions: the average is this over the count
  reply_seconds_bh BIGINT NOT NULL,
  replies_timed BIGINT NOT NULL,    -- how many questions were answered
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX interventions_thread ON interventions (thread_id, identity_id);
CREATE INDEX interventions_user ON interventions (user_id, closed_at);
CREATE INDEX interventions_identity ON interventions (identity_id);
CREATE INDEX interventions_age ON interventions (created_at, id);
CREATE INDEX interventions_change ON interventions (updated_at, id);

CREATE TABLE attachments (
  id BYTEA PRIMARY KEY,
  content_id BYTEA,                 -- NULL: uploaded, not used yet
  user_id BYTEA,                    -- who uploaded it; NULL: a customer
  filename TEXT NOT NULL,
  extension TEXT NOT NULL,          -- lower case, without the dot
  content_type TEXT NOT NULL,
  kind_hint TEXT,                   -- audio or video, for containers that hold either
  size BIGINT NOT NULL,
  sha256 BYTEA,                     -- names the file; NULL while it has not been fetched
  remote_url TEXT,                  -- where the channel offers it
  fetch_attempts BIGINT NOT NULL,
  fetch_at BIGINT,                  -- when to fetch it next; NULL: nothing to fetch
  fetch_error TEXT,
  foreign_id TEXT,
  private BOOLEAN NOT NULL,
  position BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX attachments_content ON attachments (content_id, position);
CREATE INDEX attachments_fetch ON attachments (fetch_at);
-- Uploads that wait to be used.
CREATE INDEX attachments_user ON attachments (user_id, content_id);
CREATE INDEX attachments_age ON attachments (created_at, id);

-- What waits to be pushed to a channel.
CREATE TABLE deliveries (
  content_id BYTEA PRIMARY KEY,
  source_id BYTEA NOT NULL REFERENCES sources (id),
  thread_id BYTEA NOT NULL,
  seq BIGINT NOT NULL,              -- the event that asked for it: the order within a thread, and which sending this is
  attempts BIGINT NOT NULL,         -- finished and failed
  started BOOLEAN NOT NULL,         -- an attempt has begun: the next one says retry
  claim BIGINT NOT NULL,            -- grows with every claim; a worker that was overtaken may not finish
  claimed_by BYTEA,                 -- the node that is at it; NULL: none
  claimed_until BIGINT,             -- then another node may take over
  due_at BIGINT NOT NULL            -- when to try next
);
CREATE INDEX deliveries_due ON deliveries (due_at);
CREATE INDEX deliveries_thread ON deliveries (thread_id, seq);
