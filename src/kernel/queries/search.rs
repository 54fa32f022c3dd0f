//! `search`: tasks by words, the best first; of very many the newest.

use std::collections::{HashSet, VecDeque};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Fault, VerbError};
use crate::kernel::ids::{EpochSeconds, TaskId};
use crate::kernel::queries::list::ListTasks;
use crate::kernel::queries::paged::{PageOf, Paged};
use crate::kernel::shorten::shorten;
use crate::kernel::snapshot::Snapshot;
use crate::kernel::store;
use crate::kernel::store::listing::ListFilter;
use crate::kernel::store::search::{Document, Matches, Words};
use crate::kernel::store::{Connection, PageBounds};
use crate::kernel::task::Task;

/// Searches the texts of tasks; the best hits come first, or the newest where more than 2,000 texts match.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SearchTasks {
    /// Words to search for; all must occur. `*` at the end of a word matches any ending.
    pub text: String,
    /// Only tasks with one of these statuses, comma-separated.
    pub status: Option<String>,
    /// Only tasks of these assignees, comma-separated; `-` stands for nobody.
    pub assignee: Option<String>,
    /// Only tasks of these tenants, comma-separated.
    pub tenant: Option<String>,
    /// Only tasks with one of these labels, comma-separated.
    pub label: Option<String>,
    /// Only tasks that depend on this task.
    pub parent: Option<String>,
    /// Only tasks created after this time, epoch seconds.
    pub created_after: Option<EpochSeconds>,
    /// Only tasks created before this time, epoch seconds.
    pub created_before: Option<EpochSeconds>,
    /// Only tasks to which something has happened at this time or later, epoch seconds.
    pub updated_since: Option<EpochSeconds>,
    /// Include archived tasks.
    pub archived: bool,
    /// Maximum number of results; default: 50.
    pub limit: Option<u32>,
    /// Board; default: `default`, inside a run the board of the run.
    pub board: Option<String>,
}

/// Hits when the caller does not say how many.
const HITS_DEFAULT: u32 = 50;

/// Most documents that are ranked: some ten microseconds each.
const RANKED_MAX: u32 = 2_000;

/// Documents that are read together when they are not ranked.
const UNRANKED: u32 = 200;

/// Most documents that are looked at when they are not ranked: each that a filter refuses takes some ten microseconds.
const LOOKED_AT_MAX: u32 = 10_000;

/// A matching task.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Hit")]
pub struct Hit<T = Task> {
    /// The task.
    #[serde(flatten)]
    pub task: T,
    /// The passage with the matches marked by `[` and `]`; the title when the match is far into a long text.
    pub snippet: String,
    /// Whether the best hits come first. False when more than 2,000 texts match: the newest come first then.
    #[serde(default = "yes")]
    pub ranked: bool,
}

/// A daemon that does not say so ranks.
fn yes() -> bool {
    true
}

/// Documents that are still to be looked at.
pub struct Found {
    words: Words,
    filter: ListFilter,
    documents: VecDeque<Document>,
    seen: HashSet<TaskId>,
    order: HitOrder,
    /// Hits that are still wanted.
    wanted: usize,
}

/// In which order the documents are looked at.
enum HitOrder {
    /// The best first; all of them are known.
    Ranked,
    /// The newest first.
    Newest {
        /// The one that was read last.
        last: Option<Document>,
        /// Those that may still be read.
        left: u32,
    },
}

impl Found {
    /// The next document, read from the index where they are not all known.
    fn next_document(&mut self, connection: &Connection) -> Result<Option<Document>, Fault> {
        if let HitOrder::Newest { last, left } = &mut self.order
            && self.documents.is_empty()
            && *left > 0
        {
            let expression = self.words.expression();
            let count = UNRANKED.min(*left);
            let documents = store::search::newest(connection, &expression, last.as_ref(), count)?;
            *left = if documents.is_empty() { 0 } else { *left - count };
            *last = documents.last().cloned();
            self.documents.extend(documents);
        }
        Ok(self.documents.pop_front())
    }

    fn is_over(&self) -> bool {
        let may_read = matches!(self.order, HitOrder::Newest { left: 1.., .. });
        self.wanted == 0 || (self.documents.is_empty() && !may_read)
    }
}

impl Paged for SearchTasks {
    type Item = Hit;
    type Rest = Found;
    const NAME: &'static str = "search";

    fn first(
        &self,
        snapshot: &Snapshot<'_>,
        bounds: PageBounds,
    ) -> Result<PageOf<Hit, Found>, VerbError> {
        let words = Words::parse(&self.text)?;
        let filter = ListTasks {
            status: self.status.clone(),
            assignee: self.assignee.clone(),
            tenant: self.tenant.clone(),
            label: self.label.clone(),
            parent: self.parent.clone(),
            created_after: self.created_after,
            created_before: self.created_before,
            updated_since: self.updated_since,
            archived: self.archived,
            board: self.board.clone(),
            ..ListTasks::default()
        };
        let filter = filter.filter(snapshot)?;
        let limit = self.limit.filter(|limit| *limit > 0).unwrap_or(HITS_DEFAULT);
        let expression = words.expression();
        let ranked = store::search::ranked(snapshot.connection, &expression, RANKED_MAX)?;
        let (documents, order) = match ranked {
            Matches::Ranked(documents) => (documents.into(), HitOrder::Ranked),
            Matches::TooMany => {
                (VecDeque::new(), HitOrder::Newest { last: None, left: LOOKED_AT_MAX })
            }
        };
        let (seen, wanted) = (HashSet::new(), limit as usize);
        let found = Found { words, filter, documents, seen, order, wanted };
        Self::next(found, snapshot, bounds)
    }

    fn next(
        mut found: Found,
        snapshot: &Snapshot<'_>,
        bounds: PageBounds,
    ) -> Result<PageOf<Hit, Found>, VerbError> {
        let connection = snapshot.connection;
        let ranked = matches!(found.order, HitOrder::Ranked);
        let (mut hits, mut bytes) = (Vec::new(), 0);
        while bounds.has_room(hits.len(), bytes)
            && found.wanted > 0
            && let Some(document) = found.next_document(connection)?
        {
            if !found.seen.insert(document.task_id.clone()) {
                continue;
            }
            found.filter.only = Some(document.task_id.clone());
            if let Some(task) = store::listing::list(connection, &found.filter)?.pop() {
                let passage = store::search::snippet(connection, &found.words, &document)?;
                let snippet = passage.unwrap_or_else(|| shorten(&task.title));
                bytes += document.bytes as usize;
                found.wanted -= 1;
                hits.push(Hit { task, snippet, ranked });
            }
        }
        Ok((hits, (!found.is_over()).then_some(found)))
    }
}
