//! How shims are started, and the containment of their runs.

use std::sync::Arc;

use crate::actors::live::Live;
use crate::actors::run_views::possible_of;
use crate::actors::settings_checks::check_all;
use crate::app::home;
use crate::app::start_error::StartError;
use crate::config::home::HomeKind;
use crate::config::settings::ContainmentMode;
use crate::config::worker_user::{DaemonUser, has_workers_of_others};
use crate::config::{Ambient, ConfigProblems, Home, Settings};
use crate::os::control_groups::cgroup::{Choice, Containment};
use crate::os::holder::client::Holder;
use crate::os::holder::protocol::{Hello, PossibleViews};
use crate::os::processes::command_as::take_up_left;
use crate::os::processes::identity::ProcessIdentity;
use crate::os::processes::proc_view::ProcMount;
use crate::os::processes::spawn::Spawner;
use crate::os::processes::user::Account;
use crate::os::run_files::registry::RunRegistry;

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

/// Whether the daemon that these surroundings start in `home` would take the settings.
///
/// # Errors
/// Everything for which it would refuse them.
pub fn check_settings(
    ambient: &Ambient,
    home: &Home,
    settings: &Settings,
) -> Result<(), ConfigProblems> {
    let holder = holder(home, settings);
    check_all(settings, &daemon_user(ambient, home, holder.as_ref()))
}

/// Finds out what can hold runs together here.
pub(super) fn establish_containment(
    home: &Home,
    settings: &Settings,
    holder: Option<&Holder>,
) -> Live<Containment> {
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
                tracing::error!(%error, "cannot start runs for now");
                Containment::of_silent_holder(&error.to_string())
            }
        },
        Some(_) | None => Containment::establish(home.path(), &choice),
    };
    tracing::info!(mode = containment.describe(), "containment");
    Live::new(containment)
}

/// What starts runs and holds their processes together.
pub(super) struct RunStarter {
    pub(super) holder: Option<Holder>,
    pub(super) containment: Live<Containment>,
    pub(super) possible_views: Live<Option<PossibleViews>>,
    pub(super) spawner: Spawner,
    pub(super) daemon_user: DaemonUser,
}

/// Finds the holder, makes the control groups, starts the thread that starts shims.
pub(super) fn supervision(
    home: &Home,
    ambient: &Ambient,
    settings: &Settings,
    shims: &Arc<RunRegistry>,
) -> Result<RunStarter, StartError> {
    let holder = holder(home, settings);
    let containment = establish_containment(home, settings, holder.as_ref());
    // A holder that does not answer now says it before the first start.
    let greeting = holder.as_ref().and_then(|holder| holder.hello().ok());
    let possible_views = Live::new(greeting.as_ref().map(possible_of));
    let known = (&containment, &possible_views);
    let spawner = spawner(home, settings, holder.clone(), known, shims)?;
    let daemon_user = daemon_user(ambient, home, holder.as_ref());
    Ok(RunStarter { holder, containment, possible_views, spawner, daemon_user })
}

/// The thread that starts shims, or has them started. Commands that an earlier daemon has left are known from here on.
pub(super) fn spawner(
    home: &Home,
    settings: &Settings,
    holder: Option<Holder>,
    (containment, possible_views): (&Live<Containment>, &Live<Option<PossibleViews>>),
    shims: &Arc<RunRegistry>,
) -> Result<Spawner, StartError> {
    take_up_left(&home.runs(), shims, holder.as_ref());
    let shims = Arc::clone(shims);
    let Some(holder) = holder else {
        let shim = home::find_shim(settings);
        return Spawner::start(&shim, shims)
            .map_err(|source| StartError::Shim { path: shim, source });
    };
    let (containment, possible_views) = (containment.clone(), possible_views.clone());
    let wants_groups = settings.supervision.containment == ContainmentMode::Auto;
    let on_hello = move |hello: &Hello| {
        let possible = Some(possible_of(hello));
        if *possible_views.get() != possible {
            possible_views.replace(possible);
        }
        if !wants_groups {
            return true;
        }
        let now = Containment::of_holder(hello);
        if *containment.get() == now {
            return true;
        }
        tracing::warn!(mode = now.describe(), "the holder was restarted with another containment");
        containment.replace(now);
        false
    };
    Spawner::start_with_holder(holder, Box::new(on_hello), shims)
        .map_err(|error| StartError::fault("start the spawning thread", &error))
}

/// Refuses a start in which the daemon, or the shims of a holder, could not see the processes of runs: neither would a caller be
/// identified, nor a run be seen to start and to end. A daemon whose workers are all of its own user sees those, and starts.
pub(super) fn must_see_runs(
    ambient: &Ambient,
    home: &Home,
    settings: &Settings,
) -> Result<(), StartError> {
    let holder = holder(home, settings);
    let daemon = daemon_user(ambient, home, holder.as_ref());
    let refused = |why: String| Err(StartError::ProcHidden(why));
    if let Err(error) = ProcessIdentity::current() {
        return refused(format!(
            "cannot use /proc: {error}; the daemon identifies processes by it"
        ));
    }
    let mount = match ProcMount::of_process() {
        Ok(mount) => mount,
        Err(error) => return refused(format!("cannot use /proc: {error}")),
    };
    let is_hidden = mount.hides_from_this_process()
        // Shims of a holder have the groups of the daemon's account, whatever this process was given.
        || (holder.is_some() && mount.hides_from(&groups_of(&daemon), false));
    let Some(option) = mount.hides.filter(|_| is_hidden) else { return Ok(()) };
    if has_workers_of_others(&daemon, settings) {
        let name = daemon.name.as_deref().unwrap_or("the daemon's user");
        return refused(format!(
            "/proc is mounted with {option}: the daemon and the shims cannot see workers of other users. \
             Add {name} to a group (`usermod -aG GROUP {name}`) and mount /proc with hidepid=invisible,gid=GROUP, or mount it \
             without hidepid"
        ));
    }
    tracing::warn!(
        option,
        "/proc hides processes of other users: callers are identified by what is visible"
    );
    Ok(())
}

/// What the user data base says; nothing when it does not answer.
fn groups_of(daemon: &DaemonUser) -> Vec<u32> {
    let account = daemon.name.as_deref().and_then(|name| Account::named(name).ok().flatten());
    account.map(|account| account.run_as.groups).unwrap_or_default()
}
