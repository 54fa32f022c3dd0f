//! A daemon without rights, the holder that starts its shims as root, and workers of a third user.
//!
//! `daemon` stands for the service's user and `games` for the workers': both are there on every Debian. Only root can play this.

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use kanband::os::control_groups::leaf::Leaf;
use kanband::os::holder::client::{Holder, HolderError};
use kanband::os::holder::protocol::HolderRefusal;
use kanband::os::processes::user::Account;
use kanband::os::run_files::directory::{RunDir, read_identity};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use support::skip;

use crate::harness::{Daemon, config, is_alive, until};

const SHIM: &str = env!("CARGO_BIN_EXE_kanban-shim");

/// Where the machine shows its version 2 groups, as far as tests look.
const HIERARCHIES: [&str; 2] = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];

/// A daemon of `daemon`'s, with its holder.
pub struct Held {
    pub daemon: Daemon,
    pub holder: HolderProcess,
}

/// The holder; ended with the test.
pub struct HolderProcess {
    child: Option<Child>,
    base: Option<PathBuf>,
    /// Its fail points from the next start on.
    pub points: String,
    /// More of its options from the next start on.
    pub options: Vec<&'static str>,
}

impl Drop for HolderProcess {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
            kill(pid, Signal::SIGQUIT).unwrap();
            until("the holder's end", || child.try_wait().unwrap());
        }
        if let Some(base) = &self.base {
            Leaf::new(base).remove().unwrap();
        }
    }
}

/// The user of the workers; says why a test does nothing where there can be none.
pub fn worker() -> Option<Account> {
    let why = if !nix::unistd::geteuid().is_root() {
        "only root can start processes of other users"
    } else if let (Ok(Some(worker)), Ok(Some(_))) =
        (Account::named("games"), Account::named("daemon"))
    {
        let mut look = Command::new(env!("CARGO_BIN_EXE_kanban"));
        std::os::unix::process::CommandExt::uid(&mut look, worker.run_as.uid);
        std::os::unix::process::CommandExt::gid(&mut look, worker.run_as.gid);
        let look = look.arg("--version").current_dir("/").stdout(Stdio::null()).status();
        if look.is_ok_and(|status| status.success()) {
            return Some(worker);
        }
        "other users cannot execute the programs under test where they are"
    } else {
        "there are no users `games` and `daemon`"
    };
    skip(why);
    None
}

/// A version 2 group of the test's own, where there can be one.
fn own_group(name: &str) -> Option<PathBuf> {
    HIERARCHIES.iter().map(PathBuf::from).find_map(|root| {
        if !root.join("cgroup.procs").exists() {
            return None;
        }
        let group = root.join(format!("kbheld-{name}-{}", std::process::id()));
        std::fs::create_dir(&group).ok().map(|()| group)
    })
}

impl Held {
    /// A daemon that serves, with workers of these scripts as `games`. `mode` is as in a configuration; none where the machine
    /// has no groups for it.
    pub fn start(mode: &str, name: &str, profiles: &[(&str, &str, &str)]) -> Option<Self> {
        Self::start_with(mode, name, profiles, &[], Daemon::prepare(""), &[])
    }

