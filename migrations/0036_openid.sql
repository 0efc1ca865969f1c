-- By whom and by what a provider of OpenID Connect knows a user: the issuer, and the subject that is unique within it.
ALTER TABLE users ADD COLUMN openid_issuer TEXT;
ALTER TABLE users ADD COLUMN openid_subject TEXT;
CREATE UNIQUE INDEX users_openid ON users (openid_issuer, openid_subject);
