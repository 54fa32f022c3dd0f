//! What workers hand over: to whom, where, how much of it, and that only a person lets the rest go on.

use std::sync::{Arc, Mutex};

use kanband::kernel::caller::Caller;
use kanband::kernel::error::Refusal;
use kanband::kernel::outcome::{ProcessEnd, VerdictMode};
use kanband::kernel::policy::Policy;
use kanband::kernel::rules::handover::{Dirs, HandoverPolicy, Options, Profiles, Reach};
use kanband::kernel::rules::inbox::Kind;
use kanband::kernel::rules::reason::Reason;
use kanband::kernel::task::TaskStatus;
use kanband::kernel::verbs::{
    AddSchedule, AnswerTask, ArchiveTask, AttachFile, BlockTask, BulkTasks, CollectGarbage,
    CompleteTask, CreateReply, CreateTask, CreateTasks, EditTask, FireTimer, LinkTasks,
    MakeOccurrences, PromoteTask, ResumeSchedule, TriageTask, UnarchiveTask, UnblockTask,
};
use serde_json::{Value, json};

use crate::bench_board::{Bench, wire, worker};
use crate::blocks::inbox;

/// `reader` reaches `twin` and the directories below `/srv/shared`; `deployer` is beyond.
fn policy() -> Policy {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let profiles = Profiles::These {
        names: set(&["twin"]),
        has_unnamed: false,
        known: set(&["reader", "twin", "deployer"]),
    };
    let reach = Reach { profiles, dirs: Dirs::Below(vec!["/srv/shared".into()]) };
    let large = Options { model: Some("large".into()), effort: None };
    let handover = HandoverPolicy {
        by_profile: [("reader".to_owned(), reach)].into(),
        options_by_profile: [("twin".to_owned(), large)].into(),
        tree_depth: 2,
        tree_tasks: 3,
        ..HandoverPolicy::default()
    };
    Policy {
        handover,
        orchestrators: set(&["reader"]),
        may_schedule: set(&["reader"]),
        ..Policy::default()
    }
}

/// A board on which a worker of `reader` runs, whose task has these fields besides.
fn scene(more: &Value) -> (Bench, Caller) {
    let mut bench = Bench::with_policy(policy());
    let mut fields = json!({"title": "read", "assignee": "reader"});
    for (name, value) in more.as_object().unwrap() {
        fields[name] = value.clone();
    }
    bench.do_it(&wire::<CreateTask>(fields));
    let by = worker(&bench.start_one());
    (bench, by)
}

fn create(bench: &mut Bench, by: &Caller, more: &Value) -> CreateReply {
    let mut fields = json!({"title": "do it"});
    for (name, value) in more.as_object().unwrap() {
        fields[name] = value.clone();
    }
    bench.by(by, &wire::<CreateTask>(fields)).unwrap()
}

