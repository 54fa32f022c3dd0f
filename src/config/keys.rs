//! The keys of the configuration: the one description from which everything else is generated.
//!
//! Validation, the commented default file, the manual page and the reference all read [`SECTIONS`], so a key
//! exists in all of them or in none. The typed form is [`crate::config::settings::Settings`]; that its built-in
//! values are those written here is proven in `default_file.rs`.

mod agents;
mod chat;
mod confinement;
mod dispatch;
mod key;
mod notify;
mod reviews;
mod schedules;
mod table;
mod web;

pub use key::{Example, Key, Kind, Section, Shape};
pub use table::SECTIONS;

use crate::text::nearest::nearest;

impl Section {
    /// The section called `name`.
    pub fn find(name: &str) -> Option<&'static Self> {
        SECTIONS.iter().find(|section| section.name == name)
    }

    /// Whether sections stand below `name`, which is none itself.
    pub fn is_above(name: &str) -> bool {
        let is_below = |of: &str| of.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
        SECTIONS.iter().any(|section| is_below(section.name))
    }
}

/// Keys whose new value holds from the next start of the daemon on; every other one holds as soon as it is read.
const FROM_RESTART: &[&str] = &[
    "supervision.shim",
    "supervision.containment",
    "supervision.cgroup_base",
    "supervision.holder",
    "disk.reserve_bytes",
    "metrics.listen",
    "web.listen",
];

/// Whether a new value of the key `section.key` holds only from the next start of the daemon on.
pub fn holds_from_restart(key: &str) -> bool {
    FROM_RESTART.contains(&key)
}

/// A key by its full name, with the table that it stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundKey {
    /// The table in the file: the words of the section, and the name that the operator chose.
    pub table: Vec<String>,
    /// What stands there before the `=`.
    pub key: String,
}

/// The key `section.key`, `section.NAME.key`, or an entry of one that is a table.
pub fn find_key(name: &str) -> Option<FoundKey> {
    SECTIONS.iter().find_map(|section| {
        let rest = name.strip_prefix(section.name)?.strip_prefix('.')?;
        let words = || section.path().into_iter().map(str::to_owned);
        section.keys.iter().find_map(|key| {
            let (chosen, found) = match section.shape {
                Shape::Keys => (None, rest),
                Shape::Named { .. } => {
                    let behind = format!(".{}", key.name);
                    let is_end = |at: usize| {
                        let end = rest.get(at + behind.len()..).unwrap_or_default();
                        end.is_empty() || (end.starts_with('.') && key.kind.is_table())
                    };
                    let (at, _) =
                        rest.match_indices(&behind).find(|(at, _)| *at > 0 && is_end(*at))?;
                    (rest.get(..at), rest.get(at + 1..)?)
                }
            };
            let below = found.strip_prefix(key.name)?;
            let is_whole = below.is_empty() && !key.kind.is_table();
            let is_entry =
                key.kind.is_table() && below.strip_prefix('.').is_some_and(|of| !of.is_empty());
            (is_whole || is_entry).then(|| FoundKey {
                table: words().chain(chosen.map(str::to_owned)).collect(),
                key: found.to_owned(),
            })
        })
    })
}

/// The key whose full name is nearest to one that is none.
pub fn nearest_key(name: &str) -> Option<String> {
    let names: Vec<String> = SECTIONS
        .iter()
        .filter(|section| matches!(section.shape, Shape::Keys))
        .flat_map(|section| {
            section.keys.iter().map(move |key| format!("{}.{}", section.name, key.name))
        })
        .collect();
    nearest(name, names.iter().map(String::as_str)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_by_its_full_name() {
        for (name, expected) in [
            ("dispatch.max_running", Some("dispatch | max_running")),
            ("profiles.dev.max_running", Some("profiles dev | max_running")),
            ("profiles.a.b.argv", Some("profiles a.b | argv")),
            ("profiles.dev.env.PATH", Some("profiles dev | env.PATH")),
            ("profiles.dev.env", None),
            ("profiles.dev", None),
            ("profiles.argv", None),
            ("dispatch", None),
            ("dispatch.max_runing", None),
            ("dispatch.max_running.x", None),
            ("", None),
        ] {
            let found = find_key(name).map(|it| format!("{} | {}", it.table.join(" "), it.key));
            assert_eq!(found.as_deref(), expected, "{name}");
        }
        assert_eq!(nearest_key("dispatch.max_runing").as_deref(), Some("dispatch.max_running"));
        assert_eq!(nearest_key("something else"), None);
    }

    #[test]
    fn names_are_unique_within_their_section() {
        for (at, section) in SECTIONS.iter().enumerate() {
            assert!(SECTIONS[..at].iter().all(|other| other.name != section.name));
            for (at, key) in section.keys.iter().enumerate() {
                let is_new = section.keys[..at].iter().all(|other| other.name != key.name);
                assert!(is_new, "{}.{}", section.name, key.name);
            }
        }
    }

    #[test]
    fn a_key_is_named_so_that_an_environment_variable_can_reach_it() {
        let is_plain = |word: &str| {
            !word.contains("__") && word.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        };
        for section in SECTIONS {
            assert!(section.path().into_iter().all(is_plain), "{}", section.name);
            assert!(section.keys.iter().all(|key| is_plain(key.name)), "{}", section.name);
        }
    }

    #[test]
    fn an_integer_has_its_unit_in_its_name_or_counts_things() {
        let suffix_of = |unit| match unit {
            "seconds" => Some("_seconds"),
            "bytes" => Some("_bytes"),
            "bytes per second" => Some("_bytes_per_second"),
            "percent of one CPU" => Some("_percent"),
            _ => None,
        };
        for key in SECTIONS.iter().flat_map(|section| section.keys) {
            let is_integer = matches!(key.kind, Kind::Integer { .. });
            assert_eq!(is_integer, key.unit.is_some(), "{}", key.name);
            if let Some(suffix) = key.unit.and_then(suffix_of) {
                assert!(key.name.ends_with(suffix), "{} lacks {suffix}", key.name);
            }
        }
    }

    #[test]
    fn each_key_that_holds_from_a_restart_is_one() {
        for name in FROM_RESTART {
            let (section, key) = name.split_once('.').unwrap();
            assert!(Section::find(section).is_some_and(|it| it.key(key).is_some()), "{name}");
        }
        assert!(holds_from_restart("supervision.shim") && !holds_from_restart("log.level"));
    }

    #[test]
    fn every_doc_is_one_line_of_sentences() {
        for section in SECTIONS {
            for doc in section.keys.iter().map(|key| key.doc).chain([section.doc]) {
                assert!(doc.ends_with('.') && !doc.contains('\n'), "{doc:?}");
            }
        }
    }

    #[test]
    fn a_key_of_a_plain_section_has_a_default_and_a_named_one_something_to_show() {
        for section in SECTIONS {
            for key in section.keys {
                match &section.shape {
                    Shape::Keys => assert!(key.default.is_some(), "{}", key.name),
                    Shape::Named { examples } => {
                        assert!(key.default.or(key.example).is_some(), "{}", key.name);
                        let is_shown = examples.iter().any(|one| one.keys.contains(&key.name));
                        assert!(is_shown, "no example of {}.NAME.{}", section.name, key.name);
                    }
                }
            }
        }
    }
}
