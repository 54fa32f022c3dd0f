//! Tests of [`super`].

use super::*;

fn mount(root: &str, mount_point: &str, is_read_only: bool) -> Mount {
    Mount { root: root.into(), mount_point: mount_point.into(), is_read_only }
}

#[test]
fn the_base_goes_where_something_can_be_made() {
    let hybrid = || vec![mount("/", "/sys/fs/cgroup/unified", false)];
    let shadowed = vec![mount("/", "/sys/fs/cgroup", false), mount("/box", "/sys/fs/cgroup", true)];
    for (mounts, own, wanted, expected) in [
        (hybrid(), "0::/\n", None, Ok("/sys/fs/cgroup/unified")),
        (hybrid(), "0::/user/s.scope\n", None, Ok("/sys/fs/cgroup/unified/user/s.scope")),
        (
            hybrid(),
            "0::/a\n",
            Some("/sys/fs/cgroup/unified/runs.service"),
            Ok("/sys/fs/cgroup/unified/runs.service"),
        ),
        (
            hybrid(),
            "0::/a\n",
            Some("/sys/fs/cgroup/memory"),
            Err("is not in a cgroup v2 hierarchy"),
        ),
        (hybrid(), "4:memory:/\n", None, Err("not in a cgroup v2 group")),
        (hybrid(), "0::/../x\n", None, Err("not in the mounted hierarchy")),
        (vec![], "0::/\n", None, Err("no cgroup v2 hierarchy is mounted")),
        (vec![mount("/", "/c", true)], "0::/\n", None, Err("/c is read-only")),
        (shadowed, "0::/box/a\n", None, Ok("/sys/fs/cgroup/box/a")),
    ] {
        let found = choose_parent(&mounts, own.as_bytes(), wanted.map(Path::new));
        match (&found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, Path::new(expected)),
            (Err(why), Err(part)) => assert!(why.contains(part), "{why}"),
            (found, expected) => panic!("{own:?}: {found:?}, not {expected:?}"),
        }
    }
}

fn groups(controllers: &[&'static str]) -> Containment {
    let controllers = controllers.iter().copied().collect();
    Containment::Groups(Base {
        directory: "/c/kanband-1".into(),
        name: "kanband-1".into(),
        controllers,
        held: None,
    })
}

const ALL: GroupLimits =
    GroupLimits { memory_max_bytes: Some(1), pids_max: Some(2), cpu_percent: Some(3) };

#[test]
fn a_limit_without_its_controller_is_told_and_not_passed_on() {
    let none = Containment::SubReaper { why: "no".into(), name: "kanband-1".into() };
    for (containment, not_enforced, passed) in [
        (groups(&["memory", "pids", "cpu"]), vec![], Some(ALL)),
        (
            groups(&["pids"]),
            vec!["memory_max", "cpu_percent"],
            Some(GroupLimits { pids_max: Some(2), ..GroupLimits::default() }),
        ),
        (groups(&[]), vec!["memory_max", "pids_max", "cpu_percent"], Some(GroupLimits::default())),
        (none, vec!["memory_max", "pids_max", "cpu_percent"], None),
    ] {
        assert_eq!(containment.not_enforced(&ALL), not_enforced, "{containment:?}");
        assert!(containment.not_enforced(&GroupLimits::default()).is_empty());
        assert_eq!(containment.of_run(7, &ALL).map(|spec| spec.limits), passed, "{containment:?}");
    }
    let spec = groups(&[]).of_run(7, &ALL).unwrap();
    assert_eq!(spec.leaf, Path::new("/c/kanband-1/runs/7"));
    assert_eq!(spec.shims, Path::new("/c/kanband-1/shims"));
}

#[test]
fn the_mode_is_told_with_what_it_lacks() {
    assert_eq!(
        groups(&["memory", "pids", "cpu"]).describe(),
        "cgroup v2 at /c/kanband-1, controllers: memory, pids, cpu"
    );
    assert_eq!(
        groups(&["pids"]).describe(),
        "cgroup v2 at /c/kanband-1, controllers: pids; not enforced: memory, cpu limits"
    );
}

#[test]
fn a_whole_cpu_is_a_hundred_percent() {
    for (percent, text) in [(100, "100000 100000"), (1, "1000 100000"), (250, "250000 100000")] {
        assert_eq!(cpu_max(percent), text);
    }
}

#[test]
fn a_home_has_one_name_however_it_is_reached() {
    let temp = tempfile::tempdir().unwrap();
    std::fs::create_dir(temp.path().join("home")).unwrap();
    std::os::unix::fs::symlink("home", temp.path().join("link")).unwrap();
    let name = base_name(&temp.path().join("home"));
    assert_eq!(base_name(&temp.path().join("link")), name);
    assert_ne!(base_name(temp.path()), name);
    assert_eq!(name.len(), "kanband-".len() + 12);
}

#[test]
fn a_directory_that_is_no_control_group_is_refused_and_left_as_it_was() {
    let temp = tempfile::tempdir().unwrap();
    let why = Base::make(temp.path(), "kanband-1".into()).unwrap_err();
    assert!(why.contains("is not a control group"), "{why}");
    assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 0);
}
