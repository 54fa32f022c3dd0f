//! A `kanban` of the release before works against this daemon: its requests, as it sent them, are taken, and the replies have every
//! field that it read.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use serde_json::Value;

use crate::harness::{Board, until};

/// Fields of a task.
const TASK: &str = "archived_at args assignee auto_starts board body branch_name claim_expires claim_lock completed_at created_at \
    created_by current_run_id current_step_key effort id idempotency_key labels last_heartbeat_at last_spawn_error \
    max_runtime_seconds model no_max_runtime not_before priority protocol_violations ready_at result resume_run_id skills \
    spawn_failures started_at status tenant title worker_pid workflow_template_id workspace_kind workspace_path";

/// Fields of a run.
const RUN: &str = "args argv artifacts automatic cause claim_expires claim_lock closed_at containment cpu_ms created_cards effort \
    ended_at errno error exit_code failure_limit id last_heartbeat_at log_tail max_rss_bytes max_runtime_seconds \
    memory_peak_bytes metadata model not_enforced oom_kills outcome profile resumed_run_id retry_at session signal \
    started_at state status step_key summary supervised task_id verdict_by worker_pid workspace_notes \
    workspace_path";

/// Fields of a file.
const FILE: &str = "created_at filename id sha256 size_bytes uploaded_by";

/// Fields of the reply to a verb that ends a run.
const ENDED: &str = "assignee board id run_id status stopping";

/// Fields of a verdict.
const VERDICT: &str = "already board id released run_id status";

/// Fields of the report of a pass.
const PASS: &str = "auto_blocked crashed promoted reclaimed skipped_unassigned spawned timed_out";

/// What a new task was sent with.
const NEW: &str = r#""body":null,"assignee":null,"parents":[],"triage":false,"priority":0,"tenant":null,"workspace_kind":null,"workspace_path":null,"idempotency_key":null,"max_runtime_seconds":null,"no_max_runtime":false,"skills":null,"model":null,"effort":null,"args":[],"created_by":null,"labels":[],"board":null"#;

/// Method, path, body and the fields of the reply, in the order in which they were sent. `{a}`, `{b}`, `{c}` are ready tasks, `{i}` is
/// one in triage, `{r}` one that runs.
type Sent = (&'static str, &'static str, &'static str, &'static str);

