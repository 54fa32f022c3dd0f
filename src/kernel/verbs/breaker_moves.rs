//! How breakers move: one function writes a breaker and its events.

use crate::kernel::breaker::{Breaker, BreakerKey};
use crate::kernel::error::VerbError;
use crate::kernel::event::EventBody;
use crate::kernel::ids::RunId;
use crate::kernel::run::Run;
use crate::kernel::store;
use crate::kernel::task::Task;
use crate::kernel::tx::{Signal, Tx};

/// Moves a breaker by `rule`, writes it when it changed, and tells of it when it opened or closed: under the task (and in
/// the run) that did it.
pub(super) fn move_breaker(
    tx: &mut Tx<'_>,
    key: &BreakerKey,
    (task, run_id): (&Task, Option<RunId>),
    rule: impl FnOnce(Breaker) -> Breaker,
) -> Result<(), VerbError> {
    let before = store::breakers::get(tx.store(), key)?;
    let after = rule(before.clone());
    if after == before {
        return Ok(());
    }
    store::breakers::put(tx.store(), &after, tx.now)?;
    if after.state != before.state || after.probe_run_id != before.probe_run_id {
        tx.signal(Signal::BreakerMoved { key: key.to_text(), open_until: after.open_until });
        if after.is_closed() {
            tx.signal(Signal::DispatchDue);
        }
    }
    if before.is_closed() && !after.is_closed() {
        let (key, until, error) = (&key.to_text(), after.open_until, after.last_error.as_deref());
        tx.event(task, run_id, &EventBody::BreakerOpened { key, until, error })?;
    } else if after.is_closed() && !before.is_closed() {
        tx.event(task, run_id, &EventBody::BreakerClosed { key: &key.to_text() })?;
    }
    Ok(())
}

/// The breakers of a run's profile and of its workspace.
pub(super) fn breakers_of(
    tx: &Tx<'_>,
    run: &Run,
) -> Result<(Option<BreakerKey>, Option<BreakerKey>), VerbError> {
    let workspace = store::runs::workspace_key(tx.store(), run.id)?;
    Ok((run.profile.clone().map(BreakerKey::Profile), workspace.map(BreakerKey::Workspace)))
}

/// Lets the next start be the probe of every breaker whose probe the run was: its end says nothing about their subjects.
pub(super) fn release_probes(tx: &mut Tx<'_>, run: &Run, task: &Task) -> Result<(), VerbError> {
    let (profile, workspace) = breakers_of(tx, run)?;
    for key in [Some(BreakerKey::Host), profile, workspace].into_iter().flatten() {
        move_breaker(tx, &key, (task, Some(run.id)), |breaker| breaker.after_silent_probe(run.id))?;
    }
    Ok(())
}
