//! How messages read, kept in one file: each kind of message by each sender, at three lengths, with text that would break markup.

use kanband::kernel::notice::{Class, Item, Mention, Notice, NoticeFile, Row};
use kanband::kernel::rules::notice_json;
use kanband::notify::render::measure::Unit;
use kanband::notify::{discord, mail, matrix, mattermost, ntfy, slack, telegram};
use serde_json::Value;

use crate::harness::{ask, notice, row};

/// Set to rewrite the file instead of comparing it.
const UPDATE: &str = "KANBAND_UPDATE_FILES";
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/courier/texts.golden.txt");

/// What titles and reasons may hold.
const NASTY: &str = "a &<b>*c*_d_[e](f)~g~`h` @everyone @channel <!channel> <@U1> :smile: #tag";

/// From right to left, joined emoji, and what turns a line around.
const WIDE: &str = "שלום 👩\u{200d}🔧 e\u{301} \u{202e}reversed";

fn messages() -> Vec<(&'static str, Notice)> {
    let task = |title: &str| {
        let mut task = notice().task.unwrap();
        task.title = title.to_owned();
        Some(task)
    };
    let nasty = Notice {
        task: task(NASTY),
        headline: format!("Done by {NASTY}."),
        lines: vec![NASTY.to_owned(), WIDE.to_owned()],
        mention: Some(Mention { name: "@all".to_owned(), address: "all".to_owned() }),
        ..notice()
    };
    let long = |unit: &str, count: usize| Notice {
        task: task("A long one"),
        lines: vec![unit.repeat(count)],
        ..ask()
    };
    let items = (1..=12).map(|number| Item {
        task: format!("t_0000000{number:x}"),
        title: format!("Task {number}"),
        sentence: "Done.".to_owned(),
    });
    let digest = Notice {
        class: Class::Digest,
        kind: "digest".to_owned(),
        event_id: None,
        task: None,
        headline: "12 news since 14:00".to_owned(),
        lines: vec!["10 done, 2 late".to_owned()],
        items: items.collect(),
        ..notice()
    };
    let files = vec![
        NoticeFile { name: "page.html".to_owned(), size_bytes: 900 },
        NoticeFile { name: "a\nb.bin".to_owned(), size_bytes: 5_000_000 },
    ];
    let (test, stuck) = (Class::Test, "A run does not end.".to_owned());
    vec![
        ("completed", Notice { files, ..notice() }),
        ("asked", ask()),
        ("nasty", nasty),
        ("long words", long("word ", 5_000)),
        ("long without a gap", long("😀", 6_000)),
        ("digest", digest),
        (
            "unkillable",
            Notice {
                kind: "unkillable".to_owned(),
                class: Class::Ask,
                headline: stuck,
                ..notice()
            },
        ),
        (
            "test",
            Notice {
                class: test,
                kind: "test".to_owned(),
                task: None,
                lines: Vec::new(),
                ..notice()
            },
        ),
    ]
}

fn rows(channel: &str, address: &str) -> Vec<(&'static str, Row)> {
    let of = |(name, notice)| (name, Row { notice, ..row(channel, address, 1) });
    messages().into_iter().map(of).collect()
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap().to_owned()
}

/// Blocks of Slack as they are read, with the line for notifications before them; each within its own limit.
fn slack_text(body: &Value) -> String {
    let mut parts = vec![format!("[{}]", text(body, "text"))];
    let mut length = 0;
    for block in body["blocks"].as_array().unwrap() {
        let Some(content) = block["text"]["text"].as_str() else { continue };
        let limit = if block["type"] == "header" { 150 } else { 3_000 };
        let characters = Unit::Characters.length(content);
        assert!((1..=limit).contains(&characters), "{block}");
        length += characters;
        parts.push(content.to_owned());
    }
    assert!(length <= 13_200, "{length} characters over all blocks");
    parts.join("\n")
}

/// Text and embed of Discord as they are read; each within its own limit, and nobody notified but who is named.
fn discord_text(body: &Value, row: &Row) -> String {
    let content = text(body, "content");
    assert!((1..=2_000).contains(&Unit::Characters.length(&content)), "{content}");
    let embed = &body["embeds"][0];
    let part = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (description, foot) = (part(&embed["description"]), part(&embed["footer"]["text"]));
    assert!(Unit::Characters.length(&description) <= 4_096, "{description}");
    let is_named = row.notice.mention.as_ref().is_some_and(|it| it.address.len() > 10);
    assert_eq!(body["allowed_mentions"]["users"].as_array().unwrap().len(), usize::from(is_named));
    assert_eq!(body["allowed_mentions"]["parse"], Value::Array(Vec::new()));
    let parts = [content, description, foot];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n---\n")
}

