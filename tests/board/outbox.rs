//! The outbox: what is written with an event, what is handed out, what follows on an attempt.

use std::collections::BTreeMap;

use kanband::kernel::caller::Caller;
use kanband::kernel::error::Refusal;
use kanband::kernel::ids::TaskId;
use kanband::kernel::notice::{Class, Leased, Outcome, RateScope, Row, Settled};
use kanband::kernel::notify_policy::{ChannelKind, ChannelPolicy, NotifyPolicy};
use kanband::kernel::policy::Policy;
use kanband::kernel::queries::{ListOutbox, MessageInfo};
use kanband::kernel::rules::notify::Level;
use kanband::kernel::verbs::{
    ArchiveTask, AssignTask, BlockTask, CommentTask, CompleteTask, LeaseOutbox, LeaseReply,
    RetryOutbox, SettleOutbox, SettleReply, Subscribe, SupersedeOutbox, TestRoute, UnblockTask,
    WatchTasks,
};

use crate::bench_board::Bench;

pub const COURIER: Caller = Caller::System { part: "courier" };

/// A policy with a channel of each nature.
pub fn policy() -> Policy {
    let channel = |kind| ChannelPolicy { limit_per_minute: 1_000, ..ChannelPolicy::of_kind(kind) };
    let channels = [
        ("chat", ChannelKind::Telegram),
        ("letters", ChannelKind::Mail),
        ("hook", ChannelKind::Webhook),
    ];
    let channels: BTreeMap<_, _> =
        channels.map(|(name, kind)| (name.to_owned(), channel(kind))).into();
    let people = [("ada".to_owned(), [("telegram".to_owned(), "4711".to_owned())].into())].into();
    let notify = NotifyPolicy { channels, people, ..NotifyPolicy::default() };
    Policy { notify, ..Policy::default() }
}

pub fn bench() -> Bench {
    Bench::with_policy(policy())
}

pub fn subscribe(bench: &mut Bench, id: &TaskId, platform: &str, chat_id: &str, level: Level) {
    let verb = Subscribe {
        id: id.to_string(),
        platform: platform.into(),
        chat_id: chat_id.into(),
        level: Some(level),
        person: Some("ada".into()),
        ..Subscribe::default()
    };
    bench.do_it(&verb);
}

pub fn watch(bench: &mut Bench, platform: &str, chat_id: &str) {
    let verb =
        WatchTasks { platform: platform.into(), chat_id: chat_id.into(), ..WatchTasks::default() };
    bench.do_it(&verb);
}

pub fn lease_at(bench: &mut Bench, now_ms: i64) -> LeaseReply {
    bench.by(&COURIER, &LeaseOutbox { max: 64, now_ms }).unwrap()
}

pub fn lease(bench: &mut Bench) -> Leased {
    let now_ms = bench.now * 1_000;
    lease_at(bench, now_ms).leased
}

pub fn settle(bench: &mut Bench, row: &Row, outcome: Outcome) -> SettleReply {
    let settled = Settled { id: row.id, is_edit: false, lease: row.lease.clone(), outcome };
    let now_ms = bench.now * 1_000;
    bench.by(&COURIER, &SettleOutbox { results: vec![settled], now_ms }).unwrap()
}

pub fn sent(bench: &mut Bench, row: &Row) {
    let reply = settle(bench, row, Outcome::Sent { provider_id: Some(format!("m{}", row.id)) });
    assert_eq!(reply.taken, 1);
}

pub fn temporary() -> Outcome {
    Outcome::Temporary { code: "http_500".into(), error: "it does not work".into() }
}

pub fn messages(bench: &Bench) -> Vec<MessageInfo> {
    bench.ask(&ListOutbox::default()).unwrap().messages
}

pub fn block(bench: &mut Bench, id: &TaskId, reason: &str) {
    let verb =
        BlockTask { id: id.to_string(), reason: Some(reason.into()), ..BlockTask::default() };
    bench.do_it(&verb);
}

pub fn unblock(bench: &mut Bench, id: &TaskId) {
    bench.do_it(&UnblockTask { id: id.to_string(), more_starts: false, board: None });
}

pub fn complete(bench: &mut Bench, id: &TaskId, summary: &str) {
    let verb = CompleteTask {
        id: id.to_string(),
        summary: Some(summary.into()),
        ..CompleteTask::default()
    };
    bench.do_it(&verb);
}

