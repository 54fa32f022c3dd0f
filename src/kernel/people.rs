//! The people whom the board has entered, as the writer remembers them: who is one is asked for every assignee.

use std::collections::BTreeMap;

use crate::kernel::error::Fault;
use crate::kernel::ids::EpochSeconds;
use crate::kernel::store::{self, Connection};

/// Names that are remembered.
const REMEMBERED_MAX: usize = 1000;

/// What was read of the table of people: of each name whether it is entered.
#[derive(Debug, Default)]
pub struct People(BTreeMap<String, bool>);

impl People {
    /// Whether `name` is entered.
    ///
    /// # Errors
    /// A fault of the database.
    pub fn contains(&mut self, connection: &Connection, name: &str) -> Result<bool, Fault> {
        if let Some(is_entered) = self.0.get(name) {
            return Ok(*is_entered);
        }
        let is_entered = store::people::contains(connection, name)?;
        if self.0.len() >= REMEMBERED_MAX {
            self.0.clear();
        }
        self.0.insert(name.to_owned(), is_entered);
        Ok(is_entered)
    }

    /// Enters a person.
    ///
    /// # Errors
    /// A fault of the database.
    pub fn insert(
        &mut self,
        connection: &Connection,
        name: &str,
        now: EpochSeconds,
    ) -> Result<(), Fault> {
        self.0.remove(name);
        store::people::insert(connection, name, now)
    }

    /// Has the table read again: a transaction was taken back, or the file is another one.
    pub fn forget(&mut self) {
        self.0.clear();
    }
}
