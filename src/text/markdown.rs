//! Markdown as HTML for the page on the web. The text is a stranger's: raw HTML in it is shown as the text that it is, links lead to
//! `http`, `https` and `mailto` only and tell nobody where they were, and an image is a link, because to load one would tell its
//! host who reads what. No style and no script can come out of it.

use std::fmt::Write as _;

use pulldown_cmark::{Alignment, CowStr, Event, Options, Parser, Tag, TagEnd, html};

/// Bytes of a text that are rendered; the rest is asked for.
pub const RENDERED_BYTES_MAX: usize = 256 * 1024;

/// A text as HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The HTML: a closed set of elements without event handlers, styles and images.
    pub html: String,
    /// Whether it is the whole text.
    pub is_whole: bool,
}

/// Renders a text, or its beginning where it is long.
pub fn render(text: &str) -> Rendered {
    let mut end = text.len().min(RENDERED_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let (shown, is_whole) = (text.get(..end).unwrap_or_default(), end == text.len());
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS | Options::ENABLE_STRIKETHROUGH;
    let mut links = Vec::new();
    let events = Parser::new_ext(shown, options).map(|event| made_safe(event, &mut links));
    let mut rendered = String::with_capacity(shown.len() * 3 / 2);
    html::push_html(&mut rendered, events);
    Rendered { html: rendered, is_whole }
}

/// `links` has, for each link that is open, whether it was let through.
fn made_safe<'a>(event: Event<'a>, links: &mut Vec<bool>) -> Event<'a> {
    match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        Event::Start(Tag::HtmlBlock) => Event::Start(Tag::Paragraph),
        Event::End(TagEnd::HtmlBlock) => Event::End(TagEnd::Paragraph),
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
            let is_let_through = leads_out(&dest_url);
            links.push(is_let_through);
            if is_let_through { Event::InlineHtml(opening(&dest_url)) } else { nothing() }
        }
        Event::End(TagEnd::Link | TagEnd::Image) => match links.pop() {
            Some(true) => Event::InlineHtml(CowStr::Borrowed("</a>")),
            Some(false) | None => nothing(),
        },
        // A control without a name says nothing to who does not see it.
        Event::TaskListMarker(is_done) => {
            Event::Text(CowStr::Borrowed(if is_done { "☑ " } else { "☐ " }))
        }
        // An alignment would be a style.
        Event::Start(Tag::Table(columns)) => {
            Event::Start(Tag::Table(vec![Alignment::None; columns.len()]))
        }
        other => other,
    }
}

fn nothing() -> Event<'static> {
    Event::Text(CowStr::Borrowed(""))
}

fn leads_out(url: &str) -> bool {
    let lower = url.trim().to_ascii_lowercase();
    ["http://", "https://", "mailto:"].iter().any(|scheme| lower.starts_with(scheme))
}

fn opening(url: &str) -> CowStr<'static> {
    let mut escaped = String::with_capacity(url.len());
    for sign in url.trim().chars() {
        match sign {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            sign if sign.is_control() || sign.is_whitespace() => {
                // Writing into a string cannot fail.
                let _written = write!(escaped, "%{:02X}", u32::from(sign)).is_ok();
            }
            sign => escaped.push(sign),
        }
    }
    CowStr::from(format!(
        "<a href=\"{escaped}\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(text: &str) -> String {
        render(text).html
    }

    #[test]
    fn what_people_write_is_rendered() {
        for (text, expected) in [
            ("# One\n\ntwo *three*", "<h1>One</h1>\n<p>two <em>three</em></p>\n"),
            ("- [x] done", "<li>☑ done"),
            ("| a | b |\n|--:|---|\n| 1 | 2 |", "<th>a</th>"),
            ("~~no~~", "<del>no</del>"),
            ("`code`", "<code>code</code>"),
        ] {
            assert!(html(text).contains(expected), "{text:?}: {}", html(text));
        }
    }

    #[test]
    fn nothing_of_a_strangers_text_runs_loads_or_styles() {
        for text in [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "before <b onclick=alert(1)>x</b> after",
            "<div style=\"position:fixed\">x</div>",
            "[x](javascript:alert(1))",
            "[x](JaVaScRiPt:alert(1))",
            "[x]( data:text/html,<script>alert(1)</script>)",
            "![x](https://example.org/pixel.png)",
            "![x](javascript:alert(1))",
            "<javascript:alert(1)>",
            "| a |\n|:-:|\n| <script> |",
            "[x](https://example.org/\"onmouseover=alert(1))",
            "```\"><script>\nx\n```",
            "<!-- <script>alert(1)</script> -->",
            "<svg onload=alert(1)>",
            "<iframe src=https://example.org></iframe>",
        ] {
            let rendered = html(text);
            for forbidden in ["<script", "<img", "<div", "<svg", "<iframe", "<b ", "<!--"] {
                assert!(!rendered.contains(forbidden), "{text:?}: {rendered}");
            }
            assert!(!rendered.to_lowercase().contains("href=\"javascript"), "{text:?}: {rendered}");
            assert!(!rendered.to_lowercase().contains("href=\"data"), "{text:?}: {rendered}");
            // Every element is one of a closed set, with attributes of a closed set.
            for element in rendered.split('<').skip(1) {
                let inside = element.split('>').next().unwrap();
                let name = inside.trim_start_matches('/').split([' ', '/']).next().unwrap();
                let known = [
                    "p",
                    "a",
                    "em",
                    "strong",
                    "code",
                    "pre",
                    "table",
                    "thead",
                    "tbody",
                    "tr",
                    "th",
                    "td",
                    "ul",
                    "ol",
                    "li",
                    "h1",
                    "blockquote",
                    "hr",
                    "br",
                    "input",
                    "del",
                ];
                assert!(known.contains(&name), "{text:?}: <{inside}>");
                assert!(!inside.contains(" on"), "{text:?}: <{inside}>");
                assert!(!inside.contains("style"), "{text:?}: <{inside}>");
            }
        }
    }

    #[test]
    fn a_link_tells_nobody_where_it_was_and_an_image_is_one() {
        let rel = "rel=\"noopener noreferrer nofollow\"";
        assert!(html("[x](https://example.org)").contains(rel));
        let image = html("![a picture](https://example.org/x.png)");
        assert!(image.contains(rel) && image.contains(">a picture</a>"), "{image}");
        assert!(html("[x](ftp://example.org)").contains("<p>x</p>"));
    }

    #[test]
    fn a_long_text_is_rendered_up_to_a_bound_and_says_so() {
        let long = "ä".repeat(RENDERED_BYTES_MAX);
        let rendered = render(&long);
        assert!(!rendered.is_whole && rendered.html.len() < RENDERED_BYTES_MAX + 64);
        assert!(render("short").is_whole);
    }
}
