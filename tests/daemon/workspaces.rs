//! Where workers work: worktrees by a real git, one run per directory, and what is left of it afterwards.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use support::skip;

use crate::harness::{Daemon, config, processes_of, until};

/// Says why a test does nothing where there is no git.
pub fn has_git() -> bool {
    let found = Command::new("git").arg("--version").output().is_ok();
    if !found {
        skip("git is not installed (`make setup` installs it)");
    }
    found
}

pub fn git(path: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=ann", "-c", "user.email=ann@example.org", "-C"])
        .arg(path)
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// A repository with one commit, beside the daemon's home.
pub fn repository(daemon: &Daemon) -> PathBuf {
    let path = daemon.scratch().join("repository");
    std::fs::create_dir(&path).unwrap();
    git(&path, &["init", "--quiet", "--initial-branch=main"]);
    std::fs::write(path.join("file"), "one\n").unwrap();
    git(&path, &["add", "."]);
    git(&path, &["commit", "--quiet", "--message=first"]);
    path
}

fn checkout(daemon: &Daemon, id: &str) -> PathBuf {
    daemon.home().join("workspaces").join(id)
}

fn worktree(assignee: &str, path: &Path) -> Value {
    json!({ "assignee": assignee, "workspace_kind": "worktree", "workspace_path": path })
}

const COMMIT: &str = "git config user.email >/dev/null || export GIT_AUTHOR_NAME=w GIT_AUTHOR_EMAIL=w@w \
                      GIT_COMMITTER_NAME=w GIT_COMMITTER_EMAIL=w@w; git add . && git commit -q -m work";

#[test]
fn a_worker_works_in_a_worktree_of_its_own_branch_and_the_next_attempt_finds_it() {
    if !has_git() {
        return;
    }
    let script =
        format!("test -e tried || {{ touch tried; exit 3; }}; echo two > file; {COMMIT}; pwd");
    let daemon = Daemon::start(&config(&[("sh", "exit", &script)]));
    let repository = repository(&daemon);
    let hook = repository.join(".git/hooks/post-checkout");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, format!("#!/bin/sh\ntouch {}/hooked\n", daemon.scratch().display()))
        .unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&hook, executable).unwrap();
    let id = daemon.create(worktree("sh", &repository));
    daemon.wait_status(&id, "done");
    assert_eq!(daemon.outcomes(&id), ["crashed", "completed"]);
    let path = checkout(&daemon, &id);
    assert_eq!(daemon.runs(&id)[1]["summary"], path.to_str().unwrap());
    assert_eq!(daemon.show(&id)["task"]["workspace_path"], path.to_str().unwrap());
    let branch = format!("kanban/{id}");
    assert_eq!(git(&repository, &["show", &format!("{branch}:file")]), "two");
    assert_eq!(git(&repository, &["show", &format!("{branch}:tried")]), "");
    assert_eq!(git(&repository, &["status", "--porcelain"]), "");
    assert!(!daemon.scratch().join("hooked").exists(), "no hook of the repository runs");
}

#[test]
fn a_checkout_that_vanished_is_made_again_from_the_repository_that_its_mark_names() {
    if !has_git() {
        return;
    }
    let script = "test -e ../../tried || { touch ../../tried; rm -rf \"$KANBAN_WORKSPACE\"; exit 3; }; cat file";
    let daemon = Daemon::start(&config(&[("sh", "exit", script)]));
    let id = daemon.create(worktree("sh", &repository(&daemon)));
    daemon.wait_status(&id, "done");
    assert_eq!(daemon.outcomes(&id), ["crashed", "completed"]);
    assert_eq!(daemon.runs(&id)[1]["summary"], "one");
}

