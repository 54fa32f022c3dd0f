//! One decision: what a pass starts, what a dry run says that it would start, and what `why` says, on random boards.
//!
//! `KANBAND_SEED` begins with another seed, `KANBAND_SEQUENCES` makes another number of boards.

mod questions;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kanband::kernel::caller::Caller;
use kanband::kernel::context::LocalTime;
use kanband::kernel::error::Fault;
use kanband::kernel::ids::TaskId;
use kanband::kernel::location::{BrokenPath, Location, Look, Looks};
use kanband::kernel::next_pass::View;
use kanband::kernel::outcome::{ProcessEnd, VerdictMode};
use kanband::kernel::policy::{Policy, ReviewPolicy};
use kanband::kernel::queries::{Snapshot, WaitingFacts, waiting_tasks};
use kanband::kernel::random::{SeededRandom, below};
use kanband::kernel::rules::assignee::{Assignees, Found, ProfileLook, StartedBy};
use kanband::kernel::rules::inbox::Kind;
use kanband::kernel::run::RunRole;
use kanband::kernel::standing::Asker;
use kanband::kernel::start_fault::FailedStep;
use kanband::kernel::store;
use kanband::kernel::store::listing::{ListFilter, list};
use kanband::kernel::task::TaskStatus;
use kanband::kernel::verbs::{
    AssignTask, BlockTask, ClaimTask, CompleteTask, CreateTask, DispatchSwitch, EditTask, PassMode,
    PromoteTask, RecordDoubt, RecordRunState, RequestChanges, RunOrder, SetDispatch, SetPause,
    StartReadyRuns, UnblockTask, preview_dispatch,
};
use kanband::kernel::why::{Reason, Why};
use serde_json::json;

use crate::bench_board::{Bench, person, wire, worker};

const STEPS: usize = 120;

/// Ways to end that open breakers, as [`Boards::end_run`] numbers them.
const PROGRAM_FAILS: usize = 3;
const SETUP_FAILS: usize = 4;

struct Boards {
    bench: Bench,
    policy: Policy,
    random: SeededRandom,
    tasks: Vec<TaskId>,
    /// Runs that may be open.
    orders: Vec<RunOrder>,
    /// How most runs of this board end.
    usual_end: usize,
    /// Every reason that a ready task was seen to have.
    report: BTreeSet<&'static str>,
}

impl Boards {
    fn new(seed: u64) -> Self {
        let mut random = SeededRandom::new(seed);
        let policy = some_policy(&mut random);
        let bench = Bench::with_policy(policy.clone());
        let usual_end = below(&mut random, 7) as usize;
        let (tasks, orders, report) = (Vec::new(), Vec::new(), BTreeSet::new());
        Self { bench, policy, random, tasks, orders, usual_end, report }
    }

