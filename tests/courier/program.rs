//! The program, beside a daemon that is a fake: its lock, its patience, and what it says of messages.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use kanband::kernel::notice::{ChannelSetting, Outcome};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::fakes::receiver::Receiver;
use support::fakes::telegram::Telegram;
use support::fakes::{DaemonFake, Fake, Fault, Faults};
use support::wait::until_or;

use crate::harness::{TOKEN, credentials, row, setting, word};

/// A home, the daemon of it, and the courier.
pub struct Stage {
    home: tempfile::TempDir,
    pub daemon: DaemonFake,
    courier: Option<Child>,
}

impl Stage {
    pub fn start(channels: Vec<ChannelSetting>) -> Self {
        let home = credentials();
        let daemon = DaemonFake::start(&socket(home.path()), channels);
        let mut stage = Self { home, daemon, courier: None };
        // Only then is a change of the configuration one: a courier that has not asked yet would see the last state alone.
        stage.spawn_and_wait(None);
        stage
    }

    fn command(&self) -> Command {
        let mut command = Command::new(support::programs::built("kanban-courier"));
        command.env_clear().env("KANBAN_HOME", self.home.path());
        command.arg("--socket").arg(socket(self.home.path())).stdin(Stdio::null());
        command
    }

    fn log_path(&self) -> PathBuf {
        self.home.path().join("courier.log")
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn spawn(&mut self, fail_points: Option<&str>) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log_path());
        let mut command = self.command();
        if let Some(points) = fail_points {
            command.env("KANBAND_FAIL_POINTS", points);
        }
        self.courier = Some(command.stderr(log.unwrap()).spawn().unwrap());
    }

    /// The same until it asks for rows.
    pub fn spawn_and_wait(&mut self, fail_points: Option<&str>) {
        let before = self.daemon.leases();
        self.spawn(fail_points);
        until_or(|| self.log(), || (self.daemon.leases() > before).then_some(()));
    }

    pub fn settled(&self, count: usize) -> Vec<String> {
        until_or(
            || format!("{count} results, not {:?}\n{}", self.daemon.settled(), self.log()),
            || (self.daemon.settled().len() >= count).then_some(()),
        );
        let word =
            |one: &kanband::kernel::notice::Settled| format!("{} {}", one.id, word(&one.outcome));
        self.daemon.settled().iter().map(word).collect()
    }

    /// Waits; the courier's log is shown when it is in vain.
    pub fn until<T>(&self, look: impl FnMut() -> Option<T>) -> T {
        until_or(|| self.log(), look)
    }

    /// Waits until the courier has died.
    pub fn wait_for_end(&mut self) {
        self.courier.take().unwrap().wait().unwrap();
    }

    pub fn end(&mut self, signal: Signal) -> std::process::ExitStatus {
        let mut courier = self.courier.take().unwrap();
        kill(Pid::from_raw(i32::try_from(courier.id()).unwrap()), signal).unwrap();
        courier.wait().unwrap()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log of the courier\n{}", self.log());
        }
        if let Some(mut courier) = self.courier.take() {
            drop(courier.kill());
            drop(courier.wait());
        }
    }
}

fn socket(home: &Path) -> PathBuf {
    home.join("kanband.sock.courier")
}

fn telegram(fake: &Fake<Telegram>) -> ChannelSetting {
    setting("telegram", Some(fake.url()))
}

