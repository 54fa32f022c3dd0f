//! Whether this process belongs to a group of the system.

use nix::unistd::{Group, Uid, getegid, getgroups};

use crate::os::processes::user::user_name;

/// How this process stands to a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The system has no such group.
    NoGroup,
    /// It is in the group.
    Member,
    /// Its user is, but this session began before that.
    NotYet,
    /// It is not.
    Stranger,
}

/// How this process stands to the group called `group`.
pub fn standing(group: &str) -> Standing {
    let Ok(Some(group)) = Group::from_name(group) else { return Standing::NoGroup };
    let is_in = getegid() == group.gid || getgroups().is_ok_and(|own| own.contains(&group.gid));
    let name = user_name(Uid::effective().as_raw()).unwrap_or_default();
    if is_in {
        Standing::Member
    } else if group.mem.contains(&name) {
        Standing::NotYet
    } else {
        Standing::Stranger
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_in_its_own_group_and_in_none_that_is_not_there() {
        let own = Group::from_gid(getegid()).unwrap().unwrap().name;
        assert_eq!(standing(&own), Standing::Member);
        assert_eq!(standing("no-such-group"), Standing::NoGroup);
    }
}
