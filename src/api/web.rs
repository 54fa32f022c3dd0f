//! The board on the web: one connection after the other of browsers on this host, or of a proxy that is here.
//!
//! ```text
//!   accept ─▶ who is at the other end? (arrival) ─▶ is the request one of our pages'? (request) ─▶ page and assets
//!     ─▶ a session? (visit) ─▶ may the web ask for it? (withheld) ─▶ the routes of the API ─▶ headers
//! ```

pub mod answers;
pub mod arrival;
pub mod assets;
pub mod first_use;
pub mod headers;
pub mod login;
pub mod operations;
pub mod request;
pub mod visit;
pub mod withheld;

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;
use tokio::net::TcpStream;
use tower_service::Service as _;

use crate::actors::root::Life;
use crate::api::Api;
use crate::api::auth::{Door, Membership};
use crate::api::connection::{self, times_of};
use crate::api::gate::party::Party;
use crate::api::gate::shed::Phase;
use crate::api::origin::Origin;
use crate::api::web::arrival::{Arrived, ProxySettings, Whereabouts};
use crate::api::web::request::{Asked, Site, Verdict, judge};
use crate::api::web::visit::Here;
use crate::service::life::wait_for_life;
use crate::service::web::book::Visitor;

/// Serves a connection until its client hangs up, it has to give way, or the daemon ends.
pub async fn serve_page(api: Arc<Api>, routes: Router, arrived: Arrived, stream: TcpStream) {
    let Arrived { whereabouts, local, seat, party } = arrived;
    let times = times_of(party.class());
    let mut life = api.service.life.clone();
    let name = match &whereabouts {
        Whereabouts::User { name, .. } => name.clone(),
        Whereabouts::InRun | Whereabouts::Unknown(_) => String::new(),
    };
    let placement = Membership::Outside(name);
    let origin = Origin { door: Door::Web, peer: None, placement, seat: Arc::clone(&seat), party };
    let page = Arc::new(Page { whereabouts, local, origin: Arc::new(origin) });
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let (api, page, routes) = (Arc::clone(&api), Arc::clone(&page), routes.clone());
        async move { Ok::<_, Infallible>(page.answer(&api, routes, request.map(Body::new)).await) }
    });
    let daemon_ends = async move { wait_for_life(&mut life, |life| life == Life::Ending).await };
    connection::serve(stream, seat, times, service, daemon_ends).await;
}

/// One connection of a browser.
struct Page {
    whereabouts: Whereabouts,
    local: std::net::SocketAddr,
    origin: Arc<Origin>,
}

impl Page {
    async fn answer(&self, api: &Arc<Api>, routes: Router, request: Request<Body>) -> Response {
        let uid = match &self.whereabouts {
            Whereabouts::User { uid, .. } => *uid,
            Whereabouts::InRun => return headers::closed(answers::in_run(request.uri().path())),
            Whereabouts::Unknown(why) => return headers::closed(answers::unknown_peer(why)),
        };
        // What of it is the proxy's is asked again each time: a reload may have changed it.
        let proxy = ProxySettings::now(api).await;
        let is_proxy = proxy.as_ref().is_some_and(|proxy| proxy.uid == Some(uid));
        let visitor = if is_proxy { Visitor::Proxy } else { Visitor::User(uid) };
        let site = match proxy.filter(|_| is_proxy) {
            Some(proxy) => Site::Proxy(proxy.origin),
            None => Site::Loopback(self.local),
        };
        let asked = Asked::of(&request);
        let verdict = judge(&asked, &site);
        let (origin, is_secure) = match &verdict {
            Verdict::Served { origin } => (origin.clone(), matches!(site, Site::Proxy(_))),
            Verdict::Elsewhere(location) => return headers::plain(answers::elsewhere(location)),
            Verdict::Refused(why) => return headers::plain(answers::refused(*why, &site)),
        };
        let here = Here { visitor, port: self.local.port(), is_secure };
        let answer = self.serve(api, routes, request, here).await;
        self.settle();
        headers::dress(answer, &origin)
    }

    async fn serve(
        &self,
        api: &Arc<Api>,
        mut routes: Router,
        mut request: Request<Body>,
        here: Here,
    ) -> Response {
        let path = request.uri().path().to_owned();
        if path == login::PATH {
            return login::answer(api, &self.origin.seat, request, here).await;
        }
        if let Some(asset) = assets::find(&path).filter(|asset| asset.is_open) {
            return assets::answer(asset, &request);
        }
        let visit = match visit::of(api, request.headers(), here).await {
            Ok(Some(visit)) => visit,
            Ok(None) if assets::is_page(&path) => return answers::log_in(),
            Ok(None) => return answers::no_session(),
            Err(error) => return error.into_response(),
        };
        // It may have been accepted before anything was known of it.
        if let Whereabouts::User { uid, .. } = &self.whereabouts
            && let Err(full) = self.origin.seat.move_to(Party::Page(*uid))
        {
            return full.into_response();
        }
        if let Some(asset) = assets::find(&path) {
            return assets::answer(asset, &request);
        }
        request.extensions_mut().insert(Arc::clone(&self.origin));
        request.extensions_mut().insert(Arc::new(visit));
        match routes.call(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    /// What is answered here is answered at once.
    fn settle(&self) {
        if self.origin.seat.phase() == Phase::Receiving {
            self.origin.seat.enter(Phase::Idle);
        }
    }
}
