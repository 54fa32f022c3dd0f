//! Redacts secret values in a byte stream before it reaches a file.
//!
//! Every byte that belongs to an occurrence of a secret is removed, overlapping occurrences included, and each
//! unbroken stretch of removed bytes leaves one `[redacted]`. Where the stream is cut into reads makes no
//! difference: bytes are kept back while, and only while, they could be the beginning of a secret.

mod forms;

/// What stands where a secret stood.
pub const REPLACEMENT: &[u8] = b"[redacted]";

/// Every form of these values that is searched for and is text: what a filter of whole texts looks for.
pub fn text_forms(values: &[String]) -> Vec<String> {
    let forms = values.iter().flat_map(|value| forms::forms_of(value.as_bytes()));
    forms.filter_map(|form| String::from_utf8(form).ok()).collect()
}

/// A streaming replacer for a fixed list of values.
#[derive(Debug, Clone)]
pub struct Redactor {
    /// The searched values, sorted; `index` maps first bytes to ranges.
    secrets: Vec<Vec<u8>>,
    index: Index,
    /// Kept back: what may become a secret. Always shorter than the longest one.
    held: Vec<u8>,
    /// How many bytes at the front of `held` belong to a secret that has been found.
    held_covered: usize,
    /// The byte before `held` belonged to a secret, and its replacement has been given out.
    is_replaced: bool,
}

/// What begins at one place of the text.
struct Begun {
    /// Length of the longest secret found there; 0 for none.
    found: usize,
    /// The text ends before it is clear whether another secret stands there.
    is_open: bool,
}

/// Index over the first two bytes of the secrets: rejects most positions with one look-up.
#[derive(Debug, Clone)]
struct Index {
    /// Bit `first * 256 + second`.
    pairs: Vec<u64>,
    /// Start of the range of secrets for each first byte, and the end of the last range.
    locations: Vec<usize>,
}

impl Index {
    fn of(sorted: &[Vec<u8>]) -> Self {
        let mut pairs = vec![0_u64; 1 << 10];
        for secret in sorted {
            let first = usize::from(secret.first().copied().unwrap_or_default());
            // A secret of one byte matches any second byte.
            let seconds = match secret.get(1) {
                Some(second) => usize::from(*second)..usize::from(*second) + 1,
                None => 0..256,
            };
            for pair in seconds.map(|second| first << 8 | second) {
                if let Some(word) = pairs.get_mut(pair >> 6) {
                    *word |= 1 << (pair & 63);
                }
            }
        }
        let begins = |byte: u16| {
            sorted.partition_point(|secret| {
                secret.first().map_or(0, |first| u16::from(*first)) < byte
            })
        };
        Self { pairs, locations: (0..=256).map(begins).collect() }
    }

    /// The secrets that begin with `first`, as places among all.
    fn beginning_with(&self, first: u8) -> std::ops::Range<usize> {
        let location = |at: usize| self.locations.get(at).copied().unwrap_or_default();
        location(usize::from(first))..location(usize::from(first) + 1)
    }

    /// Whether a secret may begin where `rest` begins.
    fn may_begin(&self, rest: &[u8]) -> bool {
        match rest {
            [first, second, ..] => {
                let pair = usize::from(*first) << 8 | usize::from(*second);
                self.pairs.get(pair >> 6).is_some_and(|word| word >> (pair & 63) & 1 == 1)
            }
            [first] => !self.beginning_with(*first).is_empty(),
            [] => false,
        }
    }
}

