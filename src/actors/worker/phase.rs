//! The state machine of a worker actor: from an event and a state to the next state and the actions.
//!
//! ```text
//!  launching ─▶ starting ─▶ running ─verdict─▶ lingering ─over─▶ stopping ─▶ unkillable
//!      │            │          │                   │                │            │
//!      └────────────┴──────────┴───── exit known ──┴────────────────┴────────────┘
//!                                        ▼
//!                                     closing ─committed─▶ closed ─shim gone─▶ (finished)
//! ```

/// Where a worker actor stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The shim is being started.
    Launching {
        /// A stop was asked for meanwhile.
        stop_asked: bool,
    },
    /// The shim lives, the worker process has not been seen.
    Starting,
    /// The worker process runs.
    Running,
    /// The worker gave its verdict and may end by itself.
    Lingering,
    /// The shim was told to end the tree.
    Stopping,
    /// The tree did not end in the time of the whole ladder.
    Unkillable,
    /// The end is known and is being written.
    Closing,
    /// The end is durable; the shim itself may still be there.
    Closed,
}

/// Something that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    /// The shim was started.
    ShimStarted,
    /// It could not be.
    LaunchFailed,
    /// The worker process was seen.
    WorkerStarted,
    /// It was not seen in time.
    SpawnTimeout,
    /// The board recorded a verdict.
    Verdict {
        /// Whether the worker itself gave it.
        by_worker: bool,
    },
    /// The processes are to go now.
    StopAsked,
    /// The linger is over.
    LingerOver,
    /// Its time and the ladder behind it should have been through by now.
    Overdue,
    /// The ladder should have been through by now.
    LadderTimeout,
    /// The exit record is there.
    ExitRecorded,
    /// The shim is gone.
    ShimGone,
    /// The end is durable.
    CloseCommitted,
    /// It could not be made durable; the machinery may recover.
    CloseFailed,
}

/// Something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Tell the board who runs the run.
    RecordSpawned,
    /// Look again when the spawn should have happened.
    ArmSpawnTimeout,
    /// Look again when the linger is over.
    ArmLinger,
    /// Tell the shim to end the tree, tell the board, and look again when the ladder should be through.
    Stop,
    /// Tell the board, and its listeners, that the tree will not end.
    TellUnkillable,
    /// Find out how it ended and write it down.
    Close,
    /// Try to write it down again a little later.
    CloseAgain,
    /// Tell the shim that its record was collected.
    Collect,
    /// Reap the shim, remove the run's files, end this actor.
    Finish,
}

