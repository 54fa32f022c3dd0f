//! The host was restarted: every process of the runs is gone, and every number in the rows may be another process's.
//!
//! The restart is written into the files and rows while the daemon is down. What the old workers started lives on here, as no
//! process does over a real restart: it shows that nobody is signalled.

use std::process::{Child, Command, Stdio};

use kanband::os::run_files::directory::{RunDir, RunIdentity, write_identity};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rusqlite::{Connection, params};
use serde_json::json;

use crate::harness::{Config, Daemon, config, until};
use crate::traces::{Born, WHO_AM_I, born, born_as, identity_of, lines, run_dirs, run_number};

const OTHER_BOOT: &str = "00000000-0000-4000-8000-000000000000";

/// A worker, which dies with its shim, and its child, which does not. Both end on request, and note every signal
/// that they can note; the child notes who it is.
fn text(daemon: &Daemon) -> Config {
    let dir = daemon.scratch().display();
    let traps = format!(
        "for name in TERM HUP INT QUIT USR1; do trap \"echo $name >> {dir}/signalled\" $name; done"
    );
    let script = format!(
        "{traps}
( {traps}
{WHO_AM_I}
echo $pid $ticks > {dir}/child.$KANBAN_TASK; echo up >> {dir}/up
while [ ! -e {dir}/end.$KANBAN_TASK ]; do sleep 0.05; done ) &
wait"
    );
    config(&[("sh", "exit", &script)])
}

struct Stranger(Child);

impl Stranger {
    fn start() -> Self {
        let child = Command::new("setsid").args(["sleep", "600"]).stdin(Stdio::null()).spawn();
        Self(child.unwrap())
    }

