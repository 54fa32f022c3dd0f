//! An empty board: which agents are found, and how a built-in one gets its profile.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use kanband::api::operation::{Carries, Method};
use kanband::api::operations::OPERATIONS;
use serde_json::{Value, json};

use crate::harness::{Config, Daemon, config};
use crate::rights::fields;
use crate::web_harness::Web;

/// The program of an agent: it completes its task.
const AGENT: &str = "#!/bin/sh\nexec kanban complete --summary done $KANBAN_TASK\n";

/// A daemon whose search path has a folder with these programs and the system's.
fn start(config: &Config, programs: &[&str]) -> Daemon {
    let mut daemon = Daemon::prepare(config);
    let folder = daemon.scratch().join("programs");
    std::fs::create_dir(&folder).unwrap();
    for name in programs {
        std::fs::write(folder.join(name), AGENT).unwrap();
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.join(name), executable).unwrap();
    }
    daemon.set("PATH", &format!("{}:/usr/bin:/bin", folder.display()));
    daemon.spawn();
    daemon.wait_until_up();
    daemon
}

fn agent<'v>(first_use: &'v Value, launcher: &str) -> &'v Value {
    let agents = first_use["agents"].as_array().unwrap();
    agents.iter().find(|agent| agent["launcher"] == launcher).unwrap()
}

#[test]
fn an_empty_board_comes_with_the_agents_that_were_found_and_any_other_without() {
    let daemon = start(&config(&[]), &["claude"]);
    let snapshot = daemon.get("/v1/board");
    let first_use = daemon.get("/v1/first_use");
    assert_eq!(snapshot["first_use"], first_use);
    let found = agent(&first_use, "claude");
    assert_eq!(first_use["agents"][0], *found, "those that are there come first");
    let program = daemon.scratch().join("programs/claude").display().to_string();
    assert_eq!(found["program"], program.as_str());
    assert_eq!(found["config"], "[profiles.claude]\nlauncher = \"claude\"\n");
    let file = daemon.home().join("conf.d/profile-claude.toml").display().to_string();
    assert_eq!((&found["file"], &found["is_configured"]), (&json!(file), &json!(false)));
    assert_eq!(found["argv"][0], "claude");
    // Hermes looks the assignee up among its own profiles.
    assert_eq!(agent(&first_use, "hermes")["profile"], "default");
    assert_eq!(agent(&first_use, "codex")["program"], Value::Null);
    assert!(first_use["agents"].as_array().unwrap().iter().all(|one| one["launcher"] != "command"));
    assert_eq!(first_use["why_not"], Value::Null);
    daemon.create(json!({}));
    assert_eq!(daemon.get("/v1/board")["first_use"], Value::Null);
}

#[test]
fn what_a_found_agent_would_run_is_what_its_profile_runs() {
    let daemon = start(&config(&[]), &["claude"]);
    let found = daemon.get("/v1/first_use");
    let added = daemon.post("/v1/profiles", &json!({ "launcher": "claude" }));
    let checked = daemon.get("/v1/profiles?name=claude");
    let found = agent(&found, "claude");
    for (of_agent, of_profile) in [("argv", "argv"), ("program", "program"), ("user", "user")] {
        assert_eq!(found[of_agent], checked[0][of_profile], "{of_agent}");
    }
    assert_eq!(added["profile"], checked[0]["name"]);
}

#[test]
fn a_page_adds_the_profile_of_an_agent_and_its_tasks_start() {
    let daemon = start(&config(&[]), &["claude"]);
    let web = Web::logged_in(&daemon);
    let reply = web.post("/v1/profiles", &json!({ "launcher": "claude" }));
    assert_eq!(reply.status, 200, "{}", reply.text());
    let file = daemon.home().join("conf.d/profile-claude.toml");
    assert_eq!(reply.json()["file"], file.display().to_string());
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.ends_with("\n[profiles.claude]\nlauncher = \"claude\"\n"), "{text}");
    let left = std::fs::read_dir(daemon.home().join("conf.d")).unwrap().count();
    assert_eq!(left, 1, "nothing half is left");
    let found = web.get("/v1/first_use").json();
    assert_eq!(agent(&found, "claude")["is_configured"], true);
    let id = daemon.create(json!({ "assignee": "claude" }));
    daemon.wait_status(&id, "done");
}

