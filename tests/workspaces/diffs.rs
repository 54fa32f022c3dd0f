//! What a worktree has changed against its merge base, as real git sees it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use kanband::os::workspaces::diff_report::{ChangedFile, PATCH_BYTES_MAX};
use kanband::os::workspaces::git::{Git, GitError};
use kanband::os::workspaces::worktree::diff::{Asked, Diff, DiffError, diff};
use kanband::os::workspaces::worktree::prepare::Wanted;
use kanband::os::workspaces::worktree::start::start;
use kanband::os::workspaces::worktree_report::PreparedWorktree;

use crate::repository::{BRANCH, Made, Repository, git_in, has_git, patience};

/// Begins a run in the worktree of a repository.
fn begin(repository: &Repository, run: i64, with_changes: bool) -> PreparedWorktree {
    let (path, from) = (repository.beside("t_1"), repository.path());
    let wanted = Wanted { repository: &from, path: &path, branch: BRANCH, with_submodules: false };
    start(&patience(), &wanted, Some(run), with_changes.then(|| Duration::from_secs(120))).unwrap()
}

/// A worktree in which run 1 has begun.
pub fn begun(repository: Repository) -> Made {
    begin(&repository, 1, false);
    let path = repository.beside("t_1");
    Made { repository, path }
}

fn new() -> Option<Made> {
    has_git().then(|| begun(Repository::new()))
}

fn asked<'a>(made: &'a Made, files: &'a [Vec<u8>]) -> Asked<'a> {
    Asked { path: &made.path, followers: &[], must_have_begun: false, files, with_patch: true }
}

pub fn of(made: &Made) -> Diff {
    diff(&patience(), &asked(made, &[])).unwrap()
}

fn why(made: &Made) -> String {
    diff(&patience(), &asked(made, &[])).unwrap_err().to_string()
}

fn lines(diff: &Diff) -> Vec<String> {
    diff.report.files.iter().map(ChangedFile::line).collect()
}

fn commit(made: &Made, message: &str) {
    made.sh(&format!("git add -A && git commit --quiet --message='{message}'"));
}

/// Files, links and modes below a directory, without git's own.
fn tree(path: &Path) -> BTreeMap<std::path::PathBuf, (bool, Vec<u8>)> {
    use std::os::unix::fs::PermissionsExt as _;
    let (mut found, mut open) = (BTreeMap::new(), vec![path.to_owned()]);
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let meta = entry.path().symlink_metadata().unwrap();
            let name = entry.path().strip_prefix(path).unwrap().to_owned();
            if entry.file_name() == ".git" {
            } else if meta.is_dir() {
                open.push(entry.path());
            } else if meta.is_symlink() {
                let target = std::fs::read_link(entry.path()).unwrap();
                found.insert(name, (false, target.as_os_str().as_bytes().to_vec()));
            } else {
                let is_executable = meta.permissions().mode() & 0o100 != 0;
                found.insert(name, (is_executable, std::fs::read(entry.path()).unwrap()));
            }
        }
    }
    found
}

