//! Every way a run comes to its end leaves no process behind, and the record says which way it was.

use kanband::os::host::clock::monotonic_ms;
use kanband::os::run_files::directory::{RUN_FILE_VERSION, RunDeadline, read_exit, write_deadline};
use nix::sys::signal::Signal;

use crate::harness::{Run, Shim, until};

/// Starts copies of itself that leave every group, session and parent, ignore what can be ignored and hold no
/// descriptor. Each says in `up` that it is there.
const STUBBORN: &str = "#!/bin/sh
trap '' TERM HUP INT QUIT
if [ \"$1\" -gt 0 ]; then (setsid ./stubborn $(($1 - 1)) &); fi
echo $$ >> up
exec 0<&- 1>&- 2>&-
while :; do sleep 60; done
";

fn wait_for_lines(run: &Run, count: usize) {
    until("every process of the tree", || {
        let text = std::fs::read_to_string(run.work("up")).unwrap_or_default();
        (text.lines().count() == count).then_some(())
    });
}

/// Waits for the record and looks at once who is still alive.
fn survivors_at_record(run: &Run) -> Vec<i32> {
    until("the record", || read_exit(&run.dir).unwrap());
    run.survivors()
}

#[test]
fn a_worker_that_ignores_its_deadline_is_killed_and_has_timed_out() {
    let mut run = Run::of_script("trap '' TERM; while :; do sleep 60; done");
    run.spec.limits.max_runtime_ms = Some(100);
    run.spec.limits.grace_ms = 50;
    let record = run.finish();
    assert!(record.timed_out && record.killed && !record.stop_requested);
    assert_eq!((record.code, record.signal), (None, Some(9)));
    assert!(record.elapsed_ms >= 150, "{} ms", record.elapsed_ms);
}

/// A worker that goes on until it may end, with a time limit; the time at which its shim would end it.
fn limited(max_runtime_ms: u64) -> (Run, Shim, u64) {
    let mut run = Run::of_script("touch up; until [ -e end ]; do sleep 0.01; done; exit 5");
    run.spec.limits.max_runtime_ms = Some(max_runtime_ms);
    let shim = run.start();
    run.wait_for("up");
    let deadline_ms = until("the identity of the worker", || run.identity().deadline_ms);
    (run, shim, deadline_ms)
}

fn move_deadline(run: &Run, nonce: &str, deadline_ms: u64) {
    let (version, nonce) = (RUN_FILE_VERSION, nonce.to_owned());
    write_deadline(&run.dir, &RunDeadline { version, nonce, deadline_ms }).unwrap();
}

fn until_after(deadline_ms: u64) {
    until("the time limit", || (monotonic_ms() > deadline_ms + 200).then_some(()));
}

#[test]
fn a_deadline_that_was_moved_later_is_the_one_that_counts() {
    let (run, shim, deadline_ms) = limited(2_000);
    move_deadline(&run, &run.spec.nonce, deadline_ms + 3_600_000);
    until_after(deadline_ms);
    std::fs::write(run.work("end"), "").unwrap();
    let record = run.finished(shim);
    assert_eq!((record.code, record.timed_out), (Some(5), false));

    let (run, shim, deadline_ms) = limited(2_000);
    move_deadline(&run, &run.spec.nonce, deadline_ms + 300);
    let record = run.finished(shim);
    assert!(record.timed_out && record.elapsed_ms >= 2_300, "{} ms", record.elapsed_ms);
}

#[test]
fn a_deadline_of_another_start_moves_nothing_and_one_that_cannot_be_read_ends_nothing() {
    let (run, shim, deadline_ms) = limited(2_000);
    move_deadline(&run, "another", deadline_ms + 3_600_000);
    assert!(run.finished(shim).timed_out);

    let (run, shim, deadline_ms) = limited(2_000);
    std::fs::write(run.dir.deadline(), "{").unwrap();
    until_after(deadline_ms);
    std::fs::write(run.work("end"), "").unwrap();
    let record = run.finished(shim);
    assert_eq!((record.code, record.timed_out), (Some(5), false));
}

#[test]
fn a_worker_that_obeys_within_its_grace_is_not_killed() {
    let run = Run::of_script("trap 'exit 9' TERM; touch up; while :; do sleep 0.01; done");
    let shim = run.start();
    run.wait_for("up");
    shim.signal(Signal::SIGTERM);
    let record = run.finished(shim);
    assert!(record.stop_requested && !record.killed && !record.timed_out);
    assert_eq!(record.code, Some(9));
}

#[test]
fn what_a_worker_starts_to_clean_up_is_left_to_it() {
    let run = Run::of_script("trap './clean; exit 9' TERM; touch up; while :; do sleep 0.01; done");
    // Each turn ends a process that belongs to the shim, which then looks for those it has not asked yet.
    let turns = "for turn in 1 2 3 4 5 6 7 8 9 10; do (true &); sleep 0.02; done";
    run.add_script("clean", &format!("#!/bin/sh\n{turns}\ntouch cleaned\n"));
    let shim = run.start();
    run.wait_for("up");
    shim.signal(Signal::SIGTERM);
    let record = run.finished(shim);
    assert_eq!((record.code, record.killed), (Some(9), false));
    assert!(run.work("cleaned").exists());
}

#[test]
fn what_is_born_while_the_tree_is_asked_is_asked_too() {
    // The worker ends by TERM, but only after it has started another in a session of its own.
    let mut run = Run::of_script(
        "trap '(setsid sleep 600 &); exit 9' TERM; touch up; while :; do sleep 0.01; done",
    );
    run.spec.limits.grace_ms = 3_600_000;
    let shim = run.start();
    run.wait_for("up");
    shim.signal(Signal::SIGTERM);
    let record = run.finished(shim);
    assert_eq!((record.code, record.killed), (Some(9), false));
}

#[test]
fn a_stopped_worker_is_woken_to_end() {
    let run = Run::of_script("trap 'exit 9' TERM; echo $$ > up; kill -STOP $$; exit 1");
    let shim = run.start();
    until("the worker to stop", || {
        let pid = run.wait_for("up").trim().parse().ok()?;
        let stat = kanband::os::processes::proc_stat::read(pid).unwrap()?;
        (stat.state == b'T').then_some(())
    });
    shim.signal(Signal::SIGTERM);
    assert_eq!(run.finished(shim).code, Some(9));
}

#[test]
fn a_stop_ends_a_tree_that_does_everything_to_escape() {
    let mut run = Run::of(&["./stubborn", "4"]);
    run.add_script("stubborn", STUBBORN);
    run.spec.limits.grace_ms = 50;
    let shim = run.start();
    wait_for_lines(&run, 5);
    shim.signal(Signal::SIGTERM);
    assert_eq!(survivors_at_record(&run), [0; 0]);
    let record = run.finished(shim);
    assert!(record.stop_requested && record.killed);
    assert_eq!(record.signal, Some(9));
}

#[test]
fn what_a_worker_leaves_behind_is_swept() {
    let mut run = Run::of_script(
        "(./stubborn 2 &); while ! [ \"$(wc -l < up)\" = 3 ]; do :; done 2> /dev/null",
    );
    run.add_script("stubborn", STUBBORN);
    run.spec.limits.grace_ms = 50;
    let shim = run.start();
    assert_eq!(survivors_at_record(&run), [0; 0]);
    let record = run.finished(shim);
    assert_eq!(record.code, Some(0));
    // Three scripts, each with its own `sleep` once it has come that far.
    assert!((3..=6).contains(&record.swept_count), "{} swept", record.swept_count);
    assert!(record.killed && !record.stop_requested && !record.timed_out);
}

#[test]
fn what_a_worker_leaves_behind_may_end_by_itself() {
    let run = Run::of_script("sleep 600 & exit 2");
    let record = run.finish();
    assert_eq!((record.code, record.swept_count, record.killed), (Some(2), 1, false));
}

#[test]
fn kill_at_once_gives_no_grace() {
    let run = Run::of_script("trap 'touch asked' TERM; touch up; while :; do sleep 0.01; done");
    let shim = run.start();
    run.wait_for("up");
    shim.signal(Signal::SIGQUIT);
    let record = run.finished(shim);
    assert!(record.stop_requested && record.killed);
    assert_eq!(record.signal, Some(9));
    assert!(!run.work("asked").exists());
}

#[test]
fn a_second_word_cuts_the_grace_short() {
    let run = Run::of_script("trap 'touch asked' TERM; touch up; while :; do sleep 0.01; done");
    let shim = run.start();
    run.wait_for("up");
    shim.signal(Signal::SIGTERM);
    run.wait_for("asked");
    shim.signal(Signal::SIGQUIT);
    let record = run.finished(shim);
    assert!(record.stop_requested && record.killed);
}

#[test]
fn a_tree_that_forks_for_ever_does_not_outrun_the_killing() {
    let mut run = Run::of(&["./hydra"]);
    // Each copy starts the next in a session of its own and ends: no process lives long enough to be met twice.
    run.add_script(
        "hydra",
        "#!/bin/sh\ntrap '' TERM\necho $$ >> up\n(setsid ./hydra &)\nsleep 0.1\n",
    );
    run.spec.limits.grace_ms = 0;
    let shim = run.start();
    until("some generations", || {
        let text = std::fs::read_to_string(run.work("up")).unwrap_or_default();
        (text.lines().count() >= 10).then_some(())
    });
    shim.signal(Signal::SIGTERM);
    assert_eq!(survivors_at_record(&run), [0; 0]);
    assert!(run.finished(shim).killed);
}

#[test]
fn signals_for_a_terminal_do_not_touch_the_shim() {
    let run = Run::of_script("touch up; while ! [ -e go ]; do sleep 0.01; done; exit 6");
    let shim = run.start();
    run.wait_for("up");
    for signal in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGPIPE] {
        shim.signal(signal);
    }
    std::fs::write(run.work("go"), "").unwrap();
    let record = run.finished(shim);
    assert_eq!((record.code, record.stop_requested), (Some(6), false));
}

#[test]
fn time_of_the_whole_tree_is_counted() {
    // About the same work in a child, and in a grandchild whose parent has gone.
    let busy = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done";
    let run = Run::of_script(&format!("sh -c '{busy}'"));
    let child = run.finish().cpu_us;
    let run = Run::of_script(&format!(
        "(sh -c '{busy}; touch done' &); while ! [ -e done ]; do sleep 0.01; done"
    ));
    let orphan = run.finish().cpu_us;
    for measured in [child, orphan] {
        assert!(measured > 10_000, "{measured} µs for a hundred thousand turns");
    }
}
