//! What `kanban workspace diff` prints for the daemon: one line of JSON, and behind it the bytes of the patch. Data only: its
//! readers do not run git.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most files that are listed; the totals count all of them.
pub const FILES_MAX: usize = 2_000;

/// Most bytes that the names of listed files may take together.
pub const NAMES_BYTES_MAX: usize = 256 * 1024;

/// Most bytes of a patch.
pub const PATCH_BYTES_MAX: usize = 5 * 1024 * 1024;

/// Files that are named when they are left out of a patch.
pub const LEFT_OUT_MAX: usize = 20;

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Deleted,
    /// Its content or its mode is another one.
    Modified,
    /// It was renamed, and maybe changed too.
    Renamed,
    /// It became something else: a file a symbolic link, or a submodule.
    TypeChanged,
}

/// A changed file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangedFile {
    /// Its path in the repository. One that is no plain text is quoted as git quotes it: `"a\nb\377"`.
    pub path: String,
    /// Its path before it was renamed.
    #[serde(default)]
    pub old_path: Option<String>,
    /// What happened to it.
    pub change: ChangeKind,
    /// Lines added; null of a binary file.
    #[serde(default)]
    pub added: Option<u64>,
    /// Lines deleted; null of a binary file.
    #[serde(default)]
    pub deleted: Option<u64>,
    /// Whether it is binary: its content is not shown.
    #[serde(default)]
    pub is_binary: bool,
    /// Whether it is a submodule: what is shown is its commit.
    #[serde(default)]
    pub is_submodule: bool,
}

impl ChangedFile {
    /// One line for people: a letter, the numbers, the name.
    pub fn line(&self) -> String {
        let letter = match self.change {
            ChangeKind::Added => 'A',
            ChangeKind::Deleted => 'D',
            ChangeKind::Modified => 'M',
            ChangeKind::Renamed => 'R',
            ChangeKind::TypeChanged => 'T',
        };
        let numbers = match (self.added, self.deleted) {
            (Some(added), Some(deleted)) => format!("+{added} -{deleted}"),
            _ => "binary".to_owned(),
        };
        let renamed = self.old_path.as_ref().map_or(String::new(), |old| format!("{old} => "));
        let submodule = if self.is_submodule { " (submodule)" } else { "" };
        format!("{letter}  {numbers:<11}  {renamed}{}{submodule}", self.path)
    }
}

/// What was left out of a patch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LeftOut {
    /// Files whose diff is not in the patch.
    pub file_count: u64,
    /// Names of the first of them.
    pub files: Vec<String>,
    /// Bytes of the only file's diff that were cut off at its end.
    pub cut_bytes: u64,
    /// Whether there was more than is read at all, so that the numbers here are minima.
    pub is_more: bool,
}

impl LeftOut {
    /// One line for people; none when nothing was left out.
    pub fn line(&self) -> Option<String> {
        let limit = PATCH_BYTES_MAX / (1024 * 1024);
        if self.cut_bytes > 0 {
            let more = if self.is_more { " or more" } else { "" };
            return Some(format!(
                "the diff is cut at {limit} MiB: {}{more} bytes are left out",
                self.cut_bytes
            ));
        }
        let unnamed =
            self.file_count.saturating_sub(u64::try_from(self.files.len()).unwrap_or(u64::MAX));
        let more = if unnamed > 0 { format!(" and {unnamed} more") } else { String::new() };
        (self.file_count > 0).then(|| {
            format!(
                "{} file(s) are left out, the diff would be larger than {limit} MiB: {}{more}",
                self.file_count,
                self.files.join(", ")
            )
        })
    }
}

/// What a worktree has changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DiffReport {
    /// Branch that it is compared with; null when there is none, or it is gone.
    #[serde(default)]
    pub base_branch: Option<String>,
    /// Commit that it is compared with: the merge base.
    pub base_commit: String,
    /// Branch of the worktree; null when its head is detached.
    #[serde(default)]
    pub branch: Option<String>,
    /// Newest commit of what is shown.
    pub head: String,
    /// Whether uncommitted changes and new files are shown too.
    pub has_uncommitted: bool,
    /// The first changed files, by name: at most 2,000.
    pub files: Vec<ChangedFile>,
    /// Changed files in all.
    pub file_count: u64,
    /// Lines added in all.
    pub added: u64,
    /// Lines deleted in all.
    pub deleted: u64,
    /// What else has to be known, one line each.
    #[serde(default)]
    pub notes: Vec<String>,
    /// What was left out of the patch; null when none was asked for.
    #[serde(default)]
    pub left_out: Option<LeftOut>,
}

impl DiffReport {
    /// The same with at most so many files, whose names take at most so many bytes.
    pub fn shortened(mut self, files_max: usize, bytes_max: usize) -> Self {
        let mut bytes = 0;
        self.files.truncate(files_max);
        self.files.retain(|file| {
            bytes += file.path.len() + file.old_path.as_ref().map_or(0, String::len);
            bytes <= bytes_max
        });
        self
    }

    /// What it is compared with, for people: `main at 0123456789ab`.
    pub fn base(&self) -> String {
        let commit: String = self.base_commit.chars().take(12).collect();
        match &self.base_branch {
            Some(branch) => format!("{branch} at {commit}"),
            None => commit,
        }
    }
}

/// Why there is no diff, as `kanban workspace diff` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoDiff {
    /// One line for people.
    pub message: String,
    /// Whether the only reason is that a named file has not changed.
    #[serde(default)]
    pub is_not_changed: bool,
    /// Whether git took too long.
    #[serde(default)]
    pub is_timeout: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_one_line_with_its_numbers() {
        let file = ChangedFile {
            path: "b".into(),
            old_path: Some("a".into()),
            change: ChangeKind::Renamed,
            added: Some(3),
            deleted: Some(1),
            is_binary: false,
            is_submodule: false,
        };
        assert_eq!(file.line(), "R  +3 -1        a => b");
        let binary = ChangedFile {
            old_path: None,
            change: ChangeKind::Added,
            added: None,
            deleted: None,
            is_binary: true,
            ..file.clone()
        };
        assert_eq!(binary.line(), "A  binary       b");
        let module = ChangedFile { is_submodule: true, ..file };
        assert!(module.line().ends_with("b (submodule)"));
    }

    #[test]
    fn what_is_left_out_is_said_with_its_number() {
        assert_eq!(LeftOut::default().line(), None);
        let files = LeftOut { file_count: 3, files: vec!["a".into()], ..LeftOut::default() };
        assert!(files.line().unwrap().ends_with("larger than 5 MiB: a and 2 more"));
        let cut = LeftOut { cut_bytes: 7, ..LeftOut::default() };
        assert_eq!(cut.line().unwrap(), "the diff is cut at 5 MiB: 7 bytes are left out");
    }
}
