//! Settings as text by key, and the differences between two of them.

use std::collections::{BTreeMap, BTreeSet};

use config::{Value, ValueKind};

use crate::config::keys::{Key, Kind, SECTIONS, Shape, holds_from_restart};

/// Said in place of a value that may be a secret.
const UNTOLD: &str = "(not shown)";

/// The value of every key that has one, by its dotted name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    values: BTreeMap<String, Text>,
    /// Where each comes from that is not a default. The same value from elsewhere is no change.
    origins: BTreeMap<String, String>,
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its dotted name.
    pub key: &'a str,
    /// Its value, as it stands in a file; a word in its place where it may be a secret.
    pub value: String,
    /// Whether that word stands there.
    pub is_hidden: bool,
    /// The file, variable or built-in launcher that sets it; none: it is the default.
    pub origin: Option<&'a str>,
}

/// One value. Its `Debug` and its comparison see the value itself, a reader of messages does not always.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Text {
    text: String,
    is_told: bool,
}

impl Text {
    fn shown(&self) -> String {
        if self.is_told { self.text.clone() } else { UNTOLD.to_owned() }
    }
}

/// A key whose value is another one now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its dotted name.
    pub key: String,
    /// The value before; none = it was not set.
    pub old: Option<String>,
    /// The new value; none = unset.
    pub new: Option<String>,
    /// Whether it holds only from the next start of the daemon on.
    pub from_restart: bool,
}

impl Shown {
    /// The values of a tree that was put together from all sources and checked.
    pub(super) fn of(tree: &Value) -> Self {
        let mut shown = Self::default();
        for section in SECTIONS {
            let found = table(tree, section.name);
            match section.shape {
                Shape::Keys => {
                    for key in section.keys {
                        let name = format!("{}.{}", section.name, key.name);
                        match found.and_then(|found| found.get(key.name)) {
                            Some(value) => shown.add(&name, key, value),
                            None => shown.put(name, key.default.unwrap_or_default(), true, None),
                        }
                    }
                }
                Shape::Named { .. } => {
                    for (table_name, value) in found.into_iter().flatten() {
                        let ValueKind::Table(keys) = &value.kind else { continue };
                        for (key, value) in keys {
                            let name = format!("{}.{table_name}.{key}", section.name);
                            if let Some(key) = section.key(key) {
                                shown.add(&name, key, value);
                            }
                        }
                    }
                }
            }
        }
        shown
    }

    fn add(&mut self, name: &str, key: &Key, value: &Value) {
        match &value.kind {
            ValueKind::Table(below) => {
                let is_told = !matches!(key.kind, Kind::VariableTable | Kind::TemplateTable(_));
                for (below_name, value) in below {
                    let name = format!("{name}.{below_name}");
                    self.put(name, &text_of(value), is_told, value.origin());
                }
            }
            ValueKind::I64(mode) if key.kind == Kind::FileMode => {
                self.put(name.to_owned(), &format!("\"{mode:03o}\""), true, value.origin());
            }
            _ => self.put(name.to_owned(), &text_of(value), true, value.origin()),
        }
    }

    fn put(&mut self, name: String, text: &str, is_told: bool, origin: Option<&str>) {
        self.origins.extend(origin.map(|origin| (name.clone(), origin.to_owned())));
        self.values.insert(name, Text { text: text.to_owned(), is_told });
    }

    /// Every key that has a value, by name.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        self.values.iter().map(|(key, text)| Entry {
            key,
            value: text.shown(),
            is_hidden: !text.is_told,
            origin: self.origins.get(key).map(String::as_str),
        })
    }

    /// What is different in `newer`, by name.
    pub fn changes_to(&self, newer: &Self) -> Vec<Change> {
        let keys: BTreeSet<&String> = self.values.keys().chain(newer.values.keys()).collect();
        let changed =
            keys.into_iter().filter(|key| self.values.get(*key) != newer.values.get(*key));
        changed
            .map(|key| Change {
                key: key.clone(),
                old: self.values.get(key).map(Text::shown),
                new: newer.values.get(key).map(Text::shown),
                from_restart: holds_from_restart(key),
            })
            .collect()
    }
}

fn table<'v>(tree: &'v Value, name: &str) -> Option<&'v config::Map<String, Value>> {
    let ValueKind::Table(root) = &tree.kind else { return None };
    name.split('.').try_fold(root, |above, word| match &above.get(word)?.kind {
        ValueKind::Table(found) => Some(found),
        _ => None,
    })
}

/// As it would stand in the file.
fn text_of(value: &Value) -> String {
    match &value.kind {
        ValueKind::String(text) => format!("{text:?}"),
        ValueKind::Array(items) => {
            format!("[{}]", items.iter().map(text_of).collect::<Vec<_>>().join(", "))
        }
        ValueKind::Nil
        | ValueKind::Table(_)
        | ValueKind::Boolean(_)
        | ValueKind::I64(_)
        | ValueKind::I128(_)
        | ValueKind::U64(_)
        | ValueKind::U128(_)
        | ValueKind::Float(_) => value.kind.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load::tests::shown;

    fn changes(before: &str, after: &str) -> Vec<(String, Option<String>, Option<String>, bool)> {
        let changes = shown(before).changes_to(&shown(after));
        let parts = |change: Change| (change.key, change.old, change.new, change.from_restart);
        changes.into_iter().map(parts).collect()
    }

    fn change(
        key: &str,
        old: Option<&str>,
        new: Option<&str>,
        from_restart: bool,
    ) -> (String, Option<String>, Option<String>, bool) {
        (key.to_owned(), old.map(str::to_owned), new.map(str::to_owned), from_restart)
    }

    #[test]
    fn what_is_the_built_in_value_anyway_is_no_change() {
        assert_eq!(changes("", "[dispatch]\nmax_running = 8\n"), []);
        assert_eq!(changes("", "# a remark\n"), []);
    }

    #[test]
    fn each_changed_key_is_told_with_both_values_and_from_when_it_holds() {
        let after = "[dispatch]\nmax_running = 2\n[disk]\nreserve_bytes = 0\n\
                     [profiles.a]\nargv = [\"x\", \"y\"]\numask = \"027\"\n";
        assert_eq!(
            changes("[profiles.b]\nlauncher = \"hermes\"\n", after),
            [
                change("disk.reserve_bytes", Some("16777216"), Some("0"), true),
                change("dispatch.max_running", Some("8"), Some("2"), false),
                change("profiles.a.argv", None, Some("[\"x\", \"y\"]"), false),
                change("profiles.a.umask", None, Some("\"027\""), false),
                change("profiles.b.launcher", Some("\"hermes\""), None, false),
            ]
        );
    }

    #[test]
    fn the_value_of_a_variable_is_not_told() {
        let with =
            |value: &str| format!("[profiles.a]\nargv = [\"x\"]\nenv = {{ KEY = \"{value}\" }}\n");
        assert_eq!(
            changes(&with("one"), &with("two")),
            [change("profiles.a.env.KEY", Some(UNTOLD), Some(UNTOLD), false)]
        );
        let with =
            |value: &str| format!("[launchers.a]\nargv = [\"x\"]\nenv = {{ KEY = \"{value}\" }}\n");
        assert_eq!(
            changes(&with("one"), &with("two")),
            [change("launchers.a.env.KEY", Some(UNTOLD), Some(UNTOLD), false)]
        );
    }
}
