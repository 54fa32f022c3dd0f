//! Tests of [`super`].

use super::*;

#[test]
fn a_client_can_pause() {
    Client::at(PathBuf::from("/nowhere"), None, false).unwrap().pause(Duration::from_millis(1));
}

#[test]
fn ids_cannot_leave_their_place_in_a_path() {
    assert_eq!(task_path("t_1", "complete").unwrap(), "/v1/tasks/t_1/complete");
    assert_eq!(task_path("../x?y#z", "").unwrap(), "/v1/tasks/..%2Fx%3Fy%23z");
    assert!(matches!(task_path(" ", ""), Err(ClientError::Refused(_))));
}
