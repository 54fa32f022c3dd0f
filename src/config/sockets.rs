//! Where the daemon listens and where a client looks for it.
//!
//! There are two sockets: one for people and operators, and beside it, with `.worker` at its end, one for
//! workers. In the same surroundings a client finds the daemon; that is proven below for every kind of home.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::config::ambient::{Ambient, Mode};
use crate::config::home::{Home, HomeKind, system_home, user_home};
use crate::config::home_error::HomeError;

/// What is appended to the operators' socket to get the workers'.
pub const WORKER_SUFFIX: &str = ".worker";

/// What is appended to the operators' socket to get that of the courier.
pub const COURIER_SUFFIX: &str = ".courier";

/// Longest path of a socket: `sun_path` has 108 bytes (unix(7)), the last one for the NUL.
pub const SOCKET_PATH_BYTES_MAX: usize = 107;

/// The sockets of a daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sockets {
    /// For people and operators.
    pub operators: PathBuf,
    /// For workers: the same path with [`WORKER_SUFFIX`].
    pub workers: PathBuf,
    /// For the courier: the same path with [`COURIER_SUFFIX`]; none where that is too long for an address.
    pub courier: Option<PathBuf>,
}

impl Sockets {
    /// Where the daemon of `home` listens: where `KANBAN_SOCKET` says, else `/run/kanband` for the machine's
    /// home, the runtime directory for a user's if there is one, and the home itself otherwise.
    pub fn of_daemon(ambient: &Ambient, home: &Home) -> Result<Self, HomeError> {
        let operators = match ambient.path_var("KANBAN_SOCKET")? {
            // A daemon that a worker starts would otherwise replace the socket that the worker itself uses.
            Some(path) if path.as_os_str().as_bytes().ends_with(WORKER_SUFFIX.as_bytes()) => {
                return Err(HomeError::WorkerSocket { path });
            }
            Some(path) => path,
            None if home.path() == system_home(ambient) => system_socket(ambient),
            None if home.kind() == HomeKind::User => {
                runtime_socket(ambient).unwrap_or_else(|| home.socket())
            }
            None => home.socket(),
        };
        // The longer of the two has to fit, and the message names the path that the operator chose.
        check_length(&operators, SOCKET_PATH_BYTES_MAX - WORKER_SUFFIX.len())?;
        let beside = |suffix| {
            let mut path = operators.clone().into_os_string();
            path.push(suffix);
            PathBuf::from(path)
        };
        let courier = beside(COURIER_SUFFIX);
        let fits = courier.as_os_str().len() <= SOCKET_PATH_BYTES_MAX;
        let (workers, courier) = (beside(WORKER_SUFFIX), fits.then_some(courier));
        Ok(Self { operators, workers, courier })
    }
}

/// Where a client looks for the daemon: `KANBAN_SOCKET`, the socket of `KANBAN_HOME`, the one in the user's
/// runtime directory if it is there, the one in the user's home if it is there, `/run/kanband`.
///
/// The look into the home is for users whose session has no runtime directory: their daemon has to listen
/// there.
pub fn client_socket(ambient: &Ambient) -> Result<PathBuf, HomeError> {
    let path = match ambient.path_var("KANBAN_SOCKET")? {
        Some(path) => path,
        None if ambient.var("KANBAN_HOME").is_some() => {
            Sockets::of_daemon(ambient, &Home::resolve(ambient)?)?.operators
        }
        None => {
            let in_home = match ambient.mode() {
                Mode::System => None,
                Mode::User => user_home(ambient).ok().map(|home| home.join("kanband.sock")),
            };
            [runtime_socket(ambient), in_home]
                .into_iter()
                .flatten()
                .find(|path| path.exists())
                .unwrap_or_else(|| system_socket(ambient))
        }
    };
    check_length(&path, SOCKET_PATH_BYTES_MAX)?;
    Ok(path)
}

