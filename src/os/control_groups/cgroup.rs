//! Control groups of an installation: found, made, limited, watched, removed.
//!
//! ```text
//! <own group, or the one that the configuration names>/
//!   kanband-<hash of the home>/      the base
//!     shims/                         every shim
//!     runs/<run id>/                 a leaf: that run's worker tree and nothing else
//! ```
//!
//! Only version 2 is used: its leaves can be killed and proven empty as a whole. Where it is missing, or nothing may be made in
//! it, every run still has its sub-reaper; [`Containment::describe`] says which of the two it is and why. Limits need the
//! controllers, which may be bound to version 1 or not handed down; limits that cannot be enforced are reported, run by run.

use std::collections::BTreeSet;
use std::io::{self, Read as _};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use sha2::{Digest as _, Sha256};

use crate::os::control_groups::controllers::{CONTROLLERS, hand_down};
use crate::os::control_groups::hierarchy::{self as hierarchy, Mount};
use crate::os::control_groups::leaf::{Leaf, make_group, write};
use crate::os::failure::at;
use crate::os::holder::protocol::Hello;
use crate::os::run_files::directory::{COMMAND_PREFIX, ContainmentSpec, GroupLimits};

/// How long killed processes may take to go before the waiting thread does something else.
const KILL_PATIENCE: Duration = Duration::from_secs(2);

/// Longest time between two looks at a leaf that is being killed: nothing reports what was moved into it meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How long the last shims may take to go at the end of the daemon.
const LAST_SHIMS_PATIENCE: Duration = Duration::from_secs(1);

/// Period of the CPU limit, microseconds; the kernel's own default.
const CPU_PERIOD_US: u64 = 100_000;

/// What the configuration asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Control groups where they can be had, below this directory or below the own group.
    Auto {
        /// A group that was handed over for this use.
        base: Option<PathBuf>,
    },
    /// No control groups.
    SubReaper,
}

/// Containment of runs: how the processes of a run are held together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Containment {
    /// A leaf per run, beside the sub-reaper.
    Groups(Base),
    /// The sub-reaper alone.
    SubReaper {
        /// Why there are no leaves.
        why: String,
        /// Name that the base would have.
        name: String,
    },
}

/// The base of an installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    directory: PathBuf,
    name: String,
    controllers: BTreeSet<&'static str>,
    /// Its name in the hierarchy, when the holder has made it: then it stays where it is, and is the holder's to
    /// remove.
    held: Option<PathBuf>,
}

/// The keys of the limits that a run can have and the controllers that enforce them, in the order in which they are reported.
const LIMITS: [(&str, &str); 3] =
    [("memory_max", CONTROLLERS[0]), ("pids_max", CONTROLLERS[1]), ("cpu_percent", CONTROLLERS[2])];

/// Name of the base for a home: the same for every daemon of it, another for every other home.
pub fn base_name(home: &Path) -> String {
    use std::fmt::Write as _;
    use std::os::unix::ffi::OsStrExt as _;
    let resolved = home.canonicalize().unwrap_or_else(|_| home.to_owned());
    let digest = Sha256::digest(resolved.as_os_str().as_bytes());
    digest.iter().take(6).fold("kanband-".to_owned(), |mut name, byte| {
        // Writing into a string does not fail.
        let _infallible = write!(name, "{byte:02x}");
        name
    })
}

impl Containment {
    /// Looks for a place and makes the base there, with every controller of interest that can be handed down. Whatever is in
    /// the way is the reason for doing without; nothing here is an error.
    pub fn establish(home: &Path, choice: &Choice) -> Self {
        let name = base_name(home);
        let found = match choice {
            Choice::SubReaper => Err("`supervision.containment` says so".to_owned()),
            Choice::Auto { base } => {
                parent_group(base.as_deref()).and_then(|parent| Base::make(&parent, name.clone()))
            }
        };
        match found {
            Ok(base) => Self::Groups(base),
            Err(why) => Self::SubReaper { why, name },
        }
    }

    /// What the holder has made, as it reports.
    pub fn of_holder(hello: &Hello) -> Self {
        let name = "kanband".to_owned();
        let Some(groups) = &hello.groups else {
            let why = hello.why_no_groups.as_deref().unwrap_or("no reason given");
            return Self::SubReaper {
                why: format!("the holder has no control groups: {why}"),
                name,
            };
        };
        let has = |controller: &&str| groups.controllers.iter().any(|one| one == controller);
        Self::Groups(Base {
            directory: groups.directory.clone(),
            name,
            controllers: CONTROLLERS.into_iter().filter(has).collect(),
            held: Some(groups.group.clone()),
        })
    }

    /// Before the holder has reported what it has.
    pub fn of_silent_holder(why: &str) -> Self {
        Self::SubReaper { why: why.to_owned(), name: "kanband".to_owned() }
    }

