//! `docs/configuration.md`, written from the table of keys that also makes the default file and checks every configuration.

use std::fmt::Write as _;

use kanband::config::keys::{Key, Kind, SECTIONS, Section, Shape};
use kanband::config::presets::PRESETS;

use crate::generated::is_up_to_date;

const HEAD: &str = "\
# Configuration reference

For operators: every key with its values and what it does. This page is generated from the table in `src/config/keys` that the
daemon checks a configuration with; the commented file with all built-in values, which `kanban init` creates in a new home, is
[etc/kanband.toml](../etc/kanband.toml). Profiles and launchers are explained in [concepts](concepts.md) and in
[writing a launcher](launchers.md).

## Where it is read

Each source overrides the ones before it. Tables are merged key by key, everything else is replaced; a missing file is
ignored.

| | with `KANBAN_HOME` set | root and the service user | other users |
|---|---|---|---|
| 1 | built-in values | built-in values | built-in values |
| 2 | `$KANBAN_HOME/kanband.toml` | `/etc/kanband/kanband.toml` | `/etc/kanband/kanband.toml` |
| 3 | `$KANBAN_HOME/conf.d/*.toml`, by name | `/etc/kanband/conf.d/*.toml`, by name | `/etc/kanband/conf.d/*.toml`, by name |
| 4 | | | `$XDG_CONFIG_HOME/kanband/kanband.toml` (`~/.config`) |
| 5 | | | `$XDG_CONFIG_HOME/kanband/conf.d/*.toml`, by name |
| 6 | `KANBAND__SECTION__KEY` | `KANBAND__SECTION__KEY` | `KANBAND__SECTION__KEY` |

`KANBAND__DISPATCH__MAX_RUNNING=4` sets `max_running` of `[dispatch]`; lists are separated by commas.

Unknown keys and invalid values are all reported at once, and nothing is applied (`kanband` exits with 78). A missing program
is not a configuration error: it is reported at the start of a worker, and by `kanban doctor` and `kanban profiles check`.

A duration is a string with a unit: `500ms`, `1s`, `5m`, `2h`, `1d`. A key with a unit in its name takes an integer. A size is a
string such as `512M` (powers of 1024) or an integer of bytes.
";

/// The page.
fn render() -> String {
    let mut text = HEAD.to_owned();
    for section in SECTIONS {
        write!(text, "\n## {}\n\n{}\n\n", heading(section), section.doc).unwrap();
        text.push_str("| key | value | default | description |\n|---|---|---|---|\n");
        for key in section.keys {
            let (takes, built_in) = (cell(&takes(key)), built_in(section, key));
            writeln!(text, "| `{}` | {takes} | {built_in} | {} |", key.name, cell(key.doc))
                .unwrap();
        }
        if section.name == "launchers" {
            push_presets(&mut text);
        }
    }
    text
}

fn heading(section: &Section) -> String {
    match section.shape {
        Shape::Keys => format!("[{}]", section.name),
        Shape::Named { .. } => format!("[{}.NAME]", section.name),
    }
}

fn takes(key: &Key) -> String {
    let unit = key.unit.filter(|unit| !key.name.ends_with(&unit.replace(' ', "_")));
    let words = match key.kind {
        Kind::IntegerTable(names) => format!("{}: {}", key.kind, names.join(", ")),
        kind => kind.to_string(),
    };
    match unit {
        Some(unit) => format!("{words} ({unit})"),
        None => words,
    }
}

fn built_in(section: &Section, key: &Key) -> String {
    match (key.default, key.example, &section.shape) {
        (Some(default), _, _) => format!("`{}`", cell(default)),
        (None, Some(example), Shape::Named { .. }) => format!("none; such as `{}`", cell(example)),
        (None, _, _) => "none".to_owned(),
    }
}

fn push_presets(text: &mut String) {
    text.push_str("\nThese launchers are built in:\n");
    for (name, preset) in PRESETS {
        let keys: Vec<&str> = preset.lines().filter(|line| !line.starts_with('#')).collect();
        let about: Vec<&str> = preset
            .lines()
            .map_while(|line| line.strip_prefix('#'))
            .take_while(|line| !line.is_empty())
            .map(str::trim)
            .collect();
        write!(
            text,
            "\n{}\n\n```toml\n[launchers.{name}]\n{}\n```\n",
            about.join(" "),
            keys.join("\n")
        )
        .unwrap();
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[test]
fn the_configuration_reference_is_what_the_table_of_keys_says() {
    is_up_to_date("docs/configuration.md", &render());
}
