//! `doctor` about the sockets: whether they lead in, who may use them, and whether their loss would be noticed at once.

use std::path::Path;

use crate::actors::doors::{Doors, DoorsReport, Maker};
use crate::os::files::permission_bits;
use crate::service::doctor::check::{Check, Health};

/// A socket and who may use it.
struct Rule<'a> {
    name: &'static str,
    path: &'a Path,
    /// Bits that its mode must not have.
    too_much: u32,
    /// Bits that it must have.
    needed: u32,
    /// What is wrong otherwise, and the change that corrects it.
    problem: &'static str,
    change: &'static str,
}

/// The checks.
pub(super) fn checks(doors: &Doors, operators: &Path, workers: &Path) -> Vec<Check> {
    let report = doors.report();
    let rules = [
        Rule {
            name: "socket",
            path: operators,
            too_much: 0o006,
            needed: 0,
            problem: "every user can act as an operator",
            change: "o-rw",
        },
        Rule {
            name: "workers' socket",
            path: workers,
            too_much: 0,
            needed: 0o666,
            problem: "workers of other users cannot call",
            change: "a+rw",
        },
    ];
    let mut checks: Vec<Check> =
        rules.iter().map(|rule| check(rule, &report, doors.maker())).collect();
    checks.push(watch_check(&report));
    checks
}

fn check(rule: &Rule<'_>, report: &DoorsReport, maker: Maker) -> Check {
    let Rule { name, path, too_much, needed, problem, change } = rule;
    let shown = path.display();
    let fail = |message: String, fix: String| Check::bad(name, Health::Fail, message, fix);
    let lost = report.lost.iter().find_map(|(lost, why)| (lost == path).then_some(why));
    if let Some(lost) = lost.filter(|lost| !lost.is_mode) {
        let fix = match maker {
            Maker::ServiceManager { remedy } => format!("`{remedy}`"),
            Maker::Daemon => format!(
                "remove what is at the path, see `ls -ld {shown}`; the daemon then creates its socket again"
            ),
        };
        return fail(lost.cause.clone(), fix);
    }
    match permission_bits(path) {
        Ok(mode) if mode & too_much != 0 || mode & needed != *needed => {
            let text = format!("{shown} has mode {mode:03o}: {problem}");
            fail(text, format!("`chmod {change} {shown}`"))
        }
        Ok(mode) => Check::ok(name, format!("{shown}, mode {mode:03o}")),
        Err(error) => fail(format!("cannot inspect {shown}: {error}"), format!("`ls -ld {shown}`")),
    }
}

/// Without inotify the slow tick looks instead.
fn watch_check(report: &DoorsReport) -> Check {
    let name = "file watch";
    match &report.blind {
        None => Check::ok(name, "a removed socket is detected at once (inotify)"),
        Some(why) => Check::bad(
            name,
            Health::Warn,
            format!("a removed socket is detected by the slow tick only: {why}"),
            "raise `fs.inotify.max_user_instances` and `fs.inotify.max_user_watches` with sysctl",
        ),
    }
}