    /// The control group for the shim of a run; none without groups.
    pub fn of_run(&self, run_id: i64, limits: &GroupLimits) -> Option<ContainmentSpec> {
        self.of_leaf(&run_id.to_string(), limits)
    }

    /// The same for a command that belongs to no run, by its name.
    pub fn of_command(&self, name: &str, limits: &GroupLimits) -> Option<ContainmentSpec> {
        self.of_leaf(name, limits)
    }

    fn of_leaf(&self, name: &str, limits: &GroupLimits) -> Option<ContainmentSpec> {
        let Self::Groups(base) = self else { return None };
        let mut limits = limits.clone();
        let has = |controller: &str| base.controllers.contains(controller);
        limits.memory_max_bytes = limits.memory_max_bytes.filter(|_| has("memory"));
        limits.pids_max = limits.pids_max.filter(|_| has("pids"));
        limits.cpu_percent = limits.cpu_percent.filter(|_| has("cpu"));
        Some(ContainmentSpec { leaf: base.leaf(name), shims: base.shims(), limits })
    }

    /// The keys of those of `limits` that nothing enforces here.
    pub fn not_enforced(&self, limits: &GroupLimits) -> Vec<String> {
        let is_set = [
            limits.memory_max_bytes.is_some(),
            limits.pids_max.is_some(),
            limits.cpu_percent.is_some(),
        ];
        let is_missing = |controller: &str| match self {
            Self::Groups(base) => !base.controllers.contains(controller),
            Self::SubReaper { .. } => true,
        };
        LIMITS
            .iter()
            .zip(is_set)
            .filter(|((_, controller), is_set)| *is_set && is_missing(controller))
            .map(|((key, _), _)| (*key).to_owned())
            .collect()
    }

    /// The mode in one word, as it is kept with every run.
    pub fn mode(&self) -> &'static str {
        match self {
            Self::Groups(_) => "cgroup",
            Self::SubReaper { .. } => "subreaper",
        }
    }

    /// The mode in one line for people.
    pub fn describe(&self) -> String {
        match self {
            Self::Groups(base) => {
                let word = |word: &&str| base.controllers.contains(*word);
                let all = LIMITS.map(|(_, controller)| controller);
                let (there, missing): (Vec<&str>, Vec<&str>) = all.iter().partition(|c| word(c));
                let message = |list: &[&str]| list.join(", ");
                let there = if there.is_empty() { "none".to_owned() } else { message(&there) };
                let missing = if missing.is_empty() {
                    String::new()
                } else {
                    format!("; not enforced: {} limits", message(&missing))
                };
                let held = if base.held.is_some() { " (held by kanban-shim --hold)" } else { "" };
                let directory = base.directory.display();
                format!("cgroup v2 at {directory}{held}, controllers: {there}{missing}")
            }
            Self::SubReaper { why, .. } => {
                format!("sub-reaper only: {why}; not enforced: memory, pids, cpu limits")
            }
        }
    }

    /// The run in whose leaf a process is, by what the kernel says of it; none outside of every leaf, and where there are none.
    ///
    /// # Errors
    /// Unknown.
    pub fn run_of_process(&self, pid: i32) -> io::Result<Option<i64>> {
        let Self::Groups(base) = self else { return Ok(None) };
        let groups = std::fs::read(format!("/proc/{pid}/cgroup"))?;
        Ok(hierarchy::group(&groups).and_then(|group| match &base.held {
            // A user who may create groups elsewhere could create one of this name.
            Some(held) => hierarchy::run_below(&group, held),
            None => hierarchy::run_of(&group, &base.name),
        }))
    }

    /// The directories below which there is a group for each run, and the one of the shims; none without groups.
    pub fn directories(&self) -> Option<[PathBuf; 2]> {
        let Self::Groups(base) = self else { return None };
        Some([base.directory.join("runs"), base.shims()])
    }

    /// Removes the leaf of a run that is over, if one is left.
    pub fn remove_leaf(&self, run_id: i64) {
        if let Self::Groups(base) = self
            && let Err(error) = Leaf::new(base.leaf(&run_id.to_string())).remove()
        {
            tracing::warn!(run = run_id, %error, "cannot remove the control group of a closed run");
        }
    }

    /// Removes every leaf of a run that is not among `open`, what lives in it first. One that has a supervisor, by
    /// `is_supervised`, is that one's to empty: its run was given up by a person, or is of another life of the board. To be called
    /// before anything is started.
    pub fn sweep(&self, open: &[i64], is_supervised: impl Fn(i64) -> bool) {
        let Self::Groups(base) = self else { return };
        let Ok(entries) = std::fs::read_dir(base.directory.join("runs")) else { return };
        for entry in entries.flatten() {
            let run_id = entry.file_name().to_str().and_then(|name| name.parse::<i64>().ok());
            if entry.file_name().to_string_lossy().starts_with(COMMAND_PREFIX) {
                // Of a command that belonged to no run. One that has not ended keeps it.
                drop(Leaf::new(entry.path()).remove());
            }
            let Some(run_id) = run_id.filter(|run_id| !open.contains(run_id)) else { continue };
            let leaf = Leaf::new(entry.path());
            if leaf.remove().is_ok() {
                continue;
            }
            if is_supervised(run_id) {
                tracing::warn!(run = run_id, leaf = %leaf.path().display(), "a closed run still has a shim; leaving its processes to it");
            } else if !end_leaf(&leaf, KILL_PATIENCE) {
                tracing::error!(leaf = %leaf.path().display(), "cannot kill the processes of a closed run");
            }
        }
    }

    /// Removes the base when nothing is left in it: no run, no shim. Otherwise it stays, for the next daemon of this home.
    pub fn remove_if_empty(&self) {
        if let Self::Groups(base) = self
            && base.held.is_none()
        {
            base.remove_if_empty();
        }
    }
}

