//! JSON output, for programs and terminals.
//!
//! serde_json escapes only `"`, `\` and U+0000 to U+001F. Some readers of JSON lines also end a line at U+0085 or U+2028, and a
//! terminal interprets U+009B and bidi controls. Hidden characters are therefore written as `\uXXXX`, which decodes to the same
//! text. Lone surrogates cannot occur in output: strings are UTF-8, and the parser refuses them in requests.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter, PrettyFormatter, Serializer};

use super::signs::{Kind, signs};

/// A value on one line.
///
/// # Errors
/// The value has no form in JSON: a map whose keys are no strings.
pub fn to_string(value: &impl Serialize) -> serde_json::Result<String> {
    written(value, CompactFormatter).map(text)
}

/// A value on one line, as bytes.
///
/// # Errors
/// As [`to_string`].
pub fn to_vec(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    written(value, CompactFormatter)
}

/// A value on several lines, indented by two blanks.
///
/// # Errors
/// As [`to_string`].
pub fn to_string_pretty(value: &impl Serialize) -> serde_json::Result<String> {
    written(value, PrettyFormatter::new()).map(text)
}

fn written(value: &impl Serialize, layout: impl Formatter) -> serde_json::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(128);
    value.serialize(&mut Serializer::with_formatter(&mut out, Visible(layout)))?;
    Ok(out)
}

fn text(bytes: Vec<u8>) -> String {
    // The serializer writes whole strings only.
    String::from_utf8(bytes).unwrap_or_default()
}

/// Escapes hidden characters; the layout does the rest.
struct Visible<L>(L);

impl<L: Formatter> Formatter for Visible<L> {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if fragment.is_ascii() && !fragment.contains('\u{7f}') {
            return writer.write_all(fragment.as_bytes());
        }
        let mut buffer = [0; 4];
        for (sign, kind) in signs(fragment) {
            match kind {
                Kind::Seen => writer.write_all(sign.encode_utf8(&mut buffer).as_bytes())?,
                Kind::LineEnd | Kind::Hidden => {
                    for unit in sign.encode_utf16(&mut [0; 2]) {
                        write!(writer, "\\u{unit:04x}")?;
                    }
                }
            }
        }
        Ok(())
    }

    fn write_char_escape<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        self.0.write_char_escape(writer, escape)
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn end_object_key<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_key(writer)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_is_not_seen_is_escaped_and_reads_as_it_was() {
        let hidden = "a\u{85}b\u{2028}c\u{2029}d\u{9b}e\u{7f}f\u{202e}g\u{200b}h\u{e0041}i\r\nj\0";
        let value = json!({ hidden: [hidden, "Größe ✓ 👩\u{200d}💻"] });
        for written in [to_string(&value).unwrap(), to_string_pretty(&value).unwrap()] {
            let is_plain = |sign: char| {
                sign == '\n'
                    || signs(&sign.to_string()).all(|(_, kind)| kind == Kind::Seen)
                    || sign == '\u{200d}'
            };
            assert!(written.chars().all(is_plain), "{written:?}");
            assert!(written.contains("Größe ✓ 👩\u{200d}💻"), "{written}");
            assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), value);
        }
        assert_eq!(to_string(&"\u{2028}\u{e0041}").unwrap(), r#""\u2028\udb40\udc41""#);
    }

    #[test]
    fn the_layout_is_that_of_serde_json() {
        let value = json!({"a": [1, 2.5, null, true, []], "b": {}, "c": {"d": "\"\\\n"}});
        assert_eq!(to_string(&value).unwrap(), value.to_string());
        assert_eq!(to_vec(&value).unwrap(), value.to_string().into_bytes());
        assert_eq!(
            to_string_pretty(&value).unwrap(),
            serde_json::to_string_pretty(&value).unwrap()
        );
    }

    #[test]
    fn a_lone_surrogate_is_refused_where_it_is_read() {
        for text in [r#""\ud800""#, r#""\udc00x""#, r#""\ud800A""#, "\"\u{fffd}\\ud83d\""] {
            assert!(serde_json::from_str::<Value>(text).is_err(), "{text}");
        }
    }
}
