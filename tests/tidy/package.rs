//! What the package says of itself: the licences of what is linked, and documents whose links lead somewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    /// None for what is linked.
    kind: Option<String>,
}

impl Package {
    fn is_macro(&self) -> bool {
        self.targets.iter().any(|target| target.kind.iter().any(|kind| kind == "proc-macro"))
    }
}

fn source() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What is linked into the programs, as the list of licences names it.
fn linked() -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--offline", "--format-version", "1"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(source())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Metadata = serde_json::from_slice(&output.stdout).unwrap();
    let packages: BTreeMap<&str, &Package> =
        metadata.packages.iter().map(|package| (package.id.as_str(), package)).collect();
    let nodes: BTreeMap<&str, &Node> =
        metadata.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let is_root = |package: &&Package| package.name == "kanband" && package.source.is_none();
    let root = metadata.packages.iter().find(is_root).unwrap().id.as_str();
    let (mut found, mut waiting) = (BTreeSet::new(), vec![root]);
    while let Some(id) = waiting.pop() {
        if found.insert(id) {
            let linked = nodes[id].deps.iter().filter(|dependency| {
                let is_normal = dependency.dep_kinds.iter().any(|kind| kind.kind.is_none());
                is_normal && !packages[dependency.pkg.as_str()].is_macro()
            });
            waiting.extend(linked.map(|dependency| dependency.pkg.as_str()));
        }
    }
    let row = |id: &&str| {
        let Package { name, version, license, .. } = packages[id];
        format!("{name} {version} | {}", license.as_deref().unwrap_or("see the text"))
    };
    found.iter().filter(|id| **id != root).map(row).collect()
}

#[test]
fn the_list_of_licences_is_that_of_the_crates_that_are_linked() {
    let path = source().join("packaging/debian/THIRD-PARTY");
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().take_while(|line| !line.starts_with("-----"));
    let listed: BTreeMap<String, &str> = rows
        .filter_map(|line| {
            let mut cells = line.split(" | ");
            let crate_and_licence = format!("{} | {}", cells.next()?, cells.next()?);
            Some((crate_and_licence, cells.next()?))
        })
        .collect();
    let (names, linked) = (listed.keys().cloned().collect(), linked());
    let missing: Vec<_> = linked.difference(&names).collect();
    let surplus: Vec<_> = names.difference(&linked).collect();
    assert!(
        missing.is_empty() && surplus.is_empty(),
        "run scripts/licences.py; missing: {missing:?}; not linked any longer: {surplus:?}"
    );
    assert!(linked.len() > 100, "{} crates were found", linked.len());
    let texts = text.lines().filter(|line| line.starts_with("Text ")).count();
    for (name, numbers) in listed {
        let numbers = numbers.strip_prefix("texts: ").unwrap();
        for number in numbers.split(", ") {
            let number: usize = number.parse().unwrap_or_else(|_| panic!("{name} has no text"));
            assert!((1..=texts).contains(&number), "{name}: text {number} of {texts}");
        }
    }
}

fn put_documents(root: &Path) -> (bool, String) {
    let script = source().join("packaging/put-documents.sh");
    let output = Command::new("sh").arg(script).arg(root).output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn links_in_installed_documents_lead_to_installed_files() {
    let dir = tempfile::tempdir().unwrap();
    let share = dir.path().join("usr/share/kanband");
    std::fs::create_dir_all(&share).unwrap();
    let (is_right, said) = put_documents(dir.path());
    assert!(!is_right && said.contains("README.md: integrations"), "{said}");
    for folder in ["etc/launchers", "integrations"] {
        let copied = Command::new("cp").arg("-R").arg(source().join(folder)).arg(&share).status();
        assert!(copied.unwrap().success());
    }
    let (is_right, said) = put_documents(dir.path());
    assert!(is_right, "{said}");
    let units = source().join("packaging/systemd");
    let mut pages = 0;
    for unit in std::fs::read_dir(units).unwrap().map(|unit| unit.unwrap().path()) {
        let Ok(text) = std::fs::read_to_string(&unit) else { continue };
        for page in text.split_whitespace().filter_map(|word| word.strip_prefix("file:/")) {
            assert!(dir.path().join(page).is_file(), "{}: {page}", unit.display());
            pages += 1;
        }
    }
    assert!(pages > 3, "{pages} pages are named by units");
}

/// The part of `postinst` that moves the backups of an earlier version, for directories in `root` and with programs of `bin` first.
fn move_backups(root: &Path, bin: &Path) -> (bool, String) {
    let text = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/debian/postinst"),
    )
    .unwrap();
    let (_, rest) = text.split_once("# Backups of an earlier version").unwrap();
    let (part, _) = rest.split_once("\nfi\n").unwrap();
    let part = part.split_once('\n').unwrap().1.replace("/var/", &format!("{}/", root.display()));
    let output = Command::new("sh")
        .args(["-e", "-c", &format!("{part}\nfi")])
        .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
        .output()
        .unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn backups_of_an_earlier_version_are_moved_or_it_is_reported_and_none_is_lost() {
    let stub = |bin: &Path, name: &str, text: &str| {
        let path = bin.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    let no_link = "case \"$2 $3\" in *.part*) exec /bin/ln \"$@\" ;; *) exit 1 ;; esac";
    let half = "printf half >\"$5\"; exit 1";
    // What stands for programs, what is at the new path already, whether it is reported.
    for (stubs, there, is_reported) in [
        (&[][..], None, false),
        (&[("ln", no_link)], None, false),
        (&[("ln", no_link), ("cp", half)], None, true),
        (&[("ln", "exit 1")], None, true),
        (&[], Some("another"), true),
        (&[], Some("old a"), false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (bin, old, new) = (
            folder.path().join("bin"),
            folder.path().join("lib/kanband/backups"),
            folder.path().join("backups/kanband"),
        );
        for made in [&bin, &old, &new] {
            std::fs::create_dir_all(made).unwrap();
        }
        stub(&bin, "runuser", "shift 3; exec \"$@\"");
        for (name, text) in stubs {
            stub(&bin, name, text);
        }
        for name in ["a", "b"] {
            std::fs::write(old.join(format!("kanban-{name}.db")), format!("old {name}")).unwrap();
        }
        if let Some(there) = there {
            std::fs::write(new.join("kanban-a.db"), there).unwrap();
        }
        let (is_installed, told) = move_backups(folder.path(), &bin);
        let case = format!("{stubs:?} {there:?}: {told}");
        assert!(is_installed, "{case}");
        assert_eq!(told.contains("were not all moved to"), is_reported, "{case}");
        assert_eq!(old.exists(), is_reported, "{case}");
        for name in ["a", "b"] {
            let path = format!("kanban-{name}.db");
            let kept: Vec<String> = [&old, &new]
                .iter()
                .filter_map(|dir| std::fs::read_to_string(dir.join(&path)).ok())
                .collect();
            assert!(kept.contains(&format!("old {name}")), "{case}");
            assert!(!kept.contains(&"half".to_owned()), "{case}");
            assert!(!new.join(format!("{path}.part")).exists(), "{case}");
        }
        if let Some(there) = there {
            assert_eq!(std::fs::read_to_string(new.join("kanban-a.db")).unwrap(), there, "{case}");
        }
    }
}
