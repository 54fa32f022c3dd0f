//! Processes that git starts while `gc` or `diff` looks at a worktree are refused at both sockets: a program in place of git calls the board.

use std::path::{Path, PathBuf};
use std::process::Command;

use kanband::os::run_files::directory::{RunDir, read_identity};
use serde_json::json;
use support::skip;

use crate::containment::{MODES, config_in, has_groups};
use crate::harness::{Daemon, is_alive, until};

/// How it hides, and whether only a control group can identify it once its supervisor is dead.
const DISGUISES: [(&str, &str, bool); 3] = [
    ("as it is", "sh -c \"$CALL\"", false),
    ("in the background", "sh -c \"$CALL\" & wait", false),
    (
        "without variables, in a session of its own",
        "env -i CALL=\"$CALL\" setsid -f sh -c \"$CALL\"",
        true,
    ),
];

/// A home whose `git` does `script` once the file `armed` is there, with a finished task in a worktree.
struct Field {
    daemon: Daemon,
    task: String,
}

fn real_git() -> Option<String> {
    let found = Command::new("sh").args(["-c", "command -v git"]).output().unwrap();
    let path = String::from_utf8(found.stdout).unwrap().trim().to_owned();
    if path.is_empty() {
        skip("git is not installed (`make setup` installs it)");
    }
    (!path.is_empty()).then_some(path)
}

fn install(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(path, executable).unwrap();
}

fn git(path: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=ann", "-c", "user.email=ann@example.org", "-C"]).arg(path);
    assert!(command.args(arguments).output().unwrap().status.success(), "{arguments:?}");
}

impl Field {
    /// `CALL` in `script` tries, at both sockets, what only an operator may do, again and again.
    fn new(mode: &str, script: &str) -> Option<Self> {
        let real = real_git()?;
        let mut daemon = Daemon::prepare("");
        let dir = daemon.scratch().to_owned();
        let (kanban, socket) = (env!("CARGO_BIN_EXE_kanban"), daemon.socket());
        let call = format!(
            "echo $$ >> {0}/callers; while [ ! -e {0}/stop ]; do for s in {1} {1}.worker; do KANBAN_SOCKET=$s {kanban} pause >> {0}/told 2>&1 \
             && touch {0}/paused; done; touch {0}/called; done",
            dir.display(),
            socket.display()
        );
        let text = format!(
            "#!/bin/sh\n[ -e {0}/armed ] || exec {real} \"$@\"\nexport PATH=\"$PATH:/usr/bin:/bin\"\nCALL='{call}'; export CALL\n{script}\nexec sleep 600\n",
            dir.display()
        );
        install(&dir.join("bin/git"), &text);
        let path = std::env::var("PATH").unwrap_or_default();
        daemon.set("PATH", &format!("{}:{path}", dir.join("bin").display()));
        let text = config_in(mode, &[("sh", "exit", "true")]).with("workspaces.retention", "0s");
        daemon.configure(&text);
        let repository = dir.join("repository");
        std::fs::create_dir(&repository).unwrap();
        git(&repository, &["init", "--quiet"]);
        git(&repository, &["commit", "--quiet", "--allow-empty", "--message=first"]);
        Some(Self { daemon, task: String::new() })
    }

    fn begin(&mut self) {
        self.daemon.spawn();
        self.daemon.wait_until_up();
        let repository = self.daemon.scratch().join("repository");
        self.task = self.daemon.create(json!({
            "assignee": "sh", "workspace_kind": "worktree", "workspace_path": repository,
        }));
        self.daemon.wait_status(&self.task, "done");
        self.daemon.wait_closed(&self.task);
        std::fs::write(self.file("armed"), "").unwrap();
    }

    fn file(&self, name: &str) -> PathBuf {
        self.daemon.scratch().join(name)
    }

    /// Starts `gc` in the background, and waits for the first call.
    fn collect(&self) -> std::process::Child {
        self.ask(&["gc", "--dry-run"])
    }

    /// The same for another command that has git run.
    fn ask(&self, arguments: &[&str]) -> std::process::Child {
        let child = Command::new(env!("CARGO_BIN_EXE_kanban"))
            .args(arguments)
            .env_clear()
            .env("KANBAN_SOCKET", self.daemon.socket())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        until("a call", || self.file("called").exists().then_some(()));
        child
    }

    fn command_dir(&self) -> Option<RunDir> {
        let entries = std::fs::read_dir(self.daemon.home().join("runs")).unwrap().flatten();
        let mut found =
            entries.filter(|entry| entry.file_name().to_str().unwrap().starts_with("command-"));
        found.next().map(|entry| RunDir::new(entry.path()))
    }

