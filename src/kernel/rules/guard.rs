//! Which addresses a message may go to. Pure: what a name resolves to comes in as an argument.
//!
//! A person who may subscribe a webhook must not reach what only this host can reach: its own ports, the home network, the
//! metadata service of a cloud. Every address of an answer is therefore looked at, and one that is not public refuses the whole
//! answer, unless the operator has allowed its range for this channel.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use thiserror::Error;

/// A range of addresses: `10.0.0.0/8`, `fd00::/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    base: IpAddr,
    prefix_bits: u8,
}

/// Why a text is no range.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` is no range of addresses: write it as 10.0.0.0/8 or fd00::/8")]
pub struct RangeError {
    text: String,
}

impl FromStr for Range {
    type Err = RangeError;

    fn from_str(text: &str) -> Result<Self, RangeError> {
        let wrong = || RangeError { text: text.to_owned() };
        let (base, prefix) = match text.split_once('/') {
            Some((base, prefix)) => (base, Some(prefix)),
            None => (text, None),
        };
        let base: IpAddr = base.parse().map_err(|_| wrong())?;
        let width_bits = if base.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match prefix {
            Some(prefix) => prefix.parse().map_err(|_| wrong())?,
            None => width_bits,
        };
        if prefix_bits > width_bits {
            return Err(wrong());
        }
        Ok(Self { base, prefix_bits })
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix_bits)
    }
}

impl Range {
    /// Whether the address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                let differing = u32::from(base) ^ u32::from(address);
                differing.leading_zeros() >= u32::from(self.prefix_bits)
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                let differing = u128::from(base) ^ u128::from(address);
                differing.leading_zeros() >= u32::from(self.prefix_bits)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// What an address is when it is not one of the public network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// This host.
    Loopback,
    /// A network of its owner: 10/8, 172.16/12, 192.168/16, `fc00::/7`.
    Private,
    /// Behind a carrier's translation: 100.64/10.
    Shared,
    /// One cable, and where clouds have their metadata.
    LinkLocal,
    /// Many receivers.
    Multicast,
    /// No address, or one that was never given out.
    Reserved,
    /// A tunnel whose other end is not to be seen.
    Tunnel,
}

impl Kind {
    /// As a word in a sentence.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::Shared => "shared",
            Self::LinkLocal => "link-local",
            Self::Multicast => "multicast",
            Self::Reserved => "reserved",
            Self::Tunnel => "tunnel",
        }
    }
}

/// What an address is; none for one of the public network.
pub fn kind_of(address: IpAddr) -> Option<Kind> {
    match address {
        IpAddr::V4(address) => kind_of_v4(address),
        IpAddr::V6(address) => kind_of_v6(address),
    }
}

/// Ranges of IPv4 that are not public.
const V4: [(Ipv4Addr, u8, Kind); 16] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8, Kind::Reserved),
    (Ipv4Addr::new(10, 0, 0, 0), 8, Kind::Private),
    (Ipv4Addr::new(100, 64, 0, 0), 10, Kind::Shared),
    (Ipv4Addr::new(127, 0, 0, 0), 8, Kind::Loopback),
    (Ipv4Addr::new(169, 254, 0, 0), 16, Kind::LinkLocal),
    (Ipv4Addr::new(172, 16, 0, 0), 12, Kind::Private),
    (Ipv4Addr::new(192, 0, 0, 0), 24, Kind::Reserved),
    (Ipv4Addr::new(192, 0, 2, 0), 24, Kind::Reserved),
    (Ipv4Addr::new(192, 88, 99, 0), 24, Kind::Tunnel),
    (Ipv4Addr::new(192, 168, 0, 0), 16, Kind::Private),
    (Ipv4Addr::new(198, 18, 0, 0), 15, Kind::Reserved),
    (Ipv4Addr::new(198, 51, 100, 0), 24, Kind::Reserved),
    (Ipv4Addr::new(203, 0, 113, 0), 24, Kind::Reserved),
    (Ipv4Addr::new(224, 0, 0, 0), 4, Kind::Multicast),
    (Ipv4Addr::new(240, 0, 0, 0), 4, Kind::Reserved),
    (Ipv4Addr::new(255, 255, 255, 255), 32, Kind::Reserved),
];

