//! Kinds of events by what a person types. Pure.

use crate::kernel::event::EventKind;
use crate::text::nearest::nearest;

/// Kinds that are named beside one that is unknown.
const NEAR_MAX: usize = 3;

/// The kind of this name.
pub fn kind_of(name: &str) -> Option<EventKind> {
    EventKind::ALL.iter().copied().find(|kind| kind.as_str() == name)
}

/// Kinds that were probably meant: a slip first, then those that share the word; every kind when there is none.
pub fn near_kinds(word: &str) -> Vec<&'static str> {
    let word = word.trim().to_lowercase();
    let names = || EventKind::ALL.iter().map(|kind| kind.as_str());
    let shares = |name: &&str| !word.is_empty() && (name.contains(&word) || word.contains(*name));
    let mut near: Vec<&'static str> = nearest(&word, names()).into_iter().collect();
    near.extend(names().filter(shares).filter(|name| !near.contains(name)).collect::<Vec<_>>());
    near.truncate(NEAR_MAX);
    if near.is_empty() { names().collect() } else { near }
}

/// What helps with a kind that does not exist.
pub fn hint(word: &str) -> String {
    let near = near_kinds(word);
    match near.len() {
        1..=NEAR_MAX => format!("did you mean {}?", near.join(" or ")),
        _ => format!("kinds: {}", near.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_kinds_are_named_and_all_where_none_is_near() {
        for (word, expected) in [
            ("complete", &["completed"][..]),
            ("Compelted", &["completed"]),
            ("claim", &["claimed"]),
            ("assignd", &["assigned"]),
        ] {
            assert_eq!(near_kinds(word)[..expected.len()], *expected, "{word}");
        }
        assert_eq!(near_kinds("nosuch").len(), EventKind::ALL.len());
        assert_eq!(near_kinds("").len(), EventKind::ALL.len());
        assert_eq!(hint("complted"), "did you mean completed?");
        assert!(hint("nosuch").starts_with("kinds: created "));
        for kind in EventKind::ALL {
            assert_eq!(kind_of(kind.as_str()), Some(*kind));
        }
        assert_eq!(kind_of("Created"), None);
    }
}
