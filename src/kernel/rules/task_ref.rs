//! What a person may write for the id of a task.

use crate::kernel::ids::TaskId;

/// Digits that a beginning has at least: fewer are too likely to be another word.
pub const DIGITS_MIN: usize = 4;

/// Stands for the last task that the caller created.
pub const LAST: &str = "@last";

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskRef {
    /// The last task that the caller created.
    Last,
    /// An id, or how one begins, as ids are written.
    Beginning(TaskId),
    /// Too few digits for a beginning: an id that is written whole, from another program's board.
    Short(TaskId),
    /// Nothing that an id could be.
    Other,
}

/// Reads `t_1a2b`, `1A2B` or `@last`.
pub fn read(text: &str) -> TaskRef {
    if text == LAST {
        return TaskRef::Last;
    }
    let text = text.to_ascii_lowercase();
    let digits = text.strip_prefix("t_").unwrap_or(&text);
    let is_short = digits.len() < DIGITS_MIN;
    match TaskId::parse(&format!("t_{digits}")) {
        Some(id) if !is_short => TaskRef::Beginning(id),
        Some(id) if text.starts_with("t_") => TaskRef::Short(id),
        _ => TaskRef::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_written_with_or_without_its_prefix_and_in_any_case() {
        for (text, whole) in [
            ("t_1a2b3c4d", "t_1a2b3c4d"),
            ("1a2b", "t_1a2b"),
            ("T_1A2B", "t_1a2b"),
            ("1A2B3C", "t_1a2b3c"),
        ] {
            assert_eq!(read(text), TaskRef::Beginning(TaskId::parse(whole).unwrap()), "{text}");
        }
        assert_eq!(read("t_1a2"), TaskRef::Short(TaskId::parse("t_1a2").unwrap()));
        assert_eq!(read("@last"), TaskRef::Last);
        for text in ["", "1a2", "t_", "@first", "deploy", "1a2g", "--", "-", "t_1a2b extra"] {
            assert_eq!(read(text), TaskRef::Other, "{text}");
        }
    }
}
