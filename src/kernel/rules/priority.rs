//! Words for priorities: the four of the board, and those that other lists have for them.

/// The names that the board itself uses, and what they stand for.
const NAMES: &[(&str, i64)] = &[("low", -10), ("normal", 0), ("high", 10), ("urgent", 100)];

/// Words of other lists, on the same scale.
const OF_LISTS: &[(&str, i64)] = &[
    ("lowest", -100),
    ("trivial", -100),
    ("minor", -10),
    ("medium", 0),
    ("default", 0),
    ("major", 10),
    ("highest", 100),
    ("critical", 100),
    ("blocker", 100),
];

/// What is expected where neither a number nor a word was given.
pub const EXPECTED: &str = "a number, or one of low, normal, high, urgent (-10, 0, 10, 100)";

/// What a name of the board stands for, in any case.
pub fn of_name(word: &str) -> Option<i64> {
    find(NAMES, word)
}

/// What a word of any list stands for, in any case.
pub fn of_word(word: &str) -> Option<i64> {
    of_name(word).or_else(|| find(OF_LISTS, word))
}

fn find(words: &[(&str, i64)], word: &str) -> Option<i64> {
    let found = words.iter().find(|(known, _)| word.eq_ignore_ascii_case(known));
    found.map(|(_, number)| *number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_other_lists_mean_one_of_ours_or_go_beyond_low() {
        for (word, number) in [
            ("low", Some(-10)),
            ("Normal", Some(0)),
            ("HIGH", Some(10)),
            ("urgent", Some(100)),
            ("blocker", Some(100)),
            ("lowest", Some(-100)),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(of_word(word), number, "{word}");
        }
        for (word, number) in NAMES {
            assert!(EXPECTED.contains(word) && EXPECTED.contains(&number.to_string()), "{word}");
        }
    }
}
