//! A pager for long output on a terminal, as git(1) and journalctl(1) have it.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::config::Ambient;
use crate::os::files::find_program;
use crate::os::processes::signals::ignore_interrupts;

/// What is run where no variable names a pager.
const PAGER: &str = "less";

/// Options of less(1) where LESS has none: it ends when the text fits on one screen, and leaves the text there.
const LESS: &str = "FRX";

/// Exit code of sh(1) for a program that it does not find.
const NOT_FOUND: i32 = 127;

/// Shows a text with `$KANBAN_PAGER`, `$PAGER` or less(1), and returns when that has ended. False when there is no such program, or none is
/// wanted (`cat`): nothing was shown then. A pager that ends before it has read everything has shown enough.
pub fn page(text: &[u8], ambient: &Ambient) -> bool {
    let chosen = ambient.var("KANBAN_PAGER").or_else(|| ambient.var("PAGER"));
    let named = chosen.unwrap_or(PAGER);
    // No word about a pager that nobody has chosen.
    let is_missing = || {
        chosen.is_none() && find_program(PAGER, ambient.var("PATH").unwrap_or_default()).is_none()
    };
    if named.trim() == "cat" || is_missing() {
        return false;
    }
    // The variable may hold arguments and quotes, so a shell reads it, as that of an editor.
    let mut command = Command::new("/bin/sh");
    command.args(["-c", named]).stdin(Stdio::piped());
    if ambient.var("LESS").is_none() {
        command.env("LESS", LESS);
    }
    // An interrupt is for the pager, which goes on after it. Where it cannot be left to it, it ends both.
    let _left_to_the_pager = ignore_interrupts().is_ok();
    let Ok(mut child) = command.spawn() else { return false };
    if let Some(mut input) = child.stdin.take() {
        let _has_read_all = input.write_all(text).is_ok();
    }
    child.wait().is_ok_and(|status| status.code() != Some(NOT_FOUND))
}
