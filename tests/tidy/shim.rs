//! The shim stays what it is: a small program that knows nothing of the board.
//!
//! Read from the source: whatever a shim can reach uses only the standard library, `nix`, `serde` and the leaf
//! modules of `os` and `text`. Read from the binary: nothing of the daemon has been linked into it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::sources::{code_of, used_paths};

/// Crates that the shim's path may use.
const CRATES: [&str; 4] = ["std", "nix", "serde", "serde_json"];

/// Code that a debug build of the shim may have, in bytes. It has 1.5 MB; SQLite or a runtime would each bring more than
/// the rest of this. Only code counts: a debug build carries the exception tables of the whole library, used or not.
const CODE_BYTES_MAX: u64 = 1_700_000;

fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Every Rust file below a directory, without the modules that only tests have.
fn files_below(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(files_below(&path));
        } else if path.extension().is_some_and(|kind| kind == "rs")
            && !["tests.rs", "test_child.rs"].iter().any(|name| path.ends_with(name))
        {
            found.push(path);
        }
    }
    found
}

/// The paths into this crate that stand in `code` outside of its `use` lines too.
fn own_paths(code: &str) -> Vec<String> {
    let is_path = |sign: char| sign.is_alphanumeric() || sign == '_' || sign == ':';
    let own = ["crate::", "kanband::"];
    own.iter()
        .flat_map(|root| code.match_indices(root).map(|(at, _root)| &code[at..]))
        .map(|rest| rest.split(|sign| !is_path(sign)).next().unwrap_or_default().to_owned())
        .filter(|path| !path.ends_with("::"))
        .collect()
}

fn is_folder(module: &str) -> bool {
    source(&format!("src/{module}/mod.rs")).exists()
}

/// Files of the modules `crate::<path>`: the module's own and those below it.
fn files_of(module: &str) -> Vec<PathBuf> {
    let mut files = files_below(&source(&format!("src/{module}")));
    let own = source(&format!("src/{module}.rs"));
    files.extend(own.exists().then_some(own));
    assert!(!files.is_empty(), "no file of {module}");
    files
}

/// What is wrong with the file's use of other code, and the modules of this crate that it reaches.
fn judge(path: &Path) -> (Vec<String>, BTreeSet<String>) {
    let code = code_of(path);
    let (mut wrong, mut reached) = (Vec::new(), BTreeSet::new());
    let is_module_here = |name: &str| {
        [";", " {"].iter().any(|end| code.contains(&format!("mod {name}{end}")))
            || ["super", "self"].contains(&name)
    };
    for used in used_paths(&code).into_iter().chain(own_paths(&code)) {
        let words: Vec<&str> = used.split("::").collect();
        match words[..] {
            ["crate" | "kanband", "shim" | "failpoint", ..] => {}
            ["crate" | "kanband", "os", folder, module, ..]
                if is_folder(&format!("os/{folder}")) =>
            {
                reached.insert(format!("os/{folder}/{module}"));
            }
            ["crate" | "kanband", layer @ ("os" | "text"), module, ..] => {
                reached.insert(format!("{layer}/{module}"));
            }
            [first, ..] if CRATES.contains(&first) || is_module_here(first) => {}
            _ => wrong.push(format!("{}: {used}", path.display())),
        }
    }
    // A path that needs no `use`.
    for stranger in [
        "actix",
        "axum",
        "config",
        "hyper",
        "libc",
        "procfs",
        "rusqlite",
        "signal_hook",
        "thiserror",
        "tokio",
        "tracing",
    ] {
        for (at, _name) in code.match_indices(&format!("{stranger}::")) {
            let before = code[..at].chars().next_back().unwrap_or(' ');
            if !before.is_alphanumeric() && before != '_' && before != ':' {
                wrong.push(format!("{}: {stranger}", path.display()));
            }
        }
    }
    wrong.retain(|line| !(line.ends_with(": libc") && code.contains("use nix::libc;")));
    (wrong, reached)
}

