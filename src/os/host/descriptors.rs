//! How many files this process may have open, and that its children get the limit that it was started with.
//!
//! The soft limit of 1,024 that most processes get is kept low for programs that use select(2), so a program that may need more raises
//! its own, up to the hard limit (getrlimit(2)). What it starts must not inherit that: a worker may be such a program.

#![expect(unsafe_code, reason = "a program that is started gets its limit between fork and exec")]

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::OnceLock;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// The limits of open files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DescriptorLimits {
    /// The soft limit that this process was started with, for its children.
    pub found: u64,
    /// The soft limit now.
    pub now: u64,
}

/// Set once, by [`raise_limit`].
static LIMITS: OnceLock<DescriptorLimits> = OnceLock::new();

/// Raises the soft limit to the hard one. A limit that cannot be raised stays, and what was found is returned.
///
/// # Errors
/// The limits cannot be read.
pub fn raise_limit() -> io::Result<DescriptorLimits> {
    if let Some(limits) = LIMITS.get() {
        return Ok(*limits);
    }
    let (found, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let is_raised = setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok();
    let limits = DescriptorLimits { found, now: if is_raised { hard } else { found } };
    Ok(*LIMITS.get_or_init(|| limits))
}

/// The soft limit of this process now.
pub fn soft_limit() -> u64 {
    getrlimit(Resource::RLIMIT_NOFILE).map_or(u64::MAX, |(soft, _)| soft)
}

/// The soft limit for children; none in a process that has not raised its own.
pub fn limit_of_children() -> Option<u64> {
    LIMITS.get().map(|limits| limits.found)
}

/// Sets the soft limit of this process, at most to the hard one.
///
/// # Errors
/// The limits cannot be read or set.
pub fn set_soft_limit(soft: u64) -> io::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(setrlimit(Resource::RLIMIT_NOFILE, soft.min(hard), hard)?)
}

/// Has `command` start its program with the limit of children. Not for shims, which set it themselves.
pub fn with_limit_of_children(command: &mut Command) -> &mut Command {
    let Some(soft) = limit_of_children() else { return command };
    // SAFETY: getrlimit(2) and setrlimit(2) are plain system calls on values of this frame; nothing is allocated unless they fail,
    // and an error of the system has no text that would be.
    unsafe { command.pre_exec(move || set_soft_limit(soft)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the process that the next test makes of itself.
    const IN_CHILD: &str = "KANBAND_TEST_RAISES_LIMIT";

    #[test]
    fn the_own_limit_is_raised_and_a_child_gets_the_one_that_was_found() {
        if std::env::var_os(IN_CHILD).is_some() {
            assert_eq!(limit_of_children(), None);
            set_soft_limit(99).unwrap();
            let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
            let expected = DescriptorLimits { found: 99, now: hard };
            assert_eq!(raise_limit().unwrap(), expected);
            assert_eq!(raise_limit().unwrap(), expected, "a second call changes nothing");
            assert_eq!(getrlimit(Resource::RLIMIT_NOFILE).unwrap(), (hard, hard));
            let mut child = Command::new("sh");
            child.args(["-c", "ulimit -Sn"]);
            let output = with_limit_of_children(&mut child).output().unwrap();
            assert_eq!(output.stdout, b"99\n");
            return;
        }
        let me = "os::host::descriptors::tests::the_own_limit_is_raised_and_a_child_gets_the_one_that_was_found";
        let mut child = Command::new(std::env::current_exe().unwrap());
        let ended = child.args(["--exact", me]).env(IN_CHILD, "1").output().unwrap();
        let printed = String::from_utf8_lossy(&ended.stdout);
        assert!(ended.status.success() && printed.contains("1 passed"), "{printed}");
    }
}
