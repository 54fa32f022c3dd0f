//! Every end of a question, with the daemon killed at every moment of the question's life.
//!
//! A cell is an end (a row of `ends.rs`) and a moment. Each has a home of its own: the first attempt asks, the question ends, and the
//! next attempt keeps the context that it reads. [`Moment::impossible`] names the cells that cannot be, with the reason. `KANBAND_END` leaves only the ends whose name contains it.

mod ends;

use std::path::PathBuf;
use std::thread::JoinHandle;

use kanband::api::client::{Client, task_path};
use kanband::kernel::store::{check, open_reader};
use rusqlite::Connection;
use serde_json::{Value, json};

use self::ends::{ANSWER, Asked, ENDS, End, EndedBy, Next};
use crate::harness::{Daemon, config, processes_of, until};

const QUESTION: &str = "Which key?";

/// When the daemon dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// The question is written and not committed.
    AskMade,
    /// It is committed, and no caller has its reply.
    AskCommitted,
    /// It is open, and a run that continues waits for its answer or is about to.
    Open,
    /// A block has taken it over from its run, and nobody has heard so.
    TakenOver,
    /// Its end is written and not committed.
    EndMade,
    /// Its end is committed: who ended it has no reply, and who waits has not heard.
    EndCommitted,
    /// The next attempt is written and not committed.
    NextMade,
    /// The next attempt is committed and not started.
    NextCommitted,
}

impl Moment {
    /// The fail points that make it so. The first attempt is claimed as well.
    fn points(self, daemon: &Daemon) -> String {
        match self {
            Self::AskMade => "ask-made=kill".to_owned(),
            Self::AskCommitted => "ask-committed=kill".to_owned(),
            // A deadline that comes while the test makes up its mind ends nothing.
            Self::Open => format!("ask-end-made=hold:{}", daemon.scratch().join("held").display()),
            // The create is answered first, and an ask is none of these verbs.
            Self::TakenOver => "verb-answered=kill@2".to_owned(),
            Self::EndMade => "ask-end-made=kill".to_owned(),
            Self::EndCommitted => "ask-end-committed=kill".to_owned(),
            Self::NextMade => "claim-made=kill@2".to_owned(),
            Self::NextCommitted => "claim-committed=kill@2".to_owned(),
        }
    }

    /// Why the daemon cannot die at this moment of a question that ends so.
    fn impossible(self, end: &End) -> Option<&'static str> {
        match (self, end.next) {
            (Self::NextMade | Self::NextCommitted, Next::Never(why)) => Some(why),
            (Self::TakenOver, _) if !end.is_taken_over() => Some("no block takes it over"),
            _ => None,
        }
    }
}

/// The worker: the first attempt does as its row says, each later one keeps its context and is done. The lock is held by every
/// process of an attempt, so a second one beside it does not get it.
fn script(daemon: &Daemon, end: &End) -> String {
    format!(
        "cd {dir}; echo $KANBAN_RUN >> starts; exec 9>alone; flock -n 9 || echo $KANBAN_RUN >> doubled; \
         hear() {{ \"$@\" > heard 2>&1; echo $? > code.new; mv code.new code; }}; \
         go() {{ while [ ! -e go ]; do sleep 0.02; done; }}; \
         if [ $(wc -l < starts) -gt 1 ]; then kanban context $KANBAN_TASK > context && \
         exec kanban complete $KANBAN_TASK --summary again; exit 9; fi; {first}",
        dir = daemon.scratch().display(),
        first = end.script,
    )
}

/// A person's call, repeated until a daemon answers it.
#[must_use]
fn person(socket: PathBuf, id: &str, verb: &str, body: &str) -> JoinHandle<Value> {
    let path = task_path(id, verb).unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    std::thread::spawn(move || {
        let client = Client::at(socket, None, true).unwrap();
        client.post(&path, &body).unwrap_or_else(|error| panic!("{path}: {error}"))
    })
}

struct Cell<'a> {
    end: &'a End,
    moment: Moment,
    daemon: Daemon,
    id: String,
    calls: Vec<JoinHandle<Value>>,
}

impl<'a> Cell<'a> {
    fn begin(end: &'a End, moment: Moment) -> Self {
        let mut daemon = Daemon::prepare("");
        let text = config(&[("dev", "report", &script(&daemon, end))]);
        // A worker that hears of its end needs no time limit of the test's.
        daemon.configure(&text.with("supervision.grace", "60s").with("supervision.linger", "60s"));
        daemon.arm(Some(&moment.points(&daemon)));
        daemon.spawn();
        daemon.wait_until_up();
        let id = daemon.create(json!({ "assignee": "dev" }));
        Self { end, moment, daemon, id, calls: Vec::new() }
    }

