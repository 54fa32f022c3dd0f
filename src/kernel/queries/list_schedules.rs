//! `list_schedules`: the schedules of a board.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::query::Query;
use crate::kernel::schedule::Schedule;
use crate::kernel::snapshot::Snapshot;
use crate::kernel::store;

/// Lists the schedules of a board, by name, without the bodies of their tasks.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListSchedules {
    /// Board; default: `default`, inside a run the board of the run.
    pub board: Option<String>,
}

impl Query for ListSchedules {
    type Reply = Vec<Schedule>;
    const NAME: &'static str = "list_schedules";

    fn read(&self, snapshot: &Snapshot<'_>) -> Result<Vec<Schedule>, VerbError> {
        let board = snapshot.board(self.board.as_deref(), Self::NAME)?;
        let mut schedules = store::schedules::list(snapshot.connection, &board)?;
        for schedule in &mut schedules {
            schedule.task.remove("body");
        }
        Ok(schedules)
    }
}
