//! What a text in a chat is to the board, as far as that is the same at every provider. Pure.

/// Commands by which the board is called.
pub const CALLS: [&str; 2] = ["kanban", "k"];

/// What a mention without words asks for.
pub const HELP: &str = "/help";

/// The words of a text, and what is known about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// Without the name of the bot.
    pub text: String,
    /// The provider's id of the message that they answer to.
    pub reply_to: Option<String>,
    /// Whether they are meant for the bot: it is named, or the board is called.
    pub is_addressed: bool,
}

impl Words {
    /// The words of a text that begins with the name of the bot: `behind_name` is what stands behind it; none when it does not.
    pub fn of(text: &str, behind_name: Option<&str>, reply_to: Option<String>) -> Self {
        let (text, is_addressed) = match (behind_name, called(text)) {
            (Some(rest), _) => (asked(rest), true),
            (None, Some(line)) => (line, true),
            (None, None) => (text.trim().to_owned(), false),
        };
        Self { text, reply_to, is_addressed }
    }

    /// Whether they may be anything to the board. What people of a group say to each other is not, and would cost it a transaction each.
    pub fn concern_us(&self, is_direct: bool) -> bool {
        is_direct || self.is_addressed || self.reply_to.is_some() || may_confirm(&self.text)
    }
}

/// What is asked of the bot behind its name.
fn asked(rest: &str) -> String {
    let rest = rest.trim_start_matches([',', ':']).trim();
    let rest = called(rest).unwrap_or_else(|| rest.to_owned());
    if rest.is_empty() { HELP.to_owned() } else { rest }
}

/// The line of a text that calls the board: `/kanban list`, and `!kanban list` where a client keeps the slash to itself. A command keeps its
/// slash: in a reply it is a command all the same, where other words are an answer.
fn called(text: &str) -> Option<String> {
    let (word, rest) = text.trim().split_once(char::is_whitespace).unwrap_or((text.trim(), ""));
    let command = word.strip_prefix(['/', '!'])?.to_lowercase();
    let is_call = CALLS.contains(&command.as_str());
    is_call.then(|| format!("/{command} {}", rest.trim()).trim_end().to_owned())
}

/// Whether it may be the word that confirms something: `yes K7QX`.
pub fn may_confirm(text: &str) -> bool {
    const LONGEST: usize = 20;
    let mut words = text.split_whitespace();
    let is_yes = words.next().is_some_and(|word| word.eq_ignore_ascii_case("yes"));
    is_yes && words.next().is_some() && words.next().is_none() && text.len() <= LONGEST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_and_the_words_behind_a_name_are_addressed_and_nothing_else_is() {
        for (text, behind_name, expected, is_addressed) in [
            ("/kanban list --mine", None, "/kanban list --mine", true),
            (" !K   list ", None, "/k list", true),
            ("/kanban", None, "/kanban", true),
            ("/list", None, "/list", false),
            ("/kanbans", None, "/kanbans", false),
            (" blue ", None, "blue", false),
            ("<@U1> list", Some(" list"), "list", true),
            ("<@U1>: list", Some(": list"), "list", true),
            ("<@U1>", Some(""), "/help", true),
            ("<@U1> /kanban list", Some(" /kanban list"), "/kanban list", true),
        ] {
            let words = Words::of(text, behind_name, None);
            assert_eq!(
                (words.text.as_str(), words.is_addressed),
                (expected, is_addressed),
                "{text}"
            );
        }
    }

    #[test]
    fn what_people_of_a_group_say_to_each_other_is_not_the_concern_of_the_board() {
        let words =
            |text: &str, reply_to: Option<&str>| Words::of(text, None, reply_to.map(str::to_owned));
        for (words, in_group) in [
            (words("good morning", None), false),
            (words("yes we can do that", None), false),
            (words("yes K7QX", None), true),
            (words("blue", Some("17")), true),
            (words("/k list", None), true),
        ] {
            assert_eq!(words.concern_us(false), in_group, "{words:?}");
            assert!(words.concern_us(true), "{words:?}");
        }
    }
}
