//! A log on a terminal, as a stream.

use std::mem::take;

use super::HIDDEN;
use crate::text::sequences::{Sequence, sequence_at};
use crate::text::signs::{Kind, kind};

/// Converts a stream of bytes: drawing sequences are removed, a carriage return ends a line (progress displays overwrite theirs),
/// other control characters and invalid UTF-8 become `\u{fffd}`. The result does not depend on how the stream is cut.
#[derive(Debug, Default)]
pub struct Stream {
    /// An incomplete character.
    bytes: Vec<u8>,
    /// Decoded, but incomplete without what follows.
    text: String,
    /// The last character that was shown.
    before: Option<char>,
}

impl Stream {
    /// Takes the next bytes and returns what can be shown.
    pub fn push(&mut self, bytes: &[u8]) -> String {
        self.bytes.extend_from_slice(bytes);
        self.read_characters(false);
        self.show(false)
    }

    /// The rest, now that nothing follows.
    pub fn finish(&mut self) -> String {
        self.read_characters(true);
        self.show(true)
    }

    fn read_characters(&mut self, is_last: bool) {
        let bytes = take(&mut self.bytes);
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let error = match std::str::from_utf8(rest) {
                Ok(text) => {
                    self.text.push_str(text);
                    return;
                }
                Err(error) => error,
            };
            let (valid, from) = rest.split_at(error.valid_up_to());
            self.text.push_str(std::str::from_utf8(valid).unwrap_or_default());
            match error.error_len() {
                None if !is_last => {
                    self.bytes = from.to_vec();
                    return;
                }
                length => {
                    self.text.push(HIDDEN);
                    rest = from.get(length.unwrap_or(from.len())..).unwrap_or_default();
                }
            }
        }
    }

    fn show(&mut self, is_last: bool) -> String {
        let text = take(&mut self.text);
        let mut out = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(sign) = rest.chars().next() {
            let behind = rest.get(sign.len_utf8()..).unwrap_or_default();
            let after = behind.chars().next();
            let kind = kind(self.before, sign, after);
            let is_open =
                after.is_none() && !is_last && kind != Kind::Seen && !matches!(sign, '\n' | '\t');
            match sequence_at(rest) {
                Sequence::Whole(length) => {
                    rest = rest.get(length..).unwrap_or_default();
                    continue;
                }
                Sequence::Open if !is_last => break,
                // Its class depends on what follows.
                Sequence::Open | Sequence::None if is_open => break,
                Sequence::Open | Sequence::None => {}
            }
            rest = behind;
            let shown = match (kind, sign) {
                (Kind::Seen, _) | (_, '\n' | '\t') => sign,
                // CR LF is written as LF.
                (_, '\r') if after == Some('\n') => continue,
                (_, '\r') => '\n',
                (Kind::LineEnd | Kind::Hidden, _) => HIDDEN,
            };
            self.before = Some(shown);
            out.push(shown);
        }
        self.text = rest.to_owned();
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASES: [(&[u8], &str); 12] = [
        (b"plain\ttext\n", "plain\ttext\n"),
        (b"\x1b[1;31mred\x1b[0m\n", "red\n"),
        (b"\x1b]52;c;cm0gLXJmIH4K\x07\x1b[2Jok", "\u{fffd}]52;c;cm0gLXJmIH4K\u{fffd}ok"),
        (b"\xc2\x9b2Jok", "ok"),
        (b"10%\r20%\r\ndone\r", "10%\n20%\ndone\n"),
        (b"a\x08b\0c\x7f", "a\u{fffd}b\u{fffd}c\u{fffd}"),
        (b"\xff\xc3\xbc\xe2\x82", "\u{fffd}ü\u{fffd}"),
        ("a\u{202e}b\u{200d}c\u{2028}d".as_bytes(), "a\u{fffd}b\u{fffd}c\u{fffd}d"),
        ("👩\u{200d}💻 ⚠\u{fe0f}".as_bytes(), "👩\u{200d}💻 ⚠\u{fe0f}"),
        (b"\x1b[", "\u{fffd}["),
        (b"\x1bPq#0;2\x1b\\x", "\u{fffd}Pq#0;2\u{fffd}\\x"),
        (b"", ""),
    ];

    #[test]
    fn no_command_gets_through_however_the_stream_is_cut() {
        for (bytes, expected) in CASES {
            for first in 0..=bytes.len() {
                for second in first..=bytes.len() {
                    let mut stream = Stream::default();
                    let mut out = stream.push(&bytes[..first]);
                    out.push_str(&stream.push(&bytes[first..second]));
                    out.push_str(&stream.push(&bytes[second..]));
                    out.push_str(&stream.finish());
                    assert_eq!(out, expected, "{bytes:?} cut at {first}, {second}");
                }
            }
        }
    }

    #[test]
    fn what_is_plain_is_shown_at_once() {
        let mut stream = Stream::default();
        assert_eq!(stream.push(b"a prompt> "), "a prompt> ");
        assert_eq!(stream.push(b"\x1b["), "");
        assert_eq!(stream.push(b"0mx"), "x");
        let endless = [b"\x1b[".as_slice(), "1;".repeat(1000).as_bytes()].concat();
        assert!(
            stream.push(&endless).starts_with("\u{fffd}[1;1;"),
            "nothing is kept back without end"
        );
    }
}