#[test]
fn a_completion_is_told_once_per_route_with_its_whole_summary() {
    let mut bench = bench();
    let id = bench.create("build it", "dev", &[]);
    subscribe(&mut bench, &id, "letters", "ada@example.org", Level::Quiet);
    watch(&mut bench, "letters", "ada@example.org");
    watch(&mut bench, "hook", "https://example.org/kanban");
    let summary = "first line\nsecond line that no event keeps";
    complete(&mut bench, &id, summary);
    let leased = lease(&mut bench);
    let mut channels: Vec<_> = leased.rows.iter().map(|row| row.channel.as_str()).collect();
    channels.sort_unstable();
    assert_eq!(channels, ["hook", "letters"], "two subscriptions of one route are one row");
    let letter = leased.rows.iter().find(|row| row.channel == "letters").unwrap();
    assert_eq!((letter.notice.class, letter.notice.is_silent), (Class::News, true));
    assert_eq!(letter.notice.lines.join("\n"), summary);
    assert_eq!(letter.notice.task.as_ref().unwrap().status, "done");
    assert_eq!(letter.dedupe.len(), 20);
    for row in &leased.rows {
        sent(&mut bench, row);
    }
    assert_eq!(messages(&bench), []);
    assert!(lease(&mut bench).rows.is_empty());
}

#[test]
fn a_block_asks_names_a_person_and_is_changed_when_it_ends() {
    let mut bench = bench();
    let id = bench.create("deploy", "dev", &[]);
    subscribe(&mut bench, &id, "chat", "4711", Level::Quiet);
    block(&mut bench, &id, "which key?");
    let ask = lease(&mut bench).rows.remove(0);
    assert_eq!((ask.notice.class, ask.notice.is_silent), (Class::Ask, false));
    assert_eq!(ask.notice.mention.as_ref().unwrap().address, "4711");
    sent(&mut bench, &ask);
    assert!(lease(&mut bench).edits.is_empty(), "it still waits");
    unblock(&mut bench, &id);
    let edits = lease(&mut bench).edits;
    let ended: Vec<_> = edits.iter().filter(|edit| edit.provider_id.is_some()).collect();
    assert_eq!(ended.len(), 1, "{edits:?}");
    assert_eq!(ended[0].provider_id.as_deref(), Some(format!("m{}", ask.id).as_str()));
    assert!(ended[0].live.state.starts_with("unblocked by"), "{:?}", ended[0].live);
}

#[test]
fn ten_changes_make_one_edit_of_the_live_message() {
    let mut bench = bench();
    let id = bench.create("build", "dev", &[]);
    subscribe(&mut bench, &id, "chat", "4711", Level::Normal);
    for number in 0..10 {
        let verb = kanband::kernel::verbs::EditTask {
            id: id.to_string(),
            priority: Some(number + 1),
            ..Default::default()
        };
        bench.do_it(&verb);
    }
    let leased = lease(&mut bench);
    assert_eq!((leased.rows.len(), leased.edits.len()), (0, 1));
    let edit = &leased.edits[0];
    assert_eq!((edit.provider_id.as_deref(), edit.live.id.as_str()), (None, id.as_str()));
    let outcome = Outcome::Sent { provider_id: Some("77".into()) };
    let settled = Settled { id: edit.id, is_edit: true, lease: edit.lease.clone(), outcome };
    let now_ms = bench.now * 1_000;
    bench.by(&COURIER, &SettleOutbox { results: vec![settled], now_ms }).unwrap();
    assert!(lease(&mut bench).edits.is_empty(), "it shows what it should");
    bench.now += 60;
    complete(&mut bench, &id, "done");
    let leased = lease(&mut bench);
    assert_eq!(leased.rows[0].reply_to.as_deref(), Some("77"), "news stands at the live message");
}

#[test]
fn one_row_of_a_route_is_out_at_a_time_and_what_asks_goes_first() {
    let mut bench = bench();
    let (news, ask) = (bench.create("a", "dev", &[]), bench.create("b", "dev", &[]));
    watch(&mut bench, "letters", "ada@example.org");
    complete(&mut bench, &news, "done");
    block(&mut bench, &ask, "which?");
    let first = lease(&mut bench).rows;
    assert_eq!(first.iter().map(|row| row.notice.class).collect::<Vec<_>>(), [Class::Ask]);
    assert!(lease(&mut bench).rows.is_empty());
    sent(&mut bench, &first[0]);
    assert_eq!(lease(&mut bench).rows[0].notice.class, Class::News);
}

