//! From what supervision found to the evidence for the board's rules.

use crate::kernel::limits::LOG_TAIL_BYTES;
use crate::kernel::outcome::{Evidence, ProcessEnd};
use crate::kernel::start_fault::FailedStep;
use crate::os::run_files::directory::{ExitRecord, StartFailure, StartPart, StartStep};
use crate::os::run_files::inspection::{Inspection, LossCause};
use crate::os::run_files::log::read_log;
use crate::os::run_files::redact::redacted;

/// Evidence of an exit record.
pub fn of_record(record: &ExitRecord, log_tail: Option<String>) -> Evidence {
    let end = match (&record.start_failure, record.code, record.signal) {
        (Some(failure), _, _) => ProcessEnd::StartFailed {
            step: step_of(failure),
            message: match failure.step {
                StartStep::Workspace => format!("workspace: {}", failure.message),
                StartStep::Containment => format!("containment: {}", failure.message),
                StartStep::Lease => format!("lease: {}", failure.message),
                StartStep::Log | StartStep::Limits | StartStep::Fork | StartStep::Exec => {
                    failure.message.clone()
                }
            },
            errno: failure.errno(),
        },
        (None, _, Some(signal)) => ProcessEnd::Signalled(signal),
        (None, Some(code), None) => ProcessEnd::Exited(code),
        (None, None, None) => ProcessEnd::Lost {
            message: "the exit record has neither an exit code nor a signal".to_owned(),
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

/// The step of a failed start in the board's words.
fn step_of(failure: &StartFailure) -> FailedStep {
    let by_part = match failure.part {
        Some(StartPart::ProfileDirectory) => Some(FailedStep::ProfileDirectory),
        Some(StartPart::Setup) => Some(FailedStep::Setup),
        Some(StartPart::SetupHost) => Some(FailedStep::SetupHost),
        Some(StartPart::User) => Some(FailedStep::User),
        Some(StartPart::HandingOver) => Some(FailedStep::RunFiles),
        Some(StartPart::Unknown) | None => None,
    };
    by_part.unwrap_or(match failure.step {
        StartStep::Workspace => FailedStep::Workspace,
        StartStep::Log => FailedStep::RunFiles,
        StartStep::Limits => FailedStep::Limits,
        StartStep::Fork => FailedStep::Fork,
        StartStep::Containment | StartStep::Lease => FailedStep::Containment,
        StartStep::Exec => FailedStep::Program,
    })
}

/// Whether the worker failed because memory ran out. One that came to a good end although something below it was killed did
/// not.
fn is_out_of_memory(record: &ExitRecord) -> bool {
    record.oom_kill_count.is_some_and(|count| count > 0) && record.code != Some(0)
}

/// Evidence of a run whose shim is gone, and whose tree is proven empty; none while it lives, or that is not known.
pub fn of_inspection(inspection: &Inspection, log_tail: Option<String>) -> Option<Evidence> {
    match inspection {
        Inspection::Alive(_) | Inspection::Beginning(_) | Inspection::Unknown(_) => None,
        Inspection::Ended(record) => Some(of_record(record, log_tail)),
        Inspection::ShimDied(loss) => {
            // The host itself went down and came back: it says nothing about what runs on it.
            let is_host_fault = loss.cause != LossCause::OtherBoot;
            let end = ProcessEnd::Lost { message: loss.cause.explanation(), is_host_fault };
            Some(Evidence { log_tail, ..Evidence::of(end) })
        }
        Inspection::NeverStarted => Some(Evidence::of(ProcessEnd::NotStarted)),
    }
}

/// The evidence with the run's secrets redacted: error messages may contain them.
pub fn without_secrets(evidence: Evidence, secrets: &[String]) -> Evidence {
    let clear = |text: String| redacted(&text, secrets);
    let end = match evidence.end {
        ProcessEnd::StartFailed { step, message, errno } => {
            ProcessEnd::StartFailed { step, message: clear(message), errno }
        }
        ProcessEnd::Lost { message, is_host_fault } => {
            ProcessEnd::Lost { message: clear(message), is_host_fault }
        }
        end => end,
    };
    Evidence { end, log_tail: evidence.log_tail.map(clear), ..evidence }
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
    fn what_is_kept_of_an_end_has_no_secret_in_it() {
        let secrets = ["hunter22-secret".to_owned()];
        let report = "it said hunter22-secret and aHVudGVyMjItc2VjcmV0";
        let failed = |message: &str| ProcessEnd::StartFailed {
            step: FailedStep::Program,
            message: message.to_owned(),
            errno: Some(2),
        };
        let end = failed(report);
        let evidence = Evidence { log_tail: Some(report.to_owned()), ..Evidence::of(end) };
        let cleared = without_secrets(evidence, &secrets);
        let expected = "it said [redacted] and [redacted]".to_owned();
        assert_eq!(cleared.log_tail.as_ref(), Some(&expected));
        assert_eq!(cleared.end, failed(&expected));
        let end = ProcessEnd::Lost { message: report.to_owned(), is_host_fault: true };
        let lost = ProcessEnd::Lost { message: expected, is_host_fault: true };
        assert_eq!(without_secrets(Evidence::of(end), &secrets).end, lost);
    }

    #[test]
    fn a_failure_of_the_shim_keeps_its_step_its_part_and_its_number() {
        for (step, part, expected) in [
            (StartStep::Workspace, None, FailedStep::Workspace),
            (StartStep::Workspace, Some(StartPart::Unknown), FailedStep::Workspace),
            (StartStep::Workspace, Some(StartPart::ProfileDirectory), FailedStep::ProfileDirectory),
            (StartStep::Workspace, Some(StartPart::Setup), FailedStep::Setup),
            (StartStep::Workspace, Some(StartPart::SetupHost), FailedStep::SetupHost),
            (StartStep::Workspace, Some(StartPart::HandingOver), FailedStep::RunFiles),
            (StartStep::Limits, None, FailedStep::Limits),
            (StartStep::Limits, Some(StartPart::User), FailedStep::User),
            (StartStep::Log, None, FailedStep::RunFiles),
            (StartStep::Fork, None, FailedStep::Fork),
            (StartStep::Containment, None, FailedStep::Containment),
            (StartStep::Lease, None, FailedStep::Containment),
            (StartStep::Exec, None, FailedStep::Program),
        ] {
            let failure = StartFailure { step, part, errno: 11, message: "m".into() };
            assert_eq!((step_of(&failure), failure.errno()), (expected, Some(11)), "{failure:?}");
        }
        let text = r#"{"step":"exec","part":"of_a_later_shim","errno":0,"message":"m"}"#;
        let failure: StartFailure = serde_json::from_str(text).unwrap();
        assert_eq!((step_of(&failure), failure.errno()), (FailedStep::Program, None));
    }

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
