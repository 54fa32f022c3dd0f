//! When nothing is asked of Discord: until a limit ends that its last answer announced, and after a credential was refused.
//!
//! Refusals of a credential and of a pace count there: ten thousand in ten minutes ban the address for everything on this host.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::kernel::notice::{Outcome, RateScope};
use crate::notify::discord::answers::{HOOK_GONE, UNAUTHORIZED};
use crate::notify::http::Answer;
use crate::notify::outcome::clamped_ms;

/// How long nothing is asked after a token was refused, however often the daemon tries.
const STOP: Duration = Duration::from_secs(15 * 60);

/// What the last answers said.
#[derive(Debug, Default)]
pub struct Pace {
    /// Ends of limits, by what shares one.
    until: RefCell<BTreeMap<String, Instant>>,
    stopped: RefCell<Option<Stopped>>,
}

#[derive(Debug, Clone)]
struct Stopped {
    outcome: Outcome,
    /// None: until the credential is another one, which makes another channel.
    until: Option<Instant>,
}

impl Pace {
    /// What becomes of a request that is not sent.
    pub fn refusal(&self, bucket: &str, now: Instant) -> Option<Outcome> {
        let stopped = self.stopped.borrow().clone();
        if let Some(stopped) = stopped.filter(|it| it.until.is_none_or(|until| until > now)) {
            return Some(stopped.outcome);
        }
        let until = self.until.borrow().get(bucket).copied().filter(|until| *until > now)?;
        let left = until.saturating_duration_since(now).as_millis();
        let after_ms = u64::try_from(left).unwrap_or(u64::MAX).saturating_add(1);
        Some(Outcome::Rate { after_ms, scope: RateScope::Route })
    }

    /// Notes what an answer says of the next requests.
    pub fn note(&self, bucket: &str, answer: &Answer, outcome: &Outcome, now: Instant) {
        if let Outcome::ChannelDead { code, .. } = outcome {
            let until = (code == UNAUTHORIZED).then(|| now + STOP);
            if until.is_some() || code == HOOK_GONE {
                *self.stopped.borrow_mut() = Some(Stopped { outcome: outcome.clone(), until });
            }
            return;
        }
        let mut all = self.until.borrow_mut();
        all.retain(|_, until| *until > now);
        if answer.header("x-ratelimit-remaining").map(str::trim) != Some("0") {
            return;
        }
        let reset = answer.header("x-ratelimit-reset-after").and_then(|it| it.trim().parse().ok());
        if let Some(seconds) = reset {
            all.insert(bucket.to_owned(), now + Duration::from_millis(clamped_ms(seconds)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::outcome;

    fn answer(remaining: &str, reset: &str) -> Answer {
        let mut headers = hyper::HeaderMap::new();
        headers.insert("x-ratelimit-remaining", remaining.parse().unwrap());
        headers.insert("x-ratelimit-reset-after", reset.parse().unwrap());
        Answer { status: 200, headers, body: "".into() }
    }

    #[test]
    fn a_limit_that_was_announced_is_waited_for_without_a_request() {
        let (pace, now) = (Pace::default(), Instant::now());
        let sent = Outcome::Sent { provider_id: None };
        pace.note("post 1", &answer("3", "2"), &sent, now);
        assert_eq!(pace.refusal("post 1", now), None);
        pace.note("post 1", &answer("0", "0.5"), &sent, now);
        let wait = Outcome::Rate { after_ms: 501, scope: RateScope::Route };
        assert_eq!(pace.refusal("post 1", now), Some(wait));
        assert_eq!(pace.refusal("post 2", now), None, "another channel has another limit");
        assert_eq!(pace.refusal("post 1", now + Duration::from_millis(500)), None);
        pace.note("post 2", &answer("0", "odd"), &sent, now + Duration::from_secs(1));
        assert!(pace.until.borrow().is_empty(), "what is over is forgotten");
    }

    #[test]
    fn a_refused_token_is_not_shown_again_for_a_while_and_a_removed_webhook_never() {
        let (pace, now) = (Pace::default(), Instant::now());
        let dead = outcome::channel_dead(UNAUTHORIZED, "x");
        pace.note("post 1", &answer("3", "2"), &dead, now);
        assert_eq!(pace.refusal("edit 2", now + STOP / 2), Some(dead));
        assert_eq!(pace.refusal("edit 2", now + STOP), None);
        let gone = outcome::channel_dead(HOOK_GONE, "x");
        pace.note("post 1", &answer("3", "2"), &gone, now);
        assert_eq!(pace.refusal("post 1", now + 1_000 * STOP), Some(gone));
    }
}
