//! Text for the reasons that keep a worktree. Pure.

use crate::os::workspaces::git::status::TreeStatus;
use crate::os::workspaces::worktree::commits::OwnCommits;

/// Uncommitted work in one clause; none when there is none.
pub fn uncommitted(status: &TreeStatus) -> Option<String> {
    let changed = status.changes.len();
    let counts = format!("{changed} changed, {} new", status.untracked);
    status.has_uncommitted().then(|| format!("uncommitted work ({counts})"))
}

/// Commits and objects that would be lost, in one clause; none when there are none.
pub fn unreached(own: &OwnCommits) -> Option<String> {
    let count = own.count + own.objects.len();
    let sources = own.sources();
    let named = match sources.is_empty() {
        true => String::new(),
        false => format!(" ({})", sources.join(", ")),
    };
    let what = if own.count > 0 { "commit(s)" } else { "object(s)" };
    (count > 0).then(|| format!("{count} {what} reachable only from this worktree{named}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::workspaces::worktree::commits::Named;

    #[test]
    fn what_is_lost_is_told_with_its_number_and_its_place() {
        assert_eq!(uncommitted(&TreeStatus::default()), None);
        let status = TreeStatus { changes: Vec::new(), untracked: 2 };
        assert!(uncommitted(&status).unwrap().ends_with("(0 changed, 2 new)"));
        assert_eq!(unreached(&OwnCommits::default()), None);
        let tip = Named {
            id: "1".into(),
            kind: "commit".into(),
            sources: vec!["logs/HEAD".into(), "ORIG_HEAD".into()],
        };
        let own = OwnCommits { count: 3, tips: vec![tip], objects: Vec::new() };
        let message = unreached(&own).unwrap();
        assert_eq!(message, "3 commit(s) reachable only from this worktree (ORIG_HEAD, logs/HEAD)");
    }
}
