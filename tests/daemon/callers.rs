//! Who is calling, as the kernel of the operating system says it.

use kanband::api::client::{Client, ClientError};
use serde_json::{Value, json};

use crate::harness::{Daemon, config, until};

fn output(daemon: &Daemon, id: &str) -> String {
    daemon.wait_status(id, "done");
    daemon.wait_closed(id);
    daemon.run_log(id)
}

#[test]
fn a_process_in_a_runs_tree_acts_as_that_run_whatever_its_environment_says() {
    let script = "unset KANBAN_RUN KANBAN_TASK KANBAN_TOKEN_FILE HERMES_PROFILE; \
                  KANBAN_SOCKET=${KANBAN_SOCKET%.worker}; export KANBAN_SOCKET; \
                  kanban comment OTHER 'hello' ; \
                  kanban complete OTHER --summary stolen 2>&1; \
                  kanban unblock OTHER 2>&1; \
                  kanban dispatch 2>&1; exit 0";
    let daemon = Daemon::prepare("");
    let mut daemon = daemon;
    daemon.configure(&config(&[("sh", "exit", "true")]));
    daemon.spawn();
    daemon.wait_until_up();
    let other = daemon.create(json!({}));
    daemon.signal(nix::sys::signal::SIGTERM);
    daemon.wait_end();
    let text = config(&[("sh", "exit", &script.replace("OTHER", &other))]);
    daemon.configure(&text);
    daemon.restart();
    let id = daemon.create(json!({ "assignee": "sh" }));
    let report = output(&daemon, &id);
    assert!(report.contains(&format!("belongs to {id}, not to {other}")), "{report}");
    assert_eq!(report.matches("may not").count(), 2, "{report}");
    assert_eq!(daemon.status(&other), "ready");
    let comments = &daemon.show(&other)["comments"];
    assert_eq!(comments[0]["author"], "sh", "the kernel says who wrote it: {comments}");
}

#[test]
fn the_workers_socket_is_only_for_workers() {
    let daemon = Daemon::start(&config(&[]));
    let socket = daemon.home().join("kanband.sock.worker");
    let outsider = Client::at(socket, None, false).unwrap();
    let answer = outsider.get::<Value>("/v1/tasks", &json!({}));
    assert!(
        matches!(&answer, Err(ClientError::Refused(detail)) if detail.message.contains("cannot identify the calling process")),
        "{answer:?}"
    );
}

#[test]
fn a_token_from_outside_the_tree_acts_as_its_run_only() {
    let daemon = Daemon::start(&config(&[("sh", "report", "sleep 600")]));
    let id = daemon.create(json!({ "assignee": "sh" }));
    let other = daemon.create(json!({}));
    daemon.worker_pid(&id);
    let token = std::fs::read_to_string(daemon.home().join("runs/1/token")).unwrap();
    for socket in ["kanband.sock", "kanband.sock.worker"] {
        let path = daemon.home().join(socket);
        let holder = Client::at(path.clone(), Some(token.trim().to_owned()), false).unwrap();
        let refused = |path: String| {
            let answer = holder.post::<Value>(&path, &json!({ "summary": "x" }));
            assert!(matches!(answer, Err(ClientError::Refused(_))), "{path}: {answer:?}");
        };
        refused(format!("/v1/tasks/{other}/complete"));
        let beat: Value = holder.post(&format!("/v1/tasks/{id}/heartbeat"), &json!({})).unwrap();
        assert_eq!(beat["run_id"], 1);
        let forger = Client::at(path, Some("0".repeat(64)), false).unwrap();
        let answer = forger.get::<Value>("/v1/tasks", &json!({}));
        assert!(matches!(answer, Err(ClientError::Refused(_))), "a wrong token widens nothing");
    }
}

#[test]
fn a_run_that_is_over_is_told_so() {
    let daemon = Daemon::start(&config(&[("sh", "exit", "true")]));
    let id = daemon.create(json!({ "assignee": "sh" }));
    daemon.wait_status(&id, "done");
    daemon.wait_closed(&id);
    until("the run's files to go", || (!daemon.home().join("runs/1").exists()).then_some(()));
    let late = Client::at(daemon.socket(), Some("gone".into()), false).unwrap();
    let answer = late.post::<Value>(&format!("/v1/tasks/{id}/comment"), &json!({ "body": "x" }));
    assert!(
        matches!(&answer, Err(ClientError::Refused(detail)) if detail.message.contains("no open run")),
        "{answer:?}"
    );
}
