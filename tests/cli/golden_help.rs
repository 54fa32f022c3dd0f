//! The help of every verb, kept in one file: a change of a flag or of a word is seen in review.

use clap::{Command, CommandFactory as _};
use kanband::cli::Arguments;

/// Set to rewrite the file instead of comparing it, as for the generated documents.
const UPDATE: &str = "KANBAND_UPDATE_FILES";
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/help.golden.txt");

fn write_help(path: &str, verb: &mut Command, to: &mut String) {
    let help = verb.render_long_help().to_string();
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    to.push_str(&format!("==== {path} --help\n\n{}\n\n", lines.join("\n").trim_end()));
    let names: Vec<String> =
        verb.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
    for name in names.iter().filter(|name| *name != "help") {
        if let Some(inner) = verb.find_subcommand_mut(name) {
            write_help(&format!("{path} {name}"), inner, to);
        }
    }
}

#[test]
fn the_help_of_every_verb_is_the_one_on_file() {
    let mut root = Arguments::command().term_width(100).bin_name("kanban");
    root.build();
    let mut help = String::new();
    write_help("kanban", &mut root, &mut help);
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(GOLDEN, &help).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(GOLDEN).unwrap_or_default();
    let differs = kept.lines().zip(help.lines()).position(|(one, other)| one != other);
    assert!(
        kept == help,
        "{GOLDEN} differs from line {}; run this test with {UPDATE}=1",
        differs.map_or(0, |line| line + 1)
    );
}
