//! Handing the controllers of limits down to the groups of the runs.

use std::collections::BTreeSet;
use std::path::Path;

use crate::os::cgroup_leaf::write;

/// Those that are of interest.
pub const CONTROLLERS: [&str; 3] = ["memory", "pids", "cpu"];

/// Hands every controller of interest down the path, and says which of them the groups below its end have.
///
/// A group that holds processes cannot hand down most of them (the rule of no internal processes), and one that belongs to
/// somebody else may not be touched: then the controllers that are there already are all there are.
pub fn hand_down(path: &[&Path]) -> BTreeSet<&'static str> {
    let mut given = BTreeSet::new();
    for controller in CONTROLLERS {
        let is_given = path.iter().all(|group| {
            lists(&group.join("cgroup.subtree_control"), controller)
                || lists(&group.join("cgroup.controllers"), controller)
                    && write(&group.join("cgroup.subtree_control"), &format!("+{controller}"))
                        .is_ok()
        });
        if is_given {
            given.insert(controller);
        }
    }
    given
}

fn lists(file: &Path, controller: &str) -> bool {
    std::fs::read_to_string(file)
        .is_ok_and(|list| list.split_ascii_whitespace().any(|word| word == controller))
}
