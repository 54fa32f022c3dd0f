//! Why a run is not started: the step that failed, in words, with the error number.

use std::error::Error;
use std::io;

use crate::kernel::start_fault::FailedStep;
use crate::os::failure::{errno_of, in_words};
use crate::os::holder::client::HolderError;
use crate::os::holder::protocol::HolderRefusal;
use crate::os::processes::spawn::SpawnError;

/// Why a run is not started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotLaunched {
    /// The step that failed.
    pub step: FailedStep,
    /// One line for people.
    pub message: String,
    /// The kernel's error number, when it gave one.
    pub errno: Option<i32>,
}

impl NotLaunched {
    /// One that no error of the kernel is behind.
    pub fn at(step: FailedStep, message: impl Into<String>) -> Self {
        Self { step, message: message.into(), errno: None }
    }

    /// One with an error of the kernel behind it; `doing` says what could not be done.
    pub fn by(step: FailedStep, doing: &str, error: &io::Error) -> Self {
        Self { step, message: format!("{doing}: {}", in_words(error)), errno: errno_of(error) }
    }

    /// Of a directory of the daemon's own that its work is done in. Without an error number something else stands in its place,
    /// which is the doing of the task's own workers.
    pub fn by_own_workspace(error: &io::Error) -> Self {
        let errno = errno_of(error);
        let step = errno.map_or(FailedStep::Workspace, |_| FailedStep::RunFiles);
        Self { step, message: format!("workspace: {}", in_words(error)), errno }
    }

    /// Of a shim that was not started.
    pub(super) fn by_spawner(error: &SpawnError) -> Self {
        let step = match error {
            SpawnError::RunFiles(_) | SpawnError::Busy { .. } => FailedStep::RunFiles,
            SpawnError::Containment(_) => FailedStep::Containment,
            SpawnError::Holder(HolderError::Refused(refusal))
                if refusal.code == HolderRefusal::USER_NOT_ALLOWED =>
            {
                FailedStep::User
            }
            SpawnError::Start { .. }
            | SpawnError::Holder(_)
            | SpawnError::HolderMoved
            | SpawnError::Identify { .. }
            | SpawnError::QueueFull
            | SpawnError::Panicked => FailedStep::Supervisor,
        };
        let of_holder = match error {
            SpawnError::Holder(error) => error.errno(),
            SpawnError::RunFiles(_)
            | SpawnError::Busy { .. }
            | SpawnError::Containment(_)
            | SpawnError::Start { .. }
            | SpawnError::HolderMoved
            | SpawnError::Identify { .. }
            | SpawnError::QueueFull
            | SpawnError::Panicked => None,
        };
        Self { step, message: chain(error), errno: of_holder.or_else(|| errno_of(error)) }
    }
}

/// An error with its causes in one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        // What the system says is the last cause, with the file that it is about.
        if let Some(last) = cause.downcast_ref::<io::Error>() {
            text.push_str(&in_words(last));
            break;
        }
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::kernel::start_fault::{Blame, blame};
    use crate::os::failure::at;

    fn errno(number: i32) -> io::Error {
        io::Error::from_raw_os_error(number)
    }

    #[test]
    fn what_the_spawner_says_keeps_its_step_and_its_number_and_charges_the_host() {
        let (path, shim) = (PathBuf::from("/h/runs/7"), PathBuf::from("/shim"));
        let refused = |code: &str| {
            let refusal = HolderRefusal { code: code.into(), message: "no".into(), errno: 13 };
            SpawnError::Holder(HolderError::Refused(refusal))
        };
        let silent = HolderError::Silent { socket: "/s".into(), detail: "hung up".into() };
        for (error, expected_errno, expected) in [
            (
                SpawnError::RunFiles(at(Path::new("/h/runs/7/spec"), errno(28))),
                Some(28),
                Blame::Host,
            ),
            (SpawnError::RunFiles(at(&path, errno(30))), Some(30), Blame::Host),
            (SpawnError::Busy { path }, None, Blame::Host),
            (SpawnError::Containment(at(Path::new("/c"), errno(2))), Some(2), Blame::Host),
            (SpawnError::Start { shim: shim.clone(), source: errno(11) }, Some(11), Blame::Host),
            (SpawnError::Start { shim, source: errno(24) }, Some(24), Blame::Host),
            (SpawnError::Identify { pid: 7, source: errno(3) }, Some(3), Blame::Host),
            (SpawnError::Holder(silent), None, Blame::Host),
            (SpawnError::HolderMoved, None, Blame::Host),
            (SpawnError::QueueFull, None, Blame::Host),
            (SpawnError::Panicked, None, Blame::Host),
            (refused(HolderRefusal::START_FAILED), Some(13), Blame::Host),
            (refused(HolderRefusal::STOPPING), Some(13), Blame::Host),
            (refused(HolderRefusal::USERS_FILE), Some(13), Blame::Host),
            (refused(HolderRefusal::NOT_THE_DAEMON), Some(13), Blame::Host),
            (refused("of a later holder"), Some(13), Blame::Host),
            (refused(HolderRefusal::USER_NOT_ALLOWED), Some(13), Blame::Profile),
        ] {
            let failed = NotLaunched::by_spawner(&error);
            assert_eq!(failed.errno, expected_errno, "{error:?}");
            assert_eq!(blame(failed.step, failed.errno), expected, "{error:?}");
        }
    }

    #[test]
    fn causes_are_told_once() {
        let source = at(Path::new("/h/runs/7/spec"), errno(28));
        let error = SpawnError::RunFiles(source);
        assert_eq!(
            chain(&error),
            "cannot write the files of the run: /h/runs/7/spec: no space left on device"
        );
    }
}
