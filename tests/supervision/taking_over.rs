//! Workers that call the board while the daemon does not know their run yet: after a restart, after a panic of the worker's actor,
//! and while a look at the run's processes hangs. A worker of an open run is heard or waits. It never reads that its run is over.

use std::path::Path;

use kanband::api::client::{Client, ClientError};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::harness::{Daemon, is_alive, let_pass, until};
use crate::traces::{containment_modes, quick_config};

/// A worker that calls the board again and again, keeps what the board answers that is no success, and waits for its word.
fn script(dir: &Path) -> String {
    let dir = dir.display();
    format!(
        "while [ ! -e {dir}/word.$KANBAN_TASK ]; do \
         kanban show $KANBAN_TASK > /dev/null 2>> {dir}/refused || echo \"exit code $?\" >> {dir}/refused; \
         echo >> {dir}/calls.$KANBAN_TASK; done; \
         . {dir}/word.$KANBAN_TASK"
    )
}

fn prepared(mode: &str, points: Option<&str>) -> Daemon {
    let mut daemon = Daemon::prepare("");
    daemon.arm(points);
    let profiles =
        [("dev", "report", script(daemon.scratch())), ("sh", "exit", "exit 0".to_owned())];
    let profiles = profiles.each_ref().map(|(name, verdict, script)| (*name, *verdict, &**script));
    daemon.configure(&quick_config(mode, 30, &profiles));
    daemon.spawn();
    daemon.wait_until_up();
    daemon
}

