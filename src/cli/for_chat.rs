//! Lines that people write in chats, run for the courier: by the code of `kanban slash`, with requests on their behalf.
//!
//! The courier starts `kanban slash --for-courier` for each, with a [`Line`] on its standard input, and reads a [`Said`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::api::client::OnBehalf;
use crate::cli::failure::Failure;
use crate::cli::slash::{Answer, answer_to};
use crate::config::Ambient;
use crate::exit_codes::CliExit;
use crate::kernel::chat::For;
use crate::kernel::chat_line::{Line, Said};
use crate::text::json;

/// Runs the line that `input` describes, and describes what came of it.
///
/// # Errors
/// It describes none.
pub fn serve(input: &str) -> Result<String, Failure> {
    let unreadable = |error: String| Failure::usage(format!("not a line of the courier: {error}"));
    let line: Line = serde_json::from_str(input).map_err(|error| unreadable(error.to_string()))?;
    let person: For = line.person.parse().map_err(unreadable)?;
    let said = run_line(line, person);
    json::to_string(&said).map_err(|error| Failure::fault(error.to_string()))
}

fn run_line(line: Line, person: For) -> Said {
    let on_behalf = OnBehalf::new(person, line.confirm);
    let ambient = surroundings(&line.socket, line.name);
    let Answer { text, exit } = answer_to(Some(on_behalf.clone()), &line.text, ambient);
    match (on_behalf.asked_back(), exit) {
        (Some(asked), _) => {
            Said::AskBack { question: asked.question.clone(), confirm: asked.confirm.clone() }
        }
        (None, CliExit::NotReachable) => Said::NotReachable,
        (None, _) => Said::Text(text),
    }
}

/// Nothing of the courier's own surroundings is the person's: only where the daemon is, and the name by which the board knows them.
fn surroundings(socket: &Path, name: Option<String>) -> Ambient {
    let socket = socket.to_string_lossy().into_owned();
    Ambient {
        env: BTreeMap::from([("KANBAN_SOCKET".to_owned(), socket)]),
        uid: NOBODY,
        user_name: name,
        user_home: None,
        working_directory: None,
        root: PathBuf::from("/"),
    }
}

/// A user id that no service has: the machine's home is not the person's.
const NOBODY: u32 = 65_534;

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Said {
        let line = Line {
            socket: "/nowhere/kanband.sock.courier".into(),
            text: text.to_owned(),
            person: "ops 7 815 815".to_owned(),
            confirm: None,
            name: Some("ada".to_owned()),
        };
        let said = serve(&serde_json::to_string(&line).unwrap()).unwrap();
        serde_json::from_str(&said).unwrap()
    }

    #[test]
    fn a_line_that_reaches_no_daemon_is_to_be_run_again() {
        assert_eq!(said("list"), Said::NotReachable);
        assert_eq!(said("stop t_00000001"), Said::NotReachable);
    }

    #[test]
    fn what_is_nothing_for_a_chat_is_answered_without_the_daemon() {
        for (line, expected) in [
            ("export /tmp/x", "not available in a chat"),
            ("complete t_00000001 --artifact /etc/passwd", "not available in a chat"),
            ("wait t_00000001 --timeout 1", "not available in a chat"),
            ("drain --timeout 1s", "not available in a chat"),
            ("lst", "unrecognized subcommand"),
            ("create 'it", "unclosed quote"),
            ("", "Usage: kanban"),
        ] {
            let Said::Text(text) = said(line) else { panic!("{line}") };
            assert!(text.contains(expected), "{line}: {text}");
        }
    }

    #[test]
    fn what_is_no_line_of_the_courier_is_refused() {
        for input in ["", "list", "{}", r#"{"socket":"/s","text":"list","person":"ops"}"#] {
            assert!(serve(input).is_err(), "{input}");
        }
    }
}
