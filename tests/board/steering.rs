//! What people do to tasks: edit, assign, unlink, archive, promote, reclaim, reassign, and what a worker may not.

use kanband::kernel::error::Refusal;
use kanband::kernel::outcome::{ProcessEnd, VerdictMode};
use kanband::kernel::policy::Policy;
use kanband::kernel::run::RunOutcome;
use kanband::kernel::task::TaskStatus;
use kanband::kernel::tx::Signal;
use kanband::kernel::verbs::{
    ArchiveTask, AssignTask, BlockTask, ClaimTask, CompleteTask, CreateTask, EditTask, LinkTasks,
    PromoteTask, ReassignTask, ReclaimTask, UnblockTask, UnlinkTasks,
};
use serde_json::json;

use crate::bench_board::{Bench, wire, worker};

#[test]
fn an_edit_says_which_fields_changed_and_an_edit_that_changes_nothing_leaves_no_event() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let edit: EditTask = wire(json!({
        "id": id, "title": " new ", "body": "text", "tenant": "shop", "priority": 4,
        "add_labels": ["urgent", "api"],
    }));
    let reply = bench.do_it(&edit);
    assert_eq!(reply.changed, ["title", "body", "tenant", "labels", "priority"]);
    let task = bench.task(&id);
    assert_eq!((task.title.as_str(), task.priority), ("new", 4));
    assert_eq!(task.labels, ["api", "urgent"]);
    assert_eq!(bench.kinds(&id), ["created", "edited", "reprioritized"]);
    assert!(bench.do_it(&edit).changed.is_empty());
    assert_eq!(bench.kinds(&id).len(), 3);
    bench.do_it(&wire::<EditTask>(json!({"id": id, "body": "", "remove_labels": ["api"]})));
    assert_eq!(bench.task(&id).body, None);
    assert_eq!(bench.task(&id).labels, ["urgent"]);
}

#[test]
fn a_title_cannot_be_edited_away() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    for title in ["", " \t\n"] {
        let edit = wire::<EditTask>(json!({"id": id, "title": title}));
        assert_eq!(bench.refused(&edit), Refusal::TitleRequired);
    }
}

#[test]
fn a_new_assignee_begins_without_the_failures_of_the_old_one() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let order = bench.start_one();
    bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Exited(3));
    assert_eq!(bench.task(&id).spawn_failures, 1);
    assert!(bench.task(&id).not_before.is_some());
    let reply = bench.do_it(&wire::<AssignTask>(json!({"id": id, "assignee": "qa"})));
    assert!(reply.changed);
    let task = bench.task(&id);
    assert_eq!((task.spawn_failures, task.not_before), (0, None));
    assert!(bench.signals.contains(&Signal::DispatchDue));
    assert!(!bench.do_it(&wire::<AssignTask>(json!({"id": id, "assignee": "qa"}))).changed);
}

#[test]
fn assign_refuses_while_running_and_says_who_works() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    bench.start_one();
    let refusal = bench.refused(&wire::<AssignTask>(json!({"id": id, "assignee": "qa"})));
    assert!(refusal.to_string().contains("currently running (claimed by kanband/dev)"));
}

#[test]
fn unlinking_the_last_open_parent_releases_the_child_at_once() {
    let mut bench = Bench::new();
    let first = bench.create("p", "", &[]);
    let second = bench.create("q", "", &[]);
    let child = bench.create("c", "dev", &[&first, &second]);
    let ends = |parent| wire::<UnlinkTasks>(json!({"parent_id": parent, "child_id": child}));
    assert_eq!(bench.do_it(&ends(&first)).child_status, TaskStatus::Todo);
    assert_eq!(bench.do_it(&ends(&second)).child_status, TaskStatus::Ready);
    assert!(matches!(bench.refused(&ends(&second)), Refusal::UnknownLink { .. }));
    assert_eq!(bench.kinds(&child), ["created", "unlinked", "unlinked", "promoted"]);
}

#[test]
fn an_archived_parent_counts_as_satisfied() {
    let mut bench = Bench::new();
    let parent = bench.create("p", "", &[]);
    let child = bench.create("c", "dev", &[&parent]);
    let release = json!({"id": parent, "release_children": true});
    let reply = bench.do_it(&wire::<ArchiveTask>(release));
    assert_eq!(reply.released, 1);
    assert_eq!(bench.status(&child), TaskStatus::Ready);
    let late = bench.create("late", "dev", &[&parent]);
    assert_eq!(bench.status(&late), TaskStatus::Ready);
    let refusal = bench.refused(&wire::<ArchiveTask>(json!({"id": parent})));
    assert!(refusal.to_string().contains("status=archived"), "{refusal}");
}

