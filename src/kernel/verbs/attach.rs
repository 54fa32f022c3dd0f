//! `attach`: attaches a file to a task. The bytes are in their place before the row is written,
//! and go after it: a row without bytes cannot come from a crash, bytes without a row are swept by `gc`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::caller::Caller;
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::event::{EventBody, FileFacts};
use crate::kernel::ids::BoardName;
use crate::kernel::limits::{ATTACHMENT_BYTES_MAX, ATTACHMENTS_PER_TASK_MAX, FILENAME_BYTES_MAX};
use crate::kernel::store::attachments::{Attachment, NewAttachment};
use crate::kernel::store::{self, Connection};
use crate::kernel::task::Task;
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::fence::refuse_ended;
use crate::kernel::verbs::handover::refuse_beyond_reach;
use crate::kernel::verbs::room;
use crate::kernel::{origin, validate};

/// Attaches a file whose bytes are in their place.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttachFile {
    /// The task.
    pub id: String,
    /// Name of the file.
    pub filename: String,
    /// Size, bytes.
    pub size_bytes: u64,
    /// SHA-256 of the content, lower-case hex.
    pub sha256: String,
    /// Board of the task; refused when the task is on another board.
    #[serde(default)]
    pub board: Option<String>,
}

/// The attachment.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct AttachReply {
    /// The task.
    pub task_id: String,
    /// Its board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// The file.
    #[serde(flatten)]
    pub attachment: Attachment,
    /// True when the task already had this file, under this name or the name with a number.
    pub already: bool,
}

impl Verb for AttachFile {
    type Reply = AttachReply;
    const NAME: &'static str = "attach";

    fn run(&self, tx: &mut Tx<'_>) -> Result<AttachReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Self::NAME)?;
        let filename = check_attach(tx.store(), tx.caller, &task, &self.filename)?;
        // A file is handed over with the task that it is attached to.
        refuse_beyond_reach(tx, &task, "attach to")?;
        let sha256 = validate::sha256(&self.sha256)?;
        let size_bytes = size(self.size_bytes)?;
        let reply = |attachment, already| AttachReply {
            task_id: task.id.to_string(),
            board: task.board.clone(),
            attachment,
            already,
        };
        let there = store::attachments::list(tx.store(), &task.id)?;
        let is_taken = |name: &str| there.iter().any(|file| file.filename == name);
        // With a number when the name was taken, by then as now.
        let is_name = |file: &Attachment| {
            file.filename == filename
                || is_taken(&filename) && is_numbered(&file.filename, &filename)
        };
        let same = there.iter().find(|file| file.sha256 == sha256 && is_name(file));
        if let Some(same) = same {
            return Ok(reply(same.clone(), true));
        }
        if there.len() >= ATTACHMENTS_PER_TASK_MAX {
            return Err(Refusal::InvalidValue {
                field: "attachments",
                problem: "a task has at most 100 attachments",
                value: filename,
            }
            .into());
        }
        let filename = free_name(&filename, is_taken);
        let new = NewAttachment {
            filename: &filename,
            size_bytes,
            sha256,
            uploaded_by: tx.caller.author(),
        };
        room::for_event(tx.store(), &task.id)?;
        let attachment = store::attachments::insert(tx.store(), &task.id, &new, tx.now)?;
        tx.event(&task, None, &EventBody::Attached(file_facts(&attachment)))?;
        Ok(reply(attachment, false))
    }
}

/// Whether the caller may attach a file of this name to the task; returns the name as it will stand. Asked before the bytes
/// are taken, and again in the transaction. A worker may for its own task and for those that the runs of that task created; whether
/// one of these is within its reach is asked in the transaction alone.
///
/// # Errors
/// A refusal or a fault.
pub fn check_attach(
    connection: &Connection,
    caller: &Caller,
    task: &Task,
    filename: &str,
) -> Result<String, VerbError> {
    caller.check(AttachFile::NAME, &task.board, Some(&task.id))?;
    refuse_ended(connection, caller)?;
    origin::refuse_foreign(connection, caller, task)?;
    Ok(validate::filename(filename)?)
}

fn size(bytes: u64) -> Result<i64, Refusal> {
    let as_usize = |bytes| usize::try_from(bytes).unwrap_or(usize::MAX);
    if bytes > ATTACHMENT_BYTES_MAX {
        let (actual, limit) = (as_usize(bytes), as_usize(ATTACHMENT_BYTES_MAX));
        return Err(Refusal::TooLarge { field: "attachment", actual, limit });
    }
    Ok(i64::try_from(bytes).unwrap_or(i64::MAX))
}

pub(super) fn file_facts(file: &Attachment) -> FileFacts<'_> {
    FileFacts {
        attachment_id: file.id,
        filename: &file.filename,
        size_bytes: file.size_bytes,
        sha256: &file.sha256,
    }
}

/// Whether `name` is what [`free_name`] makes of `asked` when that is taken.
fn is_numbered(name: &str, asked: &str) -> bool {
    let number = || {
        let (stem, extension) = stem_and_extension(asked);
        name.strip_suffix(extension)?.strip_prefix(stem)?.strip_prefix('-')?.parse::<u32>().ok()
    };
    number().is_some_and(|number| number >= 2)
}

/// A dot at the beginning hides a file and begins no extension.
fn stem_and_extension(name: &str) -> (&str, &str) {
    match name.rfind('.').filter(|at| *at > 0) {
        Some(at) => name.split_at(at),
        None => (name, ""),
    }
}

/// The name, or the first of `name-2.ext`, `name-3.ext` … that nothing has.
fn free_name(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    if !is_taken(name) {
        return name.to_owned();
    }
    let (stem, extension) = stem_and_extension(name);
    let mut number = 2_u32;
    loop {
        let suffix = format!("-{number}{extension}");
        let mut room = FILENAME_BYTES_MAX.saturating_sub(suffix.len()).min(stem.len());
        while !stem.is_char_boundary(room) {
            room -= 1;
        }
        let candidate = format!("{}{suffix}", stem.get(..room).unwrap_or_default());
        if !is_taken(&candidate) {
            return candidate;
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_numbered_name_is_known_by_the_name_that_was_asked_for() {
        for (name, asked, expected) in [
            ("a.txt", "a.txt", false),
            ("a-2.txt", "a.txt", true),
            ("a-17.txt", "a.txt", true),
            ("a-1.txt", "a.txt", false),
            ("a-x.txt", "a.txt", false),
            ("a-2.md", "a.txt", false),
            ("b-2.txt", "a.txt", false),
            (".profile-2", ".profile", true),
            ("a-2", "a", true),
        ] {
            assert_eq!(is_numbered(name, asked), expected, "{name} {asked}");
        }
    }

    #[test]
    fn a_taken_name_gets_a_number_before_its_extension() {
        for (name, taken, expected) in [
            ("a.txt", &[][..], "a.txt"),
            ("a.txt", &["a.txt"], "a-2.txt"),
            ("a.txt", &["a.txt", "a-2.txt", "a-3.txt"], "a-4.txt"),
            ("a", &["a"], "a-2"),
            ("a.tar.gz", &["a.tar.gz"], "a.tar-2.gz"),
            (".profile", &[".profile"], ".profile-2"),
        ] {
            assert_eq!(free_name(name, |name| taken.contains(&name)), expected);
        }
        let long = format!("{}.txt", "ü".repeat(125));
        let other = free_name(&long, |name| name == long);
        assert!(other.ends_with("ü-2.txt") && other.len() <= FILENAME_BYTES_MAX, "{other}");
    }
}
