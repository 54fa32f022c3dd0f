//! The statements of an operation, recorded from the board and run again without it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use kanband::kernel::board::Board;
use kanband::kernel::store::transaction::Traced;
use rusqlite::types::Value;
use rusqlite::{Connection, Statement, StatementStatus};

/// A statement with its values, in the order of its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    pub sql: String,
    pub values: Vec<Value>,
}

/// Writes down what the board runs.
pub struct Recorder(Arc<Mutex<Vec<Recorded>>>);

impl Recorder {
    pub fn listen(board: &mut Board) -> Self {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&heard);
        let hear = move |statement: &Traced<'_>| {
            let (sql, with_values) = (statement.text(), statement.text_with_values().unwrap());
            // Beginnings and ends of transactions are the replay's own; statements that a statement runs inside itself
            // (the full-text index does) are shown as comments.
            let is_work = ["SELECT", "WITH", "UPDATE", "INSERT", "DELETE"]
                .iter()
                .any(|verb| with_values.starts_with(verb));
            if is_work {
                let values = values_of(&sql, &with_values);
                sink.lock().unwrap().push(Recorded { sql, values });
            }
        };
        board.trace(hear).unwrap();
        Self(heard)
    }

    /// What was heard since the last time.
    pub fn take(&self) -> Vec<Recorded> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// The values that stand in `with_values` where `sql` has its named parameters. A name that occurs again is one parameter.
fn values_of(sql: &str, with_values: &str) -> Vec<Value> {
    let mut values = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    let (mut template, mut expanded) = (sql, with_values);
    while let Some(at) = parameter_at(template) {
        assert_eq!(template.get(..at), expanded.get(..at), "the texts of {sql} differ");
        let name = &template[at..];
        let end = name[1..].find(|c: char| !c.is_alphanumeric() && c != '_');
        let name = &name[..end.map_or(name.len(), |end| end + 1)];
        let (value, length) = literal(&expanded[at..]);
        template = &template[at + name.len()..];
        expanded = &expanded[at + length..];
        if !names.contains(&name) {
            names.push(name);
            values.push(value);
        }
    }
    assert_eq!(template, expanded, "the ends of {sql} differ");
    values
}

/// Where the next `:name` is, outside of quotes.
fn parameter_at(sql: &str) -> Option<usize> {
    let mut is_quoted = false;
    let bytes = sql.as_bytes();
    bytes.iter().enumerate().position(|(at, byte)| {
        is_quoted ^= *byte == b'\'';
        !is_quoted && *byte == b':' && bytes.get(at + 1).is_some_and(u8::is_ascii_alphabetic)
    })
}

/// The literal with which `text` begins, and its length.
fn literal(text: &str) -> (Value, usize) {
    if text.starts_with("NULL") {
        return (Value::Null, 4);
    }
    if let Some(inner) = text.strip_prefix('\'') {
        let mut value = String::new();
        let mut rest = inner;
        loop {
            let end = rest.find('\'').unwrap();
            value.push_str(&rest[..end]);
            rest = &rest[end + 1..];
            let Some(more) = rest.strip_prefix('\'') else { break };
            value.push('\'');
            rest = more;
        }
        return (Value::Text(value), text.len() - rest.len());
    }
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(text.len());
    let number = text[..end].parse();
    (Value::Integer(number.unwrap_or_else(|_| panic!("no value the board binds: {text}"))), end)
}

/// Statements prepared once, to be run many times.
pub struct Bare<'c> {
    connection: &'c Connection,
    prepared: Vec<Statement<'c>>,
    by_sql: HashMap<String, usize>,
}

/// Statements to run, by their place among the prepared ones.
pub type Script = Vec<(usize, Vec<Value>)>;

impl<'c> Bare<'c> {
    pub fn new(connection: &'c Connection) -> Self {
        Self { connection, prepared: Vec::new(), by_sql: HashMap::new() }
    }

    pub fn prepare(&mut self, recorded: Vec<Recorded>) -> Script {
        let mut script = Vec::new();
        for Recorded { sql, values } in recorded {
            let known = self.by_sql.get(&sql).copied();
            let at = known.unwrap_or_else(|| {
                self.prepared.push(self.connection.prepare(&sql).unwrap());
                self.by_sql.insert(sql, self.prepared.len() - 1);
                self.prepared.len() - 1
            });
            assert_eq!(self.prepared[at].parameter_count(), values.len());
            script.push((at, values));
        }
        script
    }

    /// Runs a script in a transaction of its own, which `begin` begins; returns when its last statement was done.
    pub fn run_alone(&mut self, begin: &str, script: &Script) -> Instant {
        self.connection.execute_batch(begin).unwrap();
        self.run(script);
        let done = Instant::now();
        self.connection.execute_batch("COMMIT").unwrap();
        done
    }

    /// Steps of SQLite's virtual machine since the last time.
    pub fn take_steps(&self) -> i64 {
        let of = |one: &Statement<'_>| i64::from(one.reset_status(StatementStatus::VmStep));
        self.prepared.iter().map(of).sum()
    }

    /// Runs each statement to its end.
    fn run(&mut self, script: &Script) {
        for (at, values) in script {
            let statement = &mut self.prepared[*at];
            for (index, value) in values.iter().enumerate() {
                statement.raw_bind_parameter(index + 1, value).unwrap();
            }
            let mut rows = statement.raw_query();
            loop {
                match rows.next() {
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    // A random id that was taken: the board met it too, and drew another one.
                    Err(error) if is_constraint(&error) => break,
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }
}

fn is_constraint(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation)
}
