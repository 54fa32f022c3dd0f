//! What people do in chats, as the courier brings it to its door: whom it may ask for, what is answered, that it acts once.

use std::cell::Cell;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use kanband::api::operation::{Carries, Method};
use kanband::api::operations::OPERATIONS;
use kanband::kernel::rules::chat_groups::{ChatGroup, chat_group};
use serde_json::{Value, json};

use crate::harness::{Daemon, config, until};
use crate::rights::fields;

const ADA: &str = "4711";
const BO: &str = "4712";
const EVE: &str = "4713";
const GROUP: &str = "-100";

/// Two lines of shell: the worker asks, and its summary is what it heard.
const ASKS: &str = "kanban ask $KANBAN_TASK 'Which colour?' > $KANBAN_WORKSPACE/heard 2>&1; \
                    exec kanban complete $KANBAN_TASK --summary \"$(cat $KANBAN_WORKSPACE/heard)\"";

fn text() -> String {
    format!(
        "{}\n[notify]\ncourier = \"off\"\n[channels.ops]\nkind = \"telegram\"\n\
         [chat.roles.everything]\ngroups = [\"read\", \"comment\", \"create\", \"answer\", \"review\", \"operate\"]\n\
         [chat.roles.reviewer]\ngroups = [\"read\", \"review\"]\n\
         [chat.roles.web]\ngroups = [\"read\", \"create\"]\nboards = [\"web\"]\nassignees = [\"sh\"]\n",
        config(&[("asker", "report", ASKS), ("sh", "report", "exec sleep 600")])
    )
}

/// A daemon with people in a chat.
struct Scene {
    daemon: Daemon,
    events: Cell<u32>,
}

fn scene() -> Scene {
    let daemon = Daemon::start(&text());
    for (user, person, role) in [(ADA, "ada", "lead"), (BO, "bo", "member")] {
        allow(&daemon, user, person, role);
    }
    Scene { daemon, events: Cell::new(0) }
}

fn allow(daemon: &Daemon, user: &str, person: &str, role: &str) {
    let request = json!({ "channel": "ops", "user_id": user, "person": person, "role": role });
    daemon.post("/v1/chat/people", &request);
}

/// One request, and the status and the body of its answer.
fn request(
    socket: &Path,
    (method, path): (&str, &str),
    headers: &[(&str, &str)],
    body: &str,
) -> (u16, Value) {
    let headers: String =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    let text = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
    );
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_default();
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

impl Scene {
    fn door(&self) -> std::path::PathBuf {
        self.daemon.home().join("kanband.sock.courier")
    }

    fn inbound(&self, event_id: &str, user: &str, what: Value) -> Value {
        let body = json!({
            "channel": "ops", "event_id": event_id, "from": { "id": user },
            "chat": { "address": GROUP }, "message_id": format!("in{event_id}"), "what": what,
        });
        let (status, reply) =
            request(&self.door(), ("POST", "/v1/chat/inbound"), &[], &body.to_string());
        assert_eq!(status, 200, "{reply}");
        reply
    }

    fn next(&self) -> String {
        self.events.set(self.events.get() + 1);
        self.events.get().to_string()
    }

    fn says(&self, user: &str, text: &str, reply_to: Option<&str>) -> Value {
        let what = json!({ "text": { "text": text, "reply_to": reply_to, "is_addressed": reply_to.is_none() } });
        self.inbound(&self.next(), user, what)
    }

    fn presses(&self, user: &str, token: &Value) -> Value {
        self.inbound(&self.next(), user, json!({ "press": { "token": token, "message_id": "1" } }))
    }

    /// The first call of the line that this user wrote last, or pressed for.
    fn call(
        &self,
        user: &str,
        what: (&str, &str),
        body: &Value,
        confirm: Option<&str>,
    ) -> (u16, Value) {
        self.calls(user, what, body, (confirm, 1))
    }

