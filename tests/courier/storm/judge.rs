//! What the providers show is held against the rows of the outbox.

use std::collections::{BTreeMap, BTreeSet};

use kanband::notify::slack::message::uuid_of;

use super::Providers;
use crate::stage::{Sent, Stage};

/// A message as a provider shows it.
struct Shown {
    /// The row that it is of.
    row: i64,
    /// Whether it says that it may be a repeat; none where an id says it.
    is_marked: Option<bool>,
}

/// Rows that left as messages of their own.
fn sent(stage: &Stage) -> Vec<Sent> {
    stage.rows().into_iter().filter(|row| row.state == "sent").collect()
}

/// Of a text of a person's chat, by its beginning. Digests of one route may read alike.
fn of_text(rows: &[Sent], channel: &str, address: &str, text: &str) -> Option<i64> {
    let plain = text.replace(['\\', '*'], "");
    let is_it = |row: &&Sent| {
        row.channel == channel && row.address == address && plain.starts_with(&row.head)
    };
    rows.iter().find(is_it).map(|row| row.id)
}

fn of_dedupe(rows: &[Sent], dedupe: &str) -> Option<i64> {
    rows.iter().find(|row| row.dedupe == dedupe).map(|row| row.id)
}

/// What chats show that know messages by ids of ours: channel, address, row and id.
fn named(rows: &[Sent], providers: &Providers) -> Vec<(&'static str, String, Option<i64>, String)> {
    let mut all = Vec::new();
    providers.slack.with(|slack| {
        for message in &slack.messages {
            let id = message.fields["client_msg_id"].as_str().unwrap();
            let row = rows.iter().find(|row| uuid_of(&row.dedupe) == id).map(|row| row.id);
            all.push(("slack", message.channel.clone(), row, id.to_owned()));
        }
    });
    let mut note = |channel, address: &String, id: &str| {
        all.push((channel, address.clone(), of_dedupe(rows, id), id.to_owned()));
    };
    providers.discord.with(|discord| {
        for message in &discord.messages {
            note("discord", &message.channel, message.fields["nonce"].as_str().unwrap());
        }
    });
    providers.matrix.with(|matrix| {
        matrix.messages.iter().for_each(|it| note("matrix", &it.room, &it.name));
    });
    providers.mattermost.with(|mattermost| {
        for post in &mattermost.bot_posts {
            note("posts", &post.channel, post.fields["pending_post_id"].as_str().unwrap());
        }
    });
    all
}

/// Channels whose provider shows a repeat never.
const IDEMPOTENT: [&str; 4] = ["slack", "discord", "matrix", "posts"];

/// What each route shows, in its order.
fn shown(rows: &[Sent], providers: &Providers) -> BTreeMap<(String, String), Vec<Shown>> {
    let mut routes: BTreeMap<(String, String), Vec<Shown>> = BTreeMap::new();
    let mut note = |channel: &str, address: &str, row: Option<i64>, is_marked, what: &str| {
        let row =
            row.unwrap_or_else(|| panic!("{channel} {address} shows what no row says: {what}"));
        let route = (channel.to_owned(), address.to_owned());
        routes.entry(route).or_default().push(Shown { row, is_marked });
    };
    let is_marked = |text: &str| Some(text.replace('\\', "").contains("(This may be a repeat"));
    providers.telegram.with(|telegram| {
        for message in &telegram.messages {
            let text = message.fields["text"].as_str().unwrap();
            let id = message.id.to_string();
            let by_id = rows
                .iter()
                .find(|row| row.channel == "telegram" && row.provider_id.as_deref() == Some(&id));
            let row =
                by_id.map(|row| row.id).or_else(|| of_text(rows, "telegram", &message.chat, text));
            // The mark is of the message as it was sent: a change of one that asked replaces its text.
            let is_marked = is_marked(message.sent["text"].as_str().unwrap());
            note("telegram", &message.chat, row, is_marked, text);
        }
    });
    for (channel, address, row, what) in named(rows, providers) {
        note(channel, &address, row, None, &what);
    }
    providers.mattermost.with(|mattermost| {
        for post in &mattermost.posts {
            let (text, address) =
                (post["text"].as_str().unwrap(), post["channel"].as_str().unwrap());
            note(
                "mattermost",
                address,
                of_text(rows, "mattermost", address, text),
                is_marked(text),
                text,
            );
        }
    });
    providers.ntfy.with(|ntfy| {
        // A change of a message has the lowest priority; it is no message of its own.
        for message in ntfy.published.iter().filter(|it| it["priority"] != 1) {
            let sequence = message["sequence_id"].as_str().unwrap();
            note(
                "ntfy",
                message["topic"].as_str().unwrap(),
                of_dedupe(rows, sequence),
                None,
                sequence,
            );
        }
    });
    let base = providers.webhook.url();
    providers.webhook.with(|receiver| {
        for heard in &receiver.received {
            let id = &heard.headers["webhook-id"];
            note("webhook", &format!("{base}{}", heard.path), of_dedupe(rows, id), None, id);
        }
    });
    for mail in providers.mail.mails() {
        let line = |name: &str| {
            let line = mail.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap().trim_matches(['<', '>']).to_owned()
        };
        let id = line("Message-ID: ");
        let dedupe = id.split('@').next().unwrap();
        note("mail", &line("To: "), of_dedupe(rows, dedupe), None, dedupe);
    }
    routes
}

