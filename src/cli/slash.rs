//! The chat form: one line of words in, one text out. `kanban slash` uses it, and so can a chat gateway.
//!
//! The words are those of the command line, split as a POSIX shell would split them (nothing is expanded), read by the same
//! parser and done by the same verbs. What differs: nothing is written anywhere but into the answer, and verbs that
//! need more than words (a file, a terminal, an end that may never come) are refused.

use std::cell::Cell;
use std::ffi::OsString;

use clap::{CommandFactory as _, Parser as _};

use crate::api::client::OnBehalf;
use crate::cli::commands::Command;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::session::{Session, Surface};
use crate::cli::{Arguments, board_of, meanings, predecessor};
use crate::config::Ambient;
use crate::exit_codes::CliExit;

/// Characters of an answer that a chat takes.
const ANSWER_CHARS_MAX: usize = 3800;

/// An answer with how it came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What to show.
    pub text: String,
    /// The exit code that the command line would have had.
    pub exit: CliExit,
}

/// Does what `text` says (`/kanban list`, `kanban list` and `list` are the same) in the surroundings `ambient`; returns what
/// to show, and the exit code.
pub fn answer(text: &str, ambient: Ambient) -> Answer {
    answer_to(None, text, ambient)
}

/// The same for a person of a chat: requests are made on their behalf.
pub fn answer_to(person: Option<OnBehalf>, text: &str, ambient: Ambient) -> Answer {
    let answer = |text: &str, exit| Answer { text: shortened(text.trim_end()), exit };
    let Some(words) = split(text) else {
        return answer("error: unclosed quote", CliExit::Usage);
    };
    if words.is_empty() {
        return answer(&Arguments::command().render_help().to_string(), CliExit::Ok);
    }
    let program = std::iter::once(OsString::from("kanban"));
    let words: Vec<OsString> = program.chain(words.into_iter().map(OsString::from)).collect();
    let parsed = Arguments::try_parse_from(&words);
    let arguments = match parsed {
        Ok(arguments) => arguments,
        Err(mut error) => {
            let exit = if error.use_stderr() { CliExit::Usage } else { CliExit::Ok };
            let known = predecessor::instead(&error, &words);
            let root = Arguments::command();
            let advice = meanings::advice(&root, known, &mut error, &words);
            let line = |name, text: Option<String>| {
                text.map_or_else(String::new, |text| format!("\n{name}: {text}"))
            };
            let (hint, example) = (line("hint", advice.hint), line("example", advice.example));
            return answer(&format!("{}{hint}{example}", error.render()), exit);
        }
    };
    let (output, captured) = Output::captured(arguments.json);
    let board = board_of(&arguments, &ambient);
    let has_read_stdin = Cell::new(false);
    let surface = Surface::Chat;
    let mut session = Session { ambient, board, output, surface, has_read_stdin, person };
    let exit = match arguments.command {
        None => return answer(&Arguments::command().render_help().to_string(), CliExit::Ok),
        Some(command) => match why_not(&command, session.person.is_some()) {
            Some(why) => {
                Failure::usage(format!("not available in a chat: {why}")).tell(&mut session.output)
            }
            None => match command.run(&mut session) {
                Ok(exit) => exit,
                Err(failure) => failure.tell(&mut session.output),
            },
        },
    };
    let (out, err) = (captured.out(), captured.err());
    let both = if out.is_empty() || err.is_empty() {
        format!("{out}{err}")
    } else {
        format!("{}\n{err}", out.trim_end())
    };
    if both.trim().is_empty() { answer("(no output)", exit) } else { answer(&both, exit) }
}

/// Why a command is not run. In a chat of a channel nothing waits: its other people would wait for it.
fn why_not(command: &Command, is_of_channel: bool) -> Option<&'static str> {
    let why = command.why_not_in_chat();
    why.or_else(|| {
        (is_of_channel && command.waits()).then_some("it waits; messages say what happens")
    })
}

/// The words of the command, without the word that calls it; none when a quote is not closed.
fn split(text: &str) -> Option<Vec<String>> {
    let mut words = shlex::split(text.trim().trim_start_matches('/'))?;
    if words.first().is_some_and(|word| word == "kanban") {
        words.remove(0);
    }
    Some(words)
}

fn shortened(text: &str) -> String {
    let length = text.chars().count();
    if length <= ANSWER_CHARS_MAX {
        return text.to_owned();
    }
    let kept: String = text.chars().take(ANSWER_CHARS_MAX).collect();
    format!("{kept}\n… (truncated, {length} characters in total; use filters or a terminal)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ambient::tests::ambient;

    fn said(text: &str) -> Answer {
        answer(text, ambient(&[("KANBAN_HOME", "/nowhere")]))
    }

    #[test]
    fn words_are_split_as_a_shell_splits_them() {
        for (text, expected) in [
            ("/kanban list --json", &["list", "--json"][..]),
            ("kanban  list", &["list"]),
            ("//list", &["list"]),
            ("create 'a title' \"with \\\"quotes\\\"\"", &["create", "a title", "with \"quotes\""]),
            ("comment t_1 $HOME `id` *", &["comment", "t_1", "$HOME", "`id`", "*"]),
            ("/kanban", &[]),
            ("", &[]),
        ] {
            assert_eq!(split(text).unwrap(), expected, "{text:?}");
        }
        assert_eq!(split("create 'it"), None);
    }

    #[test]
    fn what_cannot_be_read_is_answered_and_never_printed() {
        assert_eq!(said("create 'it").text, "error: unclosed quote");
        assert_eq!(said("create 'it").exit, CliExit::Usage);
        let message = said("/kanban list --status sleeping");
        assert!(message.text.contains("--status") && message.exit == CliExit::Usage, "{message:?}");
        for text in ["", "/kanban", "/kanban --help"] {
            assert!(said(text).text.contains("Usage: kanban"), "{text:?}");
        }
        assert_eq!(said("list").exit, CliExit::NotReachable);
        assert!(said("list").text.starts_with("error: no daemon answers"));
    }

    #[test]
    fn verbs_that_need_more_than_words_are_refused() {
        for text in [
            "tail t_1",
            "watch",
            "daemon --force",
            "edit t_1",
            "wait t_1",
            "drain",
            "backup /tmp/x",
            "restore /tmp/x --yes",
            "import hermes /tmp/x",
            "export /tmp/x",
            "create --from-jsonl /etc/passwd",
            "slash list",
            "init",
            "completions bash",
        ] {
            let message = said(text);
            assert!(
                message.text.starts_with("error: not available in a chat: "),
                "{text}: {message:?}"
            );
            assert_eq!(message.exit, CliExit::Usage);
        }
        for text in ["wait t_1 --timeout 1s", "drain --no-wait", "edit t_1 --title x", "list"] {
            assert_eq!(said(text).exit, CliExit::NotReachable, "{text}");
        }
        let message = said("create t --body -");
        assert!(message.text.contains("stdin is not available"), "{message:?}");
    }

    #[test]
    fn a_long_answer_is_cut_with_a_note() {
        let text = "ä".repeat(5000);
        let cut = shortened(&text);
        assert!(cut.starts_with(&"ä".repeat(3800)) && cut.contains("5000 characters"), "{cut}");
        assert_eq!(shortened("short"), "short");
    }
}
