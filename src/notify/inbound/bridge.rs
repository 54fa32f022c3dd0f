//! The bridges: one variant for each kind of channel that hears. What is common to them is [`crate::notify::inbound::listening`].

use crate::notify::inbound::heard::{Answer, Heard, Trouble};
use crate::notify::secret::Filter;
use crate::notify::telegram::Telegram;
use crate::notify::telegram::ears::TelegramEars;

/// The two sides of a channel that hears.
pub struct Bridge {
    /// Hears.
    pub ears: Ears,
    /// Answers.
    pub voice: Voice,
    /// Takes the channel's secrets out of reasons.
    pub filter: Filter,
}

/// Hears what people do.
pub enum Ears {
    /// By long polls of the Bot API.
    Telegram(TelegramEars),
}

impl Ears {
    /// What has been done since the last call, in its order. It waits until there is something, or for a while. What was heard before is
    /// given again until [`Ears::done`].
    ///
    /// # Errors
    /// Nothing is heard.
    pub async fn hear(&mut self) -> Result<Vec<Heard>, Trouble> {
        match self {
            Self::Telegram(ears) => ears.hear().await,
        }
    }

    /// Everything that the last call gave is done with: the provider may forget it.
    pub fn done(&mut self) {
        match self {
            Self::Telegram(ears) => ears.done(),
        }
    }
}

/// Answers what people do. What cannot be answered is noted in the log: it is no row of the outbox.
#[derive(Clone)]
pub enum Voice {
    /// By the Bot API.
    Telegram(Telegram),
}

impl Voice {
    /// Says something.
    ///
    /// # Errors
    /// It was not said.
    pub async fn say(&self, answer: &Answer) -> Result<(), Trouble> {
        match self {
            Self::Telegram(bot) => bot.say(answer).await,
        }
    }

    /// Ends the waiting of the one who pressed, with a line or without.
    ///
    /// # Errors
    /// They go on waiting.
    pub async fn answer_press(&self, press: &str, line: Option<&str>) -> Result<(), Trouble> {
        match self {
            Self::Telegram(bot) => bot.answer_press(press, line).await,
        }
    }

    /// Puts a sign at a message: it was understood, and needs no words.
    ///
    /// # Errors
    /// It has none.
    pub async fn note(&self, heard: &Heard) -> Result<(), Trouble> {
        match self {
            Self::Telegram(bot) => bot.note(heard).await,
        }
    }

    /// Takes the buttons away from the message at which one was pressed.
    ///
    /// # Errors
    /// They stay, and are of no use.
    pub async fn take_buttons(&self, heard: &Heard) -> Result<(), Trouble> {
        match self {
            Self::Telegram(bot) => bot.take_buttons(heard).await,
        }
    }
}
