//! How long after a verdict its message leaves, beside an address that never answers.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use serde_json::json;
use support::fakes::{Answer, Fake, Heard, Provider};

use crate::Plan;
use crate::daemon::Daemon;
use crate::report::{Goal, Report, Samples};

/// Addresses that answer.
const ROUTES: usize = 10;

/// After so long a message is missed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Says when each request came.
struct Clock(Sender<Instant>);

impl Provider for Clock {
    fn take(&mut self, _heard: &Heard) -> Answer {
        // The bench may be over.
        let _is_heard = self.0.send(Instant::now()).is_ok();
        Answer::text(200, "")
    }

    fn refuse(&mut self, _heard: &Heard, status: u16, _wait: Option<Duration>) -> Answer {
        Answer::text(status, "")
    }
}

pub fn measure(plan: &Plan, target: &Path, report: &mut Report) {
    let (sender, heard) = channel();
    let good = Fake::start(Clock(sender));
    // It takes connections, and nobody ever reads from them.
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = "[notify]\nattempt = \"30s\"\n[channels.good]\nkind = \"webhook\"\ncredential = \"hooks\"\n\
                  allow = [\"127.0.0.0/8\"]\nallow_http = true\nlimit_per_minute = 100000\n\
                  [channels.hanging]\nkind = \"webhook\"\ncredential = \"hooks\"\nallow = [\"127.0.0.0/8\"]\nallow_http = true\n";
    let daemon = Daemon::start_with(plan, target, 1, &["/bin/true"], config, |home| {
        let folder = home.join("credentials");
        std::fs::create_dir(&folder).unwrap();
        let secret = folder.join("hooks");
        std::fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        std::fs::set_permissions(secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    });
    daemon.switch("paused");
    let plain = verdicts(plan.singles, &daemon, None);
    let address = format!("http://{}/", hanging.local_addr().unwrap());
    subscribe(&daemon, "hanging", &address);
    for route in 0..ROUTES {
        subscribe(&daemon, "good", &format!("{}/{route}", good.url()));
    }
    // Connections are made, and the first message hangs.
    verdicts(1, &daemon, Some(&heard));
    let with = verdicts(plan.singles, &daemon, Some(&heard));
    let name = |what: &str| format!("{ROUTES} routes, one hangs: {what}");
    report.add("no route: verdict -> reply", "ms", &plain.replies, Goal::None);
    report.add(name("verdict -> reply"), "ms", &with.replies, Goal::None);
    report.add(name("verdict -> requests leave"), "ms", &with.requests, Goal::None);
    let p95 = with.requests.percentile(95);
    report.add_one(name("the same, p95"), "ms", p95, Goal::AtMost(50.0));
    // A courier outlives its daemon.
    daemon.end_courier();
}

fn subscribe(daemon: &Daemon, channel: &str, address: &str) {
    let fields = json!({ "platform": channel, "chat_id": address, "kinds": ["completed"] });
    daemon.post("/v1/subscriptions", &fields);
}

#[derive(Default)]
struct Times {
    replies: Samples,
    /// Of each address.
    requests: Samples,
}

fn verdicts(count: usize, daemon: &Daemon, heard: Option<&Receiver<Instant>>) -> Times {
    let mut times = Times::default();
    for _ in 0..count {
        let id = daemon.create();
        let asked = Instant::now();
        daemon.act(&id, "complete", &json!({ "summary": "done" }));
        times.replies.add_ms(asked.elapsed());
        for _ in 0..heard.map_or(0, |_| ROUTES) {
            let at = heard.unwrap().recv_timeout(PATIENCE).unwrap();
            times.requests.add_ms(at.saturating_duration_since(asked));
        }
    }
    times
}
