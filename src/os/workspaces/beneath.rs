//! How names are looked up in directories that others can write to: no link, no mount, no way out.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};

use crate::os::failure::at;

/// Opens the directory `name` directly in `parent`: no link, no mount, no way out.
pub(in crate::os) fn open_directory(parent: impl AsFd, name: &str) -> Result<OwnedFd, Errno> {
    let how = OpenHow::new()
        .flags(OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)
        .resolve(strictly());
    openat2(parent, name, how)
}

/// The same without the right to read it.
pub(in crate::os) fn look_at_directory(parent: impl AsFd, name: &str) -> Result<OwnedFd, Errno> {
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)
        .resolve(strictly());
    openat2(parent, name, how)
}

/// How every name is looked up.
pub(in crate::os) fn strictly() -> ResolveFlag {
    ResolveFlag::RESOLVE_BENEATH
        | ResolveFlag::RESOLVE_NO_SYMLINKS
        | ResolveFlag::RESOLVE_NO_MAGICLINKS
        | ResolveFlag::RESOLVE_NO_XDEV
}

/// The error of a name that is no directory of ours.
pub(in crate::os) fn not_a_directory(path: &Path, errno: Errno) -> io::Error {
    let what = match errno {
        Errno::ELOOP => "is a link",
        Errno::EXDEV => "is a mount point",
        Errno::ENOTDIR => "is not a directory",
        Errno::ENOTEMPTY => "is in the way",
        _ => return at(path, errno.into()),
    };
    io::Error::new(io::ErrorKind::NotADirectory, format!("{} {what}", path.display()))
}
