//! The daemon killed between two statements of its database, at its named points, and at any moment under load.
//!
//! Clients go on through all deaths: each repeats its request under the same id until it is answered. After each death,
//! before the next start, the file is looked at as the crash left it: it is sound, keeps every invariant, holds
//! everything that was acknowledged, and nothing is half there.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use kanband::api::client::{Client, ClientError, task_path};
use kanband::kernel::random::{SeededRandom, below};
use kanband::kernel::store::{check, open_reader};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::{Value, json};

use crate::harness::{Daemon, config, until};

const CLIENTS: usize = 4;

/// What clients were told had happened.
#[derive(Default)]
struct Acknowledged {
    count: AtomicUsize,
    /// Title → id.
    created: Mutex<BTreeMap<String, String>>,
    /// Body → task.
    commented: Mutex<BTreeMap<String, String>>,
    /// Task → summary.
    completed: Mutex<BTreeMap<String, String>>,
}

impl Acknowledged {
    fn note(&self, list: &Mutex<BTreeMap<String, String>>, key: String, value: String) {
        assert!(list.lock().unwrap().insert(key, value).is_none());
        self.count.fetch_add(1, Ordering::SeqCst);
    }
}

/// Works until told to end, or until a request fails for good.
fn one_client(
    socket: PathBuf,
    number: usize,
    message: &Acknowledged,
    is_over: &AtomicBool,
) -> Result<(), ClientError> {
    // Like a worker's client: it repeats for a minute.
    let client = Client::at(socket, None, true)?;
    let verb = |id: &str, name: &str, body: Value| {
        client.post::<Value>(&task_path(id, name)?, &body).map(|_| ())
    };
    let create = |title: String, mut fields: Value| {
        fields["title"] = json!(title);
        let id = client.post::<Value>("/v1/tasks", &fields)?["id"].as_str().unwrap().to_owned();
        message.note(&message.created, title, id.clone());
        Ok::<String, ClientError>(id)
    };
    for round in 0.. {
        if is_over.load(Ordering::SeqCst) {
            break;
        }
        let name = |what: &str| format!("{what} {number}/{round}");
        let first = create(name("first"), json!({}))?;
        let second = create(name("second"), json!({"labels": ["a", "b"]}))?;
        let parents = [&first, &second];
        let key = name("key");
        let fields = json!({"parents": parents, "labels": ["a", "b"], "idempotency_key": key});
        let child = create(name("child"), fields)?;
        for id in [&first, &child] {
            let body = format!("about {id}");
            verb(id, "comment", json!({"body": body}))?;
            message.note(&message.commented, body, id.clone());
        }
        for id in parents {
            let summary = format!("made {id}");
            verb(id, "complete", json!({"summary": summary}))?;
            message.note(&message.completed, id.clone(), summary);
        }
        verb(&child, "block", json!({"reason": "wait"}))?;
        verb(&child, "unblock", json!({}))?;
        if round % 4 == 0 {
            create(name("worker"), json!({"assignee": "sh"}))?;
        }
    }
    Ok(())
}

fn look_at_the_file(daemon: &Daemon, message: &Acknowledged, when: &str) {
    let connection = Connection::open(daemon.home().join("kanban.db")).unwrap();
    let sound: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok", "{when}");
    let one = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    let reader = open_reader(&daemon.home().join("kanban.db")).unwrap();
    assert_eq!(check::broken_invariants(&reader).unwrap(), Vec::<String>::new(), "{when}");
    assert_eq!(
        one("SELECT count(*) FROM task_events"),
        one("SELECT coalesce(max(id), 0) FROM task_events"),
        "{when}: the events have a gap"
    );
    let count = |sql: &str, value: &str| -> i64 {
        connection.prepare_cached(sql).unwrap().query_row([value], |row| row.get(0)).unwrap()
    };
    for (title, id) in message.created.lock().unwrap().iter() {
        let same = "SELECT count(*) FROM tasks WHERE title = ?1";
        assert_eq!(count(same, title), 1, "{when}: created {title} ({id})");
    }
    for (body, id) in message.commented.lock().unwrap().iter() {
        let same = "SELECT count(*) FROM task_comments WHERE body = ?1";
        assert_eq!(count(same, body), 1, "{when}: comment on {id}");
    }
    for (id, summary) in message.completed.lock().unwrap().iter() {
        let (status, kept): (String, i64) = connection
            .query_row(
                "SELECT status, (SELECT count(*) FROM task_runs WHERE task_id = tasks.id AND summary = ?2)
                 FROM tasks WHERE id = ?1",
                params![id, summary],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .unwrap();
        assert_eq!((status.as_str(), kept), ("done", 1), "{when}: {id}");
    }
    nothing_is_half_there(&connection, when);
}

/// Also of requests whose reply nobody got.
fn nothing_is_half_there(connection: &Connection, when: &str) {
    for (words, sql) in [
        (
            "a task without its first event",
            "SELECT id FROM tasks t WHERE (SELECT count(*) FROM task_events e
                WHERE e.task_id = t.id AND e.kind = 'created') <> 1",
        ),
        (
            "a child without both parents, or labels",
            "SELECT id FROM tasks t WHERE title LIKE 'child%' AND (
               (SELECT count(*) FROM task_links WHERE child_id = t.id) <> 2
               OR (SELECT count(*) FROM task_labels WHERE task_id = t.id) <> 2)",
        ),
        (
            "a comment without its event, or an event without its comment",
            "SELECT id FROM tasks t WHERE (SELECT count(*) FROM task_comments c WHERE c.task_id = t.id)
               <> (SELECT count(*) FROM task_events e WHERE e.task_id = t.id
                   AND e.kind = 'commented')",
        ),
        (
            "a done task without its event or its time",
            "SELECT id FROM tasks t WHERE (status = 'done') <> (completed_at IS NOT NULL)
               OR (status = 'done') <> (1 = (SELECT count(*) FROM task_events e
                   WHERE e.task_id = t.id AND e.kind = 'completed'))",
        ),
        (
            "two tasks with one key",
            "SELECT idempotency_key FROM tasks GROUP BY idempotency_key
               HAVING count(*) > 1 AND idempotency_key IS NOT NULL",
        ),
        (
            "a run of a worker without its claim's event",
            "SELECT task_id FROM task_runs r WHERE supervised = 1 AND NOT EXISTS
               (SELECT 1 FROM task_events e WHERE e.run_id = r.id AND e.kind = 'claimed')",
        ),
    ] {
        let found: Option<String> =
            connection.query_row(sql, [], |row| row.get(0)).optional().unwrap();
        assert_eq!(found, None, "{when}: {words}");
    }
}

