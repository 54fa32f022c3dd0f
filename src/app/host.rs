//! Resource limits that the daemon raises before it serves: open files.

use super::StartError;
use crate::kernel::shares::{Shares, share};
use crate::os::host::descriptors;

/// Raises the limit of open files, and divides what there is.
pub(super) fn share_descriptors() -> Result<Shares, StartError> {
    let limits = descriptors::raise_limit()
        .map_err(|error| StartError::fault("read the limit of open files", &error))?;
    Ok(share(limits.now))
}
