//! All limits of the API's doors, with their units: times of a connection, and what each kind of caller may have at one
//! time. What the board's own texts may have is in [`crate::kernel::limits`].
//!
//! Each kind of caller has a share of its own, so that none can use up another's; within a kind each caller has a share too. How
//! many connections there are in all depends on the descriptors that the daemon may open ([`crate::kernel::shares`]).

use std::time::Duration;

use crate::api::gate::ledger::{Allowed, Thing};
use crate::api::gate::party::Class;

/// Longest time without a whole head of a request, of a connection that may use the door: half of one, or none at all.
pub const HEAD_TIME: Duration = Duration::from_secs(30);

/// The same of a connection that has yet to show a run's token.
pub const HEAD_TIME_UNPROVEN: Duration = Duration::from_secs(5);

/// The same of a connection that is only heard to be told why it is refused.
pub const HEAD_TIME_REFUSED: Duration = Duration::from_secs(2);

/// Time for the body of a request with fields to arrive.
pub const BODY_TIME: Duration = Duration::from_secs(30);

/// How long a request waits for a part of its caller's share, before it is refused.
pub const SHARE_PATIENCE: Duration = Duration::from_secs(10);

/// Longest pause of a client that sends a file.
pub const PIECE_TIME: Duration = Duration::from_secs(30);

/// Longest time of all for an attached file to arrive.
pub const UPLOAD_TIME: Duration = Duration::from_secs(10 * 60);

/// Largest backup that is taken back, bytes.
pub const RESTORE_BYTES_MAX: u64 = 64 * 1024 * 1024 * 1024;

/// Longest time in which a reader takes less than [`STALL_BYTES`] of an answer that waits for it.
pub const STALL_TIME: Duration = Duration::from_secs(60);

/// The same of an event stream or a log that is followed: a reader may look at one page for a while.
pub const STALL_TIME_FOLLOWING: Duration = Duration::from_secs(15 * 60);

/// Bytes that a slow reader has to take in [`STALL_TIME`].
pub const STALL_BYTES: u64 = 16 * 1024;

/// Most bytes of the body with which a browser logs in.
pub const LOGIN_BYTES_MAX: usize = 4096;

/// Longest time of a connection for figures over TCP.
pub const METRICS_CONNECTION_TIME: Duration = Duration::from_secs(300);

/// Time for an answer under way to a worker whose run is closed. A stream ends at once.
pub const OVER_TIME: Duration = Duration::from_secs(2);

/// Most bytes of a request's head, of what is read ahead of a body, and of answers that wait to be written: who asks on without reading
/// an answer is heard no further.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Bodies and answers up to this many bytes are not counted: the connections bound them.
pub const UNCOUNTED_BYTES: usize = 16 * 1024;

/// Bytes of one stream that may wait for its reader.
pub const OUTFLOW_BYTES_MAX: usize = 512 * 1024;

/// Bytes of text and number of rows of one page of a list.
pub const LIST_PAGE_BYTES: usize = 1024 * 1024;
/// See [`LIST_PAGE_BYTES`].
pub const LIST_PAGE_ITEMS: usize = 1_000;

/// A connection that has been idle so long gives way to a new one of the same caller, milliseconds.
pub const IDLE_SPARED_MS: u64 = 1_000;

/// The same of one that has yet to show a token.
pub const IDLE_SPARED_UNPROVEN_MS: u64 = 250;

/// A connection whose client has let the daemon wait so long gives way too, milliseconds.
pub const WAITING_SPARED_MS: u64 = 2_000;

/// Descriptors below the limit that only operators and the daemon itself may use.
pub const DESCRIPTORS_KEPT: u64 = 16;

/// Shortest and longest pause after a connection could not be accepted, milliseconds. It doubles each time.
pub const ACCEPT_PAUSE_MS: u64 = 20;
/// See [`ACCEPT_PAUSE_MS`].
pub const ACCEPT_PAUSE_MS_MAX: u64 = 1_000;

