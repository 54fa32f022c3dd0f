//! Bytes on their way to a terminal.
#![no_main]

#[path = "../../tests/fuzz/oracles.rs"]
#[allow(dead_code)]
mod oracles;
mod source;
#[path = "../../tests/fuzz/text.rs"]
#[allow(dead_code)]
mod text;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let (cuts, bytes) = input.split_at(input.len().min(16));
    oracles::check_terminal(bytes, &mut source::Source(cuts));
});
