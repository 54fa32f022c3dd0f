//! What a thing is that a person did in a chat: from whom, how often, and whether it is an answer, a command or nothing. Pure.

use crate::kernel::ids::EpochSeconds;

/// Things that a person may do in a minute.
pub const PER_MINUTE_MAX: u32 = 20;

/// How long one is remembered of whom nobody knows: they hear once in this time that they are unknown.
pub const UNKNOWN_SECONDS: i64 = 3_600;

/// Bytes of a text that is taken.
pub const TEXT_BYTES_MAX: usize = 8_192;

/// How long a confirmation waits.
pub const CONFIRM_SECONDS: i64 = 120;

/// How long the next text of a person counts as what a button asked for.
pub const EXPECT_SECONDS: i64 = 600;

/// How long a button works.
pub const BUTTON_SECONDS: i64 = 30 * 86_400;

/// How long it is remembered what was done.
pub const INBOUND_SECONDS: i64 = 7 * 86_400;

/// Letters of a word that confirms: none that looks like another one.
pub const WORD_LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// Letters of a word that confirms.
pub const WORD_CHARS: usize = 4;

/// Who did something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct From {
    /// A program, or nobody in particular.
    pub is_bot: bool,
    /// An operator has allowed this id.
    pub is_known: bool,
    /// Nobody else reads the chat.
    pub is_direct: bool,
    /// What this id did in the last minute.
    pub in_last_minute: u32,
    /// What this id was answered in the last hour.
    pub in_last_hour: u32,
}

/// What follows for one who did something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hearing {
    /// It is looked at.
    Heard,
    /// They are shown their id, once.
    Introduced,
    /// They are asked to wait, once.
    Slowed,
    /// Nothing.
    Ignored,
}

/// Whether a person is heard.
pub fn hearing(from: From) -> Hearing {
    match from {
        From { is_bot: true, .. } => Hearing::Ignored,
        From { is_known: false, is_direct: true, in_last_hour: 0, .. } => Hearing::Introduced,
        From { is_known: false, .. } => Hearing::Ignored,
        From { in_last_minute, .. } if in_last_minute < PER_MINUTE_MAX => Hearing::Heard,
        From { in_last_minute: PER_MINUTE_MAX, .. } => Hearing::Slowed,
        From { .. } => Hearing::Ignored,
    }
}

/// What a text answers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyTo {
    /// To nothing.
    Nothing,
    /// To a message that asked for something.
    Ask,
    /// To another message of ours about a task.
    Ours,
    /// To a message that is not known.
    Unknown,
}

/// What a text is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed<'a> {
    /// A line to run.
    Command(&'a str),
    /// The word of a confirmation, in capitals.
    Confirm(String),
    /// Words for what asked.
    Answer(&'a str),
    /// A comment on the task of the message.
    Comment(&'a str),
    /// What a button has asked for.
    Expected(&'a str),
    /// Meant for us, and not understood.
    Lost,
    /// Not meant for us.
    Nothing,
}

/// What is known about a text beside its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Around {
    /// What it answers to.
    pub reply_to: ReplyTo,
    /// Whether it is a command or names the bot.
    pub is_addressed: bool,
    /// Whether nobody else reads the chat.
    pub is_direct: bool,
    /// Whether a button has asked this person for a text here.
    pub is_expected: bool,
}

/// What a text is. A command is one also as a reply; an answer may name the bot.
pub fn deed(text: &str, around: Around) -> Deed<'_> {
    let text = text.trim();
    if text.is_empty() {
        return Deed::Nothing;
    }
    if let Some(line) = command(text) {
        return Deed::Command(line);
    }
    if let Some(word) = confirming(text) {
        return Deed::Confirm(word);
    }
    match around.reply_to {
        // The text that a button has asked for, as a reply to the message with the button.
        ReplyTo::Ask | ReplyTo::Ours if around.is_expected => Deed::Expected(text),
        ReplyTo::Ask => Deed::Answer(text),
        ReplyTo::Ours => Deed::Comment(text),
        ReplyTo::Unknown if around.is_expected => Deed::Expected(text),
        ReplyTo::Nothing if around.is_expected && (around.is_direct || around.is_addressed) => {
            Deed::Expected(text)
        }
        ReplyTo::Nothing | ReplyTo::Unknown if around.is_addressed => Deed::Command(text),
        ReplyTo::Nothing | ReplyTo::Unknown if around.is_direct => Deed::Lost,
        ReplyTo::Nothing | ReplyTo::Unknown => Deed::Nothing,
    }
}

/// The line behind `/kanban`, `/k` or another word with a slash, where a provider writes the bot's name behind it.
fn command(text: &str) -> Option<&str> {
    let behind = text.strip_prefix('/')?;
    let (word, rest) = behind.split_once(char::is_whitespace).unwrap_or((behind, ""));
    let (name, _bot) = word.split_once('@').unwrap_or((word, ""));
    match name {
        "kanban" | "k" => Some(rest.trim()),
        "start" | "help" => Some("--help"),
        "" => None,
        _ if name.len() == word.len() => Some(behind.trim()),
        // With the bot's name in it the verb is not the first word.
        _ => None,
    }
}

fn confirming(text: &str) -> Option<String> {
    let (yes, word) = text.split_once(char::is_whitespace)?;
    let word = word.trim().to_uppercase();
    let is_word =
        word.len() == WORD_CHARS && word.bytes().all(|letter| WORD_LETTERS.contains(&letter));
    (yes.eq_ignore_ascii_case("yes") && is_word).then_some(word)
}

/// How long ago something was, in words.
pub fn ago(since: EpochSeconds, now: EpochSeconds) -> String {
    let seconds = now.saturating_sub(since).max(0);
    match seconds {
        0..60 => "just now".to_owned(),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..86_400 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} d ago", seconds / 86_400),
    }
}

