//! The bridges: one variant for each kind of channel that hears. What is common to them is [`crate::notify::inbound::listening`].

use crate::notify::discord::Discord;
use crate::notify::discord::ears::DiscordEars;
use crate::notify::inbound::heard::{Answer, Heard, Trouble};
use crate::notify::matrix::Matrix;
use crate::notify::matrix::ears::MatrixEars;
use crate::notify::secret::Filter;
use crate::notify::slack::Slack;
use crate::notify::slack::ears::SlackEars;
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
    /// By Socket Mode.
    Slack(SlackEars),
    /// By the gateway.
    Discord(DiscordEars),
    /// By long polls of `/sync`.
    Matrix(MatrixEars),
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
            Self::Slack(ears) => ears.hear().await,
            Self::Discord(ears) => ears.hear().await,
            Self::Matrix(ears) => ears.hear().await,
        }
    }

    /// Everything that the last call gave is done with: the provider may forget it. Returns how far the channel was read, when that is to be
    /// kept.
    pub fn done(&mut self) -> Option<String> {
        match self {
            Self::Telegram(ears) => {
                ears.done();
                None
            }
            // Each envelope is acknowledged by itself.
            Self::Slack(_) => None,
            Self::Discord(ears) => ears.done(),
            Self::Matrix(ears) => ears.done(),
        }
    }

    /// What cannot be read of what was heard, when there is more of that since the last call.
    pub fn unread(&mut self) -> Option<String> {
        match self {
            Self::Telegram(_) | Self::Slack(_) | Self::Discord(_) => None,
            Self::Matrix(ears) => ears.unread(),
        }
    }

    /// Whether it has to be kept how far the channel was read: the provider does not.
    pub fn has_cursor(&self) -> bool {
        match self {
            Self::Telegram(_) | Self::Slack(_) => false,
            Self::Discord(_) | Self::Matrix(_) => true,
        }
    }

    /// Goes on where it was.
    pub fn resume(&mut self, cursor: Option<String>) {
        match self {
            Self::Telegram(_) | Self::Slack(_) => {}
            Self::Discord(ears) => ears.resume(cursor.as_deref()),
            Self::Matrix(ears) => ears.resume(cursor),
        }
    }
}

/// Answers what people do. What cannot be answered is noted in the log: it is no row of the outbox.
#[derive(Clone)]
pub enum Voice {
    /// By the Bot API.
    Telegram(Telegram),
    /// By the web API, and where an envelope says.
    Slack(Slack),
    /// By the API of HTTP.
    Discord(Discord),
    /// By events.
    Matrix(Matrix),
}

impl Voice {
    /// Whether anything can be pressed there.
    pub fn has_buttons(&self) -> bool {
        match self {
            Self::Telegram(_) | Self::Slack(_) | Self::Discord(_) => true,
            Self::Matrix(_) => false,
        }
    }

    /// Says something.
    ///
    /// # Errors
    /// It was not said.
    pub async fn say(&self, answer: &Answer) -> Result<(), Trouble> {
        match self {
            Self::Telegram(bot) => bot.say(answer).await,
            Self::Slack(bot) => bot.say(answer).await,
            Self::Discord(bot) => bot.say(answer).await,
            Self::Matrix(user) => user.say(answer).await,
        }
    }

    /// Ends the waiting of the one who pressed, with a line or without.
    ///
    /// # Errors
    /// They go on waiting.
    pub async fn answer_press(&self, heard: &Heard, line: Option<&str>) -> Result<(), Trouble> {
        match self {
            Self::Telegram(bot) => bot.answer_press(heard, line).await,
            Self::Slack(bot) => bot.answer_press(heard, line).await,
            Self::Discord(bot) => bot.answer_press(heard, line).await,
            Self::Matrix(_) => Ok(()),
        }
    }

    /// Puts a sign at a message: it was understood, and needs no words.
    ///
    /// # Errors
    /// It has none.
    pub async fn note(&self, heard: &Heard) -> Result<(), Trouble> {
        match self {
            Self::Telegram(bot) => bot.note(heard).await,
            Self::Slack(bot) => bot.note(heard).await,
            Self::Discord(bot) => bot.note(heard).await,
            Self::Matrix(user) => user.note(heard).await,
        }
    }

    /// Takes the buttons away from the message at which one was pressed.
    ///
    /// # Errors
    /// They stay, and are of no use.
    pub async fn take_buttons(&self, heard: &Heard) -> Result<(), Trouble> {
        match self {
            Self::Telegram(bot) => bot.take_buttons(heard).await,
            Self::Slack(bot) => bot.take_buttons(heard).await,
            Self::Discord(bot) => bot.take_buttons(heard).await,
            Self::Matrix(_) => Ok(()),
        }
    }
}
