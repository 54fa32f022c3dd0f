//! Events in words, as `show`, `tail` and `watch` print them.

use crate::cli::style::{Line, Tone};
use crate::cli::text::one_line;
use crate::cli::times::Times;
use crate::kernel::actor::Actor;
use crate::kernel::event::{Event, EventKind, sentence};

/// What happened, and by whom: `blocked it: no access  (ann)`.
pub fn line(event: &Event) -> Line {
    let line = Line::of(tone(event), one_line(&sentence(event)));
    match by(event) {
        Some(by) => line.with(Tone::Faint, format!("  ({by})")),
        None => line,
    }
}

/// Writes events with their times: on a terminal the time of day, below the day when that is another; elsewhere both on each line.
#[derive(Debug, Default)]
pub struct Timed {
    day: Option<String>,
}

impl Timed {
    /// The lines of an event; `subject` says what it happened to.
    pub fn lines(
        &mut self,
        event: &Event,
        subject: Option<Line>,
        times: &Times,
        is_terminal: bool,
    ) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut line = if is_terminal {
            let day = times.day(event.created_at);
            if self.day.as_ref() != Some(&day) {
                lines.push(Line::of(Tone::Faint, &day));
                self.day = Some(day);
            }
            Line::of(Tone::Faint, format!("{} ", times.clock(event.created_at)))
        } else {
            Line::of(Tone::Faint, format!("[{}] ", times.exact(event.created_at)))
        };
        if let Some(subject) = subject {
            line.append(subject);
            line.push(Tone::Plain, ": ");
        }
        if !is_terminal {
            // A filter behind the pipe finds the kind.
            line.push(Tone::Plain, format!("{}: ", one_line(&event.kind)));
        }
        line.append(self::line(event));
        lines.push(line);
        lines
    }
}

/// The person or the run; nothing of the daemon itself, when it concerns no run.
fn by(event: &Event) -> Option<String> {
    // A comment may be written in another name.
    let author = event.payload.as_ref().and_then(|payload| payload.get("author")?.as_str());
    if let Some(author) = author.filter(|_| event.kind == EventKind::Commented.as_str()) {
        return Some(one_line(author));
    }
    let of_run = || event.run_id.map(|run| format!("run {run}"));
    match event.actor.as_deref().map(Actor::from) {
        Some(Actor::Named(name)) if !name.is_empty() => Some(one_line(&name)),
        Some(Actor::Run(run)) => Some(format!("run {run}")),
        Some(Actor::Named(_) | Actor::Part(_)) | None => of_run(),
    }
}

fn tone(event: &Event) -> Tone {
    use EventKind as K;
    let Some(kind) = EventKind::ALL.iter().find(|kind| kind.as_str() == event.kind) else {
        return Tone::Plain;
    };
    match kind {
        K::Completed | K::Approved => Tone::Good,
        K::Claimed | K::Spawned => Tone::Active,
        K::Promoted | K::Unblocked | K::StartDue => Tone::Waiting,
        K::Blocked
        | K::Asked
        | K::AskOverdue
        | K::ReviewRequested
        | K::ChangesRequested
        | K::Overdue
        | K::WaitingLong => Tone::Asking,
        K::Crashed
        | K::Oom
        | K::TimedOut
        | K::SpawnFailed
        | K::ProtocolViolation
        | K::Lost
        | K::GaveUp
        | K::Unkillable
        | K::BreakerOpened
        | K::CompletionBlockedHallucination => Tone::Bad,
        K::Heartbeat | K::Closed => Tone::Faint,
        _ => Tone::Plain,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_says_who_did_it_unless_it_was_the_daemon() {
        for (actor, run_id, expected) in [
            (Some("ann"), None, "blocked it: no access  (ann)"),
            (Some("run:7"), Some(7), "blocked it: no access  (run 7)"),
            (Some("kanband:dispatcher"), Some(7), "blocked it: no access  (run 7)"),
            (Some("kanband:dispatcher"), None, "blocked it: no access"),
            (None, None, "blocked it: no access"),
        ] {
            let event: Event = serde_json::from_value(json!({
                "id": 1, "task_id": "t_00000001", "board": "default", "run_id": run_id, "kind": "blocked",
                "payload": { "reason": "no access" }, "created_at": 1, "actor": actor,
            }))
            .unwrap();
            assert_eq!(line(&event).plain(), expected);
        }
    }
}
