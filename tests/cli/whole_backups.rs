//! A backup is whole: the attached files are in it, each is checked before anything is replaced, and what was cut or altered is
//! refused with nothing half done.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::harness::Board;

/// Longer than a chunk, so that there are two.
const LONG: usize = 1024 * 1024 + 17;

/// Every attached file in the home, by `task/hash`.
fn attached(board: &Board) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for folder in std::fs::read_dir(board.home().join("attachments")).unwrap() {
        let folder = folder.unwrap().path();
        for file in std::fs::read_dir(&folder).unwrap() {
            let file = file.unwrap().path();
            let name = file.strip_prefix(folder.parent().unwrap()).unwrap();
            found.insert(name.to_str().unwrap().to_owned(), std::fs::read(&file).unwrap());
        }
    }
    found
}

fn attach(board: &Board, id: &str, name: &str, bytes: &[u8]) {
    let path = board.path(name);
    std::fs::write(&path, bytes).unwrap();
    board.say(["attach", id, path.to_str().unwrap()]).ok();
}

/// A board with a long file, an empty one, and one that two tasks have.
fn with_files() -> (Board, String) {
    let board = Board::quiet();
    let (one, two) = (board.create("one", &[]), board.create("two", &[]));
    let long: Vec<u8> = (0..LONG).map(|n| n.to_le_bytes()[0]).collect();
    attach(&board, &one, "long.bin", &long);
    attach(&board, &one, "empty.txt", b"");
    attach(&board, &one, "abc.txt", b"abc");
    attach(&board, &two, "abc.txt", b"abc");
    (board, one)
}

fn backup(board: &Board, name: &str, more: &[&str]) -> PathBuf {
    let file = board.path(name);
    let mut words = vec!["backup", "--force", file.to_str().unwrap()];
    words.extend(more);
    let said = board.say(words);
    assert!(said.code == 0 && said.err.starts_with("Size: "), "{said:?}");
    file
}

fn restore(board: &Board, file: &Path) -> String {
    board.say(["restore", file.to_str().unwrap(), "--yes"]).ok()
}

