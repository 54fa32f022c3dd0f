//! What a caller could do about an error: decided here, put into words for the edge at which the caller is.

use std::fmt;

use super::ErrorCode;

/// Where an error is read. What helps is named in the terms of that place: a command, an operation, a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Edge {
    /// `kanban`.
    CommandLine,
    /// The control API, by a program that does not say what it is.
    #[default]
    Api,
    /// The tools of `kanban mcp`.
    Tools,
}

impl Edge {
    /// All edges.
    pub const ALL: [Self; 3] = [Self::CommandLine, Self::Api, Self::Tools];

    /// As a client names its own.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CommandLine => "command-line",
            Self::Api => "api",
            Self::Tools => "tools",
        }
    }

    /// The edge of this name. A name that is not known is that of a newer client, which reads what any program can read.
    pub fn of_name(name: &str) -> Self {
        Self::ALL.into_iter().find(|edge| edge.as_str() == name).unwrap_or_default()
    }
}

/// What a caller could do about an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// Look up the ids of tasks.
    ListTasks,
    /// Name the board of the task.
    NameBoard,
    /// Look up the names of boards.
    ListBoards,
    /// Have a directory created.
    CreateDirectory,
    /// Look up the breakers.
    ListBreakers,
    /// Look up the schedules.
    ListSchedules,
    /// Look up the files that are attached to this task.
    ListAttachments {
        /// The task.
        id: String,
    },
    /// Look up the runs of this task.
    ListRuns {
        /// The task.
        id: String,
    },
    /// End the run first.
    StopRun {
        /// The task.
        id: String,
    },
    /// Promote in spite of unfinished parents.
    IgnoreParents,
    /// Wait until the processes of a task are gone.
    AwaitClosed {
        /// The task, where it is another one.
        id: Option<String>,
    },
    /// Wait until no run is open.
    AwaitDrained,
    /// Stop without force.
    StopWithoutForce {
        /// The task.
        id: String,
    },
    /// Use another verb on the task first.
    First {
        /// The verb.
        verb: &'static str,
        /// The task.
        id: String,
    },
    /// Use another verb on the task.
    Instead {
        /// The verb.
        verb: &'static str,
        /// The task.
        id: String,
    },
    /// Name a task that is to be done first.
    NameParent,
    /// Answer the open question of this task.
    Answer {
        /// The task.
        id: String,
        /// Whether the caller wanted the task to go on.
        is_unblock: bool,
    },
    /// Look up the questions of this task.
    ListQuestions {
        /// The task.
        id: String,
    },
    /// Go on in a new task.
    ContinueInNewTask {
        /// The task that is full.
        id: String,
    },
    /// End a review with its verdict.
    EndReview,
    /// End work with its verdict.
    EndWork,
    /// Ask for less.
    NarrowQuery,
    /// Give the launcher of a profile a place for an option.
    AddPlaceholder {
        /// The option.
        option: &'static str,
        /// The profile.
        profile: String,
    },
    /// Remove what is on a board first.
    EmptyBoard {
        /// The board.
        name: String,
        /// Whether it has tasks.
        has_tasks: bool,
        /// Whether it has schedules.
        has_schedules: bool,
        /// Whether its tasks have subscriptions.
        has_subscriptions: bool,
    },
    /// The same words at every edge.
    Words(String),
}

impl Hint {
    /// A hint that names nothing of an edge.
    pub fn words(words: impl Into<String>) -> Self {
        Self::Words(words.into())
    }

    /// The hint of an error of which nothing but its code is known, where that is enough.
    pub fn of_code(code: ErrorCode) -> Option<Self> {
        if matches!(code, ErrorCode::UnknownTask | ErrorCode::UnknownParent) {
            return Some(Self::ListTasks);
        }
        (code == ErrorCode::UnknownBoard).then_some(Self::ListBoards)
    }

    /// The hint in the terms of an edge; none where nothing can be done there.
    pub fn render(&self, edge: Edge) -> Option<String> {
        match edge {
            Edge::CommandLine => Some(self.as_command()),
            Edge::Api => Some(self.as_operation()),
            Edge::Tools => self.as_tool(),
        }
    }

