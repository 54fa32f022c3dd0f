//! Who an assignee is: nobody, a profile, a person, or a name of which nothing is known. The only place where that is decided:
//! verbs, dispatch passes, `why`, the inbox and the warnings of `create` ask it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::kernel::rules::reason::Reason;
use crate::text::nearest::nearest;

/// What the configuration says of assignees, and what was found out about those of which it says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assignees {
    /// The profiles, and what starts the workers of each.
    pub profiles: BTreeMap<String, StartedBy>,
    /// The people.
    pub people: BTreeSet<String>,
    /// Whether only these profiles and people may be assigned.
    pub is_strict: bool,
    /// Whether the default launcher starts only what was found on this host.
    pub is_auto: bool,
    /// What was found.
    pub found: Arc<Found>,
}

/// What starts the workers of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartedBy {
    /// A launcher or a command of its own.
    Itself,
    /// The default launcher.
    Default,
}

/// What was found out on this host about the profiles that the default launcher would start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Whether the launcher's program is missing for every name without a profile.
    pub is_program_missing: bool,
    /// By name.
    pub by_name: BTreeMap<String, ProfileLook>,
}

/// What a look for one profile has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfileLook {
    /// Its workers can be started.
    Present,
    /// There is no such profile, or no program to start it.
    Missing,
    /// It could not be found out.
    Unknown {
        /// Why not.
        error: String,
    },
}

/// Who an assignee is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assignee {
    /// Tasks without an assignee.
    Nobody,
    /// A profile: workers are started for it.
    Profile,
    /// A person: nothing is started.
    Person,
    /// Perhaps a profile of the default launcher; a look will tell.
    Unseen {
        /// Why the last look did not tell.
        error: Option<String>,
    },
    /// Neither a profile nor a person.
    Unknown {
        /// The profile or person that was probably meant.
        nearest: Option<String>,
    },
}

impl Assignees {
    /// Who `name` is. `is_entered` says whether the board has it in its table of people: a profile of the configuration comes
    /// before that, so that one with the login of a user works.
    pub fn get(&self, name: Option<&str>, is_entered: bool) -> Assignee {
        let Some(name) = name.filter(|name| !name.is_empty()) else { return Assignee::Nobody };
        match self.profiles.get(name) {
            Some(StartedBy::Itself) => Assignee::Profile,
            Some(StartedBy::Default) => self.of_default_launcher(name),
            None if is_entered || self.people.contains(name) => Assignee::Person,
            None if self.is_strict => self.unknown(name),
            None => self.of_default_launcher(name),
        }
    }

    /// Whether it takes a look to say who `name` is, if the board has not entered it as a person.
    pub fn takes_a_look(&self, name: &str) -> bool {
        self.is_auto
            && match self.profiles.get(name) {
                Some(StartedBy::Itself) => false,
                Some(StartedBy::Default) => true,
                None => !self.is_strict && !self.people.contains(name),
            }
    }

    fn of_default_launcher(&self, name: &str) -> Assignee {
        if !self.is_auto {
            return Assignee::Profile;
        }
        match self.found.by_name.get(name) {
            Some(ProfileLook::Present) => Assignee::Profile,
            Some(ProfileLook::Missing) => self.unknown(name),
            _ if self.found.is_program_missing && !self.profiles.contains_key(name) => {
                self.unknown(name)
            }
            Some(ProfileLook::Unknown { error }) => Assignee::Unseen { error: Some(error.clone()) },
            None => Assignee::Unseen { error: None },
        }
    }

    fn unknown(&self, name: &str) -> Assignee {
        let known = self.profiles.keys().chain(&self.people).map(String::as_str);
        let nearest = nearest(name, known.filter(|known| *known != name)).map(str::to_owned);
        Assignee::Unknown { nearest }
    }
}

impl Assignee {
    /// What it is, on the wire.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Profile => "profile",
            Self::Person => "person",
            Self::Unseen { .. } => "unseen",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// Whether workers are started for `name`, which this is.
    ///
    /// # Errors
    /// The reason why not.
    pub fn startable(self, name: Option<&str>) -> Result<(), Reason> {
        let assignee = name.unwrap_or_default().to_owned();
        match self {
            Self::Profile => Ok(()),
            Self::Nobody => Err(Reason::Unassigned),
            Self::Person => Err(Reason::Person { name: assignee }),
            Self::Unseen { error } => Err(Reason::LookingForProfile { assignee, error }),
            Self::Unknown { nearest } => Err(Reason::UnknownProfile { assignee, nearest }),
        }
    }

