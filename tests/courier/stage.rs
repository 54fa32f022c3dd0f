//! Everything as it really runs: a daemon, the courier that it starts, and a way to look at the outbox.

use std::path::Path;

use kanband::api::client::Client;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use support::command_line::{Board, Config, quiet};
use support::processes::{is_alive, processes_of};
use support::wait::until_or;

use crate::harness::{CREDENTIALS, put};

/// A board that sends.
pub struct Stage {
    pub board: Board,
}

/// A message at a provider: its words, and how often it was changed.
pub type Look = (String, usize);

/// A row of the outbox with its route.
#[derive(Debug, Clone)]
pub struct Sent {
    pub id: i64,
    pub channel: String,
    pub address: String,
    pub task: Option<String>,
    pub event: Option<i64>,
    pub class: String,
    /// What its text begins with: the task's title, and the sentence.
    pub head: String,
    pub state: String,
    pub dedupe: String,
    pub attempts: u32,
    pub maybe_sent: bool,
    pub provider_id: Option<String>,
    pub folded_into: Option<i64>,
}

const ROWS: &str = "SELECT o.id, r.channel, r.address, o.task_id, o.event_id, o.class, \
     coalesce(o.message ->> '$.task.title' || char(10), '') || (o.message ->> '$.headline'), o.state, o.dedupe, \
     o.attempts, o.maybe_sent, o.provider_id, o.folded_into FROM outbox o JOIN routes r ON r.id = o.route_id ORDER BY o.id";

/// Times of tests: what fails is tried again at once, and what was lost is missed soon.
pub fn hasty() -> Config {
    quiet()
        .with("notify.backoff_base", "50ms")
        .with("notify.backoff_max", "50ms")
        .with("notify.attempt", "10s")
        .with("notify.lease", "20s")
        .with("notify.probe", "50ms")
}

/// The same with a channel named like its kind, on this host, that takes as much as it is given.
pub fn with_channel(config: &Config, kind: &str, url: Option<String>) -> Config {
    let key = |key: &str| format!("channels.{kind}.{key}");
    let mut config = config
        .with(&key("kind"), kind)
        .with(&key("credential"), kind)
        .with(&key("allow"), vec!["127.0.0.0/8"])
        .with(&key("allow_http"), true)
        .with(&key("limit_per_minute"), 100_000);
    if let Some(url) = url {
        config.set(&key("url"), url);
    }
    config
}

impl Stage {
    /// A board whose daemon has learned of its channels by a reload.
    pub fn start(config: &Config) -> Self {
        let stage = Self { board: Board::with(&quiet()) };
        let folder = stage.board.home().join("credentials");
        std::fs::create_dir(&folder).unwrap();
        for (name, secret) in CREDENTIALS {
            put(&folder.join(name), secret);
        }
        stage.configure(config);
        stage
    }

    /// Gives it another configuration.
    pub fn configure(&self, config: &Config) {
        std::fs::write(self.board.home().join("kanband.toml"), config.to_string()).unwrap();
        self.board.say(["reload"]).ok();
    }

    /// Calls the API as a person.
    pub fn post(&self, path: &str, body: &Value) -> Value {
        let client = Client::at(self.board.home().join("kanband.sock"), None, false).unwrap();
        client.post(path, body).unwrap_or_else(|error| panic!("POST {path}: {error}"))
    }

    /// Creates a task that an address is subscribed to.
    pub fn subscribed(&self, channel: &str, address: &str) -> String {
        let id = self.board.create("Write the page", &["--assignee", "dev"]);
        self.subscribe(&id, channel, address);
        id
    }

    pub fn subscribe(&self, id: &str, channel: &str, address: &str) {
        let words = ["notify-subscribe", id, "--platform", channel, "--chat-id", address];
        self.board.say(words).ok();
    }

    /// A task that an address hears of is assigned, blocked with a question, goes on and is completed: its one message is changed, and the
    /// question and the news are messages of their own. `at_question` looks at the question while it is open.
    pub fn one_message_and_two_more(
        &self,
        (channel, address): (&str, &str),
        look: impl Fn() -> Vec<Look>,
        at_question: impl FnOnce(),
    ) {
        let id = self.subscribed(channel, address);
        let has = |count: usize| self.until(|| (look().len() == count).then_some(()));
        let says = |at: usize, word: &str| {
            self.until(|| look().get(at)?.0.contains(word).then_some(()));
        };
        self.board.say(["assign", &id, "bo"]).ok();
        has(1);
        self.board.say(["block", &id, "Which", "colour?"]).ok();
        has(2);
        assert!(look()[1].0.contains("Which colour?"), "{:?}", look());
        at_question();
        self.board.say(["unblock", &id]).ok();
        says(1, "unblocked");
        self.board.say(["complete", &id, "--summary", "Red."]).ok();
        has(3);
        says(0, "done");
        let messages = look();
        assert_eq!(messages.len(), 3, "{messages:?}");
        assert!(messages[2].0.contains("Red.") && messages[2].1 == 0, "{messages:?}");
    }

