//! Files that are attached to tasks, from the disk of the client that attaches to that of the client that fetches.

use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;

use serde_json::json;

use crate::harness::{Board, until};

const SHA256_OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// The files in the daemon's folder, as `task/hash`.
fn kept(board: &Board) -> Vec<String> {
    let mut found = Vec::new();
    for folder in std::fs::read_dir(board.home().join("attachments")).unwrap() {
        let folder = folder.unwrap();
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let (task, file) = (folder.file_name(), file.unwrap().file_name());
            found.push(format!("{}/{}", task.to_str().unwrap(), file.to_str().unwrap()));
        }
    }
    found.sort();
    found
}

fn write(board: &Board, name: &str, bytes: &[u8]) -> String {
    let path = board.path(name);
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_file_of_many_mebibytes_goes_there_and_back() {
    let board = Board::quiet();
    let id = board.create("t", &[]);
    let path = board.path("large.bin");
    let mut file = std::fs::File::create(&path).unwrap();
    for n in 0..25_u8 {
        file.write_all(&vec![n; 1024 * 1024]).unwrap();
    }
    let message = board.say(["attach", &id, path.to_str().unwrap()]).ok();
    assert_eq!(message, format!("Attached large.bin to {id} (26214400 bytes)\n"));
    let back = board.path("back.bin");
    let message =
        board.say(["attachments", "get", &id, "large.bin", "-o", back.to_str().unwrap()]).ok();
    assert_eq!(message, format!("Fetched {} (26214400 bytes)\n", back.display()));
    assert!(std::fs::read(&back).unwrap() == std::fs::read(&path).unwrap());
    file.write_all(b"x").unwrap();
    let message = board.say(["attach", &id, path.to_str().unwrap()]).failed(1);
    assert!(message.contains("too large: 26214401 bytes, maximum 26214400"), "{message}");
    assert_eq!(kept(&board).len(), 1);
}

#[test]
fn attached_files_are_listed_shown_and_kept_for_nobody_else_to_read() {
    let board = Board::quiet();
    let id = board.create("t", &[]);
    assert_eq!(board.say(["attachments", &id]).ok(), format!("(no attachments on {id})\n"));
    let path = write(&board, "abc.txt", b"abc");
    let reply = board.say(["attach", &id, &path, "--name", "letters", "--json"]).json();
    assert_eq!(
        (&reply["filename"], &reply["size_bytes"], &reply["sha256"], &reply["already"]),
        (&json!("letters"), &json!(3), &json!(SHA256_OF_ABC), &json!(false))
    );
    let message = board.say(["attach", &id, &path, "--name", "letters"]).ok();
    assert!(message.contains("(already attached)"), "{message}");
    let listed = board.say(["attachments", &id]).ok();
    assert!(listed.contains("letters") && listed.contains(SHA256_OF_ABC), "{listed}");
    let json = board.say(["attachments", &id, "--json"]).json();
    assert_eq!(json, board.say(["show", &id, "--json"]).json()["attachments"]);
    let shown = board.say(["show", &id]).ok();
    assert!(shown.contains("Attachments (1):\n  letters (3 bytes, by "), "{shown}");
    assert_eq!(kept(&board), [format!("{id}/{SHA256_OF_ABC}")]);
    let kept = board.home().join("attachments").join(&id).join(SHA256_OF_ABC);
    assert_eq!(kept.metadata().unwrap().mode() & 0o777, 0o600);
}

#[test]
fn a_fetched_file_replaces_nothing_unless_it_is_told_to_and_is_what_was_attached() {
    let board = Board::quiet();
    let id = board.create("t", &[]);
    let path = write(&board, "abc.txt", b"abc");
    board.say(["attach", &id, &path]).ok();
    // Under its own name, in the directory of the call.
    std::fs::remove_file(&path).unwrap();
    board.say(["attachments", "get", &id, "abc.txt"]).ok();
    assert_eq!(std::fs::read(&path).unwrap(), b"abc");
    std::fs::write(&path, "mine").unwrap();
    let message = board.say(["attachments", "get", &id, "abc.txt"]).failed(1);
    assert!(message.contains("already exists"), "{message}");
    assert_eq!(std::fs::read(&path).unwrap(), b"mine");
    board.say(["attachments", "get", &id, "abc.txt", "--force"]).ok();
    assert_eq!(std::fs::read(&path).unwrap(), b"abc");
    assert_eq!(board.say(["attachments", "get", &id, "abc.txt", "-o", "-"]).ok(), "abc");
    let kept = board.home().join("attachments").join(&id).join(SHA256_OF_ABC);
    std::fs::write(&kept, "abd").unwrap();
    let message = board.say(["attachments", "get", &id, "abc.txt", "-o", "x"]).failed(5);
    assert!(message.contains("differs from the attached file"), "{message}");
    assert!(!board.path("x").exists());
    std::fs::remove_file(&kept).unwrap();
    let message = board.say(["attachments", "get", &id, "abc.txt", "-o", "x"]).failed(1);
    assert!(message.contains("missing from this home"), "{message}");
    assert!(!board.path("x").exists());
}

#[test]
fn bytes_go_when_no_name_of_the_task_stands_for_them() {
    let board = Board::quiet();
    let id = board.create("t", &[]);
    let path = write(&board, "abc.txt", b"abc");
    board.say(["attach", &id, &path]).ok();
    board.say(["attach", &id, &path, "--name", "again"]).ok();
    let message = board.say(["attachments", "remove", &id, "abc.txt"]).ok();
    assert_eq!(message, format!("Removed abc.txt from {id}\n"));
    assert_eq!(kept(&board).len(), 1, "another name stands for them");
    board.say(["attachments", "remove", &id, "again"]).ok();
    assert_eq!(kept(&board).len(), 0);
    assert_eq!(
        board.kinds(&id)[1..],
        ["attached", "attached", "attachment_removed", "attachment_removed"]
    );
}

#[test]
fn gc_takes_the_files_of_what_it_removes_and_what_nobody_names() {
    let board = Board::quiet();
    let gone = board.create("gone", &[]);
    let stays = board.create("stays", &[]);
    let path = write(&board, "abc.txt", b"abc");
    for id in [&gone, &stays] {
        board.say(["attach", id, &path]).ok();
    }
    let orphan = board.home().join("attachments/t_0123/deadbeef");
    std::fs::create_dir(orphan.parent().unwrap()).unwrap();
    std::fs::write(&orphan, "left behind by a crash").unwrap();
    board.say(["archive", &gone]).ok();
    let young = board.say(["gc", "--dry-run", "--json"]).json();
    assert_eq!(young["attachments"], 0, "a young file may be on its way to its row");
    let old = ["gc", "--older-than-days", "0", "--json"];
    // It goes by whole seconds.
    until("a second to have passed", || {
        let would = board.say(old.iter().chain(&["--dry-run"])).json();
        (would["tasks"] == 1).then(|| assert_eq!(would["attachments"], 2))
    });
    assert_eq!(kept(&board).len(), 3);
    assert_eq!(board.say(old).json()["attachments"], 2);
    assert_eq!(kept(&board), [format!("{stays}/{SHA256_OF_ABC}")]);
    board.say(["attachments", "get", &stays, "abc.txt", "-o", "back"]).ok();
}

#[test]
fn a_worker_reads_what_was_attached_and_attaches_its_own() {
    let script = "kanban context $KANBAN_TASK > context; \
                  kanban attachments get $KANBAN_TASK abc.txt -o got; \
                  echo made > made.txt; kanban attach $KANBAN_TASK made.txt; \
                  kanban attach $OTHER made.txt 2>&1; \
                  kanban complete $KANBAN_TASK --summary s";
    let board = Board::quiet();
    let other = board.create("other", &[]);
    drop(board);
    let board = Board::with(&format!(
        "[dispatch]\nenabled = false\n[profiles.dev]\nargv = {}\nverdict = \"report\"\nenv = {{ OTHER = \"{other}\" }}\n",
        json!(["/bin/sh", "-c", script])
    ));
    let id = board.create("t", &["--assignee", "dev"]);
    let path = write(&board, "abc.txt", b"abc");
    board.say(["attach", &id, &path]).ok();
    board.dispatch();
    board.say(["wait", &id, "--closed"]).ok();
    let workspace = board.home().join("workspaces").join(&id);
    assert_eq!(std::fs::read_to_string(workspace.join("got")).unwrap(), "abc");
    let context = std::fs::read_to_string(workspace.join("context")).unwrap();
    assert!(context.contains("- abc.txt (3 bytes, by "), "{context}");
    let listed = board.say(["attachments", &id, "--json"]).json();
    assert_eq!(listed[1]["filename"], "made.txt");
    assert_eq!(listed[1]["uploaded_by"], "dev");
    let log = board.say(["log", &id]).ok();
    assert!(log.contains("no such task"), "{log}");
}

#[test]
fn an_export_tells_of_attached_files_and_an_import_says_that_they_are_missing() {
    let board = Board::quiet();
    let id = board.create("t", &[]);
    let path = write(&board, "abc.txt", b"abc");
    board.say(["attach", &id, &path]).ok();
    let file = board.path("board.jsonl");
    board.say(["export", file.to_str().unwrap()]).ok();
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(SHA256_OF_ABC), "{text}");
    let other = Board::quiet();
    let summary = other.say(["import", file.to_str().unwrap(), "--json"]).json();
    let note = summary["notes"][0].as_str().unwrap();
    assert!(note.contains("without its attachment(s) abc.txt"), "{note}");
    assert_eq!(other.say(["attachments", &id, "--json"]).json(), json!([]));
}

