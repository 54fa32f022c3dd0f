//! The fenced blocks of a page, and what becomes of each.
//!
//! | info string | what it is | what a test does with it |
//! |---|---|---|
//! | `sh` | commands to copy | runs them, in the order of the page, in one shell |
//! | `sh needs WHAT` | commands that a test cannot run: they need root, an agent, … | parses each call of `kanban` |
//! | `console` | `$ ` commands and what they print | runs them and compares the output |
//! | `toml` | a configuration | loads it |
//! | `json` | JSON | parses it |
//! | `text`, nothing | whatever | nothing |
//!
//! In a command `t_…` stands for the task id that was printed last. An id that a `console` block shows in an output stands, from
//! there on, for the one that was printed in its place.

use std::path::Path;

/// What a block that is not run may need.
const NEEDS: &[&str] = &["a build", "an account", "an agent", "root"];

/// A fenced block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Line of its opening fence, 1 for the first.
    pub line: usize,
    /// What it is.
    pub kind: Kind,
    /// What stands in it.
    pub text: String,
}

/// What a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Commands.
    Commands,
    /// Commands that a test cannot run.
    NotRun,
    /// Commands with their output.
    Shown,
    /// A configuration.
    Toml,
    /// JSON.
    Json,
    /// Nothing that can be checked.
    Text,
}

impl Kind {
    fn from_info(info: &str) -> Option<Self> {
        Some(match info {
            "sh" => Self::Commands,
            "console" => Self::Shown,
            "toml" => Self::Toml,
            "json" => Self::Json,
            "text" | "" => Self::Text,
            _ if NEEDS.contains(&info.strip_prefix("sh needs ")?) => Self::NotRun,
            _ => return None,
        })
    }
}

/// The text of a page of the repository.
pub fn page(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every page for users, as paths in the repository.
pub fn pages() -> Vec<String> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let names = std::fs::read_dir(docs).unwrap().map(|entry| entry.unwrap().file_name());
    let mut pages: Vec<String> = names
        .filter_map(|name| name.into_string().ok())
        .filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "md"))
        .map(|name| format!("docs/{name}"))
        .collect();
    pages.push("README.md".to_owned());
    pages.sort();
    pages
}

/// The blocks of a page.
///
/// # Errors
/// A fence that says something unknown, or is not closed.
pub fn blocks(text: &str) -> Result<Vec<Block>, String> {
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    for (index, line) in text.lines().enumerate() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(""), Some(_)) => found.extend(open.take()),
            (Some(info), None) => {
                let kind = Kind::from_info(info)
                    .ok_or_else(|| format!("line {}: unknown kind of block: {info}", index + 1))?;
                open = Some(Block { line: index + 1, kind, text: String::new() });
            }
            (_, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    match open {
        None => Ok(found),
        Some(block) => Err(format!("line {}: the block is not closed", block.line)),
    }
}

#[test]
fn a_page_is_taken_apart_as_it_is_written() {
    let text = "a\n```sh\nls\n```\n```sh needs root\nid\n```\n```\nx\n```\n";
    let found = blocks(text).unwrap();
    let kinds: Vec<(usize, Kind, &str)> =
        found.iter().map(|block| (block.line, block.kind, block.text.as_str())).collect();
    assert_eq!(
        kinds,
        [(2, Kind::Commands, "ls\n"), (5, Kind::NotRun, "id\n"), (8, Kind::Text, "x\n")]
    );
    assert!(blocks("```sh needs luck\n```\n").is_err());
    assert!(blocks("```bash\n```\n").is_err());
    assert!(blocks("```sh\nls\n").is_err());
}
