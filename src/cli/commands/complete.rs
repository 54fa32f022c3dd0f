//! `kanban complete`.

use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::api::client::artifact_of;
use crate::api::client::seen::VerdictReply;
use crate::cli::commands::request_review::reviewer;
use crate::cli::commands::targets::Targets;
use crate::cli::commands::{Ended, bulk};
use crate::cli::complete;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::task_arg::TaskArg;
use crate::kernel::artifact::Artifact;
use crate::kernel::error::ErrorCode;
use crate::kernel::verbs::CompleteTask;

/// Complete tasks and hand over their results.
///
/// Workers of the child tasks read the summary; the metadata carries facts for programs. Both apply to a single task;
/// --result may be given for several. Workers must give a summary or a result. A task with a reviewer is not done when its worker
/// completes it: it is handed in for review.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban complete \"$KANBAN_TASK\" --summary \"API in src/api, 14 tests pass\" \\
      --metadata '{\"changed_files\":[\"src/api.rs\"],\"tests_run\":14}'
  kanban complete \"$KANBAN_TASK\" --summary \"The report\" --artifact out/report.pdf
  kanban complete t_1a2b3c4d t_5e6f7a8b --result \"shipped with 1.2\"
  kanban complete --where status=ready,label=1.2 --result \"shipped with 1.2\"")]
pub struct Arguments {
    #[command(flatten)]
    targets: Targets,
    /// Short result, stored in each task; `-` reads it from stdin
    #[arg(long, value_name = "TEXT")]
    result: Option<String>,
    /// Summary of the work in a few sentences; `-` reads it from stdin
    #[arg(long, value_name = "TEXT")]
    summary: Option<String>,
    /// Facts for programs, a JSON object; `-` reads it from stdin
    #[arg(long, value_name = "JSON")]
    metadata: Option<String>,
    /// Result file to record with its path, size and SHA-256 (repeatable). If it cannot be read, nothing is completed
    #[arg(long = "artifact", value_name = "PATH")]
    artifacts: Vec<PathBuf>,
    /// Task created by this run (repeatable). If it was not, nothing is completed
    #[arg(long = "created-card", value_name = "ID", add = complete::tasks())]
    created_cards: Vec<TaskArg>,
}

impl Arguments {
    /// Whether it looks at files of this machine.
    pub fn reads_file(&self) -> bool {
        !self.artifacts.is_empty()
    }
}

/// Runs it.
///
/// # Errors
/// A wrong command line, or no daemon.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    let Arguments { targets, result, summary, metadata, artifacts, created_cards } = arguments;
    let client = session.client()?;
    let chosen = targets.chosen(&client, session)?;
    let hands_over = summary.is_some()
        || metadata.is_some()
        || !artifacts.is_empty()
        || !created_cards.is_empty();
    if chosen.ids.len() > 1 && hands_over {
        let message = "--summary, --metadata, --artifact and --created-card are per-task";
        return Err(
            Failure::usage(message).with_hint("with these options, complete one task at a time")
        );
    }
    let result = session.optional_text("--result", result)?;
    let summary = session.optional_text("--summary", summary)?;
    let metadata = session.optional_text("--metadata", metadata)?;
    let metadata = metadata.as_deref().map(read_metadata).transpose()?;
    let artifacts: Vec<Artifact> =
        artifacts.iter().map(|path| artifact_of(path)).collect::<Result<_, _>>()?;
    let board = session.board.clone();
    let request = CompleteTask {
        id: String::new(),
        summary,
        metadata,
        result,
        artifacts,
        created_cards: session.tasks(&created_cards)?,
        board,
    };
    bulk::each(&client, &chosen, session, "complete", &request, |reply: &VerdictReply| match reply
        .already
    {
        true => format!("Completed {} (already completed by this run)", reply.id),
        false => match &reply.reviewer {
            Some(name) => {
                format!("Handed in {} for its review by {}", reply.id, reviewer(name))
            }
            None => format!("Completed {}", reply.id),
        },
    })
}

fn read_metadata(text: &str) -> Result<Map<String, Value>, Failure> {
    let wrong = |problem: String| {
        Failure::usage_of(ErrorCode::InvalidValue, format!("--metadata: {problem}"))
            .with_hint("give a JSON object: --metadata '{\"tests_run\": 14}'")
    };
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(Value::Null) => Err(wrong("must be a JSON object, not null".to_owned())),
        Ok(Value::Bool(_)) => Err(wrong("must be a JSON object, not a boolean".to_owned())),
        Ok(Value::Number(_)) => Err(wrong("must be a JSON object, not a number".to_owned())),
        Ok(Value::String(_)) => Err(wrong("must be a JSON object, not a string".to_owned())),
        Ok(Value::Array(_)) => Err(wrong("must be a JSON object, not an array".to_owned())),
        Err(error) => Err(wrong(format!("must be a JSON object: {error}"))),
    }
}
