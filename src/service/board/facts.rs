//! What holds for a board as a whole, in a few numbers: dispatch, slots, breakers, the boards, how much waits for a person.

use crate::kernel::caller::Caller;
use crate::kernel::counts::Counts;
use crate::kernel::dispatch_switch::DispatchSwitch;
use crate::kernel::error::Fault;
use crate::kernel::ids::BoardName;
use crate::kernel::queries::{Snapshot, WaitingFacts, waiting_tasks};
use crate::kernel::store::{self, Connection};
use crate::kernel::task::TaskStatus;
use crate::service::attention::{self, HostFacts};
use crate::service::board::pages::{BoardEntry, BoardFacts};
use crate::service::{Service, ServiceError};

/// Reads them.
///
/// # Errors
/// A fault.
pub async fn read_facts(service: &Service) -> Result<BoardFacts, ServiceError> {
    // Before the read: what changes meanwhile is sent once more.
    let changes = *service.feed.watch_facts().borrow();
    let counts = attention::ready_and_blocked(service);
    let host = HostFacts::of(service, &counts).await;
    let (policy, all_counts) = (service.configuration.policy(), service.database.counts());
    let read = move |snapshot: &Snapshot<'_>| {
        let connection = snapshot.connection;
        let (names, boards) = list_boards(connection, &all_counts)?;
        let mut waiting = attention::of_host(snapshot, &host)?;
        let facts = WaitingFacts { policy: &policy, counts: &counts, unusable: &host.unusable };
        waiting.extend(waiting_tasks(snapshot, facts, &names, None)?);
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
            changes,
            boards,
        })
    };
    Ok(service.readers.read(Caller::System { part: "board feed" }, read).await?)
}

/// All boards, with the number of tasks of each that are neither done nor archived.
///
/// # Errors
/// A fault of the database.
pub fn list_boards(
    connection: &Connection,
    counts: &Counts,
) -> Result<(Vec<BoardName>, Vec<BoardEntry>), Fault> {
    let is_open = |status: TaskStatus| !status.satisfies_children();
    let entry = |name: &BoardName| {
        let of_board = counts.of_board(name).filter(|(key, _)| is_open(key.status));
        BoardEntry { name: name.to_string(), open: of_board.map(|(_, count)| count).sum() }
    };
    let boards = store::boards::list(connection)?;
    let names: Vec<BoardName> = boards.into_iter().map(|board| board.name).collect();
    let entries = names.iter().map(entry).collect();
    Ok((names, entries))
}
