//! Names of things on the board: tasks, runs, events, boards.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::kernel::random::Random;

/// Whole seconds since the epoch, as every time column holds them.
pub type EpochSeconds = i64;

/// Row id of a run.
pub type RunId = i64;

/// Row id of a host.
pub type HostId = i64;

/// A host on which runs are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// The one of this daemon.
    Here,
    /// Another one.
    Other(HostId),
}

impl Host {
    /// A key that names something on this host: a directory, a breaker. That of one's own host is the plain text.
    pub fn key(self, text: &str) -> String {
        match self {
            Self::Here => text.to_owned(),
            Self::Other(id) => format!("{HOST_PREFIX}{id}/{text}"),
        }
    }
}

/// How the keys of other hosts begin.
pub const HOST_PREFIX: &str = "host:";

/// Row id of an event; strictly increasing and never reused, so it serves as a cursor.
pub type EventId = i64;

/// Whether a text is a prefix and 1 to 32 lower-case hex digits.
fn is_hex_after(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|digits| {
        let is_hex = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_hex && (1..=32).contains(&digits.len())
    })
}

/// A task id: `t_` and lower-case hex digits (8 when made here; imported ones may have others).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TaskId(String);

impl TaskId {
    /// Reads an id; none when the text cannot be one. A caller answers that like an unknown id.
    pub fn parse(text: &str) -> Option<Self> {
        is_hex_after(text, "t_").then(|| Self(text.to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// New ids of tasks. Tasks that are created together have ids that begin alike, so that they stand together in every index that begins
/// with an id: a batch of creates writes a few pages of it and not one for each task. The beginning is drawn again in each second and
/// after 256 ids; everything behind it is random.
#[derive(Debug, Clone, Default)]
pub struct NewTaskIds {
    beginning: u64,
    left: u32,
    second: EpochSeconds,
}

/// Ids that begin alike, at most: a page of an index has room for some two hundred.
const NEIGHBOURS_MAX: u32 = 256;

/// Bits of an id, and those with which neighbours begin alike: its first three digits.
const ID_BITS: u32 = 32;
const BEGINNING_BITS: u32 = 12;

impl NewTaskIds {
    /// The next id.
    pub fn next(&mut self, random: &mut dyn Random, now: EpochSeconds) -> TaskId {
        if self.left == 0 || self.second != now {
            *self = Self {
                beginning: random.next() >> (u64::BITS - BEGINNING_BITS),
                left: NEIGHBOURS_MAX,
                second: now,
            };
        }
        self.left -= 1;
        let end_bits = ID_BITS - BEGINNING_BITS;
        let end = random.next() >> (u64::BITS - end_bits);
        TaskId(format!("t_{:08x}", (self.beginning << end_bits) | end))
    }

    /// Has the next id begin otherwise: the last one was taken.
    pub fn begin_otherwise(&mut self) {
        self.left = 0;
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for TaskId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or_else(|| format!("no such task: {text}"))
    }
}

impl From<TaskId> for String {
    fn from(id: TaskId) -> Self {
        id.0
    }
}

/// A question id: `q_` and lower-case hex digits (8 when made here).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct QuestionId(String);

impl QuestionId {
    /// Reads an id; none when the text cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        is_hex_after(text, "q_").then(|| Self(text.to_owned()))
    }

    /// A new id: 32 random bits.
    pub fn random(random: &mut dyn Random) -> Self {
        Self(format!("q_{:08x}", random.next() >> 32))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for QuestionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for QuestionId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or_else(|| format!("no such question: {text}"))
    }
}

impl From<QuestionId> for String {
    fn from(id: QuestionId) -> Self {
        id.0
    }
}

/// A board's name: 1 to 64 lower-case letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BoardName(String);

impl BoardName {
    /// Reads a name; none when the text breaks the rule.
    pub fn parse(text: &str) -> Option<Self> {
        let is_valid = (1..=64).contains(&text.len())
            && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
        is_valid.then(|| Self(text.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for BoardName {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl fmt::Display for BoardName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for BoardName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or_else(|| format!("unknown board: {text}"))
    }
}

impl From<BoardName> for String {
    fn from(name: BoardName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lower_case_hex_after_the_prefix_is_a_task_id() {
        for (text, is_id) in [
            ("t_0123abcd", true),
            ("t_d460", true),
            ("t_", false),
            ("T_0123abcd", false),
            ("t_0123ABCD", false),
            ("t_../../etc", false),
            ("t_0123abcd/../x", false),
            ("", false),
        ] {
            assert_eq!(TaskId::parse(text).is_some(), is_id, "{text:?}");
        }
    }

    #[test]
    fn ids_of_one_moment_begin_alike_and_others_do_not() {
        let mut random = crate::kernel::random::SeededRandom::new(1);
        let mut ids = NewTaskIds::default();
        let mut beginnings = |now: EpochSeconds, count: u32| -> Vec<String> {
            let mut beginnings: Vec<String> =
                (0..count).map(|_| ids.next(&mut random, now).0[..5].to_owned()).collect();
            beginnings.dedup();
            beginnings
        };
        let first = beginnings(7, NEIGHBOURS_MAX);
        assert_eq!(first.len(), 1);
        assert_eq!(beginnings(7, NEIGHBOURS_MAX + 1).len(), 2);
        assert_ne!(beginnings(8, 1), beginnings(9, 1));
        let all: std::collections::BTreeSet<TaskId> =
            (0..1000).map(|_| ids.next(&mut random, 9)).collect();
        assert_eq!(all.len(), 1000);
        assert!(all.iter().all(|id| id.0.len() == 10 && TaskId::parse(&id.0).is_some()));
        ids.begin_otherwise();
        let before = all.last().map(|id| id.0[..5].to_owned());
        assert_ne!(Some(ids.next(&mut random, 9).0[..5].to_owned()), before);
    }

    #[test]
    fn a_board_name_is_a_short_slug() {
        for (text, is_name) in
            [("default", true), ("team-a_2", true), ("", false), ("A", false), ("a b", false)]
        {
            assert_eq!(BoardName::parse(text).is_some(), is_name, "{text:?}");
        }
        assert!(BoardName::parse(&"a".repeat(65)).is_none());
    }
}
