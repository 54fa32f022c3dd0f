//! From the number of a control group to the run whose leaf it is, or is in.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::os::control_groups::cgroup::Containment;
use crate::os::run_files::directory::NO_RUN;

/// Groups below a leaf that are looked at. A worker that owns its leaf could make many.
const NESTED_MAX: usize = 4096;

/// Where a control group is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupWhereabouts {
    /// In the leaf of this run; [`NO_RUN`] for what is ours and is no run.
    InRun(i64),
    /// In none of ours.
    Outside,
    /// There are no groups of ours, so a number says nothing.
    NoGroups,
}

/// Where the control group with the number `cgroup_id` is. The number is the inode of its directory.
///
/// # Errors
/// Our groups cannot be looked at, or there are too many.
pub fn whereabouts_of_group(
    containment: &Containment,
    cgroup_id: u64,
) -> io::Result<GroupWhereabouts> {
    let Some([runs, shims]) = containment.directories() else {
        return Ok(GroupWhereabouts::NoGroups);
    };
    let mut left = NESTED_MAX;
    for leaf in subgroups(&runs)? {
        let leaf = leaf?;
        if holds(&leaf.path(), cgroup_id, &mut left)? {
            let run = leaf.file_name().to_str().and_then(|name| name.parse().ok());
            return Ok(GroupWhereabouts::InRun(run.unwrap_or(NO_RUN)));
        }
    }
    Ok(if holds(&shims, cgroup_id, &mut left)? {
        GroupWhereabouts::InRun(NO_RUN)
    } else {
        GroupWhereabouts::Outside
    })
}

fn subgroups(
    directory: &Path,
) -> io::Result<impl Iterator<Item = io::Result<std::fs::DirEntry>> + use<>> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => Some(entries),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let is_directory = |entry: &io::Result<std::fs::DirEntry>| {
        entry.as_ref().map_or(true, |entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
    };
    Ok(entries.into_iter().flatten().filter(is_directory))
}

/// Whether a group, or one below it, has this number. One that goes away meanwhile has nothing in it.
fn holds(group: &Path, cgroup_id: u64, left: &mut usize) -> io::Result<bool> {
    let found = match std::fs::metadata(group) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    if found.ino() == cgroup_id {
        return Ok(true);
    }
    *left = left.checked_sub(1).ok_or_else(|| io::Error::other("too many control groups"))?;
    // A directory without others has two links here: its name and its dot.
    if found.nlink() == 2 {
        return Ok(false);
    }
    for inner in subgroups(group)? {
        if holds(&inner?.path(), cgroup_id, left)? {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_found_in_its_leaf_and_below_it() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("7/a/b");
        std::fs::create_dir_all(&deep).unwrap();
        let number = |path: &Path| std::fs::metadata(path).unwrap().ino();
        let (leaf, mut left) = (dir.path().join("7"), 10);
        for (id, expected) in
            [(number(&leaf), true), (number(&deep), true), (number(dir.path()), false)]
        {
            assert_eq!(holds(&leaf, id, &mut left).unwrap(), expected);
        }
        assert!(!holds(&dir.path().join("none"), 1, &mut left).unwrap());
        assert!(holds(&leaf, number(dir.path()), &mut 1).is_err(), "there is an end to it");
    }

    #[test]
    fn without_groups_a_number_says_nothing() {
        let why = "not here".to_owned();
        let containment = Containment::SubReaper { why, name: "kanband-x".to_owned() };
        assert_eq!(whereabouts_of_group(&containment, 1).unwrap(), GroupWhereabouts::NoGroups);
    }
}
