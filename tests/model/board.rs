//! The real board, shown in the words of the model.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kanband::kernel::board::Board;
use kanband::kernel::caller::Caller;
use kanband::kernel::error::VerbError;
use kanband::kernel::ids::{BoardName, TaskId};
use kanband::kernel::policy::{Policy, ReviewPolicy};
use kanband::kernel::random::SeededRandom;
use kanband::kernel::run::Run;
use kanband::kernel::store::boards::BoardKey;
use kanband::kernel::store::listing::{ListFilter, list};
use kanband::kernel::store::waiting::WaitingOf;
use kanband::kernel::store::{self, Birth, Missing};
use kanband::kernel::task::{Parents, TaskStatus};
use kanband::kernel::verb::Verb;

use crate::model::{self, Model};
use crate::reviews::MAX_ROUNDS;

pub struct Real {
    pub board: Board,
    _dir: tempfile::TempDir,
}

impl Real {
    pub fn new(seed: u64) -> Self {
        let policy = Policy {
            max_running: model::MAX_RUNNING as u32,
            max_running_by_profile: BTreeMap::from([(
                model::CAPPED.0.to_owned(),
                model::CAPPED.1 as u32,
            )]),
            failure_limit: model::FAILURE_LIMIT,
            protocol_violation_limit: model::VIOLATION_LIMIT,
            lifetime_starts: model::LIFETIME_STARTS,
            backoff_base_ms: 0,
            backoff_max_ms: 0,
            claim_ttl_seconds: model::CLAIM_TTL,
            reviews: ReviewPolicy {
                max_rounds: MAX_ROUNDS,
                allow_self: true,
                users: ["dev", "qa", "capped"].map(|name| (name.into(), "ann".into())).into(),
                default_user: "ann".into(),
                ..ReviewPolicy::default()
            },
            ..Policy::default()
        };
        let dir = support::folders::in_memory();
        let birth = Birth { install_id: "i".into(), incarnation: "n".into(), now: 1 };
        let random = Box::new(SeededRandom::new(seed));
        let path = dir.path().join("kanban.db");
        let board = Board::open(&path, Missing::Create, &birth, Arc::new(policy), random).unwrap();
        Self { board, _dir: dir }
    }

    /// Runs a verb; a refusal comes back as its code.
    pub fn run<V: Verb>(
        &mut self,
        now: i64,
        caller: &Caller,
        verb: &V,
    ) -> Result<V::Reply, String> {
        match self.board.run_one(now, caller, None, verb) {
            Ok((reply, _)) => Ok(reply),
            Err(VerbError::Refused(refusal)) => {
                let code = serde_json::to_value(refusal.code()).unwrap();
                Err(code.as_str().unwrap().to_owned())
            }
            Err(VerbError::Failed(fault)) => panic!("{}: {fault}", V::NAME),
        }
    }

