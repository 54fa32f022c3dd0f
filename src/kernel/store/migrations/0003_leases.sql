-- One run per place. A lease is taken in the transaction of the claim and ends with its run, when `closed_at` is written:
-- not before the process tree is proven empty. The trigger stands for that, whichever statement closes the run.

CREATE TABLE leases (
  key TEXT PRIMARY KEY NOT NULL,
  run_id INTEGER NOT NULL REFERENCES task_runs (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_leases_run ON leases (run_id);

CREATE TRIGGER leases_end_with_their_run AFTER UPDATE OF closed_at ON task_runs WHEN NEW.closed_at IS NOT NULL
BEGIN
  DELETE FROM leases WHERE run_id = NEW.id;
END;

-- Runs that are open now hold what they work in.
INSERT OR IGNORE INTO leases (key, run_id)
  SELECT 'path:' || workspace_path, id FROM task_runs WHERE closed_at IS NULL AND workspace_path IS NOT NULL;

-- A ready task whose place is taken stands in no queue: it waits for a key, and the next one of its lane is looked at.
ALTER TABLE tasks ADD COLUMN waits_for TEXT;

CREATE TRIGGER tasks_wait_only_while_ready AFTER UPDATE OF status, assignee ON tasks WHEN NEW.waits_for IS NOT NULL
BEGIN
  UPDATE tasks SET waits_for = NULL WHERE id = NEW.id;
END;

DROP INDEX idx_tasks_ready_queue;
DROP INDEX idx_tasks_backoff_queue;
CREATE INDEX idx_tasks_ready_queue ON tasks (assignee, priority DESC, created_at, id)
  WHERE status = 'ready' AND not_before IS NULL AND waits_for IS NULL;
CREATE INDEX idx_tasks_backoff_queue ON tasks (assignee, priority DESC, created_at, id)
  WHERE status = 'ready' AND not_before IS NOT NULL AND waits_for IS NULL;
CREATE INDEX idx_tasks_waiting ON tasks (waits_for, assignee, priority DESC, created_at, id) WHERE waits_for IS NOT NULL;
-- Ready tasks that name a directory, for a person's pass, which looks at them before it claims.
CREATE INDEX idx_tasks_ready_paths ON tasks (workspace_path)
  WHERE status = 'ready' AND workspace_kind <> 'scratch' AND workspace_path IS NOT NULL;
