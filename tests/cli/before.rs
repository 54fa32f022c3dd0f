//! What the predecessor's users had, item by item, beside what the guide for them says and what the programs do.

use serde_json::Value;

use crate::harness::{Board, keys};

const GUIDE: &str = include_str!("../../docs/hermes.md");

/// Keys of JSON objects in the predecessor's first release.
const TASK: &[&str] = &[
    "id",
    "title",
    "body",
    "assignee",
    "status",
    "priority",
    "tenant",
    "workspace_kind",
    "workspace_path",
    "created_by",
    "created_at",
    "started_at",
    "completed_at",
    "result",
    "skills",
];
const RUN: &[&str] = &[
    "id",
    "profile",
    "status",
    "outcome",
    "started_at",
    "ended_at",
    "summary",
    "error",
    "metadata",
    "worker_pid",
    "step_key",
];

fn has(shown: &Value, wanted: &[&str], what: &str) {
    let found = keys(shown);
    for key in wanted {
        assert!(found.contains(key), "{what}: {key} is not among {found:?}");
    }
}

#[test]
fn json_objects_have_every_key_that_they_had_in_the_first_release() {
    let board = Board::with_workers(&[("dev", "exec sleep 600")]);
    let made = board.say(["create", "t", "--json"]).json();
    has(&made, TASK, "create");
    let id = made["id"].as_str().unwrap();
    board.say(["comment", id, "words"]).ok();
    board.say(["notify-subscribe", id, "--platform", "tg", "--chat-id", "1"]).ok();
    board.say(["complete", id, "--summary", "s"]).ok();
    has(&board.say(["list", "--json"]).json()[0], TASK, "list");
    let shown = board.say(["show", id, "--json"]).json();
    has(&shown, &["task", "parents", "children", "comments", "events", "runs"], "show");
    has(&shown["task"], TASK, "show");
    has(&shown["comments"][0], &["author", "body", "created_at"], "comments");
    has(&shown["events"][0], &["kind", "payload", "created_at", "run_id"], "events");
    has(&shown["runs"][0], RUN, "runs of show");
    has(&board.say(["runs", id, "--json"]).json()[0], RUN, "runs");
    let stats = board.say(["stats", "--json"]).json();
    has(&stats, &["by_status", "by_assignee", "oldest_ready_age_seconds", "now"], "stats");
    let listed = board.say(["notify-list", "--json"]).json();
    let columns =
        ["task_id", "platform", "chat_id", "thread_id", "user_id", "created_at", "last_event_id"];
    has(&listed[0], &columns, "notify-list");
    board.create("u", &["--assignee", "dev"]);
    let assignees = board.say(["assignees", "--json"]).json();
    has(&assignees[0], &["name", "on_disk", "counts"], "assignees");
    let pass = board.dispatch();
    let lists = ["reclaimed", "crashed", "timed_out", "auto_blocked", "promoted", "spawned"];
    has(&pass, &lists, "dispatch");
    has(&pass, &["skipped_unassigned"], "dispatch");
    has(&pass["spawned"][0], &["task_id", "assignee", "workspace"], "spawned");
}

/// Settings and variables that the predecessor's releases up to 0.19 read.
const SETTINGS: &[&str] = &[
    "dispatch_in_gateway",
    "dispatch_interval_seconds",
    "failure_limit",
    "worker_log_rotate_bytes",
    "worker_log_backup_count",
    "orchestrator_profile",
    "default_assignee",
    "max_in_progress",
    "max_in_progress_per_profile",
    "max_spawn",
    "auto_decompose",
    "auto_decompose_per_tick",
    "auto_promote_children",
    "auto_subscribe_on_create",
    "dispatch_stale_timeout_seconds",
    "diagnostics",
    "auxiliary",
    "dashboard.kanban",
    "HERMES_HOME",
    "HERMES_PROFILE",
    "HERMES_TENANT",
    "HERMES_KANBAN_TASK",
    "HERMES_KANBAN_RUN_ID",
    "HERMES_KANBAN_CLAIM_LOCK",
    "HERMES_KANBAN_WORKSPACE",
    "HERMES_KANBAN_WORKSPACES_ROOT",
    "HERMES_KANBAN_BRANCH",
    "HERMES_KANBAN_BOARD",
    "HERMES_KANBAN_DB",
    "HERMES_KANBAN_HOME",
    "HERMES_KANBAN_ROOT",
    "HERMES_KANBAN_ATTACHMENTS_ROOT",
    "HERMES_KANBAN_GOAL_MODE",
    "HERMES_KANBAN_GOAL_MAX_TURNS",
    "HERMES_KANBAN_STOP_NUDGE",
    "HERMES_KANBAN_CLAIM_TTL_SECONDS",
    "HERMES_KANBAN_CRASH_GRACE_SECONDS",
    "HERMES_KANBAN_RATE_LIMIT_COOLDOWN_SECONDS",
    "HERMES_KANBAN_BUSY_TIMEOUT_MS",
    "HERMES_KANBAN_SPECIFY_MAX_TOKENS",
    "HERMES_KANBAN_DISPATCH_IN_GATEWAY",
];

/// Columns of its later releases that have no place here.
const COLUMNS: &[&str] = &[
    "branch_name",
    "project_id",
    "max_retries",
    "goal_mode",
    "goal_max_turns",
    "session_id",
    "block_kind",
    "block_recurrences",
    "notifier_profile",
];

#[test]
fn the_guide_names_every_setting_variable_and_column_of_before() {
    let names: Vec<&str> = GUIDE
        .split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'))
        .flat_map(|word| [word, word.strip_prefix("kanban.").unwrap_or(word)])
        .map(|word| word.trim_end_matches(['.', '*']))
        .collect();
    for name in SETTINGS.iter().chain(COLUMNS) {
        assert!(names.contains(name), "docs/hermes.md says nothing of {name}");
    }
    for words in ["24 h", "kanban/boards/SLUG/kanban.db", "scratch"] {
        assert!(GUIDE.contains(words), "docs/hermes.md says nothing of {words}");
    }
}

/// What the guide calls a setting here is one.
#[test]
fn every_setting_that_the_guide_names_is_one() {
    let file = include_str!("../../docs/configuration.md");
    let tables = GUIDE.split("## Settings").nth(1).unwrap().split("## Everything").next().unwrap();
    for row in tables.lines().filter(|line| line.starts_with("| `")) {
        let here = row.split(" | ").nth(1).unwrap();
        for word in here.split('`').skip(1).step_by(2) {
            let is_key = word.contains('.')
                && word.chars().all(|c| {
                    c.is_ascii_lowercase() || c == '.' || c == '_' || c.is_ascii_uppercase()
                });
            let last = word.rsplit('.').next().unwrap();
            assert!(!is_key || file.contains(&format!("`{last}`")), "{word}");
        }
    }
}
