//! Which files are read, and how their values override each other.

mod problems;

use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::config::ambient::tests::ambient;
use crate::config::settings::Verdict;
use crate::config::template::Template;

/// The settings of a home whose `kanband.toml` is `text`.
pub(crate) fn settings(text: &str) -> Settings {
    Machine::new(&[("home/kanband.toml", text)]).load_home(&[]).unwrap()
}

/// The values of a home whose `kanband.toml` is `text`.
pub(crate) fn shown(text: &str) -> Shown {
    let machine = Machine::new(&[("home/kanband.toml", text)]);
    let home = machine.path("home");
    let surroundings = ambient(&[("KANBAN_HOME", home.to_str().unwrap())]);
    load(&surroundings, &Home::resolve(&surroundings).unwrap()).unwrap().1
}

/// A file system with some files.
struct Machine {
    dir: tempfile::TempDir,
}

impl Machine {
    fn new(files: &[(&str, &str)]) -> Self {
        let machine = Self { dir: tempfile::tempdir().unwrap() };
        for (path, text) in files {
            let path = machine.path(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        machine
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn load_as(&self, uid: u32, env: &[(&str, &str)]) -> Result<Settings, ConfigProblems> {
        let root = self.dir.path().to_owned();
        let surroundings = Ambient { uid, root, working_directory: None, ..ambient(env) };
        load(&surroundings, &Home::resolve(&surroundings).unwrap()).map(|(settings, _)| settings)
    }

    fn load_home(&self, env: &[(&str, &str)]) -> Result<Settings, ConfigProblems> {
        let home = self.path("home");
        let env = [&[("KANBAN_HOME", home.to_str().unwrap())], env].concat();
        self.load_as(1000, &env)
    }

    /// The problems, one to a line, with the directory of the machine left out.
    fn problems(&self, outcome: Result<Settings, ConfigProblems>) -> Vec<String> {
        let dir = format!("{}/", self.dir.path().display());
        outcome.unwrap_err().to_string().replace(&dir, "").lines().map(str::to_owned).collect()
    }
}

fn max_running(value: u32) -> String {
    format!("[dispatch]\nmax_running = {value}\n")
}

#[test]
fn without_files_the_built_in_settings_hold() {
    let machine = Machine::new(&[]);
    for uid in [0, 1000] {
        assert_eq!(machine.load_as(uid, &[]), Ok(Settings::default()));
    }
    assert_eq!(machine.load_home(&[]), Ok(Settings::default()));
    assert_eq!(settings(""), Settings::default());
}

#[test]
fn each_layer_goes_over_the_ones_before_it() {
    let config_home = ("XDG_CONFIG_HOME", "");
    let files = [
        ("etc/kanband/kanband.toml", 1),
        ("etc/kanband/conf.d/10-a.toml", 2),
        ("etc/kanband/conf.d/20-b.toml", 3),
        ("config/kanband/kanband.toml", 4),
    ];
    for count in 0..=files.len() {
        let texts: Vec<_> =
            files.iter().take(count).map(|(path, value)| (*path, max_running(*value))).collect();
        let texts: Vec<_> = texts.iter().map(|(path, text)| (*path, text.as_str())).collect();
        let machine = Machine::new(&texts);
        let config = machine.path("config");
        let config = [(config_home.0, config.to_str().unwrap())];
        let expected = if count == 0 { 8 } else { u32::try_from(count).unwrap() };
        let of_user = machine.load_as(1000, &config).unwrap();
        assert_eq!(of_user.dispatch.max_running, expected, "user, {count} files");
        // The machine's daemon does not look into anybody's home.
        let of_root = machine.load_as(0, &config).unwrap();
        assert_eq!(of_root.dispatch.max_running, if count == 4 { 3 } else { expected });

        let variable = ("KANBAND__DISPATCH__MAX_RUNNING", "5");
        let of_user = machine.load_as(1000, &[config[0], variable]).unwrap();
        assert_eq!(of_user.dispatch.max_running, 5);
    }
}

#[test]
fn a_chosen_home_reads_its_own_files_and_no_others() {
    let machine = Machine::new(&[
        ("etc/kanband/kanband.toml", "[claims]\nttl = \"1m\"\n"),
        ("etc/kanband/conf.d/a.toml", "nonsense"),
        ("home/kanband.toml", &max_running(1)),
        ("home/conf.d/b.toml", &max_running(2)),
        ("home/conf.d/a.toml", &max_running(3)),
        ("home/conf.d/.#z.toml", "nonsense"),
        ("home/conf.d/z.toml.bak", "nonsense"),
    ]);
    let settings = machine.load_home(&[]).unwrap();
    assert_eq!(settings.dispatch.max_running, 2);
    assert_eq!(settings.claims.ttl, Duration::from_secs(900));
}

#[test]
fn tables_are_merged_and_lists_replaced() {
    let machine = Machine::new(&[
        (
            "home/kanband.toml",
            "[supervision]\npass_env = [\"A\", \"B\"]\n[profiles.Coder]\nlauncher = \"hermes\"\n\
             [profiles.Coder.env]\nA = \"1\"\nB = \"2\"\n",
        ),
        (
            "home/conf.d/a.toml",
            "[supervision]\npass_env = [\"C\"]\n[profiles.Coder]\nmax_running = 1\n\
             [profiles.Coder.env]\nB = \"3\"\n",
        ),
    ]);
    let settings = machine.load_home(&[]).unwrap();
    assert_eq!(settings.supervision.pass_env, ["C"]);
    let coder = &settings.profiles["Coder"];
    assert_eq!((coder.launcher.as_deref(), coder.max_running), (Some("hermes"), Some(1)));
    assert_eq!(coder.env.0, [("A", "1"), ("B", "3")].map(|(k, v)| (k.into(), v.into())).into());
}

#[test]
fn every_plain_key_of_a_file_reaches_its_setting() {
    let settings = settings(
        r#"
        [dispatch]
        enabled = false
        interval_seconds = 30
        max_running = 3
        strict_profiles = true
        failure_limit = 4
        backoff_base = "2s"
        backoff_max = "1H"
        lifetime_starts = 9
        [supervision]
        linger = "0s"
        grace = "500ms"
        spawn_timeout = "3s"
        max_runtime = "1.5h"
        pass_env = ["ANTHROPIC_API_KEY"]
        shim = "/opt/shim"
        log_head_bytes = 0
        log_tail_bytes = 4096
        log_pace_bytes_per_second = 65536
        [claims]
        ttl = "1m"
        [log]
        level = "debug"
        "#,
    );
    let dispatch = &settings.dispatch;
    assert!(!dispatch.enabled && dispatch.strict_profiles);
    assert_eq!(dispatch.interval, Duration::from_secs(30));
    assert_eq!((dispatch.max_running, dispatch.failure_limit, dispatch.lifetime_starts), (3, 4, 9));
    assert_eq!(dispatch.backoff_base, Duration::from_secs(2));
    assert_eq!(dispatch.backoff_max, Duration::from_secs(3600));
    let supervision = &settings.supervision;
    assert_eq!(supervision.linger, Duration::ZERO);
    assert_eq!(supervision.grace, Duration::from_millis(500));
    assert_eq!(supervision.spawn_timeout, Duration::from_secs(3));
    assert_eq!(supervision.max_runtime, Duration::from_secs(5400));
    assert_eq!(supervision.pass_env, ["ANTHROPIC_API_KEY"]);
    assert_eq!(supervision.shim.as_deref(), Some(Path::new("/opt/shim")));
    assert_eq!((supervision.log_head_bytes, supervision.log_tail_bytes), (0, 4096));
    assert_eq!(supervision.log_pace_bytes_per_second, 65_536);
    assert_eq!(settings.claims.ttl, Duration::from_secs(60));
    assert_eq!(settings.log.level.as_str(), "debug");
}

#[test]
fn every_key_of_a_named_table_reaches_its_setting() {
    let settings = settings(
        r#"
        [dispatch]
        default_launcher = "mine"
        [profiles.p]
        argv = ["run", "{task}"]
        verdict = "report"
        env = { A = "", B = "b" }
        working_directory = "/srv"
        max_running = 0
        max_runtime = "1d"
        user = "agent"
        umask = "0o077"
        rlimits = { nofile = 100, core = 0 }
        memory_max = "512m"
        pids_max = 64
        cpu_percent = 150
        [launchers.mine]
        argv = ["mine", "{skills}", "{prompt}"]
        verdict = "exit"
        skills_argv = ["-s", "{skill}"]
        prompt = "do {task}"
        hermes_env = false
        "#,
    );
    assert_eq!(settings.dispatch.default_launcher, "mine");
    let profile = &settings.profiles["p"];
    let argv = profile.argv.as_ref().unwrap();
    let template = |text: &str| Template::try_from(text.to_owned()).unwrap();
    assert_eq!(*argv, ["run", "{task}"].map(template));
    assert_eq!(profile.verdict.map(Verdict::as_str), Some("report"));
    assert_eq!(profile.env.0, [("A", ""), ("B", "b")].map(|(k, v)| (k.into(), v.into())).into());
    assert_eq!(profile.working_directory.as_deref(), Some(Path::new("/srv")));
    assert_eq!((profile.max_running, profile.umask), (Some(0), Some(0o077)));
    assert_eq!(profile.max_runtime, Some(Duration::from_secs(86_400)));
    assert_eq!(profile.user.as_deref(), Some("agent"));
    assert_eq!(profile.rlimits, [("nofile".to_owned(), 100), ("core".to_owned(), 0)].into());
    assert_eq!(profile.memory_max_bytes, Some(512 << 20));
    assert_eq!((profile.pids_max, profile.cpu_percent), (Some(64), Some(150)));
    let launcher = &settings.launchers["mine"];
    assert_eq!(launcher.argv[2], template("{prompt}"));
    assert_eq!(launcher.verdict.as_str(), "exit");
    assert_eq!(launcher.skills_argv[0], template("-s"));
    assert_eq!(launcher.prompt, Some(template("do {task}")));
    assert!(!launcher.hermes_env);
}

#[test]
fn a_variable_sets_any_key() {
    let env = [
        ("KANBAND__DISPATCH__ENABLED", "no"),
        ("KANBAND__dispatch__Failure_Limit", "7"),
        ("KANBAND__SUPERVISION__GRACE", "250ms"),
        ("KANBAND__SUPERVISION__PASS_ENV", "A, B,,C"),
        ("KANBAND__SUPERVISION__LINGER", ""),
        ("KANBAND__LOG__LEVEL", "warn"),
        ("KANBAND__PROFILES__CODER__ARGV", "run,{task}"),
        ("KANBAND__PROFILES__CODER__UMASK", "027"),
        ("KANBAND__PROFILES__CODER__MEMORY_MAX", "2097152"),
        ("KANBAND__PROFILES__CODER__ENV__Api__Key", "a,b"),
        ("KANBAND__PROFILES__CODER__RLIMITS__NOFILE", "99"),
        ("KANBAND__LAUNCHERS__HERMES__HERMES_ENV", "1"),
        ("KANBAND_FAIL_POINTS", "a=kill"),
        ("KANBAN_TASK", "t_1"),
    ];
    let settings = Machine::new(&[]).load_home(&env).unwrap();
    assert!(!settings.dispatch.enabled);
    assert_eq!(settings.dispatch.failure_limit, 7);
    assert_eq!(settings.supervision.grace, Duration::from_millis(250));
    assert_eq!(settings.supervision.pass_env, ["A", "B", "C"]);
    assert_eq!(settings.supervision.linger, Duration::from_secs(30));
    assert_eq!(settings.log.level.as_str(), "warn");
    let coder = &settings.profiles["coder"];
    assert_eq!(coder.argv.as_ref().unwrap().len(), 2);
    assert_eq!((coder.umask, coder.memory_max_bytes), (Some(0o027), Some(2 << 20)));
    assert_eq!(coder.env.0, [("Api__Key".to_owned(), "a,b".to_owned())].into());
    assert_eq!(coder.rlimits["nofile"], 99);
    assert!(settings.launchers["hermes"].hermes_env);
    assert_eq!(settings.launchers["hermes"].argv, Settings::default().launchers["hermes"].argv);
}

#[test]
fn the_port_of_the_web_may_be_a_number_and_its_proxy_has_a_user_and_an_origin() {
    use crate::config::web_settings::WebListen;
    let of_file = settings(
        "[web]\nlisten = 9200\n[web.proxy]\nuser = \"www-data\"\norigin = \"https://board.example.org\"\n",
    );
    assert_eq!(of_file.web.listen, WebListen::At("127.0.0.1:9200".parse().unwrap()));
    let proxy = of_file.web.proxy().unwrap();
    assert_eq!((&*proxy.user, &*proxy.origin), ("www-data", "https://board.example.org"));
    assert_eq!(Settings::default().web.proxy(), None);
}

#[test]
fn what_the_machine_keeps_from_a_user_is_left_out_and_nothing_else_is() {
    let of = |env: &[(&str, &str)]| Home::resolve(&ambient(env)).unwrap();
    let (users, chosen) = (of(&[("HOME", "/home/ann")]), of(&[("KANBAN_HOME", "/k")]));
    let root = Ambient { uid: 0, ..ambient(&[]) };
    let machines = Home::resolve(&root).unwrap();
    let own = users.user_config_file().unwrap();
    for (home, path, kind, expected) in [
        (&users, users.main_config_file(), ErrorKind::PermissionDenied, true),
        (&users, users.conf_d(), ErrorKind::PermissionDenied, true),
        (&users, own, ErrorKind::PermissionDenied, false),
        (&users, &users.own_conf_d(), ErrorKind::PermissionDenied, false),
        (&users, users.main_config_file(), ErrorKind::InvalidData, false),
        (&machines, machines.main_config_file(), ErrorKind::PermissionDenied, false),
        (&chosen, chosen.main_config_file(), ErrorKind::PermissionDenied, false),
    ] {
        assert_eq!(is_of_another(home, path, &kind.into()), expected, "{} {kind}", path.display());
    }
}

#[test]
fn a_users_own_drop_ins_are_read_last() {
    let dir = tempfile::tempdir().unwrap();
    let own = dir.path().join("config/kanband");
    std::fs::create_dir_all(own.join("conf.d")).unwrap();
    std::fs::write(own.join("kanband.toml"), "[dispatch]\nmax_running = 2\nfailure_limit = 4\n")
        .unwrap();
    std::fs::write(own.join("conf.d/a.toml"), "[dispatch]\nmax_running = 3\n").unwrap();
    let config_home = dir.path().join("config").to_string_lossy().into_owned();
    let surroundings = Ambient {
        root: dir.path().to_owned(),
        ..ambient(&[("HOME", "/home/ann"), ("XDG_CONFIG_HOME", &config_home)])
    };
    let home = Home::resolve(&surroundings).unwrap();
    assert_eq!(home.own_conf_d(), own.join("conf.d"));
    let (settings, _) = load(&surroundings, &home).unwrap();
    assert_eq!((settings.dispatch.max_running, settings.dispatch.failure_limit), (3, 4));
    let beside = files_beside(&home);
    assert_eq!(beside, [own.join("conf.d/a.toml"), own.join("kanband.toml")]);
}