/// `text` with all forms of the secret `values` redacted.
pub fn redacted(text: &str, values: &[String]) -> String {
    let mut redactor = Redactor::of_values(values);
    let mut out = Vec::new();
    redactor.push(text.as_bytes(), &mut out);
    redactor.finish(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

impl Redactor {
    /// A replacer for secret values in all their forms.
    pub fn of_values<S: AsRef<[u8]>>(values: &[S]) -> Self {
        let mut forms = Vec::new();
        for value in values {
            forms.append(&mut forms::forms_of(value.as_ref()));
        }
        Self::new(&forms)
    }

    /// A replacer for exactly `secrets`; empty ones are ignored.
    pub fn new<S: AsRef<[u8]>>(secrets: &[S]) -> Self {
        let mut sorted: Vec<Vec<u8>> = Vec::new();
        for secret in secrets {
            let secret = secret.as_ref();
            let found = sorted.binary_search_by(|known| known.as_slice().cmp(secret));
            if let (Err(location), false) = (found, secret.is_empty()) {
                sorted.insert(location, secret.to_vec());
            }
        }
        let secrets = sorted;
        let index = Index::of(&secrets);
        Self { secrets, index, held: Vec::new(), held_covered: 0, is_replaced: false }
    }

    /// Takes the next bytes of the stream and appends to `out` what is decided.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if self.secrets.is_empty() {
            out.extend_from_slice(bytes);
            return;
        }
        let mut text = std::mem::take(&mut self.held);
        text.extend_from_slice(bytes);
        let decided = self.replace(&text, false, out);
        text.drain(..decided);
        self.held = text;
    }

    /// Appends what was kept back, now that nothing follows it.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let text = std::mem::take(&mut self.held);
        let _whole = self.replace(&text, true, out);
    }

    /// Appends everything before the first place that is still open, and returns that place.
    fn replace(&mut self, text: &[u8], is_last: bool, out: &mut Vec<u8>) -> usize {
        let mut covered_to = std::mem::take(&mut self.held_covered);
        let mut location = 0;
        while let Some(rest) = text.get(location..).filter(|rest| !rest.is_empty()) {
            let plain = if location < covered_to { &[] } else { self.plain_stretch(rest) };
            if !plain.is_empty() {
                out.extend_from_slice(plain);
                self.is_replaced = false;
                location += plain.len();
                continue;
            }
            let begun = self.begun_at(rest);
            covered_to = covered_to.max(location + begun.found);
            if begun.is_open && !is_last {
                self.held_covered = covered_to.saturating_sub(location);
                return location;
            }
            if location >= covered_to {
                out.extend(rest.first());
                self.is_replaced = false;
            } else if !self.is_replaced {
                out.extend_from_slice(REPLACEMENT);
                self.is_replaced = true;
            }
            location += 1;
        }
        location
    }

    /// The bytes at the front of `rest` with which no secret begins.
    fn plain_stretch<'a>(&self, rest: &'a [u8]) -> &'a [u8] {
        let mut locations = 0..rest.len();
        let first = locations
            .find(|location| self.index.may_begin(rest.get(*location..).unwrap_or_default()));
        rest.get(..first.unwrap_or(rest.len())).unwrap_or_default()
    }

    fn begun_at(&self, rest: &[u8]) -> Begun {
        let mut begun = Begun { found: 0, is_open: false };
        let Some(first) = rest.first() else { return begun };
        let candidates = self.secrets.get(self.index.beginning_with(*first)).unwrap_or_default();
        for secret in candidates {
            if rest.starts_with(secret) {
                begun.found = begun.found.max(secret.len());
            } else if secret.starts_with(rest) {
                begun.is_open = true;
            }
        }
        begun
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redact_in(pieces: &[&[u8]], secrets: &[&str]) -> String {
        let mut redactor = Redactor::new(secrets);
        let longest = secrets.iter().map(|secret| secret.len()).max().unwrap_or(0);
        let mut out = Vec::new();
        for piece in pieces {
            redactor.push(piece, &mut out);
            assert!(redactor.held.len() < longest.max(1), "more is held than one secret needs");
        }
        redactor.finish(&mut out);
        assert!(redactor.held.is_empty());
        String::from_utf8(out).unwrap()
    }

    const CASES: [(&str, &[&str], &str); 15] = [
        ("nothing to hide", &["hunter2"], "nothing to hide"),
        ("the key is hunter2, ok", &["hunter2"], "the key is [redacted], ok"),
        ("hunter2", &["hunter2"], "[redacted]"),
        ("hunter2hunter2", &["hunter2"], "[redacted]"),
        ("hunter2 hunter2", &["hunter2"], "[redacted] [redacted]"),
        ("hunter", &["hunter2"], "hunter"),
        ("hunhunter2", &["hunter2"], "hun[redacted]"),
        ("x abc abcdef y", &["abc", "abcdef"], "x [redacted] [redacted] y"),
        ("x abc abcdef y", &["abcdef", "abc"], "x [redacted] [redacted] y"),
        ("x abcde y", &["abcdef", "abc"], "x [redacted]de y"),
        // Overlapping: the second secret's end must not stay behind.
        ("x abcdef y", &["abcd", "cdef"], "x [redacted] y"),
        ("aaaaaab", &["aaa"], "[redacted]b"),
        ("aab", &["aaab", "b"], "aa[redacted]"),
        ("ab", &["abX", "b"], "a[redacted]"),
        ("anything", &["", "any"], "[redacted]thing"),
    ];

    #[test]
    fn a_secret_never_gets_through_however_the_stream_is_cut() {
        for (text, secrets, expected) in CASES {
            let bytes = text.as_bytes();
            assert_eq!(redact_in(&[bytes], secrets), expected, "whole: {text:?} {secrets:?}");
            let each: Vec<&[u8]> = bytes.chunks(1).collect();
            assert_eq!(redact_in(&each, secrets), expected, "by byte: {text:?} {secrets:?}");
            for first in 0..=bytes.len() {
                for second in first..=bytes.len() {
                    let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                    let got = redact_in(&pieces, secrets);
                    assert_eq!(got, expected, "cut at {first}, {second}: {text:?} {secrets:?}");
                }
            }
        }
    }

    #[test]
    fn what_can_be_no_secret_is_not_kept_back() {
        let mut redactor = Redactor::new(&["hunter2"]);
        let mut out = Vec::new();
        redactor.push(b"a prompt> ", &mut out);
        assert_eq!(out, b"a prompt> ");
        redactor.push(b"hu", &mut out);
        assert_eq!(out, b"a prompt> ");
        redactor.push(b"man", &mut out);
        assert_eq!(out, b"a prompt> human");
    }

    #[test]
    fn without_secrets_bytes_pass_unchanged() {
        let mut redactor = Redactor::new::<&str>(&[]);
        let mut out = Vec::new();
        redactor.push(b"\x00\xff[redacted]", &mut out);
        redactor.finish(&mut out);
        assert_eq!(out, b"\x00\xff[redacted]");
    }
}
