//! Reload of the configuration while everything continues: all of it is applied or nothing.
//!
//! What is taken holds from the next claim on. The database thread reads the policy for each transaction; the
//! dispatcher and the crash detector take up their new interval at once, and one pass is made, for a cap may have risen. Some
//! keys hold only from the next start; they are named ([`crate::config::keys::holds_from_restart`]).

use std::sync::{Arc, Mutex, PoisonError};

use actix::Message;
use tokio::sync::oneshot;

use crate::actors::configuration::{Configuration, PolicyBasis};
use crate::actors::event_hub::EventFeed;
use crate::actors::live::Live;
use crate::actors::notifier::messages::DrainOutbox;
use crate::actors::settings_checks::check_all;
use crate::actors::token_holders::TokenHolders;
use crate::actors::wire::Wire;
use crate::config::shown::{Change, Shown};
use crate::config::worker_user::DaemonUser;
use crate::config::{Ambient, ConfigProblems, Home, Settings, load};
use crate::os::host::service_manager;
use crate::telemetry;

/// The settings are other ones now. To actors that have copied some of them.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct SettingsChanged;

/// What is needed to read the configuration again.
pub struct Reloader {
    /// The surroundings of the daemon's start.
    pub ambient: Ambient,
    /// Its home.
    pub home: Home,
    /// Where the settings are replaced.
    pub configuration: Live<Configuration>,
    /// What the policy follows from beside them.
    pub basis: PolicyBasis,
    /// Whose the daemon is.
    pub daemon_user: DaemonUser,
    /// To the dispatcher.
    pub dispatcher: Wire<SettingsChanged>,
    /// To the crash detector.
    pub crash_detector: Wire<SettingsChanged>,
    /// To the notifier: channels may be other ones.
    pub notifier: Wire<DrainOutbox>,
    /// To the pages that show it.
    pub feed: EventFeed,
    /// Whose workers' tokens can be.
    pub token_holders: TokenHolders,
    /// The values that hold, as text. Its lock lets one reading happen at a time.
    pub shown: Mutex<Shown>,
}

/// Why nothing was taken.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigProblems),
    /// No thread could be had for the reading.
    #[error("cannot read the configuration: {0}")]
    Thread(std::io::Error),
}

impl Reloader {
    /// Reads it again, on a thread of its own: a slow disk must hold up nobody. Tells the service manager and the log.
    ///
    /// # Errors
    /// [`ReloadError`]; nothing has changed then.
    pub async fn reload(self: &Arc<Self>) -> Result<Vec<Change>, ReloadError> {
        let (reply, answer) = oneshot::channel();
        self.start(|result| drop(reply.send(result))).map_err(ReloadError::Thread)?;
        answer.await.unwrap_or_else(|_| {
            Err(ReloadError::Thread(std::io::Error::other("the reading thread panicked")))
        })
    }

    /// The same for a caller that does not wait.
    ///
    /// # Errors
    /// No thread could be had.
    pub fn start(
        self: &Arc<Self>,
        done: impl FnOnce(Result<Vec<Change>, ReloadError>) + Send + 'static,
    ) -> std::io::Result<()> {
        let reloader = Arc::clone(self);
        std::thread::Builder::new()
            .name("reload".to_owned())
            .spawn(move || done(reloader.reload_here()))
            .map(drop)
    }

    fn reload_here(&self) -> Result<Vec<Change>, ReloadError> {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        service_manager::reloading();
        let taken = self.take(&mut shown);
        match &taken {
            Ok(changes) => {
                tell(changes);
                service_manager::ready("serving; the configuration was reloaded");
            }
            Err(problems) => {
                for problem in &problems.0 {
                    tracing::error!(%problem, "cannot apply the configuration; keeping the old one");
                }
                service_manager::ready(
                    "serving; the new configuration is invalid and was not applied",
                );
            }
        }
        Ok(taken?)
    }

    /// What the files and the environment say now. Nothing is taken; it waits for files.
    ///
    /// # Errors
    /// What a reload would refuse.
    pub fn read(&self) -> Result<(Settings, Shown), ConfigProblems> {
        let (settings, shown) = load(&self.ambient, &self.home)?;
        check_all(&settings, &self.daemon_user)?;
        Ok((settings, shown))
    }

    fn take(&self, shown: &mut Shown) -> Result<Vec<Change>, ConfigProblems> {
        let (settings, newer) = self.read()?;
        telemetry::set_level(settings.log.level);
        self.token_holders.learn(&self.daemon_user, &settings);
        self.configuration.replace(Configuration::new(settings, &self.basis));
        let changes = shown.changes_to(&newer);
        *shown = newer;
        self.dispatcher.tell(SettingsChanged);
        self.crash_detector.tell(SettingsChanged);
        self.notifier.tell(DrainOutbox);
        self.feed.facts_moved();
        Ok(changes)
    }
}

fn tell(changes: &[Change]) {
    if changes.is_empty() {
        tracing::info!("configuration reloaded: nothing changed");
    }
    for Change { key, old, new, from_restart } in changes {
        let word = |value: &Option<String>| value.clone().unwrap_or_else(|| "not set".to_owned());
        let (old, new) = (word(old), word(new));
        tracing::info!(key, old, new, from_restart, "setting changed");
    }
}
