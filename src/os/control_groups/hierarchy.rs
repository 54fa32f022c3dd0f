//! Where the version 2 hierarchy of control groups is mounted, and where in it a process is. Pure: text comes in.
//!
//! A host may have only version 1, only version 2 (usually at `/sys/fs/cgroup`), or both ("hybrid", version 2 often at
//! `/sys/fs/cgroup/unified`). Nothing but `/proc/self/mountinfo` says which (proc_pid_mountinfo(5)).

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path, PathBuf};

use crate::os::run_files::directory::{COMMAND_PREFIX, NO_RUN};

/// A mount of the version 2 hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The group that is seen at the mount point; `/` unless only a part is mounted.
    pub root: PathBuf,
    /// The directory where it is seen.
    pub mount_point: PathBuf,
    /// Nothing can be made below it.
    pub is_read_only: bool,
}

impl Mount {
    /// The directory of a group; none when it lies outside of what is mounted.
    pub fn directory_of(&self, group: &Path) -> Option<PathBuf> {
        let is_outside = group.components().any(|part| part.as_os_str() == "..");
        let below = group.strip_prefix(&self.root).ok().filter(|_| !is_outside)?;
        // Joining an empty path would leave a slash at the end.
        let is_root = below.as_os_str().is_empty();
        Some(if is_root { self.mount_point.clone() } else { self.mount_point.join(below) })
    }

    /// Whether a directory lies in this mount.
    pub fn holds(&self, directory: &Path) -> bool {
        directory.starts_with(&self.mount_point)
    }
}

/// Every mount of the version 2 hierarchy, in the order of `mountinfo`: a later one hides an earlier one at the same place.
/// Lines that do not read as the man page says are passed over.
pub fn mounts(mountinfo: &[u8]) -> Vec<Mount> {
    mountinfo.split(|byte| *byte == b'\n').filter_map(mount).collect()
}

fn mount(line: &[u8]) -> Option<Mount> {
    let fields: Vec<&[u8]> =
        line.split(|byte| *byte == b' ').filter(|field| !field.is_empty()).collect();
    // A number of optional fields lies between the sixth and a lone dash.
    let dash = fields.iter().skip(6).position(|field| *field == b"-")? + 6;
    if *fields.get(dash + 1)? != b"cgroup2" {
        return None;
    }
    let is_read_only = |options: &[u8]| options.split(|byte| *byte == b',').any(|o| o == b"ro");
    Some(Mount {
        root: unescaped(fields.get(3)?),
        mount_point: unescaped(fields.get(4)?),
        is_read_only: is_read_only(fields.get(5)?) || is_read_only(fields.get(dash + 3)?),
    })
}

/// The kernel writes blanks and backslashes in a path as a backslash and three octal digits.
fn unescaped(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let escaped = match (first, after) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) => {
                Some(((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'), after))
            }
            _ => None,
        };
        let (byte, after) = escaped.unwrap_or((*first, after));
        bytes.push(byte);
        rest = after;
    }
    PathBuf::from(OsString::from_vec(bytes))
}

/// The version 2 group in a `/proc/PID/cgroup` (cgroups(7)); none where version 2 is not mounted.
pub fn group(proc_cgroup: &[u8]) -> Option<PathBuf> {
    let mut lines = proc_cgroup.split(|byte| *byte == b'\n');
    let path = lines.find_map(|line| line.strip_prefix(b"0::"))?;
    Some(PathBuf::from(OsString::from_vec(path.to_vec())))
}

/// The run in whose leaf a group lies: what follows `…/BASE/runs/` in its path. A group whose directory is gone keeps its name
/// with ` (deleted)` behind it.
pub fn run_of(group: &Path, base: &str) -> Option<i64> {
    let mut parts = group.components();
    parts.by_ref().find(|part| part.as_os_str() == base)?;
    run_in(parts)
}

/// The same where the whole name of the base is known.
pub fn run_below(group: &Path, base: &Path) -> Option<i64> {
    run_in(group.strip_prefix(base).ok()?.components())
}

