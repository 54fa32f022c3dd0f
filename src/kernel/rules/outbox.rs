//! What the outbox does next: which row of a route goes, which ones are folded into a digest, what follows on an attempt. Pure.

use std::collections::BTreeSet;

use crate::kernel::ids::TaskId;
use crate::kernel::notice::Class;
use crate::kernel::notify_policy::{ChannelKind, NotifyPolicy};

/// News that wait on one route before they are folded.
const NEWS_MAX: usize = 5;

/// The same of what asks.
const ASKS_MAX: usize = 5;

/// Age at which news that wait are folded, however few, milliseconds.
const NEWS_AGE_MS_MAX: i64 = 10 * 60 * 1_000;

/// Longest pause of a route after one of its messages failed; the message itself may wait longer, milliseconds.
const ROUTE_PAUSE_MS_MAX: i64 = 30_000;

/// Refusals in a row after which a route is broken.
pub const REFUSALS_MAX: u32 = 3;

/// Pauses after failures at a program's URL, milliseconds: a day and a half of patience and more in ten steps.
pub const WEBHOOK_RETRY_MS: [i64; 9] = [
    5_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000, 50_400_000, 72_000_000,
    86_400_000,
];

/// A row that is open, as far as the order goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// Its number.
    pub id: i64,
    /// Its task.
    pub task_id: Option<TaskId>,
    /// What it asks of people.
    pub class: Class,
    /// Whether it is under way.
    pub is_leased: bool,
    /// Whether it was never tried.
    pub is_untried: bool,
    /// Whether an attempt may have arrived.
    pub maybe_sent: bool,
    /// It does not go before this time, epoch milliseconds.
    pub not_before_ms: i64,
    /// When it was written, epoch milliseconds.
    pub created_ms: i64,
}

impl Open {
    /// Whether it was never tried and waits for the end of quiet hours.
    fn is_held(&self, now_ms: i64) -> bool {
        self.class == Class::News && self.is_untried && self.not_before_ms > now_ms
    }
}

/// The rows that no older one of their task keeps back. What asks does not wait for news that quiet hours hold.
fn unhindered(rows: &[Open], now_ms: i64) -> Vec<&Open> {
    let (mut before, mut before_asks) = (BTreeSet::new(), BTreeSet::new());
    let mut found = Vec::new();
    for row in rows {
        let Some(task_id) = &row.task_id else {
            found.push(row);
            continue;
        };
        let older = if row.class == Class::Ask { &before_asks } else { &before };
        if !older.contains(task_id) {
            found.push(row);
        }
        before.insert(task_id);
        if !row.is_held(now_ms) {
            before_asks.insert(task_id);
        }
    }
    found
}

/// The row of a route that goes next: one at a time. What asks goes before news, nothing before what is older of its own task.
/// `rows` are all that are open, oldest first.
pub fn next(rows: &[Open], now_ms: i64) -> Option<&Open> {
    if rows.iter().any(|row| row.is_leased) {
        return None;
    }
    let due = unhindered(rows, now_ms).into_iter().filter(|row| row.not_before_ms <= now_ms);
    due.min_by_key(|row| (!matches!(row.class, Class::Ask | Class::Test), row.id))
}

/// When a row of the route goes, if none does now; epoch milliseconds.
pub fn next_at_ms(rows: &[Open], now_ms: i64) -> Option<i64> {
    if rows.iter().any(|row| row.is_leased) {
        return None;
    }
    unhindered(rows, now_ms).into_iter().map(|row| row.not_before_ms).min()
}

/// Rows that become a digest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Folded {
    /// News, and digests of news that never went.
    pub news: Vec<i64>,
    /// What asks.
    pub asks: Vec<i64>,
}

