//! The doors: the kernel is asked who is there, and each connection gets a seat or is hung up on.

use std::os::fd::{AsRawFd as _, RawFd};
use std::sync::Arc;

use tokio::net::UnixStream;
use tokio::sync::watch;

use crate::actors::doors::{Maker, Way};
use crate::actors::live_runs::LiveRuns;
use crate::api::Api;
use crate::api::auth::{Door, Membership, Scene, membership_of, run_of};
use crate::api::gate::party::{Class, Party, RunStanding, is_stranger, party_of};
use crate::api::gate::{Seat, Turned};
use crate::api::limits::DESCRIPTORS_KEPT;
use crate::config::worker_user::has_workers_of_others;
use crate::kernel::ids::RunId;
use crate::os::control_groups::cgroup::Containment;
use crate::os::processes::peer::{Peer, peer_of};
use crate::service::Service;

/// The reply to clients that are disconnected before they have sent anything.
const HUNG_UP: &[u8] = b"HTTP/1.1 403 Forbidden\r\ncontent-type: application/json\r\ncontent-length: 104\r\n\
    connection: close\r\n\r\n{\"error\":{\"code\":\"unplaced\",\"message\":\"cannot identify the calling process: it belongs to no open run\"}}";

/// A connection that is heard.
pub struct Admitted {
    /// Which door it came in by.
    pub door: Door,
    /// Who the kernel says that it is, where it is to be identified again with each request. It holds a descriptor.
    pub peer: Option<Peer>,
    /// How the kernel has identified it.
    pub placement: Membership,
    /// Its seat.
    pub seat: Arc<Seat>,
    /// On whose account it is.
    pub party: Party,
}

/// Decides about a connection. None: it is to be closed.
pub fn admit(api: &Api, door: Door, stream: &UnixStream) -> Option<Admitted> {
    let peer = match peer_of(stream) {
        Ok(peer) => Ok(peer),
        Err(error) => Err(error.to_string()),
    };
    let containment = api.service.supervision.containment.get();
    let scene = scene(api, &containment);
    // A stranger is not looked at any closer: what it is like could take its time.
    if let Ok(peer) = &peer
        && is_turned_away(api, door, peer, scene)
    {
        api.edge.gate.count(Turned::Stranger);
        // One that has hung up, or that does not read, misses nothing.
        drop(stream.try_write(HUNG_UP));
        return None;
    }
    let (placement, uid) = match &peer {
        Ok(peer) => (at_door(api, door, membership_of(peer, scene)), peer.uid),
        Err(why) => (Membership::Unknown(why.clone()), u32::MAX),
    };
    let live_runs = &api.service.live_runs;
    let party = party_of(door, &placement, uid, |run_id| standing_of(run_id, live_runs));
    if is_scarce(stream.as_raw_fd(), api.service.descriptors) {
        let is_shed = api.edge.gate.shed_one();
        if !is_shed && party.class() != Class::Operators {
            api.edge.gate.count(Turned::Descriptors);
            return None;
        }
    }
    // Who finds no seat is heard once more, to be told so.
    let (party, seat) = match api.edge.gate.seat(party) {
        Ok(seat) => (party, seat),
        Err(_) => (Party::Refused, api.edge.gate.seat(Party::Refused).ok()?),
    };
    if let Party::Run(run_id) = party {
        // None when it has ended just now.
        let over = live_runs.over(run_id).unwrap_or_else(|| watch::channel(()).1);
        seat.belongs_to_run(run_id, over);
    }
    let peer = peer.ok().filter(|_| matches!(placement, Membership::Marked(_)));
    Some(Admitted { door, peer, placement, seat: Arc::new(seat), party })
}

/// The user of the courier where a service manager starts it.
const COURIER_USER: &str = "kanban-courier";

/// Where a service manager made its socket, the courier has a user of its own, and nobody else is it.
fn at_door(api: &Api, door: Door, placement: Membership) -> Membership {
    let is_service =
        matches!(api.service.doors.maker_of(Way::Courier), Maker::ServiceManager { .. });
    match placement {
        Membership::Outside(name)
            if door == Door::Courier && is_service && name != COURIER_USER =>
        {
            Membership::Unknown(format!("it runs as {name}, not as {COURIER_USER}"))
        }
        placement => placement,
    }
}

fn standing_of(run_id: RunId, live_runs: &LiveRuns) -> RunStanding {
    if live_runs.contains(run_id) {
        RunStanding::Live
    } else if live_runs.has_unknown() {
        RunStanding::MayBeOpen
    } else {
        RunStanding::Over
    }
}

/// Where a peer is, by what is known of the runs now.
pub fn placed(api: &Api, peer: &Peer) -> Membership {
    membership_of(peer, scene(api, &api.service.supervision.containment.get()))
}

fn scene<'a>(api: &'a Api, containment: &'a Containment) -> Scene<'a> {
    let Service { live_runs, supervision, start_inputs, .. } = api.service.as_ref();
    Scene {
        live_runs,
        containment,
        marks: supervision.marks(),
        has_workers_of_others: has_workers_of_others(
            &start_inputs.daemon_user,
            &supervision.configuration.settings(),
        ),
    }
}

fn is_turned_away(api: &Api, door: Door, peer: &Peer, scene: Scene<'_>) -> bool {
    let may_hold_token = api.token_holders.contains(peer.uid);
    // Asked for only where it decides.
    let in_run = || run_of(peer, scene);
    door == Door::Workers && !may_hold_token && is_stranger(door, in_run(), may_hold_token)
}

/// Whether descriptors run out. The kernel gives the lowest free number, so a high one says that all below it are in use.
pub fn is_scarce(descriptor: RawFd, limit: u64) -> bool {
    u64::try_from(descriptor).unwrap_or(u64::MAX).saturating_add(DESCRIPTORS_KEPT) >= limit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_scarce_when_the_lowest_free_one_is_near_the_limit() {
        for (descriptor, limit, expected) in [
            (10, 1024, false),
            (1007, 1024, false),
            (1008, 1024, true),
            (1023, 1024, true),
            (10, 16, true),
            (-1, 1024, true),
        ] {
            assert_eq!(is_scarce(descriptor, limit), expected, "{descriptor} of {limit}");
        }
    }

    #[test]
    fn who_is_hung_up_on_gets_a_whole_answer() {
        let text = std::str::from_utf8(HUNG_UP).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{}", body.len());
        let error: crate::api::error::ErrorBody = serde_json::from_str(body).unwrap();
        assert_eq!(error.error.code, crate::kernel::error::ErrorCode::Unplaced);
    }
}