#[test]
fn archiving_a_running_task_is_a_verdict_and_its_slot_is_free_only_when_the_tree_is_empty() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let order = bench.start_one();
    bench.do_it(&wire::<ArchiveTask>(json!({"id": id})));
    assert_eq!(bench.status(&id), TaskStatus::Archived);
    let run = bench.runs(&id).remove(0);
    assert_eq!(run.outcome, Some(RunOutcome::Reclaimed));
    assert_eq!(run.closed_at, None);
    let stopped = |signal: &Signal| matches!(signal, Signal::VerdictGiven { run_id, by_worker: false } if *run_id == order.run_id);
    assert!(bench.signals.iter().any(stopped), "{:?}", bench.signals);
    let stale =
        bench.refused_by(&worker(&order), &wire::<CompleteTask>(json!({"id": id, "summary": "s"})));
    assert!(matches!(stale, Refusal::RunOver { .. }), "{stale}");
    bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Signalled(9));
    assert!(bench.runs(&id).remove(0).closed_at.is_some());
    assert_eq!(bench.status(&id), TaskStatus::Archived);
}

#[test]
fn promote_names_unmet_parents_and_force_is_kept_with_who_and_why() {
    let mut bench = Bench::new();
    let parent = bench.create("p", "", &[]);
    let child = bench.create("c", "dev", &[&parent]);
    let refusal = bench.refused(&wire::<PromoteTask>(json!({"id": child})));
    assert!(refusal.to_string().contains(parent.as_str()), "{refusal}");
    let force = json!({"id": child, "force": true, "reason": "the parent is moot"});
    let reply = bench.do_it(&wire::<PromoteTask>(force));
    assert_eq!(reply.status, TaskStatus::Ready);
    assert_eq!(reply.unmet, [parent.to_string()]);
    let event = bench.events(&child).pop().unwrap();
    assert_eq!(event.kind, "promoted");
    assert_eq!(event.actor.as_deref(), Some("ada"));
    let payload = event.payload.unwrap();
    assert_eq!(payload["reason"], "the parent is moot");
    assert_eq!(payload["unmet"], json!([parent]));
}

#[test]
fn promote_takes_a_task_out_of_triage_to_where_its_parents_allow() {
    let mut bench = Bench::new();
    let parent = bench.create("p", "", &[]);
    let triaged =
        |parents| wire::<CreateTask>(json!({"title": "t", "triage": true, "parents": parents}));
    let free = bench.do_it(&triaged(json!([]))).task.id;
    let waiting = bench.do_it(&triaged(json!([parent]))).task.id;
    for (id, status) in [(free, TaskStatus::Ready), (waiting, TaskStatus::Todo)] {
        assert_eq!(bench.do_it(&wire::<PromoteTask>(json!({"id": id}))).status, status);
    }
}

#[test]
fn reclaim_and_reassign_end_the_run_and_the_next_one_waits_for_its_processes() {
    for new_assignee in [None, Some("qa")] {
        let mut bench = Bench::new();
        let id = bench.create("t", "dev", &[]);
        let order = bench.start_one();
        let reply = match new_assignee {
            None => bench.do_it(&wire::<ReclaimTask>(json!({"id": id, "reason": "hangs"}))),
            Some(name) => bench.do_it(&wire::<ReassignTask>(json!({"id": id, "assignee": name}))),
        };
        assert_eq!((reply.run_id, reply.stopping), (Some(order.run_id), true));
        assert_eq!(reply.status, TaskStatus::Ready);
        assert_eq!(bench.runs(&id)[0].outcome, Some(RunOutcome::Reclaimed));
        assert_eq!(bench.task(&id).spawn_failures, 0, "taking back is no failure");
        assert!(bench.pass().orders.is_empty(), "the old processes may live");
        bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Signalled(15));
        assert_eq!(bench.start_one().profile, new_assignee.unwrap_or("dev"));
    }
}

