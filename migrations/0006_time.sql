-- Settings of the account, and when it is open.

-- The account: one row, made when the server first starts.
CREATE TABLE settings (
  id BYTEA PRIMARY KEY,
  settings TEXT NOT NULL,           -- JSON object; a setting that is not in it is as for a new account
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);

CREATE TABLE time_sheets (
  id BYTEA PRIMARY KEY,
  label TEXT NOT NULL,
  label_key BYTEA NOT NULL,         -- the label in lower case: bytes sort alike on every engine
  active BOOLEAN NOT NULL,          -- an inactive one is as if there were none
  hours TEXT NOT NULL,              -- JSON list of seven texts from Monday on: a-b,c-d in seconds; empty: closed
  holidays TEXT NOT NULL,           -- JSON list of {name, date}
  time_zone TEXT,                   -- NULL: the account's
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);

-- A source has at most one time sheet; none: always open.
CREATE TABLE time_sheet_sources (
  source_id BYTEA PRIMARY KEY REFERENCES sources (id),
  time_sheet_id BYTEA NOT NULL REFERENCES time_sheets (id)
);
CREATE INDEX time_sheet_sources_sheet ON time_sheet_sources (time_sheet_id);
