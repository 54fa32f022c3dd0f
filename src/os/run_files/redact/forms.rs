//! Encoded forms of a secret: base64, hexadecimal, JSON, URL, shell.

/// Shortest form that is searched for, except the value itself: shorter ones occur in ordinary text.
const FORM_BYTES_MIN: usize = 8;

/// Shortest value whose encodings are searched for.
const ENCODED_BYTES_MIN: usize = 6;

/// Columns at which `openssl base64` and `base64` wrap.
const BASE64_COLUMNS: [usize; 2] = [64, 76];
/// Columns at which `xxd -p` wraps.
const HEX_COLUMNS: [usize; 1] = [60];

/// The value without surrounding blanks, each of its lines, and its encodings.
pub fn forms_of(value: &[u8]) -> Vec<Vec<u8>> {
    let value = value.trim_ascii();
    let mut forms = Forms(Vec::new());
    if value.is_empty() {
        return forms.0;
    }
    add_lines(value, &mut forms);
    if value.len() >= ENCODED_BYTES_MIN {
        add_json(value, &mut forms);
        add_url(value, &mut forms);
        add_base64(value, &mut forms);
        add_hex(value, &mut forms);
        forms.add(&replaced(value, b"'", b"'\\''"));
    }
    forms.0.push(value.to_vec());
    forms.0
}

/// Collected forms; plain loops keep the shim small.
struct Forms(Vec<Vec<u8>>);

impl Forms {
    fn add(&mut self, form: &[u8]) {
        if form.len() >= FORM_BYTES_MIN && !self.0.iter().any(|known| known == form) {
            self.0.push(form.to_vec());
        }
    }

    /// Adds a form, and its lines when it is wrapped at one of `columns`.
    fn add_wrapped(&mut self, form: &[u8], columns: &[usize]) {
        for columns in columns {
            let mut rest = form;
            while rest.len() > *columns || (rest.len() < form.len() && !rest.is_empty()) {
                let (line, behind) = rest.split_at(rest.len().min(*columns));
                self.add(line);
                rest = behind;
            }
        }
        self.add(form);
    }
}

/// The lines of a value; a literal `\n` separates lines too. The armour lines of a PEM key are omitted.
fn add_lines(value: &[u8], forms: &mut Forms) {
    let plain = replaced(&replaced(value, b"\\r", b"\n"), b"\\n", b"\n");
    for line in plain.split(|byte| matches!(byte, b'\n' | b'\r')) {
        let line = line.trim_ascii();
        if !line.starts_with(b"-----") {
            forms.add(line);
        }
    }
}

/// As the content of a JSON string in the variants of common writers, and of a JSON string inside of a JSON string.
fn add_json(value: &[u8], forms: &mut Forms) {
    let Ok(text) = std::str::from_utf8(value) else { return };
    let once = json(text, false);
    forms.add(once.as_bytes());
    forms.add(json(text, true).as_bytes());
    forms.add(json(&once, false).as_bytes());
    forms.add(&replaced(once.as_bytes(), b"/", b"\\/"));
}

fn json(text: &str, is_ascii_only: bool) -> String {
    let mut out = String::new();
    for sign in text.chars() {
        match sign {
            '"' | '\\' => {
                out.push('\\');
                out.push(sign);
            }
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if sign.is_ascii_control() || (is_ascii_only && !sign.is_ascii()) => {
                for unit in sign.encode_utf16(&mut [0; 2]) {
                    out.push_str("\\u");
                    for byte in unit.to_be_bytes() {
                        for digit in digits_of(byte, LOWER) {
                            out.push(char::from(digit));
                        }
                    }
                }
            }
            _ => out.push(sign),
        }
    }
    out
}

/// Percent-encoded, in the variants of common writers.
fn add_url(value: &[u8], forms: &mut Forms) {
    for kept in [&b""[..], b"/", b"!*'()", b"!*'();:@&=+$,/?#"] {
        forms.add(&percent(value, kept, UPPER));
    }
    forms.add(&percent(value, b"", LOWER));
    forms.add(&replaced(&percent(value, b"", UPPER), b"%20", b"+"));
}

fn percent(value: &[u8], kept: &[u8], digits: &[u8; 16]) -> Vec<u8> {
    let mut out = Vec::new();
    for byte in value {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) || kept.contains(byte) {
            out.push(*byte);
        } else {
            out.push(b'%');
            out.extend_from_slice(&digits_of(*byte, digits));
        }
    }
    out
}

const LOWER: &[u8; 16] = b"0123456789abcdef";
const UPPER: &[u8; 16] = b"0123456789ABCDEF";

fn digits_of(byte: u8, digits: &[u8; 16]) -> [u8; 2] {
    let digit = |value: u8| digits.get(usize::from(value)).copied().unwrap_or_default();
    [digit(byte >> 4), digit(byte & 15)]
}

