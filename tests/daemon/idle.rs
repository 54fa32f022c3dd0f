//! Nothing to do costs nothing.

use std::time::Duration;

use serde_json::json;

use crate::harness::{Daemon, config, let_pass, until};

/// How often threads of a process have begun to wait.
pub fn voluntary_switches(pid: i32) -> u64 {
    let mut sum = 0;
    for thread in std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten() {
        // A thread may end between the two.
        let Ok(status) = std::fs::read_to_string(thread.path().join("status")) else { continue };
        let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches")).unwrap();
        sum += line.split_whitespace().last().unwrap().parse::<u64>().unwrap();
    }
    sum
}

#[test]
fn ten_idle_seconds_with_a_thousand_tasks_and_ten_thousand_schedules_cost_no_reads_and_hardly_a_wake_up()
 {
    let daemon = Daemon::start(&config(&[]));
    for _ in 0..1000 {
        daemon.create(json!({}));
    }
    for batch in 0..20 {
        let schedule = |nth| {
            let name = format!("s{batch}-{nth}");
            json!({ "name": name, "cron": "0 0 29 2 *", "zone": "UTC", "task": { "title": "t" } })
        };
        let schedules: Vec<_> = (0..500).map(schedule).collect();
        daemon.post("/v1/schedules/apply", &json!({ "schedules": schedules }));
    }
    // The pass that the last creation caused may still be on its way.
    let mut last = json!(null);
    let before = until("the last pass", || {
        let now = daemon.get("/v1/daemon");
        let is_settled = now == last;
        last = now.clone();
        let_pass(Duration::from_millis(100));
        is_settled.then_some(now)
    });
    let switches_before = voluntary_switches(daemon.pid());
    let_pass(Duration::from_secs(10));
    let switches = voluntary_switches(daemon.pid()) - switches_before;
    let after = daemon.get("/v1/daemon");
    for figure in ["database_reads", "database_requests", "database_commits"] {
        assert_eq!(after[figure], before[figure], "{figure}");
    }
    assert!(switches < 20, "{switches} voluntary context switches");
}
