//! `set_pause`: pauses or resumes one profile or one board.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::shorten::shorten;
use crate::kernel::store;
use crate::kernel::tx::{Signal, Tx};
use crate::kernel::validate;
use crate::kernel::verb::Verb;
use crate::text::nearest::nearest;

/// Pauses or resumes one profile or one board: nothing of it is started while it is paused. Open runs continue.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SetPause {
    /// Whether it is paused from now on.
    pub paused: bool,
    /// The profile; either this or `board`.
    pub profile: Option<String>,
    /// The board.
    pub board: Option<String>,
}

/// Result of `set_pause`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SetPauseReply {
    /// The profile.
    pub profile: Option<String>,
    /// The board.
    pub board: Option<String>,
    /// Whether it is paused now.
    pub paused: bool,
    /// Whether it was before.
    pub before: bool,
    /// Number of its open supervised runs.
    pub open_runs: usize,
}

impl Verb for SetPause {
    type Reply = SetPauseReply;
    const NAME: &'static str = "set_pause";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<SetPauseReply, VerbError> {
        tx.caller.may_ask(Self::NAME)?;
        let by = tx.caller.author().to_owned();
        let pause = self.paused.then_some((by.as_str(), tx.now));
        let runs = store::runs::list_open_supervised(tx.store())?;
        let (has_changed, open_runs) = match (&self.profile, &self.board) {
            (Some(profile), None) => {
                let profile = validate::name("profile", Some(profile))?.ok_or_else(nothing)?;
                if self.paused {
                    refuse_unknown(tx, &profile)?;
                }
                let has_changed = store::pauses::set_profile(tx.store(), &profile, pause)?;
                let open = runs.iter().filter(|run| run.profile.as_deref() == Some(&*profile));
                (has_changed, open.count())
            }
            (None, Some(board)) => {
                let board = tx.board(Some(board), Self::NAME)?;
                let has_changed = store::pauses::set_board(tx.store(), &board, pause)?;
                let mut open = 0;
                for run in &runs {
                    let task = store::tasks::get(tx.store(), &run.task_id)?;
                    open += usize::from(task.is_some_and(|task| task.board == board.name));
                }
                (has_changed, open)
            }
            (None, None) => return Err(nothing().into()),
            (Some(_), Some(board)) => {
                return Err(Refusal::InvalidValue {
                    field: "board",
                    problem: "give a profile or a board, not both",
                    value: shorten(board),
                }
                .into());
            }
        };
        tx.signal(Signal::FactsMoved);
        if !self.paused {
            tx.signal(Signal::DispatchDue);
        }
        let before = self.paused != has_changed;
        let (profile, board) = (self.profile.clone(), self.board.clone());
        Ok(SetPauseReply { profile, board, paused: self.paused, before, open_runs })
    }
}

/// Refuses a name for which nothing could be started: it is no profile of the configuration, no task is assigned to it, and it is
/// not paused.
fn refuse_unknown(tx: &Tx<'_>, name: &str) -> Result<(), VerbError> {
    let profiles = &tx.policy.assignees.profiles;
    if profiles.contains_key(name) {
        return Ok(());
    }
    let mut known = store::tasks::list_assignees(tx.store())?;
    known.extend(store::pauses::list_profiles(tx.store())?.into_iter().map(|pause| pause.name));
    if known.iter().any(|other| other == name) {
        return Ok(());
    }
    let all = profiles.keys().chain(&known).map(String::as_str);
    let nearest = nearest(name, all).map(str::to_owned);
    Err(Refusal::NothingToPause { name: shorten(name), nearest }.into())
}

fn nothing() -> Refusal {
    Refusal::InvalidValue {
        field: "profile",
        problem: "name a profile or a board",
        value: "none".to_owned(),
    }
}
