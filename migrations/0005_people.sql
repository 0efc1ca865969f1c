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
