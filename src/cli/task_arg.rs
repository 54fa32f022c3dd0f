//! What stands for a task on a command line: its id, the beginning of its id, or `@last`.
//!
//! People write short ids; requests carry whole ones, so that a request that is sent again means the same task. Inside a run ids are
//! whole: a program that reads foreign text must not mean a task by chance.

use std::fmt;

use crate::api::client::ClientError;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::kernel::error::ErrorCode;
use crate::kernel::ids::TaskId;
use crate::kernel::queries::{ResolveTask, ResolvedTask};
use crate::kernel::rules::task_ref::{LAST, TaskRef, read};

/// Characters of an id that kanband made.
const ID_CHARS: usize = 10;

/// What was written for a task. Only [`Session::task`] makes an id of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskArg(String);

impl From<String> for TaskArg {
    fn from(written: String) -> Self {
        Self(written)
    }
}

impl fmt::Display for TaskArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The words as they were written.
pub fn written(tasks: &[TaskArg]) -> Vec<String> {
    tasks.iter().map(ToString::to_string).collect()
}

/// What may stand beside the task in the words of a verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// Nothing but tasks: digits alone are one.
    Tasks,
    /// A text: `dead beef` may be its beginning, so a task begins with `t_`.
    Text,
}

impl Session {
    /// The id of the task that was meant.
    ///
    /// # Errors
    /// No task is meant, or more than one; no daemon.
    pub fn task(&self, written: &TaskArg) -> Result<String, Failure> {
        self.task_beside(Beside::Tasks, &written.0)
    }

    /// The same where it need not be given.
    ///
    /// # Errors
    /// As [`Session::task`].
    pub fn optional_task(&self, written: Option<&TaskArg>) -> Result<Option<String>, Failure> {
        written.map(|written| self.task(written)).transpose()
    }

    /// The same for several.
    ///
    /// # Errors
    /// As [`Session::task`].
    pub fn tasks(&self, written: &[TaskArg]) -> Result<Vec<String>, Failure> {
        written.iter().map(|written| self.task(written)).collect()
    }

    /// The same where a text stands behind it.
    ///
    /// # Errors
    /// As [`Session::task`].
    pub fn task_before_text(&self, written: &TaskArg) -> Result<String, Failure> {
        self.task_beside(Beside::Text, &written.0)
    }

    /// The same for a word. What is no task is left as it is: the verb says what is wrong with it, in its own words.
    ///
    /// # Errors
    /// As [`Session::task`].
    pub fn task_beside(&self, beside: Beside, written: &str) -> Result<String, Failure> {
        if self.is_in_run() || !is_asked_for(beside, written) {
            return Ok(written.to_owned());
        }
        let found = self.find_task(written)?;
        Ok(found.map_or_else(|| written.to_owned(), |found| found.id.to_string()))
    }

    /// The task of an id, with its title; none when there is none, and where whole ids alone are known: by a daemon of before, for
    /// a person in a chat whose role is for some boards.
    ///
    /// # Errors
    /// More than one task is meant; no daemon.
    pub fn find_task(&self, written: &str) -> Result<Option<ResolvedTask>, Failure> {
        let request = ResolveTask { id: written.to_owned(), board: self.board.clone() };
        match self.client()?.get::<ResolvedTask>("/v1/resolve", &request) {
            Ok(found) => Ok(Some(found)),
            Err(ClientError::Refused(detail))
                if [ErrorCode::NotFound, ErrorCode::UnknownTask, ErrorCode::Forbidden]
                    .into_iter()
                    .any(|code| detail.code == code) =>
            {
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether the daemon is asked which task a word means.
fn is_asked_for(beside: Beside, written: &str) -> bool {
    let is_whole = written.len() == ID_CHARS && TaskId::parse(written).is_some();
    let has_prefix = written.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("t_"));
    let may_be_one = beside == Beside::Tasks || has_prefix || written == LAST;
    !is_whole && may_be_one && read(written) != TaskRef::Other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_id_costs_no_question_and_a_word_of_a_text_is_no_task() {
        for (beside, written, expected) in [
            (Beside::Tasks, "t_1a2b3c4d", false),
            (Beside::Text, "t_1a2b3c4d", false),
            (Beside::Tasks, "T_1A2B3C4D", true),
            (Beside::Tasks, "1a2b3c4d", true),
            (Beside::Text, "1a2b3c4d", false),
            (Beside::Tasks, "dead", true),
            (Beside::Text, "dead", false),
            (Beside::Text, "t_dead", true),
            (Beside::Text, "T_DEAD", true),
            (Beside::Text, "@last", true),
            (Beside::Tasks, "-", false),
            (Beside::Tasks, "deploy", false),
            (Beside::Tasks, "", false),
        ] {
            assert_eq!(is_asked_for(beside, written), expected, "{beside:?} {written:?}");
        }
    }
}
