//! Commands that a page shows: run in the order of the page, in one shell, against a real daemon.

use crate::blocks::{Block, Kind, blocks, page, pages};
use crate::command_lines::wrong_calls;
use crate::harness::{Session, add_agent, is_daemon};
use crate::shown::Ids;

/// Runs a page.
///
/// # Errors
/// The first command that does not do what the page says, with its line.
fn run_page(text: &str) -> Result<(), String> {
    let found = blocks(text)?;
    let is_run = |block: &&Block| matches!(block.kind, Kind::Commands | Kind::Shown);
    let runs: Vec<&Block> = found.iter().filter(is_run).collect();
    let mut session = Session::new();
    let of_hermes = session.dir().join(".hermes");
    std::fs::create_dir(&of_hermes).unwrap();
    std::fs::write(of_hermes.join("kanban.db"), HERMES_BOARD).unwrap();
    if runs.iter().any(|block| block.text.contains("--assignee claude")) {
        add_agent(session.dir());
    }
    if !runs.iter().any(|block| block.text.lines().any(is_daemon)) {
        // A call without `kanban` does not wait for it.
        session.run("kanban init\nkanband &\nkanban stats\n")?;
    }
    let mut ids = Ids::default();
    for block in runs {
        let result = match block.kind {
            Kind::Shown => run_shown(block, &mut session, &mut ids),
            _ => run_commands(&block.text, &mut session, &mut ids),
        };
        result.map_err(|why| format!("block at line {}: {why}", block.line))?;
    }
    Ok(())
}

/// What a reader who comes from Hermes has in `~/.hermes/kanban.db`.
const HERMES_BOARD: &[u8] = include_bytes!("../fixtures/hermes-0.19.db");

/// Runs the commands of a block one after the other, because each may name an id that the one before it has printed.
fn run_commands(text: &str, session: &mut Session, ids: &mut Ids) -> Result<(), String> {
    for command in single_commands(text) {
        let output = session
            .run(&ids.put_into(&command)?)
            .map_err(|why| format!("{}: {why}", command.trim_end()))?;
        ids.notice(&output);
    }
    Ok(())
}

/// Takes a script apart where a line begins that is a command of its own: not in quotes, in a here-document, or behind a `\`.
fn single_commands(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut open = String::new();
    for line in text.lines() {
        open.push_str(line);
        open.push('\n');
        if is_whole(&open) {
            found.push(std::mem::take(&mut open));
        }
    }
    if !open.is_empty() {
        found.push(open);
    }
    found
}

/// Whether bash takes it for a whole command.
fn is_whole(text: &str) -> bool {
    let checked = std::process::Command::new("bash").args(["-n", "-c", text]).output().unwrap();
    // A here-document without its end is only warned of.
    checked.status.success() && checked.stderr.is_empty() && !text.trim_end().ends_with('\\')
}

fn run_shown(block: &Block, session: &mut Session, ids: &mut Ids) -> Result<(), String> {
    let mut rest = block.text.as_str();
    while !rest.is_empty() {
        let line = rest.lines().next().unwrap_or_default();
        let command = line.strip_prefix("$ ").ok_or_else(|| format!("no command: {line}"))?;
        rest = rest.get(line.len() + 1..).unwrap_or_default();
        let end = if rest.starts_with("$ ") {
            0
        } else {
            rest.find("\n$ ").map_or(rest.len(), |at| at + 1)
        };
        let (shown, behind) = rest.split_at(end);
        rest = behind;
        let message = |why: String| format!("{command}: {why}");
        let output = session.run(&ids.put_into(command)?).map_err(message)?;
        ids.compare(shown, &output).map_err(message)?;
        ids.notice(&output);
    }
    Ok(())
}

/// A test for each page that shows commands.
macro_rules! pages {
    ($($name:ident $path:literal),* $(,)?) => {
        const PAGES: &[&str] = &[$($path),*];
        $(
            #[test]
            fn $name() {
                if let Err(why) = run_page(&page($path)) {
                    panic!("{}: {why}", $path);
                }
            }
        )*
    };
}

pages! {
    the_commands_of_the_front_page_do_what_it_says "README.md",
    the_quick_start_goes_as_it_says "docs/quickstart.md",
    the_stories_of_the_tutorial_go_as_they_say "docs/tutorial.md",
    moving_from_hermes_goes_as_it_says "docs/hermes.md",
    the_launchers_that_are_shown_work "docs/launchers.md",
    the_calls_of_the_api_answer_as_shown "docs/api.md",
    lists_from_elsewhere_come_as_import_says "docs/import.md",
    times_and_schedules_go_as_they_say "docs/schedules.md",
    an_operator_can_do_what_operations_tells "docs/operations.md",
    the_ways_to_the_web_go_as_they_say "docs/web.md",
    messages_go_as_notifications_says "docs/notifications.md",
    people_of_chats_are_let_in_as_chat_says "docs/chat.md",
    callers_are_told_who_they_are_as_the_security_model_says "docs/security.md",
}

#[test]
fn every_page_with_commands_is_run() {
    for path in pages() {
        let found = blocks(&page(&path)).unwrap_or_else(|why| panic!("{path}: {why}"));
        let is_run = |block: &Block| matches!(block.kind, Kind::Commands | Kind::Shown);
        let is_known = PAGES.contains(&path.as_str());
        assert_eq!(
            found.iter().any(is_run),
            is_known,
            "{path}: add it to `pages!`, or take it out"
        );
    }
}

#[test]
fn what_cannot_be_run_is_understood_at_least() {
    for path in pages() {
        for block in blocks(&page(&path)).unwrap() {
            if block.kind == Kind::NotRun {
                let wrong = wrong_calls(&block.text);
                assert!(wrong.is_empty(), "{path}, block at line {}: {wrong:#?}", block.line);
            }
        }
    }
}

#[test]
fn a_page_whose_command_fails_or_prints_something_else_is_found_out() {
    let right = "```console\n$ kanban create x\nCreated t_0a1b2c3d  (ready, assignee=-)\n$ kanban show t_0a1b2c3d | head -1\nTask t_0a1b2c3d: x\n```\n\
                 ```sh\nkanban archive t_0a1b2c3d\nkanban create y --body \"y\n z\" \\\n  --priority 2\nkanban block t_… \"because\"\n```\n";
    run_page(right).unwrap();
    for (from, to, phrase) in [
        ("archive t_0a1b2c3d", "achive t_0a1b2c3d", "unrecognized subcommand"),
        ("archive t_0a1b2c3d", "archive t_11111111", "no such task: t_11111111"),
        ("Task t_0a1b2c3d: x", "Task t_0a1b2c3d: y", "shown:   Task"),
        ("(ready, assignee=-)", "(todo, assignee=-)", "printed: Created"),
        ("--priority 2", "--priority highest", "--priority"),
        ("block t_… \"because\"", "unblock t_…", "not blocked?"),
    ] {
        let wrong = right.replacen(from, to, 1);
        assert_ne!(wrong, right);
        let message = run_page(&wrong).unwrap_err();
        assert!(message.contains(phrase), "{to}: {message}");
    }
}
