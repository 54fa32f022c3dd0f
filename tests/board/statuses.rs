//! Every status × every verb × every caller, tried on a board, as the table in `docs/statuses.md`.

use std::fmt::Write as _;
use std::path::Path;

use kanband::kernel::caller::Caller;
use kanband::kernel::error::VerbError;
use kanband::kernel::ids::{BoardName, TaskId};
use kanband::kernel::rules::moves::moves;
use kanband::kernel::task::TaskStatus;
use kanband::kernel::verb::Verb;
use kanband::kernel::verbs::{
    AnswerTask, ApproveTask, ArchiveTask, AskTask, AssignTask, BlockTask, BulkTasks, CancelTask,
    ClaimTask, CommentTask, CompleteTask, CreateTask, EditTask, HeartbeatTask, LinkTasks,
    PromoteTask, RateLimitTask, ReassignTask, ReclaimTask, ReopenTask, RequestChanges,
    RequestReview, RestartTask, ScheduleTask, StopTask, TriageTask, UnarchiveTask, UnblockTask,
    UnscheduleTask,
};
use serde_json::{Value, json};

use crate::bench_board::{Bench, person, wire, worker};

const PAGE: &str = "docs/statuses.md";
const BEGIN: &str = "<!-- moves -->\n";
const END: &str = "<!-- /moves -->\n";

/// Set to rewrite the page instead of comparing it, as for the other generated documents.
const UPDATE: &str = "KANBAND_UPDATE_FILES";

type Try = fn(&mut Bench, &Caller, &Value) -> Result<(), VerbError>;

fn try_verb<V: Verb + serde::de::DeserializeOwned>(
    bench: &mut Bench,
    caller: &Caller,
    fields: &Value,
) -> Result<(), VerbError> {
    bench.by(caller, &wire::<V>(fields.clone())).map(drop)
}

