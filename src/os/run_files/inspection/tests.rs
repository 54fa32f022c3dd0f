//! The judgement about a run, for every combination of signs; and what is done by it to real files.

use super::*;
use crate::os::run_files::directory::{
    ExitRecord, RUN_FILE_VERSION, RunIdentity, write_exit, write_identity, write_private,
};

fn process(pid: i32) -> ProcessIdentity {
    ProcessIdentity { boot_id: "b".to_owned(), pid, start_ticks: 9 }
}

fn identity() -> RunIdentity {
    RunIdentity {
        version: RUN_FILE_VERSION,
        nonce: "n".to_owned(),
        shim: process(5),
        worker: Some(process(6)),
        deadline_ms: None,
    }
}

fn record() -> ExitRecord {
    let text = r#"{"version":1,"nonce":"n","start_failure":null,"code":0,"signal":null,"timed_out":false,
        "stop_requested":false,"killed":false,"swept_count":0,"started_at_ms":1,"ended_at_ms":2,"elapsed_ms":1,
        "cpu_us":0,"max_rss_bytes":0,"log_bytes":0}"#;
    serde_json::from_str(text).unwrap()
}

/// The signs of a run of which nothing is there.
fn nothing() -> Signs {
    Signs {
        directory: Directory::Missing,
        lock: LockSign::Missing,
        exit: Seen::Missing,
        identity: Seen::Missing,
        spec: Seen::Missing,
        shim: None,
        worker: None,
        search: Search::Nobody,
        has_log: false,
    }
}

/// The signs of a run whose directory is as it should be, without a shim.
fn own() -> Signs {
    Signs { directory: Directory::Own, lock: LockSign::Free, ..nothing() }
}

fn with_shim(signs: Signs, life: Liveness) -> Signs {
    let (shim, worker) = (Some((process(5), life)), Some(process(6)));
    Signs { shim, worker, search: Search::NotDone, ..signs }
}

fn unreadable<T>(is_passing: bool) -> Seen<T> {
    Seen::Unreadable { why: "cannot be read".to_owned(), is_passing }
}

/// The judgement in one word.
fn word(signs: &Signs, is_other_boot: bool, tree: Option<&Tree>) -> &'static str {
    match judge(signs, is_other_boot, tree) {
        Inspection::Alive(_) => "alive",
        Inspection::Beginning(_) => "beginning",
        Inspection::Ended(_) => "ended",
        Inspection::ShimDied(loss) => match loss.cause {
            LossCause::ShimDied => "died",
            LossCause::OtherBoot => "other boot",
            LossCause::DirectoryRemoved => "directory removed",
            LossCause::DirectoryReplaced(_) => "directory replaced",
            LossCause::FilesRemoved => "files removed",
            LossCause::Unreadable(_) => "lost, unreadable",
        },
        Inspection::NeverStarted => "never started",
        Inspection::Unknown(_) => "unknown",
    }
}

/// Every state that files can be in while the shim of the row, or nobody, is there.
fn all_files() -> Vec<Signs> {
    let directories = [
        Directory::Own,
        Directory::Missing,
        Directory::Other("a link".to_owned()),
        Directory::Unreadable("permission denied".to_owned()),
    ];
    let locks = [
        LockSign::Held,
        LockSign::Free,
        LockSign::Missing,
        LockSign::Unreadable("i/o error".to_owned()),
    ];
    let exits = [Seen::There(record()), Seen::Missing, unreadable(false), unreadable(true)];
    let identities = [Seen::There(identity()), Seen::Missing, unreadable(false)];
    let mut all = Vec::new();
    for directory in &directories {
        for lock in &locks {
            for exit in &exits {
                for identity in &identities {
                    for has_log in [false, true] {
                        all.push(Signs {
                            directory: directory.clone(),
                            lock: lock.clone(),
                            exit: exit.clone(),
                            identity: identity.clone(),
                            has_log,
                            ..nothing()
                        });
                    }
                }
            }
        }
    }
    all
}

#[test]
fn a_shim_that_lives_is_alive_whatever_became_of_its_files() {
    for files in all_files() {
        let signs = with_shim(files, Liveness::Same);
        assert_eq!(word(&signs, false, None), "alive", "{signs:?}");
    }
}

