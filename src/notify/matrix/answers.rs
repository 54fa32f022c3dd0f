//! What a homeserver answers, and what follows from it. Pure.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::kernel::notice::{Outcome, RateScope};
use crate::notify::http::{Answer, json};
use crate::notify::inbound::heard::Trouble;
use crate::notify::outcome::{self, clamped_ms};

/// An event that was sent.
#[derive(Debug, Deserialize)]
struct Sent {
    event_id: String,
}

/// A refusal.
#[derive(Debug, Deserialize)]
struct Refusal {
    errcode: String,
    #[serde(default)]
    error: String,
    /// Of older servers; newer ones send `Retry-After`.
    retry_after_ms: Option<u32>,
}

/// What a room says of itself.
#[derive(Debug, PartialEq)]
pub enum State {
    /// Nothing of the kind.
    Missing,
    /// This.
    Is(Value),
}

/// The token is none: nobody gets anything by it.
const DEAD: [&str; 4] =
    ["M_UNKNOWN_TOKEN", "M_MISSING_TOKEN", "M_USER_DEACTIVATED", "M_USER_LOCKED"];

/// How long it is waited after a limit that does not say how long, milliseconds.
const RETRY_MS: u64 = 10_000;

/// What an answer to an event means.
pub fn judge(answer: &Answer) -> Outcome {
    if (200..300).contains(&answer.status) {
        return match json::read::<Sent>(answer) {
            Some(sent) => Outcome::Sent { provider_id: Some(sent.event_id) },
            None => {
                let error = format!("the homeserver answers {}", json::quoted(answer));
                outcome::unknown("unexpected", &error)
            }
        };
    }
    judge_error(answer)
}

/// What was asked for, or why there is nothing.
///
/// # Errors
/// There is nothing.
pub fn result_of<T: DeserializeOwned>(answer: &Answer) -> Result<T, Trouble> {
    if answer.status == 200 {
        let found = json::read(answer);
        return found.ok_or_else(|| Trouble::later("the homeserver does not answer as it says"));
    }
    match judge_error(answer) {
        // A token that is none stays none; whatever else it says may change.
        Outcome::ChannelDead { error, .. } => Err(Trouble::Dead { reason: error }),
        Outcome::Rate { after_ms, .. } => {
            let after = Some(Duration::from_millis(after_ms));
            Err(Trouble::Later { after, reason: "too many requests".to_owned() })
        }
        Outcome::Permanent { error, .. }
        | Outcome::Temporary { error, .. }
        | Outcome::Unknown { error, .. } => Err(Trouble::later(error)),
        Outcome::Sent { .. } | Outcome::Moved { .. } | Outcome::Gone => {
            Err(Trouble::later(format!("the homeserver answers {}", answer.status)))
        }
    }
}

/// What an answer to the question for a state means.
///
/// # Errors
/// What becomes of the message that it was asked for.
pub fn judge_state(answer: &Answer) -> Result<State, Outcome> {
    if answer.status == 200 {
        return json::read(answer).map(State::Is).ok_or_else(|| {
            outcome::temporary("unexpected", "the homeserver does not answer in JSON")
        });
    }
    let is_missing = json::read::<Refusal>(answer).is_some_and(|it| it.errcode == "M_NOT_FOUND");
    if answer.status == 404 && is_missing { Ok(State::Missing) } else { Err(judge_error(answer)) }
}

