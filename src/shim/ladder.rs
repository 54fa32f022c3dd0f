//! The stop ladder: when the tree is asked to exit, when it is killed, when it is over.
//!
//! ```text
//!   stop asked · max_runtime · lease over · worker ended       grace over · kill asked
//!  Running ──────────────────────────────────────▶ Terminating ─────────────────────▶ Killing ⟲ rounds
//!     │  kill asked ─────────────────────────────────────────────────────────────────▶ │
//!     └────────────────────────── tree empty, from every stage ────────────────────▶ Empty
//! ```
//!
//! Every run goes down the ladder, one whose worker ended by itself too: what it left behind is part of the
//! run. No stage but `Empty` ends it, and only the proof that no child is left leads there. Pure: time comes
//! in as milliseconds on one clock, signals go out as actions.

/// Least time between two rounds of asking, milliseconds.
const ASK_PAUSE_MS: u64 = 10;

/// Pause after the first round of killing, milliseconds; doubled while rounds find nothing new.
const ROUND_PAUSE_MS_MIN: u64 = 1;

/// Longest such pause, milliseconds. A process that dies wakes the shim by itself; rounds are for what was
/// born during the last one.
const ROUND_PAUSE_MS_MAX: u64 = 50;

/// Rounds without anything new after which everything there has long been killed and hangs in the kernel.
const ROUNDS_UNTIL_STUCK: u32 = 100;

/// Pause between rounds from then on, milliseconds.
const STUCK_PAUSE_MS: u64 = 1_000;

/// Longest time between two looks at a deadline that was moved, milliseconds: it may be moved back.
const MOVED_PAUSE_MS: u64 = 10_000;

/// Time between two looks at a deadline that cannot be read, milliseconds.
const UNREAD_PAUSE_MS: u64 = 1_000;

/// Where the run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The worker runs.
    Running,
    /// Everything was asked to end.
    Terminating {
        /// When patience ends.
        kill_at_ms: u64,
        /// When it was last asked.
        asked_at_ms: u64,
        /// When to ask those who came too late to be asked; none while nothing has ended since.
        ask_again_at_ms: Option<u64>,
    },
    /// Everything is being killed.
    Killing {
        /// When the next round is due.
        next_round_at_ms: u64,
        /// Rounds in a row that found nothing new.
        quiet_rounds: u32,
    },
    /// No process is left: proven.
    Empty,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Nothing but that time has passed.
    Time,
    /// SIGTERM.
    StopAsked,
    /// SIGQUIT.
    KillAsked,
    /// The lease of the host is over.
    LeaseOver,
    /// The worker was reaped and other processes are left.
    WorkerEnded,
    /// Some other process was reaped and processes are left.
    OtherEnded,
    /// No child is left, but the leaf holds processes that never were below the shim.
    StrangersLeft,
    /// There is no child left, and nothing in the leaf.
    TreeEmpty,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Action {
    /// Nothing.
    Nothing,
    /// Ask everything in the tree to end that has not been asked.
    Terminate,
    /// Kill everything in the tree, then call [`Ladder::round_done`].
    Kill,
}

/// What a round of killing met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Round {
    /// A process that was not over was sent SIGKILL.
    pub has_killed: bool,
    /// A process was there that the round before had not met.
    pub has_found_new: bool,
}

/// What is read of a deadline that may have been moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadline {
    /// It was not moved, or nothing is left that says so.
    AsKnown,
    /// It was moved to this time.
    Moved {
        /// The time.
        at_ms: u64,
    },
    /// It cannot be read.
    Unread,
}

/// The ladder of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ladder {
    stage: Stage,
    /// The deadline of the spec.
    first_deadline_ms: Option<u64>,
    /// The deadline as it was last read.
    deadline_ms: Option<u64>,
    /// When to read it.
    read_at_ms: Option<u64>,
    grace_ms: u64,
    timed_out: bool,
    stop_requested: bool,
    lease_lost: bool,
    killed: bool,
}

