//! kanban-shim: the parent of one worker; started by kanband, one per run. See `kanband::shim`.

use std::process::ExitCode;

fn main() -> ExitCode {
    kanband::shim::main(std::env::args_os()).into()
}
