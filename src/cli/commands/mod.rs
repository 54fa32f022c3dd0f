//! One file per verb: its arguments, its request, its output.

pub mod answer;
pub mod approve;
pub mod archive;
pub mod ask;
pub mod assign;
pub mod assignees;
pub mod attach;
pub mod attachments;
pub mod backup;
mod backup_verify;
pub mod block;
pub mod board;
pub mod boards;
mod body_file;
pub mod breakers;
pub mod cancel;
pub mod chat;
pub mod claim;
pub mod comment;
pub mod complete;
pub mod completions;
pub mod config;
pub mod context;
pub mod create;
pub mod daemon;
pub mod dashboard;
pub mod diff;
pub mod dispatch;
pub mod doctor;
pub mod drain;
pub mod edit;
pub mod export;
pub mod gc;
pub mod guidance;
pub mod heartbeat;
pub mod import;
pub mod inbox;
pub mod init;
pub mod link;
pub mod list;
pub mod log;
pub mod log_level;
pub mod man;
pub mod mcp;
pub mod notify;
pub mod notify_list;
pub mod notify_setup;
pub mod notify_subscribe;
pub mod notify_unsubscribe;
pub mod pause;
pub mod profiles;
pub mod promote;
pub mod rate_limited;
pub mod reassign;
pub mod reclaim;
pub mod reload;
pub mod reopen;
pub mod request_changes;
pub mod request_review;
pub mod restart;
pub mod restore;
pub mod resume;
pub mod rm;
pub mod runs;
pub mod schedule;
pub mod schedules;
pub mod search;
pub mod show;
pub mod skills;
pub mod slash;
pub mod stats;
pub mod status;
pub mod stop;
pub mod tail;
pub mod tree;
pub mod triage;
pub mod unarchive;
pub mod unblock;
pub mod unlink;
pub mod unschedule;
pub mod wait;
pub mod watch;
pub mod why;
pub mod workspace;

mod bulk;
mod create_lines;
mod filters;
mod form;
mod many;
mod stopping;
mod switch;
mod targets;
mod task_flags;
mod warnings;

use clap::Subcommand;

use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::exit_codes::CliExit;

/// What a command returns.
pub type Ended = Result<CliExit, Failure>;

/// Runs `kanban` without a verb.
///
/// # Errors
/// The daemon's refusal.
pub fn run_alone(session: &mut Session) -> Ended {
    board::run_alone(session)
}

