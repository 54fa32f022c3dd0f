//! Parsers for values of flags beyond clap's own.

use std::time::Duration;

use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::times::Times;
use crate::config::Ambient;
use crate::duration::{parse_duration, parse_flag_duration};
use crate::kernel::error::ErrorCode;
use crate::kernel::ids::EpochSeconds;
use crate::kernel::rules::priority;

/// A duration with a unit, or plain seconds.
///
/// # Errors
/// A usage error that names the flag.
pub fn duration(flag: &str, text: &str) -> Result<Duration, Failure> {
    parse_flag_duration(text)
        .map_err(|error| Failure::usage_of(ErrorCode::InvalidValue, format!("{flag}: {error}")))
}

/// A duration of whole seconds, at least one.
///
/// # Errors
/// A usage error that names the flag.
pub fn whole_seconds(flag: &str, text: &str) -> Result<i64, Failure> {
    let seconds = duration(flag, text)?.as_secs();
    if seconds == 0 {
        let message = format!("{flag}: must be at least one second: {text:?}");
        return Err(Failure::usage_of(ErrorCode::InvalidValue, message));
    }
    Ok(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// A priority: a number, or one of the words `low`, `normal`, `high` and `urgent`.
///
/// # Errors
/// One line for the argument parser.
pub fn priority(text: &str) -> Result<i64, String> {
    match (priority::of_name(text), text.parse::<i64>()) {
        (Some(number), _) | (None, Ok(number)) => Ok(number),
        (None, Err(_)) => Err(format!("expected {}", priority::EXPECTED)),
    }
}

/// A profile, or nobody: `none`, `-` and `null` in any case clear the assignee.
///
/// # Errors
/// A usage error when it is blank: more likely a variable is empty than blank on purpose.
pub fn profile_or_nobody(text: &str) -> Result<Option<String>, Failure> {
    if text.trim().is_empty() {
        return Err(Failure::usage_of(ErrorCode::InvalidValue, "PROFILE is empty")
            .with_hint("use `none` to clear the assignee"));
    }
    let is_nobody = ["none", "-", "null"].iter().any(|word| text.eq_ignore_ascii_case(word));
    Ok((!is_nobody).then(|| text.to_owned()))
}

/// A point in time as epoch seconds: such a number itself, the beginning of a day (`2026-05-01`), a time of it in the host's zone
/// (`2026-05-01 09:00`), RFC 3339, or how long ago (`2d ago`, `2d`).
///
/// # Errors
/// A usage error that names the flag.
pub fn point_in_time(flag: &str, text: &str, times: &Times) -> Result<EpochSeconds, Failure> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<EpochSeconds>() {
        return Ok(seconds);
    }
    if let Some(point) = times.midnight(text).or_else(|| times.point(text)) {
        return Ok(point);
    }
    let length = text.strip_suffix("ago").map_or(text, str::trim_end);
    match parse_duration(length) {
        Ok(length) => {
            Ok(times.now().saturating_sub(i64::try_from(length.as_secs()).unwrap_or(i64::MAX)))
        }
        Err(_) => {
            let message = format!("{flag}: malformed time {text:?}");
            Err(Failure::usage_of(ErrorCode::InvalidValue, message)
                .with_hint(
                "use a date (2026-05-01), a time (2026-05-01 09:00), RFC 3339, an age (2d ago) or epoch seconds",
            ))
        }
    }
}

/// A time ahead as epoch seconds: such a number itself, the beginning of a day (`2026-05-01`), a time of it in the host's zone
/// (`2026-05-01 09:00`, `tomorrow 9:00`, `mon 9:00`), or RFC 3339; 0 for `none`.
///
/// # Errors
/// A usage error that names the flag.
pub fn time_or_none(flag: &str, text: &str, times: &Times) -> Result<EpochSeconds, Failure> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("none") {
        return Ok(0);
    }
    let number = text.parse::<EpochSeconds>().ok().filter(|seconds| *seconds > 0);
    number.or_else(|| times.midnight(text)).or_else(|| times.point(text)).or_else(|| times.ahead(text)).ok_or_else(|| {
        let message = format!("{flag}: malformed time {text:?}");
        Failure::usage_of(ErrorCode::InvalidValue, message).with_hint(
            "use a time (2026-05-01 09:00, tomorrow 9:00, mon 9:00), a date, RFC 3339, epoch seconds, or none",
        )
    })
}

/// Now, in the zone that `--tz` names, or here.
///
/// # Errors
/// A usage error for an unknown zone.
pub fn zone_times(tz: Option<&str>, session: &Session) -> Result<Times, Failure> {
    let Some(name) = tz else { return Ok(session.times()) };
    session.times().in_zone(name).ok_or_else(|| {
        let message = format!("--tz: unknown time zone {name:?}");
        Failure::usage_of(ErrorCode::InvalidValue, message)
            .with_hint("use a name such as Europe/Berlin or UTC")
    })
}

/// When a task may start, and the zone in which the times of a command are read.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct StartFlags {
    /// Do not start before this time (2026-05-01 09:00, `tomorrow 9:00`, `mon 9:00`, RFC 3339, epoch seconds); `none`: at once
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, conflicts_with = "start_in")]
    at: Option<String>,
    /// Do not start before this much time has passed (90s, 1h30m, 2d, 1w)
    #[arg(long = "in", value_name = "DURATION", allow_hyphen_values = true)]
    start_in: Option<String>,
    /// Time zone of the times given, such as Europe/Berlin (default: that of this host)
    #[arg(long, value_name = "ZONE")]
    tz: Option<String>,
}

