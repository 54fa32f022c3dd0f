//! Templates: text with placeholders for the values of a task.
//!
//! `{task}` is a placeholder and `{{task}}` stands for the literal text `{task}`. Every other brace is an ordinary
//! character, so that shell scripts and JSON stand in an argv as they are. One thing is refused: a word in braces that is
//! nearly a placeholder (`{taks}`), because that is a slip. A template is checked when the configuration is read, so filling
//! one in cannot fail. Values are put in once and never looked at for placeholders themselves: what a task's author writes
//! cannot reach another value.

use serde::Deserialize;
use thiserror::Error;

use crate::text::nearest::nearest;

/// A value that a launcher can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placeholder {
    /// Id of the task.
    Task,
    /// Profile that the task is assigned to.
    Assignee,
    /// Absolute path of the run's workspace.
    Workspace,
    /// The prompt of the worker.
    Prompt,
    /// The task's skills, joined by commas; alone in an argument, arguments of their own.
    Skills,
    /// One skill; only in `skills_argv`.
    Skill,
    /// The model asked for; alone in an argument, the arguments of `model_argv`, or none.
    Model,
    /// The effort asked for; alone in an argument, the arguments of `effort_argv`, or none.
    Effort,
    /// The extra arguments of profile and task; alone in an argument.
    Args,
    /// The `kanban` program.
    Kanban,
    /// The socket that workers use.
    Socket,
    /// What every worker is to know about its part.
    Guidance,
    /// `mcp_config`, filled in.
    McpConfig,
    /// Id of the agent's session.
    Session,
}

/// Placeholders of `argv` and `resume_argv`.
pub const ARGV_PLACEHOLDERS: &[Placeholder] = &[
    Placeholder::Task,
    Placeholder::Assignee,
    Placeholder::Workspace,
    Placeholder::Prompt,
    Placeholder::Skills,
    Placeholder::Model,
    Placeholder::Effort,
    Placeholder::Args,
    Placeholder::Kanban,
    Placeholder::Socket,
    Placeholder::Guidance,
    Placeholder::McpConfig,
    Placeholder::Session,
];

/// Placeholders of `prompt`.
pub const PROMPT_PLACEHOLDERS: &[Placeholder] = &[
    Placeholder::Task,
    Placeholder::Assignee,
    Placeholder::Workspace,
    Placeholder::Prompt,
    Placeholder::Skills,
    Placeholder::Kanban,
    Placeholder::Socket,
    Placeholder::Guidance,
];

/// Placeholders of a launcher's `env`.
pub const ENV_PLACEHOLDERS: &[Placeholder] = &[
    Placeholder::Task,
    Placeholder::Assignee,
    Placeholder::Workspace,
    Placeholder::Model,
    Placeholder::Effort,
    Placeholder::Kanban,
    Placeholder::Socket,
    Placeholder::McpConfig,
    Placeholder::Session,
];

/// Placeholders of `skills_argv`.
pub const SKILL_PLACEHOLDERS: &[Placeholder] = &[Placeholder::Skill];

/// Placeholders of `model_argv`.
pub const MODEL_PLACEHOLDERS: &[Placeholder] = &[Placeholder::Model];

/// Placeholders of `effort_argv`.
pub const EFFORT_PLACEHOLDERS: &[Placeholder] = &[Placeholder::Effort];

/// Placeholders of `mcp_config`.
pub const MCP_PLACEHOLDERS: &[Placeholder] = &[Placeholder::Kanban, Placeholder::Socket];

/// Placeholders of `mcp_entry_files`.
pub const FILE_PLACEHOLDERS: &[Placeholder] = &[Placeholder::Assignee];

impl Placeholder {
    const ALL: [Self; 14] = [
        Self::Task,
        Self::Assignee,
        Self::Workspace,
        Self::Prompt,
        Self::Skills,
        Self::Skill,
        Self::Model,
        Self::Effort,
        Self::Args,
        Self::Kanban,
        Self::Socket,
        Self::Guidance,
        Self::McpConfig,
        Self::Session,
    ];

