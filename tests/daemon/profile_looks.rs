//! `dispatch.default_launcher = "auto"`: an assignee without a profile is started when Hermes has a profile of this name, and waits
//! with a reason when it has none.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Config, Daemon, config, until};

/// The program of the agent: it completes its task.
const AGENT: &str = "#!/bin/sh\nexec kanban complete --summary done $KANBAN_TASK\n";

fn auto() -> Config {
    config(&[("counter", "exit", "true")]).with("dispatch.default_launcher", "auto")
}

/// A daemon whose workers find programs in a folder of their own, and whose home is the test's.
fn prepare(config: &Config) -> Daemon {
    let mut daemon = Daemon::prepare(config);
    let programs = daemon.scratch().join("programs");
    std::fs::create_dir(&programs).unwrap();
    let (home, path) =
        (daemon.scratch().to_owned(), format!("{}:/usr/bin:/bin", programs.display()));
    daemon.set("HOME", home.to_str().unwrap());
    daemon.set("PATH", &path);
    daemon
}

fn start(mut daemon: Daemon) -> Daemon {
    daemon.spawn();
    daemon.wait_until_up();
    daemon
}

fn install_agent(home: &Path) {
    let program = home.join("programs/hermes");
    std::fs::write(&program, AGENT).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn add_profile(home: &Path, name: &str) {
    let folder = home.join(".hermes/profiles").join(name);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.yaml"), "").unwrap();
}

fn wait_reason(daemon: &Daemon, id: &str, reason: &str) -> Value {
    until(reason, || {
        let why = daemon.get(&format!("/v1/tasks/{id}/why"));
        (why["reason"] == reason).then_some(why)
    })
}

#[test]
fn a_misspelt_assignee_starts_nothing_and_is_told_who_was_meant() {
    let daemon = start(prepare(&auto()));
    let id = daemon.create(json!({ "assignee": "cuonter" }));
    let why = wait_reason(&daemon, &id, "unknown_profile");
    assert_eq!(why["explanation"], "no profile \"cuonter\" (did you mean counter?)");
    assert_eq!(why["nearest"], "counter");
    let again = daemon.post("/v1/tasks", &json!({ "title": "t", "assignee": "cuonter" }));
    assert_eq!(again["warnings"], json!(["no profile \"cuonter\" (did you mean counter?)"]));
    let own = daemon.create(json!({ "assignee": "counter" }));
    daemon.wait_status(&own, "done");
    assert_eq!((daemon.status(&id).as_str(), daemon.runs(&id).len()), ("ready", 0));
    let rows = daemon.get("/v1/attention");
    let row = &rows[0];
    assert_eq!((&row["kind"], &row["count"]), (&json!("unknown_profile"), &json!(2)));
}

#[test]
fn a_profile_of_the_agent_is_started_and_one_that_is_made_later_after_a_reload() {
    let daemon = prepare(&auto());
    install_agent(daemon.scratch());
    add_profile(daemon.scratch(), "writer");
    let daemon = start(daemon);
    let known = daemon.create(json!({ "assignee": "writer" }));
    let unknown = daemon.create(json!({ "assignee": "painter" }));
    daemon.wait_status(&known, "done");
    wait_reason(&daemon, &unknown, "unknown_profile");
    add_profile(daemon.scratch(), "painter");
    daemon.post("/v1/reload", &json!({}));
    daemon.wait_status(&unknown, "done");
    let who = daemon.get("/v1/assignees");
    let painter = who.as_array().unwrap().iter().find(|one| one["name"] == "painter").unwrap();
    assert_eq!((&painter["kind"], &painter["on_disk"]), (&json!("profile"), &json!(true)));
}

#[test]
fn while_a_look_takes_long_its_tasks_wait_and_all_others_start() {
    let mut daemon = prepare(&auto());
    install_agent(daemon.scratch());
    add_profile(daemon.scratch(), "writer");
    let held = daemon.scratch().join("held");
    // The first look is the one for an agent.
    daemon.arm(Some(&format!("profile-look=hold:{}@2", held.display())));
    let daemon = start(daemon);
    let id = daemon.create(json!({ "assignee": "writer" }));
    until("the look that hangs", || held.exists().then_some(()));
    let why = wait_reason(&daemon, &id, "looking_for_profile");
    assert_eq!(why["explanation"], "looking for profile writer");
    let other = daemon.create(json!({ "assignee": "counter" }));
    daemon.wait_status(&other, "done");
    assert_eq!(daemon.status(&id), "ready");
    std::fs::remove_file(&held).unwrap();
    daemon.wait_status(&id, "done");
}

#[test]
fn a_person_who_dispatches_gets_what_a_look_finds_in_the_same_call() {
    let daemon = prepare(&auto().with("dispatch.enabled", false));
    install_agent(daemon.scratch());
    add_profile(daemon.scratch(), "writer");
    let daemon = start(daemon);
    let id = daemon.create(json!({ "assignee": "writer" }));
    let report = daemon.post("/v1/dispatch", &json!({}));
    assert_eq!(report["spawned"][0]["task_id"], json!(id));
    daemon.wait_status(&id, "done");
}

#[test]
fn doctor_says_where_no_agent_can_be_started() {
    let no_profiles = config(&[]).with("dispatch.default_launcher", "auto");
    let says_so = |daemon: &Daemon| {
        let checks = daemon.get("/v1/doctor")["checks"].take();
        let is_it = |check: &Value| check["message"] == "no agent can be started here";
        checks.as_array().unwrap().iter().any(is_it)
    };
    let without = start(prepare(&no_profiles));
    until("the look for an agent", || says_so(&without).then_some(()));
    let with = prepare(&no_profiles);
    install_agent(with.scratch());
    add_profile(with.scratch(), "writer");
    let with = start(with);
    let id = with.create(json!({ "assignee": "writer" }));
    with.wait_status(&id, "done");
    assert!(!says_so(&with));
}

#[test]
fn a_profile_whose_program_is_missing_is_in_the_inbox_while_its_tasks_wait() {
    let broken = auto()
        .with("dispatch.enabled", false)
        .with("profiles.broken.argv", vec!["/nonexistent/agent"]);
    let daemon = start(prepare(&broken));
    let rows = |daemon: &Daemon| daemon.get("/v1/attention");
    assert_eq!(rows(&daemon), json!([]), "nobody waits for it");
    let id = daemon.create(json!({ "assignee": "broken" }));
    let row = rows(&daemon)[0].take();
    assert_eq!(row["kind"], "unusable_profile");
    let message = row["message"].as_str().unwrap();
    assert!(message.contains("program `/nonexistent/agent` not found"), "{message}");
    daemon.post(&format!("/v1/tasks/{id}/assign"), &json!({ "assignee": "counter" }));
    assert_eq!(rows(&daemon), json!([]));
}