/// The verbs.
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "each verb is documented by its arguments, for the help text too")]
pub enum Command {
    Init(init::Arguments),
    #[command(alias = "new")]
    Create(create::Arguments),
    #[command(visible_alias = "ls", alias = "ps")]
    List(list::Arguments),
    Search(search::Arguments),
    #[command(alias = "view")]
    Show(show::Arguments),
    Edit(edit::Arguments),
    Assign(assign::Arguments),
    Link(link::Arguments),
    Unlink(unlink::Arguments),
    Comment(comment::Arguments),
    Attach(attach::Arguments),
    Attachments(attachments::Arguments),
    Claim(claim::Arguments),
    Heartbeat(heartbeat::Arguments),
    #[command(alias = "done")]
    Complete(complete::Arguments),
    Block(block::Arguments),
    Approve(approve::Arguments),
    RequestChanges(request_changes::Arguments),
    RequestReview(request_review::Arguments),
    RateLimited(rate_limited::Arguments),
    Ask(ask::Arguments),
    Answer(answer::Arguments),
    #[command(alias = "retry")]
    Unblock(unblock::Arguments),
    Promote(promote::Arguments),
    Triage(triage::Arguments),
    Schedule(schedule::Arguments),
    Unschedule(unschedule::Arguments),
    Reopen(reopen::Arguments),
    Archive(archive::Arguments),
    Unarchive(unarchive::Arguments),
    Reclaim(reclaim::Arguments),
    Reassign(reassign::Arguments),
    #[command(alias = "kill")]
    Stop(stop::Arguments),
    Restart(restart::Arguments),
    Cancel(cancel::Arguments),
    Context(context::Arguments),
    Runs(runs::Arguments),
    #[command(alias = "logs")]
    Log(log::Arguments),
    Diff(diff::Arguments),
    Why(why::Arguments),
    Board(board::Arguments),
    Tree(tree::Arguments),
    Inbox(inbox::Arguments),
    #[command(alias = "ui")]
    Dashboard(dashboard::Arguments),
    Status(status::Arguments),
    Stats(stats::Arguments),
    Assignees(assignees::Arguments),
    Profiles(profiles::Arguments),
    Boards(boards::Arguments),
    Schedules(schedules::Arguments),
    Breakers(breakers::Arguments),
    Dispatch(dispatch::Arguments),
    Pause(pause::Arguments),
    Resume(resume::Arguments),
    Drain(drain::Arguments),
    Wait(wait::Arguments),
    Tail(tail::Arguments),
    Watch(watch::Arguments),
    NotifySubscribe(notify_subscribe::Arguments),
    NotifyList(notify_list::Arguments),
    NotifyUnsubscribe(notify_unsubscribe::Arguments),
    Notify(notify::Arguments),
    Chat(chat::Arguments),
    Gc(gc::Arguments),
    Export(export::Arguments),
    Import(import::Arguments),
    Backup(backup::Arguments),
    Restore(restore::Arguments),
    Doctor(doctor::Arguments),
    Config(config::Arguments),
    Reload(reload::Arguments),
    LogLevel(log_level::Arguments),
    Mcp(mcp::Arguments),
    Guidance(guidance::Arguments),
    Skills(skills::Arguments),
    Slash(slash::Arguments),
    Completions(completions::Arguments),
    Daemon(daemon::Arguments),
    #[command(hide = true)]
    Man(man::Arguments),
    #[command(hide = true, alias = "delete")]
    Rm(rm::Arguments),
    #[command(hide = true)]
    Workspace(workspace::Arguments),
}

