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

/// Text in HTML.
pub fn html(sign: char, out: &mut String) {
    match sign {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '"' => out.push_str("&quot;"),
        _ => out.push(sign),
    }
}

/// Text that Slack reads: three signs begin its markup and its mentions.
pub fn slack(sign: char, out: &mut String) {
    match sign {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        _ => unmentioned(sign, out),
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
        let mentions = "<!channel> <@U1> a&b @here";
        let expected = "&lt;!channel&gt; &lt;@\u{200b}U1&gt; a&amp;b @\u{200b}here";
        assert_eq!(escaped(mentions, slack), expected);
    }
}
