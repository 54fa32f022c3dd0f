//! Questions with which a task is blocked: what they take, how they end, and what the next attempt reads.

use kanband::kernel::caller::Caller;
use kanband::kernel::error::Refusal;
use kanband::kernel::ids::TaskId;
use kanband::kernel::location::Looks;
use kanband::kernel::outcome::{ProcessEnd, VerdictMode};
use kanband::kernel::policy::Policy;
use kanband::kernel::queries::{GetContext, ShowTask};
use kanband::kernel::question::Question;
use kanband::kernel::rules::inbox::Kind;
use kanband::kernel::rules::question::QuestionOutcome;
use kanband::kernel::store::Connection;
use kanband::kernel::task::TaskStatus;
use kanband::kernel::tx::Signal;
use kanband::kernel::verb::Verb;
use kanband::kernel::verbs::{
    AnswerTask, ArchiveTask, AssignTask, BlockTask, CancelTask, CompleteTask, CreateTask, Launch,
    PromoteTask, RecordSpawned, RunOrder, TriageTask, UnblockTask, preview_dispatch,
};
use kanband::kernel::why::Reason;
use serde_json::{Value, json};

use crate::bench_board::{Bench, person, wire, worker};
use crate::blocks::inbox;
use crate::reviews::{policy, start_review};

/// A task whose worker blocked it with a question of these fields, its run closed.
fn asked(bench: &mut Bench, fields: Value) -> (TaskId, RunOrder) {
    let id = bench.create("t", "dev", &[]);
    let order = bench.start_one();
    block(bench, &order, fields);
    (id, order)
}

fn block(bench: &mut Bench, order: &RunOrder, mut fields: Value) {
    fields["id"] = json!(order.task.id);
    fields["question"] = fields.get("question").cloned().unwrap_or(json!("Which key?"));
    bench.by(&worker(order), &wire::<BlockTask>(fields)).unwrap();
    bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Exited(0));
}

fn answer(id: &TaskId, text: &str) -> AnswerTask {
    AnswerTask { id: id.to_string(), answer: text.into(), ..AnswerTask::default() }
}

fn questions(bench: &Bench, id: &TaskId) -> Vec<Question> {
    bench.ask(&ShowTask { id: id.to_string(), ..ShowTask::default() }).unwrap().questions
}

fn newest(bench: &Bench, id: &TaskId) -> Question {
    questions(bench, id).pop().unwrap()
}

fn context(bench: &Bench, id: &TaskId) -> String {
    bench.ask(&GetContext { id: id.to_string(), board: None }).unwrap().context
}

#[test]
fn an_answer_lets_the_task_go_on_and_resets_what_an_unblock_resets() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let order = bench.start_one();
    bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Exited(1));
    bench.now += 1000;
    let order = bench.start_one();
    block(&mut bench, &order, json!({}));
    assert_eq!(bench.task(&id).spawn_failures, 1);
    let reply = bench.do_it(&answer(&id, " the staging key "));
    assert_eq!((reply.status, reply.answer.as_str()), (TaskStatus::Ready, "the staging key"));
    assert!(bench.signals.contains(&Signal::DispatchDue));
    assert_eq!(bench.task(&id).spawn_failures, 0);
    let question = newest(&bench, &id);
    assert_eq!(question.outcome, QuestionOutcome::Answered);
    assert_eq!(question.run_id, Some(order.run_id));
    assert_eq!(question.answer_source.as_deref(), Some("person"));
    assert_eq!(question.answered_by.as_deref(), Some("ada"));
    let kinds = bench.kinds(&id);
    assert_eq!(kinds[kinds.len() - 4..], ["asked", "blocked", "closed", "answered"]);
    let event = bench.events(&id).pop().unwrap().payload.unwrap();
    assert_eq!(event["question"], question.id.as_str());
    assert_eq!((&event["source"], &event["status"]), (&json!("person"), &json!("ready")));
}

