-- Unfinished tasks with a due time: what is overdue is found without reading the others.
CREATE INDEX idx_tasks_due ON tasks (board, due_at)
  WHERE due_at IS NOT NULL AND status NOT IN ('done', 'archived');
