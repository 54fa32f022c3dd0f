//! The same request twice is the same request, and what is stored is what was sent: 10,000 random JSON values from a seed.

use kanband::kernel::error::{Refusal, VerbError};
use kanband::kernel::ids::TaskId;
use kanband::kernel::outcome::{ProcessEnd, VerdictMode};
use kanband::kernel::policy::Policy;
use kanband::kernel::queries::Snapshot;
use kanband::kernel::random::SeededRandom;
use kanband::kernel::rules::assignee::{Assignees, StartedBy};
use kanband::kernel::transfer::export;
use kanband::kernel::transfer::import::ImportTasks;
use kanband::kernel::verb::Verb as _;
use kanband::kernel::verbs::{
    AttachFile, CommentTask, CompleteTask, CreateTask, CreateTasks, EditTask, LinkTasks,
};

use crate::bench_board::{Bench, person, worker};
use crate::random_json::{Sent, value};

/// Values of a test, and how many of them a run's metadata hold.
const VALUES: usize = 10_000;
const VALUES_PER_RUN: usize = 50;

/// Levels of a value.
const DEPTH: u64 = 12;

/// The metadata of one run: an object with a list of random values.
fn metadata(random: &mut SeededRandom) -> Sent {
    let values: Vec<Sent> = (0..VALUES_PER_RUN).map(|_| value(random, DEPTH)).collect();
    let list = |part: fn(&Sent) -> &str| values.iter().map(part).collect::<Vec<_>>().join(",");
    Sent {
        text: format!("{{\"values\": [{}]}}", list(|value| &value.text)),
        stored: format!("{{\"values\":[{}]}}", list(|value| &value.stored)),
    }
}

/// A column of a task's newest run or event, as text.
fn column(bench: &Bench, sql: &str, id: &TaskId) -> String {
    let connection = rusqlite::Connection::open(&bench.path).unwrap();
    connection.query_row(sql, [id.as_str()], |row| row.get(0)).unwrap()
}

const METADATA: &str = "SELECT metadata FROM task_runs WHERE task_id = ?1";
const PAYLOAD: &str = "SELECT payload FROM task_events WHERE task_id = ?1 AND kind = 'noted'";

fn exported(bench: &Bench, id: &TaskId) -> String {
    let caller = person();
    let local_time = kanband::kernel::context::LocalTime::new(jiff::tz::TimeZone::UTC);
    let record = bench.board.read::<_, VerbError>(|connection| {
        let now = bench.now;
        export::record(&Snapshot { connection, now, caller: &caller, local_time: &local_time }, id)
    });
    serde_json::to_string(&record.unwrap().unwrap()).unwrap()
}

#[test]
fn random_metadata_are_stored_as_sent_and_a_repeated_verdict_is_the_same() {
    let mut bench = Bench::new();
    let mut random = SeededRandom::new(10);
    for index in 0..VALUES / VALUES_PER_RUN {
        let id = bench.create("t", "dev", &[]);
        let order = bench.start_one();
        let sent = metadata(&mut random);
        let text = format!("{{\"id\":\"{id}\",\"summary\":\"done\",\"metadata\":{}}}", sent.text);
        // Parsed again each time, as the bytes of a repeated request are.
        let verdict = || serde_json::from_slice::<CompleteTask>(text.as_bytes()).unwrap();
        let request = format!("r-{index}");
        let mut send = |request: Option<&str>| {
            let now = bench.now;
            bench.board.run_one(now, &worker(&order), request, &verdict()).unwrap().0.already
        };
        assert!(!send(Some(&request)), "{text}");
        assert!(!send(Some(&request)), "a repeated request gets the reply of the first: {text}");
        assert!(send(None), "a repeated verdict is known by what was stored: {text}");
        assert_eq!(column(&bench, METADATA, &id), sent.stored);
        let shown = bench.runs(&id).pop().unwrap();
        assert_eq!(shown.metadata.unwrap().to_string(), sent.stored);
        bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Exited(0));
    }
}

#[test]
fn random_values_survive_an_import_and_an_export() {
    let mut random = SeededRandom::new(11);
    let (mut bench, mut other) = (Bench::new(), Bench::new());
    for index in 0..VALUES / VALUES_PER_RUN / 4 {
        let sent = metadata(&mut random);
        let id = TaskId::parse(&format!("t_{index:08x}")).unwrap();
        let text = format!(
            r#"{{"source":"kanban","records":[{{"task":{{"id":"{id}","title":"t","status":"done"}},
                "runs":[{{"id":1,"status":"done","outcome":"completed","started_at":1,"ended_at":2,"metadata":{}}}],
                "events":[{{"id":1,"kind":"noted","payload":{},"created_at":1}}]}}]}}"#,
            serde_json::to_string(&sent.text).unwrap(),
            sent.text,
        );
        let import = |text: &str| serde_json::from_slice::<ImportTasks>(text.as_bytes()).unwrap();
        assert_eq!(bench.do_it(&import(&text)).imported, 1);
        assert_eq!(bench.do_it(&import(&text)).existing, 1);
        assert_eq!(column(&bench, PAYLOAD, &id), sent.stored);
        let record = exported(&bench, &id);
        other.do_it(&import(&format!("{{\"source\":\"kanban\",\"records\":[{record}]}}")));
        assert_eq!(column(&other, METADATA, &id), sent.stored);
        assert_eq!(column(&other, PAYLOAD, &id), sent.stored);
        assert_eq!(exported(&other, &id), record);
    }
}

