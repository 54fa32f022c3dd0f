//! The tasks of a list as records of an import.
//!
//! A task keeps the id that is made of what the list calls it, so a second import of the list finds everything there. An address of
//! GitHub and a card of Trello mean one thing in the world; a `1` of a table does not, and stands for a task together with its title.

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};

use crate::cli::commands::import::draft::{Draft, Standing, Unknown};
use crate::cli::commands::import::input::{Format, Input};
use crate::cli::commands::import::location::Text;
use crate::cli::commands::import::summary::PreviewRow;
use crate::cli::commands::import::{
    Findings, Source, csv_items, github, json_items, markdown, trello,
};
use crate::cli::failure::Failure;
use crate::kernel::task::TaskStatus;
use crate::kernel::transfer::normalize::IMPORTER;
use crate::kernel::transfer::record::{TaskFields, TaskRecord};
use crate::kernel::transfer::report::{ColumnLeftOut, LeftOut, Note};

/// Digits of an id that is made of another one.
const ID_DIGITS: usize = 12;

/// The board that is meant where none is named.
const DEFAULT_BOARD: &str = "default";

/// The tasks of a list.
pub(super) struct Items {
    format: Format,
    records: Vec<TaskRecord>,
    locations: Vec<String>,
    findings: Findings,
}

/// Reads a file of a known format.
///
/// # Errors
/// It cannot be read, or is wrong somewhere: the line and the column are named.
pub(super) fn read(input: &Input, format: Format, board: Option<&str>) -> Result<Items, Failure> {
    let text = input.text()?;
    let file = Text::new(&text);
    let no_unknown = |drafts| (drafts, Unknown::new());
    let read = match format {
        Format::Export | Format::Jsonl => json_items::lines(&file).and_then(json_items::read),
        Format::Json => json_items::array(&file).and_then(json_items::read),
        Format::Csv => csv_items::read(&text),
        Format::Github => json_items::array(&file).and_then(github::read).map(no_unknown),
        Format::Trello => trello::read(&file).map(no_unknown),
        Format::Markdown => Ok(no_unknown(markdown::read(&text))),
    };
    let made = read
        .and_then(|(drafts, unknown)| Items::of(format, drafts, &unknown, board))
        .map_err(|problem| input.refused(&problem).with_hint("nothing was imported"))?;
    if made.records.is_empty() {
        return Err(input.refused("no task was found in it"));
    }
    Ok(made)
}

impl Items {
    fn of(
        format: Format,
        drafts: Vec<Draft>,
        unknown: &Unknown,
        board: Option<&str>,
    ) -> Result<Self, String> {
        let board = board.unwrap_or(DEFAULT_BOARD);
        let mut ids = Vec::with_capacity(drafts.len());
        let mut taken: HashMap<String, usize> = HashMap::new();
        let mut unnamed: HashMap<String, u32> = HashMap::new();
        for (index, draft) in drafts.iter().enumerate() {
            let id = task_id(format, draft, board, &mut unnamed);
            if let Some(first) = taken.insert(id.clone(), index) {
                let first = drafts.get(first).map(|draft| draft.location.as_str());
                let first = first.unwrap_or_default();
                return Err(format!("{}: the same task as in {first}", draft.location));
            }
            ids.push(id);
        }
        let named = names(&drafts, &ids);
        let mut items = Self {
            format,
            records: Vec::with_capacity(drafts.len()),
            locations: drafts.iter().map(|draft| draft.location.clone()).collect(),
            findings: Findings {
                columns: unknown
                    .iter()
                    .map(|(column, values)| column_left_out(column, *values))
                    .collect(),
                ..Findings::default()
            },
        };
        let mut comments = 0;
        for (draft, id) in drafts.into_iter().zip(ids) {
            items.add(draft, id, &named, &mut comments);
        }
        Ok(items)
    }

