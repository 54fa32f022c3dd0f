//! Values as JSON, and as fields of a log line.
#![no_main]

use kanband_fuzz::{Source, oracles};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    oracles::check_json(&mut Source(input));
    oracles::check_log_line(&mut Source(input));
});
