//! Schedules: each occurrence makes its task once, whatever the clock and the daemon do.

use kanband::kernel::caller::Caller;
use kanband::kernel::error::Refusal;
use kanband::kernel::ids::TaskId;
use kanband::kernel::policy::Policy;
use kanband::kernel::queries::{ListSchedules, NextOccurrences, ShowSchedule};
use kanband::kernel::rules::inbox::Kind;
use kanband::kernel::schedule::{Schedule, ScheduleState};
use kanband::kernel::task::TaskStatus;
use kanband::kernel::tx::Signal;
use kanband::kernel::verbs::{
    AddSchedule, Applied, ApplySchedules, ArchiveTask, CompleteTask, DispatchSwitch, EditSchedule,
    FireTimer, MakeOccurrences, PauseAllSchedules, PauseSchedule, RemoveSchedule, ResumeSchedule,
    RunSchedule, SetDispatch, TimerReply, UnblockTask,
};
use serde_json::{Value, json};

use crate::bench_board::{Bench, wire, worker};
use crate::blocks::inbox;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// A board at the beginning of a day.
fn bench() -> Bench {
    at_midnight(Bench::new())
}

fn at_midnight(mut bench: Bench) -> Bench {
    bench.now = 20_000 * DAY;
    bench
}

/// A schedule at nine every day, with further fields.
fn nightly(more: &Value) -> AddSchedule {
    let mut fields = json!({
        "name": "nightly", "cron": "0 9 * * *", "zone": "UTC", "task": {"title": "Report {n} of {date}", "assignee": "dev"},
    });
    for (name, value) in more.as_object().unwrap() {
        fields[name] = value.clone();
    }
    wire(fields)
}

fn timer() -> Caller {
    Caller::System { part: "timer" }
}

/// As the timer does.
fn fire(bench: &mut Bench) -> TimerReply {
    let reply = bench.by(&timer(), &FireTimer).unwrap();
    if reply.has_occurrences { bench.by(&timer(), &MakeOccurrences).unwrap() } else { reply }
}

fn shown(bench: &Bench, name: &str) -> Schedule {
    bench.ask(&wire::<ShowSchedule>(json!({"name": name}))).unwrap().schedule
}

/// The tasks of a schedule, oldest first.
fn made(bench: &Bench, name: &str) -> Vec<TaskId> {
    let shown = bench.ask(&wire::<ShowSchedule>(json!({"name": name}))).unwrap();
    shown.occurrences.into_iter().rev().map(|occurrence| occurrence.task_id).collect()
}

#[test]
fn each_occurrence_makes_one_task_at_its_time_in_the_name_of_the_timer() {
    let mut bench = bench();
    let start = bench.now;
    let added = bench.do_it(&nightly(&json!({"due_in_seconds": HOUR})));
    let next_at = start + 9 * HOUR;
    assert_eq!(
        (added.schedule.state, added.schedule.next_at),
        (ScheduleState::Active, Some(next_at))
    );
    assert!(bench.signals.contains(&Signal::TimeSet { at: next_at }));
    bench.now = next_at - 1;
    assert_eq!(fire(&mut bench).next_due, Some(next_at));
    assert!(made(&bench, "nightly").is_empty());
    for (day, date) in (0..).zip(["2024-10-04", "2024-10-05", "2024-10-06"]) {
        bench.now = next_at + day * DAY;
        for _ in 0..3 {
            assert_eq!(fire(&mut bench).next_due, Some(next_at + HOUR + day * DAY));
            bench.pass();
        }
        let tasks = made(&bench, "nightly");
        assert_eq!(tasks.len() as i64, day + 1, "once");
        let id = tasks.last().unwrap();
        let task = bench.task(id);
        assert_eq!(task.title, format!("Report {} of {date}", day + 1));
        assert_eq!((task.occurrence_at, task.due_at), (Some(bench.now), Some(bench.now + HOUR)));
        assert_eq!(task.created_by.as_deref(), Some("ada"));
        let created = bench.events(id).into_iter().find(|event| event.kind == "created").unwrap();
        assert_eq!(created.actor.as_deref(), Some("kanband:timer"));
        assert_eq!(created.payload.unwrap()["schedule"], "nightly");
        bench.do_it(&wire::<ArchiveTask>(json!({"id": id})));
    }
    assert_eq!(shown(&bench, "nightly").made, 3);
}

