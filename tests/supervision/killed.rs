//! The daemon killed at any moment while workers start, run and finish.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kanband::api::client::Client;
use kanband::kernel::random::{SeededRandom, below};
use serde_json::{Value, json};

use crate::harness::{Daemon, let_pass, until};
use crate::traces::{
    Over, from_env, lines, processes_that_name, quick_config, run_dirs, run_number, seed, tally,
};

/// Workers at any time.
const WORKERS: u32 = 20;

/// How long a daemon lives at most, from its start or from when it is up, milliseconds.
const LIFE_MS: u64 = 150;

/// A worker that notes its run, counts aloud and ends with the code that it is given.
fn script(dir: &Path) -> String {
    let dir = dir.display();
    format!(
        "echo $KANBAN_TASK $KANBAN_RUN >> {dir}/starts; n=0; \
         while [ ! -e {dir}/end.$KANBAN_TASK ]; do \
         for i in 1 2 3 4 5; do n=$((n + 1)); echo \"line $n\"; done; sleep 0.2; done; \
         read -r code < {dir}/end.$KANBAN_TASK; echo \"last $n\"; exit $code"
    )
}

/// The process that creates the tasks and tells the workers when to end.
struct Master {
    socket: PathBuf,
    dir: PathBuf,
    /// By task what its worker was told to exit with; none yet for one that works on.
    message: Mutex<BTreeMap<String, Option<i32>>>,
}

impl Master {
    fn at_work(&self) -> Vec<String> {
        let message = self.message.lock().unwrap();
        message.iter().filter(|(_, code)| code.is_none()).map(|(id, _)| id.clone()).collect()
    }

    fn tell_end(&self, id: &str, code: i32) {
        let beside = self.dir.join(format!("new.{id}"));
        std::fs::write(&beside, format!("{code}\n")).unwrap();
        std::fs::rename(beside, self.dir.join(format!("end.{id}"))).unwrap();
        self.message.lock().unwrap().insert(id.to_owned(), Some(code));
    }

    /// Keeps so many workers busy, and tells one after the other to end. Requests are repeated until they are answered.
    fn keep_busy(&self, random: &mut SeededRandom, is_over: &AtomicBool) {
        let client = Client::at(self.socket.clone(), None, true).unwrap();
        while !is_over.load(Ordering::SeqCst) {
            let at_work = self.at_work();
            if at_work.len() < WORKERS as usize {
                let body = json!({ "title": "counts", "assignee": "sh" });
                let task = client.post::<Value>("/v1/tasks", &body).unwrap();
                let id = task["id"].as_str().unwrap().to_owned();
                self.message.lock().unwrap().insert(id, None);
            } else {
                let at = usize::try_from(below(random, at_work.len() as u64)).unwrap();
                self.tell_end(&at_work[at], i32::try_from(below(random, 20)).unwrap());
                let_pass(Duration::from_millis(below(random, 200)));
            }
        }
    }
}

/// `KANBAND_KILLS` sets how often it is killed.
#[test]
fn a_daemon_killed_at_random_tells_of_every_run_once_and_truly_and_keeps_every_line() {
    let kills = from_env("KANBAND_KILLS", 100);
    let seed = seed("killed at random");
    let (mut random, mut busy) = (SeededRandom::new(seed), SeededRandom::new(seed + 1));
    let mut daemon = Daemon::prepare("");
    let script = script(daemon.scratch());
    let text = quick_config("", WORKERS, &[("sh", "exit", &script)]);
    daemon.configure(&text.with("dispatch.failure_limit", 1));
    daemon.spawn();
    daemon.wait_until_up();
    let (socket, dir) = (daemon.socket(), daemon.scratch().to_owned());
    let master = Master { socket, dir, message: Mutex::default() };
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let over = Over(&is_over);
        scope.spawn(|| master.keep_busy(&mut busy, &is_over));
        for _ in 0..kills {
            // Half of them while they come up.
            if below(&mut random, 2) == 0 {
                daemon.wait_until_up();
            }
            let_pass(Duration::from_millis(below(&mut random, LIFE_MS)));
            daemon.kill_9();
            daemon.spawn();
        }
        drop(over);
    });
    daemon.wait_until_up();
    for (id, code) in master.at_work().iter().zip((0..20).cycle()) {
        master.tell_end(id, code);
    }
    see_each_through(&daemon, &master);
}

fn see_each_through(daemon: &Daemon, master: &Master) {
    let message = master.message.lock().unwrap();
    for (id, code) in message.iter() {
        daemon.wait_status(id, if *code == Some(0) { "done" } else { "blocked" });
        daemon.wait_closed(id);
    }
    let starts = lines(&daemon.scratch().join("starts"));
    let mut finished = Vec::new();
    for (id, code) in message.iter() {
        // What a daemon claimed and did not live to start is a run too, and says so.
        let (started, not_started): (Vec<_>, Vec<_>) = daemon
            .runs(id)
            .into_iter()
            .partition(|run| starts.contains(&format!("{id} {}", run_number(run))));
        for run in not_started {
            assert_eq!(
                (&run["outcome"], &run["exit_code"]),
                (&json!("spawn_failed"), &Value::Null)
            );
            assert_eq!(run["error"], "not started: the daemon exited between claim and start");
        }
        assert_eq!(started.len(), 1, "{id} was started so often: {started:#?}");
        let (run, failed) = (&started[0], *code != Some(0));
        let outcome = if failed { "gave_up" } else { "completed" };
        let cause = if failed { json!("crashed") } else { Value::Null };
        assert_eq!(run["outcome"], outcome, "{run:#}");
        assert_eq!((&run["cause"], &run["exit_code"]), (&cause, &json!(code)), "{run:#}");
        let ends =
            daemon.kinds(id).into_iter().filter(|kind| kind == "completed" || kind == "crashed");
        assert_eq!(ends.count(), 1, "{id} ended once");
        let log = daemon.run_log(id);
        let count = log.lines().count() - 1;
        let expected: String = (1..=count).map(|n| format!("line {n}\n")).collect();
        assert_eq!(log, format!("{expected}last {count}\n"), "{id}");
        finished.push(id);
    }
    let twice: Vec<_> = tally(&starts).into_iter().filter(|(_, count)| *count > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    assert_eq!(starts.len(), finished.len(), "nothing else was started");
    eprintln!("killed at random: {} runs seen through", finished.len());
    until("the files of every run to be gone", || run_dirs(daemon).is_empty().then_some(()));
    until("every shim to be gone", || {
        (processes_that_name(daemon.scratch()).len() == 1).then_some(())
    });
}
