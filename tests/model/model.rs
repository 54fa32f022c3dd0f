//! The board's rules once more, as short as they can be said: in memory, without SQL, without anything of the kernel.

use std::collections::{BTreeMap, BTreeSet};

use crate::reviews::{MAX_ROUNDS, PERSON};

pub const MAX_RUNNING: usize = 3;
pub const CAPPED: (&str, usize) = ("capped", 1);
pub const FAILURE_LIMIT: u32 = 3;
pub const VIOLATION_LIMIT: u32 = 2;
pub const LIFETIME_STARTS: u32 = 8;
pub const CLAIM_TTL: i64 = 100;
pub const RATE_LIMIT: i64 = 300;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub status: String,
    pub outcome: Option<String>,
    pub supervised: bool,
    pub open: bool,
    pub summary: Option<String>,
    pub by: Option<String>,
    pub task: String,
    pub profile: Option<String>,
    pub spawned: bool,
    pub cards: Vec<String>,
    pub review: bool,
    pub verdict: Option<String>,
    /// The kind of the block that ended it.
    pub kind: Option<String>,
    /// Whether that block is tried again by itself.
    pub retries: bool,
}

/// The open question of a blocked task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub default: Option<String>,
    pub deadline: Option<i64>,
    pub is_overdue: bool,
}

/// What a block carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    pub reason: Option<String>,
    pub kind: &'static str,
    pub on: Option<String>,
    pub retry_in: Option<i64>,
    /// Its default and the seconds until its deadline.
    pub question: Option<(Option<String>, Option<i64>)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    pub status: &'static str,
    pub assignee: Option<String>,
    pub priority: i64,
    pub created_at: i64,
    /// Its number in the order of arrival.
    pub arrival: i64,
    pub title: String,
    pub lock: Option<String>,
    pub expires: Option<i64>,
    pub current: Option<i64>,
    pub failures: u32,
    pub violations: u32,
    pub auto_starts: u32,
    pub not_before: Option<i64>,
    pub archived_at: Option<i64>,
    pub archived_from: Option<String>,
    pub block_kind: Option<String>,
    pub start_at: Option<i64>,
    pub reviewer: Option<String>,
    pub chosen: bool,
    pub review_open: bool,
    pub round: u32,
    pub review_failures: u32,
    pub review_violations: u32,
    /// Whether a person reviews in place of the profile.
    pub by_person: bool,
    pub key: Option<(String, String)>,
    pub labels: BTreeSet<String>,
    pub comments: usize,
    pub files: BTreeMap<String, char>,
    pub created_by: String,
    pub events: Vec<String>,
    pub question: Option<Question>,
    /// Its question ends with the move that is about to be told.
    pub withdraws: bool,
    /// Blocks of one kind in a row, at most three.
    pub blocks_in_a_row: u32,
    /// The run up to which a person has answered.
    pub answered_upto: i64,
}

/// The model. A refused operation returns the code of its refusal and leaves everything as it was, but for the event that tells
/// of a refused completion.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Model {
    pub now: i64,
    pub tasks: BTreeMap<String, Task>,
    pub links: BTreeSet<(String, String)>,
    pub runs: BTreeMap<i64, Run>,
    pub next_run: i64,
    pub paused: bool,
}

pub type Done = Result<(), &'static str>;

pub struct NewTask {
    pub title: String,
    pub assignee: Option<String>,
    pub parents: Vec<String>,
    pub triage: bool,
    pub priority: i64,
    pub key: Option<String>,
    pub review: Option<String>,
}

fn satisfies(status: &str) -> bool {
    matches!(status, "done" | "archived")
}

