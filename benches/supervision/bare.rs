//! The same programs without anybody who looks after them. The standard library starts them by posix_spawn(3).

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

fn command(argv: &[&str]) -> Command {
    let mut command = Command::new(argv[0]);
    command.args(&argv[1..]).env_clear().stdin(Stdio::null());
    command
}

pub fn spawn(argv: &[&str]) -> Child {
    command(argv).spawn().unwrap()
}

/// From before the start to after the wait.
pub fn spawn_and_wait(argv: &[&str]) -> Duration {
    let started = Instant::now();
    command(argv).stdout(Stdio::null()).status().unwrap();
    started.elapsed()
}

/// The time on the clock that the workers read too.
#[expect(clippy::disallowed_methods, reason = "the clock of date(1) in the workers")]
pub fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

/// The time that a worker has printed, as nanoseconds since the epoch.
pub fn printed_time(text: &str) -> Duration {
    Duration::from_nanos(text.trim().parse().unwrap())
}

/// From before the start until the program read the clock, and until it was waited for.
pub fn spawn_to_stamp(argv: &[&str]) -> (Duration, Duration) {
    let (asked, started) = (since_epoch(), Instant::now());
    let output = command(argv).output().unwrap();
    let whole = started.elapsed();
    (printed_time(&String::from_utf8(output.stdout).unwrap()).saturating_sub(asked), whole)
}

/// Starts a program `count` times, `width` beside one another, and waits for each. How long all of that took.
pub fn spawn_many(argv: &[&str], count: usize, width: usize) -> Duration {
    let next = AtomicUsize::new(0);
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..width {
            scope.spawn(|| {
                while next.fetch_add(1, Ordering::Relaxed) < count {
                    command(argv).stdout(Stdio::null()).status().unwrap();
                }
            });
        }
    });
    started.elapsed()
}