fn kind_of_v4(address: Ipv4Addr) -> Option<Kind> {
    let holds = |(base, prefix_bits, _): &&(Ipv4Addr, u8, Kind)| {
        let range = Range { base: IpAddr::V4(*base), prefix_bits: *prefix_bits };
        range.contains(IpAddr::V4(address))
    };
    V4.iter().find(holds).map(|(_, _, kind)| *kind)
}

fn kind_of_v6(address: Ipv6Addr) -> Option<Kind> {
    if let Some(inner) = embedded_v4(address) {
        // `::` and `::1` are in the same block as the embedded addresses of old.
        return match u128::from(address) {
            0 => Some(Kind::Reserved),
            1 => Some(Kind::Loopback),
            _ => kind_of_v4(inner),
        };
    }
    let [first, second, ..] = address.segments();
    match (first, second) {
        // The local form of translation: what is behind it only the local network knows.
        (0x64, 0xff9b) => Some(Kind::Private),
        (0x100, 0) => Some(Kind::Reserved),
        (0x2001, 0) => Some(Kind::Tunnel),
        (0x2001, 0xdb8) | (0x3fff, 0..=0xfff) => Some(Kind::Reserved),
        (0xfc00..=0xfdff, _) => Some(Kind::Private),
        (0xfe80..=0xfebf, _) => Some(Kind::LinkLocal),
        (0xfec0..=0xfeff, _) => Some(Kind::Private),
        (0xff00..=0xffff, _) => Some(Kind::Multicast),
        (0x2000..=0x3fff, _) => None,
        _ => Some(Kind::Reserved),
    }
}

/// The IPv4 address that an IPv6 address leads to: mapped, compatible, translated, 6to4.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let joined = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0 | 0xffff) | (0, 0, 0, 0, 0xffff, 0) | (0x64, 0xff9b, 0, 0, 0, 0) => {
            Some(joined(g, h))
        }
        (0x2002, high, low, _, _, _) => Some(joined(high, low)),
        _ => None,
    }
}

/// Why an answer is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GuardError {
    /// One of its addresses is not public.
    #[error("{host} is {address}, a {} address; `allow = [\"{address}\"]` of the channel permits it", kind.as_str())]
    NotPublic {
        /// The name that was looked up.
        host: String,
        /// The address.
        address: IpAddr,
        /// What it is.
        kind: Kind,
    },
    /// Without TLS, and not to this host.
    #[error("{host} is {address}, not loopback: http without TLS is for loopback only, use https")]
    NotEncrypted {
        /// The name that was looked up.
        host: String,
        /// The address.
        address: IpAddr,
    },
    /// The answer had no address.
    #[error("{host} has no address")]
    NoAddress {
        /// The name that was looked up.
        host: String,
    },
}

/// Lets the addresses of `host` through, all or none.
///
/// # Errors
/// When one of them is not public and not in `allow`, or when the connection would be without TLS and leave this host.
pub fn check(
    host: &str,
    addresses: &[IpAddr],
    is_encrypted: bool,
    allow: &[Range],
) -> Result<(), GuardError> {
    if addresses.is_empty() {
        return Err(GuardError::NoAddress { host: host.to_owned() });
    }
    for address in addresses {
        let kind = kind_of(*address);
        if !is_encrypted && kind != Some(Kind::Loopback) {
            return Err(GuardError::NotEncrypted { host: host.to_owned(), address: *address });
        }
        let is_allowed = || allow.iter().any(|range| covers(range, *address));
        if let Some(kind) = kind.filter(|_| !is_allowed()) {
            return Err(GuardError::NotPublic { host: host.to_owned(), address: *address, kind });
        }
    }
    Ok(())
}

