//! The text of a log line: a message and its fields. The journal and stderr get the same text.

use std::fmt::{self, Write as _};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::text::log_line;

/// The fields of one line.
#[derive(Default)]
pub(super) struct Fields {
    message: String,
    /// Names and raw values, in order.
    pub(super) others: Vec<(&'static str, String)>,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.take(field, format!("{value:?}"));
    }
}

impl Fields {
    /// Those of an event.
    pub(super) fn of(event: &Event<'_>) -> Self {
        let mut fields = Self::default();
        event.record(&mut fields);
        fields
    }

    fn take(&mut self, field: &Field, value: String) {
        match field.name() {
            "message" => self.message = value,
            name => self.others.push((name, value)),
        }
    }

    /// `message name=value …`
    pub(super) fn text(&self) -> String {
        let mut text = log_line::message(&self.message);
        for (name, value) in &self.others {
            // Writing into a string does not fail.
            let _is_written = write!(text, " {name}={}", log_line::value(value)).is_ok();
        }
        text
    }
}

/// Format of lines on stderr: time, level, text.
pub(super) struct OneLine;

impl<S, N> FormatEvent<S, N> for OneLine
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        SystemTime.format_time(&mut writer)?;
        writeln!(writer, " {:>5} {}", event.metadata().level(), Fields::of(event).text())
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt;

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn nobody_forges_a_line_or_a_field() {
        let kept = Kept::default();
        let sink = kept.clone();
        let subscriber = fmt::Subscriber::builder()
            .event_format(OneLine)
            .with_writer(move || sink.clone())
            .finish();
        let forged = "x\r\n2026-01-01T00:00:00.000000Z  INFO run closed run=8 \u{1b}[2J\u{2028}.";
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(run = 7, error = %forged, name = forged, "it failed: {forged}");
        });
        let report = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        let (_, text) = report.split_once(" WARN ").unwrap();
        let quoted = "x\\n2026-01-01T00:00:00.000000Z  INFO run closed run=8 \\u{1b}[2J\\u{2028}.";
        assert_eq!(
            text,
            format!("it failed: {quoted} run=7 error=\"{quoted}\" name=\"{quoted}\"\n")
        );
    }
}
