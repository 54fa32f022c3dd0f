//! How ids and enums are stored in columns, and how JSON columns are read.

use rusqlite::named_params;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use serde_json::Value;

use super::Doing;
use crate::kernel::breaker::BreakerState;
use crate::kernel::error::Fault;
use crate::kernel::ids::{BoardName, QuestionId, TaskId};
use crate::kernel::json;
use crate::kernel::rules::question::QuestionOutcome;
use crate::kernel::run::{RunOutcome, RunState};
use crate::kernel::store::Connection;
use crate::kernel::task::{TaskStatus, WorkspaceKind};

macro_rules! text_column {
    ($($kind:ty => $parse:expr, $write:expr;)*) => {
        $(
            impl ToSql for $kind {
                fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                    let write: fn(&$kind) -> &str = $write;
                    Ok(ToSqlOutput::Borrowed(ValueRef::Text(write(self).as_bytes())))
                }
            }

            impl FromSql for $kind {
                fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                    let parse: fn(&str) -> Option<$kind> = $parse;
                    let text = value.as_str()?;
                    parse(text).ok_or_else(|| {
                        FromSqlError::Other(format!("unexpected value {text:?}").into())
                    })
                }
            }
        )*
    };
}

text_column! {
    TaskId => TaskId::parse, TaskId::as_str;
    QuestionId => QuestionId::parse, QuestionId::as_str;
    QuestionOutcome => QuestionOutcome::parse, |outcome| outcome.as_str();
    BoardName => BoardName::parse, BoardName::as_str;
    TaskStatus => TaskStatus::parse, |status| status.as_str();
    WorkspaceKind => WorkspaceKind::parse, |kind| kind.as_str();
    RunOutcome => RunOutcome::parse, |outcome| outcome.as_str();
    RunState => RunState::parse, |state| state.as_str();
    BreakerState => BreakerState::parse, |state| state.as_str();
}

/// Whether `sql`, which has one row per thing with `LIMIT 1 OFFSET :count` at its end, has more than `count` of those of a task.
pub(super) fn has_more_than(
    connection: &Connection,
    sql: &'static str,
    id: &TaskId,
    count: u64,
    doing: &'static str,
) -> Result<bool, Fault> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    connection
        .prepare_cached(sql)
        .and_then(|mut s| s.exists(named_params! { ":id": id, ":count": count }))
        .doing(doing)
}

/// A JSON column that may be damaged by another writer: unreadable means none.
pub(super) fn lenient_json(text: Option<String>) -> Option<Value> {
    json::from_str(&text?).ok()
}

/// A JSON list that this program writes; unreadable means empty.
pub(super) fn lenient_list<T: serde::de::DeserializeOwned>(text: Option<String>) -> Vec<T> {
    text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

/// The `skills` column: a JSON list of names; blank members dropped, others made text; unreadable means none.
pub(super) fn lenient_names(text: Option<String>) -> Option<Vec<String>> {
    let Some(Value::Array(items)) = lenient_json(text) else { return None };
    let names = items.into_iter().filter_map(|item| match item {
        Value::String(name) if name.is_empty() => None,
        Value::String(name) => Some(name),
        Value::Number(number) if number.as_f64() == Some(0.0) => None,
        Value::Null | Value::Bool(false) => None,
        Value::Bool(true) => Some("true".to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(list) if list.is_empty() => None,
        Value::Object(map) if map.is_empty() => None,
        other @ (Value::Array(_) | Value::Object(_)) => Some(other.to_string()),
    });
    Some(names.collect())
}
