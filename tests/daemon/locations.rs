//! A directory is leased by what it is, never by the text of a path: while a look at a path has no answer, its task waits and no
//! other does.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use kanband::api::client::Client;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use serde_json::{Value, json};
use support::skip;

use crate::harness::{Config, Daemon, config, until};

/// Leaves a mark when another worker is in its directory, and its name in a list when it has ended.
const ALONE: &str = "set -C; { : > taken; } 2>/dev/null || { touch clash; exit 9; }; \
                     while [ ! -e ../end.$KANBAN_TASK ]; do sleep 0.02; done; \
                     rm taken; echo $KANBAN_TASK >> ended";

fn in_dir(assignee: &str, path: &Path) -> Value {
    json!({ "assignee": assignee, "workspace_kind": "dir", "workspace_path": path })
}

fn reason(daemon: &Daemon, id: &str) -> Value {
    daemon.get(&format!("/v1/tasks/{id}/why"))
}

fn wait_reason(daemon: &Daemon, id: &str, reason: &str) -> Value {
    until(reason, || {
        let why = self::reason(daemon, id);
        (why["reason"] == reason).then_some(why)
    })
}

/// A pass that could start any task has been made when this is through.
fn pass_by(daemon: &Daemon) {
    let id = daemon.create(json!({ "assignee": "sh" }));
    daemon.wait_status(&id, "done");
}

/// A daemon in which `count` looks hang until `release` is called, from the look with the number `first` on.
struct Hanging {
    daemon: Daemon,
    held: PathBuf,
}

impl Hanging {
    fn at_looks(first: u32, count: usize, more: impl FnOnce(Config, &Path) -> Config) -> Self {
        let mut daemon = Daemon::prepare("");
        let held = daemon.scratch().join("held");
        // A look that is held has not come to the points behind, so each of them holds the next one.
        let point = format!("place-look=hold:{}@{first}", held.display());
        daemon.arm(Some(&vec![point; count].join(";")));
        let text = config(&[("sh", "exit", "true"), ("alone", "exit", ALONE)]);
        daemon.configure(&more(text, daemon.scratch()));
        daemon.spawn();
        daemon.wait_until_up();
        Self { daemon, held }
    }

    fn wait_held(&self) {
        until("the look that hangs", || self.held.exists().then_some(()));
    }

    fn release(&self) {
        std::fs::remove_file(&self.held).unwrap();
    }
}

fn end(daemon: &Daemon, id: &str) {
    std::fs::write(daemon.scratch().join(format!("end.{id}")), "").unwrap();
}

#[test]
fn a_directory_that_hangs_holds_up_its_claim_and_no_listing() {
    let mut daemon = Daemon::prepare("");
    let held = daemon.scratch().join("held");
    daemon.arm(Some(&format!("claim-workspace=hold:{}", held.display())));
    daemon.configure(&config(&[]));
    daemon.spawn();
    daemon.wait_until_up();
    let id = daemon.create(json!({}));
    let client = daemon.client();
    std::thread::scope(|threads| {
        let claim = format!("/v1/tasks/{id}/claim");
        let claim = threads.spawn(move || client.post::<Value>(&claim, &json!({})));
        until("the claim that hangs", || held.exists().then_some(()));
        let listed = daemon.get("/v1/tasks");
        assert_eq!(listed[0]["id"], id.as_str(), "{listed}");
        assert!(!claim.is_finished());
        std::fs::remove_file(&held).unwrap();
        claim.join().unwrap().unwrap();
    });
    assert_eq!(daemon.status(&id), "running");
}

fn task_in(path: &Path) -> Value {
    json!({ "title": "t", "triage": true, "workspace_kind": "dir", "workspace_path": path })
}

#[test]
fn a_batch_on_a_file_system_that_hangs_waits_once_and_not_for_each_of_its_paths() {
    let mut daemon = Daemon::prepare("");
    let held = |number: usize| format!("held.{number}");
    // The look that is held at one point does not come to the next one: the number of files is that of looks.
    let point = |at| format!("create-look=hold:{}@1", daemon.scratch().join(held(at)).display());
    let points: Vec<String> = (1..=20).map(point).collect();
    daemon.arm(Some(&points.join(";")));
    daemon.configure(&config(&[]));
    daemon.spawn();
    daemon.wait_until_up();
    let tasks: Vec<Value> =
        (0..20).map(|n| task_in(&daemon.scratch().join(format!("path.{n}")))).collect();
    let reply = daemon.post("/v1/tasks/batch", &json!({ "tasks": tasks }));
    let created = reply["created"].as_array().unwrap();
    assert_eq!((created.len(), &reply["refused"]), (20, &Value::Null), "{reply}");
    for task in created {
        assert!(task["warnings"][0].as_str().unwrap().contains("does not respond"), "{task}");
    }
    assert!(daemon.scratch().join(held(8)).exists(), "eight looks at one time");
    assert!(!daemon.scratch().join(held(9)).exists(), "and no other once the patience is over");
}

