-- Smaller rows. SQLite is built so that nulls at the end of a row are not written (`.cargo/config.toml`): what is null in most rows
-- stands at the end, the rarest last, behind the columns with a default. An index ends with the key of its row anyway, so none
-- names `id` as its last column. A run without a profile is nobody's recent work.
--
-- The tables are rebuilt under their ids, so this runs without foreign keys.

CREATE TABLE new_tasks (
  id TEXT NOT NULL UNIQUE
    CONSTRAINT tasks_id_valid CHECK (id GLOB 't_*' AND length(id) BETWEEN 3 AND 34 AND substr(id, 3) NOT GLOB '*[^0-9a-f]*'),
  title TEXT NOT NULL
    CONSTRAINT tasks_title_not_blank CHECK (trim(title) <> ''),
  status TEXT NOT NULL
    CONSTRAINT tasks_status_valid CHECK (status IN ('triage', 'todo', 'scheduled', 'ready', 'running', 'blocked', 'review',
      'done', 'archived')),
  priority INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  workspace_kind TEXT NOT NULL DEFAULT 'scratch'
    CONSTRAINT tasks_workspace_kind_valid CHECK (workspace_kind IN ('scratch', 'dir', 'worktree')),
  spawn_failures INTEGER NOT NULL DEFAULT 0
    CONSTRAINT tasks_spawn_failures_not_negative CHECK (spawn_failures >= 0),
  seq INTEGER PRIMARY KEY,
  board INTEGER NOT NULL DEFAULT 1 REFERENCES boards (id),
  no_max_runtime INTEGER NOT NULL DEFAULT 0
    CONSTRAINT tasks_no_max_runtime_bool CHECK (no_max_runtime IN (0, 1)),
  auto_starts INTEGER NOT NULL DEFAULT 0,
  protocol_violations INTEGER NOT NULL DEFAULT 0,
  runtime_from_run_id INTEGER NOT NULL DEFAULT 0,
  parked INTEGER NOT NULL DEFAULT 0
    CONSTRAINT tasks_parked_bool CHECK (parked IN (0, 1)),
  review_open INTEGER NOT NULL DEFAULT 0
    CONSTRAINT tasks_review_open_bool CHECK (review_open IN (0, 1)),
  version INTEGER NOT NULL DEFAULT 0,
  review_round INTEGER NOT NULL DEFAULT 1
    CONSTRAINT tasks_review_round_positive CHECK (review_round > 0),
  review_failures INTEGER NOT NULL DEFAULT 0
    CONSTRAINT tasks_review_failures_not_negative CHECK (review_failures >= 0),
  review_violations INTEGER NOT NULL DEFAULT 0
    CONSTRAINT tasks_review_violations_not_negative CHECK (review_violations >= 0),
  reviewer_chosen INTEGER NOT NULL DEFAULT 0
    CONSTRAINT tasks_reviewer_chosen_bool CHECK (reviewer_chosen IN (0, 1)),
  blocks_in_a_row INTEGER NOT NULL DEFAULT 0,
  queue_profile TEXT AS (CASE
    WHEN status = 'ready' THEN coalesce(assignee, '')
    WHEN status = 'review' AND review_why IS NULL THEN nullif(reviewer, 'human') END) VIRTUAL,
  -- From here on null is the default.
  -- When it arrived here, never before the one that arrived before it. That is its `created_at`, but for imported tasks and those
  -- of a clock that was set back.
  arrived_at INTEGER,
  created_by TEXT,
  started_at INTEGER,
  completed_at INTEGER,
  body TEXT,
  workspace_path TEXT,
  assignee TEXT,
  ready_at INTEGER,
  result TEXT,
  -- Somebody has the task in hand.
  claim_lock TEXT
    CONSTRAINT tasks_lock_implies_work CHECK (claim_lock IS NULL OR status IN ('running', 'review')),
  claim_expires INTEGER,
  -- The run that has it in hand, a row of `task_runs`.
  current_run_id INTEGER
    CONSTRAINT tasks_pointer_implies_work CHECK (current_run_id IS NULL OR status IN ('running', 'review')),
  -- Since when it has been in a status that is listed by that time: running, blocked, review.
  status_since INTEGER,
  block_kind TEXT,
  last_heartbeat_at INTEGER,
  worker_pid INTEGER,
  idempotency_key TEXT,
  idempotency_hash TEXT,
  max_runtime_seconds INTEGER
    CONSTRAINT tasks_max_runtime_positive CHECK (max_runtime_seconds IS NULL OR max_runtime_seconds > 0),
  tenant TEXT,
  skills TEXT
    CONSTRAINT tasks_skills_json CHECK (skills IS NULL OR json_valid(skills)),
  model TEXT,
  effort TEXT,
  args TEXT
    CONSTRAINT tasks_args_json CHECK (args IS NULL OR json_valid(args)),
  repository TEXT,
  branch_name TEXT,
  resume_run_id INTEGER,
  due_at INTEGER,
  overdue_told_for INTEGER,
  archived_at INTEGER,
  archived_from TEXT,
  reviewer TEXT,
  review_why TEXT,
  -- A start is pending, and not before this time.
  not_before INTEGER
    CONSTRAINT tasks_not_before_implies_pending_start CHECK (not_before IS NULL OR status IN ('ready', 'review')),
  waits_for TEXT,
  waits_because TEXT,
  waiting_told_for INTEGER,
  last_spawn_error TEXT,
  -- No start before this time, as a person chose; a parked task waits until a person lets it go on, without a time.
  start_at INTEGER,
  schedule_id INTEGER REFERENCES schedules (id),
  occurrence_at INTEGER,
  workflow_template_id TEXT,
  current_step_key TEXT
) STRICT;
INSERT INTO new_tasks (
    id, title, status, priority, created_at, workspace_kind, spawn_failures, seq, board, no_max_runtime, auto_starts,
    protocol_violations, runtime_from_run_id, parked, review_open, version, review_round, review_failures, review_violations,
    reviewer_chosen, blocks_in_a_row, arrived_at, created_by, started_at, completed_at, body, workspace_path, assignee,
    ready_at, result, claim_lock, claim_expires, current_run_id, status_since, block_kind, last_heartbeat_at, worker_pid,
    idempotency_key, idempotency_hash, max_runtime_seconds, tenant, skills, model, effort, args, repository, branch_name,
    resume_run_id, due_at, overdue_told_for, archived_at, archived_from, reviewer, review_why, not_before, waits_for,
    waits_because, waiting_told_for, last_spawn_error, start_at, schedule_id, occurrence_at, workflow_template_id,
    current_step_key)
  SELECT
    id, title, status, priority, created_at, workspace_kind, spawn_failures, seq, board, no_max_runtime, auto_starts,
    protocol_violations, runtime_from_run_id, parked, review_open, version, review_round, review_failures, review_violations,
    reviewer_chosen, blocks_in_a_row, arrived_at, created_by, started_at, completed_at, body, workspace_path, assignee,
    ready_at, result, claim_lock, claim_expires, current_run_id, status_since, block_kind, last_heartbeat_at, worker_pid,
    idempotency_key, idempotency_hash, max_runtime_seconds, tenant, skills, model, effort, args, repository, branch_name,
    resume_run_id, due_at, overdue_told_for, archived_at, archived_from, reviewer, review_why, not_before, waits_for,
    waits_because, waiting_told_for, last_spawn_error, start_at, schedule_id, occurrence_at, workflow_template_id,
    current_step_key
  FROM tasks ORDER BY seq;

