//! A caller without the right leaves no byte behind, whatever it asks for.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use kanband::api::operation::{Carries, Method, Operation};
use kanband::api::operations::OPERATIONS;
use kanband::kernel::rights::{Right, right_to};
use serde_json::{Value, json};

use crate::harness::{Daemon, config};

/// A board with a run whose worker does nothing, a task that the run has nothing to do with, and one on another board.
struct Scene {
    daemon: Daemon,
    token: String,
    other: String,
    elsewhere: String,
}

fn scene() -> Scene {
    let daemon = Daemon::start(&config(&[("sh", "report", "exec sleep 600")]));
    let own = daemon.create(json!({ "assignee": "sh" }));
    daemon.worker_pid(&own);
    let token = std::fs::read_to_string(daemon.home().join("runs/1/token")).unwrap();
    let token = token.trim().to_owned();
    let other = daemon.create(json!({}));
    daemon.post("/v1/boards", &json!({ "name": "elsewhere" }));
    let elsewhere = daemon.create(json!({ "board": "elsewhere" }));
    for board in ["default", "elsewhere"] {
        let theirs = json!({ "name": "theirs", "cron": "0 0 29 2 *", "task": { "title": "t" }, "board": board });
        daemon.post("/v1/schedules", &theirs);
    }
    Scene { daemon, token, other, elsewhere }
}

/// Fields with which the operation would do something for a caller with the right.
pub fn fields(operation: &str, task: &str, board: &str) -> Value {
    match operation {
        "create" => json!({ "title": "one", "board": board }),
        "create_batch" => json!({ "tasks": [{ "title": "one", "board": board }] }),
        "bulk" => json!({ "verb": "archive", "ids": [task] }),
        "link" => json!({ "parent_id": task, "child_id": task }),
        "unlink" => json!({ "parent_id": task, "child_id": task }),
        "edit" => json!({ "title": "another" }),
        "ask" => json!({ "question": "why?" }),
        "question" => json!({ "question": "q_1" }),
        "answer" => json!({ "answer": "yes" }),
        "comment" => json!({ "body": "hello" }),
        "attach" => json!({ "filename": "file" }),
        "attachment" | "detach" => json!({ "filename": "file" }),
        "block" => json!({ "reason": "why" }),
        "complete" => json!({ "summary": "done" }),
        "assign" | "reassign" => json!({ "assignee": "nobody" }),
        "notify_subscribe" | "notify_unsubscribe" => json!({ "platform": "chat", "chat_id": "1" }),
        "notify_watch" => json!({ "platform": "chat", "chat_id": "1", "board": board }),
        "notify_retry" => json!({ "channel": "chat" }),
        "notify_drop" => json!({ "id": 1 }),
        "notify_test" => json!({ "channel": "chat", "address": "1" }),
        "lease_outbox" => json!({ "max": 1 }),
        "settle_outbox" => json!({ "results": [] }),
        "report_channel" => json!({ "channel": "chat", "state": "ok" }),
        "chat_inbound" => json!({
            "channel": "chat", "event_id": "1", "from": { "id": "1" }, "chat": { "address": "1" },
            "what": { "text": { "text": "hello" } },
        }),
        "chat_cursors" => json!({ "channel": "chat" }),
        "chat_allow" => {
            json!({ "channel": "chat", "user_id": "1", "person": "eve", "role": "lead" })
        }
        "chat_deny" => json!({ "channel": "chat", "user_id": "1" }),
        "set_dispatch" => json!({ "to": "paused" }),
        "reset_breaker" => json!({ "key": "host" }),
        "create_board" => json!({ "name": "made" }),
        "rename_board" => json!({ "to": "renamed" }),
        "set_pause" => json!({ "paused": true, "profile": "dev" }),
        "gc" => json!({ "older_than_days": 0, "log_older_than_days": 0 }),
        "log_level" => json!({ "level": "debug" }),
        "add_profile" => json!({ "launcher": "claude" }),
        "search" => json!({ "text": "task", "board": board }),
        "import_links" => json!({ "links": [[task, task]] }),
        "add_schedule" => {
            json!({ "name": "s", "cron": "@daily", "task": { "title": "one" }, "board": board })
        }
        "apply_schedules" => {
            let schedule = json!({ "name": "s", "cron": "@daily", "task": { "title": "one" } });
            json!({ "schedules": [schedule], "board": board })
        }
        "edit_schedule" => json!({ "cron": "@weekly", "board": board }),
        "pause_schedule" | "resume_schedule" | "run_schedule" | "remove_schedule" => {
            json!({ "board": board })
        }
        "list_schedules" | "show_schedule" | "next_occurrences" => json!({ "board": board }),
        "resolve" | "candidates" => json!({ "id": task, "board": board }),
        "list" | "stats" | "assignees" | "events" | "export" | "first_use" => {
            json!({ "board": board })
        }
        _ => json!({}),
    }
}

