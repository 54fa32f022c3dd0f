//! The daemon's side: starting a shim, hearing from it, reaping it.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, mpsc};

use kanband::os::processes::identity::{Liveness, ProcessIdentity};
use kanband::os::processes::pidfd::Delivery;
use kanband::os::processes::proc_tree::ancestry;
use kanband::os::processes::spawn::{SpawnError, SpawnRequest, SpawnedShim, Spawner};
use kanband::os::processes::status_pipe::StatusLine;
use kanband::os::processes::wait::WaitStatus;
use kanband::os::run_files::directory::{
    collect_exit, read_exit, read_identity, read_token, write_exit, write_private,
};
use kanband::os::run_files::lock::RunLock;
use kanband::os::run_files::registry::RunRegistry;
use nix::sys::signal::Signal;

use crate::harness::{Run, SHIM, until};

fn start(run: &Run, registry: &Arc<RunRegistry>) -> Result<SpawnedShim, SpawnError> {
    let spawner = Spawner::start(Path::new(SHIM), Arc::clone(registry)).unwrap();
    spawn(&spawner, run)
}

fn spawn(spawner: &Spawner, run: &Run) -> Result<SpawnedShim, SpawnError> {
    let (sent, answer) = mpsc::channel();
    let request = SpawnRequest {
        run_dir: run.dir.clone(),
        spec: run.spec.clone(),
        token: "token-of-this-run".to_owned(),
        run_as: None,
    };
    spawner.spawn(request, move |reply| sent.send(reply).unwrap());
    answer.recv().unwrap()
}

fn next_line(shim: &mut SpawnedShim) -> StatusLine {
    until("a status line", || shim.status.read().unwrap().lines.first().copied())
}

fn reaped(shim: &SpawnedShim) -> WaitStatus {
    until("the shim's end", || shim.reap().unwrap())
}

#[test]
fn a_run_goes_from_request_to_collected_record() {
    let run = Run::of_script("while ! [ -e go ]; do sleep 0.01; done; exit 4");
    let registry = Arc::new(RunRegistry::default());
    let mut shim = start(&run, &registry).unwrap();
    assert_eq!(shim.identity.check(), Liveness::Same);
    assert_eq!(read_token(&run.dir).unwrap().as_deref(), Some("token-of-this-run"));

    let StatusLine::Started { pid, start_ticks } = next_line(&mut shim) else { panic!("no start") };
    let identity = read_identity(&run.dir).unwrap().unwrap();
    let worker = identity.worker.unwrap();
    assert_eq!((worker.pid, worker.start_ticks), (pid, start_ticks));
    assert_eq!(identity.shim, shim.identity);
    assert_eq!(registry.find(&ancestry(pid).unwrap().chain), Some(7));
    assert_eq!(shim.reap().unwrap(), None);
    assert!(!shim.pidfd.has_exited().unwrap());

    std::fs::write(run.work("go"), "").unwrap();
    assert_eq!(next_line(&mut shim), StatusLine::Exit);
    assert_eq!(read_exit(&run.dir).unwrap().unwrap().code, Some(4));
    assert!(collect_exit(&run.dir).unwrap());
    let SpawnedShim { identity, pidfd, status } = shim;
    drop(status);
    until("the shim's end", || pidfd.has_exited().unwrap().then_some(()));
    assert_eq!(identity.check(), Liveness::Gone);
    assert!(ProcessIdentity::of(identity.pid).unwrap().is_some(), "a zombie until it is reaped");
    let end = kanband::os::processes::wait::reap_pidfd(&pidfd).unwrap();
    assert_eq!(end, Some(WaitStatus::Exited(0)));
    assert_eq!(ProcessIdentity::of(identity.pid).unwrap(), None);
    assert!(registry.remove(&identity));
    assert!(run.dir.exit_collected().exists() && !run.dir.exit().exists());
}

#[test]
fn a_stop_that_is_sent_at_once_is_not_lost() {
    let run = Run::of_script("sleep 600");
    let shim = start(&run, &Arc::new(RunRegistry::default())).unwrap();
    assert_eq!(shim.pidfd.signal(Signal::SIGTERM).unwrap(), Delivery::Sent);
    assert_eq!(reaped(&shim), WaitStatus::Exited(0));
    let record = read_exit(&run.dir).unwrap().unwrap();
    assert!(record.stop_requested && !record.killed);
    assert_eq!(record.signal, Some(15));
}

#[test]
fn a_shim_outlives_the_one_that_listened_to_it() {
    let run = Run::of_script("while ! [ -e go ]; do sleep 0.01; done; exit 4");
    let mut shim = start(&run, &Arc::new(RunRegistry::default())).unwrap();
    assert!(matches!(next_line(&mut shim), StatusLine::Started { .. }));
    let SpawnedShim { pidfd, status, .. } = shim;
    drop(status);
    std::fs::write(run.work("go"), "").unwrap();
    until("the shim's end", || pidfd.has_exited().unwrap().then_some(()));
    assert_eq!(
        kanband::os::processes::wait::reap_pidfd(&pidfd).unwrap(),
        Some(WaitStatus::Exited(0))
    );
    assert_eq!(read_exit(&run.dir).unwrap().unwrap().code, Some(4));
}

