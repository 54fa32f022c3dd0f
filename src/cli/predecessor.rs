//! Verbs and flags that the predecessor had, up to its release 0.19, and that are not here.
//!
//! Its users type them. What means one thing here is an alias or a hidden flag of the verb itself; everything else is
//! refused by the argument parser, and this table adds a line that names what to use. The table of tests below holds
//! all of them.

use std::ffi::OsString;

use clap::CommandFactory as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::cli::Arguments;

/// Verbs of before, and what to use.
const VERBS: &[(&str, &str)] = &[
    ("attach-rm", "kanban attachments remove ID NAME"),
    (
        "decompose",
        "workers create and link tasks: assign the task to a profile with `orchestrator = true`",
    ),
    ("diag", "kanban doctor; kanban why ID; kanban breakers"),
    ("diagnostics", "kanban doctor; kanban why ID; kanban breakers"),
    ("specify", "kanban edit ID, or a task for a profile with `orchestrator = true`"),
    (
        "swarm",
        "kanban create … --parent ID: one task per worker, and one that depends on all of them",
    ),
];

/// Actions of `boards` of before, and what to use.
const BOARDS: &[(&str, &str)] = &[
    (
        "set-default-workdir",
        "kanban create … --workspace dir:PATH, or profiles.NAME.working_directory",
    ),
    ("show", "kanban boards list; kanban stats --board NAME"),
    ("switch", "--board NAME, or the variable KANBAN_BOARD"),
];

/// Flags of before by verb, and what to use.
const FLAGS: &[(&str, &str, &str)] = &[
    (
        "archive",
        "--rm",
        "kanban archive ID, then kanban gc --older-than-days 0 removes archived tasks",
    ),
    ("create", "--branch", "the branch of a worktree is named after its task; omit this option"),
    ("create", "--goal", "there is no goal mode; describe in --body what counts as done"),
    ("create", "--goal-max-turns", "--max-runtime limits each run"),
    ("create", "--max-retries", "dispatch.failure_limit applies to every task"),
    ("create", "--project", "--workspace dir:PATH or worktree:PATH names the directory"),
    (
        "edit",
        "--metadata",
        "results of a run cannot be changed; add a comment with kanban comment ID",
    ),
    (
        "edit",
        "--result",
        "results of a run cannot be changed; add a comment with kanban comment ID",
    ),
    (
        "edit",
        "--summary",
        "results of a run cannot be changed; add a comment with kanban comment ID",
    ),
    ("list", "--session", "there are no sessions; group tasks with --tenant and --label"),
    ("list", "--step-key", "filter the field current_step_key of kanban list --json"),
    (
        "list",
        "--workflow-template-id",
        "filter the field workflow_template_id of kanban list --json",
    ),
    ("promote", "--dry-run", "kanban why ID shows what the task waits for"),
    ("runs", "--state-name", "filter the fields outcome and state of kanban runs ID --json"),
    ("runs", "--state-type", "filter the fields outcome and state of kanban runs ID --json"),
    (
        "show",
        "--state-name",
        "filter the fields outcome and state of the runs of kanban show ID --json",
    ),
    (
        "show",
        "--state-type",
        "filter the fields outcome and state of the runs of kanban show ID --json",
    ),
    (
        "unblock",
        "--reason",
        "use kanban comment ID TEXT first; the next attempt reads the comments",
    ),
];

/// Values of before by verb and flag, and what to use.
const VALUES: &[(&str, &str, &str, &str)] = &[
    ("create", "--initial-status", "blocked", "--triage: the task is not started until promoted"),
    ("list", "--sort", "priority-desc", "--sort priority: highest priority first"),
];

/// What to use instead of what the argument parser does not know; none when the predecessor did not know it either.
pub fn instead(error: &clap::Error, arguments: &[OsString]) -> Option<&'static str> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let verb = verb_of(arguments);
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let word = text(ContextKind::InvalidSubcommand)?;
            let table = if verb.as_deref() == Some("boards") { BOARDS } else { VERBS };
            table.iter().find(|(name, _)| *name == word).map(|(_, instead)| *instead)
        }
        ErrorKind::UnknownArgument => {
            let flag = text(ContextKind::InvalidArg)?;
            let flag = flag.split_once('=').map_or(flag, |(flag, _)| flag);
            let found =
                FLAGS.iter().find(|(of, name, _)| Some(*of) == verb.as_deref() && *name == flag);
            found.map(|(_, _, instead)| *instead)
        }
        ErrorKind::InvalidValue => {
            let flag = text(ContextKind::InvalidArg)?.split_whitespace().next()?;
            let value = text(ContextKind::InvalidValue)?;
            let is_it = |(of, name, given, _): &&(&str, &str, &str, &str)| {
                Some(*of) == verb.as_deref() && *name == flag && *given == value
            };
            VALUES.iter().find(is_it).map(|(_, _, _, instead)| *instead)
        }
        _ => None,
    }
}

/// The verb of a command line, by its first name.
fn verb_of(arguments: &[OsString]) -> Option<String> {
    let command = Arguments::command();
    let mut words = arguments.iter().skip(1).filter_map(|word| word.to_str());
    words.find_map(|word| command.find_subcommand(word)).map(|verb| verb.get_name().to_owned())
}

#[cfg(test)]
mod tests;
