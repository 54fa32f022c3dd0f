//! A repository whose configuration, attributes and hooks name a program wherever git would start one: none of them runs when a
//! worktree is made, looked at, saved or removed, and nothing is written outside of the repository.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use kanband::os::workspaces::git::repository::{RepositoryError, find};
use kanband::os::workspaces::worktree::prepare::{Wanted, prepare};
use kanband::os::workspaces::worktree_report::Swept;
use support::skip;

use crate::repository::{BRANCH, Made, Repository, git_in, has_git, patience};

/// Settings whose value is a program.
const PROGRAMS: [&str; 31] = [
    "alias.status",
    "core.alternateRefsCommand",
    "core.askPass",
    "core.editor",
    "core.fsmonitor",
    "core.gitProxy",
    "core.pager",
    "core.sshCommand",
    "credential.helper",
    "diff.external",
    "diff.evil.command",
    "diff.evil.textconv",
    "filter.evil.clean",
    "filter.evil.process",
    "filter.evil.smudge",
    "filter.other.clean",
    "filter.other.smudge",
    "gpg.program",
    "gpg.ssh.program",
    "interactive.diffFilter",
    "merge.evil.driver",
    "pager.status",
    "pager.log",
    "remote.origin.receivepack",
    "remote.origin.uploadpack",
    "remote.origin.vcs",
    "sequence.editor",
    "tar.tar.command",
    "trailer.evil.command",
    "uploadpack.packObjectsHook",
    "web.browser",
];

/// Settings that let the others take effect.
const SWITCHES: [(&str, &str); 19] = [
    ("commit.gpgSign", "true"),
    ("core.fsmonitorHookVersion", "2"),
    ("core.untrackedCache", "true"),
    ("extensions.worktreeConfig", "true"),
    ("fetch.recurseSubmodules", "true"),
    ("filter.evil.required", "true"),
    ("log.showSignature", "true"),
    ("protocol.allow", "always"),
    ("protocol.ext.allow", "always"),
    ("protocol.file.allow", "always"),
    ("push.recurseSubmodules", "on-demand"),
    ("remote.origin.promisor", "true"),
    ("remote.origin.partialclonefilter", "blob:none"),
    ("safe.bareRepository", "all"),
    ("submodule.recurse", "true"),
    ("tag.gpgSign", "true"),
    ("url.ext::evil.insteadOf", "https://"),
    ("gc.auto", "1"),
    ("maintenance.auto", "true"),
];

const HOOKS: [&str; 12] = [
    "applypatch-msg",
    "fsmonitor-watchman",
    "post-checkout",
    "post-commit",
    "post-index-change",
    "post-merge",
    "post-rewrite",
    "pre-auto-gc",
    "pre-commit",
    "prepare-commit-msg",
    "reference-transaction",
    "update",
];

/// Where every program leaves its name.
fn trace(repository: &Repository) -> PathBuf {
    repository.beside("trace")
}

