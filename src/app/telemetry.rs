//! Log lines of the daemon: one per line on stderr, without colours unless a person looks.

use std::io::IsTerminal as _;

use tracing::level_filters::LevelFilter;

use crate::config::settings::LogLevel;

/// Begins to log. A second call in one process changes nothing.
pub(super) fn start(level: LogLevel) {
    let filter = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .with_target(false)
        .finish();
    // Only a test that starts two daemons in one process meets the error.
    drop(tracing::subscriber::set_global_default(subscriber));
}