CREATE TABLE new_task_runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  task_id TEXT NOT NULL REFERENCES tasks (id),
  status TEXT NOT NULL
    CONSTRAINT runs_status_valid CHECK (status IN ('running', 'done', 'completed', 'blocked', 'crashed', 'oom', 'timed_out',
      'spawn_failed', 'protocol_violation', 'rate_limited', 'stopped', 'reclaimed', 'lost', 'gave_up')),
  started_at INTEGER NOT NULL,
  supervised INTEGER NOT NULL DEFAULT 0
    CONSTRAINT runs_supervised_bool CHECK (supervised IN (0, 1)),
  state TEXT NOT NULL DEFAULT 'closed'
    CONSTRAINT runs_state_valid CHECK (state IN ('starting', 'running', 'finishing', 'stopping', 'unkillable', 'closed')),
  automatic INTEGER NOT NULL DEFAULT 0
    CONSTRAINT runs_automatic_bool CHECK (automatic IN (0, 1)),
  -- What it does.
  role TEXT NOT NULL DEFAULT 'work'
    CONSTRAINT runs_role_valid CHECK (role IN ('work', 'review')),
  -- From here on null is the default.
  ended_at INTEGER,
  closed_at INTEGER,
  outcome TEXT
    CONSTRAINT runs_outcome_valid CHECK (outcome IN ('completed', 'blocked', 'crashed', 'oom', 'timed_out',
      'spawn_failed', 'protocol_violation', 'rate_limited', 'stopped', 'reclaimed', 'lost', 'gave_up')),
  verdict_by TEXT,
  summary TEXT,
  profile TEXT,
  claim_lock TEXT,
  claim_expires INTEGER,
  block_kind TEXT,
  error TEXT,
  metadata TEXT
    CONSTRAINT runs_metadata_json CHECK (metadata IS NULL OR json_valid(metadata)),
  artifacts TEXT
    CONSTRAINT runs_artifacts_json CHECK (artifacts IS NULL OR json_valid(artifacts)),
  created_cards TEXT
    CONSTRAINT runs_created_cards_json CHECK (created_cards IS NULL OR json_valid(created_cards)),
  review_verdict TEXT,
  -- Of a run with a process of ours.
  workspace_path TEXT,
  argv TEXT,
  boot_id TEXT,
  shim_pid INTEGER,
  shim_start_ticks INTEGER,
  worker_pid INTEGER,
  worker_start_ticks INTEGER,
  containment TEXT,
  control_group TEXT,
  run_as TEXT,
  verdict_mode TEXT,
  token_digest TEXT,
  workspace_key TEXT,
  exit_code INTEGER,
  cpu_ms INTEGER,
  max_rss_bytes INTEGER,
  memory_peak_bytes INTEGER,
  oom_kills INTEGER,
  max_runtime_seconds INTEGER,
  last_heartbeat_at INTEGER,
  session TEXT,
  workspace_notes TEXT
    CONSTRAINT runs_workspace_notes_json CHECK (workspace_notes IS NULL OR json_valid(workspace_notes)),
  not_enforced TEXT,
  model TEXT,
  effort TEXT,
  args TEXT,
  -- Of some.
  log_tail TEXT,
  signal INTEGER,
  cause TEXT,
  errno INTEGER,
  retry_at INTEGER,
  doubt TEXT,
  failure_limit INTEGER,
  resumed_run_id INTEGER,
  -- Where it is; null = here.
  host_id INTEGER REFERENCES hosts (id),
  step_key TEXT,
  CONSTRAINT runs_outcome_with_end CHECK ((outcome IS NULL) = (ended_at IS NULL)),
  CONSTRAINT runs_closed_implies_ended CHECK (closed_at IS NULL OR ended_at IS NOT NULL),
  CONSTRAINT runs_closed_state CHECK (closed_at IS NULL OR state = 'closed')
) STRICT;
INSERT INTO new_task_runs (
    id, task_id, status, started_at, supervised, state, automatic, role, ended_at, closed_at, outcome, verdict_by, summary,
    profile, claim_lock, claim_expires, block_kind, error, metadata, artifacts, created_cards, review_verdict, workspace_path,
    argv, boot_id, shim_pid, shim_start_ticks, worker_pid, worker_start_ticks, containment, control_group, run_as, verdict_mode,
    token_digest, workspace_key, exit_code, cpu_ms, max_rss_bytes, memory_peak_bytes, oom_kills, max_runtime_seconds,
    last_heartbeat_at, session, workspace_notes, not_enforced, model, effort, args, log_tail, signal, cause, errno, retry_at,
    doubt, failure_limit, resumed_run_id, host_id, step_key)
  SELECT
    id, task_id, status, started_at, supervised, state, automatic, role, ended_at, closed_at, outcome, verdict_by, summary,
    profile, claim_lock, claim_expires, block_kind, error, metadata, artifacts, created_cards, review_verdict, workspace_path,
    argv, boot_id, shim_pid, shim_start_ticks, worker_pid, worker_start_ticks, containment, control_group, run_as, verdict_mode,
    token_digest, workspace_key, exit_code, cpu_ms, max_rss_bytes, memory_peak_bytes, oom_kills, max_runtime_seconds,
    last_heartbeat_at, session, workspace_notes, not_enforced, model, effort, args, log_tail, signal, cause, errno, retry_at,
    doubt, failure_limit, resumed_run_id, host_id, step_key
  FROM task_runs ORDER BY id;
