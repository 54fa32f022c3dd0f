//! Actors: who caused an event or a run: `NAME`, `run:ID` or `kanband:PART`.

use std::fmt;

use crate::kernel::ids::RunId;

/// Who caused an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A person or program outside any run.
    Named(String),
    /// The worker of a run.
    Run(RunId),
    /// A part of the daemon.
    Part(String),
}

const RUN: &str = "run:";
const PART: &str = "kanband:";

impl fmt::Display for Actor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => formatter.write_str(name),
            Self::Run(run_id) => write!(formatter, "{RUN}{run_id}"),
            Self::Part(part) => write!(formatter, "{PART}{part}"),
        }
    }
}

/// Every text is an actor: one that is neither a run nor a part is a name.
impl From<&str> for Actor {
    fn from(text: &str) -> Self {
        if let Some(run_id) = text.strip_prefix(RUN).and_then(|id| id.parse().ok()) {
            Self::Run(run_id)
        } else if let Some(part) = text.strip_prefix(PART) {
            Self::Part(part.to_owned())
        } else {
            Self::Named(text.to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actor_is_read_back_from_its_text() {
        for (text, actor) in [
            ("ada", Actor::Named("ada".into())),
            ("run:17", Actor::Run(17)),
            ("kanband:dispatcher", Actor::Part("dispatcher".into())),
            ("run:x", Actor::Named("run:x".into())),
            ("", Actor::Named(String::new())),
        ] {
            assert_eq!(Actor::from(text), actor);
            assert_eq!(actor.to_string(), text);
        }
    }
}
