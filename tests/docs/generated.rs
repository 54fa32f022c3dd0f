//! Pages that are written by a program: compared with what it writes, or rewritten on request.

use std::path::Path;

/// Set to write the pages instead of comparing them, as for `etc/kanband.toml`.
const UPDATE: &str = "KANBAND_UPDATE_FILES";

/// Compares a file of the repository with what it should be.
pub fn is_up_to_date(path: &str, rendered: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&file, rendered).unwrap();
        return;
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    let differs = written.lines().zip(rendered.lines()).position(|(one, other)| one != other);
    assert!(
        written == rendered,
        "{path} is out of step from line {} on: run this with {UPDATE}=1",
        differs.map_or(0, |line| line + 1)
    );
}