fn run_in<'a>(parts: impl Iterator<Item = Component<'a>>) -> Option<i64> {
    let mut parts = parts.map(Component::as_os_str);
    parts.next().filter(|part| *part == "runs")?;
    let run = parts.next()?.to_str()?;
    if run.starts_with(COMMAND_PREFIX) {
        return Some(NO_RUN);
    }
    run.strip_suffix(" (deleted)").unwrap_or(run).parse().ok().filter(|run| *run > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: &str = "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu";

    fn found(mountinfo: &str) -> Vec<(String, String, bool)> {
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let found = mounts(mountinfo.as_bytes());
        found.iter().map(|m| (text(&m.root), text(&m.mount_point), m.is_read_only)).collect()
    }

    #[test]
    fn the_version_2_hierarchy_is_found_wherever_it_is_mounted() {
        for (what, line, root, mount_point, is_read_only) in [
            (
                "pure",
                "29 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev shared:4 - cgroup2 cgroup2 rw,nsdelegate",
                "/",
                "/sys/fs/cgroup",
                false,
            ),
            (
                "hybrid",
                "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw",
                "/",
                "/sys/fs/cgroup/unified",
                false,
            ),
            (
                "many optional fields",
                "41 31 0:38 / /c rw shared:1 master:2 propagate_from:3 - cgroup2 none rw",
                "/",
                "/c",
                false,
            ),
            (
                "a part, as in a container",
                "900 899 0:26 /system.slice/box.scope /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw",
                "/system.slice/box.scope",
                "/sys/fs/cgroup",
                true,
            ),
            ("read-only as a whole", "9 8 0:2 / /c rw - cgroup2 c ro", "/", "/c", true),
            (
                "odd names",
                r"9 8 0:2 /a\134b /with\040blank\011tab\012line\134back\043hash rw - cgroup2 c rw",
                r"/a\b",
                "/with blank\ttab\nline\\back#hash",
                false,
            ),
            ("no escape at all", r"9 8 0:2 / /a\9\04 rw - cgroup2 c rw", "/", r"/a\9\04", false),
        ] {
            let expected = vec![(root.to_owned(), mount_point.to_owned(), is_read_only)];
            assert_eq!(found(&format!("{V1}\n{line}\n")), expected, "{what}");
        }
    }

    #[test]
    fn what_is_no_mount_of_it_is_passed_over() {
        for (what, line) in [
            ("version 1 only", V1),
            ("nothing", ""),
            ("another kind with a telling source", "9 8 0:2 / /c rw - tmpfs cgroup2 rw"),
            ("a telling mount point", "9 8 0:2 / /cgroup2 rw shared:9 - ext4 /dev/vda rw"),
            ("cut off", "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2"),
            ("no dash", "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime cgroup2 cgroup2 rw"),
        ] {
            assert_eq!(found(line), [], "{what}");
        }
        assert!(mounts(b"\xff\xfe - cgroup2\n\n - \n").is_empty());
    }

    #[test]
    fn a_group_has_its_directory_where_the_mount_shows_it() {
        let whole =
            Mount { root: "/".into(), mount_point: "/sys/fs/cgroup".into(), is_read_only: false };
        let part = Mount { root: "/box".into(), ..whole.clone() };
        for (mount, group, directory) in [
            (&whole, "/", Some("/sys/fs/cgroup")),
            (&whole, "/system.slice/a.service", Some("/sys/fs/cgroup/system.slice/a.service")),
            (&part, "/box", Some("/sys/fs/cgroup")),
            (&part, "/box/a", Some("/sys/fs/cgroup/a")),
            (&part, "/boxer", None),
            (&part, "/", None),
            (&whole, "/../outside", None),
        ] {
            let found = mount.directory_of(Path::new(group));
            assert_eq!(found.as_deref(), directory.map(Path::new), "{group}");
            // Paths compare by their parts; a slash at the end would be there all the same.
            assert!(found.is_none_or(|path| !path.to_str().unwrap().ends_with('/')), "{group}");
        }
    }

    #[test]
    fn the_own_group_is_the_line_without_a_controller() {
        for (text, expected) in [
            ("0::/\n", Some("/")),
            ("9:name=systemd:/\n4:memory:/m\n0::/user.slice/a b\n", Some("/user.slice/a b")),
            ("4:memory:/m\n10::/x\n", None),
            ("", None),
        ] {
            assert_eq!(group(text.as_bytes()).as_deref(), expected.map(Path::new), "{text:?}");
        }
    }

    #[test]
    fn a_group_belongs_to_the_run_whose_leaf_it_is_or_is_below() {
        let base = "kanband-0123";
        for (group, run) in [
            ("/kanband-0123/runs/7", Some(7)),
            ("/user.slice/s.scope/kanband-0123/runs/7/made/by/worker", Some(7)),
            ("/kanband-0123/runs/7 (deleted)", Some(7)),
            ("/kanband-other/runs/5/kanband-0123/runs/7", Some(7)),
            ("/kanband-0123/runs/5/kanband-other/runs/7", Some(5)),
            ("/kanband-0123/shims", None),
            ("/kanband-0123", None),
            ("/kanband-0123/runs", None),
            ("/kanband-0123/runs/x", None),
            ("/kanband-0123/runs/-7", None),
            ("/kanband-01234/runs/7", None),
            ("/", None),
        ] {
            assert_eq!(run_of(Path::new(group), base), run, "{group}");
        }
    }

    #[test]
    fn a_group_of_the_same_name_elsewhere_is_not_below_a_base_that_is_known_whole() {
        let base = Path::new("/system.slice/runs.service/kanband");
        for (group, run) in [
            ("/system.slice/runs.service/kanband/runs/7", Some(7)),
            ("/system.slice/runs.service/kanband/runs/7/deeper", Some(7)),
            ("/system.slice/runs.service/kanband/runs/7 (deleted)", Some(7)),
            ("/system.slice/runs.service/kanband/shims", None),
            ("/user.slice/user-7.slice/system.slice/runs.service/kanband/runs/7", None),
            ("/kanband/runs/7", None),
        ] {
            assert_eq!(run_below(Path::new(group), base), run, "{group}");
        }
    }
}
