//! The moves back: reopen, unarchive, triage; and what becomes of the children of what is cancelled.

use kanband::kernel::error::{ErrorCode, Refusal};
use kanband::kernel::ids::TaskId;
use kanband::kernel::policy::Policy;
use kanband::kernel::rules::reason::Reason;
use kanband::kernel::run::RunOutcome;
use kanband::kernel::task::TaskStatus;
use kanband::kernel::verbs::{
    ArchiveTask, CancelTask, CollectGarbage, CompleteTask, CreateTask, EditTask, PromoteTask,
    ReopenTask, RestartTask, StopTask, TriageTask, UnarchiveTask, UnblockTask,
};
use serde_json::json;

use crate::bench_board::{Bench, wire};

fn done(bench: &mut Bench, id: &TaskId) {
    bench.do_it(&wire::<CompleteTask>(json!({"id": id, "summary": "s", "result": "r"})));
}

fn of<V: serde::de::DeserializeOwned>(id: &TaskId) -> V {
    wire(json!({ "id": id }))
}

#[test]
fn children_of_what_is_cancelled_wait_for_a_person_and_grandchildren_wait_as_before() {
    for verb in ["cancel", "archive", "stop"] {
        let mut bench = Bench::new();
        let parent = bench.create("p", "dev", &[]);
        if verb == "stop" {
            bench.start_one();
        }
        let child = bench.create("c", "dev", &[&parent]);
        let grandchild = bench.create("g", "dev", &[&child]);
        let idea = bench
            .do_it(&wire::<CreateTask>(json!({"title": "i", "triage": true, "parents": [parent]})));
        let held = match verb {
            "cancel" => bench.do_it(&of::<CancelTask>(&parent)).held,
            "archive" => bench.do_it(&of::<ArchiveTask>(&parent)).held,
            _ => bench.do_it(&wire::<StopTask>(json!({"id": parent, "then": "cancel"}))).held,
        };
        assert_eq!(held, [child.to_string()], "{verb}");
        assert_eq!(bench.status(&parent), TaskStatus::Archived);
        let row = bench.task(&child);
        assert_eq!(
            (row.status, row.block_kind.as_deref()),
            (TaskStatus::Blocked, Some("parent_cancelled"))
        );
        let event = bench.events(&child).pop().unwrap();
        assert_eq!(
            (event.kind.as_str(), &event.payload.unwrap()["parent"]),
            ("blocked", &json!(parent))
        );
        assert_eq!(bench.status(&grandchild), TaskStatus::Todo);
        assert_eq!(bench.status(&idea.task.id), TaskStatus::Triage);
        assert!(bench.pass().orders.is_empty(), "{verb}: nothing starts by itself");
        let reason = bench.why(&child, &Policy::default());
        assert!(reason.explanation().contains(parent.as_str()), "{}", reason.explanation());
        assert_eq!(bench.do_it(&of::<UnblockTask>(&child)).status, TaskStatus::Ready);
        assert_eq!(bench.task(&child).block_kind, None);
    }
}

#[test]
fn children_are_released_where_that_is_asked_and_by_what_is_done() {
    let mut bench = Bench::new();
    let parent = bench.create("p", "", &[]);
    let child = bench.create("c", "dev", &[&parent]);
    let verb = wire::<CancelTask>(json!({"id": parent, "release_children": true, "reason": "why"}));
    assert_eq!(bench.do_it(&verb).held, Vec::<String>::new());
    let payload = bench.events(&parent).pop().unwrap().payload.unwrap();
    assert_eq!((&payload["reason"], &payload["cancelled"]), (&json!("why"), &json!(true)));
    assert_eq!(bench.status(&child), TaskStatus::Ready);
    let parent = bench.create("p", "", &[]);
    let child = bench.create("c", "dev", &[&parent]);
    done(&mut bench, &parent);
    assert_eq!(bench.do_it(&of::<ArchiveTask>(&parent)).held, Vec::<String>::new());
    assert_eq!(bench.status(&child), TaskStatus::Ready);
    let refusal = bench.refused(&of::<CancelTask>(&parent));
    assert_eq!(refusal.code(), ErrorCode::WrongStatus);
}

#[test]
fn a_scheduled_child_is_held_and_lands_by_its_time_when_it_is_let_go() {
    let mut bench = Bench::new();
    let parent = bench.create("p", "", &[]);
    let child = bench.create("c", "dev", &[&parent]);
    let start_at = bench.now + 50;
    bench.do_it(&wire::<EditTask>(json!({"id": child, "start_at": start_at})));
    assert_eq!(bench.status(&child), TaskStatus::Scheduled);
    assert_eq!(bench.do_it(&of::<CancelTask>(&parent)).held, [child.to_string()]);
    assert_eq!(bench.do_it(&of::<UnblockTask>(&child)).status, TaskStatus::Scheduled);
    bench.now = start_at;
    assert_eq!(bench.pass().orders.len(), 1);
    assert_eq!(bench.task(&child).start_at, None);
}

