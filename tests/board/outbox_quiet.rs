//! Quiet hours: those of an address, else of the person of its subscription, else of its channel; and what a storm of news is announced by.

use kanband::kernel::error::Refusal;
use kanband::kernel::notify_policy::{ChannelPolicy, NotifyPolicy};
use kanband::kernel::policy::Policy;
use kanband::kernel::queries::ListOutbox;
use kanband::kernel::rules::notify::Level;
use kanband::kernel::rules::quiet::QuietHours;
use kanband::kernel::verbs::{Subscribe, WatchTasks};

use crate::bench_board::Bench;
use crate::outbox::{complete, messages, policy};

const HOUR_MS: i64 = 3_600_000;

/// 2026-03-02T23:00:00Z.
const NIGHT: i64 = 1_772_492_400;

fn bench() -> Bench {
    let quiet = |text| QuietHours::parse(text, "UTC");
    let policy = policy();
    let mut channels = policy.notify.channels.clone();
    let letters = channels["letters"].clone();
    channels.insert("letters".into(), ChannelPolicy { quiet: quiet("22:00-07:00"), ..letters });
    let people_quiet = [("ada".to_owned(), quiet("22:00-09:00").unwrap())].into();
    let notify = NotifyPolicy { channels, people_quiet, ..policy.notify.clone() };
    let mut bench = Bench::with_policy(Policy { notify, ..policy });
    bench.now = NIGHT;
    bench
}

fn subscription(bench: &mut Bench, person: Option<&str>, quiet: Option<&str>) -> Subscribe {
    Subscribe {
        id: bench.create("a", "dev", &[]).to_string(),
        platform: "letters".into(),
        chat_id: "ada@example.org".into(),
        level: Some(Level::Quiet),
        person: person.map(str::to_owned),
        quiet: quiet.map(str::to_owned),
        ..Subscribe::default()
    }
}

/// How many hours news of a subscription with these wishes waits; none: it goes at once.
fn waits_hours(person: Option<&str>, quiet: Option<&str>) -> Option<i64> {
    let mut bench = bench();
    let verb = subscription(&mut bench, person, quiet);
    let id = bench.do_it(&verb).subscription.task_id;
    complete(&mut bench, &id, "done");
    let not_before_ms = messages(&bench)[0].not_before_ms;
    (not_before_ms > 0).then(|| (not_before_ms - NIGHT * 1_000) / HOUR_MS)
}

#[test]
fn the_quiet_hours_of_an_address_hold_before_those_of_its_person_and_of_its_channel() {
    for (person, quiet, expected) in [
        (None, None, Some(8)),
        (Some("ada"), None, Some(10)),
        (Some("bo"), None, Some(8)),
        (Some("ada"), Some("22:00-05:00 UTC"), Some(6)),
        (None, Some("12:00-13:00 UTC"), None),
        (None, Some("23:30-07:00 Europe/Berlin"), Some(7)),
        (Some("ada"), Some(""), Some(10)),
    ] {
        assert_eq!(waits_hours(person, quiet), expected, "{person:?} {quiet:?}");
    }
}

#[test]
fn quiet_hours_of_an_address_are_listed_replaced_and_removed() {
    let mut bench = bench();
    let mut listed = |quiet: Option<&str>| {
        let verb = subscription(&mut bench, None, quiet);
        bench.do_it(&verb);
        bench.ask(&ListOutbox::default()).unwrap().routes[0].quiet.clone()
    };
    assert_eq!(listed(Some("22:00-06:00")).as_deref(), Some("22:00-06:00"));
    assert_eq!(listed(None).as_deref(), Some("22:00-06:00"), "another subscription keeps them");
    assert_eq!(listed(Some("21:00-06:00")).as_deref(), Some("21:00-06:00"));
    assert_eq!(listed(Some("")), None);
    let verb = subscription(&mut bench, None, Some("at night"));
    assert!(matches!(bench.refused(&verb), Refusal::InvalidValue { field: "quiet", .. }));
}

#[test]
fn the_rate_of_the_last_day_is_said_before_a_subscription_that_hears_each_step() {
    let mut bench = bench();
    bench.now -= 2 * 86_400;
    bench.create("of the day before yesterday", "dev", &[]);
    bench.now += 2 * 86_400;
    for _ in 0..3 {
        bench.create("a", "dev", &[]);
    }
    let storm = WatchTasks {
        platform: "letters".into(),
        chat_id: "ada@example.org".into(),
        level: Some(Level::Verbose),
        dry_run: true,
        ..WatchTasks::default()
    };
    let reply = bench.do_it(&storm);
    assert!(!reply.created && reply.warnings.len() == 1, "{reply:?}");
    assert!(
        reply.warnings[0].contains("all boards") && reply.warnings[0].contains("3 events"),
        "{reply:?}"
    );
    assert!(bench.ask(&ListOutbox::default()).unwrap().filters.is_empty(), "nothing was taken");
    let of_board = WatchTasks { board: Some("default".into()), ..storm.clone() };
    assert!(bench.do_it(&of_board).warnings[0].contains("board default"));
    for calm in [
        WatchTasks { level: Some(Level::Normal), ..storm.clone() },
        WatchTasks { assignee: Some("dev".into()), ..storm.clone() },
        WatchTasks { kinds: vec!["completed".into()], ..storm.clone() },
    ] {
        assert!(bench.do_it(&calm).warnings.is_empty(), "{calm:?}");
    }
    assert!(bench.do_it(&WatchTasks { dry_run: false, ..storm }).created);
}
