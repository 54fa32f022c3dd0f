//! Saves what only a worktree has to refs of its repository, part by part: what cannot be saved keeps none of the rest from it.
//!
//! Uncommitted work becomes a commit as `git stash` makes it, so that `git stash apply` takes it: its tree is the working tree, its
//! first parent the commit that was checked out, its second one has the index. Neither the user's index nor a branch changes.

use std::collections::BTreeMap;

use crate::os::workspaces::git::{Call, Git, GitError};
use crate::os::workspaces::worktree::commits::Named;
use crate::os::workspaces::worktree::examine::Examined;
use crate::os::workspaces::worktree::words;
use crate::os::workspaces::worktree_report::Part;

/// Where the refs are.
fn prefix(name: &str) -> String {
    format!("refs/kanban/salvage/{name}")
}

/// Saves every part that can be saved, under `name`.
pub fn salvage(git: &Git, examined: &Examined, name: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let saver = Saver { git, examined, name };
    if let Some(what) = words::uncommitted(&examined.content.status) {
        parts.push(part(what, saver.content()));
    }
    if let Some(what) = words::unreached(&examined.own) {
        parts.push(part(what, saver.commits_and_objects()));
    }
    let kept = "it remains in the worktree";
    parts.extend(examined.stays.iter().map(|what| Part {
        what: what.clone(),
        saved_as: None,
        not_saved: Some(kept.to_owned()),
    }));
    parts
}

/// What was saved where, and what of it was not.
type Saved = (String, Option<String>);

fn part(what: String, saved: Result<Saved, GitError>) -> Part {
    match saved {
        Ok((reference, not_saved)) => Part { what, saved_as: Some(reference), not_saved },
        Err(error) => Part { what, saved_as: None, not_saved: Some(error.to_string()) },
    }
}

struct Saver<'a> {
    git: &'a Git,
    examined: &'a Examined,
    name: &'a str,
}

