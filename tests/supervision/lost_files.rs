//! Files of runs are removed, replaced or shut while their workers live: whatever is missing, no run is started beside another, none
//! is reported as never started, and a slot is free only when the processes are gone.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use kanband::os::processes::identity::ProcessIdentity;
use kanband::os::run_files::directory::{RunDir, read_identity, read_spec};
use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use support::skip;

use crate::harness::{Daemon, is_alive, until};
use crate::traces::{containment_modes, quick_config};

/// A worker that notes its start and waits for its word: a file that holds what it is to do.
fn script(dir: &Path) -> String {
    let dir = dir.display();
    format!(
        "echo $$ >> {dir}/starts.$KANBAN_TASK; \
         while [ ! -e {dir}/word.$KANBAN_TASK ]; do sleep 0.02; done; . {dir}/word.$KANBAN_TASK"
    )
}

/// A serving daemon with such workers.
fn prepared(mode: &str, points: Option<&str>) -> Daemon {
    let mut daemon = match points {
        Some(points) => Daemon::with_fail_points("", points),
        None => Daemon::prepare(""),
    };
    let script = script(daemon.scratch());
    daemon.configure(&quick_config(
        mode,
        30,
        &[("dev", "report", &script), ("sh", "exit", &script)],
    ));
    daemon.spawn();
    daemon.wait_until_up();
    daemon
}

fn starts(daemon: &Daemon, id: &str) -> Vec<i32> {
    let path = daemon.scratch().join(format!("starts.{id}"));
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| line.parse().unwrap()).collect()
}

fn tell(daemon: &Daemon, id: &str, word: &str) {
    let beside = daemon.scratch().join("word.new");
    std::fs::write(&beside, word).unwrap();
    std::fs::rename(beside, daemon.scratch().join(format!("word.{id}"))).unwrap();
}

/// A task whose worker is at work, and the directory of its run.
fn at_work(daemon: &Daemon, assignee: &str) -> (String, PathBuf) {
    let id = daemon.create(json!({ "assignee": assignee }));
    daemon.worker_pid(&id);
    until("the worker at work", || (starts(daemon, &id).len() == 1).then_some(()));
    let run_id = daemon.runs(&id)[0]["id"].as_i64().unwrap();
    (id, daemon.home().join(format!("runs/{run_id}")))
}

fn remove_all(path: &Path) {
    match path.symlink_metadata() {
        Ok(found) if found.is_dir() => std::fs::remove_dir_all(path).unwrap(),
        Ok(_) => std::fs::remove_file(path).unwrap(),
        Err(_) => {}
    }
}

/// Puts a directory with other files in the place of the run's.
fn replace(dir: &Path) {
    std::fs::rename(dir, dir.with_file_name("moved-away")).unwrap();
    std::fs::create_dir(dir).unwrap();
}

