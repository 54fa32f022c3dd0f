//! Values as JSON, and as fields of a line of the log.
#![no_main]

#[path = "../../tests/fuzz/oracles.rs"]
#[allow(dead_code)]
mod oracles;
mod source;
#[path = "../../tests/fuzz/text.rs"]
#[allow(dead_code)]
mod text;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    oracles::check_json(&mut source::Source(input));
    oracles::check_log_line(&mut source::Source(input));
});
