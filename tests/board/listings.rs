//! Listings: every combination of filters, in board order.

use kanband::kernel::context::LocalTime;
use kanband::kernel::error::VerbError;
use kanband::kernel::ids::TaskId;
use kanband::kernel::queries::{GetStats, ListTasks, Snapshot, stats};
use kanband::kernel::store::listing::ListFilter;
use kanband::kernel::store::{self, PageBounds};
use kanband::kernel::task::TaskStatus;
use kanband::kernel::verbs::{
    ArchiveTask, BlockTask, ClaimTask, CommentTask, CompleteTask, CreateBoard, CreateTask,
};

use serde_json::json;

use crate::bench_board::{Bench, person, wire};

fn titles(bench: &Bench, query: &ListTasks) -> Vec<String> {
    let listed = bench.ask(query);
    listed.unwrap().into_iter().map(|task| task.title).collect()
}

#[test]
fn every_combination_of_filters_lists_exactly_what_it_says() {
    let mut bench = Bench::new();
    let values = |words: [&'static str; 2]| [None, Some(words[0]), Some(words[1])];
    let mut tasks = Vec::new();
    for assignee in values(["dev", "qa"]) {
        for tenant in values(["shop", "blog"]) {
            for triage in [false, true] {
                let title = format!("{assignee:?} {tenant:?} {triage}");
                let verb = CreateTask {
                    title: title.clone(),
                    assignee: assignee.map(str::to_owned),
                    tenant: tenant.map(str::to_owned),
                    triage,
                    ..CreateTask::default()
                };
                bench.do_it(&verb);
                let status = if triage { TaskStatus::Triage } else { TaskStatus::Ready };
                tasks.push((title, assignee, tenant, status));
            }
        }
    }
    let statuses = TaskStatus::ALL.into_iter().map(Some).chain([None]);
    for status in statuses {
        for assignee in values(["dev", "nobody"]) {
            for tenant in values(["shop", "nowhere"]) {
                for archived in [false, true] {
                    let query = ListTasks {
                        status: status.map(|status| status.as_str().to_owned()),
                        assignee: assignee.map(str::to_owned),
                        tenant: tenant.map(str::to_owned),
                        archived,
                        ..ListTasks::default()
                    };
                    let mut expected: Vec<&String> = tasks
                        .iter()
                        .filter(|(_, a, t, s)| {
                            status.is_none_or(|status| status == *s)
                                && (assignee.is_none() || assignee == *a)
                                && (tenant.is_none() || tenant == *t)
                        })
                        .map(|(title, ..)| title)
                        .collect();
                    let mut listed = titles(&bench, &query);
                    listed.sort();
                    expected.sort();
                    assert_eq!(listed.iter().collect::<Vec<_>>(), expected, "{query:?}");
                }
            }
        }
    }
}

/// Tasks of three priorities in six statuses, in board order: larger priority, then the one that arrived earlier.
fn mixed(bench: &mut Bench) -> Vec<(TaskId, i64)> {
    let mut tasks = Vec::new();
    for nth in 0..36_i64 {
        let title = format!("task {nth}");
        let (triage, priority) = (nth % 6 == 0, nth % 3 - 1);
        let verb = CreateTask { title, triage, priority, ..CreateTask::default() };
        let id = bench.do_it(&verb).task.id;
        match nth % 6 {
            1 => drop(bench.do_it(&wire::<ClaimTask>(json!({ "id": id })))),
            2 => drop(bench.do_it(&BlockTask { id: id.to_string(), ..BlockTask::default() })),
            3 => drop(bench.do_it(&CompleteTask { id: id.to_string(), ..CompleteTask::default() })),
            4 => drop(bench.do_it(&ArchiveTask { id: id.to_string(), ..ArchiveTask::default() })),
            _ => {}
        }
        tasks.push((id, priority));
    }
    tasks.sort_by_key(|(_, priority)| -priority);
    tasks
}

#[test]
fn every_status_is_merged_into_one_order_at_each_limit_cursor_and_page() {
    let mut bench = Bench::new();
    let all: Vec<TaskId> = mixed(&mut bench).into_iter().map(|(id, _)| id).collect();
    let is_open = |id: &&TaskId| bench.status(id) != TaskStatus::Archived;
    let open: Vec<TaskId> = all.iter().filter(is_open).cloned().collect();
    assert_eq!((all.len(), open.len()), (36, 30));
    let ids = |query: &ListTasks| -> Vec<TaskId> {
        bench.ask(query).unwrap().into_iter().map(|task| task.id).collect()
    };
    assert_eq!(ids(&ListTasks { archived: true, ..ListTasks::default() }), all);
    for limit in 0..=31_u32 {
        let shown = if limit == 0 { open.len() } else { open.len().min(limit as usize) };
        let first = ids(&ListTasks { limit: Some(limit), ..ListTasks::default() });
        assert_eq!(first, open[..shown], "limit {limit}");
        let cursor = Some(open[shown - 1].to_string());
        let behind = ids(&ListTasks { cursor, ..ListTasks::default() });
        assert_eq!(behind, open[shown..], "behind {limit}");
        let bounds = PageBounds { items: shown, bytes: usize::MAX };
        let read = |connection: &store::Connection| {
            Ok(store::listing::first_page(connection, &ListFilter::default(), bounds)?)
        };
        let page = bench.board.read::<_, VerbError>(read).unwrap();
        let tasks: Vec<TaskId> = page.tasks.into_iter().map(|task| task.id).collect();
        assert_eq!((&tasks[..], &Vec::from(page.rest)[..]), open.split_at(shown));
    }
}

#[test]
fn the_oldest_ready_task_is_that_of_its_board_among_the_first_of_each_priority() {
    let mut bench = Bench::new();
    bench.do_it(&CreateBoard { name: "other".into(), description: None });
    let oldest = |bench: &Bench, board: &str| {
        let query = GetStats { board: Some(board.to_owned()) };
        let local_time = LocalTime::new(jiff::tz::TimeZone::UTC);
        let read = |connection: &store::Connection| {
            let (now, caller) = (bench.now, &person());
            let snapshot = Snapshot { connection, now, caller, local_time: &local_time };
            stats(&query, &snapshot, bench.board.counts())
        };
        bench.board.read(read).unwrap().oldest_ready_age_seconds
    };
    assert_eq!(oldest(&bench, "default"), None);
    // Their ages at the end, in the order of their arrival.
    for (priority, board, is_triaged) in [
        (9, "default", true),
        (0, "other", false),
        (-4, "default", false),
        (7, "default", false),
        (7, "default", false),
        (-4, "default", false),
        (0, "default", false),
    ] {
        let title = format!("task {priority}");
        let board = Some(board.to_owned());
        bench.do_it(&CreateTask {
            title,
            priority,
            board,
            triage: is_triaged,
            ..CreateTask::default()
        });
        bench.now += 10;
    }
    assert_eq!((oldest(&bench, "default"), oldest(&bench, "other")), (Some(50), Some(60)));
    let first = bench.ask(&ListTasks { sort: Some("created".into()), ..ListTasks::default() });
    let first = first.unwrap().into_iter().find(|task| task.status == TaskStatus::Ready).unwrap();
    assert_eq!(first.priority, -4);
    bench.do_it(&CompleteTask { id: first.id.to_string(), ..CompleteTask::default() });
    assert_eq!(oldest(&bench, "default"), Some(40));
}

#[test]
fn a_listing_is_narrowed_by_when_tasks_were_made_and_when_something_last_happened_to_them() {
    let mut bench = Bench::new();
    let mut made = Vec::new();
    for title in ["a", "b", "c", "d"] {
        bench.now += 100;
        let task = bench.do_it(&CreateTask { title: title.into(), ..CreateTask::default() }).task;
        made.push((task.id, bench.now));
    }
    bench.now += 100;
    let (first, commented_at) = (made[0].0.to_string(), bench.now);
    bench.do_it(&wire::<CommentTask>(json!({ "id": first, "body": "still here" })));
    let at = |index: usize| Some(made[index].1);
    let base = ListTasks::default;
    for (query, expected) in [
        (ListTasks { created_after: at(1), ..base() }, &["c", "d"][..]),
        (ListTasks { created_before: at(1), ..base() }, &["a"]),
        (ListTasks { created_after: at(0), created_before: at(3), ..base() }, &["b", "c"]),
        (ListTasks { updated_since: at(3), ..base() }, &["a", "d"]),
        (ListTasks { updated_since: Some(commented_at), ..base() }, &["a"]),
        (ListTasks { updated_since: Some(commented_at + 1), ..base() }, &[]),
        (
            ListTasks { updated_since: at(2), status: Some("ready".into()), ..base() },
            &["a", "c", "d"],
        ),
        (
            ListTasks { updated_since: at(2), sort: Some("-created".into()), ..base() },
            &["d", "c", "a"],
        ),
    ] {
        assert_eq!(titles(&bench, &query), expected, "{query:?}");
    }
}
