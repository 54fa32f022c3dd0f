//! Databases of Hermes, as they were found and as users may have them.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde_json::Value;

/// The fixtures.
pub const RELEASES: [&str; 2] = ["hermes-2026-04", "hermes-0.19"];

pub fn fixture(release: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(format!("{release}.db"))
}

/// What is in a fixture.
pub fn expected(release: &str) -> Value {
    let path = fixture(release).with_file_name(format!("{release}.expected.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A file made by these statements.
pub fn make(path: &Path, statements: &str) {
    Connection::open(path).unwrap().execute_batch(statements).unwrap();
}

/// As the first releases had it: four columns, no runs, events without runs, kinds that were renamed since.
pub const OLD: &str = "
CREATE TABLE tasks (id TEXT PRIMARY KEY, title TEXT NOT NULL, status TEXT NOT NULL, created_at INTEGER NOT NULL);
CREATE TABLE task_links (parent_id TEXT NOT NULL, child_id TEXT NOT NULL, PRIMARY KEY (parent_id, child_id));
CREATE TABLE task_events (id INTEGER PRIMARY KEY, task_id TEXT NOT NULL, kind TEXT NOT NULL, payload TEXT,
                          created_at INTEGER NOT NULL);
INSERT INTO tasks VALUES ('t_01', 'old done', 'done', 100), ('t_02', 'old running', 'running', 101),
                         ('t_03', 'old todo', 'todo', 102), ('t_04', '  ', 'ready', 103);
INSERT INTO task_links VALUES ('t_02', 't_03');
INSERT INTO task_events VALUES (1, 't_01', 'created', NULL, 100), (2, 't_03', 'priority', '{\"priority\": 3}', 102),
                               (3, 't_02', 'ready', NULL, 103), (4, 't_02', 'spawn_auto_blocked', 'not json', 104),
                               (5, 't_02', 'danced', '[1]', 105);
";

/// What no release should write and some did.
pub const ODD: &str = "
CREATE TABLE tasks (id TEXT PRIMARY KEY, title TEXT NOT NULL, body TEXT, assignee TEXT, status TEXT NOT NULL,
                    priority INTEGER DEFAULT 0, created_by TEXT, created_at INTEGER NOT NULL, workspace_kind TEXT,
                    idempotency_key TEXT, skills TEXT, mood TEXT);
CREATE TABLE task_links (parent_id TEXT NOT NULL, child_id TEXT NOT NULL, PRIMARY KEY (parent_id, child_id));
CREATE TABLE task_comments (id INTEGER PRIMARY KEY AUTOINCREMENT, task_id TEXT NOT NULL, author TEXT NOT NULL,
                            body TEXT NOT NULL, created_at INTEGER NOT NULL);
CREATE TABLE task_events (id INTEGER PRIMARY KEY AUTOINCREMENT, task_id TEXT NOT NULL, run_id INTEGER, kind TEXT NOT NULL,
                          payload TEXT, created_at INTEGER NOT NULL);
CREATE TABLE task_runs (id INTEGER PRIMARY KEY AUTOINCREMENT, task_id TEXT NOT NULL, profile TEXT, status TEXT NOT NULL,
                        started_at INTEGER NOT NULL, ended_at INTEGER, outcome TEXT, summary TEXT, metadata TEXT);
CREATE TABLE moods (task_id TEXT, mood TEXT);
INSERT INTO tasks VALUES
  ('t_a1', 'older twin', NULL, 'dev', 'ready', 0, 'ann', 100, 'scratch', 'key', 'not json', 'glad'),
  ('t_a2', 'newer twin', NULL, NULL, 'ready', NULL, NULL, 200, 'cloud', 'key', '[\"x\"]', NULL),
  ('t_a3', 'in review', NULL, NULL, 'review', 0, 'ann', 300, 'scratch', '', NULL, 'grim'),
  ('t_a4', 'for later', NULL, NULL, 'scheduled', 0, 'ann', 400, 'dir', NULL, '[]', NULL),
  ('t_a5', 'waits for nothing', NULL, 'dev', 'todo', 0, 'ann', 500, 'scratch', NULL, NULL, NULL),
  ('t_a6', 'waits for a3', 'needle in a haystack', NULL, 'ready', 0, 'ann', 600, 'scratch', NULL, NULL, NULL);
INSERT INTO task_links VALUES ('t_a3', 't_a6'), ('t_dead', 't_a5'), ('t_a1', 't_a1'), ('t_a6', 't_a3'), ('nonsense', 't_a1');
INSERT INTO task_comments VALUES (7, 't_a1', 'ann', 'kept', 150), (8, 't_gone', 'ann', 'orphan', 150),
                                 (9, 't_a6', 'ann', 'after the review', 650);
INSERT INTO task_runs VALUES (3, 't_a1', 'dev', 'stale', 110, 120, 'stale', NULL, '[1]'),
                             (4, 't_a1', 'dev', 'exploded', 130, 140, 'exploded', 's', '{\"n\": 1}');
INSERT INTO task_events VALUES (11, 't_a1', 3, 'claimed', NULL, 110), (12, 't_a1', 99, 'claimed', NULL, 130),
                               (13, 't_gone', NULL, 'created', NULL, 90), (14, 't_a6', NULL, 'created', NULL, 600);
";

/// As the last release had it, without rows.
pub const LATEST: &str = "
CREATE TABLE tasks (id text primary key, title text, body text, assignee text, status text, priority integer default 0, created_by text,
  created_at integer default 1700000000, started_at integer, completed_at integer, workspace_kind text default 'scratch', workspace_path text,
  branch_name text, project_id text, claim_lock text, claim_expires integer, tenant text, result text, idempotency_key text,
  consecutive_failures integer default 0, worker_pid integer, last_failure_error text, max_runtime_seconds integer, last_heartbeat_at integer,
  current_run_id integer, workflow_template_id text, current_step_key text, skills text, model_override text, max_retries integer,
  goal_mode integer default 0, goal_max_turns integer, session_id text, block_kind text, block_recurrences integer default 0);
CREATE TABLE task_links (parent_id text, child_id text);
CREATE TABLE task_comments (id integer primary key autoincrement, task_id text, author text, body text, created_at integer);
CREATE TABLE task_events (id integer primary key autoincrement, task_id text, run_id integer, kind text, payload text, created_at integer);
CREATE TABLE task_runs (id integer primary key autoincrement, task_id text, profile text, step_key text, status text, claim_lock text,
  claim_expires integer, worker_pid integer, max_runtime_seconds integer, last_heartbeat_at integer, started_at integer, ended_at integer,
  outcome text, summary text, metadata text, error text);
CREATE TABLE kanban_notify_subs (task_id text, platform text, chat_id text, thread_id text default '', user_id text, notifier_profile text,
  created_at integer, last_event_id integer default 0);
";
