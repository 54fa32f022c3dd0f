//! The keys that are about schedules.

use super::key::{Key, Kind};

pub(super) const SCHEDULES: &[Key] = &[Key {
    name: "per_profile",
    kind: Kind::Integer { min: 0, max: 10_000 },
    default: Some("20"),
    example: None,
    unit: Some("schedules"),
    doc: "Maximum number of schedules that the workers of one profile may have made.",
}];