const TASKS: &[Sent] = &[
    (
        "POST",
        "/v1/boards",
        r#"{"name":"shop","description":"the shop"}"#,
        "created created_at description name",
    ),
    ("GET", "/v1/boards", "", "created_at description name"),
    ("POST", "/v1/tasks", r#"{"title":"parent",NEW}"#, "created TASK"),
    (
        "POST",
        "/v1/tasks",
        r#"{"title":"child","body":"b","assignee":"dev","parents":["{a}"],"triage":false,"priority":3,"tenant":"acme","workspace_kind":"scratch","workspace_path":null,"idempotency_key":"k1","max_runtime_seconds":3600,"no_max_runtime":false,"skills":["s"],"model":null,"effort":null,"args":[],"created_by":"ann","labels":["x"],"board":null}"#,
        "created TASK",
    ),
    ("POST", "/v1/tasks/batch", r#"{"tasks":[{"title":"l1",NEW}]}"#, "created refused"),
    ("GET", "/v1/tasks?archived=false", "", "TASK"),
    (
        "GET",
        "/v1/tasks?archived=true&assignee=dev&label=x&limit=3&sort=-created&status=todo&tenant=acme",
        "",
        "TASK",
    ),
    ("GET", "/v1/tasks?archived=false&parent={a}", "", "TASK"),
    ("GET", "/v1/search?archived=false&limit=3&text=ideas", "", "snippet TASK"),
    ("GET", "/v1/tasks/{a}", "", "attachments board children comments events parents runs task"),
    (
        "PATCH",
        "/v1/tasks/{a}",
        r#"{"id":"{a}","title":"a2","body":"bb","priority":4,"tenant":"t","model":"m","effort":"high","args":["--x"],"add_labels":["y"],"remove_labels":[],"board":null}"#,
        "changed TASK",
    ),
    (
        "PATCH",
        "/v1/tasks/{a}",
        r#"{"id":"{a}","title":null,"body":null,"priority":null,"tenant":null,"model":null,"effort":null,"args":[],"add_labels":[],"remove_labels":["y"],"board":null}"#,
        "changed TASK",
    ),
    (
        "POST",
        "/v1/tasks/{a}/assign",
        r#"{"id":"{a}","assignee":"dev","board":null}"#,
        "assignee board changed id",
    ),
    (
        "POST",
        "/v1/tasks/{a}/assign",
        r#"{"id":"{a}","assignee":null,"board":null}"#,
        "assignee board changed id",
    ),
    (
        "POST",
        "/v1/links",
        r#"{"parent_id":"{b}","child_id":"{c}","board":null}"#,
        "board child_id child_status linked parent_id",
    ),
    (
        "POST",
        "/v1/links/remove",
        r#"{"parent_id":"{b}","child_id":"{c}","board":null}"#,
        "board child_id child_status parent_id",
    ),
    (
        "POST",
        "/v1/tasks/{a}/comment",
        r#"{"id":"{a}","body":"hello","author":null,"board":null}"#,
        "author board comment_id task_id",
    ),
    (
        "POST",
        "/v1/tasks/{a}/comment",
        r#"{"id":"{a}","body":"hello","author":"ann","board":null}"#,
        "author board comment_id task_id",
    ),
    ("POST", "/v1/tasks/{a}/attach?filename=f.txt", "data", "already board task_id FILE"),
    ("GET", "/v1/tasks/{a}/attachments", "", "FILE"),
    ("GET", "/v1/tasks/{a}/attachment?filename=f.txt", "", ""),
    (
        "POST",
        "/v1/tasks/{a}/detach",
        r#"{"id":"{a}","filename":"f.txt","board":null}"#,
        "board task_id FILE",
    ),
    (
        "POST",
        "/v1/tasks/{a}/notify_subscribe",
        r#"{"id":"{a}","platform":"x","chat_id":"1","thread_id":"","user_id":null,"board":null}"#,
        "board chat_id created created_at last_event_id platform task_id thread_id user_id",
    ),
    (
        "GET",
        "/v1/subscriptions?task={a}",
        "",
        "board chat_id created_at last_event_id platform task_id thread_id user_id",
    ),
    (
        "POST",
        "/v1/tasks/{a}/notify_unsubscribe",
        r#"{"id":"{a}","platform":"x","chat_id":"1","thread_id":"","board":null}"#,
        "board id",
    ),
    ("GET", "/v1/stats", "", "board by_assignee by_status now oldest_ready_age_seconds"),
    ("GET", "/v1/tasks/{a}/why", "", "board explanation hint id reason status"),
    ("GET", "/v1/tasks/{a}/context", "", "board context id"),
    ("GET", "/v1/events?tasks={a}", "", ""),
    ("GET", "/v1/export", "", ""),
    ("GET", "/v1/import", "", "keep_ids"),
    (
        "POST",
        "/v1/gc",
        r#"{"older_than_days":30,"log_older_than_days":30,"dry_run":false}"#,
        "attachments dry_run events kept logs tasks workspaces",
    ),
];

const RUNS: &[Sent] = &[
    (
        "POST",
        "/v1/tasks/{a}/claim",
        r#"{"id":"{a}","ttl_seconds":300,"claimer":"root@vm","board":null,"repository":null,"branch":null}"#,
        "run_id workspace TASK",
    ),
    (
        "POST",
        "/v1/tasks/{a}/heartbeat",
        r#"{"id":"{a}","note":"n","claimer":null,"board":null}"#,
        "board claim_expires id run_id",
    ),
    ("GET", "/v1/tasks/{a}/runs", "", "RUN"),
    (
        "POST",
        "/v1/tasks/{a}/complete",
        r#"{"id":"{a}","summary":"s","metadata":{"n":1},"result":"r","artifacts":[],"created_cards":[],"board":null}"#,
        "VERDICT",
    ),
    (
        "POST",
        "/v1/tasks/{b}/block",
        r#"{"id":"{b}","reason":"why","kind":"needs_input","comment":true,"board":null}"#,
        "VERDICT",
    ),
    (
        "POST",
        "/v1/tasks/{b}/unblock",
        r#"{"id":"{b}","more_starts":true,"board":null}"#,
        "board id status",
    ),
    (
        "POST",
        "/v1/tasks/{i}/promote",
        r#"{"id":"{i}","force":false,"reason":"go","board":null}"#,
        "board id status unmet",
    ),
    ("POST", "/v1/tasks/{c}/claim", CLAIM, "run_id workspace TASK"),
    ("POST", "/v1/tasks/{c}/reclaim", r#"{"id":"{c}","reason":"r","board":null}"#, "ENDED"),
    ("POST", "/v1/tasks/{c}/claim", CLAIM, "run_id workspace TASK"),
    (
        "POST",
        "/v1/tasks/{c}/reassign",
        r#"{"id":"{c}","assignee":"qa","reason":"r","board":null}"#,
        "ENDED",
    ),
    ("POST", "/v1/tasks/{c}/claim", CLAIM, "run_id workspace TASK"),
    (
        "POST",
        "/v1/tasks/{c}/stop",
        r#"{"id":"{c}","then":null,"reason":null,"force":false,"board":null}"#,
        "ENDED ready",
    ),
    ("POST", "/v1/tasks/{c}/claim", CLAIM, "run_id workspace TASK"),
    (
        "POST",
        "/v1/tasks/{c}/stop",
        r#"{"id":"{c}","then":"requeue","reason":null,"force":false,"board":null}"#,
        "ENDED ready",
    ),
    ("POST", "/v1/tasks/{c}/claim", CLAIM, "run_id workspace TASK"),
    (
        "POST",
        "/v1/tasks/{c}/stop",
        r#"{"id":"{c}","then":"cancel","reason":null,"force":false,"board":null}"#,
        "ENDED archived",
    ),
    ("POST", "/v1/tasks/{b}/claim", CLAIM, "run_id workspace TASK"),
    (
        "POST",
        "/v1/tasks/{b}/stop",
        r#"{"id":"{b}","then":"hold","reason":"r","force":false,"board":null}"#,
        "ENDED blocked",
    ),
    (
        "POST",
        "/v1/tasks/{a}/archive",
        r#"{"id":"{a}","board":null}"#,
        "board id released run_id archived",
    ),
    ("GET", "/v1/tasks/{r}/log?follow=false&tail=10", "", ""),
    (
        "POST",
        "/v1/dispatch",
        r#"{"dry_run":true,"max":null,"failure_limit":null,"board":null}"#,
        "PASS",
    ),
    ("POST", "/v1/dispatch", r#"{"dry_run":false,"max":0,"failure_limit":3,"board":null}"#, "PASS"),
    ("POST", "/v1/dispatch/switch", r#"{"to":"draining"}"#, "before dispatch open_runs"),
    ("POST", "/v1/dispatch/switch", r#"{"to":"on"}"#, "before dispatch open_runs"),
];

const DAEMON: &[Sent] = &[
    (
        "GET",
        "/v1/daemon",
        "",
        "branch_prefix containment database_commit_us database_commits database_reads database_requests home incarnation live_runs \
         log_level pid socket started_at version",
    ),
    ("GET", "/v1/status", "", "attention boards daemon dispatch now resources runs"),
    ("GET", "/v1/assignees", "", "counts name on_disk would_run"),
    (
        "GET",
        "/v1/profiles?name=dev",
        "",
        "argv can_resume env launcher max_running mcp_entry_files name not_enforced path problem program redacts takes user verdict \
         version_argv working_directory",
    ),
    ("GET", "/v1/breakers", "", ""),
    ("GET", "/v1/doctor", "", "checks health"),
    ("GET", "/v1/whoami", "", "board is_orchestrator kind name run_id task_id"),
    ("POST", "/v1/reload", "{}", "changes"),
    ("POST", "/v1/log-level", r#"{"level":"info"}"#, "before level"),
    ("GET", "/v1/metrics", "", ""),
    ("GET", "/v1/backup", "", ""),
];

/// `{self}` is the task of the path.
const CLAIM: &str = r#"{"id":"{self}","ttl_seconds":null,"claimer":"root@vm","board":null,"repository":null,"branch":null}"#;

/// Status and body of the reply.
fn send(board: &Board, method: &str, path: &str, body: &str) -> (u16, Vec<u8>) {
    let mut stream = UnixStream::connect(board.home().join("kanband.sock")).unwrap();
    let kind = if body.starts_with('{') { "application/json" } else { "application/octet-stream" };
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: kanband\r\nconnection: close\r\ncontent-type: {kind}\r\nkanban-edge: command-line\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).unwrap();
    let end = reply.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(reply[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = reply.split_off(end + 4);
    (status, if head.contains("chunked") { unchunked(&body) } else { body })
}

fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let end = body.windows(2).position(|two| two == b"\r\n").unwrap();
        let size = std::str::from_utf8(&body[..end]).unwrap();
        let size = usize::from_str_radix(size.split(';').next().unwrap(), 16).unwrap();
        if size == 0 {
            return whole;
        }
        whole.extend_from_slice(&body[end + 2..end + 2 + size]);
        body = &body[end + 4 + size..];
    }
}

/// Sends each request and looks at its reply.
fn replay(board: &Board, ids: &[(&str, &str)], sent: &[Sent]) {
    let words = [
        ("TASK", TASK),
        ("RUN", RUN),
        ("FILE", FILE),
        ("ENDED", ENDED),
        ("VERDICT", VERDICT),
        ("PASS", PASS),
    ];
    for (method, path, body, fields) in sent {
        let fill = |text: &str| {
            let text = text.replace("NEW", NEW);
            ids.iter().fold(text, |text, (name, id)| text.replace(name, id))
        };
        let path = fill(path);
        let id = path.split('/').nth(3).unwrap_or_default().to_owned();
        let body = fill(body).replace("{self}", &id);
        let (status, reply) = send(board, method, &path, &body);
        let text = String::from_utf8_lossy(&reply).into_owned();
        assert_eq!(status, 200, "{method} {path} {body}: {text}");
        let status = ["ready", "blocked", "archived"];
        let (states, names): (Vec<&str>, Vec<&str>) =
            fields.split_whitespace().partition(|word| status.contains(word));
        let fields: Vec<&str> = names
            .iter()
            .flat_map(|name| {
                words
                    .iter()
                    .find(|(word, _)| word == name)
                    .map_or(*name, |(_, of)| of)
                    .split_whitespace()
            })
            .collect();
        if !fields.is_empty() {
            let reply: Value = serde_json::from_slice(&reply).unwrap();
            let one = match reply.as_array() {
                Some(list) => list.first().unwrap_or_else(|| panic!("{method} {path}: nothing")),
                None => &reply,
            };
            let missing: Vec<&&str> =
                fields.iter().filter(|field| one.get(**field).is_none()).collect();
            assert!(missing.is_empty(), "{method} {path}: {missing:?} in {text}");
        }
        for state in states {
            assert_eq!(board.status(&id), state, "{method} {path} {body}");
        }
    }
}

#[test]
fn requests_of_an_older_client_are_taken_and_answered_with_what_it_reads() {
    let board = Board::with_workers(&[("dev", "touch begun; echo hello; exec sleep 600")]);
    let [a, b, c] = ["a", "b", "c"].map(|title| board.create(title, &[]));
    let idea = board.create("ideas", &["--triage"]);
    until("the search to know the tasks", || {
        let found = board.say(["search", "ideas", "--json"]).json();
        (found != serde_json::json!([])).then_some(())
    });
    let run = board.create("r", &["--assignee", "dev"]);
    board.dispatch();
    let begun = board.home().join("workspaces").join(&run).join("begun");
    until("the worker to begin", || begun.exists().then_some(()));
    let ids: [(&str, &str); 5] =
        [("{a}", &a), ("{b}", &b), ("{c}", &c), ("{i}", &idea), ("{r}", &run)];
    for sent in [TASKS, RUNS, DAEMON] {
        replay(&board, &ids, sent);
    }
    board.say(["stop", &run]).ok();
}
