//! A courier that hears three chats and has nothing to do.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use support::fakes::Fake;
use support::fakes::discord::Discord;
use support::fakes::slack::Slack;
use support::fakes::telegram::Telegram;

use crate::Plan;
use crate::daemon::Daemon;
use crate::processes::{cpu_ticks, pss_mib, rss_mib, sleeps};
use crate::report::{Goal, Report};

const TELEGRAM: &str = "4711:SENTINEL-bot-token_x";
const SLACK: &str = "xoxb-1-SENTINELslacktoken";
const SLACK_APP: &str = "xapp-1-SENTINELapptoken";
const DISCORD: &str = "SENTINELx.y1.SENTINEL-bot_token";

/// Wake-ups of one poll that ends, or one beat, which may fall into the time.
const A_POLL: Goal = Goal::AtMost(4.0);

pub fn measure(plan: &Plan, target: &Path, report: &mut Report) {
    let telegram = Fake::start(Telegram::new(TELEGRAM));
    let slack = Fake::start(Slack::new(SLACK, "T0/B0/SENTINELslackhook"));
    slack.with(|it| it.people.app_token = SLACK_APP.to_owned());
    let discord = Fake::start(Discord::new(DISCORD, "1/SENTINEL-webhook_token"));
    let channels = [
        ("telegram", telegram.url(), TELEGRAM.to_owned()),
        ("slack", slack.url(), format!("{SLACK} {SLACK_APP}")),
        ("discord", discord.url(), DISCORD.to_owned()),
    ];
    let config: String = channels
        .iter()
        .map(|(kind, url, _secret)| {
            format!(
                "[channels.{kind}]\nkind = \"{kind}\"\nurl = \"{url}\"\ncredential = \"{kind}\"\n\
                 listen = true\nallow = [\"127.0.0.0/8\"]\nallow_http = true\n"
            )
        })
        .collect();
    let daemon = Daemon::start_with(plan, target, 1, &["/bin/true"], &config, |home| {
        let folder = home.join("credentials");
        std::fs::create_dir(&folder).unwrap();
        for (kind, _url, secret) in &channels {
            std::fs::write(folder.join(kind), secret).unwrap();
            let private = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(folder.join(kind), private).unwrap();
        }
    });
    daemon.wait_until(|| {
        telegram.with(|it| it.waiting() > 0)
            && slack.with(|it| !it.people.lines.is_empty())
            && discord.with(|it| it.people.is_heard())
    });
    // Connections that are not used any longer are closed meanwhile.
    daemon.pause(plan.settle_time * 3);
    let courier = daemon.courier();
    let before = [sleeps(courier), cpu_ticks(courier)];
    daemon.pause(plan.watch_time);
    let passed = [sleeps(courier) - before[0], cpu_ticks(courier) - before[1]];
    let name = |what: &str| format!("courier, three chats heard: {what}");
    report.add_one(name("resident"), "MiB", rss_mib(courier), Goal::AtMost(8.0));
    report.add_one(name("its share of memory"), "MiB", pss_mib(courier), Goal::None);
    let time = format!("in {} s", plan.watch_time.as_secs_f64());
    report.add_one(name(&format!("wake-ups {time}")), "", passed[0] as f64, A_POLL);
    report.add_one(name(&format!("CPU ticks {time}")), "", passed[1] as f64, Goal::AtMost(0.0));
    daemon.end_courier();
}