impl StartFlags {
    /// Whether no start is named.
    pub fn is_empty(&self) -> bool {
        self.at.is_none() && self.start_in.is_none()
    }

    /// Now, in the zone that is named.
    ///
    /// # Errors
    /// A usage error for an unknown zone.
    pub fn times(&self, session: &Session) -> Result<Times, Failure> {
        zone_times(self.tz.as_deref(), session)
    }

    /// The earliest start, epoch seconds; 0 for `--at none`.
    ///
    /// # Errors
    /// A usage error that names the flag.
    pub fn start_at(&self, times: &Times) -> Result<Option<EpochSeconds>, Failure> {
        match (&self.at, &self.start_in) {
            (Some(text), _) => Ok(Some(time_or_none("--at", text, times)?)),
            (None, Some(text)) => {
                Ok(Some(times.now().saturating_add(whole_seconds("--in", text)?)))
            }
            (None, None) => Ok(None),
        }
    }
}

/// A workspace as the API names it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Workspace {
    /// Its kind, whether there is such a kind or not: the board knows.
    pub kind: Option<String>,
    /// Its path, with `~` filled in.
    pub path: Option<String>,
}

/// Reads `scratch`, `dir:PATH`, `worktree` or `worktree:PATH`.
pub fn workspace(text: &str, ambient: &Ambient) -> Workspace {
    if text.is_empty() {
        return Workspace::default();
    }
    match text.split_once(':') {
        None => Workspace { kind: Some(text.to_owned()), path: None },
        Some((kind, path)) => {
            Workspace { kind: Some(kind.to_owned()), path: Some(with_home(path, ambient)) }
        }
    }
}

/// `~` at the beginning of a path is the user's home, as in a shell. Another user's (`~ann`) is left to the shell.
fn with_home(path: &str, ambient: &Ambient) -> String {
    let Some(rest) = path.strip_prefix('~') else { return path.to_owned() };
    if !rest.is_empty() && !rest.starts_with('/') {
        return path.to_owned();
    }
    let of_user = || ambient.user_home.as_ref().map(|home| home.to_string_lossy().into_owned());
    match ambient.var("HOME").map(str::to_owned).or_else(of_user) {
        Some(home) => format!("{}{rest}", home.trim_end_matches('/')),
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ambient::tests::ambient;

    #[test]
    fn a_workspace_is_a_kind_and_maybe_a_path() {
        let user = ambient(&[("HOME", "/home/bea/")]);
        for (text, kind, path) in [
            ("", None, None),
            ("scratch", Some("scratch"), None),
            ("worktree", Some("worktree"), None),
            ("dir:/x", Some("dir"), Some("/x")),
            ("dir:~/x:y", Some("dir"), Some("/home/bea/x:y")),
            ("dir:~", Some("dir"), Some("/home/bea")),
            ("dir:~ann/x", Some("dir"), Some("~ann/x")),
            ("dir:", Some("dir"), Some("")),
            ("worktree:x", Some("worktree"), Some("x")),
            ("cloud", Some("cloud"), None),
        ] {
            let expected =
                Workspace { kind: kind.map(str::to_owned), path: path.map(str::to_owned) };
            assert_eq!(workspace(text, &user), expected, "{text:?}");
        }
        assert_eq!(workspace("dir:~/x", &ambient(&[])).path.as_deref(), Some("/home/ann/x"));
    }

    #[test]
    fn nobody_has_three_names_and_a_blank_is_none_of_them() {
        for (text, expected) in
            [("none", None), ("None", None), ("-", None), ("NULL", None), ("nora", Some("nora"))]
        {
            assert_eq!(profile_or_nobody(text).unwrap().as_deref(), expected, "{text:?}");
        }
        for text in ["", " \t"] {
            assert!(profile_or_nobody(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_time_is_a_number_a_day_or_an_age() {
        let times = Times::of_process();
        let point = |text: &str| point_in_time("--created-after", text, &times);
        assert_eq!(point("1700000000").unwrap(), 1_700_000_000);
        assert_eq!(point("-5").unwrap(), -5);
        for text in ["2d ago", "2d", " 48h ago "] {
            assert_eq!(point(text).unwrap(), times.now() - 172_800, "{text:?}");
        }
        assert_eq!(Some(point("2026-05-01").unwrap()), times.midnight("2026-05-01"));
        let nine = times.midnight("2026-05-01").map(|midnight| midnight + 9 * 3_600);
        assert_eq!(Some(point("2026-05-01 09:00").unwrap()), nine);
        assert_eq!(point("2026-05-01T09:00:00Z").unwrap(), 1_777_626_000);
        for text in ["", "soon", "2026-13-01", "2026-05", "1.5", "ago", "yesterday", "-2d"] {
            assert!(point(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_priority_is_a_number_or_a_word() {
        for (text, expected) in
            [("3", 3), ("-7", -7), ("low", -10), ("Normal", 0), ("high", 10), ("URGENT", 100)]
        {
            assert_eq!(priority(text), Ok(expected), "{text}");
        }
        for text in ["", "highest", "1.5", "99999999999999999999"] {
            assert!(priority(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_limit_is_at_least_a_second() {
        assert_eq!(whole_seconds("--ttl", "90").unwrap(), 90);
        assert_eq!(whole_seconds("--ttl", "1.5m").unwrap(), 90);
        for text in ["0", "0s", "500ms", "abc", "-1", "-1h", ""] {
            assert!(whole_seconds("--ttl", text).is_err(), "{text:?}");
        }
    }
}
