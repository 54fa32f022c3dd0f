//! Looking where paths lead, without holding up whoever asks.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::kernel::place::{Place, Places};
use crate::os::place::{FoundPlace, look_at_all};

/// How long a file system may take to say where a path leads.
const PATIENCE: Duration = Duration::from_secs(2);

/// What `paths` lead to; none for those of which nobody can say.
pub async fn look(paths: Vec<String>) -> Places {
    if paths.is_empty() {
        return Places::new();
    }
    let (reply, found) = oneshot::channel();
    let unseen = paths.clone();
    // A thread of its own: one that hangs must not hold up the end of a runtime.
    let spawned = std::thread::Builder::new().name("places".into()).spawn(move || {
        // Whoever asked may have gone.
        drop(reply.send(look_at_all(paths, PATIENCE)));
    });
    match (spawned, found.await) {
        (Ok(_), Ok(found)) => {
            found.into_iter().map(|(path, found)| (path, found.and_then(in_words))).collect()
        }
        (Ok(_) | Err(_), _) => unseen.into_iter().map(|path| (path, None)).collect(),
    }
}

fn in_words(found: FoundPlace) -> Option<Place> {
    Some(Place {
        anchor: found.anchor.into_os_string().into_string().ok()?,
        device: found.identity.device,
        inode: found.identity.inode,
        missing: found.missing,
    })
}
