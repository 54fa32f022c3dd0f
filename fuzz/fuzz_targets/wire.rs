//! Bodies of requests: read as each of the requests that workers may make, and written again.
#![no_main]

use kanband::kernel::verbs::{
    BlockTask, CommentTask, CompleteTask, CreateTask, CreateTasks, HeartbeatTask, LinkTasks,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    read::<CreateTask>(input);
    read::<CreateTasks>(input);
    read::<CompleteTask>(input);
    read::<BlockTask>(input);
    read::<CommentTask>(input);
    read::<HeartbeatTask>(input);
    read::<LinkTasks>(input);
});

/// What was read is read again as the same.
fn read<T: DeserializeOwned + Serialize>(input: &[u8]) {
    let Ok(request) = serde_json::from_slice::<T>(input) else { return };
    let written = kanband::text::json::to_vec(&request).unwrap();
    let again: T = serde_json::from_slice(&written).unwrap();
    assert_eq!(kanband::text::json::to_vec(&again).unwrap(), written);
}
