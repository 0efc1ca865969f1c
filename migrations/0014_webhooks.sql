-- Whom to tell what.
CREATE TABLE webhooks (
  id BYTEA PRIMARY KEY,
  access_token_id BYTEA NOT NULL,   -- its owner is told what they may see, and no more; the token may be gone for a moment
  name TEXT NOT NULL,
  url TEXT NOT NULL,
  active BOOLEAN NOT NULL,
  staging_use BOOLEAN NOT NULL,
  secrets BYTEA NOT NULL,           -- JSON: verify token, secret, signing secrets; sealed
  registered_events TEXT NOT NULL,  -- JSON list of names
  source_filter TEXT NOT NULL,      -- except or only
  source_ids TEXT NOT NULL,         -- JSON list of ids
  ignore_tls_validity BOOLEAN NOT NULL,
  ordering TEXT NOT NULL,           -- none or thread
  events_per_request BIGINT NOT NULL,
  status TEXT NOT NULL,             -- inactive, verifying, enabled, failing, suspended or verification_failed
  error TEXT,                       -- what its receiver last did wrong, while that matters
  lease BIGINT NOT NULL,            -- grows when another node takes it over: who was overtaken may not write
  leased_by BYTEA,                  -- the node that sends for it; NULL: none
  leased_until BIGINT NOT NULL,     -- then another node may take it over
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  UNIQUE (access_token_id, url)
);

-- Requests to receivers: what waits for another attempt, what failed for good, and the last that arrived.
CREATE TABLE webhook_deliveries (
  id BYTEA PRIMARY KEY,             -- the id of the request, the same whenever it is sent again
  webhook_id BYTEA NOT NULL REFERENCES webhooks (id),
  seqs TEXT NOT NULL,               -- JSON list: the events that it tells; empty: a test
  first_seq BIGINT NOT NULL,
  thread_id BYTEA,                  -- where the order within threads is kept
  state TEXT NOT NULL,              -- waiting, delivered or failed
  attempts BIGINT NOT NULL,         -- of the five retries and the first try; probes do not count
  tries TEXT NOT NULL,              -- JSON list: the latest attempts, each with time, status, milliseconds, answer
  due_at BIGINT,                    -- when to try next; NULL: it does not wait
  tried_at BIGINT,
  waiting_since BIGINT NOT NULL,    -- when it was put in line, the first time or again
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
-- The list, newest first.
CREATE INDEX webhook_deliveries_age ON webhook_deliveries (webhook_id, id);
-- What is to be sent, and by state.
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_state ON webhook_deliveries (webhook_id, state, first_seq);
-- The longest not tried, to see whether a receiver is there again.
CREATE INDEX webhook_deliveries_tried ON webhook_deliveries (webhook_id, tried_at) WHERE due_at IS NOT NULL;
-- The earliest of a thread goes first.
CREATE INDEX webhook_deliveries_thread ON webhook_deliveries (webhook_id, thread_id, first_seq) WHERE due_at IS NOT NULL;

-- Ranges of the log that are being told again.
CREATE TABLE webhook_replays (
  id BYTEA PRIMARY KEY,
  webhook_id BYTEA NOT NULL REFERENCES webhooks (id),
  next_seq BIGINT NOT NULL,         -- how far it has come
  last_seq BIGINT NOT NULL,
  only_failed BOOLEAN NOT NULL,
  deliveries BIGINT NOT NULL,       -- how many were put in line
  created_at BIGINT NOT NULL
);
CREATE INDEX webhook_replays_webhook ON webhook_replays (webhook_id, id);
