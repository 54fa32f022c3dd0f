//! The page that an agent reads, and each function of it separately.
#![no_main]

use kanband_fuzz::{Source, oracles};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    oracles::check_quotes(&String::from_utf8_lossy(input));
    oracles::check_context(&mut Source(input));
});
