//! Tests of [`super`].

use super::*;

#[test]
fn each_way_to_end_has_its_outcome() {
    let start_failed =
        ProcessEnd::StartFailed { step: FailedStep::Program, message: "no".into(), errno: Some(2) };
    let lost = ProcessEnd::Lost { message: "shim".into(), is_host_fault: true };
    let stalled = ProcessEnd::Stalled { idle_seconds: 90 };
    for (mode, end, timed_out, oom, expected) in [
        (VerdictMode::Exit, ProcessEnd::Exited(0), false, false, RunOutcome::Completed),
        (VerdictMode::Report, ProcessEnd::Exited(0), false, false, RunOutcome::ProtocolViolation),
        (VerdictMode::Exit, ProcessEnd::Exited(75), false, false, RunOutcome::RateLimited),
        (VerdictMode::Report, ProcessEnd::Exited(75), false, false, RunOutcome::RateLimited),
        (VerdictMode::Exit, ProcessEnd::Exited(3), false, false, RunOutcome::Crashed),
        (VerdictMode::Report, ProcessEnd::Signalled(9), false, false, RunOutcome::Crashed),
        (VerdictMode::Exit, ProcessEnd::Exited(0), true, false, RunOutcome::TimedOut),
        (VerdictMode::Report, ProcessEnd::Signalled(9), false, true, RunOutcome::Oom),
        (VerdictMode::Exit, start_failed, false, false, RunOutcome::SpawnFailed),
        (VerdictMode::Exit, ProcessEnd::NotStarted, false, false, RunOutcome::SpawnFailed),
        (VerdictMode::Report, lost, false, false, RunOutcome::Lost),
        (VerdictMode::Exit, stalled, false, false, RunOutcome::TimedOut),
    ] {
        let mut evidence = Evidence::of(end.clone());
        evidence.timed_out = timed_out;
        evidence.oom = oom;
        assert_eq!(classify(mode, RunRole::Work, &evidence).0, expected, "{mode:?} {end:?}");
    }
}

#[test]
fn a_worker_that_had_no_way_to_report_has_not_failed() {
    let unheard = |is_lasting| Unheard { cause: "/s: it was removed".into(), is_lasting };
    let (report, exit) = (VerdictMode::Report, VerdictMode::Exit);
    for (mode, end, expected) in [
        (report, ProcessEnd::Exited(0), RunOutcome::Lost),
        (report, ProcessEnd::Exited(1), RunOutcome::Lost),
        (report, ProcessEnd::Exited(4), RunOutcome::Lost),
        (report, ProcessEnd::Exited(75), RunOutcome::RateLimited),
        (report, ProcessEnd::Signalled(11), RunOutcome::Crashed),
        (exit, ProcessEnd::Exited(0), RunOutcome::Completed),
        (exit, ProcessEnd::Exited(1), RunOutcome::Crashed),
        (exit, ProcessEnd::Exited(4), RunOutcome::Lost),
    ] {
        let mut evidence = Evidence::of(end.clone());
        evidence.unheard = Some(unheard(false));
        let (outcome, error) = classify(mode, RunRole::Work, &evidence);
        assert_eq!(outcome, expected, "{mode:?} {end:?}");
        if outcome == RunOutcome::Lost {
            assert!(error.unwrap().contains("/s: it was removed"), "{mode:?} {end:?}");
            for (is_lasting, charge) in [(false, Charge::Nobody), (true, Charge::Host)] {
                let settled = settlement(outcome, &end);
                let settled = settled.with_unheard(outcome, Some(&unheard(is_lasting)));
                assert_eq!((settled.charge, settled.back_off), (charge, BackOff::None));
            }
        }
        evidence.timed_out = true;
        assert_eq!(classify(mode, RunRole::Work, &evidence).0, RunOutcome::TimedOut);
    }
}

#[test]
fn the_end_of_a_review_is_its_verdict_only_by_exit_code() {
    for (mode, end, timed_out, expected) in [
        (VerdictMode::Exit, ProcessEnd::Exited(0), false, (RunOutcome::Completed, false)),
        (VerdictMode::Exit, ProcessEnd::Exited(1), false, (RunOutcome::Crashed, true)),
        (VerdictMode::Exit, ProcessEnd::Exited(1), true, (RunOutcome::TimedOut, false)),
        (VerdictMode::Exit, ProcessEnd::Exited(2), false, (RunOutcome::Crashed, false)),
        (VerdictMode::Exit, ProcessEnd::Exited(75), false, (RunOutcome::RateLimited, false)),
        (VerdictMode::Exit, ProcessEnd::Signalled(1), false, (RunOutcome::Crashed, false)),
        (VerdictMode::Report, ProcessEnd::Exited(1), false, (RunOutcome::Crashed, false)),
    ] {
        let mut evidence = Evidence::of(end.clone());
        evidence.timed_out = timed_out;
        let (outcome, _) = classify(mode, RunRole::Review, &evidence);
        let found = (outcome, requests_changes(mode, outcome, &end));
        assert_eq!(found, expected, "{mode:?} {end:?} {timed_out}");
    }
    let silent = Evidence::of(ProcessEnd::Exited(0));
    let (outcome, error) = classify(VerdictMode::Report, RunRole::Review, &silent);
    assert_eq!(outcome, RunOutcome::ProtocolViolation);
    assert!(error.unwrap().contains("without approving"));
}

#[test]
fn a_run_that_never_started_is_charged_to_nobody() {
    let settlement = settlement(RunOutcome::SpawnFailed, &ProcessEnd::NotStarted);
    assert_eq!(settlement.charge, Charge::Nobody);
    assert_eq!(settlement.back_off, BackOff::None);
}

#[test]
fn a_failed_start_charges_the_one_to_blame() {
    for (step, errno, charge, back_off) in [
        (FailedStep::Fork, Some(11), Charge::Host, BackOff::None),
        (FailedStep::Program, Some(12), Charge::Host, BackOff::None),
        (FailedStep::Program, Some(2), Charge::Start, BackOff::Growing),
        (FailedStep::Workspace, Some(13), Charge::Workspace, BackOff::Growing),
        (FailedStep::Setup, None, Charge::Workspace, BackOff::Growing),
        (FailedStep::Task, None, Charge::Task, BackOff::Growing),
    ] {
        let end = ProcessEnd::StartFailed { step, message: "m".into(), errno };
        let settled = settlement(RunOutcome::SpawnFailed, &end);
        assert_eq!((settled.charge, settled.back_off), (charge, back_off), "{step:?} {errno:?}");
    }
}

#[test]
fn the_page_about_outcomes_shows_this_table() {
    let page = include_str!("../../../docs/outcomes.md");
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).take(12).collect();
    let expected = RunOutcome::ALL.map(|outcome| {
        let rule = rule(outcome);
        format!(
            "| `{outcome}` | {} | {} | {} | {} | {} | {} | {} |",
            rule.when,
            rule.evidence,
            rule.destination.as_str(),
            rule.charge.as_str(),
            rule.back_off.as_str(),
            rule.audience.as_str(),
            rule.next_reads.as_str(),
        )
    });
    assert_eq!(rows, expected, "\n{}", expected.join("\n"));
}

#[test]
fn the_last_line_is_the_last_one_with_words() {
    let mut evidence = Evidence::of(ProcessEnd::Exited(0));
    evidence.log_tail = Some("one\ntwo \n\n  \n".into());
    assert_eq!(evidence.last_line(), Some("two"));
}
