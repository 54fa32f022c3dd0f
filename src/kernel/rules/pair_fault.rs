//! What is in the way of a reviewer and an assignee: said in refusals, in explanations, and by the configuration.

/// Why a profile cannot review the tasks of an assignee.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PairFault {
    /// The reviewer is no configured profile.
    #[error("the reviewer {reviewer} is not a configured profile")]
    Unknown {
        /// The reviewer.
        reviewer: String,
    },
    /// It would review its own work.
    #[error("{profile} would review its own work, which review.allow_self does not allow")]
    Itself {
        /// Assignee and reviewer.
        profile: String,
    },
    /// They run as different users, of which the second may not be able to use what the first has made.
    #[error(
        "the reviewer {reviewer} runs as {reviewer_user}, the assignee {assignee} as {assignee_user}: they must run as the same user"
    )]
    Users {
        /// The assignee.
        assignee: String,
        /// The user that it runs as.
        assignee_user: String,
        /// The reviewer.
        reviewer: String,
        /// The user that it runs as.
        reviewer_user: String,
    },
}
