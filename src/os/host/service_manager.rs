//! Messages to a service manager and what it passes: sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3).
//!
//! Without a service manager every function here does nothing. A message that cannot be sent is no
//! reason to end; the service manager draws its own conclusion.

use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::socket::{SockType, UnixAddr, getsockname, getsockopt, sockopt};
use sd_notify::NotifyState;
use thiserror::Error;

/// What each extension of the time for a start asks for.
const EXTENSION: Duration = Duration::from_secs(60);

/// Time between two extensions.
const EXTEND_EVERY: Duration = Duration::from_secs(10);

/// Longest time that is asked for. A start that takes longer is one that hangs.
const EXTENSIONS_MAX: Duration = Duration::from_secs(2 * 60 * 60);

/// Descriptor name (`FileDescriptorName=`) of the operators' socket where each socket has a name of its own.
pub const OPERATORS_NAME: &str = "operators";

/// Descriptor name of the workers' socket.
pub const WORKERS_NAME: &str = "workers";

/// Descriptor name of the port of the metrics. Another port is that of the board on the web.
pub const METRICS_NAME: &str = "metrics";

/// What makes the machine's service manager make the sockets again that it had made.
pub const REMAKE_SOCKETS: &str = "systemctl restart kanband.socket kanband.service";

/// The same for the service of a person's own.
pub const REMAKE_OWN_SOCKETS: &str = "systemctl --user restart kanband.socket kanband.service";

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "cannot notify the service manager");
    }
}

/// The start, or a reload, is through.
pub fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// One line about what goes on, for `systemctl status`.
pub fn status(status: &str) {
    tell(&[NotifyState::Status(status)]);
}

/// The configuration is read again; [`ready`] follows, whatever comes of it. The service manager compares the time with that
/// of its own request.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "cannot read the monotonic clock"),
    }
}

/// The end has begun.
pub fn stopping(status: &str) {
    tell(&[NotifyState::Stopping, NotifyState::Status(status)]);
}

/// How often the service manager wants to hear from this process; none when it does not watch it.
pub fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|interval| !interval.is_zero())
}

/// This process does its work.
pub fn feed_watchdog(status: &str) {
    tell(&[NotifyState::Watchdog, NotifyState::Status(status)]);
}

