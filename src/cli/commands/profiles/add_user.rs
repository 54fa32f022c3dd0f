//! `kanban profiles add-user`: a user of its own for the workers of a profile. Done by this process as root, beside the daemon, which
//! cannot make users.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::cli::commands::Ended;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::config::worker_user::{OWN_USER, own_home, own_user};
use crate::exit_codes::CliExit;
use crate::kernel::error::ErrorCode;
use crate::kernel::validate;
use crate::os::host::timer_lists::deny_timers;
use crate::os::host::worker_users::{add_account, add_home, allow, is_root};
use crate::os::processes::user::Account;

/// The file of the users that the holder allows.
const USERS: &str = "/etc/kanband/users";

#[derive(Debug, Serialize)]
struct Shown {
    profile: String,
    user: String,
    home: PathBuf,
    /// What was not there before.
    made_user: bool,
    made_home: bool,
    allowed: bool,
    /// The lists that deny it `cron` and `at`.
    timers_denied: Vec<PathBuf>,
}

/// Makes what is missing.
///
/// # Errors
/// Not root; a user of that name that is not this profile's; or what cannot be made.
pub(super) fn run(profile: &str, session: &mut Session) -> Ended {
    let profile = validate::argument_name("profile", Some(profile))
        .map_err(|refusal| Failure::refused(ErrorCode::InvalidValue, refusal.to_string()))?
        .ok_or_else(|| Failure::usage("the name of the profile is empty"))?;
    let user = own_user(&profile);
    let home = own_home(&user);
    if !is_root() {
        let message = format!("cannot make user {user}: only root can");
        return Err(Failure::refused(ErrorCode::Forbidden, message)
            .with_hint(format!("sudo kanban profiles add-user {profile}")));
    }
    let failed =
        |what: &str, error: &std::io::Error| Failure::fault(format!("cannot {what}: {error}"));
    let known =
        Account::named(&user).map_err(|error| failed(&format!("look up user {user}"), &error))?;
    if let Some(known) = &known {
        refuse_foreign(known, &home)?;
    }
    let made_user = known.is_none();
    let account = match known {
        Some(known) => known,
        None => add_account(&user, &home)
            .map_err(|error| failed(&format!("make user {user}"), &error))?,
    };
    let made_home = add_home(&account, &home)
        .map_err(|error| failed(&format!("make the home {}", home.display()), &error))?;
    let allowed = match allow(Path::new(USERS), &user) {
        Ok(allowed) => allowed,
        // Without the service of a machine there is no holder that asks it.
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => return Err(failed(&format!("add {user} to {USERS}"), &error)),
    };
    let timers_denied = deny_timers(Path::new("/etc"), &user)
        .map_err(|error| failed(&format!("deny {user} cron and at"), &error))?;
    let shown = Shown { profile, user, home, made_user, made_home, allowed, timers_denied };
    if session.output.is_json() {
        session.output.json(&shown)?;
        return Ok(CliExit::Ok);
    }
    for line in lines(&shown, Path::new(USERS).exists()) {
        session.output.line(line)?;
    }
    Ok(CliExit::Ok)
}

/// Refuses a user that something else has made: its home says whose it is.
fn refuse_foreign(known: &Account, home: &Path) -> Result<(), Failure> {
    if known.home == home.to_string_lossy() && known.run_as.uid != 0 {
        return Ok(());
    }
    let message = format!(
        "user {} exists and is not a profile's own: its home is {}, not {}",
        known.name,
        known.home,
        home.display()
    );
    Err(Failure::refused(ErrorCode::InvalidValue, message)
        .with_hint(format!("name the profile otherwise, or write `user = \"{}\"`", known.name)))
}

fn lines(shown: &Shown, has_users_file: bool) -> Vec<String> {
    let Shown { profile, user, home, made_user, made_home, allowed, timers_denied } = shown;
    let state = |is_made: &bool| if *is_made { "made" } else { "already exists" };
    let in_file = match (allowed, has_users_file) {
        (true, _) => format!("added to {USERS}"),
        (false, true) => format!("already in {USERS}"),
        (false, false) => format!("{USERS} does not exist: no holder has to allow it"),
    };
    let lists: Vec<_> = timers_denied.iter().map(|list| list.display().to_string()).collect();
    let timers = if lists.is_empty() {
        "left to /etc/cron.allow and /etc/at.allow".to_owned()
    } else {
        format!("denied in {}", lists.join(", "))
    };
    vec![
        format!("User:    {user} ({})", state(made_user)),
        format!("Home:    {} ({})", home.display(), state(made_home)),
        format!("Allowed: {in_file}"),
        format!("Timers:  {timers}"),
        format!("Next:    `user = \"{OWN_USER}\"` in [profiles.{profile}], then `kanban reload`"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_said_and_what_is_to_be_done_next() {
        let shown = |made: bool| Shown {
            profile: "deployer".to_owned(),
            user: "kanban-deployer".to_owned(),
            home: "/var/lib/kanban-agents/deployer".into(),
            made_user: made,
            made_home: made,
            allowed: made,
            timers_denied: if made { vec!["/etc/cron.deny".into()] } else { vec![] },
        };
        let next = "Next:    `user = \"own\"` in [profiles.deployer], then `kanban reload`";
        for (made, has_file, expected) in [
            (
                true,
                true,
                [
                    "kanban-deployer (made)",
                    "deployer (made)",
                    "added to /etc/kanband/users",
                    "denied in /etc/cron.deny",
                    next,
                ],
            ),
            (
                false,
                true,
                [
                    "(already exists)",
                    "(already exists)",
                    "already in",
                    "left to /etc/cron.allow",
                    next,
                ],
            ),
            (
                false,
                false,
                [
                    "(already exists)",
                    "(already exists)",
                    "no holder has to allow it",
                    "left to /etc/cron.allow",
                    next,
                ],
            ),
        ] {
            let lines = lines(&shown(made), has_file);
            assert_eq!(lines.len(), expected.len());
            for (line, part) in lines.iter().zip(expected) {
                assert!(line.contains(part), "{line} {part}");
            }
        }
    }

    #[test]
    fn a_user_that_something_else_has_made_is_left_alone() {
        let root = Account::with_uid(0).unwrap().unwrap();
        let home = Path::new("/var/lib/kanban-agents/deployer");
        let at = |home: &str, uid: u32| {
            let mut account = Account { home: home.to_owned(), ..root.clone() };
            account.run_as.uid = uid;
            account
        };
        assert!(refuse_foreign(&at("/var/lib/kanban-agents/deployer", 998), home).is_ok());
        for account in [at("/home/deployer", 998), at("/var/lib/kanban-agents/deployer", 0)] {
            let refused = refuse_foreign(&account, home).unwrap_err();
            assert!(format!("{refused:?}").contains("is not a profile's own"), "{refused:?}");
        }
    }
}
