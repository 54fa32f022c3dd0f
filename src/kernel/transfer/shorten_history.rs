//! A history that is larger than what one task may bring: its newest rows are kept, runs before comments before events. Pure.

use serde::Serialize;

use crate::kernel::transfer::record::TaskRecord;
use crate::kernel::transfer::report::RecordNotes;

/// Leaves out the oldest rows of a record until it takes no more than `bytes` as JSON.
pub fn shorten_history(record: &mut TaskRecord, bytes: usize, message: &mut RecordNotes) {
    let (mut runs, mut comments, mut events) = (
        std::mem::take(&mut record.runs),
        std::mem::take(&mut record.comments),
        std::mem::take(&mut record.events),
    );
    let without = serde_json::to_vec(&*record).map_or(usize::MAX, |json| json.len());
    let room = bytes.saturating_sub(without);
    let (room, old_runs) = keep_newest(&mut runs, room);
    let (room, old_comments) = keep_newest(&mut comments, room);
    let (_, old_events) = keep_newest(&mut events, room);
    (record.runs, record.comments, record.events) = (runs, comments, events);
    for (table, dropped) in
        [("task_runs", old_runs), ("task_comments", old_comments), ("task_events", old_events)]
    {
        if dropped > 0 {
            let reason = format!("the oldest of a history larger than {bytes} bytes");
            message.leave_out(table, dropped, &reason);
        }
    }
}

/// Of a list the newest items that take no more than `room` bytes; the room that is left, and how many were dropped.
fn keep_newest<T: Serialize>(items: &mut Vec<T>, room: usize) -> (usize, usize) {
    let mut left = room;
    let mut kept = 0;
    for item in items.iter().rev() {
        let length = serde_json::to_vec(item).map_or(usize::MAX, |json| json.len() + 1);
        match left.checked_sub(length) {
            Some(rest) => left = rest,
            None => break,
        }
        kept += 1;
    }
    let dropped = items.len() - kept;
    items.drain(..dropped);
    (left, dropped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::transfer::record::{CommentFields, EventFields, RunFields};

    #[test]
    fn the_newest_rows_stay_and_what_was_left_out_is_counted() {
        let record = || TaskRecord {
            runs: (0..10).map(|id| RunFields { id, ..RunFields::default() }).collect(),
            comments: (0..10)
                .map(|id| CommentFields { id, body: "c".repeat(100), ..CommentFields::default() })
                .collect(),
            events: (0..10)
                .map(|id| EventFields { id, kind: "k".repeat(100), ..EventFields::default() })
                .collect(),
            ..TaskRecord::default()
        };
        let whole = serde_json::to_vec(&record()).unwrap().len();
        let mut message = RecordNotes::of("t_1");
        let mut given = record();
        shorten_history(&mut given, whole + 10, &mut message);
        assert_eq!((given, message.left_out.len()), (record(), 0));
        let mut given = record();
        shorten_history(&mut given, whole - 500, &mut message);
        assert!(serde_json::to_vec(&given).unwrap().len() <= whole - 500);
        assert_eq!((given.runs.len(), given.comments.len()), (10, 10));
        assert_eq!(given.events.last().unwrap().id, 9);
        let (table, rows) = (message.left_out[0].table.as_str(), message.left_out[0].rows);
        assert_eq!((table, rows), ("task_events", 10 - given.events.len()));
        let mut given = record();
        shorten_history(&mut given, 0, &mut message);
        assert!(given.runs.is_empty() && given.comments.is_empty() && given.events.is_empty());
    }
}
