//! Secrets of channels, and the filter that takes them out of every text that leaves a sender.

use std::fmt;

use crate::os::run_files::redact::redacted;
use crate::text::log_line;

/// Longest text of an error, in characters. A provider quotes whole requests back.
const ERROR_CHARACTERS_MAX: usize = 300;

/// A value that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Of a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The value, for the one who uses it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// Takes the secrets of a channel out of texts.
#[derive(Clone, Default)]
pub struct Filter {
    values: Vec<String>,
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Filter({} values)", self.values.len())
    }
}

impl Filter {
    /// One that takes these values out, in all their spellings.
    pub fn of(values: impl IntoIterator<Item = String>) -> Self {
        Self { values: values.into_iter().filter(|value| !value.is_empty()).collect() }
    }

    /// The same with further values.
    #[must_use]
    pub fn with(&self, more: impl IntoIterator<Item = String>) -> Self {
        Self::of(self.values.iter().cloned().chain(more))
    }

    /// The text of an error as it may be stored and shown: one line, bounded, without a secret.
    pub fn error(&self, text: &str) -> String {
        let clean = redacted(text, &self.values);
        let line = log_line::message(clean.trim());
        match line.char_indices().nth(ERROR_CHARACTERS_MAX) {
            Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
            None => line,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_of_bounded_length_without_the_secret() {
        let filter = Filter::of(["123456:SENTINEL".to_owned(), String::new()]);
        let text =
            filter.error("cannot POST https://h/bot123456:SENTINEL/x\nbot123456%3ASENTINEL ");
        assert!(!text.contains("SENTINEL") && !text.contains('\n'), "{text}");
        assert!(text.starts_with("cannot POST https://h/bot[redacted]/x"), "{text}");
        let long = filter.error(&"ü".repeat(1_000));
        assert_eq!(long.chars().count(), ERROR_CHARACTERS_MAX + 1);
        assert_eq!(format!("{:?}{filter:?}", Secret::new("SENTINEL")), "[secret]Filter(1 values)");
        let more = filter.with(["other-one".to_owned()]).error("other-one and 123456:SENTINEL");
        assert_eq!(more, "[redacted] and [redacted]");
    }
}
