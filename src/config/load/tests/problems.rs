//! Everything that can be wrong with a configuration, and how it is reported.

use super::*;

/// A file and its problems.
const WRONG_FILES: &[(&str, &str)] = &[
    ("dispatch = 1", "dispatch: expected a table of keys, found 1"),
    ("[profiles]\ncoder = \"x\"", "profiles.coder: expected a table of keys, found \"x\""),
    ("[profiles.\" \"]", "profiles. : the name is empty"),
    ("[dispatchh]", "dispatchh: unknown key, did you mean [dispatch]?"),
    ("[profile.coder]", "profile: unknown key, did you mean [profiles]?"),
    ("[zzz]", "zzz: unknown key"),
    ("[dispatch]\nmax_runing = 1", "dispatch.max_runing: unknown key, did you mean max_running?"),
    ("[supervision]\nttl = 1", "supervision.ttl: unknown key, did you mean claims.ttl?"),
    ("[log]\nargv = []", "log.argv: unknown key, did you mean channels.NAME.argv?"),
    ("[log]\nzzz = 1", "log.zzz: unknown key"),
    (
        "[web]\nlisten = \"0.0.0.0:9119\"",
        "web.listen: expected \"auto\", \"off\", a port, or a loopback address with port such as \"127.0.0.1:9119\"; from other \
         hosts use `ssh -L` or a TLS proxy on this host, see `web.proxy` and docs/web.md, found \"0.0.0.0:9119\"",
    ),
    ("[web.proxy]\nuser = \"www-data\"", "web.proxy: requires both user and origin"),
    ("[web.proxy]\nusr = \"x\"", "web.proxy.usr: unknown key, did you mean user?"),
    (
        "[web.proxy]\nuser = \"x\"\norigin = \"http://board.example.org\"",
        "web.proxy.origin: expected an origin as browsers send it, such as \"https://board.example.org\" (https, small letters, no \
         path, no usual port), found \"http://board.example.org\"",
    ),
    ("[dispatch]\nenabled = \"yes\"", "dispatch.enabled: expected true or false, found \"yes\""),
    (
        "[dispatch]\nmax_running = \"4\"",
        "dispatch.max_running: expected an integer from 0 to 10000, found \"4\"",
    ),
    (
        "[dispatch]\nmax_running = 1.5",
        "dispatch.max_running: expected an integer from 0 to 10000, found 1.5",
    ),
    (
        "[dispatch]\ninterval_seconds = 0",
        "dispatch.interval_seconds: expected an integer from 1 to 86400, found 0",
    ),
    (
        "[dispatch]\nmax_running = -1",
        "dispatch.max_running: expected an integer from 0 to 10000, found -1",
    ),
    (
        "[supervision]\ngrace = 5",
        "supervision.grace: expected a duration from \"0s\" to \"1h\", found 5",
    ),
    (
        "[supervision]\ngrace = \"5\"",
        "supervision.grace: malformed duration \"5\": write a number with a unit: 500ms, 1s, 5m, 2h or \
         1d",
    ),
    (
        "[supervision]\nmax_runtime = \"0s\"",
        "supervision.max_runtime: expected a duration from \"1s\" to \"365d\", found \"0s\"",
    ),
    (
        "[supervision]\ngrace = \"61m\"",
        "supervision.grace: expected a duration from \"0s\" to \"1h\", found \"61m\"",
    ),
    (
        "[supervision]\npass_env = \"A\"",
        "supervision.pass_env: expected a list of names of environment variables, found \"A\"",
    ),
    (
        "[supervision]\npass_env = [\"A\", 1]",
        "supervision.pass_env: expected a list of names of environment variables, found a list with 1",
    ),
    (
        "[supervision]\npass_env = [\"A=B\"]",
        "supervision.pass_env: \"A=B\" is not a valid name of an environment variable",
    ),
    (
        "[supervision]\nshim = \"shim\"",
        "supervision.shim: expected an absolute path or an empty string, found \"shim\"",
    ),
    (
        "[log]\nlevel = \"infos\"",
        "log.level: expected one of \"error\", \"warn\", \"info\", \"debug\", \"trace\", found \
         \"infos\", did you mean \"info\"?",
    ),
    (
        "[dispatch]\ndefault_launcher = \" \"",
        "dispatch.default_launcher: expected a string that is not blank, found \" \"",
    ),
    (
        "[people.ada]\n[profiles.ada]\nargv = [\"true\"]",
        "people.ada: [profiles] has this name too: rename one of them",
    ),
    ("[people.ada]\nfax = \"a\"", "people.ada.fax: unknown key"),
    (
        "[launchers.auto]\nargv = [\"true\"]",
        "launchers.auto: the name is reserved for `dispatch.default_launcher`: choose another",
    ),
    ("[profiles.p]\nuser = \"a\\u0000\"", "profiles.p.user: contains a NUL byte"),
    (
        "[profiles.p]\numask = 22",
        "profiles.p.umask: expected an octal file mode in quotes, such as \"022\", found 22",
    ),
    (
        "[profiles.p]\numask = \"1777\"",
        "profiles.p.umask: expected an octal file mode in quotes, such as \"022\", found \"1777\"",
    ),
    (
        "[profiles.p]\nworking_directory = \"\"",
        "profiles.p.working_directory: expected an absolute path, found \"\"",
    ),
    (
        "[profiles.p]\nmemory_max = \"4 GB\"",
        "profiles.p.memory_max: expected a size such as \"512M\" or an integer of bytes, at least \
         1048576, found \"4 GB\"",
    ),
    (
        "[profiles.p]\nmemory_max = 4",
        "profiles.p.memory_max: expected a size such as \"512M\" or an integer of bytes, at least \
         1048576, found 4",
    ),
    ("[profiles.p]\nrlimits = 4", "profiles.p.rlimits: expected a table of integers, found 4"),
    (
        "[profiles.p.rlimits]\nnofiles = 4",
        "profiles.p.rlimits.nofiles: unknown key, did you mean nofile?",
    ),
    (
        "[profiles.p.rlimits]\ncpu = -1",
        "profiles.p.rlimits.cpu: expected an integer from 0 to 9223372036854775807, found -1",
    ),
    (
        "[profiles.p]\nargv = []",
        "profiles.p.argv: argv is missing: name the program and its arguments",
    ),
    (
        "[profiles.p]\nargv = [\"\"]",
        "profiles.p.argv: argv is missing: name the program and its arguments",
    ),
    (
        "[profiles.p]\nargv = [\"a\", \"{taks}\"]",
        "profiles.p.argv: unknown placeholder {taks} in \"{taks}\": did you mean {task}? known placeholders: {task} {assignee} {workspace} \
         {prompt} {skills} {model} {effort} {args} {kanban} {socket} {guidance} {mcp_config} {session}",
    ),
    (
        "[launchers.hermes]\nskills_argv = [\"--all\"]",
        "launchers.hermes.skills_argv: {skill} is missing: every skill would give the same arguments",
    ),
    (
        "[launchers.hermes]\nmodel_argv = [\"--all\"]",
        "launchers.hermes.model_argv: {model} is missing: every model would give the same arguments",
    ),
    (
        "[launchers.claude]\nmcp_config = \"{kanbn}\"",
        "launchers.claude.mcp_config: unknown placeholder {kanbn} in \"{kanbn}\": did you mean {kanban}? known placeholders: {kanban} {socket}",
    ),
    (
        "[launchers.claude]\nmcp_config = \"{task}\"",
        "launchers.claude.mcp_config: unknown placeholder {task} in \"{task}\": known placeholders: {kanban} {socket}",
    ),
    ("[launchers.claude]\nmcp = \"x\"", "launchers.claude.mcp: unknown key"),
    (
        "[launchers.claude.env]\n\"A=B\" = \"x\"",
        "launchers.claude.env.A=B: \"A=B\" is not a valid name of an environment variable",
    ),
    (
        "[launchers.claude.env]\nA = 1",
        "launchers.claude.env.A: expected a string that is not blank, found 1",
    ),
    ("[profiles.p]\nargs = \"--x\"", "profiles.p.args: expected a list of strings, found \"--x\""),
];