/// Which rows of a person's route become a digest. One that may have been sent goes again as it is.
pub fn to_fold(rows: &[Open], now_ms: i64) -> Folded {
    let may_go = |row: &&Open| !row.is_leased && !row.maybe_sent;
    let of = |is_meant: &dyn Fn(&Open) -> bool| -> Vec<&Open> {
        rows.iter().filter(may_go).filter(|row| is_meant(row)).collect()
    };
    let ids = |rows: &[&Open]| rows.iter().map(|row| row.id).collect::<Vec<_>>();
    // What waits for the end of quiet hours is folded when that has come.
    let news = of(&|row| row.class == Class::News && row.not_before_ms <= now_ms);
    let oldest_ms = news.iter().map(|row| row.created_ms).min().unwrap_or(now_ms);
    let is_old = news.len() > 1 && now_ms.saturating_sub(oldest_ms) > NEWS_AGE_MS_MAX;
    let mut folded = Folded::default();
    if news.len() > NEWS_MAX || is_old {
        let digests = of(&|row| row.class == Class::Digest);
        folded.news = ids(&[digests, news].concat());
    }
    let asks = of(&|row| row.class == Class::Ask && row.not_before_ms <= now_ms);
    if asks.len() > ASKS_MAX {
        folded.asks = ids(&asks);
    }
    folded
}

/// An attempt that failed and may be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed {
    /// Attempts, this one among them.
    pub attempts: u32,
    /// When the row was written, epoch milliseconds.
    pub created_ms: i64,
    /// Now.
    pub now_ms: i64,
    /// A number below 1000, for jitter.
    pub jitter: u64,
}

