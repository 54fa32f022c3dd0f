//! What the fake of the daemon replies, and what it was given.

use kanband::kernel::chat::{Inbound, InboundReply, Run, Say, What};
use serde_json::json;
use support::fakes::Answer;

use crate::program::Stage;

/// An answer in words.
pub fn say(text: &str) -> InboundReply {
    let say = Some(Say { text: text.to_owned(), ..Say::default() });
    InboundReply { say, ..InboundReply::default() }
}

/// A line to run.
pub fn run(line: &str) -> InboundReply {
    let run = Some(Run { line: line.to_owned(), ..Run::default() });
    InboundReply { run, ..InboundReply::default() }
}

/// What a press brings: a line for the one who pressed, and a command that is confirmed.
pub fn stopping(toast: &str, inbound: &Inbound) -> InboundReply {
    let run = match &inbound.what {
        What::Press { token, .. } => Some(Run {
            line: "stop t_00000001".to_owned(),
            confirm: Some(token.clone()),
            person: None,
        }),
        What::Text { .. } => None,
    };
    InboundReply { toast: Some(toast.to_owned()), run, ..InboundReply::default() }
}

/// What the daemon says of a command that is not allowed.
pub fn forbidden() -> Answer {
    Answer::json(403, &json!({ "error": { "code": "forbidden", "message": "no" } }))
}

/// What people did, without what only keeps how far was heard.
pub fn deeds(stage: &Stage) -> Vec<Inbound> {
    stage.daemon.inbound().into_iter().filter(|it| !it.from.is_bot).collect()
}

/// How far was heard, as it was kept last.
pub fn kept(stage: &Stage) -> Option<String> {
    stage.daemon.inbound().into_iter().rev().find_map(|it| it.cursor)
}
