//! Tests that run again inside namespaces of their own: there they may hand out PIDs and host names as they like.

use std::path::Path;
use std::process::Command;

use support::skip;

/// Set for a test that runs inside, to the namespaces of the one outside: `kind=link` by lines.
const OUTSIDE: &str = "KANBAND_TEST_OUTSIDE_OF";

/// Where a test runs.
pub enum Location {
    /// Outside. It has been run inside and was through, or this host does not permit it, which has been said.
    Outside,
    /// Inside.
    Inside,
}

/// Runs the test `name` again in new namespaces, which `unshare` makes with `options`, where `probe` works in them.
///
/// `kinds` names the namespaces as `/proc/self/ns` does; the inside is believed only when all of them are others.
pub fn enter(name: &str, options: &[&str], kinds: &[&str], probe: &str) -> Location {
    if let Ok(outside) = std::env::var(OUTSIDE) {
        for line in outside.lines() {
            let (kind, link) = line.split_once('=').unwrap();
            assert_ne!(link_of(kind), link, "not inside a {kind} namespace of its own");
        }
        return Location::Inside;
    }
    let as_user = [&["--user", "--map-root-user"], options].concat();
    let Some(options) = [options, &as_user].into_iter().find(|options| works(options, probe))
    else {
        skip(format_args!("this host does not permit `unshare {}`", options.join(" ")));
        return Location::Outside;
    };
    let links: Vec<_> = kinds.iter().map(|kind| format!("{kind}={}", link_of(kind))).collect();
    let inside = Command::new("unshare")
        .args(options)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(OUTSIDE, links.join("\n"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&inside.stdout) + String::from_utf8_lossy(&inside.stderr);
    assert!(inside.status.success(), "inside: {}\n{said}", inside.status);
    assert!(said.contains("1 passed"), "{name} was not run inside:\n{said}");
    Location::Outside
}

fn link_of(kind: &str) -> String {
    let link = std::fs::read_link(Path::new("/proc/self/ns").join(kind)).unwrap();
    link.to_str().unwrap().to_owned()
}

fn works(options: &[&str], probe: &str) -> bool {
    let tried = Command::new("unshare").args(options).args(["sh", "-c", probe]).output();
    tried.is_ok_and(|tried| tried.status.success())
}
