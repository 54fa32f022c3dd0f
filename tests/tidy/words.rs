//! The words of the glossary (`docs/concepts.md`): what lost against them stands in no document, comment or message.

use std::path::{Path, PathBuf};

/// Words and phrases that prose does not use, and what it says instead. Case does not matter; a phrase may cross a line's end.
const BANNED: &[(&str, &str)] = &[
    // The glossary.
    ("board file", "database"),
    ("board files", "databases"),
    ("holder of the runs", "holder"),
    ("supervisor of a run", "shim"),
    ("supervisor of the run", "shim"),
    ("supervisor of its run", "shim"),
    ("supervisor of one run", "shim"),
    ("supervisors of its runs", "shims"),
    ("lock holder", "claimer"),
    ("claim lock", "claimer"),
    ("launched", "started"),
    ("launches", "starts"),
    ("nudge", "reminder"),
    ("nudged", "reminded"),
    ("cannot be placed", "cannot be identified"),
    ("somebody", "a caller, a person, a process: whoever it is"),
    ("someone", "a caller, a person, a process: whoever it is"),
    // Phrases that read as if translated.
    ("cannot be told", "is unknown"),
    ("is told", "learns, is notified, is reported"),
    ("are told", "learn, are notified, are reported"),
    ("whoever", "the caller, the user, the process: its name"),
    ("anew", "again; rebuilt, restarted, reopened, reset"),
    ("for want of", "for lack of, without"),
    ("wants of", "needs"),
    ("take for", "mistake for, count as"),
    ("takes for", "mistakes for, counts as"),
    ("taken for", "mistaken for, counted as"),
    ("any more", "no longer"),
    ("mend", "fix"),
    ("mends", "fixes"),
    ("mended", "fixed"),
    ("is said", "is reported"),
    ("gone on with", "resumed, continued"),
    ("for ever", "without limit, permanently"),
    ("put away", "archived"),
];

/// Words that names of types, modules and files avoid, and the words that they use.
const BANNED_IN_NAMES: &[(&str, &str)] = &[
    ("place", "location, workspace, slot, lease key or position, whichever it is"),
    ("vigil", "time limit, progress check"),
    ("nudge", "reminder"),
    ("told", "message, report or notes"),
    ("attempt", "run"),
    ("holder", "owner of a lease; the holder is the root service"),
    ("supervisor", "shim, for the parent of a run; root, for the actor"),
];

/// Names that have one of them all the same, each with its reason.
const ALLOWED_NAMES: &[(&str, &str)] = &[
    ("Holder", "the root service"),
    ("holder", "the root service"),
    ("HolderError", "the root service"),
    ("HolderRefusal", "the root service"),
    ("TokenHolders", "who has a token has it in hand"),
    ("token_holders", "who has a token has it in hand"),
    ("RootSupervisor", "the root of the actors is a supervisor in actix's sense"),
    ("supervisor", "the module that starts what supervises, the holder or the daemon itself"),
];

/// The words of a name, in lower case: `HolderError` and `holder_error` are `holder error`.
fn words_of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for letter in name.chars() {
        if letter == '_' || letter.is_uppercase() {
            words.push(String::new());
        }
        if letter != '_' {
            words.last_mut().unwrap().extend(letter.to_lowercase());
        }
    }
    words
}

/// Names of the types and modules in `code`.
fn names_in(code: &str) -> Vec<String> {
    let mut words = code.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    let mut names = Vec::new();
    while let Some(word) = words.next() {
        if ["struct", "enum", "trait", "type", "mod", "union"].contains(&word) {
            names.extend(words.next().map(str::to_owned));
        }
    }
    names
}

fn banned_word_of(name: &str) -> Option<&'static (&'static str, &'static str)> {
    let words = words_of(name);
    BANNED_IN_NAMES.iter().find(|(banned, _)| {
        words.iter().any(|word| word == banned || word.strip_suffix('s') == Some(banned))
    })
}

/// Words that no identifier is, in the product, its tests or its demo: they say nothing of what the value holds.
const BANNED_IDENTIFIERS: &[&str] = &["told", "place", "places", "vigil", "nudge", "nudged"];

