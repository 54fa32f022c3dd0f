//! The control groups that the holder makes and gives to the daemon's user.
//!
//! ```text
//! <own group, or the one that --cgroup-base names>/
//!   holder/            this process: a group that hands controllers down may have no process in it
//!   kanband/           the daemon's user's from here on
//!     shims/           every shim
//!     runs/<run id>/   a leaf, made by the daemon
//! ```
//!
//! A process can be moved by a user with write access to the common ancestor of its old and its new group.
//! `kanband/` is a group of its own for that reason: with a right in the group above it the daemon's user could move the holder
//! itself into a leaf, and kill it there.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Uid, chown};

use crate::os::control_groups::controllers::hand_down;
use crate::os::control_groups::hierarchy::{group, mounts};
use crate::os::control_groups::leaf::{Leaf, enter, make_group};
use crate::os::holder::protocol::HeldGroups;
use crate::os::processes::user::RunAs;
use crate::shim::holder::options::GroupChoice;

/// Name of the group that is given away.
const GIVEN: &str = "kanband";

/// Files of a group that belong to whom it is given to (cgroup-v2, "Delegation").
const GIVEN_FILES: [&str; 3] = ["cgroup.procs", "cgroup.threads", "cgroup.subtree_control"];

/// Mode of these files.
const GIVEN_MODE: u32 = 0o664;

/// The groups, made.
#[derive(Debug)]
pub struct Groups {
    /// For the daemon.
    pub held: HeldGroups,
}

impl Groups {
    /// The group in which shims are born.
    pub fn shims(&self) -> Leaf {
        Leaf::new(self.held.directory.join("shims"))
    }

    /// In a few words.
    pub fn describe(&self) -> String {
        let controllers = match self.held.controllers.as_slice() {
            [] => "none".to_owned(),
            some => some.join(", "),
        };
        format!("{}, controllers: {controllers}", self.held.directory.display())
    }

    /// Removes what is empty.
    pub fn remove(&self) {
        let directory = &self.held.directory;
        if let Ok(leaves) = std::fs::read_dir(directory.join("runs")) {
            for leaf in leaves.flatten() {
                let _in_use = Leaf::new(leaf.path()).remove();
            }
        }
        for group in [directory.join("runs"), directory.join("shims"), directory.clone()] {
            let _in_use = std::fs::remove_dir(group);
        }
    }
}

/// Makes the groups.
///
/// # Errors
/// Why there are none.
pub fn establish(choice: &GroupChoice, owner: &RunAs) -> Result<Groups, String> {
    let read =
        |path: &str| std::fs::read(path).map_err(|error| format!("cannot read {path}: {error}"));
    if *choice == GroupChoice::None {
        return Err("--no-groups is set".to_owned());
    }
    let mounts = mounts(&read("/proc/self/mountinfo")?);
    // The last of the mounts at one place hides those before it.
    let mount_of = |directory: &Path| mounts.iter().rev().find(|mount| mount.holds(directory));
    let base = match choice {
        GroupChoice::Below(base) => base.clone(),
        GroupChoice::Own | GroupChoice::None => {
            let own = group(&read("/proc/self/cgroup")?).ok_or("not in a cgroup v2 group")?;
            if own == Path::new("/") {
                return Err("it is in the root control group, which is not delegated".to_owned());
            }
            let own = mounts.iter().rev().find_map(|mount| mount.directory_of(&own));
            own.ok_or("its control group is not in the mounted hierarchy")?
        }
    };
    let mount = mount_of(&base)
        .ok_or_else(|| format!("{} is not in a cgroup v2 hierarchy", base.display()))?;
    let below = base.strip_prefix(&mount.mount_point).map_err(|error| error.to_string())?;
    let given_group = mount.root.join(below).join(GIVEN);
    let directory = make(&base, owner)?;
    let (given, runs) = (directory.clone(), directory.join("runs"));
    let controllers = hand_down(&[&base, &given, &runs]);
    Ok(Groups {
        held: HeldGroups {
            directory,
            group: given_group,
            controllers: controllers.into_iter().map(str::to_owned).collect(),
        },
    })
}

/// Makes the groups below `base` and moves into the one for this process. Returns the one that is given away.
fn make(base: &Path, owner: &RunAs) -> Result<PathBuf, String> {
    let named = |path: &Path| {
        let path = path.display().to_string();
        move |error: io::Error| format!("cannot access {path}: {error}")
    };
    let (own, directory) = (base.join("holder"), base.join(GIVEN));
    let (shims, runs) = (directory.join("shims"), directory.join("runs"));
    for group in [base, &own, &directory, &shims, &runs] {
        match make_group(group) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made.map_err(named(group))?,
        }
    }
    if !runs.join("cgroup.kill").exists() {
        return Err(format!("{} has no cgroup.kill (requires Linux 5.14)", runs.display()));
    }
    enter(&own).map_err(named(&own))?;
    for group in [&directory, &shims, &runs] {
        give(group, owner).map_err(named(group))?;
    }
    Ok(directory)
}

/// The files stay those of the holder's group, which may write them: a holder without the right to pass over permissions
/// (CAP_DAC_OVERRIDE) starts shims in a group that is the daemon's user's.
fn give(group: &Path, owner: &RunAs) -> io::Result<()> {
    let (uid, gid) = (Uid::from_raw(owner.uid), Gid::from_raw(owner.gid));
    for file in GIVEN_FILES {
        let path = group.join(file);
        // One that was given away before has the mode already.
        if std::fs::metadata(&path)?.uid() != owner.uid {
            std::fs::set_permissions(&path, Permissions::from_mode(GIVEN_MODE))?;
        }
        chown(&path, Some(uid), None)?;
    }
    Ok(chown(group, Some(uid), Some(gid))?)
}