fn judge_error(answer: &Answer) -> Outcome {
    let status = answer.status;
    let refusal: Option<Refusal> = json::read(answer);
    if status == 429 {
        let said =
            refusal.and_then(|it| it.retry_after_ms).map(|ms| clamped_ms(f64::from(ms) / 1_000.0));
        let after_ms = outcome::retry_after_ms(answer).or(said).unwrap_or(RETRY_MS);
        // The limit is one of the user, whatever the room.
        return Outcome::Rate { after_ms, scope: RateScope::Channel };
    }
    let Some(refusal) = refusal else {
        let answered = outcome::of_status("the homeserver", answer, &json::quoted(answer));
        return match (status, answered) {
            // 2xx never comes here; what is no API of Matrix is not the fault of a message.
            (404, Outcome::Permanent { code, error }) => outcome::channel_dead(
                &code,
                &format!("{error} (`url` of the channel is not that of a homeserver)"),
            ),
            (_, answered) => answered,
        };
    };
    let word = refusal.errcode.as_str();
    let is_word = (1..=64).contains(&word.len())
        && word
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    let code = if is_word { word.to_ascii_lowercase() } else { "refused".to_owned() };
    let error = format!("the homeserver answers {word}: {}{}", refusal.error, hint(word));
    match status {
        _ if DEAD.contains(&word) => outcome::channel_dead(&code, &error),
        401 => outcome::channel_dead(&code, &error),
        500.. => outcome::temporary(&code, &error),
        _ => outcome::permanent(&code, &error),
    }
}

/// What helps.
fn hint(word: &str) -> &'static str {
    match word {
        "M_FORBIDDEN" => " (invite the user of the token to the room, and have it join)",
        "M_UNKNOWN_TOKEN" => " (the session was logged out: make another token)",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::outcome::testing::{answer, with, word};

    fn error(status: u16, word: &str) -> Answer {
        answer(status, &format!(r#"{{"errcode":"{word}","error":"a sentence"}}"#))
    }

    #[test]
    fn every_answer_means_what_the_table_says() {
        let limited = r#"{"errcode":"M_LIMIT_EXCEEDED","error":"x","retry_after_ms":250}"#;
        let bare = r#"{"errcode":"M_LIMIT_EXCEEDED","error":"x"}"#;
        for (given, expected) in [
            (answer(200, r#"{"event_id":"$abc"}"#), "sent $abc"),
            (answer(200, "<html>"), "unknown unexpected"),
            (answer(429, limited), "rate 250 Channel"),
            (with(answer(429, limited), "retry-after", "3"), "rate 3000 Channel"),
            (answer(429, bare), "rate 10000 Channel"),
            (error(403, "M_FORBIDDEN"), "permanent m_forbidden"),
            (error(403, "M_USER_DEACTIVATED"), "channel_dead m_user_deactivated"),
            (error(401, "M_UNKNOWN_TOKEN"), "channel_dead m_unknown_token"),
            (error(401, "M_MISSING_TOKEN"), "channel_dead m_missing_token"),
            (error(413, "M_TOO_LARGE"), "permanent m_too_large"),
            (error(404, "M_UNRECOGNIZED"), "permanent m_unrecognized"),
            (error(400, "No syt_token"), "permanent refused"),
            (error(500, "M_UNKNOWN"), "temporary m_unknown"),
            (answer(502, "<html>"), "temporary http_502"),
            (answer(404, "<html>"), "channel_dead http_404"),
            (answer(301, "<html>"), "permanent http_301"),
        ] {
            assert_eq!(word(&judge(&given)), expected, "{given:?}");
        }
    }

    #[test]
    fn only_a_server_that_says_so_has_no_such_state() {
        let missing = error(404, "M_NOT_FOUND");
        assert_eq!(judge_state(&missing), Ok(State::Missing));
        let is = answer(200, r#"{"algorithm":"x"}"#);
        assert!(matches!(judge_state(&is), Ok(State::Is(content)) if content["algorithm"] == "x"));
        for (given, expected) in [
            (error(404, "M_UNRECOGNIZED"), "permanent m_unrecognized"),
            (error(403, "M_FORBIDDEN"), "permanent m_forbidden"),
            (answer(200, "<html>"), "temporary unexpected"),
            (answer(503, "<html>"), "temporary http_503"),
        ] {
            assert_eq!(
                judge_state(&given).map_err(|outcome| word(&outcome)),
                Err(expected.to_owned())
            );
        }
    }
}