    fn call(&mut self, verb: &str, body: &str) {
        self.calls.push(person(self.daemon.socket(), &self.id, verb, body));
    }

    /// The daemon is dead: what it has left of the question is one of these, and the next daemon is started.
    fn died(&mut self, expected: &[&str]) {
        let file = Connection::open(self.daemon.home().join("kanban.db")).unwrap();
        let outcomes = "SELECT coalesce(group_concat(outcome), '') FROM questions";
        let left: String = file.query_row(outcomes, [], |row| row.get(0)).unwrap();
        let cell = format!("{} {:?}", self.end.name, self.moment);
        assert!(expected.contains(&left.as_str()), "{cell}: left {left:?}, not {expected:?}");
        self.daemon.restart();
    }

    fn killed(&mut self, expected: &[&str]) {
        self.daemon.wait_killed();
        self.died(expected);
    }

    fn questions(&self) -> Vec<Value> {
        self.daemon.show(&self.id)["questions"].as_array().unwrap().clone()
    }

    fn ask(&mut self) {
        if let Asked::ByPerson(verb, body) = self.end.asked {
            until("the first attempt", || {
                self.daemon.scratch().join("starts").exists().then_some(())
            });
            self.call(verb, body);
        }
        match self.moment {
            Moment::AskMade => self.killed(&[""]),
            Moment::AskCommitted | Moment::TakenOver => self.killed(&["open"]),
            _ => {}
        }
        if self.moment == Moment::Open {
            until("the question", || (!self.questions().is_empty()).then_some(()));
            self.daemon.kill_9();
            self.died(&["open"]);
        }
    }

    fn end_it(&mut self) {
        match self.end.ended_by {
            EndedBy::Clock => {}
            EndedBy::Worker => {
                self.wait_open();
                std::fs::write(self.daemon.scratch().join("go"), "").unwrap();
            }
            EndedBy::Person(verb, body) => {
                self.wait_open();
                self.call(verb, body);
            }
        }
        match self.moment {
            Moment::EndMade => self.killed(&["open"]),
            Moment::EndCommitted => self.killed(&[self.end.outcome.0]),
            _ => {}
        }
    }

    fn wait_open(&self) {
        until("the open question", || {
            let questions = self.questions();
            // A run that blocks with the question which it has asked is not there yet.
            (questions.first()?["blocks"] == self.end.is_of_block()).then_some(())
        });
        if self.end.is_of_block() {
            self.wait_heard();
        }
    }

    /// What lets the task go on ends what is left of the attempt before.
    fn wait_heard(&self) {
        if self.end.heard.is_some() {
            until("what the worker's call says", || self.read("code"));
        }
    }

    fn go_on(&mut self) {
        if let Next::ByPerson(verb) = self.end.next {
            self.daemon.wait_status(&self.id, "blocked");
            self.wait_heard();
            self.call(verb, "{}");
        }
        let outcome = self.end.outcome.0;
        match self.moment {
            // A pass may be in one commit with what made the task ready.
            Moment::NextMade => self.killed(&[outcome, "open"]),
            Moment::NextCommitted => self.killed(&[outcome]),
            _ => {}
        }
        self.daemon.wait_status(&self.id, self.end.status);
        self.daemon.wait_closed(&self.id);
        for call in self.calls.drain(..) {
            call.join().unwrap();
        }
    }

