//! The built-in launchers: the files under `etc/launchers`, one launcher each.
//!
//! They are the lowest layer of the configuration, so a `[launchers.NAME]` of the operator that has a preset's
//! name changes the keys it holds and keeps the others. To add one, add its file and a line to [`PRESETS`].

use std::collections::BTreeMap;

use config::Config;

use crate::config::layer::{Layer, from_launcher_toml};
use crate::config::problem::Problem;
use crate::config::settings::Launcher;

/// Name and text of each preset.
pub const PRESETS: [(&str, &str); 6] = [
    ("claude", include_str!("../../etc/launchers/claude.toml")),
    ("codex", include_str!("../../etc/launchers/codex.toml")),
    ("command", include_str!("../../etc/launchers/command.toml")),
    ("gemini", include_str!("../../etc/launchers/gemini.toml")),
    ("hermes", include_str!("../../etc/launchers/hermes.toml")),
    ("opencode", include_str!("../../etc/launchers/opencode.toml")),
];

/// The presets, ready to use.
#[expect(clippy::expect_used, reason = "the texts are compiled in and a test reads each of them")]
pub fn launchers() -> BTreeMap<String, Launcher> {
    Config::builder()
        .add_source(layers(&mut Vec::new()))
        .build()
        .and_then(|merged| merged.get("launchers"))
        .expect("every built-in launcher is read by a test")
}

/// A layer for each preset.
pub(super) fn layers(problems: &mut Vec<Problem>) -> Vec<Layer> {
    PRESETS
        .iter()
        .map(|(name, text)| {
            from_launcher_toml(&format!("built-in launcher {name}"), name, text, problems)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_free_of_problems() {
        let mut problems = Vec::new();
        layers(&mut problems);
        assert_eq!(problems, []);
        let names: Vec<_> = launchers().into_keys().collect();
        assert_eq!(names, PRESETS.map(|(name, _)| name));
    }

    #[test]
    fn every_file_of_the_directory_is_built_in() {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/etc/launchers");
        let mut names: Vec<_> = std::fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, PRESETS.map(|(name, _)| format!("{name}.toml")));
    }
}
