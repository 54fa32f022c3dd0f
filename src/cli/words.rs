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
/// One line when there is no id, or when the words may be meant either way.
pub fn ids_or_reason(words: &[String]) -> Result<Named, String> {
    let [id, rest @ ..] = words else { return Err("ID is missing".to_owned()) };
    let ids = std::slice::from_ref(id);
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
pub fn reason(text: Option<String>) -> Result<Option<String>, String> {
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else { return Ok(None) };
    if text.split_whitespace().all(|word| kind(word) != Kind::Word) {
        return Err(format!("{text}: expected a reason, found task ids"));
    }
    Ok(Some(text))
}

/// Reads `ID… PROFILE`; `PROFILE` alone where a filter names the tasks.
///
/// # Errors
/// One line when a task or the profile is missing. A last word that is the id of a task is no profile: it was forgotten.
pub fn ids_and_profile(
    words: &[String],
    has_filter: bool,
) -> Result<(Vec<String>, String), String> {
    let Some((profile, ids)) = words.split_last() else {
        return Err("PROFILE is missing".to_owned());
    };
    if kind(profile) == Kind::Id {
        return Err(format!("PROFILE is missing: `{profile}` is a task id"));
    }
    match (ids, has_filter) {
        ([], false) => Err(format!("ID or PROFILE is missing: found only `{profile}`")),
        ([_, ..], true) => Err("give task ids or --where, not both".to_owned()),
        ([], true) | ([_, ..], false) => Ok((ids.to_vec(), profile.clone())),
    }
}

/// Reads `ID WORD…`, where the words are a text for the task; `WORD…` where a filter names the tasks; `ID…` where the text comes from a
/// flag.
///
/// # Errors
/// One line when a task is missing, or may be meant to be a part of the text.
pub fn ids_and_text(
    words: &[String],
    has_filter: bool,
    flag: Option<String>,
) -> Result<Named, String> {
    match (words, has_filter, flag) {
        ([], false, _) => Err("ID is missing".to_owned()),
        ([_, ..], true, Some(_)) => {
            Err("with --where, give the text once: in the option or as words".to_owned())
        }
        ([first, ..], true, None) if kind(first) == Kind::Id => {
            Err(format!("`{first}` is a task id: give task ids or --where, not both"))
        }
        (ids, _, Some(text)) => Ok(Named { ids: each_once(ids), reason: Some(text) }),
        (words, true, None) => Ok(Named { ids: Vec::new(), reason: sentence(words) }),
        ([id, words @ ..], false, None) => {
            Ok(Named { ids: vec![id.clone()], reason: sentence(words) })
        }
    }
}

/// The words in one text; none without a word.
fn sentence(words: &[String]) -> Option<String> {
    (!words.is_empty()).then(|| words.join(" "))
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
            ("t_1", "t_1", None),
            ("-", "-", None),
            ("- t_1", "- t_1", None),
            ("- the customer waits", "-", Some("the customer waits")),
            ("t_1 -", "t_1", Some("-")),
            ("nonsense", "nonsense", None),
            ("t_1 t_2 t_1", "t_1 t_2", None),
            ("t_1 t_2 T_3", "t_1 t_2 T_3", None),
            ("t_1 customer is waiting", "t_1", Some("customer is waiting")),
            ("t_1 because t_2 is done", "t_1", Some("because t_2 is done")),
        ] {
            let expected = Named { ids: words(ids), reason: reason.map(str::to_owned) };
            assert_eq!(ids_or_reason(&words(given)), Ok(expected), "{given}");
        }
        for given in ["", "t_1 t_2 is waiting", "t_1 t_2x because", "t_1 t_ because"] {
            assert!(ids_or_reason(&words(given)).is_err(), "{given}");
        }
    }

    #[test]
    fn the_last_word_is_the_profile_and_never_a_task() {
        for (given, has_filter, ids, profile) in [
            ("t_1 dev", false, "t_1", "dev"),
            ("t_1 none", false, "t_1", "none"),
            ("t_1 -", false, "t_1", "-"),
            ("- dev", false, "-", "dev"),
            ("t_1 t_2 dev", false, "t_1 t_2", "dev"),
            ("t_1 t_rex", false, "t_1", "t_rex"),
            ("dev", true, "", "dev"),
        ] {
            let expected = (words(ids), profile.to_owned());
            assert_eq!(ids_and_profile(&words(given), has_filter), Ok(expected), "{given}");
        }
        for (given, has_filter) in [
            ("", false),
            ("", true),
            ("t_1", false),
            ("dev", false),
            ("t_1 t_2", false),
            ("t_1 dev", true),
            ("t_1", true),
        ] {
            assert!(ids_and_profile(&words(given), has_filter).is_err(), "{given}");
        }
    }

    #[test]
    fn a_text_stands_behind_one_id_or_behind_a_filter_or_in_a_flag_behind_many() {
        for (given, has_filter, flag, ids, text) in [
            ("t_1", false, None, "t_1", None),
            ("t_1 t_2 is broken", false, None, "t_1", Some("t_2 is broken")),
            ("- read it", false, None, "-", Some("read it")),
            ("t_1 -", false, None, "t_1", Some("-")),
            ("read it", true, None, "", Some("read it")),
            ("", true, None, "", None),
            ("", true, Some("read it"), "", Some("read it")),
            ("t_1 t_2 - t_1", false, Some("read it"), "t_1 t_2 -", Some("read it")),
        ] {
            let expected = Named { ids: words(ids), reason: text.map(str::to_owned) };
            let read = ids_and_text(&words(given), has_filter, flag.map(str::to_owned));
            assert_eq!(read, Ok(expected), "{given}");
        }
        for (given, has_filter, flag) in [
            ("", false, None),
            ("", false, Some("x")),
            ("t_1 is broken", true, None),
            ("t_1", true, None),
            ("t_1", true, Some("x")),
        ] {
            let read = ids_and_text(&words(given), has_filter, flag.map(str::to_owned));
            assert!(read.is_err(), "{given}");
        }
    }

    #[test]
    fn a_reason_is_no_list_of_ids() {
        let read = |text: &str| reason(Some(text.to_owned()));
        assert_eq!((reason(None), read(" ")), (Ok(None), Ok(None)));
        for text in ["which key", "t_2 is in the way"] {
            assert_eq!(read(text), Ok(Some(text.to_owned())));
        }
        for given in ["t_2", "t_2 t_3", "t_2 t_xyz"] {
            assert!(read(given).is_err(), "{given}");
        }
    }
}