#[test]
fn a_reply_that_holds_numbers_is_given_again_as_it_was() {
    let mut bench = Bench::new();
    let now = bench.now;
    let parent = bench.create("parent", "", &[]).to_string();
    let child = bench.create("child", "", &[]).to_string();
    let create = || CreateTask {
        title: "t".into(),
        priority: -1_000_000,
        max_runtime_seconds: Some(4_000_000_000),
        ..CreateTask::default()
    };
    macro_rules! twice {
        ($id:expr, $verb:expr) => {{
            let mut send = || {
                let reply = bench.board.run_one(now, &person(), Some($id), &$verb).unwrap().0;
                serde_json::to_value(&reply).unwrap()
            };
            let (first, second) = (send(), send());
            assert_eq!(first, second, "{}", $id);
        }};
    }
    twice!("create", create());
    twice!("create_batch", CreateTasks { tasks: vec![create(), create()] });
    twice!("link", LinkTasks { parent_id: parent.clone(), child_id: child.clone(), board: None });
    twice!(
        "edit",
        EditTask { id: child.clone(), priority: Some(1_000_000), ..EditTask::default() }
    );
    twice!(
        "comment",
        CommentTask { id: child.clone(), body: "1e308".into(), author: None, board: None }
    );
    twice!(
        "attach",
        AttachFile {
            id: child.clone(),
            filename: "a".into(),
            size_bytes: 25 * 1024 * 1024,
            sha256: "a".repeat(64),
            board: None
        }
    );
}

#[test]
fn a_request_is_known_again_by_a_program_with_more_fields() {
    let mut bench = Bench::new();
    let now = bench.now;
    let verb = CreateTask { title: "t".into(), ..CreateTask::default() };
    let first = bench.board.run_one(now, &person(), Some("r"), &verb).unwrap().0;
    // What the release before this one would have stored: a digest over every field, those without a value too.
    let json = serde_json::to_vec(&verb).unwrap();
    let actor = person().actor();
    let digest = kanband::kernel::digest::hex(&[
        CreateTask::NAME.as_bytes(),
        actor.to_string().as_bytes(),
        &json,
    ]);
    let connection = rusqlite::Connection::open(&bench.path).unwrap();
    let stored: String =
        connection.query_row("SELECT digest FROM requests", [], |row| row.get(0)).unwrap();
    assert_ne!(stored, digest, "fields that say nothing are no part of the digest");
    connection.execute("UPDATE requests SET digest = ?1", [digest]).unwrap();
    let again = bench.board.run_one(now, &person(), Some("r"), &verb).unwrap().0;
    assert_eq!(again.task.id, first.task.id);
    let other = CreateTask { triage: true, ..verb };
    let refused = bench.board.run_one(now, &person(), Some("r"), &other);
    assert!(matches!(refused, Err(VerbError::Refused(Refusal::RequestConflict { .. }))));
}

#[test]
fn a_create_that_is_repeated_by_its_key_is_answered_after_the_configuration_has_changed() {
    let mut bench = Bench::new();
    let verb = CreateTask {
        title: "t".into(),
        assignee: Some("dev".into()),
        idempotency_key: Some("k".into()),
        ..CreateTask::default()
    };
    let first = bench.do_it(&verb);
    let profiles = [("ops".to_owned(), StartedBy::Itself)].into();
    let assignees = Assignees { profiles, is_strict: true, ..Assignees::default() };
    let strict = Policy { assignees, ..Policy::default() };
    bench.board.set_policy(std::sync::Arc::new(strict));
    let again = bench.do_it(&verb);
    assert!(!again.created);
    assert_eq!(again.task.id, first.task.id);
    let other = CreateTask { idempotency_key: Some("other".into()), ..verb };
    assert!(matches!(bench.refused(&other), Refusal::UnknownProfile { .. }));
}

#[test]
fn a_file_that_got_a_number_and_is_attached_again_is_the_same_file() {
    let mut bench = Bench::new();
    let id = bench.create("t", "", &[]).to_string();
    let mut attach = |digit: &str| {
        let (filename, sha256) = ("a.txt".to_owned(), digit.repeat(64));
        let verb = AttachFile { id: id.clone(), filename, size_bytes: 1, sha256, board: None };
        let reply = bench.do_it(&verb);
        (reply.attachment.filename, reply.already)
    };
    assert_eq!(attach("a"), ("a.txt".into(), false));
    assert_eq!(attach("b"), ("a-2.txt".into(), false));
    assert_eq!(attach("b"), ("a-2.txt".into(), true));
    assert_eq!(attach("a"), ("a.txt".into(), true));
}
