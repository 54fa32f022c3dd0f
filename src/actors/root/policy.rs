//! What happens when an actor fails: the restart policy as data, and the decision as a function.

use crate::kernel::ids::RunId;

/// The actors that can go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ActorKind {
    /// The database thread.
    Database,
    /// See [`crate::actors::event_hub`].
    EventHub,
    /// See [`crate::actors::dispatcher`].
    Dispatcher,
    /// See [`crate::actors::worker`]; one per run.
    Worker(RunId),
    /// See [`crate::actors::timer`].
    Timer,
    /// See [`crate::actors::crash_detector`].
    CrashDetector,
    /// See [`crate::actors::circuit_breaker`].
    CircuitBreaker,
    /// See [`crate::actors::notifier`].
    Notifier,
    /// See [`crate::actors::doorkeeper`].
    Doorkeeper,
}

/// What to do about a panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnPanic {
    /// Restart the actor, but not more often than this: restarts do not fix a fault that returns at once.
    Rebuild {
        /// Rebuilds at most …
        restarts_max: usize,
        /// … within this time, milliseconds.
        window_ms: u64,
    },
    /// End the process with exit code 70; the next start finds what was committed and adopts what runs.
    EndProcess,
}

/// What the root supervisor does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Restart the actor.
    Rebuild,
    /// End the process with exit code 70.
    EndProcess,
    /// Nothing: it was meant to go.
    Ignore,
}

const REBUILD: OnPanic = OnPanic::Rebuild { restarts_max: 5, window_ms: 60_000 };

/// The policy of each actor.
pub fn on_panic(kind: ActorKind) -> OnPanic {
    match kind {
        ActorKind::Database => OnPanic::EndProcess,
        ActorKind::EventHub
        | ActorKind::Dispatcher
        | ActorKind::Timer
        | ActorKind::Worker(_)
        | ActorKind::CrashDetector
        | ActorKind::CircuitBreaker
        | ActorKind::Notifier
        | ActorKind::Doorkeeper => REBUILD,
    }
}

/// Decides about an actor that is gone. `restarts_ms` are the times of its rebuilds so far, on the clock of `now_ms`.
pub fn decide(kind: ActorKind, panicked: bool, restarts_ms: &[u64], now_ms: u64) -> Decision {
    let is_worker = matches!(kind, ActorKind::Worker(_));
    if is_worker && !panicked {
        return Decision::Ignore;
    }
    match on_panic(kind) {
        OnPanic::EndProcess => Decision::EndProcess,
        OnPanic::Rebuild { restarts_max, window_ms } => {
            let since = now_ms.saturating_sub(window_ms);
            let recent = restarts_ms.iter().filter(|at| **at >= since).count();
            if recent < restarts_max { Decision::Rebuild } else { Decision::EndProcess }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REBUILT: [ActorKind; 8] = [
        ActorKind::EventHub,
        ActorKind::Dispatcher,
        ActorKind::Timer,
        ActorKind::Worker(1),
        ActorKind::CrashDetector,
        ActorKind::CircuitBreaker,
        ActorKind::Notifier,
        ActorKind::Doorkeeper,
    ];

    #[test]
    fn the_database_ends_the_process_and_everything_else_is_rebuilt() {
        assert_eq!(decide(ActorKind::Database, true, &[], 0), Decision::EndProcess);
        for kind in REBUILT {
            assert_eq!(decide(kind, true, &[], 0), Decision::Rebuild, "{kind:?}");
        }
    }

    #[test]
    fn an_actor_that_panics_again_and_again_ends_the_process() {
        for kind in REBUILT {
            let now = 100_000;
            assert_eq!(decide(kind, true, &[99_000; 4], now), Decision::Rebuild);
            assert_eq!(decide(kind, true, &[99_000; 5], now), Decision::EndProcess);
            assert_eq!(decide(kind, true, &[30_000; 5], now), Decision::Rebuild, "long ago");
        }
    }

    #[test]
    fn a_worker_that_has_closed_its_run_is_not_missed() {
        assert_eq!(decide(ActorKind::Worker(1), false, &[], 0), Decision::Ignore);
        assert_eq!(decide(ActorKind::Dispatcher, false, &[], 0), Decision::Rebuild);
    }
}
