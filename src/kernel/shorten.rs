//! A caller's text, shortened for an error message.

use crate::text::signs::{Kind, signs};
use crate::text::terminal::HIDDEN;

/// A caller's word for an error message: at most 80 characters, so that a message stays one line.
pub fn shorten(text: &str) -> String {
    let seen = |(sign, kind)| if kind == Kind::Seen { sign } else { HIDDEN };
    let one_line: String = signs(text).map(seen).take(81).collect();
    match one_line.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", one_line.get(..end).unwrap_or_default()),
        None => one_line,
    }
}
