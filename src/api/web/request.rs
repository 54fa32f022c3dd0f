//! Whether a request is one of our own pages': by what browsers say of it, and by nothing else. One function, without I/O.
//!
//! A cookie of 127.0.0.1 goes to every port of it, and pages on other ports are of the same site: only Host and Origin tell them
//! from ours.

use std::net::SocketAddr;

use axum::http::header::{
    CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, ORIGIN, TRANSFER_ENCODING, UPGRADE,
};
use axum::http::{HeaderMap, Method, Request};

use crate::api::web::assets;
use crate::api::web::login;

/// Sec-Fetch-Site of the Fetch Metadata specification.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// As which site browsers see the board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Site {
    /// At the listener, whose address this is, or at the near end of a tunnel to it.
    Loopback(SocketAddr),
    /// At this origin, behind a proxy.
    Proxy(String),
}

/// What a request says that matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked<'a> {
    /// Whether it only reads.
    pub is_read: bool,
    /// Whether it wants to make a stream of its connection.
    pub is_upgrade: bool,
    /// Whether it asks for a page.
    pub is_page: bool,
    /// Path and query.
    pub target: &'a str,
    /// Host, if there is exactly one.
    pub host: Option<&'a str>,
    /// Origin.
    pub origin: Header<'a>,
    /// Sec-Fetch-Site.
    pub fetch_site: Header<'a>,
    /// Content-Type.
    pub content_type: Header<'a>,
    /// Whether there is a body.
    pub has_body: bool,
}

/// A header that should be there once at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header<'a> {
    /// It is not there.
    None,
    /// It says this.
    Is(&'a str),
    /// It is there twice, or is no text.
    Bad,
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is served.
    Served {
        /// The origin that its page has.
        origin: String,
    },
    /// Its page is elsewhere: names of this host are different sites to a browser.
    Elsewhere(String),
    /// It is refused.
    Refused(Why),
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Its Host is none of ours.
    Host,
    /// It comes from a page that is not ours.
    Origin,
    /// It writes and does not say which page it comes from.
    NoOrigin,
    /// A page of another site caused it.
    Site,
    /// Its body is neither JSON nor a file.
    BodyType,
}

impl<'a> Asked<'a> {
    /// What a request says.
    pub fn of<B>(request: &'a Request<B>) -> Self {
        let (headers, uri) = (request.headers(), request.uri());
        let is_read = [Method::GET, Method::HEAD].contains(request.method());
        let has_length =
            headers.get(CONTENT_LENGTH).is_some_and(|length| length.as_bytes() != b"0");
        let host = match one(headers, &HOST) {
            Header::Is(host) => Some(host),
            Header::None | Header::Bad => None,
        };
        Self {
            is_read,
            is_upgrade: headers.contains_key(UPGRADE),
            is_page: is_read && (assets::is_page(uri.path()) || uri.path() == login::PATH),
            target: uri.path_and_query().map_or("/", |target| target.as_str()),
            host,
            origin: one(headers, &ORIGIN),
            fetch_site: one(headers, &FETCH_SITE),
            content_type: one(headers, &CONTENT_TYPE),
            has_body: has_length || headers.contains_key(TRANSFER_ENCODING),
        }
    }
}

fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Header<'a> {
    let mut all = headers.get_all(name).iter();
    match (all.next().map(|value| value.to_str()), all.next()) {
        (None, _) => Header::None,
        (Some(Ok(value)), None) => Header::Is(value),
        (Some(_), _) => Header::Bad,
    }
}

/// Decides.
pub fn judge(asked: &Asked<'_>, site: &Site) -> Verdict {
    let Some((origin, is_canonical)) = asked.host.and_then(|host| origin_of(host, site)) else {
        return Verdict::Refused(Why::Host);
    };
    match asked.fetch_site {
        Header::None | Header::Is("same-origin") => {}
        Header::Is("none") if asked.is_page => {}
        Header::Is(_) | Header::Bad => return Verdict::Refused(Why::Site),
    }
    let must_say = !asked.is_read || asked.is_upgrade;
    match asked.origin {
        Header::Is(found) if found == origin => {}
        Header::None if !must_say => {}
        Header::None => return Verdict::Refused(Why::NoOrigin),
        Header::Is(_) | Header::Bad => return Verdict::Refused(Why::Origin),
    }
    if asked.has_body && !is_body_type(asked.content_type) {
        return Verdict::Refused(Why::BodyType);
    }
    match site {
        Site::Loopback(local) if asked.is_page && !is_canonical => {
            let (_, port) = split(asked.host.unwrap_or_default());
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            Verdict::Elsewhere(format!("http://{}{port}{}", literal(*local), asked.target))
        }
        Site::Loopback(_) | Site::Proxy(_) => Verdict::Served { origin },
    }
}

