//! Who an assignee is: a profile, a person, or a name of which nothing is known.

use std::collections::BTreeMap;
use std::sync::Arc;

use kanband::kernel::caller::Caller;
use kanband::kernel::error::Refusal;
use kanband::kernel::policy::Policy;
use kanband::kernel::rules::assignee::{Assignees, Found, ProfileLook, StartedBy};
use kanband::kernel::store;
use kanband::kernel::tx::Signal;
use kanband::kernel::verbs::{
    AssignTask, BulkTasks, ClaimTask, CreateTask, CreateTasks, EditTask, PassMode, ReassignTask,
    StartReadyRuns,
};
use kanband::kernel::why::Reason;
use serde_json::json;

use crate::bench_board::{Bench, person, wire};

const WARNING: &str = "no profile \"codr\" (did you mean coder?)";

/// A board with the profile `coder`, on a host without an agent for other names.
fn policy() -> Policy {
    let found = Found { is_program_missing: true, by_name: BTreeMap::new() };
    Policy {
        assignees: Assignees {
            profiles: [("coder".to_owned(), StartedBy::Itself)].into(),
            people: ["eve".to_owned()].into(),
            is_strict: false,
            is_auto: true,
            found: Arc::new(found),
        },
        ..Policy::default()
    }
}

fn strict() -> Policy {
    let Policy { assignees, .. } = policy();
    Policy { assignees: Assignees { is_strict: true, ..assignees }, ..Policy::default() }
}

fn bob() -> Caller {
    Caller::Operator { name: "bob".into() }
}

fn new_task(assignee: &str) -> CreateTask {
    CreateTask { title: "t".into(), assignee: Some(assignee.into()), ..CreateTask::default() }
}

fn people(bench: &Bench) -> Vec<String> {
    bench.board.read(store::people::list).unwrap()
}

#[test]
fn the_login_of_a_caller_is_a_person_for_that_caller_and_for_everybody_from_then_on() {
    let mut bench = Bench::with_policy(policy());
    let early = bench.by(&bob(), &new_task("ada")).unwrap();
    assert_eq!(early.warnings, ["no profile \"ada\""], "no other user of the host is a person");
    assert_eq!(people(&bench), [] as [&str; 0]);
    let own = bench.by(&person(), &new_task("ada")).unwrap();
    assert_eq!((own.warnings.len(), people(&bench)), (0, vec!["ada".to_owned()]));
    let late = bench.by(&bob(), &new_task("ada")).unwrap();
    assert_eq!(late.warnings, [] as [&str; 0]);
    for id in [&early.task.id, &own.task.id, &late.task.id] {
        assert_eq!(bench.why(id, &policy()), Reason::Person { name: "ada".into() });
    }
}

#[test]
fn nothing_is_started_for_a_person_who_can_take_the_task_by_hand() {
    for name in ["ada", "eve"] {
        let mut bench = Bench::with_policy(Policy {
            assignees: Assignees { is_auto: false, ..policy().assignees },
            ..Policy::default()
        });
        let id = bench.do_it(&new_task(name)).task.id;
        assert_eq!(bench.pass().orders.len(), 0, "{name}");
        let named = StartReadyRuns {
            mode: PassMode::OnRequest { failure_limit: None },
            max: None,
            is_disk_low: false,
            looks: Default::default(),
            only: vec![id.clone()],
        };
        let reply = bench.do_it(&named);
        assert_eq!((reply.orders.len(), reply.not_started[0].reason.as_str()), (0, "person"));
        bench.do_it(&wire::<ClaimTask>(json!({"id": id})));
    }
}

#[test]
fn a_profile_with_the_login_of_a_caller_is_a_profile() {
    let mut policy = policy();
    policy.assignees.profiles.insert("ada".into(), StartedBy::Itself);
    let mut bench = Bench::with_policy(policy);
    bench.do_it(&new_task("ada"));
    assert_eq!((bench.pass().orders.len(), people(&bench).len()), (1, 0));
}

#[test]
fn a_person_who_gets_a_profile_later_is_a_profile_from_then_on() {
    let mut bench = Bench::with_policy(policy());
    bench.do_it(&new_task("ada"));
    assert_eq!(bench.pass().orders.len(), 0);
    let mut later = policy();
    later.assignees.profiles.insert("ada".into(), StartedBy::Itself);
    bench.board.set_policy(Arc::new(later.clone()));
    let id = bench.do_it(&new_task("ada")).task.id;
    assert_ne!(bench.why(&id, &later), Reason::Person { name: "ada".into() });
    assert_eq!(bench.pass().orders.len(), 2);
}

