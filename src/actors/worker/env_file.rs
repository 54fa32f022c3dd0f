//! Before a start: the variables of the profile's file.

use actix::{ActorFutureExt as _, AsyncContext as _, Context, WrapFuture as _};

use super::Worker;
use super::not_launched::NotLaunched;
use crate::actors::env_files::{self, Unread};
use crate::kernel::start_fault::FailedStep;
use crate::kernel::verbs::RunOrder;

impl Worker {
    /// Reads the file with further variables, where the profile names one, and starts. A disk may be slow, so a thread of its own
    /// reads it.
    pub(super) fn read_env_file(&mut self, order: Box<RunOrder>, context: &mut Context<Self>) {
        let settings = self.deps.configuration.settings();
        let profile = settings.profiles.get(&order.profile);
        let Some(path) = profile.and_then(|profile| profile.env_file.clone()) else {
            return self.launch(order, context);
        };
        let patience = settings.supervision.spawn_timeout;
        let read = tokio::time::timeout(patience, env_files::read(path.clone()));
        context.spawn(read.into_actor(self).map(move |found, worker, context| match found {
            Ok(Ok(variables)) => {
                worker.file_env = variables;
                worker.launch(order, context);
            }
            Ok(Err(Unread { problem: message, errno })) => {
                let step = FailedStep::Profile;
                worker.fail_launch(NotLaunched { step, message, errno }, context);
            }
            Err(_elapsed) => {
                let message = format!(
                    "env_file {}: cannot read it: no answer within {} ms",
                    path.display(),
                    patience.as_millis()
                );
                worker.fail_launch(NotLaunched::at(FailedStep::Profile, message), context);
            }
        }));
    }
}
