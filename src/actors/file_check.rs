//! File check: reads the whole file of a board that was too large to be checked while it was opened, on a thread of its own.
//!
//! *Owns* nothing. *Receives* nothing. *Sends* what it finds: damage disables writes, as a lost file does. *Restarts*: never; what it
//! could not find out is logged, and the next start tries again.

use std::sync::Arc;

use crate::actors::database::Database;
use crate::actors::reader_pool::ReaderPool;
use crate::kernel::store::{self, Connection};
use crate::os::home::board_files::BoardFiles;
use crate::os::processes::own_thread;

/// Starts the thread; it ends with the check.
///
/// # Errors
/// When the thread cannot be made.
pub fn start(pool: ReaderPool, files: Arc<BoardFiles>, database: Database) -> std::io::Result<()> {
    let work = move || {
        crate::failpoint::hit("file-check");
        // Where that fails the check is in the way of others, no more.
        let _yields = own_thread::yield_to_others().is_ok();
        let look = |connection: &Connection| {
            let found = store::find_damage(connection);
            if let Ok(Some(what)) = &found {
                // While the connection is lent: no restored file has taken the place of this one yet.
                files.report_damage(what.clone());
            }
            found
        };
        match pool.with_until_wanted(look) {
            // The file makes room for another one, which was checked before.
            Ok((_, Some(_stopped))) => {}
            Ok((Ok(None), None)) => tracing::info!("checked the whole database: it is sound"),
            // The thread that writes logs it and stops.
            Ok((Ok(Some(_)), None)) => database.look_at_files(),
            Ok((Err(fault), None)) | Err(fault) => {
                tracing::error!(%fault, "cannot check the whole database");
            }
        }
    };
    std::thread::Builder::new().name("file-check".to_owned()).spawn(work).map(drop)
}
