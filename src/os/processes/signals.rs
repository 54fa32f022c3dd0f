//! The signals that people and service managers send to the daemon, as calls.

use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

/// What a signal asks of the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DaemonSignal {
    /// End (SIGTERM, SIGINT).
    Terminate,
    /// Read the configuration again (SIGHUP).
    Reload,
}

/// Ends the watching when it is dropped; signals that arrive afterwards are swallowed, not obeyed.
#[derive(Debug)]
#[must_use = "the watching ends when this is dropped"]
pub struct SignalWatch {
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

/// Calls `callback` for every signal, on a thread of its own, until the returned value is dropped.
///
/// Several of one kind that arrive together may come as one.
///
/// # Errors
/// The handlers or the thread cannot be set up.
pub fn watch(callback: impl Fn(DaemonSignal) + Send + 'static) -> io::Result<SignalWatch> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    let handle = signals.handle();
    let thread = Builder::new().name("signals".to_owned()).spawn(move || {
        for number in signals.forever() {
            let reload = number == SIGHUP;
            callback(if reload { DaemonSignal::Reload } else { DaemonSignal::Terminate });
        }
    })?;
    Ok(SignalWatch { handle, thread: Some(thread) })
}

/// From now on SIGINT does not end this process. For a command whose child has the terminal, and which ends after it; the child starts
/// with the default action.
///
/// # Errors
/// The handler cannot be set up.
pub fn ignore_interrupts() -> io::Result<()> {
    signal_hook::flag::register(SIGINT, Arc::default()).map(drop)
}

impl Drop for SignalWatch {
    fn drop(&mut self) {
        self.handle.close();
        if let Some(thread) = self.thread.take() {
            // A panic in the callback has been reported on its own thread.
            let _panicked = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use nix::sys::signal::{Signal, raise};

    use super::*;

    #[test]
    fn each_signal_arrives_as_what_it_asks_for() {
        let (sent, received) = mpsc::channel();
        let watch = watch(move |signal| sent.send(signal).unwrap()).unwrap();
        let cases = [
            (Signal::SIGHUP, DaemonSignal::Reload),
            (Signal::SIGTERM, DaemonSignal::Terminate),
            (Signal::SIGINT, DaemonSignal::Terminate),
        ];
        for (signal, expected) in cases {
            raise(signal).unwrap();
            assert_eq!(received.recv().unwrap(), expected, "{signal}");
        }
        drop(watch);
        assert!(received.recv().is_err(), "the thread has ended");
    }
}