#[test]
fn a_task_beyond_the_reach_of_its_creator_waits_in_triage_until_a_person_promotes_it() {
    let (mut bench, by) = scene(&json!({}));
    for (fields, held) in [
        (json!({"assignee": "twin"}), None),
        (json!({"assignee": "reader"}), None),
        (json!({}), None),
        (json!({"assignee": "deployer"}), Some("may_assign")),
        (json!({"assignee": "stranger"}), Some("may_assign")),
        (
            json!({"assignee": "twin", "workspace_kind": "dir", "workspace_path": "/srv/shared/a"}),
            None,
        ),
        (
            json!({"assignee": "twin", "workspace_kind": "dir", "workspace_path": "/home/x"}),
            Some("may_use_dirs"),
        ),
        (
            json!({"assignee": "deployer", "workspace_kind": "worktree", "workspace_path": "/home/x"}),
            Some("may_assign"),
        ),
    ] {
        let mut bench_of_one = scene(&json!({}));
        let reply = create(&mut bench_of_one.0, &bench_of_one.1, &fields);
        assert_eq!(reply.held.as_deref(), held, "{fields}");
        let expected = if held.is_some() { TaskStatus::Triage } else { TaskStatus::Ready };
        assert_eq!(reply.task.status, expected, "{fields}");
        assert_eq!(reply.warnings.len(), usize::from(held.is_some()), "{:?}", reply.warnings);
    }
    let reply = create(&mut bench, &by, &json!({"assignee": "deployer", "idempotency_key": "k"}));
    assert_eq!(
        reply.warnings,
        [
            "waits in triage until a person promotes it: profile reader may not hand work to deployer (profiles.reader.may_assign)"
        ]
    );
    let again = create(&mut bench, &by, &json!({"assignee": "deployer", "idempotency_key": "k"}));
    assert_eq!((again.created, again.held.as_deref()), (false, Some("may_assign")));
    let id = &reply.task.id;
    assert_eq!(bench.events(id)[0].payload.as_ref().unwrap()["held"], "may_assign");
    assert_eq!(bench.why(id, &policy()), Reason::Triage { held: Some("may_assign".into()) });
    let rows = inbox(&bench);
    let cause = "created by a worker beyond what its profile may (may_assign)";
    assert_eq!(rows, [(Kind::Handover, format!("{id} do it: {cause}"))]);
    // None of what a worker can ask for lets it go on.
    let own = json!({"id": id});
    for refusal in [
        bench.refused_by(&by, &wire::<PromoteTask>(own.clone())),
        bench.refused_by(&by, &wire::<UnblockTask>(own.clone())),
        bench.refused_by(&by, &wire::<ArchiveTask>(own.clone())),
        bench.refused_by(&by, &wire::<TriageTask>(own.clone())),
    ] {
        let is_refused = matches!(refusal, Refusal::Forbidden { .. } | Refusal::WrongStatus { .. });
        assert!(is_refused, "{refusal}");
    }
    let bulk = wire::<BulkTasks>(json!({"verb": "promote", "ids": [id]}));
    assert!(bench.by(&by, &bulk).unwrap().results[0].refused.is_some());
    assert_eq!(bench.status(id), TaskStatus::Triage);
    bench.do_it(&wire::<PromoteTask>(own));
    assert_eq!(bench.status(id), TaskStatus::Ready);
    assert!(inbox(&bench).iter().all(|(kind, _)| *kind != Kind::Handover));
    bench.do_it(&wire::<TriageTask>(json!({"id": id})));
    assert_eq!(bench.why(id, &policy()), Reason::Triage { held: None }, "a person has let it go");
}

#[test]
fn a_held_task_that_is_archived_and_brought_back_waits_again() {
    let (mut bench, by) = scene(&json!({}));
    let held = create(&mut bench, &by, &json!({"assignee": "deployer"})).task.id;
    let let_go = create(&mut bench, &by, &json!({"assignee": "deployer"})).task.id;
    bench.do_it(&wire::<PromoteTask>(json!({"id": let_go})));
    let is_asked = |bench: &Bench, id: &str| {
        inbox(bench).iter().any(|(kind, row)| *kind == Kind::Handover && row.contains(id))
    };
    for (id, status, is_held) in
        [(&held, TaskStatus::Triage, true), (&let_go, TaskStatus::Ready, false)]
    {
        bench.do_it(&wire::<ArchiveTask>(json!({"id": id})));
        assert!(!is_asked(&bench, id.as_str()), "{id}");
        let back = bench.do_it(&wire::<UnarchiveTask>(json!({"id": id})));
        assert_eq!((back.status, bench.status(id)), (status, status));
        assert_eq!(is_asked(&bench, id.as_str()), is_held, "{id}");
    }
    let held_by = Some("may_assign".into());
    assert_eq!(bench.why(&held, &policy()), Reason::Triage { held: held_by });
    bench.do_it(&wire::<PromoteTask>(json!({"id": held})));
    assert_eq!(bench.status(&held), TaskStatus::Ready);
}

