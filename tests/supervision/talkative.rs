//! A worker that writes as fast as it can.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::harness::{Daemon, until};
use crate::traces::{from_env, quick_config};

const HEAD_BYTES: u32 = 65_536;
const TAIL_BYTES: u32 = 131_072;

/// First line of a segment of the tail.
const HEADER_BYTES: u64 = 37;

fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// The files below `dir` without the times of the logs, which have a bound of their own.
fn output_below(dir: &Path) -> Vec<PathBuf> {
    let mut files = files_below(dir);
    files.retain(|file| file.extension().is_none_or(|ending| ending != "times"));
    files
}

fn bytes_of(files: &[PathBuf]) -> u64 {
    files.iter().map(|file| std::fs::metadata(file).map_or(0, |there| there.len())).sum()
}

/// What the newer segment of the tail says of where it begins in the output.
fn written_up_to(files: &[PathBuf]) -> Vec<String> {
    let is_tail = |file: &&PathBuf| file.to_string_lossy().contains(".tail.");
    let first_line = |file: &PathBuf| {
        let bytes = std::fs::read(file).unwrap();
        let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        String::from_utf8_lossy(line).into_owned()
    };
    files.iter().filter(is_tail).map(first_line).collect()
}

/// `KANBAND_CREATES` sets how many tasks are created meanwhile.
#[test]
fn while_a_worker_writes_without_end_its_log_stays_small_and_every_create_is_answered() {
    let creates = from_env("KANBAND_CREATES", 500);
    let mut daemon = Daemon::prepare("");
    let profiles = [("yes", "exit", "exec yes"), ("echo", "exit", "echo well")];
    let text = quick_config("", 8, &profiles);
    daemon.configure(
        &text
            .with("supervision.log_head_bytes", HEAD_BYTES)
            .with("supervision.log_tail_bytes", TAIL_BYTES),
    );
    daemon.spawn();
    daemon.wait_until_up();
    let talkative: Vec<_> = (0..2).map(|_| daemon.create(json!({ "assignee": "yes" }))).collect();
    let files = until("both logs to have come round", || {
        let files = output_below(&daemon.home().join("logs"));
        (files.len() == 6).then_some(files)
    });
    let before = written_up_to(&files);
    let (head, tail) = (u64::from(HEAD_BYTES), u64::from(TAIL_BYTES));
    let most = 2 * (head + 2 * (tail + HEADER_BYTES));
    let mut created = HashSet::new();
    for n in 0..creates {
        // Some of them are for workers of their own.
        let assignee = if n % 50 == 0 { json!("echo") } else { json!(null) };
        created.insert(daemon.create(json!({ "assignee": assignee })));
        let now = bytes_of(&files);
        assert!(now <= most, "{now} bytes of log are more than {most}");
    }
    assert_eq!(created.len() as u64, creates);
    let stats = daemon.get("/v1/stats");
    let counted: u64 =
        stats["by_status"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!(counted, creates + 2, "every one of them is on the board: {stats}");
    for id in created {
        if daemon.show(&id)["task"]["assignee"] == "echo" {
            daemon.wait_status(&id, "done");
        }
    }
    until("both to have written on meanwhile", || {
        let now = written_up_to(&files);
        let all_moved = before.iter().zip(&now).all(|(before, now)| before != now);
        all_moved.then_some(())
    });
    for id in &talkative {
        assert_eq!(daemon.status(id), "running");
        daemon.post(&format!("/v1/tasks/{id}/archive"), &json!({}));
        daemon.wait_closed(id);
        let log = daemon.run_log(id);
        assert!(log.starts_with("y\ny\n"));
    }
    let mut all = output_below(&daemon.home().join("logs"));
    all.retain(|file| talkative.iter().any(|id| file.to_string_lossy().contains(id.as_str())));
    assert_eq!(all.len(), 6);
    assert!(bytes_of(&all) <= most);
}
