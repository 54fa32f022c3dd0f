//! Tables of what is within reach and what is not, and that no way of writing a name or a path changes it.

use super::*;
use crate::kernel::random::{SeededRandom, below};

fn these(names: &[&str], has_unnamed: bool) -> Profiles {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let known = set(&["reader", "twin", "deployer"]);
    Profiles::These { names: set(names), has_unnamed, known }
}

fn wish<'a>(assignee: Option<&'a str>, reviewer: Option<&'a str>) -> Wish<'a> {
    let (kind, own_dirs) = (WorkspaceKind::Scratch, &[][..]);
    Wish { by: "reader", assignee, is_person: false, reviewer, kind, path: None, own_dirs }
}

#[test]
fn work_is_handed_to_nobody_people_itself_and_the_profiles_within_reach() {
    let list = || these(&["twin"], false);
    let same_user = || these(&["twin"], true);
    for (profiles, assignee, is_person, reviewer, expected) in [
        (list(), None, false, None, None),
        (list(), Some("ada"), true, None, None),
        (list(), Some("reader"), false, None, None),
        (list(), Some("twin"), false, None, None),
        (list(), Some("deployer"), false, None, Some("deployer")),
        // A name of the people that is a profile is a profile.
        (list(), Some("deployer"), true, Some("deployer"), Some("deployer")),
        (list(), Some("other"), false, None, Some("other")),
        (same_user(), Some("other"), false, None, None),
        (same_user(), Some("deployer"), false, None, Some("deployer")),
        (list(), Some("twin"), false, Some("deployer"), Some("deployer")),
        (list(), Some("twin"), false, Some(HUMAN), None),
        (list(), Some("twin"), false, Some("reader"), None),
        (Profiles::Every, Some("deployer"), false, Some("deployer"), None),
    ] {
        let reach = Reach { profiles, dirs: Dirs::Every };
        let wish = Wish { is_person, ..wish(assignee, reviewer) };
        let held = reach.judge(&wish).unwrap();
        let to = expected.map(|to| Held::Assign { by: "reader".to_owned(), to: to.to_owned() });
        assert_eq!(held, to.into_iter().collect::<Vec<_>>(), "{reach:?} {wish:?}");
        let may = reach.may_let_go("reader", (assignee, is_person), reviewer);
        assert_eq!(may.err().as_ref(), held.first(), "{reach:?} {assignee:?} {reviewer:?}");
    }
    let held = Reach { profiles: list(), dirs: Dirs::Every };
    let held = held.judge(&wish(Some("deployer"), None)).unwrap();
    let said = "profile reader may not hand work to deployer (profiles.reader.may_assign)";
    assert_eq!(held.iter().map(Held::to_string).collect::<Vec<_>>(), [said]);
    assert_eq!(held[0].setting(), "may_assign");
}

#[test]
fn work_takes_place_below_the_own_directories_and_those_that_are_named() {
    let own = ["/w/t_1".to_owned(), "/repos/app/".to_owned(), String::new(), "x/../y".to_owned()];
    let named = Dirs::Below(vec!["/srv/shared//".to_owned(), "relative".to_owned()]);
    for (kind, path, is_within) in [
        (WorkspaceKind::Dir, Some("/w/t_1"), true),
        (WorkspaceKind::Dir, Some("/w//./t_1/"), true),
        (WorkspaceKind::Dir, Some("/w/t_1/src"), true),
        (WorkspaceKind::Worktree, Some("/repos/app/x"), true),
        (WorkspaceKind::Worktree, None, true),
        (WorkspaceKind::Dir, Some("/srv/shared/a"), true),
        (WorkspaceKind::Dir, Some("/srv/shared-not"), false),
        (WorkspaceKind::Dir, Some("/w/t_10"), false),
        (WorkspaceKind::Dir, Some("/w"), false),
        (WorkspaceKind::Dir, Some("/"), false),
        (WorkspaceKind::Worktree, Some("/home/deployer"), false),
    ] {
        let reach = Reach { profiles: Profiles::Every, dirs: named.clone() };
        let wish = Wish { kind, path, own_dirs: &own, ..wish(Some("twin"), None) };
        let held = reach.judge(&wish).unwrap();
        assert_eq!(held.is_empty(), is_within, "{kind:?} {path:?}");
        assert!(held.iter().all(|held| held.setting() == "may_use_dirs"));
        assert_eq!(Reach { dirs: Dirs::Every, ..reach }.judge(&wish).unwrap(), []);
    }
    for path in ["/w/t_1/../t_2", "/..", "/srv/shared/.."] {
        for dirs in [Dirs::Every, named.clone()] {
            let reach = Reach { profiles: Profiles::Every, dirs };
            let (kind, path) = (WorkspaceKind::Dir, Some(path));
            let wish = Wish { kind, path, own_dirs: &own, ..wish(None, None) };
            let refused = reach.judge(&wish).unwrap_err().to_string();
            assert!(refused.contains("cannot contain `..`"), "{refused}");
        }
    }
}