/// Kills what is in a leaf, waits at most for `patience` until that is gone, removes the leaf. False when something is left.
pub fn end_leaf(leaf: &Leaf, patience: Duration) -> bool {
    let started = Instant::now();
    loop {
        let is_over = started.elapsed() >= patience;
        let is_empty = matches!(leaf.is_populated(), Ok(false));
        if is_empty && (leaf.remove().is_ok() || is_over) {
            return true;
        }
        if !is_empty && let Err(error) = leaf.kill() {
            tracing::warn!(leaf = %leaf.path().display(), %error, "cannot kill a control group");
        }
        if is_over {
            return false;
        }
        wait_for_change(leaf, patience.saturating_sub(started.elapsed()));
    }
}

/// Waits until the kernel says that something has changed about a populated leaf, for a moment where it says nothing.
fn wait_for_change(leaf: &Leaf, patience: Duration) {
    let longest = patience.min(LOOK_AGAIN);
    let Ok(mut events) = std::fs::File::open(leaf.path().join("cgroup.events")) else { return };
    let mut text = String::new();
    // Only changes after this read are reported.
    if events.read_to_string(&mut text).is_ok() && text.contains("populated 1") {
        let mut watched = [PollFd::new(events.as_fd(), PollFlags::POLLPRI)];
        let _told_or_not =
            poll(&mut watched, PollTimeout::try_from(longest).unwrap_or(PollTimeout::ZERO));
    }
}

/// Makes the leaf of a run that is about to start, empty and with its limits.
///
/// # Errors
/// Naming the file: it cannot be made, or a limit not be set.
pub fn make_leaf(spec: &ContainmentSpec) -> io::Result<()> {
    let leaf = Leaf::new(&spec.leaf);
    if leaf.path().exists() {
        // Of a run that had this number in an earlier incarnation of the database. The caller knows that its shim is gone.
        let _else_the_next_step_fails = end_leaf(&leaf, KILL_PATIENCE);
    }
    if let Some(runs) = leaf.path().parent() {
        // It may have been removed between two runs.
        make_groups(&[runs, &spec.shims]).map_err(|error| at(runs, error))?;
    }
    make_group(leaf.path()).map_err(|error| at(leaf.path(), error))?;
    set_limits(leaf.path(), &spec.limits).inspect_err(|_error| {
        // Nothing has been put into it.
        let _removed = leaf.remove();
    })
}

fn make_groups(directories: &[&Path]) -> io::Result<()> {
    for directory in directories {
        let mut missing: Vec<&Path> =
            directory.ancestors().take_while(|group| !group.exists()).collect();
        while let Some(group) = missing.pop() {
            match make_group(group) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => made?,
            }
        }
    }
    Ok(())
}

fn set_limits(leaf: &Path, limits: &GroupLimits) -> io::Result<()> {
    let set = |file: &str, value: String| {
        let path = leaf.join(file);
        write(&path, &value)
            .map_err(|error| at(&PathBuf::from(format!("{} = {value}", path.display())), error))
    };
    // Not every kernel has these two; the limit itself holds without them.
    let set_if_there = |file: &str, value: &str| match write(&leaf.join(file), value) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    };
    if let Some(bytes) = limits.memory_max_bytes {
        set("memory.max", bytes.to_string())?;
        // A worker that loses one of its processes is no longer intact; and swapping is no way around the limit.
        set_if_there("memory.oom.group", "1")?;
        set_if_there("memory.swap.max", "0")?;
    }
    if let Some(count) = limits.pids_max {
        set("pids.max", count.to_string())?;
    }
    if let Some(percent) = limits.cpu_percent {
        set("cpu.max", cpu_max(percent))?;
    }
    Ok(())
}

