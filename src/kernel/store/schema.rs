//! Whether a file has the structure that this program gave it, and nothing else: each table, index, trigger and view is
//! compared with those of a scratch database that was migrated to the file's own version.
//!
//! A foreign trigger runs inside every later write, a view or a changed table answers in the place of ours. A file
//! that comes in is refused for either; in the live file of a home they are reported.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::faults::Doing as _;
use super::open_error::Difference;
use super::{backup_files, migrate};
use crate::kernel::error::Fault;

/// Objects that a file may have at most before they are looked at one by one: ours has fewer than a hundred.
const OBJECTS_MAX: i64 = 1000;

/// What SQLite itself adds on ANALYZE: it changes plans and nothing else.
const STATISTICS: [&str; 2] = ["sqlite_stat1", "sqlite_stat4"];

/// What an object is, and its name.
type Key = (String, String);

/// The structure of a database.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Structure {
    /// The table of each object, and the statement that made it, without comments and needless blanks.
    objects: BTreeMap<Key, (String, String)>,
    application_id: i64,
    encoding: String,
}

/// Where the board on `connection` differs from what it should be by its version. Reads no row of a table.
///
/// # Errors
/// [`Fault::Database`].
pub fn differences(connection: &super::Connection) -> Result<Vec<Difference>, Fault> {
    find(connection.raw()).doing("read the schema")
}

/// The same with SQLite's own words, of the live board.
fn find(connection: &Connection) -> rusqlite::Result<Vec<Difference>> {
    find_from(connection, |_scratch| Ok(()))
}

/// The same of a backup, which may hold attached files beside the board.
pub(super) fn find_in_backup(connection: &Connection) -> rusqlite::Result<Vec<Difference>> {
    let sql = "SELECT EXISTS (SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = ?1)";
    let has_files: bool = connection.query_row(sql, [backup_files::TABLE], |row| row.get(0))?;
    find_from(connection, |scratch| match has_files {
        true => scratch.execute_batch(backup_files::SCHEMA),
        false => Ok(()),
    })
}

fn find_from(
    connection: &Connection,
    add: impl FnOnce(&Connection) -> rusqlite::Result<()>,
) -> rusqlite::Result<Vec<Difference>> {
    let count: i64 =
        connection.query_row("SELECT count(*) FROM main.sqlite_schema", [], |row| row.get(0))?;
    if count > OBJECTS_MAX {
        let description = format!("it has {count} tables, indexes, triggers and views");
        return Ok(vec![Difference { description, remedy: None }]);
    }
    let version = migrate::version(connection)?;
    let scratch = migrate::scratch(version)?;
    add(&scratch)?;
    let (found, expected) = (structure(connection)?, structure(&scratch)?);
    let mut description = compare(&found, &expected);
    if description.is_empty() {
        // By text it is ours; SQLite has to understand it the same way.
        description = compare_details(connection, &scratch, &expected)?;
    }
    Ok(description)
}

fn structure(connection: &Connection) -> rusqlite::Result<Structure> {
    let mut statement =
        connection.prepare("SELECT type, name, tbl_name, sql FROM main.sqlite_schema")?;
    let rows = statement.query_map([], |row| {
        let key: Key = (row.get(0)?, row.get(1)?);
        let text: Option<String> = row.get(3)?;
        Ok((key, (row.get(2)?, normal(&text.unwrap_or_default()))))
    })?;
    let objects = rows
        .filter(|row| !row.as_ref().is_ok_and(|((_, name), _)| STATISTICS.contains(&name.as_str())))
        .collect::<rusqlite::Result<_>>()?;
    Ok(Structure {
        objects,
        application_id: connection.query_row("PRAGMA main.application_id", [], |row| row.get(0))?,
        encoding: connection.query_row("PRAGMA encoding", [], |row| row.get(0))?,
    })
}

