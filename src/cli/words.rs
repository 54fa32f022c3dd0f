//! Which words after a verb are task ids. Pure: decided before anything is asked of the daemon, so that no
//! words are acted upon in part.

use crate::kernel::ids::TaskId;

/// What a word looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The id of a task, known or not.
    Id,
    /// Meant as one, and malformed.
    BadId,
    /// A word of a sentence.
    Word,
}

fn kind(word: &str) -> Kind {
    if TaskId::parse(word).is_some() {
        Kind::Id
    } else if word.get(..2).is_some_and(|prefix| prefix.eq_ignore_ascii_case("t_")) {
        Kind::BadId
    } else {
        Kind::Word
    }
}

/// Ids, and maybe a reason for all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    /// The tasks, each once.
    pub ids: Vec<String>,
    /// The words that are no ids.
    pub reason: Option<String>,
}

/// Reads `ID…` and `ID WORD…`: behind the first id come more ids, or a sentence.
///
/// # Errors
/// One line when it may be meant either way.
pub fn ids_or_reason(words: &[String]) -> Result<Named, String> {
    let (ids, rest) = words.split_at(words.len().min(1));
    let Some(first) = rest.first() else { return Ok(Named { ids: ids.to_vec(), reason: None }) };
    if kind(first) == Kind::Word {
        return Ok(Named { ids: ids.to_vec(), reason: Some(rest.join(" ")) });
    }
    match rest.iter().find(|word| kind(word) == Kind::Word) {
        Some(word) => {
            Err(format!("`{word}` is not a task id: give task ids, or one task id and a reason"))
        }
        None => Ok(Named { ids: each_once(words), reason: None }),
    }
}

/// The reason of a verb that takes one id and a sentence; a blank one is none.
///
/// # Errors
/// One line when the words are all ids: more tasks were meant, and they are named otherwise.
pub fn reason(words: &[String]) -> Result<Option<String>, String> {
    if !words.is_empty() && words.iter().all(|word| kind(word) != Kind::Word) {
        let ids = words.join(" ");
        return Err(format!("{ids}: expected a reason, found task ids"));
    }
    Ok(Some(words.join(" ")).filter(|reason| !reason.trim().is_empty()))
}

/// The same ids in their order, without those that were there before.
pub fn each_once(ids: &[String]) -> Vec<String> {
    let mut once: Vec<String> = Vec::new();
    for id in ids {
        if !once.contains(id) {
            once.push(id.clone());
        }
    }
    once
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn behind_the_first_id_come_ids_or_a_sentence_and_never_a_mixture() {
        for (given, ids, reason) in [
            ("", "", None),
            ("t_1", "t_1", None),
            ("nonsense", "nonsense", None),
            ("t_1 t_2 t_1", "t_1 t_2", None),
            ("t_1 t_2 T_3", "t_1 t_2 T_3", None),
            ("t_1 customer is waiting", "t_1", Some("customer is waiting")),
            ("t_1 because t_2 is done", "t_1", Some("because t_2 is done")),
        ] {
            let expected = Named { ids: words(ids), reason: reason.map(str::to_owned) };
            assert_eq!(ids_or_reason(&words(given)), Ok(expected), "{given}");
        }
        for given in ["t_1 t_2 is waiting", "t_1 t_2x because", "t_1 t_ because"] {
            assert!(ids_or_reason(&words(given)).is_err(), "{given}");
        }
    }

    #[test]
    fn a_reason_is_no_list_of_ids() {
        assert_eq!(reason(&[]), Ok(None));
        assert_eq!(reason(&words("which  key")), Ok(Some("which key".to_owned())));
        assert_eq!(reason(&words("t_2 is in the way")), Ok(Some("t_2 is in the way".to_owned())));
        assert_eq!(reason(&[" ".to_owned()]), Ok(None));
        for given in ["t_2", "t_2 t_3", "t_2 t_xyz"] {
            assert!(reason(&words(given)).is_err(), "{given}");
        }
    }
}
