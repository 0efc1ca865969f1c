-- Categories that were deleted while much carries them, too much for one transaction: they are gone for everybody, and
-- what carries them loses them step by step.
CREATE TABLE category_jobs (
  category_id BYTEA PRIMARY KEY REFERENCES categories (id),
  heir_id BYTEA REFERENCES categories (id), -- takes their place; NULL: nothing does
  created_at BIGINT NOT NULL
);
