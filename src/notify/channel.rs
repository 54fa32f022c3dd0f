//! The channels of a configuration, each with its sender.

use std::time::Duration;

use tokio::sync::Semaphore;

use crate::kernel::notice::{ChannelSetting, Edit, Outcome, Row};
use crate::kernel::notify_policy::ChannelKind;
use crate::kernel::rules::guard::Range;
use crate::kernel::rules::url::SecretUrl;
use crate::notify::credential::CredentialFolder;
use crate::notify::discord::Discord;
use crate::notify::discord::ears::DiscordEars;
use crate::notify::http::tls::Tls;
use crate::notify::http::{HttpClient, Limits, Rules};
use crate::notify::inbound::bridge::{Bridge, Ears, Voice};
#[cfg(feature = "mail")]
use crate::notify::mail::{Mail, server::MailServer};
use crate::notify::matrix::Matrix;
use crate::notify::matrix::ears::MatrixEars;
use crate::notify::mattermost::Mattermost;
use crate::notify::ntfy::{self, Ntfy};
use crate::notify::outcome;
use crate::notify::secret::{Filter, Secret};
use crate::notify::slack::Slack;
use crate::notify::slack::ears::SlackEars;
use crate::notify::telegram::ears::TelegramEars;
use crate::notify::telegram::{self, Telegram};
use crate::notify::webhook::Webhook;

/// Messages of one channel that are under way at a time.
const SENDING_MAX: usize = 4;

/// Longest share of an attempt that a connection may take.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);

/// What every channel is made with.
pub struct Surroundings {
    /// Where credentials are.
    pub credentials: CredentialFolder,
    /// What TLS trusts, or why it cannot be spoken.
    pub tls: Result<Tls, String>,
    /// Longest time of an attempt.
    pub attempt_time: Duration,
}

enum Sender {
    Telegram(Telegram),
    Slack(Slack),
    Discord(Discord),
    Matrix(Matrix),
    Ntfy(Ntfy),
    Mattermost(Mattermost),
    Webhook(Webhook),
    #[cfg(feature = "mail")]
    Mail(Mail),
}

impl Sender {
    /// The address of its hook, which is a secret.
    fn hook(&self) -> Option<&SecretUrl> {
        match self {
            Self::Slack(slack) => slack.hook(),
            Self::Discord(discord) => discord.hook(),
            Self::Mattermost(mattermost) => mattermost.hook(),
            Self::Telegram(_) | Self::Matrix(_) | Self::Ntfy(_) | Self::Webhook(_) => None,
            #[cfg(feature = "mail")]
            Self::Mail(_) => None,
        }
    }
}

/// A channel.
pub struct Channel {
    /// Its name in the configuration.
    pub name: String,
    /// Lets a few messages through at a time.
    pub seats: Semaphore,
    sender: Result<Sender, String>,
    filter: Filter,
    is_heard: bool,
}

impl Channel {
    /// Of its settings. One that cannot be used says so for every message.
    pub fn new(setting: &ChannelSetting, surroundings: &Surroundings) -> Self {
        let mut secrets = Vec::new();
        let made = credential_of(setting, surroundings).and_then(|credential| {
            secrets.extend(credential.iter().flat_map(parts_of));
            sender_of(setting, surroundings, credential.as_ref())
        });
        let hook = made.as_ref().ok().and_then(Sender::hook);
        secrets.extend(hook.map(SecretUrl::secret_parts).unwrap_or_default());
        let filter = Filter::of(secrets);
        let sender = made.map_err(|error| filter.error(&error));
        let kind = ChannelKind::parse(&setting.kind);
        let is_heard = kind.is_some_and(|kind| kind.is_heard(setting.listen));
        let seats = Semaphore::new(SENDING_MAX);
        Self { name: setting.name.clone(), seats, sender, filter, is_heard }
    }

    /// Why it cannot be used.
    pub fn fault(&self) -> Option<&str> {
        self.sender.as_ref().err().map(String::as_str)
    }

    /// The way in of the channel, where it is to be heard. `poll_time` is the longest time that a request waits for something to be
    /// heard.
    pub fn bridge(&self, poll_time: Duration) -> Option<Bridge> {
        let (filter, name) = (self.filter.clone(), self.name.clone());
        let sender = self.sender.as_ref().ok().filter(|_| self.is_heard)?;
        let (ears, voice) = match sender {
            Sender::Telegram(bot) => {
                let ears = TelegramEars::new(name, bot, poll_time);
                (Ears::Telegram(ears), Voice::Telegram(bot.clone()))
            }
            Sender::Slack(slack) => {
                (Ears::Slack(SlackEars::new(name, slack)), Voice::Slack(slack.clone()))
            }
            Sender::Discord(bot) => {
                (Ears::Discord(DiscordEars::new(name, bot)), Voice::Discord(bot.clone()))
            }
            Sender::Matrix(user) => {
                let ears = MatrixEars::new(name, user, poll_time);
                (Ears::Matrix(ears), Voice::Matrix(user.clone()))
            }
            Sender::Ntfy(_) | Sender::Mattermost(_) | Sender::Webhook(_) => return None,
            #[cfg(feature = "mail")]
            Sender::Mail(_) => return None,
        };
        Some(Bridge { ears, voice, filter })
    }

