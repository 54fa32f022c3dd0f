//! A board in a temporary directory with a clock that the test turns.

use std::path::PathBuf;
use std::sync::Arc;

use kanband::kernel::board::Board;
use kanband::kernel::caller::Caller;
use kanband::kernel::context::LocalTime;
use kanband::kernel::counts::Counts;
use kanband::kernel::error::{Refusal, VerbError};
use kanband::kernel::event::Event;
use kanband::kernel::ids::{BoardName, RunId, TaskId};
use kanband::kernel::location::Looks;
use kanband::kernel::next_pass::View;
use kanband::kernel::outcome::{Evidence, ProcessEnd, VerdictMode};
use kanband::kernel::policy::Policy;
use kanband::kernel::queries::{
    self, BoardColumns, CardPage, GetBoard, ListCards, Query, Snapshot,
};
use kanband::kernel::random::SeededRandom;
use kanband::kernel::run::Run;
use kanband::kernel::standing::Asker;
use kanband::kernel::store::{self, Birth, Missing};
use kanband::kernel::task::{Task, TaskStatus};
use kanband::kernel::tx::Signal;
use kanband::kernel::verb::Verb;
use kanband::kernel::verbs::{
    CloseReply, CloseRun, CreateTask, PassMode, PassReply, ProcessIds, RecordSpawned, RunOrder,
    StartReadyRuns,
};
use kanband::kernel::why::{Reason, Why};

/// The board under test.
pub struct Bench {
    pub board: Board,
    pub now: i64,
    pub signals: Vec<Signal>,
    pub path: PathBuf,
    _dir: tempfile::TempDir,
}

impl Bench {
    pub fn new() -> Self {
        Self::with_policy(Policy::default())
    }

    pub fn with_policy(policy: Policy) -> Self {
        let dir = crate::folders::in_memory();
        let path = dir.path().join("kanban.db");
        let birth = Birth { install_id: "i".into(), incarnation: "n".into(), now: 1 };
        let board = Board::open(
            &path,
            Missing::Create,
            &birth,
            Arc::new(policy),
            Box::new(SeededRandom::new(1)),
        )
        .unwrap();
        Self { board, now: 1_000_000, signals: Vec::new(), path, _dir: dir }
    }

    /// The same board, opened again: what another program has written meanwhile is known then.
    pub fn reopened(self) -> Self {
        let Self { board, now, signals, path, _dir } = self;
        board.close().unwrap();
        let birth = Birth { install_id: "i".into(), incarnation: "n".into(), now: 1 };
        let (policy, random) = (Arc::new(Policy::default()), Box::new(SeededRandom::new(2)));
        let board = Board::open(&path, Missing::Create, &birth, policy, random).unwrap();
        Self { board, now, signals, path, _dir }
    }

    pub fn by<V: Verb>(&mut self, caller: &Caller, verb: &V) -> Result<V::Reply, VerbError> {
        let (reply, effects) = self.board.run_one(self.now, caller, None, verb)?;
        self.signals = effects.signals;
        Ok(reply)
    }

    /// As a person.
    pub fn run<V: Verb>(&mut self, verb: &V) -> Result<V::Reply, VerbError> {
        self.by(&person(), verb)
    }

    /// As a person, when it must succeed.
    pub fn do_it<V: Verb>(&mut self, verb: &V) -> V::Reply {
        self.run(verb).unwrap_or_else(|error| panic!("{}: {error}", V::NAME))
    }

    /// As a person, when it must be refused.
    pub fn refused<V: Verb>(&mut self, verb: &V) -> Refusal
    where
        V::Reply: std::fmt::Debug,
    {
        self.refused_by(&person(), verb)
    }

    pub fn refused_by<V: Verb>(&mut self, caller: &Caller, verb: &V) -> Refusal
    where
        V::Reply: std::fmt::Debug,
    {
        let before = self.dump();
        let answer = self.by(caller, verb);
        assert_eq!(self.dump(), before, "a refused {} changed something", V::NAME);
        match answer {
            Err(VerbError::Refused(refusal)) => refusal,
            other => panic!("{} was not refused: {other:?}", V::NAME),
        }
    }

    pub fn create(&mut self, title: &str, assignee: &str, parents: &[&TaskId]) -> TaskId {
        let verb = CreateTask {
            title: title.into(),
            assignee: Some(assignee.into()),
            parents: parents.iter().map(ToString::to_string).collect(),
            ..CreateTask::default()
        };
        self.do_it(&verb).task.id
    }

    /// As a person.
    pub fn ask<Q: Query>(&self, query: &Q) -> Result<Q::Reply, VerbError> {
        self.ask_as(&person(), query)
    }

    pub fn ask_as<Q: Query>(&self, caller: &Caller, query: &Q) -> Result<Q::Reply, VerbError> {
        let local_time = LocalTime::new(jiff::tz::TimeZone::UTC);
        self.board.read(|connection| {
            query.read(&Snapshot { connection, now: self.now, caller, local_time: &local_time })
        })
    }

    pub fn task(&self, id: &TaskId) -> Task {
        self.board.read::<_, VerbError>(|c| Ok(store::tasks::get(c, id)?)).unwrap().unwrap()
    }

