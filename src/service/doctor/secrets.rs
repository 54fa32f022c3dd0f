//! `doctor` about secrets: who may read the files that hold them.

use std::sync::Arc;

use crate::actors::apart::on_own_thread;
use crate::config::held_secrets::files_with_secrets;
use crate::config::{Home, Settings, left_out};
use crate::os::files::{Readers, other_readers, own_group};
use crate::service::doctor::check::{Check, Health};
use crate::service::profiles::FILES_TIME;

/// Files that hold keys and that others may read: the configuration's, those beside it, and the profiles' own. They are looked at on
/// a thread of its own: a disk may not answer.
pub(super) async fn checks(settings: &Arc<Settings>, home: &Home) -> Vec<Check> {
    let (settings, home) = (Arc::clone(settings), home.clone());
    let look = on_own_thread("secrets", move || secrets_checks(&settings, &home));
    match tokio::time::timeout(FILES_TIME, look).await {
        Ok(Ok(checks)) => checks,
        Ok(Err(_)) | Err(_) => {
            let message = "cannot check the permissions of the configuration files: timed out";
            let fix = "check the file systems of the configuration and of each env_file";
            vec![Check::bad("secrets", Health::Warn, message.to_owned(), fix)]
        }
    }
}

fn secrets_checks(settings: &Settings, home: &Home) -> Vec<Check> {
    let mut files = files_with_secrets(home);
    files.extend(settings.profiles.values().filter_map(|profile| profile.env_file.clone()));
    files.sort();
    files.dedup();
    let own_group = own_group();
    let mut checks = Vec::new();
    for file in files {
        let shown = file.display();
        let message = match other_readers(&file, own_group) {
            Ok(Readers::Nobody) | Err(_) => continue,
            Ok(Readers::Everybody) => {
                format!("{shown} contains secrets and is readable by all users")
            }
            Ok(Readers::Group(group)) => {
                format!("{shown} contains secrets and is readable by the group with the id {group}")
            }
        };
        checks.push(Check::bad(
            "secrets",
            Health::Fail,
            message,
            format!(
                "run `chmod go-r {shown}`, or change its group to the daemon's and run `chmod o-r`"
            ),
        ));
    }
    checks.extend(left_out(home).into_iter().map(|file| {
        let message = format!("{} is not readable by this user and is ignored", file.display());
        Check::bad(
            "configuration",
            Health::Warn,
            message,
            "put the settings into your own configuration",
        )
    }));
    checks
}
