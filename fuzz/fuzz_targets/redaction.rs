//! Secrets in a stream.
#![no_main]

use kanband_fuzz::{Source, oracles};

libfuzzer_sys::fuzz_target!(|input: &[u8]| oracles::check_redaction(&mut Source(input)));
