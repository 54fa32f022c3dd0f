//! One source of the configuration, checked against the table of keys.
//!
//! Every source is checked by itself, before the sources are laid over each other: a mistake in a file is
//! reported also when the environment covers it, and each problem can name the source it came from. What
//! passes becomes a [`Layer`]; what does not is left out of it and reported.

use std::collections::BTreeMap;

use config::{ConfigError, File, FileFormat, Map, Source, Value, ValueKind};

use crate::config::accept::{
    accept_proxy_entry, accept_value, accept_variable, check_variable_name, shown, value_from_text,
    wrong,
};
use crate::config::keys::{Key, Kind, SECTIONS, Section, Shape};
use crate::config::problem::{Expected, Problem, ProblemKind};
use crate::text::nearest::nearest;

/// Begins the name of every environment variable that sets a key. With two underscores: variables such as
/// `KANBAND_FAIL_POINTS` are not settings.
pub const VARIABLE_PREFIX: &str = "KANBAND__";

/// The accepted values of one source.
#[derive(Debug, Clone, Default)]
pub(super) struct Layer {
    values: Map<String, Value>,
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.values.clone())
    }
}

/// The text of a file.
pub(super) fn from_toml(origin: &str, text: &str, problems: &mut Vec<Problem>) -> Layer {
    let parsed = File::from_str(text, FileFormat::Toml).collect();
    let mut check = Check { origin, problems, layer: Layer::default() };
    match parsed {
        Ok(root) => check.root(root),
        Err(error) => check.report(None, syntax_fault(&error)),
    }
    check.layer
}

/// One launcher's keys, without a section around them.
pub(super) fn from_launcher_toml(
    origin: &str,
    name: &str,
    text: &str,
    problems: &mut Vec<Problem>,
) -> Layer {
    let parsed = File::from_str(text, FileFormat::Toml).collect();
    let mut check = Check { origin, problems, layer: Layer::default() };
    match parsed {
        Ok(keys) => {
            let launchers = Map::from_iter([(name.to_owned(), Value::new(None, keys))]);
            check.root(Map::from_iter([("launchers".to_owned(), Value::new(None, launchers))]));
        }
        Err(error) => check.report(None, syntax_fault(&error)),
    }
    check.layer
}

/// The environment's settings: `KANBAND__SECTION__KEY`, `KANBAND__PROFILES__NAME__KEY` and, for the keys that
/// are tables, one more part. Everything but the name of a variable in `env` is taken in lower case. An
/// empty variable counts as unset.
pub(super) fn from_environment(
    env: &BTreeMap<String, String>,
    problems: &mut Vec<Problem>,
) -> Vec<Layer> {
    let mut layers = Vec::new();
    for (variable, text) in env {
        let Some(path) = variable.strip_prefix(VARIABLE_PREFIX) else { continue };
        if text.is_empty() {
            continue;
        }
        let mut check = Check { origin: variable, problems, layer: Layer::default() };
        check.variable(path, text);
        layers.push(check.layer);
    }
    layers
}

struct Check<'a> {
    origin: &'a str,
    problems: &'a mut Vec<Problem>,
    layer: Layer,
}

