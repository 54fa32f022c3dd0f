//! How each provider is kept from reading markup and mentions in the texts of others. Pure.

/// Not seen, and no part of a name: what stands behind it is no mention.
const GAP: char = '\u{200b}';

/// Text without markup in which `@name` still mentions: Telegram, ntfy's apps, subjects of mail.
pub fn unmentioned(sign: char, out: &mut String) {
    out.push(sign);
    if sign == '@' {
        out.push(GAP);
    }
}

/// Markdown as Mattermost reads it.
pub fn markdown(sign: char, out: &mut String) {
    match sign {
        '@' => out.extend([sign, GAP]),
        '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '+' | '-' | '!'
        | '|' | '~' | '<' | '>' | '&' | ':' => out.extend(['\\', sign]),
        _ => out.push(sign),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::render::measure::escaped;

    #[test]
    fn markup_and_mentions_in_texts_of_others_are_only_text() {
        let text = "@here *a* <b> [c](d) `e` #f";
        assert_eq!(escaped(text, unmentioned), "@\u{200b}here *a* <b> [c](d) `e` #f");
        assert_eq!(
            escaped(text, markdown),
            "@\u{200b}here \\*a\\* \\<b\\> \\[c\\]\\(d\\) \\`e\\` \\#f"
        );
    }
}