fn told_of_variables(env: &[(&str, &str)]) -> Vec<String> {
    let machine = Machine::new(&[]);
    machine.problems(machine.load_home(env))
}

fn told_of_file(text: &str) -> Vec<String> {
    let machine = Machine::new(&[("home/kanband.toml", text)]);
    machine.problems(machine.load_home(&[]))
}

#[test]
fn a_wrong_file_is_told_with_key_value_and_what_would_be_right() {
    for (text, expected) in WRONG_FILES {
        let expected = [format!("home/kanband.toml: {expected}")];
        assert_eq!(told_of_file(text), expected, "{text}");
    }
}

/// A file, and its problems.
const APART: &[(&str, &str)] = &[
    (
        "[dispatch]\nbackoff_base = \"11m\"",
        "dispatch.backoff_base: 11m is longer than dispatch.backoff_max, 10m",
    ),
    (
        "[dispatch]\nbackoff_max = \"500ms\"",
        "dispatch.backoff_base: 1s is longer than dispatch.backoff_max, 500ms",
    ),
    (
        "[dispatch]\ndefault_launcher = \"hermess\"",
        "dispatch.default_launcher: unknown launcher \"hermess\", did you mean hermes?; known launchers: \
         claude, codex, command, gemini, hermes, opencode",
    ),
    (
        "[dispatch]\ndefault_launcher = \"command\"",
        "dispatch.default_launcher: launcher \"command\" has no argv of its own: set argv in a profile \
         instead",
    ),
    (
        "[profiles.p]\nlauncher = \"zzzzzz\"",
        "profiles.p.launcher: unknown launcher \"zzzzzz\"; known launchers: claude, codex, command, gemini, hermes, opencode",
    ),
    (
        "[profiles.p]\nlauncher = \"command\"",
        "profiles.p.launcher: launcher \"command\" has no argv of its own: set argv in a profile instead",
    ),
    (
        "[profiles.p]\nlauncher = \"hermes\"\nargv = [\"a\"]",
        "profiles.p: has both launcher and argv: remove one",
    ),
    (
        "[profiles.p]\nverdict = \"exit\"",
        "profiles.p.verdict: requires argv: the verdict of a launcher is set in [launchers.NAME]",
    ),
    (
        "[profiles.p]\nargv = [\"a\", \"{skills}\"]",
        "profiles.p.argv: has the argument {skills}, but skills_argv is not set",
    ),
    (
        "[launchers.l]\nverdict = \"exit\"",
        "launchers.l: argv is missing: name the program and its arguments",
    ),
    (
        "[launchers.l]\nargv = [\"a\", \"{skills}\"]",
        "launchers.l.argv: has the argument {skills}, but skills_argv is not set",
    ),
    (
        "[launchers.l]\nargv = [\"a\", \"-x={args}\"]",
        "launchers.l.argv: {args} must be an argument of its own",
    ),
    (
        "[launchers.l]\nargv = [\"a\", \"{mcp_config}\"]",
        "launchers.l.argv: has {mcp_config}, but mcp_config is not set",
    ),
    (
        "[launchers.l]\nargv = [\"a\"]\nenv = { C = \"{mcp_config}\" }",
        "launchers.l.env.C: has {mcp_config}, but mcp_config is not set",
    ),
    (
        "[launchers.l]\nargv = [\"a\"]\nresume_argv = [\"a\", \"-r\"]",
        "launchers.l.resume_argv: {session} is missing: every session would give the same arguments",
    ),
    (
        "[launchers.l]\nargv = [\"a\"]\nresume_argv = [\"a\", \"{session}\"]",
        "launchers.l.resume_argv: has {session}, but argv does not have it and session_line is not set",
    ),
    (
        "[profiles.p]\nargv = [\"a\"]\nmodel = \"m\"",
        "profiles.p.model: launcher \"command\" does not support model: its argv has no {model}",
    ),
    (
        "[profiles.p]\nlauncher = \"hermes\"\neffort = \"high\"",
        "profiles.p.effort: launcher \"hermes\" does not support effort: its argv has no {effort}",
    ),
];

