//! The session of a command: its environment, its board, its output.

use std::cell::Cell;
use std::fs::File;
use std::io::{BufRead as _, IsTerminal as _, Read, StdinLock, Write as _, stdin, stdout};
use std::path::Path;

use serde::Serialize;

use crate::api::client::{Client, OnBehalf};
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::progress::WaitForDaemon;
use crate::cli::times::Times;
use crate::config::Ambient;
use crate::kernel::error::ErrorCode;
use crate::kernel::limits::BODY_BYTES_MAX;
use crate::os::host::name::host_name;

/// Stands for the text on standard input.
const STDIN: &str = "-";

/// Where a command line comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// A shell: there are files, a standard input and maybe a person in front of it.
    Shell,
    /// A chat: there is nothing but the words.
    Chat,
}

/// One call of `kanban`.
#[derive(Debug)]
pub struct Session {
    /// The surroundings of the process.
    pub ambient: Ambient,
    /// The board that was named.
    pub board: Option<String>,
    /// Where to write.
    pub output: Output,
    /// Where it comes from.
    pub surface: Surface,
    /// Whether a text was read from standard input, which can be read once.
    pub has_read_stdin: Cell<bool>,
    /// The person of a chat for whom the courier runs it.
    pub person: Option<OnBehalf>,
}

/// A request without fields.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Nothing {}

/// Query of an operation that takes nothing else.
#[derive(Debug, Clone, Serialize)]
pub struct OnBoard {
    /// The board that was named.
    pub board: Option<String>,
}

impl Session {
    /// A client of the daemon of these surroundings. Nothing is connected yet.
    ///
    /// # Errors
    /// The daemon's socket is unknown.
    pub fn client(&self) -> Result<Client, Failure> {
        let client = Client::new(&self.ambient)?;
        let client = match self.output.shows_progress() && self.surface == Surface::Shell {
            true => {
                let is_ascii = self.output.notes_style().is_ascii;
                client.showing_waits(Box::new(WaitForDaemon { is_ascii }))
            }
            false => client,
        };
        Ok(match &self.person {
            Some(person) => client.on_behalf(person.clone()),
            None => client,
        })
    }

    /// The board that was named, as a query.
    pub fn on_board(&self) -> OnBoard {
        OnBoard { board: self.board.clone() }
    }

    /// What is typed or piped in.
    ///
    /// # Errors
    /// There is no such thing in a chat.
    pub fn stdin(&self) -> Result<StdinLock<'static>, Failure> {
        match self.surface {
            Surface::Shell => Ok(stdin().lock()),
            Surface::Chat => Err(Failure::usage("stdin is not available in a chat")),
        }
    }

    /// A text that the command line gives: itself, or all of standard input where it is `-`. `of` names the argument.
    /// Every verb reads its texts through this; line ends at the end belong to the pipe and are left out.
    ///
    /// # Errors
    /// Standard input cannot be read, is no text, is too long, or was read for another text already.
    pub fn text(&self, of: &str, given: String) -> Result<String, Failure> {
        let text = self.text_as_it_is(of, given)?;
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// The same for a text that need not be there.
    ///
    /// # Errors
    /// As [`Session::text`].
    pub fn optional_text(
        &self,
        of: &str,
        given: Option<String>,
    ) -> Result<Option<String>, Failure> {
        given.map(|given| self.text(of, given)).transpose()
    }

    /// The same with its line ends, for a body.
    ///
    /// # Errors
    /// As [`Session::text`].
    pub fn text_as_it_is(&self, of: &str, given: String) -> Result<String, Failure> {
        if given != STDIN {
            return Ok(given);
        }
        self.text_of_stdin(of)
    }

    /// The text in a file, or on standard input where the path is `-`. `flag` names the option.
    ///
    /// # Errors
    /// It cannot be read, is no text or is too long.
    pub fn text_of_file(&self, flag: &str, path: &Path) -> Result<String, Failure> {
        if path == Path::new(STDIN) {
            return self.text_of_stdin(flag);
        }
        if self.surface == Surface::Chat {
            return Err(Failure::usage(format!("{flag}: there are no files in a chat")));
        }
        let name = path.display().to_string();
        let file = File::open(path)
            .map_err(|error| Failure::usage(format!("{flag}: cannot read {name}: {error}")))?;
        text_in(file, flag, &name)
    }

    fn text_of_stdin(&self, of: &str) -> Result<String, Failure> {
        if self.has_read_stdin.replace(true) {
            let message = format!("{of} -: stdin was already used for another option");
            return Err(Failure::usage(message).with_hint("give one of the texts as an argument"));
        }
        text_in(self.stdin()?, &format!("{of} -"), "stdin")
    }

    /// Whether a person sits in front of it who can be asked.
    pub fn is_interactive(&self) -> bool {
        let is_shell = self.surface == Surface::Shell;
        is_shell && !self.output.is_json() && stdin().is_terminal() && stdout().is_terminal()
    }

    /// Asks the person in front of the terminal; only a `y` or `yes` is one.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn confirm(&mut self, question: &str) -> Result<bool, Failure> {
        let unheard =
            |error: std::io::Error| Failure::fault(format!("cannot ask for confirmation: {error}"));
        self.output.raw(format!("{question} [y/N] ").as_bytes())?;
        self.output.finish()?;
        stdout().flush().map_err(unheard)?;
        let mut answer = String::new();
        self.stdin()?.read_line(&mut answer).map_err(unheard)?;
        Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
    }

    /// Now, here.
    pub fn times(&self) -> Times {
        Times::of_process()
    }

    /// Whether this process was started for a run. The daemon knows better; this only says which names to leave out.
    pub fn is_in_run(&self) -> bool {
        self.ambient.var("KANBAN_RUN").is_some()
    }

    /// The name of the profile that this process works under, if it was given one.
    pub fn profile(&self) -> Option<&str> {
        self.ambient.var("HERMES_PROFILE_NAME").or_else(|| self.ambient.var("HERMES_PROFILE"))
    }

    /// The name of the caller: the profile, else the user.
    pub fn own_name(&self) -> String {
        let user = || {
            self.ambient.user_name.clone().unwrap_or_else(|| format!("uid:{}", self.ambient.uid))
        };
        self.profile().map_or_else(user, str::to_owned)
    }

    /// `<user>@<host>`: who claims, when nobody else is named.
    pub fn user_at_host(&self) -> String {
        let user =
            self.ambient.user_name.clone().unwrap_or_else(|| format!("uid:{}", self.ambient.uid));
        format!("{user}@{}", host_name().unwrap_or_else(|| "localhost".to_owned()))
    }
}

/// All of a text. `of` names the option, `source` where the text is.
fn text_in(reader: impl Read, of: &str, source: &str) -> Result<String, Failure> {
    // No more than is needed to see that it is too much.
    let limit = u64::try_from(BODY_BYTES_MAX).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    reader
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::usage(format!("{of}: cannot read {source}: {error}")))?;
    if bytes.len() > BODY_BYTES_MAX {
        let of = of.trim_start_matches('-').trim_end_matches(" -").trim_end_matches("-file");
        let preposition = if source == "stdin" { "on" } else { "in" };
        let message =
            format!("{of} is too large: more than {BODY_BYTES_MAX} bytes {preposition} {source}");
        return Err(Failure::refused(ErrorCode::TooLarge, message));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::usage(format!("{of}: {source} is not valid UTF-8 (byte {at})"))
    })
}
