//! `kanban backup`.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::api::client::{Client, Download};
use crate::cli::commands::Ended;
use crate::cli::commands::backup_verify::MissingFile;
use crate::cli::failure::Failure;
use crate::cli::files::{NewFile, Overwrite, refuse_home_file};
use crate::cli::session::Session;
use crate::cli::text;
use crate::cli::times::Times;
use crate::exit_codes::CliExit;
use crate::kernel::restore::{KeptFiles, Verified, installation_of, verify};
use crate::os::files::create_private_dir;
use crate::service::backup::{BackupSize, GetBackup};

/// Where the bytes come from.
const PATH: &str = "/v1/backup";

/// What the names of backups in a directory begin and end with; between them is the time, such as `20260501T031500Z`.
const NAME: (&str, &str) = ("kanban-", ".db");

/// Back up the boards to a file while the daemon runs.
///
/// The backup is a consistent SQLite database with all boards and attached files; `kanban restore` restores it. The size
/// of one with attached files is printed first, to stderr. It is verified before it gets its final name. `--dir` names
/// the file after the current time; `--keep` then removes the oldest backups of the same installation from that
/// directory. Several installations may share a directory. Exit code 1 means that the backup was written but is not whole:
/// attached files are missing from it, or a restore would refuse it; no old backup is removed then.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban backup board-2026-05-01.db
  kanban backup --dir /srv/backups --keep 7
  kanban backup --without-files - | zstd > board.db.zst
  kanban backup verify board-2026-05-01.db")]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true
)]
pub struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
    /// Output file; `-` writes to stdout
    #[arg(required_unless_present = "dir")]
    file: Option<PathBuf>,
    /// Overwrite an existing file
    #[arg(long, conflicts_with = "dir")]
    force: bool,
    /// Directory for a file named after the current time; created if missing
    #[arg(long, value_name = "DIR", conflicts_with = "file")]
    dir: Option<PathBuf>,
    /// Number of backups of this installation to keep in the directory, including the new one
    #[arg(long, value_name = "N", requires = "dir", conflicts_with = "file", value_parser = clap::value_parser!(u32).range(1..))]
    keep: Option<u32>,
    /// Leave attached files out
    #[arg(long)]
    without_files: bool,
}

/// What else there is to do with backups.
#[derive(Debug, clap::Subcommand)]
enum What {
    Verify(super::backup_verify::Arguments),
}

#[derive(Debug, Serialize)]
struct Shown {
    file: String,
    bytes: u64,
    files: u64,
    file_bytes: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files_missing: Vec<MissingFile>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    removed: Vec<String>,
}

/// Runs it.
///
/// # Errors
/// A file that is there or cannot be written, a copy that is damaged, or the daemon's refusal.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    if let Some(What::Verify(arguments)) = &arguments.what {
        return super::backup_verify::run(arguments, session);
    }
    let client = session.client()?;
    let request = GetBackup { files: !arguments.without_files, estimate: false };
    let file = match (&arguments.file, &arguments.dir) {
        (Some(file), _) if is_stdout(file) => {
            refuse_terminal()?;
            tell_size(&client, request, session)?;
            to_stdout(client.download(PATH, &request)?, session)?;
            return Ok(CliExit::Ok);
        }
        (Some(file), _) => file.clone(),
        (None, Some(dir)) => {
            refuse_home_file(dir, &session.ambient)?;
            in_directory(dir)?
        }
        (None, None) => return Err(Failure::usage("missing output: give FILE or --dir DIR")),
    };
    let overwrite = if arguments.force { Overwrite::Allow } else { Overwrite::Refuse };
    let new = NewFile::create(&file, overwrite, &session.ambient)?;
    tell_size(&client, request, session)?;
    let (bytes, verified) = write_checked(&client, request, new)?;
    let is_whole = verified.differences.is_empty() && verified.files.lost.is_empty();
    let removed = match (&arguments.dir, arguments.keep) {
        (Some(dir), Some(keep)) if is_whole => remove_old(dir, &verified.install.install_id, keep)?,
        (Some(_) | None, _) => Vec::new(),
    };
    let files_missing = warn(&verified, session);
    if !is_whole {
        session.output.complain(&not_whole(&file, arguments.keep.is_some()));
    }
    let end = if is_whole { CliExit::Ok } else { CliExit::Refused };
    let KeptFiles { files, bytes: file_bytes, .. } = verified.files;
    let shown = Shown {
        file: file.display().to_string(),
        bytes,
        files,
        file_bytes,
        files_missing,
        removed,
    };
    if session.output.is_json() {
        session.output.json(&shown)?;
        return Ok(end);
    }
    session.output.line(format!("Backup written: {} ({bytes} bytes)", shown.file))?;
    for removed in &shown.removed {
        session.output.line(format!("Removed: {removed}"))?;
    }
    Ok(end)
}