#[test]
fn a_worktree_without_a_path_is_one_of_the_profiles_repository() {
    if !has_git() {
        return;
    }
    let mut daemon = Daemon::prepare("");
    let repository = repository(&daemon);
    let mut text = config(&[("sh", "exit", "git symbolic-ref --short HEAD; pwd")]);
    text.set("profiles.sh.working_directory", repository.to_str().unwrap());
    daemon.configure(&text);
    daemon.spawn();
    daemon.wait_until_up();
    let id = daemon.create(json!({ "assignee": "sh", "workspace_kind": "worktree" }));
    daemon.wait_status(&id, "done");
    daemon.wait_closed(&id);
    let expected = format!("kanban/{id}\n{}\n", checkout(&daemon, &id).display());
    assert_eq!(daemon.run_log(&id), expected);
}

#[test]
fn a_worktree_that_cannot_be_made_is_a_failed_start_that_says_so() {
    if !has_git() {
        return;
    }
    let script = "touch ../../started";
    let daemon = Daemon::start(&config(&[("sh", "exit", script), ("other", "exit", script)]));
    let plain = daemon.scratch().join("plain");
    std::fs::create_dir(&plain).unwrap();
    let id = daemon.create(worktree("sh", &plain));
    daemon.wait_status(&id, "blocked");
    assert_eq!(daemon.outcomes(&id).last().unwrap(), "gave_up");
    let run = &daemon.runs(&id)[0];
    assert_eq!(run["outcome"], "spawn_failed");
    let error = run["error"].as_str().unwrap();
    assert!(
        error.starts_with("workspace: ") && error.contains("is not in a git repository"),
        "{error}"
    );
    assert!(!daemon.home().join("started").exists());
    assert_eq!(daemon.show(&id)["task"]["spawn_failures"], 5, "it is charged");
    let without = daemon.create(json!({ "assignee": "other", "workspace_kind": "worktree" }));
    daemon.wait_status(&without, "blocked");
    let error = daemon.runs(&without)[0]["error"].as_str().unwrap().to_owned();
    assert!(error.contains("a worktree needs a repository"), "{error}");
}

#[test]
fn git_that_hangs_is_ended_with_everything_it_started_and_told_as_what_it_is() {
    let mut daemon = Daemon::prepare("");
    let bin = daemon.scratch().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let script = "#!/bin/sh\n(trap '' TERM; sleep 600) & sleep 600\n";
    std::fs::write(bin.join("git"), script).unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(bin.join("git"), executable).unwrap();
    let mut text = config(&[("sh", "exit", "true")]).with("dispatch.failure_limit", 1);
    text.set("profiles.sh.env.PATH", format!("{}:/usr/bin:/bin", bin.display()));
    text.set("workspaces.setup_timeout", "1s");
    daemon.configure(&text);
    daemon.spawn();
    daemon.wait_until_up();
    let id = daemon.create(worktree("sh", daemon.scratch()));
    daemon.wait_status(&id, "blocked");
    daemon.wait_closed(&id);
    let error = daemon.runs(&id)[0]["error"].as_str().unwrap().to_owned();
    assert!(
        error.starts_with("workspace: ") && error.contains("did not end within 1000 ms"),
        "{error}"
    );
    until("the shim's own end", || (processes_of(&daemon.home()) == [daemon.pid()]).then_some(()));
}

#[test]
fn a_run_that_is_stopped_while_git_works_ends_at_once_and_as_stopped() {
    let mut daemon = Daemon::prepare("");
    let bin = daemon.scratch().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let trace = daemon.scratch().join("git-runs");
    let script = format!("#!/bin/sh\ntouch {}\nexec sleep 600\n", trace.display());
    std::fs::write(bin.join("git"), script).unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(bin.join("git"), executable).unwrap();
    let mut text = config(&[("sh", "exit", "true")]);
    text.set("profiles.sh.env.PATH", format!("{}:/usr/bin:/bin", bin.display()));
    daemon.configure(&text);
    daemon.spawn();
    daemon.wait_until_up();
    let id = daemon.create(worktree("sh", daemon.scratch()));
    until("git", || trace.exists().then_some(()));
    daemon.post(&format!("/v1/tasks/{id}/archive"), &json!({ "id": id }));
    daemon.wait_closed(&id);
    assert_eq!(daemon.outcomes(&id), ["reclaimed"]);
    let run = &daemon.runs(&id)[0];
    assert_eq!((&run["worker_pid"], &run["signal"]), (&Value::Null, &json!(15)));
}

