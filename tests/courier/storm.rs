//! Everything goes wrong at once: providers fail, daemon and courier are killed, and at the end every event was told on every route.
//!
//! A seed decides what fails when and who dies when; `KANBAND_SEED`, `KANBAND_EVENTS` and `KANBAND_ROUTES` ask for other or longer runs.

mod judge;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use support::command_line::Config;
use support::fakes::discord::Discord;
use support::fakes::matrix::Matrix;
use support::fakes::mattermost::Mattermost;
use support::fakes::ntfy::Ntfy;
use support::fakes::receiver::Receiver;
use support::fakes::slack::Slack;
use support::fakes::smtp::{MailFake, MailFault};
use support::fakes::telegram::Telegram;
use support::fakes::{Fake, Fault, Faults};

use crate::harness::{
    DISCORD_HOOK, DISCORD_TOKEN, MATRIX_TOKEN, MATTERMOST_KEY, MATTERMOST_TOKEN, SLACK_HOOK,
    SLACK_TOKEN, TOKEN,
};
use crate::stage::{Stage, hasty, with_channel};

/// Kinds of events, in the order in which each task has them.
const KINDS: [&str; 5] = ["created", "commented", "blocked", "unblocked", "completed"];

/// A provider of each kind.
pub struct Providers {
    pub telegram: Fake<Telegram>,
    pub slack: Fake<Slack>,
    pub discord: Fake<Discord>,
    pub matrix: Fake<Matrix>,
    pub ntfy: Fake<Ntfy>,
    pub mattermost: Fake<Mattermost>,
    pub webhook: Fake<Receiver>,
    pub mail: MailFake,
}

/// Numbers from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

