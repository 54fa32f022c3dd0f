//! What is asked and not answered: repeated twice, then in one list a day for each address.

use kanband::kernel::ids::TaskId;
use kanband::kernel::notice::{Class, Row};
use kanband::kernel::policy::Policy;
use kanband::kernel::rules::daily::DailyTime;
use kanband::kernel::rules::notify::Level;

use crate::bench_board::Bench;
use crate::outbox::{block, complete, lease_at, policy, sent, subscribe, unblock};

const HOUR: i64 = 3_600;

fn bench(digest: Option<&str>) -> Bench {
    let policy = policy();
    let notify = kanband::kernel::notify_policy::NotifyPolicy {
        digest: digest.and_then(DailyTime::parse),
        ..policy.notify.clone()
    };
    let mut bench = Bench::with_policy(Policy { notify, ..policy });
    // 2026-03-02T12:00:00Z.
    bench.now = 1_772_452_800;
    bench
}

/// Everything that goes now, sent.
fn send_all(bench: &mut Bench) -> Vec<Row> {
    let mut rows = Vec::new();
    loop {
        let now_ms = bench.now * 1_000;
        let leased = lease_at(bench, now_ms).leased.rows;
        if leased.is_empty() {
            return rows;
        }
        for row in leased {
            sent(bench, &row);
            rows.push(row);
        }
    }
}

fn asking(bench: &mut Bench, title: &str, chat: &str) -> TaskId {
    asking_by(bench, title, "chat", chat)
}

fn asking_by(bench: &mut Bench, title: &str, channel: &str, address: &str) -> TaskId {
    let id = bench.create(title, "dev", &[]);
    subscribe(bench, &id, channel, address, Level::Quiet);
    block(bench, &id, "which?");
    assert_eq!(send_all(bench).len(), 1);
    id
}

/// When something is due next, in hours from now.
fn next_in_hours(bench: &mut Bench) -> Option<i64> {
    let now_ms = bench.now * 1_000;
    let next = lease_at(bench, now_ms).next_ms?;
    Some((next - now_ms) / 1_000 / HOUR)
}

#[test]
fn an_open_question_is_repeated_after_four_hours_and_a_day_and_then_listed_once_a_day() {
    let mut bench = bench(Some("09:00"));
    let first = asking(&mut bench, "first", "4711");
    let second = asking(&mut bench, "second", "4711");
    asking(&mut bench, "elsewhere", "4712");
    for (hours, next) in [(4, 20), (20, 21)] {
        bench.now += hours * HOUR;
        let rows = send_all(&mut bench);
        assert_eq!(rows.len(), 3, "{rows:?}");
        assert!(rows.iter().all(|row| row.notice.headline.starts_with("Still waits")), "{rows:?}");
        assert_eq!(next_in_hours(&mut bench), Some(next));
    }
    bench.now += 21 * HOUR;
    let mut rows = send_all(&mut bench);
    rows.sort_by(|one, other| one.address.cmp(&other.address));
    let heads: Vec<_> =
        rows.iter().map(|row| (row.notice.class, row.notice.headline.as_str())).collect();
    assert_eq!(
        heads,
        [
            (Class::Digest, "2 tasks still need a person."),
            (Class::Digest, "1 task still needs a person."),
        ]
    );
    let items: Vec<_> = rows[0].notice.items.iter().map(|item| item.task.clone()).collect();
    assert_eq!(items, [first.to_string(), second.to_string()]);
    assert!(rows[0].notice.is_silent);
    assert_eq!(next_in_hours(&mut bench), Some(24), "the next one is tomorrow's");
    complete(&mut bench, &first, "done");
    send_all(&mut bench);
    bench.now += 24 * HOUR;
    let rows = send_all(&mut bench);
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert!(rows.iter().all(|row| row.notice.items.len() == 1), "{rows:?}");
    complete(&mut bench, &second, "done");
    send_all(&mut bench);
    bench.now += 24 * HOUR;
    assert_eq!(send_all(&mut bench).len(), 1, "nothing is open at the first address");
}

#[test]
fn without_a_digest_the_last_reminder_is_the_last_word() {
    let mut bench = bench(None);
    asking(&mut bench, "first", "4711");
    for hours in [4, 20] {
        bench.now += hours * HOUR;
        assert_eq!(send_all(&mut bench).len(), 1);
    }
    assert_eq!(next_in_hours(&mut bench), None);
    bench.now += 240 * HOUR;
    assert!(send_all(&mut bench).is_empty());
}

#[test]
fn a_question_by_mail_is_repeated_and_listed_like_others_and_a_program_gets_it_once() {
    let mut bench = bench(Some("09:00"));
    let first = asking_by(&mut bench, "first", "letters", "ada@example.org");
    asking_by(&mut bench, "for a program", "hook", "https://example.org/kanban");
    for hours in [4, 20] {
        bench.now += hours * HOUR;
        let rows = send_all(&mut bench);
        let channels: Vec<_> = rows.iter().map(|row| row.channel.as_str()).collect();
        assert_eq!(channels, ["letters"], "{rows:?}");
        assert!(rows[0].notice.headline.starts_with("Still waits"), "{rows:?}");
    }
    bench.now += 21 * HOUR;
    let rows = send_all(&mut bench);
    assert_eq!(rows.len(), 1, "{rows:?}");
    let listed: Vec<_> = rows[0].notice.items.iter().map(|item| item.task.clone()).collect();
    assert_eq!((rows[0].notice.class, listed), (Class::Digest, vec![first.to_string()]));
    let second = asking_by(&mut bench, "second", "letters", "ada@example.org");
    unblock(&mut bench, &second);
    complete(&mut bench, &first, "done");
    send_all(&mut bench);
    // What was sent cannot be changed, so nothing is handed out for that; and nothing is open any longer.
    let now_ms = bench.now * 1_000;
    assert!(lease_at(&mut bench, now_ms).leased.edits.is_empty());
    bench.now += 48 * HOUR;
    assert!(send_all(&mut bench).is_empty());
    assert_eq!(next_in_hours(&mut bench), None);
}
