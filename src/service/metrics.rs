//! Figures for Prometheus. Everything is counted where it happens; asking gathers it, and reads rows only
//! through indexes: what it costs grows with the open runs, the breakers and the assignees, never with the board.

mod text;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::kernel::breaker::{Breaker, BreakerState};
use crate::kernel::caller::Caller;
use crate::kernel::error::VerbError;
use crate::kernel::ids::EpochSeconds;
use crate::kernel::queries::Snapshot;
use crate::kernel::store;
use crate::kernel::verbs::DispatchSwitch;
use crate::os::host::disk::free_bytes;
use crate::service::resources::{Resources, SearchUse, resources, search_use};
use crate::service::{GetDaemon, Requester, Service, ServiceError};
use text::{Kind, Page};

/// Microseconds in a second.
const MICROSECONDS: u32 = 1_000_000;

/// What only the rows know.
struct Rows {
    waiting: Vec<(String, EpochSeconds)>,
    open_runs: BTreeMap<&'static str, usize>,
    breakers: Vec<Breaker>,
    workspaces_held: i64,
    is_on: bool,
    search: SearchUse,
    now: EpochSeconds,
}

fn rows(snapshot: &Snapshot<'_>) -> Result<Rows, VerbError> {
    let mut open_runs: BTreeMap<&'static str, usize> = BTreeMap::new();
    for run in store::runs::list_open_supervised(snapshot.connection)? {
        *open_runs.entry(run.state.as_str()).or_default() += 1;
    }
    Ok(Rows {
        waiting: store::queue::list_oldest_ready(snapshot.connection)?,
        open_runs,
        breakers: store::breakers::list_but_workspaces(snapshot.connection)?,
        workspaces_held: store::breakers::count_workspaces_held(snapshot.connection)?,
        is_on: DispatchSwitch::read(snapshot.connection)? == DispatchSwitch::On,
        search: search_use(snapshot)?,
        now: snapshot.now,
    })
}

/// All figures now, in the text format of Prometheus.
///
/// # Errors
/// A fault.
pub async fn metrics(
    service: Arc<Service>,
    _by: Requester,
    GetDaemon {}: GetDaemon,
) -> Result<String, ServiceError> {
    let rows = service.readers.read(Caller::System { part: "metrics" }, rows).await?;
    let service = &*service;
    let mut page = Page::default();
    daemon(&mut page, service);
    tasks(&mut page, service);
    board(&mut page, &rows);
    runs(&mut page, service);
    database(&mut page, service);
    requests(&mut page, service);
    bounds(&mut page, &Resources { search: rows.search, ..resources(service) });
    Ok(page.finish())
}

fn daemon(page: &mut Page, service: &Service) {
    let name = "kanband_build_info";
    page.family(name, Kind::Gauge, "The daemon's version; always 1.");
    page.sample(name, &[("version", env!("CARGO_PKG_VERSION"))], 1);
    page.single(
        "kanband_start_time_seconds",
        Kind::Gauge,
        "When the daemon started, epoch seconds.",
        service.started_at,
    );
    if let Ok(free) = free_bytes(&service.home) {
        let help = "Bytes that are free at the home.";
        page.single("kanband_disk_free_bytes", Kind::Gauge, help, free);
    }
}