    /// Sends a row.
    pub async fn send(&self, row: &Row) -> Outcome {
        let outcome = match &self.sender {
            Err(why) => outcome::channel_dead("not_usable", why),
            Ok(Sender::Telegram(bot)) => bot.send(row).await,
            Ok(Sender::Slack(slack)) => slack.send(row).await,
            Ok(Sender::Discord(discord)) => discord.send(row).await,
            Ok(Sender::Matrix(matrix)) => matrix.send(row).await,
            Ok(Sender::Ntfy(server)) => server.send(row).await,
            Ok(Sender::Mattermost(mattermost)) => mattermost.send(row).await,
            Ok(Sender::Webhook(hooks)) => {
                let outcome = hooks.send(row).await;
                // The address of a receiver may hold a secret too.
                let url: Option<SecretUrl> = row.address.parse().ok();
                let parts = url.map(|url| url.secret_parts()).unwrap_or_default();
                return outcome::filtered(outcome, &self.filter.with(parts));
            }
            #[cfg(feature = "mail")]
            Ok(Sender::Mail(mail)) => mail.send(row).await,
        };
        outcome::filtered(outcome, &self.filter)
    }

    /// Changes the message about a task.
    pub async fn edit(&self, edit: &Edit) -> Outcome {
        let outcome = match &self.sender {
            Err(why) => outcome::channel_dead("not_usable", why),
            Ok(Sender::Telegram(bot)) => bot.edit(edit).await,
            Ok(Sender::Slack(slack)) => slack.edit(edit).await,
            Ok(Sender::Discord(discord)) => discord.edit(edit).await,
            Ok(Sender::Matrix(matrix)) => matrix.edit(edit).await,
            Ok(Sender::Ntfy(server)) => server.edit(edit).await,
            Ok(Sender::Mattermost(mattermost)) => mattermost.edit(edit).await,
            Ok(Sender::Webhook(_)) => cannot_edit(),
            #[cfg(feature = "mail")]
            Ok(Sender::Mail(_)) => cannot_edit(),
        };
        outcome::filtered(outcome, &self.filter)
    }
}

fn cannot_edit() -> Outcome {
    outcome::permanent("edit_unsupported", "messages of this kind of channel cannot be changed")
}

/// The credential with what it is made of: a login has a password, and a bot's token is put into a path.
fn parts_of(secret: &Secret) -> Vec<String> {
    let text = secret.expose();
    let words = text.split_whitespace().map(str::to_owned);
    let login = text.split_once(':').map(|(_, password)| password.to_owned());
    let url = text.parse::<SecretUrl>().map(|url| url.secret_parts()).unwrap_or_default();
    words.chain(login).chain(url).filter(|part| part.len() >= PART_BYTES_MIN).collect()
}

/// Shorter words of a credential are not looked for: they stand in any text.
const PART_BYTES_MIN: usize = 6;

fn credential_of(
    setting: &ChannelSetting,
    surroundings: &Surroundings,
) -> Result<Option<Secret>, String> {
    let Some(name) = &setting.credential else { return Ok(None) };
    surroundings.credentials.read(name).map(Some).map_err(|error| error.to_string())
}

fn sender_of(
    setting: &ChannelSetting,
    surroundings: &Surroundings,
    credential: Option<&Secret>,
) -> Result<Sender, String> {
    let rules = rules_of(setting, surroundings)?;
    let limits = Limits::of_message(surroundings.attempt_time);
    let needed = || {
        credential.ok_or_else(|| format!("a channel of kind {} needs a `credential`", setting.kind))
    };
    if setting.kind == "mail" {
        return mail_of(setting, rules, surroundings.attempt_time, credential);
    }
    let http = HttpClient::new(rules, limits);
    let url = |default: Option<&str>| match setting.url.as_deref().or(default) {
        Some(text) => {
            text.parse::<SecretUrl>().map(Some).map_err(|error| format!("`url`: {error}"))
        }
        None => Ok(None),
    };
    let base = |default: &str| -> Result<SecretUrl, String> {
        url(Some(default))?.ok_or_else(|| "`url` is missing".to_owned())
    };
    match setting.kind.as_str() {
        "telegram" => Telegram::new(http, &base(telegram::BASE)?, needed()?).map(Sender::Telegram),
        "slack" => Slack::new(http, url(None)?.as_ref(), needed()?).map(Sender::Slack),
        "discord" => Discord::new(http, url(None)?.as_ref(), needed()?).map(Sender::Discord),
        "matrix" => Matrix::new(http, url(None)?.as_ref(), needed()?).map(Sender::Matrix),
        "ntfy" => Ok(Sender::Ntfy(Ntfy::new(http, base(ntfy::BASE)?, credential))),
        "mattermost" => {
            Mattermost::new(http, url(None)?.as_ref(), needed()?).map(Sender::Mattermost)
        }
        "webhook" => Webhook::new(http, needed()?).map(Sender::Webhook),
        kind => Err(format!("this courier cannot send by `{kind}`")),
    }
}

#[cfg(feature = "mail")]
fn mail_of(
    setting: &ChannelSetting,
    rules: Rules,
    attempt_time: Duration,
    credential: Option<&Secret>,
) -> Result<Sender, String> {
    let url = setting.url.as_deref().unwrap_or_default();
    let server = MailServer::of(url, credential).map_err(|error| error.to_string())?;
    Ok(Sender::Mail(Mail::new(rules, server, attempt_time)))
}

#[cfg(not(feature = "mail"))]
fn mail_of(
    _setting: &ChannelSetting,
    _rules: Rules,
    _attempt_time: Duration,
    _credential: Option<&Secret>,
) -> Result<Sender, String> {
    Err("this courier was built without mail (the feature `mail`)".to_owned())
}

fn rules_of(setting: &ChannelSetting, surroundings: &Surroundings) -> Result<Rules, String> {
    let allow: Result<Vec<Range>, _> = setting.allow.iter().map(|text| text.parse()).collect();
    let allow = allow.map_err(|error| format!("`allow`: {error}"))?;
    let connect_time = CONNECT_TIME_MAX.min(surroundings.attempt_time);
    let (tls, is_http_allowed) = (surroundings.tls.clone(), setting.allow_http);
    Ok(Rules { tls, allow, is_http_allowed, connect_time })
}
