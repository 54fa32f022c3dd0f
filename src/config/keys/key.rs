//! The description of a key: its section, its type, its default.

use std::fmt;
use std::time::Duration;

use crate::config::template::Placeholder;
use crate::duration::format_duration;

/// A `[section]` of the file.
#[derive(Debug)]
pub struct Section {
    /// Word between the brackets.
    pub name: &'static str,
    /// What the section is about.
    pub doc: &'static str,
    /// Whether it holds keys itself or tables that the operator names.
    pub shape: Shape,
    /// The keys; those of each named table where the section has such.
    pub keys: &'static [Key],
}

impl Section {
    /// The words of its name: `[a.b]` stands below `[a]`.
    pub fn path(&self) -> Vec<&'static str> {
        self.name.split('.').collect()
    }

    /// The key called `name` in this section.
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

/// How the keys of a section are reached.
#[derive(Debug)]
pub enum Shape {
    /// `section.key`.
    Keys,
    /// `section.NAME.key`; the operator chooses NAME.
    Named {
        /// Tables shown in the default file; together they show every key.
        examples: &'static [Example],
    },
}

/// A named table in the default file.
#[derive(Debug)]
pub struct Example {
    /// Name of the table.
    pub name: &'static str,
    /// The keys shown there, in this order.
    pub keys: &'static [&'static str],
}

/// One key.
#[derive(Debug)]
pub struct Key {
    /// Name behind the last dot.
    pub name: &'static str,
    /// Which values it takes.
    pub kind: Kind,
    /// Built-in value, written as in the file; none when the key is absent unless set.
    pub default: Option<&'static str>,
    /// Value to show where there is no default, written as in the file.
    pub example: Option<&'static str>,
    /// What an integer counts.
    pub unit: Option<&'static str>,
    /// What it does and from when a changed value holds.
    pub doc: &'static str,
}

impl Key {
    /// The value to show in a file, as TOML: the built-in one, else the example.
    pub fn shown(&self) -> &'static str {
        self.default.or(self.example).unwrap_or("\"\"")
    }
}

/// Which values a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Integer {
        /// Least.
        min: i64,
        /// Greatest.
        max: i64,
    },
    /// A string with number and unit.
    Duration {
        /// Shortest.
        min: Duration,
        /// Longest.
        max: Duration,
    },
    /// A number of bytes: an integer or a string such as `512M` (powers of 1024).
    Size {
        /// Least, bytes.
        min_bytes: i64,
    },
    /// A string that is not blank.
    Text,
    /// A string, or empty for "not set".
    OptionalText,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A string: absolute path.
    Path,
    /// A string: absolute path, or empty for "not set".
    OptionalPath,
    /// A string: port, or address and port, or empty for "not set". A port alone is that of the loopback.
    OptionalAddress,
    /// A string: `auto`, `off`, a port, or a loopback address with port; a port may be a number.
    WebListen,
    /// A string of octal digits up to `777`.
    FileMode,
    /// A list of names of environment variables.
    VariableList,
    /// A list of strings: a program and its arguments, or empty for "not set".
    Command,
    /// A string: the beginning of the name of a branch.
    BranchPrefix,
    /// A list of strings.
    TextList,
    /// A string with these placeholders.
    Template(&'static [Placeholder]),
    /// A list of strings with these placeholders.
    TemplateList(&'static [Placeholder]),
    /// A list of strings with placeholders: a program and its arguments.
    Argv,
    /// A list of strings with the placeholder, or empty: what one value becomes among the arguments.
    OptionArgv(&'static [Placeholder]),
    /// A table from names of environment variables to strings with these placeholders.
    TemplateTable(&'static [Placeholder]),
    /// A table from names of environment variables to strings.
    VariableTable,
    /// A table from names to names.
    NameTable,
    /// A table from these names to whole numbers that are not negative.
    IntegerTable(&'static [&'static str]),
    /// A table with these names: a user and the origin of a site.
    WebProxy(&'static [&'static str]),
}

impl Kind {
    /// Whether the key has keys of its own below it.
    pub fn is_table(self) -> bool {
        matches!(
            self,
            Self::VariableTable
                | Self::TemplateTable(_)
                | Self::IntegerTable(_)
                | Self::NameTable
                | Self::WebProxy(_)
        )
    }
}

/// Completes the sentence "expected …".
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("true or false"),
            Self::Integer { min, max } => write!(f, "an integer from {min} to {max}"),
            Self::Duration { min, max } => write!(
                f,
                "a duration from \"{}\" to \"{}\"",
                format_duration(*min),
                format_duration(*max)
            ),
            Self::Size { min_bytes } => {
                write!(f, "a size such as \"512M\" or an integer of bytes, at least {min_bytes}")
            }
            Self::Text | Self::Template(_) => f.write_str("a string that is not blank"),
            Self::OptionalText => f.write_str("a string"),
            Self::TextList | Self::TemplateList(_) => f.write_str("a list of strings"),
            Self::Choice(words) => write!(f, "one of {}", quoted(words)),
            Self::Path => f.write_str("an absolute path"),
            Self::OptionalPath => f.write_str("an absolute path or an empty string"),
            Self::OptionalAddress => f.write_str(
                "a port, an address with port such as \"127.0.0.1:9464\", or an empty string",
            ),
            Self::WebListen => f.write_str(
                "\"auto\", \"off\", a port, or a loopback address with port such as \"127.0.0.1:9119\"; from other hosts \
                 use `ssh -L` or a TLS proxy on this host, see `web.proxy` and docs/web.md",
            ),
            Self::FileMode => f.write_str("an octal file mode in quotes, such as \"022\""),
            Self::VariableList => f.write_str("a list of names of environment variables"),
            Self::Argv => f.write_str("a list of strings that begins with a program"),
            Self::Command => {
                f.write_str("a list of strings that begins with a program, or an empty list")
            }
            Self::BranchPrefix => f.write_str(
                "the beginning of a branch's name, such as \"kanban/\" (git-check-ref-format(1) says what may stand in it)",
            ),
            Self::OptionArgv(allowed) => {
                let names: Vec<_> =
                    allowed.iter().map(|one| format!("{{{}}}", one.name())).collect();
                write!(f, "a list of strings, one of them with {}", names.join(" "))
            }
            Self::VariableTable | Self::TemplateTable(_) => {
                f.write_str("a table of environment variables with string values")
            }
            Self::IntegerTable(_) => f.write_str("a table of integers"),
            Self::NameTable => f.write_str("a table of names"),
            Self::WebProxy(_) => f.write_str("a table with user and origin"),
        }
    }
}

/// `"a", "b", "c"`.
pub(crate) fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
}
