//! Failure of a command: the one place that turns an error into an exit code and into lines on
//! stderr.
//!
//! People get `error: …` and, where there is something to do about it, `hint: …`; with `--json` the API's error object, alone on a line.

use std::io;

use clap::error::ErrorKind;

use crate::api::client::ClientError;
use crate::api::client::absence::{Absence, AbsenceKind, IN_BACKGROUND};
use crate::api::client::seen::{ErrorBody, ErrorDetail, Word};
use crate::app::StartError;
use crate::cli::output::Output;
use crate::cli::style::{Line, Tone};
use crate::cli::text;
use crate::config::HomeError;
use crate::exit_codes::CliExit;
use crate::kernel::error::{Edge, ErrorCode, Hint};
use crate::text::json;

/// What helps where a command line is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Advice {
    /// What to use instead of a word or flag.
    pub hint: Option<String>,
    /// A command line of the verb that is right.
    pub example: Option<String>,
}

/// Why a command ends early.
#[derive(Debug)]
pub enum Failure {
    /// There is something to tell.
    Told {
        /// The exit code.
        exit: CliExit,
        /// The message.
        detail: ErrorDetail,
    },
    /// The reader of the output has gone, or has stopped an endless command: there is no reader for an error,
    /// and nothing is wrong.
    NobodyReads,
}

impl Failure {
    /// The command line is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::usage_of(ErrorCode::BadRequest, message)
    }

    /// The command line is wrong in a way that the API has a code for.
    pub fn usage_of(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::of(CliExit::Usage, code, message)
    }

    /// Something that the client itself does was refused to it.
    pub fn refused(code: impl Into<Word<ErrorCode>>, message: impl Into<String>) -> Self {
        Self::of(CliExit::Refused, code, message)
    }

    /// What was waited for did not happen in time.
    pub fn timeout(message: impl Into<String>) -> Self {
        Self::of(CliExit::Timeout, ErrorCode::Timeout, message)
    }

    /// Something broke.
    pub fn fault(message: impl Into<String>) -> Self {
        Self::of(CliExit::Fault, ErrorCode::Internal, message)
    }

    fn of(exit: CliExit, code: impl Into<Word<ErrorCode>>, message: impl Into<String>) -> Self {
        Self::Told { exit, detail: ErrorDetail::new(code, message) }
    }

    /// Whether the board said no.
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::Told { exit: CliExit::Refused, .. })
    }

    /// Whether a right command line helps: this one is wrong, and no hint has one yet.
    pub fn wants_example(&self) -> bool {
        match self {
            Self::Told { exit: CliExit::Usage, detail } => {
                !detail.hint.as_deref().is_some_and(|hint| hint.contains("kanban "))
            }
            Self::Told { .. } | Self::NobodyReads => false,
        }
    }

    /// The same with something to do about it.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        match self {
            Self::Told { exit, detail } => {
                Self::Told { exit, detail: ErrorDetail { hint: Some(hint.into()), ..detail } }
            }
            Self::NobodyReads => Self::NobodyReads,
        }
    }

    /// Tells it on stderr and returns the exit code.
    pub fn tell(&self, output: &mut Output) -> CliExit {
        match self {
            Self::NobodyReads => CliExit::Ok,
            Self::Told { exit, detail } => {
                if output.is_json() {
                    let body = ErrorBody { error: detail.clone() };
                    // Strings and an enum always make JSON.
                    output.complain(&json::to_string(&body).unwrap_or_default());
                    return *exit;
                }
                // Continuation lines are indented, so that they cannot forge another error or hint.
                let block = |text: &str| text::block(text).replace('\n', "\n  ");
                let error = Line::of(Tone::Bad, "error:").with(Tone::Plain, " ");
                output.complain_styled(&error.with(Tone::Plain, block(&detail.message)));
                if let Some(hint) = &detail.hint {
                    let line = Line::of(Tone::Waiting, "hint:").with(Tone::Plain, " ");
                    output.complain_styled(&line.with(Tone::Plain, block(hint)));
                }
                *exit
            }
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let message = error.to_string();
        match error {
            ClientError::Refused(detail) => {
                // What the client refuses itself has none.
                let hint = detail.hint.clone();
                let hint =
                    hint.or_else(|| Hint::of_code(detail.code.known()?)?.render(Edge::CommandLine));
                Self::Told { exit: CliExit::Refused, detail: ErrorDetail { hint, ..detail } }
            }
            ClientError::Fault(detail) => Self::Told { exit: CliExit::Fault, detail },
            ClientError::NotReachable { absence, .. } => {
                let failure = Self::of(CliExit::NotReachable, ErrorCode::Unavailable, message);
                let fix = absence.map_or_else(
                    || format!("start one with `{IN_BACKGROUND}`"),
                    |absence| told_with_cause(&absence),
                );
                let where_from = "KANBAN_SOCKET and KANBAN_HOME select the daemon";
                failure.with_hint(format!("{fix}; {where_from}"))
            }
            ClientError::Timeout => {
                Self::of(CliExit::NotReachable, ErrorCode::Unavailable, message)
                    .with_hint("the daemon runs but does not respond; see its log")
            }
            ClientError::Lost(_) => {
                Self::of(CliExit::NotReachable, ErrorCode::Unavailable, message)
                    .with_hint("check what became of it before you repeat the command")
            }
            ClientError::Unreadable(_) => {
                Self::fault(message).with_hint("`kanban` and `kanband` may have different versions")
            }
            ClientError::Local(_) => Self::usage(message),
            ClientError::Interrupted => Self::NobodyReads,
        }
    }
}

