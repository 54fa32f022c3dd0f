//! What the exit record says of a worker, and of one that never was.

use kanband::os::run_files::directory::{
    SetupCommand, SetupSpec, StartFailure, StartStep, WorkspaceSpec, read_identity, read_prepared,
};
use nix::errno::Errno;
use support::skip;

use crate::harness::Run;

/// Runs and returns why nothing was started; nothing may have been.
fn start_failure(run: &Run) -> StartFailure {
    let record = run.finish();
    assert_eq!((record.code, record.signal, record.log_bytes), (None, None, 0));
    assert_eq!(read_identity(&run.dir).unwrap().unwrap().worker, None);
    record.start_failure.expect("a reason")
}

#[test]
fn the_exit_code_is_recorded() {
    for code in [0, 1, 75, 255] {
        let record = Run::of_script(&format!("exit {code}")).finish();
        assert_eq!((record.code, record.signal, record.start_failure), (Some(code), None, None));
        assert!(!record.timed_out && !record.stop_requested && !record.killed);
        assert_eq!(record.swept_count, 0);
        assert!(record.max_rss_bytes > 0);
    }
}

#[test]
fn the_signal_is_recorded() {
    // 34 is a real-time signal.
    for signal in [6, 9, 15, 34] {
        let record = Run::of_script(&format!("kill -{signal} $$")).finish();
        assert_eq!((record.code, record.signal), (None, Some(signal)));
    }
}

#[test]
fn a_starter_that_ignores_its_children_does_not_cost_the_record() {
    let record =
        Run::of_script("(sleep 0.05 &); exit 3").finish_by("exec env --ignore-signal=CHLD");
    assert_eq!((record.code, record.swept_count), (Some(3), 1));
}

#[test]
fn a_missing_program_is_a_start_failure_and_no_worker() {
    let failure = start_failure(&Run::of(&["no-such-program"]));
    assert_eq!((failure.step, failure.errno), (StartStep::Exec, Errno::ENOENT as i32));
    assert_eq!(failure.message, "program `no-such-program` not found on PATH");
    let failure = start_failure(&Run::of(&["/no/such/program"]));
    assert_eq!((failure.step, failure.errno), (StartStep::Exec, Errno::ENOENT as i32));
    assert_eq!(failure.message, "program `/no/such/program` not found");
}

#[test]
fn a_program_that_cannot_be_executed_says_why() {
    let run = Run::of(&["./tool"]);
    let path = run.work("tool").display().to_string();
    run.add_script("tool", "#!/no/such/interpreter\n");
    let failure = start_failure(&run);
    let expected = format!("interpreter of `{path}` not found");
    assert_eq!((failure.errno, failure.message), (Errno::ENOENT as i32, expected));

    let run = Run::of(&["./tool"]);
    std::fs::write(run.work("tool"), "").unwrap();
    let failure = start_failure(&run);
    assert_eq!(failure.message, "program `./tool` is not executable: permission denied");

    let run = Run::of(&["./tool"]);
    run.add_script("tool", "echo no interpreter\n");
    let failure = start_failure(&run);
    assert_eq!(failure.errno, Errno::ENOEXEC as i32);
}

#[test]
fn a_program_found_later_on_the_path_is_started() {
    let mut run = Run::of(&["tool"]);
    run.add_script("tool", "#!/bin/sh\nexit 3\n");
    let path = format!("/no/such:/etc/passwd:{}", run.spec.cwd.display());
    run.spec.env.insert("PATH".to_owned(), path);
    assert_eq!(run.finish().code, Some(3));
}

#[test]
fn a_missing_working_directory_is_a_start_failure_unless_it_is_to_be_made() {
    let mut run = Run::of_script("pwd; umask");
    run.spec.cwd = run.root().join("not/there/yet");
    let failure = start_failure(&run);
    assert_eq!((failure.step, failure.errno), (StartStep::Workspace, Errno::ENOENT as i32));
    assert!(failure.message.contains("not/there/yet"), "{}", failure.message);

    let mut run = Run::of_script("pwd; stat -c %a . ..");
    run.spec.cwd = run.root().join("not/there/yet");
    run.spec.create_cwd = true;
    run.spec.limits.umask = Some(0o027);
    assert_eq!(run.finish().code, Some(0));
    assert_eq!(run.log(), format!("{}\n750\n750\n", run.spec.cwd.display()));
}

