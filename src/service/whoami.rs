//! How the daemon identifies a caller.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::caller::Caller;
use crate::kernel::error::VerbError;
use crate::kernel::ids::RunId;
use crate::kernel::queries::Snapshot;
use crate::kernel::store;
use crate::service::{GetDaemon, Requester, Service, ServiceError};

/// Kind of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallerKind {
    /// A process of a run.
    Worker,
    /// A person, or a program that acts for one.
    Operator,
}

/// The caller, as identified by the operating system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WhoAmI {
    /// Kind of the caller.
    pub kind: CallerKind,
    /// Name of the profile or the user.
    pub name: String,
    /// Its run.
    pub run_id: Option<RunId>,
    /// Task of its run.
    pub task_id: Option<String>,
    /// Board of its run.
    pub board: Option<String>,
    /// Whether its profile is an orchestrator.
    pub is_orchestrator: bool,
    /// What its run is for: `work` or `review`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

/// Tells the caller who it is.
///
/// # Errors
/// A fault of the database.
pub async fn whoami(
    service: Arc<Service>,
    by: Requester,
    GetDaemon {}: GetDaemon,
) -> Result<WhoAmI, ServiceError> {
    let caller = by.caller.clone();
    Ok(match by.caller {
        Caller::Worker { run_id, task_id, board, profile } => {
            let read = move |snapshot: &Snapshot<'_>| {
                Ok::<_, VerbError>(
                    store::runs::get(snapshot.connection, run_id)?.map(|run| run.role),
                )
            };
            let role = service.readers.read(caller, read).await?;
            let settings = service.configuration.settings();
            let of_profile = settings.profiles.get(&profile);
            WhoAmI {
                kind: CallerKind::Worker,
                is_orchestrator: of_profile.is_some_and(|profile| profile.orchestrator),
                name: profile,
                run_id: Some(run_id),
                task_id: Some(task_id.to_string()),
                board: Some(board.to_string()),
                role,
            }
        }
        caller @ (Caller::Operator { .. }
        | Caller::Courier
        | Caller::Chat(_)
        | Caller::System { .. }) => WhoAmI {
            kind: CallerKind::Operator,
            name: caller.actor().to_string(),
            run_id: None,
            task_id: None,
            board: None,
            is_orchestrator: false,
            role: None,
        },
    })
}
