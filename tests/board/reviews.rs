//! Reviews: a worker hands in, a run of the reviewer approves or sends back, and every end of that run leads back to the review.

use kanband::kernel::error::Refusal;
use kanband::kernel::outcome::{Evidence, ProcessEnd, VerdictMode};
use kanband::kernel::policy::{Policy, ReviewPolicy};
use kanband::kernel::queries::GetContext;
use kanband::kernel::run::{RunOutcome, RunRole};
use kanband::kernel::task::{HUMAN, Task, TaskStatus};
use kanband::kernel::tx::Signal;
use kanband::kernel::verbs::{
    ApproveTask, BlockTask, ClaimTask, CompleteTask, CreateTask, EditTask, PromoteTask,
    RateLimitTask, ReassignTask, ReclaimTask, ReopenTask, RequestChanges, RequestReview,
    RestartTask, RunOrder, StopTask, TriageTask, UnblockTask,
};
use kanband::kernel::why::Reason;
use serde_json::json;

use crate::bench_board::{Bench, wire, worker};

/// Profiles `dev`, `qa` and `second` of one user; `other` of another.
pub fn policy() -> Policy {
    let users = [("dev", "ann"), ("qa", "ann"), ("second", "ann"), ("other", "bob")];
    let reviews = ReviewPolicy {
        users: users.map(|(name, user)| (name.to_owned(), user.to_owned())).into(),
        default_user: "ann".to_owned(),
        ..ReviewPolicy::default()
    };
    Policy { reviews, backoff_base_ms: 0, ..Policy::default() }
}

/// A task of `dev` that `reviewer` reviews.
fn create(bench: &mut Bench, reviewer: &str) -> Task {
    let fields = json!({"title": "t", "assignee": "dev", "review": reviewer});
    bench.do_it(&wire::<CreateTask>(fields)).task
}

/// Starts its work and has the worker hand it in.
fn hand_in(bench: &mut Bench, summary: &str) -> RunOrder {
    let order = bench.start_one();
    assert_eq!((order.role, order.profile.as_str()), (RunRole::Work, "dev"));
    let verb =
        wire::<CompleteTask>(json!({"id": order.task.id, "summary": summary, "result": "r"}));
    let reply = bench.by(&worker(&order), &verb).unwrap();
    assert_eq!((reply.status, reply.released), (TaskStatus::Review, 0));
    order
}

/// The same, and its processes are gone; then the review starts.
pub fn start_review(bench: &mut Bench) -> RunOrder {
    let order = hand_in(bench, "made it");
    bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Exited(0));
    let review = bench.start_one();
    assert_eq!((review.role, review.profile.as_str()), (RunRole::Review, "qa"));
    review
}

#[test]
fn a_worker_hands_in_is_sent_back_once_is_approved_and_only_then_the_child_starts() {
    let mut bench = Bench::with_policy(policy());
    let task = create(&mut bench, "qa");
    let child = bench.create("child", "dev", &[&task.id]);
    let order = hand_in(&mut bench, "made it");
    let stop = Signal::StopRun { run_id: order.run_id };
    assert!(
        bench.signals.contains(&stop),
        "the worker lingers before its review: {:?}",
        bench.signals
    );
    let found = bench.task(&task.id);
    assert!(found.review_open && found.result.as_deref() == Some("r"));
    assert_eq!(bench.status(&child), TaskStatus::Todo);
    assert_eq!(bench.runs(&task.id)[0].outcome, Some(RunOutcome::Completed));
    let event = bench.events(&task.id).pop().unwrap();
    assert_eq!(event.kind, "review_requested");
    assert_eq!(
        serde_json::Value::Object(event.payload.unwrap()),
        json!({"reviewer": "qa", "round": 1, "summary": "made it"})
    );

    assert!(
        bench.pass().orders.is_empty(),
        "a review started before the worker's processes were gone"
    );
    bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Exited(0));
    let review = bench.start_one();
    assert_eq!((review.role, review.profile.as_str()), (RunRole::Review, "qa"));
    assert_eq!(bench.status(&task.id), TaskStatus::Running);
    let what =
        wire::<RequestChanges>(json!({"id": task.id, "what": "test the limit\nand the rest"}));
    let reply = bench.by(&worker(&review), &what).unwrap();
    assert_eq!(reply.status, TaskStatus::Ready);
    assert!(bench.by(&worker(&review), &what).unwrap().already);
    let found = bench.task(&task.id);
    assert_eq!((found.review_open, found.review_round, found.result), (false, 2, None));
    bench.close(review.run_id, VerdictMode::Report, ProcessEnd::Exited(0));
    let runs = bench.runs(&task.id);
    assert_eq!((runs[0].role.as_str(), runs[1].role.as_str()), ("work", "review"));
    assert_eq!(runs[1].review_verdict.as_deref(), Some("changes_requested"));
    assert_eq!(runs[1].outcome, Some(RunOutcome::Completed));

    let review = start_review(&mut bench);
    let verb = wire::<ApproveTask>(json!({"id": task.id, "summary": "fit"}));
    let reply = bench.by(&worker(&review), &verb).unwrap();
    assert_eq!((reply.status, reply.released), (TaskStatus::Done, 1));
    assert!(bench.by(&worker(&review), &verb).unwrap().already);
    assert_eq!(bench.status(&child), TaskStatus::Ready);
    let found = bench.task(&task.id);
    assert_eq!((found.review_open, found.review_round), (false, 1));
    assert_eq!(found.result.as_deref(), Some("r"), "what was handed in stays");
    let kinds = bench.kinds(&task.id);
    assert!(kinds.ends_with(&["approved".to_owned(), "completed".to_owned()]), "{kinds:?}");
    assert_eq!(bench.runs(&task.id)[3].review_verdict.as_deref(), Some("approved"));
}

