//! The service manager's watchdog: the root asks the dispatcher whether it is there, and only its answer is passed on.
//!
//! The answer shows that the actors' thread goes round and that the dispatcher takes messages. The database has no part in it:
//! a disk that is slow must not get the daemon killed, which would make nothing faster.

use actix::{ActorFutureExt as _, AsyncContext as _, Context, WrapFuture as _};

use super::RootSupervisor;
use crate::actors::dispatcher::messages::Ping;
use crate::os::host::service_manager::{feed_watchdog, watchdog_interval};

/// Questions within the time after which the service manager gives up: one answer that comes late must not be the end.
const QUESTIONS_PER_INTERVAL: u32 = 3;

/// Begins to feed the watchdog, when there is one.
pub(super) fn watch(context: &mut Context<RootSupervisor>) {
    if let Some(interval) = watchdog_interval() {
        context.run_interval(interval / QUESTIONS_PER_INTERVAL, ask);
    }
}

fn ask(root: &mut RootSupervisor, context: &mut Context<RootSupervisor>) {
    if root.is_ping_under_way {
        return;
    }
    root.is_ping_under_way = true;
    let ping = root.deps.wires.ping.clone();
    let answer = async move { ping.ask(Ping).await };
    context.spawn(answer.into_actor(root).map(|answer, root, _| {
        root.is_ping_under_way = false;
        if answer.is_some() {
            feed_watchdog(&root.describe());
        }
    }));
}

impl RootSupervisor {
    /// One line about what goes on.
    fn describe(&self) -> String {
        match self.workers.len() {
            0 => "serving; no run is open".to_owned(),
            1 => "serving; 1 run is open".to_owned(),
            count => format!("serving; {count} runs are open"),
        }
    }
}