    fn as_command(&self) -> String {
        match self {
            Self::ListTasks => "list task ids with `kanban list`".to_owned(),
            Self::NameBoard => "select the task's board with --board".to_owned(),
            Self::ListBoards => "list boards with `kanban boards list`".to_owned(),
            Self::CreateDirectory => {
                "correct the path, or use `--create-dir` to have it created when the task starts"
                    .to_owned()
            }
            Self::ListBreakers => "list breakers with `kanban breakers`".to_owned(),
            Self::ListSchedules => "list schedules with `kanban schedules list`".to_owned(),
            Self::ListAttachments { id } => {
                format!("list attachments with `kanban attachments {id}`")
            }
            Self::ListRuns { id } => {
                format!("list runs with `kanban runs {id}`; a run has a log once it was started")
            }
            Self::StopRun { id } => format!("stop the run first with `kanban reclaim {id}`"),
            Self::IgnoreParents => "use `--force` to ignore unfinished parents".to_owned(),
            Self::AwaitClosed { id: None } => {
                "wait for its processes to end with `kanban wait --closed`".to_owned()
            }
            Self::AwaitClosed { id: Some(id) } => {
                format!("wait for it with `kanban wait --closed {id}`")
            }
            Self::AwaitDrained => "wait for them to end with `kanban drain`".to_owned(),
            Self::StopWithoutForce { id } => format!(
                "use `kanban stop {id}` without --force; --force is for processes that cannot be killed"
            ),
            Self::First { verb, id } => format!("run `kanban {verb} {id}` first"),
            Self::Instead { verb, id } => format!("use `kanban {verb} {id}`"),
            Self::NameParent => "name the task to wait for with `--on ID`".to_owned(),
            Self::Answer { id, is_unblock: true } => format!(
                "answer it with `kanban answer {id} TEXT`; `kanban promote {id}` lets the task go on without an answer"
            ),
            Self::Answer { id, is_unblock: false } => {
                format!("answer it with `kanban answer {id} TEXT`")
            }
            Self::ListQuestions { id } => format!("list its questions with `kanban show {id}`"),
            Self::ContinueInNewTask { id } => {
                format!("continue in a new task with `kanban create --parent {id} …`")
            }
            Self::EndReview => {
                "end it with `kanban approve ID` or `kanban request-changes ID TEXT`".to_owned()
            }
            Self::EndWork => {
                "end it with `kanban complete ID` or `kanban block ID TEXT`".to_owned()
            }
            Self::NarrowQuery => {
                "narrow the query with --limit, --status, or longer or rarer words".to_owned()
            }
            Self::AddPlaceholder { option, profile } => format!(
                "add {{{option}}} to the launcher's argv; `kanban profiles check {profile}` shows the command line"
            ),
            Self::EmptyBoard { name, has_tasks, has_schedules, has_subscriptions } => {
                let schedules =
                    format!("remove its schedules with `kanban schedules rm NAME --board {name}`");
                let subscriptions = format!(
                    "remove its subscriptions, which `kanban notify list` shows, with `kanban notify-unsubscribe --platform NAME --chat-id ID --board {name}`"
                );
                steps([
                    (*has_tasks, EMPTY_OF_TASKS),
                    (*has_schedules, &schedules),
                    (*has_subscriptions, &subscriptions),
                ])
            }
            Self::Words(words) => words.clone(),
        }
    }

    fn as_operation(&self) -> String {
        match self {
            Self::ListTasks => "list task ids with GET /v1/tasks".to_owned(),
            Self::NameBoard => "give the task's board in the field `board`".to_owned(),
            Self::ListBoards => "list boards with GET /v1/boards".to_owned(),
            Self::CreateDirectory => {
                "correct the path, or set the field `create_dir` to have it created when the task starts"
                    .to_owned()
            }
            Self::ListBreakers => "list breakers with GET /v1/breakers".to_owned(),
            Self::ListSchedules => "list schedules with GET /v1/schedules".to_owned(),
            Self::ListAttachments { id } => {
                format!("list attachments with GET /v1/tasks/{id}/attachments")
            }
            Self::ListRuns { id } => format!(
                "list runs with GET /v1/tasks/{id}/runs; a run has a log once it was started"
            ),
            Self::StopRun { id } => {
                format!("stop the run first with POST /v1/tasks/{id}/reclaim")
            }
            Self::IgnoreParents => "set the field `force` to ignore unfinished parents".to_owned(),
            Self::AwaitClosed { id: None } => "wait for the event `closed` of the run".to_owned(),
            Self::AwaitClosed { id: Some(id) } => {
                format!("wait for the event `closed` of {id}")
            }
            Self::AwaitDrained => {
                "stop further starts with POST /v1/dispatch/switch and wait for the runs to end"
                    .to_owned()
            }
            Self::StopWithoutForce { id } => format!(
                "use POST /v1/tasks/{id}/stop without `force`, which is for processes that cannot be killed"
            ),
            Self::First { verb, id } => format!("{verb} it first with POST /v1/tasks/{id}/{verb}"),
            Self::Instead { verb, id } => format!("use POST /v1/tasks/{id}/{verb}"),
            Self::NameParent => "name the task to wait for in the field `on`".to_owned(),
            Self::Answer { id, is_unblock: true } => format!(
                "answer it with POST /v1/tasks/{id}/answer; POST /v1/tasks/{id}/promote lets the task go on without an \
                 answer"
            ),
            Self::Answer { id, is_unblock: false } => {
                format!("answer it with POST /v1/tasks/{id}/answer")
            }
            Self::ListQuestions { id } => format!("list its questions with GET /v1/tasks/{id}"),
            Self::ContinueInNewTask { id } => {
                format!("continue in a new task that names {id} in the field `parents`")
            }
            Self::EndReview => "end it with `approve` or `request_changes`".to_owned(),
            Self::EndWork => "end it with `complete` or `block`".to_owned(),
            Self::NarrowQuery => {
                "narrow the query with `limit`, `status`, or longer or rarer words".to_owned()
            }
            Self::AddPlaceholder { option, profile } => {
                format!("add {{{option}}} to the argv of the launcher of profile {profile}")
            }
            Self::EmptyBoard { name: _, has_tasks, has_schedules, has_subscriptions } => steps([
                (*has_tasks, EMPTY_OF_TASKS),
                (*has_schedules, "remove its schedules with `remove_schedule`"),
                (*has_subscriptions, "remove its subscriptions with `notify_watch`"),
            ]),
            Self::Words(words) => words.clone(),
        }
    }

