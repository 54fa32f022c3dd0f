//! Means to inspect, end and clean up open runs: their files, their rows, and their containment.

use std::path::PathBuf;
use std::time::Duration;

use crate::actors::configuration::Configuration;
use crate::actors::live::Live;
use crate::actors::live_runs::{LiveRuns, RunToken, TokenDigest};
use crate::actors::paths::Paths;
use crate::actors::run_views::view_of;
use crate::config::launch::resolve;
use crate::config::settings::Verdict;
use crate::kernel::ids::RunId;
use crate::kernel::outcome::VerdictMode;
use crate::kernel::run::Run;
use crate::kernel::store::footing::{Footing as RowFooting, ProcessKey};
use crate::os::control_groups::cgroup::Containment;
use crate::os::holder::client::Holder;
use crate::os::holder::protocol::{AskedView, PossibleViews};
use crate::os::processes::identity::{ProcessIdentity, boot_id};
use crate::os::run_files::directory::{GroupLimits, RunDir, RunSpec, read_token};
use crate::os::run_files::inspection::{Inspected, Loss, inspect};
use crate::os::run_files::remains::{Marks, Remnant, Tree};
use crate::os::run_files::signs::Footing;

/// What the runs of this daemon are supervised with.
#[derive(Clone)]
pub struct RunSupervision {
    /// Where run directories are.
    pub paths: Paths,
    /// For how a profile reports when neither file nor row says it.
    pub configuration: Live<Configuration>,
    /// The life of the database that the runs belong to; replaced by a restore.
    pub incarnation: Live<String>,
    /// What holds the processes of a run together; replaced when the holder was restarted.
    pub containment: Live<Containment>,
    /// The holder, where there is one: it starts the shims.
    pub holder: Option<Holder>,
    /// What the holder can give a run to see of the machine; none until it has said so.
    pub possible_views: Live<Option<PossibleViews>>,
}

impl RunSupervision {
    /// The life of the database now.
    pub fn incarnation(&self) -> String {
        self.incarnation.get().as_ref().clone()
    }

    /// What the runs of a profile see of the machine; none for the host's, which is all that there is without a holder.
    pub fn view_of(&self, profile: &str) -> Option<AskedView> {
        self.holder.as_ref()?;
        let settings = self.configuration.settings();
        let possible = self.possible_views.get();
        let of_profile = settings.profiles.get(profile);
        view_of(of_profile, &settings, &self.paths, possible.as_ref().as_ref())
    }

    /// What is known of `run` beside its files. What this daemon has seen itself is newer than the row.
    pub fn footing(&self, live_runs: &LiveRuns, run: &Run, row: &RowFooting) -> Footing {
        let shim = live_runs.shims.shim_of(run.id).and_then(of_this_boot);
        let worker = live_runs.shims.worker_of(run.id).and_then(of_this_boot);
        // Before its worker was seen the row does not say how it was started; then it was as everything is started here.
        let is_recorded = run.argv.is_some();
        let leaf = match &row.control_group {
            Some(leaf) => Some(PathBuf::from(leaf)),
            None if is_recorded => None,
            None => {
                self.containment.get().of_run(run.id, &GroupLimits::default()).map(|of| of.leaf)
            }
        };
        let is_others = row.run_as.is_some() || (!is_recorded && self.holder.is_some());
        Footing {
            shim: shim.or_else(|| of_row(row.boot_id.as_ref(), row.shim.as_ref())),
            worker: worker.or_else(|| of_row(row.boot_id.as_ref(), row.worker.as_ref())),
            leaf,
            is_others,
            log: Some(self.paths.log_path(&run.task_id, run.id)),
        }
    }

    /// What tells the runs of this installation from those of another.
    pub fn marks(&self) -> Marks<'_> {
        Marks { runs_dir: &self.paths.runs_dir, worker_socket: &self.paths.worker_socket }
    }

    fn remnant<'a>(
        &'a self,
        run_id: RunId,
        dir: &'a RunDir,
        footing: &'a Footing,
        spec: Option<&'a RunSpec>,
    ) -> Remnant<'a> {
        let holder = self.holder.as_ref();
        Remnant { dir, run_id: Some(run_id), footing, spec, marks: self.marks(), holder }
    }

    /// What has become of a run.
    pub fn inspect(&self, run_id: RunId, footing: &Footing) -> Inspected {
        inspect(&self.remnant(run_id, &self.paths.run_dir(run_id), footing, None))
    }

    /// Ends what is left of a run whose shim died, for at most `patience`.
    #[must_use = "a run that has something left is not over"]
    pub fn end_remains(
        &self,
        run_id: RunId,
        footing: &Footing,
        (spec, loss): (Option<&RunSpec>, &Loss),
        patience: Duration,
    ) -> Tree {
        let dir = self.paths.run_dir(run_id);
        let remnant = self.remnant(run_id, &dir, footing, spec);
        remnant.end(loss.shim.as_ref(), loss.worker.as_ref(), patience)
    }

    /// Removes the control group of a closed run, if one is left.
    pub fn remove_leaf(&self, run_id: RunId, footing: &Footing, spec: Option<&RunSpec>) {
        self.remnant(run_id, &self.paths.run_dir(run_id), footing, spec).remove_leaf();
        self.containment.get().remove_leaf(run_id);
    }

    /// How the workers of a run report: as its spec says, else its row, else as its profile is started now.
    pub fn verdict_mode(&self, spec: Option<&RunSpec>, row: &RowFooting, run: &Run) -> VerdictMode {
        if let Some(mode) = spec.map(verdict_mode_of).or(row.verdict_mode) {
            return mode;
        }
        let profile = run.profile.as_deref().unwrap_or_default();
        match resolve(profile, &self.configuration.settings()).map(|found| found.launcher.verdict) {
            Ok(Verdict::Exit) => VerdictMode::Exit,
            Ok(Verdict::Report) | Err(_) => VerdictMode::Report,
        }
    }

    /// The token of a run that is taken over; none when no file and no row tells it.
    pub fn token(
        &self,
        run_id: RunId,
        spec: Option<&RunSpec>,
        row: &RowFooting,
    ) -> Option<RunToken> {
        let of_spec = || RunToken::of(spec?.token.as_deref()?);
        let of_file = || RunToken::of(&read_token(&self.paths.run_dir(run_id)).ok()??);
        let of_files = of_spec().or_else(of_file);
        // The row is right where they differ: every process with the daemon's rights can change the files.
        match row.token_digest.as_deref().and_then(TokenDigest::stored) {
            Some(digest) => of_files
                .filter(|token| token.digest == digest)
                .or(Some(RunToken { digest, text: None })),
            None => of_files,
        }
    }
}

/// A process of this boot, as the registry of live runs keeps it.
fn of_this_boot(process: (i32, u64)) -> Option<ProcessIdentity> {
    let boot_id = boot_id().ok()?.to_owned();
    Some(ProcessIdentity { boot_id, pid: process.0, start_ticks: process.1 })
}

fn of_row(boot_id: Option<&String>, process: Option<&ProcessKey>) -> Option<ProcessIdentity> {
    let (boot_id, process) = (boot_id?.clone(), process?);
    let pid = i32::try_from(process.pid).ok()?;
    let start_ticks = u64::try_from(process.start_ticks).ok()?;
    Some(ProcessIdentity { boot_id, pid, start_ticks })
}

/// Reads back the mode of a spec; unknown words mean `report`.
fn verdict_mode_of(spec: &RunSpec) -> VerdictMode {
    if spec.verdict == VerdictMode::Exit.as_str() { VerdictMode::Exit } else { VerdictMode::Report }
}
