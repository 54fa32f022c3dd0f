//! Random sequences of operations on model and board.

use kanband::kernel::caller::Caller;
use kanband::kernel::outcome::{Evidence, ProcessEnd, VerdictMode};
use kanband::kernel::random::{SeededRandom, below};
use kanband::kernel::verbs::{
    AfterStop, AnswerTask, ApproveTask, ArchiveTask, AssignTask, AttachFile, BlockTask, CancelTask,
    ClaimTask, CloseRun, CollectGarbage, CommentTask, CompleteTask, CreateTask, DetachFile,
    DispatchSwitch, EditTask, HeartbeatTask, LinkTasks, PassMode, ProcessIds, PromoteTask,
    ReassignTask, ReclaimTask, RecordDoubt, RecordSpawned, ReopenTask, RequestChanges,
    RequestReview, RestartTask, ScheduleTask, SetDispatch, StartReadyRuns, StopTask, TriageTask,
    UnarchiveTask, UnblockTask, UnlinkTasks, UnscheduleTask,
};

use crate::board::{Real, person, worker};
use crate::model::{Block, Model, NewTask};

const OPERATIONS: usize = 100;

struct Pair {
    model: Model,
    real: Real,
    random: SeededRandom,
    was_collected: bool,
    history: Vec<String>,
}

