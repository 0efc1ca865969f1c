-- Mails also go to visitors, by their address; with HTML beside the plain text, and a way to get no more of them.
ALTER TABLE mails ALTER COLUMN user_id DROP NOT NULL;
ALTER TABLE mails ADD COLUMN address TEXT;             -- of who is no user; empty once the mail was sent
ALTER TABLE mails ADD COLUMN html TEXT;                -- none: only the plain text; empty once it was sent or given up
ALTER TABLE mails ADD COLUMN unsubscribe_url TEXT;     -- for List-Unsubscribe
