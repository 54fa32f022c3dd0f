//! Descriptors that an actor waits for.

use std::io;
use std::os::fd::AsRawFd;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Watches a descriptor for being readable. From the actors that wait for processes, pipes and timers.
///
/// # Errors
/// What epoll_ctl(2) reports.
#[expect(
    deprecated,
    reason = "its successor is unsafe because a type could close its descriptor early; ours own theirs until dropped"
)]
pub fn watch<T: AsRawFd>(descriptor: T) -> io::Result<AsyncFd<T>> {
    AsyncFd::with_interest(descriptor, Interest::READABLE)
}
