//! Columns as windows of cards: each in its order, without gaps and repeats, under every filter, and what a card says of its task.

use kanband::kernel::card::Card;
use kanband::kernel::queries::{GetBoard, ListCards};
use kanband::kernel::random::{Random as _, SeededRandom};
use kanband::kernel::task::TaskStatus;
use kanband::kernel::verbs::{
    ApproveTask, ArchiveTask, BlockTask, BulkTasks, CompleteTask, CreateTask, RequestReview,
    ScheduleTask,
};
use serde_json::{Value, json};

use crate::bench_board::{Bench, wire};

/// A board with tasks in every status but `running`, of some assignees and labels.
fn board_of(count: usize) -> Bench {
    let mut random = SeededRandom::new(7);
    let mut bench = Bench::new();
    for number in 0..count {
        bench.now += i64::try_from(random.next() % 3).unwrap();
        let assignee = ["dev", "qa", ""][(random.next() % 3) as usize];
        let status = TaskStatus::ALL[(random.next() % 9) as usize];
        let fields = json!({
            "title": format!("task {number}"),
            "priority": random.next() % 3,
            "assignee": (!assignee.is_empty()).then_some(assignee),
            "tenant": random.next().is_multiple_of(2).then_some("shop"),
            "labels": if random.next().is_multiple_of(2) { json!(["red"]) } else { json!([]) },
            "triage": status == TaskStatus::Triage,
        });
        let id = bench.do_it(&wire::<CreateTask>(fields)).task.id;
        let one = || json!({ "id": id });
        match status {
            TaskStatus::Scheduled => {
                let at = random.next().is_multiple_of(2).then_some(5_000_000 + random.next() % 4);
                let fields = json!({ "id": id, "start_at": at, "park": at.is_none() });
                bench.do_it(&wire::<ScheduleTask>(fields));
            }
            TaskStatus::Blocked => drop(bench.do_it(&wire::<BlockTask>(one()))),
            TaskStatus::Review => {
                bench.do_it(&wire::<BlockTask>(one()));
                bench.do_it(&wire::<RequestReview>(one()));
            }
            TaskStatus::Done => drop(bench.do_it(&wire::<CompleteTask>(one()))),
            TaskStatus::Archived => drop(bench.do_it(&wire::<ArchiveTask>(one()))),
            TaskStatus::Todo => {
                let parent = bench.create("parent", "", &[]);
                let link = json!({ "parent_id": parent, "child_id": id });
                bench.do_it(&wire::<kanband::kernel::verbs::LinkTasks>(link));
            }
            TaskStatus::Triage | TaskStatus::Ready | TaskStatus::Running => {}
        }
    }
    bench
}

fn column(bench: &Bench, status: TaskStatus, size: u32, filter: &ListCards) -> Vec<Card> {
    let (mut all, mut offset) = (Vec::new(), 0);
    loop {
        let status = status.to_string();
        let window = ListCards { status, offset, limit: Some(size), ..filter.clone() };
        let page = bench.cards(&window).unwrap();
        if page.cards.is_empty() {
            return all;
        }
        offset += u32::try_from(page.cards.len()).unwrap();
        all.extend(page.cards);
    }
}

/// The key of a column's order; a page sorts what the stream brings by the same.
fn key(card: &Card) -> (i64, i64, i64) {
    match TaskStatus::parse(&card.status).unwrap() {
        TaskStatus::Triage => (0, -card.seq, 0),
        TaskStatus::Todo | TaskStatus::Ready => (-card.priority, card.seq, 0),
        TaskStatus::Scheduled => {
            (i64::from(card.start_at.is_none()), card.start_at.unwrap_or_default(), card.seq)
        }
        TaskStatus::Running | TaskStatus::Blocked | TaskStatus::Review => {
            (card.since.unwrap(), card.seq, 0)
        }
        TaskStatus::Done => (-card.completed_at.unwrap(), -card.seq, 0),
        TaskStatus::Archived => (-card.since.unwrap(), -card.seq, 0),
    }
}

#[test]
fn windows_of_every_size_join_to_the_column_in_its_order() {
    let bench = board_of(120);
    let columns = bench.columns(&GetBoard { archived: true, ..GetBoard::default() }).unwrap();
    for status in TaskStatus::ALL {
        let whole = column(&bench, status, 500, &ListCards::default());
        let shown = columns.columns.iter().find(|one| one.status == status.as_str()).unwrap();
        assert_eq!(shown.cards, whole.iter().take(30).cloned().collect::<Vec<_>>(), "{status}");
        assert_eq!((shown.count, shown.total), (whole.len() as i64, whole.len() as i64));
        for size in [1, 3, 7] {
            assert_eq!(column(&bench, status, size, &ListCards::default()), whole, "{status}");
        }
        let keys: Vec<_> = whole.iter().map(key).collect();
        assert!(keys.is_sorted(), "{status}: {keys:?}");
    }
}

