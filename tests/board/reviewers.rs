//! Who reviews: as a person names it, by default of profile and board, and never a pair that cannot be.

use kanband::kernel::context::LocalTime;
use kanband::kernel::error::Refusal;
use kanband::kernel::ids::BoardName;
use kanband::kernel::outcome::{ProcessEnd, VerdictMode};
use kanband::kernel::policy::Policy;
use kanband::kernel::queries::{Snapshot, WaitingFacts, waiting_tasks};
use kanband::kernel::rules::assignee::{Assignees, Found, ProfileLook, StartedBy};
use kanband::kernel::rules::inbox::Kind;
use kanband::kernel::rules::review::PairFault;
use kanband::kernel::store;
use kanband::kernel::task::{HUMAN, TaskStatus};
use kanband::kernel::verbs::{
    AssignTask, CompleteTask, CreateTask, EditTask, GiveReviewsToPeople, ReassignTask,
};
use serde_json::{Value, json};
use std::sync::Arc;

use kanband::kernel::why::Reason;

use crate::bench_board::{Bench, person, wire, worker};
use crate::reviews::policy;

/// `dev` is reviewed by `qa`, the board `live` by a person.
fn policy_with_defaults() -> Policy {
    let mut policy = policy();
    policy.reviews.by_profile = [("dev".to_owned(), Some("qa".to_owned()))].into();
    policy.reviews.by_board = [("live".to_owned(), Some(HUMAN.to_owned()))].into();
    policy
}

fn reviewer_of(bench: &mut Bench, fields: Value) -> Option<String> {
    bench.do_it(&wire::<CreateTask>(fields)).task.reviewer
}

#[test]
fn a_task_has_the_reviewer_that_was_named_or_the_default_of_profile_and_board() {
    let mut bench = Bench::with_policy(policy_with_defaults());
    bench.do_it(&wire::<kanband::kernel::verbs::CreateBoard>(json!({"name": "live"})));
    for (fields, expected) in [
        (json!({"title": "t", "assignee": "dev"}), Some("qa")),
        (json!({"title": "t", "assignee": "dev", "board": "live"}), Some(HUMAN)),
        (json!({"title": "t", "assignee": "second"}), None),
        (json!({"title": "t"}), None),
        (json!({"title": "t", "assignee": "dev", "review": "none"}), None),
        (json!({"title": "t", "assignee": "dev", "review": "second"}), Some("second")),
        (json!({"title": "t", "assignee": "dev", "review": "human"}), Some(HUMAN)),
    ] {
        assert_eq!(reviewer_of(&mut bench, fields.clone()).as_deref(), expected, "{fields}");
    }
}

#[test]
fn what_a_worker_creates_has_no_less_than_the_default() {
    let mut bench = Bench::with_policy(policy_with_defaults());
    bench.create("planner", "second", &[]);
    let by = worker(&bench.start_one());
    for (fields, expected) in [
        (json!({"title": "t", "assignee": "dev"}), Some("qa")),
        (json!({"title": "t", "assignee": "dev", "review": "none"}), Some("qa")),
        (json!({"title": "t", "assignee": "dev", "review": "second"}), Some("qa")),
        (json!({"title": "t", "assignee": "dev", "review": "human"}), Some(HUMAN)),
        (json!({"title": "t", "assignee": "second", "review": "qa"}), Some("qa")),
    ] {
        let reply = bench.by(&by, &wire::<CreateTask>(fields.clone())).unwrap();
        assert_eq!(reply.task.reviewer.as_deref(), expected, "{fields}");
    }
    // Its own task is not its to edit.
    let edit = wire::<EditTask>(json!({"id": "t_00000001", "review": "none"}));
    assert!(bench.by(&by, &edit).is_err());
}