/// What helps, and what is the matter where the error itself does not say it.
fn told_with_cause(absence: &Absence) -> String {
    match absence.kind {
        AbsenceKind::NotRunning => format!("start one with {}", absence.fix),
        AbsenceKind::NotInitialised
        | AbsenceKind::SocketLost
        | AbsenceKind::InTheWay
        | AbsenceKind::NotPermitted => format!("{}: {}", absence.message, absence.fix),
    }
}

impl From<HomeError> for Failure {
    fn from(error: HomeError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        Self::refused(error.code(), error.to_string())
    }
}

impl From<io::Error> for Failure {
    /// Of writing the output.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::NobodyReads
        } else {
            // Nothing of the daemon: what the command was to do is done, only its output is lost.
            Self::refused(ErrorCode::Internal, format!("cannot write the output: {error}"))
                .with_hint("what the command changed stays changed")
        }
    }
}

/// What the argument parser objects to, in one line.
pub fn parser_line(error: &clap::Error) -> String {
    let rendered = error.render().to_string();
    let first = rendered.lines().next().unwrap_or_default();
    first.strip_prefix("error: ").unwrap_or(first).to_owned()
}

/// Prints the message of the argument parser, which may be the help text, and what helps: what to use instead of an unknown
/// word, and a command line that is right.
pub fn tell_parser(error: &clap::Error, advice: &Advice, output: &mut Output) -> CliExit {
    let is_asked_for = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if output.is_json() && !is_asked_for {
        let hint = advice.hint.clone();
        let message = parser_line(error);
        let detail = ErrorDetail { hint, ..ErrorDetail::new(ErrorCode::BadRequest, message) };
        output.complain(&json::to_string(&ErrorBody { error: detail }).unwrap_or_default());
        return CliExit::Usage;
    }
    if error.use_stderr() {
        // The message repeats arguments, which may be untrusted.
        output.complain(error.render().to_string().trim_end());
    } else {
        // Nobody can be told when even this cannot be written.
        drop(error.print());
    }
    if let Some(hint) = &advice.hint {
        output.complain(&format!("hint: {hint}"));
    }
    if let Some(example) = advice.example.as_ref().filter(|_| !output.is_json()) {
        output.complain(&format!("example: {example}"));
    }
    if is_asked_for { CliExit::Ok } else { CliExit::Usage }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detail(hint: Option<&str>) -> ErrorDetail {
        let hint = hint.map(str::to_owned);
        ErrorDetail { hint, ..ErrorDetail::new(ErrorCode::UnknownTask, "no such task: t_1") }
    }

    #[test]
    fn each_kind_of_error_has_its_exit_code() {
        let socket = std::path::PathBuf::from("/s");
        for (error, expected) in [
            (ClientError::Refused(detail(None)), CliExit::Refused),
            (ClientError::Fault(detail(None)), CliExit::Fault),
            (
                ClientError::NotReachable {
                    socket,
                    detail: "gone".into(),
                    kind: None,
                    absence: None,
                },
                CliExit::NotReachable,
            ),
            (ClientError::Timeout, CliExit::NotReachable),
            (ClientError::Lost("x".into()), CliExit::NotReachable),
            (ClientError::Unreadable("x".into()), CliExit::Fault),
            (ClientError::Local("x".into()), CliExit::Usage),
        ] {
            let (mut output, _) = Output::captured(false);
            let failure = Failure::from(error);
            assert_eq!(failure.tell(&mut output), expected, "{failure:?}");
        }
    }

    #[test]
    fn people_get_an_error_and_a_hint_and_programs_an_object_alone() {
        let failure = Failure::from(ClientError::Refused(detail(Some("look"))));
        let (mut output, streams) = Output::captured(false);
        failure.tell(&mut output);
        assert_eq!(streams.err(), "error: no such task: t_1\nhint: look\n");
        let (mut output, streams) = Output::captured(true);
        failure.tell(&mut output);
        let report = streams.err();
        assert_eq!(report.lines().count(), 1, "{report}");
        let object: ErrorBody = serde_json::from_str(&report).unwrap();
        assert_eq!(object.error, detail(Some("look")));
        assert_eq!(streams.out(), "");
    }

    #[test]
    fn no_line_of_an_error_passes_for_another() {
        let detail =
            ErrorDetail { message: "no\nhint: do it\rerror: x".into(), ..detail(Some("a\nb")) };
        let (mut output, streams) = Output::captured(false);
        Failure::from(ClientError::Refused(detail)).tell(&mut output);
        assert_eq!(streams.err(), "error: no\n  hint: do it\u{fffd}error: x\nhint: a\n  b\n");
    }

    #[test]
    fn a_reader_that_has_gone_is_no_error() {
        let (mut output, streams) = Output::captured(true);
        let failure = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(failure.tell(&mut output), CliExit::Ok);
        assert_eq!(streams.err(), "");
        let failure = Failure::from(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(failure.tell(&mut output), CliExit::Refused);
    }
}
