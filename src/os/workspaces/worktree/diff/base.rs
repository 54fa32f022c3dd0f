//! What a worktree is compared with. The merge base with the branch that it was made from; where that leads nowhere, the commit at
//! which it began.

use crate::os::workspaces::git::mirror::Mirror;
use crate::os::workspaces::git::{Git, GitError};
use crate::os::workspaces::worktree::diff::DiffError;
use crate::os::workspaces::worktree::diff::beginning::Beginning;

/// What is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sides {
    /// The branch that it is compared with.
    pub base_branch: Option<String>,
    /// The commit that it is compared with.
    pub base: String,
    /// The branch of the worktree.
    pub branch: Option<String>,
    /// Newest commit of the worktree, or of the run that is asked about.
    pub tip: String,
    /// What has to be known about the choice.
    pub note: Option<String>,
}

/// What is known about the commits of a worktree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Known {
    /// Name of the branch that it was made from.
    branch: Option<String>,
    /// Whether that branch is there.
    has_branch: bool,
    /// The merge base with it.
    merge_base: Option<String>,
    /// The commit at which it began, if that is an ancestor of the newest one.
    beginning: Option<String>,
    /// Newest commit.
    tip: String,
}

/// The commit to compare with, and a note about it.
fn choose(known: &Known) -> Result<(String, Option<String>), DiffError> {
    let name = known.branch.as_deref().unwrap_or_default();
    let began = "it is compared with the commit at which the worktree began";
    match (&known.branch, &known.merge_base, &known.beginning) {
        (Some(_), Some(base), Some(began_at)) if *base == known.tip && *began_at != known.tip => {
            Ok((began_at.clone(), Some(format!("`{name}` has all of its commits, so {began}"))))
        }
        (Some(_), Some(base), None) if *base == known.tip => {
            let note =
                format!("`{name}` has all of its commits: only what is not committed is shown");
            Ok((base.clone(), Some(note)))
        }
        (Some(_), Some(base), _) => Ok((base.clone(), None)),
        (Some(_), None, Some(began_at)) => {
            let what = if known.has_branch { "has no commit in common with it" } else { "is gone" };
            Ok((began_at.clone(), Some(format!("branch `{name}` {what}, so {began}"))))
        }
        (None, _, Some(began_at)) => Ok((began_at.clone(), None)),
        (Some(_), None, None) if known.has_branch => {
            Err(DiffError::NoMergeBase { branch: name.to_owned() })
        }
        (Some(_), None, None) => Err(DiffError::BaseGone { branch: name.to_owned() }),
        (None, _, None) => Err(DiffError::NoBase),
    }
}

/// Finds what is compared. `tip` is a commit of an earlier time; without it the worktree's own head counts.
///
/// # Errors
/// [`DiffError`].
pub fn sides(
    git: &Git,
    mirror: &Mirror,
    beginning: Option<&Beginning>,
    tip: Option<&str>,
) -> Result<Sides, DiffError> {
    let symbolic = ["symbolic-ref", "--quiet", "--short", "HEAD"];
    let branch = git.line_if_any(&mirror.call(symbolic))?;
    let head = commit(git, mirror, tip.unwrap_or("HEAD"))?;
    let tip = match (head, tip) {
        (Some(head), _) => head,
        (None, Some(tip)) => return Err(DiffError::CommitGone { commit: tip.to_owned() }),
        (None, None) => return Err(DiffError::Unborn { branch: branch.unwrap_or_default() }),
    };
    let made_from = match beginning {
        Some(beginning) => beginning.branch.clone(),
        // It was not written down: most likely it was the branch of the repository's own checkout.
        None => git.line_if_any(&mirror.shared_call(symbolic))?,
    };
    let base_branch = made_from.filter(|name| branch.as_ref() != Some(name));
    let base_tip = match &base_branch {
        Some(name) => commit(git, mirror, &format!("refs/heads/{name}"))?,
        None => None,
    };
    let shared = match &base_tip {
        Some(base_tip) => merge_base(git, mirror, base_tip, &tip)?,
        None => None,
    };
    let began_at = match beginning {
        Some(beginning) => commit(git, mirror, &beginning.commit)?,
        None => None,
    };
    let began_at = match began_at {
        // Not the commit itself after the branch was set back behind it.
        Some(began_at) => merge_base(git, mirror, &began_at, &tip)?,
        None => None,
    };
    let known = Known {
        branch: base_branch,
        has_branch: base_tip.is_some(),
        merge_base: shared,
        beginning: began_at,
        tip,
    };
    let (base, note) = choose(&known)?;
    let base_branch = known.branch.filter(|_| known.has_branch);
    Ok(Sides { base_branch, base, branch, tip: known.tip, note })
}

/// The last commit that two have in common.
///
/// # Errors
/// [`GitError`].
pub fn merge_base(
    git: &Git,
    mirror: &Mirror,
    one: &str,
    other: &str,
) -> Result<Option<String>, GitError> {
    git.line_if_any(&mirror.call(["merge-base", one, other]))
}

/// The commit that a name stands for; none when there is none.
///
/// # Errors
/// [`GitError`].
pub fn commit(git: &Git, mirror: &Mirror, name: &str) -> Result<Option<String>, GitError> {
    let wanted = format!("{name}^{{commit}}");
    git.line_if_any(&mirror.call(["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_merge_base_counts_and_else_the_commit_at_which_it_began() {
        let known = |branch: Option<&str>, has: bool, base: Option<&str>, began: Option<&str>| {
            choose(&Known {
                branch: branch.map(str::to_owned),
                has_branch: has,
                merge_base: base.map(str::to_owned),
                beginning: began.map(str::to_owned),
                tip: "tip".to_owned(),
            })
        };
        for (branch, has, base, began, expected, note) in [
            (Some("main"), true, Some("base"), Some("began"), "base", ""),
            (Some("main"), true, Some("base"), None, "base", ""),
            (Some("main"), true, Some("tip"), Some("began"), "began", "has all of its commits, so"),
            (Some("main"), true, Some("tip"), Some("tip"), "tip", ""),
            (Some("main"), true, Some("tip"), None, "tip", "only what is not committed"),
            (Some("main"), true, None, Some("began"), "began", "no commit in common"),
            (Some("main"), false, None, Some("began"), "began", "is gone"),
            (None, false, None, Some("began"), "began", ""),
        ] {
            let (chosen, said) = known(branch, has, base, began).unwrap();
            assert_eq!(chosen, expected, "{base:?} {began:?}");
            assert!(said.unwrap_or_default().contains(note), "{base:?} {began:?}");
        }
        for (branch, has, words) in [
            (Some("main"), true, "no commit in common"),
            (Some("main"), false, "is gone"),
            (None, false, "not known"),
        ] {
            let error = known(branch, has, None, None).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
