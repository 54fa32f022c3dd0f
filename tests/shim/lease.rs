//! Leased runs: ended by the shim alone when the lease of their host is over, and not begun after that.

use std::path::PathBuf;

use kanband::os::host::clock::boot_ms;
use kanband::os::processes::identity::ProcessIdentity;
use kanband::os::run_files::directory::{LeaseSpec, SetupSpec, StartStep};
use kanband::os::run_files::lease::{Lease, LeaseClock, LeaseFile};
use nix::sys::signal::Signal;

use crate::harness::{Run, until, until_gone};

const EPOCH: u64 = 7;

/// Longer than any test.
const LONG_MS: u64 = 3_600_000;

fn lease(for_ms: u64) -> Lease {
    Lease { clock: LeaseClock::here().unwrap(), epoch: EPOCH, until_ms: boot_ms() + for_ms }
}

fn path(run: &Run) -> PathBuf {
    run.root().join("lease")
}

/// A run of the epoch with this lease of its host.
fn leased(script: &str, lease: &Lease) -> (Run, LeaseFile) {
    let mut run = Run::of_script(script);
    let file = LeaseFile::create(&path(&run), lease).unwrap();
    run.spec.lease = Some(LeaseSpec { path: path(&run), epoch: EPOCH });
    (run, file)
}

/// Removes the lease, or puts this in its place.
fn spoil(run: &Run, text: Option<&str>) {
    match text {
        None => std::fs::remove_file(path(run)).unwrap(),
        Some(text) => std::fs::write(path(run), text).unwrap(),
    }
}

/// How often a process of one thread has gone to sleep.
fn wake_ups(process: &ProcessIdentity) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.pid)).unwrap();
    let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches")).unwrap();
    line.split_whitespace().last().unwrap().parse().unwrap()
}

#[test]
fn a_run_whose_lease_is_over_is_ended_with_all_its_processes_and_nobody_is_asked() {
    let script = "setsid sh -c 'echo $$ > child; exec sleep 1000' & echo on; exec sleep 1000";
    let (run, _file) = leased(script, &lease(400));
    let shim = run.start();
    let record = run.finished(shim);
    assert!(record.lease_lost && !record.timed_out && !record.stop_requested, "{record:?}");
    assert_eq!(record.signal, Some(Signal::SIGTERM as i32));
    assert_eq!(run.log(), "on\n");
}

#[test]
fn what_ignores_the_end_of_its_lease_is_killed_after_the_grace() {
    let (mut run, _file) =
        leased("trap '' TERM; echo on; while :; do sleep 1000; done", &lease(300));
    run.spec.limits.grace_ms = 100;
    let record = run.finish();
    assert!(record.lease_lost && record.killed, "{record:?}");
    assert_eq!(record.signal, Some(Signal::SIGKILL as i32));
}

#[test]
fn a_run_goes_on_for_as_long_as_its_lease_is_renewed() {
    let (run, file) = leased("until [ -e go ]; do sleep 0.02; done; exit 5", &lease(300));
    let shim = run.start();
    let ends_ms = boot_ms() + 3_000;
    until("ten times the first lease", || {
        file.renew(&lease(300)).unwrap();
        (boot_ms() >= ends_ms).then_some(())
    });
    file.renew(&lease(LONG_MS)).unwrap();
    std::fs::write(run.work("go"), "").unwrap();
    let record = run.finished(shim);
    assert_eq!((record.code, record.lease_lost), (Some(5), false), "{record:?}");
}

#[test]
fn a_lease_of_another_epoch_revives_no_run_that_was_given_up() {
    let (run, file) = leased("exec sleep 1000", &lease(400));
    let shim = run.start();
    run.identity();
    file.renew(&Lease { epoch: EPOCH + 1, ..lease(LONG_MS) }).unwrap();
    assert!(run.finished(shim).lease_lost);
}