    /// A call of that line, by its number.
    fn calls(
        &self,
        user: &str,
        what: (&str, &str),
        body: &Value,
        (confirm, count): (Option<&str>, usize),
    ) -> (u16, Value) {
        let event_id = self.events.get();
        let ask = format!("ops {event_id} {user} {GROUP}");
        let id = format!("chat:ops:{event_id}:{count}");
        let mut headers = vec![("kanban-for", ask.as_str()), ("kanban-request-id", id.as_str())];
        headers.extend(confirm.map(|token| ("kanban-confirm", token)));
        let body = if what.0 == "GET" { String::new() } else { body.to_string() };
        request(&self.door(), what, &headers, &body)
    }

    /// Takes the message that is due and says that it was sent under this id.
    fn carry(&self, provider_id: &str) -> Value {
        let lease = json!({ "max": 1, "wait_ms": 0 }).to_string();
        let row = until("a message is handed out", || {
            let (_, leased) = request(&self.door(), ("POST", "/v1/outbox/lease"), &[], &lease);
            leased["rows"].get(0).cloned()
        });
        let outcome = json!({ "sent": { "provider_id": provider_id } });
        let result = json!({ "id": row["id"], "lease": row["lease"], "outcome": outcome });
        let results = json!({ "results": [result] }).to_string();
        let (status, _) = request(&self.door(), ("POST", "/v1/outbox/settle"), &[], &results);
        assert_eq!(status, 200);
        row["notice"].clone()
    }

    /// A running task whose worker waits for an answer, asked in the group under the id `q`.
    fn asked(&self) -> String {
        let watch = json!({ "platform": "ops", "chat_id": GROUP, "level": "quiet" });
        self.daemon.post("/v1/subscriptions", &watch);
        let id = self.daemon.create(json!({ "assignee": "asker" }));
        let notice = self.carry("q");
        assert_eq!(notice["question"]["text"], "Which colour?", "{notice}");
        id
    }
}

#[test]
fn a_reply_reaches_the_worker_that_waits_and_a_second_one_hears_that_it_is_over() {
    let scene = scene();
    let id = scene.asked();
    let reply = scene.says(BO, "blue", Some("q"));
    assert!(reply["say"]["text"].as_str().unwrap().starts_with("Answered: blue"), "{reply}");
    scene.daemon.wait_status(&id, "done");
    let shown = scene.daemon.show(&id);
    assert_eq!(shown["runs"][0]["summary"], "blue", "{shown}");
    let events = shown["events"].as_array().unwrap();
    let answered = events.iter().find(|event| event["kind"] == "answered").unwrap();
    assert_eq!(answered["actor"], "bo (ops)");
    let late = scene.says(ADA, "red", Some("q"));
    let words = late["say"]["text"].as_str().unwrap();
    assert!(words.starts_with("It is over: answered by bo (ops): blue"), "{late}");
    let keep = &late["say"]["buttons"][0];
    assert_eq!(keep["label"], "Keep as a comment");
    let theirs = scene.presses(BO, &keep["token"]);
    assert_eq!(theirs["toast"], "This button is for ada.");
    assert_eq!(scene.presses(ADA, &keep["token"])["toast"], "Kept as a comment.");
    let comments = scene.daemon.show(&id)["comments"].clone();
    assert_eq!(comments[0]["author"], "ada (ops)", "{comments}");
}

#[test]
fn an_answer_acts_once_although_the_daemon_dies_before_it_is_known() {
    let mut scene = scene();
    scene.daemon.kill_9();
    scene.daemon.arm(Some("ask-end-committed=kill"));
    scene.daemon.spawn();
    scene.daemon.wait_until_up();
    let id = scene.asked();
    let body = json!({
        "channel": "ops", "event_id": "7", "from": { "id": BO }, "chat": { "address": GROUP },
        "message_id": "in7", "what": { "text": { "text": "blue", "reply_to": "q" } }, "cursor": "s7",
    });
    let mut stream = UnixStream::connect(scene.door()).unwrap();
    let text = body.to_string();
    let length = text.len();
    let head = "POST /v1/chat/inbound HTTP/1.1\r\nhost: x\r\nconnection: close\r\n";
    stream.write_all(format!("{head}content-length: {length}\r\n\r\n{text}").as_bytes()).unwrap();
    scene.daemon.wait_killed();
    let mut answer = Vec::new();
    let _ended = stream.read_to_end(&mut answer);
    assert!(answer.is_empty(), "the daemon died with the commit");
    scene.daemon.arm(None);
    scene.daemon.restart();
    let (status, again) = request(&scene.door(), ("POST", "/v1/chat/inbound"), &[], &text);
    assert_eq!((status, &again["is_repeat"]), (200, &json!(true)), "{again}");
    assert!(again["say"]["text"].as_str().unwrap().starts_with("Answered: blue"), "{again}");
    scene.daemon.wait_status(&id, "done");
    let kinds = scene.daemon.kinds(&id);
    assert_eq!(kinds.iter().filter(|kind| *kind == "answered").count(), 1, "{kinds:?}");
    let cursor = request(&scene.door(), ("GET", "/v1/chat/cursors?channel=ops"), &[], "").1;
    assert_eq!(cursor["cursor"], "s7");
}

