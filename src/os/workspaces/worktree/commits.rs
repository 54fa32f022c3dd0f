//! Commits and other objects that would be lost with a repository's own directory: what its files, refs and reflogs name and
//! nothing that stays leads to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::os::workspaces::git::mirror::Mirror;
use crate::os::workspaces::git::repository::{Repository, is_missing, read_regular};
use crate::os::workspaces::git::{Git, GitError};
use crate::os::workspaces::worktree::state::{Scope, named_objects, reflog_objects};

/// Files that are listed for one commit.
const SOURCES_MAX: usize = 3;

/// Largest list of packed refs, bytes.
const PACKED_REFS_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What only this repository has.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct OwnCommits {
    /// Commits in all.
    pub count: usize,
    /// Those from which all others are reached.
    pub tips: Vec<Named>,
    /// Trees, blobs and tags.
    pub objects: Vec<Named>,
}

/// An object, and the files that name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its name.
    pub id: String,
    /// `commit`, `tree`, `blob` or `tag`.
    pub kind: String,
    /// Files of the repository's own directory.
    pub sources: Vec<String>,
}

/// Finds what only `repository` has.
///
/// # Errors
/// [`GitError`]: then nothing is known.
pub fn own(
    git: &Git,
    mirror: &Mirror,
    repository: &Repository,
    scope: Scope,
) -> Result<OwnCommits, GitError> {
    let files =
        named_objects(&repository.git_dir, scope).map_err(GitError::file(&repository.git_dir))?;
    let packed = packed_tags(repository)?;
    let (wanted, kept) = match scope {
        Scope::Linked => (linked_refs(git, mirror)?, shared(git, mirror, repository)?),
        Scope::Whole => whole_refs(git, mirror, repository, &packed)?,
    };
    let names: BTreeSet<&String> = files.keys().chain(&wanted).collect();
    let kinds = kinds_of(git, mirror, &names)?;
    let sources = |id: &str| {
        let named = files.get(id).into_iter().flatten().take(SOURCES_MAX);
        named.map(|path| path.display().to_string()).collect::<Vec<_>>()
    };
    let of_kind = |is_commit: bool| {
        kinds.iter().filter(move |(_, kind)| (kind.as_str() == "commit") == is_commit)
    };
    let commits = of_kind(true).map(|(id, _)| id.as_str()).collect::<Vec<_>>();
    // A tag of a whole repository may be a remote's: then only its commit is looked at.
    let tags = of_kind(false).filter(|(_, kind)| kind.as_str() == "tag").map(|(id, _)| id.as_str());
    let starts: Vec<&str> = commits.into_iter().chain(tags).collect();
    let reached = unreached(git, mirror, &starts, &kept)?;
    let own_objects = match scope {
        Scope::Linked => own_objects(git, mirror, &kinds, &kept)?,
        Scope::Whole => BTreeSet::new(),
    };
    let is_own = |(id, _): &(&String, &String)| own_objects.contains(*id);
    let named = |id: &String, kind: &String| Named {
        id: id.clone(),
        kind: kind.clone(),
        sources: sources(id),
    };
    let commit = "commit".to_owned();
    Ok(OwnCommits {
        count: reached.count,
        tips: reached.tips.iter().map(|id| named(id, &commit)).collect(),
        objects: of_kind(false).filter(is_own).map(|(id, kind)| named(id, kind)).collect(),
    })
}

/// Everything that the worktree's own refs and reflogs lead to, and the shared ones.
fn linked_refs(git: &Git, mirror: &Mirror) -> Result<Vec<String>, GitError> {
    let logs = ["rev-list", "--no-walk=unsorted", "--single-worktree", "--all", "--reflog"];
    let refs = [
        "for-each-ref",
        "--format=%(objectname)",
        "refs/worktree",
        "refs/bisect",
        "refs/rewritten",
    ];
    let mut found = lines(&git.run(&mirror.call(logs))?);
    found.extend(lines(&git.run(&mirror.call(refs))?));
    Ok(found)
}

