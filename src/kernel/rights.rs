//! Rights: one table, from an operation to the right that it requires. The kernel's verbs and the edges ask it, and
//! `docs/security.md` shows it.

/// What an operation takes, as far as a worker's rights go. People and operators have every right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Ask about the daemon and about oneself.
    Ask,
    /// Read the board.
    Read,
    /// Comment on a task.
    Comment,
    /// Create a task or link two.
    Create,
    /// Attach a file to a task.
    Attach,
    /// Act on a task: complete, block, heartbeat.
    ActOnTask,
    /// See what a review is about, and give its verdict.
    Review,
    /// Let a blocked task go on.
    Unblock,
    /// Answer a question.
    Answer,
    /// Make schedules, and change those.
    Schedule,
    /// Carry messages between the board and its channels.
    Courier,
    /// Everything else.
    Operate,
}

impl Right {
    /// All rights, from that which most have to that which fewest have.
    pub const ALL: [Self; 12] = [
        Self::Ask,
        Self::Read,
        Self::Comment,
        Self::Create,
        Self::Attach,
        Self::ActOnTask,
        Self::Review,
        Self::Unblock,
        Self::Answer,
        Self::Schedule,
        Self::Courier,
        Self::Operate,
    ];

    /// Where a worker has it, in the words of the documentation.
    pub fn of_worker(self) -> &'static str {
        match self {
            Self::Ask => "yes",
            Self::Read => "its board, also after its verdict",
            Self::Comment => "on tasks of its board, also after its verdict",
            Self::Create => {
                "on its board, until its run is over; [within its reach](#who-may-hand-work-to-whom)"
            }
            Self::Attach => {
                "to its own task and to those that the runs of that task created, until its run is over"
            }
            Self::ActOnTask => "its own task, until its run is over",
            Self::Review => "in a review run: its own task, until its run is over",
            Self::Unblock => {
                "with `orchestrator = true` in its profile: tasks that the runs of its own task created"
            }
            Self::Answer => {
                "with `orchestrator = true` in its profile: questions of tasks that the runs of its own task created, neither its own nor for an approval"
            }
            Self::Schedule => {
                "with `orchestrator = true` in its profile: on its board, those that the runs of its own task made; they are paused until a person resumes them, unless its profile has `may_schedule = true`"
            }
            Self::Courier | Self::Operate => "no",
        }
    }

    /// Where an operator has it, in the words of the documentation.
    pub fn of_operator(self) -> &'static str {
        match self {
            Self::Ask | Self::Operate => "yes",
            Self::Courier => "no: the courier alone, at its own socket",
            Self::Read | Self::Create | Self::Schedule => "every board",
            Self::Comment
            | Self::Attach
            | Self::ActOnTask
            | Self::Review
            | Self::Unblock
            | Self::Answer => "every task",
        }
    }
}

/// The right that each operation takes.
pub const RIGHTS: &[(&str, Right)] = &[
    ("whoami", Right::Ask),
    ("daemon", Right::Ask),
    ("openapi", Right::Ask),
    ("list", Right::Read),
    ("search", Right::Read),
    ("show", Right::Read),
    ("context", Right::Read),
    ("runs", Right::Read),
    ("log", Right::Read),
    ("why", Right::Read),
    ("attachments", Right::Read),
    ("attachment", Right::Read),
    ("question", Right::Read),
    ("list_schedules", Right::Read),
    ("show_schedule", Right::Read),
    ("next_occurrences", Right::Read),
    ("events", Right::Read),
    ("stats", Right::Read),
    ("assignees", Right::Read),
    ("boards", Right::Read),
    ("comment", Right::Comment),
    // Each of its parts takes the right of its own operation.
    ("bulk", Right::Comment),
    ("create", Right::Create),
    ("create_batch", Right::Create),
    ("link", Right::Create),
    ("attach", Right::Attach),
    ("heartbeat", Right::ActOnTask),
    ("complete", Right::ActOnTask),
    ("block", Right::ActOnTask),
    ("ask", Right::ActOnTask),
    ("rate_limited", Right::ActOnTask),
    ("approve", Right::Review),
    ("request_changes", Right::Review),
    ("diff", Right::Review),
    ("unblock", Right::Unblock),
    ("answer", Right::Answer),
    ("add_schedule", Right::Schedule),
    ("edit_schedule", Right::Schedule),
    ("pause_schedule", Right::Schedule),
    ("remove_schedule", Right::Schedule),
    ("resume_schedule", Right::Operate),
    ("run_schedule", Right::Operate),
    ("apply_schedules", Right::Operate),
    ("edit", Right::Operate),
    ("unlink", Right::Operate),
    ("claim", Right::Operate),
    ("detach", Right::Operate),
    ("assign", Right::Operate),
    ("archive", Right::Operate),
    ("unarchive", Right::Operate),
    ("reopen", Right::Operate),
    ("request_review", Right::Operate),
    ("triage", Right::Operate),
    ("schedule", Right::Operate),
    ("unschedule", Right::Operate),
    ("cancel", Right::Operate),
    ("restart", Right::Operate),
    ("promote", Right::Operate),
    ("reclaim", Right::Operate),
    ("reassign", Right::Operate),
    ("web_link", Right::Operate),
    ("web_sessions", Right::Operate),
    ("web_revoke", Right::Operate),
    ("stop", Right::Operate),
    ("notify_subscribe", Right::Operate),
    ("notify_unsubscribe", Right::Operate),
    ("notify_list", Right::Operate),
    ("notify_watch", Right::Operate),
    ("notify_outbox", Right::Operate),
    ("notify_retry", Right::Operate),
    ("notify_drop", Right::Operate),
    ("notify_test", Right::Operate),
    ("lease_outbox", Right::Courier),
    ("settle_outbox", Right::Courier),
    ("courier_channels", Right::Courier),
    ("report_channel", Right::Courier),
    ("chat_inbound", Right::Courier),
    ("chat_cursors", Right::Courier),
    ("chat_allow", Right::Operate),
    ("chat_deny", Right::Operate),
    ("chat_people", Right::Operate),
    ("profiles", Right::Operate),
    ("first_use", Right::Operate),
    ("add_profile", Right::Operate),
    ("dispatch", Right::Operate),
    ("set_dispatch", Right::Operate),
    ("set_pause", Right::Operate),
    ("get_dispatch", Right::Operate),
    ("resolve", Right::Operate),
    ("candidates", Right::Operate),
    ("breakers", Right::Operate),
    ("reset_breaker", Right::Operate),
    ("create_board", Right::Operate),
    ("rename_board", Right::Operate),
    ("remove_board", Right::Operate),
    ("gc", Right::Operate),
    ("plan_import", Right::Operate),
    ("import", Right::Operate),
    ("import_large", Right::Operate),
    ("import_links", Right::Operate),
    ("export", Right::Operate),
    ("backup", Right::Operate),
    ("restore", Right::Operate),
    ("metrics", Right::Operate),
    ("reload", Right::Operate),
    ("log_level", Right::Operate),
    ("status", Right::Operate),
    ("board", Right::Operate),
    ("cards", Right::Operate),
    ("moves", Right::Operate),
    ("task_view", Right::Operate),
    ("timeline", Right::Operate),
    ("graph", Right::Operate),
    ("history", Right::Operate),
    ("render", Right::Operate),
    ("attention", Right::Operate),
    ("doctor", Right::Operate),
];

/// The right that an operation takes. One that is not in the table is for operators.
pub fn right_to(operation: &str) -> Right {
    let row = RIGHTS.iter().find(|(name, _)| *name == operation);
    row.map_or(Right::Operate, |(_, right)| *right)
}
