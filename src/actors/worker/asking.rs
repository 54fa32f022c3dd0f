//! The options and the prompt of an agent at its start: model, arguments, session, text. Pure but for the look for skills.

use super::not_launched::NotLaunched;
use super::start_words::StartWords;
use super::words::{
    SkillFile, answered, changes_requested, first_words, first_words_of_review, reminder,
};
use crate::actors::start_inputs::StartInputs;
use crate::config::launch::Resolution;
use crate::config::render::{LaunchInput, Rendered, render};
use crate::config::template::Placeholder;
use crate::kernel::ids::RunId;
use crate::kernel::run::RunRole;
use crate::kernel::start_fault::FailedStep;
use crate::kernel::verbs::RunOrder;
use crate::os::home::skill_files::find_skill;

/// The agent's session as far as it is known and can be resumed, and the run that it was before.
pub(super) fn session(
    order: &RunOrder,
    resolution: &Resolution,
    words: &StartWords,
) -> (Option<String>, Option<RunId>) {
    let resumed = order.resume.as_ref().filter(|_| resolution.can_resume());
    let is_ours = resolution.takes(Placeholder::Session) && resolution.can_resume();
    let session = match resumed {
        Some(resume) => Some(resume.session.clone()),
        None => is_ours.then(|| words.session.clone()),
    };
    (session, resumed.map(|resume| resume.run_id))
}

/// What the agent is asked for: by the task, else by the profile.
pub(super) struct Asked {
    /// The model.
    pub model: Option<String>,
    /// The effort.
    pub effort: Option<String>,
    /// Extra arguments, those of the profile first.
    pub args: Vec<String>,
}

impl Asked {
    /// What the worker of `order` is asked for.
    ///
    /// # Errors
    /// The launcher has no place for it. A worker with another model than the one asked for is worse than none.
    pub(super) fn of(order: &RunOrder, resolution: &Resolution) -> Result<Self, NotLaunched> {
        let task = &order.task;
        let profile = resolution.profile.clone().unwrap_or_default();
        let of_task = [task.model.is_some(), task.effort.is_some(), !task.args.is_empty()];
        let (model, effort) =
            (task.model.clone().or(profile.model), task.effort.clone().or(profile.effort));
        let args = [profile.args, task.args.clone()].concat();
        let options = [
            ("model", model.is_some(), Placeholder::Model),
            ("effort", effort.is_some(), Placeholder::Effort),
            ("args", !args.is_empty(), Placeholder::Args),
        ];
        for ((option, is_asked, placeholder), is_of_task) in options.into_iter().zip(of_task) {
            if is_asked && !resolution.takes(placeholder) {
                let launcher = &resolution.launcher_name;
                let (step, who) = match is_of_task {
                    true => (FailedStep::Task, "task"),
                    false => (FailedStep::Profile, "profile"),
                };
                let message =
                    format!("the {who} sets {option}, which launcher {launcher} does not support");
                return Err(NotLaunched::at(step, message));
            }
        }
        Ok(Self { model, effort, args })
    }
}

/// Program, arguments and variables of the worker of `order`.
pub(super) fn rendered(
    order: &RunOrder,
    start_inputs: &StartInputs,
    words: &StartWords,
    resolution: &Resolution,
    (workspace, asked): (&str, &Asked),
) -> Rendered {
    let task = &order.task;
    let skills = task.skills.clone().unwrap_or_default();
    let resume = order.resume.as_ref().filter(|_| resolution.can_resume());
    let prompt = if let Some(resume) = resume {
        match (&resume.changes, &order.answer) {
            (Some(changes), _) => changes_requested(task.id.as_str(), changes),
            (None, Some(question)) => answered(task.id.as_str(), question),
            (None, None) => reminder(task.id.as_str(), order.role),
        }
    } else {
        // Where the launcher has arguments for them, the agent's program finds the skills itself.
        let is_told = resolution.launcher.skills_argv.is_empty();
        let files: Vec<SkillFile> = skills
            .iter()
            .filter(|_| is_told)
            .map(|name| {
                (name.clone(), find_skill(name, &start_inputs.supervision.paths.skill_folders))
            })
            .collect();
        let is_unreminded = order.answer.is_none()
            && order.resume.as_ref().is_some_and(|resume| resume.changes.is_none());
        let is_warned = order.is_warned || is_unreminded;
        match order.role {
            RunRole::Work => first_words(task.id.as_str(), &files, is_warned),
            RunRole::Review => first_words_of_review(task.id.as_str(), is_warned),
        }
    };
    let input = LaunchInput {
        task: task.id.as_str(),
        assignee: &order.profile,
        workspace,
        prompt: &prompt,
        skills: &skills,
        model: asked.model.as_deref(),
        effort: asked.effort.as_deref(),
        args: &asked.args,
        kanban: &start_inputs.supervision.paths.kanban(),
        socket: &start_inputs.supervision.paths.worker_socket.to_string_lossy(),
        guidance: match order.role {
            RunRole::Work => start_inputs.guidance,
            RunRole::Review => start_inputs.review_guidance,
        },
        session: resume.map_or(words.session.as_str(), |resume| resume.session.as_str()),
        is_resume: resume.is_some(),
    };
    render(resolution, &input)
}
