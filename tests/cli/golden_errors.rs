//! The text of every refusal and every fault, kept in one file: a change of a word is seen in review.

use kanband::kernel::error::{Edge, ErrorCode, Fault, Hint, Refusal};
use kanband::kernel::rules::board_obstacle::BoardObstacle;
use kanband::kernel::rules::cron::Cron;
use kanband::kernel::rules::handover::Held;
use kanband::kernel::rules::review::PairFault;
use kanband::kernel::task::{Task, TaskStatus};

/// Set to rewrite the file instead of comparing it, as for the generated documents.
const UPDATE: &str = "KANBAND_UPDATE_FILES";
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/errors.golden.txt");
const ID: &str = "t_1a2b3c4d";
const OTHER: &str = "t_5e6f7a8b";

/// A sample of each variant. The match does not compile while one is missing here.
macro_rules! samples {
    ($errors:ident: $($variant:ident { $($field:ident: $value:expr),* })*) => {{
        let is_listed = |error: &$errors| match error {
            $($errors::$variant { .. } => stringify!($variant),)*
        };
        vec![$($errors::$variant { $($field: $value.into()),* }),*]
            .into_iter()
            .map(|error| (is_listed(&error), error))
            .collect::<Vec<(&'static str, $errors)>>()
    }};
}

/// A task with little in it.
fn task() -> Task {
    let none = [
        "body",
        "assignee",
        "tenant",
        "workspace_path",
        "created_by",
        "started_at",
        "completed_at",
        "result",
        "skills",
        "claim_lock",
        "claim_expires",
        "idempotency_key",
        "worker_pid",
        "last_spawn_error",
        "max_runtime_seconds",
        "last_heartbeat_at",
        "current_run_id",
        "workflow_template_id",
        "current_step_key",
        "not_before",
        "ready_at",
        "archived_at",
    ];
    let mut fields = serde_json::json!({
        "id": ID, "board": "default", "title": "t", "status": "ready", "priority": 0, "workspace_kind": "scratch",
        "created_at": 1, "spawn_failures": 0, "no_max_runtime": false, "auto_starts": 0, "labels": [],
        "protocol_violations": 0, "version": 812,
    });
    for name in none {
        fields[name] = serde_json::Value::Null;
    }
    serde_json::from_value(fields).unwrap()
}

fn refusals() -> Vec<(&'static str, Refusal)> {
    samples! { Refusal:
        UnknownTask { id: ID }
        AmbiguousTask { id: "1a2b", candidates: "t_1a2b3c4d (One), t_1a2b5e6f (Two)" }
        UnknownParents { ids: ID }
        UnknownLinkEnds { ids: ID }
        UnknownBoard { name: "shop" }
        BoardInUse { verb: "remove", name: "shop", why: BoardObstacle::NotEmpty { tasks: 2, schedules: 0, subscriptions: 0 } }
        OtherBoard { id: ID, board: "shop" }
        UnknownSchedule { name: "nightly" }
        ScheduleExists { name: "nightly" }
        OccurrenceExists { name: "nightly" }
        TooManySchedules { of: "profile coder", limit: 20_u32 }
        AddressRefused { address: "https://10.0.0.7/…3f9a2c", detail: "10.0.0.7 is 10.0.0.7, a private address; `allow = [\"10.0.0.7\"]` of the channel permits it" }
        NoOccurrence { name: "nightly" }
        BadCron { fault: Cron::parse("0 0 30 2 *").unwrap_err() }
        TitleRequired {}
        CommentBodyRequired {}
        CommentAuthorRequired {}
        ReasonRequired {}
        SummaryRequired {}
        ChangesRequired {}
        OtherRole { verb: "complete", id: ID, is_review: true }
        Reviewer { fault: PairFault::Itself { profile: "qa".to_owned() } }
        NoOpenParent { id: ID }
        QuestionOver { question: "q_5c0ffee1", id: ID, detail: "answered by ann: blue" }
        QuestionOpen { verb: "unblock", id: ID, question: "q_5c0ffee1", text: "which colour?", blocks: true }
        NoQuestion { id: ID, is_blocked: true }
        UnknownQuestion { id: ID, question: "q_5c0ffee2" }
        InvalidValue { field: "tenant", problem: "cannot be blank", value: "\" \"" }
        NoDirectory { path: "/srv/shpo", why: None }
        WorkspaceKind { value: "cloud" }
        SkillComma { name: "a,b" }
        ChangedMeanwhile { current: Box::new(task()) }
        TooLarge { field: "body", actual: 2_000_000_usize, limit: 1_048_576_usize }
        TooMany { what: "comments", id: ID, limit: 1_000_u64 }
        TreeFull { root: ID, what: "tasks", setting: "dispatch.tree_tasks", limit: 200_u32 }
        BeyondReach { verb: "unblock", id: ID, held: Held::Assign { by: "reader".to_owned(), to: "deployer".to_owned() } }
        SelfLink { id: ID }
        Cycle { parent: ID, child: OTHER }
        UnknownLink { parent: ID, child: OTHER }
        WrongStatus { verb: "claim", id: ID, status: TaskStatus::Blocked, why: "" }
        CurrentlyRunning { verb: "assign", id: ID, lock: "ann@host" }
        UnmetParents { id: ID, unmet: OTHER }
        PreviousRunOpen { id: ID, run_id: 7 }
        WorkspaceBusy { id: ID, workspace: "/srv/shop", owner: OTHER, run_id: 7 }
        WorkspaceUnknown { id: ID, workspace: "/srv/shop", why: "permission denied" }
        NotUnkillable { id: ID, state: "run 7 is stopping" }
        OtherClaimer { verb: "heartbeat", id: ID, lock: "ann@host", claimer: "bob@host" }
        RunOver { run_id: 7, detail: "completed" }
        NotYours { run_id: 7, own: ID, id: OTHER }
        Forbidden { caller: "a worker (run 7)", verb: "archive" }
        IdempotencyConflict { key: "nightly", id: ID }
        RequestConflict { id: "r-1" }
        UnknownProfile { name: "coder", nearest: None }
        NothingToPause { name: "cluade", nearest: "claude".to_owned() }
        OptionNotTaken { option: "model", profile: "coder", launcher: "command" }
        ImportClash { id: ID }
        UnknownBreaker { key: "profile:coder" }
        UnknownCards { ids: vec![OTHER.to_owned()], doubts: format!("{OTHER} (no such task)") }
        UnknownAttachment { id: ID, filename: "spec.pdf" }
        ReadTooLong { ms: 5_000_u64 }
        UnknownSubscription { id: ID }
    }
}

fn faults() -> Vec<(&'static str, Fault)> {
    samples! { Fault:
        Database { doing: "write a row", detail: "disk I/O error", retryable: true }
        File { doing: "create the workspace /srv/shop", detail: "permission denied", retryable: false }
        DiskFull { doing: "write a row" }
        Corrupt { what: "status", value: "odd" }
        BoardLost { loss: "kanban.db is gone", remedy: "restore the newest backup" }
        ShuttingDown {}
        Busy { what: "too many requests" }
        NoAnswer { part: "the dispatcher" }
        Uncommitted { cause: Box::new(Fault::DiskFull { doing: "commit".to_owned() }) }
    }
}

fn shown(name: &str, code: ErrorCode, message: &str, hint: Option<&Hint>) -> String {
    let code = serde_json::to_value(code).unwrap();
    let mut shown = format!("==== {name}: {}\n{message}\n", code.as_str().unwrap());
    for edge in Edge::ALL {
        if let Some(hint) = hint.and_then(|hint| hint.render(edge)) {
            shown.push_str(&format!("hint ({}): {hint}\n", edge.as_str()));
        }
    }
    shown + "\n"
}

#[test]
fn the_text_of_every_refusal_and_fault_is_the_one_on_file() {
    let refused = refusals()
        .into_iter()
        .map(|(name, error)| shown(name, error.code(), &error.to_string(), error.hint().as_ref()));
    let failed = faults()
        .into_iter()
        .map(|(name, error)| shown(name, error.code(), &error.to_string(), error.hint().as_ref()));
    let texts: String = refused.chain(failed).collect();
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(GOLDEN, &texts).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(GOLDEN).unwrap_or_default();
    let differs = kept.lines().zip(texts.lines()).position(|(one, other)| one != other);
    assert!(
        kept == texts,
        "{GOLDEN} differs from line {}; run this test with {UPDATE}=1",
        differs.map_or(0, |line| line + 1)
    );
}
