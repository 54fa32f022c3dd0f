-- What a failed start and a rate limit leave behind as evidence; which wait of a task was told of; from which run on the
-- task's whole running time counts (a person may let it begin anew).

ALTER TABLE task_runs ADD COLUMN errno INTEGER;
ALTER TABLE task_runs ADD COLUMN retry_at INTEGER;
ALTER TABLE tasks ADD COLUMN waiting_told_for INTEGER;
ALTER TABLE tasks ADD COLUMN runtime_from_run_id INTEGER NOT NULL DEFAULT 0;

-- Who has been ready for longest and was not told of: the alert reads its head.
CREATE INDEX idx_tasks_untold_waits ON tasks (ready_at, id)
  WHERE status = 'ready' AND ready_at IS NOT NULL AND waiting_told_for IS NOT ready_at;
