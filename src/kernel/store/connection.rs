//! A connection to a database, as the rest of the program sees it: something to hand to the functions of the store. Only
//! the store runs statements on it.

use rusqlite::{CachedStatement, Params, Result, Row, Statement};

/// The connection. One thread uses it at a time.
#[derive(Debug)]
pub struct Connection(rusqlite::Connection);

impl Connection {
    /// One that SQLite has opened.
    pub(super) fn of(raw: rusqlite::Connection) -> Self {
        Self(raw)
    }

    /// What SQLite itself offers.
    pub(super) fn raw(&self) -> &rusqlite::Connection {
        &self.0
    }

    /// See [`Connection::raw`].
    pub(super) fn raw_mut(&mut self) -> &mut rusqlite::Connection {
        &mut self.0
    }

    /// A statement that is kept for the next time.
    pub(super) fn prepare_cached(&self, sql: &str) -> Result<CachedStatement<'_>> {
        self.0.prepare_cached(sql)
    }

    /// A statement for this time.
    pub(super) fn prepare(&self, sql: &str) -> Result<Statement<'_>> {
        self.0.prepare(sql)
    }

    /// Runs one statement that returns no rows; how many rows it changed.
    pub(super) fn execute(&self, sql: &str, parameters: impl Params) -> Result<usize> {
        self.0.execute(sql, parameters)
    }

    /// Runs an INSERT of one row into a table with an integer as its key, kept for the next time; returns the key. For RETURNING, SQLite
    /// would make a table, and a journal of the statement, each time.
    pub(super) fn insert(&self, sql: &str, parameters: impl Params) -> Result<i64> {
        self.0.prepare_cached(sql)?.insert(parameters)
    }

    /// Reads the first row of a statement.
    pub(super) fn query_row<T>(
        &self,
        sql: &str,
        parameters: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<T> {
        self.0.query_row(sql, parameters, read)
    }

    /// Whether no transaction is open.
    pub fn is_outside_transaction(&self) -> bool {
        self.0.is_autocommit()
    }

    /// Begins a transaction and leaves it open.
    #[cfg(test)]
    pub fn begin_for_good(&self) {
        self.0.execute_batch("BEGIN").unwrap();
    }

    /// How many rows all statements have changed since it was opened. What was rolled back is counted too.
    pub fn total_changes(&self) -> u64 {
        self.0.total_changes()
    }

    /// Runs a statement that ends only when it is stopped.
    ///
    /// # Errors
    /// It was stopped.
    #[cfg(test)]
    pub fn count_without_end(&self) -> std::result::Result<i64, crate::kernel::error::Fault> {
        let sql =
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
        super::Doing::doing(self.query_row(sql, [], |row| row.get(0)), "count")
    }
}
