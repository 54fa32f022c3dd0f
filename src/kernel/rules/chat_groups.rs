//! What a person of a chat may ask for: one table, from an operation to its group. A role is a list of groups; an operation that is in
//! none is allowed to nobody.

/// Operations that a role may have together.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum ChatGroup {
    /// Read boards and tasks.
    Read,
    /// Comment on a task.
    Comment,
    /// Create a task. Its text becomes what an agent is asked to do: this is the right to run agents.
    Create,
    /// Answer a question, let a task go on, complete it.
    Answer,
    /// See what a review is about, and give its verdict.
    Review,
    /// Move tasks and dispatch; each is asked back.
    Operate,
    /// Never from a chat.
    Never,
}

impl ChatGroup {
    /// Those that a role can have.
    pub const GRANTED: [Self; 6] =
        [Self::Read, Self::Comment, Self::Create, Self::Answer, Self::Review, Self::Operate];

    /// The word in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Comment => "comment",
            Self::Create => "create",
            Self::Answer => "answer",
            Self::Review => "review",
            Self::Operate => "operate",
            Self::Never => "never",
        }
    }

    /// The group with this word, of those that a role can have.
    pub fn parse(word: &str) -> Option<Self> {
        Self::GRANTED.into_iter().find(|group| group.as_str() == word)
    }

    /// What it lets do, in the words of the documentation.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Read => "read boards, tasks, runs and logs",
            Self::Comment => "comment on a task",
            Self::Create => "create a task, and with it have an agent do what the text says",
            Self::Answer => "answer a question, unblock, promote or complete a task",
            Self::Review => "see what a worktree task changed, approve it, request changes",
            Self::Operate => "move, stop and edit tasks, pause and resume; each is asked back",
            Self::Never => "not from a chat",
        }
    }
}

use ChatGroup::{Answer, Comment, Create, Never, Operate, Read, Review};

/// The group of each operation.
pub const CHAT_GROUPS: &[(&str, ChatGroup)] = &[
    ("whoami", Read),
    ("daemon", Read),
    ("list", Read),
    ("search", Read),
    ("show", Read),
    ("runs", Read),
    ("log", Read),
    ("why", Read),
    ("attachments", Read),
    ("question", Read),
    ("list_schedules", Read),
    ("show_schedule", Read),
    ("next_occurrences", Read),
    ("events", Read),
    ("stats", Read),
    ("assignees", Read),
    ("boards", Read),
    ("status", Read),
    ("attention", Read),
    ("breakers", Read),
    ("resolve", Read),
    ("get_dispatch", Read),
    ("comment", Comment),
    // Each of its parts takes the group of its own operation.
    ("bulk", Comment),
    ("create", Create),
    ("create_batch", Create),
    ("answer", Answer),
    ("unblock", Answer),
    ("promote", Answer),
    ("complete", Answer),
    ("approve", Review),
    ("request_changes", Review),
    ("diff", Review),
    ("edit", Operate),
    ("link", Operate),
    ("unlink", Operate),
    ("assign", Operate),
    ("reassign", Operate),
    ("block", Operate),
    ("stop", Operate),
    ("reclaim", Operate),
    ("cancel", Operate),
    ("restart", Operate),
    ("archive", Operate),
    ("unarchive", Operate),
    ("reopen", Operate),
    ("request_review", Operate),
    ("triage", Operate),
    ("schedule", Operate),
    ("unschedule", Operate),
    ("pause_schedule", Operate),
    ("resume_schedule", Operate),
    ("run_schedule", Operate),
    ("dispatch", Operate),
    ("set_dispatch", Operate),
    ("set_pause", Operate),
    ("reset_breaker", Operate),
    ("openapi", Never),
    ("context", Never),
    ("attachment", Never),
    ("attach", Never),
    ("detach", Never),
    ("heartbeat", Never),
    ("ask", Never),
    ("rate_limited", Never),
    ("claim", Never),
    ("add_schedule", Never),
    ("edit_schedule", Never),
    ("remove_schedule", Never),
    ("apply_schedules", Never),
    ("web_link", Never),
    ("web_sessions", Never),
    ("web_revoke", Never),
    ("notify_subscribe", Never),
    ("notify_unsubscribe", Never),
    ("notify_list", Never),
    ("notify_watch", Never),
    ("notify_outbox", Never),
    ("notify_retry", Never),
    ("notify_drop", Never),
    ("notify_test", Never),
    ("lease_outbox", Never),
    ("settle_outbox", Never),
    ("courier_channels", Never),
    ("report_channel", Never),
    ("chat_inbound", Never),
    ("chat_cursors", Never),
    ("chat_allow", Never),
    ("chat_deny", Never),
    ("chat_people", Never),
    ("profiles", Never),
    ("first_use", Never),
    ("add_profile", Never),
    ("create_board", Never),
    ("rename_board", Never),
    ("remove_board", Never),
    ("gc", Never),
    ("plan_import", Never),
    ("import", Never),
    ("import_large", Never),
    ("import_links", Never),
    ("export", Never),
    ("backup", Never),
    ("restore", Never),
    ("metrics", Never),
    ("reload", Never),
    ("log_level", Never),
    ("board", Never),
    ("cards", Never),
    ("moves", Never),
    ("task_view", Never),
    ("timeline", Never),
    ("graph", Never),
    ("history", Never),
    ("render", Never),
    ("candidates", Never),
    ("doctor", Never),
];

/// Operations that are about all boards at once: a role that is for some boards does not have them.
const OF_ALL_BOARDS: &[&str] = &[
    "status",
    "attention",
    "breakers",
    "resolve",
    "get_dispatch",
    "dispatch",
    "set_dispatch",
    "set_pause",
    "reset_breaker",
];

/// The group of an operation; none where nobody has put it into one.
pub fn chat_group(operation: &str) -> Option<ChatGroup> {
    CHAT_GROUPS.iter().find(|(name, _)| *name == operation).map(|(_, group)| *group)
}

/// Whether an operation is about all boards at once.
pub fn is_of_all_boards(operation: &str) -> bool {
    OF_ALL_BOARDS.contains(&operation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::rights::{RIGHTS, Right, right_to};

    #[test]
    fn every_operation_is_in_one_group_and_every_row_is_an_operation() {
        for (operation, _) in RIGHTS {
            let rows = CHAT_GROUPS.iter().filter(|(name, _)| name == operation).count();
            assert_eq!(rows, 1, "put {operation} into a group of CHAT_GROUPS");
        }
        for (name, _) in CHAT_GROUPS {
            assert!(RIGHTS.iter().any(|(operation, _)| operation == name), "{name}");
        }
        assert_eq!(chat_group("made_tomorrow"), None);
    }

    #[test]
    fn what_only_the_courier_does_is_in_no_role() {
        for (operation, right) in RIGHTS.iter().filter(|(_, right)| *right == Right::Courier) {
            assert_eq!(chat_group(operation), Some(Never), "{operation} {right:?}");
        }
    }

    #[test]
    fn what_a_role_for_some_boards_may_read_is_checked_by_board_as_for_workers() {
        for (operation, group) in CHAT_GROUPS {
            let is_checked = matches!(right_to(operation), Right::Ask | Right::Read);
            if *group == Read && !is_checked {
                assert!(is_of_all_boards(operation), "{operation} shows all boards");
            }
        }
    }
}