/// What differs by names and texts.
fn compare(found: &Structure, expected: &Structure) -> Vec<Difference> {
    let plain = |description: String| Difference { description, remedy: None };
    let mut differences = Vec::new();
    if found.application_id != expected.application_id {
        differences.push(plain(format!(
            "its application id is {:#x}, not {:#x}",
            found.application_id, expected.application_id
        )));
    }
    if found.encoding != expected.encoding {
        differences.push(plain(format!(
            "its text encoding is {}, not {}",
            found.encoding, expected.encoding
        )));
    }
    for (key @ (kind, name), (table, text)) in &found.objects {
        match expected.objects.get(key) {
            None => differences.push(foreign(kind, name, table)),
            Some((_, expected)) if expected != text => {
                differences.push(plain(format!("the {kind} {name} was changed")));
            }
            Some(_) => {}
        }
    }
    for (kind, name) in expected.objects.keys().filter(|key| !found.objects.contains_key(*key)) {
        differences.push(plain(format!("the {kind} {name} is missing")));
    }
    differences
}

fn foreign(kind: &str, name: &str, table: &str) -> Difference {
    let shown = name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c });
    let shown: String = shown.take(80).collect();
    let on =
        if kind == "trigger" || kind == "index" { format!(" on {table}") } else { String::new() };
    let is_droppable = ["table", "index", "trigger", "view"].contains(&kind) && shown == name;
    let remedy = || format!("DROP {} \"{}\";", kind.to_uppercase(), name.replace('"', "\"\""));
    Difference {
        description: format!("the {kind} {shown}{on} is not kanband's"),
        remedy: is_droppable.then(remedy),
    }
}

/// What differs in columns, foreign keys and columns of indexes, although the texts are the same.
fn compare_details(
    found: &Connection,
    expected: &Connection,
    structure: &Structure,
) -> rusqlite::Result<Vec<Difference>> {
    let mut differences = Vec::new();
    for (kind, name) in structure.objects.keys() {
        let pragmas: &[&str] = match kind.as_str() {
            "table" => &["table_xinfo", "foreign_key_list", "index_list"],
            "index" => &["index_xinfo"],
            _ => &[],
        };
        for pragma in pragmas {
            if details(found, pragma, name)? != details(expected, pragma, name)? {
                let description = format!("the {kind} {name} differs from its SQL text ({pragma})");
                differences.push(Difference { description, remedy: None });
            }
        }
    }
    Ok(differences)
}

/// The rows of a pragma about an object, as text.
fn details(connection: &Connection, pragma: &str, name: &str) -> rusqlite::Result<Vec<String>> {
    let sql = format!("SELECT * FROM pragma_{pragma}(?1, 'main')");
    let mut statement = connection.prepare(&sql)?;
    let width = statement.column_count();
    let rows = statement.query_map([name], |row| {
        (0..width)
            .map(|index| row.get::<_, rusqlite::types::Value>(index))
            .collect::<rusqlite::Result<Vec<_>>>()
            .map(|values| format!("{values:?}"))
    })?;
    rows.collect()
}

/// A statement without comments, and with single blanks where there are any.
fn normal(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut characters = sql.chars().peekable();
    let mut has_gap = false;
    while let Some(c) = characters.next() {
        match (c, characters.peek()) {
            ('-', Some('-')) => {
                characters.by_ref().find(|c| *c == '\n');
                has_gap = true;
            }
            ('/', Some('*')) => {
                let mut before = ' ';
                // The opening star does not close it.
                characters.next();
                characters
                    .by_ref()
                    .find(|c| std::mem::replace(&mut before, *c) == '*' && *c == '/');
                has_gap = true;
            }
            (c, _) if c.is_ascii_whitespace() => has_gap = true,
            (c, _) => {
                if std::mem::take(&mut has_gap) && !out.is_empty() {
                    out.push(' ');
                }
                out.push(c);
                if let Some(end) = closing(c) {
                    for c in characters.by_ref() {
                        out.push(c);
                        if c == end {
                            break;
                        }
                    }
                }
            }
        }
    }
    out
}