/// Whether a socket is that of the machine's service.
pub fn is_of_machine(ambient: &Ambient, socket: &Path) -> bool {
    socket == system_socket(ambient)
}

fn system_socket(ambient: &Ambient) -> PathBuf {
    ambient.system_path("run/kanband/kanband.sock")
}

fn runtime_socket(ambient: &Ambient) -> Option<PathBuf> {
    ambient.xdg_dir("XDG_RUNTIME_DIR").map(|dir| dir.join("kanband/kanband.sock"))
}

fn check_length(path: &Path, limit_bytes: usize) -> Result<(), HomeError> {
    let length_bytes = path.as_os_str().len();
    if length_bytes <= limit_bytes {
        return Ok(());
    }
    Err(HomeError::SocketPathTooLong { path: path.to_owned(), length_bytes, limit_bytes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ambient::tests::ambient;

    fn daemon(ambient: &Ambient) -> Result<Sockets, HomeError> {
        Sockets::of_daemon(ambient, &Home::resolve(ambient)?)
    }

    fn of_root(ambient: Ambient) -> Ambient {
        Ambient { uid: 0, ..ambient }
    }

    #[test]
    fn the_daemon_listens_where_it_is_told_else_where_its_home_belongs() {
        let system = "/run/kanband/kanband.sock";
        let table = [
            (ambient(&[("KANBAN_SOCKET", "/s"), ("KANBAN_HOME", "/k")]), "/s"),
            (ambient(&[("KANBAN_SOCKET", "s")]), "/here/s"),
            (ambient(&[("KANBAN_SOCKET", ""), ("KANBAN_HOME", "/k")]), "/k/kanband.sock"),
            (ambient(&[("KANBAN_HOME", "/k"), ("XDG_RUNTIME_DIR", "/r")]), "/k/kanband.sock"),
            (ambient(&[("XDG_RUNTIME_DIR", "/r")]), "/r/kanband/kanband.sock"),
            (ambient(&[("XDG_RUNTIME_DIR", "r")]), "/home/ann/.local/state/kanband/kanband.sock"),
            (ambient(&[]), "/home/ann/.local/state/kanband/kanband.sock"),
            (of_root(ambient(&[("XDG_RUNTIME_DIR", "/r")])), system),
            (of_root(ambient(&[("KANBAN_HOME", "/var/lib/kanband")])), system),
            (of_root(ambient(&[("KANBAN_HOME", "/k")])), "/k/kanband.sock"),
        ];
        for (surroundings, expected) in table {
            let sockets = daemon(&surroundings).unwrap();
            assert_eq!(sockets.operators, Path::new(expected), "{:?}", surroundings.env);
            assert_eq!(sockets.workers, Path::new(&format!("{expected}.worker")));
        }
    }

    #[test]
    fn a_client_looks_in_a_fixed_order() {
        let dir = tempfile::tempdir().unwrap();
        let below = |path: &str| dir.path().join(path).to_str().unwrap().to_owned();
        let (runtime, state) = (below("runtime"), below("state"));
        let xdg = [("XDG_RUNTIME_DIR", runtime.as_str()), ("XDG_STATE_HOME", state.as_str())];
        let user = Ambient { root: dir.path().to_owned(), ..ambient(&xdg) };
        let look = || client_socket(&user).unwrap();
        let make = |path: &Path| {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        };
        let in_runtime = dir.path().join("runtime/kanband/kanband.sock");
        let in_home = dir.path().join("state/kanband/kanband.sock");

        assert_eq!(look(), dir.path().join("run/kanband/kanband.sock"), "nothing is there");
        make(&in_home);
        assert_eq!(look(), in_home);
        let root = of_root(user.clone());
        let system = dir.path().join("run/kanband/kanband.sock");
        assert_eq!(client_socket(&root).unwrap(), system, "the board of root is the machine's");
        make(&in_runtime);
        assert_eq!(look(), in_runtime);
        let chosen = [("KANBAN_HOME", "/k"), xdg[0], xdg[1]];
        let with_home = Ambient { env: ambient(&chosen).env, ..user.clone() };
        assert_eq!(client_socket(&with_home).unwrap(), Path::new("/k/kanband.sock"));
        let message = [("KANBAN_SOCKET", "/s.worker"), chosen[0], chosen[1], chosen[2]];
        let with_socket = Ambient { env: ambient(&message).env, ..user.clone() };
        assert_eq!(client_socket(&with_socket).unwrap(), Path::new("/s.worker"));
    }

    #[test]
    fn a_client_finds_the_daemon_of_its_own_surroundings() {
        let dir = tempfile::tempdir().unwrap();
        let below = |path: &str| dir.path().join(path).to_str().unwrap().to_owned();
        let (runtime, state, chosen, socket, system) =
            (below("r"), below("s"), below("k"), below("x.sock"), below("var/lib/kanband"));
        let table: [&[(&str, &str)]; 6] = [
            &[("XDG_RUNTIME_DIR", &runtime), ("XDG_STATE_HOME", &state)],
            &[("XDG_STATE_HOME", &state)],
            &[("KANBAN_HOME", &chosen), ("XDG_RUNTIME_DIR", &runtime)],
            &[("KANBAN_SOCKET", &socket), ("KANBAN_HOME", &chosen)],
            &[("KANBAN_HOME", &system)],
            &[("KANBAN_HOME", "relative")],
        ];
        for env in table {
            for uid in [0, 1000] {
                let surroundings = Ambient { uid, root: dir.path().to_owned(), ..ambient(env) };
                let listens = daemon(&surroundings).unwrap().operators;
                let file = listens.starts_with(dir.path()).then(|| {
                    std::fs::create_dir_all(listens.parent().unwrap()).unwrap();
                    std::fs::write(&listens, "").unwrap();
                    &listens
                });
                assert_eq!(client_socket(&surroundings).unwrap(), listens, "{uid} {env:?}");
                if let Some(file) = file {
                    std::fs::remove_file(file).unwrap();
                }
            }
        }
    }

    #[test]
    fn both_sockets_must_fit_into_an_address() {
        let with_length = |length: usize| format!("/{}", "k".repeat(length - 1));
        for (length_bytes, fits) in [(100, true), (101, false), (300, false)] {
            let path = with_length(length_bytes);
            let outcome = daemon(&ambient(&[("KANBAN_SOCKET", &path)]));
            let expected = HomeError::SocketPathTooLong {
                path: PathBuf::from(&path),
                length_bytes,
                limit_bytes: 100,
            };
            assert_eq!(outcome.map(drop), if fits { Ok(()) } else { Err(expected) });
        }
        for (length_bytes, fits) in [(107, true), (108, false)] {
            let outcome = client_socket(&ambient(&[("KANBAN_SOCKET", &with_length(length_bytes))]));
            assert_eq!(outcome.is_ok(), fits, "{length_bytes}");
        }
    }

    #[test]
    fn the_length_that_fits_is_the_one_the_system_takes() {
        let dir = tempfile::tempdir().unwrap();
        let fill = SOCKET_PATH_BYTES_MAX - dir.path().as_os_str().len() - 1;
        let longest = dir.path().join("k".repeat(fill));
        assert!(std::os::unix::net::UnixListener::bind(&longest).is_ok());
        let too_long = dir.path().join("k".repeat(fill + 1));
        assert!(std::os::unix::net::UnixListener::bind(&too_long).is_err());
    }

    #[test]
    fn a_daemon_started_by_a_worker_does_not_take_its_socket() {
        let surroundings = ambient(&[("KANBAN_SOCKET", "/k.sock.worker"), ("KANBAN_HOME", "/k")]);
        let path = PathBuf::from("/k.sock.worker");
        assert_eq!(daemon(&surroundings), Err(HomeError::WorkerSocket { path }));
    }
}
