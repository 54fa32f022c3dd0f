//! The manual pages: `kanban(1)`, a page for each verb, `kanband(8)` and `kanband.toml(5)`.
//!
//! Nothing is written by hand that stands somewhere else already: synopsis, options and examples come from the
//! definitions of the command lines, keys from [`SECTIONS`].

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

use crate::cli::synopsis;
use crate::config::keys::{Key, SECTIONS, Section, Shape};
use crate::exit_codes::{CliExit, DaemonExit};

/// Name of the book that the pages belong to.
const BOOK: &str = "kanband";

/// One page.
#[derive(Debug)]
pub struct Page {
    /// Name and section, such as `kanban-list.1`.
    pub file_name: String,
    /// The source for man(1), as man(7) describes it.
    pub text: String,
}

/// Every page.
pub fn pages() -> Vec<Page> {
    let mut command = super::Arguments::command().disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    push_verbs(&mut pages, &command, true);
    pages.push(daemon_page());
    pages.push(configuration_page());
    pages
}

/// The page of a command and those of what is below it.
fn push_verbs(pages: &mut Vec<Page>, command: &Command, is_top: bool) {
    let mut roff = Roff::new();
    if is_top {
        exit_statuses(
            &mut roff,
            &[
                (CliExit::Ok.code(), "Done."),
                (CliExit::Refused.code(), "Refused by the board."),
                (CliExit::Usage.code(), "Usage error."),
                (CliExit::Timeout.code(), "Time-out."),
                (CliExit::NotReachable.code(), "Daemon not reachable."),
                (CliExit::Fault.code(), "Fault in the daemon."),
            ],
        );
        let locations = [
            ("KANBAN_SOCKET", "Socket of the daemon."),
            (
                "KANBAN_PAGER, PAGER",
                "Program that shows a diff on a terminal; less(1) by default, `cat` for none.",
            ),
            (
                "KANBAN_HOME",
                "Home of the daemon (default: the user's home of kanband, else the machine's).",
            ),
            ("KANBAN_BOARD", "Board, if --board is not given."),
        ];
        heading(&mut roff, "ENVIRONMENT");
        for (name, message) in locations {
            tagged(&mut roff, [bold(name)], message);
        }
        see_also(&mut roff, &[("kanband", 8), ("kanband.toml", 5)]);
    } else {
        see_also(&mut roff, &[("kanban", 1), ("kanband", 8)]);
    }
    pages.push(page_of(command, "1", &roff));
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        push_verbs(pages, verb, false);
    }
}

fn daemon_page() -> Page {
    let mut roff = Roff::new();
    exit_statuses(
        &mut roff,
        &[
            (DaemonExit::Ok.code(), "Stopped by a signal."),
            (DaemonExit::Fault.code(), "Fault."),
            (DaemonExit::Usage.code(), "Usage error."),
            (DaemonExit::Software.code(), "Internal failure; restart the daemon."),
            (
                DaemonExit::Owned.code(),
                "Another daemon owns the home or its socket; the message names it.",
            ),
            (DaemonExit::Config.code(), "Invalid configuration or database."),
        ],
    );
    heading(&mut roff, "SIGNALS");
    for (name, message) in [
        (
            "SIGTERM, SIGINT",
            "Stop within two seconds. Runs are not stopped: workers continue under their shims.",
        ),
        ("SIGHUP", "Reload the configuration."),
    ] {
        tagged(&mut roff, [bold(name)], message);
    }
    heading(&mut roff, "FILES");
    for (name, message) in [
        ("/etc/kanband/kanband.toml", "Configuration, see kanband.toml(5)."),
        ("/etc/kanband/conf.d/*.toml", "Additional configuration, read in the order of names."),
        ("/run/kanband/kanband.sock", "Socket of operators: the members of the group kanban."),
        (
            "/run/kanband/kanband.sock.worker",
            "Socket of workers; only processes of a run are served.",
        ),
        ("/var/lib/kanband/kanban.db", "Database with all boards (SQLite)."),
        ("/var/lib/kanband/runs, logs, workspaces", "Files of each run."),
        ("kanband.log in the home", "Log of a daemon that was started with --detach."),
    ] {
        tagged(&mut roff, [italic(name)], message);
    }
    see_also(&mut roff, &[("kanban", 1), ("kanban-doctor", 1), ("kanband.toml", 5)]);
    let mut command = crate::app::Arguments::command();
    command.build();
    page_of(&command, "8", &roff)
}