type Damage = (&'static str, fn(&Path));

/// What can become of the directory of a run, and whether its end can still be learned from it.
const DAMAGES: [(Damage, bool); 13] = [
    (("nothing", |_| {}), true),
    (("the lock", |dir| std::fs::remove_file(dir.join("lock")).unwrap()), true),
    (
        ("the lock, made again", |dir| {
            std::fs::remove_file(dir.join("lock")).unwrap();
            std::fs::write(dir.join("lock"), "").unwrap();
        }),
        true,
    ),
    (("the identity", |dir| std::fs::remove_file(dir.join("identity")).unwrap()), true),
    (("the spec", |dir| std::fs::remove_file(dir.join("spec")).unwrap()), true),
    (("the token", |dir| std::fs::remove_file(dir.join("token")).unwrap()), true),
    (
        ("lock and identity", |dir| {
            std::fs::remove_file(dir.join("lock")).unwrap();
            std::fs::remove_file(dir.join("identity")).unwrap();
        }),
        true,
    ),
    (
        ("every file", |dir| {
            for name in ["lock", "identity", "spec", "token"] {
                std::fs::remove_file(dir.join(name)).unwrap();
            }
        }),
        true,
    ),
    (
        ("a damaged identity, spec and token", |dir| {
            for name in ["identity", "spec", "token"] {
                std::fs::write(dir.join(name), "{\"vers").unwrap();
            }
        }),
        true,
    ),
    (("the directory", remove_all), false),
    (("the directory, replaced by another", replace), true),
    (
        ("the directory, replaced by a file", |dir| {
            remove_all(dir);
            std::fs::write(dir, "").unwrap();
        }),
        false,
    ),
    (
        ("the directory, replaced by a link", |dir| {
            let elsewhere = dir.with_file_name("elsewhere");
            std::fs::create_dir(&elsewhere).unwrap();
            std::fs::rename(dir, elsewhere.join("in")).unwrap();
            symlink(elsewhere.join("nowhere"), dir).unwrap();
        }),
        false,
    ),
];

/// Nothing was started beside the worker, and nothing says that it never started.
fn is_the_only_one(daemon: &Daemon, id: &str, what: &str) {
    let runs = daemon.runs(id);
    assert_eq!((runs.len(), &runs[0]["closed_at"]), (1, &Value::Null), "{what}: {runs:?}");
    let started = starts(daemon, id);
    assert!(started.len() == 1 && is_alive(started[0]), "{what}: {started:?}");
}

/// A pass that could start something again has been made when this is through.
fn pass_by(daemon: &Daemon) {
    let other = daemon.create(json!({ "assignee": "sh" }));
    daemon.worker_pid(&other);
    tell(daemon, &other, "exit 0");
    daemon.wait_status(&other, "done");
}

/// Does every damage to a run of its own, with the daemon down or up meanwhile.
fn damaged(mode: &str, assignee: &str, is_down: bool) -> (Daemon, Vec<String>) {
    let mut daemon = prepared(mode, None);
    let tasks: Vec<_> = DAMAGES.iter().map(|_| at_work(&daemon, assignee)).collect();
    if is_down {
        daemon.kill_9();
    }
    for (((_, damage), _), (_, dir)) in DAMAGES.iter().zip(&tasks) {
        damage(dir);
    }
    if is_down {
        daemon.restart();
    }
    pass_by(&daemon);
    let ids: Vec<String> = tasks.into_iter().map(|(id, _)| id).collect();
    for (((what, _), _), id) in DAMAGES.iter().zip(&ids) {
        is_the_only_one(&daemon, id, what);
    }
    (daemon, ids)
}

#[test]
fn whatever_is_removed_beside_a_worker_it_is_taken_over_and_its_verdict_is_heard() {
    for mode in containment_modes() {
        for is_down in [true, false] {
            let (daemon, ids) = damaged(mode, "dev", is_down);
            for (((what, _), _), id) in DAMAGES.iter().zip(&ids) {
                tell(&daemon, id, "kanban complete $KANBAN_TASK --summary heard");
                daemon.wait_status(id, "done");
                daemon.wait_closed(id);
                let what = format!("{what}, {mode}, down: {is_down}");
                assert_eq!(daemon.outcomes(id), ["completed"], "{what}");
                assert_eq!(starts(&daemon, id).len(), 1, "{what}");
            }
            let charged = daemon.get("/v1/breakers");
            assert_eq!(charged, json!([]), "a run that gave its verdict charges nobody");
        }
    }
}

#[test]
fn an_end_that_cannot_be_learned_is_lost_with_its_cause_and_the_next_start_comes_after_it() {
    for mode in containment_modes() {
        for is_down in [true, false] {
            let (daemon, ids) = damaged(mode, "sh", is_down);
            for (((what, _), has_record), id) in DAMAGES.iter().zip(&ids) {
                let what = format!("{what}, {mode}, down: {is_down}");
                // The host's breaker must not hold back what this test waits for.
                let _reset_or_not_open =
                    daemon.client().post::<Value>("/v1/breakers/reset", &json!({ "key": "host" }));
                tell(&daemon, id, "exit 0");
                daemon.wait_status(id, "done");
                daemon.wait_closed(id);
                let first = &daemon.runs(id)[0];
                if *has_record {
                    assert_eq!(first["outcome"], "completed", "{what}: {first}");
                    assert_eq!(starts(&daemon, id).len(), 1, "{what}");
                    continue;
                }
                assert_eq!(first["outcome"], "lost", "{what}: {first}");
                let error = first["error"].as_str().unwrap();
                assert!(error.contains("its run directory was"), "{what}: {error}");
                assert_eq!(starts(&daemon, id).len(), 2, "{what}");
                assert_eq!(daemon.show(id)["task"]["spawn_failures"], 0, "{what}");
            }
        }
    }
}

#[test]
fn with_every_run_directory_removed_workers_are_taken_over_and_new_ones_start() {
    for mode in containment_modes() {
        let mut daemon = prepared(mode, None);
        let tasks: Vec<_> = (0..3).map(|_| at_work(&daemon, "dev").0).collect();
        daemon.kill_9();
        std::fs::remove_dir_all(daemon.home().join("runs")).unwrap();
        daemon.restart();
        pass_by(&daemon);
        for id in &tasks {
            is_the_only_one(&daemon, id, mode);
        }
        std::fs::remove_dir_all(daemon.home().join("runs")).unwrap();
        pass_by(&daemon);
        for id in &tasks {
            tell(&daemon, id, "kanban complete $KANBAN_TASK --summary heard");
            daemon.wait_status(id, "done");
            daemon.wait_closed(id);
        }
    }
}

/// The daemon dies before it has recorded who runs the run, and the directory goes.
#[test]
fn a_run_of_which_nothing_but_its_processes_is_left_is_found_by_them() {
    for mode in containment_modes() {
        for point in ["shim-identified=kill-parent", "shim-started=kill-parent"] {
            let mut daemon = prepared(mode, Some(point));
            let fields = json!({ "title": "a task", "assignee": "sh" });
            // It may die before it has answered.
            let _reply = daemon.client().post::<Value>("/v1/tasks", &fields);
            daemon.wait_killed();
            let runs = daemon.home().join("runs");
            let task_of = |_: &Daemon| std::fs::read_dir(daemon.scratch()).unwrap();
            until("the worker", || {
                let names = task_of(&daemon).flatten().map(|entry| entry.file_name());
                names.into_iter().find(|name| name.to_string_lossy().starts_with("starts."))
            });
            std::fs::remove_dir_all(runs.join("1")).unwrap();
            daemon.restart();
            let id = daemon.get("/v1/tasks")[0]["id"].as_str().unwrap().to_owned();
            pass_by(&daemon);
            is_the_only_one(&daemon, &id, &format!("{mode} {point}"));
            tell(&daemon, &id, "exit 0");
            daemon.wait_status(&id, "done");
            daemon.wait_closed(&id);
            assert_eq!(daemon.outcomes(&id), ["lost", "completed"], "{mode} {point}");
        }
    }
}

#[test]
fn a_worker_actor_that_panics_after_the_directory_is_gone_loses_nothing() {
    for mode in containment_modes() {
        let gate = tempfile::tempdir().unwrap();
        let held = gate.path().join("held");
        let points = format!("spawn-recorded=hold:{}@1;spawn-recorded=panic@1", held.display());
        let daemon = prepared(mode, Some(&points));
        let id = daemon.create(json!({ "assignee": "dev" }));
        until("the point before the panic", || held.exists().then_some(()));
        until("the worker at work", || (starts(&daemon, &id).len() == 1).then_some(()));
        std::fs::remove_dir_all(daemon.home().join("runs/1")).unwrap();
        std::fs::remove_file(&held).unwrap();
        until("the panic", || daemon.log().contains("fail point spawn-recorded").then_some(()));
        pass_by(&daemon);
        is_the_only_one(&daemon, &id, mode);
        tell(&daemon, &id, "kanban complete $KANBAN_TASK --summary heard");
        daemon.wait_status(&id, "done");
        daemon.wait_closed(&id);
        assert_eq!(daemon.outcomes(&id), ["completed"], "{mode}");
    }
}

/// The shim is killed as well; what is left of its tree must be gone before anything else is started.
#[test]
fn what_is_left_of_a_run_whose_shim_and_directory_are_gone_is_ended_before_the_next_start() {
    for mode in containment_modes() {
        for is_down in [true, false] {
            let mut daemon = prepared(mode, None);
            let (id, dir) = at_work(&daemon, "sh");
            let orphan = daemon.scratch().join("orphan");
            let orphan_file = orphan.display();
            tell(
                &daemon,
                &id,
                &format!(
                    "[ -e {orphan_file} ] && exit 0; \
                     setsid sh -c 'echo $$ > {orphan_file}; trap \"\" TERM; while :; do sleep 60; done' & wait"
                ),
            );
            let orphan = until("the orphan", || {
                std::fs::read_to_string(&orphan).ok()?.trim().parse::<i32>().ok()
            });
            let shim = read_identity(&RunDir::new(&dir)).unwrap().unwrap().shim;
            if is_down {
                daemon.kill_9();
            }
            std::fs::remove_dir_all(&dir).unwrap();
            kill(Pid::from_raw(shim.pid), Signal::SIGKILL).unwrap();
            if is_down {
                daemon.restart();
            }
            until("the second start", || (starts(&daemon, &id).len() == 2).then_some(()));
            assert!(
                !is_alive(orphan),
                "{mode}, down: {is_down}: the next one was started beside it"
            );
            daemon.wait_status(&id, "done");
            assert_eq!(daemon.outcomes(&id), ["lost", "completed"], "{mode}, down: {is_down}");
        }
    }
}

/// Another process holds the lock of a run whose files are gone and whose shim is dead: nobody can say that no shim comes.
#[test]
fn a_run_of_which_nobody_can_tell_keeps_its_slot_says_why_and_holds_up_no_other() {
    let mut daemon = prepared("subreaper", None);
    let (id, dir) = at_work(&daemon, "sh");
    let (other, _) = at_work(&daemon, "dev");
    let worker = starts(&daemon, &id)[0];
    daemon.kill_9();
    let shim = read_identity(&RunDir::new(&dir)).unwrap().unwrap().shim;
    kill(Pid::from_raw(shim.pid), Signal::SIGKILL).unwrap();
    until("the worker's end", || (!is_alive(worker)).then_some(()));
    let lock = std::fs::File::options().write(true).open(dir.join("lock")).unwrap();
    let held = until("the lock", || {
        Flock::lock(lock.try_clone().unwrap(), FlockArg::LockExclusiveNonblock).ok()
    });
    daemon.restart();
    until("the reason", || {
        let why = daemon.get(&format!("/v1/tasks/{id}/why"));
        (why["reason"] == "run_unknown").then_some(())
    });
    pass_by(&daemon);
    let runs = daemon.runs(&id);
    assert_eq!((runs.len(), &runs[0]["closed_at"]), (1, &Value::Null), "{runs:?}");
    tell(&daemon, &other, "kanban complete $KANBAN_TASK --summary heard");
    daemon.wait_status(&other, "done");
    drop(held);
    tell(&daemon, &id, "exit 0");
    daemon.wait_status(&id, "done");
    assert_eq!(daemon.outcomes(&id), ["lost", "completed"]);
}

#[test]
fn a_person_gives_up_a_run_of_which_nobody_can_tell() {
    let mut daemon = prepared("subreaper", None);
    let (id, dir) = at_work(&daemon, "sh");
    daemon.kill_9();
    let shim = read_identity(&RunDir::new(&dir)).unwrap().unwrap().shim;
    kill(Pid::from_raw(shim.pid), Signal::SIGKILL).unwrap();
    let lock = std::fs::File::options().write(true).open(dir.join("lock")).unwrap();
    let held = until("the lock", || {
        Flock::lock(lock.try_clone().unwrap(), FlockArg::LockExclusiveNonblock).ok()
    });
    daemon.restart();
    until("the reason", || {
        let why = daemon.get(&format!("/v1/tasks/{id}/why"));
        (why["reason"] == "run_unknown").then_some(())
    });
    daemon.post(&format!("/v1/tasks/{id}/stop"), &json!({ "force": true, "then": "requeue" }));
    until("the second start", || (starts(&daemon, &id).len() == 2).then_some(()));
    assert_eq!(daemon.outcomes(&id), ["stopped", "-"]);
    drop(held);
    tell(&daemon, &id, "exit 0");
    daemon.wait_status(&id, "done");
}

/// Only for a daemon that is not root's: to root nothing is shut.
#[test]
fn a_run_directory_that_is_shut_says_nothing_about_its_run() {
    if !nix::unistd::geteuid().is_root() {
        skip("only root can start a daemon of another user");
        return;
    }
    let mut daemon = Daemon::prepare("");
    let script = script(daemon.scratch());
    daemon.configure(&quick_config("subreaper", 8, &[("sh", "exit", &script)]));
    let all = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(daemon.scratch(), all).unwrap();
    daemon.give_to(4247, 4247);
    std::fs::set_permissions(daemon.scratch(), std::fs::Permissions::from_mode(0o777)).unwrap();
    daemon.spawn();
    daemon.wait_until_up();
    let (id, dir) = at_work(&daemon, "sh");
    let shut = |mode: u32| {
        std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    daemon.kill_9();
    shut(0);
    daemon.restart();
    pass_by(&daemon);
    is_the_only_one(&daemon, &id, "shut");
    shut(0o700);
    tell(&daemon, &id, "exit 0");
    daemon.wait_status(&id, "done");
    assert_eq!(daemon.outcomes(&id), ["completed"], "open again, it tells the true end");
    let (id, dir) = at_work(&daemon, "sh");
    std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o000)).unwrap();
    tell(&daemon, &id, "exit 0");
    daemon.wait_status(&id, "done");
    let first = &daemon.runs(&id)[0];
    assert_eq!(first["outcome"], "lost", "{first}");
    assert!(first["error"].as_str().unwrap().contains("cannot read how the run ended"), "{first}");
}

