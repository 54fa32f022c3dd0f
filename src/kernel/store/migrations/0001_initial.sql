-- The board. Table and column names of the six tables `tasks … kanban_notify_subs` are those that users of the
-- predecessor know; everything after the line "ours" in a table is new.
--
-- Two facts about a run are kept apart: `ended_at` (somebody gave a verdict, or the process end decided) and
-- `closed_at` (its process tree is proven empty). "Open" always means `closed_at IS NULL`.

CREATE TABLE install (
  id INTEGER PRIMARY KEY NOT NULL CONSTRAINT install_single_row CHECK (id = 1),
  install_id TEXT NOT NULL,
  incarnation TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE settings (
  key TEXT PRIMARY KEY NOT NULL,
  value TEXT NOT NULL,
  changed_at INTEGER NOT NULL,
  changed_by TEXT NOT NULL
) STRICT;

CREATE TABLE boards (
  name TEXT PRIMARY KEY NOT NULL
    CONSTRAINT boards_name_valid CHECK (length(name) BETWEEN 1 AND 64 AND name NOT GLOB '*[^a-z0-9_-]*'),
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE tasks (
  id TEXT PRIMARY KEY NOT NULL
    CONSTRAINT tasks_id_valid CHECK (id GLOB 't_*' AND length(id) BETWEEN 3 AND 34 AND substr(id, 3) NOT GLOB '*[^0-9a-f]*'),
  title TEXT NOT NULL
    CONSTRAINT tasks_title_not_blank CHECK (trim(title) <> ''),
  body TEXT,
  assignee TEXT,
  status TEXT NOT NULL
    CONSTRAINT tasks_status_valid CHECK (status IN ('triage', 'todo', 'ready', 'running', 'blocked', 'done', 'archived')),
  priority INTEGER NOT NULL DEFAULT 0,
  created_by TEXT,
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  completed_at INTEGER,
  workspace_kind TEXT NOT NULL DEFAULT 'scratch'
    CONSTRAINT tasks_workspace_kind_valid CHECK (workspace_kind IN ('scratch', 'dir', 'worktree')),
  workspace_path TEXT,
  claim_lock TEXT
    CONSTRAINT tasks_lock_implies_running CHECK (claim_lock IS NULL OR status = 'running'),
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
  current_run_id INTEGER REFERENCES task_runs (id) DEFERRABLE INITIALLY DEFERRED
    CONSTRAINT tasks_pointer_implies_running CHECK (current_run_id IS NULL OR status = 'running'),
  workflow_template_id TEXT,
  current_step_key TEXT,
  skills TEXT
    CONSTRAINT tasks_skills_json CHECK (skills IS NULL OR json_valid(skills)),
  -- ours
  board TEXT NOT NULL DEFAULT 'default' REFERENCES boards (name),
  no_max_runtime INTEGER NOT NULL DEFAULT 0
    CONSTRAINT tasks_no_max_runtime_bool CHECK (no_max_runtime IN (0, 1)),
  not_before INTEGER
    CONSTRAINT tasks_not_before_implies_ready CHECK (not_before IS NULL OR status = 'ready'),
  ready_at INTEGER,
  auto_starts INTEGER NOT NULL DEFAULT 0,
  protocol_violations INTEGER NOT NULL DEFAULT 0,
  idempotency_hash TEXT
) STRICT;

CREATE TABLE task_links (
  parent_id TEXT NOT NULL REFERENCES tasks (id),
  child_id TEXT NOT NULL REFERENCES tasks (id),
  CONSTRAINT links_not_to_self CHECK (parent_id <> child_id),
  PRIMARY KEY (parent_id, child_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE task_runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  task_id TEXT NOT NULL REFERENCES tasks (id),
  profile TEXT,
  step_key TEXT,
  status TEXT NOT NULL
    CONSTRAINT runs_status_valid CHECK (status IN ('running', 'done', 'completed', 'blocked', 'crashed', 'oom', 'timed_out',
      'spawn_failed', 'protocol_violation', 'rate_limited', 'stopped', 'reclaimed', 'lost', 'gave_up')),
  claim_lock TEXT,
  claim_expires INTEGER,
  worker_pid INTEGER,
  max_runtime_seconds INTEGER,
  last_heartbeat_at INTEGER,
  started_at INTEGER NOT NULL,
  ended_at INTEGER,
  outcome TEXT
    CONSTRAINT runs_outcome_valid CHECK (outcome IN ('completed', 'blocked', 'crashed', 'oom', 'timed_out',
      'spawn_failed', 'protocol_violation', 'rate_limited', 'stopped', 'reclaimed', 'lost', 'gave_up')),
  summary TEXT,
  metadata TEXT
    CONSTRAINT runs_metadata_json CHECK (metadata IS NULL OR json_valid(metadata)),
  error TEXT,
  -- ours
  cause TEXT,
  verdict_by TEXT,
  supervised INTEGER NOT NULL DEFAULT 0
    CONSTRAINT runs_supervised_bool CHECK (supervised IN (0, 1)),
  state TEXT NOT NULL DEFAULT 'closed'
    CONSTRAINT runs_state_valid CHECK (state IN ('starting', 'running', 'finishing', 'stopping', 'unkillable', 'closed')),
  closed_at INTEGER,
  automatic INTEGER NOT NULL DEFAULT 0
    CONSTRAINT runs_automatic_bool CHECK (automatic IN (0, 1)),
  failure_limit INTEGER,
  workspace_path TEXT,
  argv TEXT,
  boot_id TEXT,
  shim_pid INTEGER,
  shim_start_ticks INTEGER,
  worker_start_ticks INTEGER,
  exit_code INTEGER,
  signal INTEGER,
  cpu_ms INTEGER,
  max_rss_bytes INTEGER,
  log_tail TEXT,
  CONSTRAINT runs_outcome_with_end CHECK ((outcome IS NULL) = (ended_at IS NULL)),
  CONSTRAINT runs_closed_implies_ended CHECK (closed_at IS NULL OR ended_at IS NOT NULL),
  CONSTRAINT runs_closed_state CHECK (closed_at IS NULL OR state = 'closed')
) STRICT;

CREATE TABLE task_comments (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  task_id TEXT NOT NULL REFERENCES tasks (id),
  author TEXT NOT NULL,
  body TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

-- `actor` says who did it and `run_id` in which run: every transition has both an actor and a cause (its kind).
CREATE TABLE task_events (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  task_id TEXT NOT NULL REFERENCES tasks (id),
  run_id INTEGER REFERENCES task_runs (id),
  kind TEXT NOT NULL,
  payload TEXT
    CONSTRAINT events_payload_json CHECK (payload IS NULL OR json_valid(payload)),
  created_at INTEGER NOT NULL,
  -- ours
  actor TEXT
) STRICT;

CREATE TABLE kanban_notify_subs (
  task_id TEXT NOT NULL REFERENCES tasks (id),
  platform TEXT NOT NULL,
  chat_id TEXT NOT NULL,
  thread_id TEXT NOT NULL DEFAULT '',
  user_id TEXT,
  created_at INTEGER NOT NULL,
  last_event_id INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (task_id, platform, chat_id, thread_id)
) STRICT, WITHOUT ROWID;

-- Circuit breakers of profiles and of the host; a task's own counters are columns of `tasks`.
CREATE TABLE breakers (
  key TEXT PRIMARY KEY NOT NULL,
  state TEXT NOT NULL
    CONSTRAINT breakers_state_valid CHECK (state IN ('closed', 'open', 'half_open')),
  failures INTEGER NOT NULL,
  first_task_id TEXT,
  several_tasks INTEGER NOT NULL DEFAULT 0
    CONSTRAINT breakers_several_tasks_bool CHECK (several_tasks IN (0, 1)),
  trips INTEGER NOT NULL DEFAULT 0,
  opened_at INTEGER,
  open_until INTEGER,
  probe_run_id INTEGER,
  last_error TEXT,
  changed_at INTEGER NOT NULL
) STRICT;

-- Replies that may have to be given twice: a client repeats a request whose reply it lost under the same id.
CREATE TABLE requests (
  id TEXT PRIMARY KEY NOT NULL,
  digest TEXT NOT NULL,
  reply TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Who is ready, in the order in which it starts. The plan reads the head of each assignee, so the 100,000 tasks
-- of a profile that is at its cap cost nothing. A task in back-off stands in a queue of its own.
CREATE INDEX idx_tasks_ready_queue ON tasks (assignee, priority DESC, created_at, id)
  WHERE status = 'ready' AND not_before IS NULL;
CREATE INDEX idx_tasks_backoff_queue ON tasks (assignee, priority DESC, created_at, id)
  WHERE status = 'ready' AND not_before IS NOT NULL;
CREATE INDEX idx_tasks_not_before ON tasks (not_before) WHERE not_before IS NOT NULL;
CREATE INDEX idx_tasks_claim_expires ON tasks (claim_expires, id) WHERE claim_expires IS NOT NULL;
CREATE INDEX idx_tasks_oldest_ready ON tasks (board, created_at) WHERE status = 'ready';
-- Listings, in their order; archived tasks are left out unless asked for.
CREATE INDEX idx_tasks_status ON tasks (board, status, priority DESC, created_at, id);
CREATE INDEX idx_tasks_order ON tasks (board, priority DESC, created_at, id) WHERE status <> 'archived';
CREATE INDEX idx_tasks_assignee_status ON tasks (board, assignee, priority DESC, created_at, id);
CREATE INDEX idx_tasks_tenant ON tasks (board, tenant, priority DESC, created_at, id) WHERE tenant IS NOT NULL;
CREATE UNIQUE INDEX idx_tasks_idempotency ON tasks (board, idempotency_key)
  WHERE idempotency_key IS NOT NULL AND idempotency_key <> '' AND status <> 'archived';
-- The other end of a foreign key: without it every new run and every purge looks at all tasks.
CREATE INDEX idx_tasks_current_run ON tasks (current_run_id) WHERE current_run_id IS NOT NULL;
CREATE INDEX idx_links_child ON task_links (child_id, parent_id);
CREATE INDEX idx_comments_task ON task_comments (task_id, id);
CREATE INDEX idx_events_task ON task_events (task_id, id);
CREATE INDEX idx_events_run ON task_events (run_id, id) WHERE run_id IS NOT NULL;
CREATE INDEX idx_runs_task ON task_runs (task_id, id);
-- One supervised run, one tree, one slot: a second open run of a task cannot be written.
CREATE UNIQUE INDEX idx_runs_open ON task_runs (task_id) WHERE closed_at IS NULL;
CREATE INDEX idx_runs_open_profile ON task_runs (profile) WHERE closed_at IS NULL AND supervised = 1;
-- "Recent work" of an assignee for the worker's context.
CREATE INDEX idx_runs_completed ON task_runs (profile, ended_at DESC, id DESC) WHERE outcome = 'completed';
CREATE INDEX idx_requests_created_at ON requests (created_at);
