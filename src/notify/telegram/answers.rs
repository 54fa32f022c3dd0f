//! What the Bot API answers, and what follows from it. Pure; the table of errors is that of the server's own source.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::kernel::notice::{Outcome, RateScope};
use crate::notify::http::{Answer, json};
use crate::notify::inbound::heard::Trouble;
use crate::notify::outcome::{self, clamped_ms};

/// An answer of the API.
#[derive(Debug, Deserialize)]
pub struct Reply<T> {
    /// Whether it did what was asked.
    pub ok: bool,
    /// What came of it.
    pub result: Option<T>,
    /// The status again.
    #[serde(default)]
    pub error_code: u16,
    /// Why not.
    #[serde(default)]
    pub description: String,
    /// More about it.
    pub parameters: Option<Parameters>,
}

/// More about an error.
#[derive(Debug, Deserialize)]
pub struct Parameters {
    /// Seconds to wait.
    pub retry_after: Option<serde_json::Number>,
    /// The new id of a group.
    pub migrate_to_chat_id: Option<i64>,
}

/// A message that was sent.
#[derive(Debug, Deserialize)]
pub struct Sent {
    /// Its id within the chat.
    pub message_id: i64,
}

/// What was asked for, as far as it changes what an error means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// A new message.
    Send,
    /// A change of one; what is not there any longer is sent again.
    Edit,
}

/// Beginnings of descriptions after which a changed message is sent as a new one.
const NOT_EDITABLE: [&str; 3] =
    ["message to edit not found", "message can't be edited", "message_id_invalid"];

/// What an answer to a message means.
pub fn judge(answer: &Answer, asked: Asked) -> Outcome {
    let reply: Option<Reply<serde_json::Value>> = json::read(answer);
    let Some(reply) = reply else {
        // The front of the provider answers in HTML.
        return outcome::of_status("telegram", answer, &json::quoted(answer));
    };
    if reply.ok {
        let sent: Option<Sent> = reply.result.and_then(|it| serde_json::from_value(it).ok());
        return Outcome::Sent { provider_id: sent.map(|sent| sent.message_id.to_string()) };
    }
    judge_error(answer.status, &reply, asked)
}

fn judge_error<T>(status: u16, reply: &Reply<T>, asked: Asked) -> Outcome {
    let parameters = reply.parameters.as_ref();
    let text = reply.description.as_str();
    let reason = text.split_once(": ").map_or(text, |(_, reason)| reason);
    if let Some(id) = parameters.and_then(|it| it.migrate_to_chat_id) {
        return Outcome::Moved { address: id.to_string() };
    }
    if status == 429 {
        return Outcome::Rate { after_ms: retry_ms(parameters), scope: RateScope::Route };
    }
    let lower = reason.to_lowercase();
    if asked == Asked::Edit && lower.starts_with("message is not modified") {
        return Outcome::Sent { provider_id: None };
    }
    if asked == Asked::Edit && NOT_EDITABLE.iter().any(|known| lower.starts_with(known)) {
        return Outcome::Gone;
    }
    match status {
        401 | 404 => outcome::channel_dead("unauthorized", text),
        400 => outcome::permanent("bad_request", text),
        403 => outcome::permanent("forbidden", text),
        409 => outcome::temporary("conflict", text),
        500.. => outcome::temporary("server_error", text),
        _ => outcome::permanent("refused", text),
    }
}

/// The result of a method that is no message, or why there is none.
///
/// # Errors
/// There is none.
pub fn result_of<T: DeserializeOwned>(answer: &Answer) -> Result<T, Trouble> {
    let later = |after, reason: String| Err(Trouble::Later { after, reason });
    let reply: Option<Reply<T>> = json::read(answer);
    let Some(reply) = reply else {
        // The front of the provider answers in HTML.
        let quoted = json::quoted(answer);
        return later(None, format!("telegram answers {}: {quoted}", answer.status));
    };
    if let (true, Some(result)) = (reply.ok, reply.result) {
        return Ok(result);
    }
    let reason = reply.description;
    match answer.status {
        401 | 404 => Err(Trouble::Dead { reason }),
        409 => Err(Trouble::Deaf { reason }),
        429 => {
            let after = retry_ms(reply.parameters.as_ref());
            later(Some(Duration::from_millis(after)), reason)
        }
        status => later(None, format!("telegram answers {status}: {reason}")),
    }
}

