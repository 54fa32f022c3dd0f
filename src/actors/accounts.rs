//! Look-ups of users that do not block the caller.

use crate::actors::apart::on_own_thread;
use crate::os::processes::user::Account;

/// The account of a login name; none when there is none.
///
/// # Errors
/// The user database cannot be asked.
pub async fn look_up(name: String) -> std::io::Result<Option<Account>> {
    on_own_thread("accounts", move || Account::named(&name)).await.flatten()
}
