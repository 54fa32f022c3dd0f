//! What the bot answers to people.

use serde_json::{Value, json};

use crate::kernel::chat::TOAST_CHARS_MAX;
use crate::notify::inbound::heard::{Answer, Heard, Trouble, said};
use crate::notify::render::measure::visible_line;
use crate::notify::telegram::Telegram;
use crate::notify::telegram::answers::Asked;
use crate::notify::telegram::message::send_answer;

/// The sign at a message that was understood.
const SIGN: &str = "👍";

/// In the refusal of an answer to a press that was answered, or is some minutes old.
const TOO_OLD: &str = "query is too old";

impl Telegram {
    /// Says something.
    ///
    /// # Errors
    /// It was not said.
    pub async fn say(&self, answer: &Answer) -> Result<(), Trouble> {
        said(self.call("sendMessage", &send_answer(answer), Asked::Send).await, false)
    }

    /// Ends the waiting of the one who pressed a button.
    ///
    /// # Errors
    /// They go on waiting.
    pub async fn answer_press(&self, heard: &Heard, line: Option<&str>) -> Result<(), Trouble> {
        match &heard.press {
            Some(press) => self.end_waiting(press, line).await,
            None => Ok(()),
        }
    }

    /// The same by the id of the press.
    pub(super) async fn end_waiting(&self, press: &str, line: Option<&str>) -> Result<(), Trouble> {
        let mut body = json!({ "callback_query_id": press });
        if let (Some(line), Some(fields)) = (line, body.as_object_mut()) {
            let line: String = visible_line(line).chars().take(TOAST_CHARS_MAX).collect();
            fields.insert("text".to_owned(), line.into());
        }
        match self.ask::<Value>("answerCallbackQuery", &body).await {
            // Nobody waits any longer.
            Err(Trouble::Later { reason, .. }) if reason.contains(TOO_OLD) => Ok(()),
            answered => answered.map(drop),
        }
    }

    /// Puts a sign at a message.
    ///
    /// # Errors
    /// It has none.
    pub async fn note(&self, heard: &Heard) -> Result<(), Trouble> {
        let Some(mut body) = at_message(heard) else { return Ok(()) };
        if let Some(fields) = body.as_object_mut() {
            let sign = json!([{ "type": "emoji", "emoji": SIGN }]);
            fields.insert("reaction".to_owned(), sign);
        }
        self.ask::<Value>("setMessageReaction", &body).await.map(drop)
    }

    /// Takes the buttons away from the message at which one was pressed.
    ///
    /// # Errors
    /// They stay.
    pub async fn take_buttons(&self, heard: &Heard) -> Result<(), Trouble> {
        let Some(body) = at_message(heard) else { return Ok(()) };
        // Without `reply_markup` the buttons go.
        self.ask::<Value>("editMessageReplyMarkup", &body).await.map(drop)
    }
}

/// Chat and message of something that was done; none without a message.
fn at_message(heard: &Heard) -> Option<Value> {
    let chat: i64 = heard.inbound.chat.address.parse().ok()?;
    let message: i64 = heard.message_id()?.parse().ok()?;
    Some(json!({ "chat_id": chat, "message_id": message }))
}