fn number_of(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

impl Providers {
    fn start() -> Self {
        Self {
            telegram: Fake::start(Telegram::new(TOKEN)),
            slack: Fake::start(Slack::new(SLACK_TOKEN, SLACK_HOOK)),
            discord: Fake::start(Discord::new(DISCORD_TOKEN, DISCORD_HOOK)),
            matrix: Fake::start(Matrix::new(MATRIX_TOKEN)),
            ntfy: Fake::start(Ntfy::default()),
            mattermost: Fake::start(Mattermost::new(MATTERMOST_KEY, MATTERMOST_TOKEN)),
            webhook: Fake::start(Receiver::default()),
            mail: MailFake::start(),
        }
    }

    /// Half of all requests fail in one of these ways.
    fn fail(&self, seed: u64, kinds: &[Fault], mail: &[MailFault]) {
        let drawn = |salt: u64| Faults::drawn(seed.wrapping_mul(31) + salt, 50, kinds.to_vec());
        self.telegram.fail(drawn(2));
        self.ntfy.fail(drawn(4));
        self.mattermost.fail(drawn(6));
        self.webhook.fail(drawn(8));
        self.slack.fail(drawn(10));
        self.discord.fail(drawn(12));
        self.matrix.fail(drawn(14));
        let mut dice = Dice(seed | 1);
        // A command that no client gives: nothing fails.
        let nothing = MailFault::At("NOTHING", "");
        self.mail.fail((0..100).map(|_| match dice.below(2) {
            0 => nothing,
            _ => mail[dice.below(mail.len() as u64) as usize],
        }));
    }

    fn config(&self, attempt: &str, lease: &str) -> Config {
        let mut config = hasty().with("notify.attempt", attempt).with("notify.lease", lease);
        for (kind, url) in [
            ("telegram", Some(self.telegram.url())),
            ("slack", Some(self.slack.url())),
            ("discord", Some(self.discord.url())),
            ("matrix", Some(self.matrix.url())),
            ("ntfy", Some(self.ntfy.url())),
            ("mattermost", Some(self.mattermost.url())),
            ("webhook", None),
            ("mail", Some(self.mail.url())),
        ] {
            config = with_channel(&config, kind, url);
        }
        // The same server by its other way, as a channel of its own.
        config = with_channel(&config, "posts", Some(self.mattermost.url()))
            .with("channels.posts.kind", "mattermost")
            .with("channels.posts.credential", "mattermost-bot");
        config.with("channels.webhook.retry", vec!["50ms"; 100])
    }

    /// So many routes, over all kinds.
    fn routes(&self, count: u64) -> Vec<(&'static str, String)> {
        let route = |number: u64| match number % 9 {
            0 => ("telegram", format!("{}", 1_000 + number)),
            1 => ("webhook", format!("{}/{number}", self.webhook.url())),
            2 => ("ntfy", format!("topic-{number}")),
            3 => ("mattermost", format!("channel-{number}")),
            4 => ("slack", format!("C{number:08}")),
            5 => ("discord", format!("8460000000000{number:05}")),
            7 => ("posts", format!("{number:c>26}")),
            6 => ("matrix", format!("!room{number}:example.org")),
            _ => ("mail", format!("person-{number}@example.org")),
        };
        (0..count).map(route).collect()
    }
}

/// Kills one or the other, by the dice.
fn perhaps_kill(stage: &mut Stage, dice: &mut Dice, deaths: &mut u64, one_in: u64) {
    if *deaths == 0 || dice.below(one_in) != 0 {
        return;
    }
    *deaths -= 1;
    match dice.below(3) {
        0 => stage.restart_daemon(),
        1 => stage.kill_courier(),
        _ => {
            stage.kill_courier();
            stage.restart_daemon();
        }
    }
}

/// Makes the events, one kind after the other of each task, tasks side by side.
fn make_events(
    stage: &mut Stage,
    dice: &mut Dice,
    tasks: u64,
    deaths: &mut u64,
) -> BTreeMap<String, usize> {
    let mut steps: BTreeMap<String, usize> = BTreeMap::new();
    for number in 0..tasks {
        let body = json!({ "title": format!("task {number}") });
        let id = stage.post("/v1/tasks", &body)["id"].as_str().unwrap().to_owned();
        steps.insert(id, 1);
        perhaps_kill(stage, dice, deaths, 12);
    }
    loop {
        let open: Vec<String> = steps
            .iter()
            .filter(|(_, step)| **step < KINDS.len())
            .map(|(id, _)| id.clone())
            .collect();
        if open.is_empty() {
            return steps;
        }
        let id = open[dice.below(open.len() as u64) as usize].clone();
        let step = steps.get_mut(&id).unwrap();
        let (verb, body): (&str, Value) = match KINDS[*step] {
            "commented" => ("comment", json!({ "body": "a word" })),
            "blocked" => ("block", json!({ "reason": "Which colour?" })),
            "unblocked" => ("unblock", json!({})),
            _ => ("complete", json!({ "summary": "done" })),
        };
        *step += 1;
        stage.post(&format!("/v1/tasks/{id}/{verb}"), &body);
        perhaps_kill(stage, dice, deaths, 12);
    }
}

/// Runs it to its end.
fn storm(stage: &mut Stage, providers: &Providers, seed: u64, mut deaths: u64) {
    let (events, routes) = (number_of("KANBAND_EVENTS", 100), number_of("KANBAND_ROUTES", 10));
    let routes = providers.routes(routes);
    for (channel, address) in &routes {
        let body =
            json!({ "platform": channel, "chat_id": address, "level": "quiet", "kinds": KINDS });
        stage.post("/v1/subscriptions", &body);
    }
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let tasks = events / KINDS.len() as u64;
    make_events(stage, &mut dice, tasks, &mut deaths);
    // What is left of the deaths falls into the rest of the work.
    while deaths > 0 && !stage.is_idle() {
        perhaps_kill(stage, &mut dice, &mut deaths, 2);
    }
    stage.settle();
    let wanted = i64::try_from(tasks as usize * KINDS.len() * routes.len()).unwrap();
    let written = stage.number("SELECT count(*) FROM outbox WHERE event_id IS NOT NULL");
    assert_eq!(written, wanted, "a row for every event and route");
}

#[test]
fn half_of_it_fails_and_both_programs_die_and_every_event_is_told_in_order_and_repeats_are_marked()
{
    let seed = number_of("KANBAND_SEED", 20_261_130);
    let providers = Providers::start();
    let kinds = [
        Fault::Status(500),
        Fault::Status(502),
        Fault::Rate(Duration::from_millis(50)),
        Fault::ResetBefore,
        Fault::ResetAfter,
        Fault::Hang,
    ];
    let mail = [
        MailFault::At("RCPT", "450 4.2.1 greylisted"),
        MailFault::At(".", "451 4.3.0 later"),
        MailFault::DropAfterDot,
    ];
    providers.fail(seed, &kinds, &mail);
    let mut stage = Stage::start(&providers.config("400ms", "1s"));
    storm(&mut stage, &providers, seed, 8);
    judge::every_row_was_told(&stage, &providers);
    judge::order_is_kept(&stage, &providers);
    judge::repeats_are_possible_and_marked(&stage, &providers);
}

#[test]
fn what_fails_without_a_doubt_is_told_once() {
    let seed = number_of("KANBAND_SEED", 7);
    let providers = Providers::start();
    let kinds = [Fault::Status(500), Fault::Status(502), Fault::Rate(Duration::from_millis(50))];
    let mail =
        [MailFault::At("RCPT", "450 4.2.1 greylisted"), MailFault::At(".", "451 4.3.0 later")];
    providers.fail(seed, &kinds, &mail);
    let mut stage = Stage::start(&providers.config("50m", "1h"));
    storm(&mut stage, &providers, seed, 0);
    judge::every_row_was_told(&stage, &providers);
    judge::order_is_kept(&stage, &providers);
    judge::nothing_was_repeated(&stage, &providers);
}
