//! What to use instead of a word that is no verb or flag here: by what it means, where that is known, before its spelling.
//!
//! Words that mean one verb without doubt are hidden aliases of it; those here are suggested and never run.

use std::ffi::OsString;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::cli::failure::Advice;

/// Words of other tools, and the verb that does it here. Sorted by word.
pub const VERBS: &[(&str, &str)] = &[
    ("abort", "cancel"),
    ("accept", "approve"),
    ("add", "create"),
    ("agents", "profiles"),
    ("begin", "dispatch"),
    ("cat", "show"),
    ("check", "doctor"),
    ("clean", "gc"),
    ("cleanup", "gc"),
    ("close", "complete"),
    ("configure", "config"),
    ("continue", "resume"),
    ("count", "stats"),
    ("cron", "schedules"),
    ("defer", "schedule"),
    ("delay", "schedule"),
    ("depend", "link"),
    ("deps", "link"),
    ("describe", "show"),
    ("destroy", "archive"),
    ("detach", "attachments"),
    ("details", "show"),
    ("disable", "pause"),
    ("drop", "archive"),
    ("dump", "export"),
    ("enable", "resume"),
    ("enqueue", "create"),
    ("events", "watch"),
    ("explain", "why"),
    ("fail", "block"),
    ("find", "search"),
    ("finish", "complete"),
    ("follow", "tail"),
    ("get", "show"),
    ("give", "assign"),
    ("grep", "search"),
    ("halt", "stop"),
    ("health", "doctor"),
    ("history", "runs"),
    ("hold", "stop"),
    ("info", "show"),
    ("inspect", "show"),
    ("interrupt", "stop"),
    ("issues", "list"),
    ("jobs", "list"),
    ("kick", "dispatch"),
    ("load", "import"),
    ("message", "comment"),
    ("modify", "edit"),
    ("monitor", "watch"),
    ("note", "comment"),
    ("open", "dashboard"),
    ("output", "log"),
    ("park", "schedule"),
    ("people", "assignees"),
    ("pick", "claim"),
    ("ping", "status"),
    ("postpone", "schedule"),
    ("print", "show"),
    ("prioritize", "edit"),
    ("prune", "gc"),
    ("purge", "gc"),
    ("push", "create"),
    ("questions", "inbox"),
    ("queue", "list"),
    ("reject", "request-changes"),
    ("remove", "archive"),
    ("rename", "edit"),
    ("reply", "answer"),
    ("requeue", "restart"),
    ("rerun", "restart"),
    ("respond", "answer"),
    ("review", "inbox"),
    ("run", "dispatch"),
    ("save", "backup"),
    ("say", "comment"),
    ("set", "edit"),
    ("settings", "config"),
    ("setup", "init"),
    ("snapshot", "backup"),
    ("start", "dispatch"),
    ("state", "status"),
    ("submit", "create"),
    ("summary", "status"),
    ("suspend", "pause"),
    ("take", "claim"),
    ("tasks", "list"),
    ("terminate", "stop"),
    ("timeline", "tail"),
    ("todo", "list"),
    ("top", "watch"),
    ("unassign", "assign"),
    ("undelete", "unarchive"),
    ("undo", "reopen"),
    ("unpause", "resume"),
    ("update", "edit"),
    ("users", "assignees"),
    ("version", "status"),
    ("web", "dashboard"),
    ("workers", "profiles"),
];

/// Flags of other tools, and the flags that do it here, where the verb has one of them. Sorted by word.
pub const FLAGS: &[(&str, &[&str])] = &[
    ("--after", &["parent", "cursor"]),
    ("--agent", &["assignee", "profile"]),
    ("--blocked-by", &["parent"]),
    ("--confirm", &["yes"]),
    ("--count", &["limit"]),
    ("--cwd", &["workspace"]),
    ("--deadline", &["due"]),
    ("--delay", &["in"]),
    ("--depends-on", &["parent"]),
    ("--desc", &["body"]),
    ("--description", &["body"]),
    ("--dir", &["workspace"]),
    ("--directory", &["workspace"]),
    ("--editor", &["edit"]),
    ("--force", &["yes"]),
    ("--format", &["json"]),
    ("--key", &["idempotency-key"]),
    ("--message", &["body", "reason", "summary"]),
    ("--name", &["title"]),
    ("--needs", &["parent"]),
    ("--output", &["json"]),
    ("--owner", &["assignee"]),
    ("--prompt", &["body"]),
    ("--repo", &["workspace"]),
    ("--state", &["status"]),
    ("--subject", &["title"]),
    ("--tag", &["label"]),
    ("--text", &["body"]),
    ("--time-limit", &["max-runtime"]),
    ("--timeout", &["max-runtime"]),
    ("--user", &["assignee"]),
    ("--when", &["at"]),
    ("--worker", &["assignee"]),
];

