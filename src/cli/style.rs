//! What a piece of output means, and how a terminal shows it: colours by meaning, and signs for terminals without UTF-8.
//!
//! A colour only repeats what a word or a sign beside it says, so that output without colours says the same. Nothing here reaches a
//! pipe: [`crate::cli::output`] writes the plain text there.

use crate::cli::text::width;

/// What a piece of text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// Nothing in particular.
    #[default]
    Plain,
    /// A heading, or what the eye looks for first.
    Strong,
    /// Details that a hurried reader may skip.
    Faint,
    /// Finished, or healthy.
    Good,
    /// Being worked on.
    Active,
    /// Can go on, or will.
    Waiting,
    /// Needs a person.
    Asking,
    /// Failed.
    Bad,
    /// Under the cursor.
    Selected,
}

impl Tone {
    /// The parameter of SGR (ECMA-48, console_codes(4)); none for plain text.
    fn sgr(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Strong => Some("1"),
            Self::Faint => Some("2"),
            Self::Good => Some("32"),
            Self::Active => Some("36"),
            Self::Waiting => Some("34"),
            Self::Asking => Some("33"),
            Self::Bad => Some("31"),
            Self::Selected => Some("7"),
        }
    }
}

/// A line of pieces with meanings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line(Vec<(Tone, String)>);

impl Line {
    /// A line of one piece.
    pub fn of(tone: Tone, text: impl Into<String>) -> Self {
        Self::default().with(tone, text)
    }

    /// The line with a further piece.
    #[must_use]
    pub fn with(mut self, tone: Tone, text: impl Into<String>) -> Self {
        self.push(tone, text);
        self
    }

    /// Adds a piece.
    pub fn push(&mut self, tone: Tone, text: impl Into<String>) {
        self.0.push((tone, text.into()));
    }

    /// Adds a line.
    pub fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Columns that it takes.
    pub fn width(&self) -> usize {
        self.0.iter().map(|(_, text)| width(text)).sum()
    }

    /// The pieces.
    pub fn pieces(&self) -> &[(Tone, String)] {
        &self.0
    }

    /// The text alone.
    pub fn plain(&self) -> String {
        self.0.iter().map(|(_, text)| text.as_str()).collect()
    }
}

impl From<String> for Line {
    fn from(text: String) -> Self {
        Self::of(Tone::Plain, text)
    }
}

/// What `--color` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ColourChoice {
    /// On a terminal that has them, unless the environment says otherwise.
    #[default]
    Auto,
    /// Also into a pipe.
    Always,
    /// Not at all.
    Never,
}

/// How the pieces of a line are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// With colours.
    pub has_colours: bool,
    /// In ASCII alone.
    pub is_ascii: bool,
}

impl Style {
    /// The style of a stream. `--color` decides before the environment (no-color.org: `NO_COLOR`; `CLICOLOR_FORCE`, `CLICOLOR`), and that
    /// before the terminal. What goes into a pipe is UTF-8 whatever the locale is.
    pub fn of(
        choice: ColourChoice,
        is_terminal: bool,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let has_colours = match choice {
            ColourChoice::Always => true,
            ColourChoice::Never => false,
            ColourChoice::Auto if set("NO_COLOR").is_some() => false,
            ColourChoice::Auto if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") => true,
            ColourChoice::Auto => {
                let is = |name: &str, value: &str| set(name).is_some_and(|found| found == value);
                let is_plain = is("CLICOLOR", "0") || is("TERM", "dumb");
                is_terminal && !is_plain
            }
        };
        // locale(7): the first of these that is set decides.
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
        Self { has_colours, is_ascii: is_terminal && !locale.is_some_and(|name| is_utf8(&name)) }
    }

    /// A line as it is written.
    pub fn render(self, line: &Line) -> String {
        let mut out = String::new();
        for (tone, text) in line.pieces() {
            let text = if self.is_ascii { ascii(text) } else { text.clone() };
            match tone.sgr().filter(|_| self.has_colours && !text.is_empty()) {
                Some(sgr) => out.push_str(&format!("\u{1b}[{sgr}m{text}\u{1b}[0m")),
                None => out.push_str(&text),
            }
        }
        out
    }
}

