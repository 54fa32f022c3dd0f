//! Worktrees with a real git: made, found again, judged, saved, removed; and nothing of the repository's ever runs.

use std::path::PathBuf;

use kanband::os::worktree::{Inspection, Prepared, inspect, prepare, remove, salvage};

use crate::repository::{Repository, git_in, has_git, patience};

const BRANCH: &str = "kanban/t_1";

struct Made {
    repository: Repository,
    path: PathBuf,
}

fn made() -> Option<Made> {
    if !has_git() {
        return None;
    }
    let repository = Repository::new();
    let path = repository.beside("t_1");
    let prepared = prepare(&patience(), &repository.path().join("sub"), &path, BRANCH);
    assert_eq!(prepared, Ok(Prepared::Made));
    Some(Made { repository, path })
}

impl Made {
    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path.join(name), text).unwrap();
    }

    fn inspect(&self) -> Inspection {
        inspect(&patience(), &self.path)
    }

    fn refs(&self) -> String {
        self.repository.git(["for-each-ref", "--format=%(refname)", "refs/kanban"])
    }
}

#[test]
fn a_worktree_is_made_on_its_branch_and_found_again_with_what_was_done_in_it() {
    let Some(made) = made() else { return };
    assert_eq!(git_in(&made.path, ["symbolic-ref", "--short", "HEAD"]), BRANCH);
    assert_eq!(std::fs::read_to_string(made.path.join("file")).unwrap(), "one\n");
    made.write("file", "half done\n");
    let again = prepare(&patience(), &made.repository.path(), &made.path, BRANCH);
    assert_eq!(again, Ok(Prepared::Reused));
    assert_eq!(std::fs::read_to_string(made.path.join("file")).unwrap(), "half done\n");
    assert_eq!(
        made.repository.git(["status", "--porcelain"]),
        "",
        "the repository's own tree is as it was"
    );
}

#[test]
fn a_tree_that_was_deleted_by_hand_is_made_again_from_its_branch() {
    let Some(made) = made() else { return };
    made.write("new", "committed");
    git_in(&made.path, ["-c", "core.hooksPath=/dev/null", "add", "."]);
    git_in(&made.path, ["-c", "core.hooksPath=/dev/null", "commit", "--quiet", "--message=second"]);
    std::fs::remove_dir_all(&made.path).unwrap();
    let again = prepare(&patience(), &made.repository.path(), &made.path, BRANCH);
    assert_eq!(again, Ok(Prepared::Made));
    assert_eq!(std::fs::read_to_string(made.path.join("new")).unwrap(), "committed");
}

#[test]
fn what_is_in_the_way_is_told_and_left() {
    let Some(made) = made() else { return };
    let prepare_at = |path: &PathBuf, branch: &str| {
        prepare(&patience(), &made.repository.path(), path, branch).unwrap_err()
    };
    let taken = prepare_at(&made.repository.beside("t_2"), BRANCH);
    assert!(taken.contains("is checked out at"), "{taken}");
    let full = made.repository.beside("full");
    std::fs::create_dir(&full).unwrap();
    std::fs::write(full.join("precious"), "x").unwrap();
    let there = prepare_at(&full, "kanban/t_3");
    assert!(there.contains("is no worktree"), "{there}");
    assert!(full.join("precious").exists());
    let other = Repository::new();
    let foreign = prepare(&patience(), &other.path(), &made.path, BRANCH).unwrap_err();
    assert!(foreign.contains("is a worktree of"), "{foreign}");
    let nowhere = prepare(&patience(), made.repository.beside("no").as_path(), &full, BRANCH);
    assert!(nowhere.unwrap_err().contains("the repository"));
    let plain = prepare(&patience(), &full, &made.repository.beside("x"), BRANCH).unwrap_err();
    assert!(plain.contains("is in no git repository"), "{plain}");
}

#[test]
fn only_a_tree_whose_work_is_all_committed_is_clean_and_only_that_is_removed() {
    let Some(made) = made() else { return };
    assert_eq!(made.inspect(), Inspection::Clean);
    made.write("junk.o", "ignored");
    assert_eq!(made.inspect(), Inspection::Clean, "ignored files are no work");
    made.write("new", "x");
    let Inspection::Dirty(status) = made.inspect() else { panic!("{:?}", made.inspect()) };
    assert_eq!((status.changed, status.untracked), (0, 1));
    assert!(remove(&patience(), &made.path).is_err(), "git agrees");
    assert!(made.path.join("new").exists());
    std::fs::remove_file(made.path.join("new")).unwrap();
    remove(&patience(), &made.path).unwrap();
    assert_eq!(made.inspect(), Inspection::Gone);
    assert!(made.repository.git(["branch", "--list", BRANCH]).contains(BRANCH), "its branch stays");
}