/// Names everything that a restore of a backup would refuse or lack; returns the files.
fn warn(verified: &Verified, session: &mut Session) -> Vec<MissingFile> {
    for difference in &verified.differences {
        let message = &difference.description;
        session
            .output
            .complain(&format!("warning: `kanban restore` would refuse this backup: {message}"));
    }
    let missing: Vec<MissingFile> = verified.files.lost.iter().map(MissingFile::of).collect();
    for file in &missing {
        session.output.complain(&format!("warning: {}", file.line()));
    }
    missing
}

/// The line about a backup that is no substitute for an earlier one.
fn not_whole(file: &Path, keeps_some: bool) -> String {
    let file = file.display();
    let kept = if keeps_some { ", so no earlier backup was removed" } else { "" };
    format!("error: the backup {file} was written but is not whole (see the warnings){kept}")
}

/// Tells how large the backup will be, before it is made: always on a terminal, else where attached files make it large. With `--json`
/// that is in the reply.
fn tell_size(client: &Client, request: GetBackup, session: &mut Session) -> Result<(), Failure> {
    if session.output.is_json() {
        return Ok(());
    }
    let asked = GetBackup { estimate: true, ..request };
    let size: BackupSize = client.get(PATH, &asked)?;
    let has_files = request.files && size.files > 0;
    if has_files || std::io::stderr().is_terminal() {
        session.output.complain(&size_line(&size, request.files));
    }
    Ok(())
}

fn size_line(size: &BackupSize, with_files: bool) -> String {
    let BackupSize { database_bytes, files, file_bytes } = *size;
    let all = in_bytes(database_bytes.saturating_add(file_bytes));
    match (with_files, files) {
        (false, _) => format!("Size: up to {all}, without attached files"),
        (true, 0) => format!("Size: up to {all}, no attached files"),
        (true, files) => {
            let of_files = in_bytes(file_bytes);
            format!("Size: up to {all}, {of_files} of it in {files} attached file(s)")
        }
    }
}

/// A file that does not have its name before it has been read through. Returns its length and what it is.
fn write_checked(
    client: &Client,
    request: GetBackup,
    mut file: NewFile,
) -> Result<(u64, Verified), Failure> {
    let bytes = to_file(client.download(PATH, &request)?, &mut file, |_| {})?;
    let verified = verify(file.staged()).map_err(|error| {
        Failure::fault(format!("the backup {}; it was discarded", error.problem()))
    })?;
    file.finish()?;
    Ok((bytes, verified))
}

/// The name of a backup of now; a numbered one when another board has been backed up there in the same second.
fn in_directory(dir: &Path) -> Result<PathBuf, Failure> {
    if !dir.exists() {
        create_private_dir(dir)
            .map_err(|error| Failure::usage(format!("cannot create {}: {error}", dir.display())))?;
    }
    if !dir.is_dir() {
        return Err(Failure::usage(format!("{} is not a directory", dir.display())));
    }
    let now = Times::of_process().compact();
    let name = |number: u32| match number {
        1 => format!("{}{now}{}", NAME.0, NAME.1),
        number => format!("{}{now}-{number}{}", NAME.0, NAME.1),
    };
    let mut names = (1..).map(|number| dir.join(name(number)));
    let free = names.find(|path| path.symlink_metadata().is_err());
    free.ok_or_else(|| Failure::usage(format!("no free backup name in {}", dir.display())))
}

