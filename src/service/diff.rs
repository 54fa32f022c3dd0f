//! What a worktree task has changed. Git compares in a process tree of its own, as the user whose worktree it is
//! (`kanban workspace diff`); this asks for it, and reads what that process printed as what it is: words of another user.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::actors::apart::on_own_thread;
use crate::actors::workspace_commands::Bounds;
use crate::kernel::ids::{RunId, TaskId};
use crate::kernel::queries::{ReviewedTask, Snapshot};
use crate::kernel::run::Run;
use crate::kernel::task::WorkspaceKind;
use crate::os::processes::command_as::CommandError;
use crate::os::workspaces::diff_report::{
    DiffReport, FILES_MAX, NAMES_BYTES_MAX, NoDiff, PATCH_BYTES_MAX,
};
use crate::os::workspaces::marked::{MarkKind, Workspaces};
use crate::service::error::file_fault;
use crate::service::workspaces::{NOT_AS_ITSELF, run_as_owner};
use crate::service::{Requester, Service, ServiceError};

/// Time limit of git. Clients of MCP give up after a minute.
const GIT_SECONDS: u64 = 45;

/// What the process around it may take longer.
const MARGIN: Duration = Duration::from_secs(10);

/// Most that the process may print: the patch, and a report whose names are escaped once more.
const OUTPUT_BYTES_MAX: u64 = 12 * 1024 * 1024;

/// Names of files that a request may have, bytes.
const NAMES_GIVEN_BYTES_MAX: usize = 64 * 1024;

/// Comparisons at one time. Others wait for their turn.
static TURNS: Semaphore = Semaphore::const_new(4);

/// Shows what a worktree task changed.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetDiff {
    /// The task.
    pub id: String,
    /// What this run left, without what was not committed then; default: what is there now.
    #[serde(default)]
    pub run: Option<RunId>,
    /// File or directory to show, as `files` names it; several: a line each.
    #[serde(default)]
    pub file: Option<String>,
    /// `none`; `text`: in the field `patch`; `raw`: the bytes of the patch instead of JSON. Default: `text` with `file`, else `none`.
    #[serde(default)]
    pub patch: Option<PatchForm>,
    /// Board of the task; refused when the task is on another board.
    #[serde(default)]
    pub board: Option<String>,
}

/// How a patch is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PatchForm {
    /// Not at all.
    None,
    /// As text; bytes that are no text are replaced.
    Text,
    /// As it is.
    Raw,
}

impl GetDiff {
    /// In which form the patch is wanted.
    pub fn form(&self) -> PatchForm {
        let default = if self.file.is_some() { PatchForm::Text } else { PatchForm::None };
        self.patch.unwrap_or(default)
    }
}

/// What a worktree task changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaskDiff {
    /// The task.
    pub task_id: String,
    /// The run that left it; null: what is there now.
    pub run_id: Option<RunId>,
    /// What is compared, the files, their numbers.
    #[serde(flatten)]
    pub report: DiffReport,
    /// The patch, at most 5 MiB; null when none was asked for.
    pub patch: Option<String>,
}

/// A diff with its patch as bytes.
#[derive(Debug)]
pub struct Shown {
    /// Everything but the patch.
    pub diff: TaskDiff,
    /// The patch.
    pub patch: Vec<u8>,
}

/// What is known of the task and its runs.
struct Facts {
    id: TaskId,
    kind: WorkspaceKind,
    branch: Option<String>,
    followers: Followers,
    has_run: bool,
}

/// Makes the diff that is asked for.
///
/// # Errors
/// A refusal or a fault.
pub async fn diff(
    service: &Arc<Service>,
    by: Requester,
    request: GetDiff,
) -> Result<Shown, ServiceError> {
    let names = names(request.file.as_deref())?;
    let (id, board, run) = (request.id.clone(), request.board.clone(), request.run);
    let read = move |snapshot: &Snapshot<'_>| {
        let ReviewedTask { task, runs } =
            ReviewedTask::read(snapshot, &id, board.as_deref(), "diff")?;
        let followers = run.map(|run| followers(&runs, run)).unwrap_or(Ok(Followers::default()));
        let (kind, branch) = (task.workspace_kind, task.branch_name);
        Ok((task.id, kind, branch, followers, !runs.is_empty()))
    };
    let (id, kind, branch, followers, has_run) =
        service.readers.read(by.caller.clone(), read).await?;
    let no_diff = |why: String| ServiceError::NoDiff { task: id.clone(), why };
    let followers = followers.map_err(no_diff)?;
    let facts = Facts { id: id.clone(), kind, branch, followers, has_run };
    let with_patch = request.form() != PatchForm::None;
    // Never closed.
    let _turn = TURNS.acquire().await.ok();
    let for_thread = Arc::clone(service);
    let made = on_own_thread("diff", move || make(&for_thread, &facts, &names, with_patch)).await;
    let (report, patch) = made
        .map_err(|error| file_fault(format!("start the comparison for {id}"), &error))?
        .map_err(|why| why.into_error(&id))?;
    let text =
        (request.form() == PatchForm::Text).then(|| String::from_utf8_lossy(&patch).into_owned());
    let diff = TaskDiff { task_id: id.to_string(), run_id: run, report, patch: text };
    Ok(Shown { diff, patch })
}

