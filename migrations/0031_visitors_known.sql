-- By which of the community's keys a visitor was signed last: when it is deleted, so is what it signed.
ALTER TABLE visitor_sessions ADD COLUMN jwt_key TEXT;

-- How many mails an address got lately, whatever conversation they were about.
CREATE TABLE visitor_mails (
  id BYTEA PRIMARY KEY,
  address_hash BYTEA NOT NULL,
  mailed_at BIGINT NOT NULL
);
CREATE INDEX visitor_mails_address ON visitor_mails (address_hash, mailed_at);
CREATE INDEX visitor_mails_age ON visitor_mails (mailed_at);

-- Whether a file that nobody sent is named by something else.
CREATE INDEX attachments_file ON attachments (sha256);