#[test]
fn rows_are_sent_and_settled_and_broken_channels_are_reported() {
    let fake = Fake::start(Telegram::new(TOKEN));
    let mut broken = setting("telegram", None);
    (broken.name, broken.credential) = ("other".to_owned(), Some("missing".to_owned()));
    let stage = Stage::start(vec![telegram(&fake), broken]);
    stage.daemon.send([row("telegram", "7", 1), row("other", "7", 2), row("unknown", "7", 3)]);
    let mut settled = stage.settled(3);
    settled.sort();
    assert_eq!(settled, ["1 sent 1", "2 channel_dead not_usable", "3 channel_dead no_channel"]);
    let reports = stage.daemon.reports();
    let states: Vec<&str> = reports.iter().map(|it| it["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["broken", "ok"]);
    assert!(reports[0]["reason"].as_str().unwrap().contains("no credential `missing`"));
    assert_eq!(stage.daemon.settled()[0].lease.len(), "lease1".len());
}

#[test]
fn there_is_one_courier_of_a_home() {
    let stage = Stage::start(Vec::new());
    let second = stage.command().output().unwrap();
    assert_eq!(second.status.code(), Some(75));
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(said.contains("another courier of this home is running"), "{said}");
}

#[test]
fn it_outlives_the_daemon_and_says_afterwards_what_became_of_messages() {
    let fake = Fake::start(Telegram::new(TOKEN));
    let mut stage = Stage::start(vec![telegram(&fake)]);
    stage.daemon.refuse_settling(true);
    stage.daemon.send([row("telegram", "7", 1)]);
    until_or(|| stage.log(), || (fake.count() == 1).then_some(()));
    stage.daemon.stop();
    stage.daemon.refuse_settling(false);
    stage.daemon.listen();
    assert_eq!(stage.settled(1), ["1 sent 1"]);
    stage.daemon.send([row("telegram", "7", 2)]);
    assert_eq!(stage.settled(2), ["1 sent 1", "2 sent 2"]);
}

#[test]
fn other_channels_are_taken_over_without_a_restart() {
    let fake = Fake::start(Telegram::new(TOKEN));
    let stage = Stage::start(Vec::new());
    stage.daemon.send([row("telegram", "7", 1)]);
    assert_eq!(stage.settled(1), ["1 channel_dead no_channel"]);
    stage.daemon.configure(vec![telegram(&fake)]);
    until_or(|| stage.log(), || (!stage.daemon.reports().is_empty()).then_some(()));
    stage.daemon.send([row("telegram", "7", 2)]);
    assert_eq!(stage.settled(2)[1], "2 sent 1");
}

#[test]
fn a_route_that_hangs_holds_up_no_other_channel_and_three_of_its_own() {
    let (hanging, good) = (Fake::start(Telegram::new(TOKEN)), Fake::start(Receiver::default()));
    hanging.with(|it| it.hanging = (1..=6).map(|chat| chat.to_string()).collect());
    let channels = vec![telegram(&hanging), setting("webhook", None)];
    let stage = Stage::start(channels.clone());
    stage.daemon.set_attempt_ms(60_000);
    stage.daemon.configure(channels);
    until_or(|| stage.log(), || (stage.daemon.reports().len() == 4).then_some(()));
    let address = format!("{}/", good.url());
    stage.daemon.send((1..=6).map(|id| row("telegram", &id.to_string(), id)));
    until_or(|| stage.log(), || (hanging.connections() == 4).then_some(()));
    stage.daemon.send((11..=20).map(|id| row("webhook", &address, id)));
    let settled = stage.settled(10);
    assert!(settled.iter().all(|one| one.ends_with("sent -")), "{settled:?}");
    assert_eq!(hanging.connections(), 4, "no more of one channel are under way at a time");
}

#[test]
fn an_end_that_was_asked_for_waits_for_what_is_under_way() {
    let fake = Fake::start(Telegram::new(TOKEN));
    fake.with(|it| it.hanging = vec!["7".to_owned()]);
    let mut stage = Stage::start(vec![telegram(&fake)]);
    stage.daemon.set_attempt_ms(700);
    stage.daemon.configure(vec![telegram(&fake)]);
    until_or(|| stage.log(), || (stage.daemon.reports().len() == 2).then_some(()));
    stage.daemon.send([row("telegram", "7", 1)]);
    until_or(|| stage.log(), || (fake.connections() == 1).then_some(()));
    assert_eq!(stage.end(Signal::SIGTERM).code(), Some(0), "{}", stage.log());
    assert_eq!(stage.settled(1), ["1 unknown timeout"]);
}

#[test]
fn a_courier_that_dies_before_it_settles_has_sent_and_the_next_one_goes_on() {
    let fake = Fake::start(Telegram::new(TOKEN));
    let mut stage = Stage::start(vec![telegram(&fake)]);
    stage.end(Signal::SIGKILL);
    for (point, shown) in [("courier-before-send=kill", 0), ("courier-before-settle=kill", 1)] {
        stage.spawn_and_wait(Some(point));
        stage.daemon.send([row("telegram", "7", 1)]);
        let courier = stage.courier.as_mut().unwrap();
        courier.wait().unwrap();
        stage.courier = None;
        assert_eq!(fake.with(|it| it.messages.len()), shown, "{point}");
        assert!(stage.daemon.settled().is_empty(), "{point}");
    }
    stage.spawn_and_wait(None);
    stage.daemon.send([row("telegram", "7", 2)]);
    assert_eq!(stage.settled(1), ["2 sent 2"]);
}

#[test]
fn no_log_line_holds_a_secret() {
    let (fake, receiver) = (Fake::start(Telegram::new(TOKEN)), Fake::start(Receiver::default()));
    let kinds = vec![
        Fault::Status(400),
        Fault::Status(401),
        Fault::Status(500),
        Fault::ResetBefore,
        Fault::ResetAfter,
        Fault::Rate(Duration::from_millis(50)),
    ];
    fake.fail(Faults::drawn(17, 80, kinds.clone()));
    receiver.fail(Faults::drawn(18, 80, kinds));
    let mut stage = Stage::start(vec![telegram(&fake), setting("webhook", None)]);
    let address = format!("{}/SENTINEL-path-secret", receiver.url());
    stage.daemon.send((1..=30).map(|id| row("telegram", "7", id)));
    stage.daemon.send((31..=60).map(|id| row("webhook", &address, id)));
    stage.settled(60);
    let shown = format!("{:?}", stage.daemon.settled());
    assert!(!shown.contains("SENTINEL"), "{shown}");
    let outcomes = stage.daemon.settled();
    assert!(outcomes.iter().any(|one| matches!(one.outcome, Outcome::Unknown { .. })));
    stage.end(Signal::SIGTERM);
    assert!(!stage.log().contains("SENTINEL"), "{}", stage.log());
}