    pub fn status(&self, id: &TaskId) -> TaskStatus {
        self.task(id).status
    }

    pub fn runs(&self, id: &TaskId) -> Vec<Run> {
        self.board.read::<_, VerbError>(|c| Ok(store::runs::list_of_task(c, id)?)).unwrap()
    }

    pub fn events(&self, id: &TaskId) -> Vec<Event> {
        self.board.read::<_, VerbError>(|c| Ok(store::events::list_of_task(c, id)?)).unwrap()
    }

    pub fn kinds(&self, id: &TaskId) -> Vec<String> {
        self.events(id).into_iter().map(|event| event.kind).collect()
    }

    pub fn pass(&mut self) -> PassReply {
        let caller = Caller::System { part: "dispatcher" };
        self.by(
            &caller,
            &StartReadyRuns {
                mode: PassMode::Automatic,
                max: None,
                is_disk_low: false,
                looks: Default::default(),
                only: Vec::new(),
            },
        )
        .unwrap()
    }

    /// A pass that must start exactly one run, which is then seen running.
    pub fn start_one(&mut self) -> RunOrder {
        let mut orders = self.pass().orders;
        assert_eq!(orders.len(), 1, "{orders:?}");
        let order = orders.remove(0);
        self.spawned(order.run_id);
        order
    }

    pub fn spawned(&mut self, run_id: RunId) {
        let ids = ProcessIds {
            boot_id: "b".into(),
            shim_pid: 10 + run_id,
            shim_start_ticks: 1,
            worker_pid: 1000 + run_id,
            worker_start_ticks: 1,
        };
        let caller = Caller::System { part: "worker" };
        self.by(&caller, &RecordSpawned { run_id, ids, launch: None }).unwrap();
    }

    pub fn close(&mut self, run_id: RunId, mode: VerdictMode, end: ProcessEnd) -> CloseReply {
        self.close_with(run_id, mode, Evidence::of(end))
    }

    pub fn close_with(
        &mut self,
        run_id: RunId,
        verdict_mode: VerdictMode,
        evidence: Evidence,
    ) -> CloseReply {
        let caller = Caller::System { part: "worker" };
        let verb = CloseRun { run_id, verdict_mode, evidence, launch: None };
        self.by(&caller, &verb).unwrap()
    }

    /// Why a task is not running, as the dispatcher would find it under `policy`.
    pub fn why(&self, id: &TaskId, policy: &Policy) -> Reason {
        self.why_on_disk(id, policy, None)
    }

    pub fn why_on_disk(&self, id: &TaskId, policy: &Policy, low_disk_bytes: Option<u64>) -> Reason {
        let task = self.task(id);
        let asker = Asker { is_automatic: true, low_disk_bytes };
        let read = |connection: &store::Connection| {
            let view =
                View { connection, policy, now: self.now, asker, max: None, looks: &Looks::new() };
            Why::new(view).reason(&task)
        };
        self.board.read(read).unwrap()
    }

    /// The columns of the board, as a page reads them.
    pub fn columns(&self, query: &GetBoard) -> Result<BoardColumns, VerbError> {
        self.with_view(|snapshot, view, counts| {
            queries::board(query, snapshot, view, |_| counts.clone())
        })
    }

    /// A window of a column.
    pub fn cards(&self, query: &ListCards) -> Result<CardPage, VerbError> {
        self.with_view(|snapshot, view, counts| {
            queries::cards(query, snapshot, view, |_| counts.clone())
        })
    }

    fn with_view<T>(
        &self,
        read: impl FnOnce(&Snapshot<'_>, View<'_>, &Counts) -> Result<T, VerbError>,
    ) -> Result<T, VerbError> {
        let (local_time, caller) = (LocalTime::new(jiff::tz::TimeZone::UTC), person());
        let (policy, now, looks) = (Policy::default(), self.now, Looks::new());
        let asker = Asker { is_automatic: true, low_disk_bytes: None };
        self.board.read(|connection| {
            let snapshot = Snapshot { connection, now, caller: &caller, local_time: &local_time };
            let view = View { connection, policy: &policy, now, asker, max: None, looks: &looks };
            read(&snapshot, view, self.board.counts())
        })
    }

    /// Every row of every table as text.
    pub fn dump(&self) -> String {
        let connection = rusqlite::Connection::open(&self.path).unwrap();
        let mut out = String::new();
        let tables: Vec<String> = connection
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        for table in tables {
            let mut statement = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
            let width = statement.column_count();
            let mut rows = statement.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                out.push_str(&table);
                for index in 0..width {
                    let value: rusqlite::types::Value = row.get(index).unwrap();
                    out.push_str(&format!("|{value:?}"));
                }
                out.push('\n');
            }
        }
        out
    }
}

pub fn person() -> Caller {
    Caller::Operator { name: "ada".into() }
}

pub fn worker(order: &RunOrder) -> Caller {
    Caller::Worker {
        run_id: order.run_id,
        task_id: order.task.id.clone(),
        board: BoardName::default(),
        profile: order.profile.clone(),
    }
}

/// A verb or query from its wire form.
pub fn wire<V: serde::de::DeserializeOwned>(fields: serde_json::Value) -> V {
    serde_json::from_value(fields).unwrap()
}