impl Model {
    pub fn task(&mut self, id: &str) -> Result<&mut Task, &'static str> {
        self.tasks.get_mut(id).ok_or("unknown_task")
    }

    pub fn tell(&mut self, id: &str, kind: &str) {
        let task = self.tasks.get_mut(id).unwrap();
        task.events.push(kind.to_owned());
        if std::mem::take(&mut task.withdraws) {
            task.events.push("ask_ended".to_owned());
        }
    }

    pub fn unmet(&self, child: &str) -> bool {
        self.links.iter().any(|(parent, of)| of == child && !satisfies(self.tasks[parent].status))
    }

    pub fn open_run_of(&self, id: &str) -> Option<i64> {
        self.runs.iter().find(|(_, run)| run.task == id && run.open).map(|(id, _)| *id)
    }

    /// What a create would be refused with, or the id of the task that has its key.
    pub fn check_create(&self, new: &NewTask) -> Result<Option<String>, &'static str> {
        if new.title.trim().is_empty() {
            return Err("title_required");
        }
        if let Some(key) = &new.key {
            let holder = self.tasks.iter().find(|(_, task)| {
                task.status != "archived" && task.key.as_ref().is_some_and(|(own, _)| own == key)
            });
            if let Some((id, task)) = holder {
                let same =
                    task.key.as_ref().is_some_and(|(_, content)| *content == content_of(new));
                return if same { Ok(Some(id.clone())) } else { Err("idempotency_conflict") };
            }
        }
        if new.parents.iter().any(|parent| !self.tasks.contains_key(parent)) {
            return Err("unknown_parent");
        }
        Ok(None)
    }

    /// By a person (`run` none) or by the worker of a run.
    pub fn create(&mut self, id: &str, new: &NewTask, run: Option<i64>) {
        let waits = new.parents.iter().any(|parent| !satisfies(self.tasks[parent].status));
        let status = match (new.triage, waits) {
            (true, _) => "triage",
            (false, true) => "todo",
            (false, false) => "ready",
        };
        for parent in &new.parents {
            self.links.insert((parent.clone(), id.to_owned()));
        }
        let task = Task {
            status,
            assignee: new.assignee.clone(),
            priority: new.priority,
            created_at: self.now,
            arrival: 1 + self.tasks.values().map(|task| task.arrival).max().unwrap_or_default(),
            title: new.title.clone(),
            lock: None,
            expires: None,
            current: None,
            failures: 0,
            violations: 0,
            auto_starts: 0,
            not_before: None,
            archived_at: None,
            archived_from: None,
            block_kind: None,
            start_at: None,
            reviewer: new.review.clone().filter(|name| name != "none"),
            chosen: new.review.is_some(),
            review_open: false,
            round: 1,
            review_failures: 0,
            review_violations: 0,
            by_person: false,
            key: new.key.clone().map(|key| (key, content_of(new))),
            labels: BTreeSet::new(),
            comments: 0,
            files: BTreeMap::new(),
            created_by: by(run),
            events: vec!["created".to_owned()],
            question: None,
            withdraws: false,
            blocks_in_a_row: 0,
            answered_upto: 0,
        };
        self.tasks.insert(id.to_owned(), task);
    }

    pub fn link(&mut self, parent: &str, child: &str) -> Done {
        if !self.tasks.contains_key(parent) || !self.tasks.contains_key(child) {
            return Err("unknown_task");
        }
        if parent == child {
            return Err("self_link");
        }
        if self.reaches(child, parent) {
            return Err("cycle");
        }
        if self.links.insert((parent.to_owned(), child.to_owned())) {
            self.tell(child, "linked");
            if self.tasks[child].status == "ready" && !satisfies(self.tasks[parent].status) {
                self.leave(child, "todo");
                self.tell(child, "demoted");
            }
        }
        Ok(())
    }

    pub fn reaches(&self, from: &str, to: &str) -> bool {
        from == to
            || self.links.iter().any(|(parent, child)| parent == from && self.reaches(child, to))
    }

    pub fn unlink(&mut self, parent: &str, child: &str) -> Done {
        if !self.links.remove(&(parent.to_owned(), child.to_owned())) {
            return Err("unknown_link");
        }
        self.tell(child, "unlinked");
        self.promote_if_met(child);
        Ok(())
    }

    /// Where a task lands when it resumes.
    pub fn landing(&self, id: &str) -> &'static str {
        if self.tasks[id].review_open {
            "review"
        } else if self.tasks[id].start_at.is_some_and(|start_at| start_at > self.now) {
            "scheduled"
        } else if self.unmet(id) {
            "todo"
        } else {
            "ready"
        }
    }

    pub fn children(&self, parent: &str) -> Vec<String> {
        self.links.iter().filter(|(of, _)| of == parent).map(|(_, child)| child.clone()).collect()
    }

    pub fn promote_if_met(&mut self, id: &str) {
        if self.tasks[id].status == "todo" && !self.unmet(id) {
            self.leave(id, "ready");
            self.tell(id, "promoted");
        }
    }

    pub fn release_children(&mut self, parent: &str) {
        for child in self.children(parent) {
            self.promote_if_met(&child);
        }
    }

    pub fn hold_children(&mut self, parent: &str) {
        for child in self.children(parent) {
            if matches!(self.tasks[&child].status, "todo" | "scheduled") {
                self.leave(&child, "blocked");
                self.tasks.get_mut(&child).unwrap().block_kind = Some("parent_cancelled".into());
                self.tell(&child, "blocked");
            }
        }
    }

    pub fn demote_children(&mut self, parent: &str) {
        for child in self.children(parent) {
            if self.tasks[&child].status == "ready" {
                self.leave(&child, "todo");
                self.tell(&child, "demoted");
            }
        }
    }

    /// Moves a task and clears what only a running or a waiting one has.
    pub fn leave(&mut self, id: &str, status: &'static str) {
        let task = self.tasks.get_mut(id).unwrap();
        task.status = status;
        let is_profile = task.reviewer.as_deref().is_some_and(|reviewer| reviewer != PERSON);
        task.by_person = status == "review" && is_profile && task.round > MAX_ROUNDS;
        task.withdraws |= task.question.take().is_some();
        if status == "done" {
            task.blocks_in_a_row = 0;
        }
        (task.lock, task.expires, task.current, task.not_before) = (None, None, None, None);
        task.block_kind = None;
    }

    pub fn end_current(
        &mut self,
        id: &str,
        outcome: &str,
        summary: Option<&str>,
        by: &str,
    ) -> bool {
        let Some(run_id) = self.tasks[id].current else { return false };
        let run = self.runs.get_mut(&run_id).unwrap();
        run.status = if outcome == "completed" { "done" } else { outcome }.to_owned();
        run.outcome = Some(outcome.to_owned());
        run.summary = summary.map(str::to_owned);
        run.by = Some(by.to_owned());
        run.open = run.supervised;
        if outcome != "blocked" {
            self.tasks.get_mut(id).unwrap().blocks_in_a_row = 0;
        }
        true
    }

    pub fn synthesize(&mut self, id: &str, outcome: &str, summary: Option<&str>, by: &str) {
        let run = Run {
            status: outcome.to_owned(),
            outcome: Some(outcome.to_owned()),
            supervised: false,
            open: false,
            summary: summary.map(str::to_owned),
            by: Some(by.to_owned()),
            task: id.to_owned(),
            profile: self.tasks[id].assignee.clone(),
            spawned: false,
            cards: Vec::new(),
            review: false,
            verdict: None,
            kind: None,
            retries: false,
        };
        self.add_run(run);
    }

    pub fn add_run(&mut self, run: Run) -> i64 {
        self.next_run += 1;
        self.runs.insert(self.next_run, run);
        self.next_run
    }

    pub fn assign(&mut self, id: &str, assignee: Option<&str>) -> Done {
        let task = self.task(id)?;
        if task.status == "running" {
            return Err("currently_running");
        }
        if task.assignee.as_deref() != assignee {
            task.assignee = assignee.map(str::to_owned);
            (task.failures, task.violations) = (0, 0);
            if task.status != "review" {
                task.not_before = None;
            }
            // A reviewer that was not chosen follows the assignee, who has no default here.
            if !task.chosen && !task.review_open {
                task.reviewer = None;
            }
            self.tell(id, "assigned");
        }
        Ok(())
    }

    pub fn open(&mut self, id: &str, lock: &str, expires: Option<i64>, supervised: bool) -> i64 {
        let queue = self.queue(id).cloned();
        let profile = if supervised { queue } else { self.tasks[id].assignee.clone() };
        let run_id = self.add_run(Run {
            status: "running".to_owned(),
            outcome: None,
            supervised,
            open: true,
            summary: None,
            by: None,
            task: id.to_owned(),
            profile,
            spawned: false,
            cards: Vec::new(),
            review: self.tasks[id].status == "review",
            verdict: None,
            kind: None,
            retries: false,
        });
        self.leave(id, "running");
        let task = self.tasks.get_mut(id).unwrap();
        (task.lock, task.expires, task.current) = (Some(lock.to_owned()), expires, Some(run_id));
        self.tell(id, "claimed");
        run_id
    }

    pub fn claim(&mut self, id: &str, claimer: &str) -> Done {
        if self.task(id)?.status != "ready" {
            return Err("wrong_status");
        }
        if self.open_run_of(id).is_some() {
            return Err("previous_run_open");
        }
        self.open(id, claimer, Some(self.now + CLAIM_TTL), false);
        Ok(())
    }

    pub fn heartbeat(&mut self, id: &str, claimer: Option<&str>) -> Done {
        let until = self.now + CLAIM_TTL;
        let task = self.task(id)?;
        if task.status != "running" {
            return Err("wrong_status");
        }
        if claimer.is_some() && claimer != task.lock.as_deref() {
            return Err("other_claimer");
        }
        task.expires = task.expires.map(|end| end.max(until));
        self.tell(id, "heartbeat");
        Ok(())
    }

    /// By a person (`run` none) or by the worker of a run.
    pub fn complete(
        &mut self,
        id: &str,
        run: Option<i64>,
        summary: Option<&str>,
        cards: &[String],
    ) -> Done {
        let by = by(run);
        if let Some(done) = self.repeated(id, run, "completed", summary, cards)? {
            return done;
        }
        let position = self.position(id, run);
        let open = ["ready", "running", "blocked", "scheduled", "review"];
        if (position == "review run" && run.is_some()) || !open.contains(&self.tasks[id].status) {
            return Err("wrong_status");
        }
        if cards.iter().any(|card| !self.was_created_here(card, id, &by)) {
            self.tell(id, "completion_blocked_hallucination");
            return Err("unknown_cards");
        }
        let mut ended = self.tasks[id].current;
        let hands_over = summary.is_some() || !cards.is_empty();
        if !self.end_current(id, "completed", summary, &by) && hands_over {
            self.synthesize(id, "completed", summary, &by);
            ended = Some(self.next_run);
            if position == "review" {
                self.runs.get_mut(&self.next_run).unwrap().profile = None;
            }
        }
        if let Some(run) = ended {
            let is_review = matches!(position, "review run" | "review");
            let run = self.runs.get_mut(&run).unwrap();
            run.cards = cards.to_vec();
            run.review |= is_review;
            run.verdict = is_review.then(|| "approved".to_owned());
        }
        if position == "work" && run.is_some() && self.tasks[id].reviewer.is_some() {
            self.hand_in(id);
            return Ok(());
        }
        if matches!(position, "review run" | "review") {
            self.finish_review(id);
            return Ok(());
        }
        self.leave(id, "done");
        self.forget(id);
        self.tell(id, "completed");
        self.release_children(id);
        Ok(())
    }

    pub fn attach(&mut self, id: &str, name: &str, content: char) -> Done {
        let files = &mut self.task(id)?.files;
        let (stem, extension) = name.split_once('.').unwrap();
        let is_numbered = |known: &str| {
            let middle = known.strip_prefix(stem).and_then(|rest| rest.strip_suffix(extension));
            let number = middle.and_then(|rest| rest.strip_prefix('-')?.strip_suffix('.'));
            number.is_some_and(|number| number.parse::<u32>().is_ok())
        };
        let is_there = files.get(name).is_some_and(|known| {
            let is_same = |(known, held): (&String, &char)| *held == content && is_numbered(known);
            *known == content || files.iter().any(is_same)
        });
        if is_there {
            return Ok(());
        }
        let numbered = (2..).map(|n| name.replace('.', &format!("-{n}.")));
        let mut names = std::iter::once(name.to_owned()).chain(numbered);
        let free = names.find(|name| !files.contains_key(name)).unwrap();
        files.insert(free, content);
        self.tell(id, "attached");
        Ok(())
    }

    pub fn detach(&mut self, id: &str, name: &str) -> Done {
        if self.task(id)?.files.remove(name).is_none() {
            return Err("unknown_attachment");
        }
        self.tell(id, "attachment_removed");
        Ok(())
    }

    /// A worker whose run has ended: the same verdict again is fine, anything else is over.
    pub fn repeated(
        &self,
        id: &str,
        run: Option<i64>,
        outcome: &str,
        summary: Option<&str>,
        cards: &[String],
    ) -> Result<Option<Done>, &'static str> {
        if !self.tasks.contains_key(id) {
            return Err("unknown_task");
        }
        let Some(run_id) = run else { return Ok(None) };
        let Some(run) = self.runs.get(&run_id) else { return Err("run_over") };
        if run.outcome.is_none() {
            return Ok(None);
        }
        let is_own = run.by.as_deref() == Some(by(Some(run_id)).as_str());
        let is_same = run.outcome.as_deref() == Some(outcome)
            && run.summary.as_deref() == summary
            && run.cards == cards;
        Ok(Some(if is_own && is_same { Ok(()) } else { Err("run_over") }))
    }

    pub fn unblock(&mut self, id: &str, more_starts: bool) -> Done {
        let task = self.task(id)?;
        if task.status != "blocked" {
            return Err("wrong_status");
        }
        if task.question.is_some() {
            return Err("question_open");
        }
        (task.failures, task.violations) = (0, 0);
        if more_starts {
            task.auto_starts = 0;
        }
        self.leave(id, self.landing(id));
        self.tell(id, "unblocked");
        Ok(())
    }

    /// Out of sight; what waited for an unfinished one is held, unless it is released.
    pub fn put_away(&mut self, id: &str, releases: bool) {
        let now = self.now;
        let task = self.tasks.get_mut(id).unwrap();
        let from = task.status;
        (task.archived_at, task.archived_from) = (Some(now), Some(from.to_owned()));
        self.leave(id, "archived");
        self.tell(id, "archived");
        if releases || from == "done" {
            self.release_children(id);
        } else {
            self.hold_children(id);
        }
    }

    pub fn cancel(&mut self, id: &str, releases: bool) -> Done {
        match self.task(id)?.status {
            "done" | "archived" => return Err("wrong_status"),
            "running" => {
                self.end_current(id, "stopped", None, "ada");
                self.tell(id, "stopped");
            }
            _ => {}
        }
        self.put_away(id, releases);
        Ok(())
    }

    pub fn restart(&mut self, id: &str) -> Done {
        if self.task(id)?.status != "running" {
            return Err("wrong_status");
        }
        self.end_current(id, "stopped", None, "ada");
        self.leave(id, self.landing(id));
        self.tell(id, "stopped");
        Ok(())
    }

    pub fn stop(&mut self, id: &str) -> Done {
        if self.task(id)?.status != "running" {
            return Err("wrong_status");
        }
        self.end_current(id, "stopped", None, "ada");
        self.leave(id, "blocked");
        self.tell(id, "stopped");
        self.tell(id, "blocked");
        Ok(())
    }

    pub fn reopen(&mut self, id: &str) -> Done {
        if self.task(id)?.status != "done" {
            return Err("wrong_status");
        }
        self.demote_children(id);
        self.leave(id, self.landing(id));
        let task = self.tasks.get_mut(id).unwrap();
        (task.failures, task.violations, task.round) = (0, 0, 1);
        self.tell(id, "reopened");
        Ok(())
    }

    pub fn unarchive(&mut self, id: &str) -> Done {
        if self.task(id)?.status != "archived" {
            return Err("wrong_status");
        }
        let key = self.tasks[id].key.clone().map(|(key, _)| key);
        let is_taken = self.tasks.iter().any(|(other, task)| {
            let own = task.key.as_ref().map(|(key, _)| key);
            other != id && task.status != "archived" && own.is_some() && own == key.as_ref()
        });
        if self.tasks[id].archived_from.as_deref() == Some("done") {
            self.leave(id, "done");
        } else {
            self.demote_children(id);
            self.leave(id, self.landing(id));
        }
        let task = self.tasks.get_mut(id).unwrap();
        (task.archived_at, task.archived_from) = (None, None);
        if is_taken {
            task.key = None;
        }
        self.tell(id, "unarchived");
        Ok(())
    }

    pub fn triage(&mut self, id: &str) -> Done {
        if !matches!(self.task(id)?.status, "todo" | "scheduled" | "ready" | "blocked") {
            return Err("wrong_status");
        }
        self.leave(id, "triage");
        self.tell(id, "triaged");
        Ok(())
    }

    pub fn archive(&mut self, id: &str, releases: bool) -> Done {
        if self.task(id)?.status == "archived" {
            return Err("wrong_status");
        }
        self.end_current(
            id,
            "reclaimed",
            Some("the task was archived while this run was active"),
            "ada",
        );
        self.put_away(id, releases);
        Ok(())
    }

    pub fn promote(&mut self, id: &str, force: bool) -> Done {
        let (unmet, now) = (self.unmet(id), self.now);
        let task = self.task(id)?;
        if task.status == "scheduled" {
            task.start_at = None;
        }
        let is_later = task.start_at.is_some_and(|start_at| start_at > now);
        let is_open = task.review_open;
        let to = match task.status {
            "todo" | "blocked" if unmet && !force => return Err("unmet_parents"),
            "triage" | "todo" | "blocked" | "scheduled" if is_open => "review",
            "triage" | "todo" | "blocked" if is_later => "scheduled",
            "triage" | "scheduled" if unmet && !force => "todo",
            "triage" | "todo" | "blocked" | "scheduled" => "ready",
            _ => return Err("wrong_status"),
        };
        (task.failures, task.violations) = (0, 0);
        self.leave(id, to);
        self.tell(id, "promoted");
        Ok(())
    }

    pub fn reclaim(&mut self, id: &str) -> Done {
        if self.task(id)?.status != "running" {
            return Err("wrong_status");
        }
        self.end_current(id, "reclaimed", None, "ada");
        self.leave(id, self.landing(id));
        self.tell(id, "reclaimed");
        Ok(())
    }

    pub fn reassign(&mut self, id: &str, assignee: Option<&str>) -> Done {
        if self.task(id)?.status == "running" {
            self.reclaim(id)?;
        }
        self.assign(id, assignee)
    }

    pub fn edit(&mut self, id: &str, priority: i64, label: Option<&str>) -> Done {
        let task = self.task(id)?;
        let labelled = label.is_some_and(|label| task.labels.insert(label.to_owned()));
        let moved = std::mem::replace(&mut task.priority, priority) != priority;
        if labelled {
            self.tell(id, "edited");
        }
        if moved {
            self.tell(id, "reprioritized");
        }
        Ok(())
    }

    pub fn comment(&mut self, id: &str, body: &str) -> Done {
        self.task(id)?;
        if body.trim().is_empty() {
            return Err("comment_body_required");
        }
        self.tasks.get_mut(id).unwrap().comments += 1;
        self.tell(id, "commented");
        Ok(())
    }

    pub fn collect_garbage(&mut self, before: i64) {
        let gone: Vec<String> = self
            .tasks
            .iter()
            .filter(|(id, task)| {
                task.archived_at.is_some_and(|at| at < before)
                    && task.status == "archived"
                    && self.open_run_of(id).is_none()
            })
            .map(|(id, _)| id.clone())
            .collect();
        for id in gone {
            self.tasks.remove(&id);
            self.links.retain(|(parent, child)| *parent != id && *child != id);
            self.runs.retain(|_, run| run.task != id);
        }
    }
}

pub fn by(run: Option<i64>) -> String {
    run.map_or("ada".to_owned(), |run| format!("run:{run}"))
}

fn content_of(new: &NewTask) -> String {
    let (title, parents) = (new.title.trim(), &new.parents);
    let (assignee, review) = (&new.assignee, &new.review);
    format!("{title}|{assignee:?}|{parents:?}|{}|{}|{review:?}", new.triage, new.priority)
}