/// One way to die.
fn death(random: &mut SeededRandom) -> Option<String> {
    let nth = |random: &mut SeededRandom, most: u64| 1 + below(random, most);
    Some(match below(random, 8) {
        0..=3 => format!("statement=kill@{}", nth(random, 1500)),
        4 => format!("batch-before-commit=kill@{}", nth(random, 60)),
        5 => format!("batch-committed=kill@{}", nth(random, 60)),
        6 => format!("replies-sent=kill@{}", nth(random, 60)),
        _ => return None,
    })
}

fn die_and_come_back(seed: u64, deaths: usize) {
    let mut daemon = Daemon::prepare("");
    let worker = format!("echo start >> {}/starts.$KANBAN_TASK", daemon.scratch().display());
    let text = config(&[("sh", "exit", &worker)]);
    daemon.configure(&text);
    let mut random = SeededRandom::new(seed);
    let message = Acknowledged::default();
    let is_over = AtomicBool::new(false);
    daemon.spawn();
    daemon.wait_until_up();
    daemon.kill_9();
    let socket = daemon.socket();
    std::thread::scope(|scope| {
        let over = Over(&is_over);
        for number in 0..CLIENTS {
            let (socket, message, is_over) = (socket.clone(), &message, &is_over);
            scope.spawn(move || {
                let ended = one_client(socket, number, message, is_over);
                assert!(ended.is_ok() || is_over.load(Ordering::SeqCst), "{ended:?}");
            });
        }
        for nth in 0..deaths {
            let point = death(&mut random);
            let when = format!("seed {seed}, death {nth} by {point:?}");
            let enough = message.count.load(Ordering::SeqCst)
                + usize::try_from(below(&mut random, 80)).unwrap();
            daemon.arm(point.as_deref());
            daemon.spawn();
            if point.is_none() {
                until("some work", || {
                    (message.count.load(Ordering::SeqCst) >= enough).then_some(())
                });
                daemon.kill_9();
            } else {
                daemon.wait_killed();
            }
            look_at_the_file(&daemon, &message, &when);
        }
        drop(over);
        daemon.arm(None);
        daemon.spawn();
    });
    let created = message.created.lock().unwrap().clone();
    for (title, id) in created.iter().filter(|(title, _)| title.starts_with("worker")) {
        daemon.wait_status(id, "done");
        let starts = daemon.scratch().join(format!("starts.{id}"));
        let starts = std::fs::read_to_string(starts).unwrap();
        assert_eq!(starts.lines().count(), 1, "{title} was not started exactly once");
    }
    daemon.kill_9();
    look_at_the_file(&daemon, &message, &format!("seed {seed}, at the end"));
}

/// Tells the clients to end, also when the test ends early.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// `KANBAND_DEATHS` makes it longer, `KANBAND_SEED` another.
fn from_env(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn a_quarter_of_the_deaths(quarter: u64) {
    let deaths = from_env("KANBAND_DEATHS", 100).div_ceil(4);
    die_and_come_back(from_env("KANBAND_SEED", 1) * 4 + quarter, usize::try_from(deaths).unwrap());
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_half_there_in_a_hundred_deaths_first_quarter() {
    a_quarter_of_the_deaths(0);
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_half_there_in_a_hundred_deaths_second_quarter() {
    a_quarter_of_the_deaths(1);
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_half_there_in_a_hundred_deaths_third_quarter() {
    a_quarter_of_the_deaths(2);
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_half_there_in_a_hundred_deaths_last_quarter() {
    a_quarter_of_the_deaths(3);
}
