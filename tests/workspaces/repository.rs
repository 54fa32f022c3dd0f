//! A git repository for a test, with everything in it that must never run.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use kanband::os::git::Git;

/// A repository with one commit, whose hooks and file system monitor leave a trace when they run.
pub struct Repository {
    temp: tempfile::TempDir,
}

/// Says why a test does nothing where there is no git.
pub fn has_git() -> bool {
    let found = Command::new("git").arg("--version").output().is_ok();
    if !found {
        eprintln!("skipped: git is not installed (`make setup` installs it)");
    }
    found
}

pub fn patience() -> Git {
    Git::within(Duration::from_secs(120))
}

impl Repository {
    pub fn new() -> Self {
        let repository = Self { temp: tempfile::tempdir().unwrap() };
        std::fs::create_dir_all(repository.path().join("sub")).unwrap();
        repository.git(["init", "--quiet", "--initial-branch=main"]);
        std::fs::write(repository.path().join("file"), "one\n").unwrap();
        std::fs::write(repository.path().join("sub/other"), "two\n").unwrap();
        std::fs::write(repository.path().join(".gitignore"), "*.o\n").unwrap();
        repository.git(["add", "."]);
        repository.git(["commit", "--quiet", "--message=first"]);
        repository.arm();
        repository
    }

    /// From now on git leaves a trace when it lets the repository execute something.
    fn arm(&self) {
        let trace = format!("#!/bin/sh\necho $0 >> {}\n", self.trace().display());
        let hooks = self.path().join(".git/hooks");
        for name in [
            "post-checkout",
            "pre-commit",
            "post-commit",
            "post-index-change",
            "reference-transaction",
            "monitor",
        ] {
            let path = hooks.join(name);
            std::fs::create_dir_all(&hooks).unwrap();
            std::fs::write(&path, &trace).unwrap();
            let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(&path, executable).unwrap();
        }
        let monitor = hooks.join("monitor");
        self.git(["config".as_ref(), "core.fsmonitor".as_ref(), monitor.as_os_str()]);
        drop(std::fs::remove_file(self.trace()));
    }

    pub fn path(&self) -> PathBuf {
        self.temp.path().join("repository")
    }

    /// A path beside the repository.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    /// Where hooks leave their trace.
    pub fn trace(&self) -> PathBuf {
        self.temp.path().join("trace")
    }

    pub fn git<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> String {
        git_in(&self.path(), arguments)
    }
}

/// As a person runs it: hooks and all.
pub fn git_in<A: AsRef<OsStr>>(path: &Path, arguments: impl IntoIterator<Item = A>) -> String {
    std::fs::create_dir_all(path).unwrap();
    let output = Command::new("git")
        .args(["-c", "user.name=ann", "-c", "user.email=ann@example.org", "-C"])
        .arg(path)
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}