#[test]
fn reopening_forgets_the_end_and_has_ready_children_wait_while_running_ones_continue() {
    let mut bench = Bench::new();
    let parent = bench.create("p", "dev", &[]);
    bench.start_one();
    done(&mut bench, &parent);
    let running = bench.create("running", "dev", &[&parent]);
    let order = bench.pass().orders.remove(0);
    assert_eq!(order.task.id, running);
    bench.spawned(order.run_id);
    let ready = bench.create("ready", "", &[&parent]);
    let starts = bench.task(&parent).auto_starts;
    let reply = bench.do_it(&of::<ReopenTask>(&parent));
    assert_eq!(reply.demoted, [ready.to_string()]);
    assert_eq!(reply.status, TaskStatus::Ready);
    let row = bench.task(&parent);
    assert_eq!((row.completed_at, row.result, row.spawn_failures), (None, None, 0));
    assert_eq!(row.auto_starts, starts);
    assert_eq!(bench.runs(&parent).len(), 1);
    assert_eq!(bench.status(&ready), TaskStatus::Todo);
    assert_eq!(bench.status(&running), TaskStatus::Running);
    let Reason::Running { open_parents, .. } = bench.why(&running, &Policy::default()) else {
        panic!("it runs");
    };
    assert_eq!(open_parents, [parent.to_string()]);
    assert_eq!(bench.refused(&of::<ReopenTask>(&parent)).code(), ErrorCode::WrongStatus);
}

#[test]
fn a_run_that_ends_without_a_verdict_waits_for_a_parent_that_was_reopened() {
    let mut bench = Bench::new();
    let parent = bench.create("p", "", &[]);
    let child = bench.create("c", "dev", &[&parent]);
    done(&mut bench, &parent);
    bench.start_one();
    bench.do_it(&of::<ReopenTask>(&parent));
    assert_eq!(bench.do_it(&of::<RestartTask>(&child)).status, TaskStatus::Todo);
}

#[test]
fn unarchiving_brings_back_what_was_done_as_done_and_everything_else_by_its_parents() {
    let mut bench = Bench::new();
    let finished = bench.create("f", "", &[]);
    done(&mut bench, &finished);
    let (completed_at, result) = (bench.task(&finished).completed_at, bench.task(&finished).result);
    bench.do_it(&of::<ArchiveTask>(&finished));
    assert_eq!(bench.do_it(&of::<UnarchiveTask>(&finished)).status, TaskStatus::Done);
    let row = bench.task(&finished);
    assert_eq!((row.completed_at, row.result, row.archived_at), (completed_at, result, None));
    let parent = bench.create("p", "", &[]);
    let open = bench.create("o", "", &[&parent]);
    let child = bench.create("c", "", &[&open]);
    let verb = wire::<ArchiveTask>(json!({"id": open, "release_children": true}));
    bench.do_it(&verb);
    assert_eq!(bench.status(&child), TaskStatus::Ready);
    let reply = bench.do_it(&of::<UnarchiveTask>(&open));
    assert_eq!((reply.status, reply.demoted), (TaskStatus::Todo, vec![child.to_string()]));
    assert_eq!(bench.task(&open).archived_from, None);
}

#[test]
fn a_row_of_an_earlier_release_comes_back_as_done_when_it_was_completed() {
    let mut bench = Bench::new();
    let (finished, open) = (bench.create("f", "", &[]), bench.create("o", "", &[]));
    done(&mut bench, &finished);
    for id in [&finished, &open] {
        bench.do_it(&of::<ArchiveTask>(id));
    }
    let file = rusqlite::Connection::open(&bench.path).unwrap();
    file.execute("UPDATE tasks SET archived_from = NULL", []).unwrap();
    assert_eq!(bench.do_it(&of::<UnarchiveTask>(&finished)).status, TaskStatus::Done);
    assert_eq!(bench.do_it(&of::<UnarchiveTask>(&open)).status, TaskStatus::Ready);
}

#[test]
fn what_is_unarchived_loses_a_key_that_another_task_has_and_names_parents_that_are_gone() {
    let mut bench = Bench::new();
    let keyed = |title: &str| wire::<CreateTask>(json!({"title": title, "idempotency_key": "k"}));
    let first = bench.do_it(&keyed("t")).task.id;
    let parent = bench.create("p", "", &[]);
    let child = bench.create("c", "", &[&parent]);
    for id in [&first, &child, &parent] {
        bench.do_it(&of::<ArchiveTask>(id));
    }
    assert!(bench.do_it(&keyed("t")).created);
    let reply = bench.do_it(&of::<UnarchiveTask>(&first));
    assert_eq!(
        (reply.dropped_key.as_deref(), bench.task(&first).idempotency_key),
        (Some("k"), None)
    );
    bench.now += 10;
    let before = bench.now;
    // The parent goes; the child comes back afterwards.
    bench.do_it(&of::<UnarchiveTask>(&child));
    bench.do_it(&CollectGarbage { archived_before: before });
    bench.do_it(&of::<ArchiveTask>(&child));
    let reply = bench.do_it(&of::<UnarchiveTask>(&child));
    assert_eq!((reply.status, reply.purged_parents), (TaskStatus::Ready, vec![parent.to_string()]));
}

