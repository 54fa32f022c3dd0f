//! Repositories inside a worktree: submodules, clones, bare ones. They go with it, so what only they have keeps it.

use std::path::Path;

use kanband::os::workspaces::worktree::prepare::{Wanted, prepare};

use crate::repository::{BRANCH, Made, Repository, git_in, has_git, patience};

/// A repository with the submodule `vendor/lib`, beside which the submodule's own repository lies.
fn with_submodule() -> Option<Repository> {
    if !has_git() {
        return None;
    }
    let repository = Repository::new();
    let lib = repository.beside("lib");
    git_in(&lib, ["init", "--quiet", "--initial-branch=main"]);
    std::fs::write(lib.join("a"), "library\n").unwrap();
    git_in(&lib, ["add", "."]);
    git_in(&lib, ["commit", "--quiet", "--message=library"]);
    git_in(&lib, ["tag", "v1"]);
    let url = lib.to_str().unwrap();
    repository.git(["submodule", "--quiet", "add", url, "vendor/lib"]);
    repository.git(["commit", "--quiet", "--message=submodule"]);
    Some(repository)
}

const UPDATE: &str =
    "git -c protocol.file.allow=always submodule --quiet update --init --recursive";

#[test]
fn submodules_that_are_not_checked_out_are_told() {
    let Some(repository) = with_submodule() else { return };
    let prepared = repository.prepare(&repository.beside("t_1")).unwrap();
    let [note] = &prepared.notes[..] else { panic!("{prepared:?}") };
    assert!(note.contains("vendor/lib") && note.contains("worktree.submodules"), "{note}");
    let made = Made { path: repository.beside("t_1"), repository };
    made.goes("a worktree whose submodule was never checked out");
}

#[test]
fn a_clean_worktree_with_submodules_is_removed_and_whatever_only_a_submodule_has_keeps_it() {
    let uncommitted = "uncommitted work";
    let unpushed = "on no remote-tracking branch";
    let commit = "cd vendor/lib; echo x > b; git add b; git commit -qm b";
    for (what, script, reason) in [
        ("an edit", "echo x > vendor/lib/a".to_owned(), uncommitted),
        ("a hidden edit", "cd vendor/lib; git update-index --assume-unchanged a; echo x > a".to_owned(), uncommitted),
        ("a new file", "echo x > vendor/lib/new".to_owned(), uncommitted),
        ("a commit", commit.to_owned(), unpushed),
        ("a commit that was left", format!("{commit}; git checkout -q main; git branch -q --list")
            , unpushed),
        ("a branch", "cd vendor/lib; git checkout -q -b mine; git commit -q --allow-empty -m x; git checkout -q main".to_owned(), unpushed),
        ("a tag of a commit", "cd vendor/lib; git tag mine \"$(git commit-tree -m x 'HEAD^{tree}')\"".to_owned(), unpushed),
        ("a stash", "cd vendor/lib; echo x > a; git stash -q".to_owned(), unpushed),
        ("an operation", format!("{commit}; git bisect start -q HEAD HEAD~1"), "bisection"),
        ("a commit behind a checkout that is gone", format!("{commit}; cd ../..; git checkout -q -- . ; git submodule --quiet deinit -f vendor/lib"), unpushed),
        ("staged behind a checkout that is gone", "cd vendor/lib; echo x > a; git add a; cd ../..; rm -rf vendor/lib; mkdir vendor/lib".to_owned(), uncommitted),
    ] {
        let Some(repository) = with_submodule() else { return };
        let made = repository.made();
        made.sh(&format!("{UPDATE}; {script}"));
        let kept = made.kept(what);
        assert!(kept.why.contains(reason), "{what}: {}", kept.why);
        assert!(kept.why.contains("vendor/lib"), "{what}: {}", kept.why);
    }
    for (what, script) in [
        ("checked out", ""),
        ("and deinitialised", "git submodule --quiet deinit -f vendor/lib"),
        (
            "with a commit that was pushed",
            "cd vendor/lib; git checkout -q -b side; git commit -q --allow-empty -m x; git push -q origin side; git checkout -q main",
        ),
    ] {
        let Some(repository) = with_submodule() else { return };
        let made = repository.made();
        made.sh(&format!("{UPDATE}; {script}"));
        made.goes(what);
        let lib = made.repository.path().join("vendor/lib/a");
        assert!(lib.exists(), "that of the repository's own checkout stays");
    }
}

#[test]
fn submodules_of_submodules_count_as_well() {
    let Some(repository) = with_submodule() else { return };
    let inner = repository.beside("inner");
    git_in(&inner, ["init", "--quiet", "--initial-branch=main"]);
    git_in(&inner, ["commit", "--quiet", "--allow-empty", "--message=inner"]);
    let lib = repository.beside("lib");
    git_in(&lib, ["submodule", "--quiet", "add", inner.to_str().unwrap(), "deep"]);
    git_in(&lib, ["commit", "--quiet", "--message=deep"]);
    let checked_out = repository.path().join("vendor/lib");
    git_in(&checked_out, ["pull", "--quiet", "origin", "main"]);
    repository.git(["commit", "--quiet", "--all", "--message=newer"]);
    let made = repository.made();
    made.sh(UPDATE);
    assert!(made.path.join("vendor/lib/deep/.git").exists());
    made.sh("cd vendor/lib/deep; git commit -q --allow-empty -m x; git checkout -q HEAD~1");
    let why = made.kept("deep").why;
    assert!(why.contains("vendor/lib/deep"), "{why}");
    made.sh("cd vendor/lib/deep; git push -q origin HEAD@{1}:refs/heads/side");
    made.goes("pushed");
}

