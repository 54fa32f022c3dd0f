//! Work that may wait, on a thread of its own: one that hangs holds up neither an actor nor the end of the runtime, as a thread of
//! the runtime's own pool would.

use tokio::sync::oneshot;

/// What `work` returns, done on a thread called `name`.
///
/// # Errors
/// The thread cannot be made, or has panicked.
pub async fn on_own_thread<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> std::io::Result<T> {
    let (reply, answer) = oneshot::channel();
    // The caller may be gone when the work is done.
    let run = move || drop(reply.send(work()));
    std::thread::Builder::new().name(name.to_owned()).spawn(run)?;
    answer.await.map_err(|_gone| std::io::Error::other("the thread ended without an answer"))
}
