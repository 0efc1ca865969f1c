-- The apps' devices of visitors: where their persons are told of messages while the app is away.
CREATE TABLE visitor_devices (
  id BYTEA PRIMARY KEY,
  source_id BYTEA NOT NULL REFERENCES sources (id) ON DELETE CASCADE,
  uuid TEXT NOT NULL,               -- the visitor
  device_id TEXT NOT NULL,          -- the app's own name for it
  session_id BYTEA NOT NULL,        -- the session that registered it last; a signed one may have run out since
  service TEXT NOT NULL,            -- fcm, apns or huawei
  push_token TEXT NOT NULL,         -- the service's name for it
  locale TEXT,                      -- language of what it is told; NULL: the source's
  registered_at BIGINT NOT NULL,
  UNIQUE (source_id, uuid, device_id)
);
-- A phone that somebody else signs in on is theirs.
CREATE UNIQUE INDEX visitor_devices_token ON visitor_devices (source_id, service, push_token);
CREATE INDEX visitor_devices_session ON visitor_devices (session_id);
CREATE INDEX visitor_devices_age ON visitor_devices (registered_at);

-- Notifications that have to be sent.
CREATE TABLE pushes (
  device_id BYTEA NOT NULL REFERENCES visitor_devices (id) ON DELETE CASCADE,
  content_id BYTEA NOT NULL REFERENCES contents (id) ON DELETE CASCADE,
  source_id BYTEA NOT NULL,
  service TEXT NOT NULL,
  seq BIGINT NOT NULL,              -- of the event that asked for it: their order
  attempts BIGINT NOT NULL,         -- that were begun
  due_at BIGINT NOT NULL,
  claimed_by BYTEA,                 -- the node that is at it
  PRIMARY KEY (device_id, content_id)
);
CREATE INDEX pushes_due ON pushes (service, due_at);

-- What is wrong with parts of sources that have nothing to do with their channels.
CREATE TABLE source_troubles (
  source_id BYTEA NOT NULL REFERENCES sources (id) ON DELETE CASCADE,
  part TEXT NOT NULL,
  message TEXT NOT NULL,            -- for people
  since BIGINT NOT NULL,
  PRIMARY KEY (source_id, part)
);
