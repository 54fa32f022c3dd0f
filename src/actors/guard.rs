//! A panicked actix actor vanishes without a word: its future is dropped with it. Each actor therefore carries a [`Guard`]
//! whose `Drop` tells the root supervisor, whatever the way in which the actor went.

use crate::actors::root::messages::ActorDown;
use crate::actors::root::policy::ActorKind;
use crate::actors::wire::Wire;

/// Tells the root supervisor when its actor is gone.
pub struct Guard {
    kind: ActorKind,
    root: Wire<ActorDown>,
}

impl Guard {
    /// The guard of an actor of `kind`.
    pub fn new(kind: ActorKind, root: Wire<ActorDown>) -> Self {
        Self { kind, root }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let panicked = std::thread::panicking();
        self.root.tell(ActorDown { kind: self.kind, panicked });
    }
}