/// Seconds to wait when a provider does not say how many.
const RETRY_MS: u64 = 5_000;

fn retry_ms(parameters: Option<&Parameters>) -> u64 {
    let seconds = parameters.and_then(|it| it.retry_after.as_ref()?.as_f64());
    seconds.map_or(RETRY_MS, clamped_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::outcome::testing::{answer, word};

    fn error(status: u16, description: &str, parameters: &str) -> Answer {
        let body = format!(
            r#"{{"ok":false,"error_code":{status},"description":"{description}"{parameters}}}"#
        );
        answer(status, &body)
    }

    fn assert_both(given: &Answer, send: &str, edit: &str) {
        assert_eq!(word(&judge(given, Asked::Send)), send, "{given:?}");
        assert_eq!(word(&judge(given, Asked::Edit)), edit, "{given:?}");
    }

    #[test]
    fn every_answer_of_the_table_means_what_it_says_there() {
        let retry = r#","parameters":{"retry_after":7}"#;
        let retry_soon = r#","parameters":{"retry_after":0.05}"#;
        let moved = r#","parameters":{"migrate_to_chat_id":-1001234567890123}"#;
        let upgraded = "Bad Request: group chat was upgraded to a supergroup chat";
        for (given, meaning) in [
            (answer(200, r#"{"ok":true,"result":{"message_id":42,"date":1}}"#), "sent 42"),
            (answer(200, r#"{"ok":true,"result":true}"#), "sent -"),
            (error(429, "Too Many Requests: retry after 7", retry), "rate 7000 Route"),
            (error(429, "Too Many Requests: retry later", retry_soon), "rate 50 Route"),
            (error(429, "Too Many Requests", ""), "rate 5000 Route"),
            (error(400, upgraded, moved), "moved -1001234567890123"),
            (error(400, "Bad Request: chat not found", ""), "permanent bad_request"),
            (error(403, "Forbidden: bot was blocked by the user", ""), "permanent forbidden"),
            (error(401, "Unauthorized", ""), "channel_dead unauthorized"),
            (error(404, "Not Found", ""), "channel_dead unauthorized"),
            (error(409, "Conflict: terminated", ""), "temporary conflict"),
            (error(418, "I'm a teapot", ""), "permanent refused"),
            (error(500, "Internal Server Error: x", ""), "temporary server_error"),
            (answer(502, "<html>Bad Gateway</html>"), "temporary http_502"),
            (answer(403, "<html>no</html>"), "permanent http_403"),
        ] {
            assert_both(&given, meaning, meaning);
        }
    }

    #[test]
    fn what_keeps_a_bot_from_hearing_is_told_apart() {
        let trouble = |given: &Answer| match result_of::<Vec<i64>>(given) {
            Ok(found) => format!("{found:?}"),
            Err(Trouble::Later { after, .. }) => format!("later {after:?}"),
            Err(Trouble::Deaf { reason }) => format!("deaf {reason}"),
            Err(Trouble::Dead { reason }) => format!("dead {reason}"),
        };
        let retry = r#","parameters":{"retry_after":7}"#;
        for (given, meaning) in [
            (answer(200, r#"{"ok":true,"result":[7]}"#), "[7]"),
            (answer(200, r#"{"ok":true,"result":"x"}"#), "later None"),
            (answer(200, r#"{"ok":true}"#), "later None"),
            (error(409, "Conflict: terminated", ""), "deaf Conflict: terminated"),
            (error(401, "Unauthorized", ""), "dead Unauthorized"),
            (error(404, "Not Found", ""), "dead Not Found"),
            (error(429, "Too Many Requests", retry), "later Some(7s)"),
            (error(400, "Bad Request: x", ""), "later None"),
            (error(500, "Internal Server Error", ""), "later None"),
            (answer(502, "<html>Bad Gateway</html>"), "later None"),
            (answer(409, "<html>no</html>"), "later None"),
        ] {
            assert_eq!(trouble(&given), meaning, "{given:?}");
        }
    }

    #[test]
    fn what_cannot_be_changed_any_longer_is_sent_anew_and_what_is_so_already_is_done() {
        for (description, edit) in [
            ("Bad Request: message is not modified: specified new message content", "sent -"),
            ("Bad Request: message to edit not found", "gone"),
            ("Bad Request: message can't be edited", "gone"),
        ] {
            assert_both(&error(400, description, ""), "permanent bad_request", edit);
        }
    }
}
