//! Secrets of a run are redacted in everything that is stored or shown.

use kanband::service::profiles::ProfileInfo;
use serde_json::json;

use crate::harness::{Daemon, config};

/// Variables of a profile; each value contains the name.
const NAMES: [&str; 13] = [
    "PGPASSWORD",
    "MYSQL_PWD",
    "SMTP_PASS",
    "SSHPASS",
    "VAULT_SECRET_ID",
    "NPM_CONFIG__AUTHTOKEN",
    "GITHUB_TOKENS",
    "AWS_KEYS",
    "SIGNING_PRIVATEKEY",
    "SENTRY_DSN",
    "SESSION_COOKIE",
    "DATABASE_URL",
    "NAMED_LIKE_NOTHING",
];

fn value_of(name: &str) -> String {
    format!("v4lue/of+{name}")
}

/// A profile `dev` with those variables, whose worker runs `script` and fails.
fn daemon_with(script: &str) -> Daemon {
    let key = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----";
    let mut text = config(&[("dev", "report", script)])
        .with("profiles.dev.env.MULTI_KEY", key)
        .with("profiles.dev.env.MODEL", "a-public-value")
        .with("profiles.dev.env.HOME", "/home/nobody")
        .with("profiles.dev.env_public", vec!["MODEL"])
        .with("dispatch.failure_limit", 1)
        .with("supervision.pass_env", vec!["GITHUB_TOKEN", "PASSED"]);
    for name in NAMES {
        text.set(&format!("profiles.dev.env.{name}"), value_of(name));
    }
    let mut daemon = Daemon::prepare(&text);
    daemon.set("GITHUB_TOKEN", "ghp_of-the-daemon");
    daemon.set("PASSED", "passed-and-plain");
    daemon.set("https_proxy", "http://ann:pr0xy-pass@proxy:3128");
    daemon.spawn();
    daemon.wait_until_up();
    daemon
}

/// All output about a task.
fn shown(daemon: &Daemon, id: &str) -> String {
    let context = daemon.get(&format!("/v1/tasks/{id}/context"));
    format!("{}{}{context}", daemon.run_log(id), daemon.show(id))
}

#[test]
fn no_secret_of_a_run_is_in_its_log_its_row_or_its_context() {
    let script = "env | sort; printf %s \"$PGPASSWORD\" | base64; \
                  for c in v 4 l u e / o f + A W S; do printf $c; sleep 0.01; done; echo _KEYS; \
                  cat $KANBAN_TOKEN_FILE; echo; base64 < $KANBAN_TOKEN_FILE; exit 3";
    let daemon = daemon_with(script);
    let id = daemon.create(json!({"assignee": "dev"}));
    daemon.wait_status(&id, "blocked");
    let shown = shown(&daemon, &id);
    for name in NAMES {
        assert!(!shown.contains(&value_of(name)), "{name} is shown: {shown}");
    }
    for secret in
        ["MIIEvQIBADANBg", "kqhkiG9w0BAQEF", "ghp_of-the-daemon", "pr0xy-pass", "djRsdWUvb2YrUEdQ"]
    {
        assert!(!shown.contains(secret), "{secret} is shown: {shown}");
    }
    let log = daemon.run_log(&id);
    for line in [
        "PGPASSWORD=[redacted]",
        "MODEL=a-public-value",
        "PASSED=passed-and-plain",
        "HOME=/home/nobody",
    ] {
        assert!(log.lines().any(|one| one == line), "{line} is not in {log}");
    }
    let words = log.split(|sign: char| !sign.is_ascii_hexdigit());
    assert!(words.map(str::len).max() < Some(64), "the token is in {log}");
    assert!(
        log.ends_with("[redacted]\n[redacted]\n") || log.contains("\n[redacted]\n[redacted]"),
        "{log}"
    );
}

#[test]
fn redacted_variables_are_listed_by_name_and_never_by_value() {
    let daemon = daemon_with("exit 3");
    let message = daemon.get("/v1/profiles?name=dev");
    let profile: Vec<ProfileInfo> = serde_json::from_value(message.clone()).unwrap();
    let redacts: Vec<(&str, &str)> =
        profile[0].redacts.iter().map(|one| (one.name.as_str(), one.reason.as_str())).collect();
    for name in
        NAMES.iter().filter(|name| **name != "NAMED_LIKE_NOTHING" && **name != "DATABASE_URL")
    {
        assert!(redacts.contains(&(name, "name")), "{name}: {redacts:?}");
    }
    for expected in [
        ("NAMED_LIKE_NOTHING", "value"),
        ("DATABASE_URL", "value"),
        ("https_proxy", "credentials"),
        ("GITHUB_TOKEN", "name"),
        ("KANBAN_TOKEN_FILE", "token"),
    ] {
        assert!(redacts.contains(&expected), "{expected:?}: {redacts:?}");
    }
    for name in ["MODEL", "PASSED", "HOME", "PATH"] {
        assert!(!redacts.iter().any(|(one, _)| *one == name), "{name}: {redacts:?}");
    }
    assert!(!message.to_string().contains("v4lue"), "{message}");
}

#[test]
fn a_start_that_fails_does_not_tell_the_secret_that_its_message_quotes() {
    let text = "[dispatch]\nfailure_limit = 1\n[profiles.dev]\nargv = [\"/no/such/hunter22-secret\"]\n\
                env = { WORD = \"hunter22-secret\" }\n";
    let daemon = Daemon::start(text);
    let id = daemon.create(json!({"assignee": "dev"}));
    daemon.wait_status(&id, "blocked");
    let details = daemon.show(&id);
    let error = details["task"]["last_spawn_error"].as_str().unwrap();
    assert!(error.contains("/no/such/[redacted]"), "{error}");
    for run in daemon.runs(&id) {
        assert!(!run["error"].to_string().contains("hunter22"), "{run}");
    }
    assert!(!details["events"].to_string().contains("hunter22"), "{details}");
}

#[test]
fn a_worker_cannot_publish_the_token_of_its_run() {
    let script = "token=$(cat $KANBAN_TOKEN_FILE); kanban comment $KANBAN_TASK \"the token is $token.\"; \
                  kanban heartbeat $KANBAN_TASK --note \"still $token\"; \
                  kanban complete $KANBAN_TASK --summary \"done by $token\" --metadata \"{\\\"t\\\": \\\"$token\\\"}\"";
    let daemon = Daemon::start(&config(&[("dev", "report", script)]));
    let id = daemon.create(json!({"assignee": "dev"}));
    daemon.wait_status(&id, "done");
    let details = daemon.show(&id);
    assert_eq!(details["comments"][0]["body"], "the token is [redacted].");
    assert_eq!(details["runs"][0]["summary"], "done by [redacted]");
    assert_eq!(details["runs"][0]["metadata"], json!({"t": "[redacted]"}));
    let notes = details["events"].to_string();
    assert!(notes.contains("still [redacted]"), "{notes}");
}
