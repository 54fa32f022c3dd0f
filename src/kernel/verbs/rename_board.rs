//! `rename_board`: gives a board another name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::counts::CountKey;
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::ids::BoardName;
use crate::kernel::policy::Policy;
use crate::kernel::rules::board_obstacle::BoardObstacle;
use crate::kernel::store;
use crate::kernel::store::boards::BoardRow;
use crate::kernel::tx::{Signal, Tx};
use crate::kernel::verb::Verb;
use crate::kernel::verbs::create_board::board_name;

/// Gives a board another name; its tasks, schedules and subscriptions stay on it.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RenameBoard {
    /// The board.
    pub name: String,
    /// The new name: 1 to 64 lower-case letters, digits, `-` and `_`.
    pub to: String,
}

/// Result of `rename_board`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RenameBoardReply {
    /// The board under its new name.
    #[serde(flatten)]
    pub board: BoardRow,
    /// The previous name.
    pub before: String,
}

impl Verb for RenameBoard {
    type Reply = RenameBoardReply;
    const NAME: &'static str = "rename_board";

    fn run(&self, tx: &mut Tx<'_>) -> Result<RenameBoardReply, VerbError> {
        tx.caller.may_ask(Self::NAME)?;
        let board = tx.board(Some(&self.name), Self::NAME)?;
        let to = board_name("to", &self.to)?;
        if let Some(why) = in_the_way(tx, &board.name, &to)? {
            return Err(Refusal::BoardInUse { verb: "rename", name: self.name.clone(), why }.into());
        }
        let counts = store::counts::read(tx.store())?;
        store::boards::rename(tx.store(), &board, &to)?;
        for (key, count) in counts.of_board(&board.name) {
            let new = CountKey { board: to.clone(), ..key.clone() };
            tx.effects.counts.extend([(key.clone(), -count), (new, count)]);
        }
        tx.signal(Signal::FactsMoved);
        let renamed = store::boards::get(tx.store(), &to)?
            .ok_or_else(|| Refusal::UnknownBoard { name: to.to_string() })?;
        Ok(RenameBoardReply { board: renamed, before: board.name.to_string() })
    }
}

/// What would be cut off by the new name, because the old one is still in use.
fn in_the_way(
    tx: &Tx<'_>,
    from: &BoardName,
    to: &BoardName,
) -> Result<Option<BoardObstacle>, VerbError> {
    if *from == BoardName::default() {
        return Ok(Some(BoardObstacle::Default));
    }
    if store::boards::find(tx.store(), to)?.is_some() {
        return Ok(Some(BoardObstacle::Taken { to: to.to_string() }));
    }
    if let Some(key) = configured(tx.policy, from.as_str(), to.as_str()) {
        return Ok(Some(BoardObstacle::Configured { key, to: to.to_string() }));
    }
    for run in store::runs::list_open_supervised(tx.store())? {
        let task = store::tasks::get(tx.store(), &run.task_id)?;
        if task.is_some_and(|task| task.board == *from) {
            return Ok(Some(BoardObstacle::OpenRun { run_id: run.id, task_id: run.task_id }));
        }
    }
    Ok(None)
}

/// The key of the configuration that is for the board `from` and would not be for the board `to`.
fn configured(policy: &Policy, from: &str, to: &str) -> Option<String> {
    let by_board = &policy.reviews.by_board;
    if by_board.contains_key(from) && by_board.get(from) != by_board.get(to) {
        return Some("review.boards".to_owned());
    }
    let mut roles = policy.chat.roles.iter();
    let lost = roles.find(|(_, role)| role.boards.contains(from) && !role.boards.contains(to));
    lost.map(|(name, _)| format!("chat.roles.{name}.boards"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_configuration_says_of_a_board_is_not_lost_with_its_name() {
        let policy = |reviews: &[(&str, &str)], boards: &[&str]| {
            let mut policy = Policy::default();
            let reviews =
                reviews.iter().map(|(board, by)| ((*board).to_owned(), Some((*by).to_owned())));
            policy.reviews.by_board = reviews.collect();
            let lead = policy.chat.roles.get_mut("lead").unwrap();
            lead.boards = boards.iter().map(|board| (*board).to_owned()).collect();
            policy
        };
        for (reviews, boards, expected) in [
            (&[][..], &[][..], None),
            (&[("other", "qa")], &["other"], None),
            (&[("web", "qa")], &[], Some("review.boards")),
            (&[("web", "qa"), ("site", "human")], &[], Some("review.boards")),
            (&[("web", "qa"), ("site", "qa")], &[], None),
            (&[], &["web"], Some("chat.roles.lead.boards")),
            (&[], &["web", "site"], None),
        ] {
            let found = configured(&policy(reviews, boards), "web", "site");
            assert_eq!(found.as_deref(), expected, "{reviews:?} {boards:?}");
        }
    }
}
