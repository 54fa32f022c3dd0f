//! A run of the board that is open, with what its rows say.

use crate::kernel::run::Run;
use crate::kernel::store::footing::Footing as RowFooting;
use crate::kernel::task::Task;

/// A run that is about to be taken over.
#[derive(Debug, Clone)]
pub struct OpenRun {
    /// Its row.
    pub run: Run,
    /// Its task.
    pub task: Task,
    /// What its row says about its processes.
    pub row: RowFooting,
}
