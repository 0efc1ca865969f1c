-- Labels that agents put on customers.
CREATE TABLE tags (
  id BYTEA PRIMARY KEY,
  name TEXT NOT NULL,
  name_key BYTEA NOT NULL UNIQUE,   -- the name in lower case; as bytes, which both engines order alike
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);

-- Fields that an installation adds to customers and to interventions.
CREATE TABLE custom_fields (
  id BYTEA PRIMARY KEY,
  object TEXT NOT NULL,             -- IdentityGroup or Intervention
  key TEXT NOT NULL,
  label TEXT NOT NULL,
  type TEXT NOT NULL,
  choices TEXT NOT NULL,            -- JSON list of texts
  multiple BOOLEAN NOT NULL,
  read_only BOOLEAN NOT NULL,
  regex TEXT,                       -- what a whole value must match
  position BIGINT NOT NULL,         -- from 0, without gaps, among those of its object
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  UNIQUE (object, key)
);

-- One person behind several identities. A group is made by the first edit or merge, and goes with its last identity.
CREATE TABLE identity_groups (
  id BYTEA PRIMARY KEY,
  firstname TEXT,
  lastname TEXT,
  company TEXT,
  gender TEXT,
  notes TEXT,
  custom_fields TEXT NOT NULL,      -- JSON object, by the field's id
  locked BOOLEAN NOT NULL,          -- nobody changes it until it is unlocked
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
-- Filters of the list.
CREATE INDEX identity_groups_firstname ON identity_groups (firstname);
CREATE INDEX identity_groups_lastname ON identity_groups (lastname);
CREATE INDEX identity_groups_change ON identity_groups (updated_at, id);

-- How a person is reached.
CREATE TABLE identity_group_contacts (
  group_id BYTEA NOT NULL REFERENCES identity_groups (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,               -- email, home_phone or mobile_phone
  position BIGINT NOT NULL,
  value TEXT NOT NULL,
  value_key TEXT NOT NULL,          -- in lower case
  PRIMARY KEY (group_id, kind, position)
);
-- Groups that have an e-mail.
CREATE INDEX identity_group_contacts_value ON identity_group_contacts (value_key, kind);

CREATE TABLE identity_group_tags (
  group_id BYTEA NOT NULL REFERENCES identity_groups (id) ON DELETE CASCADE,
  tag_id BYTEA NOT NULL REFERENCES tags (id) ON DELETE CASCADE,
  PRIMARY KEY (group_id, tag_id)
);
-- Taking a tag off when it is deleted.
CREATE INDEX identity_group_tags_tag ON identity_group_tags (tag_id);

ALTER TABLE identities ADD COLUMN identity_group_id BYTEA REFERENCES identity_groups (id);
CREATE INDEX identities_group ON identities (identity_group_id);
ALTER TABLE identities ADD COLUMN anonymized_at BIGINT; -- NULL: as the channel told

-- Which extra values of identities fill which fields of their groups: JSON list.
ALTER TABLE communities ADD COLUMN extra_value_mappings TEXT NOT NULL DEFAULT '[]';
