//! Who is calling? The answer comes from the kernel of the operating system: it says which process is at the other end of
//! the socket; its control group, else its ancestors, say whether it belongs to a run. What a caller says about itself (the
//! token) can only narrow what it may do.
//!
//! A control group is never lost: a process whose shim has died, or that outlived its run, is still in the leaf of that run. Where
//! there are none, such a process has no shim above it. It is known by the marks that it inherited (its session, or its own or
//! an ancestor's environment), as far as they can be seen, and never taken for an operator.
//!
//! | placed in a run's tree | token | operators' socket | workers' socket |
//! |---|---|---|---|
//! | yes | none or its own | that run's worker | that run's worker |
//! | yes | another run's | refused | refused |
//! | no | a live run's | that run's worker | that run's worker |
//! | no | unknown | refused | refused |
//! | no | none | an operator | refused |
//! | no, but bears a run's mark | none, or another run's | refused | refused |
//! | no, but bears a run's mark | that run's | that run's worker | that run's worker |
//! | cannot be told | any | refused | refused |
//!
//! Where `/proc` hides processes of others (`hidepid`), an ancestry ends below the first of them: see [`may_be_shim`].

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::actors::live_runs::LiveRuns;
use crate::api::error::ApiError;
use crate::kernel::caller::Caller;
use crate::kernel::error::ErrorCode;
use crate::kernel::ids::RunId;
use crate::os::cgroup::Containment;
use crate::os::peer::{Peer, PeerError};
use crate::os::proc_tree::{Ancestry, HiddenProcess};
use crate::os::remains::{Marks, marked_run, run_of_session};
use crate::os::user::user_name;

/// Which of the two sockets a connection came in on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// `kanband.sock`: people and operators.
    Operators,
    /// `kanband.sock.worker`: only callers proven to belong to an open run.
    Workers,
}