/// The time and the number in the name of a backup that is named by its time.
fn time_in_name(name: &str) -> Option<(String, u32)> {
    let inner = name.strip_prefix(NAME.0)?.strip_suffix(NAME.1)?;
    let (time, number) = match inner.split_once('-') {
        Some((time, number)) => (time, number.parse().ok().filter(|number| *number > 1)?),
        None => (inner, 1),
    };
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    (shape == "00000000T000000Z").then(|| (time.to_owned(), number))
}

/// A length for people.
fn in_bytes(bytes: u64) -> String {
    const MIB: u64 = 1024 * 1024;
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..MIB => format!("{} KiB", bytes.div_ceil(1024)),
        bytes => {
            let tenths = bytes.saturating_mul(10).div_ceil(MIB);
            format!("{}.{} MiB", tenths / 10, tenths % 10)
        }
    }
}

/// Removes all but the newest `keep` backups of our own naming that are of the installation `install_id`. Nothing else
/// in the directory is touched: no other board's backup, none of unknown origin, no link.
fn remove_old(dir: &Path, install_id: &str, keep: u32) -> Result<Vec<String>, Failure> {
    let failed = |error: std::io::Error| {
        Failure::fault(format!("cannot remove old backups in {}: {error}", dir.display()))
    };
    let mut own = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let is_file = entry.file_type().map_err(failed)?.is_file();
        let time = entry.file_name().to_str().and_then(time_in_name);
        let Some(time) = time.filter(|_| is_file) else { continue };
        if installation_of(&entry.path()).is_some_and(|found| found == install_id) {
            own.push((time, entry.path()));
        }
    }
    own.sort_unstable_by(|left, right| right.cmp(left));
    let mut removed = Vec::new();
    for (_, path) in own.into_iter().skip(usize::try_from(keep).unwrap_or(usize::MAX)) {
        std::fs::remove_file(&path).map_err(failed)?;
        removed.push(path.display().to_string());
    }
    Ok(removed)
}

/// Whether a file's name means stdout.
pub(super) fn is_stdout(file: &Path) -> bool {
    file == Path::new("-")
}

fn refuse_terminal() -> Result<(), Failure> {
    if std::io::stdout().is_terminal() {
        return Err(Failure::usage("refusing to write a database to a terminal")
            .with_hint("kanban backup - > board.db"));
    }
    Ok(())
}

/// Writes a reply to stdout piece by piece; control characters are replaced on a terminal.
pub(super) fn to_stdout(mut reply: Download<'_>, session: &mut Session) -> Result<(), Failure> {
    let mut shown = session.output.columns().map(|_| text::Stream::default());
    while let Some(piece) = reply.piece()? {
        match &mut shown {
            Some(stream) => session.output.raw(stream.push(&piece).as_bytes())?,
            None => session.output.raw(&piece)?,
        }
    }
    let rest = shown.map(|mut stream| stream.finish()).unwrap_or_default();
    session.output.raw(rest.as_bytes())
}

/// Writes a reply, showing each piece to `look`; returns how long it was.
pub(super) fn to_file(
    mut reply: Download<'_>,
    file: &mut NewFile,
    mut look: impl FnMut(&[u8]),
) -> Result<u64, Failure> {
    let mut bytes: u64 = 0;
    while let Some(piece) = reply.piece()? {
        look(&piece);
        bytes += piece.len() as u64;
        file.write(&piece)?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_with_a_time_are_of_our_naming_and_they_sort_by_it() {
        for (name, expected) in [
            ("kanban-20260501T031500Z.db", Some(("20260501T031500Z", 1))),
            ("kanban-20260501T031500Z-2.db", Some(("20260501T031500Z", 2))),
            ("kanban-20260501T031500Z-10.db", Some(("20260501T031500Z", 10))),
            ("kanban-20260501T031500Z-1.db", None),
            ("kanban-20260501T031500Z-x.db", None),
            ("kanban-20260501T031500Z.db.zst", None),
            ("kanban-2026-05-01.db", None),
            ("kanban-.db", None),
            ("board-20260501T031500Z.db", None),
            (".kanban-20260501T031500Z.db.ab", None),
        ] {
            let expected = expected.map(|(time, number)| (time.to_owned(), number));
            assert_eq!(time_in_name(name), expected, "{name}");
        }
    }
}