    /// The warning for the caller that assigns `name`; none where all is well, or not yet known.
    pub fn warning(self, name: Option<&str>) -> Option<String> {
        match self.startable(name) {
            Err(reason @ Reason::UnknownProfile { .. }) => Some(reason.explanation()),
            Err(_) | Ok(()) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assignees(is_strict: bool, is_auto: bool, found: Found) -> Assignees {
        let profiles = [("coder", StartedBy::Itself), ("plain", StartedBy::Default)];
        Assignees {
            profiles: profiles.map(|(name, by)| (name.to_owned(), by)).into(),
            people: ["ada".to_owned()].into(),
            is_strict,
            is_auto,
            found: Arc::new(found),
        }
    }

    fn found(is_program_missing: bool, looks: &[(&str, ProfileLook)]) -> Found {
        let by_name = looks.iter().map(|(name, look)| ((*name).to_owned(), look.clone()));
        Found { is_program_missing, by_name: by_name.collect() }
    }

    #[test]
    fn a_name_is_a_profile_a_person_or_unknown_by_one_order() {
        let none = || found(false, &[]);
        let unknown =
            |nearest: Option<&str>| Assignee::Unknown { nearest: nearest.map(str::to_owned) };
        let unseen = || Assignee::Unseen { error: None };
        for (name, is_entered, is_strict, is_auto, expected) in [
            ("", false, false, true, Assignee::Nobody),
            ("coder", false, true, true, Assignee::Profile),
            ("coder", true, false, true, Assignee::Profile),
            ("ada", false, true, true, Assignee::Person),
            ("bob", true, true, true, Assignee::Person),
            ("bob", true, false, false, Assignee::Person),
            ("bob", false, false, false, Assignee::Profile),
            ("codr", false, true, false, unknown(Some("coder"))),
            ("codr", false, false, true, unseen()),
            ("plain", false, false, false, Assignee::Profile),
            ("plain", false, true, true, unseen()),
        ] {
            let is = assignees(is_strict, is_auto, none()).get(Some(name), is_entered);
            assert_eq!(is, expected, "{name:?} {is_entered} {is_strict} {is_auto}");
        }
        assert_eq!(assignees(true, true, none()).get(None, false), Assignee::Nobody);
    }

    #[test]
    fn what_a_look_has_found_decides_where_the_launcher_is_auto() {
        let unknown = || Assignee::Unknown { nearest: Some("coder".to_owned()) };
        let failed = ProfileLook::Unknown { error: "slow".to_owned() };
        for (looks, is_program_missing, expected) in [
            (vec![("codr", ProfileLook::Present)], false, Assignee::Profile),
            (vec![("codr", ProfileLook::Missing)], false, unknown()),
            (vec![("codr", failed)], false, Assignee::Unseen { error: Some("slow".to_owned()) }),
            (vec![("other", ProfileLook::Missing)], false, Assignee::Unseen { error: None }),
            (vec![], true, unknown()),
        ] {
            let is = assignees(false, true, found(is_program_missing, &looks));
            assert_eq!(is.get(Some("codr"), false), expected, "{looks:?} {is_program_missing}");
        }
        let missing = assignees(false, true, found(true, &[]));
        let of_profile = missing.get(Some("plain"), false);
        assert_eq!(of_profile, Assignee::Unseen { error: None }, "it may have a user of its own");
    }

    #[test]
    fn only_names_that_the_default_launcher_would_start_take_a_look() {
        for (name, is_strict, is_auto, expected) in [
            ("coder", false, true, false),
            ("plain", false, true, true),
            ("plain", true, true, true),
            ("plain", false, false, false),
            ("ada", false, true, false),
            ("ghost", false, true, true),
            ("ghost", true, true, false),
        ] {
            let is = assignees(is_strict, is_auto, Found::default()).takes_a_look(name);
            assert_eq!(is, expected, "{name} {is_strict} {is_auto}");
        }
    }

    #[test]
    fn only_an_unknown_name_is_worth_a_warning() {
        let policy = assignees(true, false, Found::default());
        let warning = |name| policy.get(Some(name), false).warning(Some(name));
        assert_eq!(warning("codr").as_deref(), Some("no profile \"codr\" (did you mean coder?)"));
        assert_eq!((warning("coder"), warning("ada"), warning("")), (None, None, None));
    }
}
