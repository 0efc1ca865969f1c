-- What services sent by themselves, event by event: kept until it is read, and longer where it could not be read or nobody
-- knows its kind.
CREATE TABLE channel_events (
  -- Grows in the order in which they came.
  id BYTEA NOT NULL PRIMARY KEY,
  source_id BYTEA NOT NULL,
  -- The same for every repeat.
  key TEXT NOT NULL,
  -- What it says it is, for people.
  name TEXT NOT NULL,
  state TEXT NOT NULL,              -- waiting, done, unknown or failed
  -- None once it is done: it may hold a customer's words.
  payload TEXT,
  -- Why it could not be read.
  error TEXT,
  attempts BIGINT NOT NULL,
  received_at BIGINT NOT NULL,
  -- When it is read; none once it was.
  due_at BIGINT
);
-- A repeat.
CREATE UNIQUE INDEX channel_events_key ON channel_events (source_id, key);
-- What is to be read now.
CREATE INDEX channel_events_due ON channel_events (due_at, id) WHERE due_at IS NOT NULL;
-- What people look at: those of one state, the newest first.
CREATE INDEX channel_events_state ON channel_events (source_id, state, id);

-- How many events a source has got, and how its connection was when it was tried last.
CREATE TABLE channel_health (
  source_id BYTEA NOT NULL PRIMARY KEY,
  received BIGINT NOT NULL,
  unknown BIGINT NOT NULL,
  failed BIGINT NOT NULL,
  last_at BIGINT,
  -- When the service asked whether the address is ours, and was answered.
  asked_at BIGINT,
  -- When the connection is to be tried; none while nobody asked for it.
  test_due_at BIGINT,
  tested_at BIGINT,
  -- What was found, as JSON: a list of what was tried, whether it works, and what to do.
  findings TEXT
);
-- Whose connection is to be tried.
CREATE INDEX channel_health_test ON channel_health (test_due_at) WHERE test_due_at IS NOT NULL;

-- Whose a conversation is, where several apps take part in it.
CREATE TABLE conversation_control (
  source_id BYTEA NOT NULL,
  -- The customer, by the service's id.
  foreign_id TEXT NOT NULL,
  -- Whether another app has it: what is written there is only told here.
  elsewhere BOOLEAN NOT NULL,
  -- The app that has it; none where it is not known.
  app_id TEXT,
  -- What is to be asked of the service: request or release; none where there is nothing to do.
  wanted TEXT,
  -- To whom it is released.
  wanted_app_id TEXT,
  attempts BIGINT NOT NULL,
  due_at BIGINT,
  -- What the service said when it was asked last.
  error TEXT,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (source_id, foreign_id)
);
-- What is to be asked now.
CREATE INDEX conversation_control_due ON conversation_control (due_at) WHERE due_at IS NOT NULL;

-- Of contents that take several messages on their channel: how many of them are there.
ALTER TABLE deliveries ADD COLUMN parts_done BIGINT NOT NULL DEFAULT 0;

-- Who is on their way to let us in at a service, and comes back with a code.
CREATE TABLE channel_sign_ins (
  -- Of what the service sends back: whoever has that may end it.
  state_hash BYTEA NOT NULL PRIMARY KEY,
  source_id BYTEA NOT NULL,
  user_id BYTEA NOT NULL,
  -- By what they had come: nobody else may end it.
  token_id BYTEA,
  session_id BYTEA,
  expires_at BIGINT NOT NULL,
  -- What the service gave out, sealed, until it is exchanged.
  code BYTEA
);
