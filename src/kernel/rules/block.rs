//! Blocks: the kinds, where a blocked task goes, and when repeated blocks are a loop. Pure.

use crate::kernel::error::Refusal;
use crate::kernel::ids::RunId;
use crate::kernel::limits::{RATE_LIMIT_SECONDS_MAX, TRANSIENT_RETRIES_MAX};
use crate::kernel::run::{Run, RunOutcome};
use crate::kernel::shorten::shorten;
use crate::kernel::task::Parents;

/// What a blocked task needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockKind {
    /// Information or a decision.
    NeedsInput,
    /// A person's consent. Its question has no default.
    Approval,
    /// Rights, credentials or tools that the worker does not have.
    Capability,
    /// Time: the cause passes by itself.
    Transient,
    /// The result of another task.
    Dependency,
}

impl BlockKind {
    /// All kinds.
    pub const ALL: [Self; 5] =
        [Self::NeedsInput, Self::Approval, Self::Capability, Self::Transient, Self::Dependency];

    /// The kind as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NeedsInput => "needs_input",
            Self::Approval => "approval",
            Self::Capability => "capability",
            Self::Transient => "transient",
            Self::Dependency => "dependency",
        }
    }

    /// Reads a stored kind; none for other words.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// The kind that a request gives; without one, or with a blank one, `needs_input`.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] for a word that is no kind.
    pub fn given(text: Option<&str>) -> Result<Self, Refusal> {
        let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
            return Ok(Self::NeedsInput);
        };
        Self::parse(text).ok_or_else(|| Refusal::InvalidValue {
            field: "kind",
            problem: "kind must be one of approval, capability, dependency, needs_input, transient",
            value: shorten(text),
        })
    }
}

/// A request to block a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockFacts {
    /// The kind.
    pub kind: BlockKind,
    /// Whether it carries a question.
    pub has_question: bool,
    /// Delay before the next attempt, seconds.
    pub retry_in_seconds: Option<i64>,
    /// Whether it names parents.
    pub names_parents: bool,
    /// The parents of the task, those included that the request names.
    pub parents: Parents,
    /// Transient blocks with a retry that ended the newest runs of the task, in a row.
    pub retries_in_a_row: u32,
}

/// What becomes of the task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterBlock {
    /// It is `blocked` until a person lets it go on.
    Person,
    /// It lands, and starts not before this delay, seconds.
    Retry {
        /// The delay.
        seconds: i64,
    },
    /// It lands, and waits for its parents.
    Parents,
}

/// Whether the fields of a block fit its kind; asked before anything is done.
///
/// # Errors
/// [`Refusal::InvalidValue`], naming the field.
pub fn fields_fit(
    kind: BlockKind,
    names_parents: bool,
    retry_in_seconds: Option<i64>,
) -> Result<(), Refusal> {
    if names_parents && kind != BlockKind::Dependency {
        return Err(invalid("on", "is only for blocks of kind dependency", kind.as_str()));
    }
    let Some(seconds) = retry_in_seconds else { return Ok(()) };
    if kind != BlockKind::Transient {
        let problem = "is only for blocks of kind transient";
        return Err(invalid("retry_in_seconds", problem, kind.as_str()));
    }
    if !(1..=RATE_LIMIT_SECONDS_MAX).contains(&seconds) {
        let problem = "must be between 1 second and 7 days";
        return Err(invalid("retry_in_seconds", problem, &seconds.to_string()));
    }
    Ok(())
}

/// What becomes of a task that is blocked like this.
///
/// # Errors
/// Those of [`fields_fit`]; [`Refusal::InvalidValue`] for a question where the task does not wait for a person;
/// [`Refusal::NoOpenParent`] for a dependency without an unfinished parent, which nothing would ever end.
pub fn after_block(id: &str, facts: BlockFacts) -> Result<AfterBlock, Refusal> {
    fields_fit(facts.kind, facts.names_parents, facts.retry_in_seconds)?;
    let unfit = |field, problem| Err(invalid(field, problem, facts.kind.as_str()));
    let after = match (facts.kind, facts.retry_in_seconds) {
        (BlockKind::Dependency, _) if facts.parents == Parents::Satisfied => {
            return Err(Refusal::NoOpenParent { id: id.to_owned() });
        }
        (BlockKind::Dependency, _) => AfterBlock::Parents,
        (BlockKind::Transient, Some(_)) if facts.has_question => {
            return unfit("question", "cannot be combined with a retry");
        }
        (BlockKind::Transient, Some(seconds)) if facts.retries_in_a_row < TRANSIENT_RETRIES_MAX => {
            AfterBlock::Retry { seconds }
        }
        (
            BlockKind::NeedsInput
            | BlockKind::Approval
            | BlockKind::Capability
            | BlockKind::Transient,
            _,
        ) => AfterBlock::Person,
    };
    if after == AfterBlock::Parents && facts.has_question {
        return unfit("question", "cannot be asked: the task waits for its parents");
    }
    Ok(after)
}

