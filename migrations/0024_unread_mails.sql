-- Conversations of which the visitor may have something unread, and up to where a mail has told them.
CREATE TABLE visitor_unread (
  thread_id BYTEA PRIMARY KEY REFERENCES threads (id) ON DELETE CASCADE,
  due_at BIGINT,                    -- when to look; none: nothing is new
  told_at BIGINT NOT NULL,          -- the last content that a mail told of: when it was written
  told_id BYTEA NOT NULL,           -- and its id
  mailed_at BIGINT,                 -- when the last mail was queued
  address_hash BYTEA                -- to which address
);
CREATE INDEX visitor_unread_due ON visitor_unread (due_at);
-- How much one address got lately.
CREATE INDEX visitor_unread_address ON visitor_unread (address_hash, mailed_at);

-- Addresses that want no more mails about a source's conversations; hashed, as they stay when the person is forgotten.
CREATE TABLE unsubscribed_addresses (
  source_id BYTEA NOT NULL REFERENCES sources (id) ON DELETE CASCADE,
  address_hash BYTEA NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (source_id, address_hash)
);

-- How mails about unread messages look: the first that fits is used.
CREATE TABLE messaging_mail_templates (
  id BYTEA PRIMARY KEY,
  position BIGINT NOT NULL,         -- their order
  name TEXT NOT NULL,
  active BOOLEAN NOT NULL,
  source_ids TEXT NOT NULL,         -- JSON, as the next two; an empty list fits all
  category_ids TEXT NOT NULL,
  languages TEXT NOT NULL,
  subject TEXT NOT NULL,
  html TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