#[test]
fn an_answer_lands_like_everything_that_goes_on() {
    let mut bench = Bench::new();
    let (id, _) = asked(&mut bench, json!({}));
    let parent = bench.create("parent", "nobody", &[]);
    let link = json!({"parent_id": parent, "child_id": id});
    bench.do_it(&wire::<kanband::kernel::verbs::LinkTasks>(link));
    assert_eq!(bench.do_it(&answer(&id, "yes")).status, TaskStatus::Todo);
}

#[test]
fn choices_are_answered_by_number_or_text_and_a_number_without_a_choice_is_refused() {
    let mut bench = Bench::new();
    for (text, expected) in
        [("2", Some("blue")), ("RED", Some("red")), ("3", None), ("neither", Some("neither"))]
    {
        let (id, _) = asked(&mut bench, json!({"choices": ["red", "blue"]}));
        match expected {
            Some(expected) => assert_eq!(bench.do_it(&answer(&id, text)).answer, expected),
            None => {
                let refusal = bench.refused(&answer(&id, text));
                assert!(refusal.to_string().contains("no choice has this number"), "{refusal}");
            }
        }
        bench.do_it(&wire::<CancelTask>(json!({"id": id})));
    }
}

#[test]
fn a_second_answer_is_refused_and_names_what_happened() {
    let mut bench = Bench::new();
    let (id, _) = asked(&mut bench, json!({}));
    let question = newest(&bench, &id).id;
    bench.do_it(&answer(&id, "mine"));
    for by_name in [None, Some(question.to_string())] {
        let verb = AnswerTask { question: by_name, ..answer(&id, "yours") };
        let refusal = bench.refused(&verb);
        assert!(matches!(refusal, Refusal::QuestionOver { .. }), "{refusal}");
        assert!(refusal.to_string().contains("answered by ada: mine"), "{refusal}");
    }
    let verb = AnswerTask { question: Some("q_dead".into()), ..answer(&id, "x") };
    assert!(matches!(bench.refused(&verb), Refusal::UnknownQuestion { .. }));
    bench.do_it(&wire::<CancelTask>(json!({"id": id})));
    let (other, _) = asked(&mut bench, json!({}));
    let verb = AnswerTask { question: Some(question.to_string()), ..answer(&other, "x") };
    assert!(matches!(bench.refused(&verb), Refusal::UnknownQuestion { .. }), "of another task");
}

#[test]
fn a_task_without_a_question_is_not_answered_and_a_blocked_one_is_to_be_unblocked() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let refusal = bench.refused(&answer(&id, "x"));
    assert_eq!(refusal, Refusal::NoQuestion { id: id.to_string(), is_blocked: false });
    bench.do_it(&wire::<BlockTask>(json!({"id": id, "reason": "r"})));
    let refusal = bench.refused(&answer(&id, "x"));
    let hint = refusal.hint().unwrap().to_string();
    assert!(hint.contains(&format!("kanban unblock {id}")), "{hint}");
    assert!(matches!(bench.refused(&answer(&id, " ")), Refusal::InvalidValue { .. }));
}

#[test]
fn unblock_of_a_question_names_answer_and_promote_goes_on_without_one() {
    let mut bench = Bench::new();
    let (id, _) = asked(&mut bench, json!({}));
    let verb = UnblockTask { id: id.to_string(), more_starts: false, board: None };
    let refusal = bench.refused(&verb);
    assert!(matches!(refusal, Refusal::QuestionOpen { .. }), "{refusal}");
    assert!(refusal.hint().unwrap().to_string().contains(&format!("kanban answer {id}")));
    bench.do_it(&PromoteTask { id: id.to_string(), ..PromoteTask::default() });
    assert_eq!(newest(&bench, &id).outcome, QuestionOutcome::Withdrawn);
}

