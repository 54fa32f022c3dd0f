-- Tasks that workers created, and the tasks of people and schedules from which they did: those are the roots, at depth 0. `tasks` of a
-- root is the number of tasks below it, of all that were ever created. `held` is the setting for which the task waits in triage.
CREATE TABLE worker_tasks (
  task_id TEXT PRIMARY KEY NOT NULL,
  root_id TEXT NOT NULL,
  depth INTEGER NOT NULL,
  tasks INTEGER NOT NULL DEFAULT 0,
  held TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_worker_tasks_held ON worker_tasks (task_id) WHERE held IS NOT NULL;
