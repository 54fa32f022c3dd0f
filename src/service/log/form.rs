//! What is sent of a log: its text, its text with times, or frames.

use jiff::Timestamp;

use crate::os::run_files::log::{LogPiece, LogTimes};
use crate::text::stamped::Stamped;

/// Most output in one frame, bytes: so much is sent again when a connection breaks.
const FRAME_BYTES_MAX: usize = 65_536;

/// Form of a log that is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogForm {
    /// The output as it is.
    Plain,
    /// Each line behind its time, RFC 3339 in UTC.
    Stamped,
    /// Frames: a line `POSITION BYTES TIME` and so many bytes behind it. The position is that behind the frame, the time is when the
    /// output was written, milliseconds since 1970, or `-`.
    Framed,
}

/// Writes the pieces of a log in a form.
#[derive(Debug)]
pub struct LogText {
    form: LogForm,
    line: Stamped,
    /// Bytes of output and of lines about output that is gone, so far.
    content_bytes: u64,
}

impl LogText {
    /// A text that begins within a line, or with one.
    pub fn new(form: LogForm, is_line_begun: bool) -> Self {
        Self { form, line: Stamped::within_line(is_line_begun), content_bytes: 0 }
    }

    /// Bytes of content so far: without the heads of frames and the times of lines.
    pub fn content_bytes(&self) -> u64 {
        self.content_bytes
    }

    /// What is sent of these pieces. In the place of output that is gone stands a line that counts it.
    pub fn push(&mut self, pieces: &[LogPiece], times: Option<&LogTimes>) -> Vec<u8> {
        let mut out = Vec::new();
        for piece in pieces {
            if piece.gone > 0 {
                let ended = if self.line.is_line_begun() { "\n" } else { "" };
                let line = format!("{ended}… [{} bytes omitted] …\n", piece.gone);
                self.part(piece.at, None, line.as_bytes(), &mut out);
            }
            let (mut at, mut rest) = (piece.at, piece.bytes.as_slice());
            while !rest.is_empty() {
                let (part, behind) = rest.split_at(self.part_bytes(at, rest.len(), times));
                let time = times.and_then(|times| times.at(at));
                at = at.saturating_add(length(part));
                self.part(at, time, part, &mut out);
                rest = behind;
            }
        }
        out
    }

    /// How much from `at` on is of one time, and fits into a frame.
    fn part_bytes(&self, at: u64, left: usize, times: Option<&LogTimes>) -> usize {
        let next = times.and_then(|times| times.next_behind(at));
        let of_time =
            next.map_or(usize::MAX, |next| usize::try_from(next - at).unwrap_or(usize::MAX));
        let of_frame = if self.form == LogForm::Framed { FRAME_BYTES_MAX } else { usize::MAX };
        left.min(of_time).min(of_frame)
    }

    fn part(&mut self, end: u64, time_ms: Option<i64>, content: &[u8], out: &mut Vec<u8>) {
        self.content_bytes = self.content_bytes.saturating_add(length(content));
        let stamp = match self.form {
            LogForm::Plain => None,
            LogForm::Stamped => time_ms.map(rfc3339),
            LogForm::Framed => {
                let time = time_ms.map_or_else(|| "-".to_owned(), |time| time.to_string());
                out.extend_from_slice(format!("{end} {} {time}\n", content.len()).as_bytes());
                None
            }
        };
        self.line.push(stamp.as_deref(), content, out);
    }
}

/// `2026-05-01T09:00:00.250Z`.
fn rfc3339(epoch_ms: i64) -> String {
    let time = Timestamp::from_millisecond(epoch_ms).unwrap_or_default();
    format!("{time:.3}")
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::run_files::log::times_path;

    /// Marks at positions 0, 4 and 10, at seconds 0, 1 and 9 of 1970.
    fn times(dir: &tempfile::TempDir) -> LogTimes {
        let path = dir.path().join("log");
        let marks = [(0, 0), (4, 1_000), (10, 9_500)];
        let lines = marks.map(|(at, ms)| format!("{at:020} {ms:013}\n"));
        std::fs::write(times_path(&path), lines.concat()).unwrap();
        LogTimes::open(&path).unwrap().unwrap()
    }

    fn pieces() -> [LogPiece; 2] {
        let piece = |at, gone, text: &str| LogPiece { at, gone, bytes: text.as_bytes().to_vec() };
        [piece(0, 0, "one\nt"), piece(8, 3, "\nlast\n")]
    }

    fn text(form: LogForm, is_line_begun: bool) -> (String, u64) {
        let dir = tempfile::tempdir().unwrap();
        let mut text = LogText::new(form, is_line_begun);
        let bytes = text.push(&pieces(), Some(&times(&dir)));
        (String::from_utf8(bytes).unwrap(), text.content_bytes())
    }

    #[test]
    fn a_line_has_the_time_of_its_beginning_and_a_gap_has_none() {
        let (plain, bytes) = text(LogForm::Plain, false);
        assert_eq!(plain, "one\nt\n… [3 bytes omitted] …\n\nlast\n");
        let (stamped, same) = text(LogForm::Stamped, false);
        let (first, second) = ("1970-01-01T00:00:00.000Z", "1970-01-01T00:00:01.000Z");
        assert_eq!(
            stamped,
            format!("{first} one\n{second} t\n… [3 bytes omitted] …\n{second} \n{second} last\n")
        );
        assert_eq!((bytes, same), (plain.len() as u64, bytes));
        let (begun, _) = text(LogForm::Stamped, true);
        assert!(begun.starts_with("one\n1970"), "{begun}");
    }

    #[test]
    fn frames_are_cut_where_the_time_changes_and_have_their_positions() {
        let (framed, _) = text(LogForm::Framed, false);
        let expected = [
            "4 4 0\none\n",
            "5 1 1000\nt",
            "8 27 -\n\n… [3 bytes omitted] …\n",
            "10 2 1000\n\nl",
            "14 4 9500\nast\n",
        ];
        assert_eq!(framed, expected.concat());
    }

    #[test]
    fn a_frame_is_bounded() {
        let piece = LogPiece { at: 7, gone: 0, bytes: vec![b'x'; FRAME_BYTES_MAX + 5] };
        let framed = LogText::new(LogForm::Framed, false).push(&[piece], None);
        let text = String::from_utf8(framed).unwrap();
        assert!(text.starts_with("65543 65536 -\nxxx") && text.ends_with("x65548 5 -\nxxxxx"));
    }
}
