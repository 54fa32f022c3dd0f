//! The list of the predecessor's defects keeps its word: each row names tests, and each of them is there.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on must fail loudly")]

use std::path::Path;

/// What a row says that has nothing to prove yet.
const NOT_YET: &str = "no such part yet";

/// Rows that the page must have at least: one table of changed rules, one of defects.
const ROWS_MIN: [(&str, usize); 2] = [("## Rules that were changed", 16), ("## Defects", 56)];

fn page() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/predecessor.md"))
        .unwrap()
}

/// The rows of every table in `text`, without heads and rulers.
fn rows(text: &str) -> Vec<Vec<&str>> {
    let lines: Vec<&str> = text.lines().collect();
    let is_ruler = |line: &&str| line.starts_with("|---");
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let is_head = lines.get(index + 1).is_some_and(is_ruler);
        if line.starts_with("| ") && !is_head {
            found.push(line.trim_matches('|').split('|').map(str::trim).collect());
        }
    }
    found
}

/// `file::name` of every test that a cell names.
fn named_tests(cell: &str) -> Vec<(&str, &str)> {
    cell.split('`').skip(1).step_by(2).filter_map(|code| code.rsplit_once("::")).collect()
}

/// Whether `text` has a function `name` that is a test: its attribute stands right above it, maybe with others.
fn has_test(text: &str, name: &str) -> bool {
    let Some((before, _)) = text.split_once(&format!("fn {name}(")) else { return false };
    let above = before.lines().rev().skip(usize::from(!before.ends_with('\n')));
    above.take_while(|line| line.trim_start().starts_with("#[")).any(|line| line.contains("test]"))
}

#[test]
fn each_row_is_proven_by_tests_that_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = page();
    let mut wrong = Vec::new();
    for row in rows(&page) {
        let [what, how, proof] = row[..] else { panic!("three cells, not {row:?}") };
        let tests = named_tests(proof);
        if tests.is_empty() && !how.contains(NOT_YET) {
            wrong.push(format!("no test: {what}"));
        }
        for (file, name) in tests {
            let text = std::fs::read_to_string(root.join(file)).unwrap_or_default();
            if !has_test(&text, name) {
                wrong.push(format!("{file} has no test {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_row_has_been_dropped() {
    let page = page();
    for (heading, least) in ROWS_MIN {
        let part = page.split(heading).nth(1).unwrap_or_else(|| panic!("no {heading}"));
        let count = rows(part.split("\n## ").next().unwrap()).len();
        assert!(count >= least, "{heading}: {count} rows");
    }
}

#[test]
fn a_row_is_read_as_it_is_written() {
    let text = "| a | b | c |\n|---|---|---|\n| x | y | `src/f.rs::g` and `src/h.rs::i` |\n| z | no such part yet | |\n";
    let found = rows(text);
    assert_eq!(found.len(), 2);
    assert_eq!(named_tests(found[0][2]), [("src/f.rs", "g"), ("src/h.rs", "i")]);
    assert!(has_test("    #[test]\n    fn g() {}", "g"));
    assert!(has_test("#[tokio::test]\n#[cfg(unix)]\nasync fn g() {}", "g"));
    assert!(!has_test("fn g() {}", "g"));
    assert!(!has_test("#[test]\nfn other() {}\nfn g() {}", "g"));
}