-- No id of a run that was removed is used again.
DELETE FROM sqlite_sequence WHERE name = 'new_task_runs';
INSERT INTO sqlite_sequence (name, seq) SELECT 'new_task_runs', seq FROM sqlite_sequence WHERE name = 'task_runs';

DROP TABLE tasks;
DROP TABLE task_runs;
ALTER TABLE new_tasks RENAME TO tasks;
ALTER TABLE new_task_runs RENAME TO task_runs;

CREATE TRIGGER tasks_wait_only_while_queued AFTER UPDATE OF status, assignee, reviewer, review_why ON tasks
WHEN NEW.waits_for IS NOT NULL
BEGIN
  UPDATE tasks SET waits_for = NULL WHERE seq = NEW.seq;
END;

CREATE TRIGGER leases_end_with_their_run AFTER UPDATE OF closed_at ON task_runs WHEN NEW.closed_at IS NOT NULL
BEGIN
  DELETE FROM leases WHERE run_id = NEW.id;
END;

-- Every task: what is shown of a board, and of an assignee, status by status; `seq` ends each order.
CREATE INDEX idx_tasks_status ON tasks (board, status, priority DESC);
CREATE INDEX idx_tasks_assignee ON tasks (board, assignee, status, priority DESC);
-- Tasks whose order of creation is not that of their arrival; a board without one is listed by `seq`.
CREATE INDEX idx_tasks_misdated ON tasks (board, created_at) WHERE created_at IS NOT arrived_at;
CREATE INDEX idx_tasks_not_before ON tasks (not_before) WHERE not_before IS NOT NULL;
CREATE INDEX idx_tasks_claim_expires ON tasks (claim_expires) WHERE claim_expires IS NOT NULL;
CREATE INDEX idx_tasks_status_since ON tasks (board, status, status_since) WHERE status_since IS NOT NULL;
CREATE INDEX idx_tasks_completed_at ON tasks (board, completed_at) WHERE status = 'done';
CREATE INDEX idx_tasks_archived_at ON tasks (archived_at) WHERE status = 'archived';
-- What is scheduled, in the order of its times: nothing else is looked at to find what is due.
CREATE INDEX idx_tasks_start_at ON tasks (start_at) WHERE status = 'scheduled';
CREATE INDEX idx_tasks_tenant ON tasks (board, tenant, priority DESC) WHERE tenant IS NOT NULL;
CREATE UNIQUE INDEX idx_tasks_idempotency ON tasks (board, idempotency_key)
  WHERE idempotency_key IS NOT NULL AND idempotency_key <> '' AND status <> 'archived';
