//! Whatever git calls the state of a worktree counts as work: `gc` keeps the tree, says why, and saves what can be saved; its dry run says
//! the same. What is elsewhere too does not keep it.

use std::process::Command;

use kanband::os::workspaces::worktree_report::Swept;
use support::skip;

use crate::repository::{Made, Repository, git_in, has_git};

/// What a worker leaves behind, a part of the reason, and the content that has to be in a ref afterwards.
type Case = (&'static str, &'static str, &'static str, Option<&'static str>);

fn each_is_kept(cases: &[Case]) {
    if !has_git() {
        return;
    }
    for (what, script, reason, saved) in cases {
        let made = Repository::new().made();
        made.sh(script);
        let kept = made.kept(what);
        assert!(kept.why.contains(reason), "{what}: {}", kept.why);
        if let Some(content) = saved {
            assert!(made.is_saved(content), "{what}: {kept:?}");
        }
    }
}

fn each_goes(cases: &[(&str, &str)]) {
    if !has_git() {
        return;
    }
    for (what, script) in cases {
        let made = Repository::new().made();
        made.sh(script);
        made.goes(what);
    }
}

const UNCOMMITTED: &str = "uncommitted work";

const EDITS: &[Case] = &[
    ("an edit", "echo precious > file", UNCOMMITTED, Some("precious")),
    ("a new file", "echo precious > new", UNCOMMITTED, Some("precious")),
    ("a removed file", "rm file", UNCOMMITTED, None),
    (
        "skip-worktree",
        "git update-index --skip-worktree file; echo precious > file",
        UNCOMMITTED,
        Some("precious"),
    ),
    (
        "assume-unchanged",
        "git update-index --assume-unchanged file; echo precious > file",
        UNCOMMITTED,
        Some("precious"),
    ),
    ("to be added", "echo precious > new; git add -N new", UNCOMMITTED, Some("precious")),
    (
        "staged, then undone in the tree",
        "echo precious > file; git add file; git show HEAD:file > file",
        UNCOMMITTED,
        Some("precious"),
    ),
    (
        "staged new, then removed",
        "echo precious > new; git add new; rm new",
        UNCOMMITTED,
        Some("precious"),
    ),
    (
        "staged although ignored, then edited",
        "echo staged > x.o; git add -f x.o; echo precious > x.o",
        UNCOMMITTED,
        Some("precious"),
    ),
    (
        "a mode that core.fileMode hides",
        "git config core.fileMode false; chmod +x file",
        UNCOMMITTED,
        None,
    ),
    ("a link instead of a file", "rm file; ln -s sub/other file", UNCOMMITTED, None),
    (
        "a file beside one that differs by case",
        "git config core.ignoreCase true; echo precious > FILE",
        UNCOMMITTED,
        Some("precious"),
    ),
    (
        "times set back",
        "git config core.trustctime false; git config core.checkStat minimal; touch -r file ../times; echo two > file; touch -r ../times file",
        UNCOMMITTED,
        None,
    ),
    (
        "names that are odd",
        "printf precious > \"$(printf 'a\\nb\\\\ \\377')\"; printf x > -n",
        UNCOMMITTED,
        Some("precious"),
    ),
    (
        "hidden by a setting",
        "git config status.showUntrackedFiles no; echo precious > new",
        UNCOMMITTED,
        Some("precious"),
    ),
    (
        "hidden by an ignore file elsewhere",
        "echo '*' > ../all; git config core.excludesFile \"$PWD/../all\"; echo precious > new",
        UNCOMMITTED,
        Some("precious"),
    ),
    (
        "hidden by a replacement",
        "echo precious > file; git replace \"$(git rev-parse HEAD:file)\" \"$(git hash-object -w file)\"",
        UNCOMMITTED,
        Some("precious"),
    ),
    (
        "another top",
        "mkdir ../other; git config core.worktree \"$PWD/../other\"; echo precious > new",
        UNCOMMITTED,
        Some("precious"),
    ),
    (
        "outside of a sparse checkout",
        "git sparse-checkout set --no-cone /file; mkdir sub; echo precious > sub/other; git update-index --skip-worktree sub/other",
        UNCOMMITTED,
        Some("precious"),
    ),
    (
        "an index that is split",
        "git update-index --split-index; echo precious > file; git update-index --assume-unchanged file",
        UNCOMMITTED,
        Some("precious"),
    ),
];

#[test]
fn an_edit_is_found_whatever_the_index_says_about_it() {
    each_is_kept(EDITS);
}

