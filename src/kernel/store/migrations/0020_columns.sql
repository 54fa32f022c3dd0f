-- The columns of a board in the order in which people look at them: what is scheduled by its start, triage and the archive by
-- arrival. Each index has the tasks of one column only.
CREATE INDEX idx_tasks_scheduled ON tasks (board, start_at) WHERE status = 'scheduled';
CREATE INDEX idx_tasks_triage ON tasks (board) WHERE status = 'triage';
CREATE INDEX idx_tasks_archived ON tasks (board, archived_at) WHERE status = 'archived';
