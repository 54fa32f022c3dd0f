//! Who is calling: the kernel of the operating system answers: it says which process is at the other end of
//! the socket; its control group, else its ancestors, say whether it belongs to a run. What a caller says about itself (the
//! token) can only narrow what it may do.
//!
//! A control group is never lost: a process whose shim has died, or that outlived its run, is still in the leaf of that run. Where
//! there are none, such a process has no shim above it. It is known by the marks that it inherited (its session, or its own or
//! an ancestor's environment), as far as they can be seen, and never identified as an operator. One mark cannot be dropped
//! ([`crate::os::processes::worker_mark`]); it does not say of which run.
//!
//! | in a run's process tree | token | operators' socket | workers' socket |
//! |---|---|---|---|
//! | yes | none, its own, or no run's | that run's worker | that run's worker |
//! | yes | another run's | refused | refused |
//! | no | a live run's | that run's worker | that run's worker |
//! | no | of no run, or unreadable | refused | refused |
//! | no | none | an operator | refused |
//! | no, but bears a run's mark | none, or another run's | refused | refused |
//! | no, but bears a run's mark | that run's | that run's worker | that run's worker |
//! | no, but bears the mark of workers | none | refused | refused |
//! | no, but bears the mark of workers | a live run's | that run's worker | that run's worker |
//! | in the tree of a command on a workspace, or of a hook | any | refused | refused |
//! | unknown | any | refused | refused |
//!
//! A run that the daemon has not taken over (yet) is not live, and may be open all the same. Whether it is over is for its row to
//! say ([`by_row`]): a worker of an open run is never told that its run is over.
//! Where `/proc` hides processes of others (`hidepid`), an ancestry ends below the first of them: see `may_be_shim`.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::actors::live_runs::{LiveRuns, TokenDigest, TokenOwner};
use crate::api::error::ApiError;
use crate::kernel::caller::Caller;
use crate::kernel::error::ErrorCode;
use crate::kernel::ids::RunId;
use crate::kernel::run::Run;
use crate::kernel::task::Task;
use crate::os::control_groups::cgroup::Containment;
use crate::os::processes::peer::{Peer, PeerError};
use crate::os::processes::proc_tree::{Ancestry, HiddenProcess};
use crate::os::processes::user::user_name;
use crate::os::processes::worker_mark::{Borne, WorkerMark, hard_limit_of};
use crate::os::run_files::directory::NO_RUN;
use crate::os::run_files::remains::{Marks, marked_run, run_of_session};
use crate::os::run_files::shim_search::supervised_run;

/// Where a connection came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// `kanband.sock`: people and operators.
    Operators,
    /// `kanband.sock.worker`: only callers proven to belong to an open run.
    Workers,
    /// `kanband.sock.courier`: the courier.
    Courier,
    /// The board on the web, over TCP from this host: people with a session (`src/api/web`).
    Web,
}

/// What the kernel said about a connection, once, when it was accepted.
#[derive(Debug, Clone)]
pub enum Membership {
    /// In the tree of this run.
    InRun(RunId),
    /// In no run's tree; the user's name.
    Outside(String),
    /// In no run's tree that is left, but it comes from this run.
    Marked(RunId),
    /// In no run's tree that is left, but it comes from some run: it bears the mark of workers.
    OfWorkers {
        /// Its hard limit of POSIX message queues, bytes.
        limit: u64,
        /// What a process that comes from no run has at least.
        own: u64,
    },
    /// Unknown.
    Unknown(String),
}

/// What is known of the runs, for placing callers.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// Those that are live.
    pub live_runs: &'a LiveRuns,
    /// What holds their processes together.
    pub containment: &'a Containment,
    /// What tells them from those of another installation.
    pub marks: Marks<'a>,
    /// Whether workers may be other users' than the daemon.
    pub has_workers_of_others: bool,
}

/// Asks the kernel about a peer.
pub fn membership_of(peer: &Peer, scene: Scene<'_>) -> Membership {
    placed(peer, scene).unwrap_or_else(|error| Membership::Unknown(error.to_string()))
}

