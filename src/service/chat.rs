//! People who write in chats: what they did, who they are when the courier asks for them, and what was confirmed.

use std::sync::Arc;

use crate::actors::database::Submit;
use crate::kernel::caller::{Caller, ChatCaller};
use crate::kernel::chat::{Confirm, For, Inbound, InboundReply};
use crate::kernel::chat_action::Action;
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::queries::Snapshot;
use crate::kernel::store;
use crate::kernel::store::chat_tokens::{Token, TokenKind};
use crate::kernel::verbs::{AskBack, TakeInbound};
use crate::service::{Requester, Service, ServiceError};

/// The part of the daemon in whose name chats are heard.
const PART: &str = "chat";

/// Takes one thing that a person did in a chat.
///
/// # Errors
/// What cannot be one, or a fault.
pub async fn inbound(
    service: Arc<Service>,
    _by: Requester,
    inbound: Inbound,
) -> Result<InboundReply, ServiceError> {
    Ok(service.database.submit(Submit::by_system(PART, TakeInbound { inbound })).await?)
}

/// The person for whom the courier asks.
///
/// # Errors
/// Nobody has allowed this user.
pub async fn person(service: &Service, ask: For) -> Result<Caller, ServiceError> {
    let (channel, user) = (ask.channel.clone(), ask.user.clone());
    let read = move |snapshot: &Snapshot<'_>| {
        Ok::<_, VerbError>(store::chat_people::get(snapshot.connection, &channel, &user)?)
    };
    let found = service.readers.read(Caller::System { part: PART }, read).await?;
    let Some(row) = found else {
        let caller = format!("user {} of {}", ask.user, ask.channel);
        return Err(Refusal::Forbidden { caller, verb: "ask for anything" }.into());
    };
    let policy = service.configuration.policy();
    // A role that is not configured may nothing.
    let may = policy.chat.roles.get(&row.role).cloned().unwrap_or_default();
    let by = ChatCaller::new(&row.person, ask, (&row.role, may));
    Ok(Caller::Chat(Box::new(by)))
}

/// Asks a person back. The reply is the question and how it is confirmed.
///
/// # Errors
/// They may not ask for it at all, or the task is not there.
pub async fn ask_back(
    service: &Service,
    caller: Caller,
    verb: AskBack,
) -> Result<(String, Confirm), ServiceError> {
    let asked = service.database.submit(Submit { caller, request_id: None, verb }).await?;
    Ok((asked.question, asked.confirm))
}

/// Whether a person has confirmed this very request: by the thing for which the courier asks now.
///
/// # Errors
/// A fault of the database.
pub async fn is_confirmed(
    service: &Service,
    by: &ChatCaller,
    token: String,
    (operation, digest): (&'static str, String),
) -> Result<bool, ServiceError> {
    let read = move |snapshot: &Snapshot<'_>| {
        Ok::<_, VerbError>(store::chat_tokens::get(snapshot.connection, &token)?)
    };
    let found = service.readers.read(Caller::System { part: PART }, read).await?;
    Ok(found.is_some_and(|token| confirms(&token, &by.ask, (operation, &digest))))
}

/// Whether a token confirms a request.
fn confirms(token: &Token, ask: &For, (operation, digest): (&str, &str)) -> bool {
    let is_meant = match &token.action {
        Some(Action::Confirm { operation: asked, digest: of, .. }) => {
            asked == operation && of == digest
        }
        Some(_) | None => false,
    };
    is_meant
        && token.kind == TokenKind::Confirm
        && token.channel == ask.channel
        && token.address == ask.address
        && token.user_id.as_deref() == Some(&ask.user)
        && token.used_event.as_deref() == Some(&ask.event_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_confirms_one_request_of_one_person_by_one_press() {
        let ask: For = "ops 7 4711 -100".parse().unwrap();
        let action = Action::Confirm {
            line: "stop t_1".to_owned(),
            operation: "stop".to_owned(),
            digest: "d".to_owned(),
        };
        let token = Token {
            token: "x".to_owned(),
            kind: TokenKind::Confirm,
            channel: "ops".to_owned(),
            address: "-100".to_owned(),
            user_id: Some("4711".to_owned()),
            word: Some("K7QX".to_owned()),
            task_id: None,
            action: Some(action),
            expires_at: 120,
            used_at: Some(9),
            used_by: Some("ada (ops)".to_owned()),
            used_event: Some("7".to_owned()),
        };
        let other = |change: fn(&mut Token)| {
            let mut token = token.clone();
            change(&mut token);
            token
        };
        assert!(confirms(&token, &ask, ("stop", "d")));
        for (wrong, request) in [
            (token.clone(), ("stop", "e")),
            (token.clone(), ("archive", "d")),
            (other(|token| token.used_event = None), ("stop", "d")),
            (other(|token| token.used_event = Some("8".to_owned())), ("stop", "d")),
            (other(|token| token.user_id = Some("1".to_owned())), ("stop", "d")),
            (other(|token| token.user_id = None), ("stop", "d")),
            (other(|token| token.address = "-1".to_owned()), ("stop", "d")),
            (other(|token| token.channel = "web".to_owned()), ("stop", "d")),
            (other(|token| token.kind = TokenKind::Button), ("stop", "d")),
            (other(|token| token.action = None), ("stop", "d")),
        ] {
            assert!(!confirms(&wrong, &ask, request), "{wrong:?} {request:?}");
        }
    }
}