    /// None where a worker has no tool for it.
    fn as_tool(&self) -> Option<String> {
        let words = match self {
            Self::ListTasks => "list task ids with kanban_list".to_owned(),
            Self::ListAttachments { id } => {
                format!("kanban_show lists the attachments of {id}")
            }
            Self::First { verb: "unblock", id } => {
                format!("unblock {id} first with kanban_unblock")
            }
            Self::NameParent => "name the task to wait for in the argument `on`".to_owned(),
            Self::CreateDirectory => {
                "correct the path, or set the argument `create_dir` to have it created".to_owned()
            }
            Self::Instead { verb: "unblock", id } => format!("use kanban_unblock for {id}"),
            Self::Answer { id, .. } => {
                format!("answer it with kanban_answer for {id}")
            }
            Self::ListQuestions { id } => format!("kanban_show lists the questions of {id}"),
            Self::ContinueInNewTask { id } => {
                format!("continue in a new task: kanban_create with {id} among its parents")
            }
            Self::EndReview => "end it with kanban_approve or kanban_request_changes".to_owned(),
            Self::EndWork => "end it with kanban_complete or kanban_block".to_owned(),
            Self::NarrowQuery => {
                "narrow the query: a limit, a status, longer or rarer words".to_owned()
            }
            Self::AwaitClosed { .. } => "try again when its processes have ended".to_owned(),
            Self::Words(words) => words.clone(),
            Self::NameBoard
            | Self::ListBoards
            | Self::ListBreakers
            | Self::ListSchedules
            | Self::ListRuns { .. }
            | Self::StopRun { .. }
            | Self::IgnoreParents
            | Self::AwaitDrained
            | Self::StopWithoutForce { .. }
            | Self::First { .. }
            | Self::Instead { .. }
            | Self::EmptyBoard { .. }
            | Self::AddPlaceholder { .. } => return None,
        };
        Some(words)
    }
}

/// How a board comes to have no tasks.
const EMPTY_OF_TASKS: &str = "archive its tasks and wait until gc has removed them";

/// The steps that are needed, in their order.
fn steps(steps: [(bool, &str); 3]) -> String {
    let needed: Vec<&str> =
        steps.into_iter().filter(|(is_needed, _)| *is_needed).map(|(_, step)| step).collect();
    needed.join("; ")
}

/// As the command line shows it.
impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.as_command())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Hint> {
        let id = || "t_1".to_owned();
        vec![
            Hint::ListTasks,
            Hint::NameBoard,
            Hint::ListBoards,
            Hint::CreateDirectory,
            Hint::ListBreakers,
            Hint::ListSchedules,
            Hint::ListAttachments { id: id() },
            Hint::ListRuns { id: id() },
            Hint::StopRun { id: id() },
            Hint::IgnoreParents,
            Hint::AwaitClosed { id: None },
            Hint::AwaitClosed { id: Some(id()) },
            Hint::AwaitDrained,
            Hint::StopWithoutForce { id: id() },
            Hint::First { verb: "unblock", id: id() },
            Hint::First { verb: "reopen", id: id() },
            Hint::Instead { verb: "unblock", id: id() },
            Hint::NameParent,
            Hint::Answer { id: id(), is_unblock: true },
            Hint::Answer { id: id(), is_unblock: false },
            Hint::ListQuestions { id: id() },
            Hint::ContinueInNewTask { id: id() },
            Hint::EndReview,
            Hint::EndWork,
            Hint::NarrowQuery,
            Hint::AddPlaceholder { option: "model", profile: "dev".to_owned() },
            Hint::EmptyBoard {
                name: "shop".to_owned(),
                has_tasks: true,
                has_schedules: true,
                has_subscriptions: true,
            },
            Hint::words("stop working"),
        ]
    }

    #[test]
    fn no_edge_names_what_only_another_one_has() {
        for hint in all() {
            let command = hint.render(Edge::CommandLine).unwrap();
            let operation = hint.render(Edge::Api).unwrap();
            let tool = hint.render(Edge::Tools).unwrap_or_default();
            assert!(!command.contains("/v1/") && !command.contains("kanban_"), "{command}");
            for word in ["`kanban", "--", "kanban_"] {
                assert!(!operation.contains(word), "{operation}");
            }
            for word in ["`kanban", "--", "/v1/"] {
                assert!(!tool.contains(word), "{tool}");
            }
        }
    }

    #[test]
    fn an_edge_is_known_by_its_name_and_any_other_name_is_a_program() {
        for edge in Edge::ALL {
            assert_eq!(Edge::of_name(edge.as_str()), edge);
        }
        assert_eq!(Edge::of_name("web"), Edge::Api);
    }
}
