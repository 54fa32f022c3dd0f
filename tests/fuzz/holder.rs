//! Messages to the holder, which is root: valid, mutated, with and without descriptors. It replies or hangs up, starts
//! only what is allowed, and continues.

use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use kanband::kernel::random::{Random, below};
use kanband::os::holder::protocol::{Answered, Asked, HolderRefusal, Question};
use kanband::os::processes::fd_passing::{connect_to, receive, send};
use kanband::os::processes::user::Account;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use support::skip;

use crate::harness::until;
use crate::oracles::json_value;
use crate::text::{bytes, hostile, mutate, once_in, pick};
use crate::{case, cases, seeds};

/// A reply that takes longer counts as a hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// An almost valid message.
fn message(random: &mut dyn Random, run_dir: &Path) -> Vec<u8> {
    let identity = json!({"boot_id": "b", "pid": below(random, 70_000), "start_ticks": random.next() % 100_000});
    let dir = if once_in(random, 3) { hostile(random, 4) } else { run_dir.display().to_string() };
    let mut question = match below(random, 5) {
        0 => json!({"version": 1, "question": "hello"}),
        1 => json!({"version": 1, "question": "remains", "shim": identity}),
        2 => json!({"version": 9, "question": hostile(random, 2), "with": json_value(random, 2)}),
        _ => {
            let users = ["root", "daemon", "games", "nobody", "0", "", "../x"];
            let user = if once_in(random, 4) {
                hostile(random, 2)
            } else {
                users[pick(random, 7)].to_owned()
            };
            json!({"version": 1, "question": "start", "run_dir": dir, "nonce": hostile(random, 3), "user": user})
        }
    };
    if let (true, Value::Object(fields)) = (once_in(random, 3), &mut question) {
        let name = fields.keys().nth(pick(random, fields.len())).cloned().unwrap();
        fields.insert(name, json_value(random, 3));
    }
    let mut message = question.to_string().into_bytes();
    if once_in(random, 3) {
        for _ in 0..1 + below(random, 5) {
            mutate(random, &mut message);
        }
    }
    match below(random, 12) {
        0 => bytes(random, 20),
        1 => vec![b'{'; 1 + pick(random, 60_000)],
        _ => message,
    }
}

#[test]
fn a_message_to_the_holder_is_a_question_or_none_and_never_more() {
    cases(60_000, |random| {
        let message = message(random, Path::new("/run/x"));
        if let Ok(asked) = serde_json::from_slice::<Asked>(&message)
            && asked.question != Question::Unknown
        {
            let written = serde_json::to_vec(&asked).unwrap();
            assert_eq!(serde_json::from_slice::<Asked>(&written).unwrap(), asked);
        }
        // The daemon reads replies with the same care.
        drop(serde_json::from_slice::<Answered>(&message));
    });
}

/// A holder for the user `daemon` that may start workers as `games`; ends with the test.
struct HolderProcess {
    child: Option<Child>,
    socket: PathBuf,
    dir: tempfile::TempDir,
}

impl HolderProcess {
    fn start() -> Option<Self> {
        let accounts = (Account::named("daemon"), Account::named("games"));
        if !nix::unistd::geteuid().is_root() || !matches!(accounts, (Ok(Some(_)), Ok(Some(_)))) {
            skip("only root can hold the runs of others, for users `daemon` and `games`");
            return None;
        }
        let dir = tempfile::Builder::new().prefix("kb").tempdir().unwrap();
        let (users, socket) = (dir.path().join("users"), dir.path().join("holder.sock"));
        std::fs::create_dir(dir.path().join("runs")).unwrap();
        // The daemon's user has to get to the socket.
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::write(&users, "games\n").unwrap();
        let log = std::fs::File::create(dir.path().join("holder.log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_kanban-shim"));
        command.args(["--hold", "--no-groups", "--daemon-user", "daemon", "--socket"]);
        command.arg(&socket).arg("--users").arg(&users);
        let child = command.stdin(Stdio::null()).stderr(log).spawn().unwrap();
        let holder = Self { child: Some(child), socket, dir };
        until("the holder", || holder.socket.exists().then_some(()));
        Some(holder)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("holder.log")).unwrap()
    }
}