/// What ends a quoted text that begins with `c`. A doubled quote ends one and begins the next.
fn closing(c: char) -> Option<char> {
    match c {
        '\'' | '"' | '`' => Some(c),
        '[' => Some(']'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::store::migrate::newest_version;

    #[test]
    fn statements_differ_by_what_they_say_and_not_by_how_they_are_laid_out() {
        let table = [
            ("CREATE TABLE a (b)", "CREATE  TABLE\n a\t(b)", true),
            ("CREATE TABLE a (b)", "CREATE TABLE a -- of b\n (b)", true),
            ("CREATE TABLE a (b)", "CREATE TABLE /* x **/ a /*/ y */ (b)", true),
            ("SELECT '-- no'", "SELECT '--  no'", false),
            ("SELECT '/* '", "SELECT '/*  '", false),
            ("SELECT 'it''s  a'", "SELECT 'it''s a'", false),
            ("SELECT \"a  b\"", "SELECT \"a b\"", false),
            ("SELECT [a  b]", "SELECT [a b]", false),
            ("a - b", "a b", false),
            ("x", "X", false),
        ];
        for (left, right, is_same) in table {
            assert_eq!(normal(left) == normal(right), is_same, "{left} {right}");
        }
    }

    /// The differences of a database of the newest version after `sql`.
    fn said_after(sql: &str) -> Vec<String> {
        let raw = migrate::scratch(newest_version()).unwrap();
        raw.execute_batch(sql).unwrap();
        differences(&super::super::Connection::of(raw))
            .unwrap()
            .into_iter()
            .map(|found| found.description)
            .collect()
    }

    #[test]
    fn whatever_is_not_ours_is_told_by_name() {
        let writable = |sql: &str| {
            format!("PRAGMA writable_schema = on; {sql}; PRAGMA writable_schema = reset;")
        };
        let table = [
            (String::new(), None),
            ("ANALYZE".to_owned(), None),
            ("CREATE TABLE notes (x)".into(), Some("the table notes is not kanband's")),
            ("CREATE INDEX mine ON tasks (title)".into(), Some("the index mine on tasks is not")),
            ("CREATE VIEW open AS SELECT 1".into(), Some("the view open is not kanband's")),
            (
                "CREATE TRIGGER t AFTER INSERT ON tasks BEGIN DELETE FROM tasks; END".into(),
                Some("the trigger t on tasks is not kanband's"),
            ),
            (
                "CREATE VIRTUAL TABLE v USING fts5 (x)".into(),
                Some("the table v is not kanband's"),
            ),
            ("DROP TRIGGER leases_end_with_their_run".into(), Some("is missing")),
            ("DROP INDEX idx_runs_open".into(), Some("the index idx_runs_open is missing")),
            (
                "ALTER TABLE task_comments ADD COLUMN more INTEGER AS (length(body))".into(),
                Some("the table task_comments was changed"),
            ),
            (
                "DROP INDEX idx_comments_task; CREATE INDEX idx_comments_task ON task_comments (body)".into(),
                Some("the index idx_comments_task was changed"),
            ),
            (
                writable("UPDATE sqlite_schema SET sql = replace(sql, 'CHECK (length(name)', 'CHECK (1 OR length(name)') WHERE name = 'boards'"),
                Some("the table boards was changed"),
            ),
            ("PRAGMA application_id = 7".into(), Some("its application id is 0x7")),
        ];
        for (sql, expected) in table {
            let said = said_after(&sql);
            match expected {
                None => assert!(said.is_empty(), "{sql}: {said:?}"),
                Some(phrase) => {
                    assert!(said.iter().any(|line| line.contains(phrase)), "{sql}: {said:?}");
                }
            }
        }
        let many: String = (0..1001).map(|n| format!("CREATE TABLE x{n} (y);")).collect();
        assert!(said_after(&many)[0].contains("tables, indexes"));
    }

    #[test]
    fn what_takes_a_foreign_object_away_is_told_unless_its_name_cannot_be_typed() {
        let remedy = |name: &str| foreign("view", name, name).remedy;
        assert_eq!(remedy("a\"b").as_deref(), Some("DROP VIEW \"a\"\"b\";"));
        assert_eq!(remedy("a\u{1b}b"), None);
    }
}
