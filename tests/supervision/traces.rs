//! Counts from the environment, and ways to find whatever is left of a run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use kanband::os::processes::identity::ProcessIdentity;
use kanband::os::processes::proc_stat;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::harness::{Config, Daemon, config};

/// The configuration file with every key there is.
const KEYS: &str = include_str!("../../etc/kanband.toml");

/// A number from the environment: `KANBAND_SEED`, or how often something is repeated.
pub fn from_env(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The seed of a test, told so that a failure can be repeated.
pub fn seed(test: &str) -> u64 {
    let seed = from_env("KANBAND_SEED", 1);
    eprintln!("{test}: KANBAND_SEED={seed}");
    seed
}

/// Ways to hold a run's processes together, as the configuration names them.
pub fn containment_modes() -> Vec<&'static str> {
    if KEYS.contains("\n# containment = ") { vec!["auto", "subreaper"] } else { vec![""] }
}

/// A configuration with room for `max_running` workers, short times and this way of holding runs together.
pub fn quick_config(mode: &str, max_running: u32, profiles: &[(&str, &str, &str)]) -> Config {
    let mut quick = config(profiles)
        .with("supervision.linger", "50ms")
        .with("supervision.grace", "50ms")
        .with("dispatch.max_running", max_running)
        .with("dispatch.lifetime_starts", 100_000);
    if !mode.is_empty() {
        quick.set("supervision.containment", mode);
    }
    quick
}

/// A process as a worker's script has written it down: PID and start, field 22 of its `stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Born {
    pub pid: i32,
    pub start_ticks: u64,
}

impl Born {
    /// Whether there is any trace of this very process, a zombie included.
    pub fn is_there(self) -> bool {
        proc_stat::read(self.pid).unwrap().is_some_and(|now| now.start_ticks == self.start_ticks)
    }

    /// Whether this very process runs.
    pub fn is_alive(self) -> bool {
        let now = proc_stat::read(self.pid).unwrap();
        now.is_some_and(|now| now.start_ticks == self.start_ticks && !now.is_over())
    }
}

/// Lines of two words for `sh` that set `$pid` and `$ticks` to those of the shell that runs them.
pub const WHO_AM_I: &str = "read -r stat < /proc/self/stat
pid=${stat%% *}; stat=${stat##*) }
ticks=$(set -- $stat; echo ${20})
";

/// What scripts have written into a file, a process a line.
pub fn born(path: &Path) -> Vec<Born> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let parse = |line: &str| {
        let (pid, ticks) = line.split_once(' ').unwrap();
        Born { pid: pid.parse().unwrap(), start_ticks: ticks.parse().unwrap() }
    };
    text.lines().map(parse).collect()
}

/// Lines of a file, none when it is not there.
pub fn lines(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

pub use support::processes::all_pids;

/// Processes that name `dir` in their environment, their arguments or as where they are.
pub fn processes_that_name(dir: &Path) -> Vec<(i32, String)> {
    let needle = dir.as_os_str().as_encoded_bytes();
    let has = |text: &[u8]| text.windows(needle.len()).any(|window| window == needle);
    let names_it = |pid: &i32| {
        let proc = PathBuf::from(format!("/proc/{pid}"));
        ["environ", "cmdline"]
            .iter()
            .any(|file| std::fs::read(proc.join(file)).is_ok_and(|text| has(&text)))
            || std::fs::read_link(proc.join("cwd")).is_ok_and(|cwd| cwd.starts_with(dir))
    };
    let message = |pid: i32| {
        let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        (pid, String::from_utf8_lossy(&arguments).replace('\0', " "))
    };
    all_pids().into_iter().filter(names_it).map(message).collect()
}

/// Children of a process, those that wait to be reaped included.
pub fn children_of(pid: i32) -> Vec<Born> {
    let child = |child| {
        let stat = proc_stat::read(child).ok()??;
        (stat.parent_pid == pid).then_some(Born { pid: child, start_ticks: stat.start_ticks })
    };
    all_pids().into_iter().filter_map(child).collect()
}

/// Control groups of a home, wherever version 2 is mounted: those that every daemon of it makes, and those of runs.
pub fn groups_of(home: &Path) -> (Vec<PathBuf>, Vec<PathBuf>) {
    use std::os::unix::ffi::OsStrExt as _;
    let digest = Sha256::digest(home.canonicalize().unwrap().as_os_str().as_bytes());
    let hash: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let base = format!("kanband-{hash}");
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let is_v2 = |line: &&str| line.contains(" - cgroup2 ");
    let roots = mounts.lines().filter(is_v2).filter_map(|line| line.split(' ').nth(4));
    let mut found = Vec::new();
    let mut waiting: Vec<PathBuf> = roots.map(PathBuf::from).collect();
    while let Some(dir) = waiting.pop() {
        let Ok(entries) = std::fs::read_dir(&dir) else { continue };
        let below = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir());
        waiting.extend(below);
        if dir.to_string_lossy().contains(&base) {
            found.push(dir);
        }
    }
    let is_lasting = |dir: &PathBuf| {
        let name = dir.to_string_lossy();
        ["", "/runs", "/shims"].iter().any(|end| name.ends_with(&format!("{base}{end}")))
    };
    found.into_iter().partition(is_lasting)
}

/// Shim and worker of every run, as the board has written them down.
pub fn processes_of_runs(daemon: &Daemon) -> Vec<Born> {
    let board = rusqlite::Connection::open(daemon.home().join("kanban.db")).unwrap();
    let mut found = Vec::new();
    for who in ["shim", "worker"] {
        let sql = format!(
            "SELECT {who}_pid, {who}_start_ticks FROM task_runs WHERE {who}_start_ticks IS NOT NULL"
        );
        let mut statement = board.prepare(&sql).unwrap();
        let rows = statement.query_map([], |row| {
            Ok(Born { pid: row.get(0)?, start_ticks: row.get::<_, i64>(1)?.unsigned_abs() })
        });
        found.extend(rows.unwrap().map(Result::unwrap));
    }
    found
}

/// Names of what is in the directory of runs.
pub fn run_dirs(daemon: &Daemon) -> Vec<String> {
    let entries = std::fs::read_dir(daemon.home().join("runs")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The newest run's shim, once it has said who it is.
pub fn identity_of(daemon: &Daemon, run_id: i64) -> kanband::os::run_files::directory::RunIdentity {
    let dir = kanband::os::run_files::directory::RunDir::new(
        daemon.home().join(format!("runs/{run_id}")),
    );
    kanband::os::run_files::directory::read_identity(&dir).unwrap().unwrap()
}

/// A process by its PID, now.
pub fn born_as(pid: i32) -> Born {
    let identity = ProcessIdentity::of(pid).unwrap().unwrap();
    Born { pid, start_ticks: identity.start_ticks }
}

/// How often each value occurs.
pub fn tally<T: Ord>(values: impl IntoIterator<Item = T>) -> BTreeMap<T, usize> {
    let mut counts = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    counts
}

/// The number of a run as replies show it.
pub fn run_number(run: &Value) -> i64 {
    run["id"].as_i64().unwrap()
}

/// Tells other threads to end, also when the one that holds it fails.
pub struct Over<'a>(pub &'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
