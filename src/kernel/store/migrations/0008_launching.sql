-- What a task asks of its agent, with what each run was started, and the agent's session: a run that ended without a verdict is
-- reminded in it once. `resume_run_id` names the run whose session the next start goes on with.

ALTER TABLE tasks ADD COLUMN model TEXT;
ALTER TABLE tasks ADD COLUMN effort TEXT;
ALTER TABLE tasks ADD COLUMN args TEXT
  CONSTRAINT tasks_args_json CHECK (args IS NULL OR json_valid(args));
ALTER TABLE tasks ADD COLUMN resume_run_id INTEGER;
ALTER TABLE task_runs ADD COLUMN model TEXT;
ALTER TABLE task_runs ADD COLUMN effort TEXT;
ALTER TABLE task_runs ADD COLUMN args TEXT;
ALTER TABLE task_runs ADD COLUMN session TEXT;
ALTER TABLE task_runs ADD COLUMN resumed_run_id INTEGER;
