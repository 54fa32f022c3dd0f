//! Untrusted text on the Markdown page that an agent reads.
//!
//! Text of several lines is quoted ([`quoted`], [`log`]): every line begins with `> `, whatever terminates it. Text of one line
//! ([`line()`], [`name`], [`code`]) follows words of the page. Untrusted text therefore never begins a line of the page, and
//! cannot forge a heading, another author or the end of a fence. Hidden characters are escaped (`\u{202e}`), not removed, so
//! that the agent sees that they were there.

use super::sequences::without_drawing;
use super::signs::{Kind, shown, signs};

/// `text` as a part of a line: line ends and tabs become blanks.
pub fn line(text: &str) -> String {
    short_line(text, usize::MAX)
}

/// The same as [`line()`], of `limit` characters at most, with the number of the omitted ones.
pub fn short_line(text: &str, limit: usize) -> String {
    clean(text.trim(), limit, |sign, kind| match kind {
        Kind::LineEnd => Some(' '),
        Kind::Hidden => (sign == '\t').then_some(' '),
        Kind::Seen => Some(sign),
    })
}

/// A name inside of markup: one line, with asterisks, backticks and backslashes escaped by a backslash.
pub fn name(text: &str) -> String {
    let mut out = String::new();
    for (sign, kind) in signs(text.trim()) {
        match kind {
            Kind::LineEnd => out.push(' '),
            Kind::Hidden => out.push_str(&shown(sign)),
            Kind::Seen => {
                if matches!(sign, '*' | '`' | '\\') {
                    out.push('\\');
                }
                out.push(sign);
            }
        }
    }
    out
}

/// Text of several lines as a quote, of `limit` characters at most, with the number of the omitted ones.
pub fn quoted(text: &str, limit: usize) -> String {
    let text = block(text.trim(), limit);
    let quote = |line: &str| if line.is_empty() { ">".to_owned() } else { format!("> {line}") };
    text.split('\n').map(quote).collect::<Vec<_>>().join("\n")
}

/// A passage of a log as a quote with a fence inside, so that renderers keep its layout. Colours are removed.
pub fn log(text: &str, limit: usize) -> String {
    let text = block(without_drawing(text).trim(), limit);
    let fence = "`".repeat((longest_run(&text, '`') + 1).max(3));
    let lines: Vec<String> = text.split('\n').map(|line| format!("> {line}")).collect();
    format!("> {fence}\n{}\n> {fence}", lines.join("\n"))
}

/// A value as inline code, of `limit` characters at most. Backticks in it do not end it.
pub fn code(text: &str, limit: usize) -> String {
    let text = short_line(text, limit);
    let fence = "`".repeat(longest_run(&text, '`') + 1);
    // Adjacent backticks would form one longer fence.
    let touches = text.is_empty() || text.starts_with('`') || text.ends_with('`');
    let blank = if touches { " " } else { "" };
    format!("{fence}{blank}{text}{blank}{fence}")
}

/// Text with line ends of one kind and with tabs.
fn block(text: &str, limit: usize) -> String {
    clean(text, limit, |sign, kind| match kind {
        Kind::LineEnd => Some('\n'),
        Kind::Hidden => (sign == '\t').then_some('\t'),
        Kind::Seen => Some(sign),
    })
}

/// Replaces each character by what `write` returns for it, escapes those for which it returns none, stops at `limit` characters and
/// appends the number of the omitted ones.
fn clean(text: &str, limit: usize, write: impl Fn(char, Kind) -> Option<char>) -> String {
    let mut out = String::new();
    let (mut length, mut omitted) = (0, 0);
    for (sign, kind) in signs(text) {
        let written = write(sign, kind);
        let long = written.is_none().then(|| shown(sign));
        let more = long.as_ref().map_or(1, String::len);
        if omitted > 0 || length + more > limit {
            omitted += 1;
            continue;
        }
        length += more;
        match (written, long) {
            (Some(sign), _) => out.push(sign),
            (None, long) => out.push_str(&long.unwrap_or_default()),
        }
    }
    if omitted > 0 {
        out.push_str(&format!("… [truncated, {omitted} chars omitted]"));
    }
    out
}

fn longest_run(text: &str, of: char) -> usize {
    let (mut longest, mut current) = (0, 0);
    for sign in text.chars() {
        current = if sign == of { current + 1 } else { 0 };
        longest = longest.max(current);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_text_says_how_much_is_missing() {
        assert_eq!(short_line("  abc ", 3), "abc");
        assert_eq!(short_line("abcdef", 3), "abc… [truncated, 3 chars omitted]");
        assert_eq!(quoted("a\u{202e}b", 5), "> a… [truncated, 2 chars omitted]");
    }

    #[test]
    fn every_line_of_a_quotation_is_marked_whatever_ends_its_lines() {
        assert_eq!(quoted("a\n\n# b", 99), "> a\n>\n> # b");
        for end in ["\r\n", "\r", "\u{b}", "\u{c}", "\u{1e}", "\u{85}", "\u{2028}", "\u{2029}"] {
            let text = format!("a{end}## b");
            assert_eq!(quoted(&text, 99), "> a\n> ## b", "{end:?}");
            assert_eq!(log(&text, 99), "> ```\n> a\n> ## b\n> ```", "{end:?}");
            assert_eq!(line(&text), "a ## b", "{end:?}");
            assert_eq!(code(&text, 99), "`a ## b`", "{end:?}");
        }
    }

    #[test]
    fn what_is_not_seen_is_written_out() {
        assert_eq!(line("a\u{202e}b\u{200b}c\td\0"), "a\\u{202e}b\\u{200b}c d\\u{0}");
        assert_eq!(quoted("\ta\u{feff}b", 99), "> a\\u{feff}b");
        assert_eq!(quoted("a\n\tb ⚠\u{fe0f}", 99), "> a\n> \tb ⚠\u{fe0f}");
        assert_eq!(
            log("\u{1b}[1mred\u{1b}[0m\u{1b}]0;x\u{7}", 99),
            "> ```\n> red\\u{1b}]0;x\\u{7}\n> ```"
        );
    }

    #[test]
    fn neither_a_fence_nor_code_nor_bold_is_ended_by_what_it_holds() {
        assert!(log("a ``` b", 99).starts_with("> ````\n"));
        assert_eq!(code("a`b", 99), "``a`b``");
        assert_eq!(code("`a", 99), "`` `a ``");
        assert_eq!(code("", 99), "`  `");
        assert_eq!(name("a** (now):`"), r"a\*\* (now):\`");
        assert_eq!(name("a\\*\u{202e}"), r"a\\\*\u{202e}");
    }
}
