//! Starts shims: one thread, for as long as the process lives, does every start.
//!
//! Either this process starts them itself, or it asks the holder to ([`crate::os::holder::client`]), which may start them for workers of
//! other users. One thread that never ends, because to the kernel the parent of a process is, in some respects, the thread that made it: a child that asks to
//! die with its parent (PR_SET_PDEATHSIG(2const)) dies with that thread, and threads of a runtime's pool come
//! and go.
//!
//! A start writes the run's files and makes its control group, then executes the shim: in the group of the shims where there is
//! one (`spawn_in_group` says why), else by posix_spawn(3), which does not copy the daemon's
//! memory map and, unlike the standard library's `Command`, can put the status pipe on descriptor 3 without
//! code of ours running between fork and exec. The shim's binary was opened when the thread started and is
//! executed through that descriptor, so an upgrade on disk never mixes two versions.

use std::ffi::CString;
use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
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
use crate::os::control_groups::cgroup::make_leaf;
use crate::os::control_groups::leaf::Leaf;
use crate::os::holder::client::{Holder, HolderError};
use crate::os::holder::protocol::{HeldGroups, Hello};
use crate::os::host::descriptors::limit_of_children;
use crate::os::processes::identity::{Liveness, ProcessIdentity};
use crate::os::processes::pidfd::PidFd;
use crate::os::processes::spawn_in_group::{GroupStart, start_in_group};
use crate::os::processes::status_pipe::{STATUS_DESCRIPTOR, StatusPipe, status_pipe};
use crate::os::processes::user::RunAs;
use crate::os::processes::wait::{WaitStatus, reap_child, reap_pidfd};
use crate::os::processes::worker_mark::WorkerMark;
use crate::os::run_files::directory::{
    RunDir, RunSpec, read_identity, read_spec, write_spec, write_token,
};
use crate::os::run_files::lock::RunLock;
use crate::os::run_files::registry::RunRegistry;
use crate::os::run_files::shim_search::shim_of;
use crate::os::run_files::shim_start::{arguments, blocked_signals, environment};

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
    /// The worker's user, when that is not this process's. With a holder it has to be one; the spec has the name.
    pub run_as: Option<RunAs>,
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
    #[error("cannot write the files of the run")]
    RunFiles(#[source] io::Error),
    /// The control group of the run could not be made, or a limit not be set.
    #[error("containment")]
    Containment(#[source] io::Error),
    /// The status pipe or the new process could not be made.
    #[error("cannot start the shim {}", shim.display())]
    Start {
        /// The shim's binary as it was named at the start.
        shim: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// The holder, which was to start the shim, did not.
    #[error(transparent)]
    Holder(HolderError),
    /// The holder has other control groups than the run was to have.
    #[error("the holder was restarted; the next start uses its control groups")]
    HolderMoved,
    /// The new process could not be identified; it was ended.
    #[error("cannot identify the started shim (pid {pid})")]
    Identify {
        /// PID that it had.
        pid: i32,
        /// What the kernel said.
        source: io::Error,
    },
    /// Too many starts wait already.
    #[error("{QUEUE_MAX} starts are already waiting")]
    QueueFull,
    /// The start panicked; the fault is in this program.
    #[error("the start failed because of a bug in kanband")]
    Panicked,
}

/// Receives what the holder says of itself before each start; false when that is not what it said the last time.
pub type OnHello = Box<dyn Fn(&Hello) -> bool + Send>;

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
        Self::on_thread(Starter { way: Way::Own { shim: shim.to_owned(), binary }, registry })
    }

    /// Starts the thread; shims are started by the holder. It need not be there. Before each start it is asked who it is, and
    /// `on_hello` told.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start_with_holder(
        holder: Holder,
        on_hello: OnHello,
        registry: Arc<RunRegistry>,
    ) -> io::Result<Self> {
        Self::on_thread(Starter { way: Way::Held { holder, on_hello }, registry })
    }

    fn on_thread(starter: Starter) -> io::Result<Self> {
        let (jobs, waiting) = sync_channel::<Job>(QUEUE_MAX);
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
        mut request: SpawnRequest,
        reply: impl FnOnce(Result<SpawnedShim, SpawnError>) + Send + 'static,
    ) {
        // Here, so that nothing is started without it.
        request.spec.limits.mark_bytes = WorkerMark::of_process().of_workers();
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
    pub fn reap(&self) -> io::Result<Option<WaitStatus>> {
        reap_pidfd(&self.pidfd)
    }
}

struct Starter {
    way: Way,
    registry: Arc<RunRegistry>,
}

