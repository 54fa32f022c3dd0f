//! Text from elsewhere, made fit for a line of output.
//!
//! Titles, comments and summaries come from agents. A control character among them could move the cursor of whoever
//! looks at a list, so none is ever written as it is.

/// `text` as one line: line ends and tabs become blanks, other control characters `\u{fffd}`.
pub fn one_line(text: &str) -> String {
    text.trim()
        .chars()
        .map(|c| if matches!(c, '\n' | '\t' | '\r') { ' ' } else { seen(c) })
        .collect()
}

/// `text` with its line ends and tabs; other control characters become `\u{fffd}`.
pub fn block(text: &str) -> String {
    text.trim_end().chars().map(|c| if matches!(c, '\n' | '\t') { c } else { seen(c) }).collect()
}

/// The first line of `text` that is not blank, of at most `columns` columns.
pub fn first_line(text: &str, columns: usize) -> Option<String> {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(cut(&one_line(line), columns))
}

/// Columns that `text` takes on a terminal.
pub fn width(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// The beginning of `text` that fits into `columns`, with `…` when something is missing.
pub fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut left = columns.saturating_sub(1);
    for c in text.chars() {
        match left.checked_sub(columns_of(c)) {
            Some(rest) => left = rest,
            None => break,
        }
        kept.push(c);
    }
    kept.push('…');
    kept
}

/// `text` with blanks up to `columns`.
pub fn pad(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(missing))
}

fn seen(c: char) -> char {
    // Beside the control characters: those that turn the direction of what follows.
    let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if c.is_control() || turns { '\u{fffd}' } else { c }
}

/// Two columns for the scripts and symbols that terminals draw wide, none for marks that combine with the character
/// before them.
fn columns_of(c: char) -> usize {
    match u32::from(c) {
        0x0300..=0x036f | 0x200b..=0x200f | 0x20d0..=0x20ff | 0xfe00..=0xfe0f | 0xfe20..=0xfe2f => {
            0
        }
        0x1100..=0x115f
        | 0x2e80..=0x303e
        | 0x3041..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1faff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_title_holds_reaches_the_terminal_as_a_command() {
        assert_eq!(
            one_line(" a\nb\tc\u{1b}[2Jd\u{9b}e\u{202e}f "),
            "a b c\u{fffd}[2Jd\u{fffd}e\u{fffd}f"
        );
        assert_eq!(block("a\n\tb\r\n\u{7}"), "a\n\tb\u{fffd}\n\u{fffd}");
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
        ] {
            assert_eq!(cut(given, columns), expected);
        }
        assert_eq!(width(&cut("日本語", 4)), 3);
    }

    #[test]
    fn padding_counts_columns_and_not_bytes() {
        assert_eq!(pad("ü", 3), "ü  ");
        assert_eq!(pad("日", 3), "日 ");
        assert_eq!(pad("long", 2), "long");
    }

    #[test]
    fn the_first_line_is_the_first_that_says_something() {
        assert_eq!(first_line("\n  \n two\nthree", 10).as_deref(), Some("two"));
        assert_eq!(first_line(" \n", 10), None);
    }
}
