//! Addresses of routes: which ones a channel can never or may never reach, and how one is shown. Pure, and without a look-up: what a name
//! leads to is found out at each attempt.

use std::net::{IpAddr, Ipv4Addr};

use crate::kernel::notify_policy::{ChannelKind, ChannelPolicy};
use crate::kernel::rules::guard::check;
use crate::kernel::rules::url::SecretUrl;

/// Why an address of the right form is refused; none when it may be used, as far as that is known without a look-up.
pub fn refusal(channel: &ChannelPolicy, address: &str) -> Option<String> {
    if channel.kind != ChannelKind::Webhook {
        return None;
    }
    let url: SecretUrl = match address.parse() {
        Ok(url) => url,
        Err(error) => return Some(format!("{error}")),
    };
    if !url.is_encrypted() && !channel.allow_http {
        return Some("it is without TLS: use https, or set `allow_http` of the channel for a service on this host".to_owned());
    }
    let literal = literal(url.host())?;
    let refused = check(url.host(), &[literal], url.is_encrypted(), &channel.allow);
    refused.err().map(|error| error.to_string())
}

/// The address that a host is without a look-up.
fn literal(host: &str) -> Option<IpAddr> {
    let name = host.strip_suffix('.').unwrap_or(host);
    // Never anything else, whatever a resolver says (RFC 6761).
    if name == "localhost" || name.ends_with(".localhost") {
        return Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    name.parse().ok()
}

/// An address as it is shown. The path of a URL may be a secret: a mark of it takes its room, by which two addresses can be distinguished.
pub fn shown(address: &str) -> String {
    let is_url = ["https://", "http://"].iter().any(|scheme| address.starts_with(scheme));
    if !is_url {
        return address.to_owned();
    }
    let host = match address.parse::<SecretUrl>() {
        Ok(url) => url.to_string(),
        Err(_) => {
            address.split("://").next().map(|scheme| format!("{scheme}://…")).unwrap_or_default()
        }
    };
    if address.strip_prefix(host.as_str()).is_some_and(|rest| rest.is_empty() || rest == "/") {
        return host;
    }
    format!("{host}/…{:06x}", mark(address) & 0x00ff_ffff)
}

/// FNV-1a: the same in every release.
fn mark(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |mark, byte| (mark ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(kind: ChannelKind, allow: &[&str], allow_http: bool) -> ChannelPolicy {
        ChannelPolicy {
            allow: allow.iter().map(|range| range.parse().unwrap()).collect(),
            allow_http,
            ..ChannelPolicy::of_kind(kind)
        }
    }

    #[test]
    fn an_address_that_only_this_host_or_network_reaches_is_refused_in_every_spelling() {
        let strict = channel(ChannelKind::Webhook, &[], false);
        for (url, expected) in [
            ("https://ci.example.org/kanban", ""),
            ("https://93.184.216.34/x", ""),
            ("https://[2606:2800:220:1::1]/x", ""),
            ("https://127.0.0.1/x", "loopback"),
            ("https://127.9.9.9:8443/x", "loopback"),
            ("https://localhost/x", "loopback"),
            ("https://LocalHost./x", "loopback"),
            ("https://a.localhost/x", "loopback"),
            ("https://10.0.0.7/x", "private"),
            ("https://172.31.255.255/x", "private"),
            ("https://192.168.1.1/x", "private"),
            ("https://100.64.0.1/x", "shared"),
            ("https://169.254.169.254/latest/meta-data", "link-local"),
            ("https://0.0.0.0/x", "reserved"),
            ("https://224.0.0.1/x", "multicast"),
            // One number, octal, hexadecimal, too few parts: what a resolver would take.
            ("https://2130706433/x", "not a name or an address"),
            ("https://0177.0.0.1/x", "not a name or an address"),
            ("https://017700000001/x", "not a name or an address"),
            ("https://0x7f000001/x", "not a name or an address"),
            ("https://0x7f.0.0.1/x", "not a name or an address"),
            ("https://127.1/x", "not a name or an address"),
            ("https://[::1]/x", "loopback"),
            ("https://[::]/x", "reserved"),
            ("https://[::ffff:127.0.0.1]/x", "loopback"),
            ("https://[::ffff:7f00:1]/x", "loopback"),
            ("https://[::127.0.0.1]/x", "loopback"),
            ("https://[64:ff9b::a00:7]/x", "private"),
            ("https://[2002:a00:7::1]/x", "private"),
            ("https://[fd00::1]/x", "private"),
            ("https://[fe80::1]/x", "link-local"),
            ("https://[fe80::1%25eth0]/x", "not a name or an address"),
            ("https://ada:secret@example.org/x", "before its host"),
            ("https://example.org/x#y", "behind `#`"),
            ("http://example.org/x", "without TLS"),
            ("http://127.0.0.1/x", "without TLS"),
        ] {
            let found = refusal(&strict, url).unwrap_or_default();
            let is_as_expected =
                found.contains(expected) && found.is_empty() == expected.is_empty();
            assert!(is_as_expected, "{url}: {found}");
            assert!(!found.contains("secret") && !found.contains("/x"), "{url}: {found}");
        }
    }

    #[test]
    fn what_a_channel_allows_holds_for_its_ranges_and_no_further() {
        let home = channel(ChannelKind::Webhook, &["192.168.0.0/16", "127.0.0.1"], true);
        for (url, expected) in [
            ("https://192.168.1.1/x", ""),
            ("https://[::ffff:192.168.1.1]/x", ""),
            ("http://127.0.0.1:8080/x", ""),
            ("http://localhost/x", ""),
            ("https://10.0.0.1/x", "private"),
            ("https://127.0.0.2/x", "loopback"),
            ("http://192.168.1.1/x", "not loopback"),
            ("http://93.184.216.34/x", "not loopback"),
        ] {
            let found = refusal(&home, url).unwrap_or_default();
            let is_as_expected =
                found.contains(expected) && found.is_empty() == expected.is_empty();
            assert!(is_as_expected, "{url}: {found}");
        }
        assert_eq!(refusal(&channel(ChannelKind::Command, &[], false), "http://127.0.0.1/"), None);
    }

    #[test]
    fn of_a_url_its_host_is_shown_and_a_mark_that_distinguishes_two() {
        let hook = "https://hooks.example.org/services/T0/B0/SENTINEL?key=SENTINEL";
        let one = shown(hook);
        assert!(
            one.starts_with("https://hooks.example.org/…") && !one.contains("SENTINEL"),
            "{one}"
        );
        assert_eq!(one, shown(hook), "the same each time");
        assert_ne!(one, shown(&hook.replace("T0", "T1")));
        for (address, expected) in [
            ("4711", "4711"),
            ("https://example.org", "https://example.org"),
            ("https://example.org/", "https://example.org"),
            ("https://example.org:8443/", "https://example.org:8443"),
        ] {
            assert_eq!(shown(address), expected);
        }
        let broken = shown("https://a b/SENTINEL");
        assert!(broken.starts_with("https://…") && !broken.contains("SENTINEL"), "{broken}");
        let user = shown("https://u:SENTINEL@example.org/");
        assert!(!user.contains("SENTINEL"), "{user}");
    }
}