-- Ready tasks stand in one of three: the queue, the back-off, the wait for a key.
CREATE INDEX idx_tasks_ready_queue ON tasks (queue_profile, priority DESC)
  WHERE queue_profile IS NOT NULL AND not_before IS NULL AND waits_for IS NULL;
CREATE INDEX idx_tasks_backoff_queue ON tasks (queue_profile, priority DESC)
  WHERE queue_profile IS NOT NULL AND not_before IS NOT NULL AND waits_for IS NULL;
CREATE INDEX idx_tasks_waiting ON tasks (waits_for, queue_profile, priority DESC) WHERE waits_for IS NOT NULL;
-- Who has been ready for longest and was not told of; a back-off is no wait that needs to be told.
CREATE INDEX idx_tasks_untold_waits ON tasks (ready_at)
  WHERE queue_profile IS NOT NULL AND ready_at IS NOT NULL AND not_before IS NULL AND waiting_told_for IS NOT ready_at;
-- Who was told of, and waits still.
CREATE INDEX idx_tasks_told_waits ON tasks (ready_at)
  WHERE queue_profile IS NOT NULL AND ready_at IS NOT NULL AND waiting_told_for = ready_at;
-- What is in review, by who reviews it; null: a person.
CREATE INDEX idx_tasks_review ON tasks (queue_profile, board, priority DESC) WHERE status = 'review';
CREATE INDEX idx_tasks_block_loops ON tasks (board, blocks_in_a_row) WHERE blocks_in_a_row >= 3;
CREATE INDEX idx_tasks_due ON tasks (board, due_at)
  WHERE due_at IS NOT NULL AND status NOT IN ('done', 'archived');
CREATE INDEX idx_tasks_overdue_untold ON tasks (due_at)
  WHERE due_at IS NOT NULL AND overdue_told_for IS NOT due_at AND status NOT IN ('done', 'archived');
CREATE UNIQUE INDEX idx_tasks_occurrence ON tasks (schedule_id, occurrence_at) WHERE schedule_id IS NOT NULL;
CREATE INDEX idx_tasks_open_occurrence ON tasks (schedule_id, occurrence_at)
  WHERE schedule_id IS NOT NULL AND status NOT IN ('done', 'archived');
CREATE INDEX idx_tasks_scheduled ON tasks (board, start_at) WHERE status = 'scheduled';
CREATE INDEX idx_tasks_triage ON tasks (board) WHERE status = 'triage';

CREATE INDEX idx_runs_task ON task_runs (task_id);
-- One supervised run, one tree, one slot: a second open run of a task cannot be written.
CREATE UNIQUE INDEX idx_runs_open ON task_runs (task_id) WHERE closed_at IS NULL;
CREATE INDEX idx_runs_open_profile ON task_runs (profile) WHERE closed_at IS NULL AND supervised = 1;
-- "Recent work" of a profile for the worker's context, read from its end.
CREATE INDEX idx_runs_completed ON task_runs (profile, ended_at) WHERE outcome = 'completed' AND profile IS NOT NULL;
CREATE INDEX idx_runs_token ON task_runs (token_digest) WHERE token_digest IS NOT NULL;

DROP INDEX idx_events_task;
CREATE INDEX idx_events_task ON task_events (task_id);
DROP INDEX idx_comments_task;
CREATE INDEX idx_comments_task ON task_comments (task_id);
