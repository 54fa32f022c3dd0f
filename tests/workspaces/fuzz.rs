//! Whatever stands where a scratch directory should be: what lies outside survives its removal.
//!
//! `KANBAN_ROUNDS` sets the number of rounds, `KANBAN_SEED` repeats a run.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use kanband::os::workspaces::marked::{Removal, Workspaces};
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use nix::mount::{MntFlags, MsFlags, mount, umount2};

const NAMES: [&str; 3] = ["t_1", "t_2", "t_3"];

struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let limit = u64::try_from(from.len()).unwrap();
        &from[usize::try_from(self.below(limit)).unwrap()]
    }
}

/// Everything outside: path, kind and rights, inode, content.
fn snapshot(outside: &Path) -> BTreeMap<PathBuf, (u32, u64, Vec<u8>)> {
    let (mut found, mut open) = (BTreeMap::new(), vec![outside.to_owned()]);
    while let Some(path) = open.pop() {
        let meta = path.symlink_metadata().unwrap();
        let mut content = Vec::new();
        if meta.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if meta.is_file() {
            content = std::fs::read(&path).unwrap();
        }
        found.insert(path, (meta.mode(), meta.ino(), content));
    }
    found
}

struct Field {
    temp: tempfile::TempDir,
    dice: Dice,
    can_mount: bool,
    tally: BTreeMap<String, usize>,
}

impl Field {
    fn new(seed: u64) -> Self {
        // In memory where there is such a place: a disk would make it slow and prove no more.
        let memory = Path::new("/dev/shm");
        let temp = tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir()).unwrap();
        std::fs::create_dir(temp.path().join("workspaces")).unwrap();
        for name in NAMES {
            // With the names of workspaces, for a program that looks for them in the wrong directory.
            let inside = temp.path().join("outside").join(name).join("sub");
            std::fs::create_dir_all(&inside).unwrap();
            std::fs::write(inside.join("precious"), name).unwrap();
            std::fs::write(inside.join("../file"), "keep").unwrap();
        }
        let probe = temp.path().join("probe");
        std::fs::create_dir(&probe).unwrap();
        let can_mount = bind(&temp.path().join("outside"), &probe).is_ok();
        if can_mount {
            umount2(&probe, MntFlags::MNT_DETACH).unwrap();
        } else {
            support::skip("rounds with bind mounts: they are not permitted here");
        }
        Self { temp, dice: Dice(seed), can_mount, tally: BTreeMap::new() }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.temp.path().join(path)
    }

    fn outside(&mut self) -> PathBuf {
        let all = [
            "outside",
            "outside/t_1",
            "outside/t_2/sub",
            "outside/t_3/sub/precious",
            "outside/t_1/file",
        ];
        let path = *self.dice.pick(&all);
        self.at(path)
    }

    fn fill(&mut self, top: &Path) {
        let mut folders = vec![top.to_owned()];
        for number in 0..self.dice.below(8) {
            let folder = self.dice.pick(&folders).clone();
            let path = folder.join(format!("e{number}"));
            match self.dice.below(6) {
                0 => std::fs::write(&path, "x").unwrap(),
                1 => symlink(self.outside(), &path).unwrap(),
                2 => symlink("../../../outside/t_1", &path).unwrap(),
                3 => symlink("..", &path).unwrap(),
                _ => {
                    std::fs::create_dir(&path).unwrap();
                    folders.push(path);
                }
            }
        }
        if self.dice.below(10) == 0 {
            let mode = *self.dice.pick(&[0o000, 0o500, 0o300]);
            let folder = self.dice.pick(&folders).clone();
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(mode)).unwrap();
        }
    }

    /// Does something to the workspace `name`, or to the whole root; says what.
    fn sabotage(&mut self, name: &str) -> &'static str {
        let (root, path) = (self.at("workspaces"), self.at("workspaces").join(name));
        let aside = self.at("aside");
        match self.dice.below(12) {
            0 => {
                std::fs::rename(&path, &aside).unwrap();
                symlink(self.at("outside").join(name), &path).unwrap();
                "a link in its place"
            }
            1 => {
                std::fs::rename(&path, &aside).unwrap();
                std::fs::create_dir_all(path.join("real project")).unwrap();
                "another directory in its place"
            }
            2 => {
                std::fs::rename(&path, &aside).unwrap();
                std::fs::write(&path, "a file").unwrap();
                "a file in its place"
            }
            3 => {
                let other = *self.dice.pick(&NAMES);
                if other != name && root.join(other).exists() {
                    let flags = RenameFlags::RENAME_EXCHANGE;
                    renameat2(AT_FDCWD, &path, AT_FDCWD, &root.join(other), flags).unwrap();
                }
                "two exchanged"
            }
            4 => {
                std::fs::rename(&root, &aside).unwrap();
                symlink(self.at("outside"), &root).unwrap();
                "the root is a link"
            }
            5 => {
                std::fs::rename(&root, &aside).unwrap();
                std::fs::create_dir_all(root.join(name).join("real project")).unwrap();
                "another root"
            }
            6 => {
                let mark = root.join(".marks").join(name);
                let texts = [
                    "",
                    "{",
                    "null",
                    r#"{"version":1,"kind":{"kind":"scratch","device":0,"inode":0}}"#,
                ];
                std::fs::write(mark, self.dice.pick(&texts)).unwrap();
                "a mark that says nothing"
            }
            7 if self.can_mount => {
                let inner = path.join("mounted");
                std::fs::create_dir(&inner).unwrap();
                let from = self.at("outside");
                bind(&from, &inner).unwrap();
                "a mount in it"
            }
            8 if self.can_mount => {
                bind(&self.at("outside").join(name), &path).unwrap();
                "a mount over it"
            }
            _ => "nothing",
        }
    }

    fn remove(&mut self, name: &str) -> Option<Removal> {
        let workspaces = Workspaces::open(&self.at("workspaces")).ok()?;
        if self.dice.below(16) != 0 {
            return Some(workspaces.remove_scratch(name));
        }
        // Meanwhile another process exchanges directories in it, and it itself, for links to the outside.
        let (path, is_over) = (self.at("workspaces").join(name), AtomicBool::new(false));
        let (link, inner_link) = (self.at("link"), self.at("inner"));
        symlink(self.at("outside").join(name), &link).unwrap();
        symlink(self.at("outside"), &inner_link).unwrap();
        let removal = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    for (one, other) in [(path.join("e1"), &inner_link), (path.clone(), &link)] {
                        let flags = RenameFlags::RENAME_EXCHANGE;
                        let _may_be_gone = renameat2(AT_FDCWD, &one, AT_FDCWD, other, flags);
                    }
                }
            });
            let removal = workspaces.remove_scratch(name);
            is_over.store(true, Ordering::Relaxed);
            removal
        });
        Some(removal)
    }

    fn clear(&mut self) {
        unmount_below(self.temp.path());
        for name in ["workspaces", "aside", "link", "inner"] {
            let path = self.temp.path().join(name);
            match path.symlink_metadata() {
                Ok(found) if found.is_dir() => {
                    if std::fs::remove_dir_all(&path).is_err() {
                        let open = ["-R", "u+rwx"];
                        drop(std::process::Command::new("chmod").args(open).arg(&path).status());
                        std::fs::remove_dir_all(&path).unwrap();
                    }
                }
                Ok(_) => std::fs::remove_file(&path).unwrap(),
                Err(_) => {}
            }
        }
        std::fs::create_dir(self.at("workspaces")).unwrap();
    }

    fn round(&mut self) {
        let workspaces = Workspaces::open(&self.at("workspaces")).unwrap();
        let name = *self.dice.pick(&NAMES);
        for made in NAMES {
            if made == name || self.dice.below(3) == 0 {
                workspaces.ensure_scratch(made).unwrap();
                let path = self.at("workspaces").join(made);
                self.fill(&path);
            }
        }
        drop(workspaces);
        let done = self.sabotage(name);
        let removal = self.remove(name);
        let word = match &removal {
            None => "no root",
            Some(Removal::Removed) => "removed",
            Some(Removal::Gone) => "gone",
            Some(Removal::Kept(_)) => "kept",
        };
        *self.tally.entry(format!("{done}: {word}")).or_default() += 1;
        let was_raced = self.at("link").symlink_metadata().is_ok();
        let is_clean = removal == Some(Removal::Removed) && !was_raced;
        assert!(!is_clean || self.at("workspaces").join(name).symlink_metadata().is_err());
        let is_replaced = ["a link", "another", "a file", "the root", "a mark", "a mount"];
        if is_replaced.iter().any(|word| done.starts_with(word)) {
            assert_ne!(removal, Some(Removal::Removed), "{done}");
        }
        if done.starts_with("another") && !was_raced {
            assert!(self.at("workspaces").join(name).join("real project").exists(), "{done}");
        }
    }
}