/// The names of a request, a line each.
fn names(given: Option<&str>) -> Result<Vec<String>, ServiceError> {
    let given = given.unwrap_or_default();
    if given.len() > NAMES_GIVEN_BYTES_MAX || given.contains('\0') {
        let what = if given.contains('\0') { "has a zero byte" } else { "is too long" };
        return Err(ServiceError::BadFileName { problem: what });
    }
    Ok(given.lines().filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

/// The runs that followed one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Followers {
    ids: Vec<RunId>,
    /// Whether one of them has worked, so that what is there now is not what the run left.
    has_worked: bool,
}

/// The runs behind `wanted`, up to the first that has worked: where that one began in the worktree is what `wanted` left.
fn followers(runs: &[Run], wanted: RunId) -> Result<Followers, String> {
    let run = runs.iter().find(|run| run.id == wanted);
    let run = run.ok_or_else(|| format!("it has no run {wanted}"))?;
    if run.host_id.is_some() {
        return Err(format!("run {wanted} is of another host"));
    }
    let mut found = Followers::default();
    for run in runs.iter().filter(|run| run.id > wanted) {
        found.ids.push(run.id);
        found.has_worked = !run.supervised || run.worker_pid.is_some();
        if found.has_worked {
            break;
        }
    }
    Ok(found)
}

/// Why there is no diff.
enum Why {
    /// The task or its worktree has none.
    None(String),
    /// Git took too long.
    Timeout,
    /// Something does not work.
    Fault(String),
}

impl Why {
    fn into_error(self, id: &TaskId) -> ServiceError {
        match self {
            Self::None(why) => ServiceError::NoDiff { task: id.clone(), why },
            Self::Timeout => ServiceError::DiffTimeout { task: id.clone(), seconds: GIT_SECONDS },
            Self::Fault(detail) => ServiceError::Failed(crate::kernel::error::Fault::File {
                doing: format!("compare the worktree of {id}"),
                detail,
                retryable: false,
            }),
        }
    }
}

/// Has git compare, and waits for it.
fn make(
    service: &Service,
    facts: &Facts,
    names: &[String],
    with_patch: bool,
) -> Result<(DiffReport, Vec<u8>), Why> {
    if facts.kind != WorkspaceKind::Worktree {
        let kind = facts.kind.as_str();
        return Err(Why::None(format!("its workspace is {kind}, not a worktree")));
    }
    let (path, owner) = worktree(service, facts)?;
    let words = words(&path, facts, names, with_patch);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let bounds = Bounds {
        patience: Duration::from_secs(GIT_SECONDS) + MARGIN,
        output_bytes_max: OUTPUT_BYTES_MAX,
    };
    if owner.is_none() && service.supervision.holder.is_some() {
        return Err(Why::None(NOT_AS_ITSELF.to_owned()));
    }
    match run_as_owner(service, owner, &words, bounds).map_err(Why::None)? {
        Ok(printed) => read_printed(&printed),
        Err(error) => Err(of_command(error)),
    }
}

/// Where the worktree is, and which other user it belongs to.
fn worktree(service: &Service, facts: &Facts) -> Result<(PathBuf, Option<u32>), Why> {
    let name = facts.id.as_str();
    let fault = |error: std::io::Error| Why::Fault(error.to_string());
    let workspaces = Workspaces::open(&service.paths.workspaces_dir).map_err(fault)?;
    let path = workspaces.path_of(name);
    let mark = workspaces.mark(name).map_err(fault)?.map(|mark| mark.kind);
    let is_there = match path.symlink_metadata() {
        Ok(_) => true,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) => return Err(fault(error)),
    };
    if is_there && matches!(mark, Some(MarkKind::Worktree { .. })) {
        return Ok((path, workspaces.other_owner(name).map_err(fault)?));
    }
    if !facts.has_run {
        return Err(Why::None("no run has begun, so it has no worktree yet".to_owned()));
    }
    let branch = facts.branch.as_ref();
    let branch = branch.map_or(String::new(), |branch| format!("; its branch was `{branch}`"));
    Err(Why::None(format!("its worktree {} is not there{branch}", path.display())))
}