    /// The same with further settings, in this home, by a holder with these options.
    pub fn start_with(
        mode: &str,
        name: &str,
        profiles: &[(&str, &str, &str)],
        settings: &[(&str, toml::Value)],
        mut daemon: Daemon,
        options: &[&'static str],
    ) -> Option<Self> {
        let base = if mode == "auto" { Some(own_group(name)?) } else { None };
        let users = daemon.scratch().join("users");
        std::fs::write(&users, "games # for tests\nroot\ndaemon\nmail\n").unwrap();
        let socket = daemon.scratch().join("holder.sock");
        let mut text = config(profiles)
            .with("supervision.grace", "300ms")
            .with("supervision.holder", socket.to_str().unwrap())
            .with("dispatch.failure_limit", 1)
            .with("workspaces.retention", "0s");
        for (profile, _, _) in profiles {
            // A profile's name may say whose its workers are.
            let user = profile.strip_prefix("as-").unwrap_or("games");
            text.set(&format!("profiles.{profile}.user"), user);
        }
        for (setting, value) in settings {
            text.set(setting, value.clone());
        }
        daemon.configure(&text);
        daemon.give_to(1, 1);
        let options = options.to_vec();
        let mut holder = HolderProcess { child: None, base, points: String::new(), options };
        holder.start(&daemon);
        daemon.spawn();
        daemon.wait_until_up();
        Some(Self { daemon, holder })
    }

    fn run_dir(&self) -> RunDir {
        RunDir::new(self.daemon.home().join("runs/1"))
    }

    fn shim_pid(&self) -> i32 {
        until("the shim", || read_identity(&self.run_dir()).unwrap()).shim.pid
    }
}

impl HolderProcess {
    pub fn start(&mut self, daemon: &Daemon) {
        let mut command = Command::new(SHIM);
        command.arg("--hold").arg("--socket").arg(daemon.scratch().join("holder.sock"));
        command
            .arg("--users")
            .arg(daemon.scratch().join("users"))
            .args(["--daemon-user", "daemon"]);
        match &self.base {
            Some(base) => command.arg("--cgroup-base").arg(base),
            None => command.arg("--no-groups"),
        };
        command.args(&self.options);
        command.env(kanband::failpoint::VARIABLE, &self.points);
        self.child = Some(command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let holder = Holder::at(daemon.scratch().join("holder.sock"));
        // It answers: that root is not the one who may ask.
        until("the holder", || {
            matches!(holder.hello(), Err(HolderError::Refused(_))).then_some(())
        });
    }

    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.as_ref().unwrap().id()).unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
    }

    pub fn wait_end(&mut self) {
        let mut child = self.child.take().unwrap();
        assert!(until("the holder's end", || child.try_wait().unwrap()).success());
    }
}

/// A line of `/proc/PID/status`.
fn status_of(pid: i32, key: &str) -> String {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{key}:"))).unwrap();
    line.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// What the daemon can do with groups, and what it can do without.
pub const MODES: [&str; 2] = ["auto", "subreaper"];

#[test]
fn a_task_runs_as_its_user_and_nobody_has_a_right_that_he_does_not_need() {
    let Some(worker) = worker() else { return };
    let script = "tr -d '\\n' < $KANBAN_TOKEN_FILE | wc -c > /dev/stderr; touch here; echo $HOME $USER; kanban show $KANBAN_TASK >/dev/null && \
                  echo placed; exec sleep 600";
    for mode in MODES {
        let Some(held) = Held::start(mode, "rights", &[("sh", "exit", script)]) else { continue };
        let daemon = &held.daemon;
        let id = daemon.create(json!({ "assignee": "sh" }));
        let pid = daemon.worker_pid(&id);
        let scratch = daemon.home().join("workspaces").join(&id);
        until("the worker's word", || {
            let log = kanband::os::run_files::log::read_log(
                &daemon.home().join(format!("logs/{id}/1.log")),
                None,
            );
            let log = log.ok()??;
            String::from_utf8(log.bytes).unwrap().contains("placed").then_some(())
        });
        let log = daemon.run_log(&id);
        assert!(log.contains(&format!("{} games", worker.home)), "{log}");
        assert_eq!(log.lines().next(), Some("64"), "{mode}: the length of the token: {log}");
        assert_eq!(
            (status_of(pid, "Uid"), status_of(pid, "Gid")),
            ("5 5 5 5".into(), "60 60 60 60".into())
        );
        assert_eq!(status_of(pid, "Groups"), "60");
        let shim = held.shim_pid();
        assert_eq!(
            (status_of(shim, "Uid"), status_of(shim, "CapBnd")),
            ("1 1 1 1".into(), "00000000000001e1".into())
        );
        for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            assert_eq!(status_of(pid, set), "0000000000000000", "{mode}: {set} of the worker");
            if set != "CapBnd" {
                assert_eq!(status_of(daemon.pid(), set), "0000000000000000", "{set} of the daemon");
            }
        }
        let made = std::fs::metadata(scratch.join("here")).unwrap();
        assert_eq!((made.uid(), std::fs::metadata(&scratch).unwrap().uid()), (5, 5));
        assert_eq!(
            std::fs::metadata(daemon.home().join("kanban.db")).unwrap().mode() & 0o777,
            0o600
        );
        let checks = daemon.get("/v1/doctor")["checks"].to_string();
        assert!(checks.contains("starts the workers"), "{checks}");
        // Stopped by the daemon, which may signal the shim and not the worker; then gc removes what is the worker's.
        daemon.post(&format!("/v1/tasks/{id}/stop"), &json!({ "then": "cancel" }));
        daemon.wait_closed(&id);
        assert!(!is_alive(pid));
        assert_eq!(daemon.outcomes(&id), ["stopped"], "{mode}");
    }
}

