//! Reviews by real workers: by words, by exit codes, over the death of the daemon, and by users that may not.

use serde_json::{Value, json};

use crate::harness::{Config, Daemon, config, until};

/// A worker that hands in what it was asked to change, if anything.
const CODER: &str = r#"
if kanban context "$KANBAN_TASK" | grep -q "Changes requested"; then
    echo better > result; kanban complete "$KANBAN_TASK" --summary "better now"
else
    echo bad > result; kanban complete "$KANBAN_TASK" --summary "a first try"
fi
"#;

/// A reviewer that looks at the worker's file, and first tries what is not its to say.
const REVIEWER: &str = r#"
test "$KANBAN_ROLE" = review || exit 9
kanban complete "$KANBAN_TASK" --summary "I decide" && exit 9
if test "$(cat result)" = better; then
    kanban approve "$KANBAN_TASK" --summary "fit"
else
    kanban request-changes "$KANBAN_TASK" "make it better"
fi
"#;

const CHILD: &str = "test -n \"$KANBAN_TASK\" && echo started";

fn roles(daemon: &Daemon, id: &str) -> Vec<(String, String, Value)> {
    let text = |run: &Value, key: &str| run[key].as_str().unwrap_or_default().to_owned();
    let row =
        |run: &Value| (text(run, "role"), text(run, "profile"), run["review_verdict"].clone());
    daemon.runs(id).iter().map(row).collect()
}

fn expected(verdicts: [(&str, &str, Value); 4]) -> Vec<(String, String, Value)> {
    verdicts.into_iter().map(|(role, who, said)| (role.into(), who.into(), said)).collect()
}

fn one_round_and_an_approval(worker: &str, reviewer: &str) -> Vec<(String, String, Value)> {
    expected([
        ("work", worker, Value::Null),
        ("review", reviewer, json!("changes_requested")),
        ("work", worker, Value::Null),
        ("review", reviewer, json!("approved")),
    ])
}

#[test]
fn a_worker_hands_in_is_sent_back_is_approved_by_a_profile_and_the_child_starts() {
    let profiles =
        [("coder", "report", CODER), ("qa", "report", REVIEWER), ("next", "exit", CHILD)];
    let daemon = Daemon::start(&config(&profiles).with("profiles.coder.review", "qa"));
    let id = daemon.create(json!({"title": "t", "assignee": "coder"}));
    let child = daemon.create(json!({"title": "child", "assignee": "next", "parents": [id]}));
    daemon.wait_status(&child, "done");
    assert_eq!(daemon.status(&id), "done");
    assert_eq!(roles(&daemon, &id), one_round_and_an_approval("coder", "qa"));
    let done = daemon.kinds(&id).iter().position(|kind| kind == "approved");
    assert!(done.is_some(), "{:?}", daemon.kinds(&id));
    let runs = daemon.runs(&id);
    let started = |run: &Value| run["started_at"].as_i64().unwrap();
    let closed = |run: &Value| run["closed_at"].as_i64().unwrap();
    assert!(closed(&runs[0]) <= started(&runs[1]), "a review began beside its worker: {runs:?}");
}

/// The first try is what a person answers.
const ASKING_CODER: &str = r#"
if kanban context "$KANBAN_TASK" | grep -q "Changes requested"; then
    echo better > result; kanban complete "$KANBAN_TASK" --summary "better now"
else
    answer=$(kanban ask "$KANBAN_TASK" "Which word?") || exit 9
    echo "$answer" > result; kanban complete "$KANBAN_TASK" --summary "wrote $answer"
fi
"#;

#[test]
fn a_worker_asks_through_a_killed_daemon_hands_in_is_sent_back_and_its_child_starts() {
    let profiles =
        [("coder", "report", ASKING_CODER), ("qa", "report", REVIEWER), ("next", "exit", CHILD)];
    let mut daemon = Daemon::start(&config(&profiles).with("profiles.coder.review", "qa"));
    let id = daemon.create(json!({"title": "t", "assignee": "coder"}));
    let child = daemon.create(json!({"title": "child", "assignee": "next", "parents": [id]}));
    let question = |daemon: &Daemon| daemon.show(&id)["questions"][0].clone();
    until("the question", || (question(&daemon)["outcome"] == "open").then_some(()));
    daemon.kill_9();
    daemon.restart();
    assert_eq!(question(&daemon)["outcome"], "open");
    daemon.post(&format!("/v1/tasks/{id}/answer"), &json!({"answer": "bad"}));
    daemon.wait_status(&child, "done");
    assert_eq!(daemon.status(&id), "done");
    assert_eq!(roles(&daemon, &id), one_round_and_an_approval("coder", "qa"));
    assert_eq!(daemon.runs(&id)[0]["summary"], "wrote bad");
    assert_eq!(daemon.kinds(&id).iter().filter(|kind| *kind == "asked").count(), 1);
}