#[test]
fn a_default_follows_the_assignee_and_a_named_reviewer_stays() {
    let mut bench = Bench::with_policy(policy_with_defaults());
    let id = bench.do_it(&wire::<CreateTask>(json!({"title": "t"}))).task.id;
    bench.do_it(&wire::<AssignTask>(json!({"id": id, "assignee": "dev"})));
    assert_eq!(
        bench.task(&id).reviewer.as_deref(),
        Some("qa"),
        "an assigned task without a review"
    );
    bench.do_it(&wire::<ReassignTask>(json!({"id": id, "assignee": "second"})));
    assert_eq!(bench.task(&id).reviewer, None);
    bench.do_it(&wire::<EditTask>(json!({"id": id, "review": "human"})));
    bench.do_it(&wire::<AssignTask>(json!({"id": id, "assignee": "dev"})));
    assert_eq!(bench.task(&id).reviewer.as_deref(), Some(HUMAN));
    bench.do_it(&wire::<EditTask>(json!({"id": id, "review": "none"})));
    bench.do_it(&wire::<AssignTask>(json!({"id": id, "assignee": "second"})));
    bench.do_it(&wire::<AssignTask>(json!({"id": id, "assignee": "dev"})));
    assert_eq!(bench.task(&id).reviewer, None, "a review that a person took off came back");
}

#[test]
fn pairs_of_different_users_unknown_reviewers_and_ones_own_work_are_refused_everywhere() {
    let mut bench = Bench::with_policy(policy());
    let fault = |refusal: Refusal| match refusal {
        Refusal::Reviewer { fault } => fault,
        other => panic!("{other}"),
    };
    let create = |assignee: &str, review: &str| {
        wire::<CreateTask>(json!({"title": "t", "assignee": assignee, "review": review}))
    };
    let found = fault(bench.refused(&create("dev", "other")));
    assert!(matches!(found, PairFault::Users { .. }), "{found}");
    let found = fault(bench.refused(&create("dev", "nobody")));
    assert!(matches!(found, PairFault::Unknown { .. }), "{found}");
    let found = fault(bench.refused(&create("qa", "qa")));
    assert!(matches!(found, PairFault::Itself { .. }), "{found}");
    let id = bench.do_it(&create("dev", "qa")).task.id;
    for (name, refused) in [
        ("edit", bench.refused(&wire::<EditTask>(json!({"id": id, "review": "other"})))),
        ("assign", bench.refused(&wire::<AssignTask>(json!({"id": id, "assignee": "other"})))),
        ("assign", bench.refused(&wire::<AssignTask>(json!({"id": id, "assignee": "qa"})))),
        ("reassign", bench.refused(&wire::<ReassignTask>(json!({"id": id, "assignee": "other"})))),
        ("edit", bench.refused(&wire::<EditTask>(json!({"id": id, "assignee": "other"})))),
    ] {
        assert!(matches!(refused, Refusal::Reviewer { .. }), "{name}: {refused}");
    }
    // Both at once are judged as they will be.
    bench.do_it(&wire::<EditTask>(json!({"id": id, "assignee": "qa", "review": "dev"})));
    bench.start_one();
    let verb = wire::<ReassignTask>(json!({"id": id, "assignee": "other"}));
    let refused = bench.refused(&verb);
    assert!(matches!(refused, Refusal::Reviewer { .. }), "while it runs: {refused}");
}

#[test]
fn a_reviewer_that_is_configured_no_more_is_replaced_by_a_person_wherever_its_tasks_are() {
    let mut bench = Bench::with_policy(policy());
    let fields = json!({"title": "t", "assignee": "dev", "review": "qa"});
    let ids: Vec<_> =
        (0..2).map(|_| bench.do_it(&wire::<CreateTask>(fields.clone())).task.id).collect();
    let orders = bench.pass().orders;
    let hand_in = |bench: &mut Bench, order: &kanband::kernel::verbs::RunOrder| {
        let verb = wire::<CompleteTask>(json!({"id": order.task.id, "summary": "s"}));
        bench.by(&worker(order), &verb).unwrap();
        bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Exited(0));
    };
    hand_in(&mut bench, &orders[0]);
    let mut without = policy();
    without.reviews.users.remove("qa");
    bench.board.set_policy(Arc::new(without));
    assert!(bench.pass().orders.is_empty(), "a review started under a profile that is gone");
    while bench.do_it(&GiveReviewsToPeople {}) {}
    hand_in(&mut bench, &orders[1]);
    for id in &ids {
        let found = bench.task(id);
        assert_eq!(found.status, TaskStatus::Review);
        let why = found.review_why.unwrap();
        assert_eq!(why, "the reviewer qa is not a configured profile");
    }
    // With another one the review is a profile's again.
    bench.do_it(&wire::<EditTask>(json!({"id": ids[0], "review": "second"})));
    assert_eq!(bench.start_one().profile, "second");
}

