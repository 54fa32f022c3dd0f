//! What is kept and what goes: gc, subscriptions and their cursors, boards, the switch of dispatch.

use kanband::kernel::error::{Refusal, VerbError};
use kanband::kernel::queries::{ListBoards, ListSubscriptions, ListTasks};
use kanband::kernel::store;
use kanband::kernel::task::TaskStatus;
use kanband::kernel::verbs::{
    ArchiveTask, CollectGarbage, CommentTask, CompleteTask, CreateBoard, CreateTask,
    DispatchSwitch, EVENTS_FLOOR, EditTask, PassMode, SetDispatch, StartReadyRuns, Subscribe,
    Unsubscribe,
};
use serde_json::json;

use crate::bench_board::{Bench, wire, worker};

#[test]
fn gc_removes_archived_tasks_whole_and_touches_nothing_else() {
    let mut bench = Bench::new();
    let parent = bench.create("parent", "", &[]);
    let old = bench.create("old", "", &[&parent]);
    let child = bench.create("child", "", &[&old]);
    for body in ["a", "b"] {
        bench.do_it(&wire::<CommentTask>(json!({"id": old, "body": body})));
    }
    bench.do_it(&wire::<CompleteTask>(json!({"id": parent, "summary": "s"})));
    bench.do_it(&wire::<CompleteTask>(json!({"id": old, "summary": "s"})));
    bench.do_it(&wire::<EditTask>(json!({"id": old, "add_labels": ["l"]})));
    bench.do_it(&wire::<Subscribe>(json!({"id": old, "platform": "p", "chat_id": "1"})));
    bench.do_it(&wire::<ArchiveTask>(json!({"id": old})));
    let archived_at = bench.now;
    bench.now += 100;
    let young = bench.create("young", "", &[]);
    bench.do_it(&wire::<ArchiveTask>(json!({"id": young})));

    let nothing = bench.do_it(&CollectGarbage { archived_before: archived_at });
    assert_eq!((nothing.tasks.len(), nothing.events), (0, 0));
    let newest_of_old = bench.events(&old).pop().unwrap().id;
    let events = bench.events(&old).len();
    let reply = bench.do_it(&CollectGarbage { archived_before: archived_at + 1 });
    assert_eq!(reply.tasks, std::slice::from_ref(&old));
    assert_eq!(reply.events, events);
    let dump = bench.dump();
    let mut left = dump.lines().filter(|line| line.contains(old.as_str()));
    assert!(left.all(|line| line.contains("created")), "more than the child's history is left");
    assert_eq!(bench.status(&young), TaskStatus::Archived);
    assert_eq!(bench.status(&child), TaskStatus::Ready);
    assert_eq!(bench.kinds(&parent), ["created", "completed"]);
    let floor = bench
        .board
        .read::<_, VerbError>(|connection| Ok(store::install::setting(connection, EVENTS_FLOOR)?));
    assert_eq!(floor.unwrap(), Some(newest_of_old.to_string()));
}

#[test]
fn gc_leaves_a_task_whose_processes_may_live() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    bench.start_one();
    bench.do_it(&wire::<ArchiveTask>(json!({"id": id})));
    bench.now += 1_000_000;
    let before = bench.now;
    assert!(bench.do_it(&CollectGarbage { archived_before: before }).tasks.is_empty());
}

#[test]
fn a_worker_may_neither_collect_nor_pause_nor_make_boards() {
    let mut bench = Bench::new();
    bench.create("t", "dev", &[]);
    let by = worker(&bench.start_one());
    for refusal in [
        bench.refused_by(&by, &CollectGarbage { archived_before: 0 }),
        bench.refused_by(&by, &SetDispatch { to: DispatchSwitch::Paused }),
        bench.refused_by(&by, &wire::<CreateBoard>(json!({"name": "b"}))),
    ] {
        assert!(matches!(refusal, Refusal::Forbidden { .. }), "{refusal}");
    }
}

#[test]
fn a_subscription_begins_with_the_next_event_and_its_cursor_never_moves_back() {
    let mut bench = Bench::new();
    let id = bench.create("t", "", &[]);
    let newest = bench.events(&id)[0].id;
    let verb = wire::<Subscribe>(json!({"id": id, "platform": "Telegram", "chat_id": " 42 "}));
    let first = bench.do_it(&verb);
    assert!(first.created);
    assert_eq!(first.subscription.last_event_id, newest);
    assert_eq!(first.subscription.platform, "telegram");
    let file = rusqlite::Connection::open(&bench.path).unwrap();
    let moved = file.execute("UPDATE kanban_notify_subs SET last_event_id = ?", [newest + 7]);
    assert_eq!(moved, Ok(1));
    let again = bench.do_it(&verb);
    assert!(!again.created);
    assert_eq!(again.subscription.last_event_id, newest + 7, "subscribing again replays nothing");
}

