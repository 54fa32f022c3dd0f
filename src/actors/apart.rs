//! Work that may block, on its own thread: a hanging thread holds up neither an actor nor the end of the runtime, as a thread of
//! the runtime's own pool would.
//!
//! Where the host gives no more threads, one that was made at the start does the work of everybody, in turn: runs still end, and
//! what cannot be started is reported by the step that failed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::Builder;

use tokio::sync::oneshot;

type Work = Box<dyn FnOnce() + Send>;

/// The way to the thread that was made at the start.
static SPARE: OnceLock<Mutex<Sender<Work>>> = OnceLock::new();

/// Makes the thread that works where no other can be made. Once, before the first actor.
///
/// # Errors
/// It cannot be made either.
pub fn start_spare() -> std::io::Result<()> {
    let (sender, receiver): (Sender<Work>, Receiver<Work>) = channel();
    Builder::new().name("spare".to_owned()).spawn(move || {
        for work in receiver {
            // Who waits for it hears that there is no answer.
            let _is_through = catch_unwind(AssertUnwindSafe(work)).is_ok();
        }
    })?;
    // A second call's thread ends at once.
    drop(SPARE.set(Mutex::new(sender)));
    Ok(())
}

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
    run_apart(name, Box::new(move || drop(reply.send(work()))))?;
    answer.await.map_err(|_gone| std::io::Error::other("the thread ended without an answer"))
}

fn run_apart(name: &str, work: Work) -> std::io::Result<()> {
    let kept = Arc::new(Mutex::new(Some(work)));
    let take =
        |kept: &Mutex<Option<Work>>| kept.lock().unwrap_or_else(PoisonError::into_inner).take();
    let given = Arc::clone(&kept);
    let run = move || {
        if let Some(work) = take(&given) {
            work();
        }
    };
    let Err(error) = Builder::new().name(name.to_owned()).spawn(run) else { return Ok(()) };
    let spare = SPARE.get().map(|spare| spare.lock().unwrap_or_else(PoisonError::into_inner));
    match (spare, take(&kept)) {
        (Some(spare), Some(work)) => spare.send(work).map_err(|_gone| error),
        (None, _) | (_, None) => Err(error),
    }
}