fn calls(daemon: &Daemon, id: &str) -> usize {
    let path = daemon.scratch().join(format!("calls.{id}"));
    std::fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

/// Waits until the worker has made a whole call, so that it began after now.
fn wait_called(daemon: &Daemon, id: &str) {
    let enough = calls(daemon, id) + 2;
    until("calls of the worker", || (calls(daemon, id) >= enough).then_some(()));
}

fn refused(daemon: &Daemon) -> String {
    std::fs::read_to_string(daemon.scratch().join("refused")).unwrap_or_default()
}

fn tell(daemon: &Daemon, id: &str, word: &str) {
    let beside = daemon.scratch().join("word.new");
    std::fs::write(&beside, word).unwrap();
    std::fs::rename(beside, daemon.scratch().join(format!("word.{id}"))).unwrap();
}

fn at_work(daemon: &Daemon) -> String {
    let id = daemon.create(json!({ "assignee": "dev" }));
    daemon.worker_pid(&id);
    wait_called(daemon, &id);
    id
}

fn pass_by(daemon: &Daemon) {
    let other = daemon.create(json!({ "assignee": "sh" }));
    daemon.wait_status(&other, "done");
}

/// Completes and does not end: it is ended after the linger only by an actor that knows of the verdict.
const COMPLETE_AND_STAY: &str = "kanban complete $KANBAN_TASK --summary heard && exec sleep 600";

#[test]
fn workers_that_call_while_the_daemon_is_restarted_are_heard_every_time() {
    for mode in containment_modes() {
        let mut daemon = prepared(mode, None);
        let ids: Vec<String> = (0..6).map(|_| at_work(&daemon)).collect();
        for _ in 0..4 {
            daemon.kill_9();
            daemon.restart();
            for id in &ids {
                wait_called(&daemon, id);
            }
        }
        assert_eq!(refused(&daemon), "", "{mode}");
        for id in &ids {
            tell(&daemon, id, COMPLETE_AND_STAY);
            daemon.wait_closed(id);
            assert_eq!(daemon.outcomes(id), ["completed"], "{mode}");
        }
    }
}

#[test]
fn a_run_whose_look_hangs_after_a_restart_is_heard_holds_up_no_other_and_is_ended_after_its_verdict()
 {
    for mode in containment_modes() {
        let mut daemon = prepared(mode, None);
        let ids: Vec<String> = (0..3).map(|_| at_work(&daemon)).collect();
        daemon.kill_9();
        let held = daemon.scratch().join("held");
        daemon.arm(Some(&format!("run-look=hold:{}@1", held.display())));
        daemon.spawn();
        daemon.wait_until_up();
        assert!(held.exists(), "{mode}: the look hangs");
        let doubtful = until("the run that is in doubt", || {
            let is_doubtful = |id: &&String| {
                daemon.get(&format!("/v1/tasks/{id}/why"))["reason"] == "run_unknown"
            };
            ids.iter().find(is_doubtful).cloned()
        });
        pass_by(&daemon);
        for id in &ids {
            wait_called(&daemon, id);
        }
        assert_eq!(refused(&daemon), "", "{mode}");
        let turned_away = daemon.get("/v1/status")["resources"]["turned_away"].clone();
        assert_eq!(turned_away["run_over"], 0, "{mode}: no connection of an open run is ended");
        let pid = daemon.worker_pid(&doubtful);
        for id in &ids {
            tell(&daemon, id, COMPLETE_AND_STAY);
            daemon.wait_status(id, "done");
        }
        for id in ids.iter().filter(|id| **id != doubtful) {
            daemon.wait_closed(id);
        }
        // Nobody acts on a run that is not known.
        assert!(is_alive(pid), "{mode}");
        assert_eq!(daemon.runs(&doubtful)[0]["closed_at"], Value::Null);
        std::fs::remove_file(held).unwrap();
        daemon.wait_closed(&doubtful);
        assert!(!is_alive(pid));
        assert_eq!(daemon.outcomes(&doubtful), ["completed"], "{mode}");
        assert_eq!(refused(&daemon), "", "{mode}");
    }
}

#[test]
fn a_stop_that_comes_while_the_look_hangs_is_not_lost() {
    let mut daemon = prepared("subreaper", None);
    let id = at_work(&daemon);
    daemon.kill_9();
    let held = daemon.scratch().join("held");
    daemon.arm(Some(&format!("run-look=hold:{}@1", held.display())));
    daemon.spawn();
    daemon.wait_until_up();
    let pid = daemon.worker_pid(&id);
    daemon.post(&format!("/v1/tasks/{id}/stop"), &json!({ "then": "hold" }));
    let_pass(std::time::Duration::from_millis(200));
    assert!(is_alive(pid));
    std::fs::remove_file(held).unwrap();
    daemon.wait_closed(&id);
    assert!(!is_alive(pid));
    assert_eq!(daemon.outcomes(&id), ["stopped"]);
}

#[test]
fn a_worker_whose_actor_has_panicked_is_heard_until_another_has_taken_its_run_over() {
    for mode in containment_modes() {
        let gate = tempfile::tempdir().unwrap();
        let held = gate.path().join("held");
        let points = format!("spawn-recorded=panic@1;run-look=hold:{}@1", held.display());
        let daemon = prepared(mode, Some(&points));
        let id = daemon.create(json!({ "assignee": "dev" }));
        until("the look after the panic", || held.exists().then_some(()));
        wait_called(&daemon, &id);
        pass_by(&daemon);
        assert_eq!(refused(&daemon), "", "{mode}");
        tell(&daemon, &id, COMPLETE_AND_STAY);
        daemon.wait_status(&id, "done");
        std::fs::remove_file(&held).unwrap();
        daemon.wait_closed(&id);
        assert_eq!(daemon.outcomes(&id), ["completed"], "{mode}");
        assert_eq!(refused(&daemon), "", "{mode}");
    }
}

/// The daemon learns the token from its file or, when that is gone, only by the digest in the row.
#[test]
fn a_token_is_its_runs_after_its_file_was_removed_or_damaged_and_the_daemon_restarted() {
    for mode in containment_modes() {
        let mut daemon = prepared(mode, None);
        let ids = [at_work(&daemon), at_work(&daemon)];
        let paths = [1, 2].map(|run_id| daemon.home().join(format!("runs/{run_id}/token")));
        let tokens = paths.each_ref().map(|path| std::fs::read_to_string(path).unwrap());
        daemon.kill_9();
        std::fs::remove_file(&paths[0]).unwrap();
        std::fs::write(&paths[1], "f00").unwrap();
        for run_id in [1, 2] {
            std::fs::remove_file(daemon.home().join(format!("runs/{run_id}/spec"))).unwrap();
        }
        daemon.restart();
        let with_token = |token: &str| {
            let path = daemon.home().join("kanband.sock.worker");
            Client::at(path, Some(token.trim().to_owned()), false).unwrap()
        };
        for (run_id, (id, token)) in ids.iter().zip(&tokens).enumerate() {
            let beat = format!("/v1/tasks/{id}/heartbeat");
            let beat: Value = with_token(token).post(&beat, &json!({})).unwrap();
            assert_eq!(beat["run_id"], run_id + 1, "{mode}");
            wait_called(&daemon, id);
        }
        let forged = with_token("f00").get::<Value>("/v1/tasks", &json!({}));
        assert!(
            matches!(&forged, Err(ClientError::Refused(detail)) if detail.message.contains("no open run")),
            "{mode}: {forged:?}"
        );
        for (id, token) in ids.iter().zip(&tokens) {
            tell(&daemon, id, "kanban complete $KANBAN_TASK --summary heard");
            daemon.wait_closed(id);
            let late = with_token(token)
                .post::<Value>(&format!("/v1/tasks/{id}/comment"), &json!({ "body": "late" }));
            assert!(
                matches!(&late, Err(ClientError::Refused(detail)) if detail.message.contains("is over")),
                "{mode}: {late:?}"
            );
        }
        assert_eq!(refused(&daemon), "", "{mode}");
        daemon.signal(Signal::SIGTERM);
        daemon.wait_end();
    }
}
