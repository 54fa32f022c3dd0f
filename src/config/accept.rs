//! Whether a value is valid for its key.
//!
//! A value from a file has a type; one from the environment is text and is first read as the type that the key
//! wants. From there on both are held to the same rules.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use config::{Value, ValueKind};

use crate::config::keys::Kind;
use crate::config::problem::{Expected, ProblemKind};
use crate::config::template::{ARGV_PLACEHOLDERS, Placeholder, Template};
use crate::config::web_settings::{WebListen, is_origin};
use crate::duration::parse_duration;
use crate::text::nearest::nearest;

/// Said in place of a value that may be a secret.
const UNTOLD: &str = "a value of another type";

/// The value of a file for a key of `kind`, in the form that the settings are read from.
pub(super) fn accept_value(kind: Kind, value: &ValueKind) -> Result<ValueKind, ProblemKind> {
    match kind {
        Kind::Bool => match value {
            ValueKind::Boolean(_) => Ok(value.clone()),
            _ => Err(wrong(kind, value)),
        },
        Kind::Integer { min, max } => match value {
            ValueKind::I64(number) if (min..=max).contains(number) => Ok(value.clone()),
            _ => Err(wrong(kind, value)),
        },
        Kind::Duration { min, max } => {
            let duration = parse_duration(text_of(kind, value)?)?;
            if duration < min || duration > max {
                Err(wrong(kind, value))
            } else {
                Ok(value.clone())
            }
        }
        Kind::Size { min_bytes } => {
            let bytes = match value {
                ValueKind::I64(bytes) => Some(*bytes),
                _ => size_bytes(text_of(kind, value)?),
            };
            let bytes = bytes.filter(|bytes| *bytes >= min_bytes);
            bytes.map(ValueKind::I64).ok_or_else(|| wrong(kind, value))
        }
        Kind::Text => {
            let is_blank = text_of(kind, value)?.trim().is_empty();
            if is_blank { Err(wrong(kind, value)) } else { Ok(value.clone()) }
        }
        Kind::Choice(words) => {
            let text = text_of(kind, value)?;
            if words.contains(&text) { Ok(value.clone()) } else { Err(wrong(kind, value)) }
        }
        Kind::Path | Kind::OptionalPath => {
            let text = text_of(kind, value)?;
            let is_unset = matches!(kind, Kind::OptionalPath) && text.is_empty();
            let is_fine = is_unset || Path::new(text).is_absolute();
            if is_fine { Ok(value.clone()) } else { Err(wrong(kind, value)) }
        }
        Kind::OptionalAddress => {
            let text = text_of(kind, value)?;
            let is_fine = text.is_empty() || listen_address(text).is_some();
            if is_fine { Ok(value.clone()) } else { Err(wrong(kind, value)) }
        }
        Kind::WebListen => accept_web_listen(kind, value),
        Kind::FileMode => {
            let mode = octal_mode(text_of(kind, value)?);
            mode.map(ValueKind::I64).ok_or_else(|| wrong(kind, value))
        }
        Kind::Template(allowed) => {
            let text = text_of(kind, value)?;
            Template::parse(text, allowed)?;
            if text.trim().is_empty() { Err(wrong(kind, value)) } else { Ok(value.clone()) }
        }
        Kind::BranchPrefix => accept_branch_prefix(kind, value),
        Kind::Command => accept_command(kind, value),
        Kind::OptionalText => text_of(kind, value).map(|_| value.clone()),
        Kind::TextList => accept_list(kind, value, |_| Ok(())),
        Kind::TemplateList(allowed) => {
            accept_list(kind, value, |item| Ok(Template::parse(item, allowed).map(drop)?))
        }
        Kind::VariableList => accept_list(kind, value, check_variable_name),
        Kind::Argv => accept_argv(kind, value),
        Kind::OptionArgv(allowed) => accept_option_argv(kind, value, allowed),
        // The keys below these have kinds of their own; the caller looks at each of them.
        Kind::VariableTable
        | Kind::TemplateTable(_)
        | Kind::IntegerTable(_)
        | Kind::NameTable
        | Kind::WebProxy(_) => Err(wrong(kind, value)),
    }
}

