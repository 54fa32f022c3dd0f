//! Programs that give who executes them another user or a capability: set-user-id ones, and those with capabilities of the file
//! (capabilities(7)). With no_new_privs they do not.

#![expect(unsafe_code, reason = "getxattr(2) has no safe wrapper")]

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use nix::libc;

/// The bit of a mode that says so.
const SET_USER_ID: u32 = 0o4000;

/// Whether executing `path` gives other rights. What cannot be looked at does not.
pub fn gives_rights(path: &Path) -> bool {
    let is_set_user_id = || {
        let found = std::fs::metadata(path);
        found.is_ok_and(|found| found.is_file() && found.permissions().mode() & SET_USER_ID != 0)
    };
    is_set_user_id() || has_file_capabilities(path)
}

fn has_file_capabilities(path: &Path) -> bool {
    let Ok(path) = CString::new(path.as_os_str().as_bytes()) else { return false };
    let name = c"security.capability";
    // SAFETY: both strings end with NUL; with a length of 0 nothing is written, and the answer is the length of the value.
    let length = unsafe { libc::getxattr(path.as_ptr(), name.as_ptr(), std::ptr::null_mut(), 0) };
    length > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_bit_and_the_attribute_count() {
        let temp = tempfile::tempdir().unwrap();
        let program = temp.path().join("program");
        std::fs::write(&program, "").unwrap();
        for (mode, expected) in [(0o755, false), (0o4755, true), (0o2755, false)] {
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(gives_rights(&program), expected, "{mode:o}");
        }
        assert!(!gives_rights(temp.path()) && !gives_rights(Path::new("/nowhere")));
        assert!(!gives_rights(Path::new("a\0b")));
    }
}
