//! Limited resources: their use, and rejections because of them. `status`, `doctor` and the metrics show the same.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::ids::EpochSeconds;
use crate::kernel::queries::Snapshot;
use crate::kernel::rules::inbox::{Kind, Waiting};
use crate::kernel::shares::{DESCRIPTORS_ENOUGH, share};
use crate::kernel::store;
use crate::service::Service;
use crate::service::doctor::check::{Check, Health};
use crate::service::usage::Callers;
use crate::telemetry::{self, LogHealth};

/// Tasks that are named of those that are not searched as a whole.
const NAMED_MAX: u32 = 5;

/// A log line that takes so long to write is stuck, milliseconds.
const LOG_STUCK_MS: u64 = 5_000;

/// Lines that were lost so long ago need no attention, seconds.
const LOG_LOSS_SECONDS: i64 = 600;

/// Events that the index may be behind before it needs attention.
const SEARCH_BEHIND_MAX: i64 = 10_000;

/// Limited resources and rejected requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Resources {
    /// Maximum number of open files of the daemon.
    pub open_files_max: u64,
    /// Maximum number of open runs for which there are file descriptors.
    pub runs_max: u32,
    /// Resources in use by each kind of caller.
    pub callers: Vec<Callers>,
    /// Connections and requests rejected since the start, by reason.
    pub turned_away: BTreeMap<String, u64>,
    /// Reads stopped since the start because they took too long.
    pub reads_stopped: u64,
    /// The daemon's log.
    pub log: LogUse,
    /// The search index.
    pub search: SearchUse,
}

/// State of the daemon's log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LogUse {
    /// Lines lost since the start.
    pub lost_lines: u64,
    /// Time the last line was lost, epoch seconds.
    pub last_lost_at: Option<EpochSeconds>,
    /// Lines waiting to be written.
    pub waiting_lines: u64,
    /// Time the current write has taken, milliseconds.
    pub blocked_ms: u64,
}

/// State of the search index.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SearchUse {
    /// Number of events not indexed yet.
    pub behind_events: i64,
    /// Number of tasks with texts that could not be indexed.
    pub skipped_tasks: u64,
    /// The first of these tasks.
    pub skipped: Vec<Skipped>,
}

/// A task with a text that cannot be searched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Skipped {
    /// The task.
    pub task: String,
    /// Reason.
    pub why: String,
}

/// Everything but the index, which only a reader knows.
pub fn resources(service: &Service) -> Resources {
    Resources {
        open_files_max: service.descriptors,
        runs_max: share(service.descriptors).runs,
        callers: service.edge.callers(),
        turned_away: service.edge.turned_away(),
        reads_stopped: service.readers.stopped(),
        log: log_use(&telemetry::health()),
        search: SearchUse::default(),
    }
}

fn log_use(health: &LogHealth) -> LogUse {
    LogUse {
        lost_lines: health.lost_lines,
        last_lost_at: (health.lost_lines > 0).then_some(health.last_lost_at),
        waiting_lines: health.waiting_lines,
        blocked_ms: health.blocked_ms,
    }
}

/// How the index stands.
///
/// # Errors
/// A fault of the database.
pub fn search_use(snapshot: &Snapshot<'_>) -> Result<SearchUse, VerbError> {
    let state = store::search::state(snapshot.connection, NAMED_MAX)?;
    let newest = store::events::newest_id(snapshot.connection)?;
    Ok(SearchUse {
        behind_events: (newest - state.cursor).max(0),
        skipped_tasks: state.skipped_count,
        skipped: state.skipped.into_iter().map(|(task, why)| Skipped { task, why }).collect(),
    })
}

/// What of it needs a person.
pub fn waiting(resources: &Resources, now: EpochSeconds) -> Vec<Waiting> {
    let of = |kind, text: String| Waiting::of_host(kind, text, "kanban doctor");
    let log = log_problem(&resources.log, now).map(|text| of(Kind::Log, text));
    let search = search_problem(&resources.search).map(|text| of(Kind::Search, text));
    log.into_iter().chain(search).collect()
}

/// The checks of `doctor`. `max_running` is what the configuration asks for.
/// `open_files_fix` is how the limit of open files is raised here.
pub fn checks(
    resources: &Resources,
    max_running: u32,
    now: EpochSeconds,
    open_files_fix: &str,
) -> Vec<Check> {
    vec![
        open_files_check(resources, max_running, open_files_fix),
        callers_check(resources),
        match log_problem(&resources.log, now) {
            Some(text) => Check::bad(
                "log",
                Health::Warn,
                text,
                "let the reader of the daemon's stderr continue: a pager, a stopped terminal, a full disk",
            ),
            None if resources.log.lost_lines > 0 => {
                let lost = resources.log.lost_lines;
                Check::ok("log", format!("written; {lost} lines lost since the start"))
            }
            None => Check::ok("log", "all lines written"),
        },
        match search_problem(&resources.search) {
            Some(text) => {
                let named = resources.search.skipped.first();
                let fix = named.map_or_else(
                    || "wait until it has caught up".to_owned(),
                    |skipped| format!("`kanban show {}`: {}", skipped.task, skipped.why),
                );
                Check::bad("search", Health::Warn, text, fix)
            }
            None => Check::ok("search", "all tasks are indexed"),
        },
    ]
}

