//! The buttons of a message that asks: what stands on them, and the rows that say what they do.

use crate::kernel::chat::TOKEN_CHARS;
use crate::kernel::chat_action::Action;
use crate::kernel::error::Fault;
use crate::kernel::event::EventKind;
use crate::kernel::ids::TaskId;
use crate::kernel::notice::Button;
use crate::kernel::notify_policy::OWN_CHANNEL;
use crate::kernel::question::Question;
use crate::kernel::random::{Random, letters};
use crate::kernel::rules::chat::BUTTON_SECONDS;
use crate::kernel::store;
use crate::kernel::store::chat_tokens::{Token, TokenKind};
use crate::kernel::task::{Task, WorkspaceKind};
use crate::kernel::tx::Tx;

/// Choices that become buttons; where there are more, the answer is typed.
const CHOICES_MAX: usize = 6;

/// Characters that stand on a button.
const LABEL_CHARS_MAX: usize = 40;

/// Bytes of a log that a button shows.
const LOG_BYTES: u32 = 2_048;

/// Letters of a token.
const TOKEN_LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// What a message asks.
#[derive(Debug, Clone, Copy)]
pub(in crate::kernel) struct Asked<'a> {
    /// The kind of its event.
    pub kind: EventKind,
    /// Its task.
    pub task: &'a Task,
    /// The question that waits.
    pub question: Option<&'a Question>,
}

/// A new token of a button or a confirmation.
pub(in crate::kernel) fn new_token(random: &mut dyn Random) -> String {
    letters(random, TOKEN_LETTERS, TOKEN_CHARS)
}

/// Makes the buttons of a message to a route of a channel.
pub(in crate::kernel) fn buttons(
    tx: &mut Tx<'_>,
    asked: Asked<'_>,
    (channel, route_id): (&str, i64),
) -> Result<Vec<Button>, Fault> {
    let Some(route) = store::routes::get(tx.store(), route_id)? else { return Ok(Vec::new()) };
    let mut made = Vec::new();
    if route.address == OWN_CHANNEL {
        // What a hook sends cannot be pressed.
        return Ok(made);
    }
    for (label, style, action) in wanted(asked) {
        let chat = (channel, route.address.as_str());
        let task_id = Some(&asked.task.id);
        made.push(button(tx, (&label, style), action, Bound { chat, user_id: None, task_id })?);
    }
    Ok(made)
}

/// Where a button works, and for whom.
#[derive(Debug, Clone, Copy)]
pub(in crate::kernel) struct Bound<'a> {
    /// The channel and the address of the chat.
    pub chat: (&'a str, &'a str),
    /// The provider's id of the only user who may press it; none: each person who may do what it does.
    pub user_id: Option<&'a str>,
    /// The task that it goes with.
    pub task_id: Option<&'a TaskId>,
}

/// Makes a button.
pub(in crate::kernel) fn button(
    tx: &mut Tx<'_>,
    (label, style): (&str, &str),
    action: Action,
    bound: Bound<'_>,
) -> Result<Button, Fault> {
    let token = new_token(tx.random());
    let row = Token {
        token: token.clone(),
        kind: TokenKind::Button,
        channel: bound.chat.0.to_owned(),
        address: bound.chat.1.to_owned(),
        user_id: bound.user_id.map(str::to_owned),
        word: None,
        task_id: bound.task_id.cloned(),
        action: Some(action),
        expires_at: tx.now.saturating_add(BUTTON_SECONDS),
        used_at: None,
        used_by: None,
        used_event: None,
    };
    store::chat_tokens::insert(tx.store(), &row, tx.now)?;
    Ok(Button { label: label.to_owned(), style: style.to_owned(), token })
}

type Wanted = (String, &'static str, Action);

/// What may be pressed.
fn wanted(asked: Asked<'_>) -> Vec<Wanted> {
    let Asked { kind, task, question } = asked;
    let id = task.id.to_string();
    let read = |label: &str, line: String| (label.to_owned(), "", Action::Read { line });
    let why = || read("Why", format!("why {id}"));
    let unblock = |label: &str| (label.to_owned(), "primary", Action::Unblock { task: id.clone() });
    if let Some(question) = question {
        return of_question(&id, question);
    }
    if kind == EventKind::Blocked {
        return vec![unblock("Unblock"), why()];
    }
    if kind == EventKind::GaveUp {
        return vec![unblock("Retry"), why(), read("Log", format!("log {id} --tail {LOG_BYTES}"))];
    }
    if kind != EventKind::ReviewRequested {
        // The rest can be looked into, and is ended elsewhere.
        return vec![why()];
    }
    let mut found = vec![
        ("Approve".to_owned(), "success", Action::Approve { task: id.clone() }),
        ("Request changes".to_owned(), "danger", Action::AskChanges { task: id.clone() }),
    ];
    if task.workspace_kind == WorkspaceKind::Worktree {
        found.push(read("Diff", format!("diff {id} --stat")));
    }
    found
}

fn of_question(task: &str, question: &Question) -> Vec<Wanted> {
    let (task, id) = (task.to_owned(), question.id.to_string());
    if question.choices.is_empty() || question.choices.len() > CHOICES_MAX {
        return vec![("Answer".to_owned(), "primary", Action::AskAnswer { task, question: id })];
    }
    let choice = |answer: &String| {
        let (task, question, answer) = (task.clone(), id.clone(), answer.clone());
        (label(&answer), "primary", Action::Answer { task, question, answer })
    };
    question.choices.iter().map(choice).collect()
}

/// What fits on a button.
fn label(text: &str) -> String {
    if text.chars().count() <= LABEL_CHARS_MAX {
        return text.to_owned();
    }
    let kept: String = text.chars().take(LABEL_CHARS_MAX - 1).collect();
    format!("{}…", kept.trim_end())
}
