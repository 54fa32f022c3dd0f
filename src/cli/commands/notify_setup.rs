//! `kanban notify setup`: the secret of a channel into a file of its own, and the courier made to read it.
//!
//! Where the service manager runs the courier, the secret is root's: the manager hands it over by a line in the courier's unit. Elsewhere it
//! lies in the home. It is never an argument: every user of the host can read those.

use std::fs::DirBuilder;
use std::io::{IsTerminal as _, Read as _, Write as _, stdin, stdout};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Serialize;

use crate::cli::commands::Ended;
use crate::cli::failure::Failure;
use crate::cli::session::{Nothing, Session};
use crate::config::home::HomeKind;
use crate::config::notify_settings::Channel;
use crate::config::sockets::is_of_machine;
use crate::config::{Ambient, Home, client_socket, load};
use crate::exit_codes::CliExit;
use crate::os::files::replace_private;
use crate::os::host::terminal::ask_unseen;
use crate::service::reload::ReloadReply;

/// Longest secret.
const SECRET_BYTES_MAX: u64 = 16 * 1024;

/// Where a machine has a service manager that runs.
const SERVICE_MANAGER: &str = "/run/systemd/system";

/// Where units are changed.
const UNIT_DROP_INS: &str = "/etc/systemd/system/kanban-courier.service.d";

const UNIT: &str = "kanban-courier.service";
const SOCKET_UNIT: &str = "kanban-courier.socket";

/// What was set up.
#[derive(Debug, Serialize)]
struct Done<'a> {
    channel: &'a str,
    credential: &'a Path,
}

/// Runs it.
///
/// # Errors
/// There is no such channel, no secret, or it cannot be written.
pub fn run(name: &str, session: &mut Session) -> Ended {
    // In a chat there is nothing to read a secret from, and no file of this host.
    drop(session.stdin()?);
    let home = Home::resolve(&session.ambient)?;
    let is_service = home.kind() == HomeKind::System && Path::new(SERVICE_MANAGER).is_dir();
    refuse_without_rights(name, &session.ambient)?;
    let (settings, _shown) = load(&session.ambient, &home).map_err(|problems| {
        Failure::usage(problems.to_string()).with_hint("correct the configuration first")
    })?;
    let channel = settings.channels.get(name).ok_or_else(|| {
        Failure::usage(format!("no such channel: {name}"))
            .with_hint(format!("add [channels.{name}] to {}", home.config_file().display()))
    })?;
    let credential = credential_of(name, channel)?;
    let secret = read_secret(name, channel, session)?;
    let folder = match (is_service, home.main_config_file().parent()) {
        (true, Some(etc)) => etc.join("credentials"),
        (true, None) | (false, _) => home.path().join("credentials"),
    };
    let path = write_secret(&folder, credential, &secret)?;
    if is_service {
        hand_over(credential, &path)?;
    }
    // The courier reads its credentials again, and the daemon the channel.
    let _reply: ReloadReply = session.client()?.post("/v1/reload", &Nothing {})?;
    if session.output.is_json() {
        session.output.json(&Done { channel: name, credential: &path })?;
        return Ok(CliExit::Ok);
    }
    session.output.line(format!("Wrote the secret of {name} to {}", path.display()))?;
    session.output.line(format!("Now send a message: kanban notify test {name} ADDRESS"))?;
    Ok(CliExit::Ok)
}

/// A member of the group `kanban` works with the daemon of the machine, whose secrets are root's.
fn refuse_without_rights(name: &str, ambient: &Ambient) -> Result<(), Failure> {
    if ambient.uid == 0 || !is_of_machine(ambient, &client_socket(ambient)?) {
        return Ok(());
    }
    let message = "the daemon is the service of this machine, whose secrets only root may write";
    Err(Failure::usage(message).with_hint(format!("sudo kanban notify setup {name}")))
}

fn credential_of<'a>(name: &str, channel: &'a Channel) -> Result<&'a str, Failure> {
    let credential = channel.credential.as_deref().ok_or_else(|| {
        Failure::usage(format!("the channel {name} names no credential"))
            .with_hint(format!("add `credential = \"{name}\"` to [channels.{name}]"))
    })?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_name = !credential.starts_with('.')
        && (1..=64).contains(&credential.len())
        && credential.bytes().all(is_plain);
    if is_name {
        return Ok(credential);
    }
    Err(Failure::usage(format!("`{credential}` is not the name of a credential"))
        .with_hint("a name has up to 64 letters, digits, - _ and ."))
}