#[test]
fn the_shim_reaches_only_leaf_modules() {
    let mut open = files_below(&source("src/shim"));
    open.push(source("src/bin/kanban-shim.rs"));
    open.push(source("src/failpoint.rs"));
    let mut seen: BTreeMap<PathBuf, BTreeSet<String>> = BTreeMap::new();
    let mut wrong = Vec::new();
    while let Some(path) = open.pop() {
        if seen.contains_key(&path) {
            continue;
        }
        let (strangers, reached) = judge(&path);
        wrong.extend(strangers);
        open.extend(reached.iter().flat_map(|module| files_of(module)));
        seen.insert(path, reached);
    }
    assert!(wrong.is_empty(), "the shim may not use:\n{}", wrong.join("\n"));
    let modules: BTreeSet<&String> = seen.values().flatten().collect();
    // So that a parser that finds nothing does not pass.
    for module in [
        "os/processes/fork_exec",
        "os/run_files/directory",
        "os/processes/proc_stat",
        "os/run_files/redact",
        "os/run_files/log",
    ] {
        assert!(modules.contains(&module.to_owned()), "{module} is not reached: {modules:?}");
    }
    for module in [
        "os/processes/spawn",
        "os/processes/peer",
        "os/processes/signals",
        "os/home/lock",
        "os/run_files/registry",
    ] {
        assert!(!modules.contains(&module.to_owned()), "the shim has no use for {module}");
    }
}

#[test]
fn there_is_no_unsafe_code_in_the_shim() {
    for path in files_below(&source("src/shim")) {
        let code = code_of(&path);
        let has_unsafe =
            code.split(|sign: char| !sign.is_alphanumeric()).any(|word| word == "unsafe");
        assert!(!has_unsafe, "{}", path.display());
    }
}

#[test]
fn groups_in_use_lines_are_written_out() {
    let code = "use std::io; pub use disk::{a, b::{self, c as d}}; let because = 1; use x::y;";
    let expected = ["std::io", "disk::a", "disk::b::self", "disk::b::c as d", "x::y"];
    assert_eq!(used_paths(code), expected);
}

/// A part of an ELF file that is loaded.
struct LoadedPart {
    offset: usize,
    stored_bytes: usize,
    memory_bytes: u64,
    is_code: bool,
}

/// The parts of an ELF file that are loaded. See elf(5).
fn loaded_parts(binary: &[u8]) -> Vec<LoadedPart> {
    let word = |at: usize| u64::from_le_bytes(binary[at..at + 8].try_into().unwrap());
    let half = |at: usize| usize::from(u16::from_le_bytes(binary[at..at + 2].try_into().unwrap()));
    let size = |at: usize| usize::try_from(word(at)).unwrap();
    assert_eq!(&binary[..6], b"\x7fELF\x02\x01", "a 64-bit little-endian ELF file");
    let (table, entry_bytes, count) = (size(32), half(54), half(56));
    let is_load = |at: &usize| binary[*at..*at + 4] == 1_u32.to_le_bytes();
    (0..count)
        .map(|index| table + index * entry_bytes)
        .filter(is_load)
        .map(|at| LoadedPart {
            offset: size(at + 8),
            stored_bytes: size(at + 32),
            memory_bytes: word(at + 40),
            is_code: binary[at + 4] & 1 == 1,
        })
        .collect()
}

#[test]
fn nothing_of_the_daemon_is_linked_into_the_shim() {
    let binary = std::fs::read(env!("CARGO_BIN_EXE_kanban-shim")).unwrap();
    let parts = loaded_parts(&binary);
    let code_bytes: u64 =
        parts.iter().filter(|part| part.is_code).map(|part| part.memory_bytes).sum();
    assert!(code_bytes > 100_000, "{code_bytes} bytes cannot be the whole of it");
    assert!(code_bytes <= CODE_BYTES_MAX, "the shim has {code_bytes} bytes of code");
    for part in parts {
        let part = &binary[part.offset..part.offset + part.stored_bytes];
        for stranger in [&b"sqlite3_"[..], b"tokio", b"actix"] {
            let name = String::from_utf8_lossy(stranger);
            let is_in = part.windows(stranger.len()).any(|bytes| bytes == stranger);
            assert!(!is_in, "{name} is in the shim");
        }
    }
}
