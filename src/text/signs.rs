//! Classes of characters: those that end a line, and those that are invisible or change how others are displayed.

/// Class of a character in its context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Displayed as it is.
    Seen,
    /// A line terminator for at least one kind of reader.
    LineEnd,
    /// Invisible, or changes how other characters are displayed: control characters, bidi controls, default ignorable characters
    /// that no script needs in this place.
    Hidden,
}

/// Every character of `text` with its class. CR LF counts as one line end.
pub fn signs(text: &str) -> impl Iterator<Item = (char, Kind)> {
    let mut signs = text.chars().peekable();
    let mut before = None;
    std::iter::from_fn(move || {
        let mut sign = signs.next()?;
        if sign == '\r' && signs.next_if_eq(&'\n').is_some() {
            sign = '\n';
        }
        let kind = kind(before, sign, signs.peek().copied());
        before = Some(sign).filter(|_| kind == Kind::Seen);
        Some((sign, kind))
    })
}

/// The class of `sign` between its neighbours; `before` is none when the preceding character is hidden.
pub fn kind(before: Option<char>, sign: char, after: Option<char>) -> Kind {
    if ends_line(sign) {
        Kind::LineEnd
    } else if !is_ignorable(sign) || is_needed(before, sign, after) {
        Kind::Seen
    } else {
        Kind::Hidden
    }
}

/// Whether `sign` is a line terminator: those of Unicode, and the separators that Python's `splitlines` adds.
pub fn ends_line(sign: char) -> bool {
    matches!(
        sign,
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

/// Control characters, and the characters that Unicode calls default ignorable: they have no glyph.
fn is_ignorable(sign: char) -> bool {
    sign.is_control()
        || matches!(
            sign,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Whether a script needs the ignorable character in this place: in emoji, and between letters of joining scripts.
fn is_needed(before: Option<char>, sign: char, after: Option<char>) -> bool {
    let is_picture = |sign: Option<char>| sign.is_some_and(is_picture);
    let joins = |sign: Option<char>| sign.is_some_and(|sign| matches!(sign, '\u{600}'..='\u{fff}'));
    match sign {
        // Selects the emoji or the text form of the preceding character.
        '\u{fe0e}' | '\u{fe0f}' => {
            is_picture(before) || matches!(before, Some('#' | '*' | '0'..='9' | '©' | '®'))
        }
        '\u{200d}' => {
            // A variation selector may stand between the emoji and the joiner.
            (is_picture(before) || before == Some('\u{fe0f}')) && is_picture(after)
                || joins(before) && joins(after)
        }
        '\u{200c}' => joins(before) && joins(after),
        _ => false,
    }
}

/// Characters that have an emoji form and can be joined.
fn is_picture(sign: char) -> bool {
    matches!(
        sign,
        '\u{203c}'
            | '\u{2049}'
            | '\u{2122}'
            | '\u{2139}'
            | '\u{2190}'..='\u{21ff}'
            | '\u{2300}'..='\u{23ff}'
            | '\u{24c2}'
            | '\u{25a0}'..='\u{27bf}'
            | '\u{2934}'..='\u{2935}'
            | '\u{2b00}'..='\u{2bff}'
            | '\u{3030}'
            | '\u{303d}'
            | '\u{3297}'
            | '\u{3299}'
            | '\u{1f000}'..='\u{1faff}'
    )
}

/// The escaped form of a hidden character: `\u{202e}`.
pub fn shown(sign: char) -> String {
    format!("\\u{{{:x}}}", u32::from(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind> {
        signs(text).map(|(_, kind)| kind).collect()
    }

    #[test]
    fn every_line_end_of_every_reader_is_one() {
        for end in [
            "\n", "\r", "\r\n", "\u{b}", "\u{c}", "\u{1c}", "\u{1d}", "\u{1e}", "\u{85}",
            "\u{2028}", "\u{2029}",
        ] {
            assert_eq!(kinds(end), [Kind::LineEnd], "{end:?}");
        }
        assert_eq!(kinds("\n\r"), [Kind::LineEnd, Kind::LineEnd]);
    }

    #[test]
    fn what_is_not_seen_is_hidden() {
        for sign in [
            '\0',
            '\t',
            '\u{1b}',
            '\u{7f}',
            '\u{9b}',
            '\u{ad}',
            '\u{61c}',
            '\u{200b}',
            '\u{200e}',
            '\u{202e}',
            '\u{2066}',
            '\u{2069}',
            '\u{3164}',
            '\u{feff}',
            '\u{e0041}',
            '\u{e0100}',
        ] {
            assert_eq!(
                kinds(&format!("a{sign}b")),
                [Kind::Seen, Kind::Hidden, Kind::Seen],
                "{sign:?}"
            );
        }
        assert_eq!(shown('\u{202e}'), "\\u{202e}");
    }

    #[test]
    fn what_writing_needs_is_seen_where_it_is_needed_and_nowhere_else() {
        for text in [
            "⚠\u{fe0f}",
            "1\u{fe0f}",
            "👩\u{200d}💻",
            "❤\u{fe0f}\u{200d}🔥",
            "می\u{200c}خواهم",
            "क\u{200d}ष",
        ] {
            assert!(kinds(text).iter().all(|kind| *kind == Kind::Seen), "{text}");
        }
        for text in [
            "a\u{fe0f}",
            "\u{fe0f}",
            "a\u{200d}b",
            "👩\u{200d}",
            "\u{200d}👩",
            "1\u{200d}2",
            "a\u{fe0f}\u{200d}👩",
            "a\u{200c}b",
            "⚠\u{fe0f}\u{fe0f}",
        ] {
            assert!(kinds(text).contains(&Kind::Hidden), "{text:?}");
        }
    }
}