#[test]
fn values_that_do_not_go_together_are_told() {
    let at_file = |problems: &str| vec![format!("home/kanband.toml: {problems}")];
    for (text, expected) in APART {
        assert_eq!(told_of_file(text), at_file(expected), "{text}");
    }
}

#[test]
fn the_bounds_of_a_key_belong_to_it() {
    let table = [
        "[dispatch]\ninterval_seconds = 1",
        "[dispatch]\ninterval_seconds = 86400",
        "[supervision]\ngrace = \"0s\"",
        "[supervision]\ngrace = \"1h\"",
        "[profiles.p]\numask = \"777\"",
        "[profiles.p]\nmemory_max = \"1M\"",
        "[dispatch]\nbackoff_base = \"10m\"",
    ];
    for text in table {
        settings(text);
    }
    let beyond = ["[dispatch]\ninterval_seconds = 86401", "[supervision]\ngrace = \"3600001ms\""];
    for text in beyond {
        assert_eq!(told_of_file(text).len(), 1, "{text}");
    }
}

#[test]
fn a_bare_command_may_use_the_skill_arguments_of_its_launcher() {
    let command = "[launchers.command]\nskills_argv = [\"-s\", \"{skill}\"]\n";
    let settings = settings(&format!("{command}[profiles.p]\nargv = [\"a\", \"{{skills}}\"]"));
    assert_eq!(settings.launchers["command"].skills_argv.len(), 2);
}

