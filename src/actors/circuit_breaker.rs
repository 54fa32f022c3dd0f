//! CircuitBreaker: knows when each open breaker allows a probe, and wakes the dispatcher then.
//!
//! *Owns* the half-open timers. *Receives* [`BreakerMoved`] from the event hub; reads the open breakers at its start.
//! *Sends* [`Wake`] to the dispatcher. *Restarts*: rebuilt; it reads the rows again. The rule itself is
//! [`crate::kernel::breaker`], its rows move in the transaction that ends a run, and the gate is looked at in the claim.

pub mod messages;

use std::collections::HashMap;
use std::time::Duration;

use actix::{
    Actor, ActorFutureExt as _, AsyncContext as _, Context, Handler, SpawnHandle, WrapFuture as _,
};

use crate::actors::dispatcher::messages::Wake;
use crate::actors::guard::Guard;
use crate::actors::readers::Readers;
use crate::actors::wire::Wire;
use crate::kernel::caller::Caller;
use crate::kernel::ids::EpochSeconds;
use crate::kernel::store;
use crate::os::host::clock::epoch_seconds;
use messages::BreakerMoved;

/// What the circuit breaker may reach.
#[derive(Clone)]
pub struct CircuitBreakerDeps {
    /// The reading connections.
    pub readers: Readers,
    /// The dispatcher.
    pub wake: Wire<Wake>,
}

/// The actor.
pub struct CircuitBreaker {
    deps: CircuitBreakerDeps,
    timers: HashMap<String, SpawnHandle>,
    _guard: Guard,
}

impl CircuitBreaker {
    /// A circuit breaker that knows of no open ones yet.
    pub fn new(deps: CircuitBreakerDeps, guard: Guard) -> Self {
        Self { deps, timers: HashMap::new(), _guard: guard }
    }

    fn arm(&mut self, key: String, until: EpochSeconds, context: &mut Context<Self>) {
        let wait = u64::try_from((until - epoch_seconds()).max(0)).unwrap_or_default();
        let wait = Duration::from_secs(wait) + Duration::from_millis(20);
        let timer_key = key.clone();
        let timer = context.run_later(wait, move |breaker, _| {
            breaker.timers.remove(&timer_key);
            breaker.deps.wake.tell(Wake);
        });
        self.timers.insert(key, timer);
    }
}

impl Actor for CircuitBreaker {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        let readers = self.deps.readers.clone();
        let caller = Caller::System { part: "circuit-breaker" };
        let read = async move {
            readers.read(caller, |snapshot| Ok(store::breakers::list(snapshot.connection)?)).await
        };
        context.spawn(read.into_actor(self).map(|answer, breaker, context| match answer {
            Ok(breakers) => {
                for stored in breakers {
                    if let Some(until) = stored.open_until {
                        breaker.arm(stored.key.to_text(), until, context);
                    }
                }
            }
            Err(error) => tracing::error!(%error, "cannot read the breakers"),
        }));
    }
}

impl Handler<BreakerMoved> for CircuitBreaker {
    type Result = ();

    fn handle(&mut self, message: BreakerMoved, context: &mut Context<Self>) {
        crate::failpoint::hit("circuit-breaker-moved");
        if let Some(timer) = self.timers.remove(&message.key) {
            context.cancel_future(timer);
        }
        if let Some(until) = message.open_until {
            tracing::warn!(breaker = message.key, until, "breaker opened");
            self.arm(message.key, until, context);
        }
    }
}
