-- Mails also go to visitors, by their address; with HTML beside the plain text, and a way to get no more of them. A column
-- cannot be made optional in place.
CREATE TABLE mails_anew (
  key TEXT PRIMARY KEY,
  id BYTEA NOT NULL,
  user_id BYTEA REFERENCES users (id),
  subject TEXT NOT NULL,
  body TEXT NOT NULL,
  status TEXT NOT NULL,
  attempts BIGINT NOT NULL,
  claim BIGINT NOT NULL,
  error TEXT,
  created_at BIGINT NOT NULL,
  tried_at BIGINT,
  due_at BIGINT NOT NULL,
  give_up_at BIGINT NOT NULL,
  address TEXT,                     -- of who is no user; empty once the mail was sent
  html TEXT,                        -- none: only the plain text; empty once it was sent or given up
  unsubscribe_url TEXT              -- for List-Unsubscribe
);
INSERT INTO mails_anew (key, id, user_id, subject, body, status, attempts, claim, error, created_at, tried_at, due_at, give_up_at)
  SELECT key, id, user_id, subject, body, status, attempts, claim, error, created_at, tried_at, due_at, give_up_at FROM mails;
DROP TABLE mails;
ALTER TABLE mails_anew RENAME TO mails;
CREATE INDEX mails_due ON mails (status, due_at);
CREATE INDEX mails_tried ON mails (tried_at);