impl Ladder {
    /// A ladder for a worker that starts now.
    pub fn new(now_ms: u64, max_runtime_ms: Option<u64>, grace_ms: u64) -> Self {
        let deadline_ms = max_runtime_ms.map(|longest| now_ms.saturating_add(longest));
        Self {
            stage: Stage::Running,
            first_deadline_ms: deadline_ms,
            deadline_ms,
            read_at_ms: deadline_ms,
            grace_ms,
            timed_out: false,
            stop_requested: false,
            lease_lost: false,
            killed: false,
        }
    }

    /// Takes an event and says what is to be done.
    pub fn apply(&mut self, event: Event, now_ms: u64) -> Action {
        match (self.stage, event) {
            (Stage::Empty, _) => Action::Nothing,
            (_, Event::TreeEmpty) => {
                self.stage = Stage::Empty;
                Action::Nothing
            }
            (Stage::Running, Event::Time) if self.is_time_up(now_ms) => {
                self.timed_out = true;
                self.terminate(now_ms)
            }
            (Stage::Running, Event::StopAsked) => {
                self.stop_requested = true;
                self.terminate(now_ms)
            }
            (Stage::Running, Event::LeaseOver) => {
                self.lease_lost = true;
                self.terminate(now_ms)
            }
            (Stage::Running, Event::WorkerEnded) => self.terminate(now_ms),
            (Stage::Running, Event::KillAsked) => {
                self.stop_requested = true;
                self.kill(now_ms)
            }
            (Stage::Terminating { kill_at_ms, .. }, Event::Time) if now_ms >= kill_at_ms => {
                self.kill(now_ms)
            }
            (Stage::Terminating { kill_at_ms, ask_again_at_ms: Some(due), .. }, Event::Time)
                if now_ms >= due =>
            {
                let (asked_at_ms, ask_again_at_ms) = (now_ms, None);
                self.stage = Stage::Terminating { kill_at_ms, asked_at_ms, ask_again_at_ms };
                Action::Terminate
            }
            // What ended may have forked after it was looked for and before it was told.
            (
                Stage::Terminating { kill_at_ms, asked_at_ms, ask_again_at_ms: None },
                Event::WorkerEnded | Event::OtherEnded,
            ) => {
                let ask_again_at_ms = Some(now_ms.max(asked_at_ms.saturating_add(ASK_PAUSE_MS)));
                self.stage = Stage::Terminating { kill_at_ms, asked_at_ms, ask_again_at_ms };
                Action::Nothing
            }
            (Stage::Terminating { .. }, Event::KillAsked) => self.kill(now_ms),
            // They were not put there to be asked; they cannot be distinguished from each other either.
            (Stage::Running | Stage::Terminating { .. }, Event::StrangersLeft) => self.kill(now_ms),
            (Stage::Killing { next_round_at_ms, .. }, Event::Time)
                if now_ms >= next_round_at_ms =>
            {
                Action::Kill
            }
            (Stage::Running | Stage::Terminating { .. } | Stage::Killing { .. }, _) => {
                Action::Nothing
            }
        }
    }

    /// Takes what a round of killing met; the next one is due later the less that was.
    pub fn round_done(&mut self, round: Round, now_ms: u64) {
        self.killed |= round.has_killed;
        if let Stage::Killing { quiet_rounds, .. } = self.stage {
            let quiet_rounds = if round.has_found_new { 0 } else { quiet_rounds.saturating_add(1) };
            let next_round_at_ms = now_ms.saturating_add(round_pause_ms(quiet_rounds));
            self.stage = Stage::Killing { next_round_at_ms, quiet_rounds };
        }
    }

    /// The deadline of the spec, milliseconds; none without one.
    pub fn first_deadline_ms(&self) -> Option<u64> {
        self.first_deadline_ms
    }

    /// Whether the deadline is to be read now: before [`Event::Time`] is applied, with what was read for [`Self::deadline_read`].
    pub fn wants_deadline(&self, now_ms: u64) -> bool {
        self.stage == Stage::Running && self.read_at_ms.is_some_and(|due| now_ms >= due)
    }

