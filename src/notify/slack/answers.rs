//! What Slack answers, and what follows from it. Pure. An error comes with status 200: what counts is `ok`.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::kernel::notice::{Outcome, RateScope};
use crate::notify::http::{Answer, json};
use crate::notify::inbound::heard::Trouble;
use crate::notify::outcome;
use crate::notify::slack::message::{MessageId, REPEAT_KEY, THREAD_KEY};

/// An answer of the API.
#[derive(Debug, Deserialize)]
struct Reply {
    ok: bool,
    error: Option<String>,
    channel: Option<String>,
    ts: Option<String>,
}

/// The bot.
#[derive(Debug, Deserialize)]
pub struct Me {
    /// The id of its user.
    pub user_id: String,
}

/// Where a WebSocket is opened.
#[derive(Debug, Deserialize)]
pub struct Line {
    /// It has a ticket in it.
    pub url: String,
}

/// What was asked for, as far as it changes what an error means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// A new message.
    Post,
    /// A change of one; what is not there any longer is sent again.
    Update,
}

/// What errors about the id of a repeat begin with.
const DUPLICATE: &str = "duplicate_";

/// Errors about the message that a post was to stand below.
const NO_THREAD: [&str; 4] =
    ["thread_not_found", "invalid_thread_ts", "cannot_reply_to_message", "message_not_found"];

/// The argument of a post that an error is about, when it can do without.
pub fn refused_part(word: &str) -> Option<&'static str> {
    if word.starts_with(DUPLICATE) {
        return Some(REPEAT_KEY);
    }
    NO_THREAD.contains(&word).then_some(THREAD_KEY)
}

/// The channel works for nobody until its credential is another one.
const DEAD: [&str; 9] = [
    "invalid_auth",
    "not_authed",
    "account_inactive",
    "token_revoked",
    "token_expired",
    "missing_scope",
    "no_permission",
    "not_allowed_token_type",
    "team_access_not_granted",
];

/// It may work later.
const TEMPORARY: [&str; 3] = ["service_unavailable", "request_timeout", "team_added_to_org"];

/// Parts of it may have been done.
const UNKNOWN: [&str; 2] = ["fatal_error", "internal_error"];

/// A changed message is sent as a new one.
const NOT_EDITABLE: [&str; 3] = ["cant_update_message", "edit_window_closed", "message_not_found"];

/// Words of a hook that is none any longer.
const DEAD_HOOK: [&str; 6] =
    ["invalid_token", "no_active_hooks", "no_service", "no_service_id", "no_team", "team_disabled"];

/// How long it is waited after a limit that does not say how long, milliseconds.
const RETRY_MS: u64 = 30_000;

/// What an answer of the API means.
pub fn judge(answer: &Answer, asked: Asked) -> Outcome {
    let Some(reply) = json::read::<Reply>(answer) else {
        return unread(answer);
    };
    if reply.ok {
        let id = reply.channel.zip(reply.ts).map(|(channel, ts)| MessageId { channel, ts });
        return Outcome::Sent { provider_id: id.map(|id| id.to_string()) };
    }
    let word = reply.error.unwrap_or_else(|| "no_error_named".to_owned());
    if is_limit(answer, &word) {
        return rate(answer);
    }
    if asked == Asked::Update && NOT_EDITABLE.contains(&word.as_str()) {
        return Outcome::Gone;
    }
    let error = format!("Slack answers {word}{}", hint(&word));
    // What is stored as a code is a word and nothing that was quoted back.
    let word = if is_word(&word) { word } else { "refused".to_owned() };
    if DEAD.contains(&word.as_str()) {
        outcome::channel_dead(&word, &error)
    } else if UNKNOWN.contains(&word.as_str()) {
        outcome::unknown(&word, &error)
    } else if TEMPORARY.contains(&word.as_str()) || answer.status >= 500 {
        outcome::temporary(&word, &error)
    } else {
        outcome::permanent(&word, &error)
    }
}

/// The result of a method that is no message, or why there is none.
///
/// # Errors
/// There is none.
pub fn result_of<T: DeserializeOwned>(answer: &Answer) -> Result<T, Trouble> {
    let later = |after, reason| Err(Trouble::Later { after, reason });
    let Some(reply) = json::read::<Reply>(answer) else {
        let quoted = json::quoted(answer);
        return later(None, format!("Slack answers {}: {quoted}", answer.status));
    };
    if let (true, Some(found)) = (reply.ok, json::read(answer)) {
        return Ok(found);
    }
    let word = reply.error.unwrap_or_else(|| "no_error_named".to_owned());
    if is_limit(answer, &word) {
        let after_ms = outcome::retry_after_ms(answer).unwrap_or(RETRY_MS);
        return later(Some(Duration::from_millis(after_ms)), word);
    }
    match DEAD.contains(&word.as_str()) {
        true => Err(Trouble::Dead { reason: format!("Slack answers {word}") }),
        false => later(None, format!("Slack answers {word}")),
    }
}

fn is_limit(answer: &Answer, word: &str) -> bool {
    answer.status == 429 || ["ratelimited", "rate_limited"].contains(&word)
}

