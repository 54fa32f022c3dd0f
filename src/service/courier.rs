//! What the courier asks of the daemon: what to send, what became of it, which channels there are.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::actors::database::Submit;
use crate::config::Settings;
use crate::kernel::notice::{
    ChannelReport, ChannelSetting, Channels, LeaseRequest, Leased, SettleRequest,
};
use crate::kernel::verbs::{LeaseOutbox, OutboxCount, ReportChannel, SettleOutbox, SettleReply};
use crate::os::host::clock::{epoch_ms, epoch_seconds};
use crate::service::{GetDaemon, Requester, Service, ServiceError};

/// The part of the daemon in whose name the outbox moves.
const PART: &str = "courier";

/// Longest time that a call waits for something to send.
const WAIT_MAX: Duration = Duration::from_secs(600);

/// Rows and edits of one call.
const LEASED_MAX: u32 = 256;

/// Hands out what is to be sent: at once, or when something is due, or when the channels are other ones.
///
/// # Errors
/// A fault.
pub async fn lease(
    service: Arc<Service>,
    _by: Requester,
    request: LeaseRequest,
) -> Result<Leased, ServiceError> {
    let until = Instant::now() + Duration::from_millis(request.wait_ms).min(WAIT_MAX);
    let mut asking = service.outbox_bell.ask(epoch_seconds());
    loop {
        asking.look();
        if request.version.as_ref().is_some_and(|known| *known != version(&service)) {
            return Ok(Leased { reload: true, ..Leased::default() });
        }
        let now_ms = epoch_ms();
        let verb = LeaseOutbox { max: request.max.min(LEASED_MAX), now_ms };
        let found = service.database.submit(Submit::by_system(PART, verb)).await?;
        let has_any = !found.leased.rows.is_empty() || !found.leased.edits.is_empty();
        let left = until.saturating_duration_since(Instant::now());
        if has_any || left.is_zero() {
            asking.note(epoch_seconds());
            return Ok(found.leased);
        }
        let due_ms = found.next_ms.map(|at| at.saturating_sub(epoch_ms()).max(1));
        let due = due_ms.map(|ms| Duration::from_millis(ms.unsigned_abs()));
        let pause = due.map_or(left, |due| due.min(left));
        // The end of the pause is no error: it is time to look.
        drop(tokio::time::timeout(pause, asking.heard()).await);
    }
}

/// Takes what became of messages.
///
/// # Errors
/// A fault.
pub async fn settle(
    service: Arc<Service>,
    _by: Requester,
    request: SettleRequest,
) -> Result<SettleReply, ServiceError> {
    let verb = SettleOutbox { results: request.results, now_ms: epoch_ms() };
    Ok(service.database.submit(Submit::by_system(PART, verb)).await?)
}

/// The configured channels.
///
/// # Errors
/// None.
pub async fn channels(
    service: Arc<Service>,
    _by: Requester,
    _request: GetDaemon,
) -> Result<Channels, ServiceError> {
    service.outbox_bell.note_channels(epoch_ms());
    Ok(current(&service))
}

/// Takes what the courier says of a channel.
///
/// # Errors
/// A fault.
pub async fn report(
    service: Arc<Service>,
    _by: Requester,
    request: ChannelReport,
) -> Result<OutboxCount, ServiceError> {
    let verb = ReportChannel { report: request, now_ms: epoch_ms() };
    Ok(service.database.submit(Submit::by_system(PART, verb)).await?)
}

fn version(service: &Service) -> String {
    current(service).version
}

fn current(service: &Service) -> Channels {
    let configuration = &service.configuration;
    of_settings(&configuration.settings(), configuration.read_at_ms())
}

/// The courier's channels of a configuration. Every reload is another version: the courier reads its credentials again then.
fn of_settings(settings: &Settings, read_at_ms: i64) -> Channels {
    let channel =
        |(name, channel): (&String, &crate::config::notify_settings::Channel)| ChannelSetting {
            name: name.clone(),
            kind: channel.kind.clone(),
            url: channel.url.clone(),
            credential: channel.credential.clone(),
            allow: channel.allow.clone(),
            allow_http: channel.allow_http,
            listen: channel.listen,
        };
    let of_courier = settings.channels.iter().filter(|(_, channel)| !channel.is_command());
    let channels: Vec<ChannelSetting> = of_courier.map(channel).collect();
    let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let (lease_ms, attempt_ms) = (ms(settings.notify.lease), ms(settings.notify.attempt));
    let poll_ms = ms(settings.notify.poll);
    let mut hasher = DefaultHasher::new();
    format!("{channels:?} {lease_ms} {attempt_ms} {poll_ms} {read_at_ms}").hash(&mut hasher);
    let version = format!("{:016x}", hasher.finish());
    Channels { version, channels, lease_ms, attempt_ms, poll_ms }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::notify_settings::Channel;

    #[test]
    fn other_channels_are_another_version_and_so_is_every_reload() {
        let mut settings = Settings::default();
        let without = of_settings(&settings, 7);
        let channel = Channel { kind: "ntfy".into(), ..Channel::default() };
        settings.channels.insert("ops".into(), channel);
        let with = of_settings(&settings, 7);
        assert_ne!(without.version, with.version);
        assert_eq!(with.version, of_settings(&settings, 7).version);
        assert_ne!(with.version, of_settings(&settings, 8).version, "credentials may be others");
        let command = Channel { kind: "command".into(), ..Channel::default() };
        settings.channels.insert("bell".into(), command);
        assert_eq!(with.version, of_settings(&settings, 7).version, "the daemon's own channel");
    }
}