#[test]
fn two_runs_never_work_in_one_directory_by_whatever_name_it_is_called() {
    let script = "set -C; { : > taken; } 2>/dev/null || { touch clash; exit 9; }; sleep 0.02; rm taken; echo x >> count";
    let daemon = Daemon::start(&config(&[("a", "exit", script), ("b", "exit", script)]));
    let real = daemon.scratch().join("real");
    std::fs::create_dir(&real).unwrap();
    let link = daemon.scratch().join("link");
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let dotted = daemon.scratch().join("real/../real");
    let ids: Vec<_> = (0..20)
        .map(|n| {
            let path = [&real, &link, &dotted, &real.join(".")][n % 4].clone();
            let assignee = if n % 3 == 0 { "a" } else { "b" };
            let fields =
                json!({ "assignee": assignee, "workspace_kind": "dir", "workspace_path": path });
            daemon.create(fields)
        })
        .collect();
    let busy = until("a task that waits", || {
        ids.iter().find_map(|id| {
            let why = daemon.get(&format!("/v1/tasks/{id}/why"));
            (why["reason"] == "workspace_busy").then_some(why)
        })
    });
    assert!(ids.contains(&busy["task_id"].as_str().unwrap().to_owned()), "{busy}");
    for id in &ids {
        daemon.wait_status(id, "done");
        assert_eq!(daemon.outcomes(id), ["completed"]);
    }
    assert!(!real.join("clash").exists());
    assert_eq!(std::fs::read_to_string(real.join("count")).unwrap().lines().count(), 20);
}

#[test]
fn a_directory_that_is_missing_is_one_place_and_made_under_the_workers_mask() {
    let mut text = config(&[("sh", "exit", "pwd >> ../log; stat -c %a . >> ../log")]);
    text.set("profiles.sh.umask", "027");
    let daemon = Daemon::start(&text);
    let path = daemon.scratch().join("new/deep");
    let fields = json!({
        "assignee": "sh", "workspace_kind": "dir", "workspace_path": path, "create_dir": true,
    });
    for _ in 0..2 {
        let id = daemon.create(fields.clone());
        daemon.wait_status(&id, "done");
    }
    let line = format!("{}\n750\n", path.display());
    let log = std::fs::read_to_string(daemon.scratch().join("new/log")).unwrap();
    assert_eq!(log, line.repeat(2));
}

#[test]
fn gc_removes_what_is_over_and_saves_and_keeps_what_is_not_committed() {
    if !has_git() {
        return;
    }
    let script = format!("case $KANBAN_TASK in *) echo mine > new;; esac; {COMMIT}");
    let mut text = config(&[
        ("clean", "exit", &script),
        ("dirty", "exit", "echo mine > new"),
        ("scratch", "exit", "echo x > file; mkdir -p a/b; ln -s / a/b/root"),
        ("crash", "exit", "exit 3"),
    ]);
    text.set("dispatch.failure_limit", 1);
    text.set("workspaces.retention", "0s");
    let daemon = Daemon::start(&text);
    let repository = repository(&daemon);
    let clean = daemon.create(worktree("clean", &repository));
    let dirty = daemon.create(worktree("dirty", &repository));
    let scratch = daemon.create(json!({ "assignee": "scratch" }));
    let blocked = daemon.create(json!({ "assignee": "crash" }));
    for (id, status) in
        [(&clean, "done"), (&dirty, "done"), (&scratch, "done"), (&blocked, "blocked")]
    {
        daemon.wait_status(id, status);
        daemon.wait_closed(id);
    }
    let dry = daemon.post("/v1/gc", &json!({ "dry_run": true }));
    assert_eq!((&dry["workspaces"], dry["kept"].as_array().unwrap().len()), (&json!(2), 1));
    assert_eq!(git(&repository, &["for-each-ref", "refs/kanban"]), "", "a dry run saves nothing");
    let report = daemon.post("/v1/gc", &json!({}));
    assert_eq!(report["workspaces"], 2, "{report}");
    let kept = &report["kept"][0];
    assert_eq!(kept["task_id"], dirty.as_str());
    let saved = format!("refs/kanban/salvage/{dirty}/1");
    assert_eq!(kept["saved_as"], saved.as_str());
    assert_eq!(git(&repository, &["show", &format!("{saved}:new")]), "mine");
    assert!(checkout(&daemon, &dirty).join("new").exists());
    assert!(!checkout(&daemon, &clean).exists() && !checkout(&daemon, &scratch).exists());
    assert!(checkout(&daemon, &blocked).exists(), "it may go on");
    assert_eq!(git(&repository, &["show", &format!("kanban/{clean}:new")]), "mine");
    assert!(!git(&repository, &["worktree", "list"]).contains(&clean));
    git(&checkout(&daemon, &dirty), &["clean", "-qfd"]);
    assert_eq!(daemon.post("/v1/gc", &json!({}))["workspaces"], 1, "once it is clean it goes");
    assert_eq!(daemon.post("/v1/gc", &json!({}))["workspaces"], 0);
}