fn kanban(daemon: &Daemon, arguments: &[&str]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kanban"));
    command.args(arguments).env_clear().env("KANBAN_HOME", daemon.home()).output().unwrap()
}

#[test]
fn a_restore_does_not_take_a_missing_directory_for_a_run_that_is_over() {
    let mut daemon = prepared("subreaper", None);
    let (id, dir) = at_work(&daemon, "sh");
    let backup = daemon.scratch().join("backup.db");
    let saved = kanban(&daemon, &["backup", backup.to_str().unwrap()]);
    assert!(saved.status.success(), "{}", String::from_utf8_lossy(&saved.stderr));
    // Reaped, so that no thread of it holds its sockets open.
    daemon.kill_9();
    std::fs::remove_dir_all(&dir).unwrap();
    let restored = kanban(&daemon, &["restore", backup.to_str().unwrap(), "--yes"]);
    let message = String::from_utf8_lossy(&restored.stderr).into_owned();
    assert!(
        !restored.status.success() && message.contains("run 1 is open; a restore would lose it"),
        "{message}"
    );
    daemon.restart();
    is_the_only_one(&daemon, &id, "after the restore that was refused");
    let worker = ProcessIdentity::of(starts(&daemon, &id)[0]).unwrap();
    assert!(worker.is_some());
}