#[test]
fn a_task_goes_back_to_triage_and_waits_there_for_a_promotion() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    assert_eq!(bench.do_it(&of::<TriageTask>(&id)).status, TaskStatus::Triage);
    assert!(bench.pass().orders.is_empty());
    let start_at = bench.now + 9;
    bench.do_it(&wire::<EditTask>(json!({"id": id, "start_at": start_at})));
    assert_eq!(bench.status(&id), TaskStatus::Triage, "in triage a time is only stored");
    assert_eq!(bench.do_it(&of::<PromoteTask>(&id)).status, TaskStatus::Scheduled);
    assert_eq!(bench.do_it(&of::<PromoteTask>(&id)).status, TaskStatus::Ready);
    bench.start_one();
    assert_eq!(bench.refused(&of::<TriageTask>(&id)).code(), ErrorCode::WrongStatus);
    let refusal = bench.refused(&wire::<EditTask>(json!({"id": id, "start_at": start_at})));
    assert!(refusal.to_string().contains("status=running"), "{refusal}");
}

#[test]
fn a_restart_names_what_helps_where_nothing_runs() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let hint = |refusal: Refusal| refusal.hint().map(|hint| hint.to_string()).unwrap_or_default();
    let refusal = bench.refused(&of::<RestartTask>(&id));
    assert!(refusal.to_string().starts_with(&format!("cannot restart {id}")), "{refusal}");
    assert!(hint(refusal).is_empty());
    bench.start_one();
    bench.do_it(&wire::<StopTask>(json!({"id": id, "then": "hold"})));
    assert!(hint(bench.refused(&of::<RestartTask>(&id))).contains("kanban unblock"));
    done(&mut bench, &id);
    assert!(hint(bench.refused(&of::<RestartTask>(&id))).contains("kanban reopen"));
    assert_eq!(bench.runs(&id)[0].outcome, Some(RunOutcome::Stopped));
}

#[test]
fn an_edit_changes_every_field_at_once_or_nothing() {
    let mut bench = Bench::new();
    let (old, new) = (bench.create("old", "", &[]), bench.create("new", "", &[]));
    let id = bench.create("t", "dev", &[&old]);
    let edit = json!({
        "id": id, "title": "u", "assignee": "qa", "add_parents": [new], "remove_parents": [old],
        "workspace_kind": "dir", "workspace_path": "/srv/x", "skills": ["s"], "due_at": 5,
        "max_runtime_seconds": 60, "priority": 3,
    });
    let reply = bench.do_it(&wire::<EditTask>(edit.clone()));
    let task = &reply.task;
    assert_eq!(
        (task.title.as_str(), task.assignee.as_deref(), task.workspace_path.as_deref()),
        ("u", Some("qa"), Some("/srv/x"))
    );
    assert_eq!((task.due_at, task.max_runtime_seconds, task.priority), (Some(5), Some(60), 3));
    assert_eq!(task.status, TaskStatus::Todo);
    let fields = ["title", "skills", "max_runtime_seconds", "due_at", "workspace"];
    assert_eq!(reply.changed[..5], fields.map(str::to_owned));
    assert_eq!(reply.changed[5..], ["priority", "assignee", "parents"].map(str::to_owned));
    let refusal = bench
        .refused(&wire::<EditTask>(json!({"id": new, "title": "changed", "add_parents": [id]})));
    assert_eq!(refusal.code(), ErrorCode::Cycle);
    assert_eq!(bench.do_it(&wire::<EditTask>(edit_without_links(edit))).changed.len(), 0);
}

fn edit_without_links(mut edit: serde_json::Value) -> serde_json::Value {
    let fields = edit.as_object_mut().unwrap();
    fields.retain(|key, _| !key.ends_with("_parents"));
    edit
}

#[test]
fn an_edit_of_a_version_that_was_changed_is_refused_with_the_task_as_it_is() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let seen = bench.task(&id).version;
    let edit = |version: i64, title: &str| {
        wire::<EditTask>(json!({"id": id, "title": title, "if_version": version}))
    };
    bench.do_it(&wire::<kanband::kernel::verbs::CommentTask>(json!({"id": id, "body": "b"})));
    assert_eq!(bench.task(&id).version, seen, "a comment changes no field");
    let edited = bench.do_it(&edit(seen, "u")).task;
    assert_eq!(edited.version, bench.events(&id).last().unwrap().id);
    let refusal = bench.refused(&edit(seen, "v"));
    assert_eq!(refusal.code(), ErrorCode::ChangedMeanwhile);
    assert_eq!(refusal.current_task(), Some(&edited));
    bench.start_one();
    assert!(bench.task(&id).version > edited.version, "a move changes the status");
}
