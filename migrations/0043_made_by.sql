-- Who made for somebody else what lets in as them: it must not let in whom its maker could not become by now.

-- The user who was handed the link; NULL: a mail took it to its owner, or an operator made it.
ALTER TABLE password_links ADD COLUMN made_by BYTEA REFERENCES users (id);

-- The user who made the token for another; NULL: its owner, an operator, or a version before this one.
ALTER TABLE access_tokens ADD COLUMN made_by BYTEA REFERENCES users (id);
