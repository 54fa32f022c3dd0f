//! Messages to the dispatcher.

use std::sync::Arc;

use actix::Message;

use crate::kernel::caller::Caller;
use crate::kernel::error::VerbError;
use crate::kernel::ids::TaskId;
use crate::kernel::policy::Policy;
use crate::kernel::verbs::DispatchReport;

/// Something may be startable. From the event hub and the circuit breaker. Any number of times is safe.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Wake;

/// A task was assigned to a name of which it takes a look to say whether it is a profile. From the event hub. Any number of times is
/// safe.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct LookForProfile {
    /// The name.
    pub name: String,
}

/// Are you there? From the root, for the service manager's watchdog.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Ping;

/// A person's dispatch. From the API. What it starts is durable and confirmed when it returns.
#[derive(Debug, Message)]
#[rtype(result = "Result<DispatchReport, VerbError>")]
pub struct DispatchNow {
    /// Who asks.
    pub caller: Caller,
    /// Id under which the client may repeat it.
    pub request_id: Option<String>,
    /// Only these tasks; empty: what is at the head of the queues.
    pub only: Vec<TaskId>,
    /// Starts at most.
    pub max: Option<u32>,
    /// Failures after which a task started by this is given up.
    pub failure_limit: Option<u32>,
    /// Only look: by this policy.
    pub policy_for_preview: Option<Arc<Policy>>,
}
