//! Scratch directories: made once, marked, removed only as what they were marked as.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use kanband::os::workspaces::marked::{MarkKind, Removal, Workspaces};

fn root() -> (tempfile::TempDir, Workspaces) {
    let temp = tempfile::tempdir().unwrap();
    std::fs::create_dir(temp.path().join("workspaces")).unwrap();
    let workspaces = Workspaces::open(&temp.path().join("workspaces")).unwrap();
    (temp, workspaces)
}

fn why(removal: Removal) -> String {
    match removal {
        Removal::Kept(why) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_scratch_directory_is_made_once_with_its_mark_and_goes_whole() {
    let (_temp, workspaces) = root();
    let made = workspaces.ensure_scratch("t_1").unwrap();
    let path = workspaces.path_of("t_1");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    std::fs::create_dir_all(path.join("a/b")).unwrap();
    std::fs::write(path.join("a/b/file"), "x").unwrap();
    assert_eq!(workspaces.ensure_scratch("t_1").unwrap(), made, "what is there stays");
    assert_eq!(workspaces.marked().unwrap(), ["t_1"]);
    assert_eq!(workspaces.remove_scratch("t_1"), Removal::Removed);
    assert!(!path.exists());
    assert!(workspaces.marked().unwrap().is_empty());
}

#[test]
fn nothing_is_removed_without_a_mark_of_that_very_directory() {
    let (temp, workspaces) = root();
    let path = workspaces.path_of("t_1");
    std::fs::create_dir(&path).unwrap();
    assert!(why(workspaces.remove_scratch("t_1")).contains("no mark"));
    workspaces.ensure_scratch("t_2").unwrap();
    let second = workspaces.path_of("t_2");
    std::fs::rename(&second, temp.path().join("aside")).unwrap();
    std::fs::rename(&path, &second).unwrap();
    std::fs::write(second.join("precious"), "x").unwrap();
    assert!(why(workspaces.remove_scratch("t_2")).contains("device and inode"));
    assert!(second.join("precious").exists());
    std::fs::remove_dir_all(&second).unwrap();
    symlink(temp.path().join("aside"), &second).unwrap();
    std::fs::write(temp.path().join("aside/precious"), "x").unwrap();
    assert!(why(workspaces.remove_scratch("t_2")).contains("is a link"));
    assert!(temp.path().join("aside/precious").exists());
    assert!(workspaces.ensure_scratch("t_2").is_err(), "nor is work done behind a link");
    std::fs::remove_file(&second).unwrap();
    assert_eq!(workspaces.remove_scratch("t_2"), Removal::Gone);
    let damaged = workspaces.path_of(".marks").join("t_3");
    std::fs::write(damaged, "{").unwrap();
    std::fs::create_dir(workspaces.path_of("t_3")).unwrap();
    why(workspaces.remove_scratch("t_3"));
    assert!(workspaces.path_of("t_3").exists());
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let (_temp, workspaces) = root();
    for name in ["", ".", "..", "../x", "a/b", "/etc", ".marks", ".new", ".new.t_1", "a\0b"] {
        assert!(workspaces.ensure_scratch(name).is_err(), "{name:?}");
        why(workspaces.remove_scratch(name));
        assert!(workspaces.mark_worktree(name, Path::new("/r"), "b").is_err(), "{name:?}");
    }
}

#[test]
fn neither_missing_rights_nor_depth_keep_a_directory() {
    let (_temp, workspaces) = root();
    workspaces.ensure_scratch("t_1").unwrap();
    let mut deep = workspaces.path_of("t_1");
    for _ in 0..300 {
        deep.push("d");
        std::fs::create_dir(&deep).unwrap();
    }
    std::fs::write(deep.join("file"), "x").unwrap();
    let closed = workspaces.path_of("t_1").join("closed");
    std::fs::create_dir_all(closed.join("in")).unwrap();
    for (path, mode) in [(closed.join("in"), 0o000), (closed, 0o500)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    assert_eq!(workspaces.remove_scratch("t_1"), Removal::Removed);
}

#[test]
fn the_root_itself_may_not_be_a_link() {
    let (temp, workspaces) = root();
    workspaces.ensure_scratch("t_1").unwrap();
    symlink(temp.path().join("workspaces"), temp.path().join("link")).unwrap();
    assert!(Workspaces::open(&temp.path().join("link")).is_err());
}

#[test]
fn what_a_maker_left_is_in_nobodys_way_and_is_swept_when_it_is_empty() {
    let (_temp, workspaces) = root();
    let left = workspaces.path_of(".new.t_1");
    std::fs::create_dir(&left).unwrap();
    workspaces.ensure_scratch("t_1").unwrap();
    assert!(!left.exists());
    std::fs::create_dir(&left).unwrap();
    let mark = workspaces.path_of(".marks").join(".new.t_2");
    std::fs::write(&mark, "{").unwrap();
    let full = workspaces.path_of(".new.t_3");
    std::fs::create_dir_all(full.join("work")).unwrap();
    workspaces.remove_unfinished().unwrap();
    assert!(!left.exists() && !mark.exists());
    assert!(full.join("work").exists(), "only what is empty goes");
    assert!(workspaces.path_of("t_1").exists());
}

#[test]
fn marks_that_are_made_at_the_same_time_are_each_whole_and_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..200).map(|number| format!("t_{number}")).collect();
    let mark = |name: &String| {
        let workspaces = Workspaces::open(dir.path()).unwrap();
        workspaces.mark_worktree(name, &Path::new("/r").join(name), name).unwrap();
    };
    std::thread::scope(|scope| {
        for part in names.chunks(50) {
            scope.spawn(move || part.iter().for_each(mark));
        }
    });
    let workspaces = Workspaces::open(dir.path()).unwrap();
    for name in &names {
        let expected =
            MarkKind::Worktree { repository: Path::new("/r").join(name), branch: name.clone() };
        assert_eq!(workspaces.mark(name).unwrap().unwrap().kind, expected);
    }
}