#[test]
fn subscriptions_are_of_known_tasks_are_listed_and_end_once() {
    let mut bench = Bench::new();
    let id = bench.create("t", "", &[]);
    let fields = json!({"id": id, "platform": "p", "chat_id": "1", "thread_id": "9"});
    bench.do_it(&wire::<Subscribe>(fields.clone()));
    bench.do_it(&wire::<Subscribe>(json!({"id": id, "platform": "p", "chat_id": "1"})));
    assert_eq!(bench.ask(&ListSubscriptions::default()).unwrap().len(), 2);
    bench.do_it(&wire::<Unsubscribe>(fields.clone()));
    assert!(matches!(
        bench.refused(&wire::<Unsubscribe>(fields)),
        Refusal::UnknownSubscription { .. }
    ));
    let left = bench.ask(&ListSubscriptions { task: Some(id.to_string()), board: None }).unwrap();
    assert_eq!(left.len(), 1);
    let unknown = json!({"id": "t_ffffffff", "platform": "p", "chat_id": "1"});
    assert!(matches!(bench.refused(&wire::<Subscribe>(unknown)), Refusal::UnknownTask { .. }));
    let blank = json!({"id": id, "platform": " ", "chat_id": "1"});
    assert!(bench.refused(&wire::<Subscribe>(blank)).to_string().contains("platform"));
}

#[test]
fn each_board_shows_its_own_tasks_only() {
    let mut bench = Bench::new();
    let made = bench.do_it(&wire::<CreateBoard>(json!({"name": "side", "description": "d"})));
    assert!(made.created);
    assert!(!bench.do_it(&wire::<CreateBoard>(json!({"name": "side"}))).created);
    bench.create("here", "", &[]);
    bench.do_it(&wire::<CreateTask>(json!({"title": "there", "board": "side"})));
    let titles = |bench: &Bench, board: Option<&str>| {
        let query = ListTasks { board: board.map(str::to_owned), ..ListTasks::default() };
        let tasks = bench.ask(&query).unwrap();
        tasks.into_iter().map(|task| task.title).collect::<Vec<_>>()
    };
    assert_eq!(titles(&bench, None), ["here"]);
    assert_eq!(titles(&bench, Some("side")), ["there"]);
    let names: Vec<String> =
        bench.ask(&ListBoards {}).unwrap().iter().map(|row| row.name.to_string()).collect();
    assert_eq!(names, ["default", "side"]);
    for name in ["", "Upper", "with space", "../x", &"x".repeat(65)] {
        bench.refused(&wire::<CreateBoard>(json!({"name": name})));
    }
}

#[test]
fn a_worker_stays_on_its_own_board() {
    let mut bench = Bench::new();
    bench.do_it(&wire::<CreateBoard>(json!({"name": "side"})));
    let there =
        bench.do_it(&wire::<CreateTask>(json!({"title": "there", "board": "side"}))).task.id;
    bench.create("t", "dev", &[]);
    let by = worker(&bench.start_one());
    let comment = wire::<CommentTask>(json!({"id": there, "body": "hello"}));
    assert!(matches!(bench.refused_by(&by, &comment), Refusal::Forbidden { .. }));
    let create = wire::<CreateTask>(json!({"title": "x", "board": "side"}));
    assert!(matches!(bench.refused_by(&by, &create), Refusal::Forbidden { .. }));
    let list = ListTasks { board: Some("side".into()), ..ListTasks::default() };
    assert!(bench.ask_as(&by, &list).is_err());
    let boards = bench.ask_as(&by, &ListBoards {}).unwrap();
    assert_eq!(boards.len(), 1);
}

#[test]
fn a_pause_is_stored_and_stops_automatic_and_manual_starts() {
    let mut bench = Bench::new();
    let parent = bench.create("p", "", &[]);
    let id = bench.create("t", "dev", &[&parent]);
    bench.do_it(&SetDispatch { to: DispatchSwitch::Paused });
    bench.do_it(&wire::<CompleteTask>(json!({"id": parent})));
    assert_eq!(bench.status(&id), TaskStatus::Ready, "promotion by an edge goes on");
    assert!(bench.pass().orders.is_empty());
    let by_hand = StartReadyRuns {
        mode: PassMode::OnRequest { failure_limit: None },
        max: None,
        is_disk_low: false,
        looks: Default::default(),
        only: Vec::new(),
    };
    assert!(bench.do_it(&by_hand).orders.is_empty());
    let reply = bench.do_it(&SetDispatch { to: DispatchSwitch::On });
    assert_eq!(reply.before, DispatchSwitch::Paused);
    assert_eq!(bench.pass().orders.len(), 1);
}