#[test]
fn looks_before_a_creation_have_slots_of_their_own() {
    let mut daemon = Daemon::prepare("");
    let held = daemon.scratch().join("held");
    daemon.arm(Some(&format!("create-look=hold:{}", held.display())));
    daemon.configure(&config(&[("sh", "exit", "true")]));
    daemon.spawn();
    daemon.wait_until_up();
    std::thread::scope(|threads| {
        for batch in 0..8 {
            let path = |n| daemon.scratch().join(format!("path.{batch}.{n}"));
            let tasks: Vec<Value> = (0..8).map(|n| task_in(&path(n))).collect();
            let client = daemon.client();
            threads.spawn(move || {
                let batch = json!({ "tasks": tasks });
                client.post::<Value>("/v1/tasks/batch", &batch).unwrap();
            });
        }
    });
    let real = daemon.scratch().join("real");
    std::fs::create_dir(&real).unwrap();
    let reply = daemon.post("/v1/tasks", &task_in(&real));
    assert!(reply["warnings"][0].as_str().unwrap().contains("64 other paths"), "{reply}");
    let started = daemon.create(in_dir("sh", &real));
    daemon.wait_status(&started, "done");
}

#[test]
fn a_worker_without_the_right_to_create_learns_nothing_of_a_path() {
    let daemon = Daemon::start(&config(&[("sh", "report", "exec sleep 600")]));
    let id = daemon.create(json!({ "assignee": "sh" }));
    daemon.worker_pid(&id);
    let token = std::fs::read_to_string(daemon.home().join("runs/1/token")).unwrap();
    let holder = Client::at(daemon.worker_socket(), Some(token.trim().to_owned()), false).unwrap();
    let (here, missing) = (daemon.scratch().to_owned(), daemon.scratch().join("missing"));
    let answer = |path: &Path| holder.post::<Value>("/v1/tasks", &task_in(path));
    answer(&here).unwrap();
    assert!(answer(&missing).unwrap_err().to_string().contains("no such directory"));
    let verdict = json!({ "summary": "done" });
    holder.post::<Value>(&format!("/v1/tasks/{id}/complete"), &verdict).unwrap();
    let refused = |path: &Path| answer(path).unwrap_err().to_string();
    assert_eq!(refused(&here), refused(&missing));
    assert!(!refused(&missing).contains("no such directory"), "{}", refused(&missing));
}