#[test]
fn every_way_out_of_a_block_ends_its_question() {
    fn go<V: Verb + serde::de::DeserializeOwned>(bench: &mut Bench, id: &TaskId) {
        bench.do_it(&wire::<V>(json!({"id": id})));
    }
    type Way = (&'static str, fn(&mut Bench, &TaskId));
    let ways: [Way; 5] = [
        ("complete", go::<CompleteTask>),
        ("promote", go::<PromoteTask>),
        ("triage", go::<TriageTask>),
        ("archive", go::<ArchiveTask>),
        ("cancel", go::<CancelTask>),
    ];
    for (name, way) in ways {
        let mut bench = Bench::new();
        let (id, _) = asked(&mut bench, json!({}));
        way(&mut bench, &id);
        let question = newest(&bench, &id);
        assert_eq!(question.outcome, QuestionOutcome::Withdrawn, "{name}");
        assert!(bench.kinds(&id).contains(&"ask_ended".to_owned()), "{name}");
        let rows = inbox(&bench);
        assert!(!rows.iter().any(|(kind, _)| *kind == Kind::Question), "{name}: {rows:?}");
        let refusal = bench.refused(&answer(&id, "late"));
        assert!(matches!(refusal, Refusal::QuestionOver { .. }), "{name}: {refusal}");
    }
}

#[test]
fn at_the_deadline_the_default_answers_and_resets_nothing() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let order = bench.start_one();
    bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Exited(1));
    bench.now += 1000;
    let order = bench.start_one();
    block(
        &mut bench,
        &order,
        json!({"choices": ["eu", "us"], "default": "2", "deadline_seconds": 600}),
    );
    let deadline = bench.now + 600;
    bench.now = deadline - 1;
    let reply = bench.pass();
    assert_eq!((reply.next_due, bench.status(&id)), (Some(deadline), TaskStatus::Blocked));
    bench.now = deadline;
    let before = bench.task(&id);
    assert_eq!(bench.why(&id, &Policy::default()), Reason::StartsNext);
    let orders = bench.pass().orders;
    assert_eq!(orders.len(), 1, "it goes on in the same pass");
    let after = bench.task(&id);
    assert_eq!(after.spawn_failures, before.spawn_failures, "a default is no person's word");
    assert_eq!(after.auto_starts, before.auto_starts + 1);
    let question = newest(&bench, &id);
    assert_eq!(question.answer.as_deref(), Some("us"));
    assert_eq!(question.answer_source.as_deref(), Some("default"));
    assert!(context(&bench, &id).contains("Answer by default, because nobody had answered"));
}

#[test]
fn a_review_that_waits_for_an_answer_starts_next_at_its_deadline() {
    let mut bench = Bench::with_policy(policy());
    let fields = json!({"title": "t", "assignee": "dev", "review": "qa"});
    let id = bench.do_it(&wire::<CreateTask>(fields)).task.id;
    let review = start_review(&mut bench);
    block(&mut bench, &review, json!({"default": "yes", "deadline_seconds": 600}));
    bench.now += 599;
    assert!(matches!(bench.why(&id, &policy()), Reason::Question { .. }));
    assert_eq!(bench.pass().orders.len(), 0);
    bench.now += 1;
    assert_eq!(bench.why(&id, &policy()), Reason::StartsNext);
    let preview =
        |c: &Connection| preview_dispatch(c, &policy(), bench.now, None, false, &Looks::default());
    let previewed = bench.board.read(preview).unwrap().spawned;
    assert_eq!(previewed, [(id.clone(), "qa".to_owned())], "as its reviewer");
    let order = bench.start_one();
    assert_eq!((order.task.id, order.profile.as_str()), (id, "qa"));
}