/// What the refs and reflogs lead to that stay without this worktree.
fn shared(git: &Git, mirror: &Mirror, repository: &Repository) -> Result<Vec<String>, GitError> {
    let refs = ["rev-list", "--no-walk=unsorted", "--single-worktree", "--all", "--reflog"];
    let mut kept = lines(&git.run(&mirror.shared_call(refs))?);
    // Git looks for reflogs behind no link, and the mirror has links.
    let logs = repository.common_dir.join("logs");
    let logged = reflog_objects(&logs).map_err(GitError::file(&logs))?;
    let kinds = kinds_of(git, mirror, &logged.iter().collect())?;
    kept.extend(kinds.into_iter().filter(|(_, kind)| kind == "commit").map(|(id, _)| id));
    Ok(kept)
}

/// Trees, blobs and tags that neither a shared ref names nor, as far as git looks, a commit that stays has.
fn own_objects(
    git: &Git,
    mirror: &Mirror,
    kinds: &BTreeMap<String, String>,
    kept: &[String],
) -> Result<BTreeSet<String>, GitError> {
    let candidates = kinds.iter().filter(|(_, kind)| *kind != "commit").map(|(id, _)| id.clone());
    let mut candidates: BTreeSet<String> = candidates.collect();
    if candidates.is_empty() {
        return Ok(candidates);
    }
    let refs = ["for-each-ref", "--format=%(objectname)"];
    for held in lines(&git.run(&mirror.shared_call(refs))?) {
        candidates.remove(&held);
    }
    if candidates.is_empty() {
        return Ok(candidates);
    }
    let wanted = candidates.iter().map(|id| format!("{id}\n"));
    // Commits leave their trees out only next to a commit that is listed.
    let elsewhere = kept.iter().map(|id| format!("^{id}^{{tree}}\n"));
    let input: String = wanted.chain(elsewhere).collect();
    let call = mirror.call(["rev-list", "--objects", "--stdin"]).input(input.into_bytes());
    let listed = lines(&git.run(&call)?);
    let found: BTreeSet<&str> = listed.iter().filter_map(|line| line.split(' ').next()).collect();
    candidates.retain(|id| found.contains(id.as_str()));
    Ok(candidates)
}

/// Of a whole repository: what its own refs name, and what is elsewhere too, because a remote has it.
fn whole_refs(
    git: &Git,
    mirror: &Mirror,
    repository: &Repository,
    packed: &BTreeSet<String>,
) -> Result<(Vec<String>, Vec<String>), GitError> {
    let refs = ["for-each-ref", "--format=%(objectname) %(refname)"];
    let (mut wanted, mut kept) = (Vec::new(), Vec::new());
    for line in lines(&git.run(&mirror.call(refs))?) {
        let Some((id, name)) = line.split_once(' ') else { return Err(GitError::Odd(line)) };
        // A clone writes the remote's tags packed; one that was made here is a file of its own.
        let is_elsewhere = name.starts_with("refs/remotes/") || packed.contains(name);
        if is_elsewhere { &mut kept } else { &mut wanted }.push(id.to_owned());
    }
    if repository.git_dir.join("reftable").exists() {
        // Its reflogs are in no files that could be read here, those of its remotes among them.
        let logs = ["rev-list", "--no-walk=unsorted", "--reflog"];
        wanted.extend(lines(&git.run(&mirror.call(logs))?));
    }
    Ok((wanted, kept))
}

/// Names of the tags among the packed refs.
fn packed_tags(repository: &Repository) -> Result<BTreeSet<String>, GitError> {
    let path = repository.common_dir.join("packed-refs");
    let text = match read_regular(&path, PACKED_REFS_BYTES_MAX) {
        Ok(text) => text,
        Err(error) if is_missing(&error) => return Ok(BTreeSet::new()),
        Err(error) => return Err(GitError::file(&path)(error)),
    };
    let names = lines(&text).into_iter().filter_map(|line| {
        let (_, name) = line.split_once(' ')?;
        name.starts_with("refs/tags/").then(|| name.to_owned())
    });
    let loose = |name: &String| repository.common_dir.join(Path::new(name)).exists();
    Ok(names.filter(|name| !loose(name)).collect::<BTreeSet<_>>())
}

