//! The page and its parts, built into the program. `web/dist` is made by the build of `web/` and committed; a file that is missing
//! there is an error of the compiler, one that is missing here of the test below.

use std::fmt::Write as _;
use std::sync::OnceLock;

use axum::body::Body;
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH,
};
use axum::http::{Method, Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};

/// A file of `web/dist`.
pub struct Asset {
    /// Its path there, with a slash in front.
    pub path: &'static str,
    /// What it is.
    pub content_type: &'static str,
    /// Whether it is shown to those who are not logged in.
    pub is_open: bool,
    bytes: &'static [u8],
}

/// The table: `open` files are for everybody, `shut` ones for those who are logged in.
macro_rules! assets {
    ($($access:ident $name:literal as $content_type:literal,)*) => {
        /// Every file of `web/dist`.
        static ASSETS: &[Asset] = &[$(Asset {
            path: concat!("/", $name),
            content_type: $content_type,
            is_open: assets!(@ $access),
            bytes: include_bytes!(concat!("../../../web/dist/", $name)),
        },)*];
    };
    (@ open) => { true };
    (@ shut) => { false };
}

assets! {
    shut "index.html" as "text/html; charset=utf-8",
    open "in.html" as "text/html; charset=utf-8",
    shut "assets/app.js" as "text/javascript; charset=utf-8",
    shut "assets/app.css" as "text/css; charset=utf-8",
    shut "assets/pages.js" as "text/javascript; charset=utf-8",
    shut "assets/pages.css" as "text/css; charset=utf-8",
    shut "assets/Graph.js" as "text/javascript; charset=utf-8",
    shut "assets/Statistics.js" as "text/javascript; charset=utf-8",
    shut "assets/Statistics.css" as "text/css; charset=utf-8",
    shut "assets/Schedules.js" as "text/javascript; charset=utf-8",
    shut "assets/Profiles.js" as "text/javascript; charset=utf-8",
    open "assets/in.js" as "text/javascript; charset=utf-8",
    open "assets/in.css" as "text/css; charset=utf-8",
    open "assets/icon.svg" as "image/svg+xml",
    shut "assets/licences.txt" as "text/plain; charset=utf-8",
}

/// The page of the board.
const PAGE: &str = "/index.html";

/// Whether a path is that of the board's page. What it shows stands in the query.
pub fn is_page(path: &str) -> bool {
    path == "/"
}

/// What is served under a path.
pub fn find(path: &str) -> Option<&'static Asset> {
    match path {
        path if is_page(path) => file(PAGE),
        path if path.starts_with("/assets/") => file(path),
        _ => None,
    }
}

/// A file of the bundle.
pub fn file(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

/// What tells one bundle from another: a page that was loaded from an older one is to be loaded again.
pub fn bundle() -> &'static str {
    static BUNDLE: OnceLock<String> = OnceLock::new();
    BUNDLE.get_or_init(|| {
        let mut digest = Sha256::new();
        ASSETS.iter().for_each(|asset| digest.update(asset.bytes));
        quoted(&digest.finalize()).trim_matches('"').to_owned()
    })
}

/// Answers with a file, or with the word that the browser has it.
pub fn answer<B>(asset: &'static Asset, request: &Request<B>) -> Response {
    let is_head = *request.method() == Method::HEAD;
    if *request.method() != Method::GET && !is_head {
        return (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET, HEAD")]).into_response();
    }
    let etag = etag_of(asset);
    let is_known = request.headers().get_all(IF_NONE_MATCH).iter().any(|value| {
        let tags = value.to_str().unwrap_or_default().split(',');
        tags.map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag == etag || tag == "*")
    });
    let caching = [(ETAG, etag), (CACHE_CONTROL, "no-cache")];
    if is_known {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    let body = if is_head { Body::empty() } else { Body::from(asset.bytes) };
    let mut response = (caching, [(CONTENT_TYPE, asset.content_type)], body).into_response();
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(asset.bytes.len()));
    response
}

/// The tag of a file: the digest of its bytes, computed once.
fn etag_of(asset: &Asset) -> &'static str {
    static ETAGS: OnceLock<Vec<(&str, String)>> = OnceLock::new();
    let etags = ETAGS.get_or_init(|| {
        ASSETS.iter().map(|asset| (asset.path, quoted_digest(asset.bytes))).collect()
    });
    etags.iter().find(|(path, _)| *path == asset.path).map_or("", |(_, etag)| etag)
}

fn quoted_digest(bytes: &[u8]) -> String {
    quoted(&Sha256::digest(bytes))
}

fn quoted(digest: &[u8]) -> String {
    let mut etag = "\"".to_owned();
    for byte in digest {
        // Writing into a string does not fail.
        let _infallible = write!(etag, "{byte:02x}");
    }
    etag.push('"');
    etag
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    fn files(directory: &Path, prefix: &str, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{prefix}/{}", entry.file_name().to_str().unwrap());
            if entry.file_type().unwrap().is_dir() {
                files(&entry.path(), &name, found);
            } else {
                found.insert(name);
            }
        }
    }

    #[test]
    fn the_table_names_every_file_of_the_bundle_and_no_other() {
        let mut there = BTreeSet::new();
        files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("web/dist"), "", &mut there);
        let named: BTreeSet<String> = ASSETS.iter().map(|asset| asset.path.to_owned()).collect();
        assert_eq!(named, there);
    }

    #[test]
    fn only_what_the_login_needs_is_open() {
        let open: Vec<&str> =
            ASSETS.iter().filter(|asset| asset.is_open).map(|asset| asset.path).collect();
        assert_eq!(open, ["/in.html", "/assets/in.js", "/assets/in.css", "/assets/icon.svg"]);
        assert!(find("/in.html").is_none() && find("/index.html").is_none(), "by their paths only");
        assert!(find("/assets/../in.html").is_none());
    }

    #[test]
    fn a_file_that_the_browser_has_is_not_sent_again() {
        let asset = file("/assets/in.js").unwrap();
        let request = |method: Method, etag: Option<&str>| {
            let mut request = Request::builder().method(method);
            if let Some(etag) = etag {
                request = request.header(IF_NONE_MATCH, etag);
            }
            request.body(()).unwrap()
        };
        let first = answer(asset, &request(Method::GET, None));
        let etag = first.headers().get(ETAG).unwrap().to_str().unwrap().to_owned();
        for (known, expected) in [
            (etag.clone(), StatusCode::NOT_MODIFIED),
            (format!("W/{etag}"), StatusCode::NOT_MODIFIED),
            (format!("\"x\", {etag}"), StatusCode::NOT_MODIFIED),
            ("\"x\"".to_owned(), StatusCode::OK),
        ] {
            let again = answer(asset, &request(Method::GET, Some(&known)));
            assert_eq!(again.status(), expected, "{known}");
            assert_eq!(again.headers().get(CACHE_CONTROL).unwrap(), "no-cache");
        }
        let refused = answer(asset, &request(Method::POST, None));
        assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
    }
}
