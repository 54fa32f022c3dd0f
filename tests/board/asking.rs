//! Questions of runs that go on: asked once, ended by what happens first, and taken over by a block.

use kanband::kernel::caller::Caller;
use kanband::kernel::error::{Refusal, VerbError};
use kanband::kernel::ids::TaskId;
use kanband::kernel::outcome::{ProcessEnd, VerdictMode};
use kanband::kernel::policy::Policy;
use kanband::kernel::queries::{GetContext, ShowTask};
use kanband::kernel::question::Question;
use kanband::kernel::rules::inbox::Kind;
use kanband::kernel::rules::question::QuestionOutcome as Outcome;
use kanband::kernel::task::TaskStatus;
use kanband::kernel::verb::Verb;
use kanband::kernel::verbs::{
    AnswerTask, ArchiveTask, AskReply, AskTask, BlockTask, CancelTask, ClaimTask, CompleteTask,
    RateLimitTask, ReclaimTask, RestartTask, RunOrder, StopTask,
};
use kanband::kernel::why::Reason;
use serde_json::{Value, json};

use crate::bench_board::{Bench, person, wire, worker};
use crate::blocks::inbox;

fn question(order: &RunOrder, text: &str) -> AskTask {
    AskTask { id: order.task.id.to_string(), question: text.into(), ..AskTask::default() }
}

fn ask(bench: &mut Bench, order: &RunOrder) -> AskReply {
    bench.by(&worker(order), &question(order, "Which key?")).unwrap()
}

/// A running task whose run has asked.
fn asked() -> (Bench, TaskId, RunOrder, String) {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let order = bench.start_one();
    let reply = ask(&mut bench, &order);
    assert_eq!((reply.outcome, reply.already, reply.calls), (Outcome::Open, false, 1));
    (bench, id, order, reply.question)
}

fn newest(bench: &Bench, id: &TaskId) -> Question {
    let shown = bench.ask(&ShowTask { id: id.to_string(), ..ShowTask::default() }).unwrap();
    shown.questions.into_iter().next_back().unwrap()
}

fn answer(id: &TaskId, text: &str) -> AnswerTask {
    AnswerTask { id: id.to_string(), answer: text.into(), ..AnswerTask::default() }
}

fn has_row(bench: &Bench) -> bool {
    inbox(bench).iter().any(|(kind, _)| *kind == Kind::Question)
}

#[test]
fn the_same_text_of_a_run_is_one_question_and_another_text_is_refused_and_names_it() {
    let (mut bench, id, order, token) = asked();
    for calls in 2..=4 {
        let again = bench.by(&worker(&order), &question(&order, " Which key?\n")).unwrap();
        assert_eq!(
            (again.question.as_str(), again.already, again.calls),
            (token.as_str(), true, calls)
        );
    }
    let asked = bench.kinds(&id).into_iter().filter(|kind| kind == "asked").count();
    assert_eq!(asked, 1);
    let refusal = bench.refused_by(&worker(&order), &question(&order, "Which region?"));
    assert!(matches!(refusal, Refusal::QuestionOpen { .. }), "{refusal}");
    assert!(refusal.to_string().contains(&token), "{refusal}");
    assert!(refusal.to_string().contains("Which key?"), "{refusal}");
}

#[test]
fn the_run_goes_on_with_the_answer_and_keeps_it() {
    let (mut bench, id, order, token) = asked();
    assert!(has_row(&bench));
    let why = bench.why(&id, &Policy::default());
    assert!(matches!(&why, Reason::Question { run_id: Some(run), .. } if *run == order.run_id));
    let reply = bench.do_it(&answer(&id, "mine"));
    assert_eq!(reply.status, TaskStatus::Running);
    assert!(!has_row(&bench));
    let again = ask(&mut bench, &order);
    assert_eq!((again.question.as_str(), again.outcome), (token.as_str(), Outcome::Answered));
    assert_eq!((again.answer.as_deref(), again.already), (Some("mine"), true));
    let other = bench.by(&worker(&order), &question(&order, "Which region?")).unwrap();
    assert_ne!(other.question, token);
}

