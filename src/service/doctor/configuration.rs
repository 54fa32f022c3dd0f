//! `doctor` about the files of the configuration as they are now. The daemon goes on with what it has read; its next start would not.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::actors::apart::on_own_thread;
use crate::config::ConfigProblems;
use crate::config::problem::Problem;
use crate::service::Service;
use crate::service::doctor::check::{Check, Health};
use crate::service::profiles::FILES_TIME;

/// Name of the checks.
const NAME: &str = "configuration";

/// Problems of one file that are named.
const NAMED_MAX: usize = 3;

/// A check for each file that the next start would refuse. The files are read on a thread of its own: a disk may not answer.
pub(super) async fn checks(service: &Arc<Service>) -> Vec<Check> {
    let reloader = Arc::clone(&service.reloader);
    let read = on_own_thread("configuration", move || reloader.read().map(drop));
    match tokio::time::timeout(FILES_TIME, read).await {
        Ok(Ok(Ok(()))) => vec![Check::ok(NAME, "all configuration files are valid")],
        Ok(Ok(Err(problems))) => refused(&problems),
        Ok(Err(_)) | Err(_) => {
            let message = "cannot read the files of the configuration: timed out";
            vec![Check::bad(NAME, Health::Warn, message, "check the file system that they are on")]
        }
    }
}

/// One for each origin, with its first problems.
fn refused(ConfigProblems(problems): &ConfigProblems) -> Vec<Check> {
    let mut by_origin: BTreeMap<&str, Vec<&Problem>> = BTreeMap::new();
    for problem in problems {
        by_origin.entry(&problem.origin).or_default().push(problem);
    }
    let check = |(origin, problems): (&str, Vec<&Problem>)| {
        let named: Vec<String> =
            problems.iter().take(NAMED_MAX).map(|problem| in_one_line(problem)).collect();
        let more = problems.len().saturating_sub(NAMED_MAX);
        let more = if more == 0 { String::new() } else { format!("; and {more} more") };
        Check::bad(
            NAME,
            Health::Fail,
            format!("the next start would refuse it: {}{more}", named.join("; ")),
            format!(
                "correct {origin}, then `kanban reload`; until then the old configuration holds"
            ),
        )
    };
    by_origin.into_iter().map(check).collect()
}

fn in_one_line(problem: &Problem) -> String {
    problem.to_string().lines().map(str::trim).collect::<Vec<_>>().join(" ")
}
