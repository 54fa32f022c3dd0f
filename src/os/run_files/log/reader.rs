//! Puts a log's head and tail together again, also while it is being written.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::OFlag;

use super::format::{HEADER_BYTES, segment_path, split_header};

/// Readings before giving up on seeing both segments at one instant. A writer that turns segments during each
/// of them is writing far faster than it is paced.
const READINGS_MAX: usize = 8;

/// A log as text for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunLogText {
    /// Head and tail, with a line between them that counts what is missing there.
    pub bytes: Vec<u8>,
    /// Output that is not in `bytes`: what the log did not keep, and what the window left out.
    pub omitted: u64,
}

/// Reads the log at `path`; none when there is none.
///
/// With `tail` only the last so many bytes, less the broken line that they may begin with. A window that
/// begins where a line begins loses nothing, and one inside a single long line is returned as it is.
///
/// # Errors
/// A file of the log is there and cannot be read.
pub fn read_log(path: &Path, tail: Option<u64>) -> io::Result<Option<RunLogText>> {
    let Some(parts) = read_parts(path)? else { return Ok(None) };
    Ok(Some(parts.into_text(tail)))
}

/// The segments that can be relied on now, each with the place of its first byte after the head.
///
/// # Errors
/// A segment is there and cannot be read.
pub(super) fn read_segments(path: &Path) -> io::Result<Vec<(u64, Vec<u8>)>> {
    let tail = read_settled_tail(path)?;
    let is_settled = tail.is_settled;
    let whole = |segment: &SegmentRead| segment.is_whole && (is_settled || segment.is_newest);
    let segments = tail.segments.into_iter().filter(whole);
    Ok(segments
        .filter_map(|segment| split_header(&segment.bytes).map(|(at, text)| (at, text.to_vec())))
        .collect())
}

#[derive(Debug, Default)]
struct LogParts {
    head: Vec<u8>,
    /// Output between the two, which is gone.
    omitted: u64,
    tail: Vec<u8>,
}

/// Reads the tail first: it only begins when the head is complete, so a head that is read later fits to it.
fn read_parts(path: &Path) -> io::Result<Option<LogParts>> {
    let tail = read_settled_tail(path)?;
    Ok(read_file(path, u64::MAX)?.map(|head| join(head, &tail)))
}

fn read_settled_tail(path: &Path) -> io::Result<Tail> {
    let mut tail = read_tail(path)?;
    for _reading in 1..READINGS_MAX {
        if tail.is_settled {
            break;
        }
        tail = read_tail(path)?;
    }
    Ok(tail)
}

/// One that was turned while it was read is in pieces; what it may have held counts as omitted.
fn join(head: Vec<u8>, tail: &Tail) -> LogParts {
    let mut whole: Vec<(u64, &[u8])> = tail
        .segments
        .iter()
        .filter(|segment| segment.is_whole && (tail.is_settled || segment.is_newest))
        .filter_map(|segment| split_header(&segment.bytes))
        .collect();
    whole.sort_by_key(|(past_head, _content)| *past_head);
    let omitted = whole.first().map_or(tail.begins_at, |(past_head, _content)| *past_head);
    let tail = whole.iter().flat_map(|(_past_head, content)| *content).copied().collect();
    LogParts { head, omitted, tail }
}

/// Both segments, as far as they are there.
struct Tail {
    segments: Vec<SegmentRead>,
    /// Neither was turned from before the first was read until after the second was.
    is_settled: bool,
    /// Highest place at which a segment was seen to begin.
    begins_at: u64,
}

struct SegmentRead {
    bytes: Vec<u8>,
    /// It was not turned while it was read.
    is_whole: bool,
    is_newest: bool,
}

fn read_tail(path: &Path) -> io::Result<Tail> {
    let before = read_begins(path)?;
    let contents = [
        read_file(&segment_path(path, 0), u64::MAX)?.unwrap_or_default(),
        read_file(&segment_path(path, 1), u64::MAX)?.unwrap_or_default(),
    ];
    Ok(Tail::of(before, contents, read_begins(path)?))
}

impl Tail {
    /// Judges what was read by where the segments began before and after.
    fn of(before: [Option<u64>; 2], contents: [Vec<u8>; 2], after: [Option<u64>; 2]) -> Self {
        let newest = after.iter().max().copied().flatten();
        let mut segments = Vec::new();
        for ((bytes, before), after) in contents.into_iter().zip(before).zip(after) {
            let begins = split_header(&bytes).map(|(past_head, _content)| past_head);
            let is_whole = begins == before && begins == after;
            segments.push(SegmentRead { bytes, is_whole, is_newest: begins == newest });
        }
        let is_settled = segments.iter().all(|segment| segment.is_whole);
        Self { segments, is_settled, begins_at: newest.unwrap_or(0) }
    }
}