#[test]
fn directories_are_within_others_by_their_parts_and_those_that_name_nothing_always() {
    let below =
        |dirs: &[&str]| Dirs::Below(dirs.iter().map(|dir| (*dir).to_owned()).collect::<Vec<_>>());
    for (dirs, others, expected) in [
        (Dirs::Every, Dirs::Every, true),
        (Dirs::Every, below(&["/"]), false),
        (below(&["/srv"]), Dirs::Every, true),
        (below(&[]), below(&[]), true),
        (below(&["/srv"]), below(&[]), false),
        (below(&["/srv/a/", "//srv/./b"]), below(&["/srv"]), true),
        (below(&["/srv"]), below(&["/srv/a"]), false),
        (below(&["/srv-not"]), below(&["/srv"]), false),
        (below(&["/srv/a"]), below(&["srv", "/srv/../srv"]), false),
        (below(&["srv", "/srv/.."]), below(&[]), true),
        (below(&["/srv", "/opt"]), below(&["/srv"]), false),
    ] {
        assert_eq!(dirs.are_within(&others), expected, "{dirs:?} {others:?}");
    }
}

/// Whatever the names and paths are: nothing is within a reach that grows by another name, and a path within is one by its parts.
#[test]
fn no_name_and_no_path_gets_within_reach_by_how_it_is_written() {
    let mut random = SeededRandom::new(19);
    let mut pick = |from: &[&'static str]| -> &'static str {
        from[usize::try_from(below(&mut random, from.len() as u64)).unwrap()]
    };
    let parts = ["a", "b", "ab", ".", "..", "", "a ", "A"];
    let names = ["reader", "twin", "deployer", "other", "Twin", "twin ", "*"];
    for _ in 0..20_000 {
        let path = format!("/{}/{}/{}", pick(&parts), pick(&parts), pick(&parts));
        let dir = format!("/{}/{}", pick(&parts), pick(&parts));
        let reach =
            Reach { profiles: these(&["twin"], false), dirs: Dirs::Below(vec![dir.clone()]) };
        let assignee = pick(&names);
        let wish =
            Wish { kind: WorkspaceKind::Dir, path: Some(&path), ..wish(Some(assignee), None) };
        let climbs = path.split('/').any(|part| part == "..");
        let Ok(held) = reach.judge(&wish) else {
            assert!(climbs, "{path}");
            continue;
        };
        assert!(!climbs, "{path}");
        let is_held = |setting| held.iter().any(|held| held.setting() == setting);
        assert_eq!(is_held(MAY_ASSIGN), !["reader", "twin"].contains(&assignee), "{assignee}");
        let plain = |path: &str| -> std::path::PathBuf {
            path.split('/').filter(|part| !part.is_empty() && *part != ".").collect()
        };
        let is_below = !dir.contains("..") && plain(&path).starts_with(plain(&dir));
        assert_eq!(is_held(MAY_USE_DIRS), !is_below, "{path} {dir}");
    }
}

#[test]
fn a_tree_is_so_deep_and_has_so_many_tasks_and_no_more() {
    let policy = HandoverPolicy { tree_depth: 2, tree_tasks: 3, ..HandoverPolicy::default() };
    for (depth, tasks, expected) in [
        (0, 0, Ok(1)),
        (1, 2, Ok(2)),
        (
            2,
            2,
            Err(
                "t_1 has the maximum of 2 levels of tasks that workers create (dispatch.tree_depth)",
            ),
        ),
        (1, 3, Err("t_1 has the maximum of 3 tasks that workers create (dispatch.tree_tasks)")),
        (
            u32::MAX,
            u32::MAX,
            Err(
                "t_1 has the maximum of 2 levels of tasks that workers create (dispatch.tree_depth)",
            ),
        ),
    ] {
        let creator = TreePosition { root: "t_1".to_owned(), depth, tasks };
        let found = next_in_tree(&creator, &policy).map_err(|refusal| refusal.to_string());
        assert_eq!(found, expected.map_err(|said| format!("cannot create a task: {said}")));
    }
}
