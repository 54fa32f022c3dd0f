//! The two sockets: made here, or taken from a service manager. Only the owner of the home's lifetime lock may make them: what
//! lies in the way is stale then.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::os::files::give_to_group;
use crate::os::peer::is_listener_gone;
use crate::os::service_manager::HandedSockets;

/// Access to the operators' socket: its owner.
const OPERATORS_MODE: u32 = 0o600;

/// Access to the operators' socket of the machine's daemon, where there is a group for it: that group too.
const OPERATORS_GROUP_MODE: u32 = 0o660;

/// Access to the workers' socket: everybody, because each caller is placed by the kernel and refused unless it belongs to
/// an open run.
const WORKERS_MODE: u32 = 0o666;

/// Why the sockets could not be made.
#[derive(Debug, Error)]
pub enum SocketError {
    /// Somebody answers there.
    #[error("another process already answers on {}", path.display())]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// Something that is no socket lies there.
    #[error("{} is there and is not a socket", path.display())]
    NotASocket {
        /// What is there.
        path: PathBuf,
    },
    /// The system refused.
    #[error("{} could not be made: {source}", path.display())]
    Unusable {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The bound sockets.
pub struct BoundSockets {
    /// For people and operators.
    pub operators: UnixListener,
    /// For workers.
    pub workers: UnixListener,
    /// Whether somebody else made them and keeps them: then they are not ours to remove.
    pub is_handed: bool,
}

/// Binds both. People of `group` may use the operators' one too, where the system has such a group and the daemon may give a
/// file to it.
///
/// # Errors
/// [`SocketError`]; a socket that was made before the error stays, stale.
pub fn bind(
    operators: &Path,
    workers: &Path,
    group: Option<&str>,
) -> Result<BoundSockets, SocketError> {
    let bound = bind_one(operators, OPERATORS_MODE)?;
    if let Some(group) = group {
        match give_to_group(operators, group, OPERATORS_GROUP_MODE) {
            Ok(true) => {}
            Ok(false) => tracing::warn!(group, "there is no such group: the socket is its owner's"),
            Err(error) => {
                tracing::warn!(group, %error, "the socket cannot be given to the group");
            }
        }
    }
    let workers = bind_one(workers, WORKERS_MODE)?;
    Ok(BoundSockets { operators: bound, workers, is_handed: false })
}

/// Takes those that a service manager made: their paths, owners and modes are its business.
///
/// # Errors
/// [`SocketError::Unusable`].
pub fn take(
    handed: HandedSockets,
    operators: &Path,
    workers: &Path,
) -> Result<BoundSockets, SocketError> {
    let HandedSockets { operators: for_operators, workers: for_workers } = handed;
    for (listener, path) in [(&for_operators, operators), (&for_workers, workers)] {
        listener
            .set_nonblocking(true)
            .map_err(|source| SocketError::Unusable { path: path.to_owned(), source })?;
    }
    Ok(BoundSockets { operators: for_operators, workers: for_workers, is_handed: true })
}

fn bind_one(path: &Path, mode: u32) -> Result<UnixListener, SocketError> {
    let unusable = |source| SocketError::Unusable { path: path.to_owned(), source };
    if let Some(parent) = path.parent().filter(|parent| !parent.exists()) {
        std::fs::create_dir_all(parent).map_err(unusable)?;
        // Workers of other users pass through it, whatever the file mode mask.
        let passable = std::fs::Permissions::from_mode(0o711);
        std::fs::set_permissions(parent, passable).map_err(unusable)?;
    }
    remove_stale(path)?;
    let listener = UnixListener::bind(path).map_err(unusable)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(unusable)?;
    listener.set_nonblocking(true).map_err(unusable)?;
    Ok(listener)
}

fn remove_stale(path: &Path) -> Result<(), SocketError> {
    let metadata = match std::fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(SocketError::Unusable { path: path.to_owned(), source }),
    };
    if !std::os::unix::fs::FileTypeExt::is_socket(&metadata.file_type()) {
        return Err(SocketError::NotASocket { path: path.to_owned() });
    }
    if UnixStream::connect(path).is_ok_and(|connected| !is_listener_gone(connected)) {
        return Err(SocketError::InUse { path: path.to_owned() });
    }
    std::fs::remove_file(path)
        .map_err(|source| SocketError::Unusable { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;
    use std::process::{Command, Stdio};

    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;

    use super::*;

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
            let _bound = bind(&path, &workers, name).map_err(|error| error.to_string()).unwrap();
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
        let bound = bind(&path, &workers, None);
        let child = std::fs::read_to_string(temp.path().join("child")).unwrap();
        kill(Pid::from_raw(child.parse().unwrap()), Signal::SIGKILL).unwrap();
        let _bound = bound.map_err(|error| error.to_string()).unwrap();
        let again = bind(&path, &workers, None).map(|_| ());
        assert!(matches!(again, Err(SocketError::InUse { .. })), "{again:?}");
    }
}
