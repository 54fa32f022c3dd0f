//! Asking a question and waiting for its answer, through restarts of the daemon.
//!
//! The event stream is opened before the question is asked, so no answer falls between the two. The same text of the same run is one
//! question to the daemon, so asking again after a lost reply asks nothing twice.

use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::api::client::error::ClientError;
use crate::api::client::exchange::Client;
use crate::api::client::lines::NextLine;
use crate::api::client::seen::{AskReply, Question};
use crate::api::client::task_path::task_path;
use crate::kernel::queries::ShowQuestion;
use crate::kernel::rules::question::QuestionOutcome;
use crate::kernel::verbs::AskTask;
use crate::service::events::FollowEvents;

/// What is read of an event.
#[derive(Debug, Deserialize)]
struct OfQuestion {
    payload: Option<Named>,
}

#[derive(Debug, Deserialize)]
struct Named {
    question: Option<String>,
}

fn is_about(line: &str, question: &str) -> bool {
    let event: Option<OfQuestion> = serde_json::from_str(line).ok();
    let named = event.and_then(|event| event.payload).and_then(|payload| payload.question);
    named.is_some_and(|named| named == question)
}

impl Client {
    /// Asks, and waits until the question has ended, or as long as `patience` says for the first reply; without a limit until it has ended.
    ///
    /// # Errors
    /// What the daemon says, or why it could not be asked.
    pub fn ask(
        &self,
        request: &AskTask,
        patience: impl FnOnce(&AskReply) -> Option<Duration>,
    ) -> Result<AskReply, ClientError> {
        let path = task_path(&request.id, "ask")?;
        let subscription = FollowEvents {
            after: Some("now".to_owned()),
            follow: true,
            tasks: Some(request.id.clone()),
            board: request.board.clone(),
            ..FollowEvents::default()
        };
        let mut lines = self.lines("/v1/events", &subscription)?;
        let mut reply: AskReply = self.post(&path, request)?;
        let deadline = patience(&reply).and_then(|patience| Instant::now().checked_add(patience));
        while reply.outcome == QuestionOutcome::Open {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let is_time_over = match lines.next(left) {
                NextLine::Line(line) if is_about(&line, &reply.question) => false,
                NextLine::Line(_) => continue,
                NextLine::End => {
                    lines = self.lines_again("/v1/events", &subscription)?;
                    false
                }
                // What happened in the last instant counts.
                NextLine::Timeout => true,
                NextLine::Interrupted => return Err(ClientError::Interrupted),
            };
            self.look(request, &mut reply)?;
            if is_time_over {
                break;
            }
        }
        Ok(reply)
    }

    /// Reads how the question stands.
    fn look(&self, request: &AskTask, reply: &mut AskReply) -> Result<(), ClientError> {
        let (id, board) = (reply.id.clone(), request.board.clone());
        let query = ShowQuestion { id, question: reply.question.clone(), board };
        let path = task_path(&reply.id, "question")?;
        // The id stands in the path.
        let query = serde_json::json!({ "question": query.question, "board": query.board });
        let seen: Question = self.get(&path, &query)?;
        reply.outcome = seen.outcome;
        reply.answer = seen.answer;
        reply.answer_source = seen.answer_source;
        reply.answered_by = seen.answered_by;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_events_of_the_question_are_looked_at() {
        for (line, expected) in [
            (r#"{"kind":"answered","payload":{"question":"q_1","answer":"x"}}"#, true),
            (r#"{"kind":"answered","payload":{"question":"q_2"}}"#, false),
            (r#"{"kind":"heartbeat","payload":null}"#, false),
            (r#"{"kind":"claimed","payload":{"run_id":1}}"#, false),
            ("", false),
        ] {
            assert_eq!(is_about(line, "q_1"), expected, "{line}");
        }
    }
}