/// The origin of a page under this Host, and whether its name is the one that all others are led to; none when the Host is not ours.
fn origin_of(host: &str, site: &Site) -> Option<(String, bool)> {
    match site {
        Site::Proxy(origin) => {
            let is_own = origin.strip_prefix("https://") == Some(host);
            is_own.then(|| (origin.clone(), true))
        }
        Site::Loopback(local) => {
            let (name, port) = split(host);
            let own = literal(*local);
            let is_name = ["127.0.0.1", "[::1]", "localhost", own.as_str()].contains(&name);
            // The near end of a tunnel may have any port.
            let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port != 0));
            (is_name && is_port).then(|| (format!("http://{host}"), name == own))
        }
    }
}

/// Name and port.
fn split(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        Some(_) | None => (host, None),
    }
}

fn literal(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    }
}

fn is_body_type(content_type: Header<'_>) -> bool {
    let Header::Is(content_type) = content_type else { return false };
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    ["application/json", "application/octet-stream"].contains(&essence)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Site {
        Site::Loopback("127.0.0.1:9119".parse().unwrap())
    }

    fn get<'a>(host: &'a str) -> Asked<'a> {
        Asked {
            is_read: true,
            is_upgrade: false,
            is_page: false,
            target: "/v1/boards",
            host: Some(host),
            origin: Header::None,
            fetch_site: Header::None,
            content_type: Header::None,
            has_body: false,
        }
    }

    fn post<'a>(host: &'a str, origin: Header<'a>) -> Asked<'a> {
        let content_type = Header::Is("application/json");
        Asked { is_read: false, origin, content_type, has_body: true, ..get(host) }
    }

    const OWN: &str = "127.0.0.1:9119";
    const OWN_ORIGIN: Header<'_> = Header::Is("http://127.0.0.1:9119");

    fn refused(why: Why) -> Verdict {
        Verdict::Refused(why)
    }

    fn served(origin: &str) -> Verdict {
        Verdict::Served { origin: origin.to_owned() }
    }

    #[test]
    fn only_hosts_of_the_loopback_are_ours() {
        for (host, expected) in [
            (Some("127.0.0.1:9119"), served("http://127.0.0.1:9119")),
            (Some("127.0.0.1:8000"), served("http://127.0.0.1:8000")),
            (Some("127.0.0.1"), served("http://127.0.0.1")),
            (Some("localhost:9119"), served("http://localhost:9119")),
            (Some("[::1]:9119"), served("http://[::1]:9119")),
            (Some("[::1]"), served("http://[::1]")),
            (Some("rebound.example.org:9119"), refused(Why::Host)),
            (Some("127.0.0.1.example.org"), refused(Why::Host)),
            (Some("127.0.0.1:9119@evil.example"), refused(Why::Host)),
            (Some("127.0.0.1:"), refused(Why::Host)),
            (Some("127.0.0.1:0"), refused(Why::Host)),
            (Some("127.0.0.1:99999"), refused(Why::Host)),
            (Some("0.0.0.0:9119"), refused(Why::Host)),
            (Some("LOCALHOST:9119"), refused(Why::Host)),
            (Some(""), refused(Why::Host)),
            (None, refused(Why::Host)),
        ] {
            let asked = Asked { host, ..get("") };
            assert_eq!(judge(&asked, &site()), expected, "{host:?}");
        }
    }

    #[test]
    fn a_write_says_which_page_it_comes_from_and_that_is_ours() {
        for (origin, expected) in [
            (OWN_ORIGIN, served("http://127.0.0.1:9119")),
            (Header::None, refused(Why::NoOrigin)),
            (Header::Bad, refused(Why::Origin)),
            (Header::Is("null"), refused(Why::Origin)),
            (Header::Is("http://127.0.0.1:8000"), refused(Why::Origin)),
            (Header::Is("http://localhost:9119"), refused(Why::Origin)),
            (Header::Is("https://127.0.0.1:9119"), refused(Why::Origin)),
            (Header::Is("https://evil.example"), refused(Why::Origin)),
            (Header::Is("http://127.0.0.1:9119/"), refused(Why::Origin)),
        ] {
            assert_eq!(judge(&post(OWN, origin), &site()), expected, "{origin:?}");
            // A stream is like a write, and a read that says where it comes from says the truth.
            let stream = Asked { is_upgrade: true, origin, ..get(OWN) };
            assert_eq!(judge(&stream, &site()), expected, "{origin:?}");
            let read = Asked { origin, ..get(OWN) };
            let is_fine = matches!(expected, Verdict::Served { .. }) || origin == Header::None;
            assert_eq!(matches!(judge(&read, &site()), Verdict::Served { .. }), is_fine);
        }
    }

    #[test]
    fn what_another_site_causes_is_refused_and_a_typed_address_is_for_pages_only() {
        for (fetch_site, is_page, is_served) in [
            (Header::None, false, true),
            (Header::Is("same-origin"), false, true),
            (Header::Is("same-origin"), true, true),
            (Header::Is("none"), true, true),
            (Header::Is("none"), false, false),
            (Header::Is("same-site"), false, false),
            (Header::Is("same-site"), true, false),
            (Header::Is("cross-site"), false, false),
            (Header::Is("cross-site"), true, false),
            (Header::Is("anything"), false, false),
            (Header::Bad, true, false),
        ] {
            let verdict = judge(&Asked { fetch_site, is_page, ..get(OWN) }, &site());
            let expected =
                if is_served { served("http://127.0.0.1:9119") } else { refused(Why::Site) };
            assert_eq!(verdict, expected, "{fetch_site:?} {is_page}");
        }
    }

    #[test]
    fn a_body_is_json_or_a_file() {
        for (content_type, expected) in [
            (Header::Is("application/json"), true),
            (Header::Is("application/json; charset=utf-8"), true),
            (Header::Is("application/octet-stream"), true),
            (Header::Is("text/plain"), false),
            (Header::Is("application/x-www-form-urlencoded"), false),
            (Header::Is("multipart/form-data; boundary=x"), false),
            (Header::None, false),
            (Header::Bad, false),
        ] {
            let asked = Asked { content_type, ..post(OWN, OWN_ORIGIN) };
            let is_served = matches!(judge(&asked, &site()), Verdict::Served { .. });
            assert_eq!(is_served, expected, "{content_type:?}");
        }
        let bare = Asked { content_type: Header::None, has_body: false, ..post(OWN, OWN_ORIGIN) };
        assert_eq!(judge(&bare, &site()), served("http://127.0.0.1:9119"));
    }

    #[test]
    fn pages_are_led_to_one_name_of_the_host() {
        let page = |host, target| Asked { is_page: true, target, ..get(host) };
        let six = Site::Loopback("[::1]:9119".parse().unwrap());
        for (site, host, target, expected) in [
            (site(), "localhost:9119", "/?task=t_1", Some("http://127.0.0.1:9119/?task=t_1")),
            (site(), "[::1]:9200", "/in", Some("http://127.0.0.1:9200/in")),
            (site(), "localhost", "/", Some("http://127.0.0.1/")),
            (site(), "127.0.0.1:9200", "/", None),
            (six.clone(), "127.0.0.1:9119", "/", Some("http://[::1]:9119/")),
            (six, "[::1]:9119", "/", None),
        ] {
            let verdict = judge(&page(host, target), &site);
            match expected {
                Some(expected) => assert_eq!(verdict, Verdict::Elsewhere(expected.to_owned())),
                None => assert_eq!(verdict, served(&format!("http://{host}"))),
            }
        }
    }

    #[test]
    fn behind_the_proxy_there_is_one_host_and_one_origin() {
        let site = Site::Proxy("https://board.example.org".to_owned());
        let own = Header::Is("https://board.example.org");
        let (served, host) = (served("https://board.example.org"), "board.example.org");
        assert_eq!(judge(&get(host), &site), served);
        assert_eq!(judge(&post(host, own), &site), served);
        assert_eq!(judge(&post(host, Header::None), &site), refused(Why::NoOrigin));
        for other in ["http://board.example.org", "https://evil.example", "http://127.0.0.1:9119"] {
            assert_eq!(judge(&post(host, Header::Is(other)), &site), refused(Why::Origin));
        }
        for other in ["127.0.0.1:9119", "localhost", "board.example.org:8443", "evil.example"] {
            assert_eq!(judge(&get(other), &site), refused(Why::Host), "{other}");
        }
    }
}
