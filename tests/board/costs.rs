//! What twelve hot operations cost, as counts: steps of SQLite's machine, frames of the WAL, commits (each is one sync to the disk) and
//! allocations. The same on every machine, so that a change that makes one dearer is seen by the commit that makes it.
//!
//! `costs.golden.txt` has the counts. None may grow but with the file: `KANBAND_UPDATE_FILES=1` writes it, and the commit says why.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use kanband::kernel::caller::Caller;
use kanband::kernel::error::Fault;
use kanband::kernel::ids::TaskId;
use kanband::kernel::outcome::{Evidence, ProcessEnd, VerdictMode};
use kanband::kernel::policy::Policy;
use kanband::kernel::queries::{ListTasks, ShowTask};
use kanband::kernel::store;
use kanband::kernel::verb::Verb;
use kanband::kernel::verbs::{
    BlockTask, ClaimTask, CloseRun, CommentTask, CompleteTask, CreateTask, CreateTasks,
    HeartbeatTask, PassMode, ProcessIds, RecordSpawned, RunOrder, StartReadyRuns,
};
use serde_json::json;

use crate::bench_board::{Bench, person, wire, worker};

/// Tasks on the board beside those that are worked on, of eight profiles that have no free slot.
const TASKS: usize = 400;
/// How often an operation is done; the middle of what it cost is compared.
const ROUNDS: usize = 15;
/// Header of a WAL file, and of each of its frames.
const WAL_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
const PAGE: usize = 4096;

/// What an operation cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Cost {
    steps: u64,
    frames: u64,
    commits: u64,
    allocations: u64,
}

/// An operation that was prepared.
type Prepared = Box<dyn FnOnce(&mut Bench)>;

/// Prepares an operation, uncounted.
type Case = fn(&mut Bench, usize) -> Prepared;

const CASES: [(&str, Case); 12] = [
    ("create", create),
    ("create a hundred", create_a_hundred),
    ("claim", claim),
    ("start one run", start_one),
    ("start nothing", start_nothing),
    ("record a start", record_spawned),
    ("heartbeat", heartbeat),
    ("comment", comment),
    ("block", block),
    ("complete, with a child", complete),
    ("close a run", close),
    ("list 50 and show one", list_and_show),
];

fn new_task(nth: usize, profile: &str) -> CreateTask {
    wire(json!({
        "title": format!("Part {nth} of the work"), "body": "What is to be done, in a sentence.", "assignee": profile, "priority": nth % 3,
    }))
}

/// A task that waits for its profile.
fn waiting_task(bench: &mut Bench, nth: usize) -> TaskId {
    bench.do_it(&new_task(nth, "dev4")).task.id
}

/// Does `verb` as one request with an id.
fn request<V: Verb>(caller: Caller, id: String, verb: V) -> Prepared {
    Box::new(move |bench| {
        bench
            .board
            .run_one(bench.now, &caller, Some(&id), &verb)
            .unwrap_or_else(|error| panic!("{}: {error}", V::NAME));
    })
}

/// Does `verb` as the daemon does it for itself.
fn order<V: Verb>(verb: V) -> Prepared {
    let caller = Caller::System { part: "worker" };
    Box::new(move |bench| {
        bench
            .board
            .run_one(bench.now, &caller, None, &verb)
            .unwrap_or_else(|error| panic!("{}: {error}", V::NAME));
    })
}

fn create(_: &mut Bench, nth: usize) -> Prepared {
    request(person(), format!("create-{nth}"), new_task(nth, "dev1"))
}

fn create_a_hundred(_: &mut Bench, nth: usize) -> Prepared {
    let tasks = (0..100).map(|part| new_task(part, "dev2")).collect();
    request(person(), format!("hundred-{nth}"), CreateTasks { tasks })
}

fn claim(bench: &mut Bench, nth: usize) -> Prepared {
    let id = waiting_task(bench, nth);
    let verb = ClaimTask { workspace: "/tmp/w".into(), ..wire(json!({"id": id})) };
    request(person(), format!("claim-{nth}"), verb)
}

fn pass() -> StartReadyRuns {
    StartReadyRuns {
        mode: PassMode::Automatic,
        max: Some(1),
        is_disk_low: false,
        looks: Default::default(),
        only: Vec::new(),
    }
}

fn start_one(bench: &mut Bench, nth: usize) -> Prepared {
    let verb = CreateTask { priority: 1_000, ..new_task(nth, &format!("start-{nth}")) };
    bench.do_it(&verb);
    Box::new(|bench| {
        let caller = Caller::System { part: "dispatcher" };
        let (reply, _) = bench.board.run_one(bench.now, &caller, None, &pass()).unwrap();
        assert_eq!(reply.orders.len(), 1);
    })
}

fn start_nothing(_: &mut Bench, _: usize) -> Prepared {
    Box::new(|bench| {
        let caller = Caller::System { part: "dispatcher" };
        let verb = StartReadyRuns { max: Some(0), ..pass() };
        let (reply, _) = bench.board.run_one(bench.now, &caller, None, &verb).unwrap();
        assert!(reply.orders.is_empty());
    })
}

