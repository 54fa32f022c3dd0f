//! The sections beside each other, on a wide terminal. Pure.

use crate::cli::commands::board::sections::{Entry, Section};
use crate::cli::style::{Line, Tone};
use crate::cli::table::cell_cut;

/// What stands between two lanes.
const GAP: &str = "  ";

/// A line across all lanes, with the task that each lane shows on it.
#[derive(Debug, Default)]
pub struct Across {
    /// The line.
    pub line: Line,
    /// The pieces that it is made of, one for each lane.
    pub cells: Vec<Cell>,
}

/// A piece of a lane.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    /// The task that it shows.
    pub task: Option<String>,
    /// Its text, of the width of the lane.
    pub line: Line,
}

/// The board as lanes of equal width, cut to `columns`, with at most `shown_max` entries in each.
pub fn lines(sections: &[Section], columns: usize, shown_max: usize) -> Vec<Across> {
    let shown: Vec<&Section> = sections.iter().filter(|section| !section.is_empty()).collect();
    if shown.is_empty() {
        return Vec::new();
    }
    let gaps = GAP.len().saturating_mul(shown.len().saturating_sub(1));
    let width = columns.saturating_sub(gaps).checked_div(shown.len()).unwrap_or_default();
    let lanes: Vec<Vec<Cell>> =
        shown.iter().map(|section| lane(section, width, shown_max)).collect();
    let height = lanes.iter().map(Vec::len).max().unwrap_or_default();
    let mut across = vec![Across::default()];
    for row in 0..height {
        let cells: Vec<Cell> =
            lanes.iter().map(|lane| lane.get(row).cloned().unwrap_or_default()).collect();
        across.push(Across { line: joined(&cells, width), cells });
    }
    across
}

/// The cells of a line in one line.
pub fn joined(cells: &[Cell], width: usize) -> Line {
    let mut line = Line::default();
    // Nothing is drawn behind the last lane that has a text here.
    let last = cells.iter().rposition(|cell| cell.line.width() > 0).map_or(0, |index| index + 1);
    for (index, cell) in cells.iter().take(last).enumerate() {
        if index > 0 {
            line.push(Tone::Plain, GAP);
        }
        let missing = width.saturating_sub(cell.line.width());
        line.append(cell.line.clone());
        if index + 1 < last {
            line.push(Tone::Plain, " ".repeat(missing));
        }
    }
    line
}

fn lane(section: &Section, width: usize, shown_max: usize) -> Vec<Cell> {
    let other = |line: &Line| Cell { task: None, line: cell_cut(line, width) };
    let mut cells =
        vec![other(&section.heading()), other(&Line::of(Tone::Faint, "─".repeat(width)))];
    for entry in section.entries.iter().take(shown_max) {
        cells.extend(card(entry, width));
        cells.push(Cell::default());
    }
    if let Some(rest) = section.left_out(shown_max) {
        cells.push(other(&Line::of(Tone::Faint, format!("… and {rest} more"))));
    }
    cells
}

/// A card: its title, then who and for how long, then what else is to be said.
fn card(entry: &Entry, width: usize) -> Vec<Cell> {
    let mut title = entry.sign.clone();
    title.push(Tone::Plain, format!(" {}", entry.title));
    let mut lines = vec![title];
    let id = entry.task.as_deref().map_or_else(String::new, |id| format!("{id} "));
    lines.push(Line::of(Tone::Faint, format!("  {id}{} {}", entry.who, entry.age)));
    lines.extend(entry.note.iter().map(|note| Line::of(Tone::Faint, format!("  {note}"))));
    for line in &entry.below {
        let mut indented = Line::of(Tone::Plain, "  ");
        indented.append(line.clone());
        lines.push(indented);
    }
    let cell = |line: &Line| Cell { task: entry.task.clone(), line: cell_cut(line, width) };
    lines.iter().map(cell).collect()
}
