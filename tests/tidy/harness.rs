//! One harness: what suites share is `tests/support`, and no test edits the text of a configuration.

use std::path::PathBuf;

use kanband::config::keys::SECTIONS;

use crate::sources::test_sources;

/// What in `text` is looked for in a text of a configuration, to be replaced: a header or a key of it.
fn replaced_settings(text: &str) -> Vec<&str> {
    let is_of_configuration = |literal: &str| {
        SECTIONS.iter().any(|section| {
            let is_header = literal.contains(&format!("[{}", section.name));
            is_header
                || section.keys.iter().any(|key| literal.contains(&format!("{} = ", key.name)))
        })
    };
    let calls = [".replace(", ".replacen("].map(|call| text.split(call).skip(1));
    calls
        .into_iter()
        .flatten()
        .filter_map(|rest| {
            rest.trim_start().strip_prefix('"')?.split_once("\",").map(|(literal, _)| literal)
        })
        .filter(|literal| is_of_configuration(literal))
        .collect()
}

#[test]
fn no_file_of_one_suite_is_included_in_another() {
    let attribute = concat!("#[", "path");
    let with: Vec<_> = test_sources()
        .into_iter()
        .filter(|(_, text)| text.contains(attribute))
        .map(|(path, _)| path)
        .collect();
    assert_eq!(with, [] as [PathBuf; 0], "what suites share belongs into tests/support");
}

#[test]
fn no_test_edits_the_text_of_a_configuration() {
    let call = |literal: &str| format!("text.replace(\n    \"{literal}\", x)");
    assert_eq!(replaced_settings(&call("[dispatch]")), ["[dispatch]"]);
    assert_eq!(replaced_settings(&call("grace = 1")), ["grace = 1"]);
    assert_eq!(replaced_settings(&call("{dir}")), [] as [&str; 0]);
    for (path, text) in test_sources() {
        let edited = replaced_settings(&text);
        assert_eq!(edited, [] as [&str; 0], "{}: Config::with sets a setting", path.display());
    }
}
