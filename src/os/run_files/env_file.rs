//! Files with variables for workers: a line `NAME=VALUE` each. They are the place for keys, so one that others may read or
//! change is refused.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use thiserror::Error;

/// Longest such file, bytes.
const BYTES_MAX: u64 = 256 * 1024;

/// Why a file is not taken. Never shows what stands in it.
#[derive(Debug, Error)]
pub enum EnvFileError {
    /// It cannot be opened or read.
    #[error("env_file {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// It is not a regular file.
    #[error("env_file {}: it is not a regular file", path.display())]
    NotRegular {
        /// The file.
        path: PathBuf,
    },
    /// Others may read or change it.
    #[error("env_file {}: {problem}; `{remedy}`", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Who may do what.
        problem: String,
        /// Suggested command.
        remedy: String,
    },
    /// It is too large.
    #[error("env_file {}: it is too large: more than {BYTES_MAX} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// A line is no variable.
    #[error("env_file {}, line {line}: {problem}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Its number, from 1.
        line: usize,
        /// What is wrong, without what stands there.
        problem: &'static str,
    },
}

/// Reads the variables of the file at `path`. A pipe or a device is not waited for.
///
/// # Errors
/// [`EnvFileError`].
pub fn read(path: &Path) -> Result<BTreeMap<String, String>, EnvFileError> {
    crate::failpoint::hit("env-file-read");
    let unreadable = |source| EnvFileError::Unreadable { path: path.to_owned(), source };
    let mut options = std::fs::OpenOptions::new();
    let opened = options.read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path);
    let mut file = opened.map_err(unreadable)?;
    let found = file.metadata().map_err(unreadable)?;
    if !found.is_file() {
        return Err(EnvFileError::NotRegular { path: path.to_owned() });
    }
    let own = (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw());
    if let Some((problem, remedy)) = openness(&Access::of(&found), own) {
        let remedy = format!("{remedy} {}", path.display());
        return Err(EnvFileError::Open { path: path.to_owned(), problem, remedy });
    }
    let mut text = String::new();
    let length = file.by_ref().take(BYTES_MAX + 1).read_to_string(&mut text).map_err(unreadable)?;
    if length as u64 > BYTES_MAX {
        return Err(EnvFileError::TooLarge { path: path.to_owned() });
    }
    parse(&text).map_err(|(line, problem)| EnvFileError::Line {
        path: path.to_owned(),
        line,
        problem,
    })
}

/// Whose a file is, and its mode.
#[derive(Debug, Clone, Copy)]
struct Access {
    uid: u32,
    gid: u32,
    mode: u32,
}

impl Access {
    fn of(found: &Metadata) -> Self {
        Self { uid: found.uid(), gid: found.gid(), mode: found.mode() & 0o777 }
    }
}

/// What is wrong with who may read or change a file of keys, and the command that helps; none when all is well. It belongs to root
/// or to `own`; root's group and the own one may read it, which is also how a system manager hands over a credential.
fn openness(file: &Access, own: (u32, u32)) -> Option<(String, &'static str)> {
    let Access { uid, gid, mode } = *file;
    let (own_uid, own_gid) = own;
    let is_own_group = gid == own_gid || gid == 0;
    if uid != 0 && uid != own_uid {
        return Some((format!("it is writable by its owner, uid {uid}"), "chown root"));
    }
    let problem = match mode {
        mode if mode & 0o002 != 0 => "it is writable by all users",
        mode if mode & 0o004 != 0 => "it is readable by all users",
        mode if mode & 0o020 != 0 => "it is writable by its group",
        mode if mode & 0o040 != 0 && !is_own_group => {
            "it is readable by a group other than the daemon's"
        }
        _ => return None,
    };
    Some((format!("{problem} (mode {mode:03o})"), "chmod 600"))
}

/// The variables of a text; the number of the first line that is none, and what is wrong with it.
fn parse(text: &str) -> Result<BTreeMap<String, String>, (usize, &'static str)> {
    let mut variables = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |problem| (index + 1, problem);
        let (name, value) = line.split_once('=').ok_or(wrong("not NAME=VALUE"))?;
        if !is_name(name) {
            return Err(wrong("invalid variable name before `=`"));
        }
        if value.contains('\0') {
            return Err(wrong("contains a NUL byte"));
        }
        variables.insert(name.to_owned(), unquoted(value.trim_end()).to_owned());
    }
    Ok(variables)
}

fn is_name(name: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(is_letter) && name.chars().all(|c| is_letter(c) || c.is_ascii_digit())
}

/// A value without one pair of quotes around it. Nothing else is expanded: a key may hold any character.
fn unquoted(value: &str) -> &str {
    let inner = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn lines_are_variables_and_nothing_in_them_is_expanded() {
        let text = "# keys\n\nA=1\n  B = 2\n";
        assert_eq!(parse(text), Err((4, "invalid variable name before `=`")));
        let text =
            "A=1\r\nB=\"two words\"\nC='$HOME #x'\nD=a=b\nE=\n  F=last \nA=again\nG=\"half\n";
        let expected = [
            ("A", "again"),
            ("B", "two words"),
            ("C", "$HOME #x"),
            ("D", "a=b"),
            ("E", ""),
            ("F", "last"),
            ("G", "\"half"),
        ];
        let found = parse(text).unwrap();
        assert_eq!(
            found.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect::<Vec<_>>(),
            expected
        );
        for (text, line) in [("A=1\nexport B=2", 2), ("A", 1), ("1A=2", 1), ("=x", 1), ("A=\0", 1)]
        {
            assert_eq!(parse(text).unwrap_err().0, line, "{text:?}");
        }
    }

    #[test]
    fn only_root_and_the_daemon_may_change_it_and_their_groups_read_it() {
        let (own, stranger) = ((998, 997), 1000);
        for (uid, gid, mode, is_fine) in [
            (998, 997, 0o600, true),
            (998, 997, 0o640, true),
            (0, 997, 0o640, true),
            (0, 0, 0o440, true),
            (0, 0, 0o400, true),
            (998, 997, 0o644, false),
            (998, 997, 0o660, false),
            (0, stranger, 0o640, false),
            (0, stranger, 0o600, true),
            (stranger, 997, 0o600, false),
            (0, 0, 0o602, false),
        ] {
            let found = openness(&Access { uid, gid, mode }, own);
            assert_eq!(found.is_none(), is_fine, "{uid} {gid} {mode:o}: {found:?}");
        }
    }

    #[test]
    fn what_is_refused_is_told_without_what_stands_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys");
        let write = |text: &str, mode: u32| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        let message = |path: &Path| read(path).unwrap_err().to_string();
        assert!(message(&path).contains("No such file"));
        write("A_KEY=s3cret\n", 0o600);
        assert_eq!(read(&path).unwrap()["A_KEY"], "s3cret");
        write("A_KEY=s3cret\n", 0o644);
        assert!(
            message(&path).contains("it is readable by all users")
                && message(&path).contains("chmod 600")
        );
        write("A_KEY=s3cret\ns3cret again\n", 0o600);
        let line = message(&path);
        assert!(line.contains("line 2") && !line.contains("s3cret"), "{line}");
        write(&format!("A={}\n", "x".repeat(300_000)), 0o600);
        assert!(message(&path).contains("too large: more than"));
        assert!(message(dir.path()).contains("not a regular file"));
        let pipe = dir.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(message(&pipe).contains("not a regular file"));
    }
}
