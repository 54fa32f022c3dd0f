//! The keys that are about reviews.

use super::key::{Key, Kind};

pub(super) const REVIEW: &[Key] = &[
    Key {
        name: "default",
        kind: Kind::Text,
        default: Some("\"none\""),
        example: None,
        unit: None,
        doc: "Reviewer of tasks whose profile and board name none: a profile, \"human\", or \"none\". Holds for new tasks.",
    },
    Key {
        name: "boards",
        kind: Kind::NameTable,
        default: Some("{}"),
        example: None,
        unit: None,
        doc: "Reviewers of the tasks of boards, such as `{ web = \"qa\" }`. Where a profile names another, the stronger holds: a \
         person is stronger than a profile, a profile than none.",
    },
    Key {
        name: "max_rounds",
        kind: Kind::Integer { min: 1, max: 1000 },
        default: Some("3"),
        example: None,
        unit: Some("rounds"),
        doc: "Rounds of one review; after them a person reviews instead of the profile.",
    },
    Key {
        name: "allow_self",
        kind: Kind::Bool,
        default: Some("false"),
        example: None,
        unit: None,
        doc: "Allow a profile to review its own work.",
    },
];
