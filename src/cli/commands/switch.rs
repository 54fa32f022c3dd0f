//! The switch that `pause`, `resume` and `drain` set.

use crate::api::client::seen::SetDispatchReply;
use crate::api::client::{Client, ClientError};
use crate::cli::complete;
use crate::cli::text::one_line;
use crate::kernel::verbs::{DispatchSwitch, SetDispatch, SetPause, SetPauseReply};

/// Where it is set and read.
pub(super) const PATH: &str = "/v1/dispatch/switch";

/// Sets it.
pub(super) fn set(client: &Client, to: DispatchSwitch) -> Result<SetDispatchReply, ClientError> {
    client.post(PATH, &SetDispatch { to })
}

/// A part of the board, where `pause` and `resume` are not for all of it.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Part {
    /// Only this profile
    #[arg(long, value_name = "NAME", conflicts_with = "board", add = complete::profiles())]
    profile: Option<String>,
    /// Only this board
    #[arg(long, value_name = "NAME", add = complete::boards())]
    board: Option<String>,
}

impl Part {
    /// Pauses or resumes the part that is named; none when that is everything.
    pub(super) fn set(
        &self,
        client: &Client,
        paused: bool,
    ) -> Result<Option<SetPauseReply>, ClientError> {
        let Self { profile, board } = self.clone();
        if profile.is_none() && board.is_none() {
            return Ok(None);
        }
        client.post("/v1/dispatch/pauses", &SetPause { paused, profile, board }).map(Some)
    }
}

/// What is paused or not, and since now or before.
pub(super) fn line_of(reply: &SetPauseReply) -> String {
    let name = match (&reply.profile, &reply.board) {
        (Some(profile), _) => format!("Profile {profile}"),
        (None, board) => format!("Board {}", board.as_deref().unwrap_or_default()),
    };
    let already = if reply.before { "already " } else { "" };
    let line = match (reply.paused, reply.before) {
        (true, _) => format!("{name} is {already}paused; {}", open_runs(reply.open_runs)),
        (false, true) => format!("{name} is on"),
        (false, false) => format!("{name} is not paused"),
    };
    one_line(&line)
}

/// How many runs go on.
pub(super) fn open_runs(count: usize) -> String {
    match count {
        0 => "no open runs".to_owned(),
        1 => "1 run continues".to_owned(),
        count => format!("{count} runs continue"),
    }
}
