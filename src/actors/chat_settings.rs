//! From the roles that the settings name to what the rules need, and what is wrong with them.

use crate::config::problem::{ConfigProblems, Problem, ProblemKind};
use crate::config::settings::Settings;
use crate::kernel::chat_policy::{ChatPolicy, ChatRole};
use crate::kernel::ids::BoardName;
use crate::kernel::rules::chat_groups::ChatGroup;

/// What the rules of the board need of it.
pub fn chat_policy(settings: &Settings) -> ChatPolicy {
    let mut policy = ChatPolicy::default();
    for (name, role) in &settings.chat.roles {
        let built_in = policy.roles.get(name).map(|role| role.groups.clone());
        let named = role
            .groups
            .as_ref()
            .map(|groups| groups.iter().filter_map(|word| ChatGroup::parse(word.trim())).collect());
        let role = ChatRole {
            groups: named.or(built_in).unwrap_or_default(),
            assignees: role.assignees.iter().cloned().collect(),
            boards: role.boards.iter().cloned().collect(),
        };
        policy.roles.insert(name.clone(), role);
    }
    policy
}

/// What is wrong with the roles of a configuration.
///
/// # Errors
/// All of it.
pub fn check_roles(settings: &Settings) -> Result<(), ConfigProblems> {
    let mut problems = Vec::new();
    let mut report = |key: String, message: String| {
        let fault = ProblemKind::NotAccepted { message };
        problems.push(Problem { origin: "configuration".to_owned(), key: Some(key), fault });
    };
    for (name, role) in &settings.chat.roles {
        for word in role.groups.iter().flatten().filter(|it| ChatGroup::parse(it.trim()).is_none())
        {
            let known = ChatGroup::GRANTED.map(ChatGroup::as_str).join(", ");
            report(
                format!("chat.roles.{name}.groups"),
                format!("no group {word:?}: one of {known}"),
            );
        }
        for board in role.boards.iter().filter(|board| BoardName::parse(board).is_none()) {
            report(format!("chat.roles.{name}.boards"), format!("{board:?} is no name of a board"));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(ConfigProblems(problems)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load::tests::settings;

    #[test]
    fn a_role_without_groups_is_the_built_in_one_or_may_nothing() {
        let text = "[chat.roles.member]\nboards = [\"web\"]\n[chat.roles.guest]\n\
                    [chat.roles.lead]\ngroups = [\"read\"]\n[chat.roles.reviewer]\n\
                    groups = [\"read\", \"review\"]\nassignees = [\"sh\"]\n";
        let policy = chat_policy(&settings(text));
        let groups = |role: &str| {
            let words: Vec<&str> =
                policy.roles[role].groups.iter().map(|group| group.as_str()).collect();
            words.join(" ")
        };
        assert_eq!(groups("member"), "read comment create answer");
        assert!(policy.roles["member"].boards.contains("web"));
        assert_eq!((groups("guest").as_str(), groups("lead").as_str()), ("", "read"));
        assert_eq!(groups("reviewer"), "read review");
        let plain = chat_policy(&Settings::default());
        let has_review = |role: &ChatRole| role.groups.contains(&ChatGroup::Review);
        assert!(!plain.roles.values().any(has_review), "review is added by hand");
    }

    #[test]
    fn a_word_that_is_no_group_is_reported_with_those_that_are() {
        for (text, expected) in [
            ("[chat.roles.a]\ngroups = [\"read\"]\nboards = [\"web\"]", ""),
            ("[chat.roles.a]\ngroups = [\"raed\"]", "no group \"raed\": one of read, comment"),
            ("[chat.roles.a]\ngroups = [\"never\"]", "no group \"never\""),
            ("[chat.roles.a]\nboards = [\"A B\"]", "chat.roles.a.boards"),
        ] {
            let found = check_roles(&settings(text)).err().map(|found| found.to_string());
            let found = found.unwrap_or_default();
            assert!(
                found.contains(expected) && found.is_empty() == expected.is_empty(),
                "{text}: {found}"
            );
        }
    }
}
