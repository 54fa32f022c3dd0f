//! Log lines as entries of the journal: the text as people read it, and each field by itself, so that
//! `journalctl KANBAN_TASK=t_…` finds what concerns one task.

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::line::Fields;
use super::queue::LogQueue;
use crate::text::log_line;

/// What stands in front of the name of each field of ours.
const PREFIX: &str = "KANBAN_";

/// Bytes of one value at most: an entry has to fit into a datagram.
const VALUE_BYTES_MAX: usize = 16 * 1024;

/// Writes every line into the journal.
pub(super) struct JournalLayer {
    entries: LogQueue,
}

impl JournalLayer {
    /// `entries` lead to the journal.
    pub(super) fn new(entries: LogQueue) -> Self {
        Self { entries }
    }
}

impl<S: Subscriber> Layer<S> for JournalLayer {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        self.entries.push(entry(&Fields::of(event), *event.metadata().level()));
    }
}

/// The entry of a line in the journal's own protocol.
fn entry(fields: &Fields, level: Level) -> Vec<u8> {
    let mut entry = Vec::new();
    push(&mut entry, "MESSAGE", &fields.text());
    push(&mut entry, "PRIORITY", priority(level));
    push(&mut entry, "SYSLOG_IDENTIFIER", "kanband");
    for (name, value) in &fields.others {
        push(&mut entry, &field_name(name), &log_line::message(value));
    }
    entry
}

/// Weights of syslog(3).
fn priority(level: Level) -> &'static str {
    match level {
        Level::ERROR => "3",
        Level::WARN => "4",
        Level::INFO => "6",
        _ => "7",
    }
}

/// Letters, digits and underscores, as the journal wants them.
fn field_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    PREFIX.chars().chain(name.chars().map(plain)).collect()
}

/// As much of it as an entry has room for, in whole characters.
fn shortened(value: &str) -> &str {
    let mut end = VALUE_BYTES_MAX.min(value.len());
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    value.get(..end).unwrap_or(value)
}

/// `NAME=value` for a value of one line, else the name, the length and the bytes.
fn push(entry: &mut Vec<u8>, name: &str, value: &str) {
    let value = shortened(value);
    entry.extend_from_slice(name.as_bytes());
    if value.contains('\n') {
        entry.push(b'\n');
        entry.extend_from_slice(&(value.len() as u64).to_le_bytes());
    } else {
        entry.push(b'=');
    }
    entry.extend_from_slice(value.as_bytes());
    entry.push(b'\n');
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;
    use crate::os::host::journal::Journal;

    #[test]
    fn a_line_becomes_one_entry_with_its_task_run_and_board_as_fields() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let journal = UnixDatagram::bind(&path).unwrap();
        let sent = Journal::connect_to(&path).unwrap();
        let queue = LogQueue::start(Box::new(move |entry| sent.send(entry)), drop).unwrap();
        let layer = JournalLayer::new(queue);
        let subscriber = tracing_subscriber::Registry::default().with(layer);
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(task = %"t_1", run = 7, board = "default", "run claimed");
        });
        let mut buffer = [0; 4096];
        let length = journal.recv(&mut buffer).unwrap();
        let entry = std::str::from_utf8(&buffer[..length]).unwrap();
        let lines: Vec<_> = entry.lines().collect();
        assert_eq!(
            lines,
            [
                "MESSAGE=run claimed task=t_1 run=7 board=default",
                "PRIORITY=4",
                "SYSLOG_IDENTIFIER=kanband",
                "KANBAN_TASK=t_1",
                "KANBAN_RUN=7",
                "KANBAN_BOARD=default",
            ]
        );
        journal.set_nonblocking(true).unwrap();
        assert!(journal.recv(&mut buffer).is_err(), "one entry");
    }

    #[test]
    fn a_journal_that_hangs_holds_up_nobody_who_logs() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        // Bound and never read: it takes as many entries as the kernel keeps for it.
        let _hanging = UnixDatagram::bind(&path).unwrap();
        let sent = Journal::connect_to(&path).unwrap();
        let queue = LogQueue::start(Box::new(move |entry| sent.send(entry)), drop).unwrap();
        let layer = JournalLayer::new(queue.clone());
        let subscriber = tracing_subscriber::Registry::default().with(layer);
        tracing::subscriber::with_default(subscriber, || {
            for number in 0..20_000 {
                tracing::warn!(number, "run claimed");
            }
        });
        assert!(queue.health().lost_lines > 0, "{:?}", queue.health());
    }

    #[test]
    fn a_value_of_several_lines_is_written_with_its_length() {
        let mut entry = Vec::new();
        push(&mut entry, "MESSAGE", "a\nb");
        assert_eq!(entry, b"MESSAGE\n\x03\0\0\0\0\0\0\0a\nb\n");
        let mut entry = Vec::new();
        push(&mut entry, "M", &"ä".repeat(VALUE_BYTES_MAX));
        assert!(entry.len() <= VALUE_BYTES_MAX + 3, "{}", entry.len());
    }
}