fn words(path: &std::path::Path, facts: &Facts, names: &[String], with_patch: bool) -> Vec<String> {
    let mut words = vec!["diff".to_owned(), format!("--path={}", path.display())];
    words.push(format!("--seconds={GIT_SECONDS}"));
    words.extend(facts.followers.ids.iter().map(|run| format!("--follower={run}")));
    words.extend(facts.followers.has_worked.then(|| "--must-have-begun".to_owned()));
    words.extend(names.iter().map(|name| format!("--file={name}")));
    words.extend(with_patch.then(|| "--patch".to_owned()));
    words
}

/// The report and the patch behind it.
fn read_printed(printed: &[u8]) -> Result<(DiffReport, Vec<u8>), Why> {
    let odd = || Why::Fault("cannot parse the output of `kanban workspace diff`".to_owned());
    let end = printed.iter().position(|byte| *byte == b'\n').ok_or_else(odd)?;
    let (report, patch) = printed.split_at_checked(end).ok_or_else(odd)?;
    let report: DiffReport = serde_json::from_slice(report).map_err(|_| odd())?;
    let patch = patch.get(1..).unwrap_or_default();
    if patch.len() > PATCH_BYTES_MAX {
        return Err(odd());
    }
    Ok((report.shortened(FILES_MAX, NAMES_BYTES_MAX), patch.to_owned()))
}

fn of_command(error: CommandError) -> Why {
    let CommandError::Failed(printed) = error else {
        return match error {
            CommandError::Timeout(_) => Why::Timeout,
            other => Why::Fault(other.to_string()),
        };
    };
    match serde_json::from_str::<NoDiff>(&printed) {
        Ok(NoDiff { is_timeout: true, .. }) => Why::Timeout,
        Ok(NoDiff { message, .. }) => {
            Why::None(message.lines().next().unwrap_or_default().chars().take(600).collect())
        }
        Err(_) => Why::Fault(printed.chars().take(600).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run(id: RunId, supervised: bool, pid: Option<i64>) -> Run {
        serde_json::from_value(json!({
            "id": id, "task_id": "t_1", "status": "done", "started_at": 1, "state": "closed",
            "supervised": supervised, "automatic": false, "worker_pid": pid, "profile": null,
            "step_key": null, "outcome": null, "summary": null, "error": null, "metadata": null,
            "ended_at": null, "closed_at": 1, "cause": null, "verdict_by": null, "claim_lock": null,
            "claim_expires": null, "max_runtime_seconds": null, "last_heartbeat_at": null,
            "failure_limit": null, "workspace_path": null, "argv": null, "exit_code": null,
            "signal": null, "cpu_ms": null, "max_rss_bytes": null, "memory_peak_bytes": null,
            "oom_kills": null, "containment": null, "log_tail": null, "errno": null,
            "retry_at": null,
        }))
        .unwrap()
    }

    #[test]
    fn what_a_run_left_is_where_the_next_one_began_that_has_worked() {
        let runs = [
            run(1, true, Some(10)),
            run(2, true, None),
            run(3, true, Some(11)),
            run(4, false, None),
            run(5, true, None),
        ];
        for (wanted, ids, has_worked) in [
            (1, vec![2, 3], true),
            (2, vec![3], true),
            (3, vec![4], true),
            (4, vec![5], false),
            (5, vec![], false),
        ] {
            let expected = Followers { ids, has_worked };
            assert_eq!(followers(&runs, wanted).unwrap(), expected, "{wanted}");
        }
        assert_eq!(followers(&runs, 9).unwrap_err(), "it has no run 9");
        let elsewhere = Run { host_id: Some(7), ..run(1, true, Some(1)) };
        assert!(followers(&[elsewhere], 1).unwrap_err().contains("another host"));
    }

    #[test]
    fn only_what_the_command_can_have_printed_is_taken() {
        let report = serde_json::to_string(&DiffReport::default()).unwrap();
        let whole = format!("{report}\ndiff\n\n");
        let (read, patch) = read_printed(whole.as_bytes()).ok().unwrap();
        assert_eq!((read, patch.as_slice()), (DiffReport::default(), &b"diff\n\n"[..]));
        for odd in ["", "warning: x\n", report.as_str()] {
            assert!(read_printed(odd.as_bytes()).is_err(), "{odd}");
        }
        let too_long = [report.as_bytes(), b"\n", &vec![b'x'; PATCH_BYTES_MAX + 1]].concat();
        assert!(read_printed(&too_long).is_err());
    }
}
