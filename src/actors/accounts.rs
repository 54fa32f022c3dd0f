//! Looking users up, without holding up whoever asks.

use tokio::sync::oneshot;

use crate::os::user::Account;

/// The account of a login name; none when there is none.
///
/// # Errors
/// The user data base cannot be asked.
pub async fn look_up(name: String) -> std::io::Result<Option<Account>> {
    let (reply, found) = oneshot::channel();
    // A thread of its own: one that hangs must not hold up the end of a runtime.
    std::thread::Builder::new().name("accounts".into()).spawn(move || {
        // Whoever asked may have gone.
        drop(reply.send(Account::named(&name)));
    })?;
    found.await.unwrap_or_else(|_gone| Err(std::io::ErrorKind::Other.into()))
}
