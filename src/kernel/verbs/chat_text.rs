//! What a person wrote in a chat: a command, an answer, a comment, or what a button asked for.

use crate::kernel::buttons::{Bound, button};
use crate::kernel::chat::{InboundReply, Run};
use crate::kernel::chat_action::Action;
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::event::EventKind;
use crate::kernel::ids::{QuestionId, TaskId};
use crate::kernel::question::Question;
use crate::kernel::rules::chat::{Around, Deed, ReplyTo, ago, deed};
use crate::kernel::store;
use crate::kernel::store::chat_messages::ChatMessage;
use crate::kernel::store::chat_tokens::{Token, TokenKind};
use crate::kernel::task::TaskStatus;
use crate::kernel::tx::Tx;
use crate::kernel::verbs::answer::AnswerTask;
use crate::kernel::verbs::chat_talk::Talk;
use crate::kernel::verbs::comment::CommentTask;
use crate::kernel::verbs::request_changes::RequestChanges;
use crate::kernel::verbs::unblock::UnblockTask;

/// A message of ours that a text answers to.
enum Ours {
    /// It asked for something.
    Ask(ChatMessage),
    /// It said something about a task.
    Other(TaskId),
}

impl Ours {
    fn task_id(&self) -> &TaskId {
        match self {
            Self::Ask(message) => &message.task_id,
            Self::Other(task_id) => task_id,
        }
    }
}

/// What is answered to a text; none when it is not meant for us.
pub(super) fn hear(
    talk: &Talk<'_>,
    tx: &mut Tx<'_>,
    (text, reply_to, is_addressed): (&str, Option<&str>, bool),
) -> Result<Option<InboundReply>, VerbError> {
    let ours = match reply_to {
        Some(id) => find(talk, tx, id)?,
        None => None,
    };
    let (channel, address) = talk.chat();
    let chat = (channel, address, Some(talk.given.from.id.as_str()));
    let expected =
        store::chat_tokens::find_open(tx.store(), TokenKind::Expect, chat, None, tx.now)?;
    // A reply to a message about another task is about that one.
    let expected = expected.filter(|token| {
        ours.as_ref().is_none_or(|ours| token.task_id.as_ref() == Some(ours.task_id()))
    });
    let around = Around {
        reply_to: match (&ours, reply_to) {
            (Some(Ours::Ask(_)), _) => ReplyTo::Ask,
            (Some(Ours::Other(_)), _) => ReplyTo::Ours,
            (None, Some(_)) => ReplyTo::Unknown,
            (None, None) => ReplyTo::Nothing,
        },
        is_addressed,
        is_direct: talk.given.chat.is_direct,
        is_expected: expected.is_some(),
    };
    match (deed(text, around), ours, expected) {
        (Deed::Command(line), _, _) => Ok(Some(run(line, None))),
        (Deed::Confirm(word), _, _) => confirm(talk, tx, &word).map(Some),
        (Deed::Expected(text), _, Some(token)) => take(talk, tx, &token, text).map(Some),
        (Deed::Answer(text), Some(Ours::Ask(message)), _) => {
            answer(talk, tx, &message, text).map(Some)
        }
        (Deed::Comment(text) | Deed::Answer(text), Some(ours), _) => {
            comment(talk, tx, ours.task_id(), text).map(Some)
        }
        (Deed::Lost, _, _) => {
            Ok(Some(talk.answer("Reply to a message of mine, or write `/kanban help`.")))
        }
        (Deed::Nothing | Deed::Answer(_) | Deed::Comment(_) | Deed::Expected(_), _, _) => Ok(None),
    }
}

/// A line to run.
pub(super) fn run(line: &str, confirm: Option<String>) -> InboundReply {
    let run = Run { line: line.to_owned(), confirm, ..Run::default() };
    InboundReply { run: Some(run), ..InboundReply::default() }
}

fn find(talk: &Talk<'_>, tx: &Tx<'_>, provider_id: &str) -> Result<Option<Ours>, VerbError> {
    if let Some(message) = store::chat_messages::find(tx.store(), talk.chat(), provider_id)? {
        let is_live = message.is_live;
        return Ok(Some(if is_live { Ours::Other(message.task_id) } else { Ours::Ask(message) }));
    }
    let task_id = store::outbox::task_of_message(tx.store(), talk.chat(), provider_id)?;
    Ok(task_id.map(Ours::Other))
}

/// Words for a message that asked: the answer to its question, or what lets its task go on; else a comment.
fn answer(
    talk: &Talk<'_>,
    tx: &mut Tx<'_>,
    message: &ChatMessage,
    text: &str,
) -> Result<InboundReply, VerbError> {
    let task = message.task_id.to_string();
    if let Some(question) = &message.question_id {
        return answer_question(talk, tx, (&task, question), text);
    }
    if let Some(ending) = &message.ending {
        return offer_to_keep(talk, tx, &message.task_id, (ending, text));
    }
    if !lets_go_on(tx, message)? {
        return comment(talk, tx, &message.task_id, text);
    }
    let words = CommentTask { id: task.clone(), body: text.to_owned(), author: None, board: None };
    if let Err(refusal) = talk.act(tx, &words)? {
        return Ok(talk.refused(&refusal));
    }
    match talk.act(tx, &UnblockTask { id: task, more_starts: false, board: None })? {
        Ok(reply) => Ok(talk.answer(format!(
            "Kept as a comment. {} is {}.",
            reply.id,
            reply.status.as_str()
        ))),
        Err(refusal) => Ok(talk.answer(format!("Kept as a comment. {refusal}"))),
    }
}

