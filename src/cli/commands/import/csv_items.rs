//! A table with a header: comma-, semicolon- or tab-separated.

use csv::{ReaderBuilder, StringRecord};

use super::draft::{Content, Draft, Field, Unknown};
use super::location::{Located, Text};

/// What may stand between two cells.
const DELIMITERS: [u8; 3] = [b';', b'\t', b','];

/// Whether the first line of a text has a column with titles.
pub(super) fn has_title_column(text: &str) -> bool {
    let mut first = reader(text);
    let header = first.headers().ok();
    header.is_some_and(|header| {
        header.len() > 1 && header.iter().any(|name| Field::of_name(name) == Some(Field::Title))
    })
}

fn reader(text: &str) -> csv::Reader<&[u8]> {
    ReaderBuilder::new().delimiter(delimiter(text)).flexible(true).from_reader(text.as_bytes())
}

/// What stands most often in the first line; a comma where nothing does.
fn delimiter(text: &str) -> u8 {
    let first = text.lines().next().unwrap_or_default();
    let count = |delimiter: &u8| first.bytes().filter(|byte| byte == delimiter).count();
    // Of several that stand there as often, the last one counts.
    DELIMITERS.into_iter().max_by_key(count).unwrap_or(b',')
}

/// Reads the rows.
///
/// # Errors
/// One line with the place of what is wrong.
pub(super) fn read(text: &str) -> Result<(Vec<Draft>, Unknown), String> {
    let (mut rows, lines) = (reader(text), Text::new(text));
    let header = rows.headers().map_err(|error| error.to_string())?.clone();
    let fields: Vec<Option<Field>> = header.iter().map(Field::of_name).collect();
    if !fields.contains(&Some(Field::Title)) {
        let names: Vec<&str> = header.iter().collect();
        let problem = format!("no column is called title or name, but {}", names.join(", "));
        return Err(Located { line: 1, column: 1 }.says(&problem));
    }
    let (mut drafts, mut unknown) = (Vec::new(), Unknown::new());
    let mut record = StringRecord::new();
    loop {
        let has_row = rows.read_record(&mut record).map_err(|error| error.to_string())?;
        if !has_row {
            return Ok((drafts, unknown));
        }
        let start = record.position().map_or(0, csv::Position::byte);
        let offset = usize::try_from(start).unwrap_or_default();
        let row = Row { lines: &lines, offset, delimiter: delimiter(text) };
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        if record.len() > fields.len() {
            let problem =
                format!("the row has {} cells, the header {}", record.len(), fields.len());
            return Err(row.cell(fields.len()).says(&problem));
        }
        let mut draft =
            Draft { location: format!("line {}", row.cell(0).line), ..Draft::default() };
        for (index, cell) in record.iter().enumerate() {
            match fields.get(index).copied().flatten() {
                Some(field) => {
                    draft.set(field, Content::Text(cell.to_owned())).map_err(|problem| {
                        let name = header.get(index).unwrap_or_default();
                        row.cell(index).says(&format!("{name}: {problem}"))
                    })?;
                }
                None if !cell.trim().is_empty() => {
                    *unknown
                        .entry(header.get(index).unwrap_or_default().to_owned())
                        .or_default() += 1;
                }
                None => {}
            }
        }
        if draft.title.is_empty() {
            let index = fields.iter().position(|field| *field == Some(Field::Title));
            return Err(row.cell(index.unwrap_or_default()).says("the title is empty"));
        }
        drafts.push(draft);
    }
}

/// A row in the text that it stands in.
struct Row<'t> {
    lines: &'t Text<'t>,
    offset: usize,
    delimiter: u8,
}

impl Row<'_> {
    /// Where a cell begins.
    fn cell(&self, index: usize) -> Located {
        let mut rest = self.lines.text.as_bytes().get(self.offset..).unwrap_or_default();
        let blank = rest.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        rest = rest.get(blank..).unwrap_or_default();
        let (mut is_quoted, mut cells) = (false, 0);
        for (at, byte) in rest.iter().enumerate() {
            if cells == index {
                return self.lines.at(self.offset + blank + at);
            }
            match byte {
                b'"' => is_quoted = !is_quoted,
                byte if *byte == self.delimiter && !is_quoted => cells += 1,
                _ => {}
            }
        }
        self.lines.at(self.lines.text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_by_the_names_of_their_columns() {
        let text =
            "ID;Name;Tags;Story points;Depends on\n1;\"Fix; the\ndoor\";a, b;5;\n2;Paint;;;1\n\n";
        let (drafts, unknown) = read(text).unwrap();
        assert_eq!(drafts.len(), 2);
        assert_eq!(drafts[0].title, "Fix; the door");
        assert_eq!(drafts[0].labels, ["a", "b"]);
        assert_eq!(drafts[1].parents, ["1"]);
        assert_eq!(drafts[1].location, "line 4");
        assert_eq!(unknown, Unknown::from([("Story points".to_owned(), 1)]));
    }

    #[test]
    fn what_is_wrong_is_named_by_line_and_column() {
        for (text, expected) in [
            (
                "number,state\n1,open\n",
                "line 1, column 1: no column is called title or name, but number, state",
            ),
            (
                "title,priority\nä,\"x\ny\",\n",
                "line 3, column 4: the row has 3 cells, the header 2",
            ),
            ("title,priority\nok,1\nä,soon\n", "line 3, column 3: priority: expected a number"),
            ("title,due\nok,\n,2026-05-01\n", "line 3, column 1: the title is empty"),
            ("title\tdue\nok\ttomorrow\n", "line 2, column 4: due: expected a time such as"),
        ] {
            let problem = read(text).unwrap_err();
            assert!(problem.starts_with(expected), "{text}: {problem}");
        }
    }
}
