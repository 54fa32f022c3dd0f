//! Resolution of paths that does not block the caller and does not count silence as an answer.
//!
//! Each path is looked at on a thread of its own, which may hang as long as its file system does. The caller waits for the
//! answer or for as long as it wants; what has not answered by then is [`Look::Unknown`], and the look goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::actors::apart::on_own_thread;
use crate::actors::configuration::Configuration;
use crate::actors::live::Live;
use crate::actors::workspace_commands::WorkspaceCommands;
use crate::config::worker_user::DaemonUser;
use crate::kernel::location::{BrokenPath, DirectoryId, Location, Look};
use crate::os::failure::{errno_of, in_words};
use crate::os::processes::user::Account;
use crate::os::workspaces::location::{FoundLocation, LookError, Outcome, look_at};

/// How long a file system may take to say where a path leads before the task that names it has to wait.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// Looks that may be under way at one time. Each is a thread; beyond it the file systems of this host do not answer.
const LOOKS_MAX: usize = 256;

/// The same for looks before tasks are created, which are counted apart: paths that requests name cannot keep the dispatcher from
/// looking.
const CREATE_LOOKS_MAX: usize = 64;

/// Looks of one request that are under way at one time.
const LOOKS_PER_REQUEST: usize = 8;

/// Time limit of a process of another user for a look.
const OTHERS_PATIENCE: Duration = Duration::from_secs(10);

/// A path that is to be looked at, and the profiles whose users may be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Where it is.
    pub path: String,
    /// Names of profiles.
    pub profiles: Vec<String>,
}

/// Looks at paths. Clones share the count of what is under way.
#[derive(Clone)]
pub struct Looker {
    /// Looks under another user's rights.
    commands: WorkspaceCommands,
    /// Whose the workers of a profile are.
    configuration: Live<Configuration>,
    daemon_user: DaemonUser,
    /// How many looks are under way.
    under_way: Arc<AtomicUsize>,
    /// How many looks before a creation are under way.
    creates_under_way: Arc<AtomicUsize>,
}

/// For what a look is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    /// A start.
    Start,
    /// The creation of tasks.
    Create,
}

impl Looker {
    /// One that has nothing under way.
    pub fn new(
        commands: WorkspaceCommands,
        configuration: Live<Configuration>,
        daemon_user: DaemonUser,
    ) -> Self {
        let (under_way, creates_under_way) = (Arc::default(), Arc::default());
        Self { commands, configuration, daemon_user, under_way, creates_under_way }
    }

    /// The commands that it looks by as another user.
    pub fn commands(&self) -> &WorkspaceCommands {
        &self.commands
    }

    /// Where `path` leads. Where the daemon has no right to look, the users of `profiles` are asked. Takes as long as the file
    /// system does.
    pub async fn look(&self, path: &str, profiles: &[String]) -> Look {
        self.look_for(For::Start, path, profiles).await
    }

    /// Where the paths of one request lead that creates tasks, in their order. What has not answered when `patience` is over is
    /// unknown: it is the patience for all of them.
    pub async fn look_before_create(&self, patience: Duration, asked: Vec<Asked>) -> Vec<Look> {
        let mut found = vec![unanswered(); asked.len()];
        let end = tokio::time::Instant::now() + patience;
        let mut left = asked.into_iter().enumerate();
        let mut under_way = JoinSet::new();
        loop {
            let free = LOOKS_PER_REQUEST.saturating_sub(under_way.len());
            for (number, Asked { path, profiles }) in left.by_ref().take(free) {
                let looker = self.clone();
                under_way.spawn(async move {
                    (number, looker.look_for(For::Create, &path, &profiles).await)
                });
            }
            // The end of the patience, or of the looks. Those that are dropped here end on their threads.
            let Ok(Some(ended)) = tokio::time::timeout_at(end, under_way.join_next()).await else {
                return found;
            };
            // One that panicked is not known.
            if let Ok((number, look)) = ended
                && let Some(found) = found.get_mut(number)
            {
                *found = look;
            }
        }
    }

    async fn look_for(&self, what: For, path: &str, profiles: &[String]) -> Look {
        let (point, under_way, max) = match what {
            For::Start => ("place-look", &self.under_way, LOOKS_MAX),
            For::Create => ("create-look", &self.creates_under_way, CREATE_LOOKS_MAX),
        };
        let Some(slot) = Slot::take(under_way, max) else {
            return unknown(format!("{max} other paths are still being resolved"));
        };
        if what == For::Create && self.sees_too_much(profiles) {
            let _slot = slot;
            let look = self.look_as_others(path, profiles).await;
            return look.unwrap_or_else(|| unknown("no user can be asked about it".to_owned()));
        }
        let own = path.to_owned();
        let found = on_own_thread("look", move || {
            let _slot = slot;
            crate::failpoint::hit(point);
            look_at(own.as_ref())
        });
        let found = match found.await {
            Ok(found) => found,
            Err(error) => {
                return unknown(format!("cannot start to resolve it: {}", in_words(&error)));
            }
        };
        match found {
            Err(error) if error.is_for_want_of_rights() => {
                match self.look_as_others(path, profiles).await {
                    Some(look) => look,
                    None => in_board_words(Err(error)),
                }
            }
            found => in_board_words(found),
        }
    }

