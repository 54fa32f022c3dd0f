//! Links, sessions and their end, for operators: `kanban dashboard`.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::caller::Caller;
use crate::kernel::ids::EpochSeconds;
use crate::os::processes::user::Account;
use crate::service::web::WebAccess;
use crate::service::web::error::WebError;
use crate::service::{GetDaemon, Requester, Service, ServiceError};

/// Make a link by which one browser logs in, once, within five minutes.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MakeWebLink {
    /// User to log in; the caller when absent. Another user takes root or the daemon's user.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
}

/// A link to the board on the web.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WebLink {
    /// The link. Its fragment is the token; it is never sent in a request's path.
    pub url: String,
    /// The same by the proxy, where one is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_url: Option<String>,
    /// User that it logs in.
    pub name: String,
    /// The daemon's port.
    pub port: u16,
    /// Address of the port.
    pub address: String,
    /// Time from which it cannot be used.
    pub expires_at: EpochSeconds,
}

/// A session of the board on the web.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WebSession {
    /// Its id, for `kanban dashboard --revoke`.
    pub id: String,
    /// User that is logged in.
    pub name: String,
    /// Whether it came by the proxy.
    pub proxy: bool,
    /// Time of the login.
    pub created_at: EpochSeconds,
    /// Time of its end.
    pub expires_at: EpochSeconds,
}

/// End sessions of the board on the web.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeWebSession {
    /// Id of a session, or `all`.
    pub session: String,
}

/// Ended sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RevokeWebSessionReply {
    /// Number of sessions that ended.
    pub ended: usize,
}

/// Makes a link. `uid` is the caller's, as the kernel of the operating system says.
///
/// # Errors
/// The board is not on the web, the user is not known, or the caller may not name it.
pub async fn make(
    service: Arc<Service>,
    by: Requester,
    uid: Option<u32>,
    request: MakeWebLink,
) -> Result<WebLink, ServiceError> {
    let web = Arc::clone(&service.web);
    let Some(address) = web.door.address() else { return Err(off(web).await) };
    let settings = service.configuration.settings();
    let proxy = settings.web.proxy();
    let daemon_uid = service.start_inputs.daemon_user.uid;
    let (Caller::Operator { name: own }, Some(uid)) = (&by.caller, uid) else {
        return Err(WebError::OnlyForPeople.into());
    };
    let (uid, name) = match request.person {
        Some(name) if name != *own => {
            if uid != 0 && uid != daemon_uid {
                return Err(WebError::NotForOthers { name }.into());
            }
            match account_uid(name.clone()).await? {
                Some(uid) => (Some(uid), name),
                // A person without an account here can come by the proxy only.
                None if proxy.is_some() => (None, name),
                None => return Err(WebError::UnknownUser { name }.into()),
            }
        }
        Some(_) | None => (Some(uid), own.clone()),
    };
    let made = web.make_link(uid, name.clone())?;
    let token = &made.token;
    Ok(WebLink {
        url: format!("http://{address}/in#{token}"),
        proxy_url: proxy.map(|proxy| format!("{}/in#{token}", proxy.origin)),
        name,
        port: address.port(),
        address: address.to_string(),
        expires_at: made.expires_at,
    })
}

/// Lists the sessions, oldest first.
///
/// # Errors
/// None.
pub async fn list(
    service: Arc<Service>,
    _by: Requester,
    GetDaemon {}: GetDaemon,
) -> Result<Vec<WebSession>, ServiceError> {
    let sessions = service.web.sessions().into_iter().map(|session| WebSession {
        id: session.id,
        name: session.name,
        proxy: session.is_proxied,
        created_at: session.created_at,
        expires_at: session.expires_at,
    });
    Ok(sessions.collect())
}

/// Ends a session or all.
///
/// # Errors
/// There is no such session, or the file of sessions cannot be written.
pub async fn revoke(
    service: Arc<Service>,
    _by: Requester,
    request: RevokeWebSession,
) -> Result<RevokeWebSessionReply, ServiceError> {
    let ended = service.web.revoke(&request.session).await?;
    if ended == 0 && request.session != "all" {
        return Err(WebError::UnknownSession { id: request.session }.into());
    }
    Ok(RevokeWebSessionReply { ended })
}

async fn account_uid(name: String) -> Result<Option<u32>, ServiceError> {
    let asked = name.clone();
    // The user data base may be a network's.
    let found = tokio::task::spawn_blocking(move || Account::named(&asked)).await;
    match found {
        Ok(Ok(account)) => Ok(account.map(|account| account.run_as.uid)),
        Ok(Err(_)) | Err(_) => Err(WebError::Undecided { name }.into()),
    }
}

async fn off(web: Arc<WebAccess>) -> ServiceError {
    let looked = tokio::task::spawn_blocking(move || web.door.why_not()).await;
    let (why, fix) = looked.ok().flatten().unwrap_or_default();
    WebError::Off { why, fix }.into()
}