#[test]
fn a_daemon_of_root_sees_a_directory_with_the_eyes_of_its_worker() {
    if !skip::is_root_or_skip("workers of another user") {
        return;
    }
    let config = config(&[("other", "exit", "true"), ("own", "exit", "true")])
        .with("profiles.other.user", "nobody");
    let daemon = Daemon::start(&config);
    let closed = daemon.scratch().join("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o700)).unwrap();
    let (there, missing) = (closed.join("there"), closed.join("missing"));
    std::fs::create_dir(&there).unwrap();
    let create = |assignee: &str, path: &Path| {
        let mut task = task_in(path);
        task["assignee"] = json!(assignee);
        daemon.client().post::<Value>("/v1/tasks", &task)
    };
    // Root finds the one and misses the other; of neither is anything known to the worker's user.
    for path in [&there, &missing] {
        let reply = create("other", path).unwrap();
        let warning = reply["warnings"][0].as_str().unwrap();
        assert!(warning.contains("cannot check the directory"), "{warning}");
    }
    assert!(create("own", &there).unwrap().get("warnings").is_none());
    assert!(create("own", &missing).unwrap_err().to_string().contains("no such directory"));
}

#[test]
fn a_task_whose_path_cannot_be_looked_at_in_time_is_not_started_beside_another() {
    let hanging = Hanging::at_looks(2, 3, |config, _| config);
    let daemon = &hanging.daemon;
    let real = daemon.scratch().join("real");
    std::fs::create_dir(&real).unwrap();
    let link = daemon.scratch().join("link");
    symlink(&real, &link).unwrap();
    let first = daemon.create(in_dir("alone", &real));
    until("the first at work", || real.join("taken").exists().then_some(()));
    let second = daemon.create(in_dir("alone", &link));
    hanging.wait_held();
    let why = wait_reason(daemon, &second, "workspace_unknown");
    assert_eq!(why["path"], link.to_str().unwrap());
    assert!(why["error"].as_str().unwrap().contains("does not respond"), "{why}");
    // Neither a tick nor a person's pass takes the silence for an answer, and other tasks are started meanwhile.
    daemon.post("/v1/dispatch", &json!({}));
    pass_by(daemon);
    assert_eq!(daemon.runs(&second).len(), 0);
    assert_eq!(reason(daemon, &second)["reason"], "workspace_unknown");
    // A claim by hand has its own look, which hangs as well.
    let claim = daemon.client().post::<Value>(&format!("/v1/tasks/{second}/claim"), &json!({}));
    let message = format!("{:?}", claim.unwrap_err());
    assert!(
        message.contains("WorkspaceUnknown") && message.contains("does not respond"),
        "{message}"
    );
    hanging.release();
    wait_reason(daemon, &second, "workspace_busy");
    end(daemon, &first);
    daemon.wait_status(&first, "done");
    until("the second at work", || real.join("taken").exists().then_some(()));
    end(daemon, &second);
    daemon.wait_status(&second, "done");
    for id in [&first, &second] {
        assert_eq!(daemon.outcomes(id), ["completed"]);
    }
    assert!(!real.join("clash").exists());
    let ended = std::fs::read_to_string(real.join("ended")).unwrap();
    assert_eq!(ended, format!("{first}\n{second}\n"));
}

#[test]
fn a_repository_that_cannot_be_looked_at_in_time_holds_up_its_own_tasks_only() {
    let hanging = Hanging::at_looks(1, 1, |config, _| config);
    let daemon = &hanging.daemon;
    let repository = daemon.scratch().join("repository");
    std::fs::create_dir(&repository).unwrap();
    let id = daemon.create(json!({
        "assignee": "sh", "workspace_kind": "worktree", "workspace_path": repository,
    }));
    wait_reason(daemon, &id, "workspace_unknown");
    pass_by(daemon);
    assert_eq!(daemon.runs(&id).len(), 0);
    hanging.release();
    until("its start", || daemon.runs(&id).first().map(|_| ()));
}

#[test]
fn a_working_directory_that_cannot_be_looked_at_in_time_holds_up_its_own_profile_only() {
    let hanging = Hanging::at_looks(1, 1, |config, scratch| {
        let directory = scratch.join("directory");
        std::fs::create_dir(&directory).unwrap();
        config
            .with("profiles.there.argv", vec!["/bin/pwd"])
            .with("profiles.there.verdict", "exit")
            .with("profiles.there.working_directory", directory.to_str().unwrap())
    });
    let daemon = &hanging.daemon;
    let id = daemon.create(json!({ "assignee": "there" }));
    let why = wait_reason(daemon, &id, "workspace_unknown");
    assert!(why["path"].as_str().unwrap().ends_with("/directory"), "{why}");
    pass_by(daemon);
    assert_eq!(daemon.runs(&id).len(), 0);
    hanging.release();
    daemon.wait_status(&id, "done");
    assert_eq!(daemon.outcomes(&id), ["completed"]);
}

/// Only for a daemon that is not root's: to root nothing is shut.
#[test]
fn a_task_whose_path_the_daemon_may_not_look_at_waits_until_it_may() {
    if !nix::unistd::geteuid().is_root() {
        skip("only root can start a daemon of another user");
        return;
    }
    let mut daemon = Daemon::prepare(&config(&[("sh", "exit", "pwd")]));
    let shut = daemon.scratch().join("shut");
    let inner = shut.join("inner");
    std::fs::create_dir_all(&inner).unwrap();
    let set_mode = |path: &Path, mode: u32| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    set_mode(&inner, 0o777);
    set_mode(&shut, 0);
    daemon.give_to(4247, 4247);
    daemon.spawn();
    daemon.wait_until_up();
    let id = daemon.create(in_dir("sh", &inner));
    let why = wait_reason(&daemon, &id, "workspace_unknown");
    assert!(why["error"].as_str().unwrap().to_lowercase().contains("permission denied"), "{why}");
    pass_by(&daemon);
    assert_eq!(daemon.runs(&id).len(), 0);
    set_mode(&shut, 0o755);
    daemon.wait_status(&id, "done");
    assert_eq!(daemon.outcomes(&id), ["completed"], "waiting has charged nothing");
}

/// What was mounted goes with it.
struct Mounted(PathBuf);

impl Mounted {
    fn bind(from: &Path, to: &Path) -> Option<Self> {
        let none: Option<&Path> = None;
        match mount(Some(from), to, none, MsFlags::MS_BIND, none) {
            Ok(()) => Some(Self(to.to_owned())),
            Err(errno) => {
                skip(format_args!("mount(2): {errno}"));
                None
            }
        }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        umount2(&self.0, MntFlags::MNT_DETACH).unwrap();
    }
}

/// No link is resolved here, and before it is made the directory has no inode.
#[test]
fn a_missing_directory_with_two_names_through_a_mount_is_one_place() {
    let script =
        "set -C; { : > taken; } 2>/dev/null || { touch clash; exit 9; }; sleep 0.1; rm taken";
    let daemon = Daemon::start(&config(&[("a", "exit", script), ("b", "exit", script)]));
    let [one, two] = ["one", "two"].map(|name| daemon.scratch().join(name));
    std::fs::create_dir(&one).unwrap();
    std::fs::create_dir(&two).unwrap();
    let Some(_mounted) = Mounted::bind(&one, &two) else { return };
    for round in 0..5 {
        let names = [&one, &two].map(|name| name.join(format!("new{round}/deep")));
        let ids = [("a", &names[0]), ("b", &names[1])].map(|(assignee, path)| {
            let mut fields = in_dir(assignee, path);
            fields["create_dir"] = json!(true);
            daemon.create(fields)
        });
        for id in &ids {
            daemon.wait_status(id, "done");
            assert_eq!(daemon.outcomes(id), ["completed"]);
        }
        assert!(!names[0].join("clash").exists());
    }
}
