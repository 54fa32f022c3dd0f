//! `kanban completions`.

use clap_complete::env::Shells;

use crate::cli::commands::Ended;
use crate::cli::complete::VARIABLE;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::exit_codes::CliExit;

/// Print the shell completion script.
///
/// Completes verbs, flags and statuses, and from the running daemon task ids (with titles where the shell shows them),
/// profiles and boards.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  source <(kanban completions bash)                                  # in ~/.bashrc
  source <(kanban completions zsh)                                   # in ~/.zshrc, after compinit
  kanban completions fish > ~/.config/fish/completions/kanban.fish")]
pub struct Arguments {
    /// Shell
    #[arg(value_parser = ["bash", "zsh", "fish"])]
    shell: String,
}

/// Runs it.
///
/// # Errors
/// The output cannot be written.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let mut script = Vec::new();
    let written = Shells::builtins()
        .completer(&arguments.shell)
        .map(|shell| shell.write_registration(VARIABLE, "kanban", "kanban", "kanban", &mut script));
    match written {
        Some(Ok(())) => session.output.raw(&script)?,
        Some(Err(error)) => {
            return Err(Failure::fault(format!("cannot generate the script: {error}")));
        }
        None => return Err(Failure::usage(format!("unknown shell: {}", arguments.shell))),
    }
    Ok(CliExit::Ok)
}
