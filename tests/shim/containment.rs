//! Control groups as the shim uses them: its own, the worker's, and what it makes of them in the record.

use std::path::PathBuf;

use kanband::os::control_groups::cgroup::{Choice, Containment, end_leaf, make_leaf};
use kanband::os::control_groups::leaf::Leaf;
use kanband::os::run_files::directory::{ContainmentSpec, GroupLimits, StartStep, read_identity};
use nix::sys::signal::Signal;

use crate::harness::{Run, until};

/// A base of the test's own; none on a host where none can be made.
struct Groups(Containment);

impl Groups {
    fn for_run(run: &mut Run) -> Option<Self> {
        let containment = Containment::establish(run.root(), &Choice::Auto { base: None });
        run.spec.containment = containment.of_run(run.spec.run_id, &GroupLimits::default());
        make_leaf(run.spec.containment.as_ref()?).unwrap();
        Some(Self(containment))
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        // Whatever a failed test has left in it.
        self.0.sweep(&[], |_| false);
        self.0.remove_if_empty();
    }
}

fn groups(run: &Run) -> ContainmentSpec {
    run.spec.containment.clone().unwrap()
}

fn base(run: &Run) -> PathBuf {
    groups(run).shims.parent().unwrap().to_owned()
}

#[test]
fn a_leaf_is_empty_and_gone_when_the_record_is_there() {
    let mut run =
        Run::of_script("grep ^0:: /proc/self/cgroup /proc/$PPID/cgroup; (sleep 600 &); exit 3");
    let Some(groups_of_run) = Groups::for_run(&mut run) else { return };
    let record = run.finish();
    assert_eq!((record.code, record.swept_count), (Some(3), 1));
    assert!(!groups(&run).leaf.exists());
    let log = run.log();
    let lines: Vec<&str> = log.lines().collect();
    assert!(lines[0].ends_with("/runs/7"), "{log}");
    assert!(lines[1].ends_with("/shims"), "{log}");
    drop(groups_of_run);
    assert!(!base(&run).exists(), "nothing is left of the base");
}

#[test]
fn a_sweep_leaves_a_leaf_that_has_a_supervisor_and_ends_one_that_has_none() {
    let mut run = Run::of_script("sleep 600");
    let Some(groups_of_run) = Groups::for_run(&mut run) else { return };
    let shim = run.start();
    run.identity();
    groups_of_run.0.sweep(&[], |run_id| run_id == 7);
    assert!(Leaf::new(groups(&run).leaf).is_populated().unwrap());
    groups_of_run.0.sweep(&[7], |_| false);
    assert!(Leaf::new(groups(&run).leaf).is_populated().unwrap(), "its run is open");
    groups_of_run.0.sweep(&[], |_| false);
    let record = run.finished(shim);
    assert_eq!(record.signal, Some(Signal::SIGKILL as i32));
}

#[test]
fn a_worker_that_cannot_get_into_its_leaf_is_not_started() {
    let mut run = Run::of_script("touch started");
    let nowhere = run.root().join("no-such-group");
    run.spec.containment = Some(ContainmentSpec {
        leaf: nowhere.join("runs/7"),
        shims: nowhere.join("shims"),
        limits: GroupLimits::default(),
    });
    let failure = run.finish().start_failure.expect("a reason");
    assert_eq!(failure.step, StartStep::Containment);
    assert!(failure.message.contains("no-such-group"), "{}", failure.message);
    assert!(!run.work("started").exists());
    assert_eq!(read_identity(&run.dir).unwrap().unwrap().worker, None);
}

#[test]
fn a_leaf_that_is_closed_to_processes_is_a_start_failure_and_goes_too() {
    let mut run = Run::of_script("touch started");
    let Some(_groups) = Groups::for_run(&mut run) else { return };
    let leaf = groups(&run).leaf;
    // Beside a group of threads one of processes is not valid.
    for name in ["threads", "processes"] {
        std::fs::create_dir(leaf.join(name)).unwrap();
    }
    std::fs::write(leaf.join("threads/cgroup.type"), "threaded").unwrap();
    run.spec.containment.as_mut().unwrap().leaf.push("processes");
    let failure = run.finish().start_failure;
    let rest = Leaf::new(leaf).remove();
    let failure = failure.expect("a reason");
    assert_eq!(failure.step, StartStep::Containment, "{}", failure.message);
    assert!(
        failure.errno != 0 && failure.message.contains("cannot enter control group"),
        "{failure:?}"
    );
    assert!(!run.work("started").exists());
    assert!(!groups(&run).leaf.exists());
    rest.unwrap();
}

#[test]
fn a_leaf_left_by_an_earlier_run_of_the_same_number_is_emptied_for_the_next() {
    let mut run = Run::of_script("true");
    let Some(_groups) = Groups::for_run(&mut run) else { return };
    let leaf = groups(&run).leaf;
    let mut sleeper = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    std::fs::write(leaf.join("cgroup.procs"), sleeper.id().to_string()).unwrap();
    make_leaf(&groups(&run)).unwrap();
    let ended = until("the earlier process's end", || sleeper.try_wait().unwrap());
    assert!(!ended.success());
    assert_eq!(std::fs::read_to_string(leaf.join("cgroup.procs")).unwrap(), "");
    assert_eq!(run.finish().code, Some(0));
}

#[test]
fn what_is_in_the_leaf_is_killed_at_once_when_that_is_asked() {
    let mut run = Run::of_script("trap '' TERM; touch up; while :; do sleep 60; done");
    let Some(_groups) = Groups::for_run(&mut run) else { return };
    let shim = run.start();
    run.wait_for("up");
    shim.signal(Signal::SIGQUIT);
    let record = run.finished(shim);
    assert!(record.killed && record.stop_requested);
    assert_eq!(record.signal, Some(9));
    assert!(end_leaf(&Leaf::new(groups(&run).leaf), std::time::Duration::ZERO));
}