/// Who starts the shims.
enum Way {
    /// This process.
    Own { shim: PathBuf, binary: OwnedFd },
    /// The holder.
    Held { holder: Holder, on_hello: OnHello },
}

impl Starter {
    fn start(&self, request: &SpawnRequest) -> Result<SpawnedShim, SpawnError> {
        if let Way::Held { holder, on_hello } = &self.way {
            // Before anything is made for the run.
            let hello = holder.hello().map_err(SpawnError::Holder)?;
            if !on_hello(&hello) || !has_groups_of(request, hello.groups.as_ref()) {
                return Err(SpawnError::HolderMoved);
            }
        }
        write_run_files(request)?;
        failpoint::hit("daemon-spec-written");
        let start_error = |source| SpawnError::Start { shim: self.shim().to_owned(), source };
        let (status, shim_end) = status_pipe().map_err(start_error)?;
        let mut hold = self.registry.hold();
        let (identity, pidfd) = match &self.way {
            Way::Own { binary, .. } => {
                identify(execute(binary, request, shim_end).map_err(start_error)?)?
            }
            Way::Held { holder, .. } => {
                let user = request.spec.user.as_deref().unwrap_or_default();
                let nonce = request.spec.nonce.as_str();
                holder
                    .start(request.run_dir.path(), nonce, user, request.spec.view, shim_end.as_fd())
                    .map_err(SpawnError::Holder)?
            }
        };
        hold.insert(request.spec.run_id, &identity);
        drop(hold);
        failpoint::hit("daemon-forked");
        Ok(SpawnedShim { identity, pidfd, status })
    }

    fn shim(&self) -> &Path {
        match &self.way {
            Way::Own { shim, .. } => shim,
            Way::Held { holder, .. } => holder.socket(),
        }
    }
}

/// Whether the run is to be where the holder has its groups now.
fn has_groups_of(request: &SpawnRequest, held: Option<&HeldGroups>) -> bool {
    match (&request.spec.containment, held) {
        (Some(groups), Some(held)) => groups.leaf.starts_with(&held.directory),
        (None, _) => true,
        (Some(_), None) => false,
    }
}

fn execute(binary: &OwnedFd, request: &SpawnRequest, shim_end: OwnedFd) -> io::Result<i32> {
    let shim_end = clear_of_status(shim_end)?;
    let path = CString::new(format!("/proc/self/fd/{}", binary.as_raw_fd()))?;
    let run_dir = std::path::absolute(request.run_dir.path())?;
    let nonce = &request.spec.nonce;
    let arguments =
        arguments(&run_dir, nonce, request.run_as.as_ref(), limit_of_children(), false)?;
    if let Some(groups) = &request.spec.containment
        && let Ok(group) = Leaf::new(&groups.shims).open()
    {
        let start = GroupStart {
            program: &path,
            arguments: &arguments,
            environment: &environment()?,
            status: shim_end.as_fd(),
            blocked: blocked_signals(),
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

/// Default dispositions, and those signals blocked.
fn attributes() -> io::Result<PosixSpawnAttr> {
    let mut attributes = PosixSpawnAttr::init()?;
    attributes.set_sigdefault(&SigSet::all())?;
    attributes.set_sigmask(&blocked_signals())?;
    let flags = PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF | PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK;
    attributes.set_flags(flags)?;
    Ok(attributes)
}

fn write_run_files(request: &SpawnRequest) -> Result<(), SpawnError> {
    let dir = &request.run_dir;
    let failed = SpawnError::RunFiles;
    dir.create().map_err(failed)?;
    let busy = || SpawnError::Busy { path: dir.path().to_owned() };
    let _lock = RunLock::try_acquire(dir).map_err(failed)?.ok_or_else(busy)?;
    if has_supervisor(request).map_err(failed)? {
        return Err(busy());
    }
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

/// Whether a shim of an earlier run of this number lives although its lock is free: the lock file may have been removed. The process
/// table is asked only where something of such a run is left.
fn has_supervisor(request: &SpawnRequest) -> io::Result<bool> {
    let dir = &request.run_dir;
    if let Some(earlier) = read_identity(dir).unwrap_or_default()
        && earlier.shim.check() != Liveness::Gone
    {
        return Ok(true);
    }
    let leaf = request.spec.containment.as_ref().map(|groups| Leaf::new(&groups.leaf));
    let is_left = leaf.is_some_and(|leaf| leaf.is_populated().unwrap_or(false));
    Ok(is_left && shim_of(dir.path())?.is_some())
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
