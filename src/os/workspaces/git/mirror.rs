//! A mirror of a repository: its objects, refs and reflogs by links, with a configuration written by kanband.
//!
//! Git executes what a repository's configuration names (filters, monitors, hooks, helpers, transports), and no switch disables
//! what has no fixed name. So git does not see that configuration. The values that decide how files are compared (line ends, the
//! format of objects and refs, a sparse checkout) are copied one by one; everything else is absent.
//!
//! ```text
//! <temporary directory, 0700>/
//!   common/   config, HEAD, info/*; objects, refs, packed-refs, logs, reftable, shallow → the shared directory's
//!   own/      commondir, HEAD; refs, logs, reftable, sharedindex.* → the worktree's; only of a linked worktree
//!   index     an index of our own
//! ```

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::os::workspaces::git::repository::{Repository, is_missing, read_regular};
use crate::os::workspaces::git::temporary::Temporary;
use crate::os::workspaces::git::{Call, Git, GitError};

/// Most that is read of a file that is copied, bytes.
const COPIED_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Values that are copied: how content is compared with what is stored.
const COPIED_KEYS: [&str; 2] = ["core.autocrlf", "core.eol"];

/// Values that are copied where files are written: which files a checkout has.
const SPARSE_KEYS: [&str; 2] = ["core.sparsecheckout", "core.sparsecheckoutcone"];

/// Values about the format, without which nothing can be read.
const FORMAT_KEYS: [&str; 2] = ["extensions.objectformat", "extensions.refstorage"];

/// Extensions that make no difference here: their features are not used, or the files show them.
const HARMLESS_EXTENSIONS: [&str; 7] = [
    "extensions.noop",
    "extensions.noop-v1",
    "extensions.preciousobjects",
    "extensions.partialclone",
    "extensions.worktreeconfig",
    "extensions.relativeworktrees",
    "extensions.compatobjectformat",
];

/// What is shared by all worktrees of a repository.
const COMMON_LINKS: [&str; 6] = ["objects", "refs", "packed-refs", "logs", "reftable", "shallow"];

/// What a worktree has of its own.
const OWN_LINKS: [&str; 3] = ["refs", "logs", "reftable"];

/// The configuration, before what is copied into it.
const CONFIGURATION: &str = "\
[core]
\tbare = false
\tfilemode = true
\tsymlinks = true
\tignorecase = false
\tprecomposeunicode = false
\tlogallrefupdates = false
\thooksPath = /dev/null
\tfsmonitor = false
\tuntrackedCache = false
\tsplitIndex = false
\tcommitGraph = false
\texcludesFile = /dev/null
\tattributesFile = /dev/null
\tsafecrlf = false
[index]
\tsparse = false
[gc]
\tauto = 0
[maintenance]
\tauto = false
[advice]
\tsparseIndexExpanded = false
";

/// Attributes of a comparison: whether a file is text is seen by its content.
const SHOWN_BY_CONTENT: &[u8] = b"\n* !diff\n";

/// What a mirror is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Files are written: paths that are dangerous elsewhere are refused, and a sparse checkout stays one.
    Checkout,
    /// Files are only read; every name is accepted.
    Inspection,
    /// The same, for what people and reviewers read: no attribute decides what is shown of a file.
    Comparison,
}

/// A mirror. Dropping it removes it.
#[derive(Debug)]
pub struct Mirror {
    directory: Temporary,
    is_linked: bool,
}

impl Mirror {
    /// Makes the mirror of a repository.
    ///
    /// # Errors
    /// Its configuration cannot be read, has an extension that is not known here, or the mirror cannot be made.
    pub fn make(git: &Git, repository: &Repository, purpose: Purpose) -> Result<Self, GitError> {
        let values = values(git, repository)?;
        let parent = std::env::temp_dir();
        let directory = Temporary::make_in(&parent).map_err(GitError::file(&parent))?;
        let mirror = Self { directory, is_linked: repository.is_linked() };
        mirror.fill(repository, &configuration(&values, purpose)?)?;
        if purpose == Purpose::Comparison {
            mirror.neutralize_attributes()?;
        }
        Ok(mirror)
    }

    /// A command on the worktree's own repository.
    pub fn call<A: AsRef<std::ffi::OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Call {
        let name = if self.is_linked { "own" } else { "common" };
        Call::new(arguments).git_dir(&self.directory.path().join(name))
    }