#[test]
fn verdicts_of_the_other_role_are_refused_and_named() {
    let mut bench = Bench::with_policy(policy());
    let task = create(&mut bench, "qa");
    let order = bench.start_one();
    let approve = wire::<ApproveTask>(json!({"id": task.id}));
    let what = wire::<RequestChanges>(json!({"id": task.id, "what": "x"}));
    let complete = wire::<CompleteTask>(json!({"id": task.id, "summary": "s"}));
    for refused in
        [bench.refused_by(&worker(&order), &approve), bench.refused_by(&worker(&order), &what)]
    {
        assert!(matches!(refused, Refusal::OtherRole { is_review: false, .. }), "{refused}");
    }
    // A person neither approves nor sends back what is being worked on.
    assert!(matches!(bench.refused(&approve), Refusal::WrongStatus { .. }));
    assert!(matches!(bench.refused(&what), Refusal::WrongStatus { .. }));
    bench.by(&worker(&order), &complete).unwrap();
    bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Exited(0));
    let review = bench.start_one();
    let refused = bench.refused_by(&worker(&review), &complete);
    assert!(matches!(refused, Refusal::OtherRole { is_review: true, .. }), "{refused}");
    let hint = refused.hint().unwrap().to_string();
    assert!(hint.contains("kanban approve") && hint.contains("request-changes"), "{hint}");
    let blank = wire::<RequestChanges>(json!({"id": task.id, "what": " "}));
    assert_eq!(bench.refused_by(&worker(&review), &blank), Refusal::ChangesRequired);
}