#[test]
fn parents_batches_reviewers_and_schedules_are_no_way_around_the_reach() {
    let (mut bench, by) = scene(&json!({}));
    let Caller::Worker { task_id, .. } = &by else { unreachable!() };
    let child = create(&mut bench, &by, &json!({"assignee": "deployer", "parents": [task_id]}));
    assert_eq!(child.task.status, TaskStatus::Triage);
    let batch = json!({"tasks": [{"title": "a", "assignee": "twin"}, {"title": "b", "assignee": "deployer"}]});
    let batch = bench.by(&by, &wire::<CreateTasks>(batch)).unwrap();
    let held: Vec<_> = batch.created.iter().map(|one| one.held.as_deref()).collect();
    assert_eq!(held, [None, Some("may_assign")]);
    // Neither the end of the parent nor a time that comes is the word of a person.
    bench.by(&by, &wire::<CompleteTask>(json!({"id": task_id, "summary": "s"}))).unwrap();
    assert_eq!(bench.status(&child.task.id), TaskStatus::Triage);
    let (mut bench, by) = scene(&json!({}));
    let early = json!({"assignee": "deployer", "start_at": bench.now + 60});
    let early = create(&mut bench, &by, &early).task;
    bench.now += 120;
    bench.by(&Caller::System { part: "timer" }, &FireTimer).unwrap();
    assert_eq!((early.status, bench.status(&early.id)), (TaskStatus::Triage, TaskStatus::Triage));

    let mut policy = policy();
    policy.reviews.users =
        ["reader", "twin", "deployer"].map(|name| (name.into(), "a".into())).into();
    policy.reviews.default_user = "a".into();
    let mut bench = Bench::with_policy(policy);
    bench.create("read", "reader", &[]);
    let by = worker(&bench.start_one());
    for (reviewer, held) in [("twin", None), ("human", None), ("deployer", Some("may_assign"))] {
        let reply = create(&mut bench, &by, &json!({"assignee": "reader", "review": reviewer}));
        assert_eq!(reply.held.as_deref(), held, "{reviewer}");
    }

    let (mut bench, by) = scene(&json!({}));
    let schedule = json!({
        "name": "minutely", "cron": "* * * * *", "zone": "UTC", "task": {"title": "t", "assignee": "deployer"},
    });
    let added = bench.by(&by, &wire::<AddSchedule>(schedule)).unwrap();
    assert!(added.warnings[0].contains("may_assign"), "{:?}", added.warnings);
    bench.now += 60;
    let timer = Caller::System { part: "timer" };
    bench.by(&timer, &FireTimer).unwrap();
    bench.by(&timer, &MakeOccurrences).unwrap();
    let rows = inbox(&bench);
    assert!(rows.iter().any(|(kind, _)| *kind == Kind::Handover), "{rows:?}");
    assert!(bench.pass().orders.is_empty(), "nothing is started for deployer");
    assert!(bench.by(&by, &wire::<ResumeSchedule>(json!({"name": "minutely"}))).is_err());
}

#[test]
fn a_worker_lets_no_task_go_on_and_hands_nothing_to_one_whose_profile_is_beyond_its_reach() {
    let (mut bench, by) = scene(&json!({}));
    let mine = create(&mut bench, &by, &json!({"assignee": "deployer"})).task.id;
    let near = create(&mut bench, &by, &json!({"assignee": "twin"})).task.id;
    let theirs = bench.create("of a person", "deployer", &[]);
    bench.do_it(&wire::<PromoteTask>(json!({"id": mine})));
    let link = |child: &_| wire::<LinkTasks>(json!({"parent_id": near, "child_id": child}));
    for child in [&mine, &theirs] {
        let refusal = bench.refused_by(&by, &link(child));
        assert!(matches!(refusal, Refusal::BeyondReach { .. }), "{refusal}");
    }
    bench.do_it(&wire::<BlockTask>(json!({"id": mine, "reason": "r"})));
    let refusal = bench.refused_by(&by, &wire::<UnblockTask>(json!({"id": mine})));
    assert_eq!(
        refusal.to_string(),
        format!(
            "cannot unblock {mine}: profile reader may not hand work to deployer (profiles.reader.may_assign)"
        )
    );
    bench.do_it(&wire::<UnblockTask>(json!({"id": mine})));
    bench.do_it(&wire::<BlockTask>(json!({"id": mine, "question": "which one?"})));
    let answer = wire::<AnswerTask>(json!({"id": mine, "answer": "that"}));
    assert!(matches!(bench.refused_by(&by, &answer), Refusal::BeyondReach { .. }));
    // Within reach, its own, and what a person has to let go on anyway.
    bench.do_it(&wire::<BlockTask>(json!({"id": near, "reason": "r"})));
    bench.by(&by, &wire::<UnblockTask>(json!({"id": near}))).unwrap();
    let held = create(&mut bench, &by, &json!({"assignee": "deployer"})).task.id;
    bench.by(&by, &link(&held)).unwrap();
    assert_eq!(bench.status(&held), TaskStatus::Triage);
}

