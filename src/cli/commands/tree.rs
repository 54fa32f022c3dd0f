//! `kanban tree`.

use std::collections::HashSet;

use crate::api::client::seen::Status;
use crate::api::client::task_path;
use crate::cli::commands::Ended;
use crate::cli::complete;
use crate::cli::session::Session;
use crate::cli::style::{Line, Tone};
use crate::cli::table::cell_cut;
use crate::cli::task_arg::TaskArg;
use crate::cli::tasks::{icon, tone};
use crate::cli::text::one_line;
use crate::exit_codes::CliExit;
use crate::kernel::queries::{Graph, GraphTask};
use crate::kernel::task::TaskStatus;

/// Draw the dependencies around a task as a tree.
///
/// Below each task stand those that wait for it. A task with several parents is drawn once in full; elsewhere its line ends with
/// `(above)`. At most 200 tasks are drawn, near ones first.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban tree t_1a2b3c4d
  kanban tree t_1a2b3c4d --json | jq '.edges'")]
pub struct Arguments {
    /// Task
    #[arg(add = complete::tasks())]
    id: TaskArg,
}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let id = session.task(&arguments.id)?;
    let graph: Graph = session.client()?.get(&task_path(&id, "graph")?, &session.on_board())?;
    if session.output.is_json() {
        session.output.json(&graph)?;
        return Ok(CliExit::Ok);
    }
    session.output.page();
    let columns = session.output.columns();
    for line in lines(&graph, &id) {
        let line = columns.map_or_else(|| line.clone(), |columns| cell_cut(&line, columns));
        session.output.styled(&line)?;
    }
    if graph.left_out > 0 {
        let more = format!("… and {} more tasks beside these", graph.left_out);
        session.output.styled(&Line::of(Tone::Faint, more))?;
    }
    Ok(CliExit::Ok)
}

struct Tree<'a> {
    graph: &'a Graph,
    asked: &'a str,
    drawn: HashSet<&'a str>,
    lines: Vec<Line>,
}

/// The lines of the trees whose roots wait for nothing that is drawn.
fn lines(graph: &Graph, asked: &str) -> Vec<Line> {
    let has_parent = |id: &str| graph.edges.iter().any(|(_, child)| child == id);
    let mut tree = Tree { graph, asked, drawn: HashSet::new(), lines: Vec::new() };
    for root in graph.nodes.iter().filter(|node| !has_parent(&node.id)) {
        tree.draw(root, "", "", "");
    }
    tree.lines
}

impl<'a> Tree<'a> {
    /// Draws a task behind `branch`, and what waits for it behind `indent` and the branches of its own.
    fn draw(&mut self, node: &'a GraphTask, indent: &str, branch: &str, below: &str) {
        let mut line = Line::of(Tone::Faint, format!("{indent}{branch}"));
        line.append(self.node(node));
        let is_new = self.drawn.insert(node.id.as_str());
        let children = self.children(&node.id);
        if !is_new && !children.is_empty() {
            line.push(Tone::Faint, "  (above)");
        }
        self.lines.push(line);
        if !is_new {
            return;
        }
        let indent = format!("{indent}{below}");
        let last = children.len();
        for (index, child) in children.into_iter().enumerate() {
            let (branch, below) =
                if index + 1 == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            self.draw(child, &indent, branch, below);
        }
    }

    fn children(&self, id: &str) -> Vec<&'a GraphTask> {
        let of = self.graph.edges.iter().filter(|(parent, _)| parent == id);
        of.filter_map(|(_, child)| self.graph.nodes.iter().find(|node| node.id == *child)).collect()
    }

    fn node(&self, node: &GraphTask) -> Line {
        let status = TaskStatus::parse(&node.status)
            .map_or_else(|| Status::Other(node.status.clone()), Status::Known);
        let title = if node.id == self.asked { Tone::Strong } else { Tone::Plain };
        let who =
            node.assignee.as_deref().map_or_else(String::new, |it| format!(", {}", one_line(it)));
        Line::of(tone(&status), format!("{} ", icon(&status)))
            .with(Tone::Plain, format!("{}  ", one_line(&node.id)))
            .with(title, one_line(&node.title))
            .with(tone(&status), format!("  {}", one_line(&node.status)))
            .with(Tone::Faint, who)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(tasks: &[(&str, &str)], edges: &[(&str, &str)]) -> Graph {
        let node = |(id, status): &(&str, &str)| GraphTask {
            id: (*id).to_owned(),
            title: format!("Title of {id}"),
            status: (*status).to_owned(),
            assignee: None,
            layer: 0,
        };
        let edges = edges.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        Graph { nodes: tasks.iter().map(node).collect(), edges, left_out: 0 }
    }

    #[test]
    fn what_waits_stands_below_and_a_task_with_two_parents_is_drawn_once() {
        let graph = graph(
            &[("a", "done"), ("b", "ready"), ("c", "todo"), ("d", "todo"), ("e", "odd")],
            &[("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("d", "e")],
        );
        let drawn: Vec<String> = lines(&graph, "b").iter().map(Line::plain).collect();
        assert_eq!(
            drawn,
            [
                "✓ a  Title of a  done",
                "├─ ▶ b  Title of b  ready",
                "│  └─ ◻ d  Title of d  todo",
                "│     └─ · e  Title of e  odd",
                "└─ ◻ c  Title of c  todo",
                "   └─ ◻ d  Title of d  todo  (above)",
            ]
        );
    }
}
