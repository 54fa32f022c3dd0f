//! Starts shims: one thread, for as long as the process lives, does every start.
//!
//! One place, because it is to be able to move into a process of its own; one thread that never ends, because
//! to the kernel the parent of a process is, in some respects, the thread that made it: a child that asks to
//! die with its parent (PR_SET_PDEATHSIG(2const)) dies with that thread, and threads of a runtime's pool come
//! and go.
//!
//! A start writes the run's files and makes its control group, then executes the shim: in the group of the shims where there is
//! one ([`crate::os::spawn_in_group`] says why), else by posix_spawn(3), which does not copy the daemon's
//! memory map and, unlike the standard library's `Command`, can put the status pipe on descriptor 3 without
//! code of ours running between fork and exec. The shim's binary was opened when the thread started and is
//! executed through that descriptor, so an upgrade on disk never mixes two versions.

use std::ffi::CString;
use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::Builder;

use nix::fcntl::OFlag;
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::stat::Mode;
use thiserror::Error;

use crate::failpoint;
use crate::os::cgroup::make_leaf;
use crate::os::cgroup_leaf::Leaf;
use crate::os::identity::ProcessIdentity;
use crate::os::pidfd::PidFd;
use crate::os::run_files::{RunDir, RunSpec, read_spec, write_spec, write_token};
use crate::os::run_lock::RunLock;
use crate::os::run_registry::RunRegistry;
use crate::os::spawn_in_group::{GroupStart, start_in_group};
use crate::os::status_pipe::{STATUS_DESCRIPTOR, StatusPipe, status_pipe};
use crate::os::wait::{ProcessEnd, reap_child, reap_pidfd};

/// Starts that may wait for the thread. Far above any limit on running workers; beyond it something is wrong
/// and a refusal is the better answer.
const QUEUE_MAX: usize = 1_024;

/// What to start.
#[derive(Debug)]
pub struct SpawnRequest {
    /// Directory of the run; created with mode 0700 if it is missing, its parent must exist.
    pub run_dir: RunDir,
    /// What the shim is to start, with a nonce made for this start.
    pub spec: RunSpec,
    /// The run's token for processes outside its tree.
    pub token: String,
}

/// A shim that has been started and not been reaped.
#[derive(Debug)]
pub struct SpawnedShim {
    /// The shim.
    pub identity: ProcessIdentity,
    /// Readable once it has ended.
    pub pidfd: PidFd,
    /// What it says. Dropping this tells the shim that nobody listens.
    pub status: StatusPipe,
}