    /// A command on what all worktrees share, as if this one were not there.
    pub fn shared_call<A: AsRef<std::ffi::OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Call {
        Call::new(arguments).git_dir(&self.directory.path().join("common"))
    }

    /// A place for an index of our own.
    pub fn index(&self, name: &str) -> PathBuf {
        self.directory.path().join(format!("index-{name}"))
    }

    fn fill(&self, repository: &Repository, configuration: &str) -> Result<(), GitError> {
        let common = self.directory.path().join("common");
        let make = |path: &Path| std::fs::create_dir(path).map_err(GitError::file(path));
        make(&common)?;
        make(&common.join("info"))?;
        let config = common.join("config");
        std::fs::write(&config, configuration).map_err(GitError::file(&config))?;
        copy(&repository.common_dir.join("HEAD"), &common.join("HEAD"))?;
        for name in ["info/exclude", "info/attributes"] {
            copy_if_there(&repository.common_dir.join(name), &common.join(name))?;
        }
        link(&repository.common_dir, &common, COMMON_LINKS.map(str::to_owned).as_slice())?;
        let own = self.directory.path().join("own");
        if self.is_linked {
            make(&own)?;
            make(&own.join("info"))?;
            let shared = own.join("commondir");
            std::fs::write(&shared, "../common\n").map_err(GitError::file(&shared))?;
            copy(&repository.git_dir.join("HEAD"), &own.join("HEAD"))?;
            link(&repository.git_dir, &own, OWN_LINKS.map(str::to_owned).as_slice())?;
        }
        let shown = if self.is_linked { &own } else { &common };
        let patterns = Path::new("info/sparse-checkout");
        copy_if_there(&repository.git_dir.join(patterns), &shown.join(patterns))?;
        link(&repository.git_dir, shown, &shared_indexes(&repository.git_dir)?)
    }
}

impl Mirror {
    /// Of all attributes those count that stand last here: a file that is marked `-diff` would be shown as a binary one.
    fn neutralize_attributes(&self) -> Result<(), GitError> {
        let path = self.directory.path().join("common/info/attributes");
        let mut text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if is_missing(&error) => Vec::new(),
            Err(error) => return Err(GitError::file(&path)(error)),
        };
        text.extend_from_slice(SHOWN_BY_CONTENT);
        std::fs::write(&path, text).map_err(GitError::file(&path))
    }
}

/// Files that a split index refers to.
fn shared_indexes(git_dir: &Path) -> Result<Vec<String>, GitError> {
    let entries = std::fs::read_dir(git_dir).map_err(GitError::file(git_dir))?;
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    Ok(names.filter(|name| name.starts_with("sharedindex.")).collect())
}

