//! Tables: rows of cells under a header, fitted to a terminal.
//!
//! On a narrow terminal columns are left out, the least important first, until the last column, the text, has room.

use crate::cli::style::{Line, Tone};
use crate::cli::text::{cut, width};

/// Columns of a terminal that the text gets before another column is left out.
const TEXT_COLUMNS_MIN: usize = 24;

/// What stands between two columns.
const GAP: &str = "  ";

/// A column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its header.
    pub name: &'static str,
    /// Whether its cells end at its right edge.
    pub is_right: bool,
    /// Columns with a smaller number are left out first on a narrow terminal.
    pub rank: u8,
    /// Most columns of a terminal that it takes; 0: as many as its longest cell.
    pub width_max: usize,
}

impl Column {
    /// A column that begins at the left and takes what it needs.
    pub const fn new(name: &'static str, rank: u8) -> Self {
        Self { name, is_right: false, rank, width_max: 0 }
    }

    /// The same column at the right.
    #[must_use]
    pub const fn right(self) -> Self {
        Self { is_right: true, ..self }
    }

    /// The same column of at most this width.
    #[must_use]
    pub const fn at_most(self, width_max: usize) -> Self {
        Self { width_max, ..self }
    }
}

/// The lines of a table with its header; cut to `columns` where they are given. The last column is the text: it takes what is left.
pub fn lines(columns: &[Column], rows: &[Vec<Line>], fit: Option<usize>) -> Vec<Line> {
    let widths: Vec<usize> = columns.iter().enumerate().map(|it| natural(it, rows)).collect();
    let shown = shown(columns, &widths, fit);
    let header: Vec<Line> =
        columns.iter().map(|column| Line::of(Tone::Faint, column.name)).collect();
    let line = |row: &Vec<Line>| {
        let mut line = Line::default();
        for (position, index) in shown.iter().enumerate() {
            let (Some(column), Some(cell)) = (columns.get(*index), row.get(*index)) else {
                continue;
            };
            let is_last = position + 1 == shown.len();
            if position > 0 {
                line.push(Tone::Plain, GAP);
            }
            let room = widths.get(*index).copied().unwrap_or_default();
            let room = match fit {
                Some(fit) if is_last => fit.saturating_sub(line.width()),
                Some(_) | None => room,
            };
            line.append(fitted(cell, room, *column, is_last, fit.is_some()));
        }
        line
    };
    std::iter::once(&header).chain(rows).map(line).collect()
}

/// The width of the longest cell of a column.
fn natural((index, column): (usize, &Column), rows: &[Vec<Line>]) -> usize {
    let cells = rows.iter().filter_map(|row| row.get(index)).map(Line::width);
    let longest = cells.max().unwrap_or_default().max(width(column.name));
    if column.width_max > 0 { longest.min(column.width_max) } else { longest }
}

/// Which columns are shown, in their order.
fn shown(columns: &[Column], widths: &[usize], fit: Option<usize>) -> Vec<usize> {
    let mut shown: Vec<usize> = (0..columns.len()).collect();
    let Some(fit) = fit else { return shown };
    let taken = |shown: &[usize]| -> usize {
        let before_text = shown.split_last().map_or(&[][..], |(_, before)| before);
        before_text.iter().filter_map(|index| widths.get(*index)).map(|it| it + GAP.len()).sum()
    };
    while taken(&shown) + TEXT_COLUMNS_MIN > fit {
        let Some((_, before_text)) = shown.split_last() else { break };
        let rank = |index: &usize| columns.get(*index).map(|column| column.rank);
        // The first column names the row.
        let Some(least) = before_text.iter().skip(1).copied().min_by_key(|index| rank(index))
        else {
            break;
        };
        shown.retain(|index| *index != least);
    }
    shown
}

fn fitted(cell: &Line, room: usize, column: Column, is_last: bool, may_cut: bool) -> Line {
    let is_limited = column.width_max > 0 || (is_last && may_cut);
    let cell = if is_limited { cell_cut(cell, room) } else { cell.clone() };
    let missing = " ".repeat(room.saturating_sub(cell.width()));
    match (column.is_right, is_last) {
        (true, _) => {
            let mut line = Line::of(Tone::Plain, missing);
            line.append(cell);
            line
        }
        (false, true) => cell,
        (false, false) => cell.with(Tone::Plain, missing),
    }
}

/// A line cut to a number of columns, with `…` when something is missing.
pub fn cell_cut(line: &Line, columns: usize) -> Line {
    if line.width() <= columns {
        return line.clone();
    }
    let mut kept = Line::default();
    for (tone, text) in line.pieces() {
        let left = columns.saturating_sub(kept.width());
        if width(text) >= left {
            // The sign says that something is missing even when this piece alone would fit.
            kept.push(*tone, cut(&format!("{text}…"), left.max(1)));
            break;
        }
        kept.push(*tone, text.clone());
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 4] = [
        Column::new("ID", 9),
        Column::new("AGE", 3).right(),
        Column::new("WHO", 5).at_most(6),
        Column::new("TITLE", 9),
    ];

    fn shown(fit: Option<usize>) -> Vec<String> {
        let row = |cells: [&str; 4]| cells.map(|cell| Line::of(Tone::Plain, cell)).to_vec();
        let rows = [
            row(["t_1", "3m", "ann", "Short"]),
            row(["t_2", "12h", "backend-dev", "A title that is longer than the terminal is wide"]),
        ];
        lines(&COLUMNS, &rows, fit).iter().map(|line| line.plain().trim_end().to_owned()).collect()
    }

    #[test]
    fn a_table_takes_what_it_needs_and_the_text_is_cut_to_the_terminal() {
        assert_eq!(
            shown(None),
            [
                "ID   AGE  WHO     TITLE",
                "t_1   3m  ann     Short",
                "t_2  12h  backe…  A title that is longer than the terminal is wide"
            ]
        );
        assert_eq!(
            shown(Some(44)),
            [
                "ID   AGE  WHO     TITLE",
                "t_1   3m  ann     Short",
                "t_2  12h  backe…  A title that is longer th…"
            ]
        );
    }

    #[test]
    fn the_least_important_column_is_left_out_first_and_the_first_and_last_never() {
        assert_eq!(shown(Some(40))[1], "t_1  ann     Short");
        assert_eq!(shown(Some(30))[1], "t_1  Short");
        assert_eq!(shown(Some(9))[2], "t_2  A t…");
        for fit in 6..80 {
            for line in shown(Some(fit)) {
                assert!(width(&line) <= fit.max(6), "{fit}: {line}");
            }
        }
    }

    #[test]
    fn a_cut_line_says_so_wherever_it_is_cut() {
        let line = Line::of(Tone::Strong, "abc").with(Tone::Faint, "def");
        for (columns, expected) in [(6, "abcdef"), (5, "abcd…"), (4, "abc…"), (3, "ab…"), (0, "…")]
        {
            assert_eq!(cell_cut(&line, columns).plain(), expected, "{columns}");
        }
    }
}
