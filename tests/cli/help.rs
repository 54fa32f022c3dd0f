//! Help, version, and the answer to a mistyped word.

use clap::CommandFactory as _;
use kanband::cli::Arguments;

use crate::harness::Location;

fn verbs() -> Vec<String> {
    let shown = |verb: &&clap::Command| !verb.is_hide_set();
    Arguments::command()
        .get_subcommands()
        .filter(shown)
        .map(|verb| verb.get_name().to_owned())
        .collect()
}

#[test]
fn the_help_shows_every_verb() {
    let location = Location::new();
    let help = location.say(["-h"]).ok();
    for verb in verbs() {
        let is_shown = help.lines().any(|line| line.trim_start().starts_with(&verb));
        assert!(is_shown, "{verb}");
    }
    assert!(help.contains("Exit codes:"), "{help}");
    assert!(location.say(["--help"]).ok().contains("Usage: kanban"));
    assert!(location.say(["--version"]).ok().starts_with("kanban 0."));
}

#[test]
fn every_verb_explains_itself_with_an_example_that_fits() {
    let location = Location::new();
    for verb in verbs() {
        let help = location.say([verb.as_str(), "--help"]).ok();
        assert!(help.contains("Example") && help.contains(&format!("kanban {verb}")), "{help}");
        assert!(help.contains("--json") && help.contains("--board"), "{help}");
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    }
}

#[test]
fn a_mistyped_verb_is_a_usage_error_with_a_suggestion() {
    let location = Location::new();
    let message = location.say(["creat", "x"]).failed(2);
    assert!(message.contains("'create'"), "{message}");
    location.say(["frobnicate"]).failed(2);
    location.say(["list", "--nonsense"]).failed(2);
    location.say(["list", "--status", "sleeping"]).failed(2);
    location.say(["show"]).failed(2);
}