#[test]
fn a_start_that_fails_in_the_shim_is_told_by_its_record() {
    let run = Run::of(&["no-such-program"]);
    let mut shim = start(&run, &Arc::new(RunRegistry::default())).unwrap();
    assert_eq!(next_line(&mut shim), StatusLine::Exit);
    let record = read_exit(&run.dir).unwrap().unwrap();
    assert!(record.start_failure.is_some());
    drop(shim.status);
    until("the shim's end", || shim.pidfd.has_exited().unwrap().then_some(()));
    kanband::os::processes::wait::reap_pidfd(&shim.pidfd).unwrap();
}

#[test]
fn the_worker_of_a_spawned_shim_sees_neither_pipe_nor_environment_of_the_daemon() {
    let run = Run::of_script("ls /proc/$$/fd; tr '\\0' '\\n' < /proc/$PPID/environ; true");
    let shim = start(&run, &Arc::new(RunRegistry::default())).unwrap();
    assert_eq!(reaped(&shim), WaitStatus::Exited(0));
    assert_eq!(run.log(), "0\n1\n2\n");
}

#[test]
fn files_of_an_earlier_run_of_the_same_number_are_cleared() {
    let mut run = Run::of_script("while ! [ -e go ]; do sleep 0.01; done; exit 0");
    let registry = Arc::new(RunRegistry::default());
    std::fs::write(run.work("go"), "").unwrap();
    let mut earlier = run.finish();
    std::fs::remove_file(run.work("go")).unwrap();
    earlier.nonce = "earlier".to_owned();
    earlier.code = Some(99);
    write_exit(&run.dir, &earlier).unwrap();
    write_private(&run.dir.exit_collected(), b"older still").unwrap();
    run.spec.nonce = "later".to_owned();
    let mut shim = start(&run, &registry).unwrap();
    assert!(matches!(next_line(&mut shim), StatusLine::Started { .. }));
    assert_eq!(read_exit(&run.dir).unwrap(), None);
    std::fs::write(run.work("go"), "").unwrap();
    assert_eq!(reaped(&shim), WaitStatus::Exited(0));
    let record = read_exit(&run.dir).unwrap().unwrap();
    assert_eq!((record.nonce.as_str(), record.code), ("later", Some(0)));
}

#[test]
fn a_run_directory_whose_shim_lives_is_left_alone() {
    let run = Run::of_script("exit 0");
    let lock = RunLock::try_acquire(&run.dir).unwrap();
    write_private(&run.dir.spec(), b"not ours").unwrap();
    let refused = start(&run, &Arc::new(RunRegistry::default())).unwrap_err();
    assert!(matches!(refused, SpawnError::Busy { .. }), "{refused:?}");
    assert_eq!(std::fs::read(run.dir.spec()).unwrap(), b"not ours");
    drop(lock);
}

#[test]
fn an_upgrade_on_disk_does_not_change_the_shim_that_is_started() {
    let run = Run::of_script("readlink /proc/$PPID/exe; cat /proc/$PPID/comm");
    let copy = run.root().join("kanban-shim");
    // By another process, for the reason that `Run::add_script` gives.
    assert!(Command::new("cp").arg(SHIM).arg(&copy).status().unwrap().success());
    let spawner = Spawner::start(&copy, Arc::new(RunRegistry::default())).unwrap();
    std::fs::write(run.root().join("new"), "#!/bin/false\n").unwrap();
    std::fs::rename(run.root().join("new"), &copy).unwrap();
    let shim = spawn(&spawner, &run).unwrap();
    assert_eq!(reaped(&shim), WaitStatus::Exited(0));
    assert_eq!(run.log(), format!("{} (deleted)\nkanban-shim\n", copy.display()));
}

#[test]
fn a_binary_that_cannot_be_executed_is_an_error_and_no_process() {
    let run = Run::of_script("exit 0");
    let registry = Arc::new(RunRegistry::default());
    let shim = run.root().join("kanban-shim");
    assert!(Spawner::start(&shim, Arc::clone(&registry)).is_err());
    std::fs::write(&shim, "").unwrap();
    let spawner = Spawner::start(&shim, Arc::clone(&registry)).unwrap();
    let refused = spawn(&spawner, &run).unwrap_err();
    assert!(matches!(refused, SpawnError::Start { .. }), "{refused:?}");
    // The thread goes on after a failure, and after a reply that panics.
    let request = SpawnRequest {
        run_dir: run.dir.clone(),
        spec: run.spec.clone(),
        token: String::new(),
        run_as: None,
    };
    spawner.spawn(request, |_reply| panic!("a reply's fault"));
    assert!(matches!(spawn(&spawner, &run), Err(SpawnError::Start { .. })));
}
