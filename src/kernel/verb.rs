//! A request that writes.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::kernel::error::VerbError;
use crate::kernel::tx::Tx;

/// A request that writes. Its struct is what the wire carries; one transaction per request.
pub trait Verb: Serialize + Send + 'static {
    /// What it answers. Kept for clients that repeat the request.
    type Reply: Serialize + DeserializeOwned + Send + 'static;
    /// Its name, on every surface.
    const NAME: &'static str;
    /// Whether it must still be possible on a full disk: what ends work, takes it back or makes room. The rest is refused
    /// then, so that the reserve is left for these.
    const MAY_USE_RESERVE: bool = false;

    /// Whether those who subscribe to its events are notified. An import brings what happened elsewhere.
    const NOTIFIES: bool = true;

    /// Does it.
    ///
    /// # Errors
    /// A refusal or a fault; nothing of the request stays in the database then.
    fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Reply, VerbError>;

    /// What is kept of its reply, for a client that repeats the request: all that [`Verb::whole_reply`] does not know without it. The
    /// less it is, the more of them fit into a page of the file.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    fn kept_reply(&self, reply: &Self::Reply) -> serde_json::Result<Value> {
        serde_json::to_value(reply).map(without_nulls)
    }

    /// The reply of which this was kept. Earlier releases have kept all of it but its nulls.
    fn whole_reply(&self, kept: Value) -> Value {
        kept
    }

    /// Marks a reply that is given for the second time, for callers that act on replies.
    #[must_use]
    fn repeated(reply: Self::Reply) -> Self::Reply {
        reply
    }
}

/// A reply without its fields that are null, which are read as null again.
pub(super) fn without_nulls(mut reply: Value) -> Value {
    if let Some(fields) = reply.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    reply
}