#[test]
fn the_patch_makes_of_the_base_what_is_in_the_worktree_and_nothing_is_written() {
    let Some(made) = new() else { return };
    made.write("committed", "a\nb\n");
    commit(&made, "one");
    made.write("committed", "a\nB\n");
    made.write("file", "one\nmore\n");
    made.write("new", "new\n");
    made.write("empty", "");
    made.write("no newline", "x");
    made.write("ignored.o", "no\n");
    made.sh("git mv sub/other sub/moved; echo staged > staged; git add staged; echo edited > staged
        git rm --quiet --cached .gitignore; chmod +x file; ln -s new link; mkdir deep; echo y > deep/y
        git update-index --assume-unchanged file");
    made.sh("echo '*.o' > .gitignore");
    let git_dir = made.git_dir();
    let common = made.repository.path().join(".git");
    let before = (tree(&common.join("objects")), std::fs::read(git_dir.join("index")).unwrap());
    let diff = of(&made);
    assert_eq!(
        before,
        (tree(&common.join("objects")), std::fs::read(git_dir.join("index")).unwrap())
    );
    assert_eq!(diff.report.base_branch.as_deref(), Some("main"));
    assert_eq!(diff.report.base_commit, made.repository.git(["rev-parse", "main"]));
    assert_eq!(diff.report.branch.as_deref(), Some(BRANCH));
    assert_eq!(diff.report.head, made.git(["rev-parse", "HEAD"]));
    assert!(diff.report.has_uncommitted);
    assert_eq!(
        lines(&diff),
        [
            "M  +0 -1        .gitignore",
            "A  +2 -0        committed",
            "A  +1 -0        deep/y",
            "A  +0 -0        empty",
            "M  +1 -0        file",
            "A  +1 -0        link",
            "A  +1 -0        new",
            "A  +1 -0        no newline",
            "A  +1 -0        staged",
            "R  +0 -0        sub/other => sub/moved",
        ]
    );
    assert_eq!((diff.report.file_count, diff.report.added, diff.report.deleted), (10, 8, 1));
    let copy = made.repository.beside("copy");
    let (from, base) = (made.repository.path(), &diff.report.base_commit);
    made.repository.git([
        OsStr::new("clone"),
        OsStr::new("--quiet"),
        from.as_os_str(),
        copy.as_os_str(),
    ]);
    git_in(&copy, ["checkout", "--quiet", base]);
    std::fs::write(made.repository.beside("patch"), &diff.patch).unwrap();
    git_in(&copy, [OsStr::new("apply"), made.repository.beside("patch").as_os_str()]);
    std::fs::remove_file(made.path.join("ignored.o")).unwrap();
    assert_eq!(tree(&copy), tree(&made.path));
}

#[test]
fn a_name_is_a_name_whatever_it_is_made_of_and_can_be_asked_for() {
    let Some(made) = new() else { return };
    let names: [&[u8]; 7] = [
        b"a\nb",
        b"\xff\xfe",
        b"-p",
        b"--output=x",
        b"\"quoted\"",
        b":(glob)*",
        "\u{fc}".as_bytes(),
    ];
    for (number, name) in names.iter().enumerate() {
        std::fs::write(made.path.join(OsStr::from_bytes(name)), format!("no. {number}\n")).unwrap();
    }
    let all = of(&made);
    assert_eq!(all.report.file_count, 7);
    for (number, name) in names.into_iter().enumerate() {
        let files = [name.to_vec()];
        let one = diff(&patience(), &asked(&made, &files)).unwrap();
        assert_eq!(lines(&one).len(), 1, "{}", String::from_utf8_lossy(name));
        let parts = one.patch.windows(11).filter(|part| part == b"diff --git ");
        assert_eq!(parts.count(), 1, "{}", String::from_utf8_lossy(&one.patch));
        let patch = String::from_utf8_lossy(&one.patch).into_owned();
        assert!(patch.contains(&format!("+no. {number}\n")), "{patch}");
        assert!(lines(&all).contains(&lines(&one)[0]));
        assert!(!lines(&one)[0].contains('\n'));
    }
    let files = [b"file".to_vec()];
    let error = diff(&patience(), &asked(&made, &files)).unwrap_err();
    assert_eq!(error.to_string(), "file is not among the changed files");
    assert!(!made.path.join("x").exists());
}

#[test]
fn no_attribute_decides_what_is_shown_of_a_file() {
    let Some(made) = new() else { return };
    made.write(".gitattributes", "* -diff\n");
    made.write("file", "changed\n");
    made.write("new", "new\n");
    std::fs::create_dir_all(made.repository.path().join(".git/info")).unwrap();
    std::fs::write(made.repository.path().join(".git/info/attributes"), "new binary\n").unwrap();
    let found = of(&made);
    let patch = String::from_utf8_lossy(&found.patch).into_owned();
    assert!(patch.contains("+changed\n") && patch.contains("+new\n"), "{patch}");
    assert!(found.report.files.iter().all(|file| !file.is_binary), "{:?}", lines(&found));
}

#[test]
fn the_parts_of_a_renamed_file_and_of_a_directory_are_found_by_either_name() {
    let Some(made) = new() else { return };
    made.sh("git mv sub/other moved; echo x > file; mkdir deep; echo y > deep/y");
    for (name, expected) in [
        ("sub", vec!["R  +0 -0        sub/other => moved"]),
        ("./moved", vec!["R  +0 -0        sub/other => moved"]),
        ("deep/", vec!["A  +1 -0        deep/y"]),
    ] {
        let files = [name.as_bytes().to_vec()];
        let found = diff(&patience(), &asked(&made, &files)).unwrap();
        assert_eq!(lines(&found), expected, "{name}");
        let patch = String::from_utf8_lossy(&found.patch).into_owned();
        assert_eq!(patch.matches("diff --git").count(), 1, "{patch}");
        assert_eq!(patch.contains("rename from sub/other"), name != "deep/", "{patch}");
    }
}

#[test]
fn what_is_no_text_is_named_and_a_pipe_is_not_waited_for() {
    let Some(made) = new() else { return };
    std::fs::write(made.path.join("binary"), b"\0\x01\x02").unwrap();
    std::fs::remove_file(made.path.join("file")).unwrap();
    symlink("elsewhere", made.path.join("file")).unwrap();
    made.sh(
        "rm sub/other; mkfifo sub/other; mkfifo pipe; git init --quiet nested; echo x > nested/x",
    );
    let inner = made.repository.beside("inner");
    git_in(&inner, ["init", "--quiet"]);
    git_in(&inner, ["commit", "--quiet", "--allow-empty", "--message=inner"]);
    made.git([
        OsStr::new("submodule"),
        OsStr::new("--quiet"),
        OsStr::new("add"),
        inner.as_os_str(),
        OsStr::new("module"),
    ]);
    let diff = of(&made);
    assert_eq!(
        lines(&diff),
        [
            "A  +3 -0        .gitmodules",
            "A  binary       binary",
            "T  +1 -1        file",
            "A  +1 -0        module (submodule)",
            "D  +0 -1        sub/other",
        ]
    );
    assert!(
        diff.report.notes[1].contains("1 repositories in the worktree are not shown: nested/"),
        "{:?}",
        diff.report.notes
    );
    assert!(diff.report.notes[0].contains("instead: sub/other"), "{:?}", diff.report.notes);
    let patch = String::from_utf8_lossy(&diff.patch).into_owned();
    assert!(patch.contains("Binary files /dev/null and b/binary differ"), "{patch}");
    assert!(patch.contains("+Subproject commit"), "{patch}");
}

#[test]
fn the_base_is_the_merge_base_and_where_there_is_none_the_commit_at_which_it_began() {
    let Some(made) = new() else { return };
    let began = made.repository.git(["rev-parse", "main"]);
    made.write("mine", "mine\n");
    commit(&made, "mine");
    // What the base has since is none of its changes, and neither is what it takes over from there.
    std::fs::write(made.repository.path().join("theirs"), "theirs\n").unwrap();
    made.repository.git(["add", "."]);
    made.repository.git(["commit", "--quiet", "--message=theirs"]);
    assert_eq!(
        (lines(&of(&made)), of(&made).report.base_commit),
        (vec!["A  +1 -0        mine".to_owned()], began.clone())
    );
    made.sh("git merge --quiet --no-edit main");
    let base = made.repository.git(["rev-parse", "main"]);
    assert_eq!((lines(&of(&made)).len(), of(&made).report.base_commit), (1, base));
    // The base has all of it.
    made.repository.git(["merge", "--quiet", BRANCH]);
    let merged = of(&made);
    assert_eq!((lines(&merged).len(), &merged.report.base_commit), (2, &began));
    assert!(
        merged.report.notes[0].contains("`main` has all of its commits"),
        "{:?}",
        merged.report.notes
    );
    // The base is gone.
    made.repository.git(["branch", "--move", "main", "trunk"]);
    let gone = of(&made);
    assert_eq!((&gone.report.base_commit, gone.report.base_branch), (&began, None));
    assert!(gone.report.notes[0].contains("branch `main` is gone"), "{:?}", gone.report.notes);
    std::fs::remove_file(made.git_dir().join("kanban-base")).unwrap();
    made.repository.git(["symbolic-ref", "HEAD", "refs/heads/main"]);
    assert_eq!(
        why(&made),
        "the branch `main` that it was made from is gone, and the commit at which it began is not recorded"
    );
}

#[test]
fn a_branch_without_a_commit_or_without_a_common_one_is_said_so() {
    let Some(made) = new() else { return };
    made.sh("git checkout --quiet --orphan empty");
    assert_eq!(why(&made), "its branch `empty` has no commit yet");
    commit(&made, "another beginning");
    std::fs::remove_file(made.git_dir().join("kanban-base")).unwrap();
    assert_eq!(why(&made), "it has no commit in common with the branch `main`");
    made.sh("git checkout --quiet --detach main; echo x > detached");
    let detached = of(&made);
    assert_eq!((detached.report.branch.as_deref(), lines(&detached).len()), (None, 1));
}

#[test]
fn what_a_run_left_is_where_the_next_one_began() {
    let Some(made) = new() else { return };
    made.write("one", "1\n");
    commit(&made, "one");
    let left = made.git(["rev-parse", "HEAD"]);
    made.write("uncommitted", "x\n");
    assert!(begin(&made.repository, 4, false).is_reused);
    made.write("two", "2\n");
    commit(&made, "two");
    let asked = |followers: &'static [i64], must_have_begun: bool| {
        let asked =
            Asked { path: &made.path, followers, must_have_begun, files: &[], with_patch: true };
        diff(&patience(), &asked)
    };
    for followers in [&[4][..], &[3, 4]] {
        let first = asked(followers, true).unwrap();
        assert_eq!(
            (lines(&first), &first.report.head),
            (vec!["A  +1 -0        one".to_owned()], &left)
        );
        assert!(!first.report.has_uncommitted);
        assert_eq!(String::from_utf8_lossy(&first.patch).matches("diff --git").count(), 1);
    }
    assert_eq!(lines(&asked(&[], false).unwrap()).len(), 3);
    // One that never began in the worktree left it as it was.
    assert_eq!(lines(&asked(&[5], false).unwrap()).len(), 3);
    assert!(matches!(asked(&[5], true).unwrap_err(), DiffError::NoRecord));
    made.sh("git checkout --quiet main --detach; git branch --force kanban/t_1 main; git reflog expire --all --expire=all; git gc --quiet --prune=now");
    assert!(asked(&[4], true).unwrap_err().to_string().contains("no longer in the repository"));
}