/// A run of a task that nobody else has, on its way.
fn started(bench: &mut Bench, nth: usize, what: &str) -> RunOrder {
    let verb = CreateTask { priority: 1_000, ..new_task(nth, &format!("{what}-{nth}")) };
    bench.do_it(&verb);
    let caller = Caller::System { part: "dispatcher" };
    bench.by(&caller, &pass()).unwrap().orders.remove(0)
}

fn running(bench: &mut Bench, nth: usize, what: &str) -> RunOrder {
    let order = started(bench, nth, what);
    bench.spawned(order.run_id);
    order
}

fn record_spawned(bench: &mut Bench, nth: usize) -> Prepared {
    let run_id = started(bench, nth, "spawned").run_id;
    let ids = ProcessIds {
        boot_id: "b".into(),
        shim_pid: 10 + run_id,
        shim_start_ticks: 1,
        worker_pid: 1_000 + run_id,
        worker_start_ticks: 1,
    };
    order(RecordSpawned { run_id, ids, launch: None })
}

fn heartbeat(bench: &mut Bench, nth: usize) -> Prepared {
    let run = running(bench, nth, "heartbeat");
    let verb: HeartbeatTask = wire(json!({"id": run.task.id, "note": "half of the files"}));
    request(worker(&run), format!("heartbeat-{nth}"), verb)
}

fn comment(bench: &mut Bench, nth: usize) -> Prepared {
    let id = waiting_task(bench, nth);
    let verb: CommentTask =
        wire(json!({"id": id, "body": "It is the second one, see the chapter on formats"}));
    request(person(), format!("comment-{nth}"), verb)
}

fn block(bench: &mut Bench, nth: usize) -> Prepared {
    let run = running(bench, nth, "block");
    let verb: BlockTask = wire(json!({"id": run.task.id, "reason": "Which of the two formats?"}));
    request(worker(&run), format!("block-{nth}"), verb)
}

fn complete(bench: &mut Bench, nth: usize) -> Prepared {
    let run = running(bench, nth, "complete");
    let child = CreateTask { parents: vec![run.task.id.to_string()], ..new_task(nth, "dev3") };
    bench.do_it(&child);
    let verb: CompleteTask =
        wire(json!({"id": run.task.id, "summary": "Changed three files, all tests pass"}));
    request(worker(&run), format!("complete-{nth}"), verb)
}

fn close(bench: &mut Bench, nth: usize) -> Prepared {
    let run = running(bench, nth, "close");
    let verb: CompleteTask =
        wire(json!({"id": run.task.id, "summary": "Changed three files, all tests pass"}));
    bench.by(&worker(&run), &verb).unwrap();
    let evidence = Evidence::of(ProcessEnd::Exited(0));
    order(CloseRun {
        run_id: run.run_id,
        verdict_mode: VerdictMode::Report,
        evidence,
        launch: None,
    })
}

fn list_and_show(bench: &mut Bench, nth: usize) -> Prepared {
    let id = waiting_task(bench, nth).to_string();
    Box::new(move |bench| {
        let list = ListTasks { limit: Some(50), ..ListTasks::default() };
        assert_eq!(bench.ask(&list).unwrap().len(), 50);
        assert_eq!(bench.ask(&ShowTask { id, ..ShowTask::default() }).unwrap().events.len(), 1);
    })
}

fn journal_of(board: &Path) -> PathBuf {
    let mut path = board.as_os_str().to_owned();
    path.push("-wal");
    path.into()
}

/// Frames in the WAL, and how many of them end a commit: these name the size of the file that they make.
fn frames_and_commits(board: &Path) -> (u64, u64) {
    let journal = std::fs::read(journal_of(board)).unwrap();
    let frames: Vec<_> =
        journal.get(WAL_HEADER..).unwrap_or_default().chunks_exact(FRAME_HEADER + PAGE).collect();
    let ends = frames.iter().filter(|frame| frame[4..8] != [0; 4]).count();
    (frames.len() as u64, ends as u64)
}

fn board() -> Bench {
    let policy = Policy {
        max_running: 1_000,
        max_running_by_profile: (0..8).map(|nth| (format!("dev{nth}"), 1)).collect(),
        ..Policy::default()
    };
    let mut bench = Bench::with_policy(policy);
    for nth in 0..TASKS {
        bench.now += 1;
        bench.do_it(&new_task(nth, &format!("dev{}", nth % 8)));
    }
    assert_eq!(bench.pass().orders.len(), 8);
    bench
}

/// What an operation cost each time.
fn costs_of(bench: &mut Bench, case: Case) -> Vec<Cost> {
    let steps = bench.board.count_steps().unwrap();
    let mut costs = Vec::new();
    for round in 0..ROUNDS {
        bench.now += 1;
        let operation = case(bench, round);
        // What is in the WAL is moved into the file, so that all that is in it then is of this operation.
        bench.board.complete_file().unwrap();
        let before = steps.load(Ordering::Relaxed);
        let counted = allocation_counter::measure(|| operation(bench));
        let (frames, commits) = frames_and_commits(&bench.path);
        let steps = (steps.load(Ordering::Relaxed) - before).unsigned_abs();
        costs.push(Cost { steps, frames, commits, allocations: counted.count_total });
    }
    costs
}