/// A repository with the submodule `vendor/lib`.
fn repository_with_submodule(daemon: &Daemon) -> PathBuf {
    let path = repository(daemon);
    let lib = daemon.scratch().join("lib");
    std::fs::create_dir(&lib).unwrap();
    git(&lib, &["init", "--quiet", "--initial-branch=main"]);
    std::fs::write(lib.join("a"), "library\n").unwrap();
    git(&lib, &["add", "."]);
    git(&lib, &["commit", "--quiet", "--message=library"]);
    let url = lib.to_str().unwrap();
    git(
        &path,
        &["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", url, "vendor/lib"],
    );
    git(&path, &["commit", "--quiet", "--message=submodule"]);
    path
}

#[test]
fn context_and_run_name_the_submodules_that_are_empty() {
    if !has_git() {
        return;
    }
    // Its very first act: the board may not have heard of its start yet.
    let daemon =
        Daemon::start(&config(&[("sh", "exit", "kanban context $KANBAN_TASK; ls vendor/lib")]));
    let id = daemon.create(worktree("sh", &repository_with_submodule(&daemon)));
    daemon.wait_status(&id, "done");
    daemon.wait_closed(&id);
    let context = daemon.run_log(&id);
    let note = "1 submodule(s) are not checked out, their directories are empty: vendor/lib";
    assert!(context.contains(&format!("Note:     {note}")), "{context}");
    assert!(context.contains(&format!("Branch:   kanban/{id}\n")), "{context}");
    let notes = daemon.runs(&id)[0]["workspace_notes"].clone();
    assert!(notes[0].as_str().unwrap().starts_with(note), "{notes}");
    assert_eq!(daemon.show(&id)["task"]["branch_name"], format!("kanban/{id}"));
}

#[test]
fn submodules_and_the_operators_command_are_done_before_the_worker_where_they_are_set() {
    if !has_git() {
        return;
    }
    let script = "cat vendor/lib/a made; kanban context $KANBAN_TASK | grep -c 'Note:' || true";
    let mut text = config(&[("sh", "exit", script), ("own", "exit", "ls; test ! -e made")]);
    text.set("profiles.own.worktree_submodules", false);
    text.set("profiles.own.worktree_setup", Vec::<String>::new());
    text.set("worktree.submodules", true);
    let setup = "echo set up in $PWD; echo $KANBAN_TASK > made";
    text.set("worktree.setup", vec!["sh", "-c", setup]);
    let mut daemon = Daemon::prepare(&text);
    let home = daemon.scratch().join("user");
    std::fs::create_dir(&home).unwrap();
    std::fs::write(home.join(".gitconfig"), "[protocol \"file\"]\n\tallow = always\n").unwrap();
    daemon.set("HOME", home.to_str().unwrap());
    daemon.spawn();
    daemon.wait_until_up();
    let repository = repository_with_submodule(&daemon);
    let id = daemon.create(worktree("sh", &repository));
    daemon.wait_status(&id, "done");
    daemon.wait_closed(&id);
    let path = checkout(&daemon, &id);
    assert_eq!(daemon.run_log(&id), format!("set up in {}\nlibrary\n{id}\n0\n", path.display()));
    // A profile may say otherwise, for each of the two.
    let own = daemon.create(worktree("own", &repository));
    daemon.wait_status(&own, "done");
    assert_eq!(std::fs::read_dir(checkout(&daemon, &own).join("vendor/lib")).unwrap().count(), 0);
}