#[test]
fn a_lease_that_is_over_goes_again_marked_and_what_was_sent_is_sent_all_the_same() {
    let mut bench = bench();
    let id = bench.create("a", "dev", &[]);
    watch(&mut bench, "letters", "ada@example.org");
    complete(&mut bench, &id, "done");
    let first = lease(&mut bench).rows.remove(0);
    assert!(!first.is_repeat);
    bench.now += 91;
    let again = lease(&mut bench).rows.remove(0);
    assert_eq!((again.id, again.is_repeat, again.attempt), (first.id, true, 2));
    assert_eq!(again.dedupe, first.dedupe);
    let late = settle(&mut bench, &first, temporary());
    assert_eq!((late.taken, late.ignored), (0, 1), "its lease is over");
    sent(&mut bench, &first);
    assert_eq!(messages(&bench), []);
}

#[test]
fn a_rate_counts_no_attempt_and_holds_its_route_or_the_whole_channel() {
    for (scope, others) in [(RateScope::Route, 1), (RateScope::Channel, 0)] {
        let mut bench = bench();
        let id = bench.create("a", "dev", &[]);
        watch(&mut bench, "letters", "ada@example.org");
        complete(&mut bench, &id, "done");
        let row = lease(&mut bench).rows.remove(0);
        settle(&mut bench, &row, Outcome::Rate { after_ms: 5_000, scope });
        let other = bench.create("b", "dev", &[]);
        subscribe(&mut bench, &other, "letters", "bob@example.org", Level::Quiet);
        let verb = CompleteTask { id: other.to_string(), ..CompleteTask::default() };
        bench.do_it(&verb);
        let rows = lease(&mut bench).rows;
        assert_eq!(rows.len(), others, "{scope:?}");
        bench.now += 5;
        let again = lease(&mut bench).rows;
        let again = again.iter().find(|again| again.id == row.id).unwrap();
        assert_eq!((again.attempt, again.is_repeat), (1, false), "{scope:?}");
    }
}

#[test]
fn three_refusals_break_a_route_and_a_retry_sends_what_was_given_up() {
    let mut bench = bench();
    watch(&mut bench, "hook", "https://example.org/kanban");
    for number in 0..3 {
        let id = bench.create(&format!("task {number}"), "dev", &[]);
        complete(&mut bench, &id, "done");
        let row = lease(&mut bench).rows.remove(0);
        settle(
            &mut bench,
            &row,
            Outcome::Permanent { code: "http_404".into(), error: "gone".into() },
        );
    }
    let id = bench.create("another", "dev", &[]);
    complete(&mut bench, &id, "done");
    assert!(lease(&mut bench).rows.is_empty(), "the route is broken, its rows wait");
    let list = bench.ask(&ListOutbox::default()).unwrap();
    assert!(list.routes[0].broken_since.is_some());
    let dead = bench.ask(&ListOutbox { dead: true, ..ListOutbox::default() }).unwrap().messages;
    assert_eq!(dead.len(), 3);
    let verb = RetryOutbox { channel: Some("hook".into()), id: None };
    assert_eq!(bench.do_it(&verb).count, 3);
    let row = lease(&mut bench).rows.remove(0);
    sent(&mut bench, &row);
    assert_eq!(bench.ask(&ListOutbox::default()).unwrap().routes[0].broken_since, None);
}

#[test]
fn an_outage_with_many_news_ends_with_one_digest_and_asks_go_singly_and_first() {
    let mut bench = bench();
    watch(&mut bench, "letters", "ada@example.org");
    let first = bench.create("first", "dev", &[]);
    complete(&mut bench, &first, "done");
    let row = lease(&mut bench).rows.remove(0);
    settle(&mut bench, &row, temporary());
    for number in 0..50 {
        let id = bench.create(&format!("task {number}"), "dev", &[]);
        complete(&mut bench, &id, "done");
    }
    let asking = bench.create("asking", "dev", &[]);
    block(&mut bench, &asking, "which?");
    bench.now += 60;
    let ask = lease(&mut bench).rows.remove(0);
    assert_eq!((ask.notice.class, ask.notice.items.len()), (Class::Ask, 0));
    sent(&mut bench, &ask);
    let digest = lease(&mut bench).rows.remove(0);
    assert_eq!(digest.notice.class, Class::Digest);
    assert_eq!(
        (digest.notice.headline.as_str(), digest.notice.items.len()),
        ("51 things happened.", 10)
    );
    sent(&mut bench, &digest);
    assert_eq!(messages(&bench), []);
}