#[test]
fn every_end_of_a_review_run_without_a_verdict_leads_back_to_the_review() {
    type End = fn(&mut Bench, &RunOrder);
    let by_hand: [(&str, End); 6] = [
        ("reclaim", |bench, order| {
            bench.do_it(&wire::<ReclaimTask>(json!({"id": order.task.id})));
        }),
        ("restart", |bench, order| {
            bench.do_it(&wire::<RestartTask>(json!({"id": order.task.id})));
        }),
        ("stop --requeue", |bench, order| {
            bench.do_it(&wire::<StopTask>(json!({"id": order.task.id, "then": "requeue"})));
        }),
        ("reassign", |bench, order| {
            let fields = json!({"id": order.task.id, "assignee": "second"});
            bench.do_it(&wire::<ReassignTask>(fields));
        }),
        ("rate limit", |bench, order| {
            let verb =
                wire::<RateLimitTask>(json!({"id": order.task.id, "retry_after_seconds": 9}));
            bench.by(&worker(order), &verb).unwrap();
            assert_eq!(bench.task(&order.task.id).not_before, Some(bench.now + 9));
            bench.now += 10;
        }),
        ("block", |bench, order| {
            let verb = wire::<BlockTask>(json!({"id": order.task.id, "reason": "which one?"}));
            bench.by(&worker(order), &verb).unwrap();
            assert_eq!(bench.status(&order.task.id), TaskStatus::Blocked);
            bench.do_it(&wire::<UnblockTask>(json!({"id": order.task.id})));
        }),
    ];
    for (name, end) in by_hand {
        let mut bench = Bench::with_policy(policy());
        let task = create(&mut bench, "qa");
        let review = start_review(&mut bench);
        end(&mut bench, &review);
        assert_eq!(bench.status(&task.id), TaskStatus::Review, "{name}");
        bench.close(review.run_id, VerdictMode::Report, ProcessEnd::Signalled(15));
        let again = bench.start_one();
        assert_eq!((again.role, again.profile.as_str()), (RunRole::Review, "qa"), "{name}");
    }
    let evidence = |end| Evidence::of(end);
    let lost = ProcessEnd::Lost { message: "reboot".to_owned(), is_host_fault: false };
    for (name, mode, evidence, is_counted) in [
        ("crash", VerdictMode::Report, evidence(ProcessEnd::Exited(3)), true),
        ("exit 1 of one that reports", VerdictMode::Report, evidence(ProcessEnd::Exited(1)), true),
        ("exit 2", VerdictMode::Exit, evidence(ProcessEnd::Exited(2)), true),
        ("signal", VerdictMode::Exit, evidence(ProcessEnd::Signalled(9)), true),
        ("silence", VerdictMode::Report, evidence(ProcessEnd::Exited(0)), true),
        ("rate limit", VerdictMode::Exit, evidence(ProcessEnd::Exited(75)), false),
        ("lost", VerdictMode::Exit, evidence(lost), false),
        (
            "time",
            VerdictMode::Exit,
            Evidence { timed_out: true, ..evidence(ProcessEnd::Exited(1)) },
            true,
        ),
    ] {
        let mut bench = Bench::with_policy(policy());
        let task = create(&mut bench, "qa");
        let review = start_review(&mut bench);
        bench.close_with(review.run_id, mode, evidence);
        let found = bench.task(&task.id);
        assert_eq!(found.status, TaskStatus::Review, "{name}");
        let counted = (found.review_failures, found.spawn_failures);
        assert_eq!(counted, (u32::from(is_counted), 0), "{name}");
        bench.now += 1_000;
        assert_eq!(bench.start_one().role, RunRole::Review, "{name}");
    }
}

#[test]
fn a_reviewer_that_decides_by_its_exit_code_approves_with_0_and_sends_back_with_1() {
    let log = |text: &str, end| Evidence { log_tail: Some(text.to_owned()), ..Evidence::of(end) };
    let mut bench = Bench::with_policy(policy());
    let task = create(&mut bench, "qa");
    let review = start_review(&mut bench);
    let evidence = log("test a\ntest b FAILED\n", ProcessEnd::Exited(1));
    bench.close_with(review.run_id, VerdictMode::Exit, evidence);
    assert_eq!(bench.status(&task.id), TaskStatus::Ready);
    let run = bench.runs(&task.id).pop().unwrap();
    assert_eq!(run.summary.as_deref(), Some("test a\ntest b FAILED"));
    assert_eq!(run.review_verdict.as_deref(), Some("changes_requested"));

    // The worker's own verdict is its exit code too.
    let order = bench.start_one();
    let evidence = log("building\nbuilt\n", ProcessEnd::Exited(0));
    bench.close_with(order.run_id, VerdictMode::Exit, evidence);
    assert_eq!(bench.status(&task.id), TaskStatus::Review);
    let review = bench.start_one();
    let evidence = log("all\n2 tests pass\n", ProcessEnd::Exited(0));
    bench.close_with(review.run_id, VerdictMode::Exit, evidence);
    assert_eq!(bench.status(&task.id), TaskStatus::Done);
    let run = bench.runs(&task.id).pop().unwrap();
    assert_eq!(run.summary.as_deref(), Some("2 tests pass"));
    assert_eq!(run.review_verdict.as_deref(), Some("approved"));
}

