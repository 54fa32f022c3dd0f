//! The environment of a worker, built from nothing.
//!
//! The daemon's own environment holds what its service needs (tokens of chat platforms, for one), so it is not
//! copied: a short list of names passes, the operator may add to it, the profile has variables of its own, and
//! over all of these come the ones by which a worker finds its task. Those are the daemon's alone: a variable
//! of that name from anywhere else is dropped even when the daemon has none to set, so that a task without a
//! tenant never gets that of another task.

use std::collections::BTreeMap;
use std::path::Path;

/// Names that pass from the daemon to its workers. `LC_` names pass too.
const PASSED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "TZ",
    "TMPDIR",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "CURL_CA_BUNDLE",
];

/// The predecessor's names that workers written for it read.
const COMPATIBILITY: &[&str] =
    &["HERMES_KANBAN_TASK", "HERMES_KANBAN_WORKSPACE", "HERMES_PROFILE", "HERMES_TENANT"];

/// Where programs are looked for when nobody says.
pub const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// What a worker's environment is made of. Not `Debug`: it holds the daemon's secrets.
#[derive(Clone, Copy)]
pub struct WorkerEnvironment<'a> {
    /// The daemon's own environment.
    pub daemon: &'a BTreeMap<String, String>,
    /// `supervision.pass_env`.
    pub pass_env: &'a [String],
    /// The user that the worker runs as, when it is not the daemon's.
    pub user: Option<WorkerUser<'a>>,
    /// `env` of the profile.
    pub profile_env: &'a BTreeMap<String, String>,
    /// What the run is about.
    pub run: RunVariables<'a>,
    /// `hermes_env` of the launcher.
    pub hermes_env: bool,
    /// Directory of the `kanban` program; none when it is not known.
    pub kanban_dir: Option<&'a Path>,
}

/// A user of the machine, for the variables that name it.
#[derive(Debug, Clone, Copy)]
pub struct WorkerUser<'a> {
    /// Login name.
    pub name: &'a str,
    /// Home directory.
    pub home: &'a str,
    /// Login shell.
    pub shell: &'a str,
}

/// What a worker learns about its run.
#[derive(Debug, Clone, Copy)]
pub struct RunVariables<'a> {
    /// Id of the task.
    pub task: &'a str,
    /// Id of the run.
    pub run_id: i64,
    /// What it is for: `work` or `review`.
    pub role: &'a str,
    /// Absolute path of the workspace.
    pub workspace: &'a str,
    /// Board of the task.
    pub board: &'a str,
    /// Profile that it runs as.
    pub profile: &'a str,
    /// Tenant of the task.
    pub tenant: Option<&'a str>,
    /// The workers' socket.
    pub socket: &'a str,
    /// The file with the run's token.
    pub token_file: &'a str,
}

/// The search path for the programs of workers with these variables of their profile, without the folder of `kanban`.
pub fn search_path(
    profile_env: &BTreeMap<String, String>,
    daemon: &BTreeMap<String, String>,
) -> String {
    let path = profile_env.get("PATH").or_else(|| daemon.get("PATH"));
    path.map_or(DEFAULT_PATH, String::as_str).to_owned()
}

/// The whole environment of a worker.
pub fn worker_environment(parts: &WorkerEnvironment<'_>) -> BTreeMap<String, String> {
    let mut env: BTreeMap<String, String> = parts
        .daemon
        .iter()
        .filter(|(name, _)| passes(name, parts.pass_env))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if let Some(user) = &parts.user {
        for (name, value) in [
            ("USER", user.name),
            ("LOGNAME", user.name),
            ("HOME", user.home),
            ("SHELL", user.shell),
        ] {
            env.insert(name.to_owned(), value.to_owned());
        }
    }
    env.extend(parts.profile_env.iter().map(|(name, value)| (name.clone(), value.clone())));
    env.retain(|name, _| !is_reserved(name));
    env.extend(run_variables(&parts.run, parts.hermes_env));
    let path = path_with(env.get("PATH").map(String::as_str), parts.kanban_dir);
    env.insert("PATH".to_owned(), path);
    env
}

fn passes(name: &str, pass_env: &[String]) -> bool {
    PASSED.contains(&name) || name.starts_with("LC_") || pass_env.iter().any(|one| one == name)
}

/// Whether the daemon alone may set the variable.
fn is_reserved(name: &str) -> bool {
    name.starts_with("KANBAN_") || COMPATIBILITY.contains(&name)
}