    fn below(&mut self, bound: usize) -> usize {
        below(&mut self.random, bound as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn some<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        if all.is_empty() {
            return None;
        }
        let nth = self.below(all.len());
        Some(all[nth].clone())
    }

    fn step(&mut self) {
        match self.below(20) {
            0..=6 => self.create(),
            7 | 8 => self.bench.now += [1, 5, 60, 700][self.below(4)],
            9 | 10 => (0..4).for_each(|_| self.end_run()),
            11 => self.claim(),
            12 => self.change_task(),
            13 => (0..2).for_each(|_| self.change_run()),
            14 if self.one_in(3) => self.pause(),
            15 | 16 => self.talk(),
            _ => {}
        }
        self.compare();
    }

    fn create(&mut self) {
        let assignees = ["dev", "qa", "capped", "ghost", "ada", "bob", ""];
        let nth = self.below(assignees.len() + 3);
        let assignee = assignees.get(nth).copied().unwrap_or("dev");
        let locations = [("dir", "/a"), ("dir", "/b"), ("dir", "/link"), ("worktree", "/repo")];
        let (kind, path) = match self.below(8) {
            nth @ 0..4 => (locations[nth].0, Some(locations[nth].1)),
            _ if self.usual_end == SETUP_FAILS => ("worktree", Some("/repo")),
            _ => ("scratch", None),
        };
        let priority = self.below(3);
        let review = ["none", "none", "none", "qa", "capped", "human"][self.below(6)];
        let fields = json!({
            "title": "t", "assignee": assignee, "workspace_kind": kind, "workspace_path": path, "priority": priority,
            "review": review,
        });
        // A strict board refuses some assignees.
        if let Ok(reply) = self.bench.run(&wire::<CreateTask>(fields)) {
            self.tasks.push(reply.task.id);
        }
    }

    fn end_run(&mut self) {
        let Some(order) = self.some(&self.orders.clone()) else { return };
        if self
            .bench
            .runs(&order.task.id)
            .iter()
            .any(|run| run.id == order.run_id && !run.is_open())
        {
            return;
        }
        let failed = |step| ProcessEnd::StartFailed { step, errno: None, message: "no".into() };
        let kind = if self.one_in(3) { self.below(7) } else { self.usual_end };
        let end = match kind {
            0 => ProcessEnd::Exited(0),
            1 => ProcessEnd::Exited(3),
            2 => ProcessEnd::NotStarted,
            PROGRAM_FAILS => failed(FailedStep::Program),
            SETUP_FAILS => failed(FailedStep::Setup),
            5 => ProcessEnd::Lost { message: "gone".into(), is_host_fault: true },
            _ => {
                let id = &order.task.id;
                let done = wire::<CompleteTask>(json!({"id": id, "summary": "s"}));
                let back = wire::<RequestChanges>(json!({"id": id, "what": "w"}));
                let _may_be_over = match order.role {
                    RunRole::Work => self.bench.by(&worker(&order), &done).map(drop),
                    RunRole::Review => self.bench.by(&worker(&order), &back).map(drop),
                };
                ProcessEnd::Exited(0)
            }
        };
        self.bench.close(order.run_id, VerdictMode::Report, end);
    }

    fn claim(&mut self) {
        let Some(id) = self.some(&self.tasks.clone()) else { return };
        let path = self.bench.task(&id).workspace_path;
        let verb = ClaimTask {
            id: id.to_string(),
            ttl_seconds: Some(3),
            claimer: Some("bob".into()),
            board: None,
            repository: None,
            branch: None,
            workspace: "/w".into(),
            location: path.and_then(|path| match seen(&path) {
                Look::Found(location) => Some(location),
                Look::Broken(_) | Look::Unknown { .. } => None,
            }),
        };
        let _may_be_refused = self.bench.run(&verb);
    }

    fn change_task(&mut self) {
        let Some(id) = self.some(&self.tasks.clone()) else { return };
        let priority = self.below(3);
        let start_at = self.bench.now + [1, 5, 60][self.below(3)];
        let _may_be_refused = match self.below(6) {
            0 => self.bench.run(&wire::<BlockTask>(json!({"id": id, "reason": "r"}))).map(drop),
            1 => self.bench.run(&wire::<UnblockTask>(json!({"id": id}))).map(drop),
            2 => self.bench.run(&wire::<AssignTask>(json!({"id": id, "assignee": "qa"}))).map(drop),
            3 => {
                self.bench.run(&wire::<EditTask>(json!({"id": id, "start_at": start_at}))).map(drop)
            }
            4 => self.bench.run(&wire::<PromoteTask>(json!({"id": id}))).map(drop),
            _ => {
                self.bench.run(&wire::<EditTask>(json!({"id": id, "priority": priority}))).map(drop)
            }
        };
    }

    fn change_run(&mut self) {
        let Some(order) = self.some(&self.orders.clone()) else { return };
        let run_id = order.run_id;
        let system = Caller::System { part: "worker" };
        let _may_be_refused = match self.below(3) {
            0 => {
                let doubt = Some("permission denied".to_owned());
                self.bench.by(&system, &RecordDoubt { run_id, doubt }).map(drop)
            }
            1 => {
                let block = wire::<BlockTask>(json!({"id": order.task.id, "reason": "r"}));
                let blocked = self.bench.by(&worker(&order), &block).map(drop);
                let unblock = wire::<UnblockTask>(json!({"id": order.task.id}));
                let doubt = self.one_in(2).then(|| "permission denied".to_owned());
                blocked
                    .and_then(|()| self.bench.run(&unblock).map(drop))
                    .and_then(|()| self.bench.by(&system, &RecordDoubt { run_id, doubt }).map(drop))
            }
            _ => {
                let state = kanband::kernel::run::RunState::Stopping;
                self.bench.by(&system, &RecordRunState { run_id, state }).map(drop)
            }
        };
    }

    fn pause(&mut self) {
        let paused = self.one_in(2);
        let part = match self.below(4) {
            0 => json!({ "paused": paused, "profile": "dev" }),
            1 => json!({ "paused": paused, "board": "default" }),
            _ => return self.pause_all(),
        };
        self.bench.do_it(&wire::<SetPause>(part));
    }

    fn pause_all(&mut self) {
        let to = [DispatchSwitch::Paused, DispatchSwitch::Draining][self.below(2)];
        let is_on = self.bench.board.read(DispatchSwitch::read).unwrap() == DispatchSwitch::On;
        self.bench.do_it(&SetDispatch { to: if is_on { to } else { DispatchSwitch::On } });
    }

    /// What a pass has been told of paths: all, some or nothing.
    fn some_looks(&mut self) -> Looks {
        let paths = ["/a", "/b", "/link", "/repo", "/checkout"];
        let report = self.below(3);
        let mut looks = Looks::new();
        for path in paths {
            if report == 0 || (report == 1 && self.one_in(2)) {
                let nobody_knows = self.one_in(6);
                let unknown = Look::Unknown { why: "no answer".into() };
                looks.insert(path.into(), if nobody_knows { unknown } else { seen(path) });
            }
        }
        looks
    }

    /// Says what the next pass starts, and then lets it.
    fn compare(&mut self) {
        let looks = self.some_looks();
        let is_disk_low = self.one_in(15);
        let low_disk_bytes = is_disk_low.then_some(7);
        if self.one_in(4) {
            let previewed = self.preview(is_disk_low, &looks);
            let started =
                self.pass(PassMode::OnRequest { failure_limit: None }, is_disk_low, looks);
            assert_eq!(previewed, started, "a dry run");
            return;
        }
        let said = self.reasons(low_disk_bytes, &looks);
        let expected: BTreeSet<TaskId> = said
            .iter()
            .filter(|(_, reason)| **reason == Reason::StartsNext)
            .map(|(id, _)| id.clone())
            .collect();
        let started = self.pass(PassMode::Automatic, is_disk_low, looks);
        assert_eq!(started.into_iter().collect::<BTreeSet<_>>(), expected, "{said:#?}");
    }

    /// Why each task is not running.
    fn reasons(&mut self, low_disk_bytes: Option<u64>, looks: &Looks) -> BTreeMap<TaskId, Reason> {
        let asker = Asker { is_automatic: true, low_disk_bytes };
        let (policy, now) = (&self.policy, self.bench.now);
        let read = |connection: &store::Connection| -> Result<_, Fault> {
            let view = View { connection, policy, now, asker, max: None, looks };
            let tasks = list(connection, &ListFilter::default())?;
            let mut why = Why::new(view);
            let mut said = BTreeMap::new();
            for task in tasks {
                said.insert(task.id.clone(), (task.status, why.reason(&task)?));
            }
            Ok(said)
        };
        let said = self.bench.board.read(read).unwrap();
        let queued = |status| matches!(status, TaskStatus::Ready | TaskStatus::Review);
        let ready = said.values().filter(|(status, _)| queued(*status)).count();
        for (status, reason) in said.values() {
            self.report.extend(questions::report(*status, reason));
            if *status == TaskStatus::Ready {
                self.report.insert(reason.name());
            }
            if let Reason::Behind { others } = reason {
                // Claims that end are in no queue, and count as one.
                assert!((1..=ready.max(1)).contains(&(*others as usize)), "{others} of {ready}");
            }
        }
        self.compare_inbox(&said);
        said.into_iter().map(|(id, (_, reason))| (id, reason)).collect()
    }

    /// The inbox names what `why` says waits for a person, and nothing else.
    fn compare_inbox(&self, said: &BTreeMap<TaskId, (TaskStatus, Reason)>) {
        let counts = self.bench.board.counts();
        let counts: BTreeMap<_, _> = counts.all().map(|(key, n)| (key.clone(), n)).collect();
        let boards = [kanband::kernel::ids::BoardName::default()];
        let (policy, now) = (&self.policy, self.bench.now);
        let (caller, local_time) = (person(), LocalTime::new(jiff::tz::TimeZone::UTC));
        let read = |connection: &store::Connection| {
            let snapshot = Snapshot { connection, now, caller: &caller, local_time: &local_time };
            let (counts, unusable) = (&counts, &BTreeMap::new());
            waiting_tasks(&snapshot, WaitingFacts { policy, counts, unusable }, &boards, None)
        };
        let waiting = self.bench.board.read(read).unwrap();
        let kinds: BTreeMap<String, Vec<Kind>> =
            waiting.into_iter().fold(BTreeMap::new(), |mut kinds, one| {
                let id = one.task.map(|task| task.id).unwrap_or_default();
                kinds.entry(id).or_insert_with(Vec::new).push(one.kind);
                kinds
            });
        assert!(!kinds.contains_key(""), "few enough tasks to be named");
        for (id, (status, reason)) in said {
            let of: &[Kind] = kinds.get(id.as_str()).map_or(&[], Vec::as_slice);
            let is_blocked =
                of.iter().any(|kind| matches!(kind, Kind::Blocked | Kind::GaveUp | Kind::Held));
            let is_asked = questions::compare_inbox(id, of, (*status, reason));
            assert_eq!(
                is_blocked || is_asked,
                *status == TaskStatus::Blocked,
                "{id}: {of:?} {reason:?}"
            );
            let is_for_person = matches!(reason, Reason::Review { .. });
            assert_eq!(of.contains(&Kind::Review), is_for_person, "{id}: {of:?} {reason:?}");
            if *reason == Reason::Unassigned {
                assert_eq!(of, [Kind::Unassigned], "{id}");
            }
            if matches!(reason, Reason::UnknownProfile { .. }) {
                assert_eq!(of, [Kind::UnknownProfile], "{id}");
            }
            if matches!(reason, Reason::Person { .. }) {
                assert_eq!(of, [Kind::Own], "{id}");
            }
            if matches!(reason, Reason::LookingForProfile { .. }) {
                assert!(of.is_empty(), "{id} may start by itself: {of:?}");
            }
            if matches!(reason, Reason::StartsNext) && !is_asked {
                assert!(of.is_empty(), "{id} starts by itself: {of:?}");
            }
        }
    }

    fn preview(&self, is_disk_low: bool, looks: &Looks) -> Vec<TaskId> {
        let (policy, now) = (&self.policy, self.bench.now);
        let read = |connection: &store::Connection| {
            preview_dispatch(connection, policy, now, None, is_disk_low, looks)
        };
        let preview = self.bench.board.read(read).unwrap();
        preview.spawned.into_iter().map(|(id, _)| id).collect()
    }

    fn pass(&mut self, mode: PassMode, is_disk_low: bool, looks: Looks) -> Vec<TaskId> {
        let verb = StartReadyRuns { mode, max: None, is_disk_low, looks, only: Vec::new() };
        let reply = self.bench.by(&Caller::System { part: "dispatcher" }, &verb).unwrap();
        for order in &reply.orders {
            // One that is seen running closes the breakers again.
            let fails = [PROGRAM_FAILS, SETUP_FAILS].contains(&self.usual_end);
            if self.one_in(if fails { 9 } else { 2 }) {
                self.bench.spawned(order.run_id);
            }
        }
        let started = reply.orders.iter().map(|order| order.task.id.clone()).collect();
        self.orders.extend(reply.orders);
        started
    }
}

/// `/link` leads where `/a` does; nothing that can be worked in is at `/b`.
fn seen(path: &str) -> Look {
    let inode = match path {
        "/a" | "/link" => 5,
        "/b" => {
            return Look::Broken(BrokenPath { problem: "not a directory".into(), errno: Some(20) });
        }
        "/repo" => 6,
        _ => 7,
    };
    let anchor = if inode == 5 { "/a" } else { path };
    let anchor = anchor.to_owned();
    Look::Found(Location { anchor, device: 8, inode, missing: Vec::new(), above: Vec::new() })
}

/// Strict or not, auto or not, with a look for every second name; `bob` is a person of the configuration, and `ada`, who creates the
/// tasks, one from her first own task on.
fn some_assignees(one_of: &mut impl FnMut(u64) -> u64) -> Assignees {
    let looks = [
        ProfileLook::Present,
        ProfileLook::Missing,
        ProfileLook::Unknown { error: "no answer".to_owned() },
    ];
    let mut found = Found { is_program_missing: one_of(4) == 0, by_name: BTreeMap::new() };
    for name in ["qa", "ghost"] {
        if let Some(look) = looks.get(one_of(4) as usize) {
            found.by_name.insert(name.to_owned(), look.clone());
        }
    }
    let started_by = [StartedBy::Itself, StartedBy::Default][usize::from(one_of(2) == 0)];
    let profiles = [("dev", StartedBy::Itself), ("qa", started_by), ("capped", StartedBy::Itself)];
    Assignees {
        profiles: profiles.map(|(name, by)| (name.to_owned(), by)).into(),
        people: ["bob".to_owned()].into(),
        is_strict: one_of(3) == 0,
        is_auto: one_of(2) == 0,
        found: Arc::new(found),
    }
}

fn some_policy(random: &mut SeededRandom) -> Policy {
    let mut one_of = |bound: u64| below(random, bound);
    let mut policy = Policy {
        max_running: one_of(6) as u32 + u32::from(one_of(8) > 0),
        lifetime_starts: [2, 20][one_of(2) as usize],
        max_total_runtime_seconds: [None, Some(600)][one_of(2) as usize],
        assignees: some_assignees(&mut one_of),
        dispatch_enabled: one_of(12) > 0,
        reviews: ReviewPolicy {
            max_rounds: 2,
            allow_self: true,
            users: ["dev", "qa", "capped"].map(|name| (name.into(), "ann".into())).into(),
            default_user: "ann".into(),
            ..ReviewPolicy::default()
        },
        ..Policy::default()
    };
    policy.max_running_by_profile.insert("capped".into(), 1);
    if one_of(3) == 0 {
        policy.working_directory_by_profile.insert("qa".into(), "/checkout".into());
    }
    policy
}

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn what_the_next_pass_starts_is_what_why_and_a_dry_run_say() {
    let first = from_environment("KANBAND_SEED", 1);
    let mut report = BTreeSet::new();
    for seed in first..first + from_environment("KANBAND_SEQUENCES", 80) {
        let run = std::panic::catch_unwind(|| {
            let mut boards = Boards::new(seed);
            for _ in 0..STEPS {
                boards.step();
            }
            boards.report
        });
        report.extend(run.unwrap_or_else(|_| {
            panic!("seed {seed}; KANBAND_SEED={seed} KANBAND_SEQUENCES=1 repeats it")
        }));
    }
    let expected = [
        "answered_by_default",
        "asked_by_block",
        "asked_by_run",
        "back_off",
        "behind",
        "board_paused",
        "cap",
        "disk",
        "dispatch_disabled",
        "draining",
        "host_breaker",
        "paused",
        "previous_run_stopping",
        "profile_breaker",
        "profile_cap",
        "profile_paused",
        "run_unknown",
        "runtime_used_up",
        "starts_next",
        "starts_used_up",
        "unassigned",
        "workspace_breaker",
        "workspace_busy",
        "workspace_unknown",
        "workspace_unseen",
    ];
    let missing: Vec<_> = expected.into_iter().filter(|name| !report.contains(name)).collect();
    assert!(missing.is_empty(), "no board had {missing:?}, only {report:?}");
}

#[test]
fn tasks_that_are_not_read_are_counted_apart_and_under_nobody_elses_cause() {
    let mut bench = Bench::new();
    for n in 0..103 {
        let id = bench.create("t", "", &[]);
        bench.do_it(&wire::<BlockTask>(json!({"id": id, "reason": format!("why {n}?")})));
    }
    let counts: BTreeMap<_, _> =
        bench.board.counts().all().map(|(key, count)| (key.clone(), count)).collect();
    let boards = [kanband::kernel::ids::BoardName::default()];
    let (caller, local_time) = (person(), LocalTime::new(jiff::tz::TimeZone::UTC));
    let (policy, now) = (Policy::default(), bench.now);
    let read = |connection: &store::Connection| {
        let snapshot = Snapshot { connection, now, caller: &caller, local_time: &local_time };
        let facts = WaitingFacts { policy: &policy, counts: &counts, unusable: &BTreeMap::new() };
        waiting_tasks(&snapshot, facts, &boards, None)
    };
    let rows = kanband::kernel::rules::inbox::rows(bench.board.read(read).unwrap());
    assert_eq!(rows.iter().map(|row| row.count).sum::<u64>(), 103);
    let unread = rows.iter().find(|row| row.tasks.is_empty()).unwrap();
    assert_eq!((unread.count, unread.message.as_str()), (3, "3 more blocked tasks of default"));
    assert_eq!(unread.commands, ["kanban list --status blocked --board default"]);
    assert!(rows.iter().all(|row| row.tasks.is_empty() || row.count == 1));
}
