//! What is handed over beside words: attached files, declared artifacts, created tasks.

use kanband::kernel::artifact::Artifact;
use kanband::kernel::caller::Caller;
use kanband::kernel::error::{ErrorCode, Refusal, VerbError};
use kanband::kernel::ids::TaskId;
use kanband::kernel::outcome::{ProcessEnd, VerdictMode};
use kanband::kernel::queries::{GetContext, ListAttachments, ShowTask};
use kanband::kernel::task::TaskStatus;
use kanband::kernel::verbs::{
    ArchiveTask, AttachFile, CollectGarbage, CompleteTask, CreateTask, DetachFile,
};
use serde_json::json;

use crate::bench_board::{Bench, wire, worker};

fn hash(digit: char) -> String {
    digit.to_string().repeat(64)
}

fn file(id: &TaskId, filename: &str, digit: char) -> AttachFile {
    let (id, filename, sha256) = (id.to_string(), filename.to_owned(), hash(digit));
    AttachFile { id, filename, size_bytes: 7, sha256, board: None }
}

fn names(bench: &Bench, id: &TaskId) -> Vec<String> {
    let listed = bench.ask(&ListAttachments { id: id.to_string(), board: None }).unwrap();
    listed.into_iter().map(|file| file.filename).collect()
}

fn context(bench: &Bench, id: &TaskId) -> String {
    bench.ask(&GetContext { id: id.to_string(), board: None }).unwrap().context
}

#[test]
fn an_attached_file_is_told_listed_and_shown_to_the_worker() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let reply = bench.do_it(&file(&id, " spec.pdf ", 'a'));
    assert_eq!(
        (reply.attachment.filename.as_str(), reply.attachment.uploaded_by.as_str(), reply.already),
        ("spec.pdf", "ada", false)
    );
    let event = bench.events(&id).pop().unwrap();
    assert_eq!((event.kind.as_str(), event.actor.as_deref()), ("attached", Some("ada")));
    let message = json!({"attachment_id": reply.attachment.id, "filename": "spec.pdf", "size_bytes": 7, "sha256": hash('a')});
    assert_eq!(serde_json::Value::from(event.payload.unwrap()), message);
    let shown = bench.ask(&ShowTask { id: id.to_string(), ..ShowTask::default() }).unwrap();
    assert_eq!(shown.attachments, [reply.attachment]);
    let text = context(&bench, &id);
    assert!(text.contains("- spec.pdf (7 bytes, by ada)"), "{text}");
    assert!(text.contains(&format!("kanban attachments get {id} NAME")), "{text}");
}

#[test]
fn a_taken_name_gets_a_number_and_the_same_file_twice_is_one() {
    let mut bench = Bench::new();
    let id = bench.create("t", "", &[]);
    bench.do_it(&file(&id, "a.txt", 'a'));
    assert_eq!(bench.do_it(&file(&id, "a.txt", 'b')).attachment.filename, "a-2.txt");
    let events = bench.events(&id).len();
    let again = bench.do_it(&file(&id, "a.txt", 'a'));
    assert_eq!((again.attachment.filename.as_str(), again.already), ("a.txt", true));
    assert_eq!(bench.events(&id).len(), events, "nothing happened");
    bench.do_it(&file(&id, "b.txt", 'a'));
    assert_eq!(names(&bench, &id), ["a-2.txt", "a.txt", "b.txt"]);
}

#[test]
fn names_sizes_and_hashes_that_cannot_be_are_refused() {
    let mut bench = Bench::new();
    let id = bench.create("t", "", &[]);
    for name in ["", " ", ".", "..", "a/b", "../x", "a\\b", "-x", "a\nb", "a\0b"] {
        let refusal = bench.refused(&file(&id, name, 'a'));
        assert_eq!(refusal.code(), ErrorCode::InvalidValue, "{name:?}");
    }
    assert_eq!(bench.refused(&file(&id, &"x".repeat(256), 'a')).code(), ErrorCode::TooLarge);
    let large = AttachFile { size_bytes: 25 * 1024 * 1024 + 1, ..file(&id, "a", 'a') };
    assert_eq!(bench.refused(&large).code(), ErrorCode::TooLarge);
    for sha256 in ["", "x", &hash('A'), &hash('a')[1..]] {
        let wrong = AttachFile { sha256: sha256.to_owned(), ..file(&id, "a", 'a') };
        assert_eq!(bench.refused(&wrong).code(), ErrorCode::InvalidValue, "{sha256}");
    }
    let unknown = TaskId::parse("t_dead").unwrap();
    assert_eq!(bench.refused(&file(&unknown, "a", 'a')).code(), ErrorCode::UnknownTask);
    for n in 0..100 {
        bench.do_it(&file(&id, &format!("{n}"), 'a'));
    }
    let refusal = bench.refused(&file(&id, "one more", 'a'));
    assert!(refusal.to_string().contains("a task has at most 100 attachments"), "{refusal}");
    let text = context(&bench, &id);
    assert!(text.contains("_(80 more attachment(s) omitted)_"), "{text}");
}

