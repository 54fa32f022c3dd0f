//! Typed and suggested, word by word.

use clap::{CommandFactory as _, Parser as _};

use super::*;
use crate::cli::{Arguments, predecessor};

fn words(line: &str) -> Vec<OsString> {
    std::iter::once("kanban").chain(line.split_whitespace()).map(OsString::from).collect()
}

fn advised(line: &str) -> (Advice, String) {
    let words = words(line);
    let mut error = Arguments::try_parse_from(&words).expect_err(line);
    let known = predecessor::instead(&error, &words);
    let advice = advice(&Arguments::command(), known, &mut error, &words);
    (advice, error.render().to_string())
}

/// What is typed by people who come from pueue, gh, docker, systemctl, linear or a shell, and what is suggested.
const TYPED: &[(&str, &str)] = &[
    ("abort t_1", "kanban cancel"),
    ("accept t_1", "kanban approve"),
    ("add title", "kanban create"),
    ("agents", "kanban profiles"),
    ("begin", "kanban dispatch"),
    ("cat t_1", "kanban show"),
    ("check", "kanban doctor"),
    ("clean", "kanban gc"),
    ("close t_1", "kanban complete"),
    ("Close t_1", "kanban complete"),
    ("configure", "kanban config"),
    ("continue", "kanban resume"),
    ("count", "kanban stats"),
    ("cron", "kanban schedules"),
    ("defer t_1", "kanban schedule"),
    ("delay t_1", "kanban schedule"),
    ("deps t_1", "kanban link"),
    ("describe t_1", "kanban show"),
    ("destroy t_1", "kanban archive"),
    ("details t_1", "kanban show"),
    ("disable", "kanban pause"),
    ("drop t_1", "kanban archive"),
    ("dump", "kanban export"),
    ("enqueue x", "kanban create"),
    ("events", "kanban watch"),
    ("explain t_1", "kanban why"),
    ("fail t_1", "kanban block"),
    ("find x", "kanban search"),
    ("finish t_1", "kanban complete"),
    ("follow t_1", "kanban tail"),
    ("get t_1", "kanban show"),
    ("give t_1 dev", "kanban assign"),
    ("grep x", "kanban search"),
    ("halt t_1", "kanban stop"),
    ("health", "kanban doctor"),
    ("history t_1", "kanban runs"),
    ("info t_1", "kanban show"),
    ("inspect t_1", "kanban show"),
    ("issues", "kanban list"),
    ("jobs", "kanban list"),
    ("load x", "kanban import"),
    ("message t_1 x", "kanban comment"),
    ("modify t_1", "kanban edit"),
    ("monitor", "kanban watch"),
    ("note t_1 x", "kanban comment"),
    ("open", "kanban dashboard"),
    ("output t_1", "kanban log"),
    ("park t_1", "kanban schedule"),
    ("pick t_1", "kanban claim"),
    ("postpone t_1", "kanban schedule"),
    ("prune", "kanban gc"),
    ("purge", "kanban gc"),
    ("queue", "kanban list"),
    ("questions", "kanban inbox"),
    ("reject t_1", "kanban request-changes"),
    ("remove t_1", "kanban archive"),
    ("reply t_1 x", "kanban answer"),
    ("rerun t_1", "kanban restart"),
    ("respond t_1 x", "kanban answer"),
    ("review", "kanban inbox"),
    ("run", "kanban dispatch"),
    ("save x", "kanban backup"),
    ("set t_1", "kanban edit"),
    ("settings", "kanban config"),
    ("setup", "kanban init"),
    ("snapshot", "kanban backup"),
    ("start t_1", "kanban dispatch"),
    ("submit x", "kanban create"),
    ("suspend", "kanban pause"),
    ("take t_1", "kanban claim"),
    ("tasks", "kanban list"),
    ("terminate t_1", "kanban stop"),
    ("top", "kanban watch"),
    ("unassign t_1", "kanban assign"),
    ("undelete t_1", "kanban unarchive"),
    ("undo t_1", "kanban reopen"),
    ("unpause", "kanban resume"),
    ("update t_1", "kanban edit"),
    ("users", "kanban assignees"),
    ("web", "kanban dashboard"),
    ("workers", "kanban profiles"),
    ("create t --description x", "--body"),
    ("create t --prompt x", "--body"),
    ("create t --depends-on t_1", "--parent"),
    ("create t --agent dev", "--assignee"),
    ("create t --owner=dev", "--assignee"),
    ("create t --tag x", "--label"),
    ("create t --deadline x", "--due"),
    ("create t --delay 1h", "--in"),
    ("create t --timeout 1h", "--max-runtime"),
    ("create t --dir /x", "--workspace"),
    ("edit t_1 --name x", "--title"),
    ("list --state ready", "--status"),
    ("list --count 3", "--limit"),
    ("list --owner dev", "--assignee"),
    ("restore x --force", "--yes"),
    ("stats --format json", "--json"),
];