/// The run in whose tree a peer is, and its ancestry where that had to be asked for. Nothing that it could hold up is read.
fn tree(peer: &Peer, scene: Scene<'_>) -> Result<(Option<RunId>, Ancestry), PeerError> {
    if let Some(run_id) = peer.look(|pid| scene.containment.run_of_process(pid))? {
        return Ok((Some(run_id), Ancestry { chain: Vec::new(), hidden: None }));
    }
    let ancestry = peer.ancestry()?;
    Ok((scene.live_runs.find_by_ancestry(&ancestry.chain), ancestry))
}

/// The run in whose tree a peer is; none where it is in no run's, or is unknown.
pub fn run_of(peer: &Peer, scene: Scene<'_>) -> Option<RunId> {
    tree(peer, scene).ok().and_then(|(run_id, _)| run_id)
}

fn placed(peer: &Peer, scene: Scene<'_>) -> Result<Membership, PeerError> {
    let (run_id, Ancestry { chain, hidden }) = tree(peer, scene)?;
    if let Some(run_id) = run_id {
        return Ok(Membership::InRun(run_id));
    }
    let shims = &scene.live_runs.shims;
    let of_session = |session: i32| {
        let is_known = |run_id| shims.has_worker(run_id);
        let process = chain.first()?;
        shims
            .find_session(session, process)
            .or_else(|| run_of_session(scene.marks.runs_dir, session, process, is_known))
    };
    // The shim of a run that is not taken over is known by its arguments. What they say can only take rights away.
    let by_supervisor = || {
        let runs = chain.iter().filter_map(|one| supervised_run(one.pid, scene.marks.runs_dir));
        runs.filter_map(|run| run.parse().ok()).next()
    };
    let marked = of_session(peer.session()?)
        .or_else(|| of_session(hidden?.session()?))
        .or_else(|| marked_run(scene.marks, &chain));
    let marked = match marked {
        None if scene.live_runs.has_unknown() => by_supervisor(),
        marked => marked,
    };
    // The looks were at PIDs; they were the peer's as long as it lives.
    peer.look(|_| Ok(()))?;
    match (marked, hidden) {
        (Some(run_id), _) => Ok(Membership::Marked(run_id)),
        (None, Some(hidden))
            if may_be_shim(hidden, shims.has_pid(hidden.pid), scene.has_workers_of_others) =>
        {
            Err(peer.below_hidden())
        }
        (None, _) => outside(peer),
    }
}

/// A peer that nothing ties to a run, unless it bears the mark of workers.
fn outside(peer: &Peer) -> Result<Membership, PeerError> {
    let limit = peer.look(|pid| Ok(hard_limit_of(pid).ok()))?;
    Ok(match WorkerMark::of_process().judge(limit) {
        Borne::None => Membership::Outside(cached_user_name(peer.uid)),
        Borne::Mark { limit, own } => Membership::OfWorkers { limit, own },
        Borne::Unknown => Membership::Unknown(format!(
            "/proc/{}/limits, which would show the mark of a worker, cannot be read",
            peer.pid
        )),
    })
}

/// Whether a process that `/proc` hides may be the shim of a run, with the caller below it. Where shims and workers are all of
/// this process's user, one that may not be signalled is none of them. Every other one may have its shim above it, or be one.
fn may_be_shim(hidden: HiddenProcess, has_pid_of_shim: bool, has_workers_of_others: bool) -> bool {
    !hidden.is_others || has_pid_of_shim || has_workers_of_others
}

/// User names are asked for once: the user data base may be slow, and every call needs the name.
pub fn cached_user_name(uid: u32) -> String {
    static NAMES: Mutex<Option<HashMap<u32, String>>> = Mutex::new(None);
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    let names = names.get_or_insert_with(HashMap::new);
    names
        .entry(uid)
        .or_insert_with(|| user_name(uid).unwrap_or_else(|| format!("uid:{uid}")))
        .clone()
}

/// What a caller says about itself. It can only narrow what the caller may do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// The token that it presents.
    pub token: Option<String>,
    /// The run that it says it is of, when it cannot read its token.
    pub run: Option<RunId>,
}

