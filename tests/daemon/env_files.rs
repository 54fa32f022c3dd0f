//! Where keys of profiles stand: in a file of their own that nobody else may read; where others may, it is reported.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Daemon, config, until};

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn checks(daemon: &Daemon, name: &str) -> Vec<Value> {
    let doctor = daemon.get("/v1/doctor");
    let checks = doctor["checks"].as_array().unwrap();
    checks.iter().filter(|check| check["name"] == name).cloned().collect()
}

/// A daemon with the profile `sh`, whose workers get the variables of a file, and that file.
fn with_keys(script: &str) -> (Daemon, std::path::PathBuf) {
    with_keys_and(script, |_| ())
}

/// The same; `arm` may arm fail points.
fn with_keys_and(script: &str, arm: impl FnOnce(&mut Daemon)) -> (Daemon, std::path::PathBuf) {
    let mut daemon = Daemon::prepare("");
    arm(&mut daemon);
    let keys = daemon.scratch().join("keys");
    std::fs::write(&keys, "A_TOKEN=s3cret-of-a\nSHARED=of the file\n").unwrap();
    set_mode(&keys, 0o600);
    let text = config(&[("sh", "exit", script)])
        .with("dispatch.failure_limit", 1)
        .with("profiles.sh.env_file", keys.to_str().unwrap())
        .with("profiles.sh.env.SHARED", "of the configuration")
        .with("profiles.sh.env_public", vec!["SHARED"]);
    daemon.configure(&text);
    daemon.spawn();
    daemon.wait_until_up();
    (daemon, keys)
}

#[test]
fn a_worker_gets_the_variables_of_its_file_as_they_are_when_its_run_starts_and_its_log_does_not() {
    let (daemon, keys) = with_keys("echo \"$A_TOKEN $SHARED\"; echo $A_TOKEN > got");
    for token in ["s3cret-of-a", "another-s3cret"] {
        std::fs::write(&keys, format!("A_TOKEN={token}\nSHARED=of the file\n")).unwrap();
        let id = daemon.create(json!({ "assignee": "sh" }));
        daemon.wait_status(&id, "done");
        daemon.wait_closed(&id);
        let got = daemon.home().join("workspaces").join(&id).join("got");
        assert_eq!(std::fs::read_to_string(got).unwrap().trim(), token);
        let log = daemon.run_log(&id);
        assert!(log.contains("of the configuration") && !log.contains(token), "{log}");
    }
}

#[test]
fn a_file_of_keys_that_others_may_read_starts_nothing_and_is_told() {
    let (daemon, keys) = with_keys("true");
    for (break_it, phrase) in [
        ((|keys| set_mode(keys, 0o644)) as fn(&Path), "it is readable by all users"),
        (|keys| std::fs::write(keys, "no variable\n").unwrap(), "line 1"),
        (|keys| std::fs::remove_file(keys).unwrap(), "No such file"),
    ] {
        std::fs::write(&keys, "A_TOKEN=s3cret-of-a\n").unwrap();
        set_mode(&keys, 0o600);
        break_it(&keys);
        let profile = daemon.get("/v1/profiles")[0].clone();
        assert!(profile["problem"].as_str().unwrap().contains(phrase), "{profile}");
        let id = daemon.create(json!({ "assignee": "sh" }));
        daemon.wait_status(&id, "blocked");
        let run = daemon.runs(&id).pop().unwrap();
        assert_eq!(run["cause"], "spawn_failed", "{run}");
        let message = run["error"].as_str().unwrap();
        assert!(message.contains(phrase) && message.contains("env_file"), "{message}");
        assert!(!message.contains("s3cret") && !message.contains("no variable"), "{message}");
        daemon.post("/v1/breakers/reset", &json!({ "key": "profile:sh" }));
    }
}

#[test]
fn the_doctor_fails_on_files_with_secrets_that_others_may_read() {
    let secret =
        "[profiles.deployer]\nargv = [\"true\"]\nenv = { DEPLOY_TOKEN = \"s3cret-of-deployer\" }\n";
    let mut daemon = Daemon::prepare(&config(&[]));
    let home = daemon.home();
    set_mode(daemon.scratch(), 0o755);
    set_mode(&home, 0o711);
    std::fs::create_dir(home.join("conf.d")).unwrap();
    let files = [
        home.join("conf.d/keys.toml"),
        home.join("conf.d/keys.toml~"),
        home.join("kanband.toml.old"),
    ];
    for file in &files {
        std::fs::write(file, secret).unwrap();
        set_mode(file, 0o600);
    }
    daemon.spawn();
    daemon.wait_until_up();
    assert_eq!(checks(&daemon, "secrets"), [] as [Value; 0]);
    for file in &files {
        set_mode(file, 0o644);
        let found = checks(&daemon, "secrets");
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0]["health"], "fail");
        let message = found[0]["message"].as_str().unwrap();
        assert!(
            message.contains(file.to_str().unwrap()) && message.contains("all users"),
            "{message}"
        );
        assert!(!found[0].to_string().contains("s3cret"), "{found:?}");
        set_mode(file, 0o600);
    }
    set_mode(&files[0], 0o644);
    set_mode(&home, 0o700);
    assert_eq!(checks(&daemon, "secrets"), [] as [Value; 0], "nobody gets as far as the file");
    set_mode(&home, 0o711);
    std::fs::write(&files[0], "[profiles.deployer]\nargv = [\"true\"]\n").unwrap();
    assert_eq!(checks(&daemon, "secrets"), [] as [Value; 0], "it no longer holds a secret");
}

#[test]
fn a_file_of_keys_whose_disk_does_not_answer_holds_up_no_other_caller() {
    let mut held = std::path::PathBuf::new();
    let (daemon, _keys) = with_keys_and("true", |daemon| {
        held = daemon.scratch().join("held");
        daemon.arm(Some(&format!("env-file-read=hold:{}", held.display())));
    });
    std::thread::scope(|scope| {
        let late = scope.spawn(|| daemon.client().get_raw("/v1/profiles", &json!({})));
        until("the look at the file", || held.exists().then_some(()));
        // While the file is waited for.
        assert_eq!(daemon.get("/v1/status")["daemon"]["pid"], daemon.pid());
        let refused = late.join().unwrap().map(|reply| reply.body).unwrap_err().to_string();
        assert!(refused.contains("reading the files of the profiles took more than"), "{refused}");
    });
    let profiles = checks(&daemon, "profiles");
    assert!(
        profiles[0]["message"]
            .to_string()
            .contains("reading the files of the profiles took more than"),
        "{profiles:?}"
    );
    std::fs::remove_file(held).unwrap();
}
