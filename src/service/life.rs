//! Waiting for a stage of the daemon's life.

use tokio::sync::watch;

use crate::actors::root::Life;

/// Returns when the daemon's life is as wanted, or its root is gone (then the process ends anyway).
pub async fn wait_for_life(life: &mut watch::Receiver<Life>, is_wanted: impl Fn(Life) -> bool) {
    while !is_wanted(*life.borrow_and_update()) {
        if life.changed().await.is_err() {
            return;
        }
    }
}
