//! Log lines of the daemon: to the journal when stderr is one, else one per line on stderr. Never to both, which would show
//! everything twice. Nobody who logs waits for them to be written: see `queue`.

mod journal;
mod line;
mod queue;

use std::io;
use std::panic::PanicHookInfo;
use std::sync::OnceLock;
use std::time::Duration;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer, Registry, fmt, reload};

use crate::config::settings::LogLevel;
use crate::os::host::journal::{Journal, is_stderr_journal};
use crate::os::host::stderr;
use journal::JournalLayer;
pub use queue::LogHealth;
use queue::{LogQueue, Sink};

/// Longest time that the end of the daemon waits for the last lines.
const FLUSH_TIME: Duration = Duration::from_millis(100);

/// Turns the running filter; set once, when logging begins.
static FILTER: OnceLock<reload::Handle<LevelFilter, Registry>> = OnceLock::new();

/// Where the lines wait; set once, when logging begins.
static QUEUE: OnceLock<LogQueue> = OnceLock::new();

/// Begins to log. `journal_stream` is the variable JOURNAL_STREAM. A second call in one process changes nothing.
///
/// # Errors
/// The thread that writes cannot be made.
pub fn start(level: LogLevel, journal_stream: Option<&str>) -> io::Result<()> {
    let (filter, handle) = reload::Layer::new(filter_of(level));
    let journal = journal_stream.filter(|stream| is_stderr_journal(stream));
    let (queue, layer) = match journal.map(|_| Journal::connect()) {
        Some(Ok(journal)) => {
            let queue = queue_to(Box::new(move |entry| journal.send(entry)))?;
            let layer = JournalLayer::new(queue.clone()).boxed();
            (queue, layer)
        }
        // Stderr ends up in the journal too, only without fields.
        Some(Err(_)) | None => {
            let queue = queue_to(Box::new(stderr::write_all))?;
            let layer = fmt::layer().event_format(line::OneLine).with_writer(queue.clone()).boxed();
            (queue, layer)
        }
    };
    let subscriber = Registry::default().with(filter).with(layer);
    // Only a test that starts two daemons in one process meets the error.
    if tracing::subscriber::set_global_default(subscriber).is_ok() {
        drop(FILTER.set(handle));
        drop(QUEUE.set(queue));
        // The standard library's own way of telling a panic writes to stderr and waits for it.
        std::panic::set_hook(Box::new(log_panic));
    }
    Ok(())
}

fn queue_to(sink: Sink) -> io::Result<LogQueue> {
    LogQueue::start(sink, |lost| {
        tracing::warn!(lost, "log lines were lost because they could not be written in time");
    })
}

/// Waits a moment for the last lines. They are given up when nobody takes them.
pub fn finish() {
    if let Some(queue) = QUEUE.get() {
        queue.flush(FLUSH_TIME);
    }
}

/// How the log stands.
pub fn health() -> LogHealth {
    QUEUE.get().map(LogQueue::health).unwrap_or_default()
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("unnamed");
    // Captured only when RUST_BACKTRACE asks for it.
    let backtrace = std::backtrace::Backtrace::capture();
    match backtrace.status() {
        std::backtrace::BacktraceStatus::Captured => {
            tracing::error!(thread = name, %panic, %backtrace, "a thread panicked");
        }
        _ => tracing::error!(thread = name, %panic, "a thread panicked"),
    }
}

/// Each event is one call to `write`, with the whole line.
impl io::Write for LogQueue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line.to_vec());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for LogQueue {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Least weight of the lines that are written from now on.
pub fn set_level(level: LogLevel) {
    if let Some(handle) = FILTER.get() {
        // Fails only when the subscriber is gone, and then nothing is logged anyway.
        drop(handle.modify(|filter| *filter = filter_of(level)));
    }
}

/// Minimum log level.
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
