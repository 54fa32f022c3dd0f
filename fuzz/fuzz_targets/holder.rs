//! Messages between the daemon and the holder.
#![no_main]

use kanband::os::holder::protocol::{Answered, Asked};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Ok(asked) = serde_json::from_slice::<Asked>(input)
        && asked.question != kanband::os::holder::protocol::Question::Unknown
    {
        let written = serde_json::to_vec(&asked).unwrap();
        assert_eq!(serde_json::from_slice::<Asked>(&written).unwrap(), asked);
    }
    drop(serde_json::from_slice::<Answered>(input));
});