fn program(repository: &Repository, name: &str) -> PathBuf {
    let path = repository.beside("programs").join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let text = format!("#!/bin/sh\necho {name} >> {}\ncat\n", trace(repository).display());
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// Arms the repository whose own directory is `git_dir`.
fn arm(repository: &Repository, git_dir: &Path) {
    let mut config = std::fs::read_to_string(git_dir.join("config")).unwrap();
    config = config.replace("repositoryformatversion = 0", "repositoryformatversion = 1");
    for name in PROGRAMS {
        config.push_str(&line(name, &program(repository, name).display().to_string()));
    }
    for (name, value) in SWITCHES {
        config.push_str(&line(name, value));
    }
    let command = format!("!{}", program(repository, "submodule.update").display());
    config.push_str(&line("submodule.evil.update", &command));
    let transport = format!("ext::{}", program(repository, "transport").display());
    config.push_str(&line("remote.origin.url", &transport));
    config.push_str("[extensions]\n\tpartialClone = origin\n");
    let hooks = git_dir.join("hooks");
    std::fs::create_dir_all(&hooks).unwrap();
    for name in HOOKS {
        let hook = hooks.join(name);
        drop(std::fs::remove_file(&hook));
        std::os::unix::fs::symlink(program(repository, &format!("hook-{name}")), hook).unwrap();
    }
    for (name, value) in [
        ("trace2.eventTarget", repository.beside("outside/trace2")),
        ("trace2.normalTarget", repository.beside("outside/trace2-normal")),
        ("core.worktree", repository.beside("outside")),
        ("core.hooksPath", hooks),
    ] {
        config.push_str(&line(name, &value.display().to_string()));
    }
    // What is included names one more program.
    let included = repository.beside("included");
    let name = "filter.included.clean";
    std::fs::write(&included, line(name, &program(repository, name).display().to_string()))
        .unwrap();
    config.push_str(&line("include.path", &included.display().to_string()));
    config.push_str(&line("includeIf.gitdir:/.path", &included.display().to_string()));
    std::fs::write(git_dir.join("config"), config).unwrap();
    std::fs::create_dir_all(git_dir.join("info")).unwrap();
    let attributes = "* filter=evil diff=evil merge=evil\nsub/** filter=included\n";
    std::fs::write(git_dir.join("info/attributes"), attributes).unwrap();
}

/// `section.sub.key = value` as a file has it.
fn line(name: &str, value: &str) -> String {
    let (section, key) = name.rsplit_once('.').unwrap();
    let section = match section.split_once('.') {
        Some((section, sub)) => format!("{section} \"{sub}\""),
        None => section.to_owned(),
    };
    format!("[{section}]\n\t{key} = {value}\n")
}

struct Hostile {
    made: Made,
}

impl Hostile {
    fn new() -> Option<Self> {
        if !has_git() {
            return None;
        }
        let repository = Repository::new();
        std::fs::create_dir(repository.beside("outside")).unwrap();
        arm(&repository, &repository.path().join(".git"));
        let path = repository.beside("t_1");
        let hostile = Self { made: Made { repository, path } };
        hostile.made.repository.prepare(&hostile.made.path).unwrap();
        hostile.nothing_ran("a worktree was made");
        Some(hostile)
    }

    fn nothing_ran(&self, when: &str) {
        let trace = trace(&self.made.repository);
        let ran = std::fs::read_to_string(&trace).unwrap_or_default();
        assert_eq!(ran, "", "{when}");
        let outside = std::fs::read_dir(self.made.repository.beside("outside")).unwrap();
        assert_eq!(outside.count(), 0, "{when}");
    }
}

#[test]
fn nothing_that_a_repository_names_is_executed_and_nothing_outside_is_written() {
    let Some(hostile) = Hostile::new() else { return };
    let made = &hostile.made;
    assert_eq!(std::fs::read_to_string(made.path.join("file")).unwrap(), "one\n");
    assert!(made.repository.prepare(&made.path).unwrap().is_reused);
    made.write("file", "precious\n");
    made.write("new", "new\n");
    // Of a lazily fetched repository: an object that is not there.
    let git_dir = made.repository.path().join(".git");
    std::fs::write(git_dir.join("worktrees/t_1/ORIG_HEAD"), "0123456789".repeat(4)).unwrap();
    assert!(matches!(made.sweep(true), Swept::Kept { .. }));
    hostile.nothing_ran("a dry run");
    // Neither by its configuration nor by its attributes may it hide what was changed.
    made.write(".gitattributes", "* -diff\nfile binary\nnew diff=evil\n");
    let compared = crate::diffs::of(made);
    hostile.nothing_ran("a diff was made");
    let patch = String::from_utf8_lossy(&compared.patch).into_owned();
    assert!(patch.contains("+precious") && patch.contains("+new"), "{patch}");
    std::fs::remove_file(made.path.join(".gitattributes")).unwrap();
    let Swept::Kept { saved_as: Some(saved), .. } = made.sweep(false) else {
        panic!("{:?}", made.sweep(false))
    };
    hostile.nothing_ran("the work was saved");
    std::fs::write(made.path.join("file"), "one\n").unwrap();
    std::fs::remove_file(made.path.join("new")).unwrap();
    assert_eq!(made.sweep(false), Swept::Removed);
    hostile.nothing_ran("the worktree was removed");
    let packed = std::fs::read_to_string(git_dir.join(&saved)).unwrap();
    assert_eq!(packed.trim().len(), 40, "{saved}");
}

#[test]
fn the_same_git_by_hand_would_have_executed_it() {
    let Some(hostile) = Hostile::new() else { return };
    let made = &hostile.made;
    made.write("file", "edited\n");
    let ended = std::process::Command::new("git")
        .args(["-c", "core.fsmonitor=false", "status"])
        .current_dir(&made.path)
        .env("GIT_WORK_TREE", &made.path)
        .output()
        .unwrap();
    let ran = std::fs::read_to_string(trace(&made.repository)).unwrap_or_default();
    assert!(ran.contains("filter.evil"), "{ran} {ended:?}");
}

#[test]
fn what_a_partial_clone_lacks_is_not_fetched() {
    if !has_git() {
        return;
    }
    let repository = Repository::new();
    let blob = repository.git(["rev-parse", "HEAD:file"]);
    arm(&repository, &repository.path().join(".git"));
    let (folder, name) = blob.split_at(2);
    std::fs::remove_file(repository.path().join(".git/objects").join(folder).join(name)).unwrap();
    let error = repository.prepare(&repository.beside("t_1")).unwrap_err().to_string();
    assert!(error.contains(&blob) || error.contains("file"), "{error}");
    assert_eq!(std::fs::read_to_string(trace(&repository)).unwrap_or_default(), "");
}

#[test]
fn a_submodule_that_is_armed_is_looked_at_and_executes_nothing() {
    if !has_git() {
        return;
    }
    let repository = Repository::new();
    let lib = repository.beside("lib");
    git_in(&lib, ["init", "--quiet"]);
    std::fs::write(lib.join("a"), "library\n").unwrap();
    git_in(&lib, ["add", "."]);
    git_in(&lib, ["commit", "--quiet", "--message=library"]);
    repository.git(["submodule", "--quiet", "add", lib.to_str().unwrap(), "lib"]);
    repository.git(["commit", "--quiet", "--message=submodule"]);
    std::fs::create_dir(repository.beside("outside")).unwrap();
    let made = repository.made();
    made.sh("git -c protocol.file.allow=always submodule --quiet update --init");
    let modules = made.git_dir().join("modules/lib");
    arm(&made.repository, &modules);
    made.write("lib/a", "edited\n");
    let why = made.kept("an edit in it").why;
    assert!(why.contains("repository `lib`"), "{why}");
    made.write("lib/a", "library\n");
    made.goes("clean");
    assert_eq!(std::fs::read_to_string(trace(&made.repository)).unwrap_or_default(), "");
}

#[test]
fn submodules_are_fetched_without_a_word_of_the_repositorys_own_configuration() {
    if !has_git() {
        return;
    }
    let repository = Repository::new();
    let lib = repository.beside("lib");
    git_in(&lib, ["init", "--quiet"]);
    std::fs::write(lib.join("a"), "library\n").unwrap();
    git_in(&lib, ["add", "."]);
    git_in(&lib, ["commit", "--quiet", "--message=library"]);
    repository.git(["submodule", "--quiet", "add", lib.to_str().unwrap(), "evil"]);
    repository.git(["commit", "--quiet", "--message=submodule"]);
    std::fs::create_dir(repository.beside("outside")).unwrap();
    arm(&repository, &repository.path().join(".git"));
    let home = repository.beside("home");
    std::fs::create_dir(&home).unwrap();
    std::fs::write(home.join(".gitconfig"), "[protocol \"file\"]\n\tallow = always\n").unwrap();
    let ended = std::process::Command::new(env!("CARGO_BIN_EXE_kanban"))
        .args(["workspace", "prepare", "--submodules", "--branch", BRANCH, "--repository"])
        .arg(repository.path())
        .arg("--path")
        .arg(repository.beside("t_1"))
        .env("HOME", home)
        .env_remove("GIT_CONFIG_GLOBAL")
        .output()
        .unwrap();
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(std::fs::read_to_string(repository.beside("t_1/evil/a")).unwrap(), "library\n");
    assert_eq!(std::fs::read_to_string(trace(&repository)).unwrap_or_default(), "");
    assert_eq!(std::fs::read_dir(repository.beside("outside")).unwrap().count(), 0);
}

#[test]
fn a_bare_repository_inside_a_checkout_is_refused_by_name_and_an_honest_one_is_used() {
    if !has_git() {
        return;
    }
    let repository = Repository::new();
    let inside = repository.path().join("tools");
    let source = repository.path();
    repository.git([
        "clone",
        "--quiet",
        "--bare",
        source.to_str().unwrap(),
        inside.to_str().unwrap(),
    ]);
    let prepared = |repository: &Path, path: &Path| {
        prepare(&patience(), &Wanted { repository, path, branch: BRANCH, with_submodules: false })
    };
    let error = prepared(&inside, &repository.beside("t_1")).unwrap_err().to_string();
    assert!(error.contains("tools is a bare repository inside the checkout"), "{error}");
    assert!(!repository.beside("t_1").exists());
    // Below it, git would find it; here it is the checkout around it that is found.
    let found = find(&patience(), &inside.join("refs")).unwrap();
    assert_eq!(found.top.as_deref(), Some(source.canonicalize().unwrap().as_path()));
    let honest = repository.beside("honest.git");
    git_in(
        &repository.beside("."),
        ["clone", "--quiet", "--bare", source.to_str().unwrap(), honest.to_str().unwrap()],
    );
    prepared(&honest, &repository.beside("t_2")).unwrap();
    assert!(repository.beside("t_2/file").exists());
    let below = find(&patience(), &honest.join("refs")).unwrap_err();
    assert!(matches!(below, RepositoryError::InsideBare { .. }), "{below}");
    // The directory of a checkout's own repository is that repository.
    let own = find(&patience(), &source.join(".git")).unwrap();
    assert_eq!(own.common_dir, source.join(".git").canonicalize().unwrap());
}

#[test]
fn a_repository_of_another_user_is_refused_with_the_way_to_trust_it() {
    if !has_git() || !nix::unistd::geteuid().is_root() {
        skip("only root can give files away");
        return;
    }
    let repository = Repository::new();
    std::os::unix::fs::chown(repository.path().join(".git"), Some(1), Some(1)).unwrap();
    let error = repository.prepare(&repository.beside("t_1")).unwrap_err().to_string();
    assert!(error.contains("belongs to `daemon`") && error.contains("safe.directory"), "{error}");
    assert!(!repository.beside("t_1").exists());
    let home = repository.beside("home");
    std::fs::create_dir(&home).unwrap();
    let trust =
        format!("[safe]\n\tdirectory = {}\n", repository.path().canonicalize().unwrap().display());
    std::fs::write(home.join(".gitconfig"), trust).unwrap();
    let ended = std::process::Command::new(env!("CARGO_BIN_EXE_kanban"))
        .args(["workspace", "prepare", "--branch", BRANCH, "--repository"])
        .arg(repository.path())
        .arg("--path")
        .arg(repository.beside("t_1"))
        .env("HOME", home)
        .env_remove("GIT_CONFIG_GLOBAL")
        .output()
        .unwrap();
    assert!(ended.status.success(), "{ended:?}");
}