impl Check<'_> {
    fn root(&mut self, root: Map<String, Value>) {
        for (name, value) in sorted(root) {
            if Section::is_above(&name) {
                let Some(table) = self.table(&name, value) else { continue };
                for (below, value) in sorted(table) {
                    let path = format!("{name}.{below}");
                    match Section::find(&path) {
                        Some(section) => self.section(section, value),
                        None => self.report(Some(path), ProblemKind::UnknownKey { nearest: None }),
                    }
                }
                continue;
            }
            let Some(section) = Section::find(&name) else {
                let nearest = nearest(&name, SECTIONS.iter().map(|section| section.name));
                let nearest = nearest.map(|name| format!("[{name}]"));
                self.report(Some(name), ProblemKind::UnknownKey { nearest });
                continue;
            };
            self.section(section, value);
        }
    }

    fn section(&mut self, section: &Section, value: Value) {
        let Some(table) = self.table(section.name, value) else { return };
        match section.shape {
            Shape::Keys => self.keys(section, &section.path(), table),
            Shape::Named { .. } => {
                for (entry, value) in sorted(table) {
                    let path = format!("{}.{entry}", section.name);
                    if entry.trim().is_empty() {
                        self.report(Some(path), ProblemKind::BlankName);
                    } else if let Some(table) = self.table(&path, value) {
                        let parents = [section.path().as_slice(), &[entry.as_str()]].concat();
                        self.put_table(&parents);
                        self.keys(section, &parents, table);
                    }
                }
            }
        }
    }

    fn keys(&mut self, section: &Section, parents: &[&str], table: Map<String, Value>) {
        for (name, value) in sorted(table) {
            let path = [parents, &[name.as_str()]].concat();
            match section.key(&name) {
                Some(key) => self.key(key, &path, value.kind),
                None => self.report_unknown(section, &path),
            }
        }
    }

    fn key(&mut self, key: &Key, path: &[&str], value: ValueKind) {
        if !key.kind.is_table() {
            let accepted = accept_value(key.kind, &value);
            return self.put_or_report(path, accepted);
        }
        let ValueKind::Table(entries) = value else {
            return self.report(Some(path.join(".")), wrong(key.kind, &value));
        };
        for (name, value) in sorted(entries) {
            self.table_entry(key.kind, &[path, &[name.as_str()]].concat(), &value.kind);
        }
    }

    /// One entry of a key that is a table: the last part of `path` is its name.
    fn table_entry(&mut self, kind: Kind, path: &[&str], value: &ValueKind) {
        let name = path.last().copied().unwrap_or_default();
        let accepted = match kind {
            Kind::IntegerTable(names) | Kind::WebProxy(names) if !names.contains(&name) => {
                let nearest = nearest(name, names.iter().copied()).map(str::to_owned);
                Err(ProblemKind::UnknownKey { nearest })
            }
            Kind::IntegerTable(_) => accept_value(Kind::Integer { min: 0, max: i64::MAX }, value),
            Kind::WebProxy(_) => accept_proxy_entry(name, value),
            Kind::NameTable => accept_value(Kind::Text, value),
            Kind::TemplateTable(allowed) => check_variable_name(name)
                .and_then(|()| accept_value(Kind::Template(allowed), value)),
            _ => check_variable_name(name).and_then(|()| accept_variable(value)),
        };
        self.put_or_report(path, accepted);
    }

    fn variable(&mut self, variable_path: &str, text: &str) {
        let lower = variable_path.to_ascii_lowercase();
        let Some((first, behind)) = lower.split_once("__") else {
            return self.report_variable(&lower, text);
        };
        // `[a.b]` is `A__B`; one underscore more than a dot.
        let (section_name, length) = match behind.split_once("__") {
            Some((second, _)) if Section::is_above(first) => {
                (format!("{first}.{second}"), first.len() + 2 + second.len())
            }
            Some(_) | None => (first.to_owned(), first.len()),
        };
        let section_name = section_name.as_str();
        let Some(section) = Section::find(section_name) else {
            let nearest = nearest(section_name, SECTIONS.iter().map(|section| section.name));
            let nearest = nearest.map(|name| variable_name(&[name, "…"]));
            return self
                .report(Some(lower.replace("__", ".")), ProblemKind::UnknownKey { nearest });
        };
        let mut rest = variable_path.get(length + 2..).unwrap_or_default();
        let mut parents: Vec<String> = section.path().into_iter().map(str::to_owned).collect();
        if matches!(section.shape, Shape::Named { .. }) {
            let Some((name, behind)) = rest.split_once("__") else {
                return self.report_variable(&lower, text);
            };
            parents.push(name.to_ascii_lowercase());
            rest = behind;
        }
        let (key_name, entry) = match rest.split_once("__") {
            Some((key_name, entry)) => (key_name.to_ascii_lowercase(), Some(entry)),
            None => (rest.to_ascii_lowercase(), None),
        };
        let parents: Vec<&str> = parents.iter().map(String::as_str).collect();
        let path = [parents.as_slice(), &[key_name.as_str()]].concat();
        match (section.key(&key_name), entry) {
            (Some(key), None) => self.key(key, &path, value_from_text(key.kind, text)),
            (Some(key), Some(entry)) if key.kind.is_table() => {
                self.entry_variable(key.kind, &path, entry, text);
            }
            _ => self.report_unknown(section, &path),
        }
    }

    fn entry_variable(&mut self, kind: Kind, path: &[&str], entry: &str, text: &str) {
        let number = Kind::Integer { min: 0, max: i64::MAX };
        let (name, value) = match kind {
            Kind::IntegerTable(_) => (entry.to_ascii_lowercase(), value_from_text(number, text)),
            Kind::WebProxy(_) => (entry.to_ascii_lowercase(), ValueKind::String(text.to_owned())),
            _ => (entry.to_owned(), ValueKind::String(text.to_owned())),
        };
        self.table_entry(kind, &[path, &[name.as_str()]].concat(), &value);
    }

    /// A variable that stops above the keys: it names a section or a profile, which has no value.
    fn report_variable(&mut self, lower: &str, text: &str) {
        let path = lower.replace("__", ".");
        let section_name = path.split('.').next().unwrap_or_default();
        let fault = match Section::find(section_name) {
            Some(_) => {
                ProblemKind::WrongValue { expected: Expected::Table, found: format!("{text:?}") }
            }
            None => ProblemKind::UnknownKey { nearest: None },
        };
        self.report(Some(path), fault);
    }

    fn table(&mut self, path: &str, value: Value) -> Option<Map<String, Value>> {
        if let ValueKind::Table(table) = value.kind {
            return Some(table);
        }
        let found = shown(Kind::Text, &value.kind);
        let fault = ProblemKind::WrongValue { expected: Expected::Table, found };
        self.report(Some(path.to_owned()), fault);
        None
    }

    fn put_or_report(&mut self, path: &[&str], accepted: Result<ValueKind, ProblemKind>) {
        match accepted {
            Ok(value) => self.put(path, value),
            Err(fault) => self.report(Some(path.join(".")), fault),
        }
    }

    fn put_table(&mut self, path: &[&str]) {
        self.put(path, ValueKind::Table(Map::new()));
    }

    fn put(&mut self, path: &[&str], value: ValueKind) {
        let Some((last, parents)) = path.split_last() else { return };
        let mut table = &mut self.layer.values;
        for parent in parents {
            let entry = table.entry((*parent).to_owned()).or_default();
            if !matches!(entry.kind, ValueKind::Table(_)) {
                entry.kind = ValueKind::Table(Map::new());
            }
            let ValueKind::Table(inner) = &mut entry.kind else { return };
            table = inner;
        }
        table.insert((*last).to_owned(), Value::new(Some(&self.origin.to_owned()), value));
    }

    fn report_unknown(&mut self, section: &Section, path: &[&str]) {
        let name = path.last().copied().unwrap_or_default();
        let nearest = nearest_key(section, name);
        self.report(Some(path.join(".")), ProblemKind::UnknownKey { nearest });
    }

    fn report(&mut self, key: Option<String>, fault: ProblemKind) {
        self.problems.push(Problem { origin: self.origin.to_owned(), key, fault });
    }
}