#[test]
fn the_scratch_directory_of_another_user_is_removed_by_gc_and_nothing_beside_it() {
    if worker().is_none() {
        return;
    }
    let script = "mkdir -p a/b && echo x > a/b/c && chmod 0 a/b && ln -s $HOME a/link && ln -s /etc out; exit 0";
    for mode in MODES {
        let Some(held) = Held::start(mode, "gc", &[("sh", "exit", script)]) else { continue };
        let daemon = &held.daemon;
        let id = daemon.create(json!({ "assignee": "sh" }));
        daemon.wait_status(&id, "done");
        daemon.wait_closed(&id);
        let scratch = daemon.home().join("workspaces").join(&id);
        assert!(scratch.join("a/b").is_dir());
        daemon.post(&format!("/v1/tasks/{id}/archive"), &json!({}));
        let report = daemon.post("/v1/gc", &json!({ "older_than_days": 0 }));
        assert_eq!(report["workspaces"], 1, "{mode}: {report}");
        assert!(!scratch.exists() && std::path::Path::new("/etc/passwd").exists());
        let left: Vec<_> = std::fs::read_dir(daemon.home().join("runs")).unwrap().collect();
        assert!(left.is_empty(), "{mode}: {left:?}");
    }
}

#[test]
fn a_user_that_is_not_allowed_is_refused_with_the_reason_and_so_is_root() {
    if worker().is_none() {
        return;
    }
    let profiles = [
        ("as-nobody", "exit", "exit 0"),
        ("as-root", "exit", "exit 0"),
        ("as-daemon", "exit", "exit 0"),
    ];
    let held = Held::start("subreaper", "users", &profiles).unwrap();
    for (profile, why) in [
        ("as-nobody", "user `nobody` is not allowed for workers"),
        ("as-root", "user `root` is never allowed"),
        ("as-daemon", "user `daemon` is never allowed"),
    ] {
        let id = held.daemon.create(json!({ "assignee": profile }));
        held.daemon.wait_status(&id, "blocked");
        let runs = held.daemon.runs(&id);
        assert!(runs[0]["error"].as_str().unwrap().contains(why), "{runs:?}");
    }
    let holder = Holder::at(held.daemon.scratch().join("holder.sock"));
    let refused = holder.hello().unwrap_err();
    let HolderError::Refused(HolderRefusal { code, .. }) = refused else { panic!("{refused}") };
    assert_eq!(code, HolderRefusal::NOT_THE_DAEMON, "root is another than the daemon's user");
}

#[test]
fn a_daemon_that_was_killed_finds_its_workers_again_and_learns_their_true_exit() {
    if worker().is_none() {
        return;
    }
    for mode in MODES {
        let script = "while [ ! -e go ]; do sleep 0.02; done; exit 7";
        let Some(mut held) = Held::start(mode, "adopt", &[("sh", "exit", script)]) else {
            continue;
        };
        let id = held.daemon.create(json!({ "assignee": "sh" }));
        let pid = held.daemon.worker_pid(&id);
        held.daemon.kill_9();
        held.daemon.restart();
        assert_eq!(held.daemon.worker_pid(&id), pid);
        std::fs::write(held.daemon.home().join("workspaces").join(&id).join("go"), "").unwrap();
        held.daemon.wait_closed(&id);
        until("the run's end", || (!held.daemon.runs(&id).is_empty()).then_some(()));
        let runs = held.daemon.runs(&id);
        assert_eq!((runs.len(), runs[0]["exit_code"].as_i64()), (1, Some(7)), "{mode}: {runs:?}");
    }
}

