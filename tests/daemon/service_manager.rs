//! What the service manager learns: on a real datagram socket, as systemd's would be.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::json;

use crate::harness::{Daemon, config, let_pass, until};

/// The service manager's end.
struct Listener {
    socket: UnixDatagram,
    message: Vec<String>,
}

impl Listener {
    /// Listens from the daemon's next start on.
    fn of(daemon: &mut Daemon) -> Self {
        let path = daemon.scratch().join("notify");
        drop(std::fs::remove_file(&path));
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_nonblocking(true).unwrap();
        daemon.set("NOTIFY_SOCKET", path.to_str().unwrap());
        Self { socket, message: Vec::new() }
    }

    /// Everything told so far, a line each.
    fn message(&mut self) -> &[String] {
        let mut buffer = [0; 4096];
        while let Ok(length) = self.socket.recv(&mut buffer) {
            let text = std::str::from_utf8(&buffer[..length]).unwrap();
            self.message.extend(text.lines().map(str::to_owned));
        }
        &self.message
    }

    fn count(&mut self, begin: &str) -> usize {
        self.message().iter().filter(|line| line.starts_with(begin)).count()
    }

    fn has(&mut self, begin: &str) -> bool {
        self.count(begin) > 0
    }

    /// Returns when a line with this beginning has been told `more` times more.
    fn wait_for(&mut self, begin: &str, more: usize) {
        let before = self.count(begin);
        until(begin, || (self.count(begin) >= before + more).then_some(()));
    }
}

#[test]
fn ready_is_told_when_every_open_run_has_its_worker_and_stopping_when_the_end_begins() {
    let mut daemon = Daemon::start(&config(&[("sh", "exit", "sleep 600")]));
    let id = daemon.create(json!({ "assignee": "sh" }));
    daemon.worker_pid(&id);
    daemon.kill_9();
    let hold = daemon.scratch().join("hold");
    daemon.arm(Some(&format!("crash-detector-audit=hold:{}@1", hold.display())));
    let mut listener = Listener::of(&mut daemon);
    daemon.spawn();
    until("the adoption", || hold.exists().then_some(()));
    assert!(listener.has("STATUS=taking over"), "{:?}", listener.message());
    assert!(!listener.has("READY=1"), "{:?}", listener.message());
    std::fs::remove_file(&hold).unwrap();
    until("READY", || listener.has("READY=1").then_some(()));
    assert_eq!(daemon.get("/v1/daemon")["live_runs"], 1);
    assert!(!listener.has("STOPPING=1"));
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait_end().code(), Some(0));
    assert!(listener.has("STOPPING=1"), "{:?}", listener.message());
    assert!(!listener.has("WATCHDOG"), "nobody asked for it");
}

#[test]
fn a_start_that_migrates_asks_for_more_time_until_it_is_through() {
    let mut daemon = Daemon::start(&config(&[]));
    daemon.kill_9();
    let hold = daemon.scratch().join("hold");
    let database = daemon.home().join("kanban.db");
    for suffix in ["", "-wal", "-shm"] {
        let _was_there = std::fs::remove_file(format!("{}{suffix}", database.display())).is_ok();
    }
    std::fs::remove_file(daemon.home().join("install_id")).unwrap();
    daemon.arm(Some(&format!("migrate-before-commit=hold:{}", hold.display())));
    let mut listener = Listener::of(&mut daemon);
    daemon.spawn();
    until("the migration", || hold.exists().then_some(()));
    until("more time", || listener.has("EXTEND_TIMEOUT_USEC=").then_some(()));
    assert!(!listener.has("READY=1"), "{:?}", listener.message());
    std::fs::remove_file(&hold).unwrap();
    until("READY", || listener.has("READY=1").then_some(()));
}

/// A daemon with a watchdog of so many microseconds, and a way to hold one of its parts.
fn watched(point: &str, watchdog_us: u64) -> (Daemon, Listener, std::path::PathBuf) {
    let mut daemon = Daemon::prepare(&config(&[]));
    let hold = daemon.scratch().join("hold");
    daemon.arm(Some(&format!("{point}=hold:{}", hold.display())));
    daemon.set("WATCHDOG_USEC", &watchdog_us.to_string());
    let listener = Listener::of(&mut daemon);
    daemon.spawn();
    (daemon, listener, hold)
}

#[test]
fn a_dispatcher_that_hangs_feeds_the_watchdog_no_more() {
    let (mut daemon, mut listener, hold) = watched("dispatcher-wake", 150_000);
    daemon.wait_until_up();
    listener.wait_for("WATCHDOG=1", 3);
    daemon.create(json!({}));
    until("the dispatcher to hang", || hold.exists().then_some(()));
    let fed = listener.count("WATCHDOG=1");
    let_pass(Duration::from_millis(1500));
    assert_eq!(listener.count("WATCHDOG=1"), fed, "ten intervals");
    std::fs::remove_file(&hold).unwrap();
    listener.wait_for("WATCHDOG=1", 3);
}

#[test]
fn a_database_that_hangs_does_not_starve_the_watchdog() {
    let (daemon, mut listener, hold) = watched("database-pending", 150_000);
    // The start has to write, so it waits for the database; what is written first is let through.
    until("a first write", || hold.exists().then_some(()));
    until("the daemon to be up", || {
        let _was_there = std::fs::remove_file(&hold).is_ok();
        listener.has("READY=1").then_some(())
    });
    let client = daemon.client();
    let request = std::thread::spawn(move || {
        client.post::<serde_json::Value>("/v1/tasks", &json!({ "title": "t" })).is_ok()
    });
    until("the database to hang", || hold.exists().then_some(()));
    listener.wait_for("WATCHDOG=1", 5);
    assert!(hold.exists() && !request.is_finished(), "it still hangs");
    until("the request's answer", || {
        let _was_there = std::fs::remove_file(&hold).is_ok();
        request.is_finished().then_some(())
    });
    assert!(request.join().unwrap());
}

#[test]
fn a_watchdog_for_another_process_is_not_fed() {
    let mut daemon = Daemon::prepare(&config(&[]));
    daemon.set("WATCHDOG_USEC", "50000");
    daemon.set("WATCHDOG_PID", "1");
    let mut listener = Listener::of(&mut daemon);
    daemon.spawn();
    daemon.wait_until_up();
    let_pass(Duration::from_millis(500));
    assert!(listener.has("READY=1") && !listener.has("WATCHDOG=1"), "{:?}", listener.message());
}

#[test]
fn neither_shims_nor_workers_are_told_of_the_service_manager() {
    let script = "env > \"$HERMES_KANBAN_WORKSPACE/env\"; sleep 600";
    let mut daemon = Daemon::prepare(&config(&[("sh", "exit", script)]));
    let mut listener = Listener::of(&mut daemon);
    daemon.set("WATCHDOG_USEC", "60000000");
    daemon.spawn();
    until("READY", || listener.has("READY=1").then_some(()));
    let id = daemon.create(json!({ "assignee": "sh" }));
    let worker = daemon.worker_pid(&id);
    let run = kanband::os::run_files::directory::RunDir::new(daemon.home().join("runs/1"));
    let shim = kanband::os::run_files::directory::read_identity(&run).unwrap().unwrap().shim.pid;
    for pid in [worker, shim] {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap();
        let environment = String::from_utf8_lossy(&environment).into_owned();
        for name in ["NOTIFY_SOCKET=", "WATCHDOG_USEC=", "LISTEN_"] {
            assert!(!environment.contains(name), "{pid}: {name}");
        }
    }
}
