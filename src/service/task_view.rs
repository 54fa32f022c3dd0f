//! A task as its page shows it: what stands on its card, its text as HTML, its neighbours, and the newest page of its history.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::artifact::Artifact;
use crate::kernel::card::{Card, CardQuestion, NamedTask};
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::event::sentence;
use crate::kernel::ids::{EpochSeconds, EventId, RunId};
use crate::kernel::limits::{NAMED_NEIGHBOURS_MAX, TIMELINE_ITEMS_MAX};
use crate::kernel::location::Looks;
use crate::kernel::queries::timeline::{self, Happened};
use crate::kernel::queries::{CardMaker, Snapshot, cursor, question_of};
use crate::kernel::run::Run;
use crate::kernel::store;
use crate::kernel::store::attachments::Attachment;
use crate::kernel::task::Task;
use crate::service::board::{looked_at, view};
use crate::service::{Requester, Service, ServiceError};
use crate::text::markdown::render;

/// Things of a history that come with a task.
const TIMELINE_ITEMS: usize = 50;

/// Shows the page of a task.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GetTaskView {
    /// The task.
    pub id: String,
    /// Board of the task; refused when the task is on another board.
    pub board: Option<String>,
}

/// Shows a page of the history of a task.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GetTimeline {
    /// The task.
    pub id: String,
    /// `next` of the page before; default: the newest page.
    pub before: Option<String>,
    /// Things in it, at most 200; default 50.
    pub limit: Option<u32>,
    /// Board of the task; refused when the task is on another board.
    pub board: Option<String>,
}

/// A task as its page shows it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct TaskView {
    /// Cursor of the event stream that belongs to it.
    pub cursor: String,
    /// Its card.
    pub card: Card,
    /// The task.
    pub task: Task,
    /// Its body as HTML: a closed set of elements, images as links.
    pub body_html: String,
    /// Whether that is the whole body.
    pub body_is_whole: bool,
    /// Why it is not running.
    pub why: ViewReason,
    /// Tasks that it depends on, at most 200.
    pub parents: Vec<NamedTask>,
    /// Tasks that depend on it, at most 200.
    pub children: Vec<NamedTask>,
    /// Its attachments, by name.
    pub attachments: Vec<Attachment>,
    /// Files that its newest completed run declared.
    pub artifacts: Vec<Artifact>,
    /// Its open question, whole.
    pub question: Option<CardQuestion>,
    /// Name of the schedule that made it.
    pub schedule: Option<String>,
    /// The newest page of its history.
    pub timeline: Timeline,
}

/// Why a task is not running, and what helps.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ViewReason {
    /// The token of `kanban why`.
    pub code: String,
    /// One sentence.
    pub text: String,
    /// The hint of `kanban why`.
    pub command: Option<String>,
}

/// A page of a history, oldest first.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Timeline {
    /// What happened.
    pub items: Vec<TimelineItem>,
    /// Asks for what happened before; null at the beginning.
    pub next: Option<String>,
}

/// Something that happened.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TimelineItem {
    /// An event.
    Event {
        /// Time, epoch seconds.
        at: EpochSeconds,
        /// Its id.
        id: EventId,
        /// Its kind.
        kind: String,
        /// Who caused it.
        actor: String,
        /// What happened, in words.
        text: String,
        /// Its run.
        run_id: Option<RunId>,
        /// How many of the same kind are folded into it.
        count: u32,
    },
    /// A comment.
    Comment {
        /// Time, epoch seconds.
        at: EpochSeconds,
        /// Its id.
        id: i64,
        /// Who wrote it.
        author: String,
        /// Its text as HTML.
        html: String,
        /// Its run.
        run_id: Option<RunId>,
    },
    /// A run.
    Run {
        /// Start, epoch seconds.
        at: EpochSeconds,
        /// The run.
        run: Box<Run>,
        /// Its summary as HTML.
        summary_html: Option<String>,
    },
}

impl From<Happened> for TimelineItem {
    fn from(happened: Happened) -> Self {
        match happened {
            Happened::Event(event, count) => Self::Event {
                at: event.created_at,
                id: event.id,
                text: sentence(&event),
                actor: event.actor.unwrap_or_default(),
                kind: event.kind,
                run_id: event.run_id,
                count,
            },
            Happened::Comment(comment) => Self::Comment {
                at: comment.created_at,
                id: comment.id,
                author: comment.author,
                html: render(&comment.body).html,
                run_id: None,
            },
            Happened::Run(run) => Self::Run {
                at: run.started_at,
                summary_html: run.summary.as_deref().map(|summary| render(summary).html),
                run,
            },
        }
    }
}

