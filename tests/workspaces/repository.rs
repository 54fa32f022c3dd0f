//! A git repository for a test, a worktree of it, and what a worker may do there.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use kanband::os::workspaces::git::Git;
use kanband::os::workspaces::worktree::prepare::{PrepareError, Wanted, prepare};
use kanband::os::workspaces::worktree::sweep::sweep;
use kanband::os::workspaces::worktree_report::{Part, PreparedWorktree, Swept};
use support::skip;

/// Branch of the worktrees here.
pub const BRANCH: &str = "kanban/t_1";

/// A repository with one commit.
pub struct Repository {
    temp: tempfile::TempDir,
}

/// Says why a test does nothing where there is no git.
pub fn has_git() -> bool {
    let found = Command::new("git").arg("--version").output().is_ok();
    if !found {
        skip("git is not installed (`make setup` installs it)");
    }
    found
}

pub fn patience() -> Git {
    Git::within(Duration::from_secs(120))
}

impl Repository {
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// One that `git init` makes with these options.
    pub fn with(options: &[&str]) -> Self {
        let repository = Self { temp: tempfile::tempdir().unwrap() };
        std::fs::create_dir_all(repository.path().join("sub")).unwrap();
        repository.git(["init", "--quiet", "--initial-branch=main"].iter().chain(options));
        std::fs::write(repository.path().join("file"), "one\n").unwrap();
        std::fs::write(repository.path().join("sub/other"), "two\n").unwrap();
        std::fs::write(repository.path().join(".gitignore"), "*.o\nbuild/\n").unwrap();
        repository.git(["add", "."]);
        repository.git(["commit", "--quiet", "--message=first"]);
        repository
    }

    pub fn path(&self) -> PathBuf {
        self.temp.path().join("repository")
    }

    /// A path beside the repository.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    pub fn git<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> String {
        git_in(&self.path(), arguments)
    }

    /// Has the worktree `path` made, on [`BRANCH`].
    pub fn prepare(&self, path: &Path) -> Result<PreparedWorktree, PrepareError> {
        let (repository, with_submodules) = (&self.path(), false);
        let wanted = Wanted { repository, path, branch: BRANCH, with_submodules };
        prepare(&patience(), &wanted)
    }

    /// The worktree of task `t_1`.
    pub fn made(self) -> Made {
        let path = self.beside("t_1");
        let prepared = self.prepare(&path).unwrap();
        assert_eq!(prepared.branch.as_deref(), Some(BRANCH));
        Made { repository: self, path }
    }
}

/// A repository and a worktree of it.
pub struct Made {
    pub repository: Repository,
    pub path: PathBuf,
}

/// What stays, and why.
#[derive(Debug, PartialEq, Eq)]
pub struct Kept {
    pub why: String,
    pub saved_as: Option<String>,
    pub parts: Vec<Part>,
}

impl Made {
    /// A worktree of a new repository; none where there is no git.
    pub fn new() -> Option<Self> {
        has_git().then(|| Repository::new().made())
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path.join(name), text).unwrap();
    }

    pub fn git<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> String {
        git_in(&self.path, arguments)
    }

    /// The worktree's own directory in the repository.
    pub fn git_dir(&self) -> PathBuf {
        PathBuf::from(self.git(["rev-parse", "--absolute-git-dir"]))
    }

    /// What a worker does in it.
    pub fn sh(&self, script: &str) {
        let mut command = Command::new("sh");
        for role in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{role}_NAME"), "ann");
            command.env(format!("GIT_{role}_EMAIL"), "ann@example.org");
        }
        let ended = command
            .args(["-euc", script])
            .env("GIT_EDITOR", "true")
            .env("R", self.repository.path())
            .env("BESIDE", self.repository.beside("aside"))
            .current_dir(&self.path)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(ended.status.success(), "{script}: {}", String::from_utf8_lossy(&ended.stderr));
    }

    pub fn sweep(&self, dry_run: bool) -> Swept {
        sweep(&patience(), &self.path, "t_1", dry_run)
    }

    /// What both a dry run and `gc` say that stays.
    pub fn kept(&self, what: &str) -> Kept {
        let Swept::Kept { why: dry, saved_as: None, .. } = self.sweep(true) else {
            panic!("{what}: {:?}", self.sweep(true));
        };
        let Swept::Kept { why, saved_as, parts } = self.sweep(false) else {
            panic!("{what}: removed, although a dry run says: {dry}");
        };
        assert_eq!(why, dry, "{what}: both say the same");
        assert!(self.path.exists(), "{what}");
        Kept { why, saved_as, parts }
    }

    /// Both a dry run and `gc` say that nothing in it would be lost.
    pub fn goes(&self, what: &str) {
        let dry = self.sweep(true);
        assert_eq!(dry, Swept::Removed, "{what}");
        assert!(self.path.exists(), "{what}: a dry run removes nothing");
        assert_eq!(self.sweep(false), Swept::Removed, "{what}");
        assert!(!self.path.exists(), "{what}");
        let known = self.repository.git(["worktree", "list", "--porcelain"]);
        assert!(!known.contains("t_1"), "{what}: {known}");
    }

    /// Whether something that a ref leads to has this content.
    pub fn is_saved(&self, content: &str) -> bool {
        let objects = self.repository.git(["rev-list", "--all", "--objects"]);
        objects.lines().filter_map(|line| line.split(' ').next()).any(|id| {
            let kind = self.repository.git(["cat-file", "-t", id]);
            kind == "blob" && self.repository.git(["cat-file", "blob", id]) == content
        })
    }
}

/// As a person runs it: hooks and all.
pub fn git_in<A: AsRef<OsStr>>(path: &Path, arguments: impl IntoIterator<Item = A>) -> String {
    std::fs::create_dir_all(path).unwrap();
    let output = Command::new("git")
        .args(["-c", "user.name=ann", "-c", "user.email=ann@example.org"])
        .args(["-c", "protocol.file.allow=always", "-c", "safe.directory=*", "-C"])
        .arg(path)
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}
