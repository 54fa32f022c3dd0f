//! Notices, rows, channels, and a runtime to send on.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use kanband::kernel::notice::{
    Button, ChannelSetting, Class, Mention, Notice, NoticeQuestion, NoticeTask, Outcome, Row,
};
use kanband::notify::channel::{Channel, Surroundings};
use kanband::notify::credential::CredentialFolder;
use kanband::notify::http::tls::Tls;

/// A token of a bot, which is nowhere to be seen.
pub const TOKEN: &str = "4711:SENTINEL-bot-token_x";

/// A secret of webhooks: 24 bytes.
pub const WEBHOOK_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// The token of a bot of Slack, and what stands behind `/services/` in the URL of a hook there.
pub const SLACK_TOKEN: &str = "xoxb-1-SENTINELslacktoken";
pub const SLACK_HOOK: &str = "T0000SENTINEL/B0000SENTINEL/SENTINELslackhook";

/// The token of an application of Slack, by which it hears.
pub const SLACK_APP: &str = "xapp-1-SENTINELapptoken";

/// The token of a bot of Discord, and `ID/TOKEN` of a webhook there.
pub const DISCORD_TOKEN: &str = "SENTINELx.y1.SENTINEL-bot_token";
pub const DISCORD_HOOK: &str = "846000000000000007/SENTINEL-webhook_token";

/// The token of a user of Matrix.
pub const MATRIX_TOKEN: &str = "syt_SENTINEL_matrixtoken";

/// The key of a hook of Mattermost, and the token of a bot there.
pub const MATTERMOST_KEY: &str = "SENTINELhookkey0123456789";
pub const MATTERMOST_TOKEN: &str = "SENTINELbottoken0123456789";

/// Credentials by their names: of each kind of channel, and further ones.
pub const CREDENTIALS: [(&str, &str); 17] = [
    ("telegram", TOKEN),
    ("slack", SLACK_TOKEN),
    ("slack-app", "xoxb-1-SENTINELslacktoken xapp-1-SENTINELapptoken"),
    ("slack-hook", SLACK_HOOK),
    ("slack-url", "https://hooks.slack.com/services/T1/B1/SENTINELslackurl"),
    ("slack-elsewhere", "https://hooks.example.org/services/T1/B1/SENTINELslackurl"),
    ("discord", DISCORD_TOKEN),
    ("discord-hook", DISCORD_HOOK),
    ("discord-url", "https://discord.com/api/webhooks/846000000000000007/SENTINEL-webhook_token"),
    ("discord-elsewhere", "https://example.org/api/webhooks/846000000000000007/SENTINEL-token"),
    ("matrix", MATRIX_TOKEN),
    ("two-words", "SENTINEL words"),
    ("webhook", WEBHOOK_SECRET),
    ("ntfy", "tk_SENTINEL0ntfy0token"),
    ("mattermost", MATTERMOST_KEY),
    ("mattermost-bot", "token:SENTINELbottoken0123456789"),
    ("mail", "board@example.org:SENTINEL-mail-password"),
];

pub fn notice() -> Notice {
    Notice {
        class: Class::News,
        kind: "completed".to_owned(),
        event_id: Some(7),
        at: 1_700_000_000,
        board: "default".to_owned(),
        task: Some(NoticeTask {
            id: "t_0000000a".to_owned(),
            title: "Write the page".to_owned(),
            status: "done".to_owned(),
            assignee: Some("dev".to_owned()),
        }),
        headline: "Done by dev in 4 min.".to_owned(),
        lines: vec!["The page is written.".to_owned()],
        question: None,
        mention: None,
        buttons: Vec::new(),
        files: Vec::new(),
        items: Vec::new(),
        is_silent: true,
    }
}