#[test]
fn a_word_of_another_tool_is_answered_by_its_meaning() {
    assert!(TYPED.len() >= 60, "{}", TYPED.len());
    for (typed, expected) in TYPED {
        let (advice, text) = advised(typed);
        let hint = advice.hint.unwrap_or_else(|| panic!("{typed}: {text}"));
        assert_eq!(hint, format!("use `{expected}`"), "{typed}");
        assert!(!text.contains("tip:"), "{typed}: only one suggestion is made: {text}");
        if let Some(verb) = expected.strip_prefix("kanban ") {
            let example = advice.example.unwrap();
            assert!(example.contains(&format!("kanban {verb}")), "{typed}: {example}");
        }
    }
}

/// A hidden alias and its verb.
#[test]
fn words_that_mean_one_verb_are_that_verb() {
    let root = Arguments::command();
    for (typed, verb) in [
        ("ps", "list"),
        ("ls", "list"),
        ("logs", "log"),
        ("new", "create"),
        ("done", "complete"),
        ("retry", "unblock"),
        ("kill", "stop"),
        ("view", "show"),
        ("ui", "dashboard"),
        ("delete", "rm"),
    ] {
        let found = root.find_subcommand(typed).unwrap_or_else(|| panic!("{typed}"));
        assert_eq!(found.get_name(), verb);
    }
}

#[test]
fn no_row_suggests_what_is_not_there_or_hides_a_verb() {
    let root = Arguments::command();
    assert!(VERBS.is_sorted() && FLAGS.is_sorted_by_key(|(typed, _)| *typed));
    for (typed, verb) in VERBS {
        assert!(root.find_subcommand(verb).is_some_and(|verb| !verb.is_hide_set()), "{verb}");
        assert!(root.find_subcommand(typed).is_none(), "{typed} is a verb");
    }
    let mut longs: Vec<&str> = Vec::new();
    for verb in root.get_subcommands() {
        longs.extend(verb.get_arguments().filter_map(clap::Arg::get_long));
    }
    longs.extend(root.get_arguments().filter_map(clap::Arg::get_long));
    for (typed, meant) in FLAGS {
        for long in *meant {
            assert!(longs.contains(long), "{typed}: {long}");
        }
    }
}

#[test]
fn what_only_looks_alike_is_left_to_the_parser() {
    let (advice, text) = advised("creat x");
    assert_eq!(advice.hint, None);
    assert!(text.contains("'create'"), "{text}");
    assert!(advice.example.unwrap().starts_with("kanban create "));
    let (advice, text) = advised("frobnicate");
    assert_eq!((advice.hint, advice.example.as_deref()), (None, Some(FIRST_EXAMPLE)), "{text}");
}

#[test]
fn the_example_is_one_of_the_verb_that_was_typed() {
    for (typed, expected) in [
        ("show", "kanban show "),
        ("boards create", "kanban boards create "),
        ("schedules add", "kanban schedules add "),
        ("archive", "kanban archive "),
        ("rm", "kanban rm "),
        ("retry", "kanban unblock "),
    ] {
        let (advice, _) = advised(typed);
        let example = advice.example.unwrap();
        assert!(example.starts_with(expected), "{typed}: {example}");
        assert_eq!(super::example(&Arguments::command(), &words(typed)), example);
    }
}