impl Phase {
    /// The next phase and what is to be done. A happening that means nothing here leaves everything as it is.
    pub fn after(self, happening: Happening) -> (Self, &'static [Act]) {
        use Happening as H;
        match (self, happening) {
            (Self::Launching { stop_asked: false }, H::ShimStarted) => {
                (Self::Starting, &[Act::ArmSpawnTimeout])
            }
            (Self::Launching { stop_asked: true }, H::ShimStarted) => {
                (Self::Stopping, &[Act::Stop])
            }
            (Self::Launching { .. }, H::LaunchFailed) => (Self::Closing, &[Act::Close]),
            (Self::Launching { .. }, H::Verdict { .. } | H::StopAsked) => {
                (Self::Launching { stop_asked: true }, &[])
            }
            (Self::Starting, H::WorkerStarted) => (Self::Running, &[Act::RecordSpawned]),
            // It may report before its start was told: the order of the two is the kernel's.
            (Self::Lingering | Self::Stopping | Self::Unkillable, H::WorkerStarted) => {
                (self, &[Act::RecordSpawned])
            }
            (Self::Starting, H::SpawnTimeout) => (Self::Stopping, &[Act::Stop]),
            (Self::Starting | Self::Running, H::Verdict { by_worker: true }) => {
                (Self::Lingering, &[Act::ArmLinger])
            }
            (
                Self::Starting | Self::Running | Self::Lingering,
                H::Verdict { by_worker: false } | H::StopAsked | H::Overdue,
            )
            | (Self::Lingering, H::LingerOver) => (Self::Stopping, &[Act::Stop]),
            (Self::Stopping, H::LadderTimeout) => (Self::Unkillable, &[Act::TellUnkillable]),
            (
                Self::Starting
                | Self::Running
                | Self::Lingering
                | Self::Stopping
                | Self::Unkillable,
                H::ExitRecorded | H::ShimGone,
            ) => (Self::Closing, &[Act::Close]),
            (Self::Closing, H::CloseCommitted) => (Self::Closed, &[Act::Collect]),
            (Self::Closing, H::CloseFailed) => (Self::Closing, &[Act::CloseAgain]),
            (Self::Closed, H::ShimGone) => (Self::Closed, &[Act::Finish]),
            (phase, _) => (phase, &[]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Happening as H;

    fn walk(happenings: &[Happening]) -> (Phase, Vec<Act>) {
        let mut phase = Phase::Launching { stop_asked: false };
        let mut acts = Vec::new();
        for happening in happenings {
            let (next, now) = phase.after(*happening);
            phase = next;
            acts.extend_from_slice(now);
        }
        (phase, acts)
    }

    const BY_WORKER: Happening = H::Verdict { by_worker: true };
    const BY_PERSON: Happening = H::Verdict { by_worker: false };

    #[test]
    fn lives_lead_where_the_table_says() {
        use Act::{
            ArmLinger, ArmSpawnTimeout, Close, Collect, Finish, RecordSpawned, Stop, TellUnkillable,
        };
        for (life, phase, acts) in [
            (
                vec![
                    H::ShimStarted,
                    H::WorkerStarted,
                    H::ExitRecorded,
                    H::CloseCommitted,
                    H::ShimGone,
                ],
                Phase::Closed,
                vec![ArmSpawnTimeout, RecordSpawned, Close, Collect, Finish],
            ),
            (
                vec![H::ShimStarted, H::WorkerStarted, BY_WORKER, H::LingerOver, H::ExitRecorded],
                Phase::Closing,
                vec![ArmSpawnTimeout, RecordSpawned, ArmLinger, Stop, Close],
            ),
            (
                vec![H::ShimStarted, BY_WORKER, H::WorkerStarted, H::ExitRecorded],
                Phase::Closing,
                vec![ArmSpawnTimeout, ArmLinger, RecordSpawned, Close],
            ),
            (
                vec![
                    H::ShimStarted,
                    H::WorkerStarted,
                    BY_PERSON,
                    H::LadderTimeout,
                    H::ExitRecorded,
                ],
                Phase::Closing,
                vec![ArmSpawnTimeout, RecordSpawned, Stop, TellUnkillable, Close],
            ),
            (
                vec![H::ShimStarted, H::WorkerStarted, H::Overdue, H::LadderTimeout],
                Phase::Unkillable,
                vec![ArmSpawnTimeout, RecordSpawned, Stop, TellUnkillable],
            ),
            (vec![H::LaunchFailed, H::CloseCommitted], Phase::Closed, vec![Close, Collect]),
            (vec![H::StopAsked, H::ShimStarted], Phase::Stopping, vec![Stop]),
            (vec![H::ShimStarted, H::ShimGone], Phase::Closing, vec![ArmSpawnTimeout, Close]),
            (vec![H::ShimStarted, H::SpawnTimeout], Phase::Stopping, vec![ArmSpawnTimeout, Stop]),
            (
                vec![H::ShimStarted, H::WorkerStarted, H::StopAsked, H::StopAsked, BY_WORKER],
                Phase::Stopping,
                vec![ArmSpawnTimeout, RecordSpawned, Stop],
            ),
            (
                vec![H::ShimStarted, H::WorkerStarted, H::SpawnTimeout],
                Phase::Running,
                vec![ArmSpawnTimeout, RecordSpawned],
            ),
        ] {
            assert_eq!(walk(&life), (phase, acts), "{life:?}");
        }
    }

    #[test]
    fn an_end_is_written_once_however_it_is_learned() {
        let (_, acts) = walk(&[
            H::ShimStarted,
            H::WorkerStarted,
            H::ExitRecorded,
            H::ShimGone,
            H::ExitRecorded,
        ]);
        assert_eq!(acts.iter().filter(|act| **act == Act::Close).count(), 1);
    }

    #[test]
    fn only_the_exit_leads_out_of_unkillable() {
        for happening in [
            H::StopAsked,
            H::LingerOver,
            H::Overdue,
            H::LadderTimeout,
            H::SpawnTimeout,
            BY_WORKER,
            BY_PERSON,
            H::CloseCommitted,
        ] {
            assert_eq!(Phase::Unkillable.after(happening), (Phase::Unkillable, &[] as &[Act]));
        }
    }
}
