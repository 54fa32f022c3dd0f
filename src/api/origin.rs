//! Where a request came from, and who it is from.

use std::sync::Arc;

use axum::http::HeaderMap;

use crate::api::Api;
use crate::api::auth::{Claims, Door, Identified, Membership, as_worker, by_row, identify};
use crate::api::doors::placed;
use crate::api::error::ApiError;
use crate::api::gate::ledger::Thing;
use crate::api::gate::party::{Class, Party};
use crate::api::gate::{Seat, too_many};
use crate::api::input::claims;
use crate::kernel::caller::Caller;
use crate::kernel::error::Fault;
use crate::kernel::run::Run;
use crate::kernel::store::{self, Connection};
use crate::kernel::task::Task;
use crate::os::processes::peer::Peer;

/// Where a request came from.
pub struct Origin {
    /// The door of its connection.
    pub door: Door,
    /// Of a caller that is identified again with each request.
    pub peer: Option<Peer>,
    /// Where the kernel has placed its connection.
    pub placement: Membership,
    /// The seat of its connection.
    pub seat: Arc<Seat>,
    /// On whose account its connection was when it was accepted.
    pub party: Party,
}

impl Origin {
    /// The user of an operator's connection.
    pub fn operator_uid(&self) -> Option<u32> {
        match self.party {
            Party::Operator(uid) => Some(uid),
            Party::Page(_) | Party::Run(_) | Party::Unproven(_) => None,
            Party::Refused | Party::Scraper(_) => None,
        }
    }

    /// Whether a request is heard. A connection that was let in to show a token shows it here.
    ///
    /// # Errors
    /// It is not.
    pub async fn check(&self, api: &Api, headers: &HeaderMap) -> Result<(), ApiError> {
        match self.party.class() {
            Class::Operators | Class::Runs | Class::Pages | Class::Scrapers => Ok(()),
            Class::Unproven | Class::Refused => match self.identify(api, headers).await? {
                // Of a run whose end is not known it may be the row that lets it in.
                Caller::Worker { run_id, .. } => self.seat.move_to(Party::Run(run_id)),
                // Who may be heard and is not, found no seat.
                Caller::Operator { .. }
                | Caller::Courier
                | Caller::Chat(_)
                | Caller::System { .. }
                    if self.party.class() == Class::Refused =>
                {
                    Err(too_many(Thing::Connections))
                }
                Caller::Operator { .. }
                | Caller::Courier
                | Caller::Chat(_)
                | Caller::System { .. } => Ok(()),
            },
        }
    }

    /// The caller. A connection of a run is ended when that run is over.
    ///
    /// # Errors
    /// The caller is not heard, or its row cannot be read.
    pub async fn identify(&self, api: &Api, headers: &HeaderMap) -> Result<Caller, ApiError> {
        let claims = &claims(headers)?;
        let caller = caller_of(api, self, claims).await?;
        if let Caller::Worker { run_id, .. } = caller
            && !self.seat.is_of_run(run_id)
        {
            let live_runs = &api.service.live_runs;
            let over = match live_runs.over(run_id) {
                Some(over) => over,
                // Its row let it in, or it has ended just now: its row says which.
                None => {
                    let over = live_runs.over_later(run_id);
                    caller_of(api, self, claims).await?;
                    over
                }
            };
            self.seat.belongs_to_run(run_id, over);
        }
        Ok(caller)
    }
}

/// Who a request is from. What is known of its run may have changed since the connection was accepted.
async fn caller_of(api: &Api, origin: &Origin, claims: &Claims) -> Result<Caller, ApiError> {
    // Kept of a caller that bears a run's mark only.
    let now = origin.peer.as_ref().map(|peer| placed(api, peer));
    let placement = now.as_ref().unwrap_or(&origin.placement);
    let mut identified = identify(origin.door, placement, claims, &api.service.live_runs)?;
    loop {
        if let Identified::OfRun(run_id) = identified {
            identified = as_worker(run_id, &api.service.live_runs);
        }
        if let Identified::Caller(caller) = identified {
            return Ok(caller);
        }
        let asked = identified.clone();
        let row = api
            .service
            .readers
            .read_for_unproven(move |snapshot| Ok(row_of(snapshot.connection, &asked)?))
            .await?;
        identified = by_row(identified, row)?;
    }
}

/// The row that decides about a caller, with its task.
fn row_of(connection: &Connection, asked: &Identified) -> Result<Option<(Run, Task)>, Fault> {
    let run_id = match asked {
        Identified::Caller(_) => None,
        Identified::OfRun(run_id)
        | Identified::FromRun { run_id, .. }
        | Identified::Says(run_id) => Some(*run_id),
        Identified::ByToken { digest, .. } => {
            store::footing::run_of_token(connection, digest.as_str())?
        }
    };
    let Some(run_id) = run_id else { return Ok(None) };
    let Some(run) = store::runs::get(connection, run_id)? else { return Ok(None) };
    let task = store::tasks::get(connection, &run.task_id)?;
    Ok(task.map(|task| (run, task)))
}
