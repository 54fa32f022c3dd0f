//! The shape of the code: no file that is more than one room, and no circle of files. (Functions have at most 70 lines; clippy
//! holds that: `too-many-lines-threshold` in `clippy.toml`.)
//!
//! A circle is a set of files each of which uses every other one, at once or through others. Two files may be one thing in two
//! parts; more than two are a room without walls. A `use` of a name that a parent only passes on (`pub use`) is a use of the file
//! that the name comes from; passing on is none.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources::{Source, code_in, sources, used_paths};

/// Lines that a file may have, with its unit tests.
const LINES_MAX: usize = 500;

/// Files of a circle.
const CIRCLE_MAX: usize = 2;

/// `src/os/host/mod.rs` is `os::host`, as its words.
fn module_of(path: &str) -> Vec<String> {
    let path = path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/').filter(|word| *word != "lib").map(str::to_owned).collect()
}

/// A path as words from the root of the crate; none when it leads out of the crate.
fn absolute(
    used: &str,
    module: &[String],
    files: &BTreeMap<Vec<String>, &str>,
) -> Option<Vec<String>> {
    let used = used.split(" as ").next().unwrap_or_default();
    let mut words: Vec<String> = used.split("::").map(|word| word.trim().to_owned()).collect();
    let mut base = module.to_vec();
    match words[0].as_str() {
        "crate" => base.clear(),
        "self" => {}
        "super" => {
            while words[0] == "super" && words.len() > 1 {
                base.pop();
                words.remove(0);
            }
            base.extend(words);
            return Some(base);
        }
        first => {
            base.push(first.to_owned());
            return files.contains_key(&base).then(|| {
                base.pop();
                base.into_iter().chain(words).collect()
            });
        }
    }
    base.extend(words.into_iter().skip(1));
    Some(base)
}

/// The modules of the product, each with its file and with what it passes on: name and path.
struct Tree<'a> {
    files: BTreeMap<Vec<String>, &'a str>,
    passed_on: BTreeMap<&'a str, Vec<(String, Vec<String>)>>,
}

impl<'a> Tree<'a> {
    fn of(sources: &'a [Source]) -> Self {
        let code = sources.iter().filter(|one| is_code(one));
        let files = code.clone().map(|one| (module_of(&one.path), one.path.as_str())).collect();
        let mut tree = Self { files, passed_on: BTreeMap::new() };
        for source in code {
            let only =
                code_in(&source.code).split("pub use ").skip(1).map(statement).collect::<String>();
            let paths = used_paths(&only);
            let module = module_of(&source.path);
            let paths = paths.iter().filter_map(|path| {
                let name = path.rsplit([':', ' ']).next().unwrap_or_default().to_owned();
                Some((name, absolute(path, &module, &tree.files)?))
            });
            let paths = paths.collect();
            tree.passed_on.insert(&source.path, paths);
        }
        tree
    }

    /// The file in which what the words name is written.
    fn origin(&self, words: &[String]) -> Option<&'a str> {
        let mut words = words.to_vec();
        // As many steps as the longest chain of parents.
        for _step in 0..8 {
            let length =
                (1..=words.len()).rev().find(|end| self.files.contains_key(&words[..*end]))?;
            let file = self.files[&words[..length]];
            let Some(name) = words.get(length) else { return Some(file) };
            let Some((_, path)) = self.passed_on[file].iter().find(|(passed, _)| passed == name)
            else {
                return Some(file);
            };
            words = path.iter().chain(&words[length + 1..]).cloned().collect();
        }
        None
    }
}

fn statement(after: &str) -> String {
    format!("use {};", after.split(';').next().unwrap_or_default())
}

fn is_code(source: &Source) -> bool {
    !source.path.ends_with("tests.rs") && !source.path.contains("/tests/")
}

