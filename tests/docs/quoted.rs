//! Configuration and JSON that pages show.

use std::path::PathBuf;

use kanband::config::{Ambient, Home, load};
use serde_json::Value;

use crate::blocks::{Kind, blocks, page, pages};

/// What is wrong with a configuration.
fn problems(text: &str) -> Option<String> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("kanband.toml"), text).unwrap();
    let ambient = Ambient {
        env: [("KANBAN_HOME".to_owned(), dir.path().to_str().unwrap().to_owned())].into(),
        working_directory: Some(PathBuf::from("/")),
        ..Ambient::of_process().unwrap()
    };
    let home = Home::resolve(&ambient).unwrap();
    load(&ambient, &home).err().map(|problems| problems.to_string())
}

#[test]
fn every_configuration_that_is_shown_is_accepted() {
    for path in pages() {
        for block in blocks(&page(&path)).unwrap() {
            if block.kind == Kind::Toml {
                assert_eq!(problems(&block.text), None, "{path}, block at line {}", block.line);
            }
        }
    }
    assert!(problems("[dispatch]\nmax_runing = 2\n").unwrap().contains("max_running"));
}

#[test]
fn all_json_that_is_shown_is_json() {
    for path in pages() {
        for block in blocks(&page(&path)).unwrap() {
            if block.kind == Kind::Json {
                let parsed = serde_json::from_str::<Value>(&block.text);
                assert!(parsed.is_ok(), "{path}, block at line {}: {parsed:?}", block.line);
            }
        }
    }
}