#[test]
fn an_operators_command_that_fails_is_a_failed_workspace_that_names_the_setting() {
    if !has_git() {
        return;
    }
    let mut text = config(&[("sh", "exit", "touch ../../started")]);
    text.set("dispatch.failure_limit", 1);
    text.set("worktree.setup", vec!["sh", "-c", "echo no such package; exit 4"]);
    let daemon = Daemon::start(&text);
    let id = daemon.create(worktree("sh", &repository(&daemon)));
    daemon.wait_status(&id, "blocked");
    daemon.wait_closed(&id);
    let error = daemon.runs(&id)[0]["error"].as_str().unwrap().to_owned();
    assert_eq!(error, "workspace: worktree.setup: `sh` exited with code 4: no such package");
    assert_eq!(daemon.run_log(&id), "no such package\n");
    assert!(!daemon.home().join("started").exists());
}

#[test]
fn a_task_keeps_its_branch_when_the_beginning_of_new_ones_changes() {
    if !has_git() {
        return;
    }
    let script = format!(
        "test -e tried || {{ touch tried; {COMMIT}; exit 3; }}; git symbolic-ref --short HEAD"
    );
    let mut text = config(&[("sh", "exit", &script)]);
    text.set("dispatch.failure_limit", 1);
    text.set("worktree.branch_prefix", "agents/");
    let daemon = Daemon::start(&text);
    let repository = repository(&daemon);
    let id = daemon.create(worktree("sh", &repository));
    daemon.wait_status(&id, "blocked");
    daemon.wait_closed(&id);
    let branch = format!("agents/{id}");
    assert_eq!(daemon.show(&id)["task"]["branch_name"], branch);
    daemon.configure(&text.with("worktree.branch_prefix", "bots/"));
    daemon.post("/v1/reload", &json!({}));
    // Not even its checkout is left.
    std::fs::remove_dir_all(checkout(&daemon, &id)).unwrap();
    daemon.post(&format!("/v1/tasks/{id}/unblock"), &json!({ "id": id }));
    daemon.wait_status(&id, "done");
    daemon.wait_closed(&id);
    assert_eq!(daemon.runs(&id)[1]["summary"], branch.as_str());
    let other = daemon.create(worktree("sh", &repository));
    daemon.wait_status(&other, "blocked");
    assert_eq!(daemon.show(&other)["task"]["branch_name"], format!("bots/{other}"));
    assert_eq!(daemon.show(&id)["task"]["branch_name"], branch);
    let branches = git(&repository, &["branch", "--list", "--format=%(refname:short)"]);
    assert!(!branches.contains(&format!("bots/{id}")), "{branches}");
}

#[test]
fn a_claim_by_hand_makes_the_branch_that_is_configured_and_the_task_keeps_it() {
    if !has_git() {
        return;
    }
    let mut text = config(&[]).with("dispatch.enabled", false);
    text.set("worktree.branch_prefix", "by-hand-");
    let daemon = Daemon::start(&text);
    let repository = repository_with_submodule(&daemon);
    let id = daemon.create(worktree("ann", &repository));
    let claimed = Command::new(env!("CARGO_BIN_EXE_kanban"))
        .args(["claim", &id])
        .env("KANBAN_SOCKET", daemon.socket())
        .env("KANBAN_HOME", daemon.home())
        .output()
        .unwrap();
    let message = String::from_utf8(claimed.stdout).unwrap();
    assert!(message.contains("Note: 1 submodule(s) are not checked out"), "{message}");
    let path = checkout(&daemon, &id);
    assert_eq!(git(&path, &["symbolic-ref", "--short", "HEAD"]), format!("by-hand-{id}"));
    assert_eq!(daemon.show(&id)["task"]["branch_name"], format!("by-hand-{id}"));
}

