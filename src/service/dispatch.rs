//! A person's dispatch: ready tasks are started now.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actors::dispatcher::messages::DispatchNow;
use crate::kernel::error::{Fault, Refusal};
use crate::kernel::verbs::{DispatchReport, named_tasks};
use crate::service::{Requester, Service, ServiceError};

/// A person's dispatch.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DispatchRequest {
    /// Only report what would be done.
    pub dry_run: bool,
    /// Start these tasks, in this order, instead of those at the head of the queues.
    pub ids: Vec<String>,
    /// Maximum number of starts; 0 makes a full pass but starts nothing.
    pub max: Option<u32>,
    /// Failures after which a task started by this dispatch is blocked.
    pub failure_limit: Option<u32>,
    /// Board of the caller; dispatch covers all boards.
    pub board: Option<String>,
}

/// Has the dispatcher make its pass, and answers when each start is confirmed or has failed.
///
/// # Errors
/// A refusal or a fault.
pub async fn dispatch(
    service: Arc<Service>,
    by: Requester,
    request: DispatchRequest,
) -> Result<DispatchReport, ServiceError> {
    if request.failure_limit == Some(0) {
        return Err(Refusal::InvalidValue {
            field: "failure_limit",
            problem: "must be greater than zero",
            value: "0".to_owned(),
        }
        .into());
    }
    let only = named_tasks(&request.ids)?;
    if request.dry_run && !only.is_empty() {
        let (field, problem) = ("ids", "a dry run shows the whole pass");
        return Err(Refusal::InvalidValue { field, problem, value: request.ids.join(", ") }.into());
    }
    let policy = service.configuration.policy();
    let message = DispatchNow {
        caller: by.caller,
        request_id: by.request_id,
        only,
        max: request.max,
        failure_limit: request.failure_limit,
        policy_for_preview: request.dry_run.then_some(policy),
    };
    let answer = service.dispatch_now.ask(message).await;
    Ok(answer.unwrap_or_else(|| Err(Fault::NoAnswer { part: "the dispatcher" }.into()))?)
}
