//! What Discord answers, and what follows from it. Pure.

use serde::Deserialize;

use crate::kernel::notice::{Outcome, RateScope};
use crate::notify::http::{Answer, json};
use crate::notify::outcome::{self, clamped_ms};

/// A message that was sent or changed.
#[derive(Debug, Deserialize)]
struct Message {
    /// A number of 64 bits, as a text.
    id: String,
}

/// A refusal.
#[derive(Debug, Deserialize)]
struct Refusal {
    #[serde(default)]
    code: u64,
    #[serde(default)]
    message: String,
    /// Seconds, with a fraction.
    retry_after: Option<serde_json::Number>,
    /// Whether the limit is the one of the whole bot.
    #[serde(default)]
    global: bool,
}

/// What was asked for, as far as it changes what an error means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// A new message.
    Post,
    /// A change of one; what is not there any longer is sent again.
    Edit,
}

/// Codes after which a changed message is sent as a new one: it is gone, it is of another, or it is too old to be changed so often.
const NOT_EDITABLE: [u64; 3] = [10_008, 50_005, 30_046];

/// A webhook that is none any longer, and a token of one that is wrong.
const UNKNOWN_WEBHOOK: u64 = 10_015;
const INVALID_WEBHOOK_TOKEN: u64 = 50_027;

/// Code of an outcome after which nothing is ever asked again with this credential.
pub const HOOK_GONE: &str = "webhook_gone";

/// Code of one after which nothing is asked for a while: refusals of a credential count towards a ban of the whole address.
pub const UNAUTHORIZED: &str = "unauthorized";

/// How long it is waited after a limit that does not say how long, milliseconds.
const RETRY_MS: u64 = 60_000;

/// What an answer means.
pub fn judge(answer: &Answer, asked: Asked) -> Outcome {
    let status = answer.status;
    if (200..300).contains(&status) {
        return match json::read::<Message>(answer) {
            Some(message) => Outcome::Sent { provider_id: Some(message.id) },
            None if status == 204 => Outcome::Sent { provider_id: None },
            None => outcome::unknown(
                "unexpected",
                &format!("Discord answers {status}: {}", json::quoted(answer)),
            ),
        };
    }
    let refusal: Option<Refusal> = json::read(answer);
    if status == 429 {
        return rate(answer, refusal.as_ref());
    }
    let Some(refusal) = refusal else {
        return match status {
            401 => outcome::channel_dead(UNAUTHORIZED, "Discord answers 401"),
            _ => outcome::of_status("Discord", answer, &json::quoted(answer)),
        };
    };
    let hint = hint(refusal.code);
    let error = format!("Discord answers {status} {}: {}{hint}", refusal.code, refusal.message);
    let code = format!("discord_{}", refusal.code);
    match (status, refusal.code) {
        (_, UNKNOWN_WEBHOOK | INVALID_WEBHOOK_TOKEN) => outcome::channel_dead(HOOK_GONE, &error),
        (401, _) => outcome::channel_dead(UNAUTHORIZED, &error),
        (_, code) if asked == Asked::Edit && NOT_EDITABLE.contains(&code) => Outcome::Gone,
        (500.., _) => outcome::temporary(&code, &error),
        _ => outcome::permanent(&code, &error),
    }
}

fn rate(answer: &Answer, refusal: Option<&Refusal>) -> Outcome {
    let said = refusal.and_then(|it| it.retry_after.as_ref()?.as_f64()).map(clamped_ms);
    let after_ms = said.or_else(|| outcome::retry_after_ms(answer)).unwrap_or(RETRY_MS);
    // Without a body it is the edge, which holds for all that comes from here.
    let is_global = refusal.is_none_or(|refusal| refusal.global)
        || answer.header("x-ratelimit-scope") == Some("global");
    let scope = if is_global { RateScope::Channel } else { RateScope::Route };
    Outcome::Rate { after_ms, scope }
}

/// What helps.
fn hint(code: u64) -> &'static str {
    match code {
        10_003 => " (the id of the channel is wrong)",
        50_001 | 50_013 => {
            " (give the bot the rights to see the channel and to send messages there)"
        }
        50_007 => {
            " (the person takes no direct messages from the bot: share a server with it and allow them)"
        }
        10_013 | 50_033 => " (the id of the person is wrong)",
        220_001 | 220_003 => " (a forum needs the id of one of its posts as the thread)",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::outcome::testing::{answer, with, word};

    fn error(status: u16, code: u64) -> Answer {
        answer(status, &format!(r#"{{"code":{code},"message":"a word"}}"#))
    }

    #[test]
    fn every_answer_means_what_the_table_says() {
        let limited = |global: bool| {
            answer(429, &format!(r#"{{"message":"x","retry_after":0.25,"global":{global}}}"#))
        };
        for (given, post, edit) in [
            (answer(200, r#"{"id":"1146"}"#), "sent 1146", "sent 1146"),
            (answer(204, ""), "sent -", "sent -"),
            (answer(200, "<html>"), "unknown unexpected", "unknown unexpected"),
            (error(404, 10_003), "permanent discord_10003", "permanent discord_10003"),
            (error(404, 10_008), "permanent discord_10008", "gone"),
            (error(400, 30_046), "permanent discord_30046", "gone"),
            (error(403, 50_013), "permanent discord_50013", "permanent discord_50013"),
            (error(400, 50_035), "permanent discord_50035", "permanent discord_50035"),
            (error(404, 10_015), "channel_dead webhook_gone", "channel_dead webhook_gone"),
            (error(401, 50_027), "channel_dead webhook_gone", "channel_dead webhook_gone"),
            (error(401, 0), "channel_dead unauthorized", "channel_dead unauthorized"),
            (answer(401, "no"), "channel_dead unauthorized", "channel_dead unauthorized"),
            (answer(403, "<html>"), "permanent http_403", "permanent http_403"),
            (error(500, 0), "temporary discord_0", "temporary discord_0"),
            (answer(502, "<html>"), "temporary http_502", "temporary http_502"),
            (limited(false), "rate 250 Route", "rate 250 Route"),
            (limited(true), "rate 250 Channel", "rate 250 Channel"),
            (
                with(limited(false), "x-ratelimit-scope", "global"),
                "rate 250 Channel",
                "rate 250 Channel",
            ),
            (
                with(answer(429, "<html>"), "retry-after", "7"),
                "rate 7000 Channel",
                "rate 7000 Channel",
            ),
            (answer(429, "<html>"), "rate 60000 Channel", "rate 60000 Channel"),
        ] {
            assert_eq!(word(&judge(&given, Asked::Post)), post, "{given:?}");
            assert_eq!(word(&judge(&given, Asked::Edit)), edit, "{given:?}");
        }
    }
}
