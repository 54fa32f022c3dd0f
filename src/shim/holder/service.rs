//! Requests and shims: one loop over the socket, the connections and the signals, which never blocks.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::signalfd::SignalFd;
use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::PeerCredentials;
use nix::unistd::{Pid, getpid};

use crate::failpoint;
use crate::os::holder::protocol::{
    Answered, Asked, AskedView, Hello, HolderRefusal, PROTOCOL_VERSION, PossibleViews, Question,
    Remains, Started,
};
use crate::os::processes::fd_passing::{Message, accept, receive, send};
use crate::os::processes::identity::ProcessIdentity;
use crate::os::processes::pidfd::PidFd;
use crate::os::processes::proc_tree::descendants;
use crate::os::processes::spawn_as::{ShimStart, start_as};
use crate::os::processes::user::{Account, RunAs};
use crate::os::processes::wait::{Reap, WaitStatus, reap_any};
use crate::os::run_files::shim_start::{arguments, blocked_signals, environment};
use crate::shim::holder::groups::Groups;
use crate::shim::holder::options::Options;
use crate::shim::holder::{notify, say, users, views};

/// Connections that are kept at one time; the daemon opens one for each question.
const CONNECTIONS_MAX: usize = 64;

/// What the holder knows.
pub struct Service {
    own: ProcessIdentity,
    owner: RunAs,
    users: PathBuf,
    shim: PathBuf,
    groups: Result<Groups, String>,
    views: PossibleViews,
    signals: SignalFd,
    /// Every shim that was started here and has not been reaped, by its PID.
    shims: BTreeMap<i32, ProcessIdentity>,
    connections: Vec<OwnedFd>,
    is_stopping: bool,
    /// Processes that a dead shim has left may be there.
    has_strays: bool,
}

/// What to send back, with a descriptor perhaps.
type Reply = (Answered, Option<PidFd>);

impl Service {
    /// Nothing started yet.
    ///
    /// # Errors
    /// This process cannot find out who and where it is.
    pub fn new(
        options: &Options,
        owner: RunAs,
        groups: Result<Groups, String>,
        views: PossibleViews,
        signals: SignalFd,
    ) -> io::Result<Self> {
        let shim = match &options.shim {
            Some(shim) => shim.clone(),
            // By its path: an upgrade puts the next shim there, and the next start takes that one.
            None => std::fs::read_link("/proc/self/exe")?,
        };
        Ok(Self {
            own: ProcessIdentity::current()?,
            owner,
            users: options.users.clone(),
            shim,
            groups,
            views,
            signals,
            shims: BTreeMap::new(),
            connections: Vec::new(),
            is_stopping: false,
            has_strays: false,
        })
    }

