//! What a worker gets from the spec, and that it gets nothing else.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt as _;

use kanband::os::run_files::directory::WorkspaceSpec;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use support::skip;

use crate::harness::Run;

/// The value of one line of `/proc/<pid>/status`.
fn status_field(text: &str, name: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).trim().to_owned()
}

#[test]
fn a_worker_inherits_no_descriptor_but_its_three() {
    // The parent leaks a descriptor into the shim, on purpose and by many numbers.
    let leaks: Vec<File> = (0..4).map(|_leak| File::open("/dev/null").unwrap()).collect();
    for leak in &leaks {
        fcntl(leak, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
    }
    assert!(leaks.iter().any(|leak| leak.as_raw_fd() > 3));
    let run = Run::of_script("ls /proc/$$/fd; readlink /proc/$$/fd/0; true");
    run.finish();
    assert_eq!(run.log(), "0\n1\n2\n/dev/null\n");
}

/// Perl that runs a program to which close_range(2) is what it was before Linux 5.11: it knows no CLOSE_RANGE_CLOEXEC. The numbers are
/// those of prctl(2) and seccomp(2), and a filter of six steps: is it call 436, has its third argument that bit, then EINVAL.
fn without_marks() -> Option<String> {
    let (prctl, seccomp) = match std::env::consts::ARCH {
        "x86_64" => (157, 317),
        "aarch64" => (167, 277),
        _ => return None,
    };
    let filter = "join \"\", map { pack \"SCCL\", @$_ } [32, 0, 0, 0], [21, 0, 3, 436], [32, 0, 0, 32], [69, 0, 1, 4], \
         [6, 0, 0, 0x50016], [6, 0, 0, 0x7fff0000]";
    Some(format!(
        "perl -e '$f = {filter}; syscall({prctl}, 38, 1, 0, 0, 0) == 0 or die $!; \
         syscall({seccomp}, 1, 0, pack \"Sx6P\", 6, $f) == 0 or die $!; exec @ARGV or die $!'"
    ))
}

#[test]
fn where_descriptors_cannot_be_marked_at_once_each_is_and_the_workspace_is_entered_all_the_same() {
    let Some(without_marks) = without_marks() else {
        return skip("the numbers of system calls of this architecture are not known here");
    };
    let leaks: Vec<File> = (0..4).map(|_leak| File::open("/dev/null").unwrap()).collect();
    for leak in &leaks {
        fcntl(leak, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
    }
    // The workspace is entered by a descriptor, after the others were marked.
    let mut run = Run::of_script("ls /proc/$$/fd; pwd; grep Seccomp: /proc/$$/status; true");
    let anchor = run.root().canonicalize().unwrap();
    let found = anchor.metadata().unwrap();
    let (path, device, inode) = (anchor.join("a"), found.dev(), found.ino());
    run.spec.cwd.clone_from(&path);
    let missing = vec!["a".to_owned()];
    run.spec.workspace = Some(WorkspaceSpec { path, anchor, device, inode, missing });
    assert_eq!(run.finish_by(&without_marks).code, Some(0));
    let expected = format!("0\n1\n2\n{}\nSeccomp:\t2\n", run.spec.cwd.display());
    assert_eq!(run.log(), expected);
    let record = Run::of(&["/nowhere/program"]).finish_by(&without_marks);
    assert!(record.start_failure.unwrap().message.contains("/nowhere/program"));
}

#[test]
fn a_shim_keeps_no_descriptor_of_its_starter() {
    let leaks: Vec<File> = (0..8).map(|_leak| File::open("/etc/passwd").unwrap()).collect();
    for leak in &leaks {
        fcntl(leak, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
    }
    let run = Run::of_script("readlink /proc/$PPID/fd/*");
    run.finish();
    assert!(!run.log().contains("/etc/passwd"), "{}", run.log());
}

#[test]
fn a_worker_has_the_environment_of_its_spec_and_nothing_else() {
    let mut run = Run::of(&["/usr/bin/env"]);
    run.spec.env.insert("GREETING".to_owned(), "two words=\nand a line".to_owned());
    let record = run.finish();
    assert_eq!(record.code, Some(0));
    let expected: String =
        run.spec.env.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    let sorted = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(sorted(&run.log()), sorted(&expected));
}

#[test]
fn a_worker_leads_a_session_of_its_own() {
    let run = Run::of_script("echo $$ $PPID $(cut -d' ' -f5,6 /proc/$$/stat)");
    run.finish();
    let log = run.log();
    let numbers: Vec<&str> = log.split_whitespace().collect();
    let [pid, parent, group, session] = numbers[..] else { panic!("{log}") };
    assert_eq!((group, session), (pid, pid));
    assert_ne!(parent, pid);
}

#[test]
fn a_worker_starts_with_no_signal_blocked_ignored_or_pending() {
    let run = Run::of(&["cat", "/proc/self/status"]);
    run.finish();
    let log = run.log();
    for field in ["SigBlk", "SigIgn", "SigCgt", "SigPnd", "ShdPnd"] {
        assert_eq!(status_field(&log, field), "0".repeat(16), "{field}");
    }
}

#[test]
fn a_worker_is_not_protected_from_the_oom_killer() {
    let run = Run::of_script("cat /proc/self/oom_score_adj /proc/$PPID/oom_score_adj");
    // A score that needs no privilege to get and that the worker must not keep; protecting is the same way.
    run.finish_by("echo 300 > /proc/self/oom_score_adj; exec");
    assert_eq!(run.log(), "0\n300\n");
}

#[test]
fn limits_and_mask_are_those_of_the_spec() {
    let mut run = Run::of_script("ulimit -n; ulimit -Hn; ulimit -c; ulimit -t; umask");
    for (name, limit) in [("nofile", 123), ("core", 0), ("cpu", 77)] {
        run.spec.limits.rlimits.insert(name.to_owned(), limit);
    }
    run.spec.limits.umask = Some(0o077);
    assert_eq!(run.finish().code, Some(0));
    assert_eq!(run.log(), "123\n123\n0\n77\n0077\n");
    let run = Run::of_script("umask");
    run.finish();
    assert_eq!(run.log(), "0022\n");
}

#[test]
fn what_the_shim_writes_is_private_whatever_the_mask() {
    use std::os::unix::fs::PermissionsExt;

    let mut run = Run::of_script("seq 100000");
    run.spec.limits.umask = Some(0);
    run.spec.log.head_bytes = 100;
    run.spec.log.tail_bytes = 100;
    run.finish();
    let segment = run.root().join("run.log.tail.0");
    let files = [run.dir.lock(), run.dir.identity(), run.dir.exit(), run.spec.log.path.clone()];
    for path in files.into_iter().chain([segment]) {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode, 0o600, "{}", path.display());
    }
}

#[test]
fn the_shim_goes_by_its_name_and_stays_out_of_the_way() {
    let run = Run::of_script("cat /proc/$PPID/comm; readlink /proc/$PPID/cwd");
    run.finish();
    assert_eq!(run.log(), "kanban-shim\n/\n");
}