    /// The word between the braces.
    pub fn name(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Assignee => "assignee",
            Self::Workspace => "workspace",
            Self::Prompt => "prompt",
            Self::Skills => "skills",
            Self::Skill => "skill",
            Self::Model => "model",
            Self::Effort => "effort",
            Self::Args => "args",
            Self::Kanban => "kanban",
            Self::Socket => "socket",
            Self::Guidance => "guidance",
            Self::McpConfig => "mcp_config",
            Self::Session => "session",
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
}

fn known(allowed: &[Placeholder], nearest: Option<&str>) -> String {
    let names: Vec<_> = allowed.iter().map(|one| format!("{{{}}}", one.name())).collect();
    match nearest {
        Some(nearest) => {
            format!("did you mean {{{nearest}}}? known placeholders: {}", names.join(" "))
        }
        None => format!("known placeholders: {}", names.join(" ")),
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
    pieces: Vec<Piece>,
}

impl Template {
    /// Reads `text`, in which only the placeholders of `allowed` may stand.
    pub fn parse(text: &str, allowed: &'static [Placeholder]) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('{') {
            let (before, from_brace) = rest.split_at(at);
            literal.push_str(before);
            let is_shell_variable = before.ends_with('$');
            if let Some((name, behind)) = escaped_word(from_brace) {
                literal.push('{');
                literal.push_str(name);
                literal.push('}');
                rest = behind;
            } else if let Some((name, behind)) = word_in_braces(from_brace)
                && !is_shell_variable
                && let Some(placeholder) = meant(name, text, allowed)?
            {
                if !literal.is_empty() {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                }
                pieces.push(Piece::Placeholder(placeholder));
                rest = behind;
            } else {
                literal.push('{');
                rest = from_brace.strip_prefix('{').unwrap_or_default();
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Ok(Self { pieces })
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

/// `{word}` at the beginning of `text`: the word and what follows.
fn word_in_braces(text: &str) -> Option<(&str, &str)> {
    let (word, behind) = text.strip_prefix('{')?.split_once('}')?;
    let is_word = !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    is_word.then_some((word, behind))
}

/// `{{word}}` at the beginning of `text`, where the word is a placeholder's.
fn escaped_word(text: &str) -> Option<(&str, &str)> {
    let (word, behind) = word_in_braces(text.strip_prefix('{')?)?;
    let behind = behind.strip_prefix('}')?;
    Placeholder::from_name(word).map(|_| (word, behind))
}

/// The placeholder that `name` is; none for any other word that is not nearly one.
fn meant(
    name: &str,
    text: &str,
    allowed: &'static [Placeholder],
) -> Result<Option<Placeholder>, TemplateError> {
    let known = Placeholder::from_name(name);
    if let Some(placeholder) = known.filter(|placeholder| allowed.contains(placeholder)) {
        return Ok(Some(placeholder));
    }
    let nearest = nearest(name, allowed.iter().map(|one| one.name()));
    if known.is_none() && nearest.is_none() {
        return Ok(None);
    }
    let (name, text) = (name.to_owned(), text.to_owned());
    Err(TemplateError::UnknownPlaceholder { name, text, allowed, nearest })
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
    fn placeholders_are_filled_in_and_other_braces_stay_as_they_are() {
        let table = [
            ("", ""),
            ("plain", "plain"),
            ("{task}", "t_1"),
            ("kanban task {task}!", "kanban task t_1!"),
            ("{task}{task}", "t_1t_1"),
            ("{{task}}", "{task}"),
            ("{{{task}}}", "{{task}}"),
            ("{\"a\":{\"b\":\"{task}\"}}", "{\"a\":{\"b\":\"t_1\"}}"),
            ("echo ${task} ${HOME%/} {a,b}", "echo ${task} ${HOME%/} {a,b}"),
            ("awk '{print $1}' | awk '{print}'", "awk '{print $1}' | awk '{print}'"),
            ("{ {} }{", "{ {} }{"),
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
    fn a_slip_is_named_with_the_known_placeholders() {
        assert_eq!(
            render("do {tasks} now").unwrap_err().to_string(),
            "unknown placeholder {tasks} in \"do {tasks} now\": did you mean {task}? known placeholders: {task} \
             {assignee} {workspace} {prompt} {skills} {model} {effort} {args} {kanban} {socket} {guidance} \
             {mcp_config} {session}"
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
