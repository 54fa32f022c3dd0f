//! Which programs of a command line get no rights of their own under no_new_privs.

use std::path::Path;

use crate::os::files::find_program;
use crate::os::processes::privileged_program::gives_rights;

/// Programs that are of no use without the rights that they take, whatever the file here is like: also those that start one that does
/// (rootless containers call `newuidmap`).
const KNOWN: [&str; 14] = [
    "buildah",
    "chfn",
    "doas",
    "fusermount",
    "fusermount3",
    "mount",
    "newgidmap",
    "newuidmap",
    "pkexec",
    "podman",
    "runuser",
    "su",
    "sudo",
    "umount",
];

/// The programs in `argv` that need other rights than those of who executes them, each once, in order.
pub(super) fn privileged(argv: &[String], path: &str) -> Vec<String> {
    let gives = |word: &str| find_program(word, path).is_some_and(|found| gives_rights(&found));
    let mut found: Vec<String> = Vec::new();
    for word in words(argv) {
        let name = Path::new(word).file_name().and_then(|name| name.to_str()).unwrap_or(word);
        let is_new = !found.iter().any(|known| known == name);
        if is_new && (KNOWN.contains(&name) || gives(word)) {
            found.push(name.to_owned());
        }
    }
    found
}

/// The words that may be programs: the arguments that are one word, and the words of a script behind `-c`. A prompt is neither.
fn words(argv: &[String]) -> Vec<&str> {
    let mut is_script = false;
    let mut words = Vec::new();
    for argument in argv {
        if is_script || !argument.contains(char::is_whitespace) {
            let is_sign = |sign: char| sign.is_whitespace() || ";&|()`$\"'{}<>".contains(sign);
            words.extend(argument.split(is_sign).filter(|word| !word.is_empty()));
        }
        is_script = argument.starts_with('-') && argument.ends_with('c');
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_by_name_or_by_its_file_and_a_prompt_is_none() {
        use std::os::unix::fs::PermissionsExt as _;
        let temp = tempfile::tempdir().unwrap();
        let own = temp.path().join("own");
        std::fs::write(&own, "").unwrap();
        std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o4755)).unwrap();
        let by_path = own.to_str().unwrap();
        let path = temp.path().to_str().unwrap();
        let cases: [(&[&str], &[&str]); 9] = [
            (&["claude", "-p", "work kanban task"], &[]),
            (&["sudo", "-u", "dev", "claude"], &["sudo"]),
            (&["/usr/bin/env", "A=1", "/opt/bin/podman", "run"], &["podman"]),
            (&["sh", "-c", "cd x && sudo true; su - dev"], &["sudo", "su"]),
            (&["bash", "-lc", "exec $(sudo true)"], &["sudo"]),
            (&["claude", "-p", "use sudo to install it"], &[]),
            (&["own"], &["own"]),
            (&[by_path, "own", "sudo", "own"], &["own", "sudo"]),
            (&[], &[]),
        ];
        for (argv, expected) in cases {
            let argv: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(privileged(&argv, path), expected, "{argv:?}");
        }
    }
}
