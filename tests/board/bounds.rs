//! What one task may have: refused beyond the limit, and what is more than the limit already stays as it is.

use kanband::kernel::error::Refusal;
use kanband::kernel::ids::TaskId;
use kanband::kernel::limits::{
    BODY_BYTES_MAX, CHILDREN_PER_TASK_MAX, COMMENT_BYTES_PER_TASK_MAX, COMMENTS_PER_TASK_MAX,
    EVENTS_PER_TASK_MAX, HEARTBEAT_EVENTS_PER_TASK_MAX, LABELS_PER_TASK_MAX, PARENTS_PER_TASK_MAX,
    SUBSCRIPTIONS_PER_TASK_MAX,
};
use kanband::kernel::verbs::{
    AttachFile, ClaimTask, CommentTask, CompleteTask, CreateTask, EditTask, HeartbeatTask,
    LinkTasks, StopTask, Subscribe,
};
use serde_json::json;

use crate::bench_board::{Bench, wire};

/// Writes rows as another program might.
fn write(bench: &Bench, sql: &str) -> usize {
    let connection = rusqlite::Connection::open(&bench.path).unwrap();
    connection.pragma_update(None, "foreign_keys", false).unwrap();
    connection.execute(sql, []).unwrap()
}

fn comment(id: &TaskId, body: &str) -> CommentTask {
    wire(json!({ "id": id, "body": body }))
}

/// Of what there would be too many.
fn too_many(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::TooMany { what, .. } => what,
        other => panic!("{other}"),
    }
}

#[test]
fn comments_are_bounded_in_bytes() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let largest = "x".repeat(BODY_BYTES_MAX);
    let fitting = COMMENT_BYTES_PER_TASK_MAX / BODY_BYTES_MAX as u64;
    for _ in 0..fitting {
        bench.do_it(&comment(&id, &largest));
    }
    assert_eq!(
        too_many(bench.run(&comment(&id, "x")).map(drop).unwrap_err_refusal()),
        "bytes of comments"
    );
    let other = bench.create("other", "dev", &[]);
    bench.do_it(&comment(&other, "x"));
}

#[test]
fn comments_are_bounded_in_number_and_counted_where_another_program_wrote_some() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    bench.do_it(&comment(&id, "first"));
    write(
        &bench,
        &format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {})
             INSERT INTO task_comments (task_id, author, body, created_at)
             SELECT '{id}', 'sqlite3', 'x', 1 FROM n",
            COMMENTS_PER_TASK_MAX - 2
        ),
    );
    bench.do_it(&comment(&id, "the last that fits"));
    assert_eq!(too_many(bench.refused(&comment(&id, "one more"))), "comments");
}

#[test]
fn links_are_bounded_at_both_ends_and_one_that_is_there_is_no_new_one() {
    let mut bench = Bench::new();
    let (parent, child) = (bench.create("p", "dev", &[]), bench.create("c", "dev", &[]));
    let link = wire::<LinkTasks>(json!({ "parent_id": parent, "child_id": child }));
    let fill = |bench: &Bench, ends: &str, count: u64| {
        let numbers = format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
        );
        write(
            bench,
            &format!("{numbers} INSERT INTO task_links (parent_id, child_id) SELECT {ends} FROM n"),
        );
    };
    fill(&bench, &format!("'{parent}', 't_c' || i"), CHILDREN_PER_TASK_MAX - 1);
    bench.do_it(&link);
    assert!(!bench.do_it(&link).linked, "it is there already");
    let other = bench.create("o", "dev", &[]);
    let more = wire::<LinkTasks>(json!({ "parent_id": parent, "child_id": other }));
    assert_eq!(too_many(bench.run(&more).map(drop).unwrap_err_refusal()), "children");
    let create = wire::<CreateTask>(json!({ "title": "t", "parents": [parent] }));
    assert_eq!(too_many(bench.run(&create).map(drop).unwrap_err_refusal()), "children");
    fill(&bench, &format!("'t_p' || i, '{other}'"), PARENTS_PER_TASK_MAX);
    let more = wire::<LinkTasks>(json!({ "parent_id": child, "child_id": other }));
    assert_eq!(too_many(bench.run(&more).map(drop).unwrap_err_refusal()), "parents");
}