#[test]
fn a_backup_brings_attached_files_to_another_home_with_and_without_a_daemon() {
    let (board, one) = with_files();
    let files = attached(&board);
    assert_eq!(files.len(), 4);
    let file = backup(&board, "whole.db", &[]);
    let mut other = Board::quiet();
    let said = restore(&other, &file);
    assert!(said.contains("Attached files: 4 restored"), "{said}");
    assert_eq!(attached(&other), files);
    let back = other.path("back.bin");
    let get = ["attachments", "get", &one, "long.bin", "-o", back.to_str().unwrap()];
    other.say(get).ok();
    assert_eq!(std::fs::read(&back).unwrap().len(), LONG);
    // The live board has no table of a backup.
    let said = other.say(["doctor", "--json"]);
    assert!(said.out.contains("sound, schema version"), "{said:?}");
    other.kill();
    std::fs::remove_dir_all(other.home().join("attachments")).unwrap();
    let said = restore(&other, &file);
    assert!(said.contains("Attached files: 4 restored"), "{said}");
    assert_eq!(attached(&other), files);
    other.start();
    other.say(get.iter().copied().chain(["--force"])).ok();
    let database = Connection::open(other.home().join("kanban.db")).unwrap();
    let count = "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'backup%'";
    assert_eq!(database.query_row(count, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
    assert!(other.home().join("kanban.db").metadata().unwrap().len() < LONG as u64);
}

#[test]
fn the_size_is_told_first_and_files_can_be_left_out() {
    let (board, _) = with_files();
    let file = board.path("told.db");
    let said = board.say(["backup", file.to_str().unwrap()]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.err.starts_with("Size: up to "), "{said:?}");
    assert!(said.err.contains(" of it in 3 attached file(s)"), "{said:?}");
    let shown = board.say(["backup", "--force", file.to_str().unwrap(), "--json"]);
    assert_eq!(shown.err, "", "{shown:?}");
    let shown = shown.json();
    assert_eq!((&shown["files"], &shown["file_bytes"]), (&3.into(), &(LONG + 3).into()));
    let light = board.path("light.db");
    let said = board.say(["backup", "--without-files", light.to_str().unwrap()]);
    assert!(said.code == 0 && said.err.is_empty(), "{said:?}");
    assert!(light.metadata().unwrap().len() + LONG as u64 <= file.metadata().unwrap().len());
    let verified = board.say(["backup", "verify", light.to_str().unwrap(), "--json"]).json();
    assert_eq!((&verified["with_files"], &verified["files_left_out"]), (&false.into(), &3.into()));
    // As a backup of before: what is in the home stays usable.
    let files = attached(&board);
    let said = restore(&board, &light);
    assert!(said.contains("Attached files: 3 not in the backup"), "{said}");
    assert_eq!(attached(&board), files);
}

/// Changes to the files of a backup, each with the message about it.
const CHANGES: &[(&str, &str)] = &[
    ("DELETE FROM backup_files WHERE chunk = 1", "is damaged: the attached file "),
    ("DELETE FROM backup_files WHERE chunk = 0 AND length(bytes) > 9", "lacks a part"),
    ("DELETE FROM backup_files WHERE length(bytes) = 3", "is missing"),
    ("DELETE FROM backup_files", "is missing"),
    (
        "UPDATE backup_files SET bytes = x'616264' WHERE length(bytes) = 3",
        "does not have its SHA-256",
    ),
    ("UPDATE backup_files SET bytes = x'' WHERE chunk = 1", "does not have its SHA-256"),
    (
        "INSERT INTO backup_files SELECT sha256, 1, bytes FROM backup_files WHERE length(bytes) = 3",
        "lacks a part",
    ),
    (
        "INSERT INTO backup_files VALUES ('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b856', 1, NULL)",
        "lacks a part",
    ),
    ("DELETE FROM task_attachments WHERE filename = 'long.bin'", "no task has the file "),
    ("UPDATE task_attachments SET size_bytes = 4 WHERE filename = 'abc.txt'", "is not whole"),
    ("ALTER TABLE backup_files ADD COLUMN more TEXT", "the table backup_files was changed"),
    (
        "CREATE INDEX mine ON backup_files (chunk)",
        "the index mine on backup_files is not kanband's",
    ),
];

#[test]
fn a_backup_whose_files_were_cut_or_altered_is_refused_with_nothing_half_done() {
    let (mut board, _) = with_files();
    let good = backup(&board, "good.db", &[]);
    let (tasks, files) = (board.everything(), attached(&board));
    let bad = board.path("bad.db");
    let refuse = |board: &Board, sql: &str, phrase: &str| {
        std::fs::copy(&good, &bad).unwrap();
        Connection::open(&bad).unwrap().execute_batch(sql).unwrap();
        for words in [&["backup", "verify"][..], &["restore", "--yes"]] {
            let words = words.iter().copied().chain([bad.to_str().unwrap()]);
            let message = board.say(words).failed(1);
            assert!(message.contains(phrase), "{sql}: {message}");
        }
        assert_eq!(attached(board), files, "{sql}");
    };
    for (sql, phrase) in CHANGES {
        refuse(&board, sql, phrase);
    }
    assert_eq!(board.everything(), tasks);
    board.kill();
    for (sql, phrase) in CHANGES {
        refuse(&board, sql, phrase);
    }
    let bytes = std::fs::read(&good).unwrap();
    for length in [bytes.len() - 1, bytes.len() - 4096, bytes.len() / 2, 100] {
        std::fs::write(&bad, &bytes[..length]).unwrap();
        for words in [&["backup", "verify"][..], &["restore", "--yes"]] {
            board.say(words.iter().copied().chain([bad.to_str().unwrap()])).failed(1);
        }
    }
    board.start();
    assert_eq!((board.everything(), attached(&board)), (tasks, files));
}

#[test]
fn a_backup_that_lacks_files_removes_no_earlier_one_and_says_so() {
    let (board, one) = with_files();
    let dir = board.path("backups");
    let words = ["backup", "--dir", dir.to_str().unwrap(), "--keep", "1"];
    let count = || std::fs::read_dir(&dir).unwrap().count();
    assert_eq!(board.say(words).code, 0);
    let attachments = board.home().join("attachments");
    let aside = board.path("aside");
    std::fs::rename(attachments.join(&one), &aside).unwrap();
    for (more, backups) in [(&[][..], 2), (&["--json"], 3)] {
        let said = board.say(words.iter().chain(more).copied());
        assert!(said.code == 1 && !said.out.contains("emoved"), "{said:?}");
        assert!(said.err.contains("is not whole"), "{said:?}");
        assert!(said.err.contains("so no earlier backup was removed\n"), "{said:?}");
        assert_eq!(count(), backups);
    }
    std::fs::rename(&aside, attachments.join(&one)).unwrap();
    let said = board.say(words);
    assert!(said.code == 0 && said.out.matches("Removed: ").count() == 3, "{said:?}");
    assert_eq!(count(), 1);
}

#[test]
fn a_file_that_is_lost_in_the_home_is_named_and_holds_up_no_backup() {
    let (board, one) = with_files();
    let lost = attached(&board).into_keys().find(|name| name.starts_with(&one)).unwrap();
    std::fs::remove_file(board.home().join("attachments").join(&lost)).unwrap();
    let damaged = attached(&board).into_iter().find(|(_, bytes)| bytes.len() == LONG);
    let hash = lost.split('/').nth(1).unwrap().to_owned();
    if let Some((name, _)) = damaged {
        std::fs::write(board.home().join("attachments").join(name), "else").unwrap();
    }
    let file = board.path("told.db");
    let said = board.say(["backup", file.to_str().unwrap()]);
    assert!(said.code == 1 && said.err.contains("was missing or damaged"), "{said:?}");
    assert!(said.err.contains("is not whole (see the warnings)\n"), "{said:?}");
    let verified = board.say(["backup", "verify", file.to_str().unwrap(), "--json"]).json();
    let missing: Vec<&str> = verified["files_missing"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["sha256"].as_str().unwrap())
        .collect();
    // The bytes that two tasks have are read where they are whole.
    let is_shared = attached(&board).keys().any(|name| name.ends_with(&hash));
    assert_eq!(missing.contains(&hash.as_str()), !is_shared, "{verified}");
    assert!(!missing.is_empty(), "{verified}");
    let other = Board::quiet();
    let said = restore(&other, &file);
    assert!(said.contains(" not in the backup"), "{said}");
}

#[test]
fn a_backup_is_verified_without_a_daemon_and_without_a_home() {
    let (mut board, _) = with_files();
    let file = backup(&board, "whole.db", &[]);
    board.kill();
    let said = board.say(["backup", "verify", file.to_str().unwrap()]).ok();
    assert!(said.starts_with("Backup is good: "), "{said}");
    assert!(said.contains("Attached files: 3 ("), "{said}");
    let message = board.say(["backup", "verify", "/dev/null"]).failed(2);
    assert!(message.contains("is not a file"), "{message}");
    let hermes = board.path("other.db");
    Connection::open(&hermes).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    let message = board.say(["backup", "verify", hermes.to_str().unwrap()]).failed(1);
    assert!(message.contains("is not a database of kanband"), "{message}");
}