#[test]
fn a_reviewer_is_told_of_the_first_files_and_of_all_numbers() {
    let Some(made) = new() else { return };
    for number in 0..60 {
        made.write(&format!("file{number}"), "x\n");
    }
    commit(&made, "many");
    let changes = begin(&made.repository, 2, true).changes.unwrap();
    assert_eq!((changes.files.len(), changes.file_count, changes.added), (40, 60, 60));
    made.sh("git checkout --quiet --orphan empty");
    let prepared = begin(&made.repository, 3, true);
    assert_eq!(prepared.changes, None);
    assert!(
        prepared.notes.iter().any(|note| note.contains("`empty` has no commit yet")),
        "{:?}",
        prepared.notes
    );
}

#[test]
fn a_huge_diff_is_cut_and_says_what_is_left_out() {
    let Some(made) = new() else { return };
    let line = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n";
    let large = line.repeat(PATCH_BYTES_MAX / line.len() + 10);
    made.write("a-large", &large);
    made.write("b-small", "x\n");
    let all = of(&made);
    let left_out = all.report.left_out.clone().unwrap();
    assert_eq!((left_out.file_count, left_out.files), (1, vec!["a-large".to_owned()]));
    assert!(String::from_utf8_lossy(&all.patch).contains("b/b-small"));
    let files = [b"a-large".to_vec()];
    let one = diff(&patience(), &asked(&made, &files)).unwrap();
    assert!(one.patch.len() <= PATCH_BYTES_MAX && one.patch.len() > PATCH_BYTES_MAX - 100);
    assert!(one.patch.ends_with(format!("+{line}").as_bytes()));
    assert!(one.report.left_out.unwrap().cut_bytes > 0);
    made.write("c-huge", &line.repeat(17 * 1024 * 1024 / line.len()));
    assert!(lines(&of(&made)).contains(&"A  binary       c-huge".to_owned()));
}

