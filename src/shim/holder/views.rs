//! What a run can be given to see of the machine, tried out once at the start.

use std::io;

use nix::errno::Errno;

use crate::os::holder::protocol::{AskedView, PossibleViews};
use crate::os::processes::run_view::{PreparedView, RunView};

/// Size of the `/tmp` that is tried out, bytes.
const TRIED_BYTES: u64 = 1 << 20;

/// Which parts can be made here.
pub fn possible(has_no_mounts: bool) -> PossibleViews {
    if has_no_mounts {
        let why = Some("--no-mounts is set".to_owned());
        return PossibleViews { why_no_tmp: why.clone(), why_no_proc: why };
    }
    let tried = |view: RunView| view.try_out().err();
    let tmp = RunView { tmp_bytes: Some(TRIED_BYTES), hides_processes: false };
    let proc = RunView { tmp_bytes: None, hides_processes: true };
    PossibleViews {
        why_no_tmp: tried(tmp).map(|error| why_not(&error, None)),
        why_no_proc: tried(proc).map(|error| why_not(&error, Some("hidepid of one mount"))),
    }
}

/// In words. A kernel before Linux 5.8 does not know the option for one mount, and says EINVAL.
fn why_not(error: &io::Error, option: Option<&str>) -> String {
    match (error.raw_os_error().map(Errno::from_raw), option) {
        (Some(Errno::EINVAL), Some(option)) => format!("{option} requires Linux 5.8"),
        (Some(Errno::EPERM), _) => {
            "mounts are not permitted (CAP_SYS_ADMIN is missing, or a container forbids them)"
                .to_owned()
        }
        (Some(errno), _) => format!("the kernel refuses the mount: {}", errno.desc()),
        (None, _) => format!("the mount cannot be tried out: {error}"),
    }
}

/// In a few words.
pub fn describe(views: &PossibleViews) -> String {
    let part = |name: &str, why: &Option<String>| match why {
        Some(why) => format!("no {name} of their own: {why}"),
        None => format!("{name} of their own"),
    };
    format!("{}; {}", part("/tmp", &views.why_no_tmp), part("/proc", &views.why_no_proc))
}

/// What is asked for, as far as it can be made here; none for the host's.
///
/// # Errors
/// None that can occur.
pub fn prepared(
    asked: Option<AskedView>,
    possible: &PossibleViews,
) -> io::Result<Option<PreparedView>> {
    let view = granted(asked.unwrap_or_default(), possible);
    if view.is_hosts() { Ok(None) } else { view.prepare().map(Some) }
}

fn granted(asked: AskedView, possible: &PossibleViews) -> RunView {
    RunView {
        tmp_bytes: asked.tmp_bytes.filter(|_| possible.why_no_tmp.is_none()),
        hides_processes: asked.hides_processes && possible.why_no_proc.is_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_gets_what_is_asked_for_and_can_be_made() {
        let all = PossibleViews::default();
        let no_tmp = PossibleViews { why_no_tmp: Some("x".into()), why_no_proc: None };
        let no_proc = PossibleViews { why_no_tmp: None, why_no_proc: Some("x".into()) };
        let both = AskedView { tmp_bytes: Some(7), hides_processes: true };
        let nothing = AskedView::default();
        for (asked, possible, tmp_bytes, hides_processes) in [
            (both, &all, Some(7), true),
            (both, &no_tmp, None, true),
            (both, &no_proc, Some(7), false),
            (nothing, &all, None, false),
        ] {
            let expected = RunView { tmp_bytes, hides_processes };
            assert_eq!(granted(asked, possible), expected, "{asked:?} {possible:?}");
        }
    }

    #[test]
    fn without_mounts_both_parts_say_why_and_an_old_kernel_is_named() {
        let none = possible(true);
        assert_eq!(none.why_no_tmp, none.why_no_proc);
        assert!(describe(&none).contains("no /tmp of their own: --no-mounts is set; no /proc"));
        let error = |errno: Errno| io::Error::from_raw_os_error(errno as i32);
        let option = Some("hidepid of one mount");
        for (error, option, expected) in [
            (error(Errno::EINVAL), option, "hidepid of one mount requires Linux 5.8"),
            (error(Errno::EINVAL), None, "the kernel refuses the mount: Invalid argument"),
            (error(Errno::EPERM), option, "mounts are not permitted"),
        ] {
            let found = why_not(&error, option);
            assert!(found.starts_with(expected), "{found}");
        }
    }
}