#[test]
fn a_worker_starts_in_the_directory_that_was_leased_or_not_at_all() {
    use std::os::unix::fs::MetadataExt;

    let mut run = Run::of_script("pwd; umask");
    let anchor = run.root().canonicalize().unwrap();
    let found = anchor.metadata().unwrap();
    let leased = WorkspaceSpec {
        path: anchor.join("a/b"),
        anchor: anchor.clone(),
        device: found.dev(),
        inode: found.ino(),
        missing: vec!["a".to_owned(), "b".to_owned()],
    };
    run.spec.cwd.clone_from(&leased.path);
    run.spec.workspace = Some(leased.clone());
    assert_eq!(run.finish().code, Some(0));
    assert_eq!(run.log(), format!("{}\n0022\n", leased.path.display()));

    let mut run = Run::of_script("touch started");
    run.spec.cwd.clone_from(&leased.path);
    run.spec.workspace = Some(WorkspaceSpec { inode: leased.inode + 1, ..leased.clone() });
    let failure = start_failure(&run);
    assert_eq!((failure.step, failure.errno), (StartStep::Workspace, Errno::ESTALE as i32));
    assert!(!leased.path.join("started").exists());

    let mut run = Run::of_script("touch started");
    let elsewhere = run.root().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let anchor = run.root().canonicalize().unwrap();
    let found = anchor.metadata().unwrap();
    std::os::unix::fs::symlink(&elsewhere, anchor.join("a")).unwrap();
    let (device, inode) = (found.dev(), found.ino());
    let path = anchor.join("a/b");
    run.spec.cwd.clone_from(&path);
    run.spec.workspace = Some(WorkspaceSpec { path, anchor, device, inode, ..leased });
    assert_eq!(start_failure(&run).step, StartStep::Workspace, "a link has appeared");
    assert_eq!(std::fs::read_dir(elsewhere).unwrap().count(), 0);
}

/// The one process that its user may have is the shim itself.
#[test]
fn a_host_that_has_no_process_for_the_worker_is_named_with_its_error() {
    if !nix::unistd::geteuid().is_root() {
        skip("only root can limit the processes of another user");
        return;
    }
    let mut run = Run::of_script("touch started");
    run.spec.cwd = run.root().to_owned();
    let passable = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(run.root(), passable).unwrap();
    let limited = "chown -R 4260 \"$1\"; \
                   exec prlimit --nproc=1 setpriv --reuid=4260 --regid=4260 --clear-groups";
    let failure = run.finish_by(limited).start_failure.expect("no worker");
    assert_eq!((failure.step, failure.errno), (StartStep::Fork, Errno::EAGAIN as i32));
    assert!(!run.root().join("started").exists());
}

/// Another run may have made it, by another name: it is that one's place.
#[test]
fn a_directory_that_this_run_was_to_make_and_something_else_has_made_is_not_worked_in() {
    use std::os::unix::fs::MetadataExt;

    let run_with = |made_meanwhile: &str| {
        let mut run = Run::of_script("touch started");
        let anchor = run.root().canonicalize().unwrap();
        let found = anchor.metadata().unwrap();
        let path = anchor.join("a/b");
        std::fs::create_dir_all(anchor.join(made_meanwhile)).unwrap();
        run.spec.cwd.clone_from(&path);
        let missing = vec!["a".to_owned(), "b".to_owned()];
        let (device, inode) = (found.dev(), found.ino());
        run.spec.workspace = Some(WorkspaceSpec { path, anchor, device, inode, missing });
        run
    };
    let run = run_with("a/b");
    let failure = start_failure(&run);
    assert_eq!((failure.step, failure.errno), (StartStep::Workspace, Errno::EEXIST as i32));
    assert!(!run.spec.cwd.join("started").exists());
    let run = run_with("a");
    assert_eq!(run.finish().code, Some(0), "a directory on the way may be made by another run");
    assert!(run.spec.cwd.join("started").exists());
}

