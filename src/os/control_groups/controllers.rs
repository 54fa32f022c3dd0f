//! Delegation of the controllers of limits to the groups of the runs.

use std::collections::BTreeSet;
use std::path::Path;

use crate::os::control_groups::leaf::write;

/// Those that are of interest.
pub const CONTROLLERS: [&str; 3] = ["memory", "pids", "cpu"];

/// Hands every controller of interest down the path, and says which of them the groups below its end have.
///
/// A group that holds processes hands nothing down: the kernel would refuse `memory` (the rule of no internal processes), and
/// take `pids` and `cpu` for the wish to have threads in groups of their own, after which no process can be started in the
/// groups below (cgroups(7), "Cgroups v2 thread mode"). One that belongs to another program may not be touched. Then the
/// controllers that are there already are all there are.
pub fn hand_down(path: &[&Path]) -> BTreeSet<&'static str> {
    let mut given = BTreeSet::new();
    for controller in CONTROLLERS {
        let is_given = path.iter().all(|group| {
            lists(&group.join("cgroup.subtree_control"), controller)
                || lists(&group.join("cgroup.controllers"), controller)
                    && may_hand_down(group)
                    && write(&group.join("cgroup.subtree_control"), &format!("+{controller}"))
                        .is_ok()
        });
        if is_given {
            given.insert(controller);
        }
    }
    given
}

/// Whether a group may be asked to hand controllers down. The root of the hierarchy, which has no type, may hold processes too.
fn may_hand_down(group: &Path) -> bool {
    let is_empty =
        || std::fs::read_to_string(group.join("cgroup.procs")).is_ok_and(|pids| pids.is_empty());
    !group.join("cgroup.type").exists() || is_empty()
}

fn lists(file: &Path, controller: &str) -> bool {
    std::fs::read_to_string(file)
        .is_ok_and(|list| list.split_ascii_whitespace().any(|word| word == controller))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_with_processes_hands_nothing_down_unless_it_is_the_root() {
        for (what, is_typed, pids, expected) in [
            ("empty", true, "", 3),
            ("with a process", true, "17\n", 0),
            ("the root", false, "1\n17\n", 3),
        ] {
            let group = tempfile::tempdir().unwrap();
            let put =
                |file: &str, text: &str| std::fs::write(group.path().join(file), text).unwrap();
            put("cgroup.controllers", "cpu io memory pids\n");
            put("cgroup.subtree_control", "");
            put("cgroup.procs", pids);
            if is_typed {
                put("cgroup.type", "domain\n");
            }
            assert_eq!(hand_down(&[group.path()]).len(), expected, "{what}");
            let asked = std::fs::read_to_string(group.path().join("cgroup.subtree_control"));
            assert_eq!(asked.unwrap().is_empty(), expected == 0, "{what}");
        }
    }
}
