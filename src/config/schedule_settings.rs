//! Settings of schedules.

use serde::Deserialize;

/// Tasks that are created again and again.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Schedules {
    /// Schedules that the workers of one profile may have made.
    pub per_profile: u32,
}

impl Default for Schedules {
    fn default() -> Self {
        Self { per_profile: 20 }
    }
}
