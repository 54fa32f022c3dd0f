//! What a run is to see of the machine: a `/tmp` and a `/proc` of its own, where the holder makes them.

use std::path::Path;

use crate::actors::paths::Paths;
use crate::config::Settings;
use crate::config::settings::Profile;
use crate::os::holder::protocol::{AskedView, Hello, PossibleViews};
use crate::os::processes::run_view::is_in_own_directory;

/// What is known before a run is started.
#[derive(Debug, Clone, Copy)]
struct Facts<'a> {
    /// What the holder can make; none while that is not known: then it is asked for, and the holder gives what it can.
    possible: Option<&'a PossibleViews>,
    /// Whether a file that a run needs of the daemon is in what would be the run's own.
    needs_hosts_tmp: bool,
    /// What the profile says.
    private_tmp: Option<bool>,
    /// Size of the run's own.
    tmp_bytes: u64,
}

/// The view of the runs of a profile whose workers the holder starts; none for the host's.
pub fn view_of(
    profile: Option<&Profile>,
    settings: &Settings,
    paths: &Paths,
    possible: Option<&PossibleViews>,
) -> Option<AskedView> {
    decide(Facts {
        possible,
        needs_hosts_tmp: path_in_tmp(paths).is_some(),
        private_tmp: profile.and_then(|profile| profile.private_tmp),
        tmp_bytes: settings.supervision.private_tmp_max_bytes,
    })
}

fn decide(facts: Facts<'_>) -> Option<AskedView> {
    if facts.private_tmp == Some(false) {
        return None;
    }
    let can = |why_not: fn(&PossibleViews) -> bool| !facts.possible.is_some_and(why_not);
    let has_tmp = !facts.needs_hosts_tmp && can(|views| views.why_no_tmp.is_some());
    let view = AskedView {
        tmp_bytes: has_tmp.then_some(facts.tmp_bytes),
        hides_processes: can(|views| views.why_no_proc.is_some()),
    };
    Some(view).filter(|view| *view != AskedView::default())
}

/// A path that runs need and that would not be seen in a `/tmp` of their own: of the home, the socket, or the program.
pub fn path_in_tmp(paths: &Paths) -> Option<&Path> {
    let needed = [&paths.runs_dir, &paths.logs_dir, &paths.workspaces_dir, &paths.worker_socket];
    let needed = needed.into_iter().chain(&paths.kanban_dir).map(AsRef::as_ref);
    needed.into_iter().find(|path: &&Path| is_in_own_directory(path))
}

/// What a holder can make, by its greeting. One of an earlier release makes nothing.
pub fn possible_of(hello: &Hello) -> PossibleViews {
    hello.views.clone().unwrap_or_else(|| {
        let why = Some("the holder is of an earlier release".to_owned());
        PossibleViews { why_no_tmp: why.clone(), why_no_proc: why }
    })
}

/// Why a run of `profile` with a `/tmp` of its own cannot work at `path`; none where it can.
pub fn refusal(view: Option<AskedView>, profile: &str, path: &Path) -> Option<String> {
    let has_own_tmp = view.is_some_and(|view| view.tmp_bytes.is_some());
    (has_own_tmp && is_in_own_directory(path)).then(|| {
        format!(
            "{} is out of sight: each run of profile `{profile}` has a /tmp and a /var/tmp of its own; use another directory, or set \
             profiles.{profile}.private_tmp = false",
            path.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(possible: Option<&PossibleViews>) -> Facts<'_> {
        Facts { possible, needs_hosts_tmp: false, private_tmp: None, tmp_bytes: 7 }
    }

    #[test]
    fn a_run_is_given_what_can_be_made_unless_its_profile_says_no() {
        let view = |tmp_bytes, hides_processes| Some(AskedView { tmp_bytes, hides_processes });
        let all = PossibleViews::default();
        let no_tmp = PossibleViews { why_no_tmp: Some("x".into()), ..all.clone() };
        let no_proc = PossibleViews { why_no_proc: Some("x".into()), ..all.clone() };
        let none = PossibleViews { why_no_tmp: Some("x".into()), why_no_proc: Some("x".into()) };
        for (facts, expected) in [
            (facts(Some(&all)), view(Some(7), true)),
            (facts(None), view(Some(7), true)),
            (facts(Some(&no_tmp)), view(None, true)),
            (facts(Some(&no_proc)), view(Some(7), false)),
            (facts(Some(&none)), None),
            (Facts { private_tmp: Some(true), ..facts(Some(&all)) }, view(Some(7), true)),
            (Facts { private_tmp: Some(false), ..facts(Some(&all)) }, None),
            (Facts { needs_hosts_tmp: true, ..facts(Some(&all)) }, view(None, true)),
            (Facts { needs_hosts_tmp: true, ..facts(Some(&no_proc)) }, None),
        ] {
            assert_eq!(decide(facts), expected, "{facts:?}");
        }
    }

    #[test]
    fn a_directory_in_tmp_is_refused_only_where_tmp_is_the_runs_own() {
        let own = Some(AskedView { tmp_bytes: Some(7), hides_processes: true });
        let hosts = Some(AskedView { tmp_bytes: None, hides_processes: true });
        for (view, path, expected) in [
            (own, "/tmp/x", true),
            (own, "/var/tmp", true),
            (own, "/srv/tmp", false),
            (hosts, "/tmp/x", false),
            (None, "/tmp/x", false),
        ] {
            let found = refusal(view, "dev", Path::new(path));
            assert_eq!(found.is_some(), expected, "{view:?} {path}: {found:?}");
            assert!(found.is_none_or(|why| why.contains("profiles.dev.private_tmp = false")));
        }
    }

    #[test]
    fn a_holder_of_an_earlier_release_makes_nothing_and_the_reason_is_kept() {
        let hello = Hello {
            holder: crate::os::processes::identity::ProcessIdentity {
                boot_id: "b".into(),
                pid: 1,
                start_ticks: 1,
            },
            package: "0.1.0".into(),
            groups: None,
            why_no_groups: None,
            views: None,
        };
        let found = possible_of(&hello);
        assert!(found.why_no_tmp.is_some() && found.why_no_proc.is_some());
        let hello = Hello { views: Some(PossibleViews::default()), ..hello };
        assert_eq!(possible_of(&hello), PossibleViews::default());
    }
}