#[test]
fn a_worker_attaches_to_its_own_task_and_to_those_it_created_while_its_run_lasts() {
    let mut bench = Bench::new();
    let own = bench.create("own", "dev", &[]);
    let other = bench.create("other", "", &[]);
    let by = worker(&bench.start_one());
    let made = wire::<CreateTask>(json!({"title": "made", "assignee": "qa"}));
    let made = bench.by(&by, &made).unwrap().task.id;
    for id in [&own, &made] {
        let reply = bench.by(&by, &file(id, "a", 'a')).unwrap();
        assert_eq!(reply.attachment.uploaded_by, "dev");
        let event = bench.events(id).pop().unwrap();
        assert_eq!(event.actor.as_deref(), Some(by.actor().to_string().as_str()));
    }
    let refusal = bench.refused_by(&by, &file(&other, "a", 'a'));
    assert_eq!(refusal.code(), ErrorCode::NotYours);
    let remove = DetachFile { id: own.to_string(), filename: "a".into(), board: None };
    assert_eq!(bench.refused_by(&by, &remove).code(), ErrorCode::Forbidden);
    bench.by(&by, &wire::<CompleteTask>(json!({"id": own, "summary": "s"}))).unwrap();
    assert_eq!(bench.refused_by(&by, &file(&own, "b", 'b')).code(), ErrorCode::RunOver);
}

#[test]
fn a_removed_file_is_told_and_its_name_is_free_again() {
    let mut bench = Bench::new();
    let id = bench.create("t", "", &[]);
    bench.do_it(&file(&id, "a", 'a'));
    let remove = DetachFile { id: id.to_string(), filename: "a".into(), board: None };
    assert_eq!(bench.do_it(&remove).attachment.sha256, hash('a'));
    assert_eq!(bench.events(&id).pop().unwrap().kind, "attachment_removed");
    assert_eq!(bench.refused(&remove).code(), ErrorCode::UnknownAttachment);
    assert_eq!(bench.do_it(&file(&id, "a", 'b')).attachment.filename, "a");
}

#[test]
fn gc_removes_the_rows_of_attached_files_with_their_task() {
    let mut bench = Bench::new();
    let id = bench.create("t", "", &[]);
    bench.do_it(&file(&id, "a", 'a'));
    bench.do_it(&ArchiveTask { id: id.to_string(), ..ArchiveTask::default() });
    bench.now += 10;
    let before = bench.now;
    assert_eq!(bench.do_it(&CollectGarbage { archived_before: before }).tasks, [id]);
    assert!(!bench.dump().contains(&hash('a')));
}

fn artifact(path: &str) -> Artifact {
    Artifact { path: path.to_owned(), size_bytes: 3, sha256: hash('c') }
}

#[test]
fn artifacts_stand_with_the_run_and_reach_the_children() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let child = bench.create("child", "qa", &[&id]);
    let by = worker(&bench.start_one());
    let artifacts = vec![artifact("/w/report.pdf"), artifact("/w/data.csv")];
    let verb = CompleteTask {
        id: id.to_string(),
        summary: Some("made".into()),
        artifacts: artifacts.clone(),
        ..CompleteTask::default()
    };
    assert!(!bench.by(&by, &verb).unwrap().already);
    assert_eq!(bench.runs(&id)[0].artifacts, artifacts);
    assert_eq!(bench.runs(&id)[0].metadata, None, "metadata is the worker's own");
    assert!(bench.by(&by, &verb).unwrap().already, "the same word again");
    let other = CompleteTask { artifacts: vec![artifact("/w/other")], ..verb };
    assert_eq!(bench.refused_by(&by, &other).code(), ErrorCode::RunOver);
    let text = context(&bench, &child);
    let line = format!("- /w/report.pdf (3 bytes, SHA-256 {})", hash('c'));
    assert!(text.contains(&line), "{text}");
}

