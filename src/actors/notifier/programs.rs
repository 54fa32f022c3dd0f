//! The part of the notifier that sends by programs of this host: it leases what is due for them, starts them, and settles the rows as the
//! courier does.

use std::time::Duration;

use actix::{ActorFutureExt as _, AsyncContext as _, Context, SpawnHandle, WrapFuture as _};

use crate::actors::apart::on_own_thread;
use crate::actors::database::{Database, Submit};
use crate::actors::notifier::Notifier;
use crate::kernel::error::VerbError;
use crate::kernel::notice::{Outcome, Row, Settled};
use crate::kernel::verbs::{LeaseCommands, LeaseReply, SettleOutbox};
use crate::os::failure::in_words;
use crate::os::host::clock::epoch_ms;

/// The part of the daemon in whose name these rows move.
const PART: &str = "commands";

/// Programs that run at one time.
const RUNNING_MAX: u32 = 16;

/// Pause before rows are asked for again that the database did not give.
const FAULT_PAUSE: Duration = Duration::from_secs(5);

/// What it knows of programs.
#[derive(Debug, Default)]
pub struct Running {
    count: u32,
    is_asking: bool,
    is_asked_again: bool,
    due: Option<SpawnHandle>,
}

impl Notifier {
    /// Starts the programs of what is due.
    pub(super) fn start_programs(&mut self, context: &mut Context<Self>) {
        let policy = self.deps.configuration.policy();
        let has_any = policy.notify.channels.values().any(|channel| channel.kind.is_of_daemon());
        if !has_any || self.running.count >= RUNNING_MAX {
            return;
        }
        if self.running.is_asking {
            self.running.is_asked_again = true;
            return;
        }
        self.running.is_asking = true;
        if let Some(due) = self.running.due.take() {
            context.cancel_future(due);
        }
        let max = RUNNING_MAX - self.running.count;
        let lease = lease(self.deps.database.clone(), max);
        context.spawn(lease.into_actor(self).map(|reply, notifier, context| {
            notifier.take(reply, context);
        }));
    }

    fn take(&mut self, reply: Result<LeaseReply, VerbError>, context: &mut Context<Self>) {
        self.running.is_asking = false;
        let pause = match reply {
            Ok(reply) => {
                for row in reply.leased.rows {
                    self.start_program(row, context);
                }
                reply.next_ms.map(|at| {
                    let ahead = at.saturating_sub(epoch_ms()).max(1);
                    Duration::from_millis(ahead.unsigned_abs())
                })
            }
            Err(error) => {
                tracing::error!(%error, "cannot read what programs are to send; trying again");
                Some(FAULT_PAUSE)
            }
        };
        if std::mem::take(&mut self.running.is_asked_again) {
            return self.start_programs(context);
        }
        self.running.due = pause.map(|pause| {
            context.run_later(pause, |notifier, context| {
                notifier.running.due = None;
                notifier.start_programs(context);
            })
        });
    }

    fn start_program(&mut self, row: Row, context: &mut Context<Self>) {
        self.running.count += 1;
        let (programs, database) = (self.deps.programs.clone(), self.deps.database.clone());
        let sent = async move {
            let (id, lease) = (row.id, row.lease.clone());
            let outcome = on_own_thread("hook", move || programs.send(&row)).await;
            let outcome = outcome.unwrap_or_else(|error| Outcome::Temporary {
                code: "no_thread".to_owned(),
                error: in_words(&error),
            });
            let results = vec![Settled { id, is_edit: false, lease, outcome }];
            let verb = SettleOutbox { results, now_ms: epoch_ms() };
            if let Err(error) = database.submit(Submit::by_system(PART, verb)).await {
                // Its lease ends, and it goes again.
                tracing::error!(%error, row = id, "cannot record what a program has sent");
            }
        };
        // The commit that settles wakes the notifier for the next ones.
        context.spawn(sent.into_actor(self).map(|(), notifier, context| {
            notifier.running.count = notifier.running.count.saturating_sub(1);
            notifier.start_programs(context);
        }));
    }
}

async fn lease(database: Database, max: u32) -> Result<LeaseReply, VerbError> {
    let verb = LeaseCommands { max, now_ms: epoch_ms() };
    database.submit(Submit::by_system(PART, verb)).await
}
