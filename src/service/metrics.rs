//! Metrics for Prometheus. Everything is counted where it happens; a request gathers it, and reads rows only
//! through indexes: what it costs grows with the open runs, the breakers and the assignees, never with the board.

pub mod door;
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
use crate::kernel::store::outbox::ChannelCount;
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
    messages: Vec<ChannelCount>,
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
        messages: store::outbox::count_by_channel(snapshot.connection)?,
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
    messages(&mut page, &rows);
    database(&mut page, service);
    requests(&mut page, service);
    web(&mut page, service);
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
        "Start time of the daemon, epoch seconds.",
        service.started_at,
    );
    if let Ok(free) = free_bytes(&service.home) {
        let help = "Free bytes on the file system of the home.";
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
        "Time since the oldest startable task of a profile became ready.",
    );
    for (profile, since) in &rows.waiting {
        page.sample(name, &[("profile", profile)], (rows.now - since).max(0));
    }
    let name = "kanband_open_runs";
    page.family(name, Kind::Gauge, "Open supervised runs, by state.");
    for state in ["starting", "running", "finishing", "stopping", "unkillable"] {
        let count = rows.open_runs.get(state).copied().unwrap_or_default();
        page.sample(name, &[("state", state)], count);
    }
    let name = "kanband_breaker_open";
    let help = "State of a breaker: 0 closed, 1 half open, 2 open.";
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
        "Workspaces with an open or half-open breaker; see `kanban breakers`.",
        rows.workspaces_held,
    );
    page.single(
        "kanband_dispatch_on",
        Kind::Gauge,
        "Whether dispatch is on: 0 when paused or draining.",
        u8::from(rows.is_on),
    );
}

fn messages(page: &mut Page, rows: &Rows) {
    let name = "kanband_messages_waiting";
    page.family(name, Kind::Gauge, "Messages that are not sent yet, by channel.");
    for count in &rows.messages {
        page.sample(name, &[("channel", &count.channel)], count.open);
    }
    let name = "kanband_messages_dead";
    page.family(
        name,
        Kind::Gauge,
        "Messages that were given up, by channel; see `kanban notify dead`.",
    );
    for count in &rows.messages {
        page.sample(name, &[("channel", &count.channel)], count.dead);
    }
    let name = "kanband_message_age_seconds";
    page.family(name, Kind::Gauge, "Age of the oldest message that is not sent yet, by channel.");
    for count in &rows.messages {
        let age = count.oldest_at.map_or(0, |oldest| (rows.now - oldest).max(0));
        page.sample(name, &[("channel", &count.channel)], age);
    }
}

fn runs(page: &mut Page, service: &Service) {
    page.histogram(
        "kanband_ready_wait_seconds",
        "Time from ready to claimed; rows have whole seconds.",
        1,
        &service.figures.ready_wait_seconds.now(),
    );
    page.histogram(
        "kanband_start_seconds",
        "Time from the claim to the worker process.",
        MICROSECONDS,
        &service.figures.start_time_us.now(),
    );
    let name = "kanband_runs_closed_total";
    page.family(name, Kind::Counter, "Closed supervised runs, by profile and outcome.");
    for ((profile, outcome), count) in &service.figures.closed() {
        page.sample(name, &[("profile", profile), ("outcome", outcome)], count);
    }
}

fn database(page: &mut Page, service: &Service) {
    let figures = service.database.figures();
    for (name, help, value) in [
        (
            "kanband_database_requests_total",
            "Write requests.",
            figures.requests.load(Ordering::Relaxed),
        ),
        (
            "kanband_database_reads_total",
            "Reads on the reading connections.",
            service.readers.reads(),
        ),
    ] {
        page.single(name, Kind::Counter, help, value);
    }
    page.histogram(
        "kanband_database_commit_seconds",
        "Time of a commit, including the sync to disk.",
        MICROSECONDS,
        &figures.commit_times_us.now(),
    );
    page.histogram(
        "kanband_database_commit_requests",
        "Requests per commit.",
        1,
        &figures.batch_sizes.now(),
    );
}

fn requests(page: &mut Page, service: &Service) {
    let counted = service.edge.requests();
    let name = "kanband_api_requests_total";
    page.family(name, Kind::Counter, "Answered requests, by operation.");
    for one in &counted {
        page.sample(name, &[("operation", one.operation)], one.all);
    }
    let name = "kanband_api_errors_total";
    page.family(name, Kind::Counter, "Refused or failed requests, by operation.");
    for one in &counted {
        page.sample(name, &[("operation", one.operation)], one.refused);
    }
}

fn web(page: &mut Page, service: &Service) {
    let feed = &service.board_feed;
    page.single("kanband_web_pages", Kind::Gauge, "Open pages of the web board.", feed.pages());
    let name = "kanband_web_change_reads_total";
    let help = "Reads of what changed, for all open pages at once.";
    page.single(name, Kind::Counter, help, feed.change_reads());
}

fn bounds(page: &mut Page, resources: &Resources) {
    let name = "kanband_connections";
    page.family(name, Kind::Gauge, "Open connections, by kind of caller.");
    for callers in &resources.callers {
        page.sample(name, &[("kind", &callers.kind)], callers.connections);
    }
    let name = "kanband_connections_max";
    page.family(name, Kind::Gauge, "Maximum number of connections, by kind of caller.");
    for callers in &resources.callers {
        page.sample(name, &[("kind", &callers.kind)], callers.connections_max);
    }
    let name = "kanband_turned_away_total";
    page.family(name, Kind::Counter, "Rejected connections and requests, by reason.");
    for (why, count) in &resources.turned_away {
        page.sample(name, &[("reason", why)], count);
    }
    for (name, kind, help, value) in [
        (
            "kanband_reads_stopped_total",
            Kind::Counter,
            "Reads stopped because they took too long.",
            resources.reads_stopped,
        ),
        (
            "kanband_log_lines_lost_total",
            Kind::Counter,
            "Lost log lines.",
            resources.log.lost_lines,
        ),
        (
            "kanband_log_lines_waiting",
            Kind::Gauge,
            "Log lines waiting to be written.",
            resources.log.waiting_lines,
        ),
        (
            "kanband_search_behind_events",
            Kind::Gauge,
            "Events not indexed yet.",
            resources.search.behind_events.unsigned_abs(),
        ),
        (
            "kanband_search_skipped_tasks",
            Kind::Gauge,
            "Tasks with a text that cannot be searched.",
            resources.search.skipped_tasks,
        ),
        (
            "kanband_open_files_max",
            Kind::Gauge,
            "Maximum number of open files of the daemon.",
            resources.open_files_max,
        ),
    ] {
        page.single(name, kind, help, value);
    }
}