#[test]
fn a_wrong_variable_is_told_by_its_name() {
    let table = [
        (
            ("KANBAND__DISPATCH__MAX_RUNING", "1"),
            "dispatch.max_runing: unknown key, did you mean max_running?",
        ),
        (
            ("KANBAND__DISPATC__MAX_RUNNING", "1"),
            "dispatc.max_running: unknown key, did you mean KANBAND__DISPATCH__…?",
        ),
        (("KANBAND__NONSENSE", "1"), "nonsense: unknown key"),
        (("KANBAND__", "1"), ": unknown key"),
        (("KANBAND__DISPATCH", "1"), "dispatch: expected a table of keys, found \"1\""),
        (("KANBAND__PROFILES__P", "1"), "profiles.p: expected a table of keys, found \"1\""),
        (
            ("KANBAND__DISPATCH__MAX_RUNNING", "many"),
            "dispatch.max_running: expected an integer from 0 to 10000, found \"many\"",
        ),
        (
            ("KANBAND__DISPATCH__ENABLED", "2"),
            "dispatch.enabled: expected true or false, found \"2\"",
        ),
        (
            ("KANBAND__DISPATCH__ENABLED__X", "true"),
            "dispatch.enabled: unknown key, did you mean enabled?",
        ),
        (
            ("KANBAND__PROFILES__P__RLIMITS", "1"),
            "profiles.p.rlimits: expected a table of integers, found \"1\"",
        ),
        (
            ("KANBAND__PROFILES__P__RLIMITS__CPU", "x"),
            "profiles.p.rlimits.cpu: expected an integer from 0 to 9223372036854775807, found \"x\"",
        ),
        (
            ("KANBAND__PROFILES__P__LAUNCHER", "x"),
            "profiles.p.launcher: unknown launcher \"x\"; known launchers: claude, codex, command, gemini, hermes, opencode",
        ),
    ];
    for (variable, expected) in table {
        assert_eq!(told_of_variables(&[variable]), [format!("{}: {expected}", variable.0)]);
    }
}

#[test]
fn the_value_of_a_profiles_variable_is_not_repeated() {
    for text in ["[profiles.p.env]\nKEY = 123456789", "[profiles.p.env]\nKEY = [\"123456789\"]"] {
        let problems = told_of_file(text);
        let expected = "profiles.p.env.KEY: expected a string, found a value of another type";
        assert_eq!(problems, [format!("home/kanband.toml: {expected}")]);
    }
    let outcome = told_of_file("[profiles.p]\nenv = \"KEY=123456789\"");
    assert!(outcome.len() == 1 && !outcome[0].contains("123456789"), "{outcome:?}");
    let problems = told_of_file("[profiles.p.env]\n\"A=B\" = \"123456789\"");
    assert!(problems.len() == 1 && !problems[0].contains("123456789"), "{problems:?}");
}