const MIB: usize = 1024 * 1024;

/// What callers of a kind may have at one time, each of them and all together, when there are `connections` over all doors.
pub fn allowed(class: Class, connections: usize) -> Allowed {
    let share = |eighths: usize, least: usize| (connections * eighths / 8).max(least);
    let mut allowed = Allowed::default();
    let mut set = |thing, each, all| allowed.set(thing, each, all);
    match class {
        Class::Operators => {
            let all = share(3, 8);
            set(Thing::Connections, all * 3 / 4, all);
            // The rest is for what is not a stream: status, stop, drain.
            set(Thing::Streams, all / 2, all * 5 / 8);
            set(Thing::Downloads, 8, 16);
            set(Thing::Uploads, 4, 6);
            set(Thing::BodyBytes, 32 * MIB, 64 * MIB);
            set(Thing::ReplyBytes, 64 * MIB, 128 * MIB);
        }
        Class::Runs => {
            let all = share(3, 4);
            set(Thing::Connections, (all / 8).max(4), all);
            set(Thing::Streams, (all / 32).max(2), all / 2);
            set(Thing::Downloads, 4, 16);
            set(Thing::Uploads, 2, 4);
            set(Thing::BodyBytes, 16 * MIB, 32 * MIB);
            set(Thing::ReplyBytes, 24 * MIB, 48 * MIB);
        }
        Class::Pages => {
            let all = (connections * 11 / 64).max(4);
            // A person's pages and those of all who come by the proxy are one account each.
            set(Thing::Connections, all * 7 / 8, all);
            set(Thing::Streams, all * 5 / 8, all * 3 / 4);
            set(Thing::Downloads, 8, 16);
            set(Thing::Uploads, 4, 6);
            set(Thing::BodyBytes, 32 * MIB, 48 * MIB);
            set(Thing::ReplyBytes, 48 * MIB, 96 * MIB);
        }
        Class::Unproven => {
            let all = (connections / 32).max(2);
            set(Thing::Connections, (all / 2).max(2), all);
        }
        Class::Refused => {
            let all = (connections / 64).max(2);
            set(Thing::Connections, all, all);
        }
        Class::Scrapers => {
            let all = (connections / 64).clamp(2, 16);
            set(Thing::Connections, (all / 2).max(2), all);
            set(Thing::ReplyBytes, 8 * MIB, 16 * MIB);
        }
    }
    allowed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::shares::share;

    #[test]
    fn the_shares_of_all_kinds_are_within_what_there_is_and_streams_leave_room() {
        for descriptors in [1, 256, 1024, 4096, 1_000_000] {
            let connections = share(descriptors).connections;
            let of = |class, thing| allowed(class, connections).of(thing);
            let all: usize =
                Class::ALL.iter().map(|class| of(*class, Thing::Connections).all).sum();
            // Where there are very few, the least that each kind has is a little more than that.
            assert!(all <= connections.max(24), "{all} of {connections}");
            for class in Class::ALL {
                let (seats, streams) = (of(class, Thing::Connections), of(class, Thing::Streams));
                assert!(seats.each <= seats.all && seats.each >= 1, "{class:?}: {seats:?}");
                assert!(streams.each < seats.each && streams.all < seats.all, "{class:?}");
            }
            let operators = of(Class::Operators, Thing::Connections).all;
            assert!(operators >= of(Class::Runs, Thing::Connections).all);
        }
    }

    #[test]
    fn a_request_of_the_largest_size_has_room_and_operators_have_more_than_runs() {
        use crate::kernel::limits::REQUEST_BYTES_MAX;
        for thing in [Thing::BodyBytes, Thing::ReplyBytes] {
            let (runs, operators) =
                (allowed(Class::Runs, 2048).of(thing), allowed(Class::Operators, 2048).of(thing));
            assert!(runs.each >= REQUEST_BYTES_MAX && runs.each < operators.each);
            assert!(runs.all < operators.all);
        }
    }
}
