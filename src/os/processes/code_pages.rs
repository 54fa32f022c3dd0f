//! Releases the pages of a program's code that are used only at its start.
//!
//! A supervisor starts in a few milliseconds and then sleeps for hours; what it ran through meanwhile would stay mapped, and
//! each page counts for it. The pages are the file's own: they stay in the page cache, and come back on the next use without
//! a disk.

#![expect(unsafe_code, reason = "madvise(2) on an address range has no safe wrapper")]

use std::io;

use nix::errno::Errno;
use nix::libc;

/// Unmaps the pages of this program's code, for a process that is about to sleep. They come back as they are used.
///
/// # Errors
/// `/proc` cannot be read, or madvise(2) refuses; nothing has changed then.
pub fn give_back_code_pages() -> io::Result<()> {
    let here = give_back_code_pages as fn() -> io::Result<()> as usize;
    let maps = std::fs::read_to_string("/proc/self/maps")?;
    let (start, end) =
        maps.lines().find_map(|line| code_around(line, here)).ok_or(io::ErrorKind::NotFound)?;
    // SAFETY: the range is a mapping of this process that is executable and not writable, so its pages are those of the file;
    // MADV_DONTNEED has the next access to one map it again from there.
    let done =
        unsafe { libc::madvise(start as *mut libc::c_void, end - start, libc::MADV_DONTNEED) };
    Errno::result(done)?;
    Ok(())
}

/// The range of a line of proc_pid_maps(5), when it is code and `address` lies in it.
fn code_around(line: &str, address: usize) -> Option<(usize, usize)> {
    let (range, rest) = line.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let parse = |text| usize::from_str_radix(text, 16).ok();
    let (start, end) = (parse(start)?, parse(end)?);
    let is_code = rest.starts_with("r-xp");
    (is_code && (start..end).contains(&address)).then_some((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_that_is_not_writable_is_found_and_only_around_its_address() {
        let line = "55d0c000-55d0f000 r-xp 00001000 fe:00 7 /usr/libexec/kanband/kanban-shim";
        assert_eq!(code_around(line, 0x55d0_d123), Some((0x55d0_c000, 0x55d0_f000)));
        assert_eq!(code_around(line, 0x55d0_f000), None);
        for other in ["r--p", "rw-p", "rwxp", "r-xs"] {
            assert_eq!(code_around(&line.replace("r-xp", other), 0x55d0_d123), None, "{other}");
        }
        assert_eq!(code_around("nonsense", 1), None);
    }

    #[test]
    fn a_program_goes_on_without_its_pages() {
        give_back_code_pages().unwrap();
        assert_eq!((1..=10).product::<u64>(), 3_628_800);
    }
}
