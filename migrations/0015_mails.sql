-- Mails to users. A row is what is told under one key, such as "how webhook X fares": of one key only the newest waits.
CREATE TABLE mails (
  key TEXT PRIMARY KEY,
  id BYTEA NOT NULL,                -- of the mail that the row holds now; its Message-ID at every attempt
  user_id BYTEA NOT NULL REFERENCES users (id),   -- who gets it; the address is looked up at each attempt
  subject TEXT NOT NULL,            -- empty once the mail was sent
  body TEXT NOT NULL,               -- empty once it was sent or given up
  status TEXT NOT NULL,             -- waiting, sent, failed
  attempts BIGINT NOT NULL,         -- begun
  claim BIGINT NOT NULL,            -- grows with every attempt and every newer mail; who was overtaken may not finish
  error TEXT,                       -- how the last attempt failed
  created_at BIGINT NOT NULL,
  tried_at BIGINT,                  -- when an attempt last began, also of an earlier mail of this key
  due_at BIGINT NOT NULL,           -- waiting: the next attempt; otherwise: the row goes
  give_up_at BIGINT NOT NULL        -- not sent by then: failed
);
-- What is due, and what waits or has failed.
CREATE INDEX mails_due ON mails (status, due_at);
-- How many went out lately.
CREATE INDEX mails_tried ON mails (tried_at);
