-- What is known of a run beside its files, so that a run whose files are gone can still be found and judged; why nobody can say
-- what became of a run; the workspace whose breaker a run moves; and why a task waits whose workspace cannot be looked at.

ALTER TABLE task_runs ADD COLUMN control_group TEXT;
ALTER TABLE task_runs ADD COLUMN run_as TEXT;
ALTER TABLE task_runs ADD COLUMN verdict_mode TEXT;
ALTER TABLE task_runs ADD COLUMN token_digest TEXT;
ALTER TABLE task_runs ADD COLUMN doubt TEXT;
ALTER TABLE task_runs ADD COLUMN workspace_key TEXT;
ALTER TABLE tasks ADD COLUMN repository TEXT;
ALTER TABLE tasks ADD COLUMN waits_because TEXT;
-- A token is looked for when the run that it belongs to is not live.
CREATE INDEX idx_runs_token ON task_runs (token_digest) WHERE token_digest IS NOT NULL;
