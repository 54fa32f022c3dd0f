//! Where the daemon searches for the skills of tasks.

use std::path::PathBuf;

use crate::config::Home;
use crate::mcp::skills::SKILLS;
use crate::os::home::skill_files::keep_skill;

/// Skills that the package installs, and those of other packages.
const SYSTEM_FOLDER: &str = "/usr/share/kanband/skills";

/// The folders, in order: the operator's own, the system's, and one with what comes with the program, which is written here
/// when it is not as it should be. Without that one a task is started all the same.
pub(super) fn folders(home: &Home) -> Vec<PathBuf> {
    let shipped = home.shipped_skills();
    for skill in &SKILLS {
        if let Err(error) = keep_skill(skill.name, skill.text, &shipped) {
            tracing::warn!(folder = %shipped.display(), %error, "cannot write a skill");
        }
    }
    vec![home.skills(), PathBuf::from(SYSTEM_FOLDER), shipped]
}