#[test]
fn rows_of_a_program_are_never_folded() {
    let mut bench = bench();
    watch(&mut bench, "hook", "https://example.org/kanban");
    for number in 0..10 {
        let id = bench.create(&format!("task {number}"), "dev", &[]);
        complete(&mut bench, &id, "done");
    }
    let mut seen = 0;
    while let Some(row) = lease(&mut bench).rows.first().cloned() {
        assert_eq!(row.notice.class, Class::News);
        sent(&mut bench, &row);
        seen += 1;
    }
    assert_eq!(seen, 10);
}

#[test]
fn a_moved_chat_is_followed_by_its_row_and_its_subscription() {
    let mut bench = bench();
    let id = bench.create("a", "dev", &[]);
    subscribe(&mut bench, &id, "chat", "-4711", Level::Quiet);
    block(&mut bench, &id, "which?");
    let row = lease(&mut bench).rows.remove(0);
    settle(&mut bench, &row, Outcome::Moved { address: "-1004711".into() });
    let again = lease(&mut bench).rows.remove(0);
    assert_eq!((again.id, again.address.as_str(), again.attempt), (row.id, "-1004711", 1));
    sent(&mut bench, &again);
    unblock(&mut bench, &id);
    block(&mut bench, &id, "and which now?");
    assert_eq!(lease(&mut bench).rows[0].address, "-1004711");
}

#[test]
fn a_chat_that_moves_keeps_its_quiet_hours_and_the_message_about_a_task_is_made_there() {
    let mut bench = bench();
    let id = bench.create("a", "dev", &[]);
    let verb = Subscribe {
        id: id.to_string(),
        platform: "chat".into(),
        chat_id: "-4711".into(),
        quiet: Some("22:00-07:00".into()),
        ..Subscribe::default()
    };
    bench.do_it(&verb);
    let assignee = Some("bo".to_owned());
    bench.do_it(&AssignTask { id: id.to_string(), assignee, board: None });
    let edit = lease(&mut bench).edits.remove(0);
    assert_eq!((edit.address.as_str(), edit.provider_id.as_deref()), ("-4711", None));
    let outcome = Outcome::Moved { address: "-1004711".into() };
    let moved = Settled { id: edit.id, is_edit: true, lease: edit.lease, outcome };
    let now_ms = bench.now * 1_000;
    let reply = bench.by(&COURIER, &SettleOutbox { results: vec![moved], now_ms }).unwrap();
    assert_eq!(reply.taken, 1);
    let again = lease(&mut bench).edits.remove(0);
    assert_eq!((again.address.as_str(), again.live.id), ("-1004711", id.to_string()));
    let dump = bench.dump();
    let is_new = |line: &&str| line.starts_with("routes|") && line.contains("-1004711");
    let route = dump.lines().find(is_new).unwrap();
    assert!(route.contains("22:00-07:00"), "{route}");
}

#[test]
fn a_dead_channel_burns_no_row_and_stops_alone() {
    let mut bench = bench();
    let id = bench.create("a", "dev", &[]);
    subscribe(&mut bench, &id, "letters", "ada@example.org", Level::Quiet);
    watch(&mut bench, "hook", "https://example.org/kanban");
    complete(&mut bench, &id, "done");
    let rows = lease(&mut bench).rows;
    let letter = rows.iter().find(|row| row.channel == "letters").unwrap();
    let dead = Outcome::ChannelDead { code: "login".into(), error: "wrong password".into() };
    settle(&mut bench, letter, dead);
    assert!(lease(&mut bench).rows.is_empty());
    assert_eq!(messages(&bench).iter().filter(|it| it.channel == "letters").count(), 1);
    bench.do_it(&RetryOutbox { channel: Some("letters".into()), id: None });
    assert_eq!(lease(&mut bench).rows[0].id, letter.id);
}

