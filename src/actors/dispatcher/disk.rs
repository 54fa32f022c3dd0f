//! A disk that is nearly full.

use std::time::Duration;

use actix::{AsyncContext as _, Context};

use super::Dispatcher;
use crate::kernel::dispatch_switch::Hold;

/// Time between two looks at a disk that is nearly full.
const DISK_LOOK: Duration = Duration::from_secs(2);

impl Dispatcher {
    /// Nobody tells when a disk has room again, so it is looked at, for as long as it is what holds everything up.
    pub(super) fn watch_disk(&mut self, held_by: Option<Hold>, context: &mut Context<Self>) {
        let is_held = held_by == Some(Hold::Disk);
        if is_held && !self.is_held_by_disk {
            tracing::warn!("the disk is nearly full: nothing is started until there is free space");
        } else if !is_held && self.is_held_by_disk {
            tracing::info!("the disk has free space again");
        }
        self.is_held_by_disk = is_held;
        if let Some(look) = self.disk_look.take() {
            context.cancel_future(look);
        }
        self.disk_look = is_held.then(|| context.run_later(DISK_LOOK, Self::pass));
    }
}