    /// Everything that a user can see.
    pub fn show(&self, now: i64) -> Model {
        self.board
            .read::<_, VerbError>(|connection| {
                let filter = ListFilter { include_archived: true, ..ListFilter::default() };
                let mut shown = Model { now, ..Model::default() };
                let default = BoardKey::default();
                let of = WaitingOf { board: &default, name: None, limit: u32::MAX };
                let loops = store::questions::list_block_loops(connection, of)?;
                for task in list(connection, &filter)? {
                    let id = task.id.clone();
                    for parent in store::links::list_parents(connection, &id)? {
                        shown.links.insert((parent.to_string(), id.to_string()));
                    }
                    for run in store::runs::list_of_task(connection, &id)? {
                        shown.runs.insert(run.id, shown_run(run));
                    }
                    let events = store::events::list_of_task(connection, &id)?;
                    let files = store::attachments::list(connection, &id)?.into_iter();
                    let sums =
                        files.map(|file| (file.filename, file.sha256.chars().next().unwrap()));
                    let open = store::questions::get_open(connection, &id)?;
                    let answered_upto = store::questions::answered_by_person_upto(connection, &id)?;
                    let is_in_loop = loops.iter().any(|of| of.id == id);
                    let comments = store::comments::list(connection, &id)?;
                    shown.tasks.insert(
                        id.to_string(),
                        model::Task {
                            status: task.status.as_str(),
                            assignee: task.assignee,
                            priority: task.priority,
                            created_at: task.created_at,
                            arrival: task.seq,
                            title: task.title,
                            lock: task.claim_lock,
                            expires: task.claim_expires,
                            current: task.current_run_id,
                            failures: task.spawn_failures,
                            violations: task.protocol_violations,
                            auto_starts: task.auto_starts,
                            not_before: task.not_before,
                            archived_at: task.archived_at,
                            archived_from: task.archived_from,
                            block_kind: task.block_kind,
                            start_at: task.start_at,
                            reviewer: task.reviewer,
                            chosen: task.reviewer_chosen,
                            review_open: task.review_open,
                            round: task.review_round,
                            review_failures: task.review_failures,
                            review_violations: task.review_violations,
                            by_person: task.review_why.is_some(),
                            key: task.idempotency_key.map(|key| (key, String::new())),
                            labels: task.labels.into_iter().collect::<BTreeSet<_>>(),
                            comments: comments.len(),
                            files: sums.collect(),
                            created_by: events[0].actor.clone().unwrap(),
                            events: events.into_iter().map(|event| event.kind).collect(),
                            question: open.map(|question| model::Question {
                                default: question.default_answer,
                                deadline: question.deadline_at,
                                is_overdue: question.overdue_at.is_some(),
                            }),
                            withdraws: false,
                            // Only a loop is seen.
                            blocks_in_a_row: if is_in_loop { 3 } else { 0 },
                            answered_upto,
                        },
                    );
                }
                Ok(shown)
            })
            .unwrap()
    }

    /// Broken invariants, and gaps in the events while nothing was collected.
    pub fn problems(&self, was_collected: bool) -> Vec<String> {
        self.board
            .read::<_, VerbError>(|connection| {
                let mut problems = store::check::broken_invariants(connection)?;
                let newest = store::events::newest_id(connection)?;
                let listed = store::events::page_after(connection, 0, u32::MAX, usize::MAX)?.events;
                if !was_collected && listed.len() as i64 != newest {
                    problems.push(format!("{} events, the newest is {newest}", listed.len()));
                }
                let counted = store::counts::read(connection)?;
                if counted != *self.board.counts() {
                    problems.push("the counts in memory differ from the rows".to_owned());
                }
                for id in list(connection, &ListFilter::default())? {
                    let parents = store::links::parents_of(connection, &id.id)?;
                    let is_ready = parents == Parents::Satisfied;
                    if id.status == TaskStatus::Todo
                        && is_ready
                        && !store::links::list_parents(connection, &id.id)?.is_empty()
                    {
                        problems.push(format!("{} waits for nobody", id.id));
                    }
                }
                Ok(problems)
            })
            .unwrap()
    }
}

pub fn person() -> Caller {
    Caller::Operator { name: "ada".into() }
}

pub fn worker(run_id: i64, task: &str) -> Caller {
    Caller::Worker {
        run_id,
        task_id: TaskId::parse(task).unwrap(),
        board: BoardName::default(),
        profile: "p".into(),
    }
}

fn shown_run(run: Run) -> model::Run {
    model::Run {
        open: run.is_open(),
        status: run.status,
        outcome: run.outcome.map(|outcome| outcome.as_str().to_owned()),
        supervised: run.supervised,
        summary: run.summary,
        by: run.verdict_by,
        task: run.task_id.to_string(),
        profile: run.profile,
        spawned: run.worker_pid.is_some(),
        cards: run.created_cards,
        review: run.role == "review",
        verdict: run.review_verdict,
        retries: run.block_kind.is_some() && run.retry_at.is_some(),
        kind: run.block_kind,
    }
}
