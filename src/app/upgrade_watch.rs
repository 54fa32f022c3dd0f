//! The upgrade of a large database: whether the disk holds it, and how far it is.

use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use crate::kernel::store::MigrationWatch;
use crate::os::host::disk::free_bytes;
use crate::os::host::service_manager;

/// Time between two lines about the same upgrade.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// Tells the log and the service manager about an upgrade, which is given more time meanwhile (see
/// [`service_manager::more_time`]).
#[derive(Debug, Default)]
pub(super) struct UpgradeWatch(Mutex<Option<Instant>>);

impl MigrationWatch for UpgradeWatch {
    fn free_bytes(&self, file: &Path) -> Option<u64> {
        free_bytes(file.parent()?).ok()
    }

    fn progress(&self, done: usize, of: usize) {
        let mut message = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if message.is_some_and(|message| now.duration_since(message) < TELL_EVERY) {
            return;
        }
        *message = Some(now);
        let status = format!("upgrading the database: {done} of {of} steps");
        service_manager::status(&status);
        tracing::info!(done, of, "upgrading the database");
    }
}
