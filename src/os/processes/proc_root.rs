//! Where this process reads `/proc`.
//!
//! A run may have a `/proc` of its own that hides the processes of other users ([`crate::os::processes::run_view`]). Its shim is of
//! another user than its worker and would see nothing there, so it is handed a descriptor of the host's `/proc` and reads every
//! process through that. `/proc/self` is the same in both.

#![expect(
    unsafe_code,
    reason = "a descriptor is taken over from the process that started this one"
)]

use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A descriptor of the host's, where `/proc` is another one; kept open for life.
static HOST: OnceLock<(OwnedFd, PathBuf)> = OnceLock::new();

/// Descriptor on which a shim finds the host's `/proc`, when it is handed one.
pub const HOST_PROC_DESCRIPTOR: RawFd = 4;

/// Reads through the descriptor that the starter of this process has left at [`HOST_PROC_DESCRIPTOR`].
///
/// # Errors
/// There is none, or it leads to no directory.
pub fn read_through_inherited() -> io::Result<()> {
    // SAFETY: the starter says that it is open, and nothing in this process has taken it over; closed, every use of it fails.
    let directory = unsafe { OwnedFd::from_raw_fd(HOST_PROC_DESCRIPTOR) };
    let found = nix::sys::stat::fstat(&directory)?;
    if found.st_mode & nix::libc::S_IFMT != nix::libc::S_IFDIR {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    read_through(directory);
    Ok(())
}

/// Reads through this descriptor from now on.
fn read_through(directory: OwnedFd) {
    let path = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd()));
    // A second one is closed: the first is in use.
    drop(HOST.set((directory, path)));
}

/// The directory that shows every process.
pub(in crate::os) fn root() -> &'static Path {
    HOST.get().map_or(Path::new("/proc"), |(_, path)| path)
}

/// Something in it.
pub(in crate::os) fn in_proc(below: impl AsRef<Path>) -> PathBuf {
    root().join(below)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the process that the next test makes of itself.
    const IN_CHILD: &str = "KANBAND_TEST_READS_THROUGH";

    #[test]
    fn every_look_goes_through_the_descriptor_once_there_is_one() {
        use crate::os::processes::{identity, proc_stat, proc_tree};
        let me = std::process::id().cast_signed();
        if std::env::var_os(IN_CHILD).is_some() {
            let temp = tempfile::tempdir().unwrap();
            let stat = std::fs::read_to_string(format!("/proc/{me}/stat")).unwrap();
            let boot_id = temp.path().join("sys/kernel/random/boot_id");
            std::fs::create_dir_all(boot_id.parent().unwrap()).unwrap();
            std::fs::write(boot_id, "of the host\n").unwrap();
            let children = temp.path().join(format!("{me}/task/{me}"));
            std::fs::create_dir_all(&children).unwrap();
            std::fs::write(children.join("children"), "").unwrap();
            std::fs::write(temp.path().join(format!("{me}/stat")), &stat).unwrap();
            // A child that only this directory shows.
            let (_, rest) = stat.rsplit_once(')').unwrap();
            let parent = rest.split_ascii_whitespace().nth(1).unwrap();
            let rest = rest.replacen(&format!(" {parent} "), &format!(" {me} "), 1);
            std::fs::create_dir(temp.path().join("4000000")).unwrap();
            std::fs::write(temp.path().join("4000000/stat"), format!("4000000 (x){rest}")).unwrap();
            assert_eq!(root(), Path::new("/proc"));
            read_through(std::fs::File::open(temp.path()).unwrap().into());
            assert_eq!(identity::boot_id().unwrap(), "of the host");
            assert!(
                proc_stat::read(me).unwrap().is_some()
                    && proc_stat::read_entry(1).unwrap().is_none()
            );
            let found = proc_tree::descendants(me).unwrap();
            assert_eq!(found.iter().map(|one| one.identity.pid).collect::<Vec<_>>(), [4_000_000]);
            return;
        }
        let me = "os::processes::proc_root::tests::every_look_goes_through_the_descriptor_once_there_is_one";
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        let ended = child.args(["--exact", me]).env(IN_CHILD, "1").output().unwrap();
        let printed = String::from_utf8_lossy(&ended.stdout);
        assert!(ended.status.success() && printed.contains("1 passed"), "{printed}");
    }
}