    fn read(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.daemon.scratch().join(name)).ok()
    }

    fn check(&mut self) {
        let (end, daemon) = (self.end, &self.daemon);
        let cell = format!("{} {:?}\n{:#}", end.name, self.moment, daemon.show(&self.id));
        let has_next = !matches!(end.next, Next::Never(_));
        self.check_question(&cell);

        let mut outcomes = end.runs.to_vec();
        outcomes.extend(has_next.then_some("completed"));
        let mut found = daemon.outcomes(&self.id);
        found.retain(|outcome| outcome != "spawn_failed");
        assert_eq!(found, outcomes, "{cell}");
        let not_started = daemon.runs(&self.id).len() - outcomes.len();
        let expected = match self.moment {
            Moment::NextCommitted => 1..=1,
            // A pass may be in one commit with what made the task ready.
            Moment::EndCommitted => 0..=1,
            _ => 0..=0,
        };
        assert!(expected.contains(&not_started), "{cell}: {not_started} claims without a start");
        let starts = self.read("starts").unwrap();
        assert_eq!(starts.lines().count(), 1 + usize::from(has_next), "{cell}: {starts}");
        assert_eq!(self.read("doubled"), None, "{cell}: attempts beside each other");

        let heard = self.read("heard").unwrap_or_default();
        match (end.heard, self.read("code")) {
            (None, None) => {}
            (Some((code, words)), Some(heard_code)) => {
                assert_eq!(heard_code.trim(), code.to_string(), "{cell}: {heard}");
                assert!(heard.contains(words), "{cell}: {heard}");
            }
            (_, heard_code) => panic!("{cell}: {heard_code:?} {heard}"),
        }
        let context = if has_next {
            self.read("context").unwrap()
        } else {
            daemon.get(&task_path(&self.id, "context").unwrap())["context"].to_string()
        };
        let lines = format!("> {QUESTION}\n\n{}", end.context);
        assert!(context.replace("\\n", "\n").contains(&lines), "{cell}: {context}");
        assert_eq!(daemon.get("/v1/attention"), json!([]), "{cell}");

        let reader = open_reader(&daemon.home().join("kanban.db")).unwrap();
        assert_eq!(check::broken_invariants(&reader).unwrap(), Vec::<String>::new(), "{cell}");
        drop(reader);
        self.daemon.kill_9();
        until("every process to be gone", || {
            processes_of(&self.daemon.home()).is_empty().then_some(())
        });
    }

    /// Asked once and ended once, with the end of the row.
    fn check_question(&self, cell: &str) {
        let (end, questions) = (self.end, self.questions());
        assert_eq!(questions.len(), 1, "{cell}");
        let (question, (outcome, source)) = (&questions[0], end.outcome);
        assert_eq!(
            (&question["text"], &question["outcome"]),
            (&json!(QUESTION), &json!(outcome)),
            "{cell}"
        );
        assert_eq!(question["answer"], json!(source.map(|_| ANSWER)), "{cell}");
        assert_eq!(question["answer_source"], json!(source), "{cell}");
        assert_eq!(question["run_id"], self.daemon.runs(&self.id)[0]["id"], "{cell}");
        assert!(!question["ended_at"].is_null(), "{cell}");
        // A request that is repeated is one call.
        assert_eq!(question["calls"], 1, "{cell}");
        let kinds = self.daemon.kinds(&self.id);
        let about: Vec<&str> = kinds
            .iter()
            .map(String::as_str)
            .filter(|kind| ["asked", "answered", "ask_ended", "ask_overdue"].contains(kind))
            .collect();
        assert_eq!(about, ["asked", end.event], "{cell}");
    }
}

/// Lets the daemon die at the moment, once for each end that has it.
fn at(moment: Moment) {
    let only = std::env::var("KANBAND_END").unwrap_or_default();
    for end in ENDS.iter().filter(|end| end.name.contains(&only)) {
        if let Some(why) = moment.impossible(end) {
            eprintln!("{}, {moment:?}: cannot be: {why}", end.name);
            continue;
        }
        eprintln!("{}, {moment:?}", end.name);
        let mut cell = Cell::begin(end, moment);
        cell.ask();
        cell.end_it();
        cell.go_on();
        cell.check();
    }
}

#[test]
fn killed_before_an_ask_is_committed_it_is_asked_once_by_the_repeated_call_and_ends_once() {
    at(Moment::AskMade);
}

#[test]
fn killed_before_the_reply_to_an_ask_the_repeated_call_asks_nothing_again_and_it_ends_once() {
    at(Moment::AskCommitted);
}

#[test]
fn killed_while_a_question_is_open_it_stays_so_and_ends_once() {
    at(Moment::Open);
}

#[test]
fn killed_before_the_reply_to_a_block_that_takes_its_question_over_it_is_the_blocks_and_ends_once()
{
    at(Moment::TakenOver);
}

#[test]
fn killed_before_the_end_of_a_question_is_committed_it_is_open_and_ends_once() {
    at(Moment::EndMade);
}

#[test]
fn killed_after_the_end_of_a_question_is_committed_every_call_hears_of_that_end() {
    at(Moment::EndCommitted);
}

#[test]
fn killed_before_the_next_attempt_is_claimed_that_attempt_reads_how_the_question_ended() {
    at(Moment::NextMade);
}

#[test]
fn killed_before_the_next_attempt_is_started_the_one_after_it_reads_how_the_question_ended() {
    at(Moment::NextCommitted);
}
