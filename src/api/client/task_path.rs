//! The path of an operation on one task, or on one schedule.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::api::client::error::ClientError;
use crate::api::client::seen::ErrorDetail;
use crate::kernel::error::ErrorCode;

/// Everything but letters, digits and `-._~` is encoded in a path (RFC 3986, section 2.3).
const IN_PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'!')
    .add(b'"')
    .add(b'#')
    .add(b'$')
    .add(b'%')
    .add(b'&')
    .add(b'\'')
    .add(b'(')
    .add(b')')
    .add(b'*')
    .add(b'+')
    .add(b',')
    .add(b'/')
    .add(b':')
    .add(b';')
    .add(b'<')
    .add(b'=')
    .add(b'>')
    .add(b'?')
    .add(b'@')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The path of an operation on one task. A blank id cannot stand in a path; it is answered like an unknown one.
///
/// # Errors
/// [`ClientError::Refused`] for a blank id.
pub fn task_path(id: &str, operation: &str) -> Result<String, ClientError> {
    if id.trim().is_empty() {
        return Err(ClientError::Refused(ErrorDetail::new(
            ErrorCode::UnknownTask,
            "no such task: (blank)",
        )));
    }
    let id = utf8_percent_encode(id, IN_PATH);
    Ok(if operation.is_empty() {
        format!("/v1/tasks/{id}")
    } else {
        format!("/v1/tasks/{id}/{operation}")
    })
}

/// The path of an operation on one schedule. A blank name cannot stand in a path; it is answered like an unknown one.
///
/// # Errors
/// [`ClientError::Refused`] for a blank name.
pub fn schedule_path(name: &str, operation: &str) -> Result<String, ClientError> {
    if name.trim().is_empty() {
        return Err(ClientError::Refused(ErrorDetail::new(
            ErrorCode::UnknownSchedule,
            "no such schedule: (blank)",
        )));
    }
    let name = utf8_percent_encode(name, IN_PATH);
    Ok(match operation {
        "" => format!("/v1/schedules/{name}"),
        operation => format!("/v1/schedules/{name}/{operation}"),
    })
}

/// The path of an operation on a board.
///
/// # Errors
/// [`ClientError::Refused`] for a blank name.
pub fn board_path(name: &str, operation: &str) -> Result<String, ClientError> {
    if name.trim().is_empty() {
        let unknown = ErrorDetail::new(ErrorCode::UnknownBoard, "unknown board: (blank)");
        return Err(ClientError::Refused(unknown));
    }
    let name = utf8_percent_encode(name, IN_PATH);
    Ok(format!("/v1/boards/{name}/{operation}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_cannot_leave_their_place_in_a_path() {
        assert_eq!(task_path("t_1", "complete").unwrap(), "/v1/tasks/t_1/complete");
        assert_eq!(task_path("../x?y#z", "").unwrap(), "/v1/tasks/..%2Fx%3Fy%23z");
        assert!(matches!(task_path(" ", ""), Err(ClientError::Refused(_))));
    }
}