#[test]
fn a_review_whose_profile_is_not_found_is_a_persons_until_it_is_found() {
    let with_look = |look: Option<ProfileLook>| {
        let mut policy = policy();
        let by_name = look.map(|look| ("qa".to_owned(), look)).into_iter().collect();
        policy.assignees = Assignees {
            profiles: [("dev", StartedBy::Itself), ("qa", StartedBy::Default)]
                .map(|(name, by)| (name.to_owned(), by))
                .into(),
            is_auto: true,
            found: Arc::new(Found { is_program_missing: false, by_name }),
            ..Assignees::default()
        };
        policy
    };
    let mut bench = Bench::with_policy(with_look(Some(ProfileLook::Present)));
    let fields = json!({"title": "t", "assignee": "dev", "review": "qa"});
    let id = bench.do_it(&wire::<CreateTask>(fields)).task.id;
    let order = bench.start_one();
    bench.by(&worker(&order), &wire::<CompleteTask>(json!({"id": id, "summary": "s"}))).unwrap();
    bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Exited(0));
    let in_inbox = |bench: &Bench, policy: &Policy| -> Vec<(Kind, String)> {
        let (caller, local_time) = (person(), LocalTime::new(jiff::tz::TimeZone::UTC));
        let (boards, counts) = ([BoardName::default()], std::collections::BTreeMap::new());
        let facts = WaitingFacts { policy, counts: &counts, unusable: &Default::default() };
        let read = |connection: &store::Connection| {
            let (now, caller, local_time) = (bench.now, &caller, &local_time);
            waiting_tasks(&Snapshot { connection, now, caller, local_time }, facts, &boards, None)
        };
        let waiting = bench.board.read(read).unwrap();
        waiting.into_iter().map(|one| (one.kind, one.cause)).collect()
    };
    let missing = with_look(Some(ProfileLook::Missing));
    bench.board.set_policy(Arc::new(missing.clone()));
    assert!(bench.pass().orders.is_empty());
    let why = "no profile \"qa\"";
    let expected = Reason::Review { reviewer: Some(HUMAN.to_owned()), why: Some(why.to_owned()) };
    assert_eq!(bench.why(&id, &missing), expected);
    let cause = format!("waits for its review by a person: {why}");
    assert_eq!(in_inbox(&bench, &missing), [(Kind::Review, cause)]);
    // Nothing is known, so nothing is a person's yet.
    let unseen = with_look(None);
    bench.board.set_policy(Arc::new(unseen.clone()));
    assert!(matches!(bench.why(&id, &unseen), Reason::LookingForProfile { .. }));
    assert_eq!(in_inbox(&bench, &unseen), []);
    let found = with_look(Some(ProfileLook::Present));
    bench.board.set_policy(Arc::new(found.clone()));
    assert_eq!(bench.why(&id, &found), Reason::StartsNext);
    assert_eq!(in_inbox(&bench, &found), []);
    assert_eq!(bench.start_one().profile, "qa");
}

#[test]
fn a_review_runs_under_the_limits_and_the_name_of_its_reviewer() {
    let mut policy = policy();
    policy.max_running_by_profile = [("qa".to_owned(), 1)].into();
    policy.max_runtime_by_profile = [("qa".to_owned(), 60), ("dev".to_owned(), 600)].into();
    let mut bench = Bench::with_policy(policy);
    for _ in 0..2 {
        let fields = json!({"title": "t", "assignee": "dev", "review": "qa", "model": "large"});
        bench.do_it(&wire::<CreateTask>(fields));
    }
    for order in bench.pass().orders {
        assert_eq!(order.max_runtime_seconds, Some(600));
        assert_eq!(order.task.model.as_deref(), Some("large"));
        let verb = wire::<CompleteTask>(json!({"id": order.task.id, "summary": "s"}));
        bench.by(&worker(&order), &verb).unwrap();
        bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Exited(0));
    }
    let orders = bench.pass().orders;
    assert_eq!(orders.len(), 1, "the cap of the reviewer does not hold");
    assert_eq!(orders[0].max_runtime_seconds, Some(60));
    assert_eq!(
        orders[0].task.model, None,
        "the reviewer's launcher is asked for the worker's model"
    );
    let runs = bench.runs(&orders[0].task.id);
    assert_eq!(runs[1].profile.as_deref(), Some("qa"));
}