/// The text of an environment variable as a value for a key of `kind`: lists are separated by commas.
pub(super) fn value_from_text(kind: Kind, text: &str) -> ValueKind {
    let as_text = || ValueKind::String(text.to_owned());
    match kind {
        Kind::Bool => match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => ValueKind::Boolean(true),
            "false" | "no" | "off" | "0" => ValueKind::Boolean(false),
            _ => as_text(),
        },
        Kind::Integer { .. } => text.parse().map_or_else(|_| as_text(), ValueKind::I64),
        Kind::Argv
        | Kind::Command
        | Kind::OptionArgv(_)
        | Kind::TextList
        | Kind::TemplateList(_)
        | Kind::VariableList => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            ValueKind::Array(items.map(|item| Value::new(None, item)).collect())
        }
        Kind::Duration { .. }
        | Kind::Size { .. }
        | Kind::Text
        | Kind::OptionalText
        | Kind::Choice(_)
        | Kind::Path
        | Kind::OptionalPath
        | Kind::OptionalAddress
        | Kind::WebListen
        | Kind::BranchPrefix
        | Kind::FileMode
        | Kind::Template(_)
        | Kind::VariableTable
        | Kind::TemplateTable(_)
        | Kind::IntegerTable(_)
        | Kind::NameTable
        | Kind::WebProxy(_) => as_text(),
    }
}

fn accept_web_listen(kind: Kind, value: &ValueKind) -> Result<ValueKind, ProblemKind> {
    let text = match value {
        ValueKind::I64(port) => port.to_string(),
        _ => text_of(kind, value)?.to_owned(),
    };
    let is_fine = WebListen::parse(&text).is_some();
    if is_fine { Ok(ValueKind::String(text)) } else { Err(wrong(kind, value)) }
}

/// An entry of `web.proxy`.
pub(super) fn accept_proxy_entry(name: &str, value: &ValueKind) -> Result<ValueKind, ProblemKind> {
    let text = text_of(Kind::Text, value)?;
    match name {
        "origin" if !is_origin(text) => Err(ProblemKind::NoOrigin { found: text.to_owned() }),
        _ => accept_value(Kind::Text, value),
    }
}

/// The value of one environment variable of a profile. It may be a secret, so it is never repeated.
pub(super) fn accept_variable(value: &ValueKind) -> Result<ValueKind, ProblemKind> {
    match value {
        ValueKind::String(text) if text.contains('\0') => Err(ProblemKind::NulByte),
        ValueKind::String(_) => Ok(value.clone()),
        _ => Err(ProblemKind::WrongValue { expected: Expected::Text, found: UNTOLD.to_owned() }),
    }
}

/// Longest beginning of a branch's name, bytes.
const BRANCH_PREFIX_BYTES_MAX: usize = 100;

/// Whether a branch may be called so, with a task's id behind it: the rules of git-check-ref-format(1).
fn begins_a_branch(prefix: &str) -> bool {
    let name = format!("{prefix}t_00000000");
    let is_part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && !part.ends_with('.')
            && !part.ends_with(".lock")
    };
    let is_allowed =
        |sign: char| !sign.is_control() && !sign.is_whitespace() && !"~^:?*[\\".contains(sign);
    !prefix.is_empty()
        && prefix.len() <= BRANCH_PREFIX_BYTES_MAX
        && !prefix.starts_with('-')
        && name.chars().all(is_allowed)
        && !name.contains("..")
        && !name.contains("@{")
        && name.split('/').all(is_part)
}

/// Whether `name` can be the name of an environment variable.
pub(super) fn check_variable_name(name: &str) -> Result<(), ProblemKind> {
    let is_fine = !name.trim().is_empty() && !name.contains(['=', '\0']);
    if is_fine { Ok(()) } else { Err(ProblemKind::VariableName { name: name.to_owned() }) }
}

/// The fault of a value that its key does not take.
pub(super) fn wrong(kind: Kind, value: &ValueKind) -> ProblemKind {
    ProblemKind::WrongValue { expected: Expected::Kind(kind), found: shown(kind, value) }
}

/// What was found, in a few words, with the word that was probably meant.
pub(super) fn shown(kind: Kind, value: &ValueKind) -> String {
    match value {
        _ if matches!(kind, Kind::VariableTable) => UNTOLD.to_owned(),
        ValueKind::String(text) => match kind {
            Kind::Choice(words) => match nearest(text, words.iter().copied()) {
                Some(word) => format!("{text:?}, did you mean \"{word}\"?"),
                None => format!("{text:?}"),
            },
            _ => format!("{text:?}"),
        },
        ValueKind::Array(_) => "a list".to_owned(),
        ValueKind::Table(_) => "a table".to_owned(),
        ValueKind::Nil => "nothing".to_owned(),
        ValueKind::Boolean(_)
        | ValueKind::I64(_)
        | ValueKind::I128(_)
        | ValueKind::U64(_)
        | ValueKind::U128(_)
        | ValueKind::Float(_) => value.to_string(),
    }
}

fn text_of(kind: Kind, value: &ValueKind) -> Result<&str, ProblemKind> {
    match value {
        ValueKind::String(text) if text.contains('\0') => Err(ProblemKind::NulByte),
        ValueKind::String(text) => Ok(text),
        _ => Err(wrong(kind, value)),
    }
}