/// One that needs a person.
pub fn ask() -> Notice {
    Notice {
        class: Class::Ask,
        kind: "blocked".to_owned(),
        headline: "dev asks.".to_owned(),
        lines: vec!["Two colours fit.".to_owned()],
        question: Some(NoticeQuestion {
            id: "q_1".to_owned(),
            text: "Which colour?".to_owned(),
            choices: vec!["red".to_owned(), "blue".to_owned()],
            default: Some("red".to_owned()),
            deadline_at: Some(1_700_003_600),
        }),
        mention: Some(Mention { name: "Ada".to_owned(), address: "815".to_owned() }),
        buttons: vec![
            Button {
                label: "Answer".to_owned(),
                style: "primary".to_owned(),
                token: "abcdefghijklmnop".to_owned(),
            },
            Button {
                label: "Why".to_owned(),
                style: String::new(),
                token: "qrstuvwxyzabcdef".to_owned(),
            },
        ],
        is_silent: false,
        ..notice()
    }
}

pub fn row(channel: &str, address: &str, id: i64) -> Row {
    Row {
        id,
        lease: format!("lease{id}"),
        channel: channel.to_owned(),
        address: address.to_owned(),
        thread: None,
        dedupe: format!("dedupe{id:014}"),
        attempt: 1,
        is_repeat: false,
        reply_to: None,
        notice: notice(),
    }
}

/// The settings of a channel whose provider is on this host.
pub fn setting(kind: &str, url: Option<String>) -> ChannelSetting {
    ChannelSetting {
        name: kind.to_owned(),
        kind: kind.to_owned(),
        url,
        credential: Some(kind.to_owned()),
        allow: vec!["127.0.0.0/8".to_owned()],
        allow_http: true,
        listen: None,
    }
}

/// The same with another credential than the one that is named like the kind.
pub fn setting_with(kind: &str, url: Option<String>, credential: &str) -> ChannelSetting {
    ChannelSetting { credential: Some(credential.to_owned()), ..setting(kind, url) }
}

/// One that hears.
pub fn hearing(kind: &str, url: String, credential: &str) -> ChannelSetting {
    ChannelSetting { listen: Some(true), ..setting_with(kind, Some(url), credential) }
}

/// A home with all credentials.
pub fn credentials() -> tempfile::TempDir {
    let home = tempfile::Builder::new().prefix("kc").tempdir().unwrap();
    let folder = home.path().join("credentials");
    std::fs::create_dir(&folder).unwrap();
    for (name, secret) in CREDENTIALS {
        put(&folder.join(name), secret);
    }
    home
}

pub fn put(path: &Path, secret: &str) {
    std::fs::write(path, secret).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// A channel, and what it stands on.
pub struct Bench {
    _home: tempfile::TempDir,
    surroundings: Surroundings,
}

impl Bench {
    pub fn new(attempt_time: Duration) -> Self {
        let home = credentials();
        let surroundings = Surroundings {
            credentials: CredentialFolder::of_home(home.path()),
            tls: Tls::of_host().map_err(|error| error.to_string()),
            attempt_time,
        };
        Self { _home: home, surroundings }
    }

    pub fn channel(&self, setting: &ChannelSetting) -> Channel {
        Channel::new(setting, &self.surroundings)
    }
}

/// Runs it to its end, as the program does: on one thread.
pub fn on_runtime<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, future)
}

/// The word for an outcome, with what decides.
pub fn word(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Sent { provider_id } => format!("sent {}", provider_id.as_deref().unwrap_or("-")),
        Outcome::Rate { after_ms, scope } => format!("rate {after_ms} {scope:?}"),
        Outcome::Temporary { code, .. } => format!("temporary {code}"),
        Outcome::Permanent { code, .. } => format!("permanent {code}"),
        Outcome::Unknown { code, .. } => format!("unknown {code}"),
        Outcome::ChannelDead { code, .. } => format!("channel_dead {code}"),
        Outcome::Moved { address } => format!("moved {address}"),
        Outcome::Gone => "gone".to_owned(),
    }
}