    fn add(
        &mut self,
        draft: Draft,
        id: String,
        named: &HashMap<String, String>,
        comments: &mut i64,
    ) {
        let mut parents = Vec::new();
        for parent in &draft.parents {
            match named.get(parent.trim()) {
                Some(parent) if *parent != id => parents.push(parent.clone()),
                Some(_) | None => self.findings.left_out.push(LeftOut {
                    table: "task_links".to_owned(),
                    task_id: Some(id.clone()),
                    rows: 1,
                    reason: format!("{}: no task of the list is called {parent}", draft.location),
                }),
            }
        }
        parents.sort();
        parents.dedup();
        if let Some(word) = &draft.unknown_status {
            let text =
                format!("{id} ({}): the status {word} is unknown; it is in triage", draft.location);
            self.findings.notes.push(Note { task_id: Some(id.clone()), text });
        }
        self.findings.links.extend(parents.iter().map(|parent| (parent.clone(), id.clone())));
        let has_own_key = matches!(self.format, Format::Github | Format::Trello);
        let key = draft.source_id.as_ref().filter(|_| has_own_key);
        let mut said = draft.comments;
        for comment in &mut said {
            *comments += 1;
            comment.id = *comments;
        }
        self.records.push(TaskRecord {
            task: TaskFields {
                status: status(draft.status, !parents.is_empty()).as_str().to_owned(),
                idempotency_key: key.map(|key| format!("import:{}:{key}", self.format.source())),
                id,
                title: draft.title,
                body: draft.body,
                assignee: draft.assignee,
                priority: draft.priority,
                tenant: draft.tenant,
                created_by: draft.created_by.or_else(|| Some(IMPORTER.to_owned())),
                created_at: draft.created_at.unwrap_or_default(),
                completed_at: draft.completed_at,
                due_at: draft.due_at,
                ..TaskFields::default()
            },
            parents,
            labels: draft.labels,
            comments: said,
            ..TaskRecord::default()
        });
    }

    /// What would come, for a person to look at.
    pub(super) fn preview(&self) -> Vec<PreviewRow> {
        let rows = self.records.iter().zip(&self.locations);
        rows.map(|(record, location)| PreviewRow {
            id: record.task.id.clone(),
            status: record.task.status.clone(),
            title: record.task.title.clone(),
            assignee: record.task.assignee.clone(),
            labels: record.labels.clone(),
            parents: record.parents.clone(),
            location: location.clone(),
            existing: false,
        })
        .collect()
    }
}

/// Where a task stands on the board; what it waits for is settled when everything is known.
fn status(standing: Standing, has_parents: bool) -> TaskStatus {
    match standing {
        Standing::Open if has_parents => TaskStatus::Todo,
        Standing::Open => TaskStatus::Ready,
        Standing::Triage => TaskStatus::Triage,
        Standing::Blocked => TaskStatus::Blocked,
        Standing::Review => TaskStatus::Review,
        Standing::Done => TaskStatus::Done,
        Standing::Archived => TaskStatus::Archived,
    }
}

/// The id of a task, which is the same at every import of the list into a board.
fn task_id(
    format: Format,
    draft: &Draft,
    board: &str,
    unnamed: &mut HashMap<String, u32>,
) -> String {
    let is_of_the_world = match format {
        Format::Github => draft.source_id.as_ref().is_some_and(|id| id.contains("://")),
        Format::Trello => true,
        Format::Export | Format::Jsonl | Format::Json | Format::Csv | Format::Markdown => false,
    };
    let ordinal = if draft.source_id.is_some() {
        0
    } else {
        let count = unnamed.entry(draft.title.clone()).or_default();
        *count += 1;
        *count
    };
    let title = if is_of_the_world { "" } else { draft.title.as_str() };
    let digest = digest(&[
        format.source().as_bytes(),
        board.as_bytes(),
        draft.source_id.as_deref().unwrap_or_default().as_bytes(),
        title.as_bytes(),
        &ordinal.to_be_bytes(),
    ]);
    format!("t_{}", digest.get(..ID_DIGITS).unwrap_or_default())
}