#[test]
fn an_operation_under_way_keeps_the_tree_and_its_parts_are_saved() {
    let conflict = "echo theirs > file; git commit -qam theirs; git branch side; git reset -q --hard HEAD~1; echo ours > file; git commit -qam ours; ";
    let merge = format!("{conflict} git merge -q side || true");
    let pick = format!("{conflict} git cherry-pick side >/dev/null || true");
    let revert = "echo a > file; git commit -qam a; echo b > file; git commit -qam b; git revert --no-edit HEAD~1 || true";
    let mail =
        format!("{conflict} git format-patch -q -1 side -o ../mails; git am -q ../mails/* || true");
    let quiet = "git checkout -q -b side; echo n > new; git add new; git commit -qm n; git checkout -q -; git merge -q --no-ff --no-commit side";
    let owned: Vec<(&str, String, &str, Option<&str>)> = vec![
        ("an autostash", "echo b > b; git add b; git commit -qm b; echo precious > file; git rebase --autostash --exec false HEAD~1 || true".into(), "a rebase is in progress", Some("precious")),
        ("a merge in conflict", merge, "a merge is in progress", Some("theirs")),
        ("a merge to be committed", quiet.into(), "a merge is in progress", Some("n")),
        ("a cherry-pick", pick, "a cherry-pick is in progress", Some("theirs")),
        ("a revert", revert.into(), "a revert is in progress", Some("b")),
        ("git am", mail, "`git am` is in progress", None),
        ("a bisection", "git commit -q --allow-empty -m x; git bisect start -q HEAD HEAD~1".into(), "a bisection is in progress", None),
        ("a lock", "touch \"$(git rev-parse --git-dir)/index.lock\"".into(), "index.lock exists", None),
        ("a locked worktree", "git worktree lock --reason 'on a stick' .".into(), "the worktree is locked: on a stick", None),
    ];
    for (what, script, reason, saved) in &owned {
        if !has_git() {
            return;
        }
        let made = Repository::new().made();
        made.sh(script);
        let kept = made.kept(what);
        assert!(kept.why.contains(reason), "{what}: {}", kept.why);
        if let Some(content) = saved {
            assert!(made.is_saved(content), "{what}: {kept:?}");
        }
    }
}

const LOOSE: &str = "reachable only from this worktree";

#[test]
fn commits_that_only_the_worktree_leads_to_are_saved_and_then_it_goes() {
    let commit = "echo precious > new; git add new; git commit -qm loose; ";
    let cases = [
        ("a detached head", format!("git checkout -q --detach; {commit}")),
        ("a detached head that was left", format!("git checkout -q --detach; {commit} git checkout -q -")),
        ("amended while detached", format!("git checkout -q --detach; {commit} git commit -q --amend -m again; git checkout -q kanban/t_1")),
        ("undone while detached", format!("git checkout -q --detach; {commit} git reset -q --hard HEAD~1; rm -rf \"$(git rev-parse --git-dir)/logs\"")),
        ("a ref of its own", format!("git checkout -q --detach; {commit} git update-ref refs/worktree/mine HEAD; git checkout -q -; rm -rf \"$(git rev-parse --git-dir)/logs\"")),
        ("a ref of a bisection", format!("git checkout -q --detach; {commit} git update-ref refs/bisect/mine HEAD; git checkout -q -")),
        ("a head that git does not know", format!("git checkout -q --detach; {commit} git rev-parse HEAD > \"$(git rev-parse --git-dir)/SOME_HEAD\"; git checkout -q -; rm -rf \"$(git rev-parse --git-dir)/logs\"")),
        ("its branch deleted", format!("{commit} git update-ref -d refs/heads/kanban/t_1")),
        ("fetched and not merged", "git init -q ../aside; cd ../aside; echo precious > new; git add new; git commit -qm x; cd - >/dev/null; git fetch -q ../aside".to_owned()),
    ];
    for (what, script) in cases {
        if !has_git() {
            return;
        }
        let made = Repository::new().made();
        made.sh(&script);
        let kept = made.kept(what);
        assert!(kept.why.contains(LOOSE), "{what}: {}", kept.why);
        assert!(made.is_saved("precious"), "{what}: {kept:?}");
        if !kept.why.contains(UNCOMMITTED) {
            made.goes(what);
            assert!(made.is_saved("precious"), "{what}: after the tree is gone");
        }
    }
}

