-- One person behind several identities. A group is made by the first edit or merge, and goes with its last identity.
CREATE TABLE identity_groups (
  id BYTEA PRIMARY KEY,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);

ALTER TABLE identities ADD COLUMN identity_group_id BYTEA REFERENCES identity_groups (id);
CREATE INDEX identities_group ON identities (identity_group_id);