/// The status with which the daemon answers one request; 0 when it hangs up without an answer.
fn status(
    socket: &Path,
    token: Option<&str>,
    operation: &Operation,
    task: &str,
    board: &str,
) -> u16 {
    let fields = fields(operation.name, task, board);
    let mut path = operation.path.replace("{id}", task).replace("{name}", "theirs");
    let is_query = operation.method == Method::Get || operation.carries == Carries::File;
    let body = match (is_query, operation.carries) {
        (true, Carries::File) => "bytes".to_owned(),
        (true, Carries::Fields) => String::new(),
        (false, _) => fields.to_string(),
    };
    if is_query {
        let pairs = fields.as_object().unwrap().iter();
        let pairs: Vec<String> =
            pairs.map(|(name, value)| format!("{name}={}", value.as_str().unwrap())).collect();
        path = format!("{path}?{}", pairs.join("&"));
    }
    let token = token.map(|token| format!("kanban-token: {token}\r\n")).unwrap_or_default();
    let method = operation.method.as_str().to_uppercase();
    let mut stream = UnixStream::connect(socket).unwrap();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{token}content-length: {length}\r\n\r\n{body}"
    );
    // The daemon may have hung up already.
    let _written = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    let _ended = stream.read_to_end(&mut answer);
    let line = String::from_utf8_lossy(&answer);
    line.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_default()
}

/// Everything that there is: the files of the home but for those of the database, and the boards as they are read.
fn everything(daemon: &Daemon) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![daemon.home()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            let name = path.strip_prefix(daemon.home()).unwrap().to_string_lossy().into_owned();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                found.insert(name, Vec::new());
                folders.push(path);
            } else if kind.is_file() && !name.contains(".db") {
                found.insert(name, std::fs::read(&path).unwrap());
            } else {
                found.insert(name, Vec::new());
            }
        }
    }
    let client = daemon.client();
    for board in ["default", "elsewhere"] {
        let export = client.get_raw("/v1/export", &json!({ "board": board })).unwrap().body;
        found.insert(format!("board {board}"), export.to_vec());
    }
    for path in [
        "/v1/schedules",
        "/v1/schedules?board=elsewhere",
        "/v1/boards",
        "/v1/dispatch/switch",
        "/v1/subscriptions",
        "/v1/chat/people",
    ] {
        found.insert(path.to_owned(), daemon.get(path).to_string().into_bytes());
    }
    let level = daemon.get("/v1/daemon")["log_level"].to_string();
    found.insert("log level".to_owned(), level.into_bytes());
    found
}

fn assert_refused_and_nothing_left(
    scene: &Scene,
    socket: &Path,
    token: Option<&str>,
    operation: &Operation,
    (task, board): (&str, &str),
) {
    let before = everything(&scene.daemon);
    let status = status(socket, token, operation, task, board);
    // A batch is answered with what was refused of it.
    let is_refused = match operation.name {
        "create_batch" | "bulk" => status == 200,
        _ => (401..500).contains(&status),
    };
    assert!(is_refused || token.is_none() && status == 403, "{}: {status}", operation.name);
    let after = everything(&scene.daemon);
    for (name, bytes) in &after {
        assert_eq!(
            before.get(name),
            Some(bytes),
            "{} has left something in {name}",
            operation.name
        );
    }
    assert_eq!(before.len(), after.len(), "{} has removed something", operation.name);
}

#[test]
fn a_worker_leaves_nothing_behind_of_what_only_operators_may_do() {
    let scene = scene();
    let operations = OPERATIONS.iter().filter(|one| right_to(one.name) == Right::Operate);
    let mut count = 0;
    for operation in operations {
        count += 1;
        let about = (scene.other.as_str(), "default");
        let socket = scene.daemon.worker_socket();
        assert_refused_and_nothing_left(&scene, &socket, Some(&scene.token), operation, about);
    }
    assert!(count > 20, "{count} operations were tried");
}

#[test]
fn a_worker_leaves_nothing_behind_on_tasks_that_are_not_its_own_and_on_other_boards() {
    let scene = scene();
    let socket = scene.daemon.socket();
    for operation in OPERATIONS {
        let right = right_to(operation.name);
        // Shows a worker its own board only.
        if operation.name == "boards" {
            continue;
        }
        if matches!(
            right,
            Right::Attach | Right::ActOnTask | Right::Unblock | Right::Answer | Right::Schedule
        ) {
            let about = (scene.other.as_str(), "default");
            assert_refused_and_nothing_left(&scene, &socket, Some(&scene.token), operation, about);
        }
        if right != Right::Ask {
            let about = (scene.elsewhere.as_str(), "elsewhere");
            assert_refused_and_nothing_left(&scene, &socket, Some(&scene.token), operation, about);
        }
    }
}

#[test]
fn a_caller_of_no_run_leaves_nothing_behind_at_the_workers_socket() {
    let scene = scene();
    let socket = scene.daemon.worker_socket();
    for operation in OPERATIONS {
        let about = (scene.other.as_str(), "default");
        assert_refused_and_nothing_left(&scene, &socket, None, operation, about);
    }
}