#[test]
fn an_object_that_only_a_ref_of_the_worktree_names_is_saved() {
    let Some(made) = Made::new() else { return };
    made.sh("git update-ref refs/worktree/blob \"$(echo precious | git hash-object -w --stdin)\"");
    let kept = made.kept("a blob");
    let saved = kept.saved_as.unwrap();
    assert_eq!(made.repository.git(["cat-file", "blob", &saved]), "precious");
    made.goes("saved");
}

#[test]
fn what_is_elsewhere_too_does_not_keep_the_tree() {
    let commit = "echo x > new; git add new; git commit -qm work; ";
    each_goes(&[
        ("nothing", ""),
        ("ignored files", "echo x > x.o; mkdir -p build/a; echo x > build/a/b"),
        ("committed on its branch", commit),
        (
            "amended on its branch",
            "echo x > new; git add new; git commit -qm a; git commit -q --amend -m b",
        ),
        (
            "undone on its branch",
            "echo x > new; git add new; git commit -qm a; git reset -q --hard HEAD~1",
        ),
        ("rebased", "git commit -q --allow-empty -m a; git rebase -q --no-ff HEAD~1"),
        ("stashed", "echo x > file; git stash -q"),
        ("detached on a commit of a branch", "git checkout -q --detach"),
        ("its branch renamed", "git branch -m other"),
        ("on another branch", "git checkout -q -b other; git commit -q --allow-empty -m x"),
        ("a sparse checkout", "git sparse-checkout set --no-cone /file"),
        (
            "a sparse index",
            "git sparse-checkout init --cone --sparse-index; git sparse-checkout set sub",
        ),
        ("a split index", "git update-index --split-index"),
        (
            "flags without an edit",
            "git update-index --skip-worktree file; git update-index --assume-unchanged sub/other",
        ),
        ("touched", "touch file; sleep 0; touch sub/other"),
        (
            "settings of its own",
            "git config extensions.worktreeConfig true; git config --worktree user.name bob",
        ),
        ("empty directories", "mkdir -p empty/er"),
        ("a closed directory that is ignored", "mkdir -p build/closed; chmod 500 build/closed"),
    ]);
}

#[test]
fn a_checkout_whose_line_ends_are_changed_by_the_repositorys_setting_is_clean() {
    if !has_git() {
        return;
    }
    let repository = Repository::new();
    repository.git(["config", "core.autocrlf", "true"]);
    let made = repository.made();
    assert_eq!(std::fs::read_to_string(made.path.join("file")).unwrap(), "one\r\n");
    made.goes("line ends");
}

#[test]
fn a_repository_of_another_format_is_read_or_keeps_its_trees() {
    if !has_git() {
        return;
    }
    let made = Repository::new().made();
    let config = made.repository.path().join(".git/config");
    let mut text = std::fs::read_to_string(&config).unwrap();
    text = text.replace("repositoryformatversion = 0", "repositoryformatversion = 1");
    std::fs::write(&config, format!("{text}[extensions]\n\tfuture = true\n")).unwrap();
    let why = made.kept("an extension that is not known").why;
    assert!(
        why.contains("cannot determine its state") && why.contains("extensions.future"),
        "{why}"
    );

    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("repository");
    git_in(&path, ["init", "--quiet", "--object-format=sha256"]);
    std::fs::write(path.join("file"), "one\n").unwrap();
    git_in(&path, ["add", "."]);
    git_in(&path, ["commit", "--quiet", "--message=first"]);
    let wanted = kanband::os::workspaces::worktree::prepare::Wanted {
        repository: &path,
        path: &temp.path().join("t_1"),
        branch: "kanban/t_1",
        with_submodules: false,
    };
    kanband::os::workspaces::worktree::prepare::prepare(&crate::repository::patience(), &wanted)
        .unwrap();
    std::fs::write(wanted.path.join("new"), "precious").unwrap();
    let swept = kanband::os::workspaces::worktree::sweep::sweep(
        &crate::repository::patience(),
        wanted.path,
        "t_1",
        false,
    );
    let Swept::Kept { saved_as: Some(saved), .. } = swept else {
        panic!("{swept:?}");
    };
    assert_eq!(git_in(&path, ["show", &format!("{saved}:new")]), "precious");
}

