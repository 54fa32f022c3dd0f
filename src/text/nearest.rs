//! Which known word was probably meant.

/// The one of `known` that is closest to `word`, when it is close enough to be a slip: one edit for every
/// three letters, at least one and at most four. On a tie the first wins.
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let word = word.to_lowercase();
    let allowed_edits = (word.chars().count() / 3).clamp(1, 4);
    known
        .into_iter()
        .map(|candidate| (edit_count(&word, &candidate.to_lowercase()), candidate))
        .filter(|(edits, _)| *edits <= allowed_edits)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// More edits than any word has letters.
const EDITS_MAX: usize = usize::MAX / 2;

/// Insertions, deletions, replacements and swaps of neighbours that lead from `left` to `right` (optimal string
/// alignment), by rows.
fn edit_count(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    let mut above_that: Option<(char, Vec<usize>)> = None;
    for (left_at, left_char) in left.chars().enumerate() {
        let mut row = vec![left_at + 1];
        for (right_at, right_char) in right.iter().enumerate() {
            // Every column asked for exists; the bound only spares an index that could panic.
            let at = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(EDITS_MAX);
            let replaced = at(&above, right_at) + usize::from(left_char != *right_char);
            let deleted = at(&above, right_at + 1) + 1;
            let inserted = at(&row, right_at) + 1;
            let mut fewest = replaced.min(deleted).min(inserted);
            let before = right_at.checked_sub(1);
            if let (Some((left_before, two_above)), Some(before)) = (&above_that, before)
                && right.get(before) == Some(&left_char)
                && left_before == right_char
            {
                fewest = fewest.min(at(two_above, before) + 1);
            }
            row.push(fewest);
        }
        above_that = Some((left_char, std::mem::replace(&mut above, row)));
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 5] = ["max_running", "max_runtime", "ttl", "grace", "enabled"];

    #[test]
    fn a_slip_finds_the_word_and_another_word_does_not() {
        let table = [
            ("max_runing", Some("max_running")),
            ("max_runtimes", Some("max_runtime")),
            ("MAX_RUNNING", Some("max_running")),
            ("maxrunning", Some("max_running")),
            ("tt", Some("ttl")),
            ("grrace", Some("grace")),
            ("enable", Some("enabled")),
            ("ttl", Some("ttl")),
            ("garce", Some("grace")),
            ("colour", None),
            ("x", None),
            ("", None),
        ];
        for (word, expected) in table {
            assert_eq!(nearest(word, KNOWN), expected, "{word:?}");
        }
    }

    #[test]
    fn edits_are_counted() {
        let table = [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("ü", "u", 1),
            ("abcd", "acbd", 1),
            ("ab", "ba", 1),
            ("abab", "baba", 2),
        ];
        for (left, right, expected) in table {
            assert_eq!(edit_count(left, right), expected, "{left:?} {right:?}");
            assert_eq!(edit_count(right, left), expected, "{right:?} {left:?}");
        }
    }
}