#[test]
fn a_pass_says_when_an_occurrence_is_due_and_starts_what_was_made() {
    let mut bench = bench();
    bench.do_it(&nightly(&json!({})));
    let at = bench.now + 9 * HOUR;
    assert_eq!(bench.pass().next_due, Some(at));
    bench.now = at + 5;
    let pass = bench.pass();
    assert_eq!((pass.orders.len(), pass.next_due), (0, Some(at)));
    fire(&mut bench);
    assert_eq!(bench.pass().orders.len(), 1);
}

#[test]
fn while_the_one_before_is_not_over_an_occurrence_is_skipped_and_three_in_a_row_are_in_the_inbox() {
    let mut bench = bench();
    bench.do_it(&nightly(&json!({})));
    bench.now += 9 * HOUR;
    fire(&mut bench);
    let [first] = made(&bench, "nightly").try_into().unwrap();
    for skipped in 1..=3 {
        assert!(rows(&bench).is_empty(), "{skipped}");
        bench.now += DAY;
        fire(&mut bench);
        let schedule = shown(&bench, "nightly");
        assert_eq!(
            (schedule.made, schedule.skipped, schedule.skipped_in_a_row),
            (1, skipped, skipped)
        );
    }
    let row = rows(&bench);
    assert!(row[0].contains("schedule nightly: 3 occurrences skipped in a row"), "{row:?}");
    assert!(row[0].contains(&first.to_string()), "{row:?}");
    bench.do_it(&wire::<CompleteTask>(json!({"id": first})));
    bench.now += DAY;
    fire(&mut bench);
    assert_eq!(made(&bench, "nightly").len(), 2);
    assert!(rows(&bench).is_empty());
    let schedule = shown(&bench, "nightly");
    assert_eq!((schedule.skipped, schedule.skipped_in_a_row), (3, 0));
}

/// The inbox's rows of schedules.
fn rows(bench: &Bench) -> Vec<String> {
    let rows = inbox(bench).into_iter().filter(|(kind, _)| *kind == Kind::Schedule);
    rows.map(|(_, message)| message).collect()
}

#[test]
fn queue_waits_for_the_one_before_and_replace_cancels_it() {
    for (overlap, before, new) in [
        ("queue", TaskStatus::Ready, TaskStatus::Todo),
        ("replace", TaskStatus::Archived, TaskStatus::Ready),
    ] {
        let mut bench = bench();
        bench.do_it(&nightly(&json!({"overlap": overlap})));
        bench.now += 9 * HOUR;
        fire(&mut bench);
        bench.now += DAY;
        fire(&mut bench);
        let [first, second] = made(&bench, "nightly").try_into().unwrap();
        assert_eq!((bench.status(&first), bench.status(&second)), (before, new), "{overlap}");
        if overlap == "queue" {
            bench.do_it(&wire::<CompleteTask>(json!({"id": first})));
            assert_eq!(bench.status(&second), TaskStatus::Ready);
        }
    }
}

#[test]
fn a_replaced_occurrence_that_runs_is_stopped() {
    let mut bench = bench();
    bench.do_it(&nightly(&json!({"overlap": "replace"})));
    bench.now += 9 * HOUR;
    fire(&mut bench);
    let order = bench.pass().orders.pop().unwrap();
    bench.spawned(order.run_id);
    bench.now += DAY;
    fire(&mut bench);
    assert!(
        bench.signals.contains(&Signal::VerdictGiven { run_id: order.run_id, by_worker: false })
            || bench.signals.contains(&Signal::StopRun { run_id: order.run_id }),
        "{:?}",
        bench.signals
    );
    let why = bench.runs(&order.task.id)[0].error.clone().unwrap_or_default();
    assert!(why.contains("replaced by the next occurrence of schedule nightly"), "{why}");
}

