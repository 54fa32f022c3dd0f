//! From a claim to the request that starts a shim: everything that reads and creates files. Blocks, so it runs on its own thread;
//! knows no actor.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::not_launched::NotLaunched;
use super::prepare::{Prepared, prepare};
use super::start_words::StartWords;
use super::workspace::make_own;
use crate::actors::start_inputs::StartInputs;
use crate::kernel::outcome::VerdictMode;
use crate::kernel::start_fault::FailedStep;
use crate::kernel::verbs::{Launch, RunOrder};
use crate::os::processes::spawn::SpawnRequest;
use crate::os::processes::user::Account;
use crate::os::run_files::directory::RunDir;

/// What a start is made from.
pub(super) struct Making {
    pub(super) start_inputs: Arc<StartInputs>,
    pub(super) order: Box<RunOrder>,
    /// Whose the worker is to be; none for the daemon's own user.
    pub(super) user: Option<Account>,
    /// Variables of the profile's file.
    pub(super) file_env: BTreeMap<String, String>,
    pub(super) run_dir: RunDir,
}

/// A start as far as it came.
pub(super) struct Made {
    /// What is known of the start, for the row and for messages about the run.
    pub(super) known: Option<Known>,
    /// What the shim is started by.
    pub(super) request: Result<SpawnRequest, NotLaunched>,
}

/// A prepared start.
pub(super) struct Known {
    pub(super) launch: Launch,
    pub(super) verdict_mode: VerdictMode,
    /// Secret values, to be redacted in stored texts.
    pub(super) secrets: Vec<String>,
}

impl Making {
    /// Makes everything that has to be there before the shim is started.
    pub(super) fn make(self) -> Made {
        crate::failpoint::hit("start-made");
        match self.prepare() {
            Err(failed) => Made { known: None, request: Err(failed) },
            Ok((words, prepared)) => self.make_files(words, prepared),
        }
    }

    fn prepare(&self) -> Result<(StartWords, Prepared), NotLaunched> {
        let words = StartWords::draw().map_err(|error| {
            NotLaunched::by(FailedStep::Randomness, "cannot get random bytes", &error)
        })?;
        let prepared =
            prepare(&self.order, &self.start_inputs, &words, self.user.as_ref(), &self.file_env)?;
        Ok((words, prepared))
    }

    fn make_files(self, words: StartWords, prepared: Prepared) -> Made {
        let Prepared { mut spec, launch, verdict_mode, make_dirs, own } = prepared;
        let known = Some(Known { launch, verdict_mode, secrets: spec.log.redact.clone() });
        for dir in make_dirs {
            if let Err(error) = std::fs::create_dir_all(&dir) {
                let doing = format!("cannot create the directory {}", dir.display());
                let failed = NotLaunched::by(FailedStep::RunFiles, &doing, &error);
                return Made { known, request: Err(failed) };
            }
        }
        let workspaces_dir = &self.start_inputs.supervision.paths.workspaces_dir;
        let made = make_own(&own, self.order.task.id.as_str(), workspaces_dir, &mut spec);
        let run_as = self.user.map(|user| user.run_as);
        let request = made.map_err(|error| NotLaunched::by_own_workspace(&error));
        let request = request.map(|()| SpawnRequest {
            run_dir: self.run_dir,
            spec,
            token: words.token,
            run_as,
        });
        Made { known, request }
    }
}