#[test]
fn a_refused_request_makes_nobody_a_person() {
    let mut bench = Bench::with_policy(strict());
    let with_parent = CreateTask { parents: vec!["t_00000000".into()], ..new_task("ada") };
    assert!(matches!(bench.refused(&with_parent), Refusal::UnknownParents { .. }));
    assert_eq!(people(&bench), [] as [&str; 0]);
    let of_bob = bench.refused_by(&bob(), &new_task("ada"));
    assert!(matches!(of_bob, Refusal::UnknownProfile { .. }), "{of_bob}");
}

#[test]
fn a_strict_board_takes_profiles_and_people_and_says_who_was_probably_meant() {
    let mut bench = Bench::with_policy(strict());
    for name in ["coder", "eve", "ada"] {
        bench.do_it(&new_task(name));
    }
    let refusal = bench.refused(&new_task("codr"));
    let nearest = Some("coder".to_owned());
    assert_eq!(refusal, Refusal::UnknownProfile { name: "codr".into(), nearest });
}

#[test]
fn every_verb_that_assigns_warns_of_a_name_that_is_known_to_be_nobody() {
    let mut bench = Bench::with_policy(policy());
    let id = bench.create("t", "coder", &[]);
    assert_eq!(bench.do_it(&new_task("codr")).warnings, [WARNING]);
    let batch = CreateTasks { tasks: vec![new_task("coder"), new_task("codr")] };
    let batch = bench.do_it(&batch).created;
    assert_eq!((batch[0].warnings.len(), &batch[1].warnings[0][..]), (0, WARNING));
    let to_codr = json!({"id": id, "assignee": "codr"});
    assert_eq!(bench.do_it(&wire::<AssignTask>(to_codr.clone())).warnings, [WARNING]);
    assert_eq!(bench.do_it(&wire::<EditTask>(to_codr.clone())).warnings, [WARNING]);
    assert_eq!(bench.do_it(&wire::<ReassignTask>(to_codr)).warnings, [WARNING]);
    let bulk = json!({"verb": "assign", "ids": [id], "fields": {"assignee": "codr"}});
    let bulk = bench.do_it(&wire::<BulkTasks>(bulk)).results;
    assert_eq!(bulk[0].reply.as_ref().unwrap()["warnings"], json!([WARNING]));
    assert_eq!(
        bench.do_it(&wire::<AssignTask>(json!({"id": id, "assignee": "coder"}))).warnings.len(),
        0
    );
}

#[test]
fn a_name_that_a_look_may_find_is_asked_for_and_waits_for_the_answer() {
    let mut unseen = policy();
    unseen.assignees.found = Arc::default();
    let mut bench = Bench::with_policy(unseen.clone());
    let reply = bench.do_it(&new_task("ghost"));
    assert!(bench.signals.contains(&Signal::ProfileWanted { name: "ghost".into() }));
    assert_eq!(reply.warnings, [] as [&str; 0]);
    let pass = bench.pass();
    assert_eq!((pass.orders.len(), pass.wanted_profiles), (0, vec!["ghost".to_owned()]));
    let why = bench.why(&reply.task.id, &unseen);
    assert_eq!(why, Reason::LookingForProfile { assignee: "ghost".into(), error: None });
    for (look, starts) in [(ProfileLook::Missing, 0), (ProfileLook::Present, 1)] {
        let mut seen = unseen.clone();
        let by_name = [("ghost".to_owned(), look)].into();
        seen.assignees.found = Arc::new(Found { is_program_missing: false, by_name });
        bench.board.set_policy(Arc::new(seen));
        assert_eq!(bench.pass().orders.len(), starts);
    }
}

#[test]
fn a_board_with_named_default_launcher_looks_for_nobody() {
    let mut bench = Bench::new();
    bench.do_it(&new_task("ghost"));
    assert!(!bench.signals.iter().any(|signal| matches!(signal, Signal::ProfileWanted { .. })));
    let pass = bench.pass();
    assert_eq!((pass.orders.len(), pass.wanted_profiles.len()), (1, 0));
}
