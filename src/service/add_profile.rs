//! `POST /v1/profiles`: adds the profile of a built-in launcher, the only thing of the configuration that the board on the web writes.

pub mod error;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actors::apart::on_own_thread;
use crate::config::Home;
use crate::config::worker_user::DaemonUser;
use crate::os::failure::in_words;
use crate::os::files::add_private;
use crate::os::host::random::random_hex;
use crate::service::add_profile::error::AddProfileError;
use crate::service::first_use::{self, lines_of};
use crate::service::reload::{ReloadReply, SettingChange, reload};
use crate::service::{GetDaemon, Requester, Service, ServiceError};

/// Add the profile of a built-in launcher to the configuration, and reload it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddProfile {
    /// Name of a built-in launcher.
    pub launcher: String,
}

/// An added profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddProfileReply {
    /// Its name.
    pub profile: String,
    /// The file that was written.
    pub file: String,
    /// Changed settings, by key.
    pub changes: Vec<SettingChange>,
}

/// Whether a daemon of this user adds profiles: only one that works for its own user.
///
/// # Errors
/// It is the machine's service, or its workers are other users'.
fn may_add(user: &DaemonUser) -> Result<(), AddProfileError> {
    if user.is_system || user.has_holder { Err(AddProfileError::OfMachine) } else { Ok(()) }
}

/// Why no profile can be added here; none when it can.
pub(super) fn why_not(service: &Service) -> Option<String> {
    may_add(&service.start_inputs.daemon_user).err().map(|error| error.to_string())
}

/// The file for a profile.
pub fn file_of(home: &Home, profile: &str) -> PathBuf {
    home.own_conf_d().join(format!("profile-{profile}.toml"))
}

/// Adds it. When the configuration is refused with it, nothing is left of it.
///
/// # Errors
/// [`AddProfileError`], or what refuses the configuration.
pub async fn add_profile(
    service: Arc<Service>,
    by: Requester,
    AddProfile { launcher }: AddProfile,
) -> Result<AddProfileReply, ServiceError> {
    may_add(&service.start_inputs.daemon_user)?;
    let Some(found) = first_use::agent(&service, launcher.clone()).await? else {
        let known = first_use::built_in().join(", ");
        return Err(AddProfileError::UnknownLauncher { name: launcher, known }.into());
    };
    let name = found.profile;
    if service.configuration.settings().profiles.contains_key(&name) {
        return Err(AddProfileError::ProfileExists { name }.into());
    }
    if found.program.is_none() {
        let program = found.argv.into_iter().next().unwrap_or_default();
        return Err(AddProfileError::NoProgram { launcher, program }.into());
    }
    let file = file_of(&service.reloader.home, &name);
    let text = format!(
        "# Added on the board's page. Change it and run `kanban reload`, or remove the file.\n{}",
        lines_of(&name, &launcher)
    );
    let (target, purpose) = (file.clone(), "writes the configuration");
    let written = on_own_thread("profile", move || write(&target, &text)).await;
    written.map_err(|error| ServiceError::NoThread { purpose, detail: in_words(&error) })??;
    match reload(service, by, GetDaemon {}).await {
        Ok(ReloadReply { changes }) => {
            let file = file.display().to_string();
            Ok(AddProfileReply { profile: name, file, changes })
        }
        Err(refused) => {
            // One that stayed would be a part of the next start.
            drop(on_own_thread("profile", move || drop(std::fs::remove_file(file))).await);
            Err(refused)
        }
    }
}

/// Writes a new file, and the directory that it is in.
fn write(file: &Path, text: &str) -> Result<(), AddProfileError> {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => AddProfileError::FileExists { file: file.to_owned() },
        _ => AddProfileError::Unwritten { file: file.to_owned(), detail: in_words(&error) },
    };
    if let Some(folder) = file.parent() {
        crate::os::files::create_private_dirs(folder).map_err(failed)?;
    }
    let mark = random_hex(4).map_err(failed)?;
    add_private(file, text.as_bytes(), &mark).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_users_own_daemon_adds_profiles() {
        for (is_system, has_holder, may) in
            [(false, false, true), (true, false, false), (false, true, false), (true, true, false)]
        {
            let user = DaemonUser { uid: 1000, name: None, is_system, has_holder };
            assert_eq!(may_add(&user).is_ok(), may, "{user:?}");
        }
    }

    #[test]
    fn a_refusal_is_one_line_that_helps() {
        let file = PathBuf::from("/home/ann/conf.d/profile-claude.toml");
        for error in [
            AddProfileError::OfMachine,
            AddProfileError::UnknownLauncher {
                name: "a\nb".to_owned(),
                known: "claude".to_owned(),
            },
            AddProfileError::NoProgram { launcher: "claude".into(), program: "claude".into() },
            AddProfileError::ProfileExists { name: "claude".to_owned() },
            AddProfileError::FileExists { file },
        ] {
            assert!(!error.to_string().contains('\n') && error.hint().is_some(), "{error}");
            assert!(!error.is_fault(), "{error}");
        }
    }
}
