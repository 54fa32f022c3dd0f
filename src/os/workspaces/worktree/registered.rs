//! Reads `git worktree list --porcelain -z`. Pure.

use std::path::Path;

/// What the list says of a path and a branch.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Registered {
    /// The repository has a worktree at the path, whether it is there or not.
    pub is_path_known: bool,
    /// Where the branch is checked out, when that is another path.
    pub branch_at: Option<String>,
}

impl Registered {
    /// Looks a path and a branch up.
    pub fn find(list: &[u8], path: &Path, branch: &str) -> Self {
        let text = String::from_utf8_lossy(list);
        let (wanted, mut found) = (format!("branch refs/heads/{branch}"), Self::default());
        let mut at = "";
        let parent = path.parent().and_then(|parent| parent.canonicalize().ok());
        let real = parent.zip(path.file_name()).map(|(parent, name)| parent.join(name));
        for record in text.split('\0') {
            if let Some(worktree) = record.strip_prefix("worktree ") {
                at = worktree;
                found.is_path_known |= is_same(at, path, real.as_deref());
            } else if record == wanted && !is_same(at, path, real.as_deref()) {
                found.branch_at = Some(at.to_owned());
            }
        }
        found
    }
}

fn is_same(at: &str, path: &Path, real: Option<&Path>) -> bool {
    Path::new(at) == path || Some(Path::new(at)) == real
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_worktrees_tells_where_path_and_branch_are() {
        let list = b"worktree /r\0HEAD 1\0branch refs/heads/main\0\0worktree /w/a\0HEAD 2\0branch refs/heads/kanban/a\0\0\
                     worktree /w/b\0HEAD 3\0detached\0prunable gone\0\0";
        let find = |path: &str, branch: &str| Registered::find(list, Path::new(path), branch);
        assert_eq!(find("/w/c", "kanban/c"), Registered::default());
        assert_eq!(find("/w/a", "kanban/a"), Registered { is_path_known: true, branch_at: None });
        assert_eq!(find("/w/b", "kanban/b"), Registered { is_path_known: true, branch_at: None });
        let elsewhere = Registered { is_path_known: false, branch_at: Some("/w/a".to_owned()) };
        assert_eq!(find("/w/c", "kanban/a"), elsewhere);
    }
}