fn link(from: &Path, to: &Path, names: &[String]) -> Result<(), GitError> {
    for name in names {
        let (target, location) = (from.join(name), to.join(name));
        match target.symlink_metadata() {
            Ok(_) => symlink(&target, &location).map_err(GitError::file(&location))?,
            Err(error) if is_missing(&error) => {}
            Err(error) => return Err(GitError::file(&target)(error)),
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<(), GitError> {
    let text = read_regular(from, COPIED_BYTES_MAX).map_err(GitError::file(from))?;
    std::fs::write(to, text).map_err(GitError::file(to))
}

fn copy_if_there(from: &Path, to: &Path) -> Result<(), GitError> {
    match copy(from, to) {
        Err(GitError::File { source, .. }) if is_missing(&source) => Ok(()),
        copied => copied,
    }
}

/// Keys in lower case with their values, in the order in which a later one overrides an earlier one.
type Values = Vec<(String, String)>;

/// The configuration of a repository, without what it includes.
fn values(git: &Git, repository: &Repository) -> Result<Values, GitError> {
    let mut values = read_values(git, &repository.common_dir.join("config"))?;
    let has_own = values.iter().any(|(key, value)| {
        key == "extensions.worktreeconfig"
            && matches!(value.as_str(), "true" | "yes" | "on" | "1" | "")
    });
    if has_own {
        values.extend(read_values(git, &repository.git_dir.join("config.worktree"))?);
    }
    Ok(values)
}

fn read_values(git: &Git, path: &Path) -> Result<Values, GitError> {
    // Git is given a copy of what was read: a pipe in its place would be waited for.
    let text = match read_regular(path, COPIED_BYTES_MAX) {
        Ok(text) if text.is_empty() => return Ok(Vec::new()),
        Ok(text) => text,
        Err(error) if is_missing(&error) => return Ok(Vec::new()),
        Err(error) => return Err(GitError::file(path)(error)),
    };
    let list = ["config", "--file", "-", "--no-includes", "-z", "--list"];
    let listed = git.run(&Call::new(list).input(text))?;
    Ok(parse_values(&listed))
}

/// `key\nvalue\0`, or `key\0` where there is no value.
fn parse_values(listed: &[u8]) -> Values {
    let text = String::from_utf8_lossy(listed);
    let entries = text.split('\0').filter(|entry| !entry.is_empty());
    entries
        .map(|entry| {
            let (key, value) = entry.split_once('\n').unwrap_or((entry, ""));
            (key.to_owned(), value.to_owned())
        })
        .collect()
}

/// The configuration of the mirror.
fn configuration(values: &Values, purpose: Purpose) -> Result<String, GitError> {
    let is_known = |key: &str| FORMAT_KEYS.contains(&key) || HARMLESS_EXTENSIONS.contains(&key);
    let unknown = values.iter().find(|(key, _)| key.starts_with("extensions.") && !is_known(key));
    if let Some((key, _)) = unknown {
        return Err(GitError::Odd(format!("the repository has the unsupported setting `{key}`")));
    }
    let last = |key: &str| {
        values.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    };
    let mut text = CONFIGURATION.to_owned();
    let mut copy = |key: &str| -> Result<bool, GitError> {
        let Some(value) = last(key) else { return Ok(false) };
        let is_plain = value.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let Some((section, name)) = key.split_once('.').filter(|_| is_plain) else {
            return Err(GitError::Odd(format!("`{key}` has the value {value:?}")));
        };
        // Without a value a key means `true`.
        let value = if value.is_empty() { "true" } else { value };
        text.push_str(&format!("[{section}]\n\t{name} = {value}\n"));
        Ok(true)
    };
    for key in COPIED_KEYS {
        copy(key)?;
    }
    if purpose == Purpose::Checkout {
        for key in SPARSE_KEYS {
            copy(key)?;
        }
    }
    let mut version = 0;
    for key in FORMAT_KEYS {
        version |= i32::from(copy(key)?);
    }
    text.push_str(&format!("[core]\n\trepositoryformatversion = {version}\n"));
    if purpose != Purpose::Checkout {
        text.push_str("[core]\n\tprotectNTFS = false\n\tprotectHFS = false\n");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made_of(listed: &[u8], purpose: Purpose) -> Result<String, GitError> {
        configuration(&parse_values(listed), purpose)
    }

    #[test]
    fn of_a_configuration_only_what_is_listed_is_copied_and_the_last_value_counts() {
        let listed = b"core.repositoryformatversion\n0\0core.autocrlf\ntrue\0core.autocrlf\ninput\0filter.x.clean\nevil\0\
                       core.fsmonitor\nevil\0core.sparsecheckout\ntrue\0core.hookspath\n/evil\0include.path\n/evil\0";
        let text = made_of(listed, Purpose::Inspection).unwrap();
        assert!(text.contains("autocrlf = input") && !text.contains("autocrlf = true"), "{text}");
        assert!(!text.contains("evil") && !text.contains("sparsecheckout"), "{text}");
        let text = made_of(listed, Purpose::Checkout).unwrap();
        assert!(text.contains("sparsecheckout = true") && !text.contains("protectNTFS"), "{text}");
    }

    #[test]
    fn a_format_is_copied_and_one_that_is_not_known_is_an_error() {
        let listed = b"extensions.objectformat\nsha256\0extensions.worktreeconfig\0";
        let text = made_of(listed, Purpose::Inspection).unwrap();
        assert!(text.contains("objectformat = sha256"), "{text}");
        assert!(text.contains("repositoryformatversion = 1"), "{text}");
        assert!(made_of(b"extensions.newest\ntrue\0", Purpose::Inspection).is_err());
    }

    #[test]
    fn a_value_that_could_be_more_than_one_is_refused() {
        let listed = b"core.eol\nlf\n[core]\n\thookspath = /evil\0";
        assert!(made_of(listed, Purpose::Inspection).is_err());
        assert!(made_of(b"core.eol\nlf # x\0", Purpose::Inspection).is_err());
    }
}
