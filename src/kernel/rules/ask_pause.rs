//! The time limits of a run pause while it waits for an answer. Pure.

use crate::kernel::ids::EpochSeconds;

/// A wait of a run for the answer to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// When the question was asked.
    pub asked_at: EpochSeconds,
    /// When it ended; none while it is open.
    pub ended_at: Option<EpochSeconds>,
}

/// What the waits of a run do to its time limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pause {
    /// Time by which its time limit moves as things stand, seconds.
    pub moved_seconds: i64,
    /// Whether its limits pause now.
    pub is_on: bool,
}

/// The pause of a run with these waits at `now`; all of them together take at most `limit_seconds`.
///
/// While a wait is open, all that is left counts: the end of the wait moves the time limit back.
pub fn pause(waits: &[Wait], now: EpochSeconds, limit_seconds: i64) -> Pause {
    let limit = limit_seconds.max(0);
    // A clock that was set back takes nothing away.
    let lasted = |wait: &Wait| wait.ended_at.unwrap_or(now).saturating_sub(wait.asked_at).max(0);
    let waited = waits.iter().map(lasted).fold(0, i64::saturating_add).min(limit);
    let is_on = waited < limit && waits.iter().any(|wait| wait.ended_at.is_none());
    Pause { moved_seconds: if is_on { limit } else { waited }, is_on }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_add_up_to_the_limit_of_the_run_and_an_open_one_has_all_that_is_left() {
        let over = |asked_at, ended_at| Wait { asked_at, ended_at: Some(ended_at) };
        let open = |asked_at| Wait { asked_at, ended_at: None };
        for (waits, limit, moved_seconds, is_on) in [
            (vec![], 100, 0, false),
            (vec![over(0, 30)], 100, 30, false),
            (vec![over(0, 30), over(50, 70)], 100, 50, false),
            (vec![over(0, 30), over(50, 170)], 100, 100, false),
            (vec![over(0, 30), open(900)], 200, 200, true),
            (vec![open(900)], 100, 100, false),
            (vec![open(901)], 100, 100, true),
            (vec![open(999)], 0, 0, false),
            // The clock was set back.
            (vec![over(500, 30), open(2000)], 100, 100, true),
            (vec![over(500, 30)], 100, 0, false),
        ] {
            let expected = Pause { moved_seconds, is_on };
            assert_eq!(pause(&waits, 1000, limit), expected, "{waits:?} of {limit}");
        }
    }
}