#[test]
fn a_lease_that_is_gone_or_damaged_when_its_time_is_over_ends_the_run_and_not_before() {
    for text in [None, Some("{")] {
        let given = lease(600);
        let (run, _file) = leased("exec sleep 1000", &given);
        let shim = run.start();
        let worker = run.identity().worker.unwrap();
        spoil(&run, text);
        let record = run.finished(shim);
        assert!(record.lease_lost, "{text:?}");
        assert!(boot_ms() >= given.until_ms, "{record:?}");
        until_gone(&worker);
    }
}

#[test]
fn nothing_is_started_on_a_lease_that_is_over() {
    let here = lease(LONG_MS);
    let other_boot = LeaseClock { boot_id: "another".to_owned(), ..here.clock.clone() };
    for (what, lease) in [
        ("passed", Lease { until_ms: boot_ms(), ..here.clone() }),
        ("an earlier epoch", Lease { epoch: EPOCH - 1, ..here.clone() }),
        ("a later epoch", Lease { epoch: EPOCH + 1, ..here.clone() }),
        ("another boot", Lease { clock: other_boot, ..here.clone() }),
    ] {
        let (run, _file) = leased("touch begun", &lease);
        let record = run.finish();
        assert!(record.lease_lost && record.start_failure.is_none(), "{what}: {record:?}");
        assert_eq!((record.code, record.signal), (None, None), "{what}");
        assert!(!run.work("begun").exists(), "{what}");
    }
}

#[test]
fn nothing_is_started_where_nobody_can_tell_when_the_lease_ends() {
    for text in [None, Some("{")] {
        let (run, _file) = leased("touch begun", &lease(LONG_MS));
        spoil(&run, text);
        let record = run.finish();
        let failure = record.start_failure.unwrap();
        assert_eq!(failure.step, StartStep::Lease, "{}", failure.message);
        assert!(failure.message.contains(&path(&run).display().to_string()), "{}", failure.message);
        assert!(!run.work("begun").exists());
    }
}

#[test]
fn a_shim_in_another_time_namespace_starts_nothing_whether_it_is_ahead_or_behind() {
    for offset_s in ["86400", "-60"] {
        let (run, _file) = leased("touch begun", &lease(LONG_MS));
        let record = run.finish_by(&format!("exec unshare --time --boottime {offset_s}"));
        let failure = record.start_failure.unwrap();
        assert_eq!(failure.step, StartStep::Lease, "{}", failure.message);
        assert!(failure.message.contains("time namespace"), "{}", failure.message);
        assert!(!run.work("begun").exists(), "{offset_s}");
    }
}

#[test]
fn the_commands_before_a_worker_end_with_its_lease_too_and_no_worker_follows() {
    let (mut run, _file) = leased("touch begun", &lease(400));
    let made = run.root().join("made");
    let script = format!("touch {}; exec sleep 1000", made.display());
    let argv = vec![["sh", "-c", &script].map(str::to_owned).to_vec()];
    run.spec.setup = Some(SetupSpec { argv, timeout_ms: LONG_MS, ..SetupSpec::default() });
    let record = run.finish();
    assert!(record.lease_lost && record.start_failure.is_none(), "{record:?}");
    assert!(made.exists() && !run.work("begun").exists());
}

#[test]
fn a_shim_wakes_for_its_lease_when_that_is_over_and_not_before() {
    let (run, file) = leased("exec sleep 1000", &lease(LONG_MS));
    let mut shim = run.start();
    let identity = run.identity();
    let mut known = wake_ups(&identity.shim);
    // It has gone to sleep when two looks see the same.
    until("a shim that sleeps", || {
        let now = wake_ups(&identity.shim);
        let is_same = std::mem::replace(&mut known, now) == now;
        std::thread::yield_now();
        is_same.then_some(())
    });
    let ends_ms = boot_ms() + 300;
    until("some renewals", || {
        file.renew(&lease(LONG_MS)).unwrap();
        (boot_ms() >= ends_ms).then_some(())
    });
    assert_eq!(wake_ups(&identity.shim), known, "a renewal wakes no shim");
    shim.signal(Signal::SIGTERM);
    assert_eq!(shim.exit_code(), Some(0));
}
