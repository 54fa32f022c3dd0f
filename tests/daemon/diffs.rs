//! What a worktree task changed, asked of a real daemon: by people, by a review and by a worker that may not.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use kanband::os::processes::user::Account;
use serde_json::{Value, json};
use support::skip;

use crate::harness::{Config, Daemon, config, until};
use crate::workspaces::{git, has_git, repository};

fn kanban(daemon: &Daemon, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kanban"));
    command.args(arguments).env_clear().env("KANBAN_SOCKET", daemon.socket()).output().unwrap()
}

fn said(output: &Output) -> (bool, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

fn refusal(daemon: &Daemon, arguments: &[&str]) -> String {
    let (is_ok, out, error) = said(&kanban(daemon, arguments));
    assert!(!is_ok, "{out}");
    assert_eq!(
        error
            .lines()
            .filter(|line| line.starts_with("kanban: ") || line.starts_with("error"))
            .count(),
        1,
        "{error}"
    );
    error
}

const COMMIT: &str =
    "export GIT_AUTHOR_NAME=w GIT_AUTHOR_EMAIL=w@w GIT_COMMITTER_NAME=w GIT_COMMITTER_EMAIL=w@w
git add . && git commit -q -m work";

fn coder() -> String {
    format!(
        "if kanban context \"$KANBAN_TASK\" | grep -q 'Changes requested'; then
            kanban context \"$KANBAN_TASK\" > \"$HOME/again\"; echo better > file; {COMMIT}
        else
            printf 'a\\377\\n' > latin; echo two > file; {COMMIT}; echo three >> file; echo new > new
            kanban diff \"$KANBAN_TASK\" > \"$HOME/by-worker\" 2>&1 && touch \"$HOME/may\"
        fi
        kanban complete \"$KANBAN_TASK\" --summary made"
    )
}

const REVIEWER: &str = "kanban context \"$KANBAN_TASK\" > \"$HOME/context\"
kanban diff \"$KANBAN_TASK\" --stat > \"$HOME/stat\" 2>&1
kanban diff \"$OTHER\" > \"$HOME/other\" 2>&1 && touch \"$HOME/may\"
if test -e \"$HOME/reviewed\"; then kanban approve \"$KANBAN_TASK\"; else
touch \"$HOME/reviewed\"; kanban request-changes \"$KANBAN_TASK\" 'make it better'; fi
kanban diff \"$KANBAN_TASK\" > \"$HOME/after\" 2>&1 && touch \"$HOME/may\"; true";

/// A daemon with a worker and a reviewer, whose home is the scratch directory.
fn with_reviewer() -> (Daemon, PathBuf) {
    let mut daemon = Daemon::prepare(&Config::new());
    let home = daemon.scratch().to_str().unwrap().to_owned();
    let profiles = [("coder", "report", coder()), ("qa", "report", REVIEWER.to_owned())];
    let profiles =
        profiles.each_ref().map(|(name, verdict, script)| (*name, *verdict, script.as_str()));
    let mut text = config(&profiles);
    text.set("profiles.coder.review", "qa");
    for profile in ["coder", "qa"] {
        text.set(&format!("profiles.{profile}.env.HOME"), home.as_str());
        text.set(&format!("profiles.{profile}.env.OTHER"), "t_0badcafe");
    }
    daemon.configure(&text);
    daemon.spawn();
    daemon.wait_until_up();
    let repository = repository(&daemon);
    (daemon, repository)
}

#[test]
fn people_and_the_review_see_what_was_changed_and_the_worker_is_refused() {
    if !has_git() {
        return;
    }
    let (daemon, repository) = with_reviewer();
    let id = daemon.create(json!({
        "assignee": "coder", "workspace_kind": "worktree", "workspace_path": repository,
    }));
    daemon.wait_status(&id, "done");
    daemon.wait_closed(&id);
    let read = |name: &str| std::fs::read_to_string(daemon.scratch().join(name)).unwrap();
    let base: String = git(&repository, &["rev-parse", "main"]).chars().take(12).collect();
    // The first review was made of commits and of what was not committed; the one that is left, too.
    assert!(read("by-worker").contains("may not diff"), "{}", read("by-worker"));
    assert!(!daemon.scratch().join("may").exists(), "{}", read("other"));
    assert!(read("other").contains("no such task"), "{}", read("other"));
    assert!(read("after").contains("is over"), "{}", read("after"));
    let again = read("again");
    let (head, _) = again.split_once("## Body").unwrap_or((&again, ""));
    assert!(head.contains("make it better"), "{head}");
    let changed = format!("Changed against main at {base}: 3 file(s), +4 -1 lines.");
    assert!(head.contains(&changed) && head.contains("\n- A  +1 -0        new\n"), "{head}");
    let context = read("context");
    assert!(
        context.contains(&format!("Its branch is kanban/{id}, of the repository")),
        "{context}"
    );
    assert!(
        context.contains(&format!(
            "Changed against main at {base}: 3 file(s), +3 -1 lines. `kanban diff {id}`"
        )),
        "{context}"
    );
    assert!(
        read("stat").contains(&format!("main at {base}...kanban/{id} with uncommitted changes")),
        "{}",
        read("stat")
    );
    assert_eq!(daemon.runs(&id).len(), 4);
}

#[test]
fn the_bytes_of_a_patch_reach_a_pipe_as_they_are_and_each_file_can_be_asked_for() {
    if !has_git() {
        return;
    }
    let (daemon, repository) = with_reviewer();
    let id = daemon.create(json!({
        "assignee": "coder", "workspace_kind": "worktree", "workspace_path": repository, "review": "none",
    }));
    daemon.wait_status(&id, "done");
    daemon.wait_closed(&id);
    let patch = kanban(&daemon, &["diff", &id]);
    assert_eq!(said(&patch).2, "");
    let copy = daemon.scratch().join("copy");
    git(daemon.scratch(), &["clone", "--quiet", "repository", "copy"]);
    std::fs::write(daemon.scratch().join("patch"), &patch.stdout).unwrap();
    git(&copy, &["apply", "../patch"]);
    assert_eq!(std::fs::read(copy.join("latin")).unwrap(), b"a\xff\n");
    assert_eq!(std::fs::read_to_string(copy.join("file")).unwrap(), "two\nthree\n");
    assert_eq!(std::fs::read_to_string(copy.join("new")).unwrap(), "new\n");
    let diff = daemon.get(&format!("/v1/tasks/{id}/diff"));
    let names: Vec<&str> = diff["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["path"].as_str().unwrap())
        .collect();
    assert_eq!(
        (names, &diff["patch"], &diff["base_branch"]),
        (vec!["file", "latin", "new"], &Value::Null, &json!("main"))
    );
    let one = daemon.get(&format!("/v1/tasks/{id}/diff?file=latin"));
    assert_eq!((one["file_count"].as_u64(), one["files"][0]["added"].as_u64()), (Some(1), Some(1)));
    assert!(one["patch"].as_str().unwrap().contains("+a\u{fffd}\n"), "{one}");
    let (_, two, _) = said(&kanban(&daemon, &["diff", &id, "--", "new", "file"]));
    assert_eq!(two.matches("diff --git").count(), 2, "{two}");
    let (_, json, _) = said(&kanban(&daemon, &["diff", &id, "new", "--json"]));
    let shown: Value = serde_json::from_str(&json).unwrap();
    assert!(shown["patch"].as_str().unwrap().contains("+new"), "{json}");
    assert!(
        refusal(&daemon, &["diff", &id, "absent"])
            .contains("absent is not among the changed files")
    );
    assert!(refusal(&daemon, &["diff", &id, "--run", "999"]).contains("it has no run 999"));
}

/// What a person sees of a diff in a terminal with these variables.
fn in_a_terminal(daemon: &Daemon, id: &str, variables: &[(&str, &str)]) -> String {
    let pty = nix::pty::openpty(None, None).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_kanban"));
    command.args(["diff", id]).env_clear().env("KANBAN_SOCKET", daemon.socket());
    command.env("PATH", "/usr/bin:/bin").envs(variables.iter().copied());
    command.stdin(pty.slave.try_clone().unwrap()).stderr(pty.slave.try_clone().unwrap());
    let mut child = command.stdout(pty.slave).spawn().unwrap();
    // Else the terminal would have another end that is open.
    drop(command);
    let mut shown = Vec::new();
    // EIO is how a terminal says that its other side is closed.
    let _ended = File::from(pty.master).read_to_end(&mut shown);
    assert!(child.wait().unwrap().success());
    String::from_utf8(shown).unwrap()
}

#[test]
fn in_a_terminal_the_pager_shows_a_diff_and_without_one_it_is_printed() {
    if !has_git() {
        return;
    }
    let daemon = Daemon::start(&config(&[("dev", "exit", "echo more >> file && echo done")]));
    let repository = repository(&daemon);
    let id = daemon.create(json!({
        "assignee": "dev", "workspace_kind": "worktree", "workspace_path": repository,
    }));
    daemon.wait_status(&id, "done");
    daemon.wait_closed(&id);
    let marks = "sed 's/^/paged: /'";
    for variables in [&[("PAGER", marks)][..], &[("KANBAN_PAGER", marks), ("PAGER", "false")]] {
        let shown = in_a_terminal(&daemon, &id, variables);
        assert!(shown.contains("paged: +more"), "{shown}");
    }
    for pager in ["cat", "/no/such/pager"] {
        let shown = in_a_terminal(&daemon, &id, &[("PAGER", pager)]);
        assert!(shown.contains("\n+more") && !shown.contains("paged"), "{shown}");
    }
}

#[test]
fn an_earlier_run_is_shown_as_the_next_one_found_it() {
    if !has_git() {
        return;
    }
    let script = format!(
        "if test -e one; then echo 2 > two; {COMMIT}; else echo 1 > one; {COMMIT}; echo x > loose; exit 3; fi"
    );
    let daemon = Daemon::start(&config(&[("sh", "exit", &script)]));
    let repository = repository(&daemon);
    let id = daemon.create(json!({
        "assignee": "sh", "workspace_kind": "worktree", "workspace_path": repository,
    }));
    daemon.wait_status(&id, "done");
    daemon.wait_closed(&id);
    let runs = daemon.runs(&id);
    let stat = |run: &Value| {
        said(&kanban(&daemon, &["diff", &id, "--stat", "--run", &run["id"].to_string()])).1
    };
    let first = stat(&runs[0]);
    assert!(first.contains(&format!("as run {} left it", runs[0]["id"])), "{first}");
    assert!(first.ends_with("\nA  +1 -0        one\n1 file(s), +1 -0\n"), "{first}");
    assert!(stat(&runs[1]).ends_with("\n3 file(s), +3 -0\n"), "{}", stat(&runs[1]));
    let notes =
        git(&daemon.home().join("workspaces").join(&id), &["rev-parse", "--absolute-git-dir"]);
    std::fs::remove_file(Path::new(&notes).join("kanban-heads")).unwrap();
    let unknown = refusal(&daemon, &["diff", &id, "--run", &runs[0]["id"].to_string()]);
    assert!(unknown.contains("where its next run began is not recorded"), "{unknown}");
}

#[test]
fn the_work_of_a_worker_is_shown_to_a_person_of_another_user_who_cannot_read_it() {
    if !has_git() {
        return;
    }
    let is_root = nix::unistd::geteuid().is_root();
    let (true, Ok(Some(person))) = (is_root, Account::named("mail")) else {
        return skip("only root can start workers of another user, for a third one");
    };
    let script = format!("umask 077; echo more >> file; {COMMIT}; echo loose > new");
    let mut daemon =
        Daemon::prepare(&config(&[("sh", "exit", &script)]).with("profiles.sh.user", "games"));
    daemon.give_to(0, 0);
    let repository = repository(&daemon);
    let mut shut = Command::new("/bin/sh");
    shut.args(["-c", "chown -R games: . && chmod -R go= ."]);
    assert!(shut.current_dir(&repository).status().unwrap().success());
    daemon.spawn();
    daemon.wait_until_up();
    let id = daemon.create(json!({
        "assignee": "sh", "workspace_kind": "worktree", "workspace_path": repository,
    }));
    daemon.wait_status(&id, "done");
    daemon.wait_closed(&id);
    let everyone = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(daemon.socket(), everyone).unwrap();
    let as_person = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).env_clear().env("KANBAN_SOCKET", daemon.socket());
        command.uid(person.run_as.uid).gid(person.run_as.gid).current_dir("/").output()
    };
    let Ok(diff) = as_person(env!("CARGO_BIN_EXE_kanban"), &["diff", &id]) else {
        return skip("other users cannot execute the program where it is");
    };
    let (is_ok, patch, error) = said(&diff);
    assert!(is_ok, "{error}");
    assert!(patch.contains("+more") && patch.contains("+loose"), "{patch}");
    let work = daemon.home().join("workspaces").join(&id).join("file");
    let read = as_person("/bin/cat", &[work.to_str().unwrap()]).unwrap();
    assert!(!read.status.success(), "{read:?}");
}

