//! Log lines of the daemon: to the journal when stderr is one, else one per line on stderr. Never to both, which would show
//! everything twice.

mod journal;
mod line;

use std::sync::OnceLock;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer, Registry, fmt, reload};

use crate::config::settings::LogLevel;
use crate::os::journal::{Journal, is_stderr_journal};
use journal::JournalLayer;

/// Turns the running filter; set once, when logging begins.
static FILTER: OnceLock<reload::Handle<LevelFilter, Registry>> = OnceLock::new();

/// Begins to log. `journal_stream` is the variable JOURNAL_STREAM. A second call in one process changes nothing.
pub fn start(level: LogLevel, journal_stream: Option<&str>) {
    let (filter, handle) = reload::Layer::new(filter_of(level));
    let journal = journal_stream.filter(|stream| is_stderr_journal(stream));
    let sink = match journal.map(|_| Journal::connect()) {
        Some(Ok(journal)) => JournalLayer::new(journal).boxed(),
        // Stderr ends up in the journal too, only without fields.
        Some(Err(_)) | None => {
            fmt::layer().event_format(line::OneLine).with_writer(std::io::stderr).boxed()
        }
    };
    let subscriber = Registry::default().with(filter).with(sink);
    // Only a test that starts two daemons in one process meets the error.
    if tracing::subscriber::set_global_default(subscriber).is_ok() {
        drop(FILTER.set(handle));
    }
}

/// Least weight of the lines that are written from now on.
pub fn set_level(level: LogLevel) {
    if let Some(handle) = FILTER.get() {
        // Fails only when the subscriber is gone, and then nothing is logged anyway.
        drop(handle.modify(|filter| *filter = filter_of(level)));
    }
}

/// Least weight of the lines that are written.
pub fn level() -> LogLevel {
    let filter = FILTER.get().and_then(reload::Handle::clone_current);
    LogLevel::ALL.into_iter().find(|level| Some(filter_of(*level)) == filter).unwrap_or_default()
}

fn filter_of(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}
