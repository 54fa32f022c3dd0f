//! A task as a small form in an editor.
//!
//! ```text
//! title
//! ---
//! body
//! ```

use std::path::Path;
use std::process::Command;

use crate::cli::failure::Failure;
use crate::cli::files::PrivateDir;
use crate::cli::session::Session;
use crate::kernel::error::ErrorCode;

/// Between title and body.
const RULE: &str = "---";

/// Opens `before` in the editor of the person in front of the terminal, under `name`, and has `ask` do what the form says then. A typed text is not
/// thrown away because it was refused. `outcome` says what a failure means for the task.
///
/// # Errors
/// The editor fails, or what `ask` returns.
pub(super) fn in_editor<T>(
    session: &mut Session,
    name: &str,
    before: &str,
    outcome: &str,
    ask: impl FnOnce(&str, &mut Session) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut folder = PrivateDir::new("kanban-edit")
        .map_err(|error| Failure::fault(format!("cannot create a temporary file: {error}")))?;
    let file = folder.path().join(format!("{name}.md"));
    let failed = |error: std::io::Error| {
        Failure::fault(format!("cannot use the form {}: {error}", file.display()))
    };
    std::fs::write(&file, before).map_err(failed)?;
    open_editor(&file, outcome, session)?;
    let after = std::fs::read_to_string(&file).map_err(failed)?;
    let done = ask(&after, session);
    if done.is_err() && after != before {
        folder.keep();
        session.output.complain(&format!("note: your text was saved to {}", file.display()));
    }
    done
}

fn open_editor(file: &Path, outcome: &str, session: &Session) -> Result<(), Failure> {
    let editor =
        session.ambient.var("VISUAL").or_else(|| session.ambient.var("EDITOR")).unwrap_or("vi");
    // The variable may hold arguments and quotes, so a shell reads it, as everywhere.
    let ended = Command::new("/bin/sh")
        .args(["-c", &format!("{editor} \"$1\""), "editor"])
        .arg(file)
        .status()
        .map_err(|error| Failure::fault(format!("cannot start the editor: {error}")))?;
    if ended.success() {
        return Ok(());
    }
    let message = format!("the editor `{editor}` failed ({ended}); {outcome}");
    Err(Failure::refused(ErrorCode::InvalidValue, message)
        .with_hint("set VISUAL or EDITOR to another editor"))
}

/// The form of a title and a body.
pub(super) fn form(title: &str, body: &str) -> String {
    let end = if body.is_empty() || body.ends_with('\n') { "" } else { "\n" };
    // An imported title may have several lines.
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("{title}\n{RULE}\n{body}{end}")
}

/// Title and body of a form. Blank lines around the body belong to the form.
///
/// # Errors
/// There is no title, or it has several lines; `outcome` says what that means for the task.
pub(super) fn read_form(text: &str, outcome: &str) -> Result<(String, String), Failure> {
    let mut lines = text.lines();
    let above: Vec<&str> = lines.by_ref().take_while(|line| line.trim_end() != RULE).collect();
    let title: Vec<&str> = above.iter().map(|line| line.trim()).filter(|l| !l.is_empty()).collect();
    let body = lines.collect::<Vec<_>>().join("\n");
    match title.as_slice() {
        [] => {
            Err(Failure::refused(ErrorCode::TitleRequired, format!("title is required; {outcome}")))
        }
        [title] => Ok(((*title).to_owned(), body.trim_matches('\n').to_owned())),
        [_, _, ..] => Err(Failure::refused(
            ErrorCode::InvalidValue,
            format!("expected one line with the title, then a line `{RULE}`; {outcome}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_a_title_a_rule_and_a_body() {
        for (text, title, body) in [
            ("Fix it\n---\n", "Fix it", ""),
            ("\n Fix it \n\n--- \none\n\ntwo\n", "Fix it", "one\n\ntwo"),
            ("Fix it\n---\n---\nbody", "Fix it", "---\nbody"),
            ("Fix it", "Fix it", ""),
            ("Fix it\n---\n\n\n  indented\n\n", "Fix it", "  indented"),
        ] {
            let read = read_form(text, "nothing").unwrap();
            assert_eq!(read, (title.to_owned(), body.to_owned()), "{text:?}");
        }
        for text in ["", "\n\n---\nbody", "two\nlines\n---\n"] {
            assert!(read_form(text, "nothing").is_err(), "{text:?}");
        }
    }
}