#[test]
fn while_dispatch_is_off_nothing_is_made_and_then_the_policy_decides() {
    for (catch_up, expected) in [("none", 0), ("one", 1), ("all", 5)] {
        let mut bench = bench();
        bench.do_it(&nightly(&json!({"catch_up": catch_up, "overlap": "queue"})));
        bench.do_it(&SetDispatch { to: DispatchSwitch::Paused });
        for _ in 0..5 {
            bench.now += DAY;
            let next = fire(&mut bench).next_due;
            assert_eq!(next, None, "no timer is armed while dispatch is paused");
            bench.pass();
        }
        assert!(made(&bench, "nightly").is_empty());
        bench.do_it(&SetDispatch { to: DispatchSwitch::On });
        assert!(bench.signals.contains(&Signal::TimeSet { at: bench.now }));
        fire(&mut bench);
        assert_eq!(made(&bench, "nightly").len(), expected, "{catch_up}");
        assert_eq!(shown(&bench, "nightly").next_at, Some(bench.now + 9 * HOUR));
    }
}

#[test]
fn a_disabled_dispatch_makes_nothing_either() {
    let policy = Policy { dispatch_enabled: false, ..Policy::default() };
    let mut bench = at_midnight(Bench::with_policy(policy));
    bench.do_it(&nightly(&json!({})));
    bench.now += 10 * DAY;
    assert_eq!(fire(&mut bench).next_due, None);
    assert!(made(&bench, "nightly").is_empty());
}

#[test]
fn a_clock_two_days_ahead_makes_one_and_a_clock_a_year_back_makes_none_until_it_is_later() {
    let mut bench = bench();
    bench.do_it(&nightly(&json!({"overlap": "queue"})));
    bench.now += 9 * HOUR;
    fire(&mut bench);
    bench.now += 2 * DAY;
    fire(&mut bench);
    assert_eq!(made(&bench, "nightly").len(), 2, "the newest of those that were missed");
    let last = bench.now;
    bench.now -= 366 * DAY;
    assert_eq!(fire(&mut bench).next_due, Some(last + DAY));
    for _ in 0..366 {
        bench.now += DAY;
        fire(&mut bench);
    }
    assert_eq!(made(&bench, "nightly").len(), 2);
    bench.now += DAY;
    fire(&mut bench);
    assert_eq!(made(&bench, "nightly").len(), 3);
}

#[test]
fn a_paused_schedule_makes_nothing_and_resumed_it_goes_on_from_then() {
    let mut bench = bench();
    bench.do_it(&nightly(&json!({})));
    let paused =
        bench.do_it(&wire::<PauseSchedule>(json!({"name": "nightly", "reason": "holidays"})));
    assert_eq!((paused.changed, paused.schedule.state), (true, ScheduleState::Paused));
    assert_eq!(paused.schedule.paused_why.as_deref(), Some("holidays"));
    assert!(!bench.do_it(&wire::<PauseSchedule>(json!({"name": "nightly"}))).changed);
    bench.now += 10 * DAY;
    assert_eq!(fire(&mut bench).next_due, None);
    let resumed = bench.do_it(&wire::<ResumeSchedule>(json!({"name": "nightly"})));
    assert_eq!(resumed.schedule.next_at, Some(bench.now + 9 * HOUR));
    fire(&mut bench);
    assert!(made(&bench, "nightly").is_empty(), "what came meanwhile is not made");
    assert!(!bench.do_it(&wire::<ResumeSchedule>(json!({"name": "nightly"}))).changed);
}

#[test]
fn after_a_restore_every_schedule_is_paused() {
    let mut bench = bench();
    bench.do_it(&nightly(&json!({})));
    bench.do_it(&nightly(&json!({"name": "other"})));
    bench.do_it(&wire::<PauseSchedule>(json!({"name": "other"})));
    let verb = PauseAllSchedules { why: "restored".to_owned() };
    assert!(matches!(bench.refused(&verb), Refusal::Forbidden { .. }));
    assert_eq!(bench.by(&timer(), &verb).unwrap(), 1);
    assert_eq!(shown(&bench, "nightly").paused_why.as_deref(), Some("restored"));
}

