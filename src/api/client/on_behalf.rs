//! Requests for a person of a chat: the headers that say for whom, ids of requests that are the same when a line is run again, and the
//! question that the daemon asks back.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use crate::api::client::error::ClientError;
use crate::kernel::chat::{Confirm, For};

/// For whom the requests of one line are. Clones count together.
#[derive(Debug, Clone)]
pub struct OnBehalf {
    person: For,
    confirm: Option<String>,
    writes: Arc<AtomicU32>,
    asked_back: Arc<OnceLock<AskedBack>>,
}

/// What the daemon wants confirmed before it does it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedBack {
    /// The question.
    pub question: String,
    /// How it is confirmed.
    pub confirm: Confirm,
}

impl OnBehalf {
    /// For this person, who has confirmed what the token is of.
    pub fn new(person: For, confirm: Option<String>) -> Self {
        Self { person, confirm, writes: Arc::default(), asked_back: Arc::default() }
    }

    /// The question that was asked back, once the line has run: the first one.
    pub fn asked_back(&self) -> Option<&AskedBack> {
        self.asked_back.get()
    }

    /// The value of [`crate::kernel::chat::FOR_HEADER`].
    pub(super) fn person(&self) -> String {
        self.person.to_string()
    }

    /// The value of [`crate::kernel::chat::CONFIRM_HEADER`].
    pub(super) fn confirm(&self) -> Option<&str> {
        self.confirm.as_deref()
    }

    /// The id of the next request that writes. Only these are counted: how much a line reads depends on what it finds.
    pub(super) fn next_request_id(&self) -> String {
        self.person.request_id(self.writes.fetch_add(1, Ordering::Relaxed).saturating_add(1))
    }

    /// Notes what was asked back.
    pub(super) fn note(&self, error: &ClientError) {
        let ClientError::Refused(detail) = error else { return };
        let Some(confirm) = &detail.confirm else { return };
        let asked =
            AskedBack { question: detail.message.clone(), confirm: confirm.as_ref().clone() };
        // The first one counts.
        drop(self.asked_back.set(asked));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::client::seen::ErrorDetail;
    use crate::kernel::error::ErrorCode;

    fn person() -> For {
        For {
            channel: "ops".to_owned(),
            event_id: "7".to_owned(),
            user: "815".to_owned(),
            address: "-100".to_owned(),
            thread: None,
        }
    }

    #[test]
    fn requests_of_a_line_are_counted_from_one_however_often_it_is_run() {
        for _run in 0..2 {
            let line = OnBehalf::new(person(), None);
            let second_client = line.clone();
            assert_eq!(line.next_request_id(), "chat:ops:7:1");
            assert_eq!(second_client.next_request_id(), "chat:ops:7:2");
        }
    }

    #[test]
    fn the_first_question_that_is_asked_back_is_kept() {
        let line = OnBehalf::new(person(), None);
        let refused = |message: &str, confirm| {
            let detail = ErrorDetail::new(ErrorCode::Forbidden, message);
            ClientError::Refused(ErrorDetail { confirm, ..detail })
        };
        line.note(&refused("no", None));
        assert_eq!(line.asked_back(), None);
        for question in ["Stop t_1?", "Stop t_2?"] {
            let confirm = Confirm { token: question.to_owned(), word: "K7QX".to_owned() };
            line.note(&refused(question, Some(Box::new(confirm))));
        }
        let asked = line.asked_back().unwrap();
        assert_eq!(
            (asked.question.as_str(), asked.confirm.token.as_str()),
            ("Stop t_1?", "Stop t_1?")
        );
    }
}
