//! What becomes of a message, in words that all senders share. Pure.

use crate::kernel::notice::{Outcome, RateScope};
use crate::notify::http::{Answer, Failure};
use crate::notify::secret::Filter;

/// Longest wait that a provider may ask for.
const WAIT_MS_MAX: u64 = 24 * 60 * 60 * 1_000;

/// Seconds as a provider says them, in milliseconds: not negative, at most a day.
pub fn clamped_ms(seconds: f64) -> u64 {
    let limit = 86_400.0;
    let milliseconds = (seconds.clamp(0.0, limit) * 1_000.0).ceil();
    // Between 0 and a day, so it fits.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
    let whole = if milliseconds.is_finite() { milliseconds as u64 } else { WAIT_MS_MAX };
    whole.min(WAIT_MS_MAX)
}

/// It may work later.
pub fn temporary(code: &str, error: &str) -> Outcome {
    Outcome::Temporary { code: code.to_owned(), error: error.to_owned() }
}

/// It never works.
pub fn permanent(code: &str, error: &str) -> Outcome {
    Outcome::Permanent { code: code.to_owned(), error: error.to_owned() }
}

/// It may have been sent.
pub fn unknown(code: &str, error: &str) -> Outcome {
    Outcome::Unknown { code: code.to_owned(), error: error.to_owned() }
}

/// The channel works for nobody.
pub fn channel_dead(code: &str, error: &str) -> Outcome {
    Outcome::ChannelDead { code: code.to_owned(), error: error.to_owned() }
}

/// Of a request without an answer.
pub fn of_failure(failure: &Failure) -> Outcome {
    match failure {
        Failure::Refused { code, error } => permanent(code, error),
        Failure::NotSent { code, error } => temporary(code, error),
        Failure::Lost { code, error } => unknown(code, error),
    }
}

/// Of a status that no table of the provider explains: 4xx never works, 5xx may later; each is counted under its own number.
pub fn of_status(provider: &str, answer: &Answer, detail: &str) -> Outcome {
    let status = answer.status;
    let code = format!("http_{status}");
    let error = format!("{provider} answers {status}: {detail}");
    let error = error.trim_end_matches([':', ' ']);
    match status {
        429 => {
            let after_ms = retry_after_ms(answer).unwrap_or(60_000);
            Outcome::Rate { after_ms, scope: RateScope::Route }
        }
        200..=299 => Outcome::Sent { provider_id: None },
        // Followed, it would lead past the guard.
        300..=399 => {
            permanent(&code, &format!("{error} (redirects are not followed: use the final URL)"))
        }
        408 | 425 | 500.. => temporary(&code, error),
        _ => permanent(&code, error),
    }
}

/// The header `Retry-After`, in seconds. Its other form, a date, is not used by the providers of these channels.
pub fn retry_after_ms(answer: &Answer) -> Option<u64> {
    let seconds: f64 = answer.header("retry-after")?.trim().parse().ok()?;
    Some(clamped_ms(seconds))
}

/// The same outcome with texts that may be stored and shown.
pub fn filtered(outcome: Outcome, filter: &Filter) -> Outcome {
    match outcome {
        Outcome::Temporary { code, error } => {
            Outcome::Temporary { code, error: filter.error(&error) }
        }
        Outcome::Permanent { code, error } => {
            Outcome::Permanent { code, error: filter.error(&error) }
        }
        Outcome::Unknown { code, error } => Outcome::Unknown { code, error: filter.error(&error) },
        Outcome::ChannelDead { code, error } => {
            Outcome::ChannelDead { code, error: filter.error(&error) }
        }
        Outcome::Sent { .. } | Outcome::Rate { .. } | Outcome::Moved { .. } | Outcome::Gone => {
            outcome
        }
    }
}

/// What the tables of senders are tested with.
#[cfg(test)]
pub(in crate::notify) mod testing {
    use super::*;

    /// An answer, in JSON when it looks like it.
    pub fn answer(status: u16, body: &str) -> Answer {
        let kind = if body.starts_with('{') { "application/json" } else { "text/html" };
        with(
            Answer { status, headers: hyper::HeaderMap::new(), body: body.to_owned().into() },
            "content-type",
            kind,
        )
    }

    /// The same with a header.
    pub fn with(mut answer: Answer, name: &'static str, value: &str) -> Answer {
        answer.headers.insert(name, value.parse().unwrap());
        answer
    }

    /// The word for an outcome, with what decides.
    pub fn word(outcome: &Outcome) -> String {
        match outcome {
            Outcome::Sent { provider_id } => {
                format!("sent {}", provider_id.as_deref().unwrap_or("-"))
            }
            Outcome::Rate { after_ms, scope } => format!("rate {after_ms} {scope:?}"),
            Outcome::Temporary { code, .. } => format!("temporary {code}"),
            Outcome::Permanent { code, .. } => format!("permanent {code}"),
            Outcome::Unknown { code, .. } => format!("unknown {code}"),
            Outcome::ChannelDead { code, .. } => format!("channel_dead {code}"),
            Outcome::Moved { address } => format!("moved {address}"),
            Outcome::Gone => "gone".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_at_most_a_day_and_never_negative() {
        for (seconds, expected) in [
            (0.0, 0),
            (0.05, 50),
            (3.0, 3_000),
            (-1.0, 0),
            (1e12, WAIT_MS_MAX),
            (f64::NAN, WAIT_MS_MAX),
            (f64::INFINITY, WAIT_MS_MAX),
        ] {
            assert_eq!(clamped_ms(seconds), expected, "{seconds}");
        }
    }

    #[test]
    fn an_outcome_is_stored_without_secrets() {
        let filter = Filter::of(["SENTINEL-1".to_owned()]);
        for outcome in [
            temporary("x", "a SENTINEL-1"),
            permanent("x", "a SENTINEL-1"),
            unknown("x", "a SENTINEL-1"),
            channel_dead("x", "a SENTINEL-1"),
        ] {
            let shown = format!("{:?}", filtered(outcome, &filter));
            assert!(!shown.contains("SENTINEL"), "{shown}");
        }
    }
}