/// Sender, message, unit, limit, and what is shown.
fn texts() -> Vec<(&'static str, &'static str, Unit, usize, String)> {
    let mut texts = Vec::new();
    for (name, row) in rows("telegram", "7") {
        let shown = text(&telegram::message::send_row(&row), "text");
        texts.push(("telegram", name, Unit::Utf16, 4_096, shown));
    }
    for (name, row) in rows("slack", "C024BE91L") {
        let (bot, hook) = (slack::message::send_row(&row), slack::message::hook_row(&row));
        assert_eq!(bot["text"], hook["text"]);
        texts.push(("slack", name, Unit::Characters, 14_000, slack_text(&bot)));
        texts.push(("slack hook", name, Unit::Characters, 14_000, slack_text(&hook)));
    }
    for (name, row) in rows("discord", "846000000000000001") {
        let (bot, hook) =
            (discord::message::send_row(&row, true), discord::message::send_row(&row, false));
        assert_eq!(discord_text(&bot, &row), discord_text(&hook, &row));
        texts.push(("discord", name, Unit::Characters, 6_000, discord_text(&bot, &row)));
    }
    for (name, row) in rows("matrix", "!aBc:example.org") {
        let content = matrix::message::send_row(&row);
        assert!(content.to_string().len() <= 65_000, "{name}");
        texts.push(("matrix", name, Unit::Bytes, 24_000, text(&content, "body")));
    }
    for (name, row) in rows("ntfy", "topic") {
        let body = ntfy::send_row(&row);
        let shown = text(&body, "message");
        assert!(text(&body, "title").len() <= 250);
        texts.push(("ntfy", name, Unit::Bytes, 4_096, shown));
    }
    for (name, row) in rows("mattermost", "-") {
        let shown = text(&mattermost::message::send_row(&row), "text");
        let post = mattermost::message::post_row(&row);
        assert_eq!(text(&post, "message"), shown, "by a bot as by a hook");
        texts.push(("mattermost", name, Unit::Characters, 16_383, shown));
    }
    for (name, row) in rows("mail", "a@b") {
        let shown = format!(
            "Subject: {}\n\n{}",
            mail::message::subject_of(&row),
            mail::message::text_of(&row)
        );
        texts.push(("mail", name, Unit::Bytes, 64 * 1_024 + 200, shown));
    }
    for (name, row) in rows("webhook", "https://h/") {
        let shown = kanband::text::json::to_string(&notice_json::of(&row.notice)).unwrap();
        texts.push(("webhook", name, Unit::Bytes, 40_000, shown));
    }
    texts
}

/// The beginning and the end of a long text.
fn shortened(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    if characters.len() <= 900 {
        return text.to_owned();
    }
    let head: String = characters[..300].iter().collect();
    let tail: String = characters[characters.len() - 500..].iter().collect();
    format!("{head}\n[…]\n{tail}")
}

#[test]
fn every_text_is_the_one_on_file_and_within_the_limit_of_its_provider() {
    let mut all = String::new();
    for (sender, name, unit, limit, text) in texts() {
        let length = unit.length(&text);
        assert!(length <= limit, "{sender}, {name}: {length} {unit:?}");
        assert!(!text.contains('\u{202e}'), "{sender}, {name}: reversed text");
        let shown = shortened(&text).replace('\u{200b}', "{gap}");
        all.push_str(&format!("==== {sender}: {name} ({length} {unit:?})\n{shown}\n\n"));
    }
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(GOLDEN, &all).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(GOLDEN).unwrap_or_default();
    let differs = kept.lines().zip(all.lines()).position(|(one, other)| one != other);
    assert!(
        kept == all,
        "{GOLDEN} differs from line {}; run this test with {UPDATE}=1",
        differs.map_or(0, |line| line + 1)
    );
}

#[test]
fn what_is_cut_says_how_much_is_missing_and_the_question_stays_whole() {
    for (sender, name, _, _, text) in texts() {
        let is_cut = match sender {
            "telegram" | "discord" | "ntfy" => name.starts_with("long"),
            "slack" | "slack hook" | "matrix" => name == "long words",
            _ => false,
        };
        let text = if sender == "discord" { text.replace('\\', "") } else { text };
        if is_cut {
            assert!(text.contains("more characters: kanban show t_0000000a)"), "{sender}: {text}");
            for kept in [
                "Which colour?",
                "1. red",
                "2. blue",
                "until 2023-11-14 23:13 UTC",
                "Ada",
                "t_0000000a · default",
            ] {
                assert!(text.contains(kept), "{sender}, {name}: {kept}");
            }
        }
    }
}

#[test]
fn a_text_of_joined_signs_is_cut_between_two_of_them_by_every_chat() {
    let notice = Notice { lines: vec!["👩\u{200d}🔧".repeat(9_000)], ..ask() };
    let of = |address: &str| Row { notice: notice.clone(), ..row("chat", address, 1) };
    let discord_row = of("846000000000000001");
    for (sender, text) in [
        ("telegram", text(&telegram::message::send_row(&of("7")), "text")),
        ("slack", slack_text(&slack::message::send_row(&of("C024BE91L")))),
        ("discord", discord_text(&discord::message::send_row(&discord_row, true), &discord_row)),
        ("matrix", text(&matrix::message::send_row(&of("!a:b")), "body")),
        ("mattermost", text(&mattermost::message::post_row(&of("-")), "message")),
    ] {
        let text = text.replace('\\', "");
        let (before, _) = text.split_once("… (").unwrap_or_else(|| panic!("{sender} cuts nothing"));
        assert!(before.ends_with('🔧'), "{sender} divides a sign");
    }
}

#[test]
fn no_text_of_others_mentions_anybody() {
    for (sender, name, _, _, text) in texts() {
        if name == "nasty" && sender != "webhook" && sender != "mail" {
            let read = if sender.starts_with("slack") { text.lines().next().unwrap() } else { "" };
            assert!(!read.contains("<!") && !read.contains("<@"), "{sender}: {read}");
            for mention in ["@everyone", "@channel", "@all", "@here"] {
                assert!(!text.contains(mention), "{sender}: {mention} in {text}");
            }
        }
        if sender == "webhook" {
            assert!(
                !text.contains("abcdefghijklmnop"),
                "tokens of buttons are for the person who is asked"
            );
        }
    }
}
