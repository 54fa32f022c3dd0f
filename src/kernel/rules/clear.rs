//! Clears what is sent of the secret values that the daemon knows. Pure: which values these are comes in as an argument.

use std::fmt;
use std::sync::Arc;

use crate::kernel::notice::{Live, Notice};

/// What stands where a secret stood.
const REPLACEMENT: &str = "[redacted]";

/// Secret values, in every form in which they may stand in a text.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct HeldSecrets(Arc<[String]>);

impl fmt::Debug for HeldSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeldSecrets({})", self.0.len())
    }
}

impl HeldSecrets {
    /// Those of a list.
    pub fn of(mut values: Vec<String>) -> Self {
        values.retain(|value| !value.is_empty());
        // The longest first: another may be a part of it.
        values.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        values.dedup();
        Self(values.into())
    }

    /// The text without them.
    pub fn clear(&self, text: &mut String) {
        for value in self.0.iter().filter(|value| !value.is_empty()) {
            if text.contains(value.as_str()) {
                *text = text.replace(value.as_str(), REPLACEMENT);
            }
        }
    }

    /// A message without them.
    pub fn clear_notice(&self, notice: &mut Notice) {
        if self.0.is_empty() {
            return;
        }
        self.clear(&mut notice.headline);
        notice.lines.iter_mut().for_each(|line| self.clear(line));
        if let Some(task) = &mut notice.task {
            self.clear(&mut task.title);
        }
        if let Some(question) = &mut notice.question {
            self.clear(&mut question.text);
            question.choices.iter_mut().chain(&mut question.default).for_each(|it| self.clear(it));
        }
        notice.files.iter_mut().for_each(|file| self.clear(&mut file.name));
        for item in &mut notice.items {
            self.clear(&mut item.title);
            self.clear(&mut item.sentence);
        }
        notice.buttons.iter_mut().for_each(|button| self.clear(&mut button.label));
    }

    /// The message of a task without them.
    pub fn clear_live(&self, live: &mut Live) {
        self.clear(&mut live.title);
        self.clear(&mut live.state);
        live.last_line.iter_mut().for_each(|line| self.clear(line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::notice::{Class, Item, NoticeFile, NoticeQuestion, NoticeTask};

    #[test]
    fn no_part_of_a_message_keeps_a_secret() {
        let held = HeldSecrets::of(vec!["s3cret".into(), "s3cret-longer".into(), String::new()]);
        let text = || "a s3cret-longer b s3cret".to_owned();
        let mut notice = Notice {
            class: Class::Ask,
            kind: "blocked".into(),
            event_id: None,
            at: 0,
            board: "default".into(),
            task: Some(NoticeTask {
                id: "t_1".into(),
                title: text(),
                status: "blocked".into(),
                assignee: None,
            }),
            headline: text(),
            lines: vec![text(), "plain".into()],
            question: Some(NoticeQuestion {
                id: "q_1".into(),
                text: text(),
                choices: vec![text()],
                default: Some(text()),
                deadline_at: None,
            }),
            mention: None,
            buttons: Vec::new(),
            files: vec![NoticeFile { name: text(), size_bytes: 1 }],
            items: vec![Item { task: "t_1".into(), title: text(), sentence: text() }],
            is_silent: false,
        };
        held.clear_notice(&mut notice);
        let shown = format!("{notice:?}");
        assert!(!shown.contains("s3cret") && shown.contains("plain"), "{shown}");
        assert_eq!(notice.headline, "a [redacted] b [redacted]");
        assert!(!format!("{held:?}").contains("s3cret"));
    }
}
