//! Text with placeholders: how a launcher says where the task's values go.
//!
//! `{task}` is a placeholder, `{{` and `}}` are literal braces, and any other brace is an error: were a stray
//! `{` taken as it is, doubling it (which somebody will do) would mean the same as not doubling it, and the
//! `}}` at the end of an inline JSON argument would silently lose a brace. A template is checked when the
//! configuration is read, so filling one in cannot fail. Values are put in once and never looked at for
//! placeholders themselves: what a task's author writes cannot reach another value.

use serde::Deserialize;
use thiserror::Error;

use crate::config::nearest::nearest;

/// A value that a launcher can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placeholder {
    /// Id of the task.
    Task,
    /// Profile that the task is assigned to.
    Assignee,
    /// Absolute path of the run's workspace.
    Workspace,
    /// What the worker is told.
    Prompt,
    /// The task's skills, joined by commas; alone in an argument, arguments of their own.
    Skills,
    /// One skill; only in `skills_argv`.
    Skill,
}

/// Placeholders of `argv` and `prompt`.
pub const ARGV_PLACEHOLDERS: &[Placeholder] = &[
    Placeholder::Task,
    Placeholder::Assignee,
    Placeholder::Workspace,
    Placeholder::Prompt,
    Placeholder::Skills,
];

/// Placeholders of `skills_argv`.
pub const SKILL_PLACEHOLDERS: &[Placeholder] = &[Placeholder::Skill];

impl Placeholder {
    const ALL: [Self; 6] =
        [Self::Task, Self::Assignee, Self::Workspace, Self::Prompt, Self::Skills, Self::Skill];

    /// The word between the braces.
    pub fn name(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Assignee => "assignee",
            Self::Workspace => "workspace",
            Self::Prompt => "prompt",
            Self::Skills => "skills",
            Self::Skill => "skill",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|placeholder| placeholder.name() == name)
    }
}

/// Why a text is not a template.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// A word in braces that means nothing here.
    #[error("unknown placeholder {{{name}}} in {text:?}: {}", known(allowed, *nearest))]
    UnknownPlaceholder {
        /// The word.
        name: String,
        /// The text that it stands in.
        text: String,
        /// What would have meant something.
        allowed: &'static [Placeholder],
        /// The one that was probably meant.
        nearest: Option<&'static str>,
    },
    /// A brace that belongs to no placeholder.
    #[error("lone brace in {text:?}: write {{{{ or }}}} for a literal brace")]
    LoneBrace {
        /// The text that it stands in.
        text: String,
    },
}

fn known(allowed: &[Placeholder], nearest: Option<&str>) -> String {
    let names: Vec<_> = allowed.iter().map(|one| format!("{{{}}}", one.name())).collect();
    match nearest {
        Some(nearest) => format!("did you mean {{{nearest}}}? known are {}", names.join(" ")),
        None => format!("known are {}", names.join(" ")),
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Placeholder(Placeholder),
}

/// A text with placeholders, checked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Template {
    source: String,
    pieces: Vec<Piece>,
}

impl Template {
    /// Reads `text`, in which only the placeholders of `allowed` may stand.
    pub fn parse(text: &str, allowed: &'static [Placeholder]) -> Result<Self, TemplateError> {
        let lone_brace = || TemplateError::LoneBrace { text: text.to_owned() };
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from_brace) = rest.split_at(at);
            literal.push_str(before);
            if let Some(behind) = from_brace.strip_prefix("{{") {
                literal.push('{');
                rest = behind;
            } else if let Some(behind) = from_brace.strip_prefix("}}") {
                literal.push('}');
                rest = behind;
            } else {
                let (name, behind) = from_brace
                    .strip_prefix('{')
                    .and_then(|inner| inner.split_once('}'))
                    .filter(|(name, _)| is_word(name))
                    .ok_or_else(lone_brace)?;
                let placeholder = Placeholder::from_name(name)
                    .filter(|placeholder| allowed.contains(placeholder))
                    .ok_or_else(|| TemplateError::UnknownPlaceholder {
                        name: name.to_owned(),
                        text: text.to_owned(),
                        allowed,
                        nearest: nearest(name, allowed.iter().map(|one| one.name())),
                    })?;
                if !literal.is_empty() {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                }
                pieces.push(Piece::Placeholder(placeholder));
                rest = behind;
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Ok(Self { source: text.to_owned(), pieces })
    }

