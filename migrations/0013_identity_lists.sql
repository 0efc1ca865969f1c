-- Lists of identities that people put together by hand.
CREATE TABLE identity_lists (
  id BYTEA PRIMARY KEY,
  name TEXT NOT NULL,
  name_key BYTEA NOT NULL UNIQUE,   -- the name without regard to case: no two lists are called the same
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);

CREATE TABLE identity_list_members (
  identity_list_id BYTEA NOT NULL REFERENCES identity_lists (id) ON DELETE CASCADE,
  identity_id BYTEA NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
  added_at BIGINT NOT NULL,
  PRIMARY KEY (identity_list_id, identity_id)
);
-- When an identity goes.
CREATE INDEX identity_list_members_identity ON identity_list_members (identity_id);

-- The identities of channels had none: as their channel's id says who they are, it is their UUID (row 5.11).
UPDATE identities SET uuid = foreign_id WHERE uuid IS NULL AND anonymized_at IS NULL;
