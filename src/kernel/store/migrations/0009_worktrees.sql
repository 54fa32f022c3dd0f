-- Which branch the worktree of a task has, whatever the configuration says later; and what the worker of a run has to know about its
-- workspace: submodules that are not checked out, files that are as they are stored.

ALTER TABLE tasks ADD COLUMN branch_name TEXT;
ALTER TABLE task_runs ADD COLUMN workspace_notes TEXT
  CONSTRAINT runs_workspace_notes_json CHECK (workspace_notes IS NULL OR json_valid(workspace_notes));

-- Until now there was one beginning of every name.
UPDATE tasks SET branch_name = 'kanban/' || id
WHERE workspace_kind = 'worktree' AND EXISTS (SELECT 1 FROM task_runs WHERE task_runs.task_id = tasks.id);