fn invalid(field: &'static str, problem: &'static str, value: &str) -> Refusal {
    Refusal::InvalidValue { field, problem, value: value.to_owned() }
}

/// How many transient blocks with a retry end `runs`, the newest first, without another end between them.
pub fn retries_in_a_row(runs: &[Run]) -> u32 {
    let is_retry = |run: &&Run| {
        run.outcome == Some(RunOutcome::Blocked)
            && run.block_kind.as_deref() == Some(BlockKind::Transient.as_str())
            && run.retry_at.is_some()
    };
    u32::try_from(runs.iter().take_while(is_retry).count()).unwrap_or(u32::MAX)
}

/// How many of `runs`, the newest first, ended with a block of `kind` in a row. A person's answer begins a new row: runs up to
/// `answered_upto` do not count.
pub fn blocks_in_a_row(runs: &[Run], kind: BlockKind, answered_upto: RunId) -> u32 {
    let continues = |run: &&Run| {
        run.outcome == Some(RunOutcome::Blocked)
            && run.block_kind.as_deref() == Some(kind.as_str())
            && run.id > answered_upto
    };
    u32::try_from(runs.iter().take_while(continues).count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use BlockKind as K;

    #[test]
    fn kinds_read_back_as_written_and_the_default_is_input() {
        for kind in K::ALL {
            assert_eq!(K::given(Some(kind.as_str())), Ok(kind));
        }
        assert_eq!(K::given(None), Ok(K::NeedsInput));
        assert_eq!(K::given(Some(" ")), Ok(K::NeedsInput));
        assert!(K::given(Some("parent_cancelled")).is_err());
    }

    const PLAIN: BlockFacts = BlockFacts {
        kind: K::NeedsInput,
        has_question: false,
        retry_in_seconds: None,
        names_parents: false,
        parents: Parents::Satisfied,
        retries_in_a_row: 0,
    };

    #[test]
    fn each_kind_leads_where_the_table_says() {
        let retry = |seconds, retries_in_a_row| BlockFacts {
            kind: K::Transient,
            retry_in_seconds: Some(seconds),
            retries_in_a_row,
            ..PLAIN
        };
        let open = BlockFacts { kind: K::Dependency, parents: Parents::Open, ..PLAIN };
        let kind = |kind| BlockFacts { kind, ..PLAIN };
        let asks = |facts| BlockFacts { has_question: true, ..facts };
        let person = Ok(AfterBlock::Person);
        for (facts, expected) in [
            (PLAIN, person),
            (asks(PLAIN), person),
            (kind(K::Approval), person),
            (asks(kind(K::Approval)), person),
            (kind(K::Capability), person),
            (kind(K::Transient), person),
            (asks(kind(K::Transient)), person),
            (retry(60, 0), Ok(AfterBlock::Retry { seconds: 60 })),
            (retry(60, 2), Ok(AfterBlock::Retry { seconds: 60 })),
            (retry(60, 3), person),
            (retry(0, 0), Err("retry_in_seconds")),
            (retry(RATE_LIMIT_SECONDS_MAX + 1, 0), Err("retry_in_seconds")),
            (asks(retry(60, 0)), Err("question")),
            (BlockFacts { retry_in_seconds: Some(60), ..PLAIN }, Err("retry_in_seconds")),
            (open, Ok(AfterBlock::Parents)),
            (asks(open), Err("question")),
            (BlockFacts { names_parents: true, ..open }, Ok(AfterBlock::Parents)),
            (kind(K::Dependency), Err("parent")),
            (BlockFacts { names_parents: true, ..PLAIN }, Err("on")),
        ] {
            let found = after_block("t_1", facts).map_err(|refusal| {
                if let Refusal::InvalidValue { field, .. } = refusal {
                    return field;
                }
                assert!(matches!(refusal, Refusal::NoOpenParent { .. }), "{refusal}");
                "parent"
            });
            assert_eq!(found, expected, "{facts:?}");
        }
    }
}
