//! The claims of a story, and whether they hold.

use serde::Serialize;
use serde_json::Value;

use kanband::kernel::queries::TaskDetails;
use kanband::kernel::run::{Run, RunOutcome};
use kanband::kernel::task::TaskStatus;

/// A promise.
#[derive(Debug, Serialize)]
pub struct Check {
    /// What should be true.
    pub claim: String,
    /// Whether it is.
    pub ok: bool,
    /// What is true instead, when it is not.
    pub seen: Option<String>,
}

impl Check {
    /// Each of `tasks` ended in `status`, after runs with exactly these outcomes.
    pub fn ended(
        claim: &str,
        tasks: &[&TaskDetails],
        status: TaskStatus,
        outcomes: &[RunOutcome],
    ) -> Self {
        let wrong: Vec<String> = tasks
            .iter()
            .filter(|task| task.task.status != status || !had(task, outcomes))
            .map(|task| {
                format!("{} is {} after {}", task.task.id, task.task.status, attempts(task))
            })
            .collect();
        Self::that(claim, wrong.is_empty(), wrong.join("; "))
    }

    /// Something that a story looked at itself.
    pub fn that(claim: &str, ok: bool, seen: impl Into<String>) -> Self {
        Self { claim: claim.to_owned(), ok, seen: (!ok).then(|| seen.into()) }
    }

    /// The line of the check list.
    pub fn line(&self) -> String {
        match &self.seen {
            None => format!("  ok      {}", self.claim),
            Some(seen) => format!("  FAILED  {}: {seen}", self.claim),
        }
    }
}

fn had(task: &TaskDetails, outcomes: &[RunOutcome]) -> bool {
    task.runs.iter().map(|run| run.outcome).eq(outcomes.iter().copied().map(Some))
        && !task.runs.iter().any(Run::is_open)
}

/// The outcomes of a task's runs, in words.
pub fn attempts(task: &TaskDetails) -> String {
    if task.runs.is_empty() {
        return "no run".to_owned();
    }
    let word = |run: &Run| run.outcome.map_or("(open)".to_owned(), |outcome| outcome.to_string());
    task.runs.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// The summary that a task was completed with.
pub fn summary(task: &TaskDetails) -> String {
    task.runs.last().and_then(|run| run.summary.clone()).unwrap_or_default()
}

/// A field of the metadata that a task was completed with.
pub fn metadata<'t>(task: &'t TaskDetails, field: &str) -> Option<&'t Value> {
    task.runs.last()?.metadata.as_ref()?.get(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_that_failed_says_what_it_saw() {
        assert_eq!(Check::that("a", true, "b").line(), "  ok      a");
        assert_eq!(Check::that("a", false, "b").line(), "  FAILED  a: b");
    }
}
