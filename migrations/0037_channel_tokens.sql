-- What lets a source in at its service for a while, for every node.
CREATE TABLE channel_tokens (
  source_id BYTEA NOT NULL PRIMARY KEY,
  -- Of the source that it was asked for with: another one has other credentials.
  version BIGINT NOT NULL,
  -- Sealed.
  token BYTEA,
  until BIGINT,
  -- Who asks for the next one, by a number that grows, and how long they have.
  number BIGINT NOT NULL,
  held_until BIGINT
);
