//! Terminal sequences that only draw: colours and cursor movement. They are removed from logs to keep the text readable.
//!
//! Recognized are CSI (`ESC [ … letter`) and character set selection (`ESC ( B`). Sequences with a string (titles, links, the
//! clipboard) are not removed: a string without a terminator would hide everything after it.

/// Longest sequence, characters; a longer one is treated as text.
const CHARS_MAX: usize = 64;

/// What a text begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sequence {
    /// A complete sequence, with its length in bytes.
    Whole(usize),
    /// The beginning of a possible sequence.
    Open,
    /// No sequence.
    None,
}

/// The sequence at the beginning of `text`.
pub fn sequence_at(text: &str) -> Sequence {
    let mut signs = text.char_indices().take(CHARS_MAX);
    let Some((_, first)) = signs.next() else { return Sequence::None };
    let is_open = text.chars().take(CHARS_MAX).count() < CHARS_MAX;
    let open = || if is_open { Sequence::Open } else { Sequence::None };
    let second = match first {
        '\u{9b}' => '[',
        '\u{1b}' => match signs.next() {
            Some((_, second)) => second,
            None => return open(),
        },
        _ => return Sequence::None,
    };
    let is_csi = second == '[';
    if !is_csi && !matches!(second, ' '..='/') {
        return Sequence::None;
    }
    for (at, sign) in signs {
        match sign {
            ' '..='?' if is_csi => {}
            ' '..='/' => {}
            '@'..='~' if is_csi => return Sequence::Whole(at + 1),
            '0'..='~' => return Sequence::Whole(at + 1),
            _ => return Sequence::None,
        }
    }
    open()
}

/// `text` without sequences that only draw.
pub fn without_drawing(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\u{1b}', '\u{9b}']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let length = match sequence_at(from) {
            Sequence::Whole(length) => length,
            Sequence::Open | Sequence::None => {
                let sign = from.chars().next();
                out.extend(sign);
                sign.map_or(0, char::len_utf8)
            }
        };
        rest = from.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawing_goes_and_everything_else_stays() {
        for (given, expected) in [
            ("a\u{1b}[1;31mb\u{1b}[0mc", "abc"),
            ("\u{9b}2Jx", "x"),
            ("\u{1b}[?25l\u{1b}(Bx", "x"),
            ("\u{1b}]0;title\u{7}x", "\u{1b}]0;title\u{7}x"),
            ("\u{1b}[1;31", "\u{1b}[1;31"),
            ("\u{1b}[1\u{1b}[0mx", "\u{1b}[1x"),
            ("\u{1b}cx", "\u{1b}cx"),
            ("\u{1b}", "\u{1b}"),
            ("\u{1b}[ä", "\u{1b}[ä"),
        ] {
            assert_eq!(without_drawing(given), expected, "{given:?}");
        }
        let long = format!("\u{1b}[{}m", "1;".repeat(100));
        assert_eq!(without_drawing(&long), long);
        assert_eq!(sequence_at(&long), Sequence::None);
        assert_eq!(sequence_at("\u{1b}[1"), Sequence::Open);
    }
}
