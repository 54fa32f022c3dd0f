//! Cards as commands show them.

use crate::cli::text::{cut, one_line};
use crate::kernel::card::Card;

/// Columns of the title of a parent.
const PARENT_COLUMNS: usize = 30;

/// Why a task does not run; nothing for one that starts next.
pub fn why(card: &Card) -> Option<String> {
    if let Some(question) = &card.question {
        return Some(format!("asks: {}", one_line(&question.text)));
    }
    if let Some(waits) = &card.waits {
        let more = waits.count.saturating_sub(1);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let first = cut(&one_line(&waits.first.title), PARENT_COLUMNS);
        return Some(format!("waits for {first}{more}"));
    }
    card.reason.as_ref().map(|reason| one_line(&reason.text))
}