/// The verbs that act on a task: how people call each, what it is tried with beside the id, and the try.
const VERBS: &[(&str, &str, Try)] = &[
    ("claim", "{}", try_verb::<ClaimTask>),
    ("heartbeat", "{}", try_verb::<HeartbeatTask>),
    ("complete", r#"{"summary": "s"}"#, try_verb::<CompleteTask>),
    ("block", r#"{"reason": "r"}"#, try_verb::<BlockTask>),
    ("block --kind dependency --on", "{}", try_dependency),
    (
        "block --kind transient --retry-in",
        r#"{"reason": "r", "kind": "transient", "retry_in_seconds": 60}"#,
        try_verb::<BlockTask>,
    ),
    ("rate-limited", "{}", try_verb::<RateLimitTask>),
    ("unblock", "{}", try_verb::<UnblockTask>),
    ("ask", r#"{"question": "q"}"#, try_verb::<AskTask>),
    ("answer", "{}", try_answer),
    ("unblock (of a question)", "{}", try_unblock_of_question),
    ("approve", "{}", try_verb::<ApproveTask>),
    ("request-changes", r#"{"what": "w"}"#, try_verb::<RequestChanges>),
    ("request-review", "{}", try_verb::<RequestReview>),
    ("promote", "{}", try_verb::<PromoteTask>),
    ("triage", "{}", try_verb::<TriageTask>),
    ("schedule", r#"{"start_at": 4000000000}"#, try_verb::<ScheduleTask>),
    ("schedule --park", r#"{"park": true}"#, try_verb::<ScheduleTask>),
    ("unschedule", "{}", try_verb::<UnscheduleTask>),
    ("reopen", "{}", try_verb::<ReopenTask>),
    ("archive", "{}", try_verb::<ArchiveTask>),
    ("unarchive", "{}", try_verb::<UnarchiveTask>),
    ("cancel", "{}", try_verb::<CancelTask>),
    ("stop", r#"{"then": "hold"}"#, try_verb::<StopTask>),
    ("restart", "{}", try_verb::<RestartTask>),
    ("reclaim", "{}", try_verb::<ReclaimTask>),
    ("reassign", r#"{"assignee": "qa"}"#, try_verb::<ReassignTask>),
    ("assign", r#"{"assignee": "qa"}"#, try_verb::<AssignTask>),
    ("edit --title", r#"{"title": "u"}"#, try_verb::<EditTask>),
    ("edit --at", r#"{"start_at": 9000000}"#, try_verb::<EditTask>),
    ("link (to an open parent)", "{}", try_link),
    ("comment", r#"{"body": "b"}"#, try_verb::<CommentTask>),
];

fn try_link(bench: &mut Bench, caller: &Caller, fields: &Value) -> Result<(), VerbError> {
    let parent = bench.create("open", "", &[]);
    let verb: LinkTasks = wire(json!({"parent_id": parent, "child_id": fields["id"]}));
    bench.by(caller, &verb).map(drop)
}

fn try_dependency(bench: &mut Bench, caller: &Caller, fields: &Value) -> Result<(), VerbError> {
    let parent = bench.create("open", "", &[]);
    let verb: BlockTask =
        wire(json!({"id": fields["id"], "reason": "r", "kind": "dependency", "on": [parent]}));
    bench.by(caller, &verb).map(drop)
}

/// Has a blocked task ask a question; any other has none.
fn ask(bench: &mut Bench, fields: &Value) {
    let is_blocked = bench.run(&wire::<UnblockTask>(json!({"id": fields["id"]}))).is_ok();
    if is_blocked {
        bench.do_it(&wire::<BlockTask>(json!({"id": fields["id"], "question": "q"})));
    }
}

/// Has the run of a running task ask a question.
fn ask_as_run(bench: &mut Bench, fields: &Value) {
    let id = TaskId::parse(fields["id"].as_str().unwrap()).unwrap();
    let Some(run_id) = bench.task(&id).current_run_id else { return };
    let (board, profile) = (BoardName::default(), "dev".to_owned());
    let caller = Caller::Worker { run_id, task_id: id, board, profile };
    bench.by(&caller, &wire::<AskTask>(json!({"id": fields["id"], "question": "q"}))).unwrap();
}

fn try_answer(bench: &mut Bench, caller: &Caller, fields: &Value) -> Result<(), VerbError> {
    ask(bench, fields);
    ask_as_run(bench, fields);
    let verb: AnswerTask = wire(json!({"id": fields["id"], "answer": "a"}));
    bench.by(caller, &verb).map(drop)
}

fn try_unblock_of_question(
    bench: &mut Bench,
    caller: &Caller,
    fields: &Value,
) -> Result<(), VerbError> {
    ask(bench, fields);
    bench.by(caller, &wire::<UnblockTask>(fields.clone())).map(drop)
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asker {
    Operator,
    OwnWorker,
    OtherWorker,
}

/// A board with a task in a status, and the caller.
fn scene(status: TaskStatus, asker: Asker) -> (Bench, TaskId, Caller) {
    let mut bench = Bench::new();
    let other = bench.create("other", "dev", &[]);
    let other_order = bench.start_one();
    assert_eq!(other_order.task.id, other);
    let id = bench.create("t", "dev", &[]);
    let order =
        (asker == Asker::OwnWorker || status == TaskStatus::Running).then(|| bench.start_one());
    let fields = || json!({ "id": id });
    match status {
        TaskStatus::Running => {}
        _ if order.is_some() => drop(bench.do_it(&wire::<ReclaimTask>(fields()))),
        _ => {}
    }
    match status {
        TaskStatus::Ready | TaskStatus::Running => {}
        TaskStatus::Triage => drop(bench.do_it(&wire::<TriageTask>(fields()))),
        TaskStatus::Todo => try_link(&mut bench, &person(), &fields()).unwrap(),
        TaskStatus::Scheduled => {
            let fields = json!({"id": id, "start_at": 5_000_000});
            bench.do_it(&wire::<EditTask>(fields));
        }
        TaskStatus::Blocked => drop(bench.do_it(&wire::<BlockTask>(fields()))),
        TaskStatus::Review => {
            bench.do_it(&wire::<BlockTask>(fields()));
            bench.do_it(&wire::<RequestReview>(fields()));
        }
        TaskStatus::Done => drop(bench.do_it(&wire::<CompleteTask>(fields()))),
        TaskStatus::Archived => drop(bench.do_it(&wire::<ArchiveTask>(fields()))),
    }
    assert_eq!(bench.status(&id), status);
    let caller = match (asker, order) {
        (Asker::Operator, _) => person(),
        (Asker::OwnWorker, Some(order)) => worker(&order),
        (Asker::OtherWorker | Asker::OwnWorker, _) => worker(&other_order),
    };
    (bench, id, caller)
}

/// Where a verb leads: a status, `=` where it stays, none where it is refused.
fn outcome(status: TaskStatus, asker: Asker, fields: &str, verb: Try) -> Option<String> {
    let (mut bench, id, caller) = scene(status, asker);
    let mut fields: Value = serde_json::from_str(fields).unwrap();
    fields["id"] = json!(id);
    match verb(&mut bench, &caller, &fields) {
        Ok(()) => {
            let to = bench.status(&id);
            Some(if to == status { "=".to_owned() } else { to.to_string() })
        }
        Err(VerbError::Refused(_)) => {
            assert_eq!(bench.status(&id), status, "a refusal moved the task");
            None
        }
        Err(VerbError::Failed(fault)) => panic!("{fault}"),
    }
}

fn table(asker: Asker) -> String {
    let mut text = "| |".to_owned();
    for status in TaskStatus::ALL {
        write!(text, " `{status}` |").unwrap();
    }
    writeln!(text, "\n|---|{}", "---|".repeat(TaskStatus::ALL.len())).unwrap();
    for (name, fields, verb) in VERBS {
        let cells: Vec<Option<String>> =
            TaskStatus::ALL.iter().map(|status| outcome(*status, asker, fields, *verb)).collect();
        if cells.iter().all(Option::is_none) {
            continue;
        }
        let cells: Vec<String> = cells.into_iter().map(Option::unwrap_or_default).collect();
        writeln!(text, "| {name} | {} |", cells.join(" | ")).unwrap();
    }
    text
}

/// What leads where from a review run, by an operator and by its own worker.
fn review_table() -> String {
    let mut text = "| | an operator | its worker |\n|---|---|---|\n".to_owned();
    for (name, fields, verb) in VERBS {
        let cells = [Asker::Operator, Asker::OwnWorker].map(|asker| {
            let mut bench = Bench::with_policy(crate::reviews::policy());
            let create = json!({"title": "t", "assignee": "dev", "review": "qa"});
            let id = bench.do_it(&wire::<CreateTask>(create)).task.id;
            let order = crate::reviews::start_review(&mut bench);
            let caller = if asker == Asker::Operator { person() } else { worker(&order) };
            let mut fields: Value = serde_json::from_str(fields).unwrap();
            fields["id"] = json!(id);
            if fields["assignee"] == "qa" {
                fields["assignee"] = json!("second");
            }
            match verb(&mut bench, &caller, &fields) {
                Ok(()) => match bench.status(&id) {
                    TaskStatus::Running => "=".to_owned(),
                    to => to.to_string(),
                },
                Err(VerbError::Refused(_)) => String::new(),
                Err(VerbError::Failed(fault)) => panic!("{fault}"),
            }
        });
        if cells.iter().any(|cell| !cell.is_empty()) {
            writeln!(text, "| {name} | {} | {} |", cells[0], cells[1]).unwrap();
        }
    }
    text
}

#[test]
fn the_page_shows_where_every_verb_leads_from_every_status_for_every_caller() {
    let tables = format!(
        "An operator:\n\n{}\nA worker, on the task of its run (in every status but `running` its run is over):\n\n{}\n\
         A worker, on another task of its board:\n\n{}\nWhile a review runs, from `running`:\n\n{}",
        table(Asker::Operator),
        table(Asker::OwnWorker),
        table(Asker::OtherWorker),
        review_table(),
    );
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let wanted = format!("{before}{BEGIN}{tables}{END}{after}");
    if std::env::var_os(UPDATE).is_some() {
        return std::fs::write(file, wanted).unwrap();
    }
    assert!(page == wanted, "{PAGE} is not up to date; run this test with {UPDATE}=1");
}

#[test]
fn every_move_of_the_page_is_taken_by_the_board_and_lands_in_a_column_that_it_names() {
    for one in moves() {
        // A start is the dispatcher's.
        if one.operation == "dispatch" {
            continue;
        }
        let from = TaskStatus::parse(&one.from).unwrap();
        let (mut bench, id, _) = scene(from, Asker::Operator);
        if one.question == Some(true) {
            ask(&mut bench, &json!({ "id": id }));
        }
        let mut fields = one.with.as_object().unwrap().clone();
        for asked in one.asks.iter().filter(|asked| asked.is_required) {
            let value = if asked.kind == "time" { json!(5_000_000) } else { json!("words") };
            fields.insert(asked.field.clone(), value);
        }
        let verb = BulkTasks {
            verb: one.operation.clone(),
            ids: vec![id.to_string()],
            fields,
            ..BulkTasks::default()
        };
        let result = bench.do_it(&verb).results.remove(0);
        assert!(result.refused.is_none(), "{} from {from}: {:?}", one.operation, result.refused);
        let landed = bench.status(&id).to_string();
        assert!(
            one.to.is_empty() || one.to.contains(&landed),
            "{} from {from}: {landed}",
            one.operation
        );
    }
}