    /// The text as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether the template is `placeholder` and nothing else.
    pub fn is_only(&self, placeholder: Placeholder) -> bool {
        matches!(self.pieces.as_slice(), [Piece::Placeholder(only)] if *only == placeholder)
    }

    /// Whether `placeholder` stands in it.
    pub fn contains(&self, placeholder: Placeholder) -> bool {
        self.pieces.contains(&Piece::Placeholder(placeholder))
    }

    /// The text with each placeholder replaced by what `value_of` gives for it.
    pub fn render<'v>(&self, value_of: impl Fn(Placeholder) -> &'v str) -> String {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Literal(text) => text.as_str(),
                Piece::Placeholder(placeholder) => value_of(*placeholder),
            })
            .collect()
    }
}

/// Takes every placeholder: which of them a key allows was checked against the table of keys before.
impl TryFrom<String> for Template {
    type Error = TemplateError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text, &Placeholder::ALL)
    }
}

fn is_word(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(text: &str) -> Result<String, TemplateError> {
        Template::parse(text, ARGV_PLACEHOLDERS).map(|template| {
            template.render(|placeholder| match placeholder {
                Placeholder::Task => "t_1",
                Placeholder::Prompt => "{task} }}",
                _ => "?",
            })
        })
    }

    #[test]
    fn placeholders_are_filled_in_and_double_braces_are_braces() {
        let table = [
            ("", ""),
            ("plain", "plain"),
            ("{task}", "t_1"),
            ("kanban task {task}!", "kanban task t_1!"),
            ("{task}{task}", "t_1t_1"),
            ("{{task}}", "{task}"),
            ("{{{task}}}", "{t_1}"),
            ("{{\"a\":{{\"b\":1}}}}", "{\"a\":{\"b\":1}}"),
            ("a {{", "a {"),
            ("ü{task}ü", "üt_1ü"),
        ];
        for (text, expected) in table {
            assert_eq!(render(text).as_deref(), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn a_value_is_never_searched_for_placeholders() {
        assert_eq!(render("{prompt}").as_deref(), Ok("{task} }}"));
    }

    #[test]
    fn a_brace_without_a_partner_is_refused() {
        for text in ["{", "}", "{task", "task}", "{}", "{print $1}", "{\"a\":1}", "}}}", "{ task }"]
        {
            let expected = TemplateError::LoneBrace { text: text.to_owned() };
            assert_eq!(render(text), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn an_unknown_placeholder_is_named_with_the_known_ones() {
        assert_eq!(
            render("do {tasks} now").unwrap_err().to_string(),
            "unknown placeholder {tasks} in \"do {tasks} now\": did you mean {task}? known are {task} \
             {assignee} {workspace} {prompt} {skills}"
        );
        assert_eq!(
            Template::parse("{HOME}", SKILL_PLACEHOLDERS).unwrap_err().to_string(),
            "unknown placeholder {HOME} in \"{HOME}\": known are {skill}"
        );
    }

    #[test]
    fn a_placeholder_of_another_key_is_unknown_here() {
        let refusal = Template::parse("{skill}", ARGV_PLACEHOLDERS).unwrap_err();
        assert!(
            matches!(refusal, TemplateError::UnknownPlaceholder { name, .. } if name == "skill")
        );
        assert!(Template::parse("{task}", SKILL_PLACEHOLDERS).is_err());
    }

    #[test]
    fn only_a_template_of_one_placeholder_is_only_that() {
        for (text, is_only) in [("{skills}", true), (" {skills}", false), ("{{skills}}", false)] {
            let template = Template::parse(text, ARGV_PLACEHOLDERS).unwrap();
            assert_eq!(template.is_only(Placeholder::Skills), is_only, "{text:?}");
        }
    }
}
