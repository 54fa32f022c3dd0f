//! Tests of [`super`].

use super::*;

#[test]
fn a_failed_step_survives_its_way_through_the_pipe() {
    let steps = [
        ExecStep::Fork,
        ExecStep::Containment,
        ExecStep::Session,
        ExecStep::Stdio,
        ExecStep::WorkingDirectory,
        ExecStep::Limit(0),
        ExecStep::Limit(7),
        ExecStep::Mark,
        ExecStep::Confinement,
        ExecStep::Landlock,
        ExecStep::User,
        ExecStep::Exec,
    ];
    for step in steps {
        let failure = ExecFailure { step, errno: Errno::EACCES };
        assert_eq!(ExecFailure::from_bytes(failure.to_bytes()), Some(failure));
    }
    assert_eq!(ExecFailure::from_bytes([0xff; REPORT_BYTES]), None);
}

#[test]
fn start_ticks_and_a_failure_are_told_apart_in_one_report() {
    let failure = ExecFailure { step: ExecStep::Exec, errno: Errno::ENOENT };
    let ticks = 7_u64.to_ne_bytes();
    for (bytes, expected) in [
        (vec![], Report::Executes { start_ticks: None }),
        (ticks.to_vec(), Report::Executes { start_ticks: Some(7) }),
        (failure.to_bytes().to_vec(), Report::Failed(failure)),
        ([&ticks[..], &failure.to_bytes()].concat(), Report::Failed(failure)),
        (vec![1, 2, 3], Report::Executes { start_ticks: None }),
    ] {
        assert_eq!(Report::of(&bytes), expected, "{bytes:?}");
    }
}
