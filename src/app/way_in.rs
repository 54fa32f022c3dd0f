//! The daemon's listeners, and what its doorkeeper needs.

use std::sync::Arc;

use tokio::sync::watch;

use crate::actors::doorkeeper::{DoorkeeperDeps, HomeIdentity};
use crate::actors::doors::Doors;
use crate::actors::root::Life;
use crate::actors::worker::WorkerDeps;
use crate::api::client::absence::OPERATORS_GROUP;
use crate::api::listeners::Listeners;
use crate::api::sockets::{self, BoundSockets};
use crate::app::metrics_way_in;
use crate::app::start_error::StartError;
use crate::app::web_way_in::WebListener;
use crate::config::home::HomeKind;
use crate::config::{Home, Settings, Sockets};
use crate::os::host::service_manager::{self, Handed};
use crate::service::metrics::door::MetricsDoor;
use crate::service::web::WebAccess;

/// Where the daemon listens, and what it was given for that.
pub(super) struct ListenAt<'a> {
    pub(super) sockets: &'a Sockets,
    pub(super) handed: Handed,
}

/// The listeners, and what is known of them.
pub(super) struct WaysIn {
    pub(super) listeners: Listeners,
    pub(super) doors: Doors,
    pub(super) web: Arc<WebAccess>,
    pub(super) metrics_door: MetricsDoor,
}

impl ListenAt<'_> {
    /// Whether it is the service of the machine that a service manager has started.
    pub(super) fn is_service(&self, home: &Home) -> bool {
        self.handed.sockets.is_some() && home.kind() == HomeKind::System
    }

    /// The sockets that were handed over, else new ones. Those of the machine's daemon are for a group.
    pub(super) fn listen(
        self,
        home: &Home,
        settings: &Settings,
        has_workers_of_others: bool,
    ) -> Result<WaysIn, StartError> {
        let is_service = self.is_service(home);
        let Self { sockets: Sockets { operators, workers, courier }, handed } = self;
        let group = (home.kind() == HomeKind::System).then_some(OPERATORS_GROUP);
        let Handed { sockets: handed, web, metrics } = handed;
        let socket = operators.clone();
        let web = WebListener { home, listen: settings.web.listen, handed: web, is_service };
        let mut bound = match handed {
            Some(handed) => sockets::take(handed, operators, workers, remedy(home))?,
            None => {
                sockets::bind(operators, workers, sockets::Access { group, has_workers_of_others })?
            }
        };
        // A person's own units have none for it: the daemon makes the socket and starts the courier.
        if let (false, Some(courier)) = (is_service, courier)
            && bound.courier.is_none()
            && let Err(error) = bound.bind_courier(courier)
        {
            tracing::error!(%error, "cannot make the courier's socket; no notifications are sent");
        }
        let (metrics, metrics_door) =
            metrics_way_in::open(settings.metrics.listen, metrics, is_service);
        let BoundSockets { operators, workers, courier, doors } = bound;
        let (web, web_door) = web.open();
        let access = WebAccess::load(web_door, home.web_sessions(), socket);
        let listeners = Listeners { operators, workers, courier, metrics, web };
        Ok(WaysIn { listeners, doors, web: Arc::new(access), metrics_door })
    }
}

/// What makes the service manager that handed the sockets over make them again.
fn remedy(home: &Home) -> &'static str {
    match home.kind() {
        HomeKind::User => service_manager::REMAKE_OWN_SOCKETS,
        HomeKind::System | HomeKind::Chosen => service_manager::REMAKE_SOCKETS,
    }
}

/// What the doorkeeper may reach. The home is taken as it is now.
pub(super) fn doorkeeper(
    home: &Home,
    shared: &WorkerDeps,
    life: &watch::Sender<Life>,
) -> DoorkeeperDeps {
    DoorkeeperDeps {
        files: shared.files.clone(),
        doors: shared.doors.clone(),
        database: shared.database.clone(),
        home: HomeIdentity::of(home.path()),
        configuration: shared.configuration.clone(),
        daemon_user: shared.start_inputs.daemon_user.clone(),
        life: life.subscribe(),
    }
}
