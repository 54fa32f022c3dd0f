//! `get_dispatch`: shows the position of the dispatch switch.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::dispatch_switch::DispatchSwitch;
use crate::kernel::error::VerbError;
use crate::kernel::query::Query;
use crate::kernel::snapshot::Snapshot;
use crate::kernel::store;

/// Tells whether the board starts anything.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GetDispatch {}

/// Position of the dispatch switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "DispatchState")]
pub struct DispatchState<D = DispatchSwitch> {
    /// Position of the dispatch switch.
    pub dispatch: D,
    /// Number of open supervised runs.
    pub open_runs: usize,
}

impl Query for GetDispatch {
    type Reply = DispatchState;
    const NAME: &'static str = "get_dispatch";

    fn read(&self, snapshot: &Snapshot<'_>) -> Result<DispatchState, VerbError> {
        snapshot.caller.may_ask(Self::NAME)?;
        Ok(DispatchState {
            dispatch: DispatchSwitch::read(snapshot.connection)?,
            open_runs: store::runs::list_open_supervised(snapshot.connection)?.len(),
        })
    }
}
