-- Schedules make tasks again and again. A removed one keeps its row, for the tasks that it made and so that its number is not used again.
CREATE TABLE schedules (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  board INTEGER NOT NULL REFERENCES boards (id),
  name TEXT NOT NULL
    CONSTRAINT schedules_name_valid CHECK (length(name) BETWEEN 1 AND 64 AND name NOT GLOB '*[^a-zA-Z0-9._-]*'),
  cron TEXT NOT NULL,
  zone TEXT NOT NULL,
  -- The request that creates each task.
  task TEXT NOT NULL
    CONSTRAINT schedules_task_object CHECK (json_valid(task) AND json_type(task) = 'object'),
  overlap TEXT NOT NULL
    CONSTRAINT schedules_overlap_valid CHECK (overlap IN ('skip', 'queue', 'replace')),
  catch_up TEXT NOT NULL
    CONSTRAINT schedules_catch_up_valid CHECK (catch_up IN ('none', 'one', 'all')),
  -- A task is due so long after its occurrence.
  due_in_seconds INTEGER,
  until_at INTEGER,
  count INTEGER
    CONSTRAINT schedules_count_positive CHECK (count IS NULL OR count > 0),
  paused INTEGER NOT NULL DEFAULT 0
    CONSTRAINT schedules_paused_bool CHECK (paused IN (0, 1)),
  paused_why TEXT,
  -- Nothing is made for a nominal time that is not later than this.
  last_at INTEGER NOT NULL,
  -- The next nominal time; null while it is paused and when none comes.
  next_at INTEGER
    CONSTRAINT schedules_next_is_later CHECK (next_at IS NULL OR next_at > last_at),
  made INTEGER NOT NULL DEFAULT 0,
  skipped INTEGER NOT NULL DEFAULT 0,
  -- Occurrences in a row that made no task, because the one before was not over, or because the task was refused.
  skipped_in_a_row INTEGER NOT NULL DEFAULT 0,
  refused_in_a_row INTEGER NOT NULL DEFAULT 0,
  last_error TEXT,
  last_task_id TEXT,
  -- The worker that made it.
  profile TEXT,
  run_id INTEGER,
  task_id TEXT,
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_by TEXT NOT NULL,
  updated_at INTEGER NOT NULL,
  removed_at INTEGER
) STRICT;
CREATE UNIQUE INDEX idx_schedules_name ON schedules (board, name) WHERE removed_at IS NULL;
CREATE INDEX idx_schedules_next ON schedules (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX idx_schedules_profile ON schedules (profile) WHERE profile IS NOT NULL AND removed_at IS NULL;

ALTER TABLE tasks ADD COLUMN schedule_id INTEGER REFERENCES schedules (id);
ALTER TABLE tasks ADD COLUMN occurrence_at INTEGER;
CREATE UNIQUE INDEX idx_tasks_occurrence ON tasks (schedule_id, occurrence_at) WHERE schedule_id IS NOT NULL;
CREATE INDEX idx_tasks_open_occurrence ON tasks (schedule_id, occurrence_at)
  WHERE schedule_id IS NOT NULL AND status NOT IN ('done', 'archived');