#[test]
fn a_deadline_without_a_default_is_reported_once_and_the_question_stays_open() {
    let mut bench = Bench::new();
    let (id, _) = asked(&mut bench, json!({"deadline_seconds": 600}));
    bench.now += 600;
    for _ in 0..3 {
        assert_eq!(bench.pass().next_due, None);
        bench.now += 60;
    }
    let kinds = bench.kinds(&id);
    assert_eq!(kinds.iter().filter(|kind| *kind == "ask_overdue").count(), 1, "{kinds:?}");
    let rows = inbox(&bench);
    assert!(rows[0].1.contains("overdue: Which key?"), "{rows:?}");
    assert_eq!(bench.do_it(&answer(&id, "late")).status, TaskStatus::Ready);
}

#[test]
fn a_workers_deadline_is_ten_minutes_ahead_and_an_approval_has_no_default() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let order = bench.start_one();
    for (fields, word) in [
        (json!({"deadline_seconds": 599}), "at least 10 minutes"),
        (json!({"kind": "approval", "default": "yes"}), "approval"),
        (json!({"choices": ["only"]}), "two or more"),
        (json!({"kind": "dependency"}), "no unfinished parent"),
        (json!({"kind": "transient", "retry_in_seconds": 5}), "cannot be combined"),
    ] {
        let mut fields = fields;
        (fields["id"], fields["question"]) = (json!(id), json!("Which?"));
        let refusal = bench.refused_by(&worker(&order), &wire::<BlockTask>(fields));
        assert!(refusal.to_string().contains(word), "{refusal}");
    }
    let fields = json!({"id": id, "reason": "r", "choices": ["a", "b"]});
    let refusal = bench.refused_by(&worker(&order), &wire::<BlockTask>(fields));
    assert!(refusal.to_string().contains("only for a question"), "{refusal}");
    // A person's own deadline may be near.
    let fields = json!({"id": id, "question": "q", "deadline_seconds": 5});
    bench.do_it(&wire::<BlockTask>(fields));
}

#[test]
fn the_next_attempt_reads_question_and_answer_first_whole_and_quoted() {
    let mut bench = Bench::new();
    let question = format!("{} end of the question", "q ".repeat(4000));
    let (id, _) = asked(&mut bench, json!({ "question": question }));
    let text = format!("# no heading\n{} end of the answer", "a".repeat(8000));
    bench.do_it(&answer(&id, &text));
    let context = context(&bench, &id);
    let at = |part: &str| context.find(part).unwrap_or_else(|| panic!("{part} is missing"));
    assert!(at("end of the question") < at("end of the answer"));
    assert!(at("## Questions and answers") < at("## Prior attempts"));
    assert!(context.contains("\n> # no heading\n"), "quoted");
    assert!(context.contains("Answer by **ada**:"));
}

#[test]
fn a_session_goes_on_with_the_answer_under_the_same_profile_only() {
    for other_profile in [false, true] {
        let mut bench = Bench::new();
        let id = bench.create("t", "dev", &[]);
        let order = bench.start_one();
        launched(&mut bench, &order, "s1");
        block(&mut bench, &order, json!({}));
        if other_profile {
            let assignee = Some("qa".to_owned());
            bench.do_it(&AssignTask { id: id.to_string(), assignee, board: None });
        }
        bench.do_it(&answer(&id, "the staging key"));
        let next = bench.start_one();
        let resumed = next.resume.map(|resume| resume.session);
        let answer = next.answer.and_then(|question| question.answer);
        let expected = (!other_profile).then_some("s1");
        assert_eq!(resumed.as_deref(), expected);
        assert_eq!(answer.as_deref(), expected.map(|_| "the staging key"));
    }
}

/// As a launcher that can resume has it.
fn launched(bench: &mut Bench, order: &RunOrder, session: &str) {
    let launch = Launch {
        workspace_path: "/w".into(),
        argv: vec!["agent".into()],
        containment: None,
        not_enforced: Vec::new(),
        model: None,
        effort: None,
        args: Vec::new(),
        session: Some(session.into()),
        resumed_run_id: None,
        footing: Default::default(),
    };
    let ids = kanband::kernel::verbs::ProcessIds {
        boot_id: "b".into(),
        shim_pid: 1,
        shim_start_ticks: 1,
        worker_pid: 2,
        worker_start_ticks: 1,
    };
    let verb = RecordSpawned { run_id: order.run_id, ids, launch: Some(launch) };
    bench.by(&Caller::System { part: "worker" }, &verb).unwrap();
}

