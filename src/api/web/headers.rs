//! Headers of every answer of the web.

use axum::http::HeaderMap;
use axum::http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::Response;

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Content types of what is ours: pages and their parts, and the API's JSON.
const OWN_TYPES: &[&str] = &[
    "text/html",
    "text/css",
    "text/javascript",
    "image/svg+xml",
    "application/json",
    "application/x-ndjson",
];

/// What a page may do. Scripts come from the assets and from nowhere else of the same origin: agents' bytes lie there too.
fn policy(origin: &str) -> String {
    format!(
        "default-src 'none'; script-src {origin}/assets/; style-src 'self'; img-src 'self' blob:; connect-src 'self'; \
         worker-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types kanband"
    )
}

/// Puts the headers on an answer to a page of `origin`. What is not ours, agents' bytes, is nothing to be shown.
pub fn dress(mut response: Response, origin: &str) -> Response {
    let headers = response.headers_mut();
    let essence = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = essence.map(|value| value.split(';').next().unwrap_or_default().trim());
    // A text that the daemon writes itself says so by its disposition.
    if essence.is_some_and(|essence| !OWN_TYPES.contains(&essence)) {
        set(headers, &CONTENT_SECURITY_POLICY, "sandbox");
        set(headers, &CONTENT_DISPOSITION, "attachment");
    } else {
        set(headers, &CONTENT_SECURITY_POLICY, &policy(origin));
    }
    harden(headers);
    response
}

/// The same for an answer to who is not known to be a page of ours.
pub fn plain(mut response: Response) -> Response {
    set(
        response.headers_mut(),
        &CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'",
    );
    harden(response.headers_mut());
    response
}

/// The same, and the last answer of its connection.
pub fn closed(response: Response) -> Response {
    let mut response = plain(response);
    set(response.headers_mut(), &CONNECTION, "close");
    response
}

fn harden(headers: &mut HeaderMap) {
    set(headers, &X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(headers, &REFERRER_POLICY, "no-referrer");
    set(headers, &OPENER_POLICY, "same-origin");
    set(headers, &RESOURCE_POLICY, "same-origin");
    if !headers.contains_key(CACHE_CONTROL) {
        set(headers, &CACHE_CONTROL, "no-store");
    }
}

fn set(headers: &mut HeaderMap, name: &HeaderName, value: &str) {
    // An origin that was compared with our own is plain text.
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::response::IntoResponse as _;

    use super::*;

    fn dressed(content_type: &'static str) -> Response {
        dress(([(CONTENT_TYPE, content_type)], Body::empty()).into_response(), "http://127.0.0.1:1")
    }

    #[test]
    fn what_agents_have_written_is_never_shown_as_a_page_or_run() {
        for (content_type, is_own) in [
            ("text/html; charset=utf-8", true),
            ("text/javascript", true),
            ("application/json", true),
            ("application/x-ndjson", true),
            ("text/plain; charset=utf-8", false),
            ("application/octet-stream", false),
            ("text/x-diff", false),
            ("image/png", false),
        ] {
            let response = dressed(content_type);
            let header = |name: &HeaderName| {
                response.headers().get(name).map(|value| value.to_str().unwrap())
            };
            let policy = header(&CONTENT_SECURITY_POLICY).unwrap();
            assert_eq!(policy.contains("script-src http://127.0.0.1:1/assets/;"), is_own);
            assert_eq!(policy == "sandbox", !is_own, "{content_type}");
            assert_eq!(header(&CONTENT_DISPOSITION), (!is_own).then_some("attachment"));
            assert_eq!(header(&X_CONTENT_TYPE_OPTIONS), Some("nosniff"));
            assert_eq!(header(&CACHE_CONTROL), Some("no-store"));
        }
    }

    #[test]
    fn an_asset_keeps_its_own_rule_about_caches() {
        let asset = [(CONTENT_TYPE, "text/css"), (CACHE_CONTROL, "no-cache")];
        let response = dress((asset, Body::empty()).into_response(), "http://127.0.0.1:1");
        assert_eq!(response.headers().get(CACHE_CONTROL).unwrap(), "no-cache");
    }
}