/// Hex SHA-256 over parts, each preceded by its length so that no two lists of parts read the same.
fn digest(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The ids of the board by what the list calls its tasks: their ids there, else their titles.
fn names(drafts: &[Draft], ids: &[String]) -> HashMap<String, String> {
    let titles = drafts.iter().zip(ids).map(|(draft, id)| (draft.title.clone(), id.clone()));
    let mut named: HashMap<String, String> = titles.collect();
    for (draft, id) in drafts.iter().zip(ids) {
        if let Some(source_id) = &draft.source_id {
            named.insert(source_id.trim().to_owned(), id.clone());
        }
    }
    named
}

fn column_left_out(column: &str, values: usize) -> ColumnLeftOut {
    let instead = "this column is not imported".to_owned();
    ColumnLeftOut { column: column.to_owned(), values, instead }
}

impl Source for Items {
    fn kind(&self) -> &'static str {
        self.format.source()
    }

    fn each(&self, take: &mut dyn FnMut(TaskRecord) -> Result<(), Failure>) -> Result<(), Failure> {
        self.records.iter().cloned().try_for_each(take)
    }

    fn findings(&self) -> &Findings {
        &self.findings
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;
    use crate::kernel::transfer::import::is_list;

    #[test]
    fn the_kernel_knows_every_format_of_a_list_as_one() {
        for format in Format::value_variants() {
            assert_eq!(is_list(format.source()), *format != Format::Export, "{format:?}");
        }
        assert!(!is_list("hermes"));
    }

    fn draft(source_id: Option<&str>, title: &str, parents: &[&str]) -> Draft {
        Draft {
            source_id: source_id.map(str::to_owned),
            title: title.to_owned(),
            parents: parents.iter().map(|parent| (*parent).to_owned()).collect(),
            location: format!("line of {title}"),
            ..Draft::default()
        }
    }

    fn ids(drafts: Vec<Draft>, board: Option<&str>) -> Vec<String> {
        let items = Items::of(Format::Csv, drafts, &Unknown::new(), board).unwrap();
        items.records.into_iter().map(|record| record.task.id).collect()
    }

    #[test]
    fn the_same_list_has_the_same_ids_and_another_one_others() {
        let list =
            || vec![draft(Some("1"), "a", &[]), draft(None, "b", &[]), draft(None, "b", &[])];
        let first = ids(list(), None);
        assert_eq!(first, ids(list(), Some("default")));
        let other = ids(vec![draft(Some("1"), "other", &[])], None);
        assert!(!first.contains(&other[0]), "a 1 of another table is another task");
        assert_ne!(first, ids(list(), Some("shop")));
        let unique: std::collections::BTreeSet<_> = first.iter().collect();
        assert_eq!(unique.len(), 3);
    }

    #[test]
    fn tasks_wait_for_those_of_the_list_by_id_or_title_and_what_is_not_there_is_named() {
        let drafts =
            vec![draft(Some("1"), "a", &[]), draft(Some("2"), "b", &["1", "a", "ghost", "2"])];
        let items = Items::of(Format::Csv, drafts, &Unknown::new(), None).unwrap();
        assert_eq!(items.findings.links.len(), 1);
        assert_eq!(items.records[1].task.status, "todo");
        let reasons: Vec<&str> =
            items.findings.left_out.iter().map(|one| one.reason.as_str()).collect();
        assert_eq!(
            reasons,
            [
                "line of b: no task of the list is called ghost",
                "line of b: no task of the list is called 2"
            ]
        );
        let twice = vec![draft(Some("1"), "a", &[]), draft(Some("1"), "a", &[])];
        let problem = Items::of(Format::Csv, twice, &Unknown::new(), None).err().unwrap();
        assert_eq!(problem, "line of a: the same task as in line of a");
    }
}
