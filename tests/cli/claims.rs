//! `claim` and `heartbeat`.

use serde_json::json;
use support::skip;

use crate::harness::Board;

#[test]
fn a_claim_says_where_to_work_and_that_place_is_there() {
    let board = Board::quiet();
    let id = board.create("t", &[]);
    let message = board.say(["claim", &id]).ok();
    let workspace = board.home().join("workspaces").join(&id);
    assert_eq!(message, format!("Claimed {id}\nWorkspace: {}\n", workspace.display()));
    assert!(workspace.is_dir());
    assert_eq!(board.status(&id), "running");
    assert_eq!(board.task(&id)["workspace_path"], workspace.to_str().unwrap());
}

#[test]
fn json_is_the_task_with_run_and_workspace() {
    let board = Board::quiet();
    let id = board.create("t", &[]);
    let claimed =
        board.say(["claim", &id, "--ttl", "5m", "--claimer", "ann@desk", "--json"]).json();
    assert_eq!(claimed["id"], id.as_str());
    assert_eq!(claimed["claim_lock"], "ann@desk");
    assert_eq!(claimed["run_id"], claimed["current_run_id"]);
    assert_eq!(claimed["workspace"], claimed["workspace_path"]);
    let ttl = claimed["claim_expires"].as_i64().unwrap() - claimed["started_at"].as_i64().unwrap();
    assert_eq!(ttl, 300);
}

#[test]
fn the_claimer_is_user_at_host_when_nobody_is_named() {
    let board = Board::quiet();
    let id = board.create("t", &[]);
    let claimed = board.say(["claim", &id, "--json"]).json();
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap().unwrap().name;
    let host = nix::unistd::gethostname().unwrap().into_string().unwrap();
    assert_eq!(claimed["claim_lock"], format!("{user}@{host}"));
}

#[test]
fn a_second_claim_is_refused_and_names_status_and_lock() {
    let board = Board::quiet();
    let id = board.create("t", &[]);
    board.say(["claim", &id, "--claimer", "ann"]).ok();
    let message = board.say(["claim", &id, "--claimer", "bea"]).failed(1);
    assert!(message.contains(&format!("cannot claim {id}: status=running lock=ann")), "{message}");
    assert_eq!(board.task(&id)["claim_lock"], "ann");
}

#[test]
fn a_directory_is_made_with_its_parents_and_only_if_the_claim_succeeds() {
    let board = Board::quiet();
    let (made, refused) = (board.path("a/b"), board.path("c/d"));
    let workspace = |path: &std::path::Path| format!("dir:{}", path.display());
    let message = board.say(["create", "t", "--workspace", &workspace(&made)]).failed(1);
    assert!(message.contains("no such directory") && message.contains("--create-dir"), "{message}");
    let id = board.create("t", &["--create-dir", "--workspace", &workspace(&made)]);
    assert!(!made.exists(), "it is made when the work begins");
    board.say(["claim", &id]).ok();
    assert!(made.is_dir());
    let words = ["--triage", "--create-dir", "--workspace", &workspace(&refused)];
    let id = board.create("u", &words);
    board.say(["claim", &id]).failed(1);
    assert!(!board.path("c").exists(), "nothing is left of a claim that was refused");
    let file = board.path("file");
    let below = workspace(&file.join("x"));
    let id = board.create("v", &["--create-dir", "--workspace", &below]);
    std::fs::write(&file, "").unwrap();
    let message = board.say(["create", "w", "--create-dir", "--workspace", &below]).failed(1);
    assert!(message.contains("no such directory"), "{message}");
    let message = board.say(["claim", &id]).failed(1);
    assert!(message.contains("cannot create the workspace"), "{message}");
    assert_eq!(board.status(&id), "ready", "no claim without a workspace");
}

