//! Secrets in a stream.
#![no_main]

#[path = "../../tests/fuzz/oracles.rs"]
#[allow(dead_code)]
mod oracles;
mod source;
#[path = "../../tests/fuzz/text.rs"]
#[allow(dead_code)]
mod text;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    oracles::check_redaction(&mut source::Source(input));
});
