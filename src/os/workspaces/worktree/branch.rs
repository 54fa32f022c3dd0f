//! The branch of a worktree. Pure: the state of the repository is passed in.
//!
//! A branch `kanban` and a branch `kanban/t_1` cannot stand side by side: to git one is a file where the other needs a directory.
//! The name that the configuration asks for may therefore be impossible; then the same name with dashes is taken, and told.

use std::collections::BTreeSet;

/// Names to try for the branch `wanted`, in their order.
pub fn candidates(wanted: &str) -> Vec<String> {
    let plain = wanted.replace('/', "-");
    if plain == wanted { vec![plain] } else { vec![wanted.to_owned(), plain] }
}

/// What a branch would have to be made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// It is there.
    Existing(String),
    /// It can be made. `blocked_by` is the branch that is in the way of the name that was wanted.
    New {
        /// Its name.
        name: String,
        /// What is in the way of the name before it.
        blocked_by: Option<String>,
    },
    /// Every name is blocked; this branch is in the way of the first.
    Blocked(String),
}

/// Chooses among `candidates`, given the names of all branches.
pub fn choose(candidates: &[String], branches: &BTreeSet<String>) -> Choice {
    if let Some(there) = candidates.iter().find(|name| branches.contains(*name)) {
        return Choice::Existing(there.clone());
    }
    let mut first_blocked_by = None;
    for name in candidates {
        match blocked_by(name, branches) {
            None => return Choice::New { name: name.clone(), blocked_by: first_blocked_by },
            Some(other) => drop(first_blocked_by.get_or_insert(other)),
        }
    }
    Choice::Blocked(first_blocked_by.unwrap_or_default())
}

/// The branch beside which `name` cannot stand: one that is called like a directory of it, or lies below it.
fn blocked_by(name: &str, branches: &BTreeSet<String>) -> Option<String> {
    let above = name.match_indices('/').filter_map(|(at, _)| name.get(..at));
    let above = above.into_iter().find(|above| branches.contains(*above)).map(str::to_owned);
    let folder = format!("{name}/");
    let below =
        || branches.range(folder.clone()..).next().filter(|other| other.starts_with(&folder));
    above.or_else(|| below().cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(wanted: &str, branches: &[&str]) -> Choice {
        let branches = branches.iter().map(|name| (*name).to_owned()).collect();
        choose(&candidates(wanted), &branches)
    }

    #[test]
    fn a_branch_in_the_way_is_told_and_the_name_with_dashes_is_taken() {
        let new = |name: &str, blocked_by: Option<&str>| Choice::New {
            name: name.to_owned(),
            blocked_by: blocked_by.map(str::to_owned),
        };
        for (wanted, branches, expected) in [
            ("kanban/t_1", &["main", "kanban-old"][..], new("kanban/t_1", None)),
            ("kanban/t_1", &["kanban/t_1"], Choice::Existing("kanban/t_1".into())),
            ("kanban/t_1", &["kanban"], new("kanban-t_1", Some("kanban"))),
            ("kanban/t_1", &["kanban", "kanban-t_1"], Choice::Existing("kanban-t_1".into())),
            ("kanban/t_1", &["kanban/t_1/x"], new("kanban-t_1", Some("kanban/t_1/x"))),
            ("a/b/t_1", &["a/b"], new("a-b-t_1", Some("a/b"))),
            ("a/b/t_1", &["a/b/t_10", "a/c"], new("a/b/t_1", None)),
            ("kanban/t_1", &["kanban", "kanban-t_1/x"], Choice::Blocked("kanban".into())),
            ("wip-t_1", &["wip-t_1/x"], Choice::Blocked("wip-t_1/x".into())),
        ] {
            assert_eq!(chosen(wanted, branches), expected, "{wanted} {branches:?}");
        }
    }
}
