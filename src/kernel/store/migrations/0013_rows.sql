-- The rows that later versions build on. Tasks get a number in the order of their arrival (`seq`), which ends every order;
-- boards get one too, which stands in the rows in place of the name. Statuses, times, reviews and hosts have their columns. A task
-- stands in few indexes: at most five while it waits or runs, four when it is done.
--
-- The tables are rebuilt under their ids, so this runs without foreign keys.

CREATE TABLE hosts (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
    CONSTRAINT hosts_name_not_blank CHECK (trim(name) <> ''),
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE new_boards (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
    CONSTRAINT boards_name_valid CHECK (length(name) BETWEEN 1 AND 64 AND name NOT GLOB '*[^a-z0-9_-]*'),
  created_at INTEGER NOT NULL,
  description TEXT
) STRICT;
-- The board `default` has the number that the column `tasks.board` has by default.
INSERT INTO new_boards (id, name, created_at, description)
  SELECT row_number() OVER (ORDER BY name <> 'default', created_at, rowid), name, created_at, description FROM boards;

CREATE TABLE new_tasks (
  id TEXT NOT NULL UNIQUE
    CONSTRAINT tasks_id_valid CHECK (id GLOB 't_*' AND length(id) BETWEEN 3 AND 34 AND substr(id, 3) NOT GLOB '*[^0-9a-f]*'),
  title TEXT NOT NULL
    CONSTRAINT tasks_title_not_blank CHECK (trim(title) <> ''),
  body TEXT,
  assignee TEXT,
  status TEXT NOT NULL
    CONSTRAINT tasks_status_valid CHECK (status IN ('triage', 'todo', 'scheduled', 'ready', 'running', 'blocked', 'review',
      'done', 'archived')),
  priority INTEGER NOT NULL DEFAULT 0,
  created_by TEXT,
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  completed_at INTEGER,
  workspace_kind TEXT NOT NULL DEFAULT 'scratch'
    CONSTRAINT tasks_workspace_kind_valid CHECK (workspace_kind IN ('scratch', 'dir', 'worktree')),
  workspace_path TEXT,
  -- Somebody has the task in hand.
  claim_lock TEXT
    CONSTRAINT tasks_lock_implies_work CHECK (claim_lock IS NULL OR status IN ('running', 'review')),
  claim_expires INTEGER,
  tenant TEXT,
  result TEXT,
  idempotency_key TEXT,
  spawn_failures INTEGER NOT NULL DEFAULT 0
    CONSTRAINT tasks_spawn_failures_not_negative CHECK (spawn_failures >= 0),
  worker_pid INTEGER,
  last_spawn_error TEXT,
  max_runtime_seconds INTEGER
    CONSTRAINT tasks_max_runtime_positive CHECK (max_runtime_seconds IS NULL OR max_runtime_seconds > 0),
  last_heartbeat_at INTEGER,
  -- The run that has it in hand, a row of `task_runs`.
  current_run_id INTEGER
    CONSTRAINT tasks_pointer_implies_work CHECK (current_run_id IS NULL OR status IN ('running', 'review')),
  workflow_template_id TEXT,
  current_step_key TEXT,
  skills TEXT
    CONSTRAINT tasks_skills_json CHECK (skills IS NULL OR json_valid(skills)),
  -- ours
  seq INTEGER PRIMARY KEY,
  -- When it arrived here, never before the one that arrived before it. That is its `created_at`, but for imported tasks and those
  -- of a clock that was set back.
  arrived_at INTEGER,
  board INTEGER NOT NULL DEFAULT 1 REFERENCES boards (id),
  no_max_runtime INTEGER NOT NULL DEFAULT 0
    CONSTRAINT tasks_no_max_runtime_bool CHECK (no_max_runtime IN (0, 1)),
  -- A start is pending, and not before this time.
  not_before INTEGER
    CONSTRAINT tasks_not_before_implies_pending_start CHECK (not_before IS NULL OR status IN ('ready', 'review')),
  ready_at INTEGER,
  auto_starts INTEGER NOT NULL DEFAULT 0,
  protocol_violations INTEGER NOT NULL DEFAULT 0,
  idempotency_hash TEXT,
  archived_at INTEGER,
  waits_for TEXT,
  waits_because TEXT,
  waiting_told_for INTEGER,
  runtime_from_run_id INTEGER NOT NULL DEFAULT 0,
  model TEXT,
  effort TEXT,
  args TEXT
    CONSTRAINT tasks_args_json CHECK (args IS NULL OR json_valid(args)),
  resume_run_id INTEGER,
  branch_name TEXT,
  repository TEXT,
  -- Since when it has been in a status that is listed by that time: running, blocked, review.
  status_since INTEGER,
  -- No start before this time, as a person chose; a parked task waits until a person lets it go on, without a time.
  start_at INTEGER,
  parked INTEGER NOT NULL DEFAULT 0
    CONSTRAINT tasks_parked_bool CHECK (parked IN (0, 1)),
  due_at INTEGER,
  review_open INTEGER NOT NULL DEFAULT 0
    CONSTRAINT tasks_review_open_bool CHECK (review_open IN (0, 1)),
  reviewer TEXT,
  queue_profile TEXT,
  block_kind TEXT,
  archived_from TEXT,
  version INTEGER NOT NULL DEFAULT 0
) STRICT;

INSERT INTO new_tasks (id, title, body, assignee, status, priority, created_by, created_at, started_at, completed_at,
    workspace_kind, workspace_path, claim_lock, claim_expires, tenant, result, idempotency_key, spawn_failures, worker_pid,
    last_spawn_error, max_runtime_seconds, last_heartbeat_at, current_run_id, workflow_template_id, current_step_key, skills,
    board, no_max_runtime, not_before, ready_at, auto_starts, protocol_violations, idempotency_hash, archived_at, waits_for,
    waits_because, waiting_told_for, runtime_from_run_id, model, effort, args, resume_run_id, branch_name, repository,
    status_since, arrived_at)
  SELECT t.id, t.title, t.body, t.assignee, t.status, t.priority, t.created_by, t.created_at, t.started_at, t.completed_at,
    t.workspace_kind, t.workspace_path, t.claim_lock, t.claim_expires, t.tenant, t.result, t.idempotency_key, t.spawn_failures,
    t.worker_pid, t.last_spawn_error, t.max_runtime_seconds, t.last_heartbeat_at, t.current_run_id, t.workflow_template_id,
    t.current_step_key, t.skills, coalesce((SELECT b.id FROM new_boards b WHERE b.name = t.board), 1), t.no_max_runtime, t.not_before,
    t.ready_at, t.auto_starts, t.protocol_violations, t.idempotency_hash, t.archived_at, t.waits_for, t.waits_because,
    t.waiting_told_for, t.runtime_from_run_id, t.model, t.effort, t.args, t.resume_run_id, t.branch_name, t.repository,
    CASE t.status
      WHEN 'running' THEN coalesce((SELECT r.started_at FROM task_runs r WHERE r.id = t.current_run_id), t.started_at)
      WHEN 'blocked' THEN coalesce((SELECT max(e.created_at) FROM task_events e WHERE e.task_id = t.id AND e.kind = 'blocked'),
                                   (SELECT max(r.ended_at) FROM task_runs r WHERE r.task_id = t.id), t.created_at)
    END, t.created_at
  FROM tasks t ORDER BY t.created_at, t.rowid;

-- Ids of events grow and are never used again: `events.rs` counts on from the newest, and from this when gc has removed that.
CREATE TABLE new_task_events (
  id INTEGER PRIMARY KEY,
  task_id TEXT NOT NULL REFERENCES tasks (id),
  run_id INTEGER,
  kind TEXT NOT NULL,
  payload TEXT
    CONSTRAINT events_payload_json CHECK (payload IS NULL OR json_valid(payload)),
  created_at INTEGER NOT NULL,
  -- ours
  actor TEXT
) STRICT;
INSERT INTO new_task_events SELECT id, task_id, run_id, kind, payload, created_at, actor FROM task_events ORDER BY id;
INSERT INTO settings (key, value, changed_at, changed_by)
  SELECT 'events_reserved', seq, (SELECT created_at FROM install), 'kanband:migration'
  FROM sqlite_sequence WHERE name = 'task_events' AND seq > 0;

CREATE TABLE new_requests (
  id TEXT PRIMARY KEY NOT NULL,
  digest TEXT NOT NULL,
  reply TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO new_requests SELECT id, digest, reply, created_at FROM requests;

DROP TABLE requests;
DROP TABLE task_events;
DROP TABLE tasks;
DROP TABLE boards;
ALTER TABLE new_boards RENAME TO boards;
ALTER TABLE new_tasks RENAME TO tasks;
ALTER TABLE new_task_events RENAME TO task_events;
ALTER TABLE new_requests RENAME TO requests;

-- Where a run is, NULL = here; what it does; what a review said.
ALTER TABLE task_runs ADD COLUMN host_id INTEGER REFERENCES hosts (id);
ALTER TABLE task_runs ADD COLUMN role TEXT NOT NULL DEFAULT 'work'
  CONSTRAINT runs_role_valid CHECK (role IN ('work', 'review'));
ALTER TABLE task_runs ADD COLUMN review_verdict TEXT;

CREATE TRIGGER tasks_wait_only_while_ready AFTER UPDATE OF status, assignee ON tasks WHEN NEW.waits_for IS NOT NULL
BEGIN
  UPDATE tasks SET waits_for = NULL WHERE seq = NEW.seq;
END;

-- Every task: what is shown of a board, and of an assignee, status by status; `seq` ends each order.
CREATE INDEX idx_tasks_status ON tasks (board, status, priority DESC);
CREATE INDEX idx_tasks_assignee ON tasks (board, assignee, status, priority DESC);
-- Tasks whose order of creation is not that of their arrival; a board without one is listed by `seq`.
CREATE INDEX idx_tasks_misdated ON tasks (board, created_at) WHERE created_at IS NOT arrived_at;
-- Ready tasks stand in one of three: the queue, the back-off, the wait for a key.
CREATE INDEX idx_tasks_ready_queue ON tasks (assignee, priority DESC)
  WHERE status = 'ready' AND not_before IS NULL AND waits_for IS NULL;
CREATE INDEX idx_tasks_backoff_queue ON tasks (assignee, priority DESC)
  WHERE status = 'ready' AND not_before IS NOT NULL AND waits_for IS NULL;
CREATE INDEX idx_tasks_waiting ON tasks (waits_for, assignee, priority DESC) WHERE waits_for IS NOT NULL;
CREATE INDEX idx_tasks_not_before ON tasks (not_before) WHERE not_before IS NOT NULL;
-- Who has been ready for longest and was not told of; a back-off is no wait that needs to be told.
CREATE INDEX idx_tasks_untold_waits ON tasks (ready_at)
  WHERE status = 'ready' AND ready_at IS NOT NULL AND not_before IS NULL AND waiting_told_for IS NOT ready_at;
-- Who was told of, and waits still.
CREATE INDEX idx_tasks_told_waits ON tasks (ready_at)
  WHERE status = 'ready' AND ready_at IS NOT NULL AND waiting_told_for = ready_at;
CREATE INDEX idx_tasks_claim_expires ON tasks (claim_expires) WHERE claim_expires IS NOT NULL;
CREATE INDEX idx_tasks_status_since ON tasks (board, status, status_since) WHERE status_since IS NOT NULL;
CREATE INDEX idx_tasks_completed_at ON tasks (board, completed_at) WHERE status = 'done';
CREATE INDEX idx_tasks_archived_at ON tasks (archived_at) WHERE status = 'archived';
-- What is scheduled, in the order of its times: nothing else is looked at to find what is due.
CREATE INDEX idx_tasks_start_at ON tasks (start_at) WHERE status = 'scheduled';
CREATE INDEX idx_tasks_tenant ON tasks (board, tenant, priority DESC) WHERE tenant IS NOT NULL;
CREATE UNIQUE INDEX idx_tasks_idempotency ON tasks (board, idempotency_key)
  WHERE idempotency_key IS NOT NULL AND idempotency_key <> '' AND status <> 'archived';
CREATE INDEX idx_events_task ON task_events (task_id, id);