#[test]
fn reclaim_of_a_task_that_does_not_run_is_refused_and_a_manual_claim_ends_at_once() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let reclaim = wire::<ReclaimTask>(json!({"id": id}));
    assert!(matches!(bench.refused(&reclaim), Refusal::WrongStatus { .. }));
    bench.do_it(&wire::<ClaimTask>(json!({"id": id, "claimer": "bob@desk"})));
    assert!(!bench.do_it(&reclaim).stopping);
    assert_eq!(bench.kinds(&id), ["created", "claimed", "reclaimed"]);
    assert_eq!(bench.events(&id)[2].payload.as_ref().unwrap()["stale_lock"], "bob@desk");
}

#[test]
fn a_worker_cannot_use_the_operators_verbs() {
    let mut bench = Bench::new();
    let own = bench.create("own", "dev", &[]);
    let order = bench.start_one();
    let by = worker(&order);
    let other = bench.create("other", "qa", &[]);
    for id in [&own, &other] {
        let id = json!({"id": id});
        let refusals = [
            bench.refused_by(&by, &wire::<EditTask>(id.clone())),
            bench.refused_by(&by, &wire::<AssignTask>(id.clone())),
            bench.refused_by(&by, &wire::<ArchiveTask>(id.clone())),
            bench.refused_by(&by, &wire::<PromoteTask>(id.clone())),
            bench.refused_by(&by, &wire::<ReclaimTask>(id.clone())),
            bench.refused_by(&by, &wire::<ReassignTask>(id.clone())),
        ];
        for refusal in refusals {
            assert!(matches!(refusal, Refusal::Forbidden { .. }), "{refusal}");
        }
    }
}

#[test]
fn a_worker_that_plans_unblocks_what_its_task_created_and_nothing_else() {
    let policy = Policy { orchestrators: ["planner".to_owned()].into(), ..Policy::default() };
    let mut bench = Bench::with_policy(policy);
    for (profile, may_own) in [("planner", true), ("dev", false)] {
        bench.create("plan", profile, &[]);
        let by = worker(&bench.start_one());
        let create = wire::<CreateTask>(json!({"title": "part"}));
        let own = bench.by(&by, &create).unwrap().task.id;
        let foreign = bench.create("foreign", "", &[]);
        for id in [&own, &foreign] {
            bench.do_it(&wire::<BlockTask>(json!({"id": id, "reason": "which one?"})));
        }
        let unblock = |id| wire::<UnblockTask>(json!({"id": id}));
        let more = wire::<UnblockTask>(json!({"id": own, "more_starts": true}));
        assert!(matches!(bench.refused_by(&by, &more), Refusal::Forbidden { .. }), "{profile}");
        assert_eq!(bench.by(&by, &unblock(&own)).is_ok(), may_own, "{profile}");
        let refusal = bench.refused_by(&by, &unblock(&foreign));
        let is_told = matches!(refusal, Refusal::NotYours { .. } | Refusal::Forbidden { .. });
        assert!(is_told, "{profile}: {refusal}");
    }
}

#[test]
fn a_link_across_boards_is_refused_by_either_end() {
    let mut bench = Bench::new();
    bench.do_it(&wire::<kanband::kernel::verbs::CreateBoard>(json!({"name": "side"})));
    let here = bench.create("here", "", &[]);
    let there =
        bench.do_it(&wire::<CreateTask>(json!({"title": "there", "board": "side"}))).task.id;
    for (parent, child) in [(&here, &there), (&there, &here)] {
        bench.refused(&wire::<LinkTasks>(json!({"parent_id": parent, "child_id": child})));
    }
    let refusal = bench.refused(&wire::<CreateTask>(json!({"title": "x", "parents": [there]})));
    assert!(refusal.to_string().contains("unknown parent"));
}

#[test]
fn a_request_that_names_another_board_than_the_tasks_is_refused() {
    let mut bench = Bench::new();
    bench.do_it(&wire::<kanband::kernel::verbs::CreateBoard>(json!({"name": "side"})));
    let id = bench.create("t", "", &[]);
    let named = json!({"id": id, "board": "side"});
    for refusal in [
        bench.refused(&wire::<CompleteTask>(named.clone())),
        bench.refused(&wire::<EditTask>(named.clone())),
        bench.refused(&wire::<ArchiveTask>(named.clone())),
        bench.refused(&wire::<BlockTask>(named.clone())),
    ] {
        assert!(refusal.to_string().contains("is not on board side"), "{refusal}");
    }
}
