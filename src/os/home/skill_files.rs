//! Skills on the disk: folders with a `SKILL.md`, looked for by name.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Component, Path, PathBuf};

use crate::os::run_files::directory::write_private;

/// The `SKILL.md` of the skill `name` in the first of `folders` that has it. A name that is more than the name of a folder
/// belongs to no skill.
pub fn find_skill(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    let mut parts = Path::new(name).components();
    let is_plain = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
    if !is_plain {
        return None;
    }
    folders.iter().map(|folder| folder.join(name).join("SKILL.md")).find(|path| path.is_file())
}

/// Writes a skill's text to its place in `folder`, unless it stands there already. What it makes is its owner's alone.
///
/// # Errors
/// It cannot be written.
pub fn keep_skill(name: &str, text: &str, folder: &Path) -> std::io::Result<()> {
    let dir = folder.join(name);
    let path = dir.join("SKILL.md");
    if std::fs::read(&path).is_ok_and(|there| there == text.as_bytes()) {
        return Ok(());
    }
    DirBuilder::new().mode(0o700).recursive(true).create(&dir)?;
    // In one step, so that no agent ever reads half of it.
    write_private(&path, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_folder_that_has_it_wins_and_no_name_leads_out_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let (mine, ours) = (dir.path().join("mine"), dir.path().join("ours"));
        let folders = [mine.clone(), ours.clone()];
        assert_eq!(find_skill("git", &folders), None);
        keep_skill("git", "a", &ours).unwrap();
        assert_eq!(find_skill("git", &folders), Some(ours.join("git/SKILL.md")));
        keep_skill("git", "b", &mine).unwrap();
        keep_skill("git", "c", &mine).unwrap();
        assert_eq!(find_skill("git", &folders), Some(mine.join("git/SKILL.md")));
        assert_eq!(std::fs::read_to_string(mine.join("git/SKILL.md")).unwrap(), "c");
        for name in ["../ours/git", "/git", ".", "..", "", "git/x"] {
            assert_eq!(find_skill(name, &folders), None, "{name:?}");
        }
    }
}