#[test]
fn any_repository_in_a_tree_counts_even_where_files_are_ignored() {
    for (what, script, reason) in [
        (
            "without a remote",
            "mkdir build; cd build; git init -q x; cd x; git commit -q --allow-empty -m x",
            "on no remote-tracking",
        ),
        (
            "with an edit",
            "mkdir build; git clone -q \"$R\" build/x; echo x > build/x/file",
            "uncommitted work",
        ),
        (
            "with a commit",
            "mkdir build; git clone -q \"$R\" build/x; cd build/x; git commit -q --allow-empty -m x",
            "on no remote-tracking",
        ),
        (
            "bare",
            "mkdir build; git clone -q --bare \"$R\" build/x; git -C build/x update-ref refs/heads/y \"$(git -C build/x commit-tree -m x 'HEAD^{tree}')\"",
            "on no remote-tracking",
        ),
        ("a worktree", "mkdir build; git worktree add -q --detach build/x", "is another worktree"),
        (
            "of a repository elsewhere",
            "mkdir build; git clone -q --separate-git-dir=\"$BESIDE\" \"$R\" build/x",
            "is a checkout of",
        ),
        (
            "with worktrees elsewhere",
            "mkdir build; git clone -q \"$R\" build/x; git -C build/x worktree add -q \"$BESIDE\"",
            "it has worktrees elsewhere",
        ),
        (
            "with a link to nowhere",
            "mkdir -p build/x; echo 'gitdir: /no/where' > build/x/.git",
            "has a broken `.git`",
        ),
        (
            "from which objects are borrowed",
            "mkdir build; git clone -q \"$R\" build/x; echo \"$PWD/build/x/.git/objects\" > \"$R/.git/objects/info/alternates\"",
            "borrows objects from",
        ),
    ] {
        if !has_git() {
            return;
        }
        let made = Repository::new().made();
        made.sh(script);
        let why = made.kept(what).why;
        assert!(why.contains(reason), "{what}: {why}");
    }
    for (what, script) in [
        ("a clone", "mkdir build; git clone -q \"$R\" build/x"),
        (
            "a clone of one tag",
            "git -C \"$R\" tag v1 \"$(git commit-tree -m x 'HEAD^{tree}')\"; mkdir build; git -c advice.detachedHead=false clone -q --branch v1 \"$R\" build/x",
        ),
        ("a shallow clone", "mkdir build; git clone -q --depth 1 \"file://$R\" build/x"),
        ("an empty repository", "mkdir build; git init -q build/x"),
    ] {
        if !has_git() {
            return;
        }
        let made = Repository::new().made();
        made.sh(script);
        made.goes(what);
    }
}

#[test]
fn submodules_are_checked_out_when_they_are_asked_for_and_stay_as_they_are_afterwards() {
    let Some(repository) = with_submodule() else { return };
    let path = repository.beside("t_1");
    // What the user of a worker would have in the configuration of git, to fetch from a directory at all.
    let wanted = |repository: &Repository, path: &Path| {
        let home = repository.beside("home");
        std::fs::create_dir_all(&home).unwrap();
        std::fs::write(home.join(".gitconfig"), "[protocol \"file\"]\n\tallow = always\n").unwrap();
        std::process::Command::new(env!("CARGO_BIN_EXE_kanban"))
            .args(["workspace", "prepare", "--submodules", "--branch", BRANCH, "--repository"])
            .arg(repository.path())
            .arg("--path")
            .arg(path)
            .env("HOME", home)
            .env_remove("GIT_CONFIG_GLOBAL")
            .output()
            .unwrap()
    };
    let made = wanted(&repository, &path);
    assert!(made.status.success(), "{made:?}");
    assert_eq!(std::fs::read_to_string(path.join("vendor/lib/a")).unwrap(), "library\n");
    let text = String::from_utf8(made.stdout).unwrap();
    assert!(text.contains("\"notes\":[]"), "{text}");
    std::fs::write(path.join("vendor/lib/a"), "edited\n").unwrap();
    assert!(wanted(&repository, &path).status.success());
    assert_eq!(std::fs::read_to_string(path.join("vendor/lib/a")).unwrap(), "edited\n");

    // One that cannot be had is a failure that names the setting.
    let other = with_submodule().unwrap();
    std::fs::remove_dir_all(other.beside("lib")).unwrap();
    std::fs::remove_dir_all(other.path().join(".git/modules")).unwrap();
    let (repository, path) = (&other.path(), &other.beside("t_1"));
    let wanted = Wanted { repository, path, branch: BRANCH, with_submodules: true };
    let error = prepare(&patience(), &wanted).unwrap_err().to_string();
    assert!(error.starts_with("worktree.submodules: "), "{error}");
}