/// How long to wait after a temporary failure, milliseconds; none: it is given up.
pub fn pause_ms(
    failed: Failed,
    kind: ChannelKind,
    retry_ms: &[i64],
    policy: &NotifyPolicy,
) -> Option<i64> {
    let step = usize::try_from(failed.attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    if !retry_ms.is_empty() {
        return retry_ms.get(step).copied();
    }
    if kind.is_machine() {
        return WEBHOOK_RETRY_MS.get(step).copied();
    }
    if failed.now_ms.saturating_sub(failed.created_ms) >= policy.give_up_ms {
        return None;
    }
    let doubled = policy.backoff_base_ms.saturating_mul(1 << step.min(30));
    let pause = doubled.min(policy.backoff_max_ms);
    // A fifth more or less, so that routes do not come back together.
    let jitter = i64::try_from(failed.jitter % 1_000).unwrap_or_default();
    Some((pause.saturating_mul(800 + jitter * 2 / 5) / 1_000).max(1))
}

/// How long the other rows of the route wait: a person's chat that does not answer is not asked for each of them.
pub fn route_pause_ms(kind: ChannelKind, pause_ms: i64) -> i64 {
    if kind.is_machine() { 0 } else { pause_ms.min(ROUTE_PAUSE_MS_MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(number: u32) -> Option<TaskId> {
        TaskId::parse(&format!("t_{number:08x}"))
    }

    fn open(id: i64, of_task: u32, class: Class) -> Open {
        let task_id = task(of_task);
        Open {
            id,
            task_id,
            class,
            is_leased: false,
            is_untried: true,
            maybe_sent: false,
            not_before_ms: 0,
            created_ms: 0,
        }
    }

    #[test]
    fn what_asks_goes_first_but_never_before_what_is_older_of_its_task() {
        let news = |id, of| open(id, of, Class::News);
        let ask = |id, of| open(id, of, Class::Ask);
        let later = |row: Open| Open { not_before_ms: 9, ..row };
        let leased = |row: Open| Open { is_leased: true, ..row };
        let tried = |row: Open| Open { is_untried: false, ..row };
        for (rows, expected) in [
            (vec![], None),
            (vec![news(1, 1), news(2, 2)], Some(1)),
            (vec![news(1, 1), ask(2, 2)], Some(2)),
            (vec![news(1, 1), ask(2, 1)], Some(1)),
            (vec![news(1, 1), ask(2, 1), ask(3, 2)], Some(3)),
            (vec![later(news(1, 1)), news(2, 1)], None),
            (vec![later(news(1, 1)), ask(2, 1)], Some(2)),
            (vec![later(tried(news(1, 1))), ask(2, 1)], None),
            (vec![later(ask(1, 1)), ask(2, 1)], None),
            (vec![later(news(1, 1)), news(2, 2)], Some(2)),
            (vec![leased(news(1, 1)), ask(2, 2)], None),
        ] {
            assert_eq!(next(&rows, 5).map(|row| row.id), expected, "{rows:?}");
        }
    }

    #[test]
    fn a_route_without_a_row_under_way_says_when_its_next_goes() {
        let at = |ms| Open { not_before_ms: ms, ..open(1, 1, Class::News) };
        let of_another = |ms| Open { not_before_ms: ms, ..open(2, 2, Class::News) };
        assert_eq!(next_at_ms(&[at(7), of_another(5)], 1), Some(5));
        assert_eq!(next_at_ms(&[at(7), at(0)], 1), Some(7), "the second waits for the first");
        assert_eq!(next_at_ms(&[at(7), Open { is_leased: true, ..at(5) }], 1), None);
        assert_eq!(next_at_ms(&[], 1), None);
    }

    #[test]
    fn more_than_five_or_old_news_are_folded_and_asks_from_six_on() {
        let many = |count: i64, class| -> Vec<Open> {
            (1..=count).map(|id| open(id, u32::try_from(id).unwrap(), class)).collect()
        };
        assert_eq!(to_fold(&many(5, Class::News), 0), Folded::default());
        assert_eq!(to_fold(&many(6, Class::News), 0).news, [1, 2, 3, 4, 5, 6]);
        assert_eq!(to_fold(&many(2, Class::News), NEWS_AGE_MS_MAX + 1).news, [1, 2]);
        assert_eq!(to_fold(&many(1, Class::News), NEWS_AGE_MS_MAX + 1), Folded::default());
        assert_eq!(to_fold(&many(5, Class::Ask), NEWS_AGE_MS_MAX + 1), Folded::default());
        assert_eq!(to_fold(&many(6, Class::Ask), 0).asks, [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn a_digest_that_never_went_is_folded_with_what_came_since_and_one_that_may_have_is_not() {
        let mut rows: Vec<Open> = (2..=7).map(|id| open(id, 1, Class::News)).collect();
        rows.insert(0, open(1, 0, Class::Digest));
        assert_eq!(to_fold(&rows, 0).news, [1, 2, 3, 4, 5, 6, 7]);
        rows[0].maybe_sent = true;
        rows[1].maybe_sent = true;
        assert_eq!(to_fold(&rows, 0), Folded::default(), "five are left");
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_end_after_a_day_or_at_the_last_step() {
        let policy = NotifyPolicy::default();
        let failed = |attempts| Failed { attempts, created_ms: 0, now_ms: 1, jitter: 500 };
        let pause = |failed| pause_ms(failed, ChannelKind::Telegram, &[], &policy);
        for (attempts, expected) in [(1, 1_000), (2, 2_000), (5, 16_000), (20, 600_000)] {
            assert_eq!(pause(failed(attempts)), Some(expected), "{attempts}");
        }
        let late = Failed { now_ms: policy.give_up_ms, ..failed(3) };
        assert_eq!(pause(late), None);
        for jitter in [0, 999] {
            let pause = pause(Failed { jitter, ..failed(1) }).unwrap();
            assert!((800..=1_200).contains(&pause), "{pause}");
        }
        let hook = |attempts| pause_ms(failed(attempts), ChannelKind::Webhook, &[], &policy);
        assert_eq!((hook(1), hook(9), hook(10)), (Some(5_000), Some(86_400_000), None));
        let own = |attempts| pause_ms(failed(attempts), ChannelKind::Mail, &[50, 70], &policy);
        assert_eq!((own(1), own(2), own(3)), (Some(50), Some(70), None));
    }

    #[test]
    fn the_others_of_a_persons_route_wait_a_little_and_those_of_a_program_do_not() {
        assert_eq!(route_pause_ms(ChannelKind::Telegram, 600_000), ROUTE_PAUSE_MS_MAX);
        assert_eq!(route_pause_ms(ChannelKind::Telegram, 1_000), 1_000);
        assert_eq!(route_pause_ms(ChannelKind::Webhook, 5_000), 0);
    }
}
