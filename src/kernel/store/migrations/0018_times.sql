-- An unfinished task whose due time has passed is reported once for each due time that it is given.
ALTER TABLE tasks ADD COLUMN overdue_told_for INTEGER;
CREATE INDEX idx_tasks_overdue_untold ON tasks (due_at)
  WHERE due_at IS NOT NULL AND overdue_told_for IS NOT due_at AND status NOT IN ('done', 'archived');
