-- Of what each user wants a mail: a row for every switch that is on.
CREATE TABLE user_notifications (
  user_id BYTEA NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  name TEXT NOT NULL,               -- such as intervention_assigned
  PRIMARY KEY (user_id, name)
);
-- Who is told of something.
CREATE INDEX user_notifications_name ON user_notifications (name, user_id);
-- How many mails wait for somebody.
CREATE INDEX mails_user ON mails (user_id, status);
