//! Finds the repository of a path, as git does, but without git and with less trust.
//!
//! Git takes any directory that looks like a bare repository for one, wherever it lies: one that a stranger has committed into a
//! checkout brings its own configuration. Here a repository is what a `.git` leads to, in the directory or above it, or a bare
//! repository that is named itself and lies in no checkout. It has to belong to this process's user, unless the user trusts it
//! (`safe.directory`).

use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use thiserror::Error;

use crate::os::processes::user::user_name;
use crate::os::workspaces::git::{Call, Git};

/// Most that is read of a file that holds one line, bytes.
const LINE_FILE_BYTES_MAX: u64 = 64 * 1024;

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Its own directory: of a linked worktree the one below `worktrees`.
    pub git_dir: PathBuf,
    /// The directory that all its worktrees share.
    pub common_dir: PathBuf,
    /// The top of the checkout; none of a bare repository.
    pub top: Option<PathBuf>,
}

impl Repository {
    /// Whether it is the entry of the worktree at `top`, and not that of another one to which a link was turned.
    ///
    /// # Errors
    /// The entry does not say where its worktree is.
    pub fn is_entry_of(&self, top: &Path) -> Result<bool, RepositoryError> {
        let file = self.git_dir.join("gitdir");
        let line = read_line(&file).map_err(at(&file))?;
        // Absolute, or relative to the directory that it stands in.
        let named = self.git_dir.join(Path::new(std::ffi::OsStr::from_bytes(&line)));
        let link = top.join(".git");
        Ok(named.canonicalize().ok() == Some(link.canonicalize().map_err(at(&link))?))
    }

    /// Paths by which a user trusts `part` of it: as in git, the checkout, or the directory of a bare repository. What the
    /// worktrees share is trusted with the main checkout, too.
    fn names_in_trust(&self, part: &Path) -> Vec<&Path> {
        let own = self.top.as_deref().unwrap_or(&self.git_dir);
        let common = self.common_dir.as_path();
        if part != common || !self.is_linked() {
            return vec![own];
        }
        let is_of_checkout = common.file_name().is_some_and(|name| name == ".git");
        let main = common.parent().filter(|_| is_of_checkout);
        main.into_iter().chain([common, own]).collect()
    }

    /// Whether it is a linked worktree.
    pub fn is_linked(&self) -> bool {
        self.git_dir != self.common_dir
    }
}

/// Why there is no repository to use.
#[derive(Debug, Error)]
pub enum RepositoryError {
    /// No `.git` in the directory or above it, and it is no bare repository.
    #[error("{} is not in a git repository", path.display())]
    None {
        /// The directory.
        path: PathBuf,
    },
    /// It lies in a bare repository.
    #[error("{} is not in a git repository: it is inside the bare repository {}; name that directory", path.display(), bare.display())]
    InsideBare {
        /// The directory.
        path: PathBuf,
        /// The bare repository.
        bare: PathBuf,
    },
    /// It is a bare repository, and a part of a checkout.
    #[error(
        "{} is a bare repository inside the checkout {}: its configuration is not trusted; \
         name the checkout, or clone the bare repository elsewhere",
        bare.display(), checkout.display()
    )]
    BareInCheckout {
        /// The bare repository.
        bare: PathBuf,
        /// The checkout.
        checkout: PathBuf,
    },
    /// It belongs to another user.
    #[error(
        "{} belongs to `{owner}`, and git runs as `{user}`: let `{user}` own the repository, or trust it as that user with \
         `git config --global --add safe.directory {}`", path.display(), trusted.display()
    )]
    NotOwned {
        /// The path with another owner.
        path: PathBuf,
        /// That owner.
        owner: String,
        /// Whose this process is.
        user: String,
        /// The path that has to be trusted.
        trusted: PathBuf,
    },
    /// A `.git` that leads nowhere.
    #[error("{}: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
}

impl RepositoryError {
    /// The kernel's error number behind it.
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Io { source, .. } => source.raw_os_error(),
            _ => None,
        }
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> RepositoryError + '_ {
    move |source| RepositoryError::Io { path: path.to_owned(), source }
}