#[test]
fn the_end_and_the_maximum_of_tasks_end_a_schedule() {
    let mut bench = bench();
    let start = bench.now;
    bench.do_it(&nightly(&json!({"name": "two", "count": 2, "overlap": "queue"})));
    bench.do_it(&nightly(
        &json!({"name": "until", "until_at": start + 2 * DAY, "overlap": "queue"}),
    ));
    for _ in 0..5 {
        bench.now += DAY;
        fire(&mut bench);
    }
    for name in ["two", "until"] {
        let schedule = shown(&bench, name);
        assert_eq!(
            (schedule.made, schedule.state, schedule.next_at),
            (2, ScheduleState::Over, None),
            "{name}"
        );
    }
    let longer = json!({"name": "two", "count": 3});
    let edited = bench.do_it(&wire::<EditSchedule>(longer));
    assert_eq!(edited.schedule.state, ScheduleState::Active);
    assert_eq!(edited.schedule.next_at, Some(bench.now + 9 * HOUR), "not one of the past");
    bench.now += DAY;
    fire(&mut bench);
    let last = made(&bench, "two").pop().unwrap();
    assert!(bench.task(&last).title.starts_with("Report 3 of"), "its numbers go on");
}

#[test]
fn an_edit_makes_no_occurrence_of_the_past_and_changes_only_what_it_names() {
    let mut bench = bench();
    bench.do_it(&nightly(&json!({"task": {"title": "t", "assignee": "dev", "priority": 3}})));
    bench.now += 12 * HOUR;
    let edit =
        json!({"name": "nightly", "cron": "0 10 * * *", "task": {"title": "u", "assignee": null}});
    let edited = bench.do_it(&wire::<EditSchedule>(edit.clone()));
    assert_eq!(edited.schedule.next_at, Some(bench.now + 22 * HOUR), "ten was two hours ago");
    assert_eq!(Value::Object(edited.schedule.task), json!({"title": "u", "priority": 3}));
    fire(&mut bench);
    assert!(made(&bench, "nightly").is_empty());
    let before = bench.dump();
    assert!(!bench.do_it(&wire::<EditSchedule>(edit)).changed);
    assert_eq!(bench.dump(), before);
}

#[test]
fn a_schedule_that_can_never_act_is_refused_with_its_cause() {
    let mut bench = bench();
    for (fields, cause) in [
        (json!({"cron": "0 0 30 2 *"}), "never fires"),
        (json!({"cron": "0 24 * * *"}), "invalid hour `24`"),
        (json!({"cron": ""}), "is empty"),
        (json!({"cron": "@reboot"}), "names no time"),
        (json!({"zone": "Mars/Base"}), "unknown time zone"),
        (json!({"name": "a b"}), "letters, digits"),
        (json!({"name": ""}), "letters, digits"),
        (json!({"name": "-x"}), "letters, digits"),
        (json!({"task": {}}), "title is required"),
        (json!({"task": {"title": "t", "nothing": 1}}), "unknown field"),
        (json!({"task": {"title": "t", "start_at": 5}}), "not a field of a schedule's task"),
        (
            json!({"task": {"title": "t", "idempotency_key": "k"}}),
            "not a field of a schedule's task",
        ),
        (json!({"task": {"title": "t", "parents": ["t_dead"]}}), "unknown parent"),
        (json!({"until_at": 5}), "no further occurrence"),
    ] {
        let refusal = bench.refused(&nightly(&fields));
        assert!(refusal.to_string().contains(cause), "{fields}: {refusal}");
    }
    bench.do_it(&nightly(&json!({})));
    assert!(matches!(bench.refused(&nightly(&json!({}))), Refusal::ScheduleExists { .. }));
    let edit = wire::<EditSchedule>(json!({"name": "nightly", "cron": "x"}));
    assert!(matches!(bench.refused(&edit), Refusal::BadCron { .. }));
    for name in ["other", "t_1", ""] {
        let refusal = bench.refused(&wire::<RunSchedule>(json!({"name": name})));
        assert!(matches!(refusal, Refusal::UnknownSchedule { .. }), "{refusal}");
    }
}