/// Every event on every route: by a message of its own, or by a digest that was shown.
pub fn every_row_was_told(stage: &Stage, providers: &Providers) {
    let rows = stage.rows();
    let seen: BTreeSet<i64> =
        shown(&sent(stage), providers).into_values().flatten().map(|it| it.row).collect();
    let by_id: BTreeMap<i64, &Sent> = rows.iter().map(|row| (row.id, row)).collect();
    for row in &rows {
        let mut carrier = row;
        while carrier.state == "folded" {
            assert_ne!(row.channel, "webhook", "a program gets each event: {row:?}");
            carrier = by_id[&carrier.folded_into.unwrap()];
        }
        assert_eq!(carrier.state, "sent", "{row:?} by {carrier:?}");
        // Two digests that read alike differ by a number only where the provider has given one.
        let is_ambiguous =
            carrier.class != "news" && carrier.task.is_none() && carrier.channel == "mattermost";
        assert!(is_ambiguous || seen.contains(&carrier.id), "{row:?} by {carrier:?} was not shown");
    }
}

/// Messages of one task stand in the order of its events, on each route.
pub fn order_is_kept(stage: &Stage, providers: &Providers) {
    let rows = sent(stage);
    let by_id: BTreeMap<i64, &Sent> = rows.iter().map(|row| (row.id, row)).collect();
    for (route, messages) in shown(&rows, providers) {
        let (mut seen, mut newest) = (BTreeSet::new(), BTreeMap::new());
        for message in messages {
            let row = by_id[&message.row];
            let (Some(task), Some(event), true) = (&row.task, row.event, seen.insert(row.id))
            else {
                continue;
            };
            let before = newest.insert(task.clone(), event).unwrap_or(0);
            assert!(before < event, "{route:?}: event {event} of {task} after {before}");
        }
    }
}

/// A message stands twice only where nobody could know that it stood already, and the second one says so or has the same id.
pub fn repeats_are_possible_and_marked(stage: &Stage, providers: &Providers) {
    let rows = sent(stage);
    let by_id: BTreeMap<i64, &Sent> = rows.iter().map(|row| (row.id, row)).collect();
    for (route, messages) in shown(&rows, providers) {
        let mut seen = BTreeSet::new();
        for message in messages {
            let row = by_id[&message.row];
            if seen.insert(row.id) {
                continue;
            }
            assert!(!IDEMPOTENT.contains(&route.0.as_str()), "{route:?} shows {row:?} twice");
            let is_digest = row.task.is_none();
            assert!(row.maybe_sent || is_digest, "{route:?} shows {row:?} twice for no reason");
            assert!(
                message.is_marked != Some(false) || is_digest,
                "{route:?}: {row:?} is not marked"
            );
        }
    }
    providers.webhook.with(|receiver| {
        let mut bodies = BTreeMap::new();
        for heard in &receiver.received {
            let id = heard.headers["webhook-id"].clone();
            let body = bodies.entry(id).or_insert_with(|| heard.body.clone());
            assert_eq!(*body, heard.body, "the same body at every attempt");
        }
    });
}

/// As many messages as rows.
pub fn nothing_was_repeated(stage: &Stage, providers: &Providers) {
    let rows = sent(stage);
    let messages: usize = shown(&rows, providers).values().map(Vec::len).sum();
    assert_eq!(messages, rows.len());
    assert!(rows.iter().all(|row| !row.maybe_sent));
}
