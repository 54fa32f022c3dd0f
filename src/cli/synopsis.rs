//! The synopsis of a manual page: every option with the value that it takes.

use clap::{Arg, ArgAction, Command};
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

/// Options that every command has and no synopsis names.
const OF_ALL: [&str; 2] = ["help", "version"];

/// Writes the section.
pub fn write(roff: &mut Roff, command: &Command) {
    roff.control("SH", ["SYNOPSIS"]);
    let mut line = vec![bold(command.get_bin_name().unwrap_or_else(|| command.get_name()))];
    let is_named =
        |argument: &&Arg| !argument.is_hide_set() && !OF_ALL.contains(&argument.get_id().as_str());
    let options = command.get_arguments().filter(|argument| !argument.is_positional());
    for option in options.filter(is_named) {
        push_option(&mut line, option);
    }
    for argument in command.get_positionals().filter(is_named) {
        push_positional(&mut line, argument);
    }
    if command.get_subcommands().any(|verb| !verb.is_hide_set()) {
        let is_needed = command.is_subcommand_required_set();
        let (left, right) = if is_needed { ("<", ">") } else { ("[", "]") };
        let name = command.get_subcommand_value_name().unwrap_or("COMMAND");
        line.extend([roman(" "), roman(left), italic(name), roman(right)]);
    }
    roff.text(line);
}

/// `[--status STATUS]`, and dots where it may be given several times.
fn push_option(line: &mut Vec<Inline>, option: &Arg) {
    let (left, right) = if option.is_required_set() { ("", "") } else { ("[", "]") };
    line.extend([roman(" "), roman(left)]);
    let names = [
        option.get_short().map(|short| format!("-{short}")),
        option.get_long().map(|long| format!("--{long}")),
    ];
    for (index, name) in names.into_iter().flatten().enumerate() {
        if index > 0 {
            line.push(roman("|"));
        }
        line.push(bold(name));
    }
    if option.get_action().takes_values() {
        let is_optional = option.get_num_args().is_some_and(|count| count.min_values() == 0);
        let value = italic(value_of(option));
        match is_optional {
            true => line.extend([roman("[="), value, roman("]")]),
            false => line.extend([roman(" "), value]),
        }
    }
    line.push(roman(right));
    if matches!(option.get_action(), ArgAction::Append) {
        line.push(roman("..."));
    }
}

/// `ID`, `[ID]` or `[ID]...`.
fn push_positional(line: &mut Vec<Inline>, argument: &Arg) {
    let (left, right) = if argument.is_required_set() { ("", "") } else { ("[", "]") };
    line.extend([roman(" "), roman(left), italic(value_of(argument)), roman(right)]);
    let takes_several = argument.get_num_args().is_some_and(|count| count.max_values() > 1);
    if takes_several || matches!(argument.get_action(), ArgAction::Append) {
        line.push(roman("..."));
    }
}

fn value_of(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    let names: Vec<&str> = names.iter().map(clap::builder::Str::as_str).collect();
    if names.is_empty() {
        return argument.get_id().as_str().to_uppercase();
    }
    names.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_has_its_value_and_what_may_be_left_out_has_brackets() {
        let mut command = Command::new("show")
            .arg(Arg::new("status").short('s').long("status").action(ArgAction::Append))
            .arg(Arg::new("json").long("json").action(ArgAction::SetTrue))
            .arg(Arg::new("sort").long("sort").value_name("KEY").required(true))
            .arg(Arg::new("color").long("color").value_name("WHEN").num_args(0..=1))
            .arg(Arg::new("hidden").long("hidden").hide(true))
            .arg(Arg::new("id").required(true))
            .arg(Arg::new("more").value_name("ID").num_args(0..))
            .subcommand(Command::new("all"));
        command.build();
        let mut roff = Roff::new();
        write(&mut roff, &command);
        let text = roff.render();
        let text: String =
            ["\\fB", "\\fI", "\\fR"].iter().fold(text, |text, font| text.replace(font, ""));
        let text = text.replace("\\-", "-");
        let expected = "show [-s|--status STATUS]... [--json] --sort KEY [--color[=WHEN]] ID [ID]... [COMMAND]";
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn the_page_of_a_verb_shows_the_values_of_its_options() {
        let page = crate::cli::manual::pages()
            .into_iter()
            .find(|page| page.file_name == "kanban-list.1")
            .unwrap();
        assert!(page.text.contains("\\-\\-status\\fR \\fISTATUS\\fR"), "{}", page.text);
    }
}
