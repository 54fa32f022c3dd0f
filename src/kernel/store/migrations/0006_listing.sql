-- The tasks of one assignee in one status, in their order: without it the others of that assignee are walked past.
CREATE INDEX idx_tasks_assignee_in_status ON tasks (board, assignee, status, priority DESC, created_at, id);
