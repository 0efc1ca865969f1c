-- Open interventions in the order of their list, with what it asks about them.
CREATE INDEX interventions_opened ON interventions (created_at, id, source_id, reopened, deferred_at, closed_at)
WHERE closed_at IS NULL;

-- PostgreSQL counts by itself what its indexes lead to.