impl Pair {
    fn new(seed: u64) -> Self {
        Self {
            model: Model { now: 1_000_000, ..Model::default() },
            real: Real::new(seed),
            random: SeededRandom::new(seed ^ 0x5eed),
            was_collected: false,
            history: Vec::new(),
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        below(&mut self.random, bound as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// A task, or now and then an id that nobody has.
    fn some_id(&mut self) -> String {
        let count = self.model.tasks.len();
        if count == 0 || self.one_in(30) {
            return "t_ffffffff".to_owned();
        }
        let nth = self.below(count);
        self.model.tasks.keys().nth(nth).unwrap().clone()
    }

    fn some_assignee(&mut self) -> Option<String> {
        let names = [None, Some("dev"), Some("qa"), Some("capped")];
        names[self.below(names.len())].map(str::to_owned)
    }

    fn some_supervised_run(&mut self) -> Option<i64> {
        let runs: Vec<i64> =
            self.model.runs.iter().filter(|(_, run)| run.supervised).map(|(id, _)| *id).collect();
        if runs.is_empty() {
            return None;
        }
        // Mostly the newest ones: they are the ones that are open.
        let from = runs.len().saturating_sub(5);
        let nth = from + self.below(runs.len() - from);
        Some(runs[nth])
    }

    fn agree<T>(&self, what: &str, real: Result<T, String>, model: Result<(), &'static str>) {
        let real = real.map(|_| ());
        assert_eq!(real, model.map_err(str::to_owned), "{what}\n{}", self.history.join("\n"));
    }

    fn step(&mut self) {
        let which = self.below(35);
        match which {
            0..=4 => self.create(),
            5 => self.link(),
            6 => self.unlink(),
            7 => self.assign(),
            8 => self.claim(),
            9 => self.heartbeat(),
            10 => self.complete(),
            11 => self.block(),
            12 => self.unblock(),
            13 => self.archive(),
            14 => self.promote(),
            15 => self.reclaim(),
            16 => self.reassign(),
            17 => self.edit(),
            18 => self.comment(),
            19 | 20 => self.pass(),
            21 => self.worker_verdict(),
            22 => self.close(),
            23 => self.attach(),
            24 => self.worker_creates(),
            25 => self.reopen_or_unarchive(),
            26 => self.triage(),
            27 => self.schedule(),
            28 => self.stop(),
            29 => self.reviewer(),
            30 | 31 => self.review(),
            32 => self.request_review(),
            33 => self.answer(),
            _ => self.rarely(),
        }
    }

    fn note(&mut self, what: impl std::fmt::Display) {
        self.history.push(format!("{:>4} {what}", self.history.len()));
    }

    fn create(&mut self) {
        let parents = (0..self.below(3)).map(|_| self.some_id()).collect::<Vec<_>>();
        let mut unique: Vec<String> = Vec::new();
        for parent in parents {
            if !unique.contains(&parent) {
                unique.push(parent);
            }
        }
        let new = NewTask {
            title: if self.one_in(20) { " ".into() } else { format!("task {}", self.below(2)) },
            assignee: self.some_assignee(),
            parents: unique,
            triage: self.one_in(8),
            priority: self.below(3) as i64,
            key: if self.one_in(5) { Some(format!("key {}", self.below(2))) } else { None },
            review: self.some_review(),
        };
        self.note(format!("create {} key {:?} parents {:?}", new.title, new.key, new.parents));
        let verb = CreateTask {
            title: new.title.clone(),
            assignee: new.assignee.clone(),
            parents: new.parents.clone(),
            triage: new.triage,
            priority: new.priority,
            idempotency_key: new.key.clone(),
            review: new.review.clone(),
            ..CreateTask::default()
        };
        let expected = self.model.check_create(&new);
        match (self.real.run(self.model.now, &person(), &verb), expected) {
            (Ok(reply), Ok(None)) => {
                assert!(reply.created);
                self.model.create(reply.task.id.as_str(), &new, None);
            }
            (Ok(reply), Ok(Some(existing))) => {
                assert!(!reply.created);
                assert_eq!(reply.task.id.as_str(), existing);
            }
            (real, expected) => self.agree(
                "create",
                real,
                match expected {
                    Ok(_) => Ok(()),
                    Err(code) => Err(code),
                },
            ),
        }
    }

    fn some_review(&mut self) -> Option<String> {
        let names = [None, None, None, Some("none"), Some("human"), Some("qa"), Some("capped")];
        names[self.below(names.len())].map(str::to_owned)
    }

    fn reviewer(&mut self) {
        let id = self.some_id();
        let Some(review) = self.some_review() else { return };
        self.note(format!("review of {id} by {review}"));
        let named = Some(review.as_str()).filter(|name| *name != "none");
        let expected = self.model.set_reviewer(&id, named);
        let verb = EditTask { id, review: Some(review), ..EditTask::default() };
        let real = self.real.run(self.model.now, &person(), &verb);
        self.agree("reviewer", real, expected);
    }

    /// By a person, or by a run, also one that does not review.
    fn review(&mut self) {
        let run_id = if self.one_in(2) { None } else { self.some_supervised_run() };
        let id = match run_id {
            Some(run_id) => self.model.runs[&run_id].task.clone(),
            None => self.some_id(),
        };
        let caller = run_id.map_or_else(person, |run_id| worker(run_id, &id));
        if self.one_in(2) {
            self.note(format!("approve {id} by {run_id:?}"));
            let expected = self.model.review(&id, run_id, None);
            let verb = ApproveTask { id, ..ApproveTask::default() };
            let real = self.real.run(self.model.now, &caller, &verb);
            return self.agree("approve", real, expected);
        }
        let what = format!("change {}", self.below(2));
        self.note(format!("request changes of {id} by {run_id:?}: {what}"));
        let expected = self.model.review(&id, run_id, Some(&what));
        let verb = RequestChanges { id, what, board: None };
        let real = self.real.run(self.model.now, &caller, &verb);
        self.agree("request changes", real, expected);
    }

    fn request_review(&mut self) {
        let id = self.some_id();
        self.note(format!("request a review of {id}"));
        let expected = self.model.request_review(&id);
        let real = self.real.run(self.model.now, &person(), &RequestReview { id, board: None });
        self.agree("request a review", real, expected);
    }

    fn link(&mut self) {
        let (parent_id, child_id) = (self.some_id(), self.some_id());
        self.note(format!("link {parent_id} {child_id}"));
        let expected = self.model.link(&parent_id, &child_id);
        let verb = LinkTasks { parent_id, child_id, board: None };
        let real = self.real.run(self.model.now, &person(), &verb);
        self.agree("link", real, expected);
    }

    fn unlink(&mut self) {
        let (parent_id, child_id) = match self.model.links.len() {
            0 => (self.some_id(), self.some_id()),
            count => {
                let nth = self.below(count);
                self.model.links.iter().nth(nth).unwrap().clone()
            }
        };
        self.note(format!("unlink {parent_id} {child_id}"));
        let expected = self.model.unlink(&parent_id, &child_id);
        let verb = UnlinkTasks { parent_id, child_id, board: None };
        let real = self.real.run(self.model.now, &person(), &verb);
        self.agree("unlink", real, expected);
    }

    fn assign(&mut self) {
        let (id, assignee) = (self.some_id(), self.some_assignee());
        self.note(format!("assign {id} {assignee:?}"));
        let expected = self.model.assign(&id, assignee.as_deref());
        let real =
            self.real.run(self.model.now, &person(), &AssignTask { id, assignee, board: None });
        self.agree("assign", real, expected);
    }

    fn claim(&mut self) {
        let id = self.some_id();
        let claimer = format!("person {}", self.below(2));
        self.note(format!("claim {id} {claimer}"));
        let expected = self.model.claim(&id, &claimer);
        let verb = ClaimTask {
            id,
            ttl_seconds: None,
            claimer: Some(claimer),
            board: None,
            workspace: "/w".into(),
            location: None,
            repository: None,
            branch: None,
        };
        let real = self.real.run(self.model.now, &person(), &verb);
        self.agree("claim", real, expected);
    }

    fn heartbeat(&mut self) {
        let id = self.some_id();
        let claimer = if self.one_in(2) { None } else { Some(format!("person {}", self.below(2))) };
        self.note(format!("heartbeat {id} {claimer:?}"));
        let expected = self.model.heartbeat(&id, claimer.as_deref());
        let verb = HeartbeatTask { id, note: None, claimer, board: None };
        let real = self.real.run(self.model.now, &person(), &verb);
        self.agree("heartbeat", real, expected);
    }

    fn complete(&mut self) {
        let id = self.some_id();
        let summary = if self.one_in(2) { Some("by hand".to_owned()) } else { None };
        self.note(format!("complete {id}"));
        let created_cards = self.some_cards();
        let expected = self.model.complete(&id, None, summary.as_deref(), &created_cards);
        let verb = CompleteTask { id, summary, created_cards, ..CompleteTask::default() };
        let real = self.real.run(self.model.now, &person(), &verb);
        self.agree("complete", real, expected);
    }

    fn some_block(&mut self) -> Block {
        let plain = Block {
            reason: Some(format!("word {}", self.below(2))),
            kind: "needs_input",
            on: None,
            retry_in: None,
            question: None,
        };
        let default = self.one_in(2).then(|| "this".to_owned());
        let deadline = self.one_in(2).then(|| 600 + self.below(200) as i64);
        match self.below(8) {
            0 => Block { kind: "capability", ..plain },
            1 => Block { kind: "transient", ..plain },
            2 => Block { kind: "transient", retry_in: Some(1 + self.below(100) as i64), ..plain },
            3 => Block { kind: "dependency", ..plain },
            4 => Block { kind: "dependency", on: Some(self.some_id()), ..plain },
            5 => Block { question: Some((default, deadline)), ..plain },
            6 => {
                Block { kind: "approval", question: Some((None, deadline)), reason: None, ..plain }
            }
            _ => plain,
        }
    }

    fn block(&mut self) {
        let id = self.some_id();
        let mut block = self.some_block();
        if self.one_in(3) {
            block.reason = None;
        }
        self.note(format!("block {id} {block:?}"));
        let expected = self.model.block(&id, None, &block);
        let real = self.real.run(self.model.now, &person(), &request(&id, &block));
        self.agree("block", real, expected);
    }

    fn answer(&mut self) {
        let asked: Vec<String> = self
            .model
            .tasks
            .iter()
            .filter(|(_, task)| task.question.is_some())
            .map(|(id, _)| id.clone())
            .collect();
        let id = match asked.len() {
            0 => self.some_id(),
            _ if self.one_in(4) => self.some_id(),
            count => asked[self.below(count)].clone(),
        };
        self.note(format!("answer {id}"));
        let expected = self.model.answer(&id);
        let verb = AnswerTask { id, answer: "mine".into(), ..AnswerTask::default() };
        let real = self.real.run(self.model.now, &person(), &verb);
        self.agree("answer", real, expected);
    }

    fn unblock(&mut self) {
        let (id, more_starts) = (self.some_id(), self.one_in(4));
        self.note(format!("unblock {id} more starts {more_starts}"));
        let expected = self.model.unblock(&id, more_starts);
        let verb = UnblockTask { id, more_starts, board: None };
        let real = self.real.run(self.model.now, &person(), &verb);
        self.agree("unblock", real, expected);
    }

    fn archive(&mut self) {
        let (id, release_children, cancels) = (self.some_id(), self.one_in(3), self.one_in(2));
        if cancels {
            self.note(format!("cancel {id} release {release_children}"));
            let expected = self.model.cancel(&id, release_children);
            let verb = CancelTask { id, release_children, ..CancelTask::default() };
            let real = self.real.run(self.model.now, &person(), &verb);
            return self.agree("cancel", real, expected);
        }
        self.note(format!("archive {id} release {release_children}"));
        let expected = self.model.archive(&id, release_children);
        let verb = ArchiveTask { id, release_children, board: None };
        let real = self.real.run(self.model.now, &person(), &verb);
        self.agree("archive", real, expected);
    }

    fn reopen_or_unarchive(&mut self) {
        let id = self.some_id();
        if self.model.tasks.get(&id).is_some_and(|task| task.status == "archived") || self.one_in(4)
        {
            self.note(format!("unarchive {id}"));
            let expected = self.model.unarchive(&id);
            let verb = UnarchiveTask { id, board: None };
            let real = self.real.run(self.model.now, &person(), &verb);
            return self.agree("unarchive", real, expected);
        }
        self.note(format!("reopen {id}"));
        let expected = self.model.reopen(&id);
        let real = self.real.run(self.model.now, &person(), &ReopenTask { id, board: None });
        self.agree("reopen", real, expected);
    }

    fn triage(&mut self) {
        let id = self.some_id();
        self.note(format!("triage {id}"));
        let expected = self.model.triage(&id);
        let verb = TriageTask { id, ..TriageTask::default() };
        let real = self.real.run(self.model.now, &person(), &verb);
        self.agree("triage", real, expected);
    }

    fn schedule(&mut self) {
        let id = self.some_id();
        if self.one_in(5) {
            self.note(format!("unschedule {id}"));
            let expected = self.model.unschedule(&id);
            let verb = UnscheduleTask { id, board: None };
            let real = self.real.run(self.model.now, &person(), &verb);
            return self.agree("unschedule", real, expected);
        }
        let start_at = match self.below(4) {
            0 => 0,
            1 => self.model.now - 10,
            _ => self.model.now + 1 + self.below(300) as i64,
        };
        if start_at != 0 && self.one_in(2) {
            self.note(format!("schedule {id} at {start_at}"));
            let expected = self.model.schedule(&id, start_at);
            let verb = ScheduleTask { id, start_at: Some(start_at), ..ScheduleTask::default() };
            let real = self.real.run(self.model.now, &person(), &verb);
            return self.agree("schedule", real, expected);
        }
        self.note(format!("edit the start time of {id} to {start_at}"));
        let expected = self.model.edit_start(&id, start_at);
        let verb = EditTask { id, start_at: Some(start_at), ..EditTask::default() };
        let real = self.real.run(self.model.now, &person(), &verb);
        self.agree("edit", real, expected);
    }

    fn stop(&mut self) {
        let id = self.some_id();
        if self.one_in(2) {
            self.note(format!("restart {id}"));
            let expected = self.model.restart(&id);
            let verb = RestartTask { id, ..RestartTask::default() };
            let real = self.real.run(self.model.now, &person(), &verb);
            return self.agree("restart", real, expected);
        }
        self.note(format!("stop {id}"));
        let expected = self.model.stop(&id);
        let verb = StopTask { id, then: Some(AfterStop::Hold), ..StopTask::default() };
        let real = self.real.run(self.model.now, &person(), &verb);
        self.agree("stop", real, expected);
    }

    fn promote(&mut self) {
        let (id, force) = (self.some_id(), self.one_in(3));
        self.note(format!("promote {id} force {force}"));
        let expected = self.model.promote(&id, force);
        let verb = PromoteTask { id, force, ..PromoteTask::default() };
        let real = self.real.run(self.model.now, &person(), &verb);
        self.agree("promote", real, expected);
    }

    fn reclaim(&mut self) {
        let id = self.some_id();
        self.note(format!("reclaim {id}"));
        let expected = self.model.reclaim(&id);
        let verb = ReclaimTask { id, ..ReclaimTask::default() };
        let real = self.real.run(self.model.now, &person(), &verb);
        self.agree("reclaim", real, expected);
    }

    fn reassign(&mut self) {
        let (id, assignee) = (self.some_id(), self.some_assignee());
        self.note(format!("reassign {id} {assignee:?}"));
        let expected = self.model.reassign(&id, assignee.as_deref());
        let verb = ReassignTask { id, assignee, ..ReassignTask::default() };
        let real = self.real.run(self.model.now, &person(), &verb);
        self.agree("reassign", real, expected);
    }

    fn edit(&mut self) {
        let (id, priority) = (self.some_id(), self.below(3) as i64);
        let label = if self.one_in(2) { Some(format!("label {}", self.below(2))) } else { None };
        self.note(format!("edit {id} priority {priority} label {label:?}"));
        let expected = self.model.edit(&id, priority, label.as_deref());
        let verb = EditTask {
            id,
            priority: Some(priority),
            add_labels: label.into_iter().collect(),
            ..EditTask::default()
        };
        let real = self.real.run(self.model.now, &person(), &verb);
        self.agree("edit", real, expected);
    }

    fn comment(&mut self) {
        let id = self.some_id();
        let body = if self.one_in(8) { " ".to_owned() } else { "a word".to_owned() };
        self.note(format!("comment {id}"));
        let expected = self.model.comment(&id, &body);
        let verb = CommentTask { id, body, author: None, board: None };
        let real = self.real.run(self.model.now, &person(), &verb);
        self.agree("comment", real, expected);
    }

    fn pass(&mut self) {
        self.note("pass".to_owned());
        let expected = self.model.pass();
        let verb = StartReadyRuns {
            mode: PassMode::Automatic,
            max: None,
            is_disk_low: false,
            looks: Default::default(),
            only: Vec::new(),
        };
        let system = Caller::System { part: "dispatcher" };
        let reply = self.real.run(self.model.now, &system, &verb).unwrap();
        let started: Vec<i64> = reply.orders.iter().map(|order| order.run_id).collect();
        assert_eq!(started, expected, "{}", self.history.join("\n"));
        for run_id in started {
            if !self.one_in(4) {
                self.spawned(run_id);
            }
        }
    }

    fn spawned(&mut self, run_id: i64) {
        self.note(format!("run {run_id} spawned"));
        self.model.spawned(run_id);
        let ids = ProcessIds {
            boot_id: "b".into(),
            shim_pid: 1,
            shim_start_ticks: 1,
            worker_pid: 1000 + run_id,
            worker_start_ticks: 1,
        };
        let system = Caller::System { part: "worker" };
        let verb = RecordSpawned { run_id, ids, launch: None };
        self.real.run(self.model.now, &system, &verb).unwrap();
    }

    /// A worker speaks, also one whose run is over: it is fenced.
    fn worker_verdict(&mut self) {
        let Some(run_id) = self.some_supervised_run() else { return };
        let id = self.model.runs[&run_id].task.clone();
        let caller = worker(run_id, &id);
        let word = format!("word {}", self.below(2));
        if self.one_in(2) {
            self.note(format!("run {run_id} completes {id} with {word}"));
            let created_cards = self.some_cards();
            let expected = self.model.complete(&id, Some(run_id), Some(&word), &created_cards);
            let summary = Some(word);
            let verb = CompleteTask { id, summary, created_cards, ..CompleteTask::default() };
            let real = self.real.run(self.model.now, &caller, &verb);
            self.agree("worker completes", real, expected);
        } else {
            let block = self.some_block();
            self.note(format!("run {run_id} blocks {id} {block:?}"));
            let expected = self.model.block(&id, Some(run_id), &block);
            let real = self.real.run(self.model.now, &caller, &request(&id, &block));
            self.agree("worker blocks", real, expected);
        }
    }

    /// What a completion says that it created: mostly nothing.
    fn some_cards(&mut self) -> Vec<String> {
        if !self.one_in(4) {
            return Vec::new();
        }
        let made: Vec<String> = self
            .model
            .tasks
            .iter()
            .filter(|(_, task)| task.created_by != "ada")
            .map(|(id, _)| id.clone())
            .collect();
        // Those that workers made are few, and the interesting ones.
        if made.is_empty() || self.one_in(2) {
            return vec![self.some_id()];
        }
        let nth = self.below(made.len());
        vec![made[nth].clone()]
    }

    fn worker_creates(&mut self) {
        let Some(run_id) = self.some_supervised_run() else { return };
        let caller = worker(run_id, &self.model.runs[&run_id].task.clone());
        let new = NewTask {
            title: "by a worker".into(),
            assignee: None,
            parents: Vec::new(),
            triage: false,
            priority: 0,
            key: None,
            review: None,
        };
        self.note(format!("run {run_id} creates"));
        let verb = CreateTask { title: new.title.clone(), ..CreateTask::default() };
        match self.real.run(self.model.now, &caller, &verb) {
            Ok(reply) => {
                assert!(self.model.runs[&run_id].outcome.is_none(), "{}", self.history.join("\n"));
                self.model.create(reply.task.id.as_str(), &new, Some(run_id));
            }
            Err(code) => {
                assert_eq!(code, "run_over", "{}", self.history.join("\n"));
                assert!(self.model.runs[&run_id].outcome.is_some());
            }
        }
    }

    fn attach(&mut self) {
        let (id, content) = (self.some_id(), ['0', '1'][self.below(2)]);
        let filename = ["a.txt", "a-2.txt", "b.txt"][self.below(3)].to_owned();
        if self.one_in(3) {
            self.note(format!("detach {filename} of {id}"));
            let expected = self.model.detach(&id, &filename);
            let verb = DetachFile { id, filename, board: None };
            let real = self.real.run(self.model.now, &person(), &verb);
            self.agree("detach", real, expected);
        } else {
            self.note(format!("attach {content} as {filename} to {id}"));
            let expected = self.model.attach(&id, &filename, content);
            let sha256 = content.to_string().repeat(64);
            let verb = AttachFile { id, filename, size_bytes: 1, sha256, board: None };
            let real = self.real.run(self.model.now, &person(), &verb);
            self.agree("attach", real, expected);
        }
    }

    fn close(&mut self) {
        let Some(run_id) = self.some_supervised_run() else { return };
        let lost = ProcessEnd::Lost { message: "reboot".into(), is_host_fault: false };
        let (end, mode, timed_out, outcome) = match self.below(8) {
            0 => (ProcessEnd::Exited(0), VerdictMode::Exit, false, "completed"),
            1 => (ProcessEnd::Exited(0), VerdictMode::Report, false, "protocol_violation"),
            2 => (ProcessEnd::Exited(3), VerdictMode::Report, false, "crashed"),
            3 => (ProcessEnd::Signalled(9), VerdictMode::Exit, false, "crashed"),
            4 => (ProcessEnd::Exited(75), VerdictMode::Exit, false, "rate_limited"),
            5 => (ProcessEnd::Signalled(15), VerdictMode::Exit, true, "timed_out"),
            6 => (ProcessEnd::NotStarted, VerdictMode::Report, false, "spawn_failed"),
            _ => (lost, VerdictMode::Report, false, "lost"),
        };
        self.note(format!("run {run_id} is gone: {outcome}"));
        self.model.close(run_id, outcome);
        let evidence = Evidence { timed_out, ..Evidence::of(end) };
        let verb = CloseRun { run_id, verdict_mode: mode, evidence, launch: None };
        let system = Caller::System { part: "worker" };
        self.real.run(self.model.now, &system, &verb).unwrap();
    }

    fn rarely(&mut self) {
        match self.below(5) {
            0 => {
                let seconds = [1, 50, 200, 400][self.below(4)];
                self.note(format!("{seconds} seconds pass"));
                self.model.now += seconds;
            }
            1 => {
                self.model.paused = !self.model.paused;
                self.note(format!("paused: {}", self.model.paused));
                let to =
                    if self.model.paused { DispatchSwitch::Paused } else { DispatchSwitch::On };
                self.real.run(self.model.now, &person(), &SetDispatch { to }).unwrap();
            }
            2 => {
                let before = self.model.now - self.below(300) as i64;
                self.note(format!("gc before {before}"));
                self.model.collect_garbage(before);
                self.was_collected = true;
                let verb = CollectGarbage { archived_before: before };
                self.real.run(self.model.now, &person(), &verb).unwrap();
            }
            3 => {
                let Some(run_id) = self.some_supervised_run() else { return };
                // It changes nothing of what the board does with the run.
                self.note(format!("nobody can tell what became of run {run_id}"));
                let verb = RecordDoubt { run_id, doubt: Some("unknown".to_owned()) };
                let system = Caller::System { part: "crash-detector" };
                self.real.run(self.model.now, &system, &verb).unwrap();
            }
            _ => {
                if let Some(run_id) = self.some_supervised_run()
                    && self.model.runs[&run_id].open
                {
                    self.spawned(run_id);
                }
            }
        }
    }

    fn compare(&mut self) {
        let mut expected = self.model.clone();
        for task in expected.tasks.values_mut() {
            let is_over = matches!(task.status, "done" | "archived");
            let is_loop = task.blocks_in_a_row >= 3 && !is_over;
            task.blocks_in_a_row = if is_loop { 3 } else { 0 };
            task.key = task.key.take().map(|(key, _)| (key, String::new()));
        }
        let mut shown = self.real.show(self.model.now);
        (shown.next_run, shown.paused) = (expected.next_run, expected.paused);
        // The archive's and the give-up's own words are not the model's business.
        for run in shown.runs.values_mut().chain(expected.runs.values_mut()) {
            if !run.by.as_deref().is_some_and(|by| by.starts_with("run:") || by == "ada") {
                run.summary = None;
            }
        }
        assert_eq!(shown, expected, "\n{}", self.history.join("\n"));
        let problems = self.real.problems(self.was_collected);
        assert!(problems.is_empty(), "{problems:?}\n{}", self.history.join("\n"));
    }
}

/// A block as the board takes it.
fn request(id: &str, block: &Block) -> BlockTask {
    let (default, deadline_seconds) = block.question.clone().unwrap_or_default();
    BlockTask {
        id: id.to_owned(),
        reason: block.reason.clone(),
        kind: Some(block.kind.to_owned()),
        on: block.on.iter().cloned().collect(),
        retry_in_seconds: block.retry_in,
        question: block.question.as_ref().map(|_| "which?".to_owned()),
        default,
        deadline_seconds,
        ..BlockTask::default()
    }
}

fn run_sequences(first_seed: u64, count: u64) {
    for seed in first_seed..first_seed + count {
        let run = std::panic::catch_unwind(|| {
            let mut pair = Pair::new(seed);
            for _ in 0..OPERATIONS {
                pair.step();
                pair.compare();
            }
        });
        assert!(run.is_ok(), "seed {seed}; KANBAND_SEED={seed} KANBAND_SEQUENCES=1 repeats it");
    }
}

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn board_and_model_show_the_same_after_every_step_first_half() {
    let count = from_environment("KANBAND_SEQUENCES", 500).div_ceil(2);
    run_sequences(from_environment("KANBAND_SEED", 1), count);
}

#[test]
fn board_and_model_show_the_same_after_every_step_second_half() {
    let count = from_environment("KANBAND_SEQUENCES", 500);
    run_sequences(from_environment("KANBAND_SEED", 1) + count.div_ceil(2), count / 2);
}