#[test]
fn a_claim_that_is_refused_leaves_nothing_in_the_home() {
    let board = Board::quiet();
    let files = || {
        let mut found = Vec::new();
        let mut folders = vec![board.home().join("workspaces")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().flatten() {
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                }
                found.push(entry.path());
            }
        }
        found.sort();
        found
    };
    // The place of the marks is made with the first workspace.
    board.say(["claim", &board.create("first", &[])]).ok();
    let before = files();
    let ready = board.create("ready", &[]);
    let triage = board.create("triage", &["--triage"]);
    let child = board.create("child", &["--parent", &ready]);
    let long = "x".repeat(1000);
    for arguments in [
        vec!["claim", &triage],
        vec!["claim", &child],
        vec!["claim", &ready, "--ttl", "31d"],
        vec!["claim", &ready, "--claimer", &long],
        vec!["claim", &ready, "--board", "elsewhere"],
    ] {
        board.say(&arguments).failed(1);
        assert_eq!(files(), before, "{arguments:?}");
    }
    board.say(["claim", &ready]).ok();
    assert!(files().len() > before.len(), "a claim that succeeds makes its workspace");
}

#[test]
fn a_worktree_is_made_by_whoever_claims_and_a_refused_claim_makes_nothing_run() {
    let git = |path: &std::path::Path, arguments: &[&str]| {
        let output = std::process::Command::new("git")
            .args(["-c", "user.name=ann", "-c", "user.email=ann@example.org", "-C"])
            .arg(path)
            .args(arguments)
            .output()?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        std::io::Result::Ok(String::from_utf8(output.stdout).unwrap().trim().to_owned())
    };
    let board = Board::quiet();
    let repository = board.path("repository");
    std::fs::create_dir(&repository).unwrap();
    if git(&repository, &["init", "--quiet", "--initial-branch=main"]).is_err() {
        skip("git is not installed (`make setup` installs it)");
        return;
    }
    git(&repository, &["commit", "--quiet", "--allow-empty", "--message=first"]).unwrap();
    let workspace = format!("worktree:{}", repository.display());
    let id = board.create("t", &["--workspace", &workspace]);
    let claimed = board.say(["claim", &id, "--json"]).json();
    let path = board.home().join("workspaces").join(&id);
    assert_eq!(claimed["workspace"], path.to_str().unwrap());
    let branch = format!("kanban/{id}");
    assert_eq!(git(&path, &["symbolic-ref", "--short", "HEAD"]).unwrap(), branch);
    let plain = board.path("plain");
    std::fs::create_dir(&plain).unwrap();
    let id = board.create("u", &["--workspace", &format!("worktree:{}", plain.display())]);
    let message = board.say(["claim", &id]).failed(1);
    assert!(
        message.contains("workspace: ") && message.contains("is not in a git repository"),
        "{message}"
    );
    assert_eq!(board.status(&id), "ready", "no claim without a workspace");
}

#[test]
fn a_claim_on_a_directory_in_which_somebody_works_is_refused_by_name() {
    let board = Board::quiet();
    std::fs::create_dir(board.path("shared")).unwrap();
    let workspace = format!("dir:{}", board.path("shared").display());
    let (first, second) = (
        board.create("t", &["--workspace", &workspace]),
        board.create("u", &["--workspace", &workspace]),
    );
    board.say(["claim", &first]).ok();
    let message = board.say(["claim", &second]).failed(1);
    assert!(message.contains(&format!("in use by {first} (run 1)")), "{message}");
    board.say(["complete", &first]).ok();
    board.say(["claim", &second]).ok();
}

#[test]
fn a_heartbeat_must_come_from_the_claimer() {
    let board = Board::quiet();
    let id = board.create("t", &[]);
    let early = board.say(["heartbeat", &id]).failed(1);
    assert!(early.contains(&format!("cannot heartbeat {id}")), "{early}");
    board.say(["claim", &id, "--claimer", "ann", "--ttl", "1000"]).ok();
    let message = board.say(["heartbeat", &id, "--claimer", "ann", "--note", "half way"]).ok();
    assert_eq!(message, format!("Heartbeat recorded for {id}\n"));
    let other = board.say(["heartbeat", &id, "--claimer", "bea"]).failed(1);
    assert!(other.contains("claimed by ann, not by bea"), "{other}");
    let json = board.say(["heartbeat", &id, "--json"]).json();
    assert_eq!(json["id"], id.as_str());
    assert_eq!(json["claim_expires"], board.task(&id)["claim_expires"]);
    let events = board.say(["show", &id, "--json"]).json()["events"].take();
    let beats: Vec<_> =
        events.as_array().unwrap().iter().filter(|e| e["kind"] == "heartbeat").collect();
    assert_eq!(beats.len(), 2);
    assert_eq!(beats[0]["payload"], json!({"note": "half way"}));
}