#[test]
fn a_person_decides_in_review_and_while_a_review_runs() {
    for is_running in [false, true] {
        for (verb, expected) in [("approve", TaskStatus::Done), ("complete", TaskStatus::Done)] {
            let mut bench = Bench::with_policy(policy());
            let task = create(&mut bench, if is_running { "qa" } else { HUMAN });
            let run_id = if is_running {
                Some(start_review(&mut bench).run_id)
            } else {
                hand_in(&mut bench, "made it");
                None
            };
            let fields = json!({"id": task.id, "summary": "fit"});
            if verb == "approve" {
                bench.do_it(&wire::<ApproveTask>(fields));
            } else {
                bench.do_it(&wire::<CompleteTask>(fields));
            }
            assert_eq!(bench.status(&task.id), expected, "{verb} {is_running}");
            let run = bench.runs(&task.id).pop().unwrap();
            assert_eq!(run.review_verdict.as_deref(), Some("approved"), "{verb} {is_running}");
            assert_eq!(run.verdict_by.as_deref(), Some("ada"));
            if let Some(run_id) = run_id {
                assert_eq!(run.id, run_id);
                let signal = Signal::VerdictGiven { run_id, by_worker: false };
                assert!(bench.signals.contains(&signal), "{:?}", bench.signals);
            }
            assert_eq!(bench.task(&task.id).result.as_deref(), Some("r"));
        }
        let mut bench = Bench::with_policy(policy());
        let task = create(&mut bench, if is_running { "qa" } else { HUMAN });
        if is_running {
            start_review(&mut bench);
        } else {
            hand_in(&mut bench, "made it");
        }
        bench.do_it(&wire::<RequestChanges>(json!({"id": task.id, "what": "more tests"})));
        assert_eq!(bench.status(&task.id), TaskStatus::Ready, "{is_running}");
    }
}

#[test]
fn in_review_nothing_is_claimed_parked_triaged_or_promoted() {
    let mut bench = Bench::with_policy(policy());
    let task = create(&mut bench, "qa");
    hand_in(&mut bench, "made it");
    let id = json!({"id": task.id});
    assert!(matches!(bench.refused(&wire::<ClaimTask>(id.clone())), Refusal::WrongStatus { .. }));
    assert!(matches!(bench.refused(&wire::<TriageTask>(id.clone())), Refusal::WrongStatus { .. }));
    assert!(matches!(bench.refused(&wire::<PromoteTask>(id)), Refusal::WrongStatus { .. }));
    let at = wire::<EditTask>(json!({"id": task.id, "start_at": 9_000_000}));
    assert!(matches!(bench.refused(&at), Refusal::WrongStatus { .. }));
    let none = wire::<EditTask>(json!({"id": task.id, "review": "none"}));
    assert!(matches!(bench.refused(&none), Refusal::WrongStatus { .. }));
}

#[test]
fn after_the_last_round_and_when_its_reviewer_gives_up_a_person_reviews() {
    let mut policy = policy();
    policy.reviews.max_rounds = 1;
    policy.failure_limit = 2;
    let mut bench = Bench::with_policy(policy.clone());
    let task = create(&mut bench, "qa");
    let review = start_review(&mut bench);
    let what = wire::<RequestChanges>(json!({"id": task.id, "what": "x"}));
    bench.by(&worker(&review), &what).unwrap();
    bench.close(review.run_id, VerdictMode::Report, ProcessEnd::Exited(0));
    let order = hand_in(&mut bench, "again");
    bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Exited(0));
    assert!(bench.pass().orders.is_empty(), "the profile reviews a round too many");
    let why = bench.task(&task.id).review_why.unwrap();
    assert_eq!(why, "qa has requested changes 1 times");
    let reason = Reason::Review { reviewer: Some(HUMAN.to_owned()), why: Some(why) };
    assert_eq!(bench.why(&task.id, &policy), reason);

    let mut bench = Bench::with_policy(policy);
    let task = create(&mut bench, "qa");
    let mut review = start_review(&mut bench);
    bench.close(review.run_id, VerdictMode::Exit, ProcessEnd::Exited(3));
    assert_eq!(bench.task(&task.id).review_failures, 1);
    review = bench.start_one();
    bench.close(review.run_id, VerdictMode::Exit, ProcessEnd::Exited(3));
    let found = bench.task(&task.id);
    assert_eq!(found.status, TaskStatus::Review);
    assert_eq!(found.review_why.as_deref(), Some("qa was given up: exit code 3"));
    assert_eq!(bench.runs(&task.id).pop().unwrap().outcome, Some(RunOutcome::GaveUp));
    let event = bench.events(&task.id).into_iter().rfind(|event| event.kind == "review_requested");
    assert_eq!(event.unwrap().payload.unwrap()["reviewer"], HUMAN);
    assert!(bench.pass().orders.is_empty());
    // The next round is the profile's again, with no failures.
    bench.do_it(&wire::<RequestChanges>(json!({"id": task.id, "what": "x"})));
    let found = bench.task(&task.id);
    assert_eq!((found.review_failures, found.review_why), (0, None));
}

