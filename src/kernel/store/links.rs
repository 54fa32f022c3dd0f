//! `task_links`: dependencies between tasks.

use rusqlite::named_params;

use super::Doing;
use super::rows::has_more_than;
use crate::kernel::error::Fault;
use crate::kernel::ids::TaskId;
use crate::kernel::store::Connection;
use crate::kernel::task::Parents;

/// Adds a link; false when it is there already.
pub fn insert(connection: &Connection, parent: &TaskId, child: &TaskId) -> Result<bool, Fault> {
    connection
        .prepare_cached(
            "INSERT INTO task_links (parent_id, child_id) VALUES (:parent, :child) ON CONFLICT DO NOTHING",
        )
        .and_then(|mut s| s.execute(named_params! { ":parent": parent, ":child": child }))
        .map(|changed| changed == 1)
        .doing("insert a link")
}

/// Removes a link; false when there is none.
pub fn delete(connection: &Connection, parent: &TaskId, child: &TaskId) -> Result<bool, Fault> {
    connection
        .prepare_cached("DELETE FROM task_links WHERE parent_id = :parent AND child_id = :child")
        .and_then(|mut s| s.execute(named_params! { ":parent": parent, ":child": child }))
        .map(|changed| changed == 1)
        .doing("remove a link")
}

/// Whether a link from `parent` to `child` would close a circle: whether `parent` is among the descendants of `child`.
pub fn would_close_circle(
    connection: &Connection,
    parent: &TaskId,
    child: &TaskId,
) -> Result<bool, Fault> {
    connection
        .prepare_cached(
            "WITH RECURSIVE below (id) AS (
               SELECT :child
               UNION
               SELECT l.child_id FROM task_links l JOIN below b ON l.parent_id = b.id)
             SELECT EXISTS (SELECT 1 FROM below WHERE id = :parent)",
        )
        .and_then(|mut s| {
            s.query_row(named_params! { ":parent": parent, ":child": child }, |row| row.get(0))
        })
        .doing("search for a cycle")
}

/// Whether all parents of a task are done or archived.
pub fn parents_of(connection: &Connection, child: &TaskId) -> Result<Parents, Fault> {
    let is_open: bool = connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM task_links l JOIN tasks p ON p.id = l.parent_id
                            WHERE l.child_id = :child AND p.status NOT IN ('done', 'archived'))",
        )
        .and_then(|mut s| s.query_row(named_params! { ":child": child }, |row| row.get(0)))
        .doing("read a task's parents")?;
    Ok(if is_open { Parents::Open } else { Parents::Satisfied })
}

fn list(
    connection: &Connection,
    sql: &'static str,
    id: &TaskId,
    doing: &'static str,
) -> Result<Vec<TaskId>, Fault> {
    let mut statement = connection.prepare_cached(sql).doing(doing)?;
    let rows = statement.query_map(named_params! { ":id": id }, |row| row.get(0)).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Ids of a task's parents, in order.
pub fn list_parents(connection: &Connection, child: &TaskId) -> Result<Vec<TaskId>, Fault> {
    list(
        connection,
        "SELECT parent_id FROM task_links WHERE child_id = :id ORDER BY parent_id",
        child,
        "list parents",
    )
}

/// Ids of a task's children, in order.
pub fn list_children(connection: &Connection, parent: &TaskId) -> Result<Vec<TaskId>, Fault> {
    list(
        connection,
        "SELECT child_id FROM task_links WHERE parent_id = :id ORDER BY child_id",
        parent,
        "list children",
    )
}

/// Whether a task waits for more than `count` others.
pub fn has_more_parents_than(
    connection: &Connection,
    child: &TaskId,
    count: u64,
) -> Result<bool, Fault> {
    let sql = "SELECT 1 FROM task_links WHERE child_id = :id LIMIT 1 OFFSET :count";
    has_more_than(connection, sql, child, count, "count parents")
}

/// Whether more than `count` tasks wait for a task.
pub fn has_more_children_than(
    connection: &Connection,
    parent: &TaskId,
    count: u64,
) -> Result<bool, Fault> {
    let sql = "SELECT 1 FROM task_links WHERE parent_id = :id LIMIT 1 OFFSET :count";
    has_more_than(connection, sql, parent, count, "count children")
}

/// Children in `todo` whose parents are now all done or archived, in queue order: what a finished parent releases.
pub fn list_released_children(
    connection: &Connection,
    parent: &TaskId,
) -> Result<Vec<TaskId>, Fault> {
    list(
        connection,
        "SELECT c.id FROM task_links l JOIN tasks c ON c.id = l.child_id
         WHERE l.parent_id = :id AND c.status = 'todo'
           AND NOT EXISTS (SELECT 1 FROM task_links o JOIN tasks p ON p.id = o.parent_id
                           WHERE o.child_id = c.id AND p.status NOT IN ('done', 'archived'))
         ORDER BY c.priority DESC, c.seq",
        parent,
        "list released children",
    )
}