#[test]
fn the_inbox_and_why_show_the_question_whole_with_the_commands_that_answer_it() {
    let mut bench = Bench::new();
    let long = format!("{}?", "why ".repeat(500));
    let (id, _) =
        asked(&mut bench, json!({"question": long, "choices": ["red", "blue"], "default": "red"}));
    let rows = inbox(&bench);
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0].0, Kind::Question);
    assert!(rows[0].1.contains(&long), "{rows:?}");
    assert!(rows[0].1.contains("[1) red, 2) blue] (default: red)"), "{rows:?}");
    let Reason::Question { text, run_id: None, .. } = bench.why(&id, &Policy::default()) else {
        panic!("{:?}", bench.why(&id, &Policy::default()));
    };
    assert_eq!(text, long);
}

#[test]
fn a_planner_answers_what_its_task_created_but_neither_its_own_nor_an_approval() {
    let policy =
        Policy { orchestrators: ["boss".to_owned()].into(), max_running: 9, ..Policy::default() };
    let mut bench = Bench::with_policy(policy);
    let own = bench.create("plan", "boss", &[]);
    let boss = bench.start_one();
    let created = |bench: &mut Bench| {
        let fields = json!({"title": "part", "assignee": "dev"});
        let verb = wire::<kanband::kernel::verbs::CreateTask>(fields);
        let id = bench.by(&worker(&boss), &verb).unwrap().task.id;
        (id, bench.start_one())
    };
    let (part, order) = created(&mut bench);
    block(&mut bench, &order, json!({}));
    let reply = bench.by(&worker(&boss), &answer(&part, "go")).unwrap();
    assert_eq!(reply.status, TaskStatus::Ready);
    assert_eq!(newest(&bench, &part).answer_source.as_deref(), Some("worker"));
    bench.do_it(&wire::<CancelTask>(json!({"id": part})));

    let (approval, order) = created(&mut bench);
    block(&mut bench, &order, json!({"kind": "approval"}));
    let refusal = bench.refused_by(&worker(&boss), &answer(&approval, "yes"));
    assert!(matches!(refusal, Refusal::Forbidden { .. }), "{refusal}");
    bench.do_it(&answer(&approval, "yes"));
    bench.do_it(&wire::<CancelTask>(json!({"id": approval})));

    let foreign = bench.create("foreign", "dev", &[]);
    let order = bench.start_one();
    block(&mut bench, &order, json!({}));
    let refusal = bench.refused_by(&worker(&boss), &answer(&foreign, "x"));
    assert!(matches!(refusal, Refusal::NotYours { .. }), "{refusal}");
    let refusal = bench.refused_by(&worker(&order), &answer(&foreign, "x"));
    assert!(matches!(refusal, Refusal::Forbidden { .. }), "no planner: {refusal}");
    let refusal = bench.refused_by(&worker(&boss), &answer(&own, "x"));
    assert!(matches!(refusal, Refusal::NoQuestion { .. }), "{refusal}");
}

#[test]
fn an_answer_is_kept_as_a_comment_on_request() {
    let mut bench = Bench::new();
    let (id, _) = asked(&mut bench, json!({"choices": ["red", "blue"]}));
    bench.do_it(&AnswerTask { as_comment: true, ..answer(&id, "1") });
    let shown = bench.ask(&ShowTask { id: id.to_string(), ..ShowTask::default() }).unwrap();
    assert_eq!(shown.comments.len(), 1);
    assert_eq!(
        (shown.comments[0].body.as_str(), shown.comments[0].author.as_str()),
        ("red", "ada")
    );
    assert_eq!(person().author(), "ada");
}