/// The middle of each count. A page that is full is split now and then, and a table of the program grows.
fn middle(costs: &[Cost]) -> Cost {
    let middle = |of: fn(&Cost) -> u64| {
        let mut counts: Vec<_> = costs.iter().map(of).collect();
        counts.sort_unstable();
        counts[counts.len() / 2]
    };
    Cost {
        steps: middle(|cost| cost.steps),
        frames: middle(|cost| cost.frames),
        commits: middle(|cost| cost.commits),
        allocations: middle(|cost| cost.allocations),
    }
}

fn text(costs: &[(&str, Cost)]) -> String {
    let mut text = "operation                 steps  frames  commits  allocations\n".to_owned();
    for (name, Cost { steps, frames, commits, allocations }) in costs {
        writeln!(text, "{name:<24}{steps:>7}{frames:>8}{commits:>9}{allocations:>13}").unwrap();
    }
    text
}

/// The counts of the file, by operation.
fn parse(text: &str) -> BTreeMap<String, [u64; 4]> {
    let row = |line: &str| {
        let (name, counts) = line.split_at(24);
        let counts: Vec<u64> =
            counts.split_whitespace().map(|count| count.parse().unwrap()).collect();
        (name.trim().to_owned(), counts.try_into().unwrap())
    };
    text.lines().skip(1).map(row).collect()
}

#[test]
fn no_hot_operation_costs_more_than_the_file_says() {
    let mut bench = board();
    let costs: Vec<_> =
        CASES.iter().map(|(name, case)| (*name, middle(&costs_of(&mut bench, *case)))).collect();
    let (found, path) =
        (text(&costs), Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/board/costs.golden.txt"));
    if std::env::var_os("KANBAND_UPDATE_FILES").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    let bounds = parse(&std::fs::read_to_string(&path).unwrap());
    assert_eq!(bounds.len(), CASES.len());
    for (name, Cost { steps, frames, commits, allocations }) in &costs {
        let costs = [*steps, *frames, *commits, *allocations];
        let is_within = costs.iter().zip(&bounds[*name]).all(|(cost, bound)| cost <= bound);
        assert!(
            *steps > 0 && *allocations > 0 && is_within,
            "{name} costs more than {:?}:\n{found}",
            bounds[*name]
        );
    }
}

/// Frames of one commit that eight requests share.
fn frames_of_eight<V: Verb>(bench: &mut Bench, verbs: &[V]) -> u64 {
    bench.now += 1;
    bench.board.complete_file().unwrap();
    let (now, caller) = (bench.now, person());
    let mut batch = bench.board.batch(now).unwrap();
    for (nth, verb) in verbs.iter().enumerate() {
        let id = format!("{}-{now}-{nth}", V::NAME);
        batch.run(&caller, Some(&id), verb).unwrap_or_else(|error| panic!("{}: {error}", V::NAME));
    }
    batch.commit().unwrap();
    let (frames, commits) = frames_and_commits(&bench.path);
    assert_eq!(commits, 1, "one sync for all");
    frames
}

#[test]
fn a_claim_and_its_complete_write_at_most_twelve_frames_when_eight_share_a_commit() {
    let mut bench = board();
    let mut frames = Vec::new();
    for _ in 0..ROUNDS {
        let ids: Vec<_> = (0..8).map(|nth| waiting_task(&mut bench, nth)).collect();
        let claims: Vec<_> = ids
            .iter()
            .map(|id| ClaimTask { workspace: "/tmp/w".into(), ..wire(json!({"id": id})) })
            .collect();
        let completes: Vec<CompleteTask> =
            ids.iter().map(|id| wire(json!({"id": id, "summary": "done"}))).collect();
        frames.push(frames_of_eight(&mut bench, &claims) + frames_of_eight(&mut bench, &completes));
    }
    frames.sort_unstable();
    let of_a_pair = frames[ROUNDS / 2].div_ceil(8);
    assert!((1..=12).contains(&of_a_pair), "{frames:?}");
}

#[test]
fn a_start_looks_for_released_tasks_only_among_those_that_wait_for_others() {
    let steps_beside = |ready: usize| {
        let mut bench = Bench::new();
        let parent = waiting_task(&mut bench, 0);
        bench.do_it(&CreateTask { parents: vec![parent.to_string()], ..new_task(1, "dev1") });
        (0..ready).for_each(|nth| drop(bench.do_it(&new_task(nth, "dev2"))));
        let steps = bench.board.count_steps().unwrap();
        let look = || {
            let found = bench.board.read::<_, Fault>(store::tasks::list_promotable).unwrap();
            assert_eq!(found, [], "its parent is not done");
            steps.load(Ordering::Relaxed)
        };
        // A statement that ran before the counting began counts those runs with its first.
        let first = look();
        look() - first
    };
    assert_eq!(steps_beside(10), steps_beside(300));
}
