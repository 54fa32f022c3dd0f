//! Users of workers, made by root: an account without a login, its home, and its line in the file of the users that the holder allows.

use std::fs::{DirBuilder, Permissions};
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::os::files::replace_private;
use crate::os::processes::user::Account;

/// Shell of a user that nobody logs in as.
const NO_LOGIN: &str = "/usr/sbin/nologin";

/// Mode of the folder of the homes: their users pass through it.
const HOMES_MODE: u32 = 0o711;

/// Mode of a home.
const HOME_MODE: u32 = 0o700;

/// Mode of the file of allowed users: everybody may read it, root alone writes it.
const USERS_MODE: u32 = 0o644;

/// Whether this process may make users.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Makes the account with useradd(8): a user of the system with a group of its own, without a login. Its home is not made.
///
/// # Errors
/// useradd cannot be started, or what it says.
pub fn add_account(name: &str, home: &Path) -> Result<Account> {
    let made = Command::new("useradd")
        .args(["--system", "--user-group", "--no-create-home", "--shell", NO_LOGIN])
        .args(["--comment", "Worker of a profile of the kanban board", "--home-dir"])
        .arg(home)
        .args(["--", name])
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stdin(Stdio::null())
        .output()?;
    if !made.status.success() {
        let said = String::from_utf8_lossy(&made.stderr);
        let said = said.lines().next().unwrap_or("it failed").to_owned();
        return Err(Error::other(format!("useradd: {said}")));
    }
    Account::named(name)?.ok_or_else(|| Error::other("useradd made no such user"))
}

/// Makes the home of a user, and the folder above it. Returns whether it was made; one that is there already has to be the user's.
///
/// # Errors
/// What is there is no directory, another one's, or cannot be made.
pub fn add_home(account: &Account, home: &Path) -> Result<bool> {
    if let Some(above) = home.parent() {
        match DirBuilder::new().mode(HOMES_MODE).create(above) {
            // Whatever the umask.
            Ok(()) => std::fs::set_permissions(above, Permissions::from_mode(HOMES_MODE))?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        let found = std::fs::symlink_metadata(above)?;
        if !found.is_dir() || found.uid() != 0 {
            return Err(Error::other(format!("{} is no directory of root", above.display())));
        }
    }
    let (uid, gid) = (account.run_as.uid, account.run_as.gid);
    match DirBuilder::new().mode(HOME_MODE).create(home) {
        Ok(()) => chown(home, Some(uid), Some(gid)).map(|()| true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let found = std::fs::symlink_metadata(home)?;
            if found.is_dir() && found.uid() == uid {
                return Ok(false);
            }
            let owner = found.uid();
            Err(Error::other(format!("{} is there and belongs to uid {owner}", home.display())))
        }
        Err(error) => Err(error),
    }
}

/// Adds a line with the name to the file of allowed users. Returns whether it was added.
///
/// # Errors
/// The file cannot be read or replaced.
pub fn allow(users: &Path, name: &str) -> Result<bool> {
    let before = std::fs::read_to_string(users)?;
    let Some(after) = with_name(&before, name) else { return Ok(false) };
    replace_private(users, after.as_bytes())?;
    std::fs::set_permissions(users, Permissions::from_mode(USERS_MODE))?;
    Ok(true)
}

/// The text with a line for the name; none when it has one.
fn with_name(text: &str, name: &str) -> Option<String> {
    let mut names = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    if names.any(|other| other == name) {
        return None;
    }
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    Some(format!("{text}{end}{name}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_added_once_and_nothing_else_is_changed() {
        for (text, expected) in [
            ("", Some("kanban-a\n")),
            ("# who\nkanban-agent\n", Some("# who\nkanban-agent\nkanban-a\n")),
            ("kanban-agent", Some("kanban-agent\nkanban-a\n")),
            ("  kanban-a # the first\n", None),
            ("#kanban-a\n", Some("#kanban-a\nkanban-a\n")),
            ("kanban-ab\n", Some("kanban-ab\nkanban-a\n")),
        ] {
            assert_eq!(with_name(text, "kanban-a").as_deref(), expected, "{text:?}");
        }
        let temp = tempfile::tempdir().unwrap();
        let users = temp.path().join("users");
        assert_eq!(allow(&users, "kanban-a").unwrap_err().kind(), ErrorKind::NotFound);
        std::fs::write(&users, "kanban-agent\n").unwrap();
        assert!(allow(&users, "kanban-a").unwrap() && !allow(&users, "kanban-a").unwrap());
        assert_eq!(std::fs::read_to_string(&users).unwrap(), "kanban-agent\nkanban-a\n");
        assert_eq!(std::fs::metadata(&users).unwrap().mode() & 0o777, 0o644);
    }

    #[test]
    fn a_home_is_private_and_what_is_there_has_to_be_the_users() {
        let temp = tempfile::tempdir().unwrap();
        if !is_root() {
            eprintln!("skipped: only root can give a directory to another user");
            return;
        }
        let account = Account::with_uid(0).unwrap().unwrap();
        let other = Account {
            run_as: crate::os::processes::user::RunAs { uid: 5, gid: 5, groups: vec![] },
            ..account.clone()
        };
        let home = temp.path().join("agents/a");
        assert!(add_home(&other, &home).unwrap() && !add_home(&other, &home).unwrap());
        let found = std::fs::metadata(&home).unwrap();
        assert_eq!((found.uid(), found.mode() & 0o777), (5, 0o700));
        assert_eq!(std::fs::metadata(home.parent().unwrap()).unwrap().mode() & 0o777, 0o711);
        assert!(add_home(&account, &home).unwrap_err().to_string().contains("belongs to uid 5"));
        let link = temp.path().join("agents/b");
        std::os::unix::fs::symlink("/tmp", &link).unwrap();
        assert!(add_home(&account, &link).is_err(), "a link is not followed");
    }
}
