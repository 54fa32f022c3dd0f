//! What follows when a person presses a button in a chat.

use crate::kernel::buttons::new_token;
use crate::kernel::chat::InboundReply;
use crate::kernel::chat_action::Action;
use crate::kernel::error::VerbError;
use crate::kernel::rules::chat::{EXPECT_SECONDS, ago};
use crate::kernel::store;
use crate::kernel::store::chat_tokens::{Token, TokenKind};
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::answer::AnswerTask;
use crate::kernel::verbs::approve::ApproveTask;
use crate::kernel::verbs::chat_talk::{Talk, said};
use crate::kernel::verbs::chat_text::{answer_question, confirmed, run};
use crate::kernel::verbs::comment::CommentTask;
use crate::kernel::verbs::request_changes::RequestChanges;
use crate::kernel::verbs::unblock::UnblockTask;

/// What is answered to a press.
pub(super) fn press(
    talk: &Talk<'_>,
    tx: &mut Tx<'_>,
    token: &str,
) -> Result<InboundReply, VerbError> {
    let found = store::chat_tokens::get(tx.store(), token)?;
    let here = |found: &Token| (found.channel.as_str(), found.address.as_str()) == talk.chat();
    let Some(found) = found.filter(here) else {
        return Ok(talk.answer("This button is not valid any longer."));
    };
    if let Some(owner) = found.user_id.as_deref().filter(|owner| *owner != talk.given.from.id) {
        let owner = store::chat_people::get(tx.store(), &found.channel, owner)?;
        let owner = owner.map_or_else(|| "another person".to_owned(), |owner| owner.person);
        return Ok(talk.answer(format!("This button is for {owner}.")));
    }
    if let Some(at) = found.used_at {
        let by = found.used_by.as_deref().unwrap_or("kanband");
        return Ok(talk.answer(format!("Already used by {by}, {}.", ago(at, tx.now))));
    }
    if found.expires_at <= tx.now {
        return Ok(talk.answer("This button has expired."));
    }
    act(talk, tx, &found)
}

fn act(talk: &Talk<'_>, tx: &mut Tx<'_>, found: &Token) -> Result<InboundReply, VerbError> {
    let board = None;
    match found.action.clone() {
        Some(Action::Answer { task, question, answer }) => {
            let reply = answer_question(talk, tx, (&task, &question), &answer)?;
            // A choice is no text that could be kept.
            let toast = reply.say.map(|say| say.text).or(reply.toast);
            note_if_done(talk, tx, found, toast.unwrap_or_default())
        }
        Some(Action::Unblock { task: id }) => {
            verb(talk, tx, found, &UnblockTask { id, more_starts: false, board }, "Goes on.")
        }
        Some(Action::Approve { task: id }) => {
            verb(talk, tx, found, &ApproveTask { id, summary: None, board }, "Approved.")
        }
        Some(Action::Keep { task: id, text: body }) => {
            let comment = CommentTask { id, body, author: None, board };
            verb(talk, tx, found, &comment, "Kept as a comment.")
        }
        Some(Action::Read { line }) => Ok(run(&line, None)),
        Some(Action::Confirm { .. }) => confirmed(talk, tx, found),
        Some(Action::AskAnswer { task, question }) => {
            let words = format!("{}: reply to this message with the answer.", talk.by.person);
            let action = Action::TakeAnswer { task, question };
            expect(talk, tx, found, (AnswerTask::NAME, action), words)
        }
        Some(Action::AskChanges { task }) => {
            let words =
                format!("{}: reply to this message with what has to change.", talk.by.person);
            let action = Action::TakeChanges { task };
            expect(talk, tx, found, (RequestChanges::NAME, action), words)
        }
        Some(Action::TakeAnswer { .. } | Action::TakeChanges { .. }) | None => {
            Ok(talk.answer("This button is not valid any longer."))
        }
    }
}

/// Has a verb done. A button that was refused may be pressed again.
fn verb<V: Verb>(
    talk: &Talk<'_>,
    tx: &mut Tx<'_>,
    found: &Token,
    verb: &V,
    done: &str,
) -> Result<InboundReply, VerbError> {
    match talk.act(tx, verb)? {
        Ok(_) => note_used(talk, tx, found, done.to_owned()),
        Err(refusal) => Ok(talk.refused(&refusal)),
    }
}

fn note_used(
    talk: &Talk<'_>,
    tx: &Tx<'_>,
    found: &Token,
    words: String,
) -> Result<InboundReply, VerbError> {
    let used = (talk.by.name.as_str(), talk.given.event_id.as_str());
    store::chat_tokens::set_used(tx.store(), &found.token, used, tx.now)?;
    Ok(talk.answer(words))
}

/// A choice is used once it is the answer.
fn note_if_done(
    talk: &Talk<'_>,
    tx: &Tx<'_>,
    found: &Token,
    words: String,
) -> Result<InboundReply, VerbError> {
    if tx.effects.spoken_in.is_some() {
        return note_used(talk, tx, found, words);
    }
    Ok(talk.answer(words))
}

/// Takes the next text of this person in this chat for what the button asks for. The button itself stays: who presses it may think better
/// of it.
fn expect(
    talk: &Talk<'_>,
    tx: &mut Tx<'_>,
    found: &Token,
    (operation, action): (&'static str, Action),
    words: String,
) -> Result<InboundReply, VerbError> {
    if let Err(refusal) = talk.by.may_ask(operation) {
        return Ok(talk.refused(&refusal));
    }
    let row = Token {
        token: new_token(tx.random()),
        kind: TokenKind::Expect,
        user_id: Some(talk.given.from.id.clone()),
        word: None,
        action: Some(action),
        expires_at: tx.now.saturating_add(EXPECT_SECONDS),
        ..found.clone()
    };
    store::chat_tokens::insert(tx.store(), &row, tx.now)?;
    Ok(said(talk.given, words))
}
