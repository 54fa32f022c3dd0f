//! What every shim is started with, by the daemon itself or the holder.

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use nix::sys::signal::{SigSet, Signal};

use crate::failpoint;
use crate::os::processes::proc_root::HOST_PROC_DESCRIPTOR;
use crate::os::processes::user::RunAs;

/// The option behind which the user of the worker stands. Never in the spec: that is a file which the daemon's user can write.
pub const RUN_AS_OPTION: &str = "--as";

/// The option behind which the soft limit of open files stands that the shim, and so its worker, is to have.
pub const DESCRIPTOR_LIMIT_OPTION: &str = "--open-files";

/// The option that says that the host's `/proc` is handed over, with the number of its descriptor.
pub const HOST_PROC_OPTION: &str = "--host-proc";

/// The arguments, the program's name first. `open_files` is the soft limit that the shim is to set; none to keep the one that it is
/// started with. `has_host_proc`: the shim finds the host's `/proc` at its descriptor.
///
/// # Errors
/// A zero byte is in one of them.
pub fn arguments(
    run_dir: &Path,
    nonce: &str,
    run_as: Option<&RunAs>,
    open_files: Option<u64>,
    has_host_proc: bool,
) -> io::Result<Vec<CString>> {
    let mut arguments = vec![
        c"kanban-shim".to_owned(),
        CString::new(run_dir.as_os_str().as_bytes())?,
        CString::new(nonce)?,
    ];
    if let Some(run_as) = run_as {
        arguments.push(CString::new(RUN_AS_OPTION)?);
        arguments.push(CString::new(run_as.to_argument())?);
    }
    if let Some(open_files) = open_files {
        arguments.push(CString::new(DESCRIPTOR_LIMIT_OPTION)?);
        arguments.push(CString::new(open_files.to_string())?);
    }
    if has_host_proc {
        arguments.push(CString::new(HOST_PROC_OPTION)?);
        arguments.push(CString::new(HOST_PROC_DESCRIPTOR.to_string())?);
    }
    Ok(arguments)
}

/// Nothing, but for the fail points that tests arm: a shim needs no variable.
///
/// # Errors
/// A zero byte is in it.
pub fn environment() -> io::Result<Vec<CString>> {
    let armed = std::env::var_os(failpoint::VARIABLE)
        .filter(|_value| cfg!(any(debug_assertions, feature = "failpoints")));
    let Some(value) = armed else { return Ok(Vec::new()) };
    let pair = [failpoint::VARIABLE.as_bytes(), value.as_bytes()].join(&b'=');
    Ok(vec![CString::new(pair)?])
}

/// Those signals that the shim reads or ignores: one that is sent before it is ready for it waits instead of
/// ending it.
pub fn blocked_signals() -> SigSet {
    let mut blocked = SigSet::empty();
    for signal in
        [Signal::SIGTERM, Signal::SIGQUIT, Signal::SIGCHLD, Signal::SIGHUP, Signal::SIGINT]
    {
        blocked.add(signal);
    }
    blocked
}
