//! Who a process is: never a bare PID.
//!
//! A PID is reused; the pair of PID and start time (in clock ticks since boot, field 22 of
//! `/proc/<pid>/stat`, see proc_pid_stat(5)) is not, within one boot. The boot id
//! (`/proc/sys/kernel/random/boot_id`) makes it unique for good.

use serde::{Deserialize, Serialize};

/// Boot id, PID and start ticks: equal only for the same process.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProcessIdentity {
    /// `/proc/sys/kernel/random/boot_id` when the process was seen.
    pub boot_id: String,
    /// Process id in the daemon's PID namespace.
    pub pid: i32,
    /// Start time in clock ticks since boot.
    pub start_ticks: u64,
}
