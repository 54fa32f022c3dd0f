//! The values that a run was started with, as stored in its row.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kernel::error::VerbError;
use crate::kernel::ids::RunId;
use crate::kernel::outcome::VerdictMode;
use crate::kernel::run::Run;
use crate::kernel::store;
use crate::kernel::store::runs::LaunchFacts;
use crate::kernel::tx::Tx;

/// With what a run was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    /// Resolved directory of the work.
    pub workspace_path: String,
    /// Program and arguments.
    pub argv: Vec<String>,
    /// What holds its processes together: `cgroup` or `subreaper`.
    #[serde(default)]
    pub containment: Option<String>,
    /// Limits that nothing enforces here, by their keys.
    #[serde(default)]
    pub not_enforced: Vec<String>,
    /// Model that the agent is asked for.
    #[serde(default)]
    pub model: Option<String>,
    /// Effort that the agent is asked for.
    #[serde(default)]
    pub effort: Option<String>,
    /// Extra arguments of the profile and the task.
    #[serde(default)]
    pub args: Vec<String>,
    /// The agent's session, where it can be resumed and its id is known.
    #[serde(default)]
    pub session: Option<String>,
    /// The run whose session is resumed.
    #[serde(default)]
    pub resumed_run_id: Option<RunId>,
    /// What is known of the run beside its files.
    #[serde(default)]
    pub footing: LaunchFooting,
}

/// What a run's row keeps so that a run whose files are gone can still be found, judged, and known when it calls.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LaunchFooting {
    /// Directory of the control group of its worker tree.
    pub control_group: Option<String>,
    /// Name of the worker's user, when that is not the daemon's.
    pub run_as: Option<String>,
    /// How its launcher's workers report.
    pub verdict_mode: Option<VerdictMode>,
    /// SHA-256 of its token, hexadecimal.
    pub token_digest: Option<String>,
}

/// Writes into the row of a run with what it was started.
pub(super) fn record_launch(tx: &Tx<'_>, run: &Run, launch: &Launch) -> Result<(), VerbError> {
    let argv = Value::from(launch.argv.clone()).to_string();
    let not_enforced = (!launch.not_enforced.is_empty())
        .then(|| Value::from(launch.not_enforced.clone()).to_string());
    let args = (!launch.args.is_empty()).then(|| Value::from(launch.args.clone()).to_string());
    let facts = LaunchFacts {
        workspace_path: &launch.workspace_path,
        argv_json: &argv,
        containment: launch.containment.as_deref(),
        not_enforced_json: not_enforced.as_deref(),
        model: launch.model.as_deref(),
        effort: launch.effort.as_deref(),
        args_json: args.as_deref(),
        session: launch.session.as_deref(),
        resumed_run_id: launch.resumed_run_id,
    };
    store::runs::set_launch(tx.store(), run.id, &facts)?;
    let LaunchFooting { control_group, run_as, verdict_mode, token_digest } = &launch.footing;
    store::footing::set_launch(
        tx.store(),
        run.id,
        &store::footing::FootingFacts {
            control_group: control_group.as_deref(),
            run_as: run_as.as_deref(),
            verdict_mode: verdict_mode.map(VerdictMode::as_str),
            token_digest: token_digest.as_deref(),
        },
    )?;
    store::tasks::set_workspace_path(tx.store(), &run.task_id, &launch.workspace_path)?;
    Ok(())
}