    /// Whether what the daemon itself sees proves nothing about these workers, and is not for their eyes: it is root, and they are not.
    fn sees_too_much(&self, profiles: &[String]) -> bool {
        let user_of = |name: &String| self.configuration.worker_user(&self.daemon_user, name);
        let users: Vec<_> = profiles.iter().map(user_of).collect();
        is_beyond_workers(&self.daemon_user, &users)
    }

    /// The same, but no longer than `patience`.
    pub async fn look_within(&self, patience: Duration, path: &str, profiles: &[String]) -> Look {
        match tokio::time::timeout(patience, self.look(path, profiles)).await {
            Ok(look) => look,
            Err(_elapsed) => unanswered(),
        }
    }

    /// What the users of `profiles` see there; none when none of them is another user than the daemon's.
    async fn look_as_others(&self, path: &str, profiles: &[String]) -> Option<Look> {
        let user_of =
            |name: &String| self.configuration.worker_user(&self.daemon_user, name).ok()?;
        let mut users: Vec<String> = profiles.iter().filter_map(user_of).collect();
        users.sort();
        users.dedup();
        let mut last = None;
        for user in users {
            let (looker, path) = (self.clone(), path.to_owned());
            let look = on_own_thread("look-as", move || looker.look_as(&user, &path)).await;
            let look = look.unwrap_or_else(|error| unknown(in_words(&error)));
            if !matches!(look, Look::Unknown { .. }) {
                return Some(look);
            }
            last = Some(look);
        }
        last
    }

    /// Has a process of `user` look. Waits.
    fn look_as(&self, user: &str, path: &str) -> Look {
        let account = match Account::named(user) {
            Ok(Some(account)) => account,
            Ok(None) => return unknown(format!("user `{user}` does not exist")),
            Err(error) => {
                return unknown(format!("cannot look up user `{user}`: {}", in_words(&error)));
            }
        };
        let words = ["look", "--path", path];
        match self.commands.run(Some(&account), &words, OTHERS_PATIENCE) {
            Ok(message) => match serde_json::from_str::<Outcome>(&message) {
                Ok(outcome) => in_board_words(outcome.into_result()),
                Err(error) => {
                    unknown(format!("invalid answer of the process of user `{user}`: {error}"))
                }
            },
            Err(why) => unknown(format!("cannot resolve it as user `{user}`: {why}")),
        }
    }
}

/// Whether the daemon sees what none of its workers may see. `users` are theirs, none for the daemon's own.
fn is_beyond_workers(daemon_user: &DaemonUser, users: &[Result<Option<String>, String>]) -> bool {
    let is_own = |user: &Result<Option<String>, String>| matches!(user, Ok(None));
    daemon_user.uid == 0 && !users.is_empty() && !users.iter().any(is_own)
}

/// A look that is under way, until it is dropped.
struct Slot(Arc<AtomicUsize>);

impl Slot {
    /// None when there are too many.
    fn take(under_way: &Arc<AtomicUsize>, max: usize) -> Option<Self> {
        let slot = Self(Arc::clone(under_way));
        (under_way.fetch_add(1, Ordering::Relaxed) < max).then_some(slot)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Of a look that took too long for its caller.
pub fn unanswered() -> Look {
    unknown(format!("its file system does not respond for {} seconds", PATIENCE.as_secs()))
}

fn unknown(why: String) -> Look {
    Look::Unknown { why }
}

fn in_board_words(found: Result<FoundLocation, LookError>) -> Look {
    let (anchor, found) = match found {
        Ok(found) => (found.anchor.clone().into_os_string().into_string(), found),
        Err(LookError::Broken { problem, errno }) => {
            return Look::Broken(BrokenPath { problem, errno });
        }
        Err(LookError::Unknown(error)) => return unknown(in_words(&error)),
    };
    let id = |identity: crate::os::workspaces::marked::FileIdentity| DirectoryId {
        device: identity.device,
        inode: identity.inode,
    };
    match anchor {
        Ok(anchor) => Look::Found(Location {
            anchor,
            device: found.identity.device,
            inode: found.identity.inode,
            missing: found.missing,
            above: found.above.into_iter().map(id).collect(),
        }),
        Err(_) => Look::Broken(BrokenPath {
            problem: "the resolved path is not valid UTF-8".to_owned(),
            errno: errno_of(&std::io::Error::from(std::io::ErrorKind::InvalidData)),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_root_whose_workers_are_others_sees_more_than_they_may() {
        let daemon = |uid| DaemonUser { uid, name: None, is_system: true, has_holder: uid != 0 };
        let (own, other) = (Ok(None), Ok(Some("kanban-agent".to_owned())));
        let none = Err("no such user".to_owned());
        for (uid, users, expected) in [
            (0, vec![other.clone()], true),
            (0, vec![other.clone(), none.clone()], true),
            (0, vec![none], true),
            (0, vec![other.clone(), own.clone()], false),
            (0, vec![own], false),
            (0, vec![], false),
            (998, vec![other], false),
        ] {
            assert_eq!(is_beyond_workers(&daemon(uid), &users), expected, "{uid} {users:?}");
        }
    }
}