impl From<timeline::TimelinePage> for Timeline {
    fn from(page: timeline::TimelinePage) -> Self {
        Self { items: page.items.into_iter().map(TimelineItem::from).collect(), next: page.next }
    }
}

/// Shows the page of a task.
///
/// # Errors
/// A refusal or a fault.
pub async fn task_view(
    service: Arc<Service>,
    by: Requester,
    query: GetTaskView,
) -> Result<TaskView, ServiceError> {
    let (policy, low_disk_bytes) = looked_at(&service);
    let read = move |snapshot: &Snapshot<'_>| {
        let connection = snapshot.connection;
        let task = snapshot.task(&query.id, query.board.as_deref(), "task_view")?;
        let looks = Looks::new();
        let mut maker = CardMaker::new(view(snapshot, &policy, low_disk_bytes, &looks));
        let card = maker.card_of(&task.id)?.ok_or_else(|| unknown(&task))?;
        let reason = maker.why().reason(&task)?;
        let why = ViewReason {
            code: reason.name().to_owned(),
            text: reason.explanation(),
            command: reason.hint(task.id.as_str()),
        };
        let newest = store::runs::get_latest_completed(connection, &task.id)?;
        let schedule = match task.schedule_id {
            Some(id) => store::schedules::name_of(connection, id)?,
            None => None,
        };
        let question = store::questions::get_open(connection, &task.id)?;
        let page = timeline::page(connection, &task.id, None, TIMELINE_ITEMS)?;
        let view = TaskView {
            cursor: cursor(connection)?,
            card,
            body_html: String::new(),
            body_is_whole: true,
            why,
            parents: store::neighbours::parents(connection, &task.id, NAMED_NEIGHBOURS_MAX)?,
            children: store::neighbours::children(connection, &task.id, NAMED_NEIGHBOURS_MAX)?,
            attachments: store::attachments::list(connection, &task.id)?,
            artifacts: newest.map(|run| run.artifacts).unwrap_or_default(),
            question: question.map(|question| question_of(question, false)),
            schedule,
            timeline: Timeline { items: Vec::new(), next: None },
            task,
        };
        Ok((view, page))
    };
    // Texts are rendered on the reader's thread, when the snapshot is over.
    let write = |(mut view, page): (TaskView, timeline::TimelinePage)| -> Result<_, VerbError> {
        let body = render(view.task.body.as_deref().unwrap_or_default());
        (view.body_html, view.body_is_whole) = (body.html, body.is_whole);
        view.timeline = Timeline::from(page);
        Ok(view)
    };
    Ok(service.readers.read_then(by.caller, read, write).await?)
}

fn unknown(task: &Task) -> Refusal {
    Refusal::UnknownTask { id: task.id.to_string() }
}

/// Shows a page of the history of a task.
///
/// # Errors
/// A refusal or a fault.
pub async fn timeline(
    service: Arc<Service>,
    by: Requester,
    query: GetTimeline,
) -> Result<Timeline, ServiceError> {
    let read = move |snapshot: &Snapshot<'_>| {
        let task = snapshot.task(&query.id, query.board.as_deref(), "timeline")?;
        let limit =
            query.limit.map_or(TIMELINE_ITEMS, |limit| limit.min(TIMELINE_ITEMS_MAX) as usize);
        timeline::page(snapshot.connection, &task.id, query.before.as_deref(), limit)
    };
    let write = |page| Ok(Timeline::from(page));
    Ok(service.readers.read_then(by.caller, read, write).await?)
}

/// Renders a text, as a page shows it before it is sent.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RenderText {
    /// The text, Markdown.
    pub text: String,
}

/// A rendered text.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RenderedText {
    /// The text as HTML.
    pub html: String,
}

/// Renders a text.
///
/// # Errors
/// A fault.
pub async fn rendered(
    service: Arc<Service>,
    by: Requester,
    request: RenderText,
) -> Result<RenderedText, ServiceError> {
    let write = move |()| Ok(RenderedText { html: render(&request.text).html });
    Ok(service.readers.read_then(by.caller, |_snapshot| Ok(()), write).await?)
}
