//! Configurations of tests as typed settings: no test edits the text of one.

use std::fmt;
use std::path::Path;

use kanband::config::keys::{Section, Shape};
use toml::{Table, Value};

/// Tests give tasks to names without a profile, which this launcher starts if anything does; unless their configuration says
/// something of it, as those about `auto` do.
pub(crate) fn default_launcher(home: &Path) -> Option<(&'static str, &'static str)> {
    let text = std::fs::read_to_string(home.join("kanband.toml")).unwrap_or_default();
    let variable = ("KANBAND__DISPATCH__DEFAULT_LAUNCHER", "hermes");
    (!text.contains("default_launcher")).then_some(variable)
}

/// A configuration that grows by settings. Shown as the text of a `kanband.toml`.
#[derive(Debug, Clone, Default)]
pub struct Config(Table);

impl Config {
    /// No settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// The settings of a text, as a page shows them.
    ///
    /// # Panics
    ///
    /// When it is no TOML.
    pub fn parse(text: &str) -> Self {
        Self(text.parse().unwrap())
    }

    /// The same with this setting: `dispatch.max_running`, `profiles.dev.user`, `profiles.dev.env.NAME`.
    ///
    /// # Panics
    ///
    /// When there is no such setting.
    #[must_use]
    pub fn with(&self, setting: &str, value: impl Into<Value>) -> Self {
        let mut changed = self.clone();
        changed.set(setting, value);
        changed
    }

    /// Sets it in this one.
    ///
    /// # Panics
    ///
    /// When there is no such setting.
    pub fn set(&mut self, setting: &str, value: impl Into<Value>) {
        let mut parts: Vec<&str> = setting.split('.').collect();
        assert!(is_setting(&parts), "{setting} is no setting");
        let last = parts.pop().unwrap();
        let mut table = &mut self.0;
        for part in parts {
            let inner = table.entry(part).or_insert_with(|| Value::Table(Table::new()));
            table = inner.as_table_mut().unwrap();
        }
        table.insert(last.to_owned(), value.into());
    }

    /// The same with a profile whose worker is `/bin/sh -c SCRIPT`.
    #[must_use]
    pub fn with_worker(&self, profile: &str, verdict: &str, script: &str) -> Self {
        self.with(&format!("profiles.{profile}.argv"), vec!["/bin/sh", "-c", script])
            .with(&format!("profiles.{profile}.verdict"), verdict)
    }
}

fn is_setting(parts: &[&str]) -> bool {
    let Some((section, rest)) = parts.split_first() else { return false };
    let Some(section) = Section::find(section) else { return false };
    let rest = match (&section.shape, rest) {
        (Shape::Keys, rest) | (Shape::Named { .. }, [_, rest @ ..]) => rest,
        (Shape::Named { .. }, []) => return false,
    };
    match rest {
        [key] => section.key(key).is_some(),
        [key, _] => section.key(key).is_some_and(|key| key.kind.is_table()),
        _ => false,
    }
}

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A configuration without a tick, with workers of `/bin/sh -c SCRIPT` by profile: name, verdict, script.
pub fn config(profiles: &[(&str, &str, &str)]) -> Config {
    let base = Config::new()
        .with("dispatch.interval_seconds", 3600)
        .with("dispatch.backoff_base", "1ms")
        .with("dispatch.backoff_max", "1ms")
        .with("supervision.linger", "2s")
        .with("supervision.grace", "1s");
    profiles
        .iter()
        .fold(base, |config, (name, verdict, script)| config.with_worker(name, verdict, script))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_those_of_the_table_of_keys() {
        for setting in ["dispatch.enabled", "profiles.dev.user", "profiles.dev.env.NAME"] {
            assert!(is_setting(&setting.split('.').collect::<Vec<_>>()), "{setting}");
        }
        for setting in ["dispatch", "dispatch.enabld", "dispatch.enabled.x", "profiles.dev", "x.y"]
        {
            assert!(!is_setting(&setting.split('.').collect::<Vec<_>>()), "{setting}");
        }
    }

    #[test]
    fn a_setting_replaces_the_one_before_it() {
        let text = config(&[]).with("supervision.grace", "5ms").to_string();
        assert!(text.contains("grace = \"5ms\"") && !text.contains("1s"), "{text}");
    }
}