/// Whether the range holds the address, or the IPv4 address that it leads to.
fn covers(range: &Range, address: IpAddr) -> bool {
    let inner = match address {
        IpAddr::V4(_) => None,
        IpAddr::V6(address) => embedded_v4(address).filter(|_| !address.is_loopback()),
    };
    range.contains(address) || inner.is_some_and(|inner| range.contains(IpAddr::V4(inner)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_public_is_known_in_every_spelling() {
        for (text, expected) in [
            ("127.0.0.1", Some(Kind::Loopback)),
            ("127.255.255.254", Some(Kind::Loopback)),
            ("10.1.2.3", Some(Kind::Private)),
            ("172.16.0.1", Some(Kind::Private)),
            ("172.32.0.1", None),
            ("192.168.255.1", Some(Kind::Private)),
            ("100.64.0.1", Some(Kind::Shared)),
            ("100.128.0.1", None),
            ("169.254.169.254", Some(Kind::LinkLocal)),
            ("0.0.0.0", Some(Kind::Reserved)),
            ("224.0.0.1", Some(Kind::Multicast)),
            ("255.255.255.255", Some(Kind::Reserved)),
            ("198.19.0.1", Some(Kind::Reserved)),
            ("149.154.167.220", None),
            ("::", Some(Kind::Reserved)),
            ("::1", Some(Kind::Loopback)),
            ("::ffff:127.0.0.1", Some(Kind::Loopback)),
            ("::ffff:10.0.0.1", Some(Kind::Private)),
            ("::ffff:8.8.8.8", None),
            ("::127.0.0.1", Some(Kind::Loopback)),
            ("::ffff:0:10.0.0.1", Some(Kind::Private)),
            ("64:ff9b::a00:1", Some(Kind::Private)),
            ("64:ff9b::808:808", None),
            ("64:ff9b:1::808:808", Some(Kind::Private)),
            ("2002:7f00:1::", Some(Kind::Loopback)),
            ("2002:808:808::1", None),
            ("2001::1", Some(Kind::Tunnel)),
            ("2001:db8::1", Some(Kind::Reserved)),
            ("fd00::1", Some(Kind::Private)),
            ("fe80::1", Some(Kind::LinkLocal)),
            ("fec0::1", Some(Kind::Private)),
            ("ff02::1", Some(Kind::Multicast)),
            ("4000::1", Some(Kind::Reserved)),
            ("2a00:1450:4001:81b::200e", None),
        ] {
            assert_eq!(kind_of(text.parse().unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn one_address_that_is_not_public_refuses_the_whole_answer() {
        let public: IpAddr = "149.154.167.220".parse().unwrap();
        let private: IpAddr = "10.0.0.7".parse().unwrap();
        let allow: Range = "10.0.0.0/8".parse().unwrap();
        assert_eq!(check("h", &[public], true, &[]), Ok(()));
        let refused = check("h", &[public, private], true, &[]).unwrap_err();
        assert!(matches!(refused, GuardError::NotPublic { kind: Kind::Private, .. }));
        assert_eq!(check("h", &[public, private], true, &[allow]), Ok(()));
        assert!(matches!(check("h", &[], true, &[allow]), Err(GuardError::NoAddress { .. })));
        let mapped: IpAddr = "::ffff:10.0.0.7".parse().unwrap();
        assert_eq!(check("h", &[mapped], true, &[allow]), Ok(()));
    }

    #[test]
    fn without_tls_nothing_leaves_this_host() {
        let loopback: IpAddr = "127.0.0.1".parse().unwrap();
        let (v4, private): (Range, Range) =
            ("127.0.0.0/8".parse().unwrap(), "10.0.0.0/8".parse().unwrap());
        assert_eq!(check("h", &[loopback], false, &[v4]), Ok(()));
        assert!(matches!(check("h", &[loopback], false, &[]), Err(GuardError::NotPublic { .. })));
        for address in ["10.0.0.1", "149.154.167.220"] {
            let refused = check("h", &[address.parse().unwrap()], false, &[v4, private]);
            assert!(matches!(refused, Err(GuardError::NotEncrypted { .. })), "{address}");
        }
    }

    #[test]
    fn a_range_is_read_or_refused_with_its_text() {
        for text in ["10.0.0.0/8", "fd00::/8", "192.168.1.7/32", "::1/128", "0.0.0.0/0"] {
            assert_eq!(text.parse::<Range>().unwrap().to_string(), text);
        }
        assert_eq!("10.0.0.7".parse::<Range>().unwrap().to_string(), "10.0.0.7/32");
        for text in ["", "10.0.0.0/33", "10.0.0/8", "ten/8", "10.0.0.0/", "::/129"] {
            let error = text.parse::<Range>().unwrap_err().to_string();
            assert!(error.contains(&format!("`{text}`")), "{error}");
        }
        let all: Range = "0.0.0.0/0".parse().unwrap();
        assert!(
            all.contains("203.0.113.9".parse().unwrap()) && !all.contains("::1".parse().unwrap())
        );
    }
}
