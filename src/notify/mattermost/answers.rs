//! What Mattermost answers, and what follows from it. Pure.

use serde::Deserialize;

use crate::kernel::notice::Outcome;
use crate::notify::http::{Answer, json};
use crate::notify::outcome;

/// A post that was made or changed.
#[derive(Debug, Deserialize)]
struct Post {
    id: String,
}

/// A refusal.
#[derive(Debug, Deserialize)]
struct Refusal {
    id: String,
    #[serde(default)]
    message: String,
}

/// What was asked for, as far as it changes what an error means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// A new post.
    Post,
    /// A change of one; what is not there any longer is sent again.
    Patch,
}

/// Code of an outcome: the post that it was to stand below is gone.
pub const NO_ROOT: &str = "no_root";

/// A part of the ids of refusals for a post to stand below that is none, and for a change that comes too late.
const ROOT: &str = ".root_id.";
const TOO_LATE: &str = "time_limit";

/// What an answer to a hook means. An error that is named cannot be healed by waiting, unless it is the server's own.
pub fn judge_hook(answer: &Answer) -> Outcome {
    if answer.status == 200 {
        return Outcome::Sent { provider_id: None };
    }
    outcome::of_status("Mattermost", answer, &detail_of(answer, refusal_of(answer).as_ref()))
}

/// What an answer to a bot means.
pub fn judge(answer: &Answer, asked: Asked) -> Outcome {
    if (200..300).contains(&answer.status) {
        return match json::read::<Post>(answer) {
            Some(post) => Outcome::Sent { provider_id: Some(post.id) },
            None => {
                let error = format!("Mattermost answers {}", json::quoted(answer));
                outcome::unknown("unexpected", &error)
            }
        };
    }
    let refusal = refusal_of(answer);
    let detail = detail_of(answer, refusal.as_ref());
    let error = format!("Mattermost answers {}: {detail}", answer.status);
    let id = refusal.map(|refusal| refusal.id).unwrap_or_default();
    match (answer.status, asked) {
        (401, _) => outcome::channel_dead("unauthorized", &error),
        // Also a post that was deleted by a person.
        (404, Asked::Patch) => Outcome::Gone,
        (400, Asked::Patch) if id.contains(TOO_LATE) => Outcome::Gone,
        (400, Asked::Post) if id.contains(ROOT) => outcome::permanent(NO_ROOT, &error),
        _ => outcome::of_status("Mattermost", answer, &detail),
    }
}

fn refusal_of(answer: &Answer) -> Option<Refusal> {
    json::read(answer)
}

fn detail_of(answer: &Answer, refusal: Option<&Refusal>) -> String {
    match refusal {
        Some(refusal) => format!("{} ({})", refusal.message, refusal.id),
        None => json::quoted(answer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::outcome::testing::{answer, word};

    fn error(status: u16, id: &str) -> Answer {
        answer(status, &format!(r#"{{"id":"{id}","message":"a sentence","status_code":{status}}}"#))
    }

    #[test]
    fn every_answer_to_a_bot_means_what_the_table_says() {
        let late = "api.post.update_post.permissions_time_limit.app_error";
        let root = "api.post.create_post.root_id.app_error";
        for (given, post, patch) in [
            (answer(201, r#"{"id":"abc"}"#), "sent abc", "sent abc"),
            (answer(200, "<html>"), "unknown unexpected", "unknown unexpected"),
            (
                error(401, "api.context.session_expired.app_error"),
                "channel_dead unauthorized",
                "channel_dead unauthorized",
            ),
            (
                error(403, "api.context.permissions.app_error"),
                "permanent http_403",
                "permanent http_403",
            ),
            (error(404, "app.post.get.app_error"), "permanent http_404", "gone"),
            (error(400, late), "permanent http_400", "gone"),
            (error(400, root), "permanent no_root", "permanent http_400"),
            (
                error(413, "api.context.invalid_body_param.app_error"),
                "permanent http_413",
                "permanent http_413",
            ),
            (error(429, "x"), "rate 60000 Route", "rate 60000 Route"),
            (error(500, "app.post.save.app_error"), "temporary http_500", "temporary http_500"),
            (answer(502, "<html>"), "temporary http_502", "temporary http_502"),
        ] {
            assert_eq!(word(&judge(&given, Asked::Post)), post, "{given:?}");
            assert_eq!(word(&judge(&given, Asked::Patch)), patch, "{given:?}");
        }
    }
}
