//! The two sockets: created here, or passed by a service manager; and the listener behind each, which may be exchanged while the
//! daemon runs.

use std::collections::VecDeque;
use std::io;
use std::os::unix::net::UnixListener as StdListener;
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::actors::doors::{Door, Doors, Maker};
use crate::config::sockets::COURIER_SUFFIX;
use crate::os::host::clock::epoch_ms;
use crate::os::host::service_manager::HandedSockets;
use crate::os::host::socket_file::{SocketError, SocketFile};
use crate::os::workspaces::marked::FileIdentity;

/// Access to the operators' socket: its owner.
const OPERATORS_MODE: u32 = 0o600;

/// Access to the operators' socket of the machine's daemon, where there is a group for it: that group too.
const OPERATORS_GROUP_MODE: u32 = 0o660;

/// Access to the workers' socket: everybody, because each caller is identified by the kernel and refused unless it belongs to
/// an open run.
const WORKERS_MODE: u32 = 0o666;

/// Access to a directory that is made for the sockets, when nobody but the daemon's user has to pass.
const OWN_DIRECTORY_MODE: u32 = 0o700;

/// The same when others have to: the group of operators, or workers of other users.
const SHARED_DIRECTORY_MODE: u32 = 0o755;

/// Who may use the sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// A group of operators, where the system has it and the daemon may give a file to it.
    pub group: Option<&'static str>,
    /// Whether workers may be other users'.
    pub has_workers_of_others: bool,
}

/// The sockets of a daemon that is about to serve.
pub struct BoundSockets {
    /// For people and operators.
    pub operators: Listening,
    /// For workers.
    pub workers: Listening,
    /// For the courier, where there is one.
    pub courier: Option<Listening>,
    /// Their files.
    pub doors: Doors,
}

/// A socket that listens, until another one takes its place.
pub struct Listening {
    current: StdListener,
    replaced: UnboundedReceiver<StdListener>,
}

/// The same on the thread that serves it.
pub struct Accepting {
    current: UnixListener,
    /// Those that were replaced and may still have callers in their queues, oldest first.
    left: VecDeque<StdListener>,
    replaced: UnboundedReceiver<StdListener>,
}

/// Makes both.
///
/// # Errors
/// [`SocketError`]; a socket that was made before the error stays, as a leftover.
pub fn bind(operators: &Path, workers: &Path, access: Access) -> Result<BoundSockets, SocketError> {
    let Access { group, has_workers_of_others } = access;
    let is_shared = group.is_some() || has_workers_of_others;
    let directory_mode = if is_shared { SHARED_DIRECTORY_MODE } else { OWN_DIRECTORY_MODE };
    let group = group.map(|group| (group, OPERATORS_GROUP_MODE));
    let path = operators.to_owned();
    let operators = SocketFile { path, mode: OPERATORS_MODE, group, directory_mode };
    let path = workers.to_owned();
    let workers = SocketFile { path, mode: WORKERS_MODE, group: None, directory_mode };
    let for_operators = operators.make()?;
    let for_workers = workers.make()?;
    let (operators_file, workers_file) = (Some(for_operators.file), Some(for_workers.file));
    let (operators, for_operators) = door(operators, operators_file, for_operators.listener);
    let (workers, for_workers) = door(workers, workers_file, for_workers.listener);
    let doors = Doors::new(Maker::Daemon, operators, workers, epoch_ms());
    Ok(BoundSockets { operators: for_operators, workers: for_workers, courier: None, doors })
}