#[test]
fn a_shim_that_cannot_be_told_from_another_process_is_unknown_whatever_became_of_its_files() {
    for files in all_files() {
        let signs = with_shim(files, Liveness::Unknown);
        assert_eq!(word(&signs, false, None), "unknown", "{signs:?}");
    }
}

#[test]
fn a_run_that_was_seen_to_start_has_never_not_started() {
    for files in all_files() {
        for search in [Search::NotDone, Search::Nobody, Search::Failed("no".to_owned())] {
            for tree in [None, Some(Tree::Empty), Some(Tree::Some)] {
                let signs =
                    Signs { search: search.clone(), ..with_shim(files.clone(), Liveness::Gone) };
                let found = word(&signs, false, tree.as_ref());
                assert_ne!(found, "never started", "{signs:?}");
            }
        }
    }
}

#[test]
fn only_an_empty_tree_without_a_trace_has_never_started() {
    for files in all_files() {
        for tree in [None, Some(Tree::Empty), Some(Tree::Some), Some(Tree::Unknown("no".into()))] {
            let is_untouched = matches!(files.directory, Directory::Own | Directory::Missing)
                && files.lock != LockSign::Held
                && files.exit == Seen::Missing
                && files.identity == Seen::Missing
                && !files.has_log
                && tree == Some(Tree::Empty);
            let found = word(&files, false, tree.as_ref());
            assert_eq!(found == "never started", is_untouched, "{files:?} {tree:?}: {found}");
        }
    }
}

#[test]
fn a_process_table_that_cannot_be_searched_leaves_it_open() {
    for files in all_files() {
        let signs = Signs { search: Search::Failed("no".to_owned()), ..files };
        assert_eq!(word(&signs, false, None), "unknown", "{signs:?}");
    }
}

#[test]
fn each_set_of_signs_means_what_the_table_says() {
    let gone = |signs: Signs| with_shim(signs, Liveness::Gone);
    let shim = Search::Shim(process(5));
    let empty = Some(Tree::Empty);
    let other = Directory::Other("a link".to_owned());
    let shut = Directory::Unreadable("permission denied".to_owned());
    for (signs, is_other_boot, tree, expected) in [
        // The shim is gone.
        (gone(Signs { exit: Seen::There(record()), ..own() }), false, None, "ended"),
        (gone(Signs { identity: Seen::There(identity()), ..own() }), false, None, "died"),
        (gone(own()), false, None, "files removed"),
        (gone(Signs { exit: unreadable(false), ..own() }), false, None, "lost, unreadable"),
        (gone(Signs { exit: unreadable(true), ..own() }), false, None, "unknown"),
        (gone(nothing()), false, None, "directory removed"),
        (gone(Signs { directory: other.clone(), ..own() }), false, None, "directory replaced"),
        (gone(Signs { directory: shut.clone(), ..own() }), false, None, "lost, unreadable"),
        (gone(nothing()), true, None, "other boot"),
        (gone(Signs { exit: unreadable(false), ..own() }), true, None, "other boot"),
        (gone(Signs { exit: Seen::There(record()), ..own() }), true, None, "ended"),
        // A boot id that differs.
        (Signs { search: shim.clone(), ..gone(own()) }, true, None, "alive"),
        (gone(Signs { lock: LockSign::Held, ..own() }), false, None, "unknown"),
        // Nobody knows of a shim.
        (Signs { lock: LockSign::Held, ..own() }, false, None, "beginning"),
        (Signs { search: shim.clone(), ..own() }, false, None, "beginning"),
        (Signs { search: shim, ..nothing() }, false, None, "beginning"),
        (Signs { exit: Seen::There(record()), ..own() }, false, None, "ended"),
        (own(), false, empty.clone(), "never started"),
        (nothing(), false, empty.clone(), "never started"),
        (own(), false, Some(Tree::Some), "files removed"),
        (nothing(), false, Some(Tree::Some), "directory removed"),
        (nothing(), false, Some(Tree::Unknown("no".into())), "unknown"),
        (Signs { has_log: true, ..nothing() }, false, empty.clone(), "directory removed"),
        (Signs { has_log: true, ..own() }, false, empty.clone(), "files removed"),
        (Signs { directory: other, ..own() }, false, empty.clone(), "directory replaced"),
        (Signs { directory: shut, ..own() }, false, empty.clone(), "lost, unreadable"),
        (Signs { identity: unreadable(false), ..own() }, false, empty, "lost, unreadable"),
    ] {
        assert_eq!(word(&signs, is_other_boot, tree.as_ref()), expected, "{signs:?} {tree:?}");
    }
}

