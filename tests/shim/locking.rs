//! The run lock and the nonce: nothing is started twice, and a dead shim holds nothing.

use kanband::os::run_files::directory::{read_exit, read_identity, write_spec};
use kanband::os::run_files::lock::RunLock;
use nix::sys::signal::Signal;

use crate::harness::{NONCE, Run, until, until_gone};

#[test]
fn a_second_shim_on_a_run_starts_nothing() {
    let run = Run::of_script("echo started >> starts");
    let held = run.root().join("held");
    let first = run.start_armed(&format!("shim-locked=hold:{}", held.display()));
    until("the first shim to hold the lock", || held.exists().then_some(()));
    assert_eq!(run.shim(NONCE, "").exit_code(), Some(71));
    assert_eq!(read_identity(&run.dir).unwrap(), None);
    std::fs::remove_file(held).unwrap();
    assert_eq!(run.finished(first).code, Some(0));
    assert_eq!(run.wait_for("starts"), "started\n");
}

#[test]
fn a_shim_of_another_start_starts_nothing() {
    let run = Run::of_script("touch started");
    write_spec(&run.dir, &run.spec).unwrap();
    assert_eq!(run.shim("another-nonce", "").exit_code(), Some(72));
    assert_eq!(read_identity(&run.dir).unwrap(), None);
    assert_eq!(read_exit(&run.dir).unwrap(), None);
    assert!(!run.work("started").exists());
}

#[test]
fn the_same_start_is_not_made_again_after_its_shim_has_gone() {
    let run = Run::of_script("echo started >> starts");
    run.finish();
    assert_eq!(run.shim(NONCE, "").exit_code(), Some(74));
    assert_eq!(run.wait_for("starts"), "started\n");
}

#[test]
fn a_run_without_a_readable_spec_starts_nothing() {
    let run = Run::of_script("true");
    assert_eq!(run.shim(NONCE, "").exit_code(), Some(73));
    std::fs::write(run.dir.spec(), "{\"version\":1").unwrap();
    assert_eq!(run.shim(NONCE, "").exit_code(), Some(73));
    write_spec(&run.dir, &run.spec).unwrap();
    std::fs::write(run.dir.identity(), "{").unwrap();
    assert_eq!(run.shim(NONCE, "").exit_code(), Some(73));
    assert_eq!(read_exit(&run.dir).unwrap(), None);
}

#[test]
fn the_lock_is_held_until_the_record_is_there() {
    let run = Run::of_script("touch up; while ! [ -e go ]; do sleep 0.01; done");
    let shim = run.start();
    run.wait_for("up");
    assert!(RunLock::try_acquire(&run.dir).unwrap().is_none());
    std::fs::write(run.work("go"), "").unwrap();
    let lock = until("the lock", || RunLock::try_acquire(&run.dir).unwrap());
    assert!(read_exit(&run.dir).unwrap().is_some(), "the lock came before the record");
    drop(lock);
    run.finished(shim);
}

#[test]
fn a_killed_shim_takes_its_worker_along_and_leaves_the_lock_free() {
    let run = Run::of_script("trap '' TERM HUP; while :; do sleep 60; done");
    let mut shim = run.start();
    let identity = run.identity();
    assert_eq!(identity.shim.pid, shim.pid());
    shim.signal(Signal::SIGKILL);
    shim.wait();
    until_gone(&identity.worker.unwrap());
    assert!(RunLock::try_acquire(&run.dir).unwrap().is_some());
    assert_eq!(read_exit(&run.dir).unwrap(), None);
}

#[test]
fn what_a_shim_leaves_behind_tells_how_far_it_came() {
    // (fail point, identity there, worker in it, record there)
    let cases = [
        ("shim-locked", false, false, false),
        ("shim-identified", true, false, false),
        ("shim-started", true, true, false),
        ("shim-recorded", true, true, true),
    ];
    for (point, has_identity, has_worker, has_record) in cases {
        let run = Run::of_script("exit 8");
        let mut shim = run.start_armed(&format!("{point}=kill"));
        assert_eq!(shim.exit_code(), None, "{point}: killed");
        assert!(RunLock::try_acquire(&run.dir).unwrap().is_some(), "{point}: lock is free");
        let identity = read_identity(&run.dir).unwrap();
        assert_eq!(identity.is_some(), has_identity, "{point}: identity");
        let worker = identity.and_then(|identity| identity.worker);
        assert_eq!(worker.is_some(), has_worker, "{point}: worker");
        assert_eq!(read_exit(&run.dir).unwrap().is_some(), has_record, "{point}: record");
        if let Some(worker) = worker {
            until_gone(&worker);
        }
    }
}

#[test]
fn without_a_daemon_the_record_waits_uncollected() {
    let run = Run::of_script("exit 3");
    assert_eq!(run.finish().code, Some(3));
    assert!(run.dir.exit().exists() && !run.dir.exit_collected().exists());
}