#[test]
fn declared_files_are_taken_before_the_verdict_and_a_missing_one_leaves_the_task_as_it_is() {
    let board = Board::quiet();
    let id = board.create("t", &[]);
    let path = write(&board, "abc.txt", b"abc");
    let before = board.everything();
    let message =
        board.say(["complete", &id, "--artifact", &path, "--artifact", "missing"]).failed(1);
    let expected = format!("error: cannot read {}: No such file", board.path("missing").display());
    assert!(message.starts_with(&expected), "{message}");
    assert_eq!(board.everything(), before);
    // A relative path counts from where the call is made.
    board.say(["complete", &id, "--summary", "s", "--artifact", "abc.txt"]).ok();
    let artifact = json!({"path": path, "size_bytes": 3, "sha256": SHA256_OF_ABC});
    assert_eq!(board.runs(&id)[0]["artifacts"], json!([artifact]));
    let line = format!("     + {path} (3 bytes)\n");
    for verb in ["show", "runs"] {
        assert!(board.say([verb, &id]).ok().contains(&line), "{verb}");
    }
}

#[test]
fn a_worker_that_names_tasks_it_did_not_create_is_told_which_and_may_correct_itself() {
    let script = "kanban complete $KANBAN_TASK --summary s --created-card t_dead; echo \"first $?\"; \
                  id=$(kanban create made --assignee qa --triage --json | sed -n 's/.*\"id\": \"\\(t_[0-9a-f]*\\)\".*/\\1/p' | head -1); \
                  kanban complete $KANBAN_TASK --summary s --created-card $id; echo \"second $?\"";
    let board = Board::with_workers(&[("dev", script)]);
    let id = board.create("t", &["--assignee", "dev"]);
    board.dispatch();
    board.say(["wait", &id, "--closed"]).ok();
    let log = board.say(["log", &id]).ok();
    assert!(log.contains("t_dead (no such task)") && log.contains("first 1"), "{log}");
    assert!(log.contains("second 0"), "{log}");
    let kinds = board.kinds(&id);
    assert!(kinds.contains(&"completion_blocked_hallucination".to_owned()), "{kinds:?}");
    assert_eq!(board.runs(&id)[0]["created_cards"].as_array().unwrap().len(), 1);
}