/// A command's own sections, its examples as they stand, and `more`.
fn page_of(command: &Command, section: &str, more: &Roff) -> Page {
    let version = concat!("kanband ", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone()).section(section).source(version).manual(BOOK);
    let (mut text, mut description) = (Vec::new(), Vec::new());
    let has_options = command.get_arguments().any(|argument| !argument.is_hide_set());
    let has_verbs = command.get_subcommands().any(|verb| !verb.is_hide_set());
    let rendered = man
        .render_title(&mut text)
        .and_then(|()| man.render_name_section(&mut text))
        .and_then(|()| man.render_description_section(&mut description))
        .and_then(|()| match has_options {
            true => man.render_options_section(&mut description),
            false => Ok(()),
        })
        .and_then(|()| match has_verbs {
            true => man.render_subcommands_section(&mut description),
            false => Ok(()),
        });
    let mut summary = Roff::new();
    synopsis::write(&mut summary, command);
    debug_assert!(rendered.is_ok(), "writing into memory does not fail");
    let mut rest = Roff::new();
    let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    if let Some(lines) = examples.trim_end().strip_prefix("Example") {
        let lines = lines.split_once('\n').map_or(lines, |(_, lines)| lines);
        heading(&mut rest, "EXAMPLES");
        as_it_stands(&mut rest, lines);
    }
    let as_text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (text, description) = (as_text(&text), as_text(&description));
    let parts = [text, summary.render(), description, rest.render(), more.render()];
    Page { file_name: man.get_filename(), text: joined(&parts) }
}

fn configuration_page() -> Page {
    let mut roff = Roff::new();
    let version = concat!("kanband ", env!("CARGO_PKG_VERSION"));
    roff.control("TH", ["kanband.toml", "5", "", version, BOOK]);
    heading(&mut roff, "NAME");
    roff.text([roman("kanband.toml - configuration of kanband")]);
    heading(&mut roff, "SYNOPSIS");
    for (index, path) in [
        "/etc/kanband/kanband.toml",
        "/etc/kanband/conf.d/*.toml",
        "~/.config/kanband/kanband.toml",
        "~/.config/kanband/conf.d/*.toml",
    ]
    .iter()
    .enumerate()
    {
        if index > 0 {
            roff.control("br", []);
        }
        roff.text([italic(*path)]);
    }
    heading(&mut roff, "DESCRIPTION");
    for paragraph in [
        "A TOML file of sections and keys. Every key has a default; set only the keys that differ. Later sources \
         override earlier ones: kanband.toml in KANBAN_HOME, or in /etc/kanband if that is not set; conf.d/*.toml beside it, in the order of names; for an ordinary user $XDG_CONFIG_HOME/kanband/kanband.toml and conf.d/*.toml beside it, unless KANBAN_HOME is set; environment variables, such as KANBAND__DISPATCH__MAX_RUNNING=4 for max_running of [dispatch].",
        "A key with a unit in its name takes an integer. Other durations are strings with a unit: \"500ms\", \"1s\", \
         \"5m\", \
         \"2h\", \"1d\". Unknown keys and invalid values are errors; all of them are reported at once.",
    ] {
        roff.control("PP", []);
        roff.text([roman(paragraph)]);
    }
    for section in SECTIONS {
        push_section(&mut roff, section);
    }
    see_also(&mut roff, &[("kanband", 8), ("kanban-doctor", 1), ("kanban-profiles", 1)]);
    Page { file_name: "kanband.toml.5".to_owned(), text: roff.render() }
}