#[test]
fn a_task_without_a_worktree_is_refused_in_one_line() {
    if !has_git() {
        return;
    }
    let daemon =
        Daemon::start(&config(&[("sh", "exit", "true")]).with("workspaces.retention", "0s"));
    let scratch = daemon.create(json!({"assignee": "sh"}));
    daemon.wait_status(&scratch, "done");
    assert!(
        refusal(&daemon, &["diff", &scratch]).contains("its workspace is scratch, not a worktree")
    );
    let repository = repository(&daemon);
    let worktree = json!({ "workspace_kind": "worktree", "workspace_path": repository });
    let idle = daemon.create(worktree.clone());
    assert!(refusal(&daemon, &["diff", &idle]).contains("it has no worktree yet"));
    let mut fields = worktree;
    fields["assignee"] = json!("sh");
    let swept = daemon.create(fields);
    daemon.wait_status(&swept, "done");
    daemon.wait_closed(&swept);
    assert!(said(&kanban(&daemon, &["diff", &swept, "--stat"])).1.ends_with("0 file(s), +0 -0\n"));
    // An age of zero seconds is over in the next one.
    until("gc removes it", || {
        daemon.post("/v1/gc", &json!({}));
        (!daemon.home().join("workspaces").join(&swept).exists()).then_some(())
    });
    let gone = refusal(&daemon, &["diff", &swept]);
    assert!(gone.contains(&format!("is not there; its branch was `kanban/{swept}`")), "{gone}");
}
