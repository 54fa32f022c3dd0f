//! Records of an export.
#![no_main]

use kanband::kernel::transfer::normalize::normalize;
use kanband::kernel::transfer::record::TaskRecord;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Ok(record) = serde_json::from_slice::<TaskRecord>(input)
        && let Ok(normal) = normalize(record, 1_000_000)
    {
        let again = normalize(normal.record.clone(), 1_000_000).unwrap();
        assert_eq!(again.record.runs, normal.record.runs, "what fits is left as it is");
    }
});