#[test]
fn what_cannot_be_added_is_refused_in_one_line_and_writes_nothing() {
    let daemon = start(&config(&[("codex", "exit", "true")]), &["claude", "codex"]);
    let web = Web::logged_in(&daemon);
    let conf_d = daemon.home().join("conf.d");
    let refused = |body: Value, status: u16, code: &str, words: &str| {
        let before = files_of(&daemon);
        let reply = web.post("/v1/profiles", &body);
        let message = reply.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{message}");
        assert!(message.contains(words) && !message.contains('\n'), "{message}");
        assert_eq!(files_of(&daemon), before, "{body}");
    };
    refused(json!({ "launcher": "shell" }), 400, "invalid_value", "no agent \"shell\" is built in");
    refused(json!({ "launcher": "command" }), 400, "invalid_value", "is built in");
    refused(json!({ "launcher": "../x" }), 400, "invalid_value", "is built in");
    refused(json!({ "launcher": "gemini" }), 400, "invalid_value", "program `gemini` not found");
    refused(json!({ "launcher": "codex" }), 409, "profile_exists", "\"codex\" already exists");
    refused(json!({ "launcher": "claude", "argv": ["sh"] }), 400, "bad_request", "argv");
    std::fs::create_dir_all(&conf_d).unwrap();
    std::fs::write(conf_d.join("profile-claude.toml"), "").unwrap();
    let words = "conf.d/profile-claude.toml already exists";
    refused(json!({ "launcher": "claude" }), 409, "profile_exists", words);
}

#[test]
fn a_configuration_that_is_refused_with_it_is_left_as_it_was() {
    let daemon = start(&config(&[]), &["claude"]);
    let broken = daemon.home().join("conf.d/broken.toml");
    std::fs::create_dir_all(daemon.home().join("conf.d")).unwrap();
    std::fs::write(&broken, "[dispatch]\nmax_runing = 2\n").unwrap();
    let web = Web::logged_in(&daemon);
    let before = files_of(&daemon);
    let reply = web.post("/v1/profiles", &json!({ "launcher": "claude" }));
    assert_eq!((reply.status, reply.code().as_str()), (400, "invalid_value"), "{}", reply.text());
    assert!(reply.text().contains("max_runing"), "{}", reply.text());
    assert_eq!(files_of(&daemon), before);
}

/// The files of the configuration.
fn files_of(daemon: &Daemon) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut add = |path: &Path| {
        if let Ok(bytes) = std::fs::read(path) {
            found.insert(path.display().to_string(), bytes);
        }
    };
    add(&daemon.home().join("kanband.toml"));
    for entry in std::fs::read_dir(daemon.home().join("conf.d")).into_iter().flatten().flatten() {
        add(&entry.path());
    }
    found
}

#[test]
fn no_other_operation_of_the_web_writes_configuration() {
    let daemon = start(&config(&[]), &["claude"]);
    let web = Web::logged_in(&daemon);
    let task = daemon.create(json!({}));
    let before = files_of(&daemon);
    for operation in OPERATIONS {
        // One does not end, one is the operation.
        if ["events", "add_profile"].contains(&operation.name) || !operation.is_for_web() {
            continue;
        }
        let path = operation.path.replace("{id}", &task).replace("{name}", "none");
        let mut ask = web.ask(operation.method.as_str(), &path);
        ask = match (operation.method, operation.carries) {
            (Method::Get, _) => ask,
            (_, Carries::Fields) => ask.json(&fields(operation.name, &task, "default")),
            (_, Carries::File) => ask.with("content-type", Some("application/octet-stream")),
        };
        let reply = web.send(&ask);
        assert!(reply.status != 401 && reply.status != 403, "{}", operation.name);
        assert_eq!(files_of(&daemon), before, "{}", operation.name);
    }
    assert_eq!(web.post("/v1/profiles", &json!({ "launcher": "claude" })).status, 200);
    assert_ne!(files_of(&daemon), before);
}