/// Why a shim was not started. No process is left behind by any of these.
#[derive(Debug, Error)]
pub enum SpawnError {
    /// A shim of this run, or of an earlier run of the same number, still holds the run lock.
    #[error("a shim still holds the lock of {}", path.display())]
    Busy {
        /// The run directory.
        path: PathBuf,
    },
    /// The run directory or a file in it could not be made.
    #[error("the files of a run could not be written in {}", path.display())]
    RunFiles {
        /// The run directory.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// The control group of the run could not be made, or a limit not be set.
    #[error("containment")]
    Containment(#[source] io::Error),
    /// The status pipe or the new process could not be made.
    #[error("the shim {} could not be started", shim.display())]
    Start {
        /// The shim's binary as it was named at the start.
        shim: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// The new process could not be placed; it was ended.
    #[error("the shim (pid {pid}) was started but could not be identified")]
    Identify {
        /// PID that it had.
        pid: i32,
        /// What the kernel said.
        source: io::Error,
    },
    /// Too many starts wait already.
    #[error("{QUEUE_MAX} starts are waiting already")]
    QueueFull,
    /// The start panicked; the fault is in this program.
    #[error("the start failed by a fault in the program")]
    Panicked,
}

/// Hands requests to the spawning thread. Clones share the thread.
#[derive(Debug, Clone)]
pub struct Spawner {
    jobs: SyncSender<Job>,
}

type Reply = Box<dyn FnOnce(Result<SpawnedShim, SpawnError>) + Send>;

struct Job {
    request: SpawnRequest,
    reply: Reply,
}

impl Spawner {
    /// Opens the shim's binary, which must be no script, and starts the thread. Every shim is entered into
    /// `registry` before any look-up in it can go on.
    ///
    /// # Errors
    /// The binary cannot be opened, or the thread not started.
    pub fn start(shim: &Path, registry: Arc<RunRegistry>) -> io::Result<Self> {
        let binary = open_binary(shim)?;
        let (jobs, waiting) = sync_channel::<Job>(QUEUE_MAX);
        let starter = Starter { shim: shim.to_owned(), binary, registry };
        // The thread holds a sender too: the channel never closes, so the thread never ends.
        let keeps_open = jobs.clone();
        Builder::new().name("spawner".to_owned()).spawn(move || {
            let _keeps_open = keeps_open;
            while let Ok(Job { request, reply }) = waiting.recv() {
                let started = catch_unwind(AssertUnwindSafe(|| starter.start(&request)));
                let answer = started.unwrap_or(Err(SpawnError::Panicked));
                // A panic in the reply is the caller's and has been reported; the next start must go on.
                let _replied = catch_unwind(AssertUnwindSafe(|| reply(answer)));
            }
        })?;
        Ok(Self { jobs })
    }

    /// Asks for a start and returns at once. `reply` is called exactly once, on the spawning thread, and must
    /// not wait for anything.
    pub fn spawn(
        &self,
        request: SpawnRequest,
        reply: impl FnOnce(Result<SpawnedShim, SpawnError>) + Send + 'static,
    ) {
        let job = Job { request, reply: Box::new(reply) };
        if let Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) =
            self.jobs.try_send(job)
        {
            (job.reply)(Err(SpawnError::QueueFull));
        }
    }
}

impl SpawnedShim {
    /// Reaps the shim; none while it runs. To be called by its one owner when the pidfd is readable, or a
    /// zombie stays. The code is the shim's own: how the *run* ended is in the exit record.
    ///
    /// # Errors
    /// It has been reaped before (ECHILD).
    pub fn reap(&self) -> io::Result<Option<ProcessEnd>> {
        reap_pidfd(&self.pidfd)
    }
}

struct Starter {
    shim: PathBuf,
    binary: OwnedFd,
    registry: Arc<RunRegistry>,
}

impl Starter {
    fn start(&self, request: &SpawnRequest) -> Result<SpawnedShim, SpawnError> {
        write_run_files(request)?;
        failpoint::hit("daemon-spec-written");
        let start_error = |source| SpawnError::Start { shim: self.shim.clone(), source };
        let (status, shim_end) = status_pipe().map_err(start_error)?;
        let mut hold = self.registry.hold();
        let pid = self.execute(request, shim_end).map_err(start_error)?;
        let (identity, pidfd) = identify(pid)?;
        hold.insert(request.spec.run_id, &identity);
        drop(hold);
        failpoint::hit("daemon-forked");
        Ok(SpawnedShim { identity, pidfd, status })
    }

    fn execute(&self, request: &SpawnRequest, shim_end: OwnedFd) -> io::Result<i32> {
        let shim_end = clear_of_status(shim_end)?;
        let path = CString::new(format!("/proc/self/fd/{}", self.binary.as_raw_fd()))?;
        let run_dir =
            CString::new(std::path::absolute(request.run_dir.path())?.as_os_str().as_bytes())?;
        let arguments =
            [c"kanban-shim".to_owned(), run_dir, CString::new(request.spec.nonce.as_str())?];
        if let Some(groups) = &request.spec.containment
            && let Ok(group) = Leaf::new(&groups.shims).open()
        {
            let start = GroupStart {
                program: &path,
                arguments: &arguments,
                environment: &environment()?,
                status: shim_end.as_fd(),
                blocked: blocked(),
            };
            // Where this is not possible the shim moves by itself, or says why it cannot.
            if let Ok(pid) = start_in_group(group.as_fd(), &start) {
                return Ok(pid);
            }
        }
        let mut actions = PosixSpawnFileActions::init()?;
        actions.add_open(0, "/dev/null", OFlag::O_RDWR, Mode::empty())?;
        actions.add_dup2(0, 1)?;
        actions.add_dup2(0, 2)?;
        actions.add_dup2(shim_end.as_raw_fd(), STATUS_DESCRIPTOR)?;
        let started =
            posix_spawn(path.as_c_str(), &actions, &attributes()?, &arguments, &environment()?)?;
        Ok(started.as_raw())
    }
}

/// Those signals that the shim reads or ignores: one that is sent before it is ready for it waits instead of
/// ending it.
fn blocked() -> SigSet {
    let mut blocked = SigSet::empty();
    for signal in
        [Signal::SIGTERM, Signal::SIGQUIT, Signal::SIGCHLD, Signal::SIGHUP, Signal::SIGINT]
    {
        blocked.add(signal);
    }
    blocked
}

/// Default dispositions, and those signals blocked.
fn attributes() -> io::Result<PosixSpawnAttr> {
    let mut attributes = PosixSpawnAttr::init()?;
    attributes.set_sigdefault(&SigSet::all())?;
    attributes.set_sigmask(&blocked())?;
    let flags = PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF | PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK;
    attributes.set_flags(flags)?;
    Ok(attributes)
}

/// Nothing, but for the fail points that tests arm: a shim needs no variable.
fn environment() -> io::Result<Vec<CString>> {
    let armed = std::env::var_os(failpoint::VARIABLE)
        .filter(|_value| cfg!(any(debug_assertions, feature = "failpoints")));
    let Some(value) = armed else { return Ok(Vec::new()) };
    let pair = [failpoint::VARIABLE.as_bytes(), value.as_bytes()].join(&b'=');
    Ok(vec![CString::new(pair)?])
}

fn write_run_files(request: &SpawnRequest) -> Result<(), SpawnError> {
    let dir = &request.run_dir;
    let failed = |source| SpawnError::RunFiles { path: dir.path().to_owned(), source };
    dir.create().map_err(failed)?;
    let lock = RunLock::try_acquire(dir).map_err(failed)?;
    let Some(_lock) = lock else {
        return Err(SpawnError::Busy { path: dir.path().to_owned() });
    };
    // A spec that is damaged is not this start's either.
    let is_this_start = read_spec(dir).ok().flatten().is_some_and(|there| {
        there.nonce == request.spec.nonce && there.incarnation == request.spec.incarnation
    });
    if !is_this_start {
        dir.clear().map_err(failed)?;
    }
    write_token(dir, &request.token).map_err(failed)?;
    if let Some(groups) = &request.spec.containment {
        make_leaf(groups).map_err(SpawnError::Containment)?;
    }
    // The spec comes last: where there is one, everything else that the shim needs is there.
    write_spec(dir, &request.spec).map_err(failed)
    // The lock is given back here, before the shim asks for it.
}

fn identify(pid: i32) -> Result<(ProcessIdentity, PidFd), SpawnError> {
    let identified = PidFd::from_child(pid).and_then(|pidfd| {
        let identity = ProcessIdentity::of(pid)?;
        Ok((identity.ok_or(io::ErrorKind::NotFound)?, pidfd))
    });
    identified.map_err(|source| {
        // Nobody has reaped it, so its PID is its own.
        let _ended = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL);
        let _reaped = reap_child(pid);
        SpawnError::Identify { pid, source }
    })
}

fn open_binary(path: &Path) -> io::Result<OwnedFd> {
    let opened = OpenOptions::new().read(true).custom_flags(OFlag::O_PATH.bits()).open(path)?;
    if !opened.metadata()?.is_file() {
        let kind = io::ErrorKind::InvalidInput;
        return Err(io::Error::new(kind, format!("{} is not a file", path.display())));
    }
    clear_of_status(opened.into())
}

/// A descriptor that the child can still use after its own descriptor 3 has been put in place.
fn clear_of_status(fd: OwnedFd) -> io::Result<OwnedFd> {
    // The copy gets another number because 3 is taken; 0 to 2 are open in every Rust program.
    if fd.as_raw_fd() == STATUS_DESCRIPTOR { fd.try_clone() } else { Ok(fd) }
}
