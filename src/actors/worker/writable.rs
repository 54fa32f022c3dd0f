//! Where the worker of a profile with `landlock_write` may write.

use std::path::{Path, PathBuf};

use super::workspace::{OwnWorkspace, Workspace};

/// Everybody's: what programs expect to be able to write to, whatever they are kept from.
const ALWAYS: [&str; 3] = ["/tmp", "/var/tmp", "/dev"];

/// Of the paths in the profile, the workspace and everybody's; none where the profile does not restrict it.
///
/// The workspace is the work's result, and the repository of a worktree is where git keeps its commits. The home is not in it: what
/// an agent needs of it, its profile names.
pub(super) fn writable(
    of_profile: &[String],
    workspace: &Workspace,
    cwd: &Path,
    home: Option<&str>,
) -> Option<Vec<PathBuf>> {
    if of_profile.is_empty() {
        return None;
    }
    let repository = match &workspace.own {
        OwnWorkspace::Worktree { repository, .. } => Some(repository.as_path()),
        OwnWorkspace::Scratch | OwnWorkspace::Not => None,
    };
    let own = [Some(workspace.path.as_path()), Some(cwd), repository].into_iter().flatten();
    let own = own.chain(ALWAYS.map(Path::new)).map(Path::to_owned);
    let named = of_profile.iter().filter_map(|path| expanded(path, home));
    let mut all: Vec<PathBuf> = own.chain(named).collect();
    all.dedup();
    Some(all)
}

/// A path as it is named; none where it is below a home that is not known.
fn expanded(path: &str, home: Option<&str>) -> Option<PathBuf> {
    match path.strip_prefix('~') {
        Some(below) if below.is_empty() || below.starts_with('/') => {
            Some(Path::new(home?).join(below.trim_start_matches('/')))
        }
        Some(_) | None => Some(PathBuf::from(path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(of_profile: &[&str], own: OwnWorkspace, home: Option<&str>) -> Option<Vec<String>> {
        let workspace =
            Workspace { path: PathBuf::from("/w/t_1"), own, leased: None, is_cwd: false };
        let of_profile: Vec<String> = of_profile.iter().map(|path| (*path).to_owned()).collect();
        let found = writable(&of_profile, &workspace, Path::new("/w/t_1"), home)?;
        Some(found.iter().map(|path| path.display().to_string()).collect())
    }

    #[test]
    fn the_workspace_and_everybodys_are_always_in_it_and_the_home_is_not() {
        let worktree =
            OwnWorkspace::Worktree { repository: PathBuf::from("/r"), branch: "b".to_owned() };
        let home = Some("/home/ann");
        assert_eq!(paths(&[], OwnWorkspace::Scratch, home), None);
        let found = paths(&["/srv/data"], OwnWorkspace::Scratch, home).unwrap();
        assert_eq!(found, ["/w/t_1", "/tmp", "/var/tmp", "/dev", "/srv/data"]);
        let found = paths(&["~/.cache", "~", "~x"], worktree, home).unwrap();
        let expected =
            ["/w/t_1", "/r", "/tmp", "/var/tmp", "/dev", "/home/ann/.cache", "/home/ann/", "~x"];
        assert_eq!(found, expected);
        let found = paths(&["~/.cache"], OwnWorkspace::Not, None).unwrap();
        assert_eq!(found, ["/w/t_1", "/tmp", "/var/tmp", "/dev"]);
    }
}