/// What a command line shows that names no verb.
const FIRST_EXAMPLE: &str = "kanban create \"Fix the front door\" --assignee dev";

/// What helps after `error`. Where a meaning is known, what only looks alike is taken out of the error's own text.
/// `known` is what else is known of the word, and goes before.
pub fn advice(
    root: &Command,
    known: Option<&str>,
    error: &mut clap::Error,
    arguments: &[OsString],
) -> Advice {
    if !error.use_stderr() {
        return Advice::default();
    }
    let known = known.map(str::to_owned);
    let meant = meant(error, root, arguments);
    if known.is_some() || meant.is_some() {
        for kind in
            [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::Suggested]
        {
            error.remove(kind);
        }
    }
    let verb = meant.as_ref().and_then(|meant| meant.verb.as_deref());
    let alike = || match error.get(ContextKind::SuggestedSubcommand) {
        // The nearest comes last.
        Some(ContextValue::Strings(words)) => words.last().cloned(),
        Some(ContextValue::String(word)) => Some(word.clone()),
        Some(_) | None => None,
    };
    let verb = verb.map(str::to_owned).or_else(alike);
    let shown = match verb.as_deref().and_then(|verb| root.find_subcommand(verb)) {
        Some(verb) => first_example(verb),
        None => example(root, arguments),
    };
    Advice { hint: known.or(meant.map(|meant| meant.hint)), example: Some(shown) }
}

/// A right command line of the verb that `arguments` name.
pub fn example(root: &Command, arguments: &[OsString]) -> String {
    let command = command_of(root, arguments);
    if command.get_name() == root.get_name() {
        return FIRST_EXAMPLE.to_owned();
    }
    first_example(command)
}

struct Meant {
    hint: String,
    verb: Option<String>,
}

fn meant(error: &clap::Error, root: &Command, arguments: &[OsString]) -> Option<Meant> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        Some(_) | None => None,
    };
    let command = command_of(root, arguments);
    match error.kind() {
        ErrorKind::InvalidSubcommand if command.get_name() == root.get_name() => {
            let word = text(ContextKind::InvalidSubcommand)?.to_lowercase();
            let (_, verb) = VERBS.iter().find(|(typed, _)| *typed == word)?;
            Some(Meant { hint: format!("use `kanban {verb}`"), verb: Some((*verb).to_owned()) })
        }
        ErrorKind::UnknownArgument => {
            let flag = text(ContextKind::InvalidArg)?;
            let flag = flag.split_once('=').map_or(flag, |(flag, _)| flag);
            let (_, meant) = FLAGS.iter().find(|(typed, _)| *typed == flag)?;
            let has = |long: &str| {
                let mut arguments = command.get_arguments().chain(root.get_arguments());
                arguments.any(|argument| argument.get_long() == Some(long))
            };
            let long = meant.iter().find(|long| has(long))?;
            Some(Meant { hint: format!("use `--{long}`"), verb: None })
        }
        _ => None,
    }
}

/// The verb of a command line, or what is below it, as far as the words name one; else the program itself.
fn command_of<'c>(root: &'c Command, arguments: &[OsString]) -> &'c Command {
    let words = arguments.iter().skip(1).filter_map(|word| word.to_str());
    words.fold(root, |command, word| command.find_subcommand(word).unwrap_or(command))
}

/// The first command line in the help of a verb.
fn first_example(command: &Command) -> String {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let line = help.lines().map(str::trim).find(|line| line.contains("kanban "));
    line.unwrap_or(FIRST_EXAMPLE).to_owned()
}

#[cfg(test)]
mod tests;
