//! Programs that send: from a row of the outbox to a process, and from its end to what became of the row.
//!
//! A program of a channel is started like a look at a workspace: by a shim, in a process tree that no door of the daemon lets in, with
//! an environment from empty and the notice on its standard input.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::actors::configuration::Configuration;
use crate::actors::live::Live;
use crate::actors::notify_settings::channel_of_hook;
use crate::actors::workspace_commands::{Bounds, WorkspaceCommands};
use crate::config::worker_user::{DaemonUser, hook_user};
use crate::kernel::notice::{Outcome, Row};
use crate::kernel::rules::notice_json;
use crate::os::processes::command_as::{CommandError, Ended, Order};
use crate::os::processes::user::Account;

/// Longest time of a program; `notify.attempt` may be shorter.
const TIME_MAX: Duration = Duration::from_secs(30);

/// Bytes of each output of a program that are read. The rest is lost.
const OUTPUT_BYTES_MAX: u64 = 64 * 1_024;

/// Longest id of a message, characters.
const PROVIDER_ID_CHARS_MAX: usize = 200;

/// What a program ends with that could not send now (`EX_TEMPFAIL` of sysexits.h).
const TEMPORARY: i32 = 75;

/// Error numbers of a program that is missing or cannot be executed: ENOENT, ENOEXEC, EACCES, ENOTDIR.
const NO_PROGRAM: [i32; 4] = [2, 8, 13, 20];

/// Runs the programs of channels.
#[derive(Clone)]
pub struct Programs {
    /// Starts them.
    pub commands: WorkspaceCommands,
    /// Which they are.
    pub configuration: Live<Configuration>,
    /// Whose the daemon is.
    pub daemon_user: DaemonUser,
}

impl Programs {
    /// Sends a row by the program of its channel. Waits until nothing of that is left.
    pub fn send(&self, row: &Row) -> Outcome {
        let Some(argv) = self.argv(&row.channel) else {
            return temporary("no_channel", "the channel is no longer configured");
        };
        let account = match hook_user(&self.daemon_user) {
            None => None,
            Some(name) => match Account::named(name) {
                Ok(Some(account)) => Some(account),
                Ok(None) => return dead("no_user", &format!("user `{name}` does not exist")),
                Err(error) => return temporary("no_user", &error.to_string()),
            },
        };
        let attempt = self.configuration.settings().notify.attempt;
        let order = Order {
            argv,
            env: variables(row),
            bounds: Bounds { patience: attempt.min(TIME_MAX), output_bytes_max: OUTPUT_BYTES_MAX },
            input: Some(format!("{}\n", notice_json::of(&row.notice))),
            redact: Vec::new(),
        };
        outcome(self.commands.run_program(account.as_ref(), order))
    }

    fn argv(&self, channel: &str) -> Option<Vec<String>> {
        let hooks = self.configuration.hooks();
        let hook = hooks.hooks.iter().find(|hook| channel_of_hook(hook) == channel);
        if let Some(hook) = hook {
            return Some(vec![hook.path.to_str()?.to_owned()]);
        }
        let settings = self.configuration.settings();
        let argv = settings.channels.get(channel)?.argv.clone();
        (!argv.is_empty()).then_some(argv)
    }
}