#[test]
fn artifacts_that_cannot_be_are_refused_and_the_run_goes_on() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let by = worker(&bench.start_one());
    for path in ["", "relative", "../x", "/a\0b"] {
        let verb = CompleteTask {
            id: id.to_string(),
            summary: Some("s".into()),
            artifacts: vec![artifact(path)],
            ..CompleteTask::default()
        };
        assert_eq!(bench.refused_by(&by, &verb).code(), ErrorCode::InvalidValue, "{path:?}");
    }
    assert_eq!(bench.status(&id), TaskStatus::Running);
}

#[test]
fn the_context_names_some_artifacts_and_counts_the_rest() {
    let mut bench = Bench::new();
    let id = bench.create("t", "", &[]);
    let child = bench.create("child", "qa", &[&id]);
    let artifacts = (0..25).map(|n| artifact(&format!("/{n}"))).collect();
    bench.do_it(&CompleteTask { id: id.to_string(), artifacts, ..CompleteTask::default() });
    let text = context(&bench, &child);
    assert!(text.contains("- /19 (") && !text.contains("- /20 ("), "{text}");
    assert!(text.contains("_(5 more artifact(s) omitted)_"), "{text}");
}

fn completed_with(id: &TaskId, cards: &[&str]) -> CompleteTask {
    CompleteTask {
        id: id.to_string(),
        summary: Some("planned".into()),
        created_cards: cards.iter().map(ToString::to_string).collect(),
        ..CompleteTask::default()
    }
}

fn refused(bench: &mut Bench, caller: &Caller, verb: &CompleteTask) -> Refusal {
    match bench.by(caller, verb) {
        Err(VerbError::Refused(refusal)) => refusal,
        other => panic!("it was not refused: {other:?}"),
    }
}

#[test]
fn a_word_about_tasks_that_were_not_created_is_refused_by_name_and_told_once() {
    let mut bench = Bench::new();
    let id = bench.create("plan", "dev", &[]);
    let foreign = bench.create("another's", "", &[]);
    let order = bench.start_one();
    let by = worker(&order);
    let made = wire::<CreateTask>(json!({"title": "made", "assignee": "qa"}));
    let made = bench.by(&by, &made).unwrap().task.id;
    let before = (bench.task(&id), bench.runs(&id));
    let cards = [made.as_str(), "t_dead", foreign.as_str(), "not an id"];
    let refusal = refused(&mut bench, &by, &completed_with(&id, &cards));
    assert_eq!(refusal.code(), ErrorCode::UnknownCards);
    let expected = format!(
        "created_cards names tasks that this run did not create: t_dead (no such task), {foreign} (created by ada), not an id (no such task)"
    );
    assert_eq!(refusal.to_string(), expected);
    assert!(refusal.hint().unwrap().to_string().contains("nothing was completed"));
    assert_eq!((bench.task(&id), bench.runs(&id)), before, "the run goes on");
    let event = bench.events(&id).pop().unwrap();
    assert_eq!(event.kind, "completion_blocked_hallucination");
    assert_eq!((event.run_id, event.actor), (Some(order.run_id), Some(by.actor().to_string())));
    let message = json!({"phantom_cards": ["t_dead", foreign, "not an id"]});
    assert_eq!(serde_json::Value::from(event.payload.unwrap()), message);

    bench.by(&by, &completed_with(&id, &[made.as_str()])).unwrap();
    assert_eq!(bench.runs(&id)[0].created_cards, [made.to_string()]);
    let event = bench.events(&id).pop().unwrap();
    assert_eq!(event.payload.unwrap()["verified_cards"], json!([made]));
}

#[test]
fn what_an_earlier_attempt_created_counts() {
    let mut bench = Bench::new();
    let id = bench.create("plan", "dev", &[]);
    let order = bench.start_one();
    let made = wire::<CreateTask>(json!({"title": "made", "assignee": "qa", "triage": true}));
    let made = bench.by(&worker(&order), &made).unwrap().task.id;
    bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Exited(3));
    bench.now += 1_000;
    let by = worker(&bench.start_one());
    bench.by(&by, &completed_with(&id, &[made.as_str()])).unwrap();
    assert!(bench.by(&by, &completed_with(&id, &[made.as_str()])).unwrap().already);
}