#[test]
fn a_command_that_writes_acts_once_when_its_line_is_run_again() {
    let mut scene = scene();
    let run = scene.says(BO, "/kanban create 'from a chat'", None);
    assert_eq!(run["run"]["line"], "create 'from a chat'", "{run}");
    let create = json!({ "title": "from a chat" });
    let (status, made) = scene.call(BO, ("POST", "/v1/tasks"), &create, None);
    assert_eq!((status, &made["created_by"]), (200, &json!("bo (ops)")), "{made}");
    scene.daemon.kill_9();
    scene.daemon.restart();
    let (_, again) = scene.call(BO, ("POST", "/v1/tasks"), &create, None);
    assert_eq!(again["id"], made["id"]);
    assert_eq!(scene.daemon.get("/v1/tasks").as_array().unwrap().len(), 1);
    let subscription = &scene.daemon.get("/v1/subscriptions")[0];
    assert_eq!((&subscription["chat_id"], &subscription["person"]), (&json!(GROUP), &json!("bo")));
    let ask = format!("ops 1 {BO} {GROUP}");
    for id in [None, Some("chat:ops:2:1"), Some("mine")] {
        let mut headers = vec![("kanban-for", ask.as_str())];
        headers.extend(id.map(|id| ("kanban-request-id", id)));
        let (status, refused) =
            request(&scene.door(), ("POST", "/v1/tasks"), &headers, &create.to_string());
        assert_eq!(status, 400, "{refused}");
    }
}

#[test]
fn who_is_not_known_or_denied_is_heard_nowhere() {
    let scene = scene();
    let id = scene.asked();
    assert_eq!(
        scene.says(EVE, "blue", Some("q")),
        json!({ "is_noted": false, "is_repeat": false })
    );
    let (status, refused) = scene.call(EVE, ("GET", "/v1/tasks"), &json!({}), None);
    assert_eq!(status, 403, "{refused}");
    let deny = json!({ "channel": "ops", "user_id": BO });
    assert_eq!(scene.daemon.post("/v1/chat/people/deny", &deny)["denied"], json!(true));
    assert!(scene.says(BO, "blue", Some("q")).get("say").is_none());
    let (status, refused) = scene.call(BO, ("GET", "/v1/tasks"), &json!({}), None);
    assert_eq!(status, 403, "{refused}");
    assert_eq!(scene.daemon.status(&id), "running");
    let people = scene.daemon.get("/v1/chat/people");
    assert_eq!(people.as_array().unwrap().len(), 1, "{people}");
}

#[test]
fn the_header_is_taken_at_the_couriers_door_only() {
    let scene = scene();
    scene.says(ADA, "/kanban list", None);
    let ask = format!("ops 1 {ADA} {GROUP}");
    let (status, listed) = scene.call(ADA, ("GET", "/v1/tasks"), &json!({}), None);
    assert_eq!((status, listed), (200, json!([])));
    for (name, value) in [("kanban-for", ask.as_str()), ("kanban-confirm", "x")] {
        let headers = [(name, value)];
        let (status, refused) = request(&scene.daemon.socket(), ("GET", "/v1/tasks"), &headers, "");
        assert_eq!(status, 403, "{name}: {refused}");
    }
    for wrong in ["", "ops 1", "ops 1 2 3 4 5", "ops 1 %ff 2"] {
        let headers = [("kanban-for", wrong)];
        let (status, refused) = request(&scene.door(), ("GET", "/v1/tasks"), &headers, "");
        assert_eq!(status, 400, "{wrong:?}: {refused}");
    }
    // Without it the courier itself asks, which may not.
    assert_eq!(request(&scene.door(), ("GET", "/v1/tasks"), &[], "").0, 403);
}