/// Whole identifiers of `text` that are banned: nothing of comments or of texts, but of what is put into a text.
fn banned_identifiers_in(text: &str) -> Vec<&'static str> {
    let mut is_text = false;
    let mut found = Vec::new();
    for line in text.lines() {
        let line = line.replace("'\"'", "").replace("\\\"", "");
        let line = if is_text { &line } else { line.split("//").next().unwrap_or_default() };
        for part in line.split_inclusive('"') {
            let words = part.split(|sign: char| !sign.is_alphanumeric() && sign != '_');
            let has = |banned: &str| match is_text {
                true => part.contains(&format!("{{{banned}}}")),
                false => words.clone().any(|word| word == banned),
            };
            found.extend(BANNED_IDENTIFIERS.iter().copied().filter(|banned| has(banned)));
            is_text ^= part.ends_with('"');
        }
    }
    found
}

/// Places where a banned word is public or is explained.
const ALLOWED: &[(&str, &str)] = &[
    // The glossary's own column of words that are not used.
    ("docs/concepts.md", "board file"),
    ("docs/concepts.md", "nudge"),
    ("docs/concepts.md", "supervisor of a run"),
    ("docs/concepts.md", "somebody"),
];

const DOCUMENTS: &[&str] = &["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"];
const FOLDERS: &[&str] = &[
    "docs",
    "skills",
    "integrations",
    "src",
    "etc",
    "packaging",
    "demo/src",
    "tests",
    "benches",
    "fuzz/src",
    "fuzz/fuzz_targets",
];

/// This file, which names what it bans.
const SELF: &str = "tests/tidy/words.rs";

fn files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found: Vec<PathBuf> = DOCUMENTS.iter().map(|file| root.join(file)).collect();
    let mut folders: Vec<PathBuf> = FOLDERS.iter().map(|folder| root.join(folder)).collect();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|it| ["rs", "md", "toml"].contains(&it.to_str().unwrap()))
                && !path.ends_with(SELF)
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Lines of a file with nothing but prose left in them: comments and texts of code, all of a document but what stands between
/// backticks.
fn prose_of(path: &Path, text: &str) -> Vec<String> {
    let is_code = path.extension().is_some_and(|extension| extension == "rs");
    let prose = if is_code { prose_in_code(text) } else { prose_in_document(text) };
    prose.iter().map(|line| line.split('`').step_by(2).collect::<Vec<_>>().join("`")).collect()
}

fn prose_in_document(text: &str) -> Vec<String> {
    let mut is_fenced = false;
    let outside = |line: &str| {
        let is_fence = line.trim_start().starts_with("```");
        is_fenced ^= is_fence;
        if is_fence || is_fenced { String::new() } else { line.to_owned() }
    };
    text.lines().map(outside).collect()
}

/// Comments, and what stands between quotes, which may go on over several lines.
fn prose_in_code(text: &str) -> Vec<String> {
    let mut is_text = false;
    let prose = |line: &str| {
        if let Some(comment) = line.trim_start().strip_prefix("//") {
            is_text = false;
            return comment.trim_start_matches(['/', '!']).to_owned();
        }
        let line = line.replace("'\"'", "").replace("\\\"", "");
        let mut prose = String::new();
        for part in line.split_inclusive('"') {
            let words = part.trim_end_matches('"');
            match words.split_once("// ").filter(|_| !is_text) {
                Some((_code, comment)) => prose = format!("{prose} {comment}"),
                None if is_text => prose.push_str(words),
                None => prose.push_str(" | "),
            }
            is_text ^= part.ends_with('"');
        }
        prose.trim_end_matches('\\').to_owned()
    };
    text.lines().map(prose).collect()
}

/// Where a phrase stands in prose: the numbers of the lines in which it begins.
fn lines_with(prose: &[String], phrase: &str) -> Vec<usize> {
    let mut joined = String::new();
    let mut starts = Vec::new();
    for line in prose {
        starts.push(joined.len());
        let words: Vec<&str> = line.split_whitespace().collect();
        joined.push_str(&words.join(" ").to_lowercase());
        joined.push(' ');
    }
    let is_word =
        |sign: Option<char>| sign.is_some_and(|sign| sign.is_alphanumeric() || sign == '_');
    joined
        .match_indices(phrase)
        .filter(|(at, _)| {
            !is_word(joined[..*at].chars().next_back())
                && !is_word(joined[at + phrase.len()..].chars().next())
        })
        .map(|(at, _)| starts.partition_point(|start| *start <= at))
        .collect()
}

fn is_allowed(path: &str, phrase: &str) -> bool {
    ALLOWED.iter().any(|(file, word)| *file == path && *word == phrase)
}