fn run_variables(run: &RunVariables<'_>, hermes_env: bool) -> BTreeMap<String, String> {
    let run_id = run.run_id.to_string();
    let set = [
        ("KANBAN_TASK", Some(run.task)),
        ("KANBAN_RUN", Some(run_id.as_str())),
        ("KANBAN_WORKSPACE", Some(run.workspace)),
        ("KANBAN_BOARD", Some(run.board)),
        ("KANBAN_PROFILE", Some(run.profile)),
        ("KANBAN_ROLE", Some(run.role)),
        ("KANBAN_TENANT", run.tenant),
        ("KANBAN_SOCKET", Some(run.socket)),
        ("KANBAN_TOKEN_FILE", Some(run.token_file)),
        ("HERMES_KANBAN_TASK", hermes_env.then_some(run.task)),
        ("HERMES_KANBAN_WORKSPACE", Some(run.workspace)),
        ("HERMES_PROFILE", Some(run.profile)),
        ("HERMES_TENANT", run.tenant),
    ];
    set.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect()
}

/// The search path with `dir` at its end unless it is on it.
fn path_with(path: Option<&str>, dir: Option<&Path>) -> String {
    let path = path.filter(|path| !path.is_empty()).unwrap_or(DEFAULT_PATH);
    // A directory with a colon in its name cannot stand in a search path at all.
    let dir = dir.and_then(Path::to_str).filter(|dir| !dir.is_empty() && !dir.contains(':'));
    match dir {
        Some(dir) if !path.split(':').any(|part| Path::new(part) == Path::new(dir)) => {
            format!("{path}:{dir}")
        }
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    const RUN: RunVariables<'static> = RunVariables {
        task: "t_1",
        run_id: 7,
        role: "work",
        workspace: "/w",
        board: "default",
        profile: "coder",
        tenant: None,
        socket: "/s.worker",
        token_file: "/r/7/token",
    };

    struct Given<'a> {
        daemon: &'a [(&'a str, &'a str)],
        pass_env: &'a [&'a str],
        profile_env: &'a [(&'a str, &'a str)],
        run: RunVariables<'a>,
        hermes_env: bool,
        user: Option<WorkerUser<'a>>,
    }

    const NOTHING: Given<'static> = Given {
        daemon: &[],
        pass_env: &[],
        profile_env: &[],
        run: RUN,
        hermes_env: true,
        user: None,
    };

    fn build(given: &Given<'_>) -> BTreeMap<String, String> {
        let pass_env: Vec<String> = given.pass_env.iter().map(|one| (*one).to_owned()).collect();
        worker_environment(&WorkerEnvironment {
            daemon: &map(given.daemon),
            pass_env: &pass_env,
            user: given.user,
            profile_env: &map(given.profile_env),
            run: given.run,
            hermes_env: given.hermes_env,
            kanban_dir: None,
        })
    }

    #[test]
    fn from_nothing_comes_what_the_run_needs_and_no_more() {
        let expected = map(&[
            ("HERMES_KANBAN_TASK", "t_1"),
            ("HERMES_KANBAN_WORKSPACE", "/w"),
            ("HERMES_PROFILE", "coder"),
            ("KANBAN_BOARD", "default"),
            ("KANBAN_PROFILE", "coder"),
            ("KANBAN_ROLE", "work"),
            ("KANBAN_RUN", "7"),
            ("KANBAN_SOCKET", "/s.worker"),
            ("KANBAN_TASK", "t_1"),
            ("KANBAN_TOKEN_FILE", "/r/7/token"),
            ("KANBAN_WORKSPACE", "/w"),
            ("PATH", DEFAULT_PATH),
        ]);
        assert_eq!(build(&NOTHING), expected);
    }

    #[test]
    fn the_daemons_variables_pass_by_name_only() {
        let table = [
            ("HOME", true),
            ("LANG", true),
            ("LC_ALL", true),
            ("LC_TIME", true),
            ("https_proxy", true),
            ("HTTPS_PROXY", true),
            ("all_proxy", true),
            ("SSL_CERT_FILE", true),
            ("NODE_EXTRA_CA_CERTS", true),
            ("EXTRA", true),
            ("EXTRA_TOO", false),
            ("TELEGRAM_TOKEN", false),
            ("LD_PRELOAD", false),
            ("XDG_RUNTIME_DIR", false),
            ("lc_all", false),
            ("NOTIFY_SOCKET", false),
        ];
        for (name, passes) in table {
            let env = build(&Given { daemon: &[(name, "v")], pass_env: &["EXTRA"], ..NOTHING });
            assert_eq!(env.get(name).map(String::as_str), passes.then_some("v"), "{name}");
        }
    }

    #[test]
    fn the_profile_wins_over_the_daemon_and_the_run_over_both() {
        let env = build(&Given {
            daemon: &[("LANG", "C"), ("TZ", "UTC"), ("KANBAN_TASK", "t_9"), ("KANBAN_HOME", "/k")],
            pass_env: &["KANBAN_TASK", "KANBAN_HOME"],
            profile_env: &[("LANG", "de_DE"), ("KANBAN_SOCKET", "/evil"), ("HERMES_PROFILE", "x")],
            ..NOTHING
        });
        assert_eq!((env["LANG"].as_str(), env["TZ"].as_str()), ("de_DE", "UTC"));
        assert_eq!(
            (env["KANBAN_TASK"].as_str(), env["KANBAN_SOCKET"].as_str()),
            ("t_1", "/s.worker")
        );
        assert_eq!(env["HERMES_PROFILE"], "coder");
        assert!(!env.contains_key("KANBAN_HOME"));
    }

    #[test]
    fn a_task_without_a_tenant_gets_nobodys() {
        let stray = [("KANBAN_TENANT", "stray"), ("HERMES_TENANT", "stray")];
        for (tenant, expected) in [(None, None), (Some("acme"), Some("acme"))] {
            let env = build(&Given {
                daemon: &stray,
                pass_env: &["KANBAN_TENANT", "HERMES_TENANT"],
                profile_env: &stray,
                run: RunVariables { tenant, ..RUN },
                ..NOTHING
            });
            for name in ["KANBAN_TENANT", "HERMES_TENANT"] {
                assert_eq!(env.get(name).map(String::as_str), expected, "{name}");
            }
        }
    }

    #[test]
    fn a_launcher_can_keep_the_predecessors_tools_off() {
        let stray = [("HERMES_KANBAN_TASK", "t_9")];
        let given = Given {
            daemon: &stray,
            pass_env: &["HERMES_KANBAN_TASK"],
            hermes_env: false,
            ..NOTHING
        };
        let env = build(&given);
        assert!(!env.contains_key("HERMES_KANBAN_TASK"));
        assert_eq!(env["HERMES_KANBAN_WORKSPACE"], "/w");
        assert_eq!(build(&Given { hermes_env: true, ..given })["HERMES_KANBAN_TASK"], "t_1");
    }

    #[test]
    fn another_user_has_its_own_home_and_name() {
        let user = WorkerUser { name: "agent", home: "/home/agent", shell: "/bin/sh" };
        let daemon =
            [("HOME", "/root"), ("USER", "root"), ("LOGNAME", "root"), ("SHELL", "/bin/zsh")];
        let profile_env = [("SHELL", "/bin/bash")];
        let env = build(&Given {
            daemon: &daemon,
            profile_env: &profile_env,
            user: Some(user),
            ..NOTHING
        });
        let seen = ["HOME", "USER", "LOGNAME", "SHELL"].map(|name| env[name].as_str());
        assert_eq!(seen, ["/home/agent", "agent", "agent", "/bin/bash"]);
    }

    #[test]
    fn the_folder_of_kanban_is_appended_to_the_path_once() {
        let table = [
            (Some("/usr/bin:/bin"), Some("/opt/k"), "/usr/bin:/bin:/opt/k"),
            (Some("/usr/bin:/opt/k"), Some("/opt/k"), "/usr/bin:/opt/k"),
            (Some("/opt/k/:/bin"), Some("/opt/k"), "/opt/k/:/bin"),
            (Some("/opt/kanban"), Some("/opt/k"), "/opt/kanban:/opt/k"),
            (Some(""), Some("/opt/k"), "/usr/local/bin:/usr/bin:/bin:/opt/k"),
            (None, None, "/usr/local/bin:/usr/bin:/bin"),
            (Some("/bin"), Some("/a:b"), "/bin"),
            (Some("/bin"), Some(""), "/bin"),
        ];
        for (path, dir, expected) in table {
            assert_eq!(path_with(path, dir.map(Path::new)), expected, "{path:?} {dir:?}");
        }
    }
}