#[test]
fn what_cannot_be_saved_keeps_nothing_else_from_it() {
    let Some(made) = Made::new() else { return };
    made.sh("git checkout -q --detach; echo lost > a; git add a; git commit -qm loose; git checkout -q -; echo precious > new; mkdir in; cd in; git init -q; echo x > y");
    let kept = made.kept("three parts");
    let [content, commits, nested] = &kept.parts[..] else { panic!("{kept:?}") };
    assert!(content.saved_as.is_some() && commits.saved_as.is_some(), "{kept:?}");
    assert!(nested.what.contains("repository `in`") && nested.not_saved.is_some(), "{kept:?}");
    assert!(made.is_saved("precious") && made.is_saved("lost"));
    if !nix::unistd::geteuid().is_root() {
        made.write("closed", "x");
        made.sh("chmod 000 closed; echo second > new");
        let kept = made.kept("a file that cannot be read");
        assert!(kept.parts[0].not_saved.as_ref().unwrap().contains("closed"), "{kept:?}");
        assert!(made.is_saved("second"));
    }
}

#[test]
fn a_worktree_that_was_moved_is_left_where_it_is() {
    let Some(made) = Made::new() else { return };
    made.sh("echo precious > new; git worktree move . ../moved");
    assert_eq!(made.sweep(true), Swept::Gone);
    assert_eq!(made.sweep(false), Swept::Gone);
    assert!(made.repository.beside("moved/new").exists());
}

#[test]
fn what_cannot_be_looked_into_or_removed_keeps_the_tree() {
    let Some(made) = Made::new() else { return };
    if !nix::unistd::geteuid().is_root() {
        skip("only root can make files that it may not remove");
        return;
    }
    made.sh("mkdir -p build/deep; touch build/deep/fixed");
    let fixed = made.path.join("build/deep/fixed");
    let chattr = |flag: &str| Command::new("chattr").arg(flag).arg(&fixed).status();
    if chattr("+i").is_ok_and(|status| status.success()) {
        let kept = made.kept("an immutable file");
        assert!(chattr("-i").unwrap().success());
        assert!(kept.why.contains("`build/deep/fixed` is immutable"), "{}", kept.why);
        assert!(fixed.exists());
    } else {
        skip("a file is immutable: chattr(1) does not work here");
    }
    // To a user who may not read a directory, git says nothing of what is in it.
    made.sh("mkdir closed; echo precious > closed/new; chmod 000 closed");
    let games = 5;
    let every = ["-R", "games:games"];
    for path in [made.path.clone(), made.repository.path()] {
        assert!(Command::new("chown").args(every).arg(path).status().unwrap().success());
    }
    let passable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(made.repository.beside("."), passable).unwrap();
    let mut sweep = Command::new(env!("CARGO_BIN_EXE_kanban"));
    std::os::unix::process::CommandExt::uid(&mut sweep, games);
    sweep.args(["workspace", "sweep", "--name", "t_1", "--path"]).arg(&made.path).current_dir("/");
    let Ok(ended) = sweep.output() else {
        skip("other users cannot execute the program under test where it is");
        return;
    };
    let message = String::from_utf8(ended.stdout).unwrap();
    assert!(message.contains("cannot read directory `closed`"), "{message} {:?}", ended.stderr);
    assert!(made.path.join("closed/new").exists());
    // A file that cannot be read keeps no other from being saved.
    made.sh("rm -r closed; echo precious > new; echo x > unread; chmod 000 unread; chown games:games new unread");
    let message = String::from_utf8(sweep.output().unwrap().stdout).unwrap();
    assert!(message.contains("not_saved") && message.contains("unread"), "{message}");
    assert!(made.is_saved("precious"), "{message}");
}

#[test]
fn refs_in_tables_are_read_like_those_in_files() {
    if !has_git() {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let probe = ["init", "-q", "--ref-format=reftable"];
    let probe = Command::new("git").args(probe).arg(temp.path()).output().unwrap();
    if !probe.status.success() {
        skip("this git knows no tables of refs (it needs 2.45)");
        return;
    }
    let repository = Repository::with(&["--ref-format=reftable"]);
    let made = repository.made();
    made.sh("echo committed > new; git add new; git commit -qm work");
    assert_eq!(made.sweep(true), Swept::Removed);
    made.sh("git checkout -q --detach; echo precious > a; git add a; git commit -qm loose; git checkout -q -; git update-ref refs/worktree/x \"$(echo own | git hash-object -w --stdin)\"");
    let kept = made.kept("in tables");
    assert!(kept.why.contains(LOOSE), "{}", kept.why);
    assert!(made.is_saved("precious") && made.is_saved("own"), "{kept:?}");
    made.goes("saved");
}
