//! Who starts the shims here, and what holds their runs together.

use std::sync::{Arc, PoisonError, RwLock};

use crate::app::{StartError, home};
use crate::config::home::HomeKind;
use crate::config::settings::ContainmentMode;
use crate::config::worker_user::{DaemonUser, worker_user};
use crate::config::{Ambient, Home, Settings};
use crate::os::cgroup::{Choice, Containment};
use crate::os::holder::Holder;
use crate::os::holder_protocol::Hello;
use crate::os::run_registry::RunRegistry;
use crate::os::spawn::Spawner;

/// The containment as it is now, for everybody.
pub(super) type SharedContainment = Arc<RwLock<Arc<Containment>>>;

/// The holder, where one is configured. The machine's is none of a person's own daemon, which reads the machine's file too.
pub(super) fn holder(home: &Home, settings: &Settings) -> Option<Holder> {
    let socket = settings.supervision.holder.clone()?;
    (home.kind() != HomeKind::User).then(|| Holder::at(socket))
}

/// Whose the daemon is.
pub(super) fn daemon_user(ambient: &Ambient, home: &Home, holder: Option<&Holder>) -> DaemonUser {
    DaemonUser {
        uid: ambient.uid,
        name: ambient.user_name.clone(),
        is_system: home.kind() == HomeKind::System,
        has_holder: holder.is_some(),
    }
}

/// Finds out what can hold runs together here.
pub(super) fn establish_containment(
    home: &Home,
    settings: &Settings,
    holder: Option<&Holder>,
) -> SharedContainment {
    let supervision = &settings.supervision;
    let choice = match supervision.containment {
        ContainmentMode::Auto => Choice::Auto { base: supervision.cgroup_base.clone() },
        ContainmentMode::SubReaper => Choice::SubReaper,
    };
    let containment = match holder {
        Some(holder) if choice != Choice::SubReaper => match holder.hello() {
            Ok(hello) => Containment::of_holder(&hello),
            Err(error) => {
                // It may come later: each start asks it again.
                tracing::error!(%error, "nothing can be started for now");
                Containment::of_silent_holder(&error.to_string())
            }
        },
        Some(_) | None => Containment::establish(home.path(), &choice),
    };
    tracing::info!(mode = containment.describe(), "containment");
    Arc::new(RwLock::new(Arc::new(containment)))
}

/// The thread that starts shims, or has them started.
pub(super) fn spawner(
    settings: &Settings,
    holder: Option<Holder>,
    containment: &SharedContainment,
    shims: &Arc<RunRegistry>,
) -> Result<Spawner, StartError> {
    let shims = Arc::clone(shims);
    let Some(holder) = holder else {
        let shim = home::find_shim(settings);
        return Spawner::start(&shim, shims)
            .map_err(|source| StartError::Shim { path: shim, source });
    };
    let containment = Arc::clone(containment);
    let wants_groups = settings.supervision.containment == ContainmentMode::Auto;
    let on_hello = move |hello: &Hello| {
        if !wants_groups {
            return true;
        }
        let now = Containment::of_holder(hello);
        let mut known = containment.write().unwrap_or_else(PoisonError::into_inner);
        if **known == now {
            return true;
        }
        tracing::warn!(
            mode = now.describe(),
            "the holder of the runs was started anew: containment"
        );
        *known = Arc::new(now);
        false
    };
    Spawner::start_with_holder(holder, Box::new(on_hello), shims)
        .map_err(|error| StartError::fault("start the spawning thread", &error))
}

/// Whether any worker may be another user's than the daemon.
pub(super) fn has_workers_of_others(daemon: &DaemonUser, settings: &Settings) -> bool {
    let named = settings.profiles.values().map(|profile| profile.user.as_deref());
    named.chain([None]).any(|named| matches!(worker_user(daemon, named), Ok(Some(_))))
}
