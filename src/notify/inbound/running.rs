//! A line of a person: run apart, again while no daemon answers, and answered in one message.

use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use crate::api::client::{AskedBack, Interrupt};
use crate::kernel::chat::Say;
use crate::kernel::notice::Button;
use crate::notify::inbound::line::{Line, RunLine, Said};

/// Longest time of a command in a chat: what is heard after it in the same chat waits.
const RUN_TIME: Duration = Duration::from_secs(20);

/// Pause between two tries while no daemon answers.
const AWAY_PAUSE: Duration = Duration::from_millis(200);

/// Ends what still runs when nobody waits for it any longer.
struct Ended(Interrupt);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.now();
    }
}

/// Runs a line and says what is answered, and whether that is the output of a command.
pub(super) async fn answer(line: Line, run_line: RunLine) -> (Say, bool) {
    answer_within(RUN_TIME, line, run_line).await
}

async fn answer_within(time: Duration, line: Line, run_line: RunLine) -> (Say, bool) {
    loop {
        match once(time, line.clone(), run_line).await {
            Some(Said::Text(text)) => return (Say { text, ..Say::default() }, true),
            Some(Said::AskBack(asked)) => return (ask_back(asked), false),
            // Its writes carry the same ids, so whatever was done is not done twice.
            Some(Said::NotReachable) => sleep(AWAY_PAUSE).await,
            None => {
                let seconds = time.as_secs();
                let text = format!(
                    "Stopped after {seconds} s: a chat does not wait longer. What it had begun goes on."
                );
                return (Say { text, ..Say::default() }, false);
            }
        }
    }
}

/// What came of it; none when it took too long.
async fn once(time: Duration, mut line: Line, run_line: RunLine) -> Option<Said> {
    // Of its own: one that has ended something ends the next thing at once.
    let interrupt = Interrupt::default();
    line.interrupt = interrupt.clone();
    let _ended = Ended(interrupt);
    let running = spawn_blocking(move || run_line(line));
    let ended = timeout(time, running).await.ok()?;
    Some(ended.unwrap_or_else(|error| {
        tracing::error!(%error, "a fault in a command");
        Said::Text("error: a fault of the courier; see its log".to_owned())
    }))
}

/// The question, a button, and what may be typed instead.
fn ask_back(asked: AskedBack) -> Say {
    let AskedBack { question, confirm } = asked;
    let text = format!("{question}\nPress Yes, or type: yes {}", confirm.word);
    let button =
        Button { label: "Yes".to_owned(), style: "danger".to_owned(), token: confirm.token };
    Say { text, reply_to: None, buttons: vec![button] }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::kernel::chat::{Confirm, For};

    fn line(text: &str) -> Line {
        let person = For {
            channel: "ops".to_owned(),
            event_id: "7".to_owned(),
            user: "815".to_owned(),
            address: "815".to_owned(),
            thread: None,
        };
        let (socket, interrupt) = ("/s".into(), Interrupt::default());
        Line { socket, text: text.to_owned(), person, confirm: None, name: None, interrupt }
    }

    fn said(line: Line) -> Said {
        match line.text.as_str() {
            "ask" => Said::AskBack(AskedBack {
                question: "Stop t_1?".to_owned(),
                confirm: Confirm { token: "abc".to_owned(), word: "K7QX".to_owned() },
            }),
            "panic" => panic!("a fault"),
            "away" if AWAY.fetch_add(1, Ordering::SeqCst) == 0 => Said::NotReachable,
            "slow" => {
                std::thread::sleep(Duration::from_millis(200));
                Said::Text("too late".to_owned())
            }
            text => Said::Text(text.to_owned()),
        }
    }

    static AWAY: AtomicU32 = AtomicU32::new(0);

    fn within(time: Duration, text: &str) -> (Say, bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(answer_within(time, line(text), said))
    }

    fn answered(text: &str) -> (Say, bool) {
        within(RUN_TIME, text)
    }

    #[test]
    fn a_line_that_takes_too_long_is_left_and_one_that_met_no_daemon_is_run_again() {
        let (left, is_output) = within(Duration::from_millis(1), "slow");
        assert!(left.text.starts_with("Stopped after") && !is_output, "{left:?}");
        assert_eq!(answered("away").0.text, "away");
        assert_eq!(AWAY.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn output_is_shown_a_question_has_a_button_and_a_fault_is_told() {
        assert_eq!(
            answered("two words"),
            (Say { text: "two words".into(), ..Say::default() }, true)
        );
        let (asked, is_output) = answered("ask");
        assert_eq!(asked.text, "Stop t_1?\nPress Yes, or type: yes K7QX");
        assert_eq!((asked.buttons[0].token.as_str(), is_output), ("abc", false));
        assert!(answered("panic").0.text.contains("a fault of the courier"));
    }
}