    fn database(&self) -> Connection {
        let path = self.board.home().join("kanban.db");
        let database = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        database.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
        database
    }

    /// Every row, in the order in which they were written.
    pub fn rows(&self) -> Vec<Sent> {
        let database = self.database();
        let mut rows = database.prepare(ROWS).unwrap();
        let row = |row: &rusqlite::Row<'_>| {
            Ok(Sent {
                id: row.get(0)?,
                channel: row.get(1)?,
                address: row.get(2)?,
                task: row.get(3)?,
                event: row.get(4)?,
                class: row.get(5)?,
                head: row.get(6)?,
                state: row.get(7)?,
                dedupe: row.get(8)?,
                attempts: row.get(9)?,
                maybe_sent: row.get(10)?,
                provider_id: row.get(11)?,
                folded_into: row.get(12)?,
            })
        };
        rows.query_map([], row).unwrap().map(Result::unwrap).collect()
    }

    /// A number that the database has.
    pub fn number(&self, sql: &str) -> i64 {
        self.database().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// Texts that the database has.
    pub fn texts(&self, sql: &str) -> Vec<String> {
        let database = self.database();
        let mut rows = database.prepare(sql).unwrap();
        rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    /// States of all rows.
    pub fn states(&self) -> Vec<String> {
        self.rows().into_iter().map(|row| row.state).collect()
    }

    /// Rows that are to be sent.
    fn open(&self) -> i64 {
        self.number("SELECT count(*) FROM outbox WHERE state IN ('waiting', 'leased')")
    }

    pub fn is_idle(&self) -> bool {
        self.open() == 0
    }

    /// Waits until nothing is to be sent: as long as it goes on, however much there is.
    pub fn settle(&self) {
        let mut left = self.open();
        while left > 0 {
            left = self.until(|| Some(self.open()).filter(|now| *now < left));
        }
    }

    /// Waits; what is known is shown when it is in vain.
    pub fn until<T>(&self, look: impl FnMut() -> Option<T>) -> T {
        until_or(|| format!("{:#?}\n{}", self.rows(), self.log()), look)
    }

    /// The logs of both.
    pub fn log(&self) -> String {
        let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
        let home = self.board.home();
        format!(
            "--- daemon\n{}--- courier\n{}",
            read(&self.board.path("kanband.log")),
            read(&home.join("courier.log"))
        )
    }

    /// Couriers of this home that live.
    pub fn couriers(&self) -> Vec<i32> {
        let is_courier = |pid: &i32| {
            std::fs::read_to_string(format!("/proc/{pid}/comm"))
                .is_ok_and(|name| name.trim() == "kanban-courier")
        };
        processes_of(&self.board.home()).into_iter().filter(is_courier).collect()
    }

    /// The courier, once there is one.
    pub fn courier(&self) -> i32 {
        self.until(|| self.couriers().first().copied())
    }

    /// SIGKILL to every courier.
    pub fn kill_courier(&self) {
        for pid in self.couriers() {
            let _is_sent = kill(Pid::from_raw(pid), Signal::SIGKILL).is_ok();
            self.until(|| (!is_alive(pid)).then_some(()));
        }
    }

    /// The one, the other, both or neither, by a number that counts up.
    pub fn kill_in_turn(&mut self, number: i64) {
        if matches!(number % 4, 1 | 3) {
            self.kill_courier();
        }
        if matches!(number % 4, 2 | 3) {
            self.restart_daemon();
        }
    }

    /// Waits until there are so many comments; each is there once.
    pub fn has_each_comment_once(&self, total: i64) {
        self.until(|| (self.number("SELECT count(*) FROM task_comments") == total).then_some(()));
        assert_eq!(self.number("SELECT count(DISTINCT body) FROM task_comments"), total);
        assert!(!self.log().contains("SENTINEL"), "{}", self.log());
    }

    /// SIGKILL to the daemon, and the next one.
    pub fn restart_daemon(&mut self) {
        self.board.kill();
        self.board.start();
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
        self.board.kill();
        // A courier outlives its daemon by design.
        for pid in self.couriers() {
            let _is_sent = kill(Pid::from_raw(pid), Signal::SIGKILL).is_ok();
        }
    }
}