fn push_section(roff: &mut Roff, section: &Section) {
    let name = match section.shape {
        Shape::Keys => format!("[{}]", section.name),
        Shape::Named { .. } => format!("[{}.NAME]", section.name),
    };
    heading(roff, &name);
    roff.text([roman(section.doc)]);
    for key in section.keys {
        push_key(roff, key);
    }
}

fn push_key(roff: &mut Roff, key: &Key) {
    let takes = key.kind.to_string();
    let default = key.default.map_or_else(String::new, |value| format!(" Default: {value}."));
    tagged(roff, [bold(key.name)], &format!("{} Takes {takes}.{default}", key.doc));
}

fn exit_statuses(roff: &mut Roff, statuses: &[(u8, &str)]) {
    heading(roff, "EXIT STATUS");
    for (code, message) in statuses {
        tagged(roff, [bold(code.to_string())], message);
    }
}

fn see_also(roff: &mut Roff, pages: &[(&str, u8)]) {
    heading(roff, "SEE ALSO");
    let mut line = Vec::new();
    for (index, (name, section)) in pages.iter().enumerate() {
        if index > 0 {
            line.push(roman(", "));
        }
        line.push(bold(*name));
        line.push(roman(format!("({section})")));
    }
    roff.text(line);
}

fn heading(roff: &mut Roff, name: &str) {
    roff.control("SH", [name]);
}

fn tagged<const N: usize>(roff: &mut Roff, tag: [Inline; N], message: &str) {
    roff.control("TP", []);
    roff.text(tag);
    roff.text([roman(message)]);
}

/// Lines that are not to be filled.
fn as_it_stands(roff: &mut Roff, lines: &str) {
    roff.control("nf", []);
    for line in lines.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
}

/// The parts of a page as one. Each begins with a preamble, which defines how apostrophes are printed; it is needed once.
fn joined(parts: &[String]) -> String {
    let preamble = Roff::new().render();
    let rest = parts.iter().map(|part| part.replace(&preamble, ""));
    std::iter::once(preamble.clone()).chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn by_name() -> BTreeMap<String, String> {
        pages().into_iter().map(|page| (page.file_name, page.text)).collect()
    }

    #[test]
    fn every_verb_has_a_page_with_its_examples() {
        let pages = by_name();
        let command = crate::cli::Arguments::command();
        for verb in command.get_subcommands() {
            let page = pages.get(&format!("kanban-{}.1", verb.get_name()));
            assert_eq!(page.is_some(), !verb.is_hide_set(), "{}", verb.get_name());
            if let Some(page) = page {
                assert!(page.contains(".SH EXAMPLES\n.nf\n"), "{page}");
            }
        }
        assert!(pages.contains_key("kanban-boards-create.1"), "those below a verb have one too");
    }

    #[test]
    fn the_configuration_page_has_every_key_with_its_built_in_value() {
        let page = &by_name()["kanband.toml.5"];
        for section in SECTIONS {
            assert!(page.contains(&format!(".SH [{}", section.name)), "{}", section.name);
            for key in section.keys {
                let name = key.name;
                assert!(page.contains(&format!("\n\\fB{name}\\fR\n")), "{name}");
            }
        }
        assert!(page.contains("Default: 60."), "{page}");
    }

    #[test]
    fn a_page_says_which_program_and_version_it_is_of() {
        for (name, text) in by_name() {
            let section = name.rsplit('.').next().unwrap();
            let title = text.lines().find(|line| line.starts_with(".TH ")).unwrap();
            assert!(title.contains(&format!(" {section} ")), "{name}: {title}");
            assert!(title.contains(env!("CARGO_PKG_VERSION")), "{name}: {title}");
            assert!(text.contains(".SH NAME\n") && text.contains(".SH \"SEE ALSO\"\n"), "{name}");
        }
    }
}
