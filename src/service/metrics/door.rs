//! Where the metrics are over TCP, or why they are not.

use std::net::SocketAddr;

use crate::os::processes::listening_process::listener_in_words;

/// The unit that makes the listener of the machine's service.
pub const METRICS_UNIT: &str = "kanband-metrics.socket";

/// Where the metrics are over TCP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetricsDoor {
    /// At this address.
    Open {
        /// The address.
        address: SocketAddr,
        /// Whether a service manager made the listener.
        is_handed: bool,
    },
    /// Nowhere: the configuration names no address.
    Off,
    /// Nowhere: the port cannot be had.
    Taken {
        /// What was wanted.
        address: SocketAddr,
        /// What the system said.
        detail: String,
    },
    /// Nowhere: the service manager has made no listener, and the service of a machine makes none itself.
    NotHanded {
        /// What was wanted.
        address: SocketAddr,
    },
}

impl MetricsDoor {
    /// What is wrong with it, and what helps; `wanted` is `metrics.listen`. Looks who has the port, which may take some time.
    pub fn fault(&self, wanted: Option<SocketAddr>) -> Option<(String, String)> {
        match self {
            Self::Off => None,
            Self::Open { address, is_handed: true } => {
                let wanted = wanted.filter(|wanted| wanted != address)?;
                let what = format!(
                    "`metrics.listen` is {wanted}, but {METRICS_UNIT} listens on {address}"
                );
                Some((what, set_address(wanted)))
            }
            Self::Open { is_handed: false, .. } => None,
            Self::Taken { address, detail } => {
                let holder = listener_in_words(*address).map_or_else(
                    || "nobody that is visible listens there now".to_owned(),
                    |holder| format!("{holder} listens there"),
                );
                let what = format!("there are no metrics on {address} ({detail}); {holder}");
                let fix = "end that process, or choose another port with `metrics.listen`; then restart the daemon";
                Some((what, fix.to_owned()))
            }
            Self::NotHanded { address } => {
                let what = format!(
                    "`metrics.listen` is {address}, but {METRICS_UNIT} is not active: there are no metrics over TCP"
                );
                Some((what, set_address(*address)))
            }
        }
    }
}

/// What has the service manager listen there.
fn set_address(address: SocketAddr) -> String {
    format!(
        "`systemctl edit {METRICS_UNIT}`: [Socket], ListenStream= (empty), ListenStream={address}; then \
         `systemctl stop kanband.service; systemctl enable --now {METRICS_UNIT}; systemctl start kanband.service`"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_the_metrics_away_is_named_and_so_is_what_helps() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let other: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let own = format!("pid {}", std::process::id());
        let taken = MetricsDoor::Taken { address, detail: "Address already in use".to_owned() };
        let handed = MetricsDoor::Open { address, is_handed: true };
        for (door, wanted, what, fix) in [
            (MetricsDoor::Off, None, "", ""),
            (MetricsDoor::Open { address, is_handed: false }, Some(address), "", ""),
            (handed.clone(), Some(address), "", ""),
            (handed.clone(), None, "", ""),
            (handed, Some(other), "listens on", "ListenStream=127.0.0.1:1"),
            (taken, Some(address), own.as_str(), "`metrics.listen`"),
            (MetricsDoor::NotHanded { address: other }, Some(other), METRICS_UNIT, "enable --now"),
        ] {
            let (found, remedy) = door.fault(wanted).unwrap_or_default();
            assert!(found.contains(what) && found.is_empty() == what.is_empty(), "{found}");
            assert!(remedy.contains(fix), "{remedy}");
        }
    }
}
