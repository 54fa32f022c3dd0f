//! Profiles and boards that are paused: the pass and `why` agree, and nothing else is held up; boards that are renamed and removed.

use kanband::kernel::error::Refusal;
use kanband::kernel::ids::TaskId;
use kanband::kernel::policy::Policy;
use kanband::kernel::rules::assignee::StartedBy;
use kanband::kernel::verbs::{
    AddSchedule, ArchiveTask, AssignTask, CreateBoard, CreateTask, RemoveBoard, RenameBoard,
    SetPause, SetPauseReply,
};
use kanband::kernel::why::Reason;
use serde_json::json;

use crate::bench_board::{Bench, wire};

fn set(bench: &mut Bench, paused: bool, of: &str, name: &str) -> SetPauseReply {
    bench.do_it(&wire::<SetPause>(json!({ "paused": paused, of: name })))
}

fn why(bench: &Bench, id: &TaskId) -> Reason {
    bench.why(id, &Policy::default())
}

fn on_board(bench: &mut Bench, board: &str, title: &str) -> TaskId {
    let fields = json!({ "title": title, "assignee": "dev", "board": board });
    bench.do_it(&wire::<CreateTask>(fields)).task.id
}

fn started(bench: &mut Bench) -> Vec<TaskId> {
    bench.pass().orders.into_iter().map(|order| order.task.id).collect()
}

#[test]
fn a_paused_profile_starts_nothing_and_the_others_go_on() {
    let mut bench = Bench::new();
    let (id, other) = (bench.create("t", "dev", &[]), bench.create("u", "qa", &[]));
    let reply = set(&mut bench, true, "profile", "dev");
    assert_eq!((reply.before, reply.paused, reply.open_runs), (false, true, 0));
    assert!(set(&mut bench, true, "profile", "dev").before);
    assert_eq!(why(&bench, &id), Reason::ProfilePaused { profile: "dev".into() });
    assert_eq!(started(&mut bench), [other]);
    assert!(set(&mut bench, false, "profile", "dev").before);
    assert!(!set(&mut bench, false, "profile", "dev").before);
    assert_eq!(why(&bench, &id), Reason::StartsNext);
    assert_eq!(started(&mut bench), [id]);
}

#[test]
fn a_paused_board_starts_nothing_however_many_of_its_tasks_come_first() {
    let mut bench = Bench::new();
    bench.do_it(&wire::<CreateBoard>(json!({ "name": "shop" })));
    let held: Vec<TaskId> =
        (0..200).map(|n| on_board(&mut bench, "shop", &format!("{n}"))).collect();
    let other = on_board(&mut bench, "default", "behind them");
    set(&mut bench, true, "board", "shop");
    let expected = Reason::BoardPaused { board: "shop".into() };
    assert_eq!(why(&bench, &held[0]), expected);
    let mut all = Vec::new();
    // A pass skips a limited number of tasks, and reads none of them twice.
    for _ in 0..10 {
        all.extend(started(&mut bench));
    }
    assert_eq!(all, [other]);
    assert_eq!(why(&bench, &held[0]), expected);
    let late = on_board(&mut bench, "shop", "made while it is paused");
    assert_eq!((started(&mut bench), why(&bench, &late)), (vec![], expected));
    set(&mut bench, false, "board", "shop");
    assert_eq!(why(&bench, &held[0]), Reason::StartsNext);
    assert_eq!(started(&mut bench).first(), Some(&held[0]));
}

#[test]
fn a_pause_follows_its_board_to_another_name() {
    let mut bench = Bench::new();
    bench.do_it(&wire::<CreateBoard>(json!({ "name": "shop" })));
    let id = on_board(&mut bench, "shop", "t");
    set(&mut bench, true, "board", "shop");
    assert_eq!(started(&mut bench), []);
    let reply = bench.do_it(&wire::<RenameBoard>(json!({ "name": "shop", "to": "store" })));
    assert_eq!((reply.before.as_str(), reply.board.name.as_str()), ("shop", "store"));
    assert!(reply.board.paused_at.is_some());
    assert_eq!(why(&bench, &id), Reason::BoardPaused { board: "store".into() });
    assert_eq!(bench.task(&id).board.as_str(), "store");
    set(&mut bench, false, "board", "store");
    assert_eq!(started(&mut bench), [id]);
}

#[test]
fn a_pause_names_a_profile_or_a_board_that_is_there() {
    let mut bench = Bench::new();
    for fields in [
        json!({ "paused": true }),
        json!({ "paused": true, "profile": " " }),
        json!({ "paused": true, "profile": "dev", "board": "default" }),
    ] {
        let refusal = bench.refused(&wire::<SetPause>(fields.clone()));
        assert!(matches!(refusal, Refusal::InvalidValue { .. }), "{fields}: {refusal}");
    }
    let fields = json!({ "paused": true, "board": "nowhere" });
    let refusal = bench.refused(&wire::<SetPause>(fields));
    assert!(matches!(refusal, Refusal::UnknownBoard { .. }), "{refusal}");
}