impl Command {
    /// Runs the verb.
    ///
    /// # Errors
    /// What is to be told when it does not succeed.
    #[expect(clippy::too_many_lines, reason = "a line for each verb")]
    pub fn run(self, session: &mut Session) -> Ended {
        match self {
            Self::Init(arguments) => init::run(&arguments, session),
            Self::Create(arguments) => create::run(arguments, session),
            Self::List(arguments) => list::run(arguments, session),
            Self::Board(arguments) => board::run(&arguments, session),
            Self::Tree(arguments) => tree::run(&arguments, session),
            Self::Search(arguments) => search::run(arguments, session),
            Self::Show(arguments) => show::run(&arguments, session),
            Self::Edit(arguments) => edit::run(arguments, session),
            Self::Assign(arguments) => assign::run(&arguments, session),
            Self::Link(arguments) => link::run(&arguments, session),
            Self::Unlink(arguments) => unlink::run(&arguments, session),
            Self::Comment(arguments) => comment::run(arguments, session),
            Self::Attach(arguments) => attach::run(&arguments, session),
            Self::Attachments(arguments) => attachments::run(&arguments, session),
            Self::Claim(arguments) => claim::run(arguments, session),
            Self::Heartbeat(arguments) => heartbeat::run(arguments, session),
            Self::Complete(arguments) => complete::run(arguments, session),
            Self::Block(arguments) => block::run(arguments, session),
            Self::Approve(arguments) => approve::run(arguments, session),
            Self::RequestChanges(arguments) => request_changes::run(arguments, session),
            Self::RequestReview(arguments) => request_review::run(&arguments, session),
            Self::RateLimited(arguments) => rate_limited::run(arguments, session),
            Self::Ask(arguments) => ask::run(arguments, session),
            Self::Answer(arguments) => answer::run(arguments, session),
            Self::Unblock(arguments) => unblock::run(&arguments, session),
            Self::Promote(arguments) => promote::run(&arguments, session),
            Self::Triage(arguments) => triage::run(arguments, session),
            Self::Schedule(arguments) => schedule::run(arguments, session),
            Self::Unschedule(arguments) => unschedule::run(&arguments, session),
            Self::Reopen(arguments) => reopen::run(&arguments, session),
            Self::Archive(arguments) => archive::run(&arguments, session),
            Self::Unarchive(arguments) => unarchive::run(&arguments, session),
            Self::Reclaim(arguments) => reclaim::run(arguments, session),
            Self::Reassign(arguments) => reassign::run(arguments, session),
            Self::Stop(arguments) => stop::run(arguments, session),
            Self::Restart(arguments) => restart::run(arguments, session),
            Self::Cancel(arguments) => cancel::run(arguments, session),
            Self::Context(arguments) => context::run(&arguments, session),
            Self::Runs(arguments) => runs::run(&arguments, session),
            Self::Log(arguments) => log::run(&arguments, session),
            Self::Diff(arguments) => diff::run(&arguments, session),
            Self::Why(arguments) => why::run(&arguments, session),
            Self::Inbox(arguments) => inbox::run(&arguments, session),
            Self::Dashboard(arguments) => dashboard::run(arguments, session),
            Self::Status(arguments) => status::run(&arguments, session),
            Self::Stats(arguments) => stats::run(&arguments, session),
            Self::Assignees(arguments) => assignees::run(&arguments, session),
            Self::Profiles(arguments) => profiles::run(&arguments, session),
            Self::Boards(arguments) => boards::run(arguments, session),
            Self::Schedules(arguments) => schedules::run(arguments, session),
            Self::Breakers(arguments) => breakers::run(arguments, session),
            Self::Dispatch(arguments) => dispatch::run(&arguments, session),
            Self::Pause(arguments) => pause::run(&arguments, session),
            Self::Resume(arguments) => resume::run(&arguments, session),
            Self::Drain(arguments) => drain::run(&arguments, session),
            Self::Wait(arguments) => wait::run(arguments, session),
            Self::Tail(arguments) => tail::run(&arguments, session),
            Self::Watch(arguments) => watch::run(&arguments, session),
            Self::NotifySubscribe(arguments) => notify_subscribe::run(arguments, session),
            Self::NotifyList(arguments) => notify_list::run(&arguments, session),
            Self::NotifyUnsubscribe(arguments) => notify_unsubscribe::run(arguments, session),
            Self::Notify(arguments) => notify::run(arguments, session),
            Self::Chat(arguments) => chat::run(arguments, session),
            Self::Gc(arguments) => gc::run(&arguments, session),
            Self::Export(arguments) => export::run(&arguments, session),
            Self::Import(arguments) => import::run(&arguments, session),
            Self::Backup(arguments) => backup::run(&arguments, session),
            Self::Restore(arguments) => restore::run(&arguments, session),
            Self::Doctor(arguments) => doctor::run(&arguments, session),
            Self::Config(arguments) => config::run(arguments, session),
            Self::Reload(arguments) => reload::run(&arguments, session),
            Self::LogLevel(arguments) => log_level::run(&arguments, session),
            Self::Mcp(arguments) => mcp::run(&arguments, session),
            Self::Guidance(arguments) => guidance::run(&arguments, session),
            Self::Skills(arguments) => skills::run(&arguments, session),
            Self::Slash(arguments) => slash::run(&arguments, session),
            Self::Completions(arguments) => completions::run(&arguments, session),
            Self::Daemon(arguments) => daemon::run(&arguments, session),
            Self::Man(arguments) => man::run(&arguments, session),
            Self::Rm(arguments) => rm::run(&arguments, session),
            Self::Workspace(arguments) => workspace::run(&arguments),
        }
    }

    /// Whether it may wait for what happens on the board: the other people of a channel would wait for it.
    pub fn waits(&self) -> bool {
        match self {
            Self::Wait(_) => true,
            Self::Drain(arguments) => arguments.waits(),
            Self::Ask(arguments) => arguments.waits(),
            _ => false,
        }
    }

