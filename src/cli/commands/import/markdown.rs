//! A task list in Markdown: `- [ ] open`, `- [x] done`.
//!
//! A task in the list below another is a part of it, so the outer one waits for it. Every other text that is indented below a task is
//! the body of that task. Headings, and text between lists, belong to no task.

use std::collections::HashMap;

use super::draft::{Draft, Standing, one_line};

/// A line that is a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TaskLine<'t> {
    /// How far it is indented, columns.
    indent: usize,
    is_done: bool,
    title: &'t str,
}

/// The task that a line stands for; none when it is another text.
pub(super) fn task_of(line: &str) -> Option<TaskLine<'_>> {
    let text = line.trim_start();
    let indent = columns(line.get(..line.len() - text.len()).unwrap_or_default());
    let item = item_text(text).unwrap_or(text);
    let is_done = match item.get(..3)? {
        "[ ]" => false,
        "[x]" | "[X]" => true,
        _ => return None,
    };
    let title = item.get(3..)?;
    let is_separate = title.starts_with([' ', '\t']);
    (is_separate && !title.trim().is_empty()).then(|| TaskLine {
        indent,
        is_done,
        title: title.trim(),
    })
}

/// What stands behind `- `, `* `, `+ `, `1. ` or `1) `.
fn item_text(text: &str) -> Option<&str> {
    let behind = match text.strip_prefix(['-', '*', '+']) {
        Some(behind) => behind,
        None => text.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix(['.', ')'])?,
    };
    behind.starts_with([' ', '\t']).then(|| behind.trim_start())
}

/// Columns of white space; a tab goes to the next fourth.
fn columns(space: &str) -> usize {
    space.chars().fold(0, |column, c| if c == '\t' { (column / 4 + 1) * 4 } else { column + 1 })
}

/// Reads a list.
pub(super) fn read(text: &str) -> Vec<Draft> {
    let mut drafts: Vec<Draft> = Vec::new();
    // The tasks that a line may belong to, outermost first.
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut seen = HashMap::new();
    let mut has_gap = false;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_end();
        if line.is_empty() {
            has_gap = true;
            continue;
        }
        let indent = columns(line.get(..line.len() - line.trim_start().len()).unwrap_or_default());
        open.retain(|(of_task, _)| *of_task < indent);
        let gap = std::mem::take(&mut has_gap);
        let Some(task) = task_of(line) else {
            if let Some(draft) = open.last().and_then(|(_, index)| drafts.get_mut(*index)) {
                add_line(draft, line.trim_start(), gap);
            }
            continue;
        };
        let above: Vec<&str> = open
            .iter()
            .filter_map(|(_, index)| drafts.get(*index))
            .map(|draft| draft.title.as_str())
            .collect();
        let title = one_line(task.title);
        let source_id = unused_id(&mut seen, &above, &title);
        if let Some(outer) = open.last().and_then(|(_, index)| drafts.get_mut(*index)) {
            outer.parents.push(source_id.clone());
        }
        open.push((task.indent, drafts.len()));
        drafts.push(Draft {
            source_id: Some(source_id),
            title,
            status: if task.is_done { Standing::Done } else { Standing::Open },
            location: format!("line {}", number + 1),
            ..Draft::default()
        });
    }
    drafts
}

/// A task of a list has no id but where it stands: the titles above it and its own, numbered when there are several.
fn unused_id(seen: &mut HashMap<String, u32>, above: &[&str], title: &str) -> String {
    let path = above.iter().copied().chain([title]).collect::<Vec<_>>().join(" / ");
    let count = seen.entry(path.clone()).or_default();
    *count += 1;
    if *count == 1 { path } else { format!("{path} #{count}") }
}

/// Adds a line to a body; a blank line before it separates paragraphs.
fn add_line(draft: &mut Draft, line: &str, has_gap: bool) {
    match &mut draft.body {
        Some(body) => {
            body.push_str(if has_gap { "\n\n" } else { "\n" });
            body.push_str(line);
        }
        None => draft.body = Some(line.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_task_by_its_box() {
        for (line, expected) in [
            ("- [ ] one", Some((0, false, "one"))),
            ("  * [x] two ", Some((2, true, "two"))),
            ("\t1. [X] three", Some((4, true, "three"))),
            ("[ ] four", Some((0, false, "four"))),
            ("- [ ]", None),
            ("- [ ]five", None),
            ("- [-] six", None),
            ("- [link](to)", None),
            ("-[ ] seven", None),
            ("- ä", None),
        ] {
            let found = task_of(line).map(|task| (task.indent, task.is_done, task.title));
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn nested_tasks_come_first_and_other_text_is_the_body() {
        let text = "# Plan\n\n- [ ] Ship it\n  Before *May*.\n\n  - why: money\n  - [x] Build\n    with make\n  - [ ] Test\n\
                    - [ ] Rest\nnot of it\n- [ ] Rest\n";
        let drafts = read(text);
        let shown: Vec<(&str, Option<&str>, Vec<&str>)> = drafts
            .iter()
            .map(|draft| {
                let parents = draft.parents.iter().map(String::as_str).collect();
                (draft.source_id.as_deref().unwrap(), draft.body.as_deref(), parents)
            })
            .collect();
        assert_eq!(
            shown,
            [
                (
                    "Ship it",
                    Some("Before *May*.\n\n- why: money"),
                    vec!["Ship it / Build", "Ship it / Test"]
                ),
                ("Ship it / Build", Some("with make"), vec![]),
                ("Ship it / Test", None, vec![]),
                ("Rest", None, vec![]),
                ("Rest #2", None, vec![]),
            ]
        );
        assert_eq!(drafts[1].status, Standing::Done);
        assert_eq!(drafts[2].location, "line 9");
    }
}
