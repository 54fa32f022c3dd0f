//! Times before the lines of a log.

/// Puts a time before each line of a text that comes in pieces.
#[derive(Debug, Default)]
pub struct Stamped {
    /// Something of the line was written already.
    is_line_begun: bool,
}

impl Stamped {
    /// Goes on with a text whose last line was begun, or was not.
    pub fn within_line(is_line_begun: bool) -> Self {
        Self { is_line_begun }
    }

    /// Whether the last line has no end yet.
    pub fn is_line_begun(&self) -> bool {
        self.is_line_begun
    }

    /// Appends `text` to `out`, with `time` and a blank before each line that begins in it; without a time as it is.
    pub fn push(&mut self, time: Option<&str>, text: &[u8], out: &mut Vec<u8>) {
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            if let Some(time) = time.filter(|_time| !self.is_line_begun) {
                out.extend_from_slice(time.as_bytes());
                out.push(b' ');
            }
            out.extend_from_slice(line);
            self.is_line_begun = line.last() != Some(&b'\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_one_time_however_the_text_is_cut() {
        for cut in 0..=12 {
            let text = b"one\ntwo\n\nend";
            let (mut stamped, mut out) = (Stamped::default(), Vec::new());
            let (before, after) = text.split_at(cut);
            stamped.push(Some("T"), before, &mut out);
            stamped.push(Some("T"), after, &mut out);
            assert_eq!(out, b"T one\nT two\nT \nT end", "{cut}");
            assert!(stamped.is_line_begun());
        }
    }

    #[test]
    fn a_line_that_was_begun_and_a_text_without_a_time_stay_as_they_are() {
        let (mut stamped, mut out) = (Stamped::within_line(true), Vec::new());
        stamped.push(Some("T"), b"rest\nnext\n", &mut out);
        stamped.push(None, b"plain\n", &mut out);
        assert_eq!(out, b"rest\nT next\nplain\n");
    }
}
