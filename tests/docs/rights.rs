//! The table of rights in `docs/security.md`, written from `src/kernel/rights.rs`.

use std::fmt::Write as _;
use std::path::Path;

use kanband::api::operations::OPERATIONS;
use kanband::kernel::rights::{RIGHTS, Right};
use kanband::kernel::rules::chat_groups::ChatGroup;

use crate::generated::is_up_to_date;

const PAGE: &str = "docs/security.md";
const BEGIN: &str = "<!-- rights -->\n";
const END: &str = "<!-- /rights -->\n";

fn table() -> String {
    let mut text = "| operation | worker | operator |\n|---|---|---|\n".to_owned();
    for right in Right::ALL {
        let rows = RIGHTS.iter().filter(|(_, of)| *of == right);
        let names: Vec<String> = rows.map(|(name, _)| format!("`{name}`")).collect();
        let (worker, operator) = (right.of_worker(), right.of_operator());
        writeln!(text, "| {} | {worker} | {operator} |", names.join(" ")).unwrap();
    }
    text
}

#[test]
fn the_page_shows_the_table_that_is_asked() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = std::fs::read_to_string(file).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    is_up_to_date(PAGE, &format!("{before}{BEGIN}{}{END}{after}", table()));
}

#[test]
fn every_operation_has_its_right_in_the_table_and_every_row_is_an_operation() {
    let operations: Vec<&str> = OPERATIONS.iter().map(|operation| operation.name).collect();
    for name in &operations {
        let rows = RIGHTS.iter().filter(|(of, _)| of == name).count();
        assert_eq!(rows, 1, "{name}");
    }
    for (name, _) in RIGHTS {
        assert!(operations.contains(name), "{name} is no operation");
    }
}

#[test]
fn the_page_about_chats_says_of_each_group_what_it_lets_do() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/chat.md");
    let page = std::fs::read_to_string(file).unwrap();
    for group in ChatGroup::GRANTED {
        let row = format!("| `{}` | {}", group.as_str(), group.meaning());
        assert!(page.contains(&row), "{row}");
    }
}
