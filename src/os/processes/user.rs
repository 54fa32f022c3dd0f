//! Users of the machine: their names, what a process of theirs has, and doing something to files under their rights.

use std::ffi::CString;
use std::io;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::prctl::set_dumpable;
use nix::unistd::{
    Gid, Uid, User, getegid, geteuid, getgrouplist, getgroups, setfsgid, setfsuid, setgroups,
};

/// The name of a user in the user data base (getpwnam_r(3)); none when it has none.
pub fn user_name(uid: u32) -> Option<String> {
    User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name)
}

/// A user as the user data base describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Login name.
    pub name: String,
    /// What its processes have.
    pub run_as: RunAs,
    /// Home directory.
    pub home: String,
    /// Login shell.
    pub shell: String,
}

impl Account {
    /// Looks a user up by its login name; none when there is none. May take long where the data base is a network's.
    ///
    /// # Errors
    /// The user data base cannot be asked.
    pub fn named(name: &str) -> io::Result<Option<Self>> {
        Self::of(User::from_name(name)?)
    }

    /// The same by its number.
    ///
    /// # Errors
    /// The user data base cannot be asked.
    pub fn with_uid(uid: u32) -> io::Result<Option<Self>> {
        Self::of(User::from_uid(Uid::from_raw(uid))?)
    }

    fn of(user: Option<User>) -> io::Result<Option<Self>> {
        let Some(user) = user else { return Ok(None) };
        let login = CString::new(user.name.as_str())?;
        let groups = getgrouplist(&login, user.gid)?;
        let text = |path: &std::path::Path| path.to_string_lossy().into_owned();
        Ok(Some(Self {
            run_as: RunAs {
                uid: user.uid.as_raw(),
                gid: user.gid.as_raw(),
                groups: groups.into_iter().map(Gid::as_raw).collect(),
            },
            home: text(&user.dir),
            shell: text(&user.shell),
            name: user.name,
        }))
    }

    /// Its login shell, or bash, else the system's, where that only refuses logins: programs start the shell that they find in `SHELL`.
    pub fn usable_shell(&self) -> &str {
        let is_refusal = ["/nologin", "/false"].iter().any(|end| self.shell.ends_with(end));
        if !is_refusal && !self.shell.is_empty() {
            &self.shell
        } else if Path::new("/bin/bash").exists() {
            "/bin/bash"
        } else {
            "/bin/sh"
        }
    }
}

/// What makes a process one of a user's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunAs {
    /// User id: real, effective and saved.
    pub uid: u32,
    /// Group id: real, effective and saved.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
}

impl RunAs {
    /// As one word of a command line: `UID:GID:GROUP,GROUP…`.
    pub fn to_argument(&self) -> String {
        let groups: Vec<String> = self.groups.iter().map(u32::to_string).collect();
        format!("{}:{}:{}", self.uid, self.gid, groups.join(","))
    }

    /// Reads such a word; none when it is not one.
    pub fn from_argument(word: &str) -> Option<Self> {
        let mut parts = word.split(':');
        let uid = parts.next()?.parse().ok()?;
        let gid = parts.next()?.parse().ok()?;
        let groups = parts.next()?;
        let list = groups.split(',').filter(|group| !group.is_empty());
        let groups = list.map(str::parse).collect::<Result<_, _>>().ok()?;
        parts.next().is_none().then_some(Self { uid, gid, groups })
    }

    /// Its supplementary groups as the calls want them.
    pub fn group_ids(&self) -> Vec<Gid> {
        self.groups.iter().copied().map(Gid::from_raw).collect()
    }
}

/// Does `act` with what the user may do to files instead of what this process may, as setfsuid(2) has it: what is made belongs
/// to the user, what the user may not open is not opened. Nothing but files follows: signals still come from this process.
///
/// For a process of one thread: the groups are changed for all of it.
///
/// # Errors
/// The user cannot be changed to, or not back from; in the latter case this process has less than before.
pub fn with_file_rights_of<T>(who: &RunAs, act: impl FnOnce() -> T) -> io::Result<T> {
    let own_groups = getgroups()?;
    setgroups(&who.group_ids())?;
    let taken = take_file_rights(Uid::from_raw(who.uid), Gid::from_raw(who.gid));
    let done = taken.map(|()| act());
    let given_back = take_file_rights(geteuid(), getegid());
    setgroups(&own_groups)?;
    // The kernel takes this away with every change of the ids, and with it the ownership of /proc/self.
    set_dumpable(true)?;
    given_back?;
    done
}

/// The calls tell the ids before them and nothing else, so each is asked what it has done by an id that nobody has.
fn take_file_rights(uid: Uid, gid: Gid) -> io::Result<()> {
    let (no_user, no_group) = (Uid::from_raw(u32::MAX), Gid::from_raw(u32::MAX));
    setfsgid(gid);
    setfsuid(uid);
    if setfsuid(no_user) == uid && setfsgid(no_group) == gid {
        Ok(())
    } else {
        Err(Errno::EPERM.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_has_survives_its_way_through_a_command_line() {
        for (uid, gid, groups, word) in
            [(5, 60, vec![60, 7], "5:60:60,7"), (0, 0, vec![], "0:0:"), (1, 2, vec![3], "1:2:3")]
        {
            let run_as = RunAs { uid, gid, groups };
            assert_eq!(run_as.to_argument(), word);
            assert_eq!(RunAs::from_argument(word), Some(run_as));
        }
        for word in ["", "5", "5:60", "5:60:60:1", "-1:60:", "games:60:", "5:60:x", "5:60: 7"] {
            assert_eq!(RunAs::from_argument(word), None, "{word:?}");
        }
    }

    #[test]
    fn root_is_known_and_a_name_of_nobody_is_not() {
        let root = Account::named("root").unwrap().unwrap();
        assert_eq!((root.run_as.uid, root.name.as_str()), (0, "root"));
        assert!(root.run_as.groups.contains(&root.run_as.gid));
        let with_shell = |shell: &str| Account { shell: shell.to_owned(), ..root.clone() };
        let other = if Path::new("/bin/bash").exists() { "/bin/bash" } else { "/bin/sh" };
        for (shell, usable) in [
            ("/bin/zsh", "/bin/zsh"),
            ("/usr/sbin/nologin", other),
            ("/bin/false", other),
            ("", other),
        ] {
            assert_eq!(with_shell(shell).usable_shell(), usable, "{shell:?}");
        }
        assert_eq!(Account::named("no such user").unwrap(), None);
        assert_eq!(user_name(0).as_deref(), Some("root"));
    }
}