impl Drop for HolderProcess {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
            // The holder may have ended already.
            let _is_there = kill(pid, Signal::SIGQUIT).is_ok();
            until("the holder's end", || child.try_wait().unwrap());
        }
    }
}

/// Variables for the second process of the test: the socket of the holder, and the seed.
const SOCKET: &str = "KANBAND_FUZZ_HOLDER";
const SEED: &str = "KANBAND_FUZZ_HOLDER_SEED";

#[test]
fn a_holder_answers_or_hangs_up_and_goes_on() {
    let Some(holder) = HolderProcess::start() else { return };
    let daemon = Account::named("daemon").unwrap().unwrap();
    for seed in seeds(12) {
        // The holder checks the peer's user, so the questions come from a process of the daemon's user.
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "--ignored", "--nocapture", "holder::asked_as_the_daemons_user"]);
        command.env(SOCKET, &holder.socket).env(SEED, seed.to_string()).current_dir("/");
        command.uid(daemon.run_as.uid).gid(daemon.run_as.gid);
        match command.output() {
            Ok(report) => {
                assert!(report.status.success(), "seed {seed}: {report:?}\n{}", holder.log());
            }
            Err(error) => {
                skip(format_args!("other users cannot execute the test where it is: {error}"));
                return;
            }
        }
    }
    // Root is not the daemon's user: it is refused before it has sent anything.
    let connection = connect_to(&holder.socket, PATIENCE).unwrap();
    let answer: Answered = serde_json::from_slice(&receive(&connection).unwrap().bytes).unwrap();
    assert_eq!(answer.refused.unwrap().code, HolderRefusal::NOT_THE_DAEMON);
    let log = holder.log();
    let is_own = |line: &str| line.starts_with("kanban-shim --hold: ");
    assert!(log.lines().all(is_own), "{log}");
    assert!(!log.contains("panicked"), "{log}");
}

#[test]
#[ignore = "the other half of `a_holder_answers_or_hangs_up_and_goes_on`"]
fn asked_as_the_daemons_user() {
    let (Ok(socket), Ok(seed)) = (std::env::var(SOCKET), std::env::var(SEED)) else { return };
    let socket = PathBuf::from(socket);
    let runs = socket.parent().unwrap().join("runs");
    case(seed.parse().unwrap(), |random| {
        for _ in 0..400 {
            let message = message(random, &runs.join("7"));
            ask(&socket, &message, pick(random, 4), once_in(random, 7));
        }
        let hello = br#"{"version":1,"question":"hello"}"#;
        assert!(ask(&socket, hello, 0, false).unwrap().hello.is_some());
    });
}

/// Sends a message with `count` descriptors and returns the reply; none if the holder hangs up, or with `is_gone`.
fn ask(socket: &Path, message: &[u8], count: usize, is_gone: bool) -> Option<Answered> {
    let connection = connect_to(socket, PATIENCE).unwrap();
    let pipes: Vec<_> = (0..count).map(|_| nix::unistd::pipe().unwrap()).collect();
    let given: Vec<BorrowedFd<'_>> = pipes.iter().map(|(_, end)| end.as_fd()).collect();
    send(&connection, message, &given).unwrap();
    if is_gone {
        return None;
    }
    let answer = match receive(&connection) {
        Ok(answer) if answer.bytes.is_empty() => return None,
        Ok(answer) => answer,
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("it hangs"),
        Err(_) => return None,
    };
    let answered: Answered = serde_json::from_slice(&answer.bytes).unwrap();
    if answered.started.is_some() {
        let asked: Asked = serde_json::from_slice(message).unwrap();
        let Question::Start { run_dir, user, .. } = asked.question else { panic!("{asked:?}") };
        assert!(
            user == "games" && run_dir.is_absolute() && count == 1,
            "{run_dir:?} {user} {count}"
        );
    }
    Some(answered)
}
