//! Names of files as text that can be read back. A name that is plain text stays as it is; any other one is quoted as git quotes
//! it: in double quotes, with backslashes and octal numbers for what is no text (`"a\nb\377"`). So no name breaks a line, and two
//! names never look the same.

/// The name as text.
pub fn quoted(name: &[u8]) -> String {
    let plain = std::str::from_utf8(name).ok().filter(|text| !text.chars().any(is_special));
    if let Some(plain) = plain {
        return plain.to_owned();
    }
    let mut text = String::from("\"");
    for chunk in name.utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                '"' => text.push_str("\\\""),
                '\\' => text.push_str("\\\\"),
                '\n' => text.push_str("\\n"),
                '\t' => text.push_str("\\t"),
                '\r' => text.push_str("\\r"),
                char if char.is_ascii_control() => {
                    octal(&mut text, char.encode_utf8(&mut [0; 4]).as_bytes());
                }
                char => text.push(char),
            }
        }
        octal(&mut text, chunk.invalid());
    }
    text.push('"');
    text
}

fn is_special(char: char) -> bool {
    char == '"' || char == '\\' || char.is_ascii_control()
}

fn octal(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        text.push_str(&format!("\\{byte:03o}"));
    }
}

/// The name that a text stands for: the quoted one, or the text itself when it is not quoted.
pub fn unquoted(text: &str) -> Vec<u8> {
    let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.and_then(read).unwrap_or_else(|| text.as_bytes().to_vec())
}

/// Reads what stands between the quotes; none when it is not well formed.
fn read(inner: &str) -> Option<Vec<u8>> {
    let mut name = Vec::new();
    let mut rest = inner.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'"' => return None,
            b'\\' => {
                let (escape, after) = rest.split_first()?;
                rest = after;
                name.push(match escape {
                    b'"' | b'\\' => *escape,
                    b'a' => 7,
                    b'b' => 8,
                    b'f' => 12,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'v' => 11,
                    b'0'..=b'3' => {
                        let (more, after) = rest.split_at_checked(2)?;
                        rest = after;
                        let digits = [&[*escape], more].concat();
                        u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 8).ok()?
                    }
                    _ => return None,
                });
            }
            plain => name.push(*plain),
        }
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_one_line_and_comes_back_as_it_was() {
        for (name, expected) in [
            (&b"src/main.rs"[..], "src/main.rs"),
            (b"-rf", "-rf"),
            (b"two words", "two words"),
            ("gr\u{f6}\u{df}e".as_bytes(), "gr\u{f6}\u{df}e"),
            (b"a\nb", r#""a\nb""#),
            (b"\"", r#""\"""#),
            (b"a\\b", r#""a\\b""#),
            (b"\xff\xfe", r#""\377\376""#),
            (b"\x1b[31m", r#""\033[31m""#),
            (b"\t\r\x7f", r#""\t\r\177""#),
        ] {
            let text = quoted(name);
            assert_eq!(text, expected);
            assert_eq!(unquoted(&text), name, "{text}");
        }
    }

    #[test]
    fn a_text_that_is_not_quoted_stands_for_itself() {
        for text in ["\"", "\"a", "a\"", "\"a\"b\"", "\"\\9\"", "\"\\3\"", "\"a\\"] {
            assert_eq!(unquoted(text), text.as_bytes(), "{text}");
        }
        assert_eq!(unquoted("\"\\a\\b\\v\\f\""), b"\x07\x08\x0b\x0c");
    }
}
