-- What the whole board needs beyond the first version: labels, when a task was archived (gc goes by that), what the
-- operator calls a board, and where imported rows came from.

ALTER TABLE tasks ADD COLUMN archived_at INTEGER;
ALTER TABLE boards ADD COLUMN description TEXT;

CREATE TABLE task_labels (
  task_id TEXT NOT NULL REFERENCES tasks (id),
  label TEXT NOT NULL
    CONSTRAINT labels_not_blank CHECK (trim(label) <> ''),
  PRIMARY KEY (task_id, label)
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_labels_label ON task_labels (label, task_id);

-- One row per imported task: a second import of the same file recognizes it by its origin, whatever was edited since.
CREATE TABLE imports (
  task_id TEXT PRIMARY KEY NOT NULL REFERENCES tasks (id),
  origin TEXT NOT NULL,
  imported_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- gc finds archived tasks by their age; listings sort by age too.
CREATE INDEX idx_tasks_archived_at ON tasks (archived_at, id) WHERE status = 'archived';
CREATE INDEX idx_tasks_created_at ON tasks (board, created_at, id);
