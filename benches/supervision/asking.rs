//! From the answer of a person to the return of the call that waits for it.
//!
//! The task is claimed by hand, so no worker runs beside it. The time begins before the answer is sent and ends when the waiting call
//! has it; beside it stands the answer alone, from its request to its reply, which is sent after the commit.

use std::path::Path;
use std::time::{Duration, Instant};

use kanband::kernel::verbs::AskTask;

use crate::Plan;
use crate::daemon::{Daemon, Events};
use crate::report::{Goal, Report, Samples};

/// Between the event that the question is asked and its answer: the call waits by then.
const SETTLE_TIME: Duration = Duration::from_millis(20);

pub fn measure(plan: &Plan, target: &Path, report: &mut Report) {
    let daemon = Daemon::start(plan, target, 1, &["/bin/true"]);
    daemon.switch("paused");
    let listener = daemon.listener();
    let mut events = Events::follow(&listener);
    let (mut answered, mut returned) = (Samples::default(), Samples::default());
    for _ in 0..plan.singles {
        let id = daemon.create();
        daemon.act(&id, "claim", &serde_json::json!({}));
        let asker = daemon.listener();
        let ask = AskTask { id: id.clone(), question: "which?".to_owned(), ..AskTask::default() };
        let waiting = std::thread::spawn(move || {
            let reply = asker.ask(&ask, |_reply| None).unwrap();
            (Instant::now(), reply.answer)
        });
        events.wait_for("asked", Some(&id));
        daemon.pause(SETTLE_TIME);

        let sent = Instant::now();
        daemon.act(&id, "answer", &serde_json::json!({ "answer": "this" }));
        answered.add_ms(sent.elapsed());
        let (has_it, answer) = waiting.join().unwrap();
        assert_eq!(answer.as_deref(), Some("this"));
        returned.add_ms(has_it.saturating_duration_since(sent));
    }
    report.add("asking, bare: answer sent -> answer on the disk", "ms", &answered, Goal::None);
    report.add("asking: answer sent -> waiting call returns", "ms", &returned, Goal::AtMost(5.0));
    report.add_ratio(
        "asking: waiting call returns / answer on the disk",
        &returned,
        &answered,
        Goal::None,
    );
}