#[test]
fn a_worker_attaches_no_file_to_a_task_that_a_person_has_let_go_on_beyond_its_reach() {
    let (mut bench, by) = scene(&json!({}));
    let file = |id: &_, digit: &str| {
        let sha256 = digit.repeat(64);
        wire::<AttachFile>(json!({"id": id, "filename": "f", "size_bytes": 7, "sha256": sha256}))
    };
    let far = create(&mut bench, &by, &json!({"assignee": "deployer"})).task.id;
    let near = create(&mut bench, &by, &json!({"assignee": "twin"})).task.id;
    let Caller::Worker { task_id, .. } = &by else { unreachable!() };
    // A person sees the file of one in triage before it goes on.
    for id in [&far, &near, task_id] {
        bench.by(&by, &file(id, "a")).unwrap();
    }
    bench.do_it(&wire::<PromoteTask>(json!({"id": far})));
    assert_eq!(
        bench.refused_by(&by, &file(&far, "b")).to_string(),
        format!(
            "cannot attach to {far}: profile reader may not hand work to deployer (profiles.reader.may_assign)"
        )
    );
    bench.by(&by, &file(&near, "b")).unwrap();
    bench.do_it(&file(&far, "b"));
}

#[test]
fn a_reviewer_beyond_the_reach_that_a_person_has_named_counts_like_an_assignee() {
    let mut policy = policy();
    policy.reviews.users =
        ["reader", "twin", "deployer"].map(|name| (name.into(), "a".into())).into();
    policy.reviews.default_user = "a".into();
    let mut bench = Bench::with_policy(policy);
    bench.create("read", "reader", &[]);
    let by = worker(&bench.start_one());
    let near = create(&mut bench, &by, &json!({"assignee": "twin"})).task.id;
    let other = create(&mut bench, &by, &json!({})).task.id;
    let said = "profile reader may not hand work to deployer (profiles.reader.may_assign)";
    let file = json!({"id": near, "filename": "f", "size_bytes": 7, "sha256": "a".repeat(64)});
    let link = json!({"parent_id": other, "child_id": near});
    bench.do_it(&wire::<BlockTask>(json!({"id": near, "reason": "r"})));
    for (reviewer, is_refused) in [("deployer", true), ("human", false)] {
        bench.do_it(&wire::<EditTask>(json!({"id": near, "review": reviewer})));
        let tried = [
            bench.by(&by, &wire::<AttachFile>(file.clone())).err(),
            bench.by(&by, &wire::<LinkTasks>(link.clone())).err(),
            bench.by(&by, &wire::<UnblockTask>(json!({"id": near}))).err(),
        ];
        for (error, verb) in tried.into_iter().zip(["attach to", "link", "unblock"]) {
            let error = error.map(|error| error.to_string());
            let expected = is_refused.then(|| format!("cannot {verb} {near}: {said}"));
            assert_eq!(error, expected, "{verb} {reviewer}");
        }
    }
}

#[test]
fn occurrences_of_a_schedule_whose_makers_task_is_removed_are_no_more_than_any_task() {
    let (mut bench, by) = scene(&json!({"priority": 9}));
    let Caller::Worker { task_id, run_id, .. } = &by else { unreachable!() };
    let asked = json!({"title": "t", "assignee": "twin", "priority": 5, "model": "huge"});
    let schedule = json!({"name": "minutely", "cron": "* * * * *", "zone": "UTC", "task": asked});
    bench.by(&by, &wire::<AddSchedule>(schedule)).unwrap();
    let timer = Caller::System { part: "timer" };
    let made = |bench: &mut Bench| {
        bench.now += 60;
        bench.by(&timer, &FireTimer).unwrap();
        bench.by(&timer, &MakeOccurrences).unwrap();
        let order = bench.start_one();
        let task = bench.task(&order.task.id);
        bench
            .by(&worker(&order), &wire::<CompleteTask>(json!({"id": task.id, "summary": "s"})))
            .unwrap();
        bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Exited(0));
        (task.priority, task.model)
    };
    assert_eq!(made(&mut bench), (5, None), "the maker's task has more");
    bench.by(&by, &wire::<CompleteTask>(json!({"id": task_id, "summary": "s"}))).unwrap();
    bench.close(*run_id, VerdictMode::Report, ProcessEnd::Exited(0));
    bench.do_it(&wire::<ArchiveTask>(json!({"id": task_id})));
    bench.now += 1;
    let removed = bench.do_it(&CollectGarbage { archived_before: bench.now });
    assert_eq!(removed.tasks, std::slice::from_ref(task_id));
    assert_eq!(made(&mut bench), (0, None), "what it had is not known");
}

