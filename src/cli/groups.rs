//! The verbs in the groups of `kanban --help`: people look for what they want to do, not for a name.

use std::fmt::Write as _;

use clap::builder::StyledStr;
use clap::{ArgMatches, Command};

/// Verbs that belong together.
pub struct Group {
    /// What they are for.
    pub title: &'static str,
    /// Their names, in the order in which they are met.
    pub verbs: &'static [&'static str],
}

/// Every verb that is shown, once.
pub const GROUPS: &[Group] = &[
    Group {
        title: "Start",
        verbs: &[
            "init",
            "doctor",
            "profiles",
            "config",
            "reload",
            "log-level",
            "completions",
            "daemon",
        ],
    },
    Group {
        title: "Work",
        verbs: &[
            "create",
            "edit",
            "assign",
            "link",
            "unlink",
            "comment",
            "attach",
            "attachments",
            "schedule",
            "unschedule",
            "schedules",
            "triage",
            "promote",
            "complete",
            "block",
            "cancel",
            "reopen",
            "archive",
            "unarchive",
        ],
    },
    Group {
        title: "Look",
        verbs: &[
            "board",
            "list",
            "show",
            "tree",
            "search",
            "why",
            "status",
            "stats",
            "runs",
            "log",
            "diff",
            "tail",
            "watch",
            "wait",
            "assignees",
            "dashboard",
        ],
    },
    Group {
        title: "Answer",
        verbs: &[
            "inbox",
            "answer",
            "unblock",
            "approve",
            "request-changes",
            "request-review",
            "chat",
            "notify",
            "notify-subscribe",
            "notify-list",
            "notify-unsubscribe",
        ],
    },
    Group {
        title: "Steer",
        verbs: &[
            "stop", "restart", "reassign", "reclaim", "dispatch", "pause", "resume", "drain",
            "breakers",
        ],
    },
    Group { title: "Data", verbs: &["boards", "import", "export", "backup", "restore", "gc"] },
    Group {
        title: "Agents",
        verbs: &[
            "claim",
            "heartbeat",
            "ask",
            "rate-limited",
            "context",
            "guidance",
            "skills",
            "mcp",
            "slash",
        ],
    },
];

/// Columns of the help.
const COLUMNS: usize = 100;

/// No argument at all: where it is flattened into the arguments of a program, the help of that lists its verbs in groups.
#[derive(Debug, Clone, Copy)]
pub struct Grouped;

impl clap::Args for Grouped {
    fn augment_args(command: Command) -> Command {
        // The verbs are added behind the arguments.
        command.defer(in_groups)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for Grouped {
    fn from_arg_matches(_matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self)
    }

    fn update_from_arg_matches(&mut self, _matches: &ArgMatches) -> Result<(), clap::Error> {
        Ok(())
    }
}

fn in_groups(command: Command) -> Command {
    let template = template(&command);
    command.help_template(template)
}

fn template(command: &Command) -> StyledStr {
    let names = GROUPS.iter().flat_map(|group| group.verbs);
    let width = names.map(|name| name.len()).max().unwrap_or_default();
    let styles = command.get_styles();
    let (header, literal) = (styles.get_header(), styles.get_literal());
    let mut text = "{about-with-newline}\n{usage-heading} {usage}\n".to_owned();
    for Group { title, verbs } in GROUPS {
        // Writing into a text does not fail.
        let _written = writeln!(text, "\n{header}{title}:{header:#}");
        for name in *verbs {
            let Some(verb) = command.find_subcommand(name) else { continue };
            let mut about = verb.get_about().map(ToString::to_string).unwrap_or_default();
            let aliases: Vec<&str> = verb.get_visible_aliases().collect();
            if !aliases.is_empty() {
                let _written = write!(about, " [alias: {}]", aliases.join(", "));
            }
            let lines =
                filled(&about, COLUMNS - width - 4).join(&format!("\n{:1$}", "", width + 4));
            let _written = writeln!(text, "  {literal}{name:width$}{literal:#}  {lines}");
        }
    }
    text.push_str("\n{options-heading}\n{options}{after-help}");
    text = text.replace("{options-heading}", &format!("{header}Options:{header:#}"));
    StyledStr::from(text)
}

/// The words of a text in lines of at most `columns`.
fn filled(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Arguments;

    #[test]
    fn every_verb_that_is_shown_stands_in_one_group_and_no_other_does() {
        let command = Arguments::command();
        let shown = command.get_subcommands().filter(|verb| !verb.is_hide_set());
        let mut shown: Vec<&str> = shown.map(Command::get_name).collect();
        let mut grouped: Vec<&str> = GROUPS.iter().flat_map(|group| group.verbs).copied().collect();
        shown.sort_unstable();
        grouped.sort_unstable();
        assert_eq!(shown, grouped);
    }

    #[test]
    fn words_fill_lines_and_none_is_lost() {
        for (text, expected) in [
            ("", &[][..]),
            ("one two three", &["one two", "three"]),
            ("longer-than-a-line x", &["longer-than-a-line", "x"]),
        ] {
            assert_eq!(filled(text, 8), expected, "{text}");
        }
    }
}
