//! Names of users.

use nix::unistd::{Uid, User};

/// The name of a user in the user data base (getpwuid_r(3)); none when it has none.
pub fn user_name(uid: u32) -> Option<String> {
    User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name)
}
