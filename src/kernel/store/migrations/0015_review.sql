-- Reviews: the round, the failures of the reviewer's own runs, and why a person reviews instead of the profile that is the reviewer.
-- `queue_profile` says in whose queue a task stands: its assignee's while it is ready, its reviewer's while it is in review. It is
-- computed, so that rows that another program has written stand in the right queue too; `''`: ready, without an assignee.
ALTER TABLE tasks DROP COLUMN queue_profile;
ALTER TABLE tasks ADD COLUMN review_round INTEGER NOT NULL DEFAULT 1
  CONSTRAINT tasks_review_round_positive CHECK (review_round > 0);
ALTER TABLE tasks ADD COLUMN review_failures INTEGER NOT NULL DEFAULT 0
  CONSTRAINT tasks_review_failures_not_negative CHECK (review_failures >= 0);
ALTER TABLE tasks ADD COLUMN review_violations INTEGER NOT NULL DEFAULT 0
  CONSTRAINT tasks_review_violations_not_negative CHECK (review_violations >= 0);
ALTER TABLE tasks ADD COLUMN review_why TEXT;
ALTER TABLE tasks ADD COLUMN reviewer_chosen INTEGER NOT NULL DEFAULT 0
  CONSTRAINT tasks_reviewer_chosen_bool CHECK (reviewer_chosen IN (0, 1));
ALTER TABLE tasks ADD COLUMN queue_profile TEXT AS (CASE
  WHEN status = 'ready' THEN coalesce(assignee, '')
  WHEN status = 'review' AND review_why IS NULL THEN nullif(reviewer, 'human') END) VIRTUAL;

DROP INDEX idx_tasks_ready_queue;
DROP INDEX idx_tasks_backoff_queue;
DROP INDEX idx_tasks_waiting;
DROP INDEX idx_tasks_untold_waits;
DROP INDEX idx_tasks_told_waits;
CREATE INDEX idx_tasks_ready_queue ON tasks (queue_profile, priority DESC)
  WHERE queue_profile IS NOT NULL AND not_before IS NULL AND waits_for IS NULL;
CREATE INDEX idx_tasks_backoff_queue ON tasks (queue_profile, priority DESC)
  WHERE queue_profile IS NOT NULL AND not_before IS NOT NULL AND waits_for IS NULL;
CREATE INDEX idx_tasks_waiting ON tasks (waits_for, queue_profile, priority DESC) WHERE waits_for IS NOT NULL;
CREATE INDEX idx_tasks_untold_waits ON tasks (ready_at)
  WHERE queue_profile IS NOT NULL AND ready_at IS NOT NULL AND not_before IS NULL AND waiting_told_for IS NOT ready_at;
CREATE INDEX idx_tasks_told_waits ON tasks (ready_at)
  WHERE queue_profile IS NOT NULL AND ready_at IS NOT NULL AND waiting_told_for = ready_at;
-- What is in review, by who reviews it; null: a person.
CREATE INDEX idx_tasks_review ON tasks (queue_profile, board, priority DESC) WHERE status = 'review';

DROP TRIGGER tasks_wait_only_while_ready;
CREATE TRIGGER tasks_wait_only_while_queued AFTER UPDATE OF status, assignee, reviewer, review_why ON tasks
WHEN NEW.waits_for IS NOT NULL
BEGIN
  UPDATE tasks SET waits_for = NULL WHERE seq = NEW.seq;
END;