#[test]
fn reviews_use_up_the_starts_of_a_task_and_then_wait_for_a_person() {
    let policy = Policy { lifetime_starts: 1, ..policy() };
    let mut bench = Bench::with_policy(policy);
    let task = create(&mut bench, "qa");
    let order = hand_in(&mut bench, "made it");
    bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Exited(0));
    let reply = bench.pass();
    assert_eq!((reply.orders.len(), reply.auto_blocked), (0, vec![task.id.clone()]));
    let found = bench.task(&task.id);
    assert_eq!(found.status, TaskStatus::Review);
    assert_eq!(found.review_why.as_deref(), Some("the maximum of 1 automatic starts is reached"));
}

#[test]
fn a_done_or_blocked_task_goes_to_review_on_a_persons_word() {
    let mut bench = Bench::with_policy(policy());
    let id = bench.create("t", "dev", &[]);
    let child = bench.create("child", "dev", &[&id]);
    bench.do_it(&wire::<CompleteTask>(json!({"id": id, "summary": "s", "result": "r"})));
    let reply = bench.do_it(&wire::<RequestReview>(json!({"id": id})));
    assert_eq!((reply.status, reply.reviewer.as_str()), (TaskStatus::Review, HUMAN));
    assert_eq!(reply.demoted, [child.to_string()]);
    let found = bench.task(&id);
    assert_eq!((found.completed_at, found.result.as_deref()), (None, Some("r")));
    bench.do_it(&wire::<ApproveTask>(json!({"id": id})));
    assert_eq!(bench.status(&child), TaskStatus::Ready);

    let task = create(&mut bench, "qa");
    bench.do_it(&wire::<BlockTask>(json!({"id": task.id, "reason": "done, I think"})));
    let reply = bench.do_it(&wire::<RequestReview>(json!({"id": task.id})));
    assert_eq!(reply.reviewer, "qa");
    assert!(matches!(
        bench.refused(&wire::<RequestReview>(json!({"id": task.id}))),
        Refusal::WrongStatus { .. }
    ));
    let started: Vec<_> = bench.pass().orders.into_iter().map(|order| order.role).collect();
    assert!(started.contains(&RunRole::Review), "{started:?}");
    bench.do_it(&wire::<CompleteTask>(json!({"id": task.id})));
    bench.do_it(&wire::<ReopenTask>(json!({"id": task.id})));
    assert_eq!(bench.task(&task.id).review_round, 1);
}

#[test]
fn the_context_begins_with_what_was_handed_in_or_has_to_change() {
    let mut bench = Bench::with_policy(policy());
    let fields = json!({"title": "t", "body": "the body", "assignee": "dev", "review": "qa"});
    let id = bench.do_it(&wire::<CreateTask>(fields)).task.id;
    let child = bench.create("child", "dev", &[&id]);
    let review = start_review(&mut bench);
    let context = |bench: &Bench, id: &dyn ToString| {
        bench.ask(&GetContext { id: id.to_string(), board: None }).unwrap().context
    };
    let page = context(&bench, &id);
    let handed_in = page.find("> made it").unwrap();
    assert!(
        page.contains("## Review, round 1") && handed_in < page.find("## Body").unwrap(),
        "{page}"
    );
    let what = wire::<RequestChanges>(json!({"id": id, "what": "# test\nthe limit"}));
    bench.by(&worker(&review), &what).unwrap();
    bench.close(review.run_id, VerdictMode::Report, ProcessEnd::Exited(0));
    let page = context(&bench, &id);
    let request = page.find("> # test\n> the limit").unwrap();
    assert!(page.contains("## Changes requested by qa, round 1"), "{page}");
    assert!(request < page.find("## Body").unwrap(), "{page}");

    let review = start_review(&mut bench);
    let page = context(&bench, &id);
    assert!(
        page.contains("## Review, round 2") && !page.contains("## Changes requested"),
        "{page}"
    );
    let verb = wire::<ApproveTask>(json!({"id": id, "summary": "looks fit"}));
    bench.by(&worker(&review), &verb).unwrap();
    let page = context(&bench, &child);
    assert!(page.contains("> made it") && !page.contains("looks fit"), "{page}");
}
