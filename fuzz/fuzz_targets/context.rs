//! A page for an agent, and each function of it by itself.
#![no_main]

#[path = "../../tests/fuzz/oracles.rs"]
#[allow(dead_code)]
mod oracles;
mod source;
#[path = "../../tests/fuzz/text.rs"]
#[allow(dead_code)]
mod text;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    oracles::check_quotes(&String::from_utf8_lossy(input));
    oracles::check_context(&mut source::Source(input));
});