#[test]
fn prose_uses_the_words_of_the_glossary() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = files();
    assert!(files.len() > 300, "the files were not found");
    let mut found = Vec::new();
    for path in &files {
        let text = std::fs::read_to_string(path).unwrap();
        let name = path.strip_prefix(root).unwrap().to_str().unwrap();
        let prose = prose_of(path, &text);
        for (phrase, instead) in BANNED.iter().filter(|(phrase, _)| !is_allowed(name, phrase)) {
            for line in lines_with(&prose, phrase) {
                found.push(format!("{name}:{line}: `{phrase}`: say {instead}"));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_phrase_is_found_in_comments_and_texts_and_across_lines_and_not_in_names() {
    let code = "/// It cannot be\n/// told.\nlet a = \"Somebody \\\n    mends it\"; // anew\nfn is_told_anew() {}\n/// `anew`\n";
    let prose = prose_of(Path::new("x.rs"), code);
    let at = |phrase: &str| lines_with(&prose, phrase);
    assert_eq!(at("cannot be told"), [1]);
    assert_eq!((at("somebody"), at("mends")), (vec![3], vec![4]));
    assert_eq!(at("somebody mends it"), [3]);
    assert_eq!(at("anew"), [4]);
    assert_eq!(at("told"), [2]);
    let page = "One `anew`.\n```sh\nanew\n```\nRead it any\nmore.\n";
    let prose = prose_of(Path::new("x.md"), page);
    assert_eq!(lines_with(&prose, "anew"), Vec::<usize>::new());
    assert_eq!(lines_with(&prose, "any more"), [5]);
}

#[test]
fn every_exception_is_needed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (file, phrase) in ALLOWED {
        assert!(BANNED.iter().any(|(banned, _)| banned == phrase), "{phrase} is not banned");
        let path = root.join(file);
        let prose = prose_of(&path, &std::fs::read_to_string(&path).unwrap());
        assert!(!lines_with(&prose, phrase).is_empty(), "{file} does not say {phrase}");
    }
}

#[test]
fn names_of_types_modules_and_files_use_the_words_of_the_glossary() {
    let mut bad = Vec::new();
    let mut needed = std::collections::BTreeSet::new();
    for source in crate::sources::sources() {
        let stem = source.path.rsplit('/').next().unwrap().trim_end_matches(".rs").to_owned();
        let names = names_in(&crate::sources::code_in(&source.code));
        for name in names.into_iter().chain([stem]) {
            let Some((banned, instead)) = banned_word_of(&name) else { continue };
            match ALLOWED_NAMES.iter().find(|(allowed, _)| *allowed == name) {
                Some((allowed, _)) => drop(needed.insert(*allowed)),
                None => bad.push(format!("{}: {name}: {banned} → {instead}", source.path)),
            }
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    let unneeded = ALLOWED_NAMES.iter().filter(|(name, _)| !needed.contains(name));
    assert_eq!(unneeded.collect::<Vec<_>>(), Vec::<&(&str, &str)>::new());
}

#[test]
fn no_identifier_is_a_word_that_says_nothing_of_its_value() {
    let of_product = crate::sources::sources().into_iter().map(|it| (it.path, it.code));
    let of_tests = crate::sources::test_sources();
    let of_tests = of_tests.into_iter().map(|(path, text)| (path.display().to_string(), text));
    let found: Vec<String> = of_product
        .chain(of_tests)
        .flat_map(|(path, text)| {
            banned_identifiers_in(&text).into_iter().map(move |word| format!("{path}: {word}"))
        })
        .collect();
    assert_eq!(found, Vec::<String>::new());
    assert_eq!(banned_identifiers_in("let told = 1; // place"), ["told"]);
    assert_eq!(banned_identifiers_in("f(\"a place\", \"{told} is\", place)"), ["told", "place"]);
    assert!(banned_identifiers_in("let is_told = placed; // told").is_empty());
}

#[test]
fn a_losing_word_is_found_in_a_name_and_not_in_a_longer_word() {
    assert!(banned_word_of("OpenPlaces").is_some() && banned_word_of("place").is_some());
    assert!(banned_word_of("Placeholder").is_none() && banned_word_of("Replacement").is_none());
    assert_eq!(names_in("pub struct A<T>(T); mod b; enum C {}"), ["A", "b", "C"]);
}
