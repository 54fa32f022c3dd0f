//! What kanband makes is its owner's alone, whatever the file mode mask; what others have made keeps its mode.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use kanband::os::processes::user::Account;
use serde_json::json;
use support::skip;

use crate::harness::{Daemon, config, until};

const MASKS: [&str; 3] = ["000", "022", "077"];

/// Everything below a directory that others may read, write or enter, with its mode. What lies in a workspace is its
/// worker's.
fn open_to_others(directory: &Path) -> BTreeMap<PathBuf, u32> {
    let mut found = BTreeMap::new();
    let mut left = vec![directory.to_owned()];
    while let Some(path) = left.pop() {
        let there = std::fs::symlink_metadata(&path).unwrap();
        let mode = there.permissions().mode() & 0o777;
        if mode & 0o077 != 0 && !there.is_symlink() {
            found.insert(path.strip_prefix(directory).unwrap().to_owned(), mode);
        }
        let is_workspace = path.parent().is_some_and(|parent| parent.ends_with("workspaces"))
            && !path.ends_with(".marks");
        if there.is_dir() && !is_workspace {
            left.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    found
}

/// `kanban` under a file mode mask.
fn kanban(daemon: &Daemon, mask: &str, arguments: &[&str]) {
    let program = env!("CARGO_BIN_EXE_kanban");
    let script = format!("umask {mask}; exec {program} \"$@\"");
    let mut command = Command::new("/bin/sh");
    let said = command
        .args(["-c", &script, "kanban"])
        .args(arguments)
        .env("KANBAN_HOME", daemon.home())
        .env("KANBAN_SOCKET", daemon.socket())
        .current_dir(daemon.scratch())
        .output()
        .unwrap();
    assert!(said.status.success(), "{arguments:?}: {said:?}");
}

fn repository(daemon: &Daemon) -> PathBuf {
    let path = daemon.scratch().join("repository");
    let made = Command::new("/bin/sh")
        .args(["-c", "git init -q \"$0\" && cd \"$0\" && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m one"])
        .arg(&path)
        .status();
    assert!(made.unwrap().success());
    path
}

/// Runs of every kind, files in every place; ends with a run under way.
fn busy_session(daemon: &Daemon, mask: &str) {
    let scratch = daemon.create(json!({ "assignee": "sh", "title": "findable" }));
    let repository = repository(daemon);
    let worktree = daemon.create(
        json!({ "assignee": "sh", "workspace_kind": "worktree", "workspace_path": repository }),
    );
    for id in [&scratch, &worktree] {
        daemon.wait_status(id, "done");
        daemon.wait_closed(id);
    }
    daemon.create(json!({ "assignee": "sleeper" }));
    daemon.worker_pid(&daemon.create(json!({ "assignee": "sleeper" })));
    until("the index", || {
        let found = daemon.get("/v1/search?text=findable");
        (!found.as_array().unwrap().is_empty()).then_some(())
    });
    std::fs::write(daemon.scratch().join("attached"), "bytes").unwrap();
    kanban(daemon, mask, &["attach", &scratch, "attached"]);
    let (home, at) = (daemon.home(), |name: &str| daemon.home().join(name));
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    kanban(daemon, mask, &["backup", &text(&at("mine.db"))]);
    kanban(daemon, mask, &["backup", "--dir", &text(&at("backups")), "--keep", "3"]);
    kanban(daemon, mask, &["export", &text(&at("mine.jsonl"))]);
    kanban(
        daemon,
        mask,
        &["attachments", "get", &scratch, "attached", "-o", &text(&home.join("got"))],
    );
    for task in daemon.get("/v1/tasks").as_array().unwrap() {
        if task["status"] == "running" {
            kanban(daemon, mask, &["stop", "--hold", task["id"].as_str().unwrap()]);
        }
    }
    kanban(daemon, mask, &["restore", "--yes", &text(&at("mine.db"))]);
    daemon.worker_pid(&daemon.create(json!({ "assignee": "sleeper" })));
}

#[test]
fn everything_in_a_home_is_its_owners_alone_whatever_the_mask() {
    for mask in MASKS {
        let script = "echo output; touch made; kanban comment $KANBAN_TASK hello";
        let mut daemon =
            Daemon::prepare(&config(&[("sh", "exit", script), ("sleeper", "exit", "sleep 600")]));
        let own = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(daemon.home().join("kanband.toml"), own).unwrap();
        std::fs::set_permissions(daemon.home(), std::fs::Permissions::from_mode(0o700)).unwrap();
        daemon.spawn_under_mask(mask);
        daemon.wait_until_up();
        busy_session(&daemon, mask);
        let expected = BTreeMap::from([(PathBuf::from("kanband.sock.worker"), 0o666)]);
        assert_eq!(open_to_others(&daemon.home()), expected, "umask {mask}");
    }
}

#[test]
fn a_home_and_a_configuration_that_init_makes_are_their_owners_alone_whatever_the_mask() {
    for mask in MASKS {
        let daemon = Daemon::prepare("");
        std::fs::remove_dir_all(daemon.home()).unwrap();
        kanban(&daemon, mask, &["init"]);
        assert_eq!(open_to_others(&daemon.home()), BTreeMap::new(), "umask {mask}");
    }
}

#[test]
fn files_that_an_earlier_release_left_open_are_shut_and_what_others_made_keeps_its_mode() {
    let mut daemon = Daemon::start(&config(&[]));
    daemon.kill_9();
    let home = daemon.home();
    let made = [
        "kanban.db",
        "kanban.db-wal",
        "kanban.search.db",
        "install_id",
        "kanban.db.v3",
        "kanban.db.before-restore",
    ];
    let others = ["tool.sh", "kanban.db.notes", "mine.db", "kanband.toml"];
    let directories = ["project", "conf.d", "skills"];
    let set = |name: &str, mode: u32| {
        let path = home.join(name);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    for name in made.iter().chain(&others) {
        if !home.join(name).exists() {
            std::fs::write(home.join(name), "").unwrap();
        }
        set(name, 0o755);
    }
    for name in directories {
        std::fs::create_dir_all(home.join(name)).unwrap();
        set(name, 0o755);
    }
    for name in ["runs", "logs", "attachments", "workspaces"] {
        set(name, 0o755);
    }
    daemon.restart();
    let mode =
        |name: &str| std::fs::metadata(home.join(name)).unwrap().permissions().mode() & 0o777;
    for name in made {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    for name in ["runs", "logs", "attachments", "workspaces"] {
        assert_eq!(mode(name), 0o700, "{name}");
    }
    for name in others.iter().chain(&directories) {
        assert_eq!(mode(name), 0o755, "{name}");
    }
}

#[test]
fn with_workers_of_another_user_only_the_way_to_their_own_is_open() {
    let is_root = nix::unistd::geteuid().is_root();
    let (true, Ok(Some(user))) = (is_root, Account::named("games")) else {
        skip("only root can start workers of another user");
        return;
    };
    for mask in MASKS {
        let script =
            "echo output; touch made; cat $TESTED_HOME/share/skills/kanban-worker/SKILL.md | wc -c";
        let mut daemon = Daemon::prepare("");
        let text = config(&[("sh", "exit", script)])
            .with("profiles.sh.user", "games")
            .with("profiles.sh.env.TESTED_HOME", daemon.home().to_str().unwrap())
            .with("profiles.sleeper.argv", vec!["sleep", "600"])
            .with("profiles.sleeper.user", "games");
        daemon.configure(&text);
        daemon.give_to(0, 0);
        for name in ["tool.sh", "kanband.toml"] {
            std::fs::write(daemon.home().join("tool.sh"), "").unwrap();
            let kept = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(daemon.home().join(name), kept).unwrap();
        }
        daemon.spawn_under_mask(mask);
        daemon.wait_until_up();
        let id = daemon.create(json!({ "assignee": "sh" }));
        daemon.wait_status(&id, "done");
        daemon.wait_closed(&id);
        assert!(daemon.run_log(&id).trim().lines().last().unwrap().parse::<u64>().unwrap() > 1000);
        let running = daemon.create(json!({ "assignee": "sleeper" }));
        daemon.worker_pid(&running);
        let scratch = std::fs::metadata(daemon.home().join("workspaces").join(&id)).unwrap();
        assert_eq!((scratch.uid(), scratch.permissions().mode() & 0o777), (user.run_as.uid, 0o700));
        let mut open = open_to_others(&daemon.home());
        open.retain(|path, _| !path.starts_with("share"));
        let expected = BTreeMap::from([
            (PathBuf::new(), 0o711),
            (PathBuf::from("runs"), 0o711),
            (PathBuf::from("runs/2"), 0o711),
            (PathBuf::from("workspaces"), 0o711),
            (PathBuf::from("kanband.sock.worker"), 0o666),
            (PathBuf::from("tool.sh"), 0o755),
            (PathBuf::from("kanband.toml"), 0o755),
        ]);
        assert_eq!(open, expected, "umask {mask}");
        daemon.post(&format!("/v1/tasks/{running}/stop"), &json!({}));
    }
}
