//! How much of `/proc` this process sees: the mount option `hidepid` (proc(5)) hides processes of other users.
//!
//! | `hidepid` | a process of another user | who sees it all the same |
//! |---|---|---|
//! | `noaccess`, 1 | is listed, cannot be looked into | the group that `gid=` names (root's without it), CAP_SYS_PTRACE |
//! | `invisible`, 2 | is not listed | the same |
//! | `ptraceable`, 4 | is not listed | CAP_SYS_PTRACE |

use std::io;

use nix::unistd::{getegid, getgroups};

/// Number of CAP_SYS_PTRACE.
const SYS_PTRACE: u32 = 19;

/// How `/proc` is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcMount {
    /// The option as the kernel shows it, such as `hidepid=invisible`; none when nothing is hidden.
    pub hides: Option<String>,
    /// The group from which nothing is hidden; none when there is no such group.
    pub group: Option<u32>,
}

impl ProcMount {
    /// The mount at `/proc` in this process's mount namespace.
    ///
    /// # Errors
    /// `/proc/self/mountinfo` cannot be read, or names no `/proc`.
    pub fn of_process() -> io::Result<Self> {
        Self::read(&std::fs::read_to_string("/proc/self/mountinfo")?)
            .ok_or_else(|| io::Error::other("nothing is mounted at /proc"))
    }

    /// The last mount at `/proc`: it covers those before it.
    fn read(mountinfo: &str) -> Option<Self> {
        let of_proc = |line: &str| {
            let (mount, super_block) = line.split_once(" - ")?;
            let is_at_proc = mount.split(' ').nth(4) == Some("/proc");
            let mut fields = super_block.split(' ');
            (is_at_proc && fields.next() == Some("proc"))
                .then(|| fields.nth(1).unwrap_or_default().to_owned())
        };
        let options = mountinfo.lines().filter_map(of_proc).next_back()?;
        let value = |key: &str| options.split(',').find_map(|option| option.strip_prefix(key));
        let hides = value("hidepid=").filter(|value| !["0", "off"].contains(value));
        let has_group = hides.is_some_and(|value| !["4", "ptraceable"].contains(&value));
        let group = value("gid=").map_or(Some(0), |gid| gid.parse().ok());
        Some(Self {
            hides: hides.map(|value| format!("hidepid={value}")),
            group: group.filter(|_| has_group),
        })
    }

    /// Whether processes of others are hidden from a process with these groups and this right.
    pub fn hides_from(&self, groups: &[u32], has_sys_ptrace: bool) -> bool {
        let is_in_group = self.group.is_some_and(|group| groups.contains(&group));
        self.hides.is_some() && !is_in_group && !has_sys_ptrace
    }

    /// Whether processes of others are hidden from this process. What cannot be asked is no right.
    pub fn hides_from_this_process(&self) -> bool {
        let mut groups: Vec<u32> =
            getgroups().unwrap_or_default().iter().map(|group| group.as_raw()).collect();
        groups.push(getegid().as_raw());
        self.hides_from(&groups, has_sys_ptrace())
    }
}

/// Whether some processes may not be shown to this one. Not knowing is yes.
pub fn is_limited() -> bool {
    ProcMount::of_process().map_or(true, |mount| mount.hides_from_this_process())
}

fn has_sys_ptrace() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    effective(&status).is_some_and(|set| set & (1 << SYS_PTRACE) != 0)
}

/// The effective capabilities in a status file.
fn effective(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mountinfo(options: &str) -> String {
        format!(
            "21 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
             22 21 0:5 / /proc rw,nosuid shared:12 - proc proc rw\n\
             40 22 0:30 / /proc/sys/fs/binfmt_misc rw - autofs systemd-1 rw,gid=7\n\
             41 21 0:40 / /proc rw,relatime - proc proc rw{options}\n\
             42 21 0:41 / /srv/proc rw - proc proc rw,hidepid=invisible\n"
        )
    }

    #[test]
    fn the_mount_that_covers_the_others_tells_what_is_hidden_and_from_whom() {
        let shown = |hides: &str| Some(hides.to_owned());
        for (options, hides, group, from_stranger, from_member, from_root) in [
            ("", None, None, false, false, false),
            (",hidepid=off", None, None, false, false, false),
            (",hidepid=0", None, None, false, false, false),
            (",hidepid=invisible", shown("hidepid=invisible"), Some(0), true, true, false),
            (",gid=7,hidepid=2", shown("hidepid=2"), Some(7), true, false, false),
            (",gid=7,hidepid=noaccess", shown("hidepid=noaccess"), Some(7), true, false, false),
            (",gid=7,hidepid=ptraceable", shown("hidepid=ptraceable"), None, true, true, false),
        ] {
            let mount = ProcMount::read(&mountinfo(options)).unwrap();
            assert_eq!(mount, ProcMount { hides, group }, "{options}");
            assert_eq!(mount.hides_from(&[5], false), from_stranger, "{options}");
            assert_eq!(mount.hides_from(&[5, 7], false), from_member, "{options}");
            assert_eq!(mount.hides_from(&[5], true), from_root, "{options}");
        }
        assert_eq!(ProcMount::read("21 1 8:1 / / rw - ext4 /dev/sda1 rw\n"), None);
    }

    #[test]
    fn effective_capabilities_are_read() {
        assert_eq!(effective("Name:\tx\nCapEff:\t0000000000080000\n"), Some(1 << SYS_PTRACE));
        assert_eq!(effective("Name:\tx\n"), None);
        assert!(ProcMount::of_process().is_ok());
    }
}
