//! The format of a log on disk: the names of its files and the first line of a segment.

use std::path::{Path, PathBuf};

/// Length of a segment's first line.
pub(super) const HEADER_BYTES: usize = 37;

pub(super) fn segment_path(path: &Path, index: usize) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".tail.{index}"));
    PathBuf::from(name)
}

/// The log that a segment belongs to; none when it is no segment by its name.
pub(super) fn log_of_segment(path: &Path) -> Option<PathBuf> {
    let (log, index) = path.file_name()?.to_str()?.rsplit_once(".tail.")?;
    matches!(index, "0" | "1").then(|| path.with_file_name(log))
}

pub(super) fn header(past_head: u64) -> Vec<u8> {
    format!("[omitted {past_head:020} bytes]\n").into_bytes()
}

/// The number in a segment's first line, and what follows the line; none when it is not whole.
pub(super) fn split_header(segment: &[u8]) -> Option<(u64, &[u8])> {
    let (line, content) = segment.split_at_checked(HEADER_BYTES)?;
    let number = line.strip_prefix(b"[omitted ")?.strip_suffix(b" bytes]\n")?;
    let past_head = std::str::from_utf8(number).ok()?.parse().ok()?;
    Some((past_head, content))
}
