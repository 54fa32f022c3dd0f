//! JSON that may be nested deeper than usual: metadata from before there was a limit, in the wrapping of an answer.

use serde::de::DeserializeOwned;

use crate::kernel::limits::JSON_DEPTH_MAX;

/// Reads a value.
///
/// # Errors
/// It is no JSON, is of another type, or is nested deeper than [`JSON_DEPTH_MAX`].
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice(bytes).or_else(|error| {
        // The parser's own limit is lower. A text within it costs nothing.
        if depth(bytes) > JSON_DEPTH_MAX {
            return Err(error);
        }
        let mut parser = serde_json::Deserializer::from_slice(bytes);
        parser.disable_recursion_limit();
        let value = T::deserialize(&mut parser)?;
        parser.end()?;
        Ok(value)
    })
}

/// The same from text.
///
/// # Errors
/// As [`from_slice`].
pub fn from_str<T: DeserializeOwned>(text: &str) -> serde_json::Result<T> {
    from_slice(text.as_bytes())
}

/// How deep lists and objects stand in each other. Right for JSON, an upper bound for anything else.
fn depth(bytes: &[u8]) -> usize {
    let (mut now, mut most) = (0_usize, 0);
    let (mut is_in_text, mut is_escaped) = (false, false);
    for byte in bytes {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_in_text => is_escaped = true,
            b'"' => is_in_text = !is_in_text,
            b'[' | b'{' if !is_in_text => {
                now += 1;
                most = most.max(now);
            }
            b']' | b'}' if !is_in_text => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn brackets_count_only_outside_of_text() {
        for (text, expected) in [
            ("1", 0),
            ("[]", 1),
            ("{\"a\":[[]],\"b\":[]}", 3),
            (r#"["[[[","\"[[",{}]"#, 2),
            (r#"["\\",[]]"#, 2),
        ] {
            assert_eq!(depth(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn what_was_stored_before_the_limit_is_read_and_a_bomb_is_not() {
        for (levels, is_read) in
            [(1, true), (127, true), (200, true), (JSON_DEPTH_MAX, true), (100_000, false)]
        {
            let text = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
            assert_eq!(from_str::<Value>(&text).is_ok(), is_read, "{levels}");
        }
        assert!(from_str::<Value>("[1").is_err());
        assert!(from_str::<Value>("[1] 2").is_err());
        assert!(from_str::<Vec<String>>("[1]").is_err());
    }
}
