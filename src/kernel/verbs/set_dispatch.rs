//! `set_dispatch`: pauses, drains or resumes dispatch.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::dispatch_switch::{DispatchSwitch, switch_dispatch};
use crate::kernel::error::VerbError;
use crate::kernel::host_notices::{HostNotice, tell_watchers};
use crate::kernel::notice::Class;
use crate::kernel::store;
use crate::kernel::tx::{Signal, Tx};
use crate::kernel::verb::Verb;

/// Turns starting on or off.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetDispatch {
    /// The new position.
    pub to: DispatchSwitch,
}

/// Result of `set_dispatch`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "SetDispatchReply")]
pub struct SetDispatchReply<D = DispatchSwitch> {
    /// The new position.
    pub dispatch: D,
    /// The previous position.
    pub before: D,
    /// Number of open supervised runs.
    pub open_runs: usize,
}

impl Verb for SetDispatch {
    type Reply = SetDispatchReply;
    const NAME: &'static str = "set_dispatch";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<SetDispatchReply, VerbError> {
        tx.caller.may_ask(Self::NAME)?;
        let before = DispatchSwitch::read(tx.store())?;
        switch_dispatch(tx, self.to)?;
        tx.signal(Signal::FactsMoved);
        if before != self.to {
            notify(tx, self.to)?;
        }
        if self.to == DispatchSwitch::On {
            tx.signal(Signal::DispatchDue);
            // Schedules make up for what they missed.
            tx.signal(Signal::TimeSet { at: tx.now });
        }
        let open_runs = store::runs::list_open_supervised(tx.store())?.len();
        Ok(SetDispatchReply { dispatch: self.to, before, open_runs })
    }
}

fn notify(tx: &mut Tx<'_>, to: DispatchSwitch) -> Result<(), VerbError> {
    let by = tx.caller.author().to_owned();
    let headline = match to {
        DispatchSwitch::On => format!("{by} has resumed dispatch: tasks are started again."),
        DispatchSwitch::Draining => format!("{by} drains dispatch: nothing is started."),
        DispatchSwitch::Paused => format!("{by} has paused dispatch: nothing is started."),
    };
    let notice = HostNotice { key: "dispatch", class: Class::News, headline: &headline, but: None };
    tell_watchers(tx, notice)
}