/// What the kernel said about a connection, once, when it was accepted.
#[derive(Debug, Clone)]
pub enum Placement {
    /// In the tree of this run.
    InRun(RunId),
    /// In no run's tree; the user's name.
    Outside(String),
    /// In no run's tree that is left, but it comes from this run.
    Marked(RunId),
    /// It cannot be told.
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
pub fn place(peer: &Result<Peer, String>, scene: Scene<'_>) -> Placement {
    match peer {
        Ok(peer) => {
            placed(peer, scene).unwrap_or_else(|error| Placement::Unknown(error.to_string()))
        }
        Err(error) => Placement::Unknown(error.clone()),
    }
}

fn placed(peer: &Peer, scene: Scene<'_>) -> Result<Placement, PeerError> {
    if let Some(run_id) = peer.look(|pid| scene.containment.run_of_process(pid))? {
        return Ok(Placement::InRun(run_id));
    }
    let Ancestry { chain, hidden } = peer.ancestry()?;
    if let Some(run_id) = scene.live_runs.find_by_ancestry(&chain) {
        return Ok(Placement::InRun(run_id));
    }
    let shims = &scene.live_runs.shims;
    let of_session = |session: i32| {
        let is_known = |run_id| shims.has_worker(run_id);
        let process = chain.first()?;
        shims
            .find_session(session, process)
            .or_else(|| run_of_session(scene.marks.runs_dir, session, process, is_known))
    };
    let marked = of_session(peer.session()?)
        .or_else(|| of_session(hidden?.session()?))
        .or_else(|| marked_run(scene.marks, &chain));
    // The looks were at PIDs; they were the peer's as long as it lives.
    peer.look(|_| Ok(()))?;
    match (marked, hidden) {
        (Some(run_id), _) => Ok(Placement::Marked(run_id)),
        (None, Some(hidden))
            if may_be_shim(hidden, shims.has_pid(hidden.pid), scene.has_workers_of_others) =>
        {
            Err(peer.below_hidden())
        }
        (None, _) => Ok(Placement::Outside(cached_user_name(peer.uid))),
    }
}

/// Whether a process that `/proc` hides may be the shim of a run, with the caller below it. Where shims and workers are all of
/// this process's user, one that may not be signalled is none of them. Every other one may have its shim above it, or be one.
fn may_be_shim(hidden: HiddenProcess, has_pid_of_shim: bool, has_workers_of_others: bool) -> bool {
    !hidden.is_others || has_pid_of_shim || has_workers_of_others
}

/// User names are asked for once: the user data base may be slow, and every call needs the name.
fn cached_user_name(uid: u32) -> String {
    static NAMES: Mutex<Option<HashMap<u32, String>>> = Mutex::new(None);
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    let names = names.get_or_insert_with(HashMap::new);
    names
        .entry(uid)
        .or_insert_with(|| user_name(uid).unwrap_or_else(|| format!("uid:{uid}")))
        .clone()
}

/// Decides who a request is from.
///
/// # Errors
/// The refusal that the caller gets.
pub fn identify(
    door: Door,
    placement: &Placement,
    token: Option<&str>,
    live_runs: &LiveRuns,
) -> Result<Caller, ApiError> {
    let by_token = match token {
        None => None,
        Some(token) => Some(live_runs.find_by_token(token).ok_or_else(unknown_token)?),
    };
    match (placement, by_token) {
        (Placement::Unknown(why), _) => Err(unplaced(why)),
        (Placement::Marked(run_id), None) => Err(unplaced(&format!(
            "it comes from run {run_id}, and no supervisor of that run is above it"
        ))
        .with_hint("a person whose shell has KANBAN_TOKEN_FILE or KANBAN_RUN set unsets them")),
        (Placement::InRun(own) | Placement::Marked(own), Some(other)) if *own != other => {
            Err(ApiError::new(
                ErrorCode::Forbidden,
                format!("this process belongs to run {own}, its token to run {other}"),
            ))
        }
        (Placement::InRun(run_id), _) => as_worker(*run_id, live_runs),
        (Placement::Outside(_) | Placement::Marked(_), Some(run_id)) => {
            as_worker(run_id, live_runs)
        }
        (Placement::Outside(name), None) => match door {
            Door::Operators => Ok(Caller::Operator { name: name.clone() }),
            Door::Workers => Err(unplaced("it belongs to no open run")
                .with_hint("people and operators use the socket without `.worker`")),
        },
    }
}

fn as_worker(run_id: RunId, live_runs: &LiveRuns) -> Result<Caller, ApiError> {
    live_runs.caller(run_id).ok_or_else(|| run_over(run_id))
}

fn unknown_token() -> ApiError {
    ApiError::new(ErrorCode::RunOver, "the token belongs to no open run")
        .with_hint("stop working: nothing you report will be recorded")
}

fn unplaced(why: &str) -> ApiError {
    ApiError::new(ErrorCode::Unplaced, format!("the calling process cannot be placed: {why}"))
}

fn run_over(run_id: RunId) -> ApiError {
    ApiError::new(ErrorCode::RunOver, format!("run {run_id} is over"))
        .with_hint("stop working: nothing you report will be recorded")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actors::live_runs::LiveRun;
    use crate::kernel::ids::{BoardName, TaskId};

    fn live_runs() -> LiveRuns {
        let live_runs = LiveRuns::default();
        for run_id in [1, 2] {
            let run = LiveRun {
                task_id: TaskId::parse("t_1").unwrap(),
                board: BoardName::default(),
                profile: "dev".into(),
                token: format!("token-{run_id}"),
            };
            live_runs.insert(run_id, run);
        }
        live_runs
    }

    #[test]
    fn only_a_process_of_another_user_is_no_supervisor_and_only_where_all_workers_are_this_users() {
        for (is_others, has_pid_of_shim, has_workers_of_others, expected) in [
            (true, false, false, false),
            (true, true, false, true),
            (true, false, true, true),
            (false, false, false, true),
            (false, false, true, true),
        ] {
            let hidden = HiddenProcess { pid: 7, is_others };
            assert_eq!(may_be_shim(hidden, has_pid_of_shim, has_workers_of_others), expected);
        }
    }

    #[test]
    fn callers_are_who_the_table_says() {
        let inside = Placement::InRun(1);
        let ended = Placement::InRun(3);
        let outside = Placement::Outside("ada".into());
        let marked = Placement::Marked(1);
        let unknown = Placement::Unknown("gone".into());
        for (placement, token, at_operators, at_workers) in [
            (&inside, None, "run:1", "run:1"),
            (&inside, Some("token-1"), "run:1", "run:1"),
            (&inside, Some("token-2"), "forbidden", "forbidden"),
            (&inside, Some("nonsense"), "run_over", "run_over"),
            (&ended, None, "run_over", "run_over"),
            (&outside, Some("token-2"), "run:2", "run:2"),
            (&outside, Some("nonsense"), "run_over", "run_over"),
            (&outside, Some(""), "run_over", "run_over"),
            (&outside, None, "ada", "unplaced"),
            (&marked, None, "unplaced", "unplaced"),
            (&marked, Some("token-1"), "run:1", "run:1"),
            (&marked, Some("token-2"), "forbidden", "forbidden"),
            (&unknown, None, "unplaced", "unplaced"),
            (&unknown, Some("token-1"), "unplaced", "unplaced"),
        ] {
            for (door, expected) in [(Door::Operators, at_operators), (Door::Workers, at_workers)] {
                let seen = match identify(door, placement, token, &live_runs()) {
                    Ok(caller) => caller.actor(),
                    Err(error) => serde_json::to_value(error.detail().code)
                        .unwrap()
                        .as_str()
                        .unwrap()
                        .to_owned(),
                };
                assert_eq!(seen, expected, "{placement:?} {token:?} at {door:?}");
            }
        }
    }
}