#[test]
fn a_dry_run_and_gc_say_the_same_of_every_workspace() {
    if !has_git() {
        return;
    }
    let mut text = config(&[
        ("clean", "exit", "git commit -q --allow-empty -m x || true"),
        (
            "operation",
            "exit",
            "echo b > b; git add b; git -c user.name=a -c user.email=a@a commit -qm b; echo precious > file; \
          git -c user.name=a -c user.email=a@a rebase --autostash --exec false HEAD~1; true",
        ),
        ("hidden", "exit", "git update-index --skip-worktree file; echo precious > file"),
        (
            "nested",
            "exit",
            "git init -q build; git -C build -c user.name=a -c user.email=a@a commit -q --allow-empty -m x; echo /build >> .git/x || true",
        ),
        ("locked", "exit", "git worktree lock ."),
        ("scratch", "exit", "mkdir -p a/b; touch a/b/c; chmod 500 a/b"),
    ]);
    text.set("workspaces.retention", "0s");
    let daemon = Daemon::start(&text);
    let repository = repository(&daemon);
    let mut ids = vec![daemon.create(json!({ "assignee": "scratch" }))];
    for profile in ["clean", "operation", "hidden", "nested", "locked"] {
        ids.push(daemon.create(worktree(profile, &repository)));
    }
    for id in &ids {
        daemon.wait_status(id, "done");
        daemon.wait_closed(id);
    }
    let reasons = |report: &Value| -> Vec<(String, String)> {
        let kept = report["kept"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        kept.map(|one| (text(&one["task_id"]), text(&one["why"]))).collect()
    };
    let dry = daemon.post("/v1/gc", &json!({ "dry_run": true }));
    let report = daemon.post("/v1/gc", &json!({}));
    assert_eq!(
        (&dry["workspaces"], &report["workspaces"]),
        (&json!(2), &json!(2)),
        "{dry} {report}"
    );
    assert_eq!(reasons(&dry), reasons(&report));
    assert_eq!(reasons(&dry).len(), 4, "{dry}");
    let again = daemon.post("/v1/gc", &json!({ "dry_run": true }));
    assert_eq!(again["workspaces"], 0, "{again}");
    let operation =
        report["kept"].as_array().unwrap().iter().find(|one| one["task_id"] == ids[2].as_str());
    assert_eq!(operation.unwrap()["parts"].as_array().unwrap().len(), 2, "{report}");
}

#[test]
fn what_is_mounted_in_a_workspace_keeps_it_whole_and_a_dry_run_says_so() {
    let mut text = config(&[("scratch", "exit", "mkdir -p a/here; echo x > a/file")]);
    text.set("workspaces.retention", "0s");
    let daemon = Daemon::start(&text);
    let id = daemon.create(json!({ "assignee": "scratch" }));
    daemon.wait_status(&id, "done");
    daemon.wait_closed(&id);
    let outside = daemon.scratch().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("precious"), "x").unwrap();
    let here = checkout(&daemon, &id).join("a/here");
    let none = None::<&str>;
    let flags = nix::mount::MsFlags::MS_BIND;
    if nix::mount::mount(Some(&outside), &here, none, flags, none).is_err() {
        skip("bind mounts are not permitted here");
        return;
    }
    let dry = daemon.post("/v1/gc", &json!({ "dry_run": true }));
    let report = daemon.post("/v1/gc", &json!({}));
    let is_whole = checkout(&daemon, &id).join("a/file").exists();
    nix::mount::umount(&here).unwrap();
    assert_eq!((&dry["workspaces"], &dry["kept"]), (&report["workspaces"], &report["kept"]));
    assert!(dry["kept"][0]["why"].as_str().unwrap().contains("`a/here` is a mount point"), "{dry}");
    assert!(is_whole && outside.join("precious").exists());
    assert_eq!(daemon.post("/v1/gc", &json!({}))["workspaces"], 1);
}
