//! Skipping: a test that the host cannot run says so where everybody sees it, and is counted.

use std::fmt::Display;
use std::fs::File;
use std::io::Write as _;

/// Names the file that skips are appended to: suite, test and reason, separated by tabs. `make ci` reads it.
const FILE: &str = "KANBAND_SKIPS";

/// Says that the calling test, or a part of it, is skipped. The test returns afterwards.
///
/// The line is written past the test runner's capture. `make ci` fails for a skip that `tests/allowed-skips.txt` does not name.
///
/// # Panics
///
/// When the skip cannot be counted.
pub fn skip(reason: impl Display) {
    let suite = suite();
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("unnamed");
    let reason = one_line(&reason.to_string());
    let line = format!("{suite}: SKIPPED {test}: {reason}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    if let Some(path) = std::env::var_os(FILE) {
        let mut file = File::options().create(true).append(true).open(path).unwrap();
        file.write_all(format!("{suite}\t{test}\t{reason}\n").as_bytes()).unwrap();
    }
}

/// Whether the tests run as root; skips the calling test if not, since only root can do `what`.
pub fn is_root_or_skip(what: &str) -> bool {
    let is_root = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap());
    if is_root != 0 {
        skip(format_args!("only root can {what}"));
    }
    is_root == 0
}

/// The name of the test program, without the hash that cargo appends.
fn suite() -> String {
    let program = std::env::current_exe().unwrap();
    let stem = program.file_stem().unwrap().to_string_lossy().into_owned();
    stem.rsplit_once('-').map_or(stem.clone(), |(name, _)| name.to_owned())
}

fn one_line(text: &str) -> String {
    text.split(|sign: char| sign.is_control())
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_takes_one_line_and_one_column() {
        assert_eq!(one_line("mount(2):\n\tnot permitted\n"), "mount(2): not permitted");
    }

    #[test]
    fn a_suite_is_named_as_its_target() {
        assert_eq!(suite(), "support");
    }
}