/// Who a request is from, as far as that can be told without the board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identified {
    /// It is known.
    Caller(Caller),
    /// A worker of this run, which is not live.
    OfRun(RunId),
    /// It bears the mark of this run, which is not live, so nothing is known of its supervisor.
    FromRun {
        /// The run.
        run_id: RunId,
        /// Whether it says the same itself, by its file of a token, which is gone.
        says_so: bool,
    },
    /// It says that it is of this run and cannot prove it.
    Says(RunId),
    /// Its token is that of no live run.
    ByToken {
        /// Digest of the token.
        digest: TokenDigest,
        /// The run in whose tree it is, or whose mark it bears.
        of_run: Option<RunId>,
        /// Whether it is in that tree.
        is_in_tree: bool,
        /// Whether the token may be that of an open run all the same.
        may_be_open: bool,
    },
}

/// Decides who a request is from.
///
/// # Errors
/// The refusal that the caller gets.
pub fn identify(
    door: Door,
    placement: &Membership,
    claims: &Claims,
    live_runs: &LiveRuns,
) -> Result<Identified, ApiError> {
    if door == Door::Courier {
        return courier(placement, claims);
    }
    let by_token = claims.token.as_deref().map(|token| live_runs.find_by_token(token));
    match (placement, by_token) {
        (Membership::Unknown(why), _) => Err(unplaced(why)),
        (Membership::InRun(NO_RUN), _) => {
            Err(unplaced("it belongs to a workspace command or a hook"))
        }
        (_, Some(TokenOwner::NotLive { digest, may_be_open })) => {
            let (of_run, is_in_tree) = match placement {
                Membership::InRun(run_id) => (Some(*run_id), true),
                Membership::Marked(run_id) => (Some(*run_id), false),
                Membership::Outside(_) | Membership::OfWorkers { .. } | Membership::Unknown(_) => {
                    (None, false)
                }
            };
            Ok(Identified::ByToken { digest, of_run, is_in_tree, may_be_open })
        }
        (Membership::Marked(run_id), None) if live_runs.contains(*run_id) => Err(orphan(*run_id)),
        (Membership::Marked(run_id), None) => {
            let says_so = claims.run == Some(*run_id);
            Ok(Identified::FromRun { run_id: *run_id, says_so })
        }
        (Membership::InRun(own) | Membership::Marked(own), Some(TokenOwner::Run(other)))
            if *own != other =>
        {
            Err(other_token(*own, other))
        }
        (Membership::InRun(run_id), _) => Ok(as_worker(*run_id, live_runs)),
        (
            Membership::Outside(_) | Membership::Marked(_) | Membership::OfWorkers { .. },
            Some(TokenOwner::Run(run_id)),
        ) => Ok(as_worker(run_id, live_runs)),
        (Membership::OfWorkers { limit, own }, None) => match claims.run {
            Some(run_id) => Ok(Identified::Says(run_id)),
            None => Err(of_workers(*limit, *own)),
        },
        (Membership::Outside(name), None) => match (claims.run, door) {
            (Some(run_id), _) => Ok(Identified::Says(run_id)),
            (None, Door::Operators) => {
                Ok(Identified::Caller(Caller::Operator { name: name.clone() }))
            }
            // Its session says who it is, and nothing else does.
            (None, Door::Web) => Err(no_session()),
            (None, Door::Courier) => Ok(Identified::Caller(Caller::Courier)),
            (None, Door::Workers) => Err(unplaced("it belongs to no open run")
                .with_hint("operators use the socket without `.worker`")),
        },
    }
}

/// Who is let in at the courier's door: a process outside every run that claims to be of none.
fn courier(placement: &Membership, claims: &Claims) -> Result<Identified, ApiError> {
    match (placement, claims.token.is_some() || claims.run.is_some()) {
        (Membership::Outside(_), false) => Ok(Identified::Caller(Caller::Courier)),
        (Membership::Unknown(why), _) => Err(unplaced(why)),
        (Membership::OfWorkers { limit, own }, false) => Err(of_workers(*limit, *own)),
        (
            Membership::Outside(_)
            | Membership::InRun(_)
            | Membership::Marked(_)
            | Membership::OfWorkers { .. },
            _,
        ) => Err(unplaced("only the courier is let in here, and no process of a run")),
    }
}

/// A worker of a run: the caller where the run is live.
pub fn as_worker(run_id: RunId, live_runs: &LiveRuns) -> Identified {
    live_runs.caller(run_id).map_or(Identified::OfRun(run_id), Identified::Caller)
}

