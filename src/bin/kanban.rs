//! `kanban`: the command line. See `kanband::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    kanband::os::processes::inherited::normalize_client();
    kanband::cli::run(std::env::args_os()).into()
}