#[test]
fn a_restore_is_refused_while_the_control_group_of_a_run_has_a_process_and_nothing_else_is_left() {
    let mut daemon = prepared("auto", None);
    let (_id, dir) = at_work(&daemon, "sh");
    let spec = read_spec(&RunDir::new(&dir)).unwrap().unwrap();
    let Some(groups) = spec.containment else {
        skip("no control groups can be made here");
        return;
    };
    let identity = read_identity(&RunDir::new(&dir)).unwrap().unwrap();
    let backup = daemon.scratch().join("backup.db");
    let backup = backup.to_str().unwrap();
    assert!(kanban(&daemon, &["backup", backup]).status.success());
    daemon.kill_9();
    std::fs::remove_dir_all(&dir).unwrap();
    // A process that is in the group and bears no mark of the run, as one that has cleared its environment.
    let mut child = Command::new("sleep").arg("600").env_clear().spawn().unwrap();
    std::fs::write(groups.leaf.join("cgroup.procs"), child.id().to_string()).unwrap();
    for process in [identity.shim.pid, identity.worker.unwrap().pid] {
        kill(Pid::from_raw(process), Signal::SIGKILL).unwrap();
        until("its end", || (!is_alive(process)).then_some(()));
    }
    let restore = || kanban(&daemon, &["restore", backup, "--yes"]);
    let refused = restore();
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && message.contains("run 1 is open; a restore would lose it"),
        "{message}"
    );
    child.kill().unwrap();
    child.wait().unwrap();
    until("a restore", || restore().status.success().then_some(()));
}
