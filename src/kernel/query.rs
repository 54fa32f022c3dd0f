//! A request that reads.

use serde::Serialize;

use crate::kernel::error::VerbError;
use crate::kernel::snapshot::Snapshot;

/// A request that reads.
pub trait Query: Send + 'static {
    /// What it answers.
    type Reply: Serialize + Send + 'static;
    /// Its name, on every surface.
    const NAME: &'static str;

    /// Answers it.
    ///
    /// # Errors
    /// A refusal or a fault.
    fn read(&self, snapshot: &Snapshot<'_>) -> Result<Self::Reply, VerbError>;
}
