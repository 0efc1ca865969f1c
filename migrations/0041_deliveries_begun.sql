-- What has begun to be pushed to a channel: asked for each message that the channel tells of one of our own.
CREATE INDEX deliveries_begun ON deliveries (source_id, seq) WHERE started;
