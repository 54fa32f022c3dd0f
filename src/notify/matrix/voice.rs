//! What the user answers to people.

use crate::kernel::notice::Outcome;
use crate::notify::inbound::heard::{Answer, Heard, Trouble, said};
use crate::notify::matrix::message::{send_answer, send_sign};
use crate::notify::matrix::{MESSAGE, Matrix};

impl Matrix {
    /// Says something.
    ///
    /// # Errors
    /// It was not said.
    pub async fn say(&self, answer: &Answer) -> Result<(), Trouble> {
        let room = answer.chat.address.as_str();
        if let Some(refused) = self.look(room, false).await {
            return said(refused, true);
        }
        let name = format!("say{}", answer.id);
        said(self.put(room, (MESSAGE, &name), &send_answer(answer)).await, true)
    }

    /// Puts a sign at a message.
    ///
    /// # Errors
    /// It has none.
    pub async fn note(&self, heard: &Heard) -> Result<(), Trouble> {
        let Some(message) = heard.message_id() else { return Ok(()) };
        let (room, name) = (heard.inbound.chat.address.as_str(), format!("sign{message}"));
        match self.put(room, ("m.reaction", &name), &send_sign(message)).await {
            // It has the sign already.
            Outcome::Permanent { code, .. } if code == "m_duplicate_annotation" => Ok(()),
            outcome => said(outcome, true),
        }
    }
}