fn tasks(page: &mut Page, service: &Service) {
    let name = "kanband_tasks";
    page.family(name, Kind::Gauge, "Tasks on the board by status.");
    let mut sums: BTreeMap<(String, &'static str), i64> = BTreeMap::new();
    for (key, count) in service.database.counts().all() {
        *sums.entry((key.board.to_string(), key.status.as_str())).or_default() += count;
    }
    for ((board, status), count) in &sums {
        page.sample(name, &[("board", board), ("status", status)], count);
    }
}

fn board(page: &mut Page, rows: &Rows) {
    let name = "kanband_queue_age_seconds";
    page.family(
        name,
        Kind::Gauge,
        "How long the oldest startable task of a profile has been ready.",
    );
    for (profile, since) in &rows.waiting {
        page.sample(name, &[("profile", profile)], (rows.now - since).max(0));
    }
    let name = "kanband_open_runs";
    page.family(name, Kind::Gauge, "Supervised runs whose processes may be there, by state.");
    for state in ["starting", "running", "finishing", "stopping", "unkillable"] {
        let count = rows.open_runs.get(state).copied().unwrap_or_default();
        page.sample(name, &[("state", state)], count);
    }
    let name = "kanband_breaker_open";
    let help = "Whether a breaker holds starts back: 0 closed, 1 half open, 2 open.";
    page.family(name, Kind::Gauge, help);
    for breaker in &rows.breakers {
        let state = match breaker.state {
            BreakerState::Closed => 0,
            BreakerState::HalfOpen => 1,
            BreakerState::Open => 2,
        };
        page.sample(name, &[("breaker", &breaker.key.to_text())], state);
    }
    page.single(
        "kanband_workspace_breakers_open",
        Kind::Gauge,
        "Workspaces whose breaker is open or half open; `kanban breakers` names them.",
        rows.workspaces_held,
    );
    page.single(
        "kanband_dispatch_on",
        Kind::Gauge,
        "Whether the board starts anything: 0 when it is paused or draining.",
        u8::from(rows.is_on),
    );
}

fn runs(page: &mut Page, service: &Service) {
    page.histogram(
        "kanband_ready_wait_seconds",
        "From a task's being ready to its claim; the rows have whole seconds.",
        1,
        &service.figures.ready_wait_seconds.now(),
    );
    page.histogram(
        "kanband_start_seconds",
        "From the claim of a run to its worker's process.",
        MICROSECONDS,
        &service.figures.start_time_us.now(),
    );
    let name = "kanband_runs_closed_total";
    page.family(name, Kind::Counter, "Supervised runs that were closed, by profile and outcome.");
    for ((profile, outcome), count) in &service.figures.closed() {
        page.sample(name, &[("profile", profile), ("outcome", outcome)], count);
    }
}

fn database(page: &mut Page, service: &Service) {
    let figures = service.database.figures();
    for (name, help, value) in [
        (
            "kanband_database_requests_total",
            "Requests that were written.",
            figures.requests.load(Ordering::Relaxed),
        ),
        ("kanband_database_reads_total", "Reads beside the writer.", service.readers.reads()),
    ] {
        page.single(name, Kind::Counter, help, value);
    }
    page.histogram(
        "kanband_database_commit_seconds",
        "Time of a commit, its sync to disk included.",
        MICROSECONDS,
        &figures.commit_times_us.now(),
    );
    page.histogram(
        "kanband_database_commit_requests",
        "Requests that shared a commit.",
        1,
        &figures.batch_sizes.now(),
    );
}

fn requests(page: &mut Page, service: &Service) {
    let counted = service.edge.requests();
    let name = "kanband_api_requests_total";
    page.family(name, Kind::Counter, "Requests that were answered, by operation.");
    for one in &counted {
        page.sample(name, &[("operation", one.operation)], one.all);
    }
    let name = "kanband_api_errors_total";
    page.family(name, Kind::Counter, "Those among them that were refused or failed.");
    for one in &counted {
        page.sample(name, &[("operation", one.operation)], one.refused);
    }
}

fn bounds(page: &mut Page, resources: &Resources) {
    let name = "kanband_connections";
    page.family(name, Kind::Gauge, "Connections by kind of caller.");
    for callers in &resources.callers {
        page.sample(name, &[("kind", &callers.kind)], callers.connections);
    }
    let name = "kanband_connections_max";
    page.family(name, Kind::Gauge, "Connections that a kind of caller may have.");
    for callers in &resources.callers {
        page.sample(name, &[("kind", &callers.kind)], callers.connections_max);
    }
    let name = "kanband_turned_away_total";
    page.family(name, Kind::Counter, "Connections and requests that were turned away, by reason.");
    for (why, count) in &resources.turned_away {
        page.sample(name, &[("reason", why)], count);
    }
    for (name, kind, help, value) in [
        (
            "kanband_reads_stopped_total",
            Kind::Counter,
            "Reads that were stopped because they took too long.",
            resources.reads_stopped,
        ),
        (
            "kanband_log_lines_lost_total",
            Kind::Counter,
            "Log lines that could not be written.",
            resources.log.lost_lines,
        ),
        (
            "kanband_log_lines_waiting",
            Kind::Gauge,
            "Log lines that wait to be written.",
            resources.log.waiting_lines,
        ),
        (
            "kanband_search_behind_events",
            Kind::Gauge,
            "Events that the search index has not looked at.",
            resources.search.behind_events.unsigned_abs(),
        ),
        (
            "kanband_search_skipped_tasks",
            Kind::Gauge,
            "Tasks of which something cannot be searched.",
            resources.search.skipped_tasks,
        ),
        (
            "kanband_open_files_max",
            Kind::Gauge,
            "Files that the daemon may open at one time.",
            resources.open_files_max,
        ),
    ] {
        page.single(name, kind, help, value);
    }
}
