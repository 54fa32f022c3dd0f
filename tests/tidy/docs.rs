//! The lists of the predecessor's defects and of failures keep their word: each row names tests, and each of them is there. So is
//! whatever a page links to.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// What a row says that has nothing to prove yet.
const NOT_YET: &str = "no such part yet";

/// Rows that the page must have at least: one table of changed rules, one of defects.
const ROWS_MIN: [(&str, usize); 2] = [("## Rules that were changed", 16), ("## Defects", 56)];

/// Pages whose tables are lists of proofs.
const PROVEN: [&str; 2] = ["docs/predecessor.md", "docs/failures.md"];

/// Failures that the page has at least, under all its headings together.
const FAILURES_MIN: usize = 60;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every page of the repository that is written for people, as paths in it.
fn pages() -> Vec<String> {
    let mut found = Vec::new();
    for folder in ["", "docs/", "docs/adr/"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if Path::new(&name).extension().is_some_and(|extension| extension == "md") {
                found.push(format!("{folder}{name}"));
            }
        }
    }
    found
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

/// Whether a script has a function `name` and tries it as a claim.
fn has_claim(text: &str, name: &str) -> bool {
    let is_tried = text.lines().any(|line| line.trim() == format!("claim {name}"));
    is_tried && text.contains(&format!("\n{name}() {{"))
}

/// Whether `text` has a function `name` that is a test: its attribute stands right above it, maybe with others.
fn has_test(text: &str, name: &str) -> bool {
    let Some((before, _)) = text.split_once(&format!("fn {name}(")) else { return false };
    let above = before.lines().rev().skip(usize::from(!before.ends_with('\n')));
    above.take_while(|line| line.trim_start().starts_with("#[")).any(|line| line.contains("test]"))
}

