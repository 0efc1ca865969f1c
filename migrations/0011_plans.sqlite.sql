-- Open interventions in the order of their list, with what it asks about them.
CREATE INDEX interventions_opened ON interventions (created_at, id, source_id, reopened, deferred_at, closed_at)
WHERE closed_at IS NULL;

-- What SQLite needs to know to choose its ways: how many rows an index leads to, in all and for one value of its first
-- columns (https://sqlite.org/fileformat2.html#the_sqlite_stat1_table). Without it every index is taken for equally
-- good, and an agent's answer looked for its intervention's contents among all contents of one state.
--
-- noskipscan: SQLite would read such an index once for each value of its first column, and sort.
--
-- These are the proportions of a busy installation, not measurements: all installations take the same ways, and none
-- changes them from one day to the next.
ANALYZE sqlite_schema;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('contents', 'contents_age', '1000000 1 1'),
  ('contents', 'contents_thread', '1000000 20 1 1'),
  ('contents', 'contents_author', '1000000 10 1'),
  -- Most have none: of one intervention there are few.
  ('contents', 'contents_intervention', '1000000 100 1'),
  ('contents', 'contents_status', '1000000 100000 1 1 noskipscan'),
  ('contents', 'contents_language', '1000000 200000 10 noskipscan'),
  ('threads', 'threads_activity', '100000 1 1'),
  ('threads', 'threads_age', '100000 1 1'),
  ('threads', 'threads_author', '100000 5 2 1 noskipscan'),
  ('threads', 'threads_source', '100000 20000'),
  ('interventions', 'interventions_thread', '100000 2 1'),
  ('interventions', 'interventions_identity', '100000 5'),
  ('interventions', 'interventions_user', '100000 2000 1 noskipscan'),
  ('interventions', 'interventions_open', '10000 200 1 noskipscan'),
  ('interventions', 'interventions_age', '100000 1 1'),
  ('interventions', 'interventions_change', '100000 1 1'),
  ('interventions', 'interventions_opened', '10000 1 1 1 1 1 1'),
  ('categorisations', 'categorisations_category', '100000 5000 1 noskipscan'),
  ('log', 'log_id', '1000000 1'),
  ('log', 'log_object', '1000000 4 1'),
  ('log', 'log_thread', '1000000 20 1'),
  ('log', 'log_user', '1000000 20000 1 noskipscan'),
  ('log', 'log_kind', '1000000 10000 1 noskipscan');
ANALYZE sqlite_schema;