#[test]
fn commands_before_the_worker_run_in_order_and_their_failure_is_told() {
    let setup = |scripts: &[&str]| {
        let argv = |script: &&str| ["sh", "-c", *script].map(str::to_owned).to_vec();
        let argv = scripts.iter().map(argv).collect();
        Some(SetupSpec { argv, timeout_ms: 60_000, ..SetupSpec::default() })
    };
    let mut run = Run::of_script("cat made; echo worker");
    let made = run.work("made");
    let first = format!("echo one > {}; sleep 600 & echo noise", made.display());
    let second = format!("echo two >> {}", made.display());
    run.spec.setup = setup(&[&first, &second]);
    assert_eq!(run.finish().code, Some(0));
    assert_eq!(run.log(), "one\ntwo\nworker\n", "what they say is not the worker's");
    assert!(!run.dir.setup().exists());

    let mut run = Run::of_script("touch started");
    run.spec.setup = setup(&["echo first; echo 'error: no such thing' >&2; exit 4", "touch /no"]);
    let failure = start_failure(&run);
    assert_eq!(failure.step, StartStep::Workspace);
    assert_eq!(failure.message, "first; error: no such thing");
    assert!(!run.work("started").exists());

    let mut run = Run::of_script("touch started");
    let argv = vec![vec!["/no/such".to_owned()]];
    run.spec.setup = Some(SetupSpec { argv, timeout_ms: 1, ..SetupSpec::default() });
    let failure = start_failure(&run);
    assert_eq!((failure.step, failure.errno), (StartStep::Workspace, Errno::ENOENT as i32));
    assert!(failure.message.contains("/no/such"), "{}", failure.message);

    let mut run = Run::of_script("touch started");
    run.spec.setup =
        setup(&[r#"echo noise; echo '{"message":"the disk is full","errno":28}'; exit 1"#]);
    let failure = start_failure(&run);
    assert_eq!((failure.message.as_str(), failure.errno), ("the disk is full", 28));
}

#[test]
fn what_the_command_that_made_the_workspace_printed_is_kept_for_the_daemon() {
    let mut run = Run::of_script("cat \"$REPORT\"");
    run.spec.env.insert("REPORT".to_owned(), run.dir.prepared().display().to_string());
    let argv = vec![["sh", "-c", "echo made"].map(str::to_owned).to_vec()];
    run.spec.setup = Some(SetupSpec { argv, timeout_ms: 60_000, ..SetupSpec::default() });
    assert_eq!(run.finish().code, Some(0));
    assert_eq!(run.log(), "made\n", "it is there before the worker starts");
    assert_eq!(read_prepared(&run.dir).unwrap().unwrap(), b"made\n");
}

/// A command of the operator's in the working directory.
fn command(run: &Run, script: &str) -> SetupCommand {
    let argv = ["sh", "-c", script].map(str::to_owned).to_vec();
    SetupCommand { setting: "worktree.setup".to_owned(), argv, cwd: run.spec.cwd.clone() }
}

#[test]
fn the_operators_commands_run_in_the_workspace_and_into_the_runs_log() {
    let mut run = Run::of_script("echo worker; ls");
    run.spec.log.redact = vec!["secret-of-the-run".to_owned()];
    let commands = vec![
        command(&run, "echo secret-of-the-run; touch made; pwd; sleep 600 & true"),
        command(&run, "echo second >&2"),
    ];
    run.spec.setup = Some(SetupSpec { argv: Vec::new(), timeout_ms: 60_000, commands });
    assert_eq!(run.finish().code, Some(0));
    let log = run.log();
    let cwd = run.spec.cwd.display();
    assert!(!log.contains("secret-of-the-run"), "{log}");
    let rest = log.split_once('\n').unwrap().1;
    assert_eq!(rest, format!("{cwd}\nsecond\nworker\nmade\n"));
}

#[test]
fn an_operators_command_that_fails_or_hangs_is_a_failed_workspace_that_names_the_setting() {
    let mut run = Run::of_script("touch started");
    let commands = vec![command(&run, "echo no network; exit 3")];
    run.spec.setup = Some(SetupSpec { argv: Vec::new(), timeout_ms: 60_000, commands });
    let failure = start_failure(&run);
    assert_eq!(failure.step, StartStep::Workspace);
    assert_eq!(failure.message, "worktree.setup: `sh` exited with code 3: no network");
    assert_eq!(run.log(), "no network\n", "its output stays to be read");
    assert!(!run.work("started").exists());

    let mut run = Run::of_script("touch started");
    let commands = vec![command(&run, "echo begun; trap '' TERM; sleep 600")];
    run.spec.setup = Some(SetupSpec { argv: Vec::new(), timeout_ms: 1, commands });
    let failure = start_failure(&run);
    assert_eq!(failure.errno, Errno::ETIMEDOUT as i32);
    assert!(
        failure.message.contains("worktree.setup: `sh` did not end within 1 ms"),
        "{}",
        failure.message
    );
    assert!(!run.work("started").exists());
}

#[test]
fn a_working_directory_that_is_a_file_is_a_start_failure() {
    let mut run = Run::of_script("true");
    run.spec.cwd = run.work("file");
    std::fs::write(&run.spec.cwd, "").unwrap();
    run.spec.create_cwd = true;
    let failure = start_failure(&run);
    assert_eq!((failure.step, failure.errno), (StartStep::Workspace, Errno::EEXIST as i32));
}

#[test]
fn a_log_that_cannot_be_opened_is_a_start_failure() {
    let mut run = Run::of_script("touch started");
    run.spec.log.path = run.root().join("missing/run.log");
    let failure = start_failure(&run);
    assert_eq!((failure.step, failure.errno), (StartStep::Log, Errno::ENOENT as i32));
    assert!(!run.work("started").exists());
}

#[test]
fn a_limit_that_cannot_be_set_is_a_start_failure_that_names_it() {
    let mut run = Run::of_script("true");
    // Above the kernel's own ceiling (fs.nr_open), which not even root may pass.
    run.spec.limits.rlimits.insert("nofile".to_owned(), u64::MAX - 1);
    let failure = start_failure(&run);
    assert_eq!((failure.step, failure.errno), (StartStep::Limits, Errno::EPERM as i32));
    assert!(failure.message.contains("`nofile`"), "{}", failure.message);
}
