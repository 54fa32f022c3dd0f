//! Reads the sources as text: files, code without comments, the paths that code uses.

use std::path::{Path, PathBuf};

/// A source file of the product.
pub struct Source {
    /// Its path from the root of the project.
    pub path: String,
    /// The text without its unit tests.
    pub code: String,
}

/// Every source file of the product.
pub fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders = vec![root.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path: PathBuf = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests").next().unwrap().to_owned();
                let path = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.push(Source { path, code });
            }
        }
    }
    assert!(found.len() > 50, "the sources were not found");
    found
}

/// A file's code: no comments, no tests, every run of white space one blank.
pub fn code_of(path: &Path) -> String {
    code_in(&std::fs::read_to_string(path).unwrap())
}

/// The code of a file's text, as [`code_of`].
pub fn code_in(text: &str) -> String {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
    let code = lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ");
    code.replace("pub(in crate::os)", "pub")
}

/// The paths of every `use` in `code`, groups written out: `use a::{b, c::d};` gives `a::b` and `a::c::d`.
pub fn used_paths(code: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for (at, _word) in code.match_indices("use ") {
        let is_word = at == 0 || code[..at].ends_with([' ', ';', '{', '}']);
        if let Some((tree, _rest)) = code[at + 4..].split_once(';').filter(|_| is_word) {
            flatten("", tree, &mut paths);
        }
    }
    paths
}

fn flatten(prefix: &str, tree: &str, paths: &mut Vec<String>) {
    let mut depth = 0;
    let is_comma = |sign: char| {
        depth += i32::from(sign == '{') - i32::from(sign == '}');
        sign == ',' && depth == 0
    };
    for branch in tree.split(is_comma).map(str::trim).filter(|branch| !branch.is_empty()) {
        match branch.split_once('{') {
            Some((stem, group)) => {
                let group = group.trim_end().strip_suffix('}').unwrap_or(group);
                flatten(&format!("{prefix}{}", stem.trim()), group, paths);
            }
            None => paths.push(format!("{prefix}{branch}")),
        }
    }
}

/// Every source of the tests but these rules, with the benches, the demo and the fuzz targets: path and text.
pub fn test_sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders: Vec<PathBuf> = ["tests", "benches", "demo", "fuzz/src", "fuzz/fuzz_targets"]
        .map(|name| root.join(name))
        .into();
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "tidy") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    assert!(found.len() > 100, "the tests were not found");
    found
}