#[test]
fn labels_are_bounded_at_create_and_at_edit() {
    let mut bench = Bench::new();
    let labels = |count: u64| (0..count).map(|n| format!("l{n}")).collect::<Vec<_>>();
    let create = |count| wire::<CreateTask>(json!({ "title": "t", "labels": labels(count) }));
    let id = bench.do_it(&create(LABELS_PER_TASK_MAX)).task.id;
    assert!(bench.refused(&create(LABELS_PER_TASK_MAX + 1)).to_string().contains("labels"));
    let edit = |add: &[&str], remove: &[&str]| {
        wire::<EditTask>(json!({ "id": id, "add_labels": add, "remove_labels": remove }))
    };
    assert_eq!(too_many(bench.refused(&edit(&["more"], &[]))), "labels");
    bench.do_it(&edit(&["l1"], &[]));
    bench.do_it(&edit(&[], &["l1"]));
    bench.do_it(&edit(&["more"], &[]));
}

#[test]
fn subscriptions_are_bounded() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let subscribe = |n: u64| {
        wire::<Subscribe>(json!({ "id": id, "platform": "chat", "chat_id": n.to_string() }))
    };
    for n in 0..SUBSCRIPTIONS_PER_TASK_MAX {
        bench.do_it(&subscribe(n));
    }
    bench.do_it(&subscribe(0));
    assert_eq!(too_many(bench.refused(&subscribe(SUBSCRIPTIONS_PER_TASK_MAX))), "subscriptions");
}

fn fill_events(bench: &Bench, id: &TaskId, count: u64) {
    write(
        bench,
        &format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
             INSERT INTO task_events (task_id, kind, created_at, actor) SELECT '{id}', 'edited', 1, 'x' FROM n"
        ),
    );
}

#[test]
fn a_task_full_of_events_takes_no_more_talk_but_every_verdict() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let other = bench.do_it(&wire::<CreateTask>(json!({ "title": "o" }))).task.id;
    fill_events(&bench, &id, EVENTS_PER_TASK_MAX);
    let file = json!({"id": id, "filename": "f", "size_bytes": 1, "sha256": "0".repeat(64)});
    let refused = [
        bench.run(&comment(&id, "x")).map(drop),
        bench.run(&wire::<EditTask>(json!({ "id": id, "title": "other" }))).map(drop),
        bench.run(&wire::<EditTask>(json!({ "id": id, "priority": 7 }))).map(drop),
        bench.run(&wire::<LinkTasks>(json!({ "parent_id": other, "child_id": id }))).map(drop),
        bench.run(&wire::<AttachFile>(file)).map(drop),
    ];
    for answer in refused {
        assert_eq!(too_many(answer.unwrap_err_refusal()), "events");
    }
    let order = bench.start_one();
    bench.do_it(&wire::<StopTask>(json!({ "id": order.task.id, "then": "hold" })));
    bench.do_it(&wire::<CompleteTask>(json!({ "id": id, "summary": "done all the same" })));
}

#[test]
fn a_heartbeat_counts_for_ever_and_leaves_an_event_only_so_often() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    bench.do_it(&wire::<ClaimTask>(json!({ "id": id })));
    let beat = |note: &str| wire::<HeartbeatTask>(json!({ "id": id, "note": note }));
    bench.do_it(&beat("seen"));
    let before = bench.kinds(&id).len();
    fill_events(&bench, &id, HEARTBEAT_EVENTS_PER_TASK_MAX);
    bench.now += 60;
    bench.do_it(&beat("seen too"));
    assert_eq!(bench.kinds(&id).len() as u64, before as u64 + HEARTBEAT_EVENTS_PER_TASK_MAX);
    assert_eq!(bench.task(&id).last_heartbeat_at, Some(bench.now));
    let long = "x".repeat(kanband::kernel::limits::HEARTBEAT_NOTE_BYTES_MAX + 1);
    assert!(matches!(bench.refused(&beat(&long)), Refusal::TooLarge { field: "note", .. }));
}

/// The refusal of an answer that must be one.
trait Refused {
    fn unwrap_err_refusal(self) -> Refusal;
}

impl Refused for Result<(), kanband::kernel::error::VerbError> {
    fn unwrap_err_refusal(self) -> Refusal {
        match self {
            Err(kanband::kernel::error::VerbError::Refused(refusal)) => refusal,
            other => panic!("it was not refused: {other:?}"),
        }
    }
}
