//! Nothing that leaves a sender holds a secret: not an outcome, not a log line, not a word on a command line.

use std::time::Duration;

use support::fakes::receiver::Receiver;
use support::fakes::telegram::Telegram;
use support::fakes::{Fake, Fault, Faults};

use crate::harness::{Bench, TOKEN, on_runtime, row, setting};

#[test]
fn what_a_provider_quotes_back_is_filtered() {
    let fake = Fake::start(Receiver::default());
    let bench = Bench::new(Duration::from_secs(30));
    let url = format!("{}/in/SENTINEL-path-secret?key=SENTINEL-query-secret", fake.url());
    for status in [400, 403, 404, 410, 422, 500, 503] {
        fake.fail(Faults::ordered([Fault::Status(status)]));
        let outcome =
            on_runtime(bench.channel(&setting("webhook", None)).send(&row("webhook", &url, 1)));
        let shown = format!("{outcome:?}");
        assert!(shown.contains("cannot handle") && !shown.contains("SENTINEL"), "{shown}");
    }
    let telegram = Fake::start(Telegram::new(TOKEN));
    telegram.with(|it| {
        let quoted = format!("Bad Request: bot{TOKEN} may not, nor may {TOKEN}");
        it.refusals.insert("7".to_owned(), (400, quoted));
    });
    let channel = bench.channel(&setting("telegram", Some(telegram.url())));
    let shown = format!("{:?}", on_runtime(channel.send(&row("telegram", "7", 1))));
    assert!(shown.contains("may not") && !shown.contains("SENTINEL"), "{shown}");
}
