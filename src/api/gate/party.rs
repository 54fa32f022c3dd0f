//! On whose account a connection goes. What the kernel of the operating system says about the caller decides, never a request.

use std::net::IpAddr;

use crate::api::auth::{Door, Membership};
use crate::kernel::ids::RunId;

/// One caller, as far as shares go: everything that it does counts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Party {
    /// A user at the operators' door.
    Operator(u32),
    /// The workers of a run.
    Run(RunId),
    /// A user in no run's tree who has yet to show a run's token.
    Unproven(u32),
    /// Callers who are only heard to be told why they are refused, all together.
    Refused,
    /// A host that reads figures over TCP.
    Scraper(IpAddr),
    /// A user's pages of the board on the web.
    Page(u32),
}

/// A kind of caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// See [`Party::Refused`].
    Refused,
    /// See [`Party::Unproven`].
    Unproven,
    /// See [`Party::Scraper`].
    Scrapers,
    /// See [`Party::Page`].
    Pages,
    /// See [`Party::Run`].
    Runs,
    /// See [`Party::Operator`].
    Operators,
}

impl Class {
    /// All kinds. Those whose connections are given up first when descriptors are scarce come first.
    pub const ALL: [Self; 6] =
        [Self::Refused, Self::Unproven, Self::Scrapers, Self::Pages, Self::Runs, Self::Operators];

    /// As figures and `status` name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Unproven => "unproven",
            Self::Scrapers => "metrics",
            Self::Pages => "web",
            Self::Runs => "workers",
            Self::Operators => "operators",
        }
    }
}

impl Party {
    /// Its kind.
    pub fn class(self) -> Class {
        match self {
            Self::Operator(_) => Class::Operators,
            Self::Run(_) => Class::Runs,
            Self::Unproven(_) => Class::Unproven,
            Self::Refused => Class::Refused,
            Self::Scraper(_) => Class::Scrapers,
            Self::Page(_) => Class::Pages,
        }
    }
}

/// Whether a caller at the workers' door in no run's tree is hung up on at once: a run's token is in a file that only its user and
/// root can read, so nobody else has one.
pub fn is_stranger(door: Door, in_run: Option<RunId>, may_hold_token: bool) -> bool {
    door == Door::Workers && in_run.is_none() && !may_hold_token
}

/// What is known of a run when one of its processes connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStanding {
    /// It is open.
    Live,
    /// It may be open and not taken over yet: its row says so when the first request comes.
    MayBeOpen,
    /// It is over.
    Over,
}

/// The account of a connection that is heard. `uid` is the user who connected, `standing` says what is known of a run.
pub fn party_of(
    door: Door,
    placement: &Membership,
    uid: u32,
    standing: impl FnOnce(RunId) -> RunStanding,
) -> Party {
    match (placement, door) {
        (Membership::InRun(run_id), _) => match standing(*run_id) {
            RunStanding::Live => Party::Run(*run_id),
            RunStanding::MayBeOpen => Party::Unproven(uid),
            RunStanding::Over => Party::Refused,
        },
        (Membership::Unknown(_), _) => Party::Refused,
        (Membership::Outside(_), Door::Operators | Door::Courier) => Party::Operator(uid),
        (Membership::Outside(_), Door::Web) => Party::Page(uid),
        (Membership::Outside(_), Door::Workers)
        | (Membership::Marked(_) | Membership::OfWorkers { .. }, _) => Party::Unproven(uid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_goes_on_the_account_of_who_the_kernel_says() {
        let (run, over) = (Membership::InRun(1), Membership::InRun(2));
        let not_taken_over = Membership::InRun(3);
        let (outside, marked) = (Membership::Outside("ada".into()), Membership::Marked(1));
        let of_workers = Membership::OfWorkers { limit: 1, own: 2 };
        let unknown = Membership::Unknown("gone".into());
        for (placement, at_operators, at_workers) in [
            (&run, Party::Run(1), Party::Run(1)),
            (&over, Party::Refused, Party::Refused),
            (&not_taken_over, Party::Unproven(7), Party::Unproven(7)),
            (&outside, Party::Operator(7), Party::Unproven(7)),
            (&marked, Party::Unproven(7), Party::Unproven(7)),
            (&of_workers, Party::Unproven(7), Party::Unproven(7)),
            (&unknown, Party::Refused, Party::Refused),
        ] {
            for (door, expected) in [(Door::Operators, at_operators), (Door::Workers, at_workers)] {
                let standing = |run_id| match run_id {
                    1 => RunStanding::Live,
                    2 => RunStanding::Over,
                    _ => RunStanding::MayBeOpen,
                };
                let found = party_of(door, placement, 7, standing);
                assert_eq!(found, expected, "{placement:?} at {door:?}");
            }
        }
    }

    #[test]
    fn only_who_can_hold_a_token_is_heard_at_the_workers_door_from_outside() {
        for (door, in_run, may_hold_token, expected) in [
            (Door::Workers, None, false, true),
            (Door::Workers, None, true, false),
            (Door::Workers, Some(1), false, false),
            (Door::Operators, None, false, false),
        ] {
            assert_eq!(is_stranger(door, in_run, may_hold_token), expected, "{door:?} {in_run:?}");
        }
    }
}