fn add_hex(value: &[u8], forms: &mut Forms) {
    for digits in [LOWER, UPPER] {
        let mut hex = Vec::new();
        for byte in value {
            hex.extend_from_slice(&digits_of(*byte, digits));
        }
        forms.add_wrapped(&hex, &HEX_COLUMNS);
    }
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 of the value alone, and at each of the three offsets inside of other data without the characters that depend on the
/// neighbours.
fn add_base64(value: &[u8], forms: &mut Forms) {
    let mut alone = base64(value);
    add_for_urls(&alone, forms);
    forms.add_wrapped(&alone, &BASE64_COLUMNS);
    while !alone.len().is_multiple_of(4) {
        alone.push(b'=');
    }
    add_for_urls(&alone, forms);
    forms.add_wrapped(&alone, &BASE64_COLUMNS);
    for before in 0..3_usize {
        let mut data = vec![0; before];
        data.extend_from_slice(value);
        let encoded = base64(&data);
        let inner = encoded.get((before * 8).div_ceil(6)..data.len() * 8 / 6).unwrap_or_default();
        forms.add(inner);
        add_for_urls(inner, forms);
    }
}

/// The same in the alphabet for URLs.
fn add_for_urls(form: &[u8], forms: &mut Forms) {
    forms.add(&replaced(&replaced(form, b"+", b"-"), b"/", b"_"));
}

/// Without padding.
fn base64(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..=group.len() {
            let index = usize::try_from(bits >> (18 - 6 * at) & 63).unwrap_or_default();
            out.push(BASE64.get(index).copied().unwrap_or_default());
        }
    }
    out
}

fn replaced(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        if let Some(behind) = rest.strip_prefix(from) {
            out.extend_from_slice(to);
            rest = behind;
        } else {
            out.push(*first);
            rest = behind;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(value: &str, form: &str) -> bool {
        forms_of(value.as_bytes()).contains(&form.as_bytes().to_vec())
    }

    #[test]
    fn a_secret_is_known_in_what_programs_make_of_it() {
        for (value, form) in [
            ("hunter2", "hunter2"),
            (" hunter22\n", "hunter22"),
            ("hunter22", "aHVudGVyMjI="),
            ("hunter22", "aHVudGVyMjI"),
            ("hunter22", "68756e7465723232"),
            ("hunter22", "68756E7465723232"),
            ("a\"b\\c/d\te", r#"a\"b\\c/d\te"#),
            ("a\"b\\c/d\te", r#"a\"b\\c\/d\te"#),
            ("a\"b\\c/d\te", r#"a\\\"b\\\\c/d\\te"#),
            ("größe-x1", r"gr\u00f6\u00dfe-x1"),
            ("p@ss wörd/+", "p%40ss%20w%C3%B6rd%2F%2B"),
            ("p@ss wörd/+", "p%40ss%20w%c3%b6rd%2f%2b"),
            ("p@ss wörd/+", "p%40ss+w%C3%B6rd%2F%2B"),
            ("p@ss wörd/+", "p%40ss%20w%C3%B6rd/%2B"),
            ("it's-mine", "it'\\''s-mine"),
            ("?>?>?>?>", "Pz4/Pj8+Pz4="),
            ("?>?>?>?>", "Pz4_Pj8-Pz4="),
        ] {
            assert!(has(value, form), "{value:?} as {form:?}");
        }
    }

    #[test]
    fn every_line_of_a_key_is_one_however_its_ends_are_written() {
        for end in ["\n", "\r\n", "\\n"] {
            let key = [
                "-----BEGIN KEY-----",
                "MIIEvQIBADANBg",
                "kqhkiG9w0BAQEF",
                "AA==",
                "-----END KEY-----",
            ];
            let key = key.join(end);
            for line in ["MIIEvQIBADANBg", "kqhkiG9w0BAQEF", key.as_str()] {
                assert!(has(&key, line), "{line:?} of {key:?}");
            }
            assert!(!has(&key, "AA==") && !has(&key, "-----BEGIN KEY-----"));
        }
    }

    #[test]
    fn in_the_middle_of_base64_it_is_found_at_each_place() {
        let value = b"hunter22-hunter22";
        for before in 0..7 {
            let text = base64(&[&b"prefix-"[..before], value, b"!suffix"].concat());
            let text = String::from_utf8(text).unwrap();
            let found = forms_of(value)
                .iter()
                .any(|form| form.len() >= 20 && text.contains(std::str::from_utf8(form).unwrap()));
            assert!(found, "{before} before: {text}");
        }
    }

    #[test]
    fn an_encoding_is_found_on_each_of_its_wrapped_lines() {
        let value = "0123456789abcdef".repeat(8);
        let encoded = String::from_utf8(base64(value.as_bytes())).unwrap();
        for columns in BASE64_COLUMNS {
            for line in encoded.as_bytes().chunks(columns).filter(|line| line.len() >= 8) {
                assert!(has(&value, std::str::from_utf8(line).unwrap()), "{columns}");
            }
        }
    }

    #[test]
    fn short_forms_are_not_looked_for() {
        assert_eq!(forms_of(b"abc"), [b"abc".to_vec()]);
        assert!(forms_of(b"  ").is_empty());
        for value in ["hunter", "12345678", "a\nb\nc\nd\ne\nf"] {
            let value = value.as_bytes();
            assert!(forms_of(value).iter().all(|form| form.len() >= 8 || form == value));
        }
    }
}