#[test]
fn a_filter_lets_through_exactly_what_it_says_and_counts_it() {
    let bench = board_of(120);
    let everything: Vec<Card> = TaskStatus::ALL
        .iter()
        .flat_map(|status| column(&bench, *status, 500, &ListCards::default()))
        .collect();
    let is_of = |card: &Card, names: &str| {
        let name = card.assignee.as_deref().unwrap_or("-");
        names.split(',').any(|one| one == name)
    };
    for assignee in [None, Some("dev"), Some("dev,-"), Some("-"), Some("nobody")] {
        for tenant in [None, Some("shop"), Some("nowhere")] {
            for label in [None, Some("red"), Some("red,blue")] {
                let text = |value: Option<&str>| value.map(str::to_owned);
                let (of, at, with) = (text(assignee), text(tenant), text(label));
                let filter =
                    ListCards { assignee: of, tenant: at, label: with, ..ListCards::default() };
                for status in TaskStatus::ALL {
                    let expected: Vec<&Card> = everything
                        .iter()
                        .filter(|card| card.status == status.as_str())
                        .filter(|card| assignee.is_none_or(|names| is_of(card, names)))
                        .filter(|card| tenant.is_none_or(|it| card.tenant.as_deref() == Some(it)))
                        .filter(|card| label.is_none() || !card.labels.is_empty())
                        .collect();
                    let found = column(&bench, status, 4, &filter);
                    assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{status} {filter:?}");
                    let status = status.to_string();
                    let page = bench.cards(&ListCards { status, ..filter.clone() }).unwrap();
                    assert_eq!((page.count, page.count_is_exact), (expected.len() as i64, true));
                }
            }
        }
    }
}

#[test]
fn a_task_that_another_program_wrote_without_its_time_is_in_its_column() {
    let mut bench = board_of(20);
    let id = bench.create("by hand", "dev", &[]);
    bench.do_it(&wire::<BlockTask>(json!({ "id": id })));
    let connection = rusqlite::Connection::open(&bench.path).unwrap();
    connection.execute("UPDATE tasks SET status_since = NULL WHERE id = ?", [id.as_str()]).unwrap();
    for size in [1, 3, 500] {
        let cards = column(&bench, TaskStatus::Blocked, size, &ListCards::default());
        assert_eq!(cards.last().unwrap().id, id.as_str(), "{size}");
    }
}

#[test]
fn a_card_says_what_matters_where_its_task_is() {
    let mut bench = Bench::new();
    let parent = bench.create("parent", "dev", &[]);
    let child = bench.create("child", "dev", &[&parent]);
    let card = |bench: &Bench, status: TaskStatus| {
        column(bench, status, 500, &ListCards::default()).remove(0)
    };
    let waits = card(&bench, TaskStatus::Todo).waits.unwrap();
    assert_eq!((waits.count, waits.first.id), (1, parent.to_string()));
    assert_eq!(card(&bench, TaskStatus::Ready).reason.unwrap().code, "starts_next");
    let order = bench.start_one();
    let run = card(&bench, TaskStatus::Running).run.unwrap();
    assert_eq!((run.id, run.state.as_str(), run.is_review), (order.run_id, "running", false));
    let question = json!({ "id": parent, "question": "which?", "choices": ["a", "b"], "default": "a", "deadline_seconds": 900 });
    bench.do_it(&wire::<BlockTask>(question));
    let blocked = card(&bench, TaskStatus::Blocked);
    let asked = blocked.question.unwrap();
    assert_eq!((asked.text.as_str(), asked.choices.len()), ("which?", 2));
    assert_eq!(blocked.reason.unwrap().code, "question");
    assert_eq!((blocked.children.unwrap().count, blocked.attempts), (1, 1));
    let other = bench.create("other", "", &[]);
    bench.do_it(&wire::<CompleteTask>(
        json!({ "id": other, "summary": "s", "result": "\n first\nsecond" }),
    ));
    assert_eq!(card(&bench, TaskStatus::Done).summary.as_deref(), Some("first"));
    bench.do_it(&wire::<RequestReview>(json!({ "id": other })));
    let review = card(&bench, TaskStatus::Review).review.unwrap();
    assert_eq!((review.round, review.reviewer), (1, None));
    bench.do_it(&wire::<ApproveTask>(json!({ "id": other })));
    assert_eq!(card(&bench, TaskStatus::Todo).id, child.as_str());
}

#[test]
fn what_is_no_column_no_task_and_no_word_is_refused() {
    let bench = board_of(3);
    for query in [
        ListCards { status: "doing".into(), ..ListCards::default() },
        ListCards {
            status: "ready".into(),
            parent: Some("t_ffffffff".into()),
            ..ListCards::default()
        },
        ListCards { status: "ready".into(), text: Some("***".into()), ..ListCards::default() },
        ListCards { status: "ready".into(), board: Some("nowhere".into()), ..ListCards::default() },
    ] {
        assert!(bench.cards(&query).is_err(), "{query:?}");
    }
}

#[test]
fn many_are_moved_by_the_filter_that_a_page_shows() {
    let mut bench = board_of(60);
    let verb = json!({ "verb": "archive", "where": { "status": "done", "label": "red" } });
    let answer = bench.do_it(&wire::<BulkTasks>(verb));
    assert!(!answer.results.is_empty() && answer.results.iter().all(|one| one.refused.is_none()));
    let red = ListCards { label: Some("red".into()), ..ListCards::default() };
    assert!(column(&bench, TaskStatus::Done, 500, &red).is_empty());
    let _all: Value = json!(column(&bench, TaskStatus::Archived, 500, &red));
}

#[test]
fn cards_of_named_tasks_come_in_the_order_of_their_names_and_unknown_ones_are_left_out() {
    let mut bench = board_of(30);
    let ids: Vec<String> =
        ["a", "b", "c"].map(|title| bench.create(title, "", &[]).to_string()).to_vec();
    let names = format!("{}, t_00000000,nonsense ,{}", ids[2], ids[0]);
    let page = bench.cards(&ListCards { tasks: Some(names), ..ListCards::default() }).unwrap();
    let titles: Vec<&str> = page.cards.iter().map(|card| card.title.as_str()).collect();
    assert_eq!((titles, page.count, page.count_is_exact), (vec!["c", "a"], 2, true));
    let whole = column(&bench, TaskStatus::Ready, 500, &ListCards::default());
    assert!(whole.contains(&page.cards[0]), "the card is that of its column");
}
