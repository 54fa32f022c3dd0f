//! Worktrees with a real git: made, found again, judged, saved, removed.

use std::path::PathBuf;

use kanband::os::workspaces::worktree::examine::{Standing, examine};
use kanband::os::workspaces::worktree::prepare::{PrepareError, Wanted, prepare};
use kanband::os::workspaces::worktree_report::Swept;

use crate::repository::{BRANCH, Made, Repository, git_in, has_git, patience};

fn why(made: &Made) -> String {
    match made.sweep(true) {
        Swept::Kept { why, .. } => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_worktree_is_made_on_its_branch_and_found_again_with_what_was_done_in_it() {
    let Some(made) = Made::new() else { return };
    assert_eq!(made.git(["symbolic-ref", "--short", "HEAD"]), BRANCH);
    assert_eq!(std::fs::read_to_string(made.path.join("file")).unwrap(), "one\n");
    assert_eq!(made.git(["status", "--porcelain"]), "", "to git it is a worktree like any other");
    made.write("file", "half done\n");
    let again = made.repository.prepare(&made.path).unwrap();
    assert_eq!((again.is_reused, again.branch.as_deref()), (true, Some(BRANCH)));
    assert_eq!(std::fs::read_to_string(made.path.join("file")).unwrap(), "half done\n");
    assert_eq!(
        made.repository.git(["status", "--porcelain"]),
        "",
        "the repository's own tree is as it was"
    );
}

#[test]
fn a_tree_that_was_deleted_by_hand_is_made_again_from_its_branch() {
    let Some(made) = Made::new() else { return };
    made.sh("echo committed > new; git add .; git commit -qm second");
    std::fs::remove_dir_all(&made.path).unwrap();
    let again = made.repository.prepare(&made.path).unwrap();
    assert!(!again.is_reused);
    assert_eq!(std::fs::read_to_string(made.path.join("new")).unwrap(), "committed\n");
}

#[test]
fn an_interrupted_checkout_is_finished_by_the_next_attempt() {
    let Some(made) = Made::new() else { return };
    let git_dir = made.git_dir();
    let cut_off = |note: bool| {
        std::fs::remove_file(git_dir.join("index")).unwrap();
        std::fs::remove_file(made.path.join("file")).unwrap();
        std::fs::write(git_dir.join("index.lock"), "half").unwrap();
        if note {
            std::fs::write(git_dir.join("kanban-checkout"), "").unwrap();
        }
    };
    cut_off(true);
    made.repository.prepare(&made.path).unwrap();
    assert_eq!(made.git(["status", "--porcelain"]), "");
    assert!(!git_dir.join("kanban-checkout").exists() && !git_dir.join("index.lock").exists());
    // A worker who removes the index has worked there: nothing is written over.
    made.write("file", "precious");
    std::fs::remove_file(git_dir.join("index")).unwrap();
    made.repository.prepare(&made.path).unwrap();
    assert_eq!(std::fs::read_to_string(made.path.join("file")).unwrap(), "precious");
}

#[test]
fn what_is_in_the_way_is_told_and_left() {
    let Some(made) = Made::new() else { return };
    let prepare_at = |path: &PathBuf, branch: &str| {
        let repository = &made.repository.path();
        let wanted = Wanted { repository, path, branch, with_submodules: false };
        prepare(&patience(), &wanted).unwrap_err().to_string()
    };
    let taken = prepare_at(&made.repository.beside("t_2"), BRANCH);
    assert!(taken.contains("is checked out at"), "{taken}");
    let full = made.repository.beside("full");
    std::fs::create_dir(&full).unwrap();
    std::fs::write(full.join("precious"), "x").unwrap();
    let there = prepare_at(&full, "kanban/t_3");
    assert!(there.contains("is not a worktree"), "{there}");
    assert!(full.join("precious").exists());
    let other = Repository::new();
    let foreign = other.prepare(&made.path).unwrap_err().to_string();
    assert!(foreign.contains("is a worktree of"), "{foreign}");
    let of = |repository: &PathBuf| {
        let (path, branch) = (&made.repository.beside("x"), BRANCH);
        let wanted = Wanted { repository, path, branch, with_submodules: false };
        prepare(&patience(), &wanted).unwrap_err()
    };
    let nowhere = of(&made.repository.beside("no"));
    assert!(nowhere.to_string().contains("the repository"), "{nowhere}");
    assert_eq!(nowhere.errno(), Some(nix::errno::Errno::ENOENT as i32));
    let plain = of(&full);
    assert!(plain.to_string().contains("is not in a git repository"), "{plain}");
}

#[test]
fn a_branch_in_the_way_gives_another_name_and_a_note_that_says_so() {
    if !has_git() {
        return;
    }
    let repository = Repository::new();
    repository.git(["branch", "kanban"]);
    let path = repository.beside("t_1");
    let prepared = repository.prepare(&path).unwrap();
    assert_eq!(prepared.branch.as_deref(), Some("kanban-t_1"));
    let [note] = &prepared.notes[..] else { panic!("{prepared:?}") };
    assert!(
        note.contains("branch `kanban` is in the way") && note.contains("worktree.branch_prefix"),
        "{note}"
    );
    // Gone from the way or not, the task keeps its branch.
    repository.git(["branch", "-D", "kanban"]);
    git_in(&path, ["-c", "core.hooksPath=", "commit", "-q", "--allow-empty", "-m", "work"]);
    std::fs::remove_dir_all(&path).unwrap();
    assert_eq!(repository.prepare(&path).unwrap().branch.as_deref(), Some("kanban-t_1"));

    let blocked = Repository::new();
    blocked.git(["branch", "kanban"]);
    blocked.git(["branch", "kanban-t_1/x"]);
    let error = blocked.prepare(&blocked.beside("t_1")).unwrap_err();
    assert!(matches!(error, PrepareError::BranchBlocked { .. }), "{error}");
    let message = error.to_string();
    assert!(
        message.contains("branch `kanban` is in the way")
            && message.contains("worktree.branch_prefix"),
        "{message}"
    );
}

#[test]
fn a_sparse_checkout_of_the_repository_is_one_in_its_worktrees_too() {
    if !has_git() {
        return;
    }
    let repository = Repository::new();
    repository.git(["sparse-checkout", "set", "--no-cone", "/file"]);
    let made = repository.made();
    assert!(made.path.join("file").exists() && !made.path.join("sub").exists());
    made.goes("sparse");
}

#[test]
fn files_behind_a_filter_are_as_they_are_stored_and_that_is_told() {
    if !has_git() {
        return;
    }
    let repository = Repository::new();
    let attributes = "*.bin filter=lfs\n";
    std::fs::write(repository.path().join(".gitattributes"), attributes).unwrap();
    std::fs::write(repository.path().join("a.bin"), "pointer\n").unwrap();
    repository.git(["add", "."]);
    repository.git(["commit", "--quiet", "--message=second"]);
    repository.git(["config", "filter.lfs.smudge", "echo real"]);
    repository.git(["config", "filter.lfs.clean", "echo pointer"]);
    repository.git(["config", "filter.lfs.required", "true"]);
    let path = repository.beside("t_1");
    let prepared = repository.prepare(&path).unwrap();
    let [note] = &prepared.notes[..] else { panic!("{prepared:?}") };
    assert!(
        note.contains("1 file(s) are as the repository stores them") && note.contains("a.bin"),
        "{note}"
    );
    assert_eq!(std::fs::read_to_string(path.join("a.bin")).unwrap(), "pointer\n");
    let made = Made { repository, path };
    // What the worker has fetched (`git lfs pull`) is no edit; what it changes then is one.
    made.sh("rm a.bin; git checkout -q a.bin; test \"$(cat a.bin)\" = real; touch -d '1 hour ago' a.bin; git update-index --refresh");
    assert_eq!(made.sweep(true), Swept::Removed);
    made.sh("sleep 0; echo edited > a.bin");
    assert!(why(&made).contains("1 changed"), "{}", why(&made));
}

#[test]
fn only_a_tree_whose_work_is_all_elsewhere_is_removed_and_its_branch_stays() {
    let Some(made) = Made::new() else { return };
    made.write("junk.o", "ignored");
    assert_eq!(made.sweep(true), Swept::Removed, "ignored files are no work");
    made.write("new", "x");
    assert!(why(&made).contains("(0 changed, 1 new)"), "{}", why(&made));
    std::fs::remove_file(made.path.join("new")).unwrap();
    made.goes("clean");
    assert_eq!(made.sweep(false), Swept::Gone);
    assert!(made.repository.git(["branch", "--list", BRANCH]).contains(BRANCH), "its branch stays");
}

#[test]
fn an_interrupted_removal_is_continued_wherever_it_stopped() {
    let Some(made) = Made::new() else { return };
    let git_dir = made.git_dir();
    // Some files are gone, and the note says whose doing that is.
    std::fs::write(git_dir.join("kanban-removing"), "").unwrap();
    std::fs::remove_dir_all(made.path.join("sub")).unwrap();
    assert_eq!(made.sweep(true), Swept::Removed);
    made.write("new", "x");
    assert!(why(&made).contains("1 new"), "nothing but what is missing is forgiven");
    std::fs::remove_file(made.path.join("new")).unwrap();
    made.write("file", "edited");
    assert!(why(&made).contains("1 changed"));
    // The next run is given back what is missing, and nothing else.
    made.repository.prepare(&made.path).unwrap();
    assert_eq!(made.git(["status", "--porcelain"]), " M file");
    std::fs::write(git_dir.join("kanban-removing"), "").unwrap();
    // Only the link is left, and the repository has forgotten the worktree.
    made.sh("rm -r file .gitignore sub");
    std::fs::remove_dir_all(&git_dir).unwrap();
    made.goes("the link");
}

#[test]
fn what_git_cannot_judge_is_unknown() {
    let Some(made) = Made::new() else { return };
    let unknown = |what: &str| match examine(&patience(), &made.path) {
        Standing::Unknown(_) => {}
        other => panic!("{what}: {other:?}"),
    };
    let link = std::fs::read_to_string(made.path.join(".git")).unwrap();
    // Within another repository, git would answer for that one.
    git_in(made.path.parent().unwrap(), ["init", "--quiet"]);
    std::fs::remove_file(made.path.join(".git")).unwrap();
    unknown("no link");
    for text in ["gitdir: /no/where\n", "nonsense", ""] {
        std::fs::write(made.path.join(".git"), text).unwrap();
        unknown(text);
    }
    std::fs::write(made.path.join(".git"), &link).unwrap();
    assert_eq!(made.sweep(true), Swept::Removed);
    let git_dir = made.git_dir();
    for (name, text) in [("index", "no index"), ("HEAD", "nonsense"), ("commondir", "/no/where")] {
        let before = std::fs::read(git_dir.join(name)).unwrap();
        std::fs::write(git_dir.join(name), text).unwrap();
        unknown(name);
        std::fs::write(git_dir.join(name), before).unwrap();
    }
    assert_eq!(made.sweep(true), Swept::Removed);
    let other = made.repository.beside("other");
    made.repository.git(["worktree", "add", "-q", "--detach", other.to_str().unwrap()]);
    std::fs::copy(other.join(".git"), made.path.join(".git")).unwrap();
    unknown("the entry of another worktree");
    std::fs::write(made.path.join(".git"), &link).unwrap();
    let config = made.repository.path().join(".git/config");
    std::fs::write(config, "[broken").unwrap();
    unknown("the configuration");
    let unknown_at = |path: &PathBuf| {
        assert!(matches!(examine(&patience(), path), Standing::Unknown(_)), "{}", path.display());
    };
    let file = made.repository.beside("file");
    std::fs::write(&file, "").unwrap();
    unknown_at(&file);
    unknown_at(&Repository::new().path());
}

#[test]
fn a_salvage_ref_has_every_byte_and_leaves_index_and_branch_as_they_were() {
    let Some(made) = Made::new() else { return };
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    std::fs::write(made.path.join("binary"), &bytes).unwrap();
    made.write("file", "changed\n");
    made.write("staged", "staged\n");
    made.git(["add", "staged"]);
    made.write("staged", "and edited\n");
    std::fs::remove_file(made.path.join("sub/other")).unwrap();
    let before = made.git(["status", "--porcelain=v2", "--branch"]);
    let reference = made.kept("first").saved_as.unwrap();
    assert_eq!(reference, "refs/kanban/salvage/t_1/1");
    assert_eq!(made.git(["status", "--porcelain=v2", "--branch"]), before);
    assert_eq!(made.kept("the same work").saved_as.unwrap(), reference, "the same work once");
    made.write("file", "changed again\n");
    assert_eq!(made.kept("more work").saved_as.unwrap(), "refs/kanban/salvage/t_1/2");
    let restored = made.repository.beside("restored");
    let restore =
        ["worktree", "add", "--quiet", "--detach", restored.to_str().unwrap(), &reference];
    made.repository.git(restore);
    assert_eq!(std::fs::read(restored.join("binary")).unwrap(), bytes);
    assert_eq!(std::fs::read_to_string(restored.join("file")).unwrap(), "changed\n");
    assert_eq!(std::fs::read_to_string(restored.join("staged")).unwrap(), "and edited\n");
    assert!(!restored.join("sub/other").exists());
    let staged = format!("{reference}^2:staged");
    assert_eq!(made.repository.git(["show", &staged]), "staged", "the index is its second parent");
    made.repository.git(["stash", "apply", "--quiet", "--index", &reference]);
    assert_eq!(made.repository.git(["show", ":staged"]), "staged");
    let refs = made.repository.git(["for-each-ref", "--format=%(refname)", "refs/kanban"]);
    assert_eq!(refs.lines().count(), 2);
}