#[test]
fn everything_wrong_is_told_at_once_even_where_another_layer_covers_it() {
    let machine = Machine::new(&[
        ("home/kanband.toml", "[dispatch]\nmax_running = \"a\"\nzzz = 1\n[claims]\nttl = \"x\"\n"),
        ("home/conf.d/1.toml", "[dispatch\n"),
        ("home/conf.d/2.toml", "[profiles.p]\nlauncher = \"nope\"\n"),
    ]);
    let problems =
        machine.problems(machine.load_home(&[
            ("KANBAND__DISPATCH__MAX_RUNNING", "4"),
            ("KANBAND__LOG__LEVEL", "loud"),
        ]));
    let starts: Vec<_> =
        problems.iter().map(|line| line.split(": ").take(2).collect::<Vec<_>>()).collect();
    assert_eq!(
        starts,
        [
            ["home/kanband.toml", "claims.ttl"],
            ["home/kanband.toml", "dispatch.max_running"],
            ["home/kanband.toml", "dispatch.zzz"],
            ["home/conf.d/1.toml:1", "invalid TOML"],
            ["KANBAND__LOG__LEVEL", "log.level"],
            ["home/conf.d/2.toml", "profiles.p.launcher"],
        ]
    );
}

#[test]
fn a_wrong_value_is_told_once_and_not_by_its_consequences() {
    let table = [
        "[launchers.l]\nargv = 1",
        "[launchers.l]\nargv = [\"a\", \"{skills}\"]\nskills_argv = 1",
        "[profiles.p]\nargv = 1\nverdict = \"exit\"",
        "[dispatch]\nbackoff_max = \"x\"\nbackoff_base = \"1h\"",
        "[launchers.l]\nargv = 1\n[profiles.p]\nlauncher = \"l\"",
        "[launchers.l]\n[profiles.p]\nlauncher = \"l\"",
        "[dispatch]\ndefault_launcher = 1",
    ];
    for text in table {
        let problems = told_of_file(text);
        assert_eq!(problems.len(), 1, "{problems:?}");
    }
}

#[test]
fn a_file_that_is_not_toml_is_told_with_its_line() {
    let table = [
        ("[dispatch]\n\nmax_running 4\n", "home/kanband.toml:3: invalid TOML: "),
        ("a = 1\na = 2\n", "home/kanband.toml:2: invalid TOML: "),
        ("[dispatch]\nmax_running = 99999999999999999999\n", "home/kanband.toml: invalid TOML: "),
        ("a = \"", "home/kanband.toml:1: invalid TOML: "),
    ];
    for (text, expected) in table {
        let problems = told_of_file(text);
        assert!(problems.len() == 1 && problems[0].starts_with(expected), "{problems:?}");
        let words = &problems[0][expected.len()..];
        assert!(!words.is_empty() && !words.contains(['|', '^']), "{problems:?}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_a_problem_and_an_absent_one_is_none() {
    let machine = Machine::new(&[("home/conf.d/dir.toml/x", ""), ("other/conf.d", "a file")]);
    let problems = machine.problems(machine.load_home(&[]));
    assert!(
        problems.len() == 1 && problems[0].starts_with("home/conf.d/dir.toml: cannot read it: "),
        "{problems:?}"
    );
    let other = machine.path("other");
    let problems =
        machine.problems(machine.load_as(1000, &[("KANBAN_HOME", other.to_str().unwrap())]));
    assert!(
        problems.len() == 1 && problems[0].starts_with("other/conf.d: cannot read it: "),
        "{problems:?}"
    );
}

#[test]
fn a_file_that_is_not_utf_8_is_a_problem() {
    let machine = Machine::new(&[("home/x", "")]);
    std::fs::write(machine.path("home/kanband.toml"), b"# \xff\n").unwrap();
    let problems = machine.problems(machine.load_home(&[]));
    assert!(problems[0].starts_with("home/kanband.toml: cannot read it: "), "{problems:?}");
}

#[test]
fn a_program_that_is_not_there_is_no_problem() {
    let text = "[supervision]\nshim = \"/no/shim\"\n[profiles.p]\nargv = [\"/no/such\"]\n\
                working_directory = \"/no/dir\"\nuser = \"nobody-there\"\n";
    assert_eq!(settings(text).profiles.len(), 1);
}
