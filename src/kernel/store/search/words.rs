//! The words of a query, quoted for the index. They are never syntax of the index, and their number is limited: the cost of a
//! search grows with its words times its hits.

use crate::kernel::error::Refusal;
use crate::kernel::limits::{
    SEARCH_PREFIXES_MAX, SEARCH_TEXT_BYTES_MAX, SEARCH_TOKENS_MAX, SEARCH_WORDS_MAX,
};
use crate::kernel::shorten::shorten;

/// The words of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    words: Vec<Word>,
}

impl Words {
    /// Takes apart a query: every word must occur, a `*` at its end stands for any rest. A word that is typed twice
    /// counts once.
    ///
    /// # Errors
    /// [`Refusal`]: there is no word, or there are too many.
    pub fn parse(typed: &str) -> Result<Self, Refusal> {
        if typed.len() > SEARCH_TEXT_BYTES_MAX {
            let (field, actual) = ("text", typed.len());
            return Err(Refusal::TooLarge { field, actual, limit: SEARCH_TEXT_BYTES_MAX });
        }
        let mut words: Vec<Word> = Vec::new();
        for word in typed.split_whitespace().filter_map(Word::of) {
            if !words.iter().any(|other| other.is_same(&word)) {
                words.push(word);
            }
        }
        if words.is_empty() {
            let problem = "has no word to search for";
            return Err(Refusal::InvalidValue { field: "text", problem, value: shorten(typed) });
        }
        let prefixes = words.iter().filter(|word| word.is_prefix).count();
        let tokens: usize = words.iter().map(|word| word.tokens.len()).sum();
        for (actual, limit, problem) in [
            (words.len(), SEARCH_WORDS_MAX, "has too many words"),
            (tokens, SEARCH_TOKENS_MAX, "has too many parts of words"),
            (prefixes, SEARCH_PREFIXES_MAX, "has too many words that end with `*`"),
        ] {
            if actual > limit {
                let value = format!("{actual}, maximum {limit}");
                return Err(Refusal::InvalidValue { field: "text", problem, value });
            }
        }
        Ok(Self { words })
    }

    /// What the index is asked for.
    pub fn expression(&self) -> String {
        self.words.iter().map(Word::quoted).collect::<Vec<_>>().join(" ")
    }

    /// The number of the word that a token of a text is, or a part of.
    pub(super) fn position(&self, token: &str) -> Option<usize> {
        self.words.iter().position(|word| word.has(token))
    }

    /// Whether a token of a text is one of the words, or a part of one.
    pub(super) fn matches(&self, token: &str) -> bool {
        self.position(token).is_some()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Word {
    text: String,
    /// What the index makes of it, in lower case: `a-b` is two.
    tokens: Vec<String>,
    is_prefix: bool,
}

impl Word {
    /// None when nothing in it can be found.
    fn of(typed: &str) -> Option<Self> {
        let (text, is_prefix) = match typed.strip_suffix('*') {
            Some(stem) => (stem, true),
            None => (typed, false),
        };
        let text = text.replace('"', "");
        let parts = text.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
        let tokens: Vec<String> = parts.map(str::to_lowercase).collect();
        (!tokens.is_empty()).then_some(Self { text, tokens, is_prefix })
    }

    fn is_same(&self, other: &Self) -> bool {
        self.is_prefix == other.is_prefix && self.tokens == other.tokens
    }

    /// Whether a token is a part of it.
    fn has(&self, token: &str) -> bool {
        let last = self.tokens.last().filter(|_| self.is_prefix);
        self.tokens.iter().any(|part| is_same(part, token))
            || last.is_some_and(|part| begins_with(token, part))
    }

    fn quoted(&self) -> String {
        format!("\"{}\"{}", self.text, if self.is_prefix { "*" } else { "" })
    }
}

/// Whether a token is that word in lower case. Plain ones are compared as they are: there are many.
fn is_same(lower: &str, token: &str) -> bool {
    if token.is_ascii() { lower.eq_ignore_ascii_case(token) } else { lower == token.to_lowercase() }
}

fn begins_with(token: &str, lower: &str) -> bool {
    if token.is_ascii() {
        token.get(..lower.len()).is_some_and(|head| lower.eq_ignore_ascii_case(head))
    } else {
        token.to_lowercase().starts_with(lower)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expression(typed: &str) -> Option<String> {
        Words::parse(typed).ok().map(|words| words.expression())
    }

    #[test]
    fn typed_words_cannot_be_syntax() {
        for (typed, expected) in [
            ("two words", Some("\"two\" \"words\"")),
            ("pre*", Some("\"pre\"*")),
            ("a OR b", Some("\"a\" \"OR\" \"b\"")),
            ("\"quoted", Some("\"quoted\"")),
            ("title:x", Some("\"title:x\"")),
            ("  ", None),
            ("* - \"", None),
        ] {
            assert_eq!(expression(typed).as_deref(), expected, "{typed:?}");
        }
    }

    #[test]
    fn a_word_counts_once_however_often_it_is_typed() {
        assert_eq!(expression(&"a ".repeat(2000)).unwrap(), "\"a\"");
        assert_eq!(expression("a A a* A*").unwrap(), "\"a\" \"a\"*");
    }

    #[test]
    fn words_parts_prefixes_and_bytes_are_bounded() {
        let words = |count: usize, end: &str| -> String {
            (0..count).map(|number| format!("w{number}{end} ")).collect()
        };
        for (typed, is_taken) in [
            (words(SEARCH_WORDS_MAX, ""), true),
            (words(SEARCH_WORDS_MAX + 1, ""), false),
            (words(SEARCH_PREFIXES_MAX, "*"), true),
            (words(SEARCH_PREFIXES_MAX + 1, "*"), false),
            ("a-".repeat(SEARCH_TOKENS_MAX), true),
            ("a-".repeat(SEARCH_TOKENS_MAX + 1), false),
            ("x".repeat(SEARCH_TEXT_BYTES_MAX), true),
            ("x".repeat(SEARCH_TEXT_BYTES_MAX + 1), false),
        ] {
            assert_eq!(expression(&typed).is_some(), is_taken, "{} bytes", typed.len());
        }
    }
}
