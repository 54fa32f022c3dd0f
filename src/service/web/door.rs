//! Where the board is on the web, or why it is not.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::os::processes::listening_process::listener_in_words;

/// Where the board is on the web.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebDoor {
    /// At this address.
    Open {
        /// The address.
        address: SocketAddr,
        /// Whether a service manager made the listener.
        is_handed: bool,
    },
    /// Nowhere: the configuration says so.
    Off,
    /// Nowhere: the port cannot be had.
    Taken {
        /// What was wanted.
        address: SocketAddr,
        /// What the system said.
        detail: String,
    },
    /// Nowhere: the service manager has made no listener at this address.
    NotHanded {
        /// What is wanted.
        address: SocketAddr,
        /// Where its unit listens instead; none when it has made no listener.
        elsewhere: Option<SocketAddr>,
    },
}

/// The port that is tried first, and that the unit of the machine's service has.
pub const USUAL_PORT: u16 = 9119;

/// Where that unit listens unless an administrator has changed it.
const USUAL_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), USUAL_PORT);

/// The unit that makes the listener of the machine's service.
pub const WEB_UNIT: &str = "kanband-web.socket";

impl WebDoor {
    /// Where it is.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Open { address, .. } => Some(*address),
            Self::Off | Self::Taken { .. } | Self::NotHanded { .. } => None,
        }
    }

    /// Why it is not there, and what helps; none when it is there. Looks who has the port, which may take some time.
    pub fn why_not(&self) -> Option<(String, String)> {
        match self {
            Self::Open { .. } => None,
            Self::Off => Some((
                "the board is not on the web: `web.listen` is \"off\"".to_owned(),
                "set `web.listen = \"auto\"` and restart the daemon".to_owned(),
            )),
            Self::Taken { address, detail } => Some((
                taken(*address, detail, listener_in_words(*address).as_deref()),
                "end that process, or choose another port with `web.listen`; then restart the daemon".to_owned(),
            )),
            Self::NotHanded { address, elsewhere: Some(elsewhere) } => {
                Some(listens_elsewhere(*address, *elsewhere))
            }
            Self::NotHanded { address, elsewhere: None } => {
                Some(not_handed(*address, listener_in_words(*address).as_deref()))
            }
        }
    }
}

/// What keeps the unit from listening, and what helps.
fn not_handed(address: SocketAddr, holder: Option<&str>) -> (String, String) {
    match holder {
        Some(holder) => (
            taken(address, &format!("{WEB_UNIT} is not active"), Some(holder)),
            format!("end that process, then `systemctl restart {WEB_UNIT} kanband.service`"),
        ),
        None if address == USUAL_ADDRESS => (
            format!("the board is not on the web: {WEB_UNIT} is not active"),
            format!(
                "`systemctl stop kanband.service; systemctl enable --now {WEB_UNIT} kanband.service`"
            ),
        ),
        None => (
            format!(
                "the board is not on the web: `web.listen` is {address}, and {WEB_UNIT} is not active"
            ),
            set_address(address, "enable --now"),
        ),
    }
}

/// The unit is active, at another address. Who has the wanted one is not asked: with an address of all interfaces it is the unit itself.
fn listens_elsewhere(address: SocketAddr, elsewhere: SocketAddr) -> (String, String) {
    (
        format!(
            "the board is not on the web: {WEB_UNIT} listens on {elsewhere}, not on {address}, which is `web.listen`"
        ),
        set_address(address, "restart"),
    )
}

/// What has the unit listen there.
fn set_address(address: SocketAddr, verb: &str) -> String {
    format!(
        "`systemctl edit {WEB_UNIT}`: [Socket], ListenStream= (empty), ListenStream={address}; then \
         `systemctl stop kanband.service; systemctl {verb} {WEB_UNIT}; systemctl start kanband.service`"
    )
}

fn taken(address: SocketAddr, detail: &str, holder: Option<&str>) -> String {
    let holder = holder.map_or_else(
        || "nobody that is visible listens there now".to_owned(),
        |holder| format!("{holder} listens there"),
    );
    format!("the board is not on the web: cannot listen on {address} ({detail}); {holder}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_the_port_is_named_and_so_is_what_helps() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let door = WebDoor::Taken { address, detail: "Address already in use".to_owned() };
        let (why, fix) = door.why_not().unwrap();
        assert!(why.contains(&format!("pid {}", std::process::id())), "{why}");
        assert!(fix.contains("web.listen"), "{fix}");
        let (why, _) = WebDoor::NotHanded { address, elsewhere: None }.why_not().unwrap();
        assert!(why.contains(WEB_UNIT) && why.contains("listens there"), "{why}");
        drop(listener);
        let (why, fix) = not_handed(address, None);
        assert!(why.contains(&format!("`web.listen` is {address}")), "{why}");
        assert!(fix.contains(&format!("ListenStream={address}")), "{fix}");
        let (why, fix) = not_handed(USUAL_ADDRESS, None);
        assert!(why.ends_with("is not active") && fix.contains("systemctl"), "{why} {fix}");
        assert_eq!(WebDoor::Open { address, is_handed: false }.why_not(), None);
    }

    #[test]
    fn a_unit_that_listens_at_another_address_is_active_whatever_the_port() {
        for wanted in ["192.168.1.5:9119", "127.0.0.1:9191", "[::1]:9119"] {
            let address: SocketAddr = wanted.parse().unwrap();
            let door = WebDoor::NotHanded { address, elsewhere: Some(USUAL_ADDRESS) };
            let (why, fix) = door.why_not().unwrap();
            assert!(why.contains(&format!("listens on 127.0.0.1:9119, not on {wanted}")), "{why}");
            assert!(!why.contains("not active") && !fix.contains("enable"), "{why} {fix}");
            assert!(fix.contains(&format!("ListenStream={wanted}")), "{fix}");
            let (why, fix) = not_handed(address, None);
            assert!(why.contains(wanted) && why.ends_with("is not active"), "{why}");
            assert!(fix.contains(&format!("ListenStream={wanted}")), "{fix}");
        }
    }
}
