//! Untrusted text in a line of the daemon's log: one event is one line, and its fields are those that the program named.
//!
//! `message name=value name="a value of several words"`: a value that is not one plain word is quoted, and hidden characters are
//! escaped.

use crate::text::signs::{Kind, shown, signs};

/// A message, or a value without quotes, as a part of one line.
pub fn message(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (sign, kind) in signs(text.trim_end()) {
        push(&mut out, sign, kind);
    }
    out
}

/// The value of a field: unchanged when it is one plain word, else quoted.
pub fn value(text: &str) -> String {
    let is_plain = |(sign, kind): (char, Kind)| {
        kind == Kind::Seen && !sign.is_whitespace() && !matches!(sign, '"' | '\\' | '=')
    };
    if !text.is_empty() && signs(text).all(is_plain) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for (sign, kind) in signs(text) {
        if matches!(sign, '"' | '\\') {
            out.push('\\');
        }
        push(&mut out, sign, kind);
    }
    out.push('"');
    out
}

fn push(out: &mut String, sign: char, kind: Kind) {
    match (kind, sign) {
        (Kind::Seen, _) => out.push(sign),
        (_, '\n') => out.push_str("\\n"),
        (_, '\t') => out.push_str("\\t"),
        (Kind::LineEnd | Kind::Hidden, _) => out.push_str(&shown(sign)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_one_word_or_one_quotation() {
        for (given, expected) in [
            ("t_1", "t_1"),
            ("/home/a-b/c.toml", "/home/a-b/c.toml"),
            ("größe", "größe"),
            ("", "\"\""),
            ("two words", "\"two words\""),
            ("x run=7", "\"x run=7\""),
            ("run=7", "\"run=7\""),
            ("a\"b", "\"a\\\"b\""),
            ("a\\", "\"a\\\\\""),
            ("a\nb\r\nc\rd\u{2028}e", "\"a\\nb\\nc\\u{d}d\\u{2028}e\""),
            ("a\u{a0}run=7", "\"a\u{a0}run=7\""),
            ("\u{1b}[2J", "\"\\u{1b}[2J\""),
        ] {
            assert_eq!(value(given), expected, "{given:?}");
        }
    }

    #[test]
    fn a_message_is_one_line() {
        assert_eq!(
            message("a b\n2026-01-01 ERROR c\u{202e}\n"),
            "a b\\n2026-01-01 ERROR c\\u{202e}"
        );
    }
}