/// Asks for more time, again and again, until it is dropped.
#[derive(Debug)]
#[must_use = "no more time is asked for when this is dropped"]
pub struct MoreTime {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Asks for more time for whatever is under way, for as long as the returned value lives.
pub fn more_time() -> MoreTime {
    if std::env::var_os("NOTIFY_SOCKET").is_none() {
        return MoreTime { end: None, thread: None };
    }
    let (end, ended) = channel::<()>();
    let extend = move || {
        let started = Instant::now();
        let extension_us = u32::try_from(EXTENSION.as_micros()).unwrap_or(u32::MAX);
        while started.elapsed() < EXTENSIONS_MAX {
            tell(&[NotifyState::ExtendTimeoutUsec(extension_us)]);
            if ended.recv_timeout(EXTEND_EVERY) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    };
    // Without the thread the time that there is has to do.
    MoreTime { end: Some(end), thread: Builder::new().name("more-time".into()).spawn(extend).ok() }
}

impl Drop for MoreTime {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

/// The sockets that a service manager handed over.
#[derive(Debug)]
pub struct HandedSockets {
    /// For people and operators.
    pub operators: UnixListener,
    /// For workers.
    pub workers: UnixListener,
    /// For the courier, where its socket unit is on.
    pub courier: Option<UnixListener>,
}

/// What a service manager handed over.
#[derive(Debug)]
pub struct Handed {
    /// Both sockets; none when it made neither.
    pub sockets: Option<HandedSockets>,
    /// The listener of the board on the web.
    pub web: Option<TcpListener>,
    /// The listener of the metrics.
    pub metrics: Option<TcpListener>,
}

/// Why what was handed over is not taken.
#[derive(Debug, Error)]
pub enum HandedError {
    /// The variables that tell of it make no sense.
    #[error("cannot parse LISTEN_FDS, LISTEN_PID or LISTEN_FDNAMES: {0}")]
    Variables(io::Error),
    /// One of them is something else.
    #[error(
        "the service manager passed descriptor {descriptor}, not a listening Unix stream socket"
    )]
    NotAListener {
        /// Its number.
        descriptor: i32,
    },
    /// One of them is bound elsewhere.
    #[error("the service manager passed a socket at {}, but this daemon serves {} and {}: ListenStream= and KANBAN_SOCKET must agree", found.display(), operators.display(), workers.display())]
    Elsewhere {
        /// Path.
        found: PathBuf,
        /// Where the operators' socket should be.
        operators: PathBuf,
        /// Where the workers' socket should be.
        workers: PathBuf,
    },
    /// Its name says another thing than its path.
    #[error("the service manager passed {} under the name `{name}` of the other socket", path.display())]
    Misnamed {
        /// Path.
        path: PathBuf,
        /// What it was called.
        name: String,
    },
    /// One is there twice.
    #[error("the service manager passed {} twice", path.display())]
    Twice {
        /// Path.
        path: PathBuf,
    },
    /// One is missing.
    #[error("the service manager passed one of two sockets: {} is missing", path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
}

/// Takes what was handed to this process; none when nothing was. From here on no child inherits it. Has to be called before
/// anything else opens or inherits descriptors, once.
///
/// # Errors
/// [`HandedError`].
pub fn take_sockets(at: [Option<&Path>; 3]) -> Result<Handed, HandedError> {
    told_apart(take_descriptors().map_err(HandedError::Variables)?, at)
}

/// Ports by their names, the other sockets by their paths.
fn told_apart(
    handed: Vec<(OwnedFd, String)>,
    at: [Option<&Path>; 3],
) -> Result<Handed, HandedError> {
    let (ports, handed): (Vec<_>, Vec<_>) =
        handed.into_iter().partition(|(descriptor, _)| is_tcp_listener(descriptor));
    let (metrics, web): (Vec<_>, Vec<_>) =
        ports.into_iter().partition(|(_, name)| name == METRICS_NAME);
    let first = |of: Vec<(OwnedFd, String)>| {
        of.into_iter().next().map(|(descriptor, _)| TcpListener::from(descriptor))
    };
    let is_any = !handed.is_empty();
    let sockets = is_any.then(|| sort(handed, at)).transpose()?;
    Ok(Handed { sockets, web: first(web), metrics: first(metrics) })
}

/// Whether it is what the units for the board on the web and for the metrics make.
fn is_tcp_listener(descriptor: &OwnedFd) -> bool {
    let borrowed = descriptor.as_fd();
    let is_stream = getsockopt(&borrowed, sockopt::SockType) == Ok(SockType::Stream);
    let is_listening = getsockopt(&borrowed, sockopt::AcceptConn) == Ok(true);
    // Another family has no address of that kind.
    let has_port = || {
        let again = descriptor.try_clone().map(TcpListener::from);
        again.and_then(|listener| listener.local_addr()).is_ok()
    };
    is_stream && is_listening && has_port()
}

/// The descriptors with their names, closed on exec.
fn take_descriptors() -> io::Result<Vec<(OwnedFd, String)>> {
    let named = if std::env::var_os("LISTEN_FDNAMES").is_some() {
        sd_notify::listen_fds_with_names()?.collect::<Vec<_>>()
    } else {
        sd_notify::listen_fds()?.map(|descriptor| (descriptor, String::new())).collect()
    };
    #[expect(unsafe_code, reason = "the descriptors come in by their numbers")]
    let own = |(descriptor, name)| {
        // SAFETY: sd_listen_fds(3): these numbers are open descriptors that were handed to this process (LISTEN_PID names it),
        // and this is the only place that takes them, once.
        (unsafe { OwnedFd::from_raw_fd(descriptor) }, name)
    };
    Ok(named.into_iter().map(own).collect())
}

/// Tells the two apart by where they are bound, and holds their names against it.
fn sort(
    handed: Vec<(OwnedFd, String)>,
    [operators, workers, courier]: [Option<&Path>; 3],
) -> Result<HandedSockets, HandedError> {
    let (operators, workers) =
        (operators.unwrap_or(Path::new("")), workers.unwrap_or(Path::new("")));
    let (mut found, mut for_courier) = ((None, None), None);
    for (descriptor, name) in handed {
        let path = bound_path(&descriptor)?;
        if courier == Some(path.as_path()) {
            for_courier = Some(UnixListener::from(descriptor));
            continue;
        }
        let (location, other_name) = if path == operators {
            (&mut found.0, WORKERS_NAME)
        } else if path == workers {
            (&mut found.1, OPERATORS_NAME)
        } else {
            let (operators, workers) = (operators.to_owned(), workers.to_owned());
            return Err(HandedError::Elsewhere { found: path, operators, workers });
        };
        if name == other_name {
            return Err(HandedError::Misnamed { path, name });
        }
        if location.replace(UnixListener::from(descriptor)).is_some() {
            return Err(HandedError::Twice { path });
        }
    }
    match found {
        (Some(operators), Some(workers)) => {
            Ok(HandedSockets { operators, workers, courier: for_courier })
        }
        (None, _) => Err(HandedError::Missing { path: operators.to_owned() }),
        (_, None) => Err(HandedError::Missing { path: workers.to_owned() }),
    }
}

/// Where a listening Unix stream socket is bound.
fn bound_path(descriptor: &OwnedFd) -> Result<PathBuf, HandedError> {
    let no_listener = || HandedError::NotAListener { descriptor: descriptor.as_raw_fd() };
    let borrowed = descriptor.as_fd();
    let is_stream = getsockopt(&borrowed, sockopt::SockType) == Ok(SockType::Stream);
    let is_listening = getsockopt(&borrowed, sockopt::AcceptConn) == Ok(true);
    if !is_stream || !is_listening {
        return Err(no_listener());
    }
    let address: UnixAddr = getsockname(descriptor.as_raw_fd()).map_err(|_| no_listener())?;
    address.path().map(Path::to_owned).ok_or_else(no_listener)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use super::*;

    fn listener(path: &Path) -> OwnedFd {
        UnixListener::bind(path).unwrap().into()
    }

    #[test]
    fn two_listeners_are_told_apart_by_their_paths_in_any_order() {
        let dir = tempfile::tempdir().unwrap();
        let (operators, workers) = (dir.path().join("k"), dir.path().join("k.worker"));
        let handed = vec![
            (listener(&workers), WORKERS_NAME.to_owned()),
            (listener(&operators), "kanband.socket".to_owned()),
        ];
        let sorted = sort(handed, [Some(&operators), Some(&workers), None]).unwrap();
        let path_of = |socket: &UnixListener| {
            socket.local_addr().unwrap().as_pathname().map(Path::to_owned).unwrap()
        };
        assert_eq!(path_of(&sorted.operators), operators);
        assert_eq!(path_of(&sorted.workers), workers);
    }

    #[test]
    fn ports_are_told_apart_by_their_names_and_one_without_is_the_web() {
        let listener = || TcpListener::bind("127.0.0.1:0").unwrap();
        let address = |listener: Option<TcpListener>| listener.map(|it| it.local_addr().unwrap());
        for (names, web_at, metrics_at) in [
            (&["web", METRICS_NAME][..], Some(0), Some(1)),
            (&[METRICS_NAME, "web"], Some(1), Some(0)),
            (&[METRICS_NAME], None, Some(0)),
            (&["kanband-web.socket"], Some(0), None),
            (&[""], Some(0), None),
            (&[], None, None),
        ] {
            let listeners: Vec<_> = names.iter().map(|_| listener()).collect();
            let addresses: Vec<_> = listeners.iter().map(|it| it.local_addr().unwrap()).collect();
            let handed = listeners.into_iter().zip(names);
            let handed = handed.map(|(it, name)| (it.into(), (*name).to_owned())).collect();
            let found = told_apart(handed, [None; 3]).unwrap();
            assert!(found.sockets.is_none());
            assert_eq!(address(found.web), web_at.map(|at: usize| addresses[at]), "{names:?}");
            assert_eq!(
                address(found.metrics),
                metrics_at.map(|at: usize| addresses[at]),
                "{names:?}"
            );
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_in_one_line_that_names_it() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let (operators, workers) = (at("k"), at("k.worker"));
        let unnamed = |descriptor: OwnedFd| (descriptor, String::new());
        let own = listener(&operators);
        let other = listener(&at("other"));
        let datagrams: OwnedFd = UnixDatagram::bind(at("d")).unwrap().into();
        let again = || own.try_clone().unwrap();
        let table = [
            (vec![unnamed(again())], "k.worker is missing"),
            (vec![unnamed(other)], "other, but this daemon serves"),
            (vec![unnamed(again()), unnamed(again())], "twice"),
            (vec![unnamed(datagrams)], "not a listening Unix stream socket"),
            (vec![(again(), WORKERS_NAME.to_owned())], "the name `workers`"),
        ];
        for (handed, expected) in table {
            let message =
                sort(handed, [Some(&operators), Some(&workers), None]).unwrap_err().to_string();
            assert!(message.contains(expected) && message.lines().count() == 1, "{message}");
        }
    }
}
