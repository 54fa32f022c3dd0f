//! The scripts behind `make`: what they say, and what they do not do unasked.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn script(name: &str) -> Command {
    let mut command =
        Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(name));
    command.stdin(Stdio::null()).env_clear().env("PATH", "/usr/bin:/bin");
    command
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn the_last_line_of_the_tests_says_how_many_were_skipped_and_why() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("skips");
    for (skips, expected) in [
        ("", "skipped: none\n"),
        ("cli\ta::b\tonly root can mount\n", "skipped: 1, because only root can mount\n"),
        (
            "cli\ta::b\tonly root can mount\ncli\tc::d\tno cgroup\ndaemon\te\tno cgroup\n",
            "skipped: 3, because only root can mount; no cgroup (2)\n",
        ),
    ] {
        std::fs::write(&file, skips).unwrap();
        let output = script("skip-summary.sh").arg(&file).output().unwrap();
        assert_eq!(printed(&output), expected);
    }
}

#[test]
fn packages_are_installed_when_that_was_agreed_to_and_not_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let program = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    let log = folder.path().join("log");
    program("id", "echo 0");
    program("apt-get", &format!("echo \"$@\" >> {}", log.display()));
    program("cargo", "true");
    // There is no compiler and no git on this path.
    for (arguments, ci, is_installed) in [
        (&[][..], None, false),
        (&["deb"], None, false),
        (&["--yes"], None, true),
        (&["deb", "--yes"], None, true),
        (&[], Some("true"), true),
        (&[], Some(""), false),
    ] {
        drop(std::fs::remove_file(&log));
        let mut setup = script("setup.sh");
        setup.args(arguments).env("PATH", folder.path()).envs(ci.map(|ci| ("CI", ci)));
        let output = setup.output().unwrap();
        let called = std::fs::read_to_string(&log).unwrap_or_default();
        assert_eq!(called.contains("install"), is_installed, "{arguments:?} {ci:?}: {called}");
        assert_eq!(output.status.success(), is_installed, "{}", printed(&output));
        let names = printed(&output);
        assert!(names.contains("gcc") && names.contains("git"), "{names}");
    }
}
