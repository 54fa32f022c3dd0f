//! Notices that the disk is nearly full, and that it is no longer.

use crate::kernel::error::VerbError;
use crate::kernel::host_notices::{HostNotice, has_watchers, tell_watchers};
use crate::kernel::notice::Class;
use crate::kernel::store::install::{set_setting, setting};
use crate::kernel::tx::Tx;

/// Setting that keeps since when a notice says that the disk is nearly full; empty: none does.
const DISK_LOW_SINCE: &str = "notify.disk_low_since";

/// Writes one notice when the disk becomes nearly full and one when it is no longer, however often passes look.
pub(super) fn tell(tx: &mut Tx<'_>, is_low: bool) -> Result<(), VerbError> {
    if !has_watchers(tx)? {
        return Ok(());
    }
    let was_low = setting(tx.store(), DISK_LOW_SINCE)?.is_some_and(|since| !since.is_empty());
    if was_low == is_low {
        return Ok(());
    }
    let since = if is_low { tx.now.to_string() } else { String::new() };
    let by = tx.caller.actor().to_string();
    set_setting(tx.store(), DISK_LOW_SINCE, &since, tx.now, &by)?;
    let (class, headline) = if is_low {
        (Class::Ask, "The disk is nearly full: nothing is started.")
    } else {
        (Class::News, "The disk has room again: tasks are started.")
    };
    tell_watchers(tx, HostNotice { key: "disk", class, headline, but: None })
}
