//! The passage of a document in which the words stand, at a cost that grows with the text that is looked at and nothing else.
//!
//! The index has a function for that, whose cost grows with the square of the hits in a document: it is used only where there are
//! few. Elsewhere the passage is looked for here, in the beginning of each text, by plain comparison of lower-case words.

use super::words::Words;

/// Tokens of a passage.
const TOKENS: usize = 12;

/// Tokens before the first hit of a passage.
const TOKENS_BEFORE: usize = 2;

/// Hits in a text that are considered.
const HITS_MAX: usize = 1_000;

/// Hits up to which the index's own function is quick.
const FEW_HITS: usize = 256;

/// Bytes of a text in which a passage is looked for.
pub(super) const LOOKED_AT_BYTES: usize = 64 * 1024;

/// Whether a document of so many bytes has room for few hits only.
pub(super) fn is_short(bytes: u32) -> bool {
    bytes as usize <= 2 * FEW_HITS
}

/// Whether the words can have only few hits in these texts. A token that is not plain ASCII counts as one: the index may take its
/// letters for others.
pub(super) fn has_few_hits(texts: &[String], words: &Words) -> bool {
    let may_hit = |token: &Token<'_>| !token.text.is_ascii() || words.matches(token.text);
    let hits = texts.iter().flat_map(|text| tokens(text)).filter(may_hit);
    hits.take(FEW_HITS + 1).count() <= FEW_HITS
}

/// The best passage of these texts, with the words between `[` and `]`; none when they do not stand there.
pub(super) fn find(texts: &[String], words: &Words) -> Option<String> {
    let found = texts.iter().filter_map(|text| best(text, words));
    // Of equals the first is taken.
    found
        .reduce(|best, other| if other.words > best.words { other } else { best })
        .map(|it| it.text)
}

/// A token of a text.
struct Token<'t> {
    begin: usize,
    text: &'t str,
}

fn tokens(text: &str) -> impl Iterator<Item = Token<'_>> {
    let beginning = beginning(text);
    beginning.split(|c: char| !c.is_alphanumeric()).filter(|token| !token.is_empty()).map(|token| {
        Token { begin: token.as_ptr().addr() - beginning.as_ptr().addr(), text: token }
    })
}

/// As much of a text as is looked at, in whole characters.
fn beginning(text: &str) -> &str {
    let mut end = LOOKED_AT_BYTES.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or(text)
}

struct Passage {
    /// How many different words stand in it.
    words: usize,
    text: String,
}

fn best(text: &str, words: &Words) -> Option<Passage> {
    let tokens: Vec<Token<'_>> = tokens(text).collect();
    let hits: Vec<(usize, usize)> = tokens
        .iter()
        .enumerate()
        .filter_map(|(at, token)| Some((at, words.position(token.text)?)))
        .take(HITS_MAX)
        .collect();
    let windows = hits.iter().enumerate().map(|(nth, (at, _))| {
        let within = hits.iter().skip(nth).take_while(|(other, _)| other - at < TOKENS);
        let mut different: Vec<usize> = within.map(|(_, word)| *word).collect();
        different.sort_unstable();
        different.dedup();
        (different.len(), *at)
    });
    let (count, at) = windows.reduce(|best, other| if other.0 > best.0 { other } else { best })?;
    let first = at.saturating_sub(TOKENS_BEFORE);
    Some(Passage { words: count, text: render(text, tokens.get(first..)?, first > 0, words) })
}

fn render(text: &str, tokens: &[Token<'_>], is_cut: bool, words: &Words) -> String {
    let mut out = String::from(if is_cut { "…" } else { "" });
    let mut end = None;
    for token in tokens.iter().take(TOKENS) {
        let between = end.and_then(|end| text.get(end..token.begin));
        out.push_str(between.unwrap_or_default());
        if words.matches(token.text) {
            out.push('[');
            out.push_str(token.text);
            out.push(']');
        } else {
            out.push_str(token.text);
        }
        end = Some(token.begin + token.text.len());
    }
    if tokens.len() > TOKENS {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(texts: &[&str], typed: &str) -> Option<String> {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        find(&texts, &Words::parse(typed).unwrap())
    }

    #[test]
    fn the_passage_with_most_words_is_shown_with_its_words_marked() {
        let long = "zero ".repeat(40);
        for (texts, typed, expected) in [
            (vec!["Migrate the database"], "database", "Migrate the [database]"),
            (
                vec!["no", "first stop every migration"],
                "stop migr*",
                "first [stop] every [migration]",
            ),
            (vec!["one", "Two, THREE!"], "three two", "[Two], [THREE]"),
            (vec!["a-b c"], "a-b", "[a]-[b] c"),
            (vec!["здравствуй мир"], "МИР", "здравствуй [мир]"),
        ] {
            assert_eq!(found(&texts, typed).as_deref(), Some(expected), "{typed}");
        }
        let text = format!("{long}needle {long}");
        let passage = found(&[&text], "needle").unwrap();
        assert_eq!(passage, "…zero zero [needle] zero zero zero zero zero zero zero zero zero…");
        let text = format!("one {long} one two {long}");
        assert!(found(&[&text], "one two").unwrap().contains("[one] [two]"));
        assert_eq!(found(&["nothing"], "other"), None);
    }

    #[test]
    fn many_hits_and_letters_that_may_be_others_are_not_few() {
        let words = Words::parse("a*").unwrap();
        for (text, expected) in [
            ("a b c".to_owned(), true),
            ("b ".repeat(10_000), true),
            ("a ".repeat(FEW_HITS), true),
            ("a ".repeat(FEW_HITS + 1), false),
            ("ä ".repeat(FEW_HITS + 1), false),
        ] {
            assert_eq!(
                has_few_hits(std::slice::from_ref(&text), &words),
                expected,
                "{} bytes",
                text.len()
            );
        }
    }

    #[test]
    fn a_long_text_is_looked_at_in_its_beginning_and_not_cut_in_a_letter() {
        let text = format!("{}needle", "é ".repeat(LOOKED_AT_BYTES));
        assert_eq!(found(&[&text], "needle"), None);
        assert!(found(&[&"é".repeat(LOOKED_AT_BYTES)], "é*").is_some());
    }
}