impl Saver<'_> {
    fn line(&self, call: &Call) -> Result<String, GitError> {
        self.git.line(call)
    }

    /// The working tree, and the index where that differs.
    fn content(&self) -> Result<Saved, GitError> {
        let (mirror, content) = (&self.examined.mirror, &self.examined.content);
        let staged = self.index_commit()?;
        let index = mirror.index("saved");
        std::fs::copy(&content.index, &index).map_err(GitError::file(&content.index))?;
        self.forget_conflicts(&index)?;
        let tree = self.examined.repository.top.as_deref().unwrap_or(std::path::Path::new("/"));
        let add = mirror
            .call(["add", "--all", "--ignore-errors", "--", "."])
            .work_tree(tree)
            .env("GIT_INDEX_FILE", &index);
        // A file that cannot be read keeps the others from nothing; which one it is, git says.
        let not_saved = self.git.run(&add).err().map(|error| error.to_string());
        let written = mirror.call(["write-tree"]).env("GIT_INDEX_FILE", &index);
        let tree = self.line(&written)?;
        let parents: Vec<String> = content.head.iter().cloned().chain([staged]).collect();
        let message = format!("Uncommitted work of {}", self.name);
        Ok((self.commit(&tree, &parents, &message)?, not_saved))
    }

    /// A commit of the index. Sides of a conflict stand in it below a name that says which one they are.
    fn index_commit(&self) -> Result<String, GitError> {
        let (mirror, content) = (&self.examined.mirror, &self.examined.content);
        let index = mirror.index("staged");
        std::fs::copy(&content.index, &index).map_err(GitError::file(&content.index))?;
        let sides: Vec<u8> = content
            .unmerged()
            .flat_map(|entry| {
                let side = match entry.stage {
                    b'1' => "base",
                    b'2' => "ours",
                    _ => "theirs",
                };
                let location = format!(" 0\tkanban-conflict/{side}/");
                [&entry.object, location.as_bytes(), &entry.path, &[0]].concat()
            })
            .collect();
        self.forget_conflicts(&index)?;
        if !sides.is_empty() {
            let add = mirror.call(["update-index", "-z", "--index-info"]).input(sides);
            self.git.run(&add.env("GIT_INDEX_FILE", &index))?;
        }
        let tree = self.line(&mirror.call(["write-tree"]).env("GIT_INDEX_FILE", &index))?;
        let message = format!("Index of {}", self.name);
        self.commit_object(&tree, content.head.as_slice(), &message)
    }

    /// Takes entries in conflict out of an index: no tree can have them.
    fn forget_conflicts(&self, index: &std::path::Path) -> Result<(), GitError> {
        let entries = self.examined.content.unmerged();
        let removed: Vec<u8> = entries
            .flat_map(|entry| {
                // Mode and object, of which only the length counts.
                let zeros = "0".repeat(entry.object.len().saturating_sub("100644 ".len()));
                [format!("0 {zeros}\t").as_bytes(), &entry.path, &[0]].concat()
            })
            .collect();
        if removed.is_empty() {
            return Ok(());
        }
        let call = self.examined.mirror.call(["update-index", "-z", "--index-info"]).input(removed);
        self.git.run(&call.env("GIT_INDEX_FILE", index)).map(drop)
    }

    /// One commit whose parents are all commits that would be lost, and a ref for every other object.
    fn commits_and_objects(&self) -> Result<Saved, GitError> {
        let own = &self.examined.own;
        let mut saved = Vec::new();
        for object in &own.objects {
            saved.push(self.reference(&object.id)?);
        }
        if !own.tips.is_empty() {
            let empty = self.examined.mirror.index("empty");
            let call =
                |words: &[&str]| self.examined.mirror.call(words).env("GIT_INDEX_FILE", &empty);
            self.git.run(&call(&["read-tree", "--empty"]))?;
            let tree = self.line(&call(&["write-tree"]))?;
            let parents: Vec<String> = own.tips.iter().map(|tip| tip.id.clone()).collect();
            saved.push(self.commit(&tree, &parents, &message_of(self.name, &own.tips))?);
        }
        Ok((saved.pop().unwrap_or_default(), None))
    }

    /// A ref on a commit of this tree and these parents: the one that has it, else a new one.
    fn commit(&self, tree: &str, parents: &[String], message: &str) -> Result<String, GitError> {
        let format = "--format=%(refname) %(tree) %(parent)";
        let listed = self.examined.mirror.shared_call(["for-each-ref", format, &prefix(self.name)]);
        let wanted = self.known_parents(parents)?;
        for line in self.line(&listed)?.lines() {
            let mut words = line.split(' ').filter(|word| !word.is_empty());
            let (reference, its_tree) = (words.next().unwrap_or_default(), words.next());
            let its_parents: Vec<String> = words.map(str::to_owned).collect();
            if its_tree == Some(tree) && self.known_parents(&its_parents)? == wanted {
                return Ok(reference.to_owned());
            }
        }
        let commit = self.commit_object(tree, parents, message)?;
        self.reference(&commit)
    }

    /// Parents by what they are: of an index's commit, made again each time, its tree.
    fn known_parents(&self, parents: &[String]) -> Result<Vec<String>, GitError> {
        let head = self.examined.content.head.as_ref();
        let tips = &self.examined.own.tips;
        let is_named = |id: &String| Some(id) == head || tips.iter().any(|tip| tip.id == *id);
        let name = |id: &String| match is_named(id) {
            true => Ok(id.clone()),
            false => {
                let tree = format!("{id}^{{tree}}");
                self.line(&self.examined.mirror.shared_call(["rev-parse", "--verify", &tree]))
            }
        };
        parents.iter().map(name).collect()
    }

    fn commit_object(
        &self,
        tree: &str,
        parents: &[String],
        message: &str,
    ) -> Result<String, GitError> {
        let mut words = vec!["commit-tree", "--no-gpg-sign", tree, "-F", "-"];
        words.extend(parents.iter().flat_map(|parent| ["-p", parent.as_str()]));
        let call = self.examined.mirror.shared_call(words).input(message.as_bytes().to_vec());
        let names = [
            ("GIT_AUTHOR_NAME", "kanband"),
            ("GIT_AUTHOR_EMAIL", "kanband@localhost"),
            ("GIT_COMMITTER_NAME", "kanband"),
            ("GIT_COMMITTER_EMAIL", "kanband@localhost"),
        ];
        self.line(&names.into_iter().fold(call, |call, (name, value)| call.env(name, value)))
    }

    /// The next free number, as a ref on an object.
    fn reference(&self, id: &str) -> Result<String, GitError> {
        let prefix = prefix(self.name);
        let listed =
            self.examined.mirror.shared_call(["for-each-ref", "--format=%(refname)", &prefix]);
        let last = self.line(&listed)?.lines().filter_map(number_of).max().unwrap_or(0);
        let reference = format!("{prefix}/{}", last + 1);
        // The zero at the end: only if there is no such ref yet.
        let nothing = "0".repeat(id.len());
        let words = ["update-ref", "-m", "kanban salvage", &reference, id, &nothing];
        self.git.run(&self.examined.mirror.shared_call(words))?;
        Ok(reference)
    }
}

fn number_of(reference: &str) -> Option<u64> {
    reference.rsplit('/').next()?.parse().ok()
}

/// Which commit was found where.
fn message_of(name: &str, tips: &[Named]) -> String {
    let mut text = format!("Commits reachable only from the worktree of {name}\n\n");
    let lines: BTreeMap<&str, String> =
        tips.iter().map(|tip| (tip.id.as_str(), tip.sources.join(", "))).collect();
    for (id, sources) in lines {
        text.push_str(&format!("{id} {sources}\n"));
    }
    text
}