/// The repository in which the directory `path` lies.
///
/// # Errors
/// [`RepositoryError`].
pub fn find(git: &Git, path: &Path) -> Result<Repository, RepositoryError> {
    let path = path.canonicalize().map_err(at(path))?;
    let device = path.metadata().map_err(at(&path))?.dev();
    let bare = looks_bare(&path).then(|| path.clone());
    let mut enclosing_bare = None;
    for folder in path.ancestors() {
        // As git: another file system is another place.
        if folder.metadata().map_err(at(folder))?.dev() != device {
            break;
        }
        if let Some(found) = checkout_at(folder)? {
            return match bare {
                Some(bare) if bare != found.git_dir => {
                    Err(RepositoryError::BareInCheckout { bare, checkout: folder.to_owned() })
                }
                Some(_) | None => owned(git, found),
            };
        }
        if enclosing_bare.is_none() && folder != path && looks_bare(folder) {
            enclosing_bare = Some(folder.to_owned());
        }
    }
    match (bare, enclosing_bare) {
        (Some(bare), _) => {
            let found = Repository { git_dir: bare.clone(), common_dir: bare, top: None };
            owned(git, found)
        }
        (None, Some(bare)) => Err(RepositoryError::InsideBare { path, bare }),
        (None, None) => Err(RepositoryError::None { path }),
    }
}

/// The repository of which `path` is the top of a checkout.
///
/// # Errors
/// [`RepositoryError`]; also when the checkout lies further up.
pub fn at_top(git: &Git, path: &Path) -> Result<Repository, RepositoryError> {
    let path = path.canonicalize().map_err(at(path))?;
    let found = checkout_at(&path)?.ok_or(RepositoryError::None { path })?;
    owned(git, found)
}

/// What the `.git` in `folder` leads to; none when there is none.
///
/// # Errors
/// It leads nowhere.
pub fn checkout_at(folder: &Path) -> Result<Option<Repository>, RepositoryError> {
    let link = folder.join(".git");
    let git_dir = match link.metadata() {
        Ok(found) if found.is_dir() => link.clone(),
        Ok(_) => linked_dir(&link)?,
        Err(_) if link.symlink_metadata().is_err_and(|error| is_missing(&error)) => {
            return Ok(None);
        }
        Err(source) => return Err(RepositoryError::Io { path: link, source }),
    };
    if git_dir.join("HEAD").symlink_metadata().is_err() {
        // An empty `.git` directory is none to git either; a file that leads to nothing is an error.
        return if git_dir == link { Ok(None) } else { Err(leads_nowhere(&link, &git_dir)) };
    }
    let git_dir = git_dir.canonicalize().map_err(at(&git_dir))?;
    let common_dir = common_dir(&git_dir)?;
    Ok(Some(Repository { git_dir, common_dir, top: Some(folder.to_owned()) }))
}

fn leads_nowhere(link: &Path, git_dir: &Path) -> RepositoryError {
    let why = format!("it points to {}, which is not a repository", git_dir.display());
    RepositoryError::Damaged { path: link.to_owned(), why }
}

/// The directory that a `.git` file names.
fn linked_dir(link: &Path) -> Result<PathBuf, RepositoryError> {
    let line = read_line(link).map_err(at(link))?;
    let named = line.strip_prefix(b"gitdir: ").ok_or_else(|| RepositoryError::Damaged {
        path: link.to_owned(),
        why: "it does not point to a repository".to_owned(),
    })?;
    let folder = link.parent().unwrap_or(link);
    Ok(folder.join(Path::new(std::ffi::OsStr::from_bytes(named))))
}

/// The directory that the worktrees of a repository share.
///
/// # Errors
/// Unknown.
pub fn common_dir(git_dir: &Path) -> Result<PathBuf, RepositoryError> {
    let file = git_dir.join("commondir");
    match read_line(&file) {
        Ok(line) => {
            let common = git_dir.join(Path::new(std::ffi::OsStr::from_bytes(&line)));
            common.canonicalize().map_err(at(&common))
        }
        Err(error) if is_missing(&error) => Ok(git_dir.to_owned()),
        Err(error) => Err(at(&file)(error)),
    }
}

/// Whether a directory looks like the one of a whole repository.
pub fn looks_bare(folder: &Path) -> bool {
    folder.join("HEAD").symlink_metadata().is_ok()
        && ["objects", "refs"].iter().all(|name| folder.join(name).is_dir())
}