#[test]
fn commits_that_no_ref_leads_to_are_work_too() {
    let Some(made) = made() else { return };
    git_in(&made.path, ["-c", "core.hooksPath=/dev/null", "checkout", "--quiet", "--detach"]);
    assert_eq!(made.inspect(), Inspection::Clean);
    made.write("new", "x");
    git_in(&made.path, ["-c", "core.hooksPath=/dev/null", "add", "."]);
    git_in(&made.path, ["-c", "core.hooksPath=/dev/null", "commit", "--quiet", "--message=loose"]);
    assert!(matches!(made.inspect(), Inspection::Dirty(_)));
    let reference = salvage(&patience(), &made.path, "t_1").unwrap();
    assert_eq!(made.repository.git(["show", &format!("{reference}:new")]), "x");
}

#[test]
fn what_git_cannot_judge_is_unknown() {
    let Some(made) = made() else { return };
    let link = std::fs::read_to_string(made.path.join(".git")).unwrap();
    // Within another repository, git would answer for that one.
    git_in(made.path.parent().unwrap(), ["init", "--quiet"]);
    std::fs::remove_file(made.path.join(".git")).unwrap();
    assert!(matches!(made.inspect(), Inspection::Unknown(_)), "{:?}", made.inspect());
    std::fs::write(made.path.join(".git"), "gitdir: /no/where\n").unwrap();
    assert!(matches!(made.inspect(), Inspection::Unknown(_)), "{:?}", made.inspect());
    std::fs::write(made.path.join(".git"), &link).unwrap();
    assert_eq!(made.inspect(), Inspection::Clean);
    let index =
        PathBuf::from(git_in(&made.path, ["rev-parse", "--absolute-git-dir"])).join("index");
    std::fs::write(index, "no index").unwrap();
    assert!(matches!(made.inspect(), Inspection::Unknown(_)), "{:?}", made.inspect());
    let file = made.repository.beside("file");
    std::fs::write(&file, "").unwrap();
    assert!(matches!(inspect(&patience(), &file), Inspection::Unknown(_)));
    assert!(matches!(inspect(&patience(), &made.repository.path()), Inspection::Unknown(_)));
}

#[test]
fn a_salvage_ref_has_every_byte_and_leaves_index_and_branch_as_they_were() {
    let Some(made) = made() else { return };
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    std::fs::write(made.path.join("binary"), &bytes).unwrap();
    made.write("file", "changed\n");
    made.write("staged", "staged\n");
    git_in(&made.path, ["add", "staged"]);
    std::fs::remove_file(made.path.join("sub/other")).unwrap();
    let before = git_in(&made.path, ["status", "--porcelain=v2", "--branch"]);
    let reference = salvage(&patience(), &made.path, "t_1").unwrap();
    assert_eq!(reference, "refs/kanban/salvage/t_1/1");
    assert_eq!(git_in(&made.path, ["status", "--porcelain=v2", "--branch"]), before);
    assert_eq!(salvage(&patience(), &made.path, "t_1").unwrap(), reference, "the same work once");
    made.write("file", "changed again\n");
    assert_eq!(salvage(&patience(), &made.path, "t_1").unwrap(), "refs/kanban/salvage/t_1/2");
    let restored = made.repository.beside("restored");
    let restore =
        ["worktree", "add", "--quiet", "--detach", restored.to_str().unwrap(), &reference];
    made.repository.git(restore);
    assert_eq!(std::fs::read(restored.join("binary")).unwrap(), bytes);
    assert_eq!(std::fs::read_to_string(restored.join("file")).unwrap(), "changed\n");
    assert_eq!(std::fs::read_to_string(restored.join("staged")).unwrap(), "staged\n");
    assert!(!restored.join("sub/other").exists());
    assert_eq!(made.refs().lines().count(), 2);
}

#[test]
fn nothing_that_the_repository_brings_along_is_executed() {
    let Some(made) = made() else { return };
    made.write("new", "x");
    made.inspect();
    salvage(&patience(), &made.path, "t_1").unwrap();
    std::fs::remove_file(made.path.join("new")).unwrap();
    assert_eq!(made.inspect(), Inspection::Clean);
    remove(&patience(), &made.path).unwrap();
    let trace = made.repository.trace();
    assert!(!trace.exists(), "{}", std::fs::read_to_string(&trace).unwrap());
    // The trace would be there if they had run.
    made.repository.git(["commit", "--quiet", "--allow-empty", "--message=by hand"]);
    assert!(trace.exists());
}
