//! How a secret looks when a program has encoded it: what `base64`, `xxd`, a JSON writer, a URL or a shell make of it.

use std::collections::BTreeSet;

/// Shortest form that is looked for, unless it is the value itself: shorter ones occur in ordinary text.
const FORM_BYTES_MIN: usize = 8;

/// Shortest value whose encodings are looked for.
const ENCODED_BYTES_MIN: usize = 6;

/// Characters after which programs wrap an encoding: `openssl base64`, `base64`, `xxd -p`.
const BASE64_COLUMNS: [usize; 2] = [64, 76];
const HEX_COLUMNS: [usize; 1] = [60];

/// The value and what it may look like. Blanks around it are not part of it; of a value of several lines each line is one form.
pub fn forms_of(value: &[u8]) -> Vec<Vec<u8>> {
    let value = value.trim_ascii();
    if value.is_empty() {
        return Vec::new();
    }
    let mut forms: BTreeSet<Vec<u8>> = lines_of(value).collect();
    if value.len() >= ENCODED_BYTES_MIN {
        let encoded = of_json(value)
            .into_iter()
            .chain(of_url(value))
            .chain(of_base64(value))
            .chain(of_hex(value))
            .chain([replaced(value, b"'", b"'\\''")]);
        forms.extend(encoded);
    }
    forms.retain(|form| form.len() >= FORM_BYTES_MIN);
    forms.insert(value.to_vec());
    forms.into_iter().collect()
}

/// The lines of a value, also where their ends are written out as `\n`. What only frames a key is none.
fn lines_of(value: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let plain = replaced(&replaced(value, b"\\r", b"\n"), b"\\n", b"\n");
    let lines: Vec<Vec<u8>> = plain
        .split(|byte| matches!(byte, b'\n' | b'\r'))
        .map(|line| line.trim_ascii().to_vec())
        .filter(|line| !line.starts_with(b"-----"))
        .collect();
    lines.into_iter()
}

/// Inside of a JSON string, as different writers write it, and inside of a string in a string.
fn of_json(value: &[u8]) -> Vec<Vec<u8>> {
    let Ok(text) = std::str::from_utf8(value) else { return Vec::new() };
    let once = json(text, char::is_control);
    let ascii = json(text, |sign| sign.is_control() || !sign.is_ascii());
    let twice = json(&once, char::is_control);
    let slashes = once.replace('/', "\\/");
    [once, ascii, twice, slashes].map(String::into_bytes).into()
}

fn json(text: &str, is_escaped: impl Fn(char) -> bool) -> String {
    let mut out = String::new();
    for sign in text.chars() {
        match sign {
            '"' | '\\' => out.extend(['\\', sign]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if is_escaped(sign) => {
                let mut units = [0; 2];
                let units = sign.encode_utf16(&mut units).iter();
                out.extend(units.map(|unit| format!("\\u{unit:04x}")));
            }
            _ => out.push(sign),
        }
    }
    out
}

/// In a URL, as different programs quote it.
fn of_url(value: &[u8]) -> Vec<Vec<u8>> {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let quoted = |kept: &[u8], digits: &[u8; 16]| {
        let mut out = Vec::new();
        for byte in value {
            if is_unreserved(*byte) || kept.contains(byte) {
                out.push(*byte);
            } else {
                out.push(b'%');
                out.extend(digits_of(*byte, digits));
            }
        }
        out
    };
    let mut forms = vec![quoted(b"", LOWER)];
    forms.extend([&b""[..], b"/", b"!*'()", b"!*'();:@&=+$,/?#"].map(|kept| quoted(kept, UPPER)));
    forms.push(replaced(&quoted(b"", UPPER), b"%20", b"+"));
    forms
}

const LOWER: &[u8; 16] = b"0123456789abcdef";
const UPPER: &[u8; 16] = b"0123456789ABCDEF";

fn digits_of(byte: u8, digits: &[u8; 16]) -> [u8; 2] {
    let digit = |value: u8| digits.get(usize::from(value)).copied().unwrap_or_default();
    [digit(byte >> 4), digit(byte & 15)]
}

fn of_hex(value: &[u8]) -> Vec<Vec<u8>> {
    let hex = |digits| value.iter().flat_map(|byte| digits_of(*byte, digits)).collect::<Vec<u8>>();
    wrapped([hex(LOWER), hex(UPPER)], &HEX_COLUMNS)
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Alone, and in the middle of something else: then only those characters are looked for that its neighbours do not change.
fn of_base64(value: &[u8]) -> Vec<Vec<u8>> {
    let alone = base64(value);
    let padding = "=".repeat((4 - alone.len() % 4) % 4);
    let padded = [&alone, padding.as_bytes()].concat();
    let mut forms = wrapped([alone, padded], &BASE64_COLUMNS);
    for before in 0..3 {
        let encoded = base64(&[&[0; 2][..before.min(2)], value].concat());
        let first = (before * 8).div_ceil(6);
        let end = (before + value.len()) * 8 / 6;
        forms.extend(encoded.get(first..end).map(<[u8]>::to_vec));
    }
    let for_urls: Vec<Vec<u8>> =
        forms.iter().map(|form| replaced(&replaced(form, b"+", b"-"), b"/", b"_")).collect();
    forms.extend(for_urls);
    forms
}

/// Without padding.
fn base64(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        let signs = [18, 12, 6, 0].map(|shift| {
            let index = usize::try_from(bits >> shift & 63).unwrap_or_default();
            BASE64.get(index).copied().unwrap_or_default()
        });
        out.extend(signs.iter().take(group.len() + 1));
    }
    out
}

/// Each form, and its lines where a program wraps it.
fn wrapped(forms: [Vec<u8>; 2], columns: &[usize]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for form in forms {
        for columns in columns.iter().filter(|columns| form.len() > **columns) {
            all.extend(form.chunks(*columns).map(<[u8]>::to_vec));
        }
        all.push(form);
    }
    all
}

fn replaced(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        match rest.strip_prefix(from) {
            Some(behind) => {
                out.extend_from_slice(to);
                rest = behind;
            }
            None => {
                out.push(*first);
                rest = behind;
            }
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