    fn born(&self) -> Born {
        born_as(i32::try_from(self.0.id()).unwrap())
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn kill_9(pid: i32) {
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
}

/// Takes processes out of the control group of their run: none outlives its boot.
fn leave_group(daemon: &Daemon, processes: &[Born]) {
    let members = daemon.base().parent().unwrap().join("cgroup.procs");
    if members.exists() {
        for process in processes {
            std::fs::write(&members, process.pid.to_string()).unwrap();
        }
    }
}

/// Makes the run one of another boot, with `stranger` in the place of its shim and its worker where there is one.
fn move_to_other_boot(daemon: &Daemon, run: i64, identity: &RunIdentity, stranger: Option<Born>) {
    let mut identity = identity.clone();
    for process in std::iter::once(&mut identity.shim).chain(identity.worker.as_mut()) {
        process.boot_id = OTHER_BOOT.to_owned();
        if let Some(stranger) = stranger {
            (process.pid, process.start_ticks) = (stranger.pid, stranger.start_ticks);
        }
    }
    let dir = RunDir::new(daemon.home().join(format!("runs/{run}")));
    write_identity(&dir, &identity).unwrap();
    let worker = identity.worker.unwrap();
    let ticks = |ticks: u64| i64::try_from(ticks).unwrap();
    let board = Connection::open(daemon.home().join("kanban.db")).unwrap();
    let sql = "UPDATE task_runs SET boot_id = ?2, shim_pid = ?3, shim_start_ticks = ?4, worker_pid = ?5, \
               worker_start_ticks = ?6 WHERE id = ?1 AND closed_at IS NULL";
    let moved = board.execute(
        sql,
        params![
            run,
            OTHER_BOOT,
            identity.shim.pid,
            ticks(identity.shim.start_ticks),
            worker.pid,
            ticks(worker.start_ticks)
        ],
    );
    assert_eq!(moved.unwrap(), 1);
}

#[test]
fn after_a_restart_of_the_host_open_runs_are_lost_nobody_is_signalled_and_manual_claims_stay() {
    let mut daemon = Daemon::prepare("");
    daemon.configure(&text(&daemon));
    daemon.spawn();
    daemon.wait_until_up();
    let by_hand = daemon.create(json!({}));
    daemon.post(&format!("/v1/tasks/{by_hand}/claim"), &json!({ "claimer": "ada@before" }));
    let claimed = daemon.show(&by_hand)["task"].clone();
    let [own, taken, ended] = [(); 3].map(|()| daemon.create(json!({ "assignee": "sh" })));
    until("three trees at work", || (lines(&daemon.scratch().join("up")).len() == 3).then_some(()));
    for id in [&own, &taken, &ended] {
        daemon.worker_pid(id);
    }
    let number = |id: &String| run_number(&daemon.runs(id)[0]);
    let [own_run, taken_run, ended_run] = [&own, &taken, &ended].map(number);
    let [own_is, taken_is, ended_is] =
        [own_run, taken_run, ended_run].map(|run| identity_of(&daemon, run));
    daemon.kill_9();
    let [own_child, taken_child] =
        [&own, &taken].map(|id| born(&daemon.scratch().join(format!("child.{id}")))[0]);
    kill_9(own_is.shim.pid);
    kill_9(taken_is.shim.pid);
    // This one got as far as its record before the power was cut.
    std::fs::write(daemon.scratch().join(format!("end.{ended}")), "").unwrap();
    let ended_shim = Born { pid: ended_is.shim.pid, start_ticks: ended_is.shim.start_ticks };
    until("the record of a run", || (!ended_shim.is_alive()).then_some(()));
    leave_group(&daemon, &[own_child, taken_child]);
    let stranger = Stranger::start();
    move_to_other_boot(&daemon, own_run, &own_is, None);
    move_to_other_boot(&daemon, taken_run, &taken_is, Some(stranger.born()));
    move_to_other_boot(&daemon, ended_run, &ended_is, None);

    daemon.configure(&text(&daemon).with("dispatch.enabled", false));
    daemon.restart();
    for id in [&own, &taken, &ended] {
        daemon.wait_closed(id);
    }
    for id in [&own, &taken] {
        let run = &daemon.runs(id)[0];
        assert_eq!((&run["outcome"], &run["exit_code"]), (&json!("lost"), &json!(null)));
        assert_eq!(run["error"], "the host was restarted while it ran");
        let task = &daemon.show(id)["task"];
        assert_eq!((&task["status"], &task["spawn_failures"]), (&json!("ready"), &json!(0)));
    }
    assert_eq!(daemon.outcomes(&ended), ["completed"], "its record is true still");
    assert_eq!(daemon.show(&by_hand)["task"], claimed, "nobody's process, nobody's boot");
    until("the files to be gone", || run_dirs(&daemon).is_empty().then_some(()));
    for process in [stranger.born(), own_child, taken_child] {
        assert!(process.is_alive(), "{process:?} was ended");
    }
    assert_eq!(lines(&daemon.scratch().join("signalled")), Vec::<String>::new());
    let board = Connection::open(daemon.home().join("kanban.db")).unwrap();
    let charged: i64 = board
        .query_row("SELECT coalesce(sum(failures), 0) FROM breakers", [], |row| row.get(0))
        .unwrap();
    assert_eq!(charged, 0, "neither host nor profile has failed");
    for id in [&own, &taken] {
        std::fs::write(daemon.scratch().join(format!("end.{id}")), "").unwrap();
    }
    until("the old processes to end by themselves", || {
        (!own_child.is_alive() && !taken_child.is_alive()).then_some(())
    });
}

/// The boot id may be told differently from one start of the daemon to the next, as in a container. The lock may not.
#[test]
fn a_run_whose_lock_is_held_is_of_this_boot_whatever_the_row_says() {
    let mut daemon = Daemon::prepare("");
    daemon.configure(&text(&daemon));
    daemon.spawn();
    daemon.wait_until_up();
    let id = daemon.create(json!({ "assignee": "sh" }));
    until("a tree at work", || (lines(&daemon.scratch().join("up")).len() == 1).then_some(()));
    daemon.worker_pid(&id);
    let run = run_number(&daemon.runs(&id)[0]);
    let identity = identity_of(&daemon, run);
    daemon.kill_9();
    move_to_other_boot(&daemon, run, &identity, None);
    daemon.restart();
    // A pass that could start it again has been made when this one is done.
    let other = daemon.create(json!({ "assignee": "sh" }));
    daemon.worker_pid(&other);
    let seen = &daemon.runs(&id);
    assert_eq!((seen.len(), &seen[0]["closed_at"]), (1, &json!(null)));
    let shim = Born { pid: identity.shim.pid, start_ticks: identity.shim.start_ticks };
    assert!(shim.is_alive());
    for id in [&id, &other] {
        std::fs::write(daemon.scratch().join(format!("end.{id}")), "").unwrap();
        daemon.wait_status(id, "done");
        daemon.wait_closed(id);
        assert_eq!(daemon.outcomes(id), ["completed"]);
    }
}

/// The rows of a run that another host has in hand look like those of a lost one: another boot, no process, no files here.
#[test]
fn a_run_of_another_host_is_left_alone() {
    let mut daemon = Daemon::prepare("");
    daemon.configure(&text(&daemon));
    daemon.spawn();
    daemon.wait_until_up();
    let [own, elsewhere] = [(); 2].map(|()| daemon.create(json!({ "assignee": "sh" })));
    until("two trees at work", || (lines(&daemon.scratch().join("up")).len() == 2).then_some(()));
    for id in [&own, &elsewhere] {
        daemon.worker_pid(id);
    }
    let runs = [&own, &elsewhere].map(|id| run_number(&daemon.runs(id)[0]));
    let identities = runs.map(|run| identity_of(&daemon, run));
    daemon.kill_9();
    for (run, identity) in runs.iter().zip(&identities) {
        kill_9(identity.shim.pid);
        move_to_other_boot(&daemon, *run, identity, None);
        std::fs::remove_dir_all(daemon.home().join(format!("runs/{run}"))).unwrap();
    }
    for id in [&own, &elsewhere] {
        std::fs::write(daemon.scratch().join(format!("end.{id}")), "").unwrap();
    }
    let board = Connection::open(daemon.home().join("kanban.db")).unwrap();
    board.execute_batch("INSERT INTO hosts VALUES (7, 'elsewhere', 1)").unwrap();
    let moved = board.execute("UPDATE task_runs SET host_id = 7 WHERE id = ?1", [runs[1]]);
    assert_eq!(moved.unwrap(), 1);
    drop(board);

    daemon.configure(&text(&daemon).with("dispatch.enabled", false));
    daemon.restart();
    daemon.wait_closed(&own);
    // The same look, and those of a pass on request, have seen the other one.
    daemon.post("/v1/dispatch", &json!({}));
    let seen = &daemon.runs(&elsewhere)[0];
    assert_eq!((&seen["closed_at"], &seen["outcome"]), (&json!(null), &json!(null)), "{seen}");
    assert_eq!(daemon.status(&elsewhere), "running");
}
