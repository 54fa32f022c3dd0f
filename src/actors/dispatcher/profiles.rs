//! Which names are profiles of the default launcher, where that is `auto`: names that tasks wait for are looked for, and again when
//! the answer is old.

use std::collections::BTreeSet;
use std::time::Duration;

use actix::{ActorFutureExt as _, AsyncContext as _, Context, Handler, WrapFuture as _};

use crate::actors::dispatcher::Dispatcher;
use crate::actors::dispatcher::messages::LookForProfile;
use crate::actors::profile_looks::Looked;

/// How long an answer holds.
const ANSWER_LIFE: Duration = Duration::from_secs(60);

/// Pause before a look that failed is repeated.
const RETRY_PAUSE: Duration = Duration::from_secs(5);

/// Looks at one time: each is a process.
const LOOKS_MAX: usize = 4;

/// A name that every installation of Hermes has: the look for it says whether there is one.
const ANY_PROFILE: &str = "default";

/// How the names stand.
#[derive(Debug, Default)]
pub(super) struct ProfileQuestions {
    /// Names that ready tasks wait for, as of the last pass.
    pub(super) wanted: BTreeSet<String>,
    /// Still to be looked for.
    queue: BTreeSet<String>,
    under_way: BTreeSet<String>,
    /// Names whose answer is young.
    answered: BTreeSet<String>,
}

impl Dispatcher {
    /// Looks whether there is an agent at all, before anybody asks.
    pub(super) fn look_for_agent(&mut self, context: &mut Context<Self>) {
        self.look_for_profiles([ANY_PROFILE.to_owned()], context);
    }

    /// Looks for those of these names that take a look. While there is no agent at all, only the look for one is repeated.
    pub(super) fn look_for_profiles(
        &mut self,
        names: impl IntoIterator<Item = String>,
        context: &mut Context<Self>,
    ) {
        let policy = self.deps.configuration.policy();
        let (assignees, questions) = (&policy.assignees, &mut self.profiles);
        for name in names.into_iter().filter(|name| assignees.takes_a_look(name)) {
            let has_no_agent =
                assignees.found.is_program_missing && !assignees.profiles.contains_key(&name);
            let asked = if has_no_agent { ANY_PROFILE.to_owned() } else { name };
            if !questions.under_way.contains(&asked) && !questions.answered.contains(&asked) {
                questions.queue.insert(asked);
            }
        }
        self.begin_looks(context);
    }

    /// The settings are others: so may be the profiles.
    pub(super) fn forget_profiles(&mut self, context: &mut Context<Self>) {
        self.profiles.answered.clear();
        self.profiles.queue.clear();
        self.look_for_agent(context);
    }

    fn begin_looks(&mut self, context: &mut Context<Self>) {
        while self.profiles.under_way.len() < LOOKS_MAX
            && let Some(name) = self.profiles.queue.pop_first()
        {
            self.profiles.under_way.insert(name.clone());
            let (looker, asked) = (self.deps.profile_looker.clone(), name.clone());
            let look = async move { looker.look(&asked).await };
            context.spawn(look.into_actor(self).map(|looked, dispatcher, context| {
                dispatcher.profile_looked_for(name, &looked, context);
            }));
        }
    }

    fn profile_looked_for(&mut self, name: String, looked: &Looked, context: &mut Context<Self>) {
        self.profiles.under_way.remove(&name);
        if self.deps.profile_looker.learn(looked) {
            let life = if looked.is_known() { ANSWER_LIFE } else { RETRY_PAUSE };
            self.profiles.answered.insert(name.clone());
            context.run_later(life, move |dispatcher, context| {
                dispatcher.profile_is_old(&name, context);
            });
        }
        self.begin_looks(context);
        self.pass(context);
    }

    /// Names that tasks wait for are looked for again, and count as what they were until then; another is forgotten. That there is
    /// no agent stays known until a profile is named: nothing is looked for while nobody waits.
    fn profile_is_old(&mut self, name: &str, context: &mut Context<Self>) {
        self.profiles.answered.remove(name);
        if name != ANY_PROFILE && !self.profiles.wanted.contains(name) {
            self.deps.profile_looker.forget(name);
        }
        self.look_for_profiles(self.profiles.wanted.clone(), context);
    }
}

impl Handler<LookForProfile> for Dispatcher {
    type Result = ();

    fn handle(&mut self, message: LookForProfile, context: &mut Context<Self>) {
        self.look_for_profiles([message.name], context);
    }
}