/// The known key that `name` in `section` was probably meant to be: one with a similar name here, else the one
/// of exactly this name elsewhere.
fn nearest_key(section: &Section, name: &str) -> Option<String> {
    let here = nearest(name, section.keys.iter().map(|key| key.name)).map(str::to_owned);
    here.or_else(|| {
        let other = SECTIONS.iter().find(|other| other.key(name).is_some())?;
        Some(match other.shape {
            Shape::Keys => format!("{}.{name}", other.name),
            Shape::Named { .. } => format!("{}.NAME.{name}", other.name),
        })
    })
}

fn variable_name(parts: &[&str]) -> String {
    format!("{VARIABLE_PREFIX}{}", parts.join("__").to_uppercase())
}

/// By name, so that problems come in the same order each time.
fn sorted(table: Map<String, Value>) -> BTreeMap<String, Value> {
    table.into_iter().collect()
}

/// The parser's message is a small picture of several lines; this keeps its place and its words.
fn syntax_fault(error: &ConfigError) -> ProblemKind {
    let detail = match error {
        ConfigError::FileParse { cause, .. } => cause.to_string(),
        other => other.to_string(),
    };
    let mut lines = detail.lines();
    let first = lines.next().unwrap_or_default();
    let line = first
        .split_once("at line ")
        .and_then(|(_, behind)| behind.split(',').next())
        .and_then(|number| number.trim().parse().ok());
    if line.is_none() {
        return ProblemKind::Syntax { line, message: detail.replace('\n', ", ") };
    }
    // The picture is the source line between two lines with a bar; the words come after it.
    let words: Vec<_> = lines.skip_while(|line| !line.contains('^')).skip(1).collect();
    ProblemKind::Syntax { line, message: words.join(", ") }
}
