//! The supply chain: licences, bans, sources and duplicate versions of what the product is built from, by the lists of deny.toml.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

#[derive(Deserialize)]
struct Rules {
    licenses: Licenses,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licenses {
    allow: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Entry>,
    skip: Vec<Entry>,
}

/// A package, or one version of it, and why it is listed.
#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "crate")]
    spec: String,
    reason: String,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    /// None for members of the workspace.
    source: Option<String>,
}

fn rules() -> Rules {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deny.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let source = config::File::from_str(&text, config::FileFormat::Toml);
    let parsed = config::Config::builder().add_source(source).build().unwrap();
    parsed.try_deserialize().unwrap()
}

/// What is built on the platform of the packages, tests included.
fn packages() -> Vec<Package> {
    let platform = ["--filter-platform", "x86_64-unknown-linux-gnu"];
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--offline", "--format-version", "1"])
        .args(platform)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Metadata = serde_json::from_slice(&output.stdout).unwrap();
    assert!(metadata.packages.len() > 100, "the packages were not found");
    metadata.packages
}

/// Whether one of the ways to take the licence expression needs allowed licences only. `/` is an old spelling of OR.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    either(&words, &mut at, allowed) && at == words.len()
}

fn either(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut holds = both(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        holds |= both(words, at, allowed);
    }
    holds
}

fn both(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut holds = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        holds &= one(words, at, allowed);
    }
    holds
}

fn one(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let Some(word) = words.get(*at) else { return false };
    *at += 1;
    if *word == "(" {
        let holds = either(words, at, allowed);
        *at += 1;
        return holds;
    }
    // A licence with an exception is another licence: none of them is needed so far.
    if words.get(*at) == Some(&"WITH") {
        *at += 2;
        return false;
    }
    allowed.contains(*word)
}

#[test]
fn every_package_has_an_allowed_licence() {
    let allowed = rules().licenses.allow;
    for package in packages() {
        let license = package.license.as_deref().unwrap_or("none");
        assert!(is_allowed(license, &allowed), "{}: licence {license}", package.name);
    }
}

#[test]
fn every_package_comes_from_the_one_registry() {
    for package in packages() {
        let is_registry = |source: &String| source.starts_with("registry+");
        let is_own = package.name.starts_with("kanband");
        assert!(
            package.source.as_ref().map_or(is_own, is_registry),
            "{}: source {:?}",
            package.name,
            package.source
        );
    }
    let sources: BTreeSet<String> = packages().into_iter().filter_map(|it| it.source).collect();
    assert_eq!(sources.len(), 1, "{sources:?}");
}

#[test]
fn no_banned_package_is_built() {
    let packages = packages();
    for entry in rules().bans.deny {
        let found = packages.iter().find(|package| package.name == entry.spec);
        assert!(found.is_none(), "{} is banned: {}", entry.spec, entry.reason);
        assert!(!entry.reason.is_empty(), "{} is banned without a reason", entry.spec);
    }
}

/// Every version but the newest one of packages that are built in several.
fn older_versions(packages: &[Package]) -> BTreeSet<String> {
    let mut versions: BTreeMap<&str, BTreeSet<Vec<u64>>> = BTreeMap::new();
    for package in packages {
        let plain = package.version.split(['-', '+']).next().unwrap();
        let numbers = plain.split('.').map(|number| number.parse().unwrap()).collect();
        versions.entry(&package.name).or_default().insert(numbers);
    }
    let mut older = BTreeSet::new();
    for (name, versions) in versions {
        for numbers in versions.iter().rev().skip(1) {
            let words: Vec<String> = numbers.iter().map(u64::to_string).collect();
            older.insert(format!("{name}@{}", words.join(".")));
        }
    }
    older
}

#[test]
fn every_duplicate_version_has_a_reason_and_every_reason_a_duplicate() {
    let skipped: BTreeMap<String, String> =
        rules().bans.skip.into_iter().map(|entry| (entry.spec, entry.reason)).collect();
    let explained: BTreeSet<String> = skipped.keys().cloned().collect();
    assert_eq!(older_versions(&packages()), explained, "built beside a newer version | deny.toml");
    assert!(skipped.values().all(|reason| !reason.is_empty()), "{skipped:?}");
}

#[test]
fn a_licence_expression_is_read_as_spdx_says() {
    let allowed = BTreeSet::from(["MIT".to_owned(), "Zlib".to_owned()]);
    for good in ["MIT", "GPL-3.0 OR MIT", "X/MIT", "MIT AND Zlib", "(MIT OR X) AND Zlib"] {
        assert!(is_allowed(good, &allowed), "{good}");
    }
    for bad in ["X", "none", "MIT AND X", "(MIT OR Zlib) AND X", "MIT WITH Y", "MIT Zlib", ""] {
        assert!(!is_allowed(bad, &allowed), "{bad}");
    }
}

/// The lock of the page is good for every registry, and what is installed from it runs no script.
#[test]
fn the_lock_of_the_page_names_no_address() {
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("web");
    let lock = std::fs::read_to_string(web.join("package-lock.json")).unwrap();
    let addresses: Vec<&str> = lock.lines().filter(|line| line.contains("://")).collect();
    assert!(addresses.is_empty(), "npm run lock takes them out: {addresses:#?}");
    assert!(lock.contains("\"integrity\""), "the lock names no content");
    let settings = std::fs::read_to_string(web.join(".npmrc")).unwrap();
    for wanted in ["omit-lockfile-registry-resolved=true", "ignore-scripts=true"] {
        assert!(settings.lines().any(|line| line == wanted), "web/.npmrc lacks {wanted}");
    }
}