fn accept_branch_prefix(kind: Kind, value: &ValueKind) -> Result<ValueKind, ProblemKind> {
    let is_fine = begins_a_branch(text_of(kind, value)?);
    if is_fine { Ok(value.clone()) } else { Err(wrong(kind, value)) }
}

fn accept_command(kind: Kind, value: &ValueKind) -> Result<ValueKind, ProblemKind> {
    let accepted = accept_list(kind, value, |_| Ok(()))?;
    let is_blank = texts_of(value).next().is_some_and(|program| program.trim().is_empty());
    if is_blank { Err(ProblemKind::NoArgv) } else { Ok(accepted) }
}

fn accept_argv(kind: Kind, value: &ValueKind) -> Result<ValueKind, ProblemKind> {
    let accepted =
        accept_list(kind, value, |item| Ok(Template::parse(item, ARGV_PLACEHOLDERS).map(drop)?))?;
    let has_program = texts_of(value).next().is_some_and(|program| !program.trim().is_empty());
    if has_program { Ok(accepted) } else { Err(ProblemKind::NoArgv) }
}

fn accept_option_argv(
    kind: Kind,
    value: &ValueKind,
    allowed: &'static [Placeholder],
) -> Result<ValueKind, ProblemKind> {
    let mut has_place = texts_of(value).next().is_none();
    let accepted = accept_list(kind, value, |item| {
        let template = Template::parse(item, allowed)?;
        has_place |= allowed.iter().any(|placeholder| template.contains(*placeholder));
        Ok(())
    })?;
    let name = allowed.first().map_or("", |placeholder| placeholder.name());
    if has_place { Ok(accepted) } else { Err(ProblemKind::NoPlaceholderFor { name }) }
}

fn accept_list(
    kind: Kind,
    value: &ValueKind,
    mut check: impl FnMut(&str) -> Result<(), ProblemKind>,
) -> Result<ValueKind, ProblemKind> {
    let ValueKind::Array(items) = value else { return Err(wrong(kind, value)) };
    for item in items {
        let ValueKind::String(text) = &item.kind else {
            let found = format!("a list with {}", shown(kind, &item.kind));
            return Err(ProblemKind::WrongValue { expected: Expected::Kind(kind), found });
        };
        if text.contains('\0') {
            return Err(ProblemKind::NulByte);
        }
        check(text)?;
    }
    Ok(value.clone())
}

fn texts_of(value: &ValueKind) -> impl Iterator<Item = &str> {
    let items = if let ValueKind::Array(items) = value { items.as_slice() } else { &[] };
    items.iter().filter_map(|item| match &item.kind {
        ValueKind::String(text) => Some(text.as_str()),
        _ => None,
    })
}

/// Address and port, or a port of the loopback.
pub(super) fn listen_address(text: &str) -> Option<SocketAddr> {
    let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    text.parse().ok().or_else(|| text.parse().ok().map(loopback))
}

/// Digits with an optional `K`, `M`, `G` or `T`, powers of 1024.
fn size_bytes(text: &str) -> Option<i64> {
    let text = text.trim().to_ascii_uppercase();
    let (digits, power) = match text.strip_suffix(['K', 'M', 'G', 'T']) {
        Some(digits) if text.ends_with('K') => (digits, 1),
        Some(digits) if text.ends_with('M') => (digits, 2),
        Some(digits) if text.ends_with('G') => (digits, 3),
        Some(digits) => (digits, 4),
        None => (text.as_str(), 0),
    };
    let count: i64 = digits.parse().ok()?;
    count.checked_mul(1024_i64.pow(power))
}

/// Octal digits up to `777`, with an optional `0o`.
fn octal_mode(text: &str) -> Option<i64> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    let is_octal = !digits.is_empty() && digits.chars().all(|c| c.is_digit(8));
    let mode = if is_octal { i64::from_str_radix(digits, 8).ok()? } else { return None };
    (0..=0o777).contains(&mode).then_some(mode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_a_branch_follows_the_rules_of_git() {
        for prefix in ["kanban/", "kanban-", "agents/kanban/", "k", "@", "Ä/", "lock."] {
            assert!(begins_a_branch(prefix), "{prefix:?}");
        }
        for prefix in [
            "", "/", "/kanban/", "kanban//", "-k", ".k/", "a/.b/", "a..b/", "a b/", "a~/", "a^/",
            "a:/", "a?/", "a*/", "a[/", "a\\/", "a@{b/", "a.lock/", "a\n/", "a./", "a\u{7f}/",
        ] {
            assert!(!begins_a_branch(prefix), "{prefix:?}");
        }
        assert!(!begins_a_branch(&"a".repeat(BRANCH_PREFIX_BYTES_MAX + 1)));
    }
}