/// A share of CPU time as the kernel wants it: microseconds in a period.
fn cpu_max(percent: u32) -> String {
    let quota_us = u64::from(percent).saturating_mul(CPU_PERIOD_US / 100);
    format!("{quota_us} {CPU_PERIOD_US}")
}

/// The group below which the base is made.
fn parent_group(wanted: Option<&Path>) -> Result<PathBuf, String> {
    let read =
        |path: &str| std::fs::read(path).map_err(|error| format!("cannot read {path}: {error}"));
    let mounts = hierarchy::mounts(&read("/proc/self/mountinfo")?);
    choose_parent(&mounts, &read("/proc/self/cgroup")?, wanted)
}

/// Where the base goes: pure, but for the texts that come in.
fn choose_parent(
    mounts: &[Mount],
    own_groups: &[u8],
    wanted: Option<&Path>,
) -> Result<PathBuf, String> {
    if mounts.is_empty() {
        return Err("no cgroup v2 hierarchy is mounted".to_owned());
    }
    let own = hierarchy::group(own_groups);
    // The last of the mounts at one place hides those before it.
    let mut found = mounts.iter().rev().filter_map(|mount| {
        let directory = match wanted {
            Some(wanted) => mount.holds(wanted).then(|| wanted.to_owned()),
            None => mount.directory_of(own.as_deref()?),
        };
        Some((mount, directory?))
    });
    let mut read_only = None;
    let writable = found.find(|(mount, _)| {
        if mount.is_read_only {
            read_only = Some(mount.mount_point.clone());
        }
        !mount.is_read_only
    });
    match (writable, read_only, wanted, own) {
        (Some((_, directory)), ..) => Ok(directory),
        (None, Some(mount_point), ..) => {
            Err(format!("the cgroup v2 hierarchy at {} is read-only", mount_point.display()))
        }
        (None, None, Some(wanted), _) => {
            Err(format!("{} is not in a cgroup v2 hierarchy", wanted.display()))
        }
        (None, None, None, Some(own)) => Err(format!(
            "the daemon's control group {} is not in the mounted hierarchy",
            own.display()
        )),
        (None, None, None, None) => Err("this process is not in a cgroup v2 group".to_owned()),
    }
}

impl Base {
    fn make(parent: &Path, name: String) -> Result<Self, String> {
        let directory = parent.join(&name);
        let base = Self { directory, name, controllers: BTreeSet::new(), held: None };
        let runs = base.directory.join("runs");
        make_groups(&[&runs, &base.shims()])
            .map_err(|error| format!("cannot create {}: {error}", base.directory.display()))?;
        if !runs.join("cgroup.kill").exists() {
            let why = if runs.join("cgroup.procs").exists() {
                format!("{} has no cgroup.kill (requires Linux 5.14)", runs.display())
            } else {
                format!("{} is not a control group", runs.display())
            };
            base.remove_if_empty();
            return Err(why);
        }
        let controllers = hand_down(&[parent, &base.directory, &runs]);
        Ok(Self { controllers, ..base })
    }

    fn leaf(&self, name: &str) -> PathBuf {
        self.directory.join("runs").join(name)
    }

    fn shims(&self) -> PathBuf {
        self.directory.join("shims")
    }

    fn remove_if_empty(&self) {
        let shims = Leaf::new(self.shims());
        // A shim that has handed over its record is about to end; one with a run is not waited for.
        if std::fs::remove_dir(self.directory.join("runs")).is_ok() {
            let started = Instant::now();
            while matches!(shims.is_populated(), Ok(true))
                && let Some(left) = LAST_SHIMS_PATIENCE.checked_sub(started.elapsed())
            {
                wait_for_change(&shims, left);
            }
        }
        for directory in [self.directory.join("runs"), self.shims(), self.directory.clone()] {
            // Only a group without processes and without groups below it can be removed, so trying does no harm.
            let _in_use = std::fs::remove_dir(directory);
        }
    }
}

/// Where the base of a home is when nothing else is configured; none without a hierarchy. It need not be there.
pub fn default_base(home: &Path) -> Option<PathBuf> {
    parent_group(None).ok().map(|parent| parent.join(base_name(home)))
}

/// Removes the base of a home whose daemon and runs are gone for good, with leaves that never came to be used. A shim that has
/// done everything but end is ended.
pub fn end_base_of(home: &Path, patience: Duration) {
    if let Some(base) = default_base(home)
        && !end_leaf(&Leaf::new(&base), patience)
    {
        tracing::warn!(base = %base.display(), "cannot remove the control groups of a home");
    }
}

#[cfg(test)]
mod tests;