#[test]
fn a_channel_that_is_broken_is_tried_once_an_hour_and_heals_by_the_message_that_arrives() {
    let mut bench = bench();
    watch(&mut bench, "letters", "ada@example.org");
    let id = bench.create("a", "dev", &[]);
    complete(&mut bench, &id, "done");
    let row = lease(&mut bench).rows.remove(0);
    let dead = Outcome::ChannelDead { code: "login".into(), error: "wrong password".into() };
    settle(&mut bench, &row, dead);
    let broken = |bench: &Bench| {
        let states = bench.ask(&ListOutbox::default()).unwrap().channels;
        states.first().and_then(|state| state.reason.clone())
    };
    assert_eq!(broken(&bench).as_deref(), Some("wrong password"));
    bench.now += 3_600;
    let again = lease(&mut bench).rows.remove(0);
    sent(&mut bench, &again);
    assert_eq!(broken(&bench), None);
}

#[test]
fn a_subscription_to_a_task_ends_with_it_and_the_end_is_still_told() {
    let mut bench = bench();
    let id = bench.create("a", "dev", &[]);
    subscribe(&mut bench, &id, "letters", "ada@example.org", Level::Verbose);
    complete(&mut bench, &id, "done");
    let row = lease(&mut bench).rows.remove(0);
    assert_eq!(row.notice.kind, "completed");
    sent(&mut bench, &row);
    let body = "thanks".into();
    bench.do_it(&CommentTask { id: id.to_string(), body, author: None, board: None });
    bench.do_it(&ArchiveTask { id: id.to_string(), ..ArchiveTask::default() });
    assert!(lease(&mut bench).rows.is_empty());
}

#[test]
fn a_channel_that_is_not_configured_is_taken_with_a_warning_and_writes_nothing() {
    let mut bench = bench();
    let id = bench.create("a", "dev", &[]);
    let verb = Subscribe {
        id: id.to_string(),
        platform: "slack".into(),
        chat_id: "C024".into(),
        ..Subscribe::default()
    };
    let reply = bench.do_it(&verb);
    assert_eq!(reply.warnings.len(), 1, "{:?}", reply.warnings);
    complete(&mut bench, &id, "done");
    assert_eq!(messages(&bench), []);
}

#[test]
fn an_address_that_its_channel_can_never_reach_is_refused() {
    let mut bench = bench();
    let id = bench.create("a", "dev", &[]);
    for (platform, chat_id) in
        [("chat", "my chat"), ("chat", "12x"), ("letters", "nobody"), ("hook", "ftp://x")]
    {
        let verb = Subscribe {
            id: id.to_string(),
            platform: platform.into(),
            chat_id: chat_id.into(),
            ..Subscribe::default()
        };
        let refusal = bench.refused(&verb);
        assert!(matches!(refusal, Refusal::InvalidValue { field: "chat_id", .. }), "{refusal:?}");
    }
    for address in ["https://127.0.0.1/x", "https://2130706433/x", "http://example.org/SENTINEL"] {
        let verb =
            TestRoute { channel: "hook".into(), address: address.into(), thread: String::new() };
        let refusal = bench.refused(&verb);
        assert!(matches!(refusal, Refusal::AddressRefused { .. }), "{refusal:?}");
        assert!(!refusal.to_string().contains("SENTINEL"), "{refusal}");
    }
    let verb = TestRoute { channel: "slack".into(), address: "C024".into(), thread: String::new() };
    assert!(matches!(bench.refused(&verb), Refusal::InvalidValue { field: "channel", .. }));
}

#[test]
fn a_restore_supersedes_what_waits_and_says_so_once_per_route() {
    let mut bench = bench();
    watch(&mut bench, "letters", "ada@example.org");
    for number in 0..3 {
        let id = bench.create(&format!("task {number}"), "dev", &[]);
        complete(&mut bench, &id, "done");
    }
    let verb = SupersedeOutbox { life: "n2".into() };
    assert_eq!(bench.by(&COURIER, &verb).unwrap().count, 3);
    let rows = lease(&mut bench).rows;
    assert_eq!(rows.len(), 1);
    assert!(rows[0].notice.headline.contains("restored from a backup"), "{:?}", rows[0].notice);
}

#[test]
fn nobody_but_the_daemon_moves_the_outbox() {
    let mut bench = bench();
    let now_ms = bench.now * 1_000;
    for caller in [Caller::Operator { name: "ada".into() }, Caller::Courier] {
        let refusal = bench.refused_by(&caller, &SettleOutbox { results: Vec::new(), now_ms });
        assert!(matches!(refusal, Refusal::Forbidden { .. }), "{refusal:?}");
    }
}