/// The first line of a regular file. Another user may have written it: a named pipe is an error instead of a wait.
///
/// # Errors
/// It is no regular file, or cannot be read.
pub fn read_line(path: &Path) -> io::Result<Vec<u8>> {
    let text = read_regular(path, LINE_FILE_BYTES_MAX)?;
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok(line.strip_suffix(b"\r").unwrap_or(line).to_owned())
}

/// The whole of such a file.
///
/// # Errors
/// It is no regular file, larger than `bytes_max`, or cannot be read.
pub fn read_regular(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let file = std::fs::OpenOptions::new().read(true).custom_flags(flags.bits()).open(path)?;
    let found = file.metadata()?;
    if !found.is_file() || found.len() > bytes_max {
        let what = if found.is_file() { "is too large" } else { "is not a regular file" };
        return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
    }
    let mut text = Vec::new();
    file.take(bytes_max).read_to_end(&mut text)?;
    Ok(text)
}

/// Whether nothing is there.
pub fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The repository, if it belongs to this process's user or that user trusts it.
fn owned(git: &Git, found: Repository) -> Result<Repository, RepositoryError> {
    let user = nix::unistd::geteuid().as_raw();
    let mut parts = vec![found.git_dir.clone(), found.common_dir.clone()];
    parts.extend(found.top.iter().flat_map(|top| [top.clone(), top.join(".git")]));
    for path in parts {
        let owner = path.symlink_metadata().map_err(at(&path))?.uid();
        let names = found.names_in_trust(&path);
        let is_known = |listed: &[Vec<u8>]| names.iter().any(|name| is_trusted(listed, name));
        if owner != user && !is_known(&trusted_paths(git)) {
            let trusted = names.first().copied().unwrap_or(&found.git_dir);
            let name = |uid: u32| user_name(uid).unwrap_or_else(|| format!("uid {uid}"));
            return Err(RepositoryError::NotOwned {
                path,
                owner: name(owner),
                user: name(user),
                trusted: trusted.to_owned(),
            });
        }
    }
    Ok(found)
}

/// `safe.directory` of the machine and of the user, in git's order. What cannot be read trusts nothing.
fn trusted_paths(git: &Git) -> Vec<Vec<u8>> {
    let mut paths = Vec::new();
    for scope in ["--system", "--global"] {
        let arguments =
            ["config", scope, "--includes", "--type=path", "-z", "--get-all", "safe.directory"];
        // No repository is to have a word in this.
        let call = Call::new(arguments).as_the_user().env("GIT_DIR", "/dev/null");
        let listed = git.run(&call).unwrap_or_default();
        paths.extend(listed.split(|byte| *byte == 0).map(<[u8]>::to_owned));
        paths.pop(); // what stands behind the last zero
    }
    paths
}

/// Whether a repository at `path` is trusted, by the rules of git: an empty value forgets those before it, `*` is every
/// repository, `…/*` each one below.
fn is_trusted(listed: &[Vec<u8>], path: &Path) -> bool {
    let path = path.as_os_str().as_bytes();
    listed.iter().fold(false, |is_trusted, value| {
        let is_named = match value.strip_suffix(b"/*") {
            Some(above) => path.strip_prefix(above).is_some_and(|below| below.starts_with(b"/")),
            None => value == b"*" || value == path,
        };
        !value.is_empty() && (is_trusted || is_named)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trust_follows_the_list_in_its_order() {
        let trusts = |listed: &[&str], path: &str| {
            let listed: Vec<Vec<u8>> = listed.iter().map(|one| one.as_bytes().to_vec()).collect();
            is_trusted(&listed, Path::new(path))
        };
        for (listed, path, expected) in [
            (&["/a", "/b"][..], "/b", true),
            (&["/a"], "/a/b", false),
            (&["*"], "/a", true),
            (&["*", ""], "/a", false),
            (&["", "/a"], "/a", true),
            (&["/a/*"], "/a/b", true),
            (&["/a/*"], "/ab", false),
            (&["/a/*"], "/a", false),
            (&[], "/a", false),
        ] {
            assert_eq!(trusts(listed, path), expected, "{listed:?} {path}");
        }
    }
}