/// Takes those that a service manager made: their paths, owners and modes are its business. `remedy` makes it make them again.
///
/// # Errors
/// [`SocketError::Unusable`].
pub fn take(
    handed: HandedSockets,
    operators: &Path,
    workers: &Path,
    remedy: &'static str,
) -> Result<BoundSockets, SocketError> {
    let HandedSockets { operators: for_operators, workers: for_workers, courier } = handed;
    for (listener, path) in [(&for_operators, operators), (&for_workers, workers)] {
        listener
            .set_nonblocking(true)
            .map_err(|source| SocketError::Unusable { path: path.to_owned(), source })?;
    }
    let socket = |path: &Path, mode| SocketFile {
        path: path.to_owned(),
        mode,
        group: None,
        directory_mode: SHARED_DIRECTORY_MODE,
    };
    let file = |path| std::fs::metadata(path).ok().map(|it| FileIdentity::of_metadata(&it));
    let (for_operators, listening) =
        door(socket(operators, OPERATORS_MODE), file(operators), for_operators);
    let (for_workers, workers) = door(socket(workers, WORKERS_MODE), file(workers), for_workers);
    let maker = Maker::ServiceManager { remedy };
    let doors = Doors::new(maker, for_operators, for_workers, epoch_ms());
    let mut bound = BoundSockets { operators: listening, workers, courier: None, doors };
    if let Some(courier) = courier {
        let path = beside(operators);
        courier
            .set_nonblocking(true)
            .map_err(|source| SocketError::Unusable { path: path.clone(), source })?;
        let (made, listening) = door(socket(&path, OPERATORS_MODE), file(&path), courier);
        let maker = bound.doors.maker();
        bound.doors.add_courier(made, maker);
        bound.courier = Some(listening);
    }
    Ok(bound)
}

/// The path of the courier's socket beside the operators' one.
fn beside(operators: &Path) -> PathBuf {
    let mut path = operators.to_owned().into_os_string();
    path.push(COURIER_SUFFIX);
    path.into()
}

impl BoundSockets {
    /// Makes the courier's socket, for the daemon's own user.
    ///
    /// # Errors
    /// [`SocketError`]; the others are served all the same.
    pub fn bind_courier(&mut self, path: &Path) -> Result<(), SocketError> {
        let socket = SocketFile {
            path: path.to_owned(),
            mode: OPERATORS_MODE,
            group: None,
            directory_mode: OWN_DIRECTORY_MODE,
        };
        let made = socket.make()?;
        let (made, listening) = door(socket, Some(made.file), made.listener);
        self.doors.add_courier(made, Maker::Daemon);
        self.courier = Some(listening);
        Ok(())
    }
}

fn door(socket: SocketFile, file: Option<FileIdentity>, current: StdListener) -> (Door, Listening) {
    let (replace, replaced): (UnboundedSender<StdListener>, _) = unbounded_channel();
    (Door { socket, file, replace, lost: None }, Listening { current, replaced })
}

impl Listening {
    /// To be called on the thread that serves it.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub fn accepting(self) -> io::Result<Accepting> {
        let current = UnixListener::from_std(self.current)?;
        Ok(Accepting { current, left: VecDeque::new(), replaced: self.replaced })
    }
}