#[test]
fn a_task_that_is_refused_later_is_in_the_inbox_and_the_others_go_on() {
    let mut bench = bench();
    let parent = bench.create("parent", "", &[]);
    bench.do_it(&nightly(&json!({"task": {"title": "t", "parents": [parent]}})));
    bench.do_it(&nightly(&json!({"name": "other", "overlap": "queue"})));
    bench.do_it(&wire::<ArchiveTask>(json!({"id": parent})));
    bench.now += 9 * HOUR;
    let later = bench.now + 1;
    bench.do_it(&wire::<kanband::kernel::verbs::CollectGarbage>(json!({"archived_before": later})));
    fire(&mut bench);
    let schedule = shown(&bench, "nightly");
    assert_eq!((schedule.made, schedule.refused_in_a_row), (0, 1));
    assert!(schedule.last_error.unwrap().contains("unknown parent"));
    assert_eq!(schedule.next_at, Some(bench.now + DAY), "it is tried again");
    assert!(rows(&bench)[0].contains("unknown parent"), "{:?}", rows(&bench));
    assert_eq!(made(&bench, "other").len(), 1);
}

#[test]
fn a_person_may_run_one_now_and_removed_it_makes_nothing_and_its_name_is_free() {
    let mut bench = bench();
    bench.do_it(&nightly(&json!({})));
    let reply = bench.do_it(&wire::<RunSchedule>(json!({"name": "nightly"})));
    assert_eq!(reply.task.occurrence_at, Some(bench.now));
    let again = bench.refused(&wire::<RunSchedule>(json!({"name": "nightly"})));
    assert!(matches!(again, Refusal::OccurrenceExists { .. }), "{again}");
    bench.now += 1;
    bench.do_it(&wire::<RunSchedule>(json!({"name": "nightly"})));
    assert_eq!(made(&bench, "nightly").len(), 2, "although the one before is not over");
    let number = shown(&bench, "nightly").id;
    bench.do_it(&wire::<RemoveSchedule>(json!({"name": "nightly"})));
    bench.now += DAY;
    assert_eq!(fire(&mut bench).next_due, None);
    assert!(bench.ask(&ListSchedules::default()).unwrap().is_empty());
    assert_eq!(bench.task(&reply.task.id).schedule_id, Some(number), "its tasks stay");
    bench.do_it(&nightly(&json!({})));
    assert!(shown(&bench, "nightly").id > number);
}

#[test]
fn a_list_is_applied_whole_or_not_at_all_and_a_dry_run_changes_nothing() {
    let mut bench = bench();
    bench.do_it(&nightly(&json!({})));
    bench.do_it(&nightly(&json!({"name": "kept"})));
    let list = |dry_run: bool| {
        let spec = |more: Value| serde_json::to_value(nightly(&more)).unwrap();
        wire::<ApplySchedules>(json!({
            "dry_run": dry_run,
            "schedules": [
                spec(json!({"cron": "0 10 * * *", "task": {"title": "new", "assignee": "dev"}})),
                spec(json!({"name": "added"})),
                spec(json!({"name": "kept"})),
            ],
        }))
    };
    let before = bench.dump();
    let tried = bench.do_it(&list(true));
    assert_eq!(bench.dump(), before);
    assert!(bench.signals.is_empty(), "{:?}", bench.signals);
    let done = bench.do_it(&list(false));
    for reply in [&tried, &done] {
        let applied: Vec<Applied> = reply.schedules.iter().map(|one| one.applied).collect();
        assert_eq!(applied, [Applied::Changed, Applied::Added, Applied::Unchanged]);
        assert_eq!(reply.schedules[0].fields, ["cron", "title"]);
    }
    let again = bench.do_it(&list(false));
    assert!(again.schedules.iter().all(|one| one.applied == Applied::Unchanged));
    let mut half = list(false);
    half.schedules[0].cron = "0 11 * * *".to_owned();
    half.schedules[1].cron = "never".to_owned();
    bench.refused(&half);
    assert_eq!(shown(&bench, "nightly").cron, "0 10 * * *");
}

