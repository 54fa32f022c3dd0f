//! What a worker may ask of others for a task that it creates: no more than its own task has. Pure.
//!
//! What is more is lowered, not refused: the reply says so, and the agent has its task.

use crate::kernel::ids::EpochSeconds;

/// What is asked for a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Priority.
    pub priority: i64,
    /// Time limit of each run, seconds.
    pub max_runtime_seconds: Option<i64>,
    /// Whether the default time limit is to be removed.
    pub no_max_runtime: bool,
    /// Time by which it should be done, epoch seconds.
    pub due_at: Option<EpochSeconds>,
    /// Model.
    pub model: Option<String>,
    /// Effort.
    pub effort: Option<String>,
}

/// What it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps<'a> {
    /// The task of the worker, as the reply names it.
    pub task: &'a str,
    /// Its priority.
    pub priority: i64,
    /// The longest run, seconds: that of the worker's task or of the assignee, whichever is longer; none when that has no limit.
    pub max_runtime_seconds: Option<i64>,
    /// The due time of the worker's task.
    pub due_at: Option<EpochSeconds>,
    /// Models of the worker's task and of the assignee.
    pub models: [Option<&'a str>; 2],
    /// Their efforts.
    pub efforts: [Option<&'a str>; 2],
}

/// Lowers what is more than a task may have. Returns a line for each.
pub fn lower(asked: &mut Asked, caps: &Caps<'_>) -> Vec<String> {
    let mut said = Vec::new();
    let own = caps.task;
    if asked.priority > caps.priority {
        said.push(format!(
            "priority {} was lowered to {}, the priority of your own task {own}",
            asked.priority, caps.priority
        ));
        asked.priority = caps.priority;
    }
    if let Some(longest) = caps.max_runtime_seconds {
        let is_longer = asked.max_runtime_seconds.is_some_and(|seconds| seconds > longest);
        if is_longer || asked.no_max_runtime {
            let given = match asked.max_runtime_seconds {
                Some(seconds) if is_longer => format!("max_runtime_seconds {seconds}"),
                Some(_) | None => "no_max_runtime".to_owned(),
            };
            said.push(format!("{given} was lowered to {longest}, the time limit of your own task {own} or of the assignee"));
            asked.max_runtime_seconds = Some(longest);
            asked.no_max_runtime = false;
        }
    }
    if let (Some(given), Some(latest)) = (asked.due_at, caps.due_at)
        && given > latest
    {
        said.push(format!(
            "due_at {given} was moved to {latest}, the due time of your own task {own}"
        ));
        asked.due_at = Some(latest);
    }
    let options =
        [("model", &mut asked.model, caps.models), ("effort", &mut asked.effort, caps.efforts)];
    for (option, given, allowed) in options {
        let Some(name) = given.clone() else { continue };
        if !allowed.contains(&Some(name.as_str())) {
            said.push(format!(
                "{option} {name} was left out: a worker may ask for the {option} of its own task {own} or of the assignee"
            ));
            *given = None;
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::random::{SeededRandom, below};

    fn caps() -> Caps<'static> {
        Caps {
            task: "t_1",
            priority: 3,
            max_runtime_seconds: Some(600),
            due_at: Some(1000),
            models: [Some("small"), None],
            efforts: [None, Some("low")],
        }
    }

    fn nothing() -> Asked {
        let (model, effort) = (None, None);
        Asked {
            priority: 0,
            max_runtime_seconds: None,
            no_max_runtime: false,
            due_at: None,
            model,
            effort,
        }
    }

    #[test]
    fn what_is_more_than_the_own_task_has_is_lowered_and_named() {
        let text = |text: &str| Some(text.to_owned());
        for (asked, expected, said) in [
            (nothing(), nothing(), None),
            (Asked { priority: 3, ..nothing() }, Asked { priority: 3, ..nothing() }, None),
            (Asked { priority: -9, ..nothing() }, Asked { priority: -9, ..nothing() }, None),
            (
                Asked { priority: 4, ..nothing() },
                Asked { priority: 3, ..nothing() },
                Some("priority 4 was lowered to 3"),
            ),
            (
                Asked { max_runtime_seconds: Some(600), ..nothing() },
                Asked { max_runtime_seconds: Some(600), ..nothing() },
                None,
            ),
            (
                Asked { max_runtime_seconds: Some(601), ..nothing() },
                Asked { max_runtime_seconds: Some(600), ..nothing() },
                Some("max_runtime_seconds 601 was lowered to 600"),
            ),
            (
                Asked { no_max_runtime: true, ..nothing() },
                Asked { max_runtime_seconds: Some(600), ..nothing() },
                Some("no_max_runtime was lowered to 600"),
            ),
            (
                Asked { due_at: Some(1001), ..nothing() },
                Asked { due_at: Some(1000), ..nothing() },
                Some("due_at 1001 was moved to 1000"),
            ),
            (
                Asked { due_at: Some(999), ..nothing() },
                Asked { due_at: Some(999), ..nothing() },
                None,
            ),
            (
                Asked { model: text("small"), effort: text("low"), ..nothing() },
                Asked { model: text("small"), effort: text("low"), ..nothing() },
                None,
            ),
            (
                Asked { model: text("large"), ..nothing() },
                nothing(),
                Some("model large was left out"),
            ),
            (
                Asked { effort: text("high"), ..nothing() },
                nothing(),
                Some("effort high was left out"),
            ),
        ] {
            let mut found = asked.clone();
            let lines = lower(&mut found, &caps());
            assert_eq!(found, expected, "{asked:?}");
            let begins = lines.iter().any(|line| said.is_some_and(|said| line.starts_with(said)));
            assert_eq!(
                (lines.len(), begins),
                (usize::from(said.is_some()), said.is_some()),
                "{lines:?}"
            );
        }
        let free = Caps { max_runtime_seconds: None, due_at: None, ..caps() };
        let mut asked = Asked { no_max_runtime: true, due_at: Some(5000), ..nothing() };
        assert_eq!(lower(&mut asked, &free), Vec::<String>::new());
        assert!(asked.no_max_runtime && asked.due_at == Some(5000));
    }

    #[test]
    fn whatever_is_asked_nothing_is_more_than_allowed_and_a_second_time_changes_nothing() {
        let mut random = SeededRandom::new(5);
        let mut number = |bound: u64| i64::try_from(below(&mut random, bound)).unwrap();
        for _ in 0..20_000 {
            let limit = number(3) > 0;
            let caps = Caps {
                priority: number(20) - 10,
                max_runtime_seconds: limit.then(|| number(9) + 1),
                due_at: (number(2) > 0).then(|| number(9)),
                ..caps()
            };
            let mut asked = Asked {
                priority: number(40) - 20,
                max_runtime_seconds: (number(2) > 0).then(|| number(20) + 1),
                no_max_runtime: number(2) > 0,
                due_at: (number(2) > 0).then(|| number(20)),
                model: (number(2) > 0)
                    .then(|| ["small", "large"][usize::try_from(number(2)).unwrap()].to_owned()),
                effort: None,
            };
            let before = asked.clone();
            let said = lower(&mut asked, &caps);
            assert_eq!(said.is_empty(), asked == before, "{before:?} {caps:?}");
            assert!(asked.priority <= caps.priority.max(before.priority.min(caps.priority)));
            if let Some(longest) = caps.max_runtime_seconds {
                assert!(
                    !asked.no_max_runtime
                        && asked.max_runtime_seconds.is_none_or(|it| it <= longest)
                );
            }
            assert_ne!(asked.model.as_deref(), Some("large"));
            let once = asked.clone();
            assert_eq!(lower(&mut asked, &caps), Vec::<String>::new());
            assert_eq!(asked, once);
        }
    }
}