    /// Answers until it is asked to end and nothing is left of what was started.
    ///
    /// # Errors
    /// poll(2) fails in a way it does not document.
    pub fn serve(&mut self, listener: &OwnedFd) -> io::Result<()> {
        while !self.is_over() {
            let ready = self.wait(listener)?;
            if ready.signals {
                self.take_signals();
            }
            for at in ready.connections.into_iter().rev() {
                let connection = self.connections.swap_remove(at);
                self.answer(&connection);
            }
            if ready.listener {
                self.take_connections(listener);
            }
        }
        if let Ok(groups) = &self.groups {
            groups.remove();
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.is_stopping && self.shims.is_empty() && !self.has_strays
    }

    fn wait(&self, listener: &OwnedFd) -> io::Result<Ready> {
        let mut watched = vec![
            PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
            PollFd::new(listener.as_fd(), PollFlags::POLLIN),
        ];
        let open = self.connections.iter().map(|one| PollFd::new(one.as_fd(), PollFlags::POLLIN));
        watched.extend(open);
        match poll(&mut watched, PollTimeout::NONE) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let is_ready = |one: &PollFd<'_>| one.any() == Some(true);
        let mut ready = watched.iter().map(is_ready);
        Ok(Ready {
            signals: ready.next() == Some(true),
            listener: ready.next() == Some(true),
            connections: ready.enumerate().filter_map(|(at, is)| is.then_some(at)).collect(),
        })
    }

    fn take_connections(&mut self, listener: &OwnedFd) {
        while let Ok(Some(connection)) = accept(listener) {
            let caller = getsockopt(&connection, PeerCredentials);
            if caller.is_ok_and(|caller| caller.uid() == self.owner.uid) {
                if self.connections.len() >= CONNECTIONS_MAX {
                    // The oldest has said nothing for longest.
                    self.connections.remove(0);
                }
                self.connections.push(connection);
            } else {
                let message = "only the daemon's user may send requests";
                reply(&connection, (refused(HolderRefusal::NOT_THE_DAEMON, message, 0), None));
            }
        }
    }

    fn answer(&mut self, connection: &OwnedFd) {
        let Ok(Message { bytes, descriptors }) = receive(connection) else { return };
        if bytes.is_empty() {
            return;
        }
        let answer = match serde_json::from_slice::<Asked>(&bytes).map(|asked| asked.question) {
            Ok(Question::Hello) => (self.hello(), None),
            Ok(Question::Start { run_dir, nonce, user, view }) => {
                match self.start(&run_dir, &nonce, (&user, view), descriptors) {
                    Ok(reply) => reply,
                    Err(refusal) => {
                        say(&format!("{}: {}", run_dir.display(), refusal.message));
                        (Answered { refused: Some(refusal), ..answered() }, None)
                    }
                }
            }
            Ok(Question::Remains { shim }) => (self.remains(&shim), None),
            Ok(Question::Unknown) => (
                refused(
                    HolderRefusal::UNKNOWN_QUESTION,
                    "unknown request: this holder is older than the daemon",
                    0,
                ),
                None,
            ),
            Err(error) => (refused(HolderRefusal::BAD_QUESTION, &error.to_string(), 0), None),
        };
        reply(connection, answer);
    }

    fn hello(&self) -> Answered {
        let (groups, why_no_groups) = match &self.groups {
            Ok(groups) => (Some(groups.held.clone()), None),
            Err(why) => (None, Some(why.clone())),
        };
        let views = Some(self.views.clone());
        let package = env!("CARGO_PKG_VERSION").to_owned();
        let hello = Hello { holder: self.own.clone(), package, groups, why_no_groups, views };
        Answered { hello: Some(hello), ..answered() }
    }

    fn start(
        &mut self,
        run_dir: &Path,
        nonce: &str,
        (user, view): (&str, Option<AskedView>),
        descriptors: Vec<OwnedFd>,
    ) -> Result<Reply, HolderRefusal> {
        if self.is_stopping {
            return Err(refusal(HolderRefusal::STOPPING, "the holder is shutting down", 0));
        }
        let mut descriptors = descriptors.into_iter();
        let (Some(status), None) = (descriptors.next(), descriptors.next()) else {
            let message =
                "a start requires exactly one descriptor, the writing end of a status pipe";
            return Err(refusal(HolderRefusal::BAD_QUESTION, message, 0));
        };
        if !run_dir.is_absolute() {
            return Err(refusal(
                HolderRefusal::BAD_QUESTION,
                "the run directory is not absolute",
                0,
            ));
        }
        let worker = self.worker_user(user)?;
        let failed = |error: io::Error| {
            let message = format!("cannot start the shim {}: {error}", self.shim.display());
            refusal(HolderRefusal::START_FAILED, &message, error.raw_os_error().unwrap_or(0))
        };
        let (shim, pidfd) =
            self.start_shim(run_dir, nonce, (&worker, view), &status).map_err(failed)?;
        self.shims.insert(shim.pid, shim.clone());
        failpoint::hit("holder-started");
        Ok((Answered { started: Some(Started { shim }), ..answered() }, Some(pidfd)))
    }

    /// Whether workers may be this user's, and what such a user has.
    fn worker_user(&self, name: &str) -> Result<RunAs, HolderRefusal> {
        let no = |message: String| refusal(HolderRefusal::USER_NOT_ALLOWED, &message, may_not());
        let allowed = users::allowed(&self.users)
            .map_err(|why| refusal(HolderRefusal::USERS_FILE, &why, may_not()))?;
        if !allowed.iter().any(|one| one == name) {
            let shown = self.users.display();
            return Err(no(format!(
                "user `{name}` is not allowed for workers: not listed in {shown}"
            )));
        }
        let account = Account::named(name)
            .map_err(|error| no(format!("cannot look up user `{name}`: {error}")))?
            .ok_or_else(|| no(format!("user `{name}` does not exist")))?;
        if account.run_as.uid == 0 || account.run_as.uid == self.owner.uid {
            return Err(no(format!(
                "user `{name}` is never allowed for workers: it is root or the daemon's user"
            )));
        }
        Ok(account.run_as)
    }

    fn start_shim(
        &self,
        run_dir: &Path,
        nonce: &str,
        (worker, view): (&RunAs, Option<AskedView>),
        status: &OwnedFd,
    ) -> io::Result<(ProcessIdentity, PidFd)> {
        let group = self.groups.as_ref().ok().map(|groups| groups.shims().open()).transpose()?;
        let program = CString::new(self.shim.as_os_str().as_bytes())?;
        let view = views::prepared(view, &self.views)?;
        let pid = start_as(&ShimStart {
            program: &program,
            arguments: &arguments(run_dir, nonce, Some(worker), None, view.is_some())?,
            environment: &environment()?,
            status: status.as_fd(),
            blocked: blocked_signals(),
            group: group.as_ref().map(|group| group.as_fd()),
            owner: &self.owner,
            view: view.as_ref(),
        })?;
        // It is not reaped before the next signal is read, so the PID is its own.
        let known = ProcessIdentity::of(pid).and_then(|identity| {
            Ok((identity.ok_or(io::ErrorKind::NotFound)?, PidFd::from_child(pid)?))
        });
        known.inspect_err(|_error| {
            let _ended = kill(Pid::from_raw(pid), Signal::SIGKILL);
        })
    }

    fn remains(&mut self, shim: &ProcessIdentity) -> Answered {
        self.reap();
        let is_ours = shim.boot_id == self.own.boot_id && shim.start_ticks >= self.own.start_ticks;
        let remains = if !is_ours {
            Remains::Unknown
        } else if self.shims.get(&shim.pid) == Some(shim) || self.kill_strays() > 0 {
            Remains::Some
        } else {
            Remains::None
        };
        Answered { remains: Some(remains), ..answered() }
    }

    fn take_signals(&mut self) {
        while let Ok(Some(signal)) = self.signals.read_signal() {
            let number = i32::try_from(signal.ssi_signo).unwrap_or(0);
            match Signal::try_from(number) {
                Ok(Signal::SIGTERM | Signal::SIGINT) => self.stop(Signal::SIGTERM),
                Ok(Signal::SIGQUIT) => self.stop(Signal::SIGQUIT),
                Ok(_) | Err(_) => self.reap(),
            }
        }
        if self.has_strays {
            self.kill_strays();
        }
    }

    fn stop(&mut self, signal: Signal) {
        if !self.is_stopping {
            self.is_stopping = true;
            notify::tell("STOPPING=1");
            say(&format!("shutting down: stopping {} runs", self.shims.len()));
        }
        for pid in self.shims.keys() {
            // Not reaped, so the PID is the shim's own.
            let _ended = kill(Pid::from_raw(*pid), signal);
        }
    }

    /// Reaps processes that have ended.
    fn reap(&mut self) {
        loop {
            match reap_any() {
                Ok(Reap::Child(child)) => {
                    let was_shim = self.shims.remove(&child.pid).is_some();
                    // A shim that ended by itself has proven its tree empty, or has never had one.
                    let is_word = was_shim && matches!(child.end, WaitStatus::Exited(_));
                    if !is_word {
                        self.has_strays = true;
                    }
                    if was_shim && !is_word {
                        say(&format!(
                            "shim {} was killed; ending its remaining processes",
                            child.pid
                        ));
                    }
                }
                Ok(Reap::NoChildren) => {
                    // Every orphan below is a child of this sub-reaper.
                    self.has_strays = false;
                    return;
                }
                Ok(Reap::NoneEnded) | Err(_) => return,
            }
        }
    }

    /// Kills everything below this process that is not below a living shim; says how much of it is still there. A process that is left
    /// then, or is born meanwhile, is noticed at the end of its parent.
    fn kill_strays(&mut self) -> usize {
        let Ok(found) = descendants(getpid().as_raw()) else { return 1 };
        let mut held: Vec<i32> = Vec::new();
        let mut left = 0;
        for process in found {
            let pid = process.identity.pid;
            // Parents come before their children.
            if self.shims.contains_key(&pid) || held.contains(&process.parent_pid) {
                held.push(pid);
            } else if !process.is_over {
                left += 1;
                if let Ok(Some(stray)) = PidFd::open(&process.identity) {
                    let _gone = stray.signal(Signal::SIGKILL);
                }
            }
        }
        self.has_strays = left > 0;
        left
    }
}

/// What a wait has found.
struct Ready {
    signals: bool,
    listener: bool,
    /// Places in the list of connections, in order.
    connections: Vec<usize>,
}

fn answered() -> Answered {
    Answered { version: PROTOCOL_VERSION, ..Answered::default() }
}

fn refusal(code: &str, message: &str, errno: i32) -> HolderRefusal {
    HolderRefusal { code: code.to_owned(), message: message.to_owned(), errno }
}

fn refused(code: &str, message: &str, errno: i32) -> Answered {
    Answered { refused: Some(refusal(code, message, errno)), ..answered() }
}

/// The number that says "may not".
fn may_not() -> i32 {
    nix::errno::Errno::EACCES as i32
}

/// Sends it. A client that is gone finds what was started by its files.
fn reply(connection: &OwnedFd, (answer, pidfd): Reply) {
    let Ok(text) = serde_json::to_vec(&answer) else { return };
    let descriptors: Vec<_> = pidfd.iter().map(|pidfd| pidfd.as_fd()).collect();
    let _unheard = send(connection, &text, &descriptors);
}
