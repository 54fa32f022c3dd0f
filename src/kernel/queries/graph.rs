//! The dependencies around a task: what it waits for and what waits for it, near ones first, with a layer for each to be drawn in.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Fault, VerbError};
use crate::kernel::ids::TaskId;
use crate::kernel::limits::GRAPH_TASKS_MAX;
use crate::kernel::query::Query;
use crate::kernel::snapshot::Snapshot;
use crate::kernel::store::{self, Connection};

/// Reads the dependencies around a task.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GetGraph {
    /// The task.
    pub id: String,
    /// Tasks, at most 200.
    pub limit: Option<u32>,
    /// Board of the task; refused when the task is on another board.
    pub board: Option<String>,
}

/// Dependencies around a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Graph {
    /// The tasks.
    pub nodes: Vec<GraphTask>,
    /// Parent and child of each dependency between them.
    pub edges: Vec<(String, String)>,
    /// Neighbours of these tasks that are not among them.
    pub left_out: u32,
}

/// A task in a graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GraphTask {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its status.
    pub status: String,
    /// Its assignee.
    pub assignee: Option<String>,
    /// Its layer: behind those of all of its parents.
    pub layer: u32,
}

impl Query for GetGraph {
    type Reply = Graph;
    const NAME: &'static str = "graph";

    fn read(&self, snapshot: &Snapshot<'_>) -> Result<Graph, VerbError> {
        let task = snapshot.task(&self.id, self.board.as_deref(), Self::NAME)?;
        let limit = self.limit.unwrap_or(GRAPH_TASKS_MAX).clamp(1, GRAPH_TASKS_MAX);
        let near = walk(snapshot.connection, task.id, limit as usize)?;
        let layers = layers(&near.tasks, &near.edges);
        let mut nodes = Vec::new();
        for id in &near.tasks {
            let Some(row) = store::cards::get(snapshot.connection, id)? else { continue };
            nodes.push(GraphTask {
                id: id.to_string(),
                title: row.title,
                status: row.status.to_string(),
                assignee: row.assignee,
                layer: layers.get(id).copied().unwrap_or_default(),
            });
        }
        let edges = near.edges.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect();
        Ok(Graph { nodes, edges, left_out: near.left_out })
    }
}

struct Near {
    tasks: Vec<TaskId>,
    edges: BTreeSet<(TaskId, TaskId)>,
    left_out: u32,
}

/// The tasks around one, near ones first.
fn walk(connection: &Connection, start: TaskId, limit: usize) -> Result<Near, Fault> {
    let mut near = Near { tasks: vec![start.clone()], edges: BTreeSet::new(), left_out: 0 };
    let mut known = BTreeSet::from([start.clone()]);
    let mut left_out = BTreeSet::new();
    let mut queue = VecDeque::from([start]);
    while let Some(id) = queue.pop_front() {
        let parents = store::neighbours::parents(connection, &id, GRAPH_TASKS_MAX)?;
        let children = store::neighbours::children(connection, &id, GRAPH_TASKS_MAX)?;
        let parents = parents.iter().map(|task| (task, true));
        for (task, is_parent) in parents.chain(children.iter().map(|task| (task, false))) {
            let Some(other) = TaskId::parse(&task.id) else { continue };
            if !known.contains(&other) {
                if near.tasks.len() >= limit {
                    left_out.insert(other);
                    continue;
                }
                known.insert(other.clone());
                near.tasks.push(other.clone());
                queue.push_back(other.clone());
            }
            let edge = if is_parent { (other, id.clone()) } else { (id.clone(), other) };
            near.edges.insert(edge);
        }
    }
    near.left_out = u32::try_from(left_out.len()).unwrap_or(u32::MAX);
    Ok(near)
}

/// The layer of each task: one more than the largest of its parents.
fn layers(tasks: &[TaskId], edges: &BTreeSet<(TaskId, TaskId)>) -> BTreeMap<TaskId, u32> {
    let mut waits_for: BTreeMap<&TaskId, usize> = tasks.iter().map(|id| (id, 0)).collect();
    let mut children: BTreeMap<&TaskId, Vec<&TaskId>> = BTreeMap::new();
    for (parent, child) in edges {
        *waits_for.entry(child).or_default() += 1;
        children.entry(parent).or_default().push(child);
    }
    let mut layers: BTreeMap<TaskId, u32> = BTreeMap::new();
    let free = waits_for.iter().filter(|(_, count)| **count == 0).map(|(id, _)| *id);
    let mut queue: VecDeque<&TaskId> = free.collect();
    while let Some(id) = queue.pop_front() {
        let layer = *layers.entry(id.clone()).or_default();
        for child in children.get(id).into_iter().flatten() {
            let of_child = layers.entry((*child).clone()).or_default();
            *of_child = (*of_child).max(layer.saturating_add(1));
            if let Some(count) = waits_for.get_mut(*child) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    queue.push_back(child);
                }
            }
        }
    }
    layers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u32) -> TaskId {
        TaskId::parse(&format!("t_{number:08x}")).unwrap()
    }

    #[test]
    fn a_task_stands_behind_all_of_its_parents() {
        let tasks: Vec<TaskId> = (0..5).map(id).collect();
        let edges: BTreeSet<_> =
            [(0, 1), (1, 2), (0, 2), (2, 4), (3, 4)].map(|(a, b)| (id(a), id(b))).into();
        let layers = layers(&tasks, &edges);
        let found: Vec<u32> = tasks.iter().map(|task| layers[task]).collect();
        assert_eq!(found, [0, 1, 2, 0, 3]);
    }
}