#[test]
fn the_process_table_is_searched_for_whatever_may_be_there() {
    let gone = |signs: Signs| with_shim(signs, Liveness::Gone);
    for (signs, is_other_boot, expected) in [
        (own(), false, true),
        (nothing(), false, true),
        (Signs { exit: Seen::There(record()), ..own() }, false, false),
        (gone(own()), false, false),
        (gone(own()), true, true),
        (gone(Signs { lock: LockSign::Held, ..own() }), false, true),
        (with_shim(own(), Liveness::Same), false, false),
        (with_shim(own(), Liveness::Unknown), false, false),
    ] {
        assert_eq!(wants_search(&signs, is_other_boot), expected, "{signs:?}");
    }
}

fn run_dir() -> (tempfile::TempDir, RunDir) {
    let temp = tempfile::tempdir().unwrap();
    let dir = RunDir::new(temp.path().join("7"));
    dir.create().unwrap();
    (temp, dir)
}

#[test]
fn a_start_is_revoked_only_while_no_shim_has_begun() {
    let (temp, dir) = run_dir();
    write_private(&dir.spec(), b"{}").unwrap();
    let lock = RunLock::try_acquire(&dir).unwrap().expect("nobody holds it");
    assert!(!revoke(&dir).unwrap() && dir.spec().exists(), "a shim has the lock");
    drop(lock);
    write_identity(&dir, &identity()).unwrap();
    assert!(!revoke(&dir).unwrap() && dir.spec().exists(), "a shim has said who it is");
    std::fs::remove_file(dir.identity()).unwrap();
    write_exit(&dir, &record()).unwrap();
    assert!(!revoke(&dir).unwrap() && dir.spec().exists(), "it is over");
    std::fs::remove_file(dir.exit()).unwrap();
    assert!(revoke(&dir).unwrap() && !dir.spec().exists());
    assert!(revoke(&dir).unwrap(), "twice is safe");
    assert!(revoke(&RunDir::new(temp.path().join("8"))).unwrap(), "no directory, no start");
    std::fs::write(dir.identity(), "{").unwrap();
    assert!(revoke(&dir).is_err(), "a damaged file is no missing one");
}

#[test]
fn what_is_left_of_a_closed_run_is_removed_only_when_no_shim_is_there() {
    let (temp, dir) = run_dir();
    let lock = RunLock::try_acquire(&dir).unwrap().expect("nobody holds it");
    assert_eq!(remove_left_over(&dir, "i").unwrap(), LeftOver::ShimLives);
    drop(lock);
    // Its lock was removed, and it lives.
    std::fs::remove_file(dir.lock()).unwrap();
    let me = ProcessIdentity::current().unwrap();
    let alive = RunIdentity { shim: me, worker: None, ..identity() };
    write_identity(&dir, &alive).unwrap();
    assert_eq!(remove_left_over(&dir, "i").unwrap(), LeftOver::ShimLives);
    write_identity(&dir, &identity()).unwrap();
    assert_eq!(remove_left_over(&dir, "i").unwrap(), LeftOver::Removed);
    assert_eq!(remove_left_over(&dir, "i").unwrap(), LeftOver::Removed);
    let elsewhere = temp.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    std::fs::write(elsewhere.join("identity"), "precious").unwrap();
    std::os::unix::fs::symlink(&elsewhere, dir.path()).unwrap();
    assert!(remove_left_over(&dir, "i").is_err(), "a link in its place stays");
    assert_eq!(std::fs::read_to_string(elsewhere.join("identity")).unwrap(), "precious");
}
