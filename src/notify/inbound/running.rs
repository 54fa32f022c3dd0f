//! A line of a person: run by a process of its own, again while no daemon answers, and answered in one message.

use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::kernel::chat::{Confirm, Say};
use crate::kernel::chat_line::{Line, Said};
use crate::kernel::notice::Button;
use crate::os::processes::ask_program::{Unanswered, answer_of};
use crate::os::processes::helper::command_line;
use crate::text::json;

/// Longest time of a command in a chat: what is heard after it in the same chat waits.
const RUN_TIME: Duration = Duration::from_secs(20);

/// Pause between two tries while no daemon answers.
const AWAY_PAUSE: Duration = Duration::from_millis(200);

/// Runs a line and says what is answered, and whether that is the output of a command. `has_buttons` says whether anything can be pressed there.
pub(super) async fn answer(line: Line, has_buttons: bool) -> (Say, bool) {
    loop {
        let line = line.clone();
        let ended = spawn_blocking(move || run(&line)).await;
        let said = ended.unwrap_or_else(|error| Err(error.to_string()));
        match said {
            // Its writes carry the same ids, so whatever was done is not done twice.
            Ok(Said::NotReachable) => sleep(AWAY_PAUSE).await,
            Ok(said) => return shown(said, has_buttons),
            Err(error) => {
                tracing::error!(error, "cannot run what a person wrote");
                let text = "error: a fault of the courier; see its log".to_owned();
                return shown(Said::Text(text), has_buttons);
            }
        }
    }
}

/// Runs it by the program `kanban`, whose words and refusals are those of the command line.
fn run(line: &Line) -> Result<Said, String> {
    let program = command_line().ok_or("the program `kanban` is not beside kanban-courier")?;
    let input = json::to_vec(line).map_err(|error| error.to_string())?;
    match answer_of(&program, &["slash", "--for-courier"], &input, RUN_TIME) {
        Ok(output) => serde_json::from_slice(&output).map_err(|error| error.to_string()),
        Err(Unanswered::TooLong) => Ok(Said::TooLong),
        Err(Unanswered::Failed(error)) => Err(error),
    }
}

/// What is answered.
fn shown(said: Said, has_buttons: bool) -> (Say, bool) {
    let words = |text: String| Say { text, ..Say::default() };
    match said {
        Said::Text(text) => (words(text), true),
        Said::AskBack { question, confirm } => (ask_back(&question, confirm, has_buttons), false),
        Said::NotReachable => (words("No daemon answers.".to_owned()), false),
        Said::TooLong => {
            let seconds = RUN_TIME.as_secs();
            let text = format!(
                "Stopped after {seconds} s: a chat does not wait longer. What it had begun goes on."
            );
            (words(text), false)
        }
    }
}

/// The question, a button, and what may be typed instead.
fn ask_back(question: &str, confirm: Confirm, has_buttons: bool) -> Say {
    if !has_buttons {
        let text = format!("{question}\nIf so, type: yes {}", confirm.word);
        return Say { text, ..Say::default() };
    }
    let text = format!("{question}\nPress Yes, or type: yes {}", confirm.word);
    let button =
        Button { label: "Yes".to_owned(), style: "danger".to_owned(), token: confirm.token };
    Say { text, reply_to: None, buttons: vec![button] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_shown_as_it_is_and_a_question_has_a_button() {
        let (output, is_output) = shown(Said::Text("two words".to_owned()), true);
        assert_eq!((output.text.as_str(), is_output), ("two words", true));
        let confirm = Confirm { token: "abc".to_owned(), word: "K7QX".to_owned() };
        let ask_back = Said::AskBack { question: "Stop t_1?".to_owned(), confirm };
        let (asked, is_output) = shown(ask_back.clone(), true);
        assert_eq!(asked.text, "Stop t_1?\nPress Yes, or type: yes K7QX");
        assert_eq!((asked.buttons[0].token.as_str(), is_output), ("abc", false));
        let (asked, _) = shown(ask_back, false);
        assert_eq!(asked.text, "Stop t_1?\nIf so, type: yes K7QX");
        assert!(asked.buttons.is_empty(), "what cannot be pressed is not shown");
        assert!(shown(Said::TooLong, true).0.text.starts_with("Stopped after 20 s"));
    }
}