/// The kinds of those objects that are there. A name that stands in a file need not be one of an object.
fn kinds_of(
    git: &Git,
    mirror: &Mirror,
    names: &BTreeSet<&String>,
) -> Result<BTreeMap<String, String>, GitError> {
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    let input = names.iter().flat_map(|name| [name.as_bytes(), b"\n"].concat()).collect();
    let call = mirror.call(["cat-file", "--batch-check=%(objectname) %(objecttype)"]);
    let message = lines(&git.run(&call.input(input))?);
    let is_known = |kind: &str| ["commit", "tree", "blob", "tag"].contains(&kind);
    Ok(message
        .iter()
        .filter_map(|line| line.split_once(' '))
        .filter(|(_, kind)| is_known(kind))
        .map(|(id, kind)| (id.to_owned(), kind.to_owned()))
        .collect())
}

/// Commits that were found from some and not from others.
#[derive(Debug, Default, PartialEq, Eq)]
struct Reached {
    count: usize,
    tips: Vec<String>,
}

/// Commits that `starts` lead to and `kept` do not.
fn unreached(
    git: &Git,
    mirror: &Mirror,
    starts: &[&str],
    kept: &[String],
) -> Result<Reached, GitError> {
    if starts.is_empty() {
        return Ok(Reached::default());
    }
    let wanted = starts.iter().map(|id| format!("{id}\n"));
    let input: String = wanted.chain(kept.iter().map(|id| format!("^{id}\n"))).collect();
    let call = mirror.call(["rev-list", "--parents", "--stdin"]).input(input.into_bytes());
    Ok(tips_of(&lines(&git.run(&call)?)))
}

/// `COMMIT PARENT…` a line.
fn tips_of(listed: &[String]) -> Reached {
    let mut commits = Vec::new();
    let mut parents = BTreeSet::new();
    for line in listed {
        let mut words = line.split(' ');
        commits.extend(words.next());
        parents.extend(words);
    }
    let count = commits.len();
    let tips = commits.into_iter().filter(|id| !parents.contains(id)).map(str::to_owned).collect();
    Reached { count, tips }
}

fn lines(output: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(output);
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

impl OwnCommits {
    /// Files that name what is lost, for people.
    pub fn sources(&self) -> Vec<String> {
        let all = self.tips.iter().chain(&self.objects);
        let mut sources: Vec<String> = all.flat_map(|one| one.sources.clone()).collect();
        sources.sort();
        sources.dedup();
        sources.truncate(SOURCES_MAX);
        sources
    }
}

/// Directories of objects outside of `git_dir` that a repository borrows from.
///
/// # Errors
/// The list cannot be read.
pub fn borrowed_from(common_dir: &Path) -> Result<Vec<PathBuf>, GitError> {
    let objects = common_dir.join("objects");
    let list = objects.join("info/alternates");
    let text = match read_regular(&list, PACKED_REFS_BYTES_MAX) {
        Ok(text) => text,
        Err(error) if is_missing(&error) => return Ok(Vec::new()),
        Err(error) => return Err(GitError::file(&list)(error)),
    };
    let named = lines(&text).into_iter().filter(|line| !line.starts_with('#'));
    Ok(named
        .map(|line| objects.join(line))
        .map(|path| path.canonicalize().unwrap_or(path))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tips_are_the_commits_that_no_other_has_as_a_parent() {
        let listed = |lines: &[&str]| {
            tips_of(&lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>())
        };
        let found = listed(&["d c", "c b a", "e b", "b x"]);
        assert_eq!((found.count, found.tips), (4, vec!["d".to_owned(), "e".to_owned()]));
        assert_eq!(listed(&[]), Reached::default());
    }
}
