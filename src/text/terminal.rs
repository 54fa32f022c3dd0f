//! Untrusted text on a terminal, and in all other output of commands.
//!
//! A control character could move the cursor, set the clipboard or make the terminal send an answer; a bidi control reorders the
//! displayed words. Each hidden character is replaced by `\u{fffd}`.

mod stream;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::signs::{Kind, ends_line, signs};

pub use stream::Stream;

/// Replacement of a hidden character.
pub const HIDDEN: char = '\u{fffd}';

/// Most combining marks on one character. More would overlap the lines above and below.
const MARKS_MAX: usize = 4;

/// `text` as one line: line ends and tabs become blanks.
pub fn one_line(text: &str) -> String {
    rewritten(text.trim(), |sign| match sign {
        '\n' | '\r' | '\t' => Some(' '),
        _ => None,
    })
}

/// `text` with its line ends and tabs.
pub fn block(text: &str) -> String {
    lines(text.trim_end())
}

/// `text` with its line ends and tabs, and with the blanks at its end; every line of output passes through it last.
pub fn lines(text: &str) -> String {
    rewritten(text, |sign| matches!(sign, '\n' | '\t').then_some(sign))
}

/// A whole log, as [`Stream`] shows it.
pub fn log(bytes: &[u8]) -> String {
    let mut stream = Stream::default();
    let mut out = stream.push(bytes);
    out.push_str(&stream.finish());
    out
}

/// The first line of `text` that is not blank, of at most `columns` columns.
pub fn first_line(text: &str, columns: usize) -> Option<String> {
    let line = text.split(ends_line).map(str::trim).find(|line| !line.is_empty())?;
    Some(cut(&one_line(line), columns))
}

/// Columns that `text` takes on a terminal.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The beginning of `text` that fits into `columns`, with `…` when something is missing.
pub fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    for sign in text.chars() {
        kept.push(sign);
        if width(&kept) > columns.saturating_sub(1) {
            kept.pop();
            break;
        }
    }
    kept.push('…');
    kept
}

/// `text` with blanks up to `columns`.
pub fn pad(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(missing))
}

/// `text` without hidden characters; `keep` returns what replaces a line end or hidden character, none for [`HIDDEN`].
fn rewritten(text: &str, keep: impl Fn(char) -> Option<char>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut marks = 0;
    for (sign, kind) in signs(text) {
        let shown = match kind {
            Kind::Seen => sign,
            Kind::LineEnd | Kind::Hidden => keep(sign).unwrap_or(HIDDEN),
        };
        marks = if shown.width() == Some(0) { marks + 1 } else { 0 };
        if marks <= MARKS_MAX {
            out.push(shown);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_title_holds_reaches_the_terminal_as_a_command() {
        assert_eq!(
            one_line(" a\nb\tc\u{1b}[2Jd\u{9b}e\u{202e}f\u{200b}g\u{2028}h "),
            "a b c\u{fffd}[2Jd\u{fffd}e\u{fffd}f\u{fffd}g\u{fffd}h"
        );
        assert_eq!(block("a\n\tb\r\n\u{7}c\rd\n"), "a\n\tb\n\u{fffd}c\u{fffd}d");
        assert_eq!(lines("a \n"), "a \n");
    }

    #[test]
    fn what_is_cut_fits_and_says_that_it_was_cut() {
        for (given, columns, expected) in [
            ("abcdef", 6, "abcdef"),
            ("abcdef", 5, "abcd…"),
            ("日本語", 6, "日本語"),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
            ("abc", 0, "…"),
            ("👩\u{200d}💻 x", 3, "👩\u{200d}💻…"),
        ] {
            assert_eq!(cut(given, columns), expected);
        }
        assert_eq!(width(&cut("日本語", 4)), 3);
    }

    #[test]
    fn padding_counts_columns_and_not_bytes() {
        assert_eq!(pad("ü", 3), "ü  ");
        assert_eq!(pad("u\u{308}", 3), "u\u{308}  ");
        assert_eq!(pad("日", 3), "日 ");
        assert_eq!(pad("long", 2), "long");
    }

    #[test]
    fn marks_do_not_pile_up() {
        let piled = format!("a{}b", "\u{301}".repeat(50));
        assert_eq!(one_line(&piled), format!("a{}b", "\u{301}".repeat(MARKS_MAX)));
    }

    #[test]
    fn the_first_line_is_the_first_that_says_something() {
        assert_eq!(first_line("\n  \n two\nthree", 10).as_deref(), Some("two"));
        assert_eq!(first_line("one\rtwo", 10).as_deref(), Some("one"));
        assert_eq!(first_line(" \n", 10), None);
    }
}
