//! A loss of the board's files as the fault of a request that reads or writes it.

use crate::kernel::error::Fault;
use crate::os::home::board_files::BoardLoss;

/// The fault; a retryable one when it is unknown what happened.
pub fn fault_of(loss: &BoardLoss) -> Fault {
    match loss {
        BoardLoss::Unknown { .. } => Fault::File {
            doing: "look at the board's files".to_owned(),
            detail: loss.to_string(),
            retryable: true,
        },
        BoardLoss::Gone { .. }
        | BoardLoss::Replaced { .. }
        | BoardLoss::Overwritten { .. }
        | BoardLoss::Damaged { .. } => {
            Fault::BoardLost { loss: loss.to_string(), remedy: loss.remedy() }
        }
    }
}
