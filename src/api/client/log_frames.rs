//! The frames of a log: pieces of its output, each with its position and its time.

use crate::api::client::error::ClientError;

/// Most bytes of a frame's first line.
const HEAD_BYTES_MAX: usize = 80;

/// Most output in a frame that is waited for; a daemon sends a fraction of that.
const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A piece of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFrame {
    /// Position behind it, from which the log is read on.
    pub position: u64,
    /// When it was written, milliseconds since 1970; none when that is not known, and of a line about output that is gone.
    pub time_ms: Option<i64>,
    /// The output.
    pub bytes: Vec<u8>,
}

/// Takes frames out of a reply that comes in pieces.
#[derive(Debug, Default)]
pub struct LogFrames {
    rest: Vec<u8>,
}

impl LogFrames {
    /// Takes the next piece and returns the frames that it completes.
    ///
    /// # Errors
    /// [`ClientError::Unreadable`]: this is no reply in frames.
    pub fn push(&mut self, piece: &[u8]) -> Result<Vec<LogFrame>, ClientError> {
        self.rest.extend_from_slice(piece);
        let (mut frames, mut taken) = (Vec::new(), 0);
        while let Some((frame, bytes)) = first(self.rest.get(taken..).unwrap_or_default())? {
            frames.push(frame);
            taken += bytes;
        }
        self.rest.drain(..taken);
        Ok(frames)
    }
}

/// The first frame of `bytes` with its length; none when it is not complete.
fn first(bytes: &[u8]) -> Result<Option<(LogFrame, usize)>, ClientError> {
    let unreadable = || ClientError::Unreadable("a log that is not in frames".to_owned());
    let Some(head_end) = bytes.iter().take(HEAD_BYTES_MAX).position(|byte| *byte == b'\n') else {
        return if bytes.len() < HEAD_BYTES_MAX { Ok(None) } else { Err(unreadable()) };
    };
    let (head, behind) = bytes.split_at(head_end);
    let head = parse_head(head).ok_or_else(unreadable)?;
    let (position, length, time_ms) = head;
    let content = behind.get(1..).unwrap_or_default();
    let Some(content) = content.get(..length) else { return Ok(None) };
    let frame = LogFrame { position, time_ms, bytes: content.to_vec() };
    Ok(Some((frame, head_end + 1 + length)))
}

/// Position, length and time.
fn parse_head(head: &[u8]) -> Option<(u64, usize, Option<i64>)> {
    let mut words = std::str::from_utf8(head).ok()?.split(' ');
    let position = words.next()?.parse().ok()?;
    let length = words.next()?.parse().ok().filter(|length| *length <= FRAME_BYTES_MAX)?;
    let time_ms = match words.next()? {
        "-" => None,
        time => Some(time.parse().ok()?),
    };
    words.next().is_none().then_some((position, length, time_ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::run_files::log::LogPiece;
    use crate::service::log::{LogForm, LogText};

    #[test]
    fn what_the_daemon_writes_is_read_however_it_is_cut() {
        let piece = |at, gone, text: &str| LogPiece { at, gone, bytes: text.as_bytes().to_vec() };
        let pieces = [piece(0, 0, "one\n"), piece(90, 86, "1 2 3\n\n4 5 -\n")];
        let sent = LogText::new(LogForm::Framed, false).push(&pieces, None);
        let frame = |position, text: &str| LogFrame {
            position,
            time_ms: None,
            bytes: text.as_bytes().to_vec(),
        };
        let expected = [
            frame(4, "one\n"),
            frame(90, "… [86 bytes omitted] …\n"),
            frame(103, "1 2 3\n\n4 5 -\n"),
        ];
        for length in 1..=sent.len() {
            let mut frames = LogFrames::default();
            let read: Vec<_> =
                sent.chunks(length).flat_map(|cut| frames.push(cut).unwrap()).collect();
            assert_eq!(read, expected, "{length}");
            assert!(frames.rest.is_empty());
        }
        let timed = LogFrames::default().push(b"7 2 1500\nab").unwrap();
        assert_eq!((timed[0].position, timed[0].time_ms), (7, Some(1_500)));
    }

    #[test]
    fn what_is_no_frame_is_an_error() {
        for text in
            ["hello\n", "1 2\nab", "1 2 - 4\nab", "1 99999999999 -\n", "-1 0 -\n", &"x".repeat(90)]
        {
            assert!(LogFrames::default().push(text.as_bytes()).is_err(), "{text}");
        }
        assert_eq!(LogFrames::default().push(b"12 3 -\nab").unwrap(), []);
    }
}