#[test]
fn what_a_killed_shim_leaves_is_ended_and_counts_against_the_host() {
    if worker().is_none() {
        return;
    }
    let script = "trap '' TERM; setsid sh -c 'echo $$ > orphan; trap \"\" TERM; exec sleep 600' & wait; wait";
    for mode in MODES {
        let Some(held) = Held::start(mode, "killed", &[("sh", "exit", script)]) else { continue };
        let id = held.daemon.create(json!({ "assignee": "sh" }));
        let file = held.daemon.home().join("workspaces").join(&id).join("orphan");
        let orphan: i32 =
            until("the orphan", || std::fs::read_to_string(&file).ok()?.trim().parse().ok());
        let worker = held.daemon.worker_pid(&id);
        kill(Pid::from_raw(held.shim_pid()), Signal::SIGKILL).unwrap();
        until("the first run's end", || {
            held.daemon.runs(&id)[0]["closed_at"].is_i64().then_some(())
        });
        assert_eq!(held.daemon.outcomes(&id)[0], "lost", "{mode}");
        assert!(!is_alive(worker) && !is_alive(orphan), "{mode}: the tree is gone");
    }
}

#[test]
fn the_end_of_the_holder_is_the_stop_ladder_of_every_run() {
    if worker().is_none() {
        return;
    }
    for mode in MODES {
        let script = "trap 'echo asked; exit 3' TERM; touch up; while :; do sleep 0.02; done";
        let Some(mut held) = Held::start(mode, "end", &[("sh", "exit", script)]) else { continue };
        let id = held.daemon.create(json!({ "assignee": "sh" }));
        let up = held.daemon.home().join("workspaces").join(&id).join("up");
        until("the worker", || up.exists().then_some(()));
        let pid = held.daemon.worker_pid(&id);
        held.daemon.post("/v1/dispatch/switch", &json!({ "to": "paused" }));
        held.holder.signal(Signal::SIGTERM);
        held.holder.wait_end();
        assert!(!is_alive(pid), "{mode}");
        until("the run's end", || held.daemon.runs(&id)[0]["closed_at"].is_i64().then_some(()));
        assert!(held.daemon.run_log(&id).contains("asked"), "{mode}");
        assert_eq!(held.daemon.runs(&id)[0]["exit_code"], 3, "{mode}");
    }
}

#[test]
fn a_holder_that_is_not_there_fails_the_start_charges_the_host_and_is_found_when_it_is_back() {
    if worker().is_none() {
        return;
    }
    let mut held = Held::start("subreaper", "away", &[("sh", "exit", "exit 0")]).unwrap();
    held.holder.signal(Signal::SIGTERM);
    held.holder.wait_end();
    let id = held.daemon.create(json!({ "assignee": "sh" }));
    until("the host's breaker to open", || {
        held.daemon.get("/v1/breakers").to_string().contains("\"host\"").then_some(())
    });
    let runs = held.daemon.runs(&id);
    assert_eq!(runs[0]["outcome"], "spawn_failed");
    assert!(runs[0]["error"].as_str().unwrap().contains("does not answer"), "{runs:?}");
    assert_ne!(held.daemon.status(&id), "blocked", "the task is not to blame");
    let checks = held.daemon.get("/v1/doctor")["checks"].to_string();
    assert!(checks.contains("does not answer"), "{checks}");
    held.holder.start(&held.daemon);
    held.daemon.post("/v1/breakers/reset", &json!({ "key": "host" }));
    held.daemon.post("/v1/dispatch", &json!({}));
    held.daemon.wait_status(&id, "done");
}

