//! A visit: a request with a session.

use axum::http::HeaderMap;
use axum::http::header::COOKIE;

use crate::api::auth::no_session;
use crate::api::error::ApiError;
use crate::api::{Api, RUN_HEADER, TOKEN_HEADER};
use crate::kernel::caller::Caller;
use crate::service::web::book::{Opened, Visitor};
use crate::service::web::session_over;

/// Where a request came in, as far as sessions go.
#[derive(Debug, Clone, Copy)]
pub struct Here {
    /// Who is at the other end.
    pub visitor: Visitor,
    /// The daemon's port.
    pub port: u16,
    /// Whether browsers see it behind TLS.
    pub is_secure: bool,
}

/// Whose request it is. Every request of the web that reaches a route has one among its extensions (`Arc<Visit>`).
#[derive(Debug, Clone)]
pub struct Visit {
    /// Its session.
    pub session: Opened,
}

impl Visit {
    /// The caller that the board knows.
    pub fn caller(&self) -> Caller {
        Caller::Operator { name: self.session.name.clone() }
    }

    /// Looks whether the user may still have the session. A stream asks before it begins.
    ///
    /// # Errors
    /// It may not, or that cannot be found out.
    pub async fn check(&self, api: &Api) -> Result<(), ApiError> {
        if api.service.web.look_again(&self.session).await? { Ok(()) } else { Err(no_session()) }
    }

    /// Returns when the session is over: by its time, by a person's word, or because its user may no longer have one. A stream that
    /// was opened in it ends then.
    pub async fn over(&self, api: &Api) {
        session_over(&api.service.web, self.session.clone()).await;
    }
}

/// The visit of a request; none when its cookie opens nothing.
///
/// # Errors
/// The request claims to be a worker's, or its session cannot be looked at now.
pub async fn of(api: &Api, headers: &HeaderMap, here: Here) -> Result<Option<Visit>, ApiError> {
    if headers.contains_key(TOKEN_HEADER) || headers.contains_key(RUN_HEADER) {
        return Err(no_session().with_hint("workers call the socket that KANBAN_SOCKET names"));
    }
    for token in cookies(headers, &cookie_name(here.port)) {
        if let Some(session) = api.service.web.session(token, here.visitor, here.port).await? {
            return Ok(Some(Visit { session }));
        }
    }
    Ok(None)
}

/// The cookie of the board at this port. Ports of one host share their cookies.
pub fn cookie_name(port: u16) -> String {
    format!("kanband_{port}")
}

/// Every value of a cookie, as RFC 6265 has them in one line or more.
fn cookies<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';'));
    pairs.filter_map(move |pair| {
        let (found, value) = pair.trim().split_once('=')?;
        (found == name).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_cookie_is_found_among_those_of_other_ports() {
        let mut headers = HeaderMap::new();
        let lines = ["kanband_1=a; kanband_11=b", " kanband_2=c;kanband_1=d", "kanband_1"];
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_static(line));
        }
        assert_eq!(cookies(&headers, &cookie_name(1)).collect::<Vec<_>>(), ["a", "d"]);
        assert_eq!(cookies(&headers, &cookie_name(3)).count(), 0);
    }
}
