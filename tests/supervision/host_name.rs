//! The host gets another name while work goes on.

use serde_json::json;

use crate::harness::{Daemon, config, until};
use crate::namespaces::{Location, enter};
use crate::traces::{lines, run_number};

#[test]
fn under_a_new_host_name_a_run_is_adopted_and_a_claim_stays() {
    let name = "host_name::under_a_new_host_name_a_run_is_adopted_and_a_claim_stays";
    let Location::Inside = enter(name, &["--uts"], &["uts"], "true") else { return };
    let rename = |name: &str| nix::unistd::sethostname(name).unwrap();
    let mut daemon = Daemon::prepare("");
    let dir = daemon.scratch().display().to_string();
    let script = format!(
        "echo $KANBAN_RUN >> {dir}/starts; while [ ! -e {dir}/end ]; do sleep 0.05; done; hostname"
    );
    daemon.configure(&config(&[("sh", "exit", &script)]));
    rename("before");
    daemon.spawn();
    daemon.wait_until_up();
    let id = daemon.create(json!({ "assignee": "sh" }));
    let worker = daemon.worker_pid(&id);
    let run = run_number(&daemon.runs(&id)[0]);
    let by_hand = daemon.create(json!({}));
    daemon.post(&format!("/v1/tasks/{by_hand}/claim"), &json!({}));
    let claimed = daemon.show(&by_hand)["task"].clone();
    until("the worker at work", || {
        (lines(&daemon.scratch().join("starts")).len() == 1).then_some(())
    });
    for name in ["after", "after.again.example"] {
        rename(name);
        daemon.kill_9();
        daemon.restart();
        // A pass over everything: what is to be reclaimed is reclaimed by it.
        daemon.post("/v1/dispatch", &json!({}));
        let runs = daemon.runs(&id);
        assert_eq!((runs.len(), run_number(&runs[0])), (1, run), "{name}");
        assert_eq!((&runs[0]["outcome"], daemon.worker_pid(&id)), (&json!(null), worker), "{name}");
        assert_eq!(daemon.show(&by_hand)["task"], claimed, "{name}");
    }
    std::fs::write(daemon.scratch().join("end"), "").unwrap();
    daemon.wait_status(&id, "done");
    assert_eq!(daemon.runs(&id)[0]["summary"], "after.again.example", "it was the same host");
    assert_eq!(lines(&daemon.scratch().join("starts")), [run.to_string()], "started once");
    let kinds = daemon.kinds(&id);
    assert!(!kinds.iter().any(|kind| kind == "reclaimed" || kind == "lost"), "{kinds:?}");
}
