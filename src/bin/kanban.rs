//! `kanban`: the command line. See `kanband::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    kanband::cli::run(std::env::args_os()).into()
}
