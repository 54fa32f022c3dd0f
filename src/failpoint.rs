//! Named points at which a test may kill, panic or hold a process.
//!
//! The crash tests have to end a process *between* two steps, not near them. Code that has such a step
//! calls [`hit`] with a name; the environment variable `KANBAND_FAIL_POINTS` says what happens there:
//!
//! ```text
//! KANBAND_FAIL_POINTS="claim-committed=kill;shim-locked=kill-parent;dispatch-pass=panic@3"
//! ```
//!
//! | action | effect |
//! |---|---|
//! | `kill` | SIGKILL to this process |
//! | `kill-parent` | SIGKILL to the parent process while that is a daemon, then go on (a shim ends the one that started it) |
//! | `panic` | a panic at this point |
//! | `hold:PATH` | creates PATH and stays here until PATH is removed |
//!
//! `@N` acts on the N-th hit only (the first is 1; without it, every hit). Debug builds and builds with the
//! feature `failpoints` have these points; in a release build [`hit`] is empty and nothing reads the variable.

/// The variable that arms fail points.
pub const VARIABLE: &str = "KANBAND_FAIL_POINTS";

/// Does what `KANBAND_FAIL_POINTS` asks for at the point `name`; nothing in a release build.
#[cfg(not(any(debug_assertions, feature = "failpoints")))]
#[inline(always)]
pub fn hit(_name: &str) {}

#[cfg(any(debug_assertions, feature = "failpoints"))]
pub use armed::{hit, is_armed};

#[cfg(any(debug_assertions, feature = "failpoints"))]
mod armed {
    use std::path::PathBuf;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;

    enum Action {
        Kill,
        KillParent,
        Panic,
        Hold(PathBuf),
    }

    struct Point {
        name: String,
        action: Action,
        only_hit: Option<u64>,
        hits: AtomicU64,
    }

    fn parse(text: &str) -> Vec<Point> {
        text.split(';').filter_map(|item| parse_point(item.trim())).collect()
    }

    fn parse_point(item: &str) -> Option<Point> {
        let (name, rest) = item.split_once('=')?;
        let (action, only_hit) = match rest.rsplit_once('@') {
            Some((action, nth)) => (action, Some(nth.parse().ok()?)),
            None => (rest, None),
        };
        let action = match action.split_once(':') {
            Some(("hold", path)) => Action::Hold(PathBuf::from(path)),
            _ => match action {
                "kill" => Action::Kill,
                "kill-parent" => Action::KillParent,
                "panic" => Action::Panic,
                _ => return None,
            },
        };
        Some(Point { name: name.to_owned(), action, only_hit, hits: AtomicU64::new(0) })
    }

    fn points() -> &'static [Point] {
        static POINTS: OnceLock<Vec<Point>> = OnceLock::new();
        POINTS.get_or_init(|| {
            std::env::var(super::VARIABLE).map(|text| parse(&text)).unwrap_or_default()
        })
    }

    /// Whether `KANBAND_FAIL_POINTS` names the point `name`.
    pub fn is_armed(name: &str) -> bool {
        points().iter().any(|point| point.name == name)
    }

    /// Does what `KANBAND_FAIL_POINTS` asks for at the point `name`.
    pub fn hit(name: &str) {
        for point in points().iter().filter(|point| point.name == name) {
            let nth = point.hits.fetch_add(1, Ordering::Relaxed) + 1;
            if point.only_hit.is_none_or(|only| only == nth) {
                act(point);
            }
        }
    }

    #[expect(clippy::panic, reason = "panicking is what the point was asked to do")]
    #[expect(clippy::disallowed_methods, reason = "test-only: the process is meant to stand still")]
    fn act(point: &Point) {
        match &point.action {
            Action::Kill => {
                let _gone = kill(Pid::this(), Signal::SIGKILL);
            }
            Action::KillParent => {
                // A process that adopts the orphans of a dead daemon, a session manager perhaps, has done nothing.
                let parent = Pid::parent();
                let name = std::fs::read_to_string(format!("/proc/{parent}/comm"));
                if name.is_ok_and(|name| name.trim_end() == "kanband") {
                    let _gone = kill(parent, Signal::SIGKILL);
                }
            }
            Action::Panic => panic!("fail point {}", point.name),
            Action::Hold(path) => {
                let _created = std::fs::write(path, &point.name);
                while path.exists() {
                    std::thread::sleep(std::time::Duration::from_millis(2));
                }
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn points_are_read_with_their_action_and_hit() {
            let points = parse("a=kill;b=panic@3; c=hold:/tmp/x ;nonsense;d=unknown");
            let seen: Vec<_> = points.iter().map(|p| (p.name.as_str(), p.only_hit)).collect();
            assert_eq!(seen, [("a", None), ("b", Some(3)), ("c", None)]);
            assert!(matches!(points[2].action, Action::Hold(_)));
        }
    }
}