/// Which files each file uses.
fn uses(sources: &[Source]) -> BTreeMap<&str, BTreeSet<&str>> {
    let tree = Tree::of(sources);
    let used_by = |source: &Source| {
        let code = code_in(&source.code).replace("pub use ", "pub_use ");
        let module = module_of(&source.path);
        let inline = code.split(|sign: char| !(sign.is_alphanumeric() || "_:".contains(sign)));
        let inline = inline.filter(|word| word.starts_with("crate::") && !word.ends_with("::"));
        let paths = used_paths(&code).into_iter().chain(inline.map(str::to_owned));
        let words = paths.filter_map(|path| absolute(&path, &module, &tree.files));
        words.filter_map(|words| tree.origin(&words)).collect::<BTreeSet<&str>>()
    };
    let code = sources.iter().filter(|one| is_code(one));
    let mut uses: BTreeMap<&str, BTreeSet<&str>> =
        code.map(|source| (source.path.as_str(), used_by(source))).collect();
    for (file, used) in &mut uses {
        used.remove(file);
    }
    uses
}

/// Every file that `from` reaches, with those on the way.
fn reached<'a>(from: &str, uses: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    let mut open: Vec<&str> = uses[from].iter().copied().collect();
    while let Some(file) = open.pop() {
        if seen.insert(file) {
            open.extend(uses[file].iter().copied());
        }
    }
    seen
}

/// The circles of more than one file, largest first.
fn circles<'a>(uses: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Vec<BTreeSet<&'a str>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        uses.keys().map(|file| (*file, reached(file, uses))).collect();
    let with = |file: &&'a str| -> BTreeSet<&'a str> {
        reached[file].iter().copied().filter(|other| reached[other].contains(file)).collect()
    };
    let all: BTreeSet<BTreeSet<&str>> = uses.keys().map(with).filter(|one| one.len() > 1).collect();
    let mut all: Vec<BTreeSet<&str>> = all.into_iter().collect();
    all.sort_by_key(|circle| std::cmp::Reverse(circle.len()));
    all
}

#[test]
fn no_file_is_longer_than_one_can_read() {
    let sources = sources();
    let too_long = sources.iter().filter_map(|one| {
        let lines = std::fs::read_to_string(&one.path).unwrap().lines().count();
        (lines > LINES_MAX).then(|| format!("{}: {lines} lines", one.path))
    });
    let too_long: Vec<String> = too_long.collect();
    assert!(too_long.is_empty(), "more than {LINES_MAX} lines:\n{}", too_long.join("\n"));
}

#[test]
fn no_circle_has_more_than_two_files() {
    let sources = sources();
    let uses = uses(&sources);
    // So that a reader that finds nothing does not pass.
    let count: usize = uses.values().map(BTreeSet::len).sum();
    assert!(count > 1_000, "only {count} uses were found");
    let circles = circles(&uses);
    let wrong = circles
        .iter()
        .filter(|circle| circle.len() > CIRCLE_MAX)
        .map(|circle| circle.iter().copied().collect::<Vec<_>>().join(" "));
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "circles of more than {CIRCLE_MAX} files:\n{}", wrong.join("\n"));
}

#[test]
fn circles_are_found() {
    let source = |path: &str, code: &str| Source { path: path.to_owned(), code: code.to_owned() };
    let sources = [
        source("src/a/mod.rs", "pub use c::D;\nmod b;\nmod c;\n"),
        source("src/a/b.rs", "use crate::a::{D, c::E};\n"),
        source("src/a/c.rs", "use super::super::f::G;\nuse std::fmt;\n"),
        source("src/f.rs", "fn f() { crate::a::b::x(); }\nuse crate::a::b::tests;\n"),
        source("src/g.rs", "use crate::f::G;\n// use crate::g::H;\n"),
    ];
    let uses = uses(&sources);
    assert_eq!(uses["src/a/mod.rs"], BTreeSet::new(), "passing on is no use");
    let circle = BTreeSet::from(["src/a/b.rs", "src/a/c.rs", "src/f.rs"]);
    assert_eq!(circles(&uses), [circle]);
}