/// What an answer to a hook means: `ok`, or a word, both in plain text.
pub fn judge_hook(answer: &Answer) -> Outcome {
    let text = String::from_utf8_lossy(&answer.body);
    let text = text.trim();
    match answer.status {
        200 if text == "ok" => Outcome::Sent { provider_id: None },
        429 => rate(answer),
        // A front that answers something else has posted nothing that is known of.
        200 => outcome::unknown("unexpected", &format!("Slack answers {}", json::quoted(answer))),
        400..=499 if is_word(text) => {
            let error = format!("Slack answers {text}{}", hint(text));
            // The hook itself is gone: nothing of it is to be given up, and nothing is sent before it is replaced.
            match DEAD_HOOK.contains(&text) {
                true => outcome::channel_dead(text, &error),
                false => outcome::permanent(text, &error),
            }
        }
        _ => unread(answer),
    }
}

fn is_word(text: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=64).contains(&text.len()) && text.bytes().all(is_sign)
}

/// An answer that is not in the form of the API.
fn unread(answer: &Answer) -> Outcome {
    match answer.status {
        429 => rate(answer),
        200..=299 => outcome::unknown(
            "unexpected",
            &format!("Slack answers {}: {}", answer.status, json::quoted(answer)),
        ),
        _ => outcome::of_status("Slack", answer, &json::quoted(answer)),
    }
}

fn rate(answer: &Answer) -> Outcome {
    let after_ms = outcome::retry_after_ms(answer).unwrap_or(RETRY_MS);
    Outcome::Rate { after_ms, scope: RateScope::Route }
}

/// What helps.
fn hint(word: &str) -> &'static str {
    match word {
        "not_in_channel" => ": invite the bot to the channel",
        "channel_not_found" => {
            ": the id is wrong, or the channel is private and the bot is not in it"
        }
        "missing_scope" => ": the bot needs the scope chat:write",
        "no_service" | "no_active_hooks" | "invalid_token" => {
            ": the hook was removed, make another one"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::outcome::testing::{answer, with, word};

    fn reply(body: &str) -> Answer {
        answer(200, body)
    }

    fn error(word: &str) -> Answer {
        reply(&format!(r#"{{"ok":false,"error":"{word}"}}"#))
    }

    #[test]
    fn every_answer_of_the_api_means_what_the_table_says() {
        let done = r#"{"ok":true,"channel":"C024BE91L","ts":"1503435956.000247","message":{}}"#;
        let limited = r#"{"ok":false,"error":"ratelimited"}"#;
        for (given, post, update) in [
            (reply(done), "sent C024BE91L:1503435956.000247", "sent C024BE91L:1503435956.000247"),
            (reply(r#"{"ok":true}"#), "sent -", "sent -"),
            (reply(r#"{"ok":false}"#), "permanent no_error_named", "permanent no_error_named"),
            (
                error("channel_not_found"),
                "permanent channel_not_found",
                "permanent channel_not_found",
            ),
            (error("message_not_found"), "permanent message_not_found", "gone"),
            (error("edit_window_closed"), "permanent edit_window_closed", "gone"),
            (error("invalid_auth"), "channel_dead invalid_auth", "channel_dead invalid_auth"),
            (error("token_revoked"), "channel_dead token_revoked", "channel_dead token_revoked"),
            (
                error("service_unavailable"),
                "temporary service_unavailable",
                "temporary service_unavailable",
            ),
            (error("fatal_error"), "unknown fatal_error", "unknown fatal_error"),
            (error("a_new_word"), "permanent a_new_word", "permanent a_new_word"),
            (error("No xoxb-1"), "permanent refused", "permanent refused"),
            (error("rate_limited"), "rate 30000 Route", "rate 30000 Route"),
            (with(answer(200, limited), "retry-after", "3"), "rate 3000 Route", "rate 3000 Route"),
            (with(answer(429, limited), "retry-after", "0.2"), "rate 200 Route", "rate 200 Route"),
            (answer(429, "<html>"), "rate 30000 Route", "rate 30000 Route"),
            (answer(503, "<html>"), "temporary http_503", "temporary http_503"),
            (answer(500, r#"{"ok":false,"error":"odd"}"#), "temporary odd", "temporary odd"),
            (answer(404, "<html>"), "permanent http_404", "permanent http_404"),
            (answer(200, "<html>"), "unknown unexpected", "unknown unexpected"),
        ] {
            assert_eq!(word(&judge(&given, Asked::Post)), post, "{given:?}");
            assert_eq!(word(&judge(&given, Asked::Update)), update, "{given:?}");
        }
    }

    #[test]
    fn a_post_can_do_without_its_id_and_without_its_thread() {
        for (word, expected) in [
            ("duplicate_message_not_found", Some(REPEAT_KEY)),
            ("thread_not_found", Some(THREAD_KEY)),
            ("channel_not_found", None),
        ] {
            assert_eq!(refused_part(word), expected, "{word}");
        }
    }

    #[test]
    fn every_answer_to_a_hook_means_what_the_table_says() {
        for (given, expected) in [
            (answer(200, "ok"), "sent -"),
            (answer(200, "<html>"), "unknown unexpected"),
            (answer(400, "invalid_payload"), "permanent invalid_payload"),
            (answer(404, "channel_not_found"), "permanent channel_not_found"),
            (answer(410, "channel_is_archived"), "permanent channel_is_archived"),
            (answer(404, "no_service"), "channel_dead no_service"),
            (answer(403, "invalid_token"), "channel_dead invalid_token"),
            (answer(403, "<html>no</html>"), "permanent http_403"),
            (with(answer(429, "rate_limited"), "retry-after", "1"), "rate 1000 Route"),
            (answer(500, "server_error"), "temporary http_500"),
        ] {
            assert_eq!(word(&judge_hook(&given)), expected, "{given:?}");
        }
    }
}
