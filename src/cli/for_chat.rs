//! Lines that people write in chats, run for the courier: by the code of `kanban slash`, with requests on their behalf.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::api::client::OnBehalf;
use crate::cli::session::ChatPerson;
use crate::cli::slash::{Answer, answer_to};
use crate::config::Ambient;
use crate::exit_codes::CliExit;
use crate::notify::inbound::line::{Line, Said};

/// Runs a line, and says what is to be answered. It blocks.
pub fn run_line(line: Line) -> Said {
    let on_behalf = OnBehalf::new(line.person, line.confirm);
    let person = ChatPerson { on_behalf: on_behalf.clone(), interrupt: line.interrupt };
    let Answer { text, exit } =
        answer_to(Some(person), &line.text, surroundings(&line.socket, line.name));
    match (on_behalf.asked_back(), exit) {
        (Some(asked), _) => Said::AskBack(asked.clone()),
        (None, CliExit::NotReachable) => Said::NotReachable,
        (None, _) => Said::Text(text),
    }
}

/// Nothing of the courier's own surroundings is the person's: only where the daemon is, and the name by which the board knows them.
fn surroundings(socket: &Path, name: Option<String>) -> Ambient {
    let socket = socket.to_string_lossy().into_owned();
    Ambient {
        env: BTreeMap::from([("KANBAN_SOCKET".to_owned(), socket)]),
        uid: nobody(),
        user_name: name,
        user_home: None,
        working_directory: None,
        root: PathBuf::from("/"),
    }
}

/// A user id that no service has: the machine's home is not the person's.
const fn nobody() -> u32 {
    65_534
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::client::Interrupt;
    use crate::kernel::chat::For;

    fn said(text: &str) -> Said {
        let person = For {
            channel: "ops".to_owned(),
            event_id: "7".to_owned(),
            user: "815".to_owned(),
            address: "815".to_owned(),
            thread: None,
        };
        run_line(Line {
            socket: "/nowhere/kanband.sock.courier".into(),
            text: text.to_owned(),
            person,
            confirm: None,
            name: Some("ada".to_owned()),
            interrupt: Interrupt::default(),
        })
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
            ("lst", "unrecognized subcommand"),
            ("create 'it", "unclosed quote"),
            ("", "Usage: kanban"),
        ] {
            let Said::Text(text) = said(line) else { panic!("{line}") };
            assert!(text.contains(expected), "{line}: {text}");
        }
    }
}
