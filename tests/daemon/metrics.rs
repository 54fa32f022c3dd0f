//! Figures for Prometheus: the format, and that they move as the work does.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::harness::{Daemon, config, until};

/// Every sample of a page by its name and labels. Fails where the page is not in the format.
fn parse(page: &str) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    let mut families: BTreeMap<&str, &str> = BTreeMap::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(families.insert(name, kind).is_none(), "a family stands twice: {line}");
            continue;
        }
        if line.starts_with("# HELP ") {
            assert!(line.split(' ').count() > 3, "{line}");
            continue;
        }
        let (sample, value) = line.rsplit_once(' ').unwrap();
        let name = sample.split('{').next().unwrap();
        let is_plain = |c: char| c.is_ascii_lowercase() || c == '_';
        assert!(name.chars().all(is_plain) && name.starts_with("kanband_"), "{line}");
        let of_histogram =
            ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        let family = families.get(name).or_else(|| families.get(of_histogram?));
        assert!(family.is_some(), "no family: {line}");
        assert_eq!(family == Some(&"counter"), name.ends_with("_total"), "{line}");
        if let Some(labels) = sample.strip_prefix(name).filter(|labels| !labels.is_empty()) {
            let inner = labels.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap();
            assert!(inner.contains("=\"") && inner.ends_with('"'), "{line}");
        }
        assert!(samples.insert(sample.to_owned(), value.parse().unwrap()).is_none(), "{line}");
    }
    for (name, _) in families.iter().filter(|(_, kind)| **kind == "histogram") {
        let count = samples[&format!("{name}_count")];
        assert_eq!(samples[&format!("{name}_bucket{{le=\"+Inf\"}}")], count, "{name}");
    }
    samples
}

fn metrics(daemon: &Daemon) -> BTreeMap<String, f64> {
    let reply = daemon.client().get_raw("/v1/metrics", &json!({})).unwrap();
    let kind = reply.headers["content-type"].to_str().unwrap();
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    parse(std::str::from_utf8(&reply.body).unwrap())
}

#[test]
fn figures_move_as_runs_are_made_started_and_ended() {
    let daemon = Daemon::start(&config(&[("sh", "exit", "exit 0"), ("long", "exit", "sleep 600")]));
    let before = metrics(&daemon);
    assert_eq!(before["kanband_start_seconds_count"], 0.0);
    assert_eq!(before["kanband_open_runs{state=\"running\"}"], 0.0);
    let done = daemon.create(json!({ "assignee": "sh" }));
    daemon.wait_status(&done, "done");
    daemon.wait_closed(&done);
    let long = daemon.create(json!({ "assignee": "long" }));
    daemon.worker_pid(&long);
    daemon.create(json!({ "assignee": "nobody-runs-this", "triage": true }));
    let after = until("all figures", || {
        let now = metrics(&daemon);
        (now.get("kanband_open_runs{state=\"running\"}") == Some(&1.0)
            && now["kanband_start_seconds_count"] == 2.0)
            .then_some(now)
    });
    assert_eq!(after["kanband_runs_closed_total{profile=\"sh\",outcome=\"completed\"}"], 1.0);
    assert_eq!(after["kanband_ready_wait_seconds_count"], 2.0);
    assert_eq!(after["kanband_tasks{board=\"default\",status=\"done\"}"], 1.0);
    assert_eq!(after["kanband_tasks{board=\"default\",status=\"running\"}"], 1.0);
    assert_eq!(after["kanband_tasks{board=\"default\",status=\"triage\"}"], 1.0);
    assert_eq!(after["kanband_api_requests_total{operation=\"create\"}"], 3.0);
    assert!(
        after["kanband_database_commit_seconds_count"]
            > before["kanband_database_commit_seconds_count"]
    );
    assert!(
        after["kanband_database_commit_seconds_sum"]
            > before["kanband_database_commit_seconds_sum"]
    );
    assert!(after["kanband_database_commit_requests_count"] > 0.0);
}

#[test]
fn what_waits_and_what_holds_it_back_is_there_by_profile() {
    let text = config(&[("sh", "exit", "exit 0")])
        .with("profiles.sh.max_running", 0)
        .with("profiles.ghost.argv", vec!["/no/such/program"]);
    let daemon = Daemon::start(&text);
    for priority in 0..3 {
        daemon.create(json!({ "assignee": "sh", "priority": priority }));
    }
    for _ in 0..6 {
        daemon.create(json!({ "assignee": "ghost" }));
    }
    until("an open breaker", || {
        let now = metrics(&daemon);
        (now.get("kanband_breaker_open{breaker=\"profile:ghost\"}")? > &0.0).then_some(())
    });
    let now = metrics(&daemon);
    assert!(now["kanband_queue_age_seconds{profile=\"sh\"}"] >= 0.0);
    assert!(now["kanband_runs_closed_total{profile=\"ghost\",outcome=\"spawn_failed\"}"] >= 1.0);
    assert_eq!(now["kanband_dispatch_on"], 1.0);
    daemon.post("/v1/dispatch/switch", &json!({ "to": "paused" }));
    assert_eq!(metrics(&daemon)["kanband_dispatch_on"], 0.0);
    let refused = daemon.client().get::<serde_json::Value>("/v1/tasks/t_dead", &json!({}));
    assert!(refused.is_err());
    assert_eq!(metrics(&daemon)["kanband_api_errors_total{operation=\"show\"}"], 1.0);
}

/// A port of the loopback that was free a moment ago.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn over_tcp(port: u16, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

#[test]
fn over_tcp_there_are_the_figures_and_nothing_else_and_only_when_asked_for() {
    let port = free_port();
    let silent = Daemon::start(&config(&[]));
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    drop(silent);
    let daemon = Daemon::start(&config(&[]).with("metrics.listen", port.to_string()));
    let (status, page) = over_tcp(port, "/metrics");
    assert_eq!(status, "HTTP/1.1 200 OK");
    let page =
        page.lines().filter(|line| line.starts_with(['k', '#'])).collect::<Vec<_>>().join("\n");
    assert!(parse(&page).contains_key("kanband_dispatch_on"));
    for path in ["/", "/v1/tasks", "/v1/daemon"] {
        assert_eq!(over_tcp(port, path).0, "HTTP/1.1 404 Not Found", "{path}");
    }
    drop(daemon);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let without = Daemon::start(&config(&[]).with("metrics.listen", address.to_string()));
    let found = metrics_check(&without);
    assert!(found.contains(&format!("no metrics on {address}")), "{found}");
    assert!(found.contains(&format!("pid {}", std::process::id())), "{found}");
}

/// What `doctor` says of them.
fn metrics_check(daemon: &Daemon) -> String {
    let doctor: Value = daemon.get("/v1/doctor");
    let checks = doctor["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["name"] == "metrics");
    found.map(|check| check["message"].as_str().unwrap().to_owned()).unwrap_or_default()
}