#[test]
fn every_end_of_the_run_ends_its_question_and_the_next_attempt_reads_that_it_was_not_answered() {
    fn by_person<V: Verb + serde::de::DeserializeOwned>(bench: &mut Bench, order: &RunOrder) {
        bench.do_it(&wire::<V>(json!({"id": order.task.id, "reason": "r"})));
    }
    fn plain<V: Verb + serde::de::DeserializeOwned>(bench: &mut Bench, order: &RunOrder) {
        bench.do_it(&wire::<V>(json!({"id": order.task.id})));
    }
    fn own<V: Verb + serde::de::DeserializeOwned>(
        bench: &mut Bench,
        order: &RunOrder,
        mut fields: Value,
    ) {
        fields["id"] = json!(order.task.id);
        bench.by(&worker(order), &wire::<V>(fields)).unwrap();
    }
    fn dies(bench: &mut Bench, order: &RunOrder, mode: VerdictMode, end: ProcessEnd) {
        bench.close(order.run_id, mode, end);
    }
    type End = (&'static str, Outcome, fn(&mut Bench, &RunOrder));
    let lost = || ProcessEnd::Lost { message: "gone".into(), is_host_fault: false };
    let _typed: fn() -> ProcessEnd = lost;
    let ends: [End; 14] = [
        ("own complete", Outcome::Withdrawn, |b, o| {
            own::<CompleteTask>(b, o, json!({"summary": "s"}));
        }),
        ("own block", Outcome::Withdrawn, |b, o| own::<BlockTask>(b, o, json!({"reason": "r"}))),
        ("exit code 0", Outcome::Withdrawn, |b, o| {
            dies(b, o, VerdictMode::Exit, ProcessEnd::Exited(0));
        }),
        ("own rate limit", Outcome::RunOver, |b, o| own::<RateLimitTask>(b, o, json!({}))),
        ("a person's complete", Outcome::RunOver, plain::<CompleteTask>),
        ("a person's block", Outcome::RunOver, by_person::<BlockTask>),
        ("stop", Outcome::RunOver, by_person::<StopTask>),
        ("restart", Outcome::RunOver, by_person::<RestartTask>),
        ("reclaim", Outcome::RunOver, by_person::<ReclaimTask>),
        ("cancel", Outcome::RunOver, by_person::<CancelTask>),
        ("archive", Outcome::RunOver, plain::<ArchiveTask>),
        ("crash", Outcome::RunOver, |b, o| dies(b, o, VerdictMode::Report, ProcessEnd::Exited(1))),
        ("no verdict", Outcome::RunOver, |b, o| {
            dies(b, o, VerdictMode::Report, ProcessEnd::Exited(0));
        }),
        ("lost", Outcome::RunOver, |b, o| {
            let end = ProcessEnd::Lost { message: "gone".into(), is_host_fault: false };
            dies(b, o, VerdictMode::Report, end);
        }),
    ];
    for (name, outcome, end) in ends {
        let (mut bench, id, order, token) = asked();
        end(&mut bench, &order);
        let question = newest(&bench, &id);
        assert_eq!((question.id.as_str(), question.outcome), (token.as_str(), outcome), "{name}");
        assert!(!has_row(&bench), "{name}");
        let refusal = bench.refused(&AnswerTask { question: Some(token), ..answer(&id, "late") });
        assert!(matches!(refusal, Refusal::QuestionOver { .. }), "{name}: {refusal}");
        let context = bench.ask(&GetContext { id: id.to_string(), board: None }).unwrap().context;
        assert!(context.contains("> Which key?\n\nNot answered: "), "{name}: {context}");
        let again = bench.by(&worker(&order), &question_of(&id));
        let is_over = matches!(again, Err(VerbError::Refused(Refusal::RunOver { .. })));
        assert!(is_over, "{name}: {again:?}");
    }
}

fn question_of(id: &TaskId) -> AskTask {
    AskTask { id: id.to_string(), question: "Which key?".into(), ..AskTask::default() }
}

#[test]
fn at_the_time_out_the_default_answers_and_without_one_the_run_waits_no_longer() {
    for (default, outcome) in [(Some("this"), Outcome::Answered), (None, Outcome::TimedOut)] {
        let mut bench = Bench::new();
        let id = bench.create("t", "dev", &[]);
        let order = bench.start_one();
        let verb = AskTask {
            timeout_seconds: Some(5),
            default: default.map(str::to_owned),
            ..question(&order, "Which key?")
        };
        let reply = bench.by(&worker(&order), &verb).unwrap();
        assert_eq!(reply.deadline_at, Some(bench.now + 5));
        assert_eq!(bench.pass().next_due, Some(bench.now + 5));
        bench.now += 5;
        bench.pass();
        let again = bench.by(&worker(&order), &verb).unwrap();
        assert_eq!((again.outcome, again.answer.as_deref()), (outcome, default));
        assert_eq!(bench.status(&id), TaskStatus::Running);
        assert!(!has_row(&bench));
    }
}

#[test]
fn a_block_takes_the_open_question_over_and_its_answer_lets_the_task_go_on() {
    let (mut bench, id, order, token) = asked();
    let block: BlockTask = wire(json!({"id": id, "question": token}));
    let reply = bench.by(&worker(&order), &block).unwrap();
    assert_eq!(
        (reply.status, reply.question.as_deref()),
        (TaskStatus::Blocked, Some(token.as_str()))
    );
    assert!(bench.by(&worker(&order), &block).unwrap().already, "a lost reply blocks once");
    let question = newest(&bench, &id);
    assert_eq!((question.outcome, question.blocks), (Outcome::Open, true));
    let asked = bench.kinds(&id).into_iter().filter(|kind| kind == "asked").count();
    assert_eq!(asked, 1, "it is the same question");
    bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Exited(0));
    assert_eq!(bench.do_it(&answer(&id, "mine")).status, TaskStatus::Ready);
    assert!(bench.by(&worker(&order), &block).is_err() || bench.status(&id) == TaskStatus::Ready);
}