#[test]
fn each_role_reaches_the_operations_of_its_groups_and_no_other() {
    let scene = scene();
    let task = scene.daemon.create(json!({ "title": "in the way" }));
    let before = scene.daemon.get("/v1/chat/people");
    for (user, role) in [(ADA, "everything"), (BO, "member"), (EVE, "reviewer")] {
        allow(&scene.daemon, user, role, role);
        let granted: &[&str] = match role {
            "everything" => &["read", "comment", "create", "answer", "review", "operate"],
            "member" => &["read", "comment", "create", "answer"],
            _ => &["read", "review"],
        };
        scene.says(user, "/kanban anything", None);
        for (count, operation) in OPERATIONS.iter().enumerate() {
            // The request for many tasks is about archiving them.
            let name = if operation.name == "bulk" { "archive" } else { operation.name };
            let group = chat_group(name).unwrap();
            let is_granted = group != ChatGroup::Never && granted.contains(&group.as_str());
            // A stream has no end, and these need what the test has not.
            if is_granted && matches!(operation.name, "events" | "log" | "diff") {
                continue;
            }
            let (status, answer) = try_out(&scene, user, operation, (&task, count));
            let code = answer["error"]["code"].as_str().unwrap_or_default().to_owned();
            let is_refused = status == 403 && code == "forbidden";
            assert_eq!(is_refused, !is_granted, "{role}: {}: {status} {answer}", operation.name);
            let is_asked_back = code == "confirm_needed";
            let asks = is_granted && group == ChatGroup::Operate && operation.method != Method::Get;
            // A question about what is not there is refused before it is asked.
            assert!(!is_asked_back || asks, "{role}: {}: {answer}", operation.name);
        }
    }
    let after = scene.daemon.get("/v1/chat/people");
    assert_eq!(after.as_array().unwrap().len(), before.as_array().unwrap().len() + 1);
    assert_ne!(scene.daemon.status(&task), "archived", "nothing was confirmed");
}

/// Asks for an operation as a person of the chat.
fn try_out(
    scene: &Scene,
    user: &str,
    operation: &'static kanband::api::operation::Operation,
    (task, count): (&str, usize),
) -> (u16, Value) {
    let given = fields(operation.name, task, "default");
    let mut path = operation.path.replace("{id}", task).replace("{name}", "theirs");
    let is_query = operation.method == Method::Get || operation.carries == Carries::File;
    if is_query {
        let pairs: Vec<String> = given
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or("1")))
            .collect();
        path = format!("{path}?{}", pairs.join("&"));
    }
    let method = operation.method.as_str().to_uppercase();
    scene.calls(user, (&method, &path), &given, (None, count))
}

#[test]
fn a_role_for_one_board_and_one_assignee_creates_nowhere_else_and_for_nobody_else() {
    let scene = scene();
    scene.daemon.post("/v1/boards", &json!({ "name": "web" }));
    let elsewhere = scene.daemon.create(json!({ "title": "elsewhere" }));
    allow(&scene.daemon, EVE, "eve", "web");
    for (method, path, body, expected) in [
        ("POST", "/v1/tasks".to_owned(), json!({ "title": "a", "board": "default" }), 403),
        ("POST", "/v1/tasks".to_owned(), json!({ "title": "a", "assignee": "asker" }), 400),
        ("POST", "/v1/tasks".to_owned(), json!({ "title": "a", "assignee": "sh" }), 200),
        ("GET", format!("/v1/tasks/{elsewhere}"), json!({}), 404),
        ("GET", "/v1/tasks?board=default".to_owned(), json!({}), 403),
        ("GET", "/v1/status".to_owned(), json!({}), 403),
        ("GET", "/v1/boards".to_owned(), json!({}), 200),
    ] {
        scene.says(EVE, "/kanban create a", None);
        let (status, answer) = scene.call(EVE, (method, &path), &body, None);
        assert_eq!(status, expected, "{method} {path} {body}: {answer}");
        if path == "/v1/boards" {
            assert_eq!(answer.as_array().unwrap().len(), 1, "{answer}");
        }
        if expected == 200 && method == "POST" {
            assert_eq!(answer["board"], "web", "{answer}");
        }
    }
}

