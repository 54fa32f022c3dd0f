//! What pages quote: configuration, JSON, names of settings, verbs.

use std::path::PathBuf;

use clap::CommandFactory as _;
use kanband::cli::Arguments;
use kanband::config::keys::Section;
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

/// Words in backticks outside of blocks.
fn quoted_words(text: &str) -> Vec<String> {
    let mut in_block = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            in_block = !in_block;
        } else if !in_block {
            found.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    found
}

/// A file of the home that is named like a setting.
const FILE: &str = "disk.reserve";

/// Whether a word is written like `section.key` and there is no such key.
fn is_no_setting(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    let is_word =
        |part: &&str| part.chars().all(|c| c.is_ascii_lowercase() || c == '_') && !part.is_empty();
    match parts[..] {
        ["profiles" | "launchers", "NAME", key] => {
            Section::find(parts[0]).unwrap().key(key).is_none()
        }
        [section, key] if is_word(&key) => {
            word != FILE && Section::find(section).is_some_and(|section| section.key(key).is_none())
        }
        _ => false,
    }
}

#[test]
fn every_setting_that_a_page_names_is_one() {
    let mut wrong = Vec::new();
    for path in pages() {
        let words = quoted_words(&page(&path));
        let unknown = words.into_iter().filter(|word| is_no_setting(word));
        wrong.extend(unknown.map(|word| format!("{path}: {word}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(is_no_setting("dispatch.max_runing") && is_no_setting("profiles.NAME.usr"));
    assert!(!is_no_setting("dispatch.max_running") && !is_no_setting("kanban.db"));
}

#[test]
fn every_verb_stands_on_the_page_for_those_who_knew_other_ones() {
    let words = quoted_words(&page("docs/hermes.md"));
    let command = Arguments::command();
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        let is_told = words.iter().any(|word| word == verb.get_name());
        assert!(is_told, "docs/hermes.md says nothing about {}", verb.get_name());
    }
}