#[test]
fn a_token_is_of_use_to_the_run_that_asked_and_while_the_question_is_open() {
    let (mut bench, id, order, token) = asked();
    bench.do_it(&answer(&id, "mine"));
    let block: BlockTask = wire(json!({"id": id, "question": token}));
    let refusal = bench.refused_by(&worker(&order), &block);
    assert!(matches!(refusal, Refusal::QuestionOver { .. }), "{refusal}");
    assert!(refusal.to_string().contains("answered by ada: mine"), "{refusal}");

    let other = bench.create("other", "qa", &[]);
    let other_order = bench.start_one();
    assert_eq!(other_order.task.id, other);
    let block: BlockTask = wire(json!({"id": other, "question": token}));
    let refusal = bench.refused_by(&worker(&other_order), &block);
    assert!(matches!(refusal, Refusal::UnknownQuestion { .. }), "{refusal}");

    let with_default = AskTask { default: Some("yes".into()), ..question(&other_order, "May I?") };
    let token = bench.by(&worker(&other_order), &with_default).unwrap().question;
    let block: BlockTask = wire(json!({"id": other, "question": token, "kind": "approval"}));
    let refusal = bench.refused_by(&worker(&other_order), &block);
    assert!(refusal.to_string().contains("approval"), "{refusal}");
    let block: BlockTask = wire(json!({"id": other, "question": token, "default": "no"}));
    let refusal = bench.refused_by(&worker(&other_order), &block);
    assert!(refusal.to_string().contains("only for a new question"), "{refusal}");
}

#[test]
fn a_person_asks_for_a_claim_of_their_own_and_not_for_a_worker() {
    let mut bench = Bench::new();
    let id = bench.create("t", "", &[]);
    let refusal = bench.refused(&question_of(&id));
    assert!(matches!(refusal, Refusal::WrongStatus { .. }), "{refusal}");
    bench.do_it(&wire::<ClaimTask>(json!({"id": id})));
    assert_eq!(bench.do_it(&question_of(&id)).outcome, Outcome::Open);
    let supervised = bench.create("s", "dev", &[]);
    bench.start_one();
    let refusal = bench.refused(&question_of(&supervised));
    assert!(refusal.to_string().contains("only its worker asks"), "{refusal}");
    let caller: Caller = person();
    assert_eq!(caller.author(), "ada");
}
