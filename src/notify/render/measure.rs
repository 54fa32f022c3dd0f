//! Lengths in the unit of each provider, and cuts that a reader can bear. Pure.

use crate::text::signs::{Kind, signs};

/// In what a provider counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// UTF-16 code units.
    Utf16,
    /// Characters.
    Characters,
    /// Bytes of UTF-8.
    Bytes,
}

impl Unit {
    /// The length of a text.
    pub fn length(self, text: &str) -> usize {
        match self {
            Self::Utf16 => text.chars().map(char::len_utf16).sum(),
            Self::Characters => text.chars().count(),
            Self::Bytes => text.len(),
        }
    }
}

/// Writes one character of a text of others so that the provider's markup and mentions do not see it.
pub type Escape = fn(char, &mut String);

/// As it is.
pub fn plain(sign: char, out: &mut String) {
    out.push(sign);
}

/// A text of others, escaped.
pub fn escaped(text: &str, escape: Escape) -> String {
    let mut out = String::with_capacity(text.len());
    text.chars().for_each(|sign| escape(sign, &mut out));
    out
}

/// A text without what is not seen: no control characters, no reversed text, and line ends are line feeds.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (sign, kind) in signs(text.trim()) {
        match kind {
            Kind::Seen => out.push(sign),
            Kind::LineEnd => out.push('\n'),
            Kind::Hidden if sign == '\t' => out.push(' '),
            Kind::Hidden => {}
        }
    }
    out
}

/// The same on one line.
pub fn visible_line(text: &str) -> String {
    visible(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How far back from the limit a gap between words is looked for, in characters.
const WORD_CHARACTERS_MAX: usize = 40;

/// A text with as much of it as fits into `limit`, escaped, and how many characters of it do not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fitted {
    /// What fits.
    pub text: String,
    /// What does not, in characters of the original.
    pub missing: usize,
}

/// Cuts between words where there is a gap near the limit; never inside an emoji of several characters.
pub fn fit(text: &str, limit: usize, unit: Unit, escape: Escape) -> Fitted {
    let characters: Vec<char> = text.chars().collect();
    let mut lengths = Vec::with_capacity(characters.len());
    let mut used = 0_usize;
    let mut buffer = String::new();
    for sign in &characters {
        buffer.clear();
        escape(*sign, &mut buffer);
        used = used.saturating_add(unit.length(&buffer));
        if used > limit {
            break;
        }
        lengths.push(used);
    }
    let fitting = lengths.len();
    let end = if fitting == characters.len() { fitting } else { cut_before(&characters, fitting) };
    let kept = characters.get(..end).unwrap_or_default();
    let mut out = String::new();
    kept.iter().for_each(|sign| escape(*sign, &mut out));
    if end < characters.len() {
        out.truncate(out.trim_end().len());
    }
    Fitted { text: out, missing: characters.len() - end }
}

/// As much of a text as a message takes. A command has shortened its output before, by characters.
pub fn bounded(text: &str, limit: usize, unit: Unit, escape: Escape) -> String {
    const MORE: &str = "\n…";
    let text = visible(text);
    let whole = fit(&text, limit, unit, escape);
    if whole.missing == 0 {
        // A message cannot be empty.
        return if whole.text.is_empty() { "…".to_owned() } else { whole.text };
    }
    let fitted = fit(&text, limit.saturating_sub(unit.length(MORE)), unit, escape);
    format!("{}{MORE}", fitted.text)
}

/// The last good end at or before `limit`.
fn cut_before(characters: &[char], limit: usize) -> usize {
    let at = |index: usize| characters.get(index).copied().unwrap_or(' ');
    let lowest = limit.saturating_sub(WORD_CHARACTERS_MAX);
    let gap = (lowest..=limit).rev().find(|end| at(*end).is_whitespace());
    if let Some(gap) = gap.filter(|gap| *gap > 0) {
        return gap;
    }
    let joins = |sign: char| matches!(sign, '\u{200d}' | '\u{fe0e}' | '\u{fe0f}' | '\u{300}'..='\u{36f}' | '\u{1f3fb}'..='\u{1f3ff}');
    let mut end = limit;
    while end > lowest && (joins(at(end)) || at(end - 1) == '\u{200d}') {
        end -= 1;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_provider_counts_in_its_own_unit() {
        for (text, utf16, characters, bytes) in
            [("abc", 3, 3, 3), ("größe", 5, 5, 7), ("👩‍🔧", 5, 3, 11), ("שלום", 4, 4, 8)]
        {
            assert_eq!(Unit::Utf16.length(text), utf16, "{text}");
            assert_eq!(Unit::Characters.length(text), characters, "{text}");
            assert_eq!(Unit::Bytes.length(text), bytes, "{text}");
        }
    }

    #[test]
    fn what_is_not_seen_is_left_out() {
        assert_eq!(visible(" a\u{202e}b\r\nc\u{0}\td\u{2028}e "), "ab\nc d\ne");
        assert_eq!(visible_line("a\n\n b\u{feff}"), "a b");
        assert_eq!(visible("👩\u{200d}🔧"), "👩\u{200d}🔧");
    }

    #[test]
    fn a_cut_falls_between_words_and_says_what_is_missing() {
        let whole = fit("one two", 7, Unit::Characters, plain);
        assert_eq!(whole, Fitted { text: "one two".into(), missing: 0 });
        let cut = fit("one two three", 9, Unit::Characters, plain);
        assert_eq!(cut, Fitted { text: "one two".into(), missing: 6 });
        let at_gap = fit("one two three", 7, Unit::Characters, plain);
        assert_eq!(at_gap, Fitted { text: "one two".into(), missing: 6 });
        let no_gap = fit(&"x".repeat(100), 60, Unit::Bytes, plain);
        assert_eq!((no_gap.text.len(), no_gap.missing), (60, 40));
        assert_eq!(fit("abc", 0, Unit::Bytes, plain), Fitted { text: String::new(), missing: 3 });
    }

    #[test]
    fn a_cut_never_divides_what_is_one_sign() {
        // Each of them takes two units of UTF-16, so an odd limit falls inside one.
        let cut = fit(&"😀".repeat(50), 61, Unit::Utf16, plain);
        assert_eq!((Unit::Utf16.length(&cut.text), cut.missing), (60, 20));
        let joined = format!("{}👩\u{200d}🔧", "x".repeat(50));
        for limit in 51..=54 {
            let cut = fit(&joined, limit, Unit::Utf16, plain);
            assert!(!cut.text.ends_with('\u{200d}'), "{limit}: {:?}", cut.text);
            assert!(Unit::Utf16.length(&cut.text) <= limit);
        }
        let doubled: Escape = |sign, out| {
            out.push('\\');
            out.push(sign);
        };
        let cut = fit(&"*".repeat(50), 61, Unit::Characters, doubled);
        assert_eq!((cut.text.len(), cut.missing), (60, 20), "no half of an escape");
    }
}
