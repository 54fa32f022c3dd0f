//! What holds for a board as a whole, in a few numbers: dispatch, slots, breakers, how much waits for a person.

use crate::kernel::caller::Caller;
use crate::kernel::dispatch_switch::DispatchSwitch;
use crate::kernel::ids::BoardName;
use crate::kernel::queries::{Snapshot, WaitingFacts, waiting_tasks};
use crate::kernel::store;
use crate::service::attention::{self, HostFacts};
use crate::service::board::pages::BoardFacts;
use crate::service::{Service, ServiceError};

/// Reads them.
///
/// # Errors
/// A fault.
pub async fn read_facts(service: &Service) -> Result<BoardFacts, ServiceError> {
    let counts = attention::ready_and_blocked(service);
    let host = HostFacts::of(service, &counts).await;
    let policy = service.configuration.policy();
    let read = move |snapshot: &Snapshot<'_>| {
        let connection = snapshot.connection;
        let boards = store::boards::list(connection)?;
        let boards: Vec<BoardName> = boards.into_iter().map(|board| board.name).collect();
        let mut waiting = attention::of_host(snapshot, &host)?;
        let facts = WaitingFacts { policy: &policy, counts: &counts, unusable: &host.unusable };
        waiting.extend(waiting_tasks(snapshot, facts, &boards, None)?);
        let dispatch = match (DispatchSwitch::read(connection)?, policy.dispatch_enabled) {
            (DispatchSwitch::Paused, _) => "paused",
            (DispatchSwitch::Draining, _) => "draining",
            (DispatchSwitch::On, false) => "disabled",
            (DispatchSwitch::On, true) => "on",
        };
        let (held, _more) = store::breakers::list_held(connection)?;
        let open_runs = store::runs::count_open_by_profile(connection)?;
        Ok(BoardFacts {
            dispatch: dispatch.to_owned(),
            open_runs: open_runs.into_iter().map(|(_, count)| count).sum(),
            max_running: policy.max_running,
            attention: u32::try_from(attention::rows(waiting).len()).unwrap_or(u32::MAX),
            breakers: held.into_iter().map(|breaker| breaker.key.to_text()).collect(),
        })
    };
    Ok(service.readers.read(Caller::System { part: "board feed" }, read).await?)
}
