//! The id of a message that no JSON reader accepts.
//!
//! Its sender waits for an answer with that id. So the bytes are scanned for the outermost member `id`, past whatever is wrong
//! elsewhere in them: bytes that are no UTF-8, half an emoji, `NaN`, brackets nested without end. The scanner takes its input in
//! pieces, because a message that is too long is never held as a whole.

use serde_json::Value;

use crate::mcp::protocol::is_valid_id;

/// Longest key and longest id that are looked at, in bytes.
const SCALAR_BYTES_MAX: usize = 4096;

/// What the scanner expects next in the outermost object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Key,
    Colon,
    Value,
}

/// Scans one message.
#[derive(Debug)]
pub struct IdScanner {
    /// Brackets that are open.
    depth: usize,
    in_string: bool,
    is_escaped: bool,
    expected: Expected,
    /// The member's key, then its value, as far as they are scalars.
    scalar: Vec<u8>,
    /// Whether the value that is being read is that of `id`.
    is_id: bool,
    /// Whether the outermost object has ended, or there is none.
    is_over: bool,
    found: Option<Value>,
}

impl Default for IdScanner {
    fn default() -> Self {
        Self::new()
    }
}

impl IdScanner {
    /// Before the first byte.
    pub fn new() -> Self {
        Self {
            depth: 0,
            in_string: false,
            is_escaped: false,
            expected: Expected::Key,
            scalar: Vec::new(),
            is_id: false,
            is_over: false,
            found: None,
        }
    }

    /// The id of a message that is there as a whole.
    pub fn scan(message: &[u8]) -> Option<Value> {
        let mut scanner = Self::new();
        scanner.feed(message);
        scanner.id()
    }

    /// Reads on.
    pub fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if self.is_over {
                return;
            }
            self.step(*byte);
        }
    }

    /// The id that was found. One that may have been cut off is none.
    pub fn id(self) -> Option<Value> {
        self.found
    }

    fn step(&mut self, byte: u8) {
        if self.in_string {
            self.keep(byte);
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => self.end_string(),
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => {
                self.in_string = true;
                if self.depth == 1 && self.expected == Expected::Key {
                    self.scalar.clear();
                }
                self.keep(byte);
            }
            b'{' | b'[' => self.open(byte),
            b'}' | b']' => self.close(),
            b',' if self.depth == 1 => self.end_member(),
            b':' if self.depth == 1 && self.expected == Expected::Colon => {
                self.is_id =
                    serde_json::from_slice::<String>(&self.scalar).is_ok_and(|key| key == "id");
                self.scalar.clear();
                self.expected = Expected::Value;
            }
            byte if byte.is_ascii_whitespace() => {}
            _ => self.keep(byte),
        }
    }

    fn keep(&mut self, byte: u8) {
        if self.depth == 1 && self.scalar.len() < SCALAR_BYTES_MAX {
            self.scalar.push(byte);
        }
    }

    fn end_string(&mut self) {
        self.in_string = false;
        if self.depth == 1 && self.expected == Expected::Key {
            self.expected = Expected::Colon;
        }
    }

    fn open(&mut self, byte: u8) {
        if self.depth == 0 && byte == b'[' {
            self.is_over = true;
        }
        // A list or an object is no id, whatever stands in it.
        self.is_id &= self.depth != 1;
        self.depth = self.depth.saturating_add(1);
    }

    fn close(&mut self) {
        if self.depth == 1 {
            self.end_member();
            self.is_over = true;
        }
        self.depth = self.depth.saturating_sub(1);
    }

    fn end_member(&mut self) {
        if self.is_id && self.expected == Expected::Value {
            let value = serde_json::from_slice::<Value>(&self.scalar).ok();
            self.found = value.filter(is_valid_id);
        }
        self.is_id = false;
        self.scalar.clear();
        self.expected = Expected::Key;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_id_is_found_past_whatever_else_is_wrong() {
        let deep = format!("{{\"params\":{}{},\"id\":6}}", "[".repeat(5000), "]".repeat(5000));
        for (message, id) in [
            (&br#"{"id":1,"params":{"body":"\ud83d"}}"#[..], Some(json!(1))),
            (br#"{"params":{"id":9,"n":NaN},"id":"a\"b"}"#, Some(json!("a\"b"))),
            (b"{\"params\":\"caf\xe9\",\"id\": 3 }", Some(json!(3))),
            (br#"{"\u0069d":4,"n":1e400}"#, Some(json!(4))),
            (br#"{"id":1,"id":5,"n":NaN}"#, Some(json!(5))),
            (deep.as_bytes(), Some(json!(6))),
            (br#"{"a":"}","id":7,"b":"#, Some(json!(7))),
            (br#"{"a":"\\","id":8,"b":"#, Some(json!(8))),
            // What may have been cut off is none, nor is what no message may have as its id.
            (br#"{"id":57"#, None),
            (br#"{"id":"a"#, None),
            (br#"{"id":{"id":1},"n":NaN}"#, None),
            (br#"{"id":[1],"n":NaN}"#, None),
            (br#"{"id":null,"n":NaN}"#, None),
            (br#"{"id":NaN}"#, None),
            (br#"{"x":{"id":1},"n":NaN}"#, None),
            (br#"[{"id":1}]"#, None),
            (b"words", None),
            (b"", None),
        ] {
            assert_eq!(IdScanner::scan(message), id, "{}", String::from_utf8_lossy(message));
        }
    }

    #[test]
    fn in_pieces_it_finds_the_same_and_keeps_no_more_than_a_scalar() {
        let body = "x".repeat(1 << 20);
        let message =
            format!("{{\"params\":{{\"body\":\"{body}\"}},\"long\":\"{body}\",\"id\":12}}");
        let mut scanner = IdScanner::new();
        for piece in message.as_bytes().chunks(7) {
            scanner.feed(piece);
            assert!(scanner.scalar.len() <= SCALAR_BYTES_MAX);
        }
        assert_eq!(scanner.id(), Some(json!(12)));
    }
}