#[test]
fn what_comes_next_is_shown_with_its_end_and_its_maximum() {
    let mut bench = bench();
    bench.do_it(&nightly(&json!({"count": 3})));
    let next = |bench: &Bench, count: Option<u32>| {
        let query = NextOccurrences { name: "nightly".into(), count, board: None };
        bench.ask(&query).map(|next| next.into_iter().map(|one| one.at).collect::<Vec<_>>())
    };
    let first = bench.now + 9 * HOUR;
    assert_eq!(next(&bench, None).unwrap(), [first, first + DAY, first + 2 * DAY]);
    assert_eq!(next(&bench, Some(1)).unwrap(), [first]);
    assert!(next(&bench, Some(1001)).is_err());
}

fn orchestrated(may_schedule: bool) -> (Bench, Caller, TaskId) {
    let policy = Policy {
        orchestrators: ["boss".to_owned()].into(),
        may_schedule: may_schedule.then(|| "boss".to_owned()).into_iter().collect(),
        schedules_per_profile: 2,
        ..Policy::default()
    };
    let mut bench = at_midnight(Bench::with_policy(policy));
    let own = bench.create("plan", "boss", &[]);
    bench.create("code", "dev", &[]);
    let mut orders = bench.pass().orders;
    for order in &orders {
        bench.spawned(order.run_id);
    }
    orders.sort_by_key(|order| order.profile.clone());
    let boss = worker(&orders[0]);
    let dev = worker(&orders[1]);
    let refusal = bench.refused_by(&dev, &nightly(&json!({})));
    assert!(matches!(refusal, Refusal::Forbidden { .. }), "{refusal}");
    (bench, boss, own)
}

#[test]
fn a_schedule_of_an_orchestrating_worker_waits_for_a_person_unless_its_profile_may_schedule() {
    for may_schedule in [false, true] {
        let (mut bench, boss, _) = orchestrated(may_schedule);
        let added = bench.by(&boss, &nightly(&json!({}))).unwrap();
        let expected = if may_schedule { ScheduleState::Active } else { ScheduleState::Paused };
        assert_eq!(added.schedule.state, expected);
        assert_eq!(rows(&bench).len(), usize::from(!may_schedule), "{:?}", rows(&bench));
        let resume = wire::<ResumeSchedule>(json!({"name": "nightly"}));
        let refusal = bench.refused_by(&boss, &resume);
        assert!(matches!(refusal, Refusal::Forbidden { .. }), "{refusal}");
        assert_eq!(bench.do_it(&resume).schedule.state, ScheduleState::Active);
        bench.now += 9 * HOUR;
        fire(&mut bench);
        assert_eq!(made(&bench, "nightly").len(), 1);
    }
}

#[test]
fn what_a_worker_scheduled_counts_as_created_by_the_runs_of_its_task() {
    let (mut bench, boss, _) = orchestrated(true);
    let elsewhere = nightly(&json!({"name": "x", "board": "other"}));
    bench.refused_by(&boss, &elsewhere);
    bench.by(&boss, &nightly(&json!({"task": {"title": "t", "assignee": "dev"}}))).unwrap();
    bench.now += 9 * HOUR;
    fire(&mut bench);
    let [id] = made(&bench, "nightly").try_into().unwrap();
    assert_eq!(bench.task(&id).created_by.as_deref(), Some("boss"));
    bench.do_it(&wire::<kanband::kernel::verbs::BlockTask>(json!({"id": id, "reason": "r"})));
    bench.by(&boss, &wire::<UnblockTask>(json!({"id": id}))).unwrap();
}

#[test]
fn a_worker_may_change_only_what_the_runs_of_its_own_task_made_and_not_more_than_its_share() {
    let (mut bench, boss, _) = orchestrated(true);
    bench.do_it(&nightly(&json!({"name": "persons"})));
    let foreign = bench.refused_by(&boss, &wire::<RemoveSchedule>(json!({"name": "persons"})));
    assert!(matches!(foreign, Refusal::NotYours { .. }), "{foreign}");
    for name in ["a", "b"] {
        bench.by(&boss, &nightly(&json!({"name": name}))).unwrap();
    }
    let third = bench.refused_by(&boss, &nightly(&json!({"name": "c"})));
    assert!(matches!(third, Refusal::TooManySchedules { limit: 2, .. }), "{third}");
    bench.by(&boss, &wire::<PauseSchedule>(json!({"name": "a"}))).unwrap();
    bench.by(&boss, &wire::<RemoveSchedule>(json!({"name": "a"}))).unwrap();
    bench.by(&boss, &nightly(&json!({"name": "c"}))).unwrap();
    let with_args = nightly(&json!({"name": "b2", "task": {"title": "t", "args": ["--yolo"]}}));
    bench.by(&boss, &wire::<RemoveSchedule>(json!({"name": "c"}))).unwrap();
    let refusal = bench.refused_by(&boss, &with_args);
    assert!(matches!(refusal, Refusal::Forbidden { .. }), "as if it created it: {refusal}");
}

