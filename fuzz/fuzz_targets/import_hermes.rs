//! Databases of the predecessor.
#![no_main]

use std::path::Path;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("board.db");
    std::fs::write(&path, input).unwrap();
    if let Ok(board) = kanband::kernel::transfer::hermes::read(&path, Path::new("board.db")) {
        for record in board.records {
            drop(kanband::kernel::transfer::normalize::normalize(record, 1_000_000));
        }
    }
});