/// Git as the workers' user, whose repository it is.
fn git(path: &std::path::Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    std::os::unix::process::CommandExt::uid(&mut command, 5);
    std::os::unix::process::CommandExt::gid(&mut command, 60);
    command.args(["-c", "user.name=g", "-c", "user.email=g@example.org", "-C"]).arg(path);
    let output = command.args(arguments).env("HOME", path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

#[test]
fn a_worktree_of_another_user_is_made_saved_and_removed_as_that_user() {
    if worker().is_none() || Command::new("git").arg("--version").output().is_err() {
        return;
    }
    let profiles =
        [("clean", "exit", "pwd; exit 0"), ("dirty", "exit", "echo new > unsaved; exit 0")];
    for mode in MODES {
        let Some(held) = Held::start(mode, "worktree", &profiles) else { continue };
        let daemon = &held.daemon;
        let repository = daemon.scratch().join("repository");
        std::fs::create_dir(&repository).unwrap();
        std::os::unix::fs::chown(&repository, Some(5), Some(60)).unwrap();
        git(&repository, &["init", "--quiet", "--initial-branch=main"]);
        git(&repository, &["commit", "--quiet", "--allow-empty", "--message=first"]);
        let paths = ["clean", "dirty"].map(|profile| {
            let id = daemon.create(json!({
                "assignee": profile, "workspace_kind": "worktree", "workspace_path": repository,
            }));
            daemon.wait_status(&id, "done");
            daemon.wait_closed(&id);
            let path = daemon.home().join("workspaces").join(&id);
            assert_eq!(std::fs::metadata(path.join(".git")).unwrap().uid(), 5, "{profile}");
            path
        });
        let report = daemon.post("/v1/gc", &json!({}));
        assert_eq!(report["workspaces"], 1, "{report}");
        let kept = &report["kept"][0];
        assert!(kept["saved_as"].as_str().unwrap().starts_with("refs/kanban/salvage/"), "{report}");
        assert!(!paths[0].exists() && paths[1].join("unsaved").exists());
        let saved = format!("{}:unsaved", kept["saved_as"].as_str().unwrap());
        assert_eq!(git(&repository, &["show", &saved]), "new", "{mode}");
    }
}

#[test]
fn a_daemon_of_root_becomes_the_user_of_the_profile_by_itself_and_stays_root_where_none_is_named() {
    if worker().is_none() {
        return;
    }
    for mode in MODES {
        let script = "touch here; grep -E '^(Uid|CapEff|CapBnd)' /proc/self/status";
        let text = config(&[("other", "exit", script), ("own", "exit", script)])
            .with("profiles.other.user", "games")
            .with("supervision.containment", mode);
        let mut daemon = Daemon::prepare(&text);
        daemon.give_to(0, 0);
        daemon.spawn();
        daemon.wait_until_up();
        for (profile, uid) in [("other", 5), ("own", 0)] {
            let id = daemon.create(json!({ "assignee": profile }));
            daemon.wait_status(&id, "done");
            daemon.wait_closed(&id);
            let log = daemon.run_log(&id);
            assert!(log.contains(&format!("Uid:\t{uid}\t{uid}\t{uid}\t{uid}")), "{mode}: {log}");
            let has_none = log.matches("0000000000000000").count() == 2;
            assert_eq!(has_none, uid != 0, "{mode}: {log}");
            let scratch = daemon.home().join("workspaces").join(&id);
            assert_eq!(std::fs::metadata(scratch).unwrap().uid(), uid, "{mode}");
        }
    }
}

#[test]
fn a_daemon_of_an_ordinary_user_refuses_to_start_workers_as_another() {
    if worker().is_none() {
        return;
    }
    let text = config(&[("sh", "exit", "exit 0")])
        .with("profiles.sh.user", "games")
        .with("dispatch.failure_limit", 1);
    let mut daemon = Daemon::prepare(&text);
    daemon.give_to(1, 1);
    daemon.spawn();
    daemon.wait_until_up();
    let id = daemon.create(json!({ "assignee": "sh" }));
    daemon.wait_status(&id, "blocked");
    let runs = daemon.runs(&id);
    let error = runs[0]["error"].as_str().unwrap();
    assert!(error.contains("`games`") && error.contains("`daemon`"), "{error}");
}

#[test]
fn a_holder_that_is_stopped_in_its_tracks_holds_nobody_up() {
    if worker().is_none() {
        return;
    }
    let held = Held::start("subreaper", "stuck", &[("sh", "exit", "touch $KANBAN_RUN")]).unwrap();
    held.holder.signal(Signal::SIGSTOP);
    let id = held.daemon.create(json!({ "assignee": "sh" }));
    until("a claim", || (!held.daemon.runs(&id).is_empty()).then_some(()));
    // It is asked and does not answer; everybody else goes on.
    held.daemon.create(json!({ "title": "another" }));
    until("the start to be given up", || {
        held.daemon.outcomes(&id).iter().any(|outcome| outcome == "spawn_failed").then_some(())
    });
    let runs = held.daemon.runs(&id);
    assert!(runs[0]["error"].as_str().unwrap().contains("timed out"), "{runs:?}");
    held.holder.signal(Signal::SIGCONT);
    held.daemon.wait_status(&id, "done");
    held.daemon.wait_closed(&id);
    // The questions of the starts that were given up were still in its queue.
    let runs = held.daemon.runs(&id);
    let (last, given_up) = runs.split_last().unwrap();
    let scratch = held.daemon.home().join("workspaces").join(&id);
    assert!(scratch.join(last["id"].to_string()).exists());
    for run in given_up {
        assert!(!scratch.join(run["id"].to_string()).exists(), "started after all: {run}");
    }
}
