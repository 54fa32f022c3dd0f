//! `doctor` about the credentials of channels: whether each is there, whether others may read it, and whether the courier has read it since it
//! was written.

use std::sync::Arc;

use crate::actors::apart::on_own_thread;
use crate::config::Settings;
use crate::config::home::{Home, HomeKind};
use crate::os::files::{CredentialLook, look_at_credential};
use crate::service::Service;
use crate::service::doctor::check::{Check, Health};
use crate::service::profiles::FILES_TIME;

const NAME: &str = "credentials";

/// The checks; none where every credential is in order. They are looked at on a thread of its own: a disk may not answer.
pub(super) async fn checks(service: &Arc<Service>) -> Vec<Check> {
    let (settings, home) = (service.configuration.settings(), service.reloader.home.clone());
    let read_at_ms = service.outbox_bell.channels_read_at_ms();
    let look = on_own_thread("credentials", move || checks_of(&settings, &home, read_at_ms));
    match tokio::time::timeout(FILES_TIME, look).await {
        Ok(Ok(checks)) => checks,
        Ok(Err(_)) | Err(_) => {
            let message = "cannot check the credentials of channels: timed out";
            vec![Check::bad(
                NAME,
                Health::Warn,
                message,
                "check the file system of the credentials",
            )]
        }
    }
}

fn checks_of(settings: &Settings, home: &Home, read_at_ms: Option<i64>) -> Vec<Check> {
    let is_service = home.kind() == HomeKind::System;
    let mut checks = Vec::new();
    for (channel, setting) in &settings.channels {
        let Some(credential) = &setting.credential else { continue };
        let path = home.credentials().join(credential);
        let shown = path.display().to_string();
        let found = Found { channel, shown: &shown, is_service, read_at_ms };
        checks.extend(found.judge(look_at_credential(&path)));
    }
    checks
}

/// A credential, and what is known beside its file.
struct Found<'a> {
    channel: &'a str,
    shown: &'a str,
    /// Whether a service manager hands it to the courier.
    is_service: bool,
    /// When the courier has read its credentials, epoch milliseconds; none when that was not since the start of the daemon.
    read_at_ms: Option<i64>,
}

impl Found<'_> {
    fn judge(&self, look: CredentialLook) -> Option<Check> {
        let Found { channel, shown, is_service, read_at_ms } = self;
        let setup =
            format!("{}kanban notify setup {channel}", if *is_service { "sudo " } else { "" });
        let (health, message, fix) = match look {
            CredentialLook::Missing => (
                Health::Warn,
                format!("the credential of the channel {channel} is missing: {shown}"),
                format!("`{setup}`"),
            ),
            CredentialLook::Open { mode } => (
                Health::Fail,
                format!("the credential {shown} has mode {mode:o}, so others may read it"),
                format!(
                    "run `chmod 600 {shown}`, and replace the secret where others may have read it"
                ),
            ),
            // The service manager handed it over when the courier was started; nobody here knows when that was.
            CredentialLook::Closed { .. } if *is_service => return None,
            CredentialLook::Closed { written_at_ms } => {
                read_at_ms.filter(|read_at_ms| written_at_ms > *read_at_ms)?;
                (
                    Health::Warn,
                    format!("the credential {shown} is newer than what the courier has read"),
                    "`kanban reload`".to_owned(),
                )
            }
            // Under the service they are root's alone.
            CredentialLook::Unknown => return None,
        };
        Some(Check::bad(NAME, health, message, fix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_named_that_is_missing_open_or_newer_than_what_was_read() {
        let closed = CredentialLook::Closed { written_at_ms: 10 };
        for (is_service, read_at_ms, look, expected) in [
            (false, Some(20), CredentialLook::Missing, "is missing"),
            (true, Some(20), CredentialLook::Missing, "is missing"),
            (false, Some(20), CredentialLook::Open { mode: 0o644 }, "mode 644"),
            (true, None, CredentialLook::Open { mode: 0o640 }, "mode 640"),
            (false, Some(9), closed, "is newer"),
            (false, Some(10), closed, ""),
            (false, None, closed, ""),
            (true, Some(9), closed, ""),
            (true, Some(9), CredentialLook::Unknown, ""),
        ] {
            let found = Found { channel: "ops", shown: "/c/ops", is_service, read_at_ms };
            let message = found.judge(look).map(|check| check.message).unwrap_or_default();
            let is_as_expected =
                message.contains(expected) && message.is_empty() == expected.is_empty();
            assert!(is_as_expected, "{look:?}: {message}");
        }
    }
}