    /// Takes what was read of the deadline. It is never before that of the spec. One that cannot be read is no proof that time is up.
    pub fn deadline_read(&mut self, deadline: Deadline, now_ms: u64) {
        if let Deadline::Moved { at_ms } = deadline {
            self.deadline_ms = self.first_deadline_ms.map(|first| first.max(at_ms));
        }
        self.read_at_ms = match deadline {
            Deadline::Unread => Some(now_ms.saturating_add(UNREAD_PAUSE_MS)),
            Deadline::AsKnown | Deadline::Moved { .. } => {
                let next_ms = now_ms.saturating_add(MOVED_PAUSE_MS);
                self.deadline_ms.map(|at_ms| at_ms.min(next_ms))
            }
        };
    }

    fn is_time_up(&self, now_ms: u64) -> bool {
        let is_up = |due: Option<u64>| due.is_some_and(|due| now_ms >= due);
        is_up(self.deadline_ms) && is_up(self.read_at_ms)
    }

    /// When [`Event::Time`] will next have an effect, in milliseconds; none while only other events can.
    pub fn wake_at_ms(&self) -> Option<u64> {
        match self.stage {
            Stage::Running => self.read_at_ms,
            Stage::Terminating { kill_at_ms, ask_again_at_ms, .. } => {
                Some(ask_again_at_ms.map_or(kill_at_ms, |due| due.min(kill_at_ms)))
            }
            Stage::Killing { next_round_at_ms, .. } => Some(next_round_at_ms),
            Stage::Empty => None,
        }
    }

    /// Whether no process is left.
    pub fn is_empty(&self) -> bool {
        self.stage == Stage::Empty
    }

    /// Whether the ladder began because the worker had run too long.
    pub fn timed_out(&self) -> bool {
        self.timed_out
    }

    /// Whether it began on request.
    pub fn stop_requested(&self) -> bool {
        self.stop_requested
    }

    /// Whether it began because the lease of the host was over.
    pub fn lease_lost(&self) -> bool {
        self.lease_lost
    }

    /// Whether anything had to be killed.
    pub fn killed(&self) -> bool {
        self.killed
    }

    fn terminate(&mut self, now_ms: u64) -> Action {
        let kill_at_ms = now_ms.saturating_add(self.grace_ms);
        self.stage = Stage::Terminating { kill_at_ms, asked_at_ms: now_ms, ask_again_at_ms: None };
        Action::Terminate
    }

    fn kill(&mut self, now_ms: u64) -> Action {
        self.stage = Stage::Killing { next_round_at_ms: now_ms, quiet_rounds: 0 };
        Action::Kill
    }
}