    /// Every call was refused.
    fn all_were_refused(&self, what: &str) {
        let message = std::fs::read_to_string(self.file("told")).unwrap();
        assert!(!self.file("paused").exists(), "{what}: {message}");
        assert_ne!(self.daemon.get("/v1/dispatch/switch")["dispatch"], "paused", "{what}");
        assert!(message.contains("workspace command"), "{what}: {message}");
    }

    /// Has everything end.
    fn end(self, mut gc: std::process::Child) {
        std::fs::write(self.file("stop"), "").unwrap();
        if let Some(dir) = self.command_dir()
            && let Ok(Some(identity)) = read_identity(&dir)
            && let Ok(Some(shim)) = kanband::os::processes::pidfd::PidFd::open(&identity.shim)
        {
            drop(shim.signal(nix::sys::signal::Signal::SIGQUIT));
        }
        until("the end of gc", || gc.try_wait().unwrap());
        until("the command's end", || self.command_dir().is_none().then_some(()));
    }
}

#[test]
fn what_git_starts_during_gc_is_refused_at_both_sockets_however_it_hides() {
    for mode in MODES {
        for (what, disguise, _) in DISGUISES {
            let Some(mut field) = Field::new(mode, disguise) else { return };
            field.begin();
            let gc = field.collect();
            field.all_were_refused(&format!("{mode}: {what}"));
            field.end(gc);
        }
    }
}

#[test]
fn what_git_starts_during_a_diff_is_refused_too_and_nothing_of_it_outlives_the_next_daemon() {
    for mode in MODES {
        let script = "trap '' TERM; sh -c \"$CALL\"";
        let Some(mut field) = Field::new(mode, script) else { return };
        field.begin();
        let mut diff = field.ask(&["diff", &field.task]);
        field.all_were_refused(&format!("{mode}: diff"));
        field.daemon.kill_9();
        diff.wait().unwrap();
        field.daemon.spawn();
        field.daemon.wait_until_up();
        until("the end of what was left", || field.command_dir().is_none().then_some(()));
        let callers = std::fs::read_to_string(field.file("callers")).unwrap();
        for pid in callers.lines() {
            assert!(!is_alive(pid.parse().unwrap()), "{mode}: {pid} is left");
        }
    }
}

#[test]
fn it_is_refused_by_the_next_daemon_too_which_ends_it() {
    for mode in MODES {
        let Some(mut field) = Field::new(mode, "trap '' TERM; sh -c \"$CALL\"") else { return };
        field.begin();
        let mut gc = field.collect();
        field.daemon.kill_9();
        gc.wait().unwrap();
        std::fs::remove_file(field.file("called")).unwrap();
        std::fs::remove_file(field.file("told")).unwrap();
        field.daemon.spawn();
        field.daemon.wait_until_up();
        until("the end of what was left", || field.command_dir().is_none().then_some(()));
        assert!(!field.file("paused").exists(), "{mode}");
        assert_ne!(field.daemon.get("/v1/dispatch/switch")["dispatch"], "paused", "{mode}");
        let callers = std::fs::read_to_string(field.file("callers")).unwrap();
        for pid in callers.lines() {
            assert!(!is_alive(pid.parse().unwrap()), "{mode}: {pid} is left");
        }
    }
}

#[test]
fn it_is_refused_when_its_supervisor_is_killed_and_then_ended() {
    for mode in MODES {
        for (what, disguise, needs_leaf) in DISGUISES {
            let Some(mut field) = Field::new(mode, disguise) else { return };
            let hold = field.file("hold");
            field.daemon.arm(Some(&format!("remains-found=hold:{}@1", hold.display())));
            field.begin();
            if needs_leaf && (mode == "subreaper" || !has_groups(&field.daemon)) {
                // Nothing is left by which it could be known; the failure model says so.
                continue;
            }
            let mut gc = field.collect();
            let identity = read_identity(&field.command_dir().unwrap()).unwrap().unwrap();
            let shim = nix::unistd::Pid::from_raw(identity.shim.pid);
            nix::sys::signal::kill(shim, nix::sys::signal::Signal::SIGKILL).unwrap();
            until("the daemon to notice", || hold.exists().then_some(()));
            let callers = std::fs::read_to_string(field.file("callers")).unwrap();
            let caller: i32 = callers.lines().last().unwrap().parse().unwrap();
            if is_alive(caller) {
                std::fs::remove_file(field.file("called")).unwrap();
                until("one more call, or its end", || {
                    (field.file("called").exists() || !is_alive(caller)).then_some(())
                });
            }
            assert!(!field.file("paused").exists(), "{mode}: {what}");
            assert_ne!(
                field.daemon.get("/v1/dispatch/switch")["dispatch"],
                "paused",
                "{mode}: {what}"
            );
            std::fs::remove_file(&hold).unwrap();
            until("the end of gc", || gc.try_wait().unwrap());
            until("its end", || (!is_alive(caller)).then_some(()));
        }
    }
}
