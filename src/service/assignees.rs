//! All assignees.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::queries::Snapshot;
use crate::kernel::task::TaskStatus;
use crate::service::profiles::would_run;
use crate::service::{Requester, Service, ServiceError};

/// Takes no fields but the board.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListAssignees {
    /// Board; default: `default`.
    pub board: Option<String>,
}

/// An assignee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Assignee {
    /// Name.
    pub name: String,
    /// Whether the configuration has a profile with this name.
    pub on_disk: bool,
    /// Number of tasks by status, without archived tasks.
    pub counts: BTreeMap<String, i64>,
    /// Command line of its workers; empty when there is none.
    pub would_run: Vec<String>,
}

/// Lists everybody who has a profile or a task that is not archived.
///
/// # Errors
/// A refusal or a fault.
pub async fn list(
    service: Arc<Service>,
    by: Requester,
    request: ListAssignees,
) -> Result<Vec<Assignee>, ServiceError> {
    let read = move |snapshot: &Snapshot<'_>| snapshot.board(request.board.as_deref(), "assignees");
    let board = service.readers.read(by.caller, read).await?;
    let settings = service.configuration.settings();
    let mut found: BTreeMap<String, BTreeMap<String, i64>> =
        settings.profiles.keys().map(|name| (name.clone(), BTreeMap::new())).collect();
    for (key, count) in service.database.counts().of_board(&board) {
        if let Some(name) = &key.assignee
            && key.status != TaskStatus::Archived
        {
            let counts = found.entry(name.clone()).or_default();
            *counts.entry(key.status.as_str().to_owned()).or_default() += count;
        }
    }
    Ok(found
        .into_iter()
        .map(|(name, counts)| Assignee {
            on_disk: settings.profiles.contains_key(&name),
            would_run: would_run(&name, &settings, &service.start_inputs),
            name,
            counts,
        })
        .collect())
}
