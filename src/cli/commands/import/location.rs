//! Where in a file something stands: line and column, and what they are of the parts of a JSON text.

/// A line and a column, counted from 1; a column is a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Located {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// A text whose lines can be told from offsets into it.
pub(super) struct Text<'t> {
    pub(super) text: &'t str,
    /// Where each line begins.
    starts: Vec<usize>,
}

impl<'t> Text<'t> {
    /// Looks for the lines of a text.
    pub(super) fn new(text: &'t str) -> Self {
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(0).chain(ends).collect() }
    }

    /// The line and the column of what stands behind `offset` bytes.
    pub(super) fn at(&self, offset: usize) -> Located {
        let line = self.starts.partition_point(|start| *start <= offset).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or_default();
        let before = self.text.get(start..offset).unwrap_or_default();
        Located { line, column: before.chars().count() + 1 }
    }
}

impl Located {
    /// An error there, in one line.
    pub(super) fn says(self, problem: &str) -> String {
        format!("line {}, column {}: {problem}", self.line, self.column)
    }
}

/// What is wrong with a JSON text, without the place that serde puts behind it.
pub(super) fn json_problem(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let end = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&end).map_or_else(|| text.clone(), str::to_owned)
}

/// A part of an array or an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part<'t> {
    /// Its key in an object, as it is written.
    pub(super) key: Option<&'t str>,
    /// Where its value begins in the text.
    pub(super) at: usize,
}

/// The parts of the JSON array or object at the beginning of `text`, which is known to be valid.
pub(super) fn parts(text: &str) -> Vec<Part<'_>> {
    let mut found = Vec::new();
    let (mut depth, mut key, mut awaits_value) = (0_usize, None, false);
    let mut is_object = false;
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        if character.is_ascii_whitespace() {
            continue;
        }
        let is_value = depth == 1 && awaits_value && !matches!(character, ']' | '}' | ',' | ':');
        if is_value {
            found.push(Part { key: key.take(), at });
            awaits_value = false;
        }
        match character {
            '{' | '[' => {
                if depth == 0 {
                    is_object = character == '{';
                    awaits_value = !is_object;
                }
                depth += 1;
            }
            '}' | ']' if depth <= 1 => break,
            '}' | ']' => depth -= 1,
            ',' if depth == 1 => awaits_value = !is_object,
            ':' if depth == 1 => awaits_value = true,
            '"' => {
                let end = end_of_string(&mut characters).unwrap_or(text.len());
                if depth == 1 && is_object && !is_value {
                    key = text.get(at + 1..end);
                }
            }
            _ => {}
        }
    }
    found
}

/// Passes over the rest of a string; returns where its closing quote is.
fn end_of_string(characters: &mut std::str::CharIndices<'_>) -> Option<usize> {
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            '"' => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_line_and_a_character_of_it() {
        let text = "ab\näöx";
        for (offset, expected) in [(0, (1, 1)), (2, (1, 3)), (3, (2, 1)), (7, (2, 3))] {
            let Located { line, column } = Text::new(text).at(offset);
            assert_eq!((line, column), expected, "{offset}");
        }
    }

    #[test]
    fn the_parts_of_a_json_text_are_where_they_begin() {
        for (text, expected) in [
            ("[]", vec![]),
            ("[1, [2,3], {\"a\":4}]", vec![(None, "1"), (None, "[2"), (None, "{\"")]),
            ("[\"a,b\", \"c\\\"]\"]", vec![(None, "\"a"), (None, "\"c")]),
            ("{\"a\" : {\"b\":1}, \"c\":\"d:e\"}", vec![(Some("a"), "{\""), (Some("c"), "\"d")]),
            (" {\"a\":[1,\n{}],\n\"b\":null}", vec![(Some("a"), "[1"), (Some("b"), "nu")]),
        ] {
            let found: Vec<(Option<&str>, &str)> =
                parts(text).iter().map(|part| (part.key, &text[part.at..])).collect();
            assert_eq!(found.len(), expected.len(), "{text}");
            for ((key, rest), (expected_key, begins)) in found.iter().zip(&expected) {
                assert!(key == expected_key && rest.starts_with(begins), "{text}: {found:?}");
            }
        }
    }
}
