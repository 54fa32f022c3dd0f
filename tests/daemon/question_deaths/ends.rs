//! The table: how a question may end, what brings it about, and what is to be found afterwards.

/// The text of every answer.
pub const ANSWER: &str = "mine";

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// The first attempt.
    ByWorker,
    /// A person, by this verb with this body, when the first attempt runs.
    ByPerson(&'static str, &'static str),
}

/// What ends the open question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedBy {
    /// Its deadline.
    Clock,
    /// The worker, when the test lets it continue.
    Worker,
    /// A person, by this verb with this body.
    Person(&'static str, &'static str),
}

/// How the attempt after the first one comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The task is ready by then, or as soon as its worker is gone.
    ByItself,
    /// A person lets the task go on, by this verb.
    ByPerson(&'static str),
    /// There is none, for this reason.
    Never(&'static str),
}

/// A row of the table.
#[derive(Debug)]
pub struct End {
    /// What it is called in a failure.
    pub name: &'static str,
    /// What the first attempt does: `hear` notes output and exit code of a command, `go` waits for the word of the test.
    pub script: &'static str,
    pub asked: Asked,
    pub ended_by: EndedBy,
    /// The question at last: outcome and whose word its answer is.
    pub outcome: (&'static str, Option<&'static str>),
    /// The event that says so.
    pub event: &'static str,
    /// Exit code of the worker's call, and a part of its output. None: the call is ended with its run, or there is none.
    pub heard: Option<(i32, &'static str)>,
    /// Outcomes of the runs before the next attempt: the first one, and what a person did by hand.
    pub runs: &'static [&'static str],
    /// The lines of the context that follow the question.
    pub context: &'static str,
    pub next: Next,
    /// Where the task ends.
    pub status: &'static str,
}

impl End {
    /// Whether the question is that of a block when it ends.
    pub fn is_of_block(&self) -> bool {
        self.runs[0] == "blocked" && self.ended_by != EndedBy::Worker
    }

    /// Whether its run has asked it, and a block has made it its own.
    pub fn is_taken_over(&self) -> bool {
        self.script.contains("--question $token")
    }
}

const BY_PERSON: (&str, Option<&str>) = ("answered", Some("person"));
const BY_DEFAULT: (&str, Option<&str>) = ("answered", Some("default"));
const ANSWER_WORDS: &str = r#"{"answer":"mine"}"#;
const IS_ANSWERED: &str = "Answer by **root**:\n> mine";
const IS_DEFAULT: &str = "Answer by default, because nobody had answered at its deadline:\n> mine";
const IS_WITHDRAWN: &str = "Not answered: the task went on without it.";
const IS_RUN_OVER: &str = "Not answered: the run that asked had ended.";
const DONE: Next = Next::Never("the task is done, there is no next attempt");

/// A run that asks, and fails with what it hears, so that there is an attempt after it.
const OF_RUN: End = End {
    name: "of a run, answered by a person",
    script: "hear kanban ask $KANBAN_TASK 'Which key?'; exit 7",
    asked: Asked::ByWorker,
    ended_by: EndedBy::Person("answer", ANSWER_WORDS),
    outcome: BY_PERSON,
    event: "answered",
    heard: Some((0, ANSWER)),
    runs: &["crashed"],
    context: IS_ANSWERED,
    next: Next::ByItself,
    status: "done",
};

/// A run that ends with its question.
const OF_BLOCK: End = End {
    name: "of a block, answered by a person",
    script: "hear kanban block $KANBAN_TASK --question 'Which key?'",
    heard: Some((0, "Blocked")),
    runs: &["blocked"],
    ..OF_RUN
};

/// A run that asks beside its work.
const WITHDRAWN: End = End {
    name: "of a run, withdrawn by its complete",
    script: "hear kanban ask $KANBAN_TASK 'Which key?' & go; \
         kanban complete $KANBAN_TASK --summary 'without it' || exit 8; wait",
    ended_by: EndedBy::Worker,
    outcome: ("withdrawn", None),
    event: "ask_ended",
    heard: Some((1, "withdrawn")),
    runs: &["completed"],
    context: IS_WITHDRAWN,
    next: DONE,
    ..OF_RUN
};

/// A run that a person ends. It hears so before it ends.
const STOPPED: End = End {
    name: "of a run, over by a stop",
    script: "trap '' TERM; hear kanban ask $KANBAN_TASK 'Which key?'; exit 7",
    ended_by: EndedBy::Person("stop", "{}"),
    outcome: ("run_over", None),
    event: "ask_ended",
    heard: Some((1, "run_over")),
    runs: &["stopped"],
    context: IS_RUN_OVER,
    ..OF_RUN
};

/// Every end of a question. The deadline of a worker's block is ten minutes away at least, so its default is asked by a person.
pub const ENDS: [End; 15] = [
    OF_RUN,
    End {
        name: "of a run, answered by default",
        script: "hear kanban ask $KANBAN_TASK 'Which key?' --timeout 2s --default mine; exit 7",
        ended_by: EndedBy::Clock,
        outcome: BY_DEFAULT,
        context: IS_DEFAULT,
        ..OF_RUN
    },
    End {
        name: "of a run, timed out",
        script: "hear kanban ask $KANBAN_TASK 'Which key?' --timeout 2s; exit 7",
        ended_by: EndedBy::Clock,
        outcome: ("timed_out", None),
        event: "ask_ended",
        heard: Some((3, "timed_out")),
        context: "Not answered: its time was over.",
        ..OF_RUN
    },
    WITHDRAWN,
    End {
        name: "of a run, withdrawn by its block",
        script: "hear kanban ask $KANBAN_TASK 'Which key?' & go; \
             kanban block $KANBAN_TASK 'another reason' || exit 8; wait",
        runs: &["blocked"],
        next: Next::ByPerson("unblock"),
        ..WITHDRAWN
    },
    End {
        name: "of a run, over by a crash",
        script: "hear kanban ask $KANBAN_TASK 'Which key?' & go; kill -9 $$",
        ended_by: EndedBy::Worker,
        heard: None,
        runs: &["crashed"],
        ..STOPPED
    },
    STOPPED,
    End {
        name: "of a run, over by a reclaim",
        runs: &["reclaimed"],
        ended_by: EndedBy::Person("reclaim", "{}"),
        ..STOPPED
    },
    End {
        name: "of a run, over by a cancel",
        ended_by: EndedBy::Person("cancel", "{}"),
        next: Next::Never("the task is archived, there is no next attempt"),
        status: "archived",
        ..STOPPED
    },
    End {
        name: "of a run and then of its block, answered by a person",
        script: "token=$(kanban ask $KANBAN_TASK 'Which key?' --no-wait | sed 's/.*(\\(.*\\))/\\1/'); \
             hear kanban block $KANBAN_TASK --question $token",
        ..OF_BLOCK
    },
    OF_BLOCK,
    End {
        name: "of a block, answered by default",
        script: "exec sleep 600",
        asked: Asked::ByPerson(
            "block",
            r#"{"question":"Which key?","default":"mine","deadline_seconds":2}"#,
        ),
        ended_by: EndedBy::Clock,
        outcome: BY_DEFAULT,
        heard: None,
        context: IS_DEFAULT,
        ..OF_BLOCK
    },
    End {
        name: "of a block, withdrawn by a promote",
        ended_by: EndedBy::Person("promote", "{}"),
        outcome: ("withdrawn", None),
        event: "ask_ended",
        context: IS_WITHDRAWN,
        ..OF_BLOCK
    },
    End {
        name: "of a block, withdrawn by a complete",
        ended_by: EndedBy::Person("complete", r#"{"summary":"by hand"}"#),
        outcome: ("withdrawn", None),
        event: "ask_ended",
        runs: &["blocked", "completed"],
        context: IS_WITHDRAWN,
        next: DONE,
        ..OF_BLOCK
    },
    End {
        name: "of a block, withdrawn by an archive",
        ended_by: EndedBy::Person("archive", "{}"),
        outcome: ("withdrawn", None),
        event: "ask_ended",
        context: IS_WITHDRAWN,
        next: Next::Never("the task is archived, there is no next attempt"),
        status: "archived",
        ..OF_BLOCK
    },
];