    /// Why the verb is nothing for a chat, when it is not: nobody can end it there, no file belongs to the person who
    /// writes, no terminal.
    #[expect(clippy::too_many_lines, reason = "a line for each verb")]
    pub fn why_not_in_chat(&self) -> Option<&'static str> {
        const ENDLESS: &str = "it runs until it is interrupted";
        const FILES: &str = "it reads or writes local files";
        match self {
            Self::Tail(_) | Self::Watch(_) => Some(ENDLESS),
            Self::Board(arguments) if arguments.is_endless() => Some(ENDLESS),
            Self::Wait(arguments) if arguments.is_endless() => {
                Some("it may wait forever without --timeout")
            }
            Self::Drain(arguments) if arguments.is_endless() => {
                Some("it may wait forever without --timeout or --no-wait")
            }
            Self::Ask(arguments) if arguments.waits() => {
                Some("it may wait forever without --no-wait")
            }
            Self::Daemon(_) => Some("it starts a daemon"),
            Self::Dashboard(_) => Some("it prints a link that logs in"),
            Self::Workspace(_) => Some("it is internal to kanban-shim"),
            Self::Mcp(_) => Some("it serves a program, not a person"),
            Self::Edit(arguments) if arguments.wants_editor() => {
                Some("a chat has no editor; use flags such as --title")
            }
            Self::Create(arguments) if arguments.reads_file() => Some(FILES),
            Self::Edit(arguments) if arguments.reads_file() => Some(FILES),
            Self::Comment(arguments) if arguments.reads_file() => Some(FILES),
            Self::Create(arguments) if arguments.wants_editor() => {
                Some("a chat has no editor; use --body")
            }
            Self::Complete(arguments) if arguments.reads_file() => Some(FILES),
            Self::Attachments(arguments) if arguments.writes_file() => Some(FILES),
            Self::Schedules(arguments) if arguments.reads_file() => Some(FILES),
            Self::Init(_)
            | Self::Attach(_)
            | Self::Export(_)
            | Self::Import(_)
            | Self::Backup(_)
            | Self::Restore(_)
            | Self::Skills(_)
            | Self::Man(_)
            | Self::Config(_)
            | Self::Completions(_) => Some(FILES),
            Self::Slash(_) => Some("it cannot be nested"),
            Self::Chat(_) => Some("an operator says on the host of the daemon who may use a chat"),
            Self::Create(_)
            | Self::List(_)
            | Self::Search(_)
            | Self::Show(_)
            | Self::Edit(_)
            | Self::Assign(_)
            | Self::Link(_)
            | Self::Unlink(_)
            | Self::Comment(_)
            | Self::Attachments(_)
            | Self::Claim(_)
            | Self::Heartbeat(_)
            | Self::Complete(_)
            | Self::Block(_)
            | Self::Approve(_)
            | Self::RequestChanges(_)
            | Self::RequestReview(_)
            | Self::RateLimited(_)
            | Self::Ask(_)
            | Self::Answer(_)
            | Self::Unblock(_)
            | Self::Inbox(_)
            | Self::Triage(_)
            | Self::Schedule(_)
            | Self::Unschedule(_)
            | Self::Reopen(_)
            | Self::Unarchive(_)
            | Self::Restart(_)
            | Self::Cancel(_)
            | Self::Promote(_)
            | Self::Archive(_)
            | Self::Rm(_)
            | Self::Reclaim(_)
            | Self::Reassign(_)
            | Self::Stop(_)
            | Self::Context(_)
            | Self::Runs(_)
            | Self::Log(_)
            | Self::Diff(_)
            | Self::Why(_)
            | Self::Board(_)
            | Self::Tree(_)
            | Self::Status(_)
            | Self::Stats(_)
            | Self::Assignees(_)
            | Self::Profiles(_)
            | Self::Boards(_)
            | Self::Schedules(_)
            | Self::Breakers(_)
            | Self::Dispatch(_)
            | Self::Pause(_)
            | Self::Resume(_)
            | Self::Drain(_)
            | Self::Wait(_)
            | Self::NotifySubscribe(_)
            | Self::NotifyList(_)
            | Self::NotifyUnsubscribe(_)
            | Self::Notify(_)
            | Self::Gc(_)
            | Self::Doctor(_)
            | Self::Reload(_)
            | Self::LogLevel(_)
            | Self::Guidance(_) => None,
        }
    }
}
