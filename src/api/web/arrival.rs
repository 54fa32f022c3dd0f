//! Who is at the other end of a TCP connection: the kernel is asked once, when it is accepted.
//!
//! It names the user and the control group in which the other socket was made. A group that is in a run's leaf makes it a worker's:
//! refused. Where there are no leaves only the user is known.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use crate::api::Api;
use crate::api::auth::cached_user_name;
use crate::api::doors::is_scarce;
use crate::api::gate::party::Party;
use crate::api::gate::{Seat, Turned};
use crate::os::control_groups::group_ids::{GroupWhereabouts, whereabouts_of_group};
use crate::os::host::sock_diag::{SocketOwner, owner_of_peer};
use crate::os::processes::user::Account;

/// Where the kernel has placed the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whereabouts {
    /// In no run.
    User {
        /// Its user.
        uid: u32,
        /// The user's name.
        name: String,
    },
    /// In the tree of a run, or of a command on a workspace.
    InRun,
    /// Unknown, for this reason.
    Unknown(String),
}

/// A connection that is heard.
pub struct Arrived {
    /// Where the kernel has placed it.
    pub whereabouts: Whereabouts,
    /// Our end.
    pub local: SocketAddr,
    /// Its seat.
    pub seat: Arc<Seat>,
    /// On whose account it is.
    pub party: Party,
}

/// Decides about a connection. None: it is to be closed.
pub fn arrive(api: &Api, from: SocketAddr, stream: &TcpStream) -> Option<Arrived> {
    let local = stream.local_addr().ok()?;
    let whereabouts = match owner_of_peer(from, local) {
        Ok(owner) => {
            let containment = api.service.supervision.containment.get();
            whereabouts_of(owner, |id| whereabouts_of_group(&containment, id), cached_user_name)
        }
        Err(error) => Whereabouts::Unknown(format!("the kernel does not say: {error}")),
    };
    let party = match whereabouts {
        Whereabouts::User { uid, .. } if is_expected(api, uid) => Party::Page(uid),
        // They learn how to get in, and take nothing from those who are.
        Whereabouts::User { .. } | Whereabouts::InRun | Whereabouts::Unknown(_) => Party::Refused,
    };
    if is_scarce(stream.as_raw_fd(), api.service.descriptors) && !api.edge.gate.shed_one() {
        api.edge.gate.count(Turned::Descriptors);
        return None;
    }
    // A browser comes again.
    let seat = Arc::new(api.edge.gate.seat(party).ok()?);
    Some(Arrived { whereabouts, local, seat, party })
}

/// Whether a user has a session or a link, or is the proxy as far as is known without asking.
fn is_expected(api: &Api, uid: u32) -> bool {
    let is_proxy = || {
        let believed = PROXY_USER.lock().unwrap_or_else(PoisonError::into_inner);
        believed.as_ref().is_some_and(|(_, proxy, _)| *proxy == Some(uid))
    };
    api.service.web.expects(uid) || is_proxy()
}

fn whereabouts_of(
    owner: Option<SocketOwner>,
    whereabouts_of_group: impl FnOnce(u64) -> io::Result<GroupWhereabouts>,
    name_of: impl FnOnce(u32) -> String,
) -> Whereabouts {
    let Some(SocketOwner { uid, cgroup_id, .. }) = owner else {
        return Whereabouts::Unknown("the other end has gone, or is not on this host".to_owned());
    };
    let group = match cgroup_id {
        Some(id) => whereabouts_of_group(id),
        None => Ok(GroupWhereabouts::NoGroups),
    };
    match group {
        Ok(GroupWhereabouts::InRun(_)) => Whereabouts::InRun,
        Ok(GroupWhereabouts::Outside | GroupWhereabouts::NoGroups) => {
            Whereabouts::User { uid, name: name_of(uid) }
        }
        Err(error) => {
            Whereabouts::Unknown(format!("cannot look at the control groups of runs: {error}"))
        }
    }
}

/// How long the user number of the proxy is believed.
const BELIEVED: Duration = Duration::from_secs(60);

/// The last answer of the user data base.
static PROXY_USER: Mutex<Option<(String, Option<u32>, Instant)>> = Mutex::new(None);

/// The proxy that is configured now.
pub struct ProxySettings {
    /// Its user; none where this machine has no such user.
    pub uid: Option<u32>,
    /// The origin that browsers see.
    pub origin: String,
}

impl ProxySettings {
    /// As configured now; none where none is.
    pub async fn now(api: &Api) -> Option<Self> {
        let settings = api.service.configuration.settings();
        let proxy = settings.web.proxy()?;
        let (user, origin) = (proxy.user.clone(), proxy.origin.clone());
        let believed = PROXY_USER.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((name, uid, at)) = believed
            && name == user
            && at.elapsed() < BELIEVED
        {
            return Some(Self { uid, origin });
        }
        let asked = user.clone();
        // The user data base may be a network's.
        let found = tokio::task::spawn_blocking(move || Account::named(&asked)).await;
        let account = found.ok().and_then(Result::ok).flatten();
        let uid = account.map(|account| account.run_as.uid);
        *PROXY_USER.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((user, uid, Instant::now()));
        Some(Self { uid, origin })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_placed_by_its_group_and_never_let_in_when_that_is_unknown() {
        let owner = |cgroup_id| Some(SocketOwner { uid: 5, inode: 1, cgroup_id });
        let user = Whereabouts::User { uid: 5, name: "ada".to_owned() };
        let unknown = |whereabouts: &Whereabouts| matches!(whereabouts, Whereabouts::Unknown(_));
        let whereabouts = |owner, group: io::Result<GroupWhereabouts>| {
            whereabouts_of(owner, |_| group, |_| "ada".to_owned())
        };
        assert_eq!(whereabouts(owner(Some(9)), Ok(GroupWhereabouts::Outside)), user);
        assert_eq!(whereabouts(owner(Some(9)), Ok(GroupWhereabouts::NoGroups)), user);
        assert_eq!(
            whereabouts(owner(None), Ok(GroupWhereabouts::InRun(1))),
            user,
            "only the user is known"
        );
        assert_eq!(whereabouts(owner(Some(9)), Ok(GroupWhereabouts::InRun(1))), Whereabouts::InRun);
        assert_eq!(whereabouts(owner(Some(9)), Ok(GroupWhereabouts::InRun(0))), Whereabouts::InRun);
        assert!(unknown(&whereabouts(owner(Some(9)), Err(io::Error::other("no")))));
        assert!(unknown(&whereabouts(None, Ok(GroupWhereabouts::Outside))));
    }
}
