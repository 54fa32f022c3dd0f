//! Refusals before anything is forked.

use std::collections::BTreeMap;

use super::*;
use crate::os::run_files::directory::{LimitSpec, LogSpec, RUN_FILE_VERSION};

fn spec(argv: &[&str]) -> RunSpec {
    RunSpec {
        verdict: "exit".to_owned(),
        session_line: None,
        version: RUN_FILE_VERSION,
        incarnation: "i".to_owned(),
        nonce: "n".to_owned(),
        run_id: 1,
        argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        env: BTreeMap::new(),
        cwd: PathBuf::from("/"),
        create_cwd: false,
        workspace: None,
        handed_over: None,
        user: None,
        token: None,
        setup: None,
        stdio: None,
        log: LogSpec {
            path: PathBuf::from("/nowhere"),
            head_bytes: 0,
            tail_bytes: 0,
            pace_bytes_per_second: 0,
            redact: Vec::new(),
        },
        limits: LimitSpec {
            max_runtime_ms: None,
            grace_ms: 0,
            umask: None,
            rlimits: BTreeMap::new(),
            mark_bytes: None,
            no_new_privs: false,
            write_only_below: None,
        },
        containment: None,
        view: None,
        lease: None,
    }
}

#[test]
fn a_program_is_looked_for_on_the_absolute_entries_of_the_path_in_order() {
    let cases: [(&str, &str, &[&str]); 5] = [
        ("sh", "/usr/bin:/bin", &["/usr/bin/sh", "/bin/sh"]),
        ("sh", ":.:bin:/bin:", &["/bin/sh"]),
        ("sh", "", &[]),
        ("/opt/x", "/bin", &["/opt/x"]),
        ("./x", "/bin", &["./x"]),
    ];
    for (program, path, expected) in cases {
        let expected: Vec<PathBuf> = expected.iter().map(PathBuf::from).collect();
        assert_eq!(candidates(program, path), expected, "{program} on {path:?}");
    }
}

#[test]
fn a_spec_that_cannot_be_executed_is_refused_with_its_reason() {
    let env = |name: &str, value: &str| {
        let mut spec = spec(&["sh"]);
        spec.env.insert(name.to_owned(), value.to_owned());
        spec
    };
    let limit = |name: &str| {
        let mut spec = spec(&["sh"]);
        spec.limits.rlimits.insert(name.to_owned(), 1);
        spec
    };
    let cases = [
        (spec(&[]), StartStep::Exec, "the spec has no program"),
        (spec(&[""]), StartStep::Exec, "the spec has no program"),
        (spec(&["sh", "a\0b"]), StartStep::Exec, "an argument contains a NUL byte"),
        (env("A=B", "c"), StartStep::Exec, "`A=B` is not a valid variable name"),
        (env("", "c"), StartStep::Exec, "`` is not a valid variable name"),
        (env("A", "b\0"), StartStep::Exec, "the value of `A` contains a NUL byte"),
        (limit("files"), StartStep::Limits, "unknown limit `files`"),
        (
            RunSpec { cwd: PathBuf::from("here"), ..spec(&["sh"]) },
            StartStep::Workspace,
            "working directory `here` is not absolute",
        ),
    ];
    for (spec, step, message) in cases {
        let refused = plan(&spec, None).unwrap_err();
        assert_eq!((refused.step, refused.message.as_str()), (step, message));
        assert_eq!(refused.errno, Errno::EINVAL as i32);
    }
}

#[test]
fn a_plan_holds_the_spec_and_nothing_else() {
    let mut spec = spec(&["sh", "-c", "true"]);
    spec.env.insert("PATH".to_owned(), "/bin".to_owned());
    spec.limits.umask = Some(0o077);
    spec.limits.rlimits.insert("nofile".to_owned(), 64);
    let plan = plan(&spec, None).unwrap();
    assert_eq!(plan.programs, [c"/bin/sh".to_owned()]);
    assert_eq!(plan.argv, [c"sh".to_owned(), c"-c".to_owned(), c"true".to_owned()]);
    assert_eq!(plan.env, [c"PATH=/bin".to_owned()]);
    assert_eq!(plan.umask, Mode::from_bits_truncate(0o077));
    assert_eq!(plan.rlimits, [(Resource::RLIMIT_NOFILE, 64)]);
}
