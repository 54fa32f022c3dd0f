//! All assignees.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::queries::Snapshot;
use crate::kernel::rules;
use crate::kernel::store;
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
    /// `profile`, `person`, `unknown`, or `unseen` while it is being looked for; later releases add others.
    #[serde(default)]
    pub kind: String,
    /// Whether there is a profile with this name, in the configuration or of Hermes.
    pub on_disk: bool,
    /// Number of tasks by status, without archived tasks.
    pub counts: BTreeMap<String, i64>,
    /// Command line of its workers; empty when there is none.
    pub would_run: Vec<String>,
}

/// Lists everybody who has a profile or a task that is not archived, and all people.
///
/// # Errors
/// A refusal or a fault.
pub async fn list(
    service: Arc<Service>,
    by: Requester,
    request: ListAssignees,
) -> Result<Vec<Assignee>, ServiceError> {
    let read = move |snapshot: &Snapshot<'_>| {
        let board = snapshot.board(request.board.as_deref(), "assignees")?.name;
        Ok((board, store::people::list(snapshot.connection)?))
    };
    let (board, entered) = service.readers.read(by.caller, read).await?;
    let (settings, policy) = (service.configuration.settings(), service.configuration.policy());
    let names = settings.profiles.keys().chain(settings.people.keys()).chain(&entered);
    let mut found: BTreeMap<String, BTreeMap<String, i64>> =
        names.map(|name| (name.clone(), BTreeMap::new())).collect();
    for (key, count) in service.database.counts().of_board(&board) {
        if let Some(name) = &key.assignee
            && key.status != TaskStatus::Archived
        {
            let counts = found.entry(name.clone()).or_default();
            *counts.entry(key.status.as_str().to_owned()).or_default() += count;
        }
    }
    let assignee = |(name, counts): (String, BTreeMap<String, i64>)| {
        let is = policy.assignees.get(Some(&name), entered.contains(&name));
        let is_profile = is == rules::assignee::Assignee::Profile;
        let would_run = is_profile.then(|| would_run(&name, &settings, &service.start_inputs));
        let has_profile = settings.profiles.contains_key(&name);
        Assignee {
            kind: is.kind().to_owned(),
            on_disk: has_profile || (is_profile && policy.assignees.is_auto),
            would_run: would_run.unwrap_or_default(),
            name,
            counts,
        }
    };
    Ok(found.into_iter().map(assignee).collect())
}
