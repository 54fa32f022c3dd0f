//! Bytes on their way to a terminal.
#![no_main]

use kanband_fuzz::{Source, oracles};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let (cuts, bytes) = input.split_at(input.len().min(16));
    oracles::check_terminal(bytes, &mut Source(cuts));
});
