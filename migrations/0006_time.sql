-- Settings of the account, and when it is open.

-- The account: one row, made when the server first starts.
CREATE TABLE settings (
  id BYTEA PRIMARY KEY,
  settings TEXT NOT NULL,           -- JSON object; a setting that is not in it is as for a new account
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
