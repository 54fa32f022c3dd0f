//! From what supervision found to what the board's rules read.

use crate::kernel::limits::LOG_TAIL_BYTES;
use crate::kernel::outcome::{Evidence, ProcessEnd};
use crate::os::run_files::{ExitRecord, StartStep};
use crate::os::run_inspection::Inspection;
use crate::os::run_log::read_log;

/// Evidence of an exit record.
pub fn of_record(record: &ExitRecord, log_tail: Option<String>) -> Evidence {
    let end = match (&record.start_failure, record.code, record.signal) {
        (Some(failure), _, _) => ProcessEnd::StartFailed {
            message: match failure.step {
                StartStep::Workspace => format!("workspace: {}", failure.message),
                StartStep::Containment => format!("containment: {}", failure.message),
                StartStep::Log | StartStep::Limits | StartStep::Fork | StartStep::Exec => {
                    failure.message.clone()
                }
            },
            errno: failure.errno,
        },
        (None, _, Some(signal)) => ProcessEnd::Signalled(signal),
        (None, Some(code), None) => ProcessEnd::Exited(code),
        (None, None, None) => ProcessEnd::Lost {
            message: "the exit record says neither code nor signal".to_owned(),
            is_host_fault: true,
        },
    };
    Evidence {
        end,
        timed_out: record.timed_out,
        oom: is_out_of_memory(record),
        stop_requested: record.stop_requested,
        killed: record.killed,
        cpu_ms: i64::try_from(record.cpu_us / 1000).ok(),
        max_rss_bytes: i64::try_from(record.max_rss_bytes).ok(),
        // One process is less than the tree; where nothing counts the tree it is all that is known.
        memory_peak_bytes: i64::try_from(record.memory_peak_bytes.unwrap_or(record.max_rss_bytes))
            .ok()
            .filter(|bytes| *bytes > 0),
        oom_kills: record.oom_kill_count.and_then(|count| i64::try_from(count).ok()),
        elapsed_seconds: i64::try_from(record.elapsed_ms / 1000).ok(),
        log_tail,
        session: None,
        ended_at_ms: Some(record.ended_at_ms),
        unheard: None,
    }
}

/// Whether the worker failed because memory ran out. One that came to a good end although something below it was killed did
/// not.
fn is_out_of_memory(record: &ExitRecord) -> bool {
    record.oom_kill_count.is_some_and(|count| count > 0) && record.code != Some(0)
}

/// Evidence of a run whose shim is gone; none while it lives.
pub fn of_inspection(inspection: &Inspection, log_tail: Option<String>) -> Option<Evidence> {
    match inspection {
        Inspection::Alive(_) => None,
        Inspection::Ended(record) => Some(of_record(record, log_tail)),
        Inspection::ShimDied(_) => {
            let message = "its shim died; what was left of its processes was ended".to_owned();
            let end = ProcessEnd::Lost { message, is_host_fault: true };
            Some(Evidence { log_tail, ..Evidence::of(end) })
        }
        Inspection::NeverStarted => Some(Evidence::of(ProcessEnd::NotStarted)),
    }
}

/// Evidence of a run that was under way when the host went down.
pub fn of_restarted_host(log_tail: Option<String>) -> Evidence {
    let message = "the host was restarted while it ran".to_owned();
    let end = ProcessEnd::Lost { message, is_host_fault: false };
    Evidence { log_tail, ..Evidence::of(end) }
}

/// Bytes of a log in which an agent names its session.
const SESSION_WITHIN_BYTES: u64 = 64 * 1024;

/// The session that an agent named at the beginning of its log, behind `line`.
pub fn session_told(log: &std::path::Path, line: &str) -> Option<String> {
    use std::io::Read as _;
    let mut head = Vec::new();
    let file = std::fs::File::open(log).ok()?;
    file.take(SESSION_WITHIN_BYTES).read_to_end(&mut head).ok()?;
    session_in(&String::from_utf8_lossy(&head), line)
}

/// The first word behind `line`. It becomes an argument, so it must be plain: letters, digits, dashes and underscores, and no
/// dash at its beginning.
fn session_in(head: &str, line: &str) -> Option<String> {
    let behind = head.lines().find_map(|one| one.strip_prefix(line))?;
    let word = behind.split_whitespace().next()?;
    let is_plain = word.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    (is_plain && !word.starts_with('-') && word.len() <= 128).then(|| word.to_owned())
}

/// The end of a run's log, as the rules and the next attempt read it.
pub fn log_tail(path: &std::path::Path) -> Option<String> {
    let tail = read_log(path, Some(LOG_TAIL_BYTES as u64)).ok().flatten()?;
    let text = String::from_utf8_lossy(&tail.bytes).replace('\0', "\u{fffd}");
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_the_first_plain_word_behind_its_line() {
        let line = "session id: ";
        for (head, expected) in [
            ("Agent v1\nsession id: 01a2-b_c\nuser\nsession id: other\n", Some("01a2-b_c")),
            ("session id: 01a2 (new)", Some("01a2")),
            ("the session id: 01a2", None),
            ("session id: --model=evil", None),
            ("session id: a;b", None),
            ("session id: ", None),
            ("", None),
        ] {
            assert_eq!(session_in(head, line).as_deref(), expected, "{head:?}");
        }
    }
}