#[test]
fn a_schedule_that_cannot_be_read_is_put_off_and_holds_up_no_other() {
    let mut bench = bench();
    bench.do_it(&nightly(&json!({})));
    bench.do_it(&nightly(&json!({"name": "other"})));
    let write = |sql: &str| {
        let connection = rusqlite::Connection::open(&bench.path).unwrap();
        connection.execute(sql, [])
    };
    assert!(write("UPDATE schedules SET task = '[]' WHERE name = 'nightly'").is_err());
    assert_eq!(write("UPDATE schedules SET zone = 'Mars/Base' WHERE name = 'nightly'").unwrap(), 1);
    bench.now += 9 * HOUR;
    fire(&mut bench);
    assert_eq!(made(&bench, "other").len(), 1);
    assert!(rows(&bench)[0].contains("unknown time zone"), "{:?}", rows(&bench));
    let connection = rusqlite::Connection::open(&bench.path).unwrap();
    connection.execute("UPDATE schedules SET zone = 'UTC' WHERE name = 'nightly'", []).unwrap();
    drop(connection);
    bench.now += 300;
    fire(&mut bench);
    assert_eq!(made(&bench, "nightly").len(), 1, "it catches up");
    assert!(rows(&bench).is_empty());
}

#[test]
fn a_worker_that_edits_what_a_person_resumed_has_it_wait_for_a_person_again() {
    let (mut bench, boss, _) = orchestrated(false);
    bench.by(&boss, &nightly(&json!({}))).unwrap();
    bench.do_it(&wire::<ResumeSchedule>(json!({"name": "nightly"})));
    let edit = wire::<EditSchedule>(json!({"name": "nightly", "cron": "* * * * *"}));
    let edited = bench.by(&boss, &edit).unwrap();
    assert_eq!(edited.schedule.state, ScheduleState::Paused);
    let Caller::Worker { run_id, task_id, board, .. } = boss else { panic!("{boss:?}") };
    let other = Caller::Worker { run_id, task_id, board, profile: "other".to_owned() };
    bench.refused_by(&other, &wire::<RemoveSchedule>(json!({"name": "nightly"})));
}

#[test]
fn an_earlier_task_that_is_not_over_counts_although_a_newer_one_is() {
    let mut bench = bench();
    bench.do_it(&nightly(&json!({})));
    bench.now += 9 * HOUR;
    fire(&mut bench);
    bench.now += HOUR;
    let second = bench.do_it(&wire::<RunSchedule>(json!({"name": "nightly"}))).task.id;
    bench.do_it(&wire::<CompleteTask>(json!({"id": second})));
    bench.now += DAY;
    fire(&mut bench);
    let schedule = shown(&bench, "nightly");
    assert_eq!((schedule.made, schedule.skipped), (2, 1));
}

#[test]
fn a_firing_makes_no_more_than_its_share_and_the_next_goes_on() {
    let mut bench = bench();
    for n in 0..3 {
        let more = json!({"name": format!("s{n}"), "cron": "* * * * *", "catch_up": "all", "overlap": "queue"});
        bench.do_it(&nightly(&more));
    }
    bench.now += DAY;
    assert!(fire(&mut bench).has_more);
    let count = |bench: &Bench| (0..3).map(|n| shown(bench, &format!("s{n}")).made).sum::<u32>();
    assert_eq!(count(&bench), 256);
    assert!(!fire(&mut bench).has_more);
    assert_eq!(count(&bench), 300);
}