impl Accepting {
    /// The next caller. Callers in the queue of a socket that was replaced are served first. Dropping the future loses no caller.
    ///
    /// # Errors
    /// accept(2), or a new socket cannot be waited for.
    pub async fn accept(&mut self) -> io::Result<UnixStream> {
        loop {
            while let Some(oldest) = self.left.front() {
                // Asked of the kernel: the runtime may not know yet that a client is in the queue.
                match oldest.accept() {
                    Ok((stream, _)) => {
                        stream.set_nonblocking(true)?;
                        return UnixStream::from_std(stream);
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        drop(self.left.pop_front());
                    }
                    Err(error) => return Err(error),
                }
            }
            tokio::select! {
                accepted = self.current.accept() => return accepted.map(|(stream, _)| stream),
                Some(new) = self.replaced.recv() => {
                    let new = UnixListener::from_std(new)?;
                    let before = std::mem::replace(&mut self.current, new);
                    self.left.push_back(before.into_std()?);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::process::{Command, Stdio};

    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;

    use super::{Access, Path, SocketError, bind};

    const OWN: Access = Access { group: None, has_workers_of_others: false };

    /// After this long a caller counts as lost.
    const A_MINUTE: std::time::Duration = std::time::Duration::from_secs(60);

    /// In the process that the next test makes of itself: the directory of the sockets.
    const LISTEN_IN: &str = "KANBAND_TEST_LISTEN_IN";

    #[test]
    fn a_group_that_is_there_may_use_the_operators_socket_and_everybody_the_workers_one() {
        use std::os::unix::fs::MetadataExt as _;

        let group = nix::unistd::Group::from_gid(nix::unistd::getegid()).unwrap().unwrap();
        let access = |path: &Path| {
            let metadata = std::fs::metadata(path).unwrap();
            (metadata.mode() & 0o777, metadata.gid())
        };
        for (name, mode) in
            [(Some(group.name.as_str()), 0o660), (Some("no-such"), 0o600), (None, 0o600)]
        {
            let temp = tempfile::tempdir().unwrap();
            let (path, workers) = (temp.path().join("socket"), temp.path().join("workers"));
            let name = name.map(|name| &*name.to_owned().leak());
            let bound = bind(&path, &workers, Access { group: name, ..OWN });
            let _bound = bound.map_err(|error| error.to_string()).unwrap();
            assert_eq!(access(&path), (mode, group.gid.as_raw()), "{name:?}");
            assert_eq!(access(&workers).0, 0o666);
        }
    }

    #[test]
    #[expect(clippy::zombie_processes, reason = "it outlives the process that starts it")]
    fn a_socket_that_a_dead_process_left_with_its_child_is_stale_and_a_living_one_in_use() {
        if let Some(dir) = std::env::var_os(LISTEN_IN) {
            let listener = UnixListener::bind(Path::new(&dir).join("socket")).unwrap();
            let mut child = Command::new("sleep");
            child.arg("600").stdin(OwnedFd::from(listener)).stdout(Stdio::null());
            let child = child.stderr(Stdio::null()).spawn().unwrap();
            std::fs::write(Path::new(&dir).join("child"), child.id().to_string()).unwrap();
            return;
        }
        let temp = tempfile::tempdir().unwrap();
        let (path, workers) = (temp.path().join("socket"), temp.path().join("workers"));
        let me = "api::sockets::tests::a_socket_that_a_dead_process_left_with_its_child_is_stale_and_a_living_one_in_use";
        let mut parent = Command::new(std::env::current_exe().unwrap());
        let ended = parent.args(["--exact", me]).env(LISTEN_IN, temp.path()).output().unwrap();
        assert!(ended.status.success(), "{ended:?}");
        assert!(UnixStream::connect(&path).is_ok(), "its child holds it");
        let bound = bind(&path, &workers, OWN);
        let child = std::fs::read_to_string(temp.path().join("child")).unwrap();
        kill(Pid::from_raw(child.parse().unwrap()), Signal::SIGKILL).unwrap();
        let _bound = bound.map_err(|error| error.to_string()).unwrap();
        let again = bind(&path, &workers, OWN).map(|_| ());
        assert!(matches!(again, Err(SocketError::InUse { .. })), "{again:?}");
    }

    #[test]
    fn callers_of_a_socket_that_was_replaced_are_accepted_before_those_of_the_new_one() {
        let temp = tempfile::tempdir().unwrap();
        let (path, workers) = (temp.path().join("socket"), temp.path().join("workers"));
        let bound = bind(&path, &workers, OWN).map_err(|error| error.to_string()).unwrap();
        let early = UnixStream::connect(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let way = crate::actors::doors::Way::Operators;
        let made = bound.doors.with(way, |door| {
            let made = door.socket.make().unwrap();
            door.replace.send(made.listener).unwrap();
        });
        assert!(made.is_some());
        let late = UnixStream::connect(&path).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut accepting = bound.operators.accepting().unwrap();
            let accepted =
                async { [accepting.accept().await.unwrap(), accepting.accept().await.unwrap()] };
            let [one, other] = tokio::time::timeout(A_MINUTE, accepted).await.unwrap();
            // The kernel tells which socket a connection came in by: the replaced one was first.
            drop(early);
            one.readable().await.unwrap();
            assert_eq!(one.try_read(&mut [0]).unwrap(), 0);
            assert!(other.try_read(&mut [0]).is_err(), "the later one is open");
        });
        drop(late);
    }
}