/// Decides about a caller from a run that is not live, by the row of that run with its task: of the run that it is of, or of the
/// one that its token belongs to. The answer may be about another run than the question.
///
/// # Errors
/// The refusal that the caller gets.
pub fn by_row(identified: Identified, row: Option<(Run, Task)>) -> Result<Identified, ApiError> {
    let worker = |run: Run, task: Task| {
        Identified::Caller(Caller::Worker {
            run_id: run.id,
            task_id: task.id,
            board: task.board,
            profile: run.profile.unwrap_or_default(),
        })
    };
    let is_open = row.as_ref().is_some_and(|(run, _)| run.is_open());
    match (identified, row) {
        (Identified::Caller(caller), _) => Ok(Identified::Caller(caller)),
        (Identified::OfRun(_), Some((run, task))) if is_open => Ok(worker(run, task)),
        (Identified::OfRun(run_id), _) => Err(run_over(run_id)),
        (Identified::FromRun { run_id, .. }, _) if is_open => {
            Err(being_taken_over(&format!("its run {run_id}")))
        }
        (Identified::FromRun { run_id, says_so: true }, Some(_)) => Err(run_over(run_id)),
        (Identified::FromRun { run_id, .. }, _) => Err(orphan(run_id)),
        (Identified::Says(run_id), Some(_)) if !is_open => Err(run_over(run_id)),
        (Identified::Says(run_id), _) => Err(unplaced(&format!(
            "it claims to belong to run {run_id}, but cannot read the file named by KANBAN_TOKEN_FILE"
        ))
        .with_hint(UNSET_VARIABLES)),
        (Identified::ByToken { of_run, .. }, Some((run, task))) => match of_run {
            Some(own) if own != run.id => Err(other_token(own, run.id)),
            Some(_) | None if is_open => Ok(worker(run, task)),
            Some(_) | None => Err(run_over(run.id)),
        },
        // The kernel's word is enough; a token that belongs to nobody says nothing against it.
        (Identified::ByToken { of_run: Some(own), is_in_tree: true, .. }, None) => {
            Ok(Identified::OfRun(own))
        }
        (Identified::ByToken { may_be_open: true, .. }, None) => {
            Err(being_taken_over("the run of its token"))
        }
        (Identified::ByToken { .. }, None) => Err(unplaced("its token belongs to no open run")),
    }
}

fn other_token(own: RunId, other: RunId) -> ApiError {
    ApiError::new(
        ErrorCode::Forbidden,
        format!("this process belongs to run {own}, its token to run {other}"),
    )
}

fn unplaced(why: &str) -> ApiError {
    ApiError::new(ErrorCode::Unplaced, format!("cannot identify the calling process: {why}"))
}

/// The answer to a page that is not logged in.
pub fn no_session() -> ApiError {
    ApiError::new(
        ErrorCode::NoSession,
        "no session: the page is not logged in, or its session has ended",
    )
    .with_hint("`kanban dashboard` makes a new link")
}

fn orphan(run_id: RunId) -> ApiError {
    unplaced(&format!(
        "it claims to belong to run {run_id}, but has no ancestor that is the run's shim"
    ))
    .with_hint(UNSET_VARIABLES)
}

/// The refusal of a caller that bears the mark of workers. A person may bear it by accident: the numbers say what to change.
fn of_workers(limit: u64, own: u64) -> ApiError {
    unplaced(&format!(
        "its hard limit of POSIX message queues is {limit} bytes, below the daemon's {own}: processes of workers are marked so"
    ))
    .with_hint(format!(
        "outside a run, raise the limit to {own} (`ulimit -Hq`, LimitMSGQUEUE=), or start the daemon with a lower one"
    ))
}

/// For a person who has them by accident.
const UNSET_VARIABLES: &str = "outside a run, unset KANBAN_TOKEN_FILE and KANBAN_RUN";

fn being_taken_over(what: &str) -> ApiError {
    let message = format!("the daemon has not taken over {what} yet");
    ApiError::new(ErrorCode::Unavailable, message).with_hint("retry in a moment")
}

fn run_over(run_id: RunId) -> ApiError {
    ApiError::new(ErrorCode::RunOver, format!("run {run_id} is over"))
        .with_hint("stop working; further reports are not recorded")
}

#[cfg(test)]
mod tests;