/// Whether a message asks for words that let a blocked task go on.
fn lets_go_on(tx: &Tx<'_>, message: &ChatMessage) -> Result<bool, VerbError> {
    let is_blocked = tx.reread(&message.task_id)?.status == TaskStatus::Blocked;
    let kind = match message.event_id {
        Some(event_id) => store::events::kind_of(tx.store(), event_id)?,
        None => None,
    };
    let lets = [EventKind::Blocked, EventKind::GaveUp].map(|kind| Some(kind.as_str().to_owned()));
    Ok(is_blocked && lets.contains(&kind))
}

/// Answers a question by its row. One that is over is answered with who ended it and when, and the words may be kept.
pub(super) fn answer_question(
    talk: &Talk<'_>,
    tx: &mut Tx<'_>,
    (task, question): (&str, &str),
    text: &str,
) -> Result<InboundReply, VerbError> {
    let verb = AnswerTask {
        id: task.to_owned(),
        answer: text.to_owned(),
        question: Some(question.to_owned()),
        ..AnswerTask::default()
    };
    match talk.act(tx, &verb)? {
        Ok(reply) => {
            let (id, status) = (reply.id, reply.status.as_str());
            Ok(talk.answer(format!("Answered: {}\n{id} is {status}.", reply.answer)))
        }
        Err(Refusal::QuestionOver { .. }) => {
            let row = QuestionId::parse(question);
            let row = row.map(|id| store::questions::get(tx.store(), &id)).transpose()?.flatten();
            let Some(row) = row else { return Ok(talk.answer("That question is gone.")) };
            let over = over(&row, tx.now);
            offer_to_keep(talk, tx, &row.task_id, (&over, text))
        }
        Err(refusal) => Ok(talk.refused(&refusal)),
    }
}

/// Who ended a question, and when.
fn over(question: &Question, now: i64) -> String {
    let when = question.ended_at.map(|at| format!(" ({})", ago(at, now))).unwrap_or_default();
    format!("{}{when}", question.what_happened())
}

/// Says that something is over, and offers to keep the words as a comment.
fn offer_to_keep(
    talk: &Talk<'_>,
    tx: &mut Tx<'_>,
    task: &TaskId,
    (over, text): (&str, &str),
) -> Result<InboundReply, VerbError> {
    let mut reply = talk.answer(format!("It is over: {over}."));
    let Some(say) = &mut reply.say else { return Ok(reply) };
    let action = Action::Keep { task: task.to_string(), text: text.to_owned() };
    let bound =
        Bound { chat: talk.chat(), user_id: Some(&talk.given.from.id), task_id: Some(task) };
    say.buttons.push(button(tx, ("Keep as a comment", ""), action, bound)?);
    Ok(reply)
}

/// Keeps words as a comment, without words about it.
fn comment(
    talk: &Talk<'_>,
    tx: &mut Tx<'_>,
    task: &TaskId,
    text: &str,
) -> Result<InboundReply, VerbError> {
    let (id, body) = (task.to_string(), text.to_owned());
    let done = talk.act(tx, &CommentTask { id, body, author: None, board: None })?;
    Ok(match done {
        Ok(_) => InboundReply { is_noted: true, ..InboundReply::default() },
        Err(refusal) => talk.refused(&refusal),
    })
}

/// Takes a text that a button has asked for.
fn take(
    talk: &Talk<'_>,
    tx: &mut Tx<'_>,
    token: &Token,
    text: &str,
) -> Result<InboundReply, VerbError> {
    let used = (talk.by.name.as_str(), talk.given.event_id.as_str());
    store::chat_tokens::set_used(tx.store(), &token.token, used, tx.now)?;
    if let Some(Action::TakeAnswer { task, question }) = &token.action {
        return answer_question(talk, tx, (task, question), text);
    }
    let Some(Action::TakeChanges { task }) = &token.action else {
        return Ok(talk.answer("Nothing waits for a text any longer."));
    };
    let (id, what) = (task.clone(), text.to_owned());
    let done = talk.act(tx, &RequestChanges { id, what, board: None })?;
    Ok(match done {
        Ok(reply) => {
            talk.answer(format!("Changes requested. {} is {}.", reply.id, reply.status.as_str()))
        }
        Err(refusal) => talk.refused(&refusal),
    })
}

/// Runs the line again that a typed word confirms.
fn confirm(talk: &Talk<'_>, tx: &mut Tx<'_>, word: &str) -> Result<InboundReply, VerbError> {
    let (channel, address) = talk.chat();
    let find = |tx: &Tx<'_>, user: Option<&str>| {
        let chat = (channel, address, user);
        store::chat_tokens::find_open(tx.store(), TokenKind::Confirm, chat, Some(word), tx.now)
    };
    if let Some(token) = find(tx, Some(&talk.given.from.id))? {
        return confirmed(talk, tx, &token);
    }
    let theirs = find(tx, None)?.is_some();
    Ok(talk.answer(if theirs {
        format!("{word} is for the person who was asked.")
    } else {
        format!("Nothing waits for {word}: it was used, or two minutes have passed.")
    }))
}

/// Uses a confirmation: the line runs again, with it.
pub(super) fn confirmed(
    talk: &Talk<'_>,
    tx: &mut Tx<'_>,
    token: &Token,
) -> Result<InboundReply, VerbError> {
    let Some(Action::Confirm { line, .. }) = &token.action else {
        return Ok(talk.answer("Nothing waits for a confirmation."));
    };
    let used = (talk.by.name.as_str(), talk.given.event_id.as_str());
    store::chat_tokens::set_used(tx.store(), &token.token, used, tx.now)?;
    Ok(run(line, Some(token.token.clone())))
}
