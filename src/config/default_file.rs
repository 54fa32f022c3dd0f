//! The commented configuration file, written from the table of keys.
//!
//! `etc/kanband.toml` in the repository and the file that `kanban init` creates are this text. Every key of the
//! plain sections stands there with its built-in value, commented out, so the file changes nothing until
//! it is edited. The examples for profiles and launchers are commented out a whole table at a time: with
//! the first `# ` of each of their lines removed they are valid too.

use crate::config::keys::{Example, SECTIONS, Section, Shape};

/// Longest line, in characters.
const WIDTH: usize = 100;

const HEAD: &str = "\
# Configuration of kanband, the kanban board and supervisor of agents.
#
# Every key stands here with its built-in value. To change one, remove the \"# \" in front of it.
# `kanband` reads its configuration when it starts, and again at `kanban reload`.
#
# A key with a unit in its name takes an integer. Other lengths of time are strings with a unit:
# \"500ms\", \"1s\", \"5m\", \"2h\", \"1d\".
#
# Each of these goes over the ones before it:
#   kanband.toml in KANBAN_HOME, or in /etc/kanband where that is not set
#   conf.d/*.toml beside it, by name
#   an ordinary user's own $XDG_CONFIG_HOME/kanband/kanband.toml, unless KANBAN_HOME is set
#   conf.d/*.toml beside that one, by name
#   environment variables: KANBAND__DISPATCH__MAX_RUNNING=4 sets max_running of [dispatch]; lists
#   are separated by commas
";

/// The text of the default file.
pub fn render() -> String {
    let mut text = HEAD.to_owned();
    for section in SECTIONS {
        text.push('\n');
        push_comment(&mut text, "# ", section.doc);
        match section.shape {
            Shape::Keys => push_keys(&mut text, section),
            Shape::Named { examples } => {
                for example in examples {
                    push_example(&mut text, section, example);
                }
            }
        }
    }
    text
}

fn push_keys(text: &mut String, section: &Section) {
    push_line(text, &format!("[{}]", section.name));
    for key in section.keys {
        text.push('\n');
        push_comment(text, "# ", key.doc);
        push_line(text, &format!("# {} = {}", key.name, key.shown()));
    }
}

fn push_example(text: &mut String, section: &Section, example: &Example) {
    push_line(text, "#");
    push_line(text, &format!("# [{}.{}]", section.name, example.name));
    for key in example.keys.iter().filter_map(|name| section.key(name)) {
        push_comment(text, "# # ", key.doc);
        let shown = key.example.or(key.default).unwrap_or_default();
        push_line(text, &format!("# {} = {shown}", key.name));
    }
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// Words broken into lines that begin with `prefix`.
fn push_comment(text: &mut String, prefix: &str, words: &str) {
    let mut line = String::new();
    for word in words.split_whitespace() {
        let width = prefix.len() + line.chars().count() + 1 + word.chars().count();
        if !line.is_empty() && width > WIDTH {
            push_line(text, &format!("{prefix}{line}"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    push_line(text, &format!("{prefix}{line}"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load::tests::settings;
    use crate::config::settings::Settings;

    const FILE: &str = include_str!("../../etc/kanband.toml");

    /// Set to write the file instead of comparing it.
    const UPDATE: &str = "KANBAND_UPDATE_FILES";

    #[test]
    fn the_file_in_the_repository_is_the_rendered_one() {
        let rendered = render();
        if std::env::var_os(UPDATE).is_some() {
            std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/etc/kanband.toml"), &rendered)
                .unwrap();
        } else {
            assert!(FILE == rendered, "etc/kanband.toml is out of step: run this with {UPDATE}=1");
        }
    }

    #[test]
    fn the_file_changes_nothing_as_it_is() {
        assert_eq!(settings(&render()), Settings::default());
    }

    #[test]
    fn every_key_uncommented_gives_the_built_in_settings() {
        let mut uncommented_count = 0;
        let mut key_count = 0;
        let mut text = render();
        for section in SECTIONS.iter().filter(|section| matches!(section.shape, Shape::Keys)) {
            for key in section.keys {
                key_count += 1;
                let commented = format!("\n# {} = ", key.name);
                uncommented_count += text.matches(&commented).count().min(1);
                text = text.replacen(&commented, &format!("\n{} = ", key.name), 1);
            }
        }
        assert_eq!(uncommented_count, key_count, "{text}");
        assert_eq!(settings(&text), Settings::default(), "{text}");
    }

    #[test]
    fn the_examples_are_valid_once_uncommented() {
        let text = render();
        let from_examples = &text[text.find("# [profiles.").unwrap()..];
        let uncommented: String = from_examples
            .lines()
            .map(|line| format!("{}\n", line.strip_prefix("# ").unwrap_or(line)))
            .filter(|line| line.starts_with(['[', '#']) || line.contains(" = "))
            .collect();
        let settings = settings(&uncommented);
        let names: Vec<_> = settings.profiles.keys().map(String::as_str).collect();
        assert_eq!(names, ["coder", "nightly-report"]);
        let coder = &settings.profiles["coder"];
        assert_eq!(coder.umask, Some(0o027));
        assert_eq!(coder.memory_max_bytes, Some(4 << 30));
        assert_eq!(coder.rlimits["nofile"], 4096);
        assert!(settings.launchers["my-agent"].hermes_env);
    }

    /// What the package installs: short, and nothing but examples.
    #[test]
    fn the_short_file_of_the_package_is_valid_as_it_is_and_uncommented() {
        let text = include_str!("../../packaging/debian/kanband.toml");
        assert_eq!(settings(text), Settings::default());
        let uncommented: String = text
            .lines()
            .map(|line| format!("{}\n", line.strip_prefix("# ").unwrap_or(line)))
            .filter(|line| line.starts_with('[') || line.contains(" = "))
            .collect();
        let settings = settings(&uncommented);
        assert_eq!(settings.dispatch.max_running, Settings::default().dispatch.max_running);
        assert_eq!(settings.profiles["claude"].launcher.as_deref(), Some("claude"));
    }

    #[test]
    fn no_line_is_wider_than_a_hundred_characters_except_for_a_value() {
        for line in render().lines().filter(|line| !line.contains(" = ")) {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
    }
}
