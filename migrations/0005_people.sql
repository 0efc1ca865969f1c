-- People who work together; a leader sees and manages the team's members.
CREATE TABLE teams (
  id BYTEA PRIMARY KEY,
  name TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);

CREATE TABLE team_users (
  team_id BYTEA NOT NULL REFERENCES teams (id),
  user_id BYTEA NOT NULL REFERENCES users (id),
  PRIMARY KEY (team_id, user_id)
);
CREATE INDEX team_users_user ON team_users (user_id);

CREATE TABLE team_leaders (
  team_id BYTEA NOT NULL REFERENCES teams (id),
  user_id BYTEA NOT NULL REFERENCES users (id),
  PRIMARY KEY (team_id, user_id)
);
CREATE INDEX team_leaders_user ON team_leaders (user_id);

-- A user's skills: the categories whose threads they answer.
CREATE TABLE user_categories (
  user_id BYTEA NOT NULL REFERENCES users (id),
  category_id BYTEA NOT NULL REFERENCES categories (id),
  PRIMARY KEY (user_id, category_id)
);
CREATE INDEX user_categories_category ON user_categories (category_id);

-- A deleted user keeps the row that history refers to, without e-mail, password, rights and tokens.
ALTER TABLE users ADD COLUMN deleted_at BIGINT;
-- Invited, and no password chosen yet.
ALTER TABLE users ADD COLUMN invitation_pending BOOLEAN NOT NULL DEFAULT FALSE;
-- Signs in without a password of ours, through single sign-on or by tokens only.
ALTER TABLE users ADD COLUMN no_password BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE users SET no_password = TRUE WHERE password_hash IS NULL;
CREATE UNIQUE INDEX users_external_id ON users (external_id);
-- The list, newest first.
CREATE INDEX users_age ON users (created_at, id);

-- What a user puts below their answers.
CREATE TABLE user_signatures (
  id BYTEA PRIMARY KEY,
  user_id BYTEA NOT NULL REFERENCES users (id),
  name TEXT,
  language TEXT,                    -- two letters
  body TEXT NOT NULL,
  source_ids TEXT NOT NULL,         -- JSON list of ids; empty: every source
  created_at BIGINT NOT NULL
);
CREATE INDEX user_signatures_user ON user_signatures (user_id, created_at, id);