fn bind(from: &Path, to: &Path) -> nix::Result<()> {
    mount(Some(from), to, None::<&str>, MsFlags::MS_BIND, None::<&str>)
}

/// Whatever has been mounted, wherever it has been moved since.
fn unmount_below(root: &Path) {
    let root = root.canonicalize().unwrap();
    let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    for target in table.lines().filter_map(|line| line.split(' ').nth(4)) {
        if Path::new(target).starts_with(&root) {
            umount2(target, MntFlags::MNT_DETACH).unwrap();
        }
    }
}

impl Drop for Field {
    fn drop(&mut self) {
        // Else the removal of the temporary directory would go into them.
        unmount_below(self.temp.path());
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "another seed each time, which is printed")]
fn a_tree_outside_survives_every_removal() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let rounds = number("KANBAN_ROUNDS").unwrap_or(10_000);
    let seed = number("KANBAN_SEED").unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        u64::try_from(now.as_nanos() % u128::from(u64::MAX)).unwrap() | 1
    });
    eprintln!("seed {seed}, {rounds} rounds");
    let mut field = Field::new(seed);
    let outside = field.at("outside");
    let before = snapshot(&outside);
    assert_eq!(before.len(), 13);
    for round in 0..rounds {
        field.round();
        assert_eq!(snapshot(&outside), before, "round {round} of seed {seed}");
        field.clear();
    }
    eprintln!("{:#?}", field.tally);
    let happened = |word: &str| field.tally.keys().any(|key| key.ends_with(word));
    assert!(rounds < 1000 || (happened("removed") && happened("kept")), "{:?}", field.tally);
}