/// Where each segment begins now; none for one that is not there.
fn read_begins(path: &Path) -> io::Result<[Option<u64>; 2]> {
    let header_bytes = u64::try_from(HEADER_BYTES).unwrap_or(u64::MAX);
    let mut begins = [None; 2];
    for (index, begin) in begins.iter_mut().enumerate() {
        let line = read_file(&segment_path(path, index), header_bytes)?;
        *begin = line.as_deref().and_then(split_header).map(|(past_head, _content)| past_head);
    }
    Ok(begins)
}

fn read_file(path: &Path, at_most: u64) -> io::Result<Option<Vec<u8>>> {
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
    let opened: io::Result<File> = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let mut bytes = Vec::new();
    match opened.and_then(|file| file.take(at_most).read_to_end(&mut bytes)) {
        Ok(_length) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io::Error::new(error.kind(), format!("{}: {error}", path.display()))),
    }
}

impl LogParts {
    fn into_text(self, tail: Option<u64>) -> RunLogText {
        let Self { head, omitted, tail: kept_tail } = self;
        let mut text = head;
        let head_end = text.len();
        if omitted > 0 {
            if text.last().is_some_and(|last| *last != b'\n') {
                text.push(b'\n');
            }
            text.extend_from_slice(format!("… [{omitted} bytes omitted] …\n").as_bytes());
        }
        let tail_begin = text.len();
        text.extend_from_slice(&kept_tail);
        let begin = tail.map_or(0, |window| window_begin(&text, window));
        let cut = begin.min(head_end) + begin.saturating_sub(tail_begin);
        text.drain(..begin);
        let cut = u64::try_from(cut).unwrap_or(u64::MAX);
        RunLogText { bytes: text, omitted: omitted.saturating_add(cut) }
    }
}

/// Where the last `window` bytes of `text` begin, moved to the next line unless a line begins there anyway or
/// nothing would be left.
pub(super) fn window_begin(text: &[u8], window: u64) -> usize {
    let window = usize::try_from(window).unwrap_or(usize::MAX);
    let begin = text.len().saturating_sub(window);
    let is_line_begin = begin == 0 || text.get(begin - 1) == Some(&b'\n');
    if is_line_begin {
        return begin;
    }
    let rest = text.get(begin..).unwrap_or_default();
    match rest.iter().position(|byte| *byte == b'\n') {
        Some(line_end) if line_end + 1 < rest.len() => begin + line_end + 1,
        Some(_) | None => begin,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::run_files::log::header;

    fn segment(begin: u64, content: &str) -> Vec<u8> {
        [header(begin), content.as_bytes().to_vec()].concat()
    }

    #[test]
    fn segments_are_joined_only_as_they_were_at_one_instant() {
        let (zeroth, first) = (segment(0, "old "), segment(4, "new"));
        let turned = segment(8, "later");
        let (at_0, at_4, at_8) = (Some(0), Some(4), Some(8));
        // (before, contents, after, settled, omitted, tail)
        let cases = [
            ([None, None], [vec![], vec![]], [None, None], true, 0, ""),
            ([at_0, None], [zeroth.clone(), vec![]], [at_0, None], true, 0, "old "),
            ([at_0, at_4], [zeroth.clone(), first.clone()], [at_0, at_4], true, 0, "old new"),
            ([at_8, at_4], [turned.clone(), first.clone()], [at_8, at_4], true, 4, "newlater"),
            // The second was begun after the first was read, which may have been filling still.
            ([at_0, None], [zeroth.clone(), first.clone()], [at_0, at_4], false, 4, ""),
            // The first was turned before, while and after it was read.
            ([at_0, at_4], [turned.clone(), first.clone()], [at_8, at_4], false, 8, ""),
            ([at_0, at_4], [b"[omit".to_vec(), first.clone()], [at_8, at_4], false, 8, ""),
            ([at_0, at_4], [zeroth, first.clone()], [at_8, at_4], false, 8, ""),
            // The older one was turned away, the newer one is whole.
            ([at_0, at_4], [vec![], first], [None, at_4], false, 4, "new"),
        ];
        for (before, contents, after, is_settled, omitted, expected) in cases {
            let what = format!("{before:?} {after:?}");
            let tail = Tail::of(before, contents, after);
            assert_eq!(tail.is_settled, is_settled, "{what}");
            let parts = join(Vec::new(), &tail);
            assert_eq!(
                (parts.omitted, parts.tail.as_slice()),
                (omitted, expected.as_bytes()),
                "{what}"
            );
        }
    }
}