#[test]
fn a_file_behind_a_filter_is_taken_as_stored_unless_it_was_edited() {
    if !has_git() {
        return;
    }
    let repository = Repository::new();
    std::fs::write(repository.path().join(".gitattributes"), "*.bin filter=lfs\n").unwrap();
    std::fs::write(repository.path().join("a.bin"), "pointer\n").unwrap();
    std::fs::write(repository.path().join("b.bin"), "pointer\n").unwrap();
    repository.git(["add", "."]);
    repository.git(["commit", "--quiet", "--message=pointers"]);
    let made = begun(repository);
    // As `git lfs pull` does: the content is there, and the index knows its times.
    made.sh("echo content > a.bin; touch -d '2020-01-01' a.bin
        git -c filter.lfs.clean='echo pointer; true' update-index --refresh a.bin || true
        echo edited > b.bin");
    let diff = of(&made);
    assert_eq!(lines(&diff), ["M  +1 -1        b.bin"]);
    assert!(diff.report.notes.iter().any(|note| note.contains("a.bin")), "{:?}", diff.report.notes);
}

#[test]
fn a_place_without_a_worktree_is_said_so() {
    let Some(made) = new() else { return };
    let at = |path: &Path| {
        let asked = Asked { path, ..asked(&made, &[]) };
        diff(&patience(), &asked).unwrap_err().to_string()
    };
    let gone = made.repository.beside("gone");
    assert_eq!(at(&gone), format!("its worktree {} is gone", gone.display()));
    std::fs::create_dir(&gone).unwrap();
    assert!(at(&gone).ends_with("is gone"));
    std::fs::write(gone.join("file"), "").unwrap();
    assert!(
        at(&gone).contains("not in a git repository") || at(&gone).contains(".git"),
        "{}",
        at(&gone)
    );
    assert!(at(&made.repository.path()).contains("it is a repository of its own"));
    assert!(at(&made.path.join("file")).contains("not a directory"));
    std::fs::write(made.git_dir().join("kanban-removing"), "").unwrap();
    assert_eq!(why(&made), "the files of its worktree are being removed; try again");
}

#[test]
fn a_comparison_that_takes_too_long_is_given_up() {
    let Some(made) = new() else { return };
    made.write("new", "x\n");
    let error = diff(&Git::within(Duration::ZERO), &asked(&made, &[])).unwrap_err();
    assert!(matches!(error, DiffError::Git(GitError::Timeout)), "{error}");
}