/// What is asked back before an operation: `Stop t_1 “title” (running 4 min)?`.
pub fn question(operation: &str, about: &str) -> String {
    let words = match operation {
        "set_dispatch" | "set_pause" => return about.to_owned(),
        "dispatch" => return "Start ready tasks now?".to_owned(),
        "reset_breaker" => "Reset the breaker",
        "pause_schedule" => "Pause the schedule",
        "resume_schedule" => "Resume the schedule",
        "run_schedule" => "Run the schedule now:",
        "request_review" => "Request a review of",
        "triage" => "Put into triage",
        other => {
            let mut letters = other.chars();
            let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
            return format!("{first}{} {about}?", letters.as_str().replace('_', " "));
        }
    };
    format!("{words} {about}?")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: From = From {
        is_bot: false,
        is_known: true,
        is_direct: false,
        in_last_minute: 0,
        in_last_hour: 0,
    };

    #[test]
    fn who_is_known_is_heard_up_to_a_pace_and_who_is_not_is_introduced_once() {
        let unknown = From { is_known: false, ..KNOWN };
        for (from, expected) in [
            (KNOWN, Hearing::Heard),
            (From { in_last_minute: 19, in_last_hour: 400, ..KNOWN }, Hearing::Heard),
            (From { in_last_minute: 20, ..KNOWN }, Hearing::Slowed),
            (From { in_last_minute: 21, ..KNOWN }, Hearing::Ignored),
            (From { is_bot: true, ..KNOWN }, Hearing::Ignored),
            (unknown, Hearing::Ignored),
            (From { is_direct: true, ..unknown }, Hearing::Introduced),
            (From { is_direct: true, in_last_hour: 1, ..unknown }, Hearing::Ignored),
            (From { is_direct: true, is_bot: true, ..unknown }, Hearing::Ignored),
        ] {
            assert_eq!(hearing(from), expected, "{from:?}");
        }
    }

    #[test]
    fn a_text_is_a_command_an_answer_a_comment_or_not_for_us() {
        let group = Around {
            reply_to: ReplyTo::Nothing,
            is_addressed: false,
            is_direct: false,
            is_expected: false,
        };
        let to = |reply_to| Around { reply_to, ..group };
        let direct = Around { is_direct: true, ..group };
        let named = Around { is_addressed: true, ..group };
        let expected = |around: Around| Around { is_expected: true, ..around };
        for (text, around, found) in [
            ("hello all", group, Deed::Nothing),
            ("  ", direct, Deed::Nothing),
            ("hello", direct, Deed::Lost),
            ("list", named, Deed::Command("list")),
            ("/kanban list  --json", group, Deed::Command("list  --json")),
            ("/kanban@our_bot list", named, Deed::Command("list")),
            ("/k list", to(ReplyTo::Ask), Deed::Command("list")),
            ("/kanban", direct, Deed::Command("")),
            ("/list", direct, Deed::Command("list")),
            ("/start", direct, Deed::Command("--help")),
            ("/help@our_bot", group, Deed::Command("--help")),
            ("blue", to(ReplyTo::Ask), Deed::Answer("blue")),
            ("blue", Around { is_addressed: true, ..to(ReplyTo::Ask) }, Deed::Answer("blue")),
            ("fine", to(ReplyTo::Ours), Deed::Comment("fine")),
            ("fine", to(ReplyTo::Unknown), Deed::Nothing),
            ("too long", expected(to(ReplyTo::Unknown)), Deed::Expected("too long")),
            ("too long", expected(to(ReplyTo::Ask)), Deed::Expected("too long")),
            ("too long", expected(direct), Deed::Expected("too long")),
            ("too long", expected(named), Deed::Expected("too long")),
            ("too long", expected(group), Deed::Nothing),
            ("yes k7qx", group, Deed::Confirm("K7QX".to_owned())),
            ("YES K7QX", to(ReplyTo::Unknown), Deed::Confirm("K7QX".to_owned())),
            ("yes please", to(ReplyTo::Ask), Deed::Answer("yes please")),
            ("yes K1QX", to(ReplyTo::Ask), Deed::Answer("yes K1QX")),
        ] {
            assert_eq!(deed(text, around), found, "{text:?} {around:?}");
        }
    }

    #[test]
    fn a_question_back_names_what_will_be_done() {
        for (operation, about, expected) in [
            ("stop", "t_1 “a” (running)", "Stop t_1 “a” (running)?"),
            ("request_review", "t_1", "Request a review of t_1?"),
            ("reset_breaker", "host", "Reset the breaker host?"),
            ("set_dispatch", "Pause dispatch?", "Pause dispatch?"),
        ] {
            assert_eq!(question(operation, about), expected);
        }
        for (since, expected) in [(100, "just now"), (40, "1 min ago"), (-7_200, "2 h ago")] {
            assert_eq!(ago(since, 100), expected);
        }
        assert_eq!(ago(500, 100), "just now", "a clock that was set back");
    }
}
