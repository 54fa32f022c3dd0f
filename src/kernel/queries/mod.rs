//! The requests that read, one file each. Each is a struct, answered from one [`Snapshot`].

mod attachments;
mod board;
mod boards;
pub(in crate::kernel) mod breakers;
mod chat_people;
mod context;
mod get_dispatch;
mod graph;
mod history;
mod inbox;
mod list;
mod list_outbox;
mod list_schedules;
mod notify_list;
mod paged;
mod question;
mod resolve;
mod reviewed;
mod runs;
mod search;
mod show;
mod show_schedule;
mod stats;
pub mod timeline;
mod why;

pub use crate::kernel::query::Query;
pub use crate::kernel::snapshot::Snapshot;
pub use crate::kernel::store::attachments::Attachment;
pub use crate::kernel::store::boards::BoardRow;
pub use crate::kernel::store::chat_people::ChatPerson;
pub use crate::kernel::store::pauses::Pause;
pub use crate::kernel::store::subscriptions::Subscription;
pub use attachments::ListAttachments;
pub use board::{
    BoardColumns, CardMaker, CardPage, ColumnWindow, Facet, Facets, GetBoard, ListCards, board,
    cards, cursor, cursor_at, question_of, reason_on_card,
};
pub use boards::ListBoards;
pub use chat_people::ListChatPeople;

pub use breakers::{BreakerInfo, BreakerScope, ListBreakers};
pub use context::{ContextReply, GetContext};
pub use get_dispatch::{DispatchState, GetDispatch};
pub use graph::{GetGraph, Graph, GraphTask};
pub use history::{GetHistory, History, HistoryRow};
pub use inbox::{WaitingFacts, waiting_tasks};
pub use list::ListTasks;
pub use list_outbox::{FilterInfo, ListOutbox, MessageInfo, OutboxList, RouteInfo};
pub use list_schedules::ListSchedules;
pub use notify_list::ListSubscriptions;
pub use paged::{PageOf, Paged};
pub use question::ShowQuestion;
pub use resolve::{ListCandidates, ResolveTask, ResolvedTask};
pub use reviewed::ReviewedTask;
pub use runs::ListRuns;
pub use search::{Hit, SearchTasks};
pub use show::{LeftOut, ShowTask, TaskDetails};
pub use show_schedule::{
    NextOccurrence, NextOccurrences, PastOccurrence, ScheduleDetails, ShowSchedule,
};
pub use stats::{GetStats, Stats, stats};
pub use why::{WhyReply, WhyTask, why};