#[test]
fn two_launchers_that_decide_by_exit_code_do_the_same() {
    let coder = "printf 'test:\n\t@grep good result || { echo the test fails; false; }\n' > Makefile;
        if test -e tried; then echo good > result; else echo bad > result; fi; touch tried; echo built";
    let tests = "make -s test || exit 1";
    let daemon = Daemon::start(&config(&[("coder", "exit", coder), ("tests", "exit", tests)]));
    let id = daemon.create(json!({"title": "t", "assignee": "coder", "review": "tests"}));
    daemon.wait_status(&id, "done");
    assert_eq!(roles(&daemon, &id), one_round_and_an_approval("coder", "tests"));
    let runs = daemon.runs(&id);
    assert!(runs[1]["summary"].as_str().unwrap().contains("the test fails"), "{runs:?}");
    assert_eq!(runs[3]["summary"], "good");
    assert_eq!(runs[1]["exit_code"], 1);
}

#[test]
fn a_review_outlives_the_daemon_and_its_verdict_counts() {
    let waits = "until test -e \"$HOME/go\"; do sleep 0.05; done; kanban approve \"$KANBAN_TASK\"";
    let work = "kanban complete \"$KANBAN_TASK\" --summary made";
    let mut daemon = Daemon::prepare(&Config::new());
    let home = daemon.scratch().to_str().unwrap().to_owned();
    daemon.configure(
        &config(&[("coder", "report", work), ("qa", "report", waits)])
            .with("profiles.qa.env.HOME", home.as_str()),
    );
    daemon.spawn();
    daemon.wait_until_up();
    let id = daemon.create(json!({"title": "t", "assignee": "coder", "review": "qa"}));
    crate::harness::until("the review runs", || {
        let runs = daemon.runs(&id);
        (runs.len() == 2 && runs[1]["state"] == "running").then_some(())
    });
    assert_eq!(daemon.status(&id), "running");
    daemon.kill_9();
    daemon.restart();
    assert_eq!(daemon.status(&id), "running");
    std::fs::write(daemon.scratch().join("go"), "").unwrap();
    daemon.wait_status(&id, "done");
    assert_eq!(daemon.runs(&id).len(), 2, "the review was started twice");
}

#[test]
fn a_reviewer_without_a_word_is_a_violation_of_the_review_and_then_a_person_decides() {
    let work = "kanban complete \"$KANBAN_TASK\" --summary made";
    let daemon = Daemon::start(&config(&[("coder", "report", work), ("qa", "report", "true")]));
    let id = daemon.create(json!({"title": "t", "assignee": "coder", "review": "qa"}));
    crate::harness::until("a person is asked", || {
        daemon.show(&id)["task"]["review_why"].is_string().then_some(())
    });
    let task = daemon.show(&id)["task"].clone();
    assert_eq!(task["status"], "review");
    assert_eq!((&task["review_violations"], &task["spawn_failures"]), (&json!(2), &json!(0)));
    assert_eq!(daemon.outcomes(&id), ["completed", "protocol_violation", "gave_up"]);
    let inbox = daemon.get("/v1/attention");
    let row = inbox.as_array().unwrap().iter().find(|row| row["kind"] == "review").unwrap();
    let message = row["message"].as_str().unwrap();
    assert!(
        message.contains("qa was given up") && message.contains("without approving"),
        "{message}"
    );
    daemon.post(&format!("/v1/tasks/{id}/approve"), &json!({}));
    assert_eq!(daemon.status(&id), "done");
    let rows = daemon.get("/v1/attention");
    assert!(rows.as_array().unwrap().iter().all(|row| row["kind"] != "review"), "{rows}");
}

#[test]
fn a_configuration_with_a_reviewer_that_cannot_be_is_refused_and_the_old_one_stays() {
    let profiles = [("coder", "exit", "true"), ("qa", "exit", "true")];
    let daemon = Daemon::start(&config(&profiles).with("profiles.coder.review", "qa"));
    for (setting, value, words) in [
        ("profiles.coder.review", "nobody", "the reviewer nobody is not a configured profile"),
        ("profiles.coder.review", "coder", "coder would review its own work"),
        ("profiles.qa.user", "nobody", "they must run as the same user"),
    ] {
        let base = config(&profiles).with("profiles.coder.review", "qa");
        daemon.configure(&base.with(setting, value));
        let refused = daemon.client().post::<Value>("/v1/reload", &json!({})).unwrap_err();
        assert!(refused.to_string().contains(words), "{setting}: {refused}");
    }
    let id = daemon.create(json!({"title": "t", "assignee": "coder"}));
    assert_eq!(daemon.show(&id)["task"]["reviewer"], "qa");
    daemon.wait_status(&id, "done");
}

#[test]
fn a_reviewer_that_is_taken_out_of_the_configuration_leaves_its_reviews_to_a_person() {
    let profiles = [("coder", "exit", "true"), ("qa", "exit", "true")];
    let daemon = Daemon::start(&config(&profiles).with("profiles.qa.max_running", 0));
    let id = daemon.create(json!({"title": "t", "assignee": "coder", "review": "qa"}));
    daemon.wait_status(&id, "review");
    assert_eq!(daemon.show(&id)["task"]["review_why"], Value::Null);
    daemon.configure(&config(&profiles[..1]));
    daemon.post("/v1/reload", &json!({}));
    crate::harness::until("a person is asked", || {
        daemon.show(&id)["task"]["review_why"].is_string().then_some(())
    });
    assert_eq!(daemon.runs(&id).len(), 1, "the default launcher reviewed");
}