#[test]
fn each_row_is_proven_by_tests_that_are_there() {
    let mut wrong = Vec::new();
    for path in PROVEN {
        for row in rows(&read(path)) {
            let [what, how, proof] = row[..] else { panic!("{path}: three cells, not {row:?}") };
            if named_tests(proof).is_empty() && !how.contains(NOT_YET) {
                wrong.push(format!("{path}: no test: {what}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_test_that_a_page_names_is_there() {
    let mut wrong = Vec::new();
    for path in pages() {
        for (file, name) in named_tests(&prose(&read(&path))) {
            let text = || std::fs::read_to_string(root().join(file)).unwrap_or_default();
            let is_there = match Path::new(file).extension().and_then(OsStr::to_str) {
                Some("rs") => has_test(&text(), name),
                Some("sh") => has_claim(&text(), name),
                Some(_) | None => true,
            };
            if !is_there {
                wrong.push(format!("{path}: {file} has no test {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The page whose every statement names its tests, and its part that promises nothing.
const SECURITY: (&str, &str) = ("docs/security.md", "\n## What is not promised\n");

/// What of a page states something without a test: paragraphs, items and rows between the first heading of a part and `end`. The tests of a
/// paragraph that ends with a colon are those of what follows it; one without tests is no statement.
fn unproven(page: &str, end: &str) -> Vec<String> {
    let text = prose(page);
    let (_, stated) = text.split_once("\n## ").unwrap_or_default();
    let (stated, _) = stated.split_once(end).unwrap();
    let mut wrong = Vec::new();
    let mut is_proven_before = false;
    for block in stated.split("\n\n").map(str::trim).skip(1) {
        let lines = block.lines().filter(|line| !line.starts_with("<!--"));
        let block = lines.collect::<Vec<_>>().join("\n");
        let is_lead = block.ends_with(':');
        let has_tests = |text: &str| !named_tests(text).is_empty();
        if !(block.is_empty() || block.starts_with('#') || is_lead || is_proven_before) {
            wrong.extend(statements(&block).into_iter().filter(|one| !has_tests(one)));
        }
        is_proven_before = is_lead && has_tests(&block);
    }
    wrong
}

/// The rows of a table, the items of a list, or the one paragraph that a block is. Of a row the last cell counts.
fn statements(block: &str) -> Vec<String> {
    if block.starts_with('|') {
        let last = |row: Vec<&str>| format!("{}: {}", row[0], row[row.len() - 1]);
        return rows(block).into_iter().map(last).collect();
    }
    let mut found: Vec<String> = Vec::new();
    for line in block.lines() {
        let is_item = line.starts_with("- ") || line.starts_with(|c: char| c.is_ascii_digit());
        match found.last_mut() {
            Some(open) if !is_item => {
                open.push('\n');
                open.push_str(line);
            }
            Some(_) | None => found.push(line.to_owned()),
        }
    }
    found
}

#[test]
fn each_statement_of_the_security_model_names_a_test() {
    let (path, end) = SECURITY;
    let wrong = unproven(&read(path), end);
    assert!(wrong.is_empty(), "{path}: no test:\n{}", wrong.join("\n"));
}

#[test]
fn a_statement_without_a_test_is_found_in_each_form() {
    let page = "# P\n\nOf what.\n\n## A\n\nIt holds (`f.rs::a`).\n\n- one (`f.rs::b`)\n- two\n  (`f.rs::c`)\n\n| a | b |\n|---|---|\n\
                | x | `f.rs::d` |\n\nWith these (`f.rs::e`):\n\n<!-- t -->\n| a | b |\n|---|---|\n| y | z |\n\n## Not\n\nNothing.\n";
    assert_eq!(unproven(page, "\n## Not\n"), Vec::<String>::new());
    for test in ["a", "b", "c", "d", "e"] {
        let without = page.replace(&format!("`f.rs::{test}`"), "`f.rs`");
        assert_eq!(unproven(&without, "\n## Not\n").len(), 1, "{test}");
    }
}

/// The text without its fenced blocks.
fn prose(text: &str) -> String {
    let text = format!("\n{text}");
    let parts = text.split("\n```");
    let mut kept = Vec::new();
    for part in parts.step_by(2) {
        kept.push(part.split_once('\n').map_or("", |(_, rest)| rest));
    }
    kept.join("\n")
}

/// What a heading is called in a link.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let is_kept = |c: &char| c.is_alphanumeric() || [' ', '-', '_'].contains(c);
    kept.chars().filter(is_kept).map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_link_leads_to_something() {
    let mut wrong = Vec::new();
    for path in pages() {
        let text = read(&path);
        let folder = Path::new(&path).parent().unwrap().to_owned();
        let prose = prose(&text);
        for link in prose.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.starts_with("http") {
                continue;
            }
            let (file, part) = link.split_once('#').map_or((link, None), |(f, p)| (f, Some(p)));
            let target =
                if file.is_empty() { root().join(&path) } else { root().join(&folder).join(file) };
            let is_there = match part {
                None => target.exists(),
                Some(part) => {
                    let text = std::fs::read_to_string(&target).unwrap_or_default();
                    let headings = text.lines().filter(|line| line.starts_with('#'));
                    headings.map(|line| anchor(line.trim_start_matches('#'))).any(|is| is == part)
                }
            };
            if !is_there {
                wrong.push(format!("{path}: {link}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether a word is the name of one of our units.
fn is_unit(word: &str) -> bool {
    let kinds = [".service", ".socket", ".timer"];
    word.starts_with("kanband") && kinds.iter().any(|kind| word.ends_with(kind))
}

#[test]
fn every_unit_that_a_page_names_is_in_the_package() {
    let mut wrong = Vec::new();
    for path in pages() {
        let text = read(&path);
        let is_end = |c: char| !(c.is_alphanumeric() || ['-', '.'].contains(&c));
        for word in text.split(is_end).filter(|word| is_unit(word)) {
            if !root().join("packaging/systemd").join(word).exists() {
                wrong.push(format!("{path}: {word}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(is_unit("kanband-runs.service") && !is_unit("kanband.toml"));
}

/// Names of the points at which `text` may be killed.
fn fail_points(text: &str) -> impl Iterator<Item = &str> {
    text.split("hit(\"").skip(1).filter_map(|rest| rest.split('"').next())
}

#[test]
fn every_point_at_which_tests_kill_stands_in_the_failure_model() {
    let model = read("docs/failures.md");
    let mut folders = vec![root().join("src")];
    let mut missing = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let is_missing = |point: &&str| !model.contains(&format!("`{point}`"));
            missing.extend(fail_points(&text).filter(is_missing).map(str::to_owned));
        }
    }
    assert!(missing.is_empty(), "docs/failures.md says nothing about {missing:?}");
}

#[test]
fn no_row_has_been_dropped() {
    let page = read("docs/predecessor.md");
    for (heading, least) in ROWS_MIN {
        let part = page.split(heading).nth(1).unwrap_or_else(|| panic!("no {heading}"));
        let count = rows(part.split("\n## ").next().unwrap()).len();
        assert!(count >= least, "{heading}: {count} rows");
    }
    let failures = rows(&read("docs/failures.md")).len();
    assert!(failures >= FAILURES_MIN, "docs/failures.md: {failures} rows");
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
    assert!(has_claim("\ng() {\n}\n  claim g\n", "g"));
    assert!(!has_claim("\ng() {\n}\n", "g") && !has_claim("\nclaim g\n", "g"));
    assert!(!has_test("#[test]\nfn other() {}\nfn g() {}", "g"));
    assert_eq!(prose("a\n```sh\n[b](c)\n```\nd\n"), "a\nd\n");
    assert_eq!(anchor(" [launchers.NAME] and `more`"), "launchersname-and-more");
}
