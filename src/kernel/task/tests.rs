//! The state machine of a task, as tables.

use super::*;

const STEPS: [TaskStep; 23] = [
    TaskStep::Promote,
    TaskStep::Demote,
    TaskStep::Claim,
    TaskStep::Complete,
    TaskStep::Block,
    TaskStep::Hold,
    TaskStep::GiveUp,
    TaskStep::Archive,
    TaskStep::Triage,
    TaskStep::UnarchiveDone,
    TaskStep::Requeue(Landing::Ready),
    TaskStep::Requeue(Landing::Todo),
    TaskStep::Unblock(Landing::Scheduled),
    TaskStep::Release(Landing::Ready),
    TaskStep::Release(Landing::Todo),
    TaskStep::Reopen(Landing::Todo),
    TaskStep::Unarchive(Landing::Review),
    TaskStep::Unblock(Landing::Review),
    TaskStep::Land(Landing::Todo),
    TaskStep::HandIn,
    TaskStep::RequestReview,
    TaskStep::SendBack(Landing::Ready),
    TaskStep::UnarchiveHeld,
];

/// One row per status, one letter per step of `STEPS`: where it leads (`.` = refused).
const TABLE: [(TaskStatus, &str); 9] = [
    (TaskStatus::Triage, ".......A.....rt........"),
    (TaskStatus::Todo, "r....b.AT....rt...t...."),
    (TaskStatus::Scheduled, "...d.b.AT....rt...t...."),
    (TaskStatus::Ready, ".tRdb..AT.........t...."),
    (TaskStatus::Running, "...db.bA..rt.......v.r."),
    (TaskStatus::Blocked, "...d...AT...srt..v..v.."),
    (TaskStatus::Review, "..Rd...A.............r."),
    (TaskStatus::Done, ".......A.......t....v.."),
    (TaskStatus::Archived, ".........d......v.....T"),
];

#[test]
fn every_status_takes_exactly_the_steps_of_the_table() {
    for (status, row) in TABLE {
        for (step, letter) in STEPS.into_iter().zip(row.chars()) {
            let expected = match letter {
                '.' => None,
                't' => Some(TaskStatus::Todo),
                's' => Some(TaskStatus::Scheduled),
                'v' => Some(TaskStatus::Review),
                'T' => Some(TaskStatus::Triage),
                'r' => Some(TaskStatus::Ready),
                'R' => Some(TaskStatus::Running),
                'b' => Some(TaskStatus::Blocked),
                'd' => Some(TaskStatus::Done),
                'A' => Some(TaskStatus::Archived),
                other => panic!("unknown letter {other}"),
            };
            assert_eq!(status.after(step), expected, "{status} after {step:?}");
        }
    }
}

#[test]
fn blocked_leaves_only_by_a_persons_step() {
    let ways_out: Vec<_> =
        STEPS.into_iter().filter(|step| TaskStatus::Blocked.after(*step).is_some()).collect();
    assert!(ways_out.iter().all(|step| matches!(
        step,
        TaskStep::Complete
            | TaskStep::Unblock(_)
            | TaskStep::Archive
            | TaskStep::Release(_)
            | TaskStep::RequestReview
            | TaskStep::Triage
    )));
}

#[test]
fn statuses_and_kinds_read_back_as_written() {
    for status in TaskStatus::ALL {
        assert_eq!(TaskStatus::parse(status.as_str()), Some(status));
    }
    for kind in WorkspaceKind::ALL {
        assert_eq!(WorkspaceKind::parse(kind.as_str()), Some(kind));
    }
}