#[test]
fn what_a_worker_asks_for_is_lowered_to_what_its_own_task_has() {
    let (mut bench, by) =
        scene(&json!({"priority": 3, "max_runtime_seconds": 100_000, "due_at": 9_000}));
    let asked = json!({
        "assignee": "twin", "priority": 9, "max_runtime_seconds": 200_000, "due_at": 10_000, "model": "huge",
    });
    let reply = create(&mut bench, &by, &asked);
    let task = bench.task(&reply.task.id);
    assert_eq!(
        (task.priority, task.max_runtime_seconds, task.due_at),
        (3, Some(100_000), Some(9_000))
    );
    assert_eq!((task.model, reply.warnings.len()), (None, 4), "{:?}", reply.warnings);
    let allowed = json!({"assignee": "twin", "priority": 2, "max_runtime_seconds": 60, "due_at": 100, "model": "large"});
    let reply = create(&mut bench, &by, &allowed);
    let task = bench.task(&reply.task.id);
    assert_eq!((task.priority, task.max_runtime_seconds, task.due_at), (2, Some(60), Some(100)));
    assert_eq!((task.model.as_deref(), reply.warnings), (Some("large"), vec![]));
    let reply = create(&mut bench, &by, &json!({"assignee": "twin", "no_max_runtime": true}));
    assert_eq!(reply.task.max_runtime_seconds, Some(100_000));
    assert!(!reply.task.no_max_runtime);
    // A person asks for what they want.
    let reply = bench.do_it(&wire::<CreateTask>(
        json!({"title": "t", "priority": 1000, "no_max_runtime": true}),
    ));
    assert_eq!(
        (reply.task.priority, reply.task.no_max_runtime, reply.warnings),
        (1000, true, vec![])
    );
}

#[test]
fn a_path_that_climbs_is_refused_to_a_worker_and_leaves_nothing() {
    let (mut bench, by) = scene(&json!({}));
    let dir = json!({"title": "t", "workspace_kind": "dir", "workspace_path": "/srv/shared/../../home/x"});
    let refusal = bench.refused_by(&by, &wire::<CreateTask>(dir.clone()));
    assert!(refusal.to_string().contains("cannot contain `..`"), "{refusal}");
    bench.do_it(&wire::<CreateTask>(dir));
}

#[test]
fn tasks_of_workers_make_trees_of_bounded_depth_and_number() {
    let (mut bench, by) = scene(&json!({}));
    let child = create(&mut bench, &by, &json!({"assignee": "reader"})).task.id;
    let of_child = worker(&bench.start_one());
    create(&mut bench, &of_child, &json!({"assignee": "reader"}));
    let of_grandchild = worker(&bench.start_one());
    let one = wire::<CreateTask>(json!({"title": "t"}));
    let deep = bench.refused_by(&of_grandchild, &one);
    assert!(
        matches!(deep, Refusal::TreeFull { setting: "dispatch.tree_depth", limit: 2, .. }),
        "{deep}"
    );
    create(&mut bench, &of_child, &json!({}));
    for by in [&by, &of_child] {
        let full = bench.refused_by(by, &one);
        assert!(
            matches!(full, Refusal::TreeFull { setting: "dispatch.tree_tasks", limit: 3, .. }),
            "{full}"
        );
    }
    // Another tree has room of its own, and a person has no bound.
    bench.do_it(&wire::<CreateTask>(json!({"title": "t", "parents": [child]})));
    bench.create("another", "reader", &[]);
    let other = worker(&bench.start_one());
    create(&mut bench, &other, &json!({}));
}

#[test]
fn nothing_is_read_or_written_about_trees_for_what_people_create() {
    let mut bench = Bench::with_policy(policy());
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let sink = Arc::clone(&seen);
    bench.board.trace(move |statement| sink.lock().unwrap().push(statement.text())).unwrap();
    let parent = bench.create("t", "", &[]);
    bench.create("t", "reader", &[&parent]);
    let of_trees = |seen: &Mutex<Vec<String>>| {
        let seen = std::mem::take(&mut *seen.lock().unwrap());
        seen.iter().filter(|sql| sql.contains("worker_tasks")).count()
    };
    assert_eq!(of_trees(&seen), 0);
    let by = {
        bench.create("t", "reader", &[]);
        worker(&bench.start_one())
    };
    of_trees(&seen);
    create(&mut bench, &by, &json!({"assignee": "twin"}));
    assert_eq!(of_trees(&seen), 3, "one read, the root and the task");
}