/// What a program learns beside the notice: what a webhook has in its headers and its URL.
fn variables(row: &Row) -> BTreeMap<String, String> {
    let thread = row.thread.clone().unwrap_or_default();
    [
        ("KANBAN_HOOK_CHANNEL", row.channel.clone()),
        ("KANBAN_HOOK_ADDRESS", row.address.clone()),
        ("KANBAN_HOOK_THREAD", thread),
        ("KANBAN_HOOK_ID", row.dedupe.clone()),
        ("KANBAN_HOOK_ATTEMPT", row.attempt.to_string()),
        ("KANBAN_HOOK_REPEAT", if row.is_repeat { "1".to_owned() } else { String::new() }),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// What became of a row, by the end of its program.
fn outcome(ended: Result<Ended, CommandError>) -> Outcome {
    let ended = match ended {
        Ok(ended) => ended,
        Err(error) => return not_ended(&error),
    };
    let last = || last_line(&ended.errors).or_else(|| last_line(&ended.output));
    let with_reason = |what: String| match last() {
        Some(line) => format!("{what}: {line}"),
        None => what,
    };
    match (ended.code, ended.signal, ended.timed_out) {
        (Some(0), _, _) => Outcome::Sent { provider_id: first_line(&ended.output) },
        (_, _, Some(time)) => {
            unknown("timeout", &with_reason(format!("it did not end within {time:?}")))
        }
        (Some(TEMPORARY), _, None) => {
            temporary("exit_75", &with_reason("it ended with code 75".to_owned()))
        }
        (Some(code), _, None) => {
            permanent(&format!("exit_{code}"), &with_reason(format!("it ended with code {code}")))
        }
        (None, Some(signal), None) => {
            permanent("signal", &with_reason(format!("signal {signal} ended it")))
        }
        (None, None, None) => unknown("lost", "nobody knows how it ended"),
    }
}

/// A program that did not run, or of whose end nothing is known.
fn not_ended(error: &CommandError) -> Outcome {
    let text = error.to_string();
    match error {
        CommandError::Start(failure) if NO_PROGRAM.contains(&failure.errno) => {
            dead("no_program", &text)
        }
        CommandError::Start(_) | CommandError::Spawn(_) | CommandError::Io(_) => {
            temporary("not_started", &text)
        }
        CommandError::Timeout(_) | CommandError::Stuck => unknown("timeout", &text),
        CommandError::Lost => unknown("lost", &text),
        CommandError::Failed(_) => permanent("failed", &text),
    }
}

fn temporary(code: &str, error: &str) -> Outcome {
    Outcome::Temporary { code: code.to_owned(), error: error.to_owned() }
}

fn permanent(code: &str, error: &str) -> Outcome {
    Outcome::Permanent { code: code.to_owned(), error: error.to_owned() }
}

fn unknown(code: &str, error: &str) -> Outcome {
    Outcome::Unknown { code: code.to_owned(), error: error.to_owned() }
}

fn dead(code: &str, error: &str) -> Outcome {
    Outcome::ChannelDead { code: code.to_owned(), error: error.to_owned() }
}

/// The first line of what it printed, as the id of the message.
fn first_line(output: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(output);
    let line = text.lines().next()?.trim();
    let id: String =
        line.chars().filter(|it| !it.is_control()).take(PROVIDER_ID_CHARS_MAX).collect();
    (!id.is_empty()).then_some(id)
}

fn last_line(output: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(output);
    let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
    Some(line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::run_files::directory::{StartFailure, StartStep};

    fn ended(code: Option<i32>, output: &str, errors: &str) -> Ended {
        let (output, errors) = (output.as_bytes().to_vec(), errors.as_bytes().to_vec());
        Ended { code, signal: None, timed_out: None, output, errors }
    }

    #[test]
    fn a_row_is_sent_tried_again_or_given_up_by_the_exit_code() {
        let sent = |id: Option<&str>| Outcome::Sent { provider_id: id.map(str::to_owned) };
        for (of, expected) in [
            (ended(Some(0), "", "a warning\n"), sent(None)),
            (ended(Some(0), " m-7 \nmore\n", ""), sent(Some("m-7"))),
            (ended(Some(0), "\nm-7\n", ""), sent(None)),
            (
                ended(Some(75), "id\n", "busy\n\n"),
                temporary("exit_75", "it ended with code 75: busy"),
            ),
            (ended(Some(1), "", ""), permanent("exit_1", "it ended with code 1")),
            (ended(Some(2), "usage\n", ""), permanent("exit_2", "it ended with code 2: usage")),
            (
                Ended { signal: Some(9), ..ended(None, "", "") },
                permanent("signal", "signal 9 ended it"),
            ),
            (
                Ended { timed_out: Some(Duration::from_secs(30)), ..ended(Some(75), "", "") },
                unknown("timeout", "it did not end within 30s"),
            ),
            (ended(None, "", ""), unknown("lost", "nobody knows how it ended")),
        ] {
            assert_eq!(outcome(Ok(of.clone())), expected, "{of:?}");
        }
        let long = "\u{1}x".repeat(300);
        let Outcome::Sent { provider_id: Some(id) } = outcome(Ok(ended(Some(0), &long, ""))) else {
            panic!("no id");
        };
        assert_eq!(id, "x".repeat(200));
    }

    #[test]
    fn a_program_that_is_not_there_stops_its_channel_and_burns_no_row() {
        let start = |errno| {
            let message = "program `x` not found".to_owned();
            let step = StartStep::Exec;
            outcome(Err(CommandError::Start(StartFailure { step, part: None, errno, message })))
        };
        assert_eq!(start(2), dead("no_program", "program `x` not found"));
        assert_eq!(start(11), temporary("not_started", "program `x` not found"));
        assert!(matches!(outcome(Err(CommandError::Lost)), Outcome::Unknown { .. }));
    }
}
