//! The switch that `pause`, `resume` and `drain` set.

use crate::api::client::seen::SetDispatchReply;
use crate::api::client::{Client, ClientError};
use crate::kernel::verbs::{DispatchSwitch, SetDispatch};

/// Where it is set and read.
pub(super) const PATH: &str = "/v1/dispatch/switch";

/// Sets it.
pub(super) fn set(client: &Client, to: DispatchSwitch) -> Result<SetDispatchReply, ClientError> {
    client.post(PATH, &SetDispatch { to })
}

/// How many runs go on.
pub(super) fn open_runs(count: usize) -> String {
    match count {
        0 => "no open runs".to_owned(),
        1 => "1 run continues".to_owned(),
        count => format!("{count} runs continue"),
    }
}
