//! A holder that answers late, and paths that only a worker's user can reach.

use nix::sys::signal::Signal;
use serde_json::json;

use crate::harness::until;
use crate::held::{Held, MODES, worker};

#[test]
fn a_start_that_the_holder_has_made_and_not_answered_is_taken_over_and_not_made_again() {
    if worker().is_none() {
        return;
    }
    let script = "echo $$ >> starts; while [ ! -e go ]; do sleep 0.02; done; exit 0";
    for mode in MODES {
        let Some(mut held) = Held::start(mode, "late", &[("sh", "exit", script)]) else { continue };
        held.holder.signal(Signal::SIGTERM);
        held.holder.wait_end();
        let point = held.daemon.scratch().join("held");
        held.holder.points = format!("holder-started=hold:{}@1", point.display());
        held.holder.start(&held.daemon);
        let id = held.daemon.create(json!({ "assignee": "sh" }));
        until("the holder to stand still", || point.exists().then_some(()));
        let scratch = held.daemon.home().join("workspaces").join(&id);
        // Its answer is waited for no longer; the worker is the run's all the same.
        let pid = held.daemon.worker_pid(&id);
        assert!(point.exists(), "{mode}: it has not answered");
        let starts = || std::fs::read_to_string(scratch.join("starts")).unwrap_or_default();
        until("the worker at work", || (starts() == format!("{pid}\n")).then_some(()));
        std::fs::write(scratch.join("go"), "").unwrap();
        held.daemon.wait_status(&id, "done");
        assert_eq!(held.daemon.outcomes(&id), ["completed"], "{mode}");
        assert_eq!(starts().lines().count(), 1, "{mode}");
        std::fs::remove_file(point).unwrap();
    }
}

#[test]
fn a_directory_that_only_the_workers_user_can_reach_is_looked_at_as_that_user() {
    if worker().is_none() {
        return;
    }
    let script =
        "set -C; { : > taken; } 2>/dev/null || { touch clash; exit 9; }; sleep 0.2; rm taken; pwd";
    let profiles = [("a", "exit", script), ("b", "exit", script)];
    let held = Held::start("subreaper", "private", &profiles).unwrap();
    let private = held.daemon.scratch().join("private");
    let inner = private.join("inner");
    std::fs::create_dir_all(&inner).unwrap();
    std::os::unix::fs::symlink("inner", private.join("link")).unwrap();
    for path in [&private, &inner] {
        std::os::unix::fs::chown(path, Some(5), Some(60)).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(path, mode).unwrap();
    }
    let ids = [("a", &inner), ("b", &private.join("link"))].map(|(assignee, path)| {
        held.daemon.create(json!({
            "assignee": assignee, "workspace_kind": "dir", "workspace_path": path,
        }))
    });
    for id in &ids {
        held.daemon.wait_status(id, "done");
        assert_eq!(held.daemon.outcomes(id), ["completed"]);
    }
    assert!(!inner.join("clash").exists(), "two names of one directory");
}
