//! Shared state: every file with a lock is a row of ARCHITECTURE.md, and every row has a file with a lock.

use std::collections::BTreeSet;
use std::path::Path;

use crate::sources::{code_in, sources};

/// Types that let threads change one value.
const LOCKS: [&str; 2] = ["Mutex<", "RwLock<"];

fn files_with_locks() -> BTreeSet<String> {
    let has_lock = |code: &str| LOCKS.iter().any(|lock| code.contains(lock));
    sources()
        .into_iter()
        .filter(|file| has_lock(&code_in(&file.code)))
        .map(|file| file.path)
        .collect()
}

fn rows(document: &str) -> BTreeSet<String> {
    let (_, section) = document.split_once("\n## Shared cells\n").unwrap();
    section
        .lines()
        .filter_map(|line| {
            line.strip_prefix("| `")?.split_once('`').map(|(file, _)| file.to_owned())
        })
        .collect()
}

#[test]
fn the_architecture_lists_every_shared_cell() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listed = rows(&std::fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap());
    let found = files_with_locks();
    assert!(found.len() > 10, "{found:?}");
    assert_eq!(found.difference(&listed).collect::<Vec<_>>(), Vec::<&String>::new(), "not listed");
    assert_eq!(listed.difference(&found).collect::<Vec<_>>(), Vec::<&String>::new(), "without one");
}