fn open_files_check(resources: &Resources, max_running: u32, fix: &str) -> Check {
    let Resources { open_files_max, runs_max, .. } = *resources;
    if runs_max < max_running {
        let text = format!(
            "the limit of {open_files_max} open files allows {runs_max} runs, fewer than dispatch.max_running ({max_running})"
        );
        return Check::bad("open files", Health::Warn, text, fix);
    }
    if open_files_max < DESCRIPTORS_ENOUGH {
        let text = format!("the limit of open files is {open_files_max}");
        return Check::bad("open files", Health::Warn, text, fix);
    }
    Check::ok("open files", format!("limit {open_files_max}, enough for {runs_max} runs"))
}

fn callers_check(resources: &Resources) -> Check {
    let connections: usize = resources.callers.iter().map(|callers| callers.connections).sum();
    let turned: Vec<String> = resources
        .turned_away
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(why, count)| format!("{why} {count}"))
        .collect();
    let turned = if turned.is_empty() { "nothing".to_owned() } else { turned.join(", ") };
    Check::ok("callers", format!("{connections} connections; rejected since the start: {turned}"))
}

fn log_problem(log: &LogUse, now: EpochSeconds) -> Option<String> {
    if log.blocked_ms >= LOG_STUCK_MS {
        let seconds = log.blocked_ms / 1_000;
        return Some(format!(
            "the log has not been read for {seconds} s: {} lines waiting, {} lost",
            log.waiting_lines, log.lost_lines
        ));
    }
    let is_recent = |at: EpochSeconds| now - at < LOG_LOSS_SECONDS;
    let lost = log.lost_lines;
    log.last_lost_at
        .is_some_and(is_recent)
        .then(|| format!("{lost} log lines were lost: the reader of the log was too slow"))
}

fn search_problem(search: &SearchUse) -> Option<String> {
    if search.skipped_tasks > 0 {
        let count = search.skipped_tasks;
        return Some(format!("{count} tasks have texts that cannot be searched"));
    }
    let behind = search.behind_events;
    (behind > SEARCH_BEHIND_MAX).then(|| format!("the search index is {behind} events behind"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_needs_a_person_while_it_is_stuck_and_for_a_while_after_a_loss() {
        let log = |lost_lines, last_lost_at, blocked_ms| LogUse {
            lost_lines,
            last_lost_at,
            waiting_lines: 7,
            blocked_ms,
        };
        for (log, expected) in [
            (log(0, None, 0), None),
            (log(0, None, LOG_STUCK_MS - 1), None),
            (log(0, None, LOG_STUCK_MS), Some("the log has not been read for 5 s")),
            (log(3, Some(1_000), 0), Some("3 log lines were lost")),
            (log(3, Some(1_000 - LOG_LOSS_SECONDS), 0), None),
        ] {
            let text = log_problem(&log, 1_000);
            match expected {
                Some(phrase) => assert!(text.unwrap().contains(phrase), "{log:?}"),
                None => assert_eq!(text, None, "{log:?}"),
            }
        }
    }

    #[test]
    fn few_open_files_are_told_with_what_they_are_too_few_for() {
        for (open_files_max, runs_max, max_running, health) in [
            (20_000, 5_000, 8, Health::Ok),
            (512, 60, 8, Health::Warn),
            (20_000, 5_000, 6_000, Health::Warn),
        ] {
            let resources = Resources { open_files_max, runs_max, ..Resources::default() };
            let check = open_files_check(&resources, max_running, "raise it");
            assert_eq!(check.health, health, "{}", check.message);
        }
    }

    #[test]
    fn an_index_needs_a_person_when_it_steps_over_tasks_or_is_far_behind() {
        for (behind_events, skipped_tasks, is_told) in [
            (0, 0, false),
            (SEARCH_BEHIND_MAX, 0, false),
            (SEARCH_BEHIND_MAX + 1, 0, true),
            (0, 1, true),
        ] {
            let search = SearchUse { behind_events, skipped_tasks, skipped: Vec::new() };
            assert_eq!(search_problem(&search).is_some(), is_told, "{search:?}");
        }
    }
}