#[test]
fn a_name_that_is_nothing_is_not_paused_and_the_nearest_one_is_named() {
    let mut policy = Policy::default();
    policy.assignees.profiles.insert("configured".to_owned(), StartedBy::Itself);
    let mut bench = Bench::with_policy(policy);
    let id = bench.create("t", "claude", &[]);
    let pause = |name: &str| wire::<SetPause>(json!({ "paused": true, "profile": name }));
    for (name, expected) in [
        ("cluade", "did you mean claude?"),
        ("another-one", "name a configured profile or the assignee of a task"),
    ] {
        let refusal = bench.refused(&pause(name));
        assert!(matches!(refusal, Refusal::NothingToPause { .. }), "{name}: {refusal}");
        assert_eq!(refusal.hint().unwrap().to_string(), expected);
        // To resume it changes nothing, so that says no more than how it stands.
        assert!(!set(&mut bench, false, "profile", name).before);
    }
    assert!(!set(&mut bench, true, "profile", "configured").before);
    // One that is paused stays known when nothing else names it.
    set(&mut bench, true, "profile", "claude");
    bench.do_it(&wire::<AssignTask>(json!({ "id": id, "assignee": "dev" })));
    assert!(set(&mut bench, true, "profile", "claude").before);
    assert!(set(&mut bench, false, "profile", "claude").before);
    assert!(matches!(bench.refused(&pause("claude")), Refusal::NothingToPause { .. }));
}

#[test]
fn a_board_is_renamed_only_while_nobody_works_under_its_name() {
    let mut bench = Bench::new();
    bench.do_it(&wire::<CreateBoard>(json!({ "name": "shop" })));
    bench.do_it(&wire::<CreateBoard>(json!({ "name": "web" })));
    let id = on_board(&mut bench, "shop", "t");
    for (name, to, expected) in [
        ("default", "main", "used when none is named"),
        ("shop", "web", "already exists"),
        ("shop", "No Such", "1 to 64"),
        ("nowhere", "x", "unknown board"),
    ] {
        let refusal = bench.refused(&wire::<RenameBoard>(json!({ "name": name, "to": to })));
        assert!(refusal.to_string().contains(expected), "{name} {to}: {refusal}");
    }
    assert_eq!(started(&mut bench), [id]);
    let refusal = bench.refused(&wire::<RenameBoard>(json!({ "name": "shop", "to": "store" })));
    assert!(refusal.to_string().contains("knows the old name"), "{refusal}");
}

#[test]
fn a_board_is_removed_only_when_nothing_is_on_it() {
    let mut bench = Bench::new();
    bench.do_it(&wire::<CreateBoard>(json!({ "name": "shop" })));
    let remove = wire::<RemoveBoard>(json!({ "name": "shop" }));
    let id = on_board(&mut bench, "shop", "t");
    bench.do_it(&wire::<ArchiveTask>(json!({ "id": id })));
    let refusal = bench.refused(&remove);
    assert!(refusal.to_string().contains("it has 1 task(s), archived ones included"), "{refusal}");
    bench.do_it(&wire::<CreateBoard>(json!({ "name": "empty" })));
    assert!(bench.do_it(&wire::<RemoveBoard>(json!({ "name": "empty" }))).removed);
    let refusal = bench.refused(&wire::<RemoveBoard>(json!({ "name": "empty" })));
    assert!(matches!(refusal, Refusal::UnknownBoard { .. }), "{refusal}");
}

#[test]
fn a_board_that_is_not_removed_says_what_would_have_to_go_first() {
    let mut bench = Bench::new();
    let hint = |bench: &mut Bench, board: &str| {
        let refusal = bench.refused(&wire::<RemoveBoard>(json!({ "name": board })));
        let hint = refusal.hint().map(|hint| hint.to_string());
        (refusal.to_string(), hint)
    };
    for verb in ["remove", "rename"] {
        let refusal = match verb {
            "remove" => bench.refused(&wire::<RemoveBoard>(json!({ "name": "default" }))),
            _ => bench.refused(&wire::<RenameBoard>(json!({ "name": "default", "to": "main" }))),
        };
        let expected = format!(
            "cannot {verb} board default: default is the board used when none is named; it cannot be removed or renamed"
        );
        assert_eq!((refusal.to_string(), refusal.hint()), (expected, None));
    }
    bench.do_it(&wire::<CreateBoard>(json!({ "name": "shop" })));
    bench.do_it(&wire::<AddSchedule>(json!({
        "board": "shop", "name": "nightly", "cron": "0 3 * * *", "task": { "title": "t" },
    })));
    let (message, found) = hint(&mut bench, "shop");
    assert!(message.contains("it has 1 schedule(s)"), "{message}");
    let schedules = "remove its schedules with `kanban schedules rm NAME --board shop`";
    assert_eq!(found.as_deref(), Some(schedules));
    on_board(&mut bench, "shop", "t");
    let (_, found) = hint(&mut bench, "shop");
    let tasks = "archive its tasks and wait until gc has removed them";
    assert_eq!(found, Some(format!("{tasks}; {schedules}")));
}