#[test]
fn what_is_not_easily_undone_is_asked_back_and_done_for_who_confirms_it() {
    let scene = scene();
    let id = scene.daemon.create(json!({ "title": "a worker", "assignee": "sh" }));
    scene.daemon.worker_pid(&id);
    let other = scene.daemon.create(json!({ "title": "not asked about" }));
    let (stop, path) = (json!({ "reason": "enough" }), format!("/v1/tasks/{id}/stop"));
    let line = scene.says(ADA, &format!("/kanban stop {id} --reason enough"), None);
    assert!(line["run"]["confirm"].is_null(), "{line}");
    let (status, asked) = scene.call(ADA, ("POST", &path), &stop, None);
    assert_eq!((status, &asked["error"]["code"]), (403, &json!("confirm_needed")), "{asked}");
    let question = asked["error"]["message"].as_str().unwrap();
    assert!(question.starts_with(&format!("Stop {id} “a worker” (running")), "{question}");
    let token = asked["error"]["confirm"]["token"].clone();
    // Not by the token alone, not by another person, not with another request.
    let (status, _) = scene.call(ADA, ("POST", &path), &stop, token.as_str());
    assert_eq!(status, 403);
    assert_eq!(scene.presses(BO, &token)["toast"], "This button is for ada.");
    let pressed = scene.presses(ADA, &token);
    assert_eq!(pressed["run"]["line"], line["run"]["line"], "{pressed}");
    assert_eq!(pressed["run"]["confirm"], token);
    let more = format!("/v1/tasks/{other}/archive");
    let (status, refused) = scene.call(ADA, ("POST", &more), &json!({}), token.as_str());
    assert_eq!((status, &refused["error"]["code"]), (403, &json!("forbidden")), "{refused}");
    assert_eq!(scene.daemon.status(&id), "running");
    let (status, done) = scene.call(ADA, ("POST", &path), &stop, token.as_str());
    assert_eq!(status, 200, "{done}");
    let stopped = scene.daemon.show(&id)["events"].clone();
    let stopped =
        stopped.as_array().unwrap().iter().find(|event| event["kind"] == "stopped").cloned();
    assert_eq!(stopped.unwrap()["actor"], "ada (ops)");
    let again = scene.presses(ADA, &token);
    assert!(again["toast"].as_str().unwrap().starts_with("Already used by ada (ops)"), "{again}");
    // A body that says nothing is asked back like any other, and the ids of their requests are taken by nobody else.
    let line = scene.says(ADA, &format!("/kanban archive {other}"), None);
    assert!(line["run"]["line"].is_string(), "{line}");
    let event_id = scene.events.get();
    let (ask, id_of) = (format!("ops {event_id} {ADA} {GROUP}"), format!("chat:ops:{event_id}:1"));
    let headers = [("kanban-for", ask.as_str()), ("kanban-request-id", id_of.as_str())];
    let (status, asked) = request(&scene.door(), ("POST", &more), &headers, "");
    assert_eq!((status, &asked["error"]["code"]), (403, &json!("confirm_needed")), "{asked}");
    let (status, taken) =
        request(&scene.daemon.home().join("kanband.sock"), ("POST", &more), &headers[1..], "{}");
    assert_eq!((status, &taken["error"]["code"]), (400, &json!("bad_request")), "{taken}");
    let forced = json!({ "force": true });
    let (status, refused) = scene.call(ADA, ("POST", &path), &forced, None);
    assert_eq!((status, &refused["error"]["code"]), (403, &json!("forbidden")), "{refused}");
}