fn is_utf8(locale: &str) -> bool {
    let lower = locale.to_ascii_lowercase();
    lower.contains("utf-8") || lower.contains("utf8")
}

/// A text in ASCII, in as many columns: signs of ours by their likes, all else by `?`.
pub fn ascii(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for sign in text.chars() {
        match instead(sign) {
            Some(instead) => out.push(instead),
            None if sign.is_ascii() => out.push(sign),
            None => out.extend(std::iter::repeat_n('?', width(sign.encode_utf8(&mut [0; 4])))),
        }
    }
    out
}

/// The sign of ASCII in place of one that kanban writes itself.
fn instead(sign: char) -> Option<char> {
    Some(match sign {
        '◻' => 'o',
        '◷' => '@',
        '▶' | '→' => '>',
        '●' => '*',
        '⊘' => '!',
        '◎' => '?',
        '✓' => 'v',
        '—' | '─' | '–' => '-',
        '·' => '.',
        '…' => '~',
        '↻' => 'r',
        '✖' => 'x',
        '│' => '|',
        '├' => '+',
        '└' => '`',
        '×' => 'x',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(choice: ColourChoice, is_terminal: bool, set: &[(&str, &str)]) -> Style {
        let value = |name: &str| set.iter().find(|(set, _)| *set == name);
        Style::of(choice, is_terminal, |name| value(name).map(|(_, text)| (*text).to_owned()))
    }

    #[test]
    fn the_option_decides_before_the_environment_and_that_before_the_terminal() {
        use ColourChoice::{Always, Auto, Never};
        for (choice, is_terminal, set, expected) in [
            (Auto, true, &[][..], true),
            (Auto, false, &[], false),
            (Auto, true, &[("NO_COLOR", "1")], false),
            (Auto, true, &[("NO_COLOR", "")], true),
            (Always, false, &[("NO_COLOR", "1")], true),
            (Never, true, &[("CLICOLOR_FORCE", "1")], false),
            (Auto, false, &[("CLICOLOR_FORCE", "1")], true),
            (Auto, false, &[("CLICOLOR_FORCE", "0")], false),
            (Auto, false, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false),
            (Auto, true, &[("CLICOLOR", "0")], false),
            (Auto, true, &[("CLICOLOR", "1")], true),
            (Auto, true, &[("TERM", "dumb")], false),
        ] {
            let found = style(choice, is_terminal, set).has_colours;
            assert_eq!(found, expected, "{choice:?} {is_terminal} {set:?}");
        }
    }

    #[test]
    fn a_terminal_gets_ascii_where_the_locale_has_no_utf8_and_a_pipe_never() {
        for (is_terminal, set, expected) in [
            (true, &[("LANG", "en_GB.UTF-8")][..], false),
            (true, &[("LANG", "C.utf8")], false),
            (true, &[("LANG", "C")], true),
            (true, &[("LANG", "C.UTF-8"), ("LC_ALL", "C")], true),
            (true, &[("LANG", "C"), ("LC_CTYPE", "C.UTF-8")], false),
            (true, &[("LANG", "C.UTF-8"), ("LC_ALL", "")], false),
            (true, &[], true),
            (false, &[("LANG", "C")], false),
        ] {
            let found = style(ColourChoice::Auto, is_terminal, set).is_ascii;
            assert_eq!(found, expected, "{is_terminal} {set:?}");
        }
    }

    #[test]
    fn a_line_without_colours_says_the_same() {
        let line = Line::of(Tone::Bad, "✖ failed").with(Tone::Plain, " at 日本…");
        let coloured = Style { has_colours: true, is_ascii: false };
        let plain = Style { has_colours: false, is_ascii: false };
        let ascii = Style { has_colours: false, is_ascii: true };
        assert_eq!(coloured.render(&line), "\u{1b}[31m✖ failed\u{1b}[0m at 日本…");
        assert_eq!(plain.render(&line), line.plain());
        assert_eq!(ascii.render(&line), "x failed at ????~");
        assert_eq!(width(&ascii.render(&line)), line.width());
    }
}
