//! What the dispatcher may reach.

use std::sync::Arc;

use crate::actors::apart::on_own_thread;
use crate::actors::configuration::Configuration;
use crate::actors::database::Database;
use crate::actors::disk::Disk;
use crate::actors::figures::Figures;
use crate::actors::live::Live;
use crate::actors::path_looks::Looker;
use crate::actors::profile_looks::ProfileLooker;
use crate::actors::readers::Readers;
use crate::actors::root::messages::StartWorker;
use crate::actors::timer::messages::Arm;
use crate::actors::wire::Wire;
use crate::kernel::verbs::RunOrder;
use crate::os::host::clock::{epoch_seconds, monotonic_ms};

/// How long what a commit has seen of the disk is good enough for a pass: the floor is far above what runs write in that time.
const FREE_SPACE_MS: u64 = 1_000;

/// What the dispatcher may reach.
#[derive(Clone)]
pub struct DispatcherDeps {
    /// The writer.
    pub database: Database,
    /// The reading connections.
    pub readers: Readers,
    /// The root supervisor, which builds workers.
    pub start_worker: Wire<StartWorker>,
    /// The timer.
    pub arm: Wire<Arm>,
    /// For the tick's length.
    pub configuration: Live<Configuration>,
    /// Whether there is room for another run.
    pub disk: Disk,
    /// Where waits are counted.
    pub figures: Arc<Figures>,
    /// What looks where paths lead.
    pub looker: Looker,
    /// What looks for profiles.
    pub profile_looker: ProfileLooker,
}

impl DispatcherDeps {
    /// Whether the disk is nearly full. The last commit has looked; where that is long ago a thread of its own looks, because a disk may
    /// take its time. One that says nothing has room.
    pub(super) fn is_disk_low(&self) -> impl Future<Output = bool> + use<> {
        let disk = self.disk.clone();
        let seen = self.database.figures().free_bytes(FREE_SPACE_MS, monotonic_ms());
        async move {
            match seen {
                Some(free_bytes) => disk.low(free_bytes).is_some(),
                None => {
                    let look = on_own_thread("disk", move || disk.low_bytes().is_some());
                    look.await.unwrap_or(false)
                }
            }
        }
    }

    pub(super) fn count_wait(&self, order: &RunOrder) {
        if let Some(ready_at) = order.ready_at {
            let waited = (epoch_seconds() - ready_at).max(0);
            self.figures.ready_wait_seconds.see(waited.unsigned_abs());
        }
    }
}
