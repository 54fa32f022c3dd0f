//! `ask_back`: asks a person of a chat whether they mean it, before something is done that is not easily undone.

use serde::{Deserialize, Serialize};

use crate::kernel::buttons::new_token;
use crate::kernel::caller::Caller;
use crate::kernel::chat::Confirm;
use crate::kernel::chat_action::Action;
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::random::letters;
use crate::kernel::rules::chat::{CONFIRM_SECONDS, WORD_CHARS, WORD_LETTERS, ago, question};
use crate::kernel::store;
use crate::kernel::store::chat_tokens::{Token, TokenKind};
use crate::kernel::task::{Task, TaskStatus};
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::chat_talk::read_reply;

/// Tasks that a question names.
const NAMED_MAX: usize = 10;

/// What is to be confirmed.
#[derive(Debug, Clone, Serialize)]
pub struct AskBack {
    /// The operation.
    pub operation: &'static str,
    /// Digest of its request.
    pub digest: String,
    /// The tasks that it is about.
    pub tasks: Vec<String>,
    /// What else it is about, in words.
    pub about: String,
}

/// The question.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AskedBack {
    /// Its text.
    pub question: String,
    /// How it is confirmed.
    pub confirm: Confirm,
}

impl Verb for AskBack {
    type Reply = AskedBack;
    const NAME: &'static str = "ask_back";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<AskedBack, VerbError> {
        let Caller::Chat(by) = tx.caller else {
            let caller = tx.caller.actor().to_string();
            return Err(Refusal::Forbidden { caller, verb: Self::NAME }.into());
        };
        by.may_ask(self.operation)?;
        let about = self.about(tx)?;
        let ask = &by.ask;
        let done = store::inbound::get(tx.store(), &ask.channel, &ask.event_id)?;
        let done = done
            .map(|(done, _)| done)
            .filter(|done| done.user_id == ask.user && done.address == ask.address);
        let line = match done {
            Some(done) => read_reply(&done.reply)?.run.map(|run| run.line),
            None => None,
        };
        // What this person has not asked for is not asked back.
        let line = line.ok_or_else(|| by.refused("ask for what they have not written"))?;
        let (operation, digest) = (self.operation.to_owned(), self.digest.clone());
        let token = Token {
            token: new_token(tx.random()),
            kind: TokenKind::Confirm,
            channel: ask.channel.clone(),
            address: ask.address.clone(),
            user_id: Some(ask.user.clone()),
            word: Some(letters(tx.random(), WORD_LETTERS, WORD_CHARS)),
            task_id: None,
            action: Some(Action::Confirm { line, operation, digest }),
            expires_at: tx.now.saturating_add(CONFIRM_SECONDS),
            used_at: None,
            used_by: None,
            used_event: None,
        };
        store::chat_tokens::insert(tx.store(), &token, tx.now)?;
        let question = question(self.operation, &about);
        let word = token.word.unwrap_or_default();
        Ok(AskedBack { question, confirm: Confirm { token: token.token, word } })
    }
}

impl AskBack {
    fn about(&self, tx: &Tx<'_>) -> Result<String, VerbError> {
        match self.tasks.as_slice() {
            [] => Ok(self.about.clone()),
            [id] => Ok(described(tx, &tx.task(id, None, self.operation)?)?),
            many => {
                let named: Vec<&str> = many.iter().take(NAMED_MAX).map(String::as_str).collect();
                let more = if many.len() > named.len() { ", …" } else { "" };
                Ok(format!("{} tasks ({}{more})", many.len(), named.join(", ")))
            }
        }
    }
}

/// `t_1 “title” (running 4 min)`.
fn described(tx: &Tx<'_>, task: &Task) -> Result<String, VerbError> {
    let mut state = task.status.as_str().to_owned();
    if task.status == TaskStatus::Running
        && let Some(run) = store::runs::get_open(tx.store(), &task.id)?
    {
        let since = ago(run.started_at, tx.now);
        let since = since.strip_suffix(" ago").filter(|since| *since != "just now");
        state = since.map_or(state.clone(), |since| format!("{state} {since}"));
    }
    Ok(format!("{} “{}” ({state})", task.id, task.title))
}