/// What a secret of a kind of channel is.
fn what_it_is(kind: &str) -> &'static str {
    match kind {
        "telegram" => "token of the bot, NUMBER:LETTERS",
        "slack" => "token of the bot, xoxb-…, or URL of the incoming hook",
        "discord" => "token of the bot, or URL of the webhook",
        "matrix" => "access token of the user",
        "ntfy" => "access token, or USER:PASSWORD",
        "mattermost" => "URL of the incoming hook, or token: and the token of a bot",
        "mail" => "USER:PASSWORD",
        "webhook" => "secret, whsec_ and 24 to 64 bytes in base64",
        _ => "secret",
    }
}

fn read_secret(name: &str, channel: &Channel, session: &mut Session) -> Result<String, Failure> {
    let unread = |error: std::io::Error| Failure::fault(format!("cannot read the secret: {error}"));
    let text = if stdin().is_terminal() {
        session.output.finish()?;
        write!(stdout(), "{name} ({}): ", what_it_is(&channel.kind)).map_err(unread)?;
        stdout().flush().map_err(unread)?;
        ask_unseen(stdin()).map_err(unread)?
    } else {
        let mut bytes = Vec::new();
        let read = session.stdin()?.take(SECRET_BYTES_MAX + 1).read_to_end(&mut bytes);
        read.map_err(unread)?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > SECRET_BYTES_MAX {
            return Err(Failure::usage("the secret is longer than 16 KiB"));
        }
        String::from_utf8(bytes).map_err(|_| Failure::usage("the secret is not text"))?
    };
    let text = text.trim();
    if text.is_empty() || text.contains('\0') {
        return Err(Failure::usage("there is no secret on standard input")
            .with_hint(format!("kanban notify setup {name} <FILE, or without a pipe")));
    }
    if channel.kind == "webhook" && !text.starts_with("whs") {
        return Err(Failure::usage("a secret of webhooks begins with whsec_ or whsk_")
            .with_hint("docs/channels/webhook.md has a command that makes one"));
    }
    Ok(text.to_owned())
}

fn write_secret(folder: &Path, credential: &str, secret: &str) -> Result<PathBuf, Failure> {
    let path = folder.join(credential);
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    let written = made.and_then(|()| replace_private(&path, format!("{secret}\n").as_bytes()));
    written.map_err(|error| Failure::fault(format!("cannot write {}: {error}", path.display())))?;
    Ok(path)
}

/// Has the service manager hand the credential to the courier, which then runs from every start of the machine on.
fn hand_over(credential: &str, path: &Path) -> Result<(), Failure> {
    let drop_in = Path::new(UNIT_DROP_INS).join(format!("{credential}.conf"));
    let text = format!("[Service]\nLoadCredential={credential}:{}\n", path.display());
    let written =
        std::fs::create_dir_all(UNIT_DROP_INS).and_then(|()| std::fs::write(&drop_in, text));
    written
        .map_err(|error| Failure::fault(format!("cannot write {}: {error}", drop_in.display())))?;
    systemctl(&["daemon-reload"])?;
    if systemctl(&["is-active", "--quiet", SOCKET_UNIT]).is_err() {
        // A socket cannot be started beside its service.
        systemctl(&["enable", "--quiet", SOCKET_UNIT])?;
        systemctl(&["stop", "kanband.service"])?;
        systemctl(&["start", SOCKET_UNIT, "kanband.service"])?;
    }
    systemctl(&["enable", "--quiet", UNIT])?;
    systemctl(&["restart", UNIT])
}

fn systemctl(arguments: &[&str]) -> Result<(), Failure> {
    let shown = format!("systemctl {}", arguments.join(" "));
    let output = Command::new("systemctl").args(arguments).output();
    let output = output.map_err(|error| Failure::fault(format!("cannot run {shown}: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().next().unwrap_or("it says nothing");
    Err(Failure::fault(format!("{shown} failed: {said}")))
}