fn round_pause_ms(quiet_rounds: u32) -> u64 {
    if quiet_rounds >= ROUNDS_UNTIL_STUCK {
        return STUCK_PAUSE_MS;
    }
    let doubled = ROUND_PAUSE_MS_MIN.checked_shl(quiet_rounds).unwrap_or(u64::MAX);
    doubled.min(ROUND_PAUSE_MS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE_MS: u64 = 500;
    const NEW: Round = Round { has_killed: false, has_found_new: true };
    /// What hangs in the kernel takes a kill each time, and stays.
    const QUIET: Round = Round { has_killed: true, has_found_new: false };

    fn at(stage: Stage) -> Ladder {
        Ladder { stage, ..Ladder::new(0, Some(10_000), GRACE_MS) }
    }

    fn terminating(kill_at_ms: u64, asked_at_ms: u64, ask_again_at_ms: Option<u64>) -> Stage {
        Stage::Terminating { kill_at_ms, asked_at_ms, ask_again_at_ms }
    }

    #[test]
    fn every_stage_answers_every_event() {
        let running = Stage::Running;
        let empty = Stage::Empty;
        let patient = terminating(9_000, 5_995, None);
        let again = terminating(9_000, 5_995, Some(6_005));
        let asking = terminating(9_000, 5_995, Some(6_000));
        let over = terminating(6_000, 5_995, Some(6_000));
        let killing = Stage::Killing { next_round_at_ms: 5_000, quiet_rounds: 3 };
        let begun = Stage::Killing { next_round_at_ms: 6_000, quiet_rounds: 0 };
        let asked = terminating(6_500, 6_000, None);
        let table = [
            (running, Event::Time, Action::Nothing, running),
            (running, Event::StopAsked, Action::Terminate, asked),
            (running, Event::KillAsked, Action::Kill, begun),
            (running, Event::LeaseOver, Action::Terminate, asked),
            (running, Event::WorkerEnded, Action::Terminate, asked),
            (running, Event::OtherEnded, Action::Nothing, running),
            (running, Event::StrangersLeft, Action::Kill, begun),
            (running, Event::TreeEmpty, Action::Nothing, empty),
            (patient, Event::Time, Action::Nothing, patient),
            (patient, Event::StopAsked, Action::Nothing, patient),
            (patient, Event::KillAsked, Action::Kill, begun),
            (patient, Event::WorkerEnded, Action::Nothing, again),
            (patient, Event::OtherEnded, Action::Nothing, again),
            (patient, Event::StrangersLeft, Action::Kill, begun),
            (patient, Event::TreeEmpty, Action::Nothing, empty),
            (again, Event::OtherEnded, Action::Nothing, again),
            (again, Event::Time, Action::Nothing, again),
            (asking, Event::Time, Action::Terminate, terminating(9_000, 6_000, None)),
            (over, Event::Time, Action::Kill, begun),
            (killing, Event::Time, Action::Kill, killing),
            (killing, Event::StopAsked, Action::Nothing, killing),
            (killing, Event::KillAsked, Action::Nothing, killing),
            (killing, Event::WorkerEnded, Action::Nothing, killing),
            (killing, Event::OtherEnded, Action::Nothing, killing),
            (killing, Event::StrangersLeft, Action::Nothing, killing),
            (killing, Event::TreeEmpty, Action::Nothing, empty),
            (empty, Event::Time, Action::Nothing, empty),
            (empty, Event::StopAsked, Action::Nothing, empty),
            (empty, Event::KillAsked, Action::Nothing, empty),
            (empty, Event::WorkerEnded, Action::Nothing, empty),
            (empty, Event::OtherEnded, Action::Nothing, empty),
            (empty, Event::StrangersLeft, Action::Nothing, empty),
            (empty, Event::TreeEmpty, Action::Nothing, empty),
        ];
        for (before, event, action, after) in table {
            let mut ladder = at(before);
            assert_eq!(ladder.apply(event, 6_000), action, "{before:?} {event:?}");
            assert_eq!(ladder.stage, after, "{before:?} {event:?}");
            assert_eq!(ladder.stop_requested(), {
                before == Stage::Running && matches!(event, Event::StopAsked | Event::KillAsked)
            });
            assert!(!ladder.timed_out() && !ladder.killed());
        }
    }

    #[test]
    fn time_only_acts_when_it_is_due() {
        let cases = [
            (Stage::Running, 9_999, Action::Nothing),
            (Stage::Running, 10_000, Action::Terminate),
            (terminating(700, 200, None), 699, Action::Nothing),
            (terminating(700, 200, None), 700, Action::Kill),
            (terminating(700, 200, Some(210)), 209, Action::Nothing),
            (terminating(700, 200, Some(710)), 700, Action::Kill),
            (Stage::Killing { next_round_at_ms: 700, quiet_rounds: 0 }, 699, Action::Nothing),
            (Stage::Killing { next_round_at_ms: 700, quiet_rounds: 0 }, 700, Action::Kill),
        ];
        for (stage, now_ms, action) in cases {
            let mut ladder = at(stage);
            let wake_at_ms = ladder.wake_at_ms().unwrap();
            assert_eq!(ladder.apply(Event::Time, now_ms), action, "{stage:?} at {now_ms}");
            assert_eq!(now_ms >= wake_at_ms, action != Action::Nothing, "{stage:?} at {now_ms}");
            assert_eq!(ladder.timed_out(), action == Action::Terminate);
        }
        let mut endless = Ladder::new(0, None, GRACE_MS);
        assert_eq!(endless.wake_at_ms(), None);
        assert_eq!(endless.apply(Event::Time, u64::MAX), Action::Nothing);
        assert_eq!(at(Stage::Empty).wake_at_ms(), None);
    }

    #[test]
    fn a_stop_after_the_worker_has_ended_is_not_why_it_ended() {
        let mut ladder = at(Stage::Running);
        let _terminate = ladder.apply(Event::WorkerEnded, 1);
        let _kill = ladder.apply(Event::KillAsked, 2);
        assert!(!ladder.stop_requested());
        let _late = ladder.apply(Event::Time, 20_000);
        assert!(!ladder.timed_out());
    }

    #[test]
    fn without_grace_the_kill_follows_at_once() {
        let mut ladder = Ladder::new(0, None, 0);
        assert_eq!(ladder.apply(Event::StopAsked, 7), Action::Terminate);
        assert_eq!(ladder.wake_at_ms(), Some(7));
        assert_eq!(ladder.apply(Event::Time, 7), Action::Kill);
    }

    #[test]
    fn rounds_come_at_once_for_what_is_new_and_slower_for_what_hangs() {
        let mut ladder = at(Stage::Running);
        let _kill = ladder.apply(Event::KillAsked, 0);
        let mut pauses = Vec::new();
        for round in 0..104 {
            ladder.round_done(if round == 0 { NEW } else { QUIET }, 1_000);
            pauses.push(ladder.wake_at_ms().unwrap() - 1_000);
        }
        assert_eq!(pauses[..9], [1, 2, 4, 8, 16, 32, 50, 50, 50]);
        assert_eq!((pauses[99], pauses[100]), (50, 1_000));
        assert!(ladder.killed());
        ladder.round_done(NEW, 1_000);
        assert_eq!(ladder.wake_at_ms(), Some(1_001));
    }

    #[test]
    fn a_deadline_is_moved_later_and_back_and_never_before_that_of_the_spec() {
        let moved = |at_ms| Deadline::Moved { at_ms };
        for (now_ms, read, is_up, next_ms) in [
            (10_000, Deadline::AsKnown, true, 10_000),
            (10_000, moved(9_000), true, 10_000),
            (10_000, moved(10_001), false, 10_001),
            (10_000, moved(90_000), false, 20_000),
            // No proof.
            (10_000, Deadline::Unread, false, 11_000),
        ] {
            let mut ladder = at(Stage::Running);
            assert!(!ladder.wants_deadline(now_ms - 1) && ladder.wants_deadline(now_ms));
            ladder.deadline_read(read, now_ms);
            let action = ladder.apply(Event::Time, now_ms);
            assert_eq!(
                (action == Action::Terminate, ladder.timed_out()),
                (is_up, is_up),
                "{read:?}"
            );
            if !is_up {
                assert_eq!(ladder.wake_at_ms(), Some(next_ms), "{read:?}");
            }
        }
        let mut ladder = at(Stage::Running);
        ladder.deadline_read(moved(90_000), 10_000);
        // The file is gone: what was read stands.
        ladder.deadline_read(Deadline::AsKnown, 20_000);
        assert_eq!(ladder.apply(Event::Time, 20_000), Action::Nothing);
        ladder.deadline_read(moved(25_000), 24_000);
        assert_eq!(ladder.apply(Event::Time, 24_999), Action::Nothing);
        assert_eq!(ladder.apply(Event::Time, 25_000), Action::Terminate);
        let mut endless = Ladder::new(0, None, GRACE_MS);
        assert!(!endless.wants_deadline(u64::MAX));
        endless.deadline_read(moved(5), 10);
        assert_eq!(endless.apply(Event::Time, u64::MAX), Action::Nothing);
    }
}
