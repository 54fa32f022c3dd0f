//! `[review]`: who reviews what.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Reviews. A reviewer is a profile, `human` or `none`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Review {
    /// Reviewer of tasks whose profile and board name none.
    pub default: String,
    /// Reviewers of the tasks of boards.
    pub boards: BTreeMap<String, String>,
    /// Rounds after which a person reviews.
    pub max_rounds: u32,
    /// Whether a profile may review its own work.
    pub allow_self: bool,
}

impl Default for Review {
    fn default() -> Self {
        Self {
            default: "none".to_owned(),
            boards: BTreeMap::new(),
            max_rounds: 3,
            allow_self: false,
        }
    }
}
