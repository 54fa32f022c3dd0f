//! `kanban dashboard`.

use std::io::IsTerminal as _;
use std::process::{Command, Stdio};

use serde::Serialize;

use crate::cli::commands::Ended;
use crate::cli::session::{Nothing, Session};
use crate::cli::text::{one_line, pad, width};
use crate::cli::times::Times;
use crate::exit_codes::CliExit;
use crate::os::host::name::host_name;
use crate::service::web::links::{
    MakeWebLink, RevokeWebSession, RevokeWebSessionReply, WebLink, WebSession,
};

/// Open the board in a browser: print a link that logs in once.
///
/// The link works once, for five minutes, for a browser of the user that it is for. The session lasts 12 hours and ends
/// earlier when it is revoked, or when the user may no longer open the operators' socket. On a terminal with a display the
/// link is opened, too.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban dashboard
  kanban dashboard --print
  sudo kanban dashboard --for \"$USER\"
  kanban dashboard --sessions
  kanban dashboard --revoke all")]
pub struct Arguments {
    /// Print the link and the `ssh -L` line for another host; open nothing
    #[arg(long)]
    print: bool,
    /// User that the link logs in: under sudo, and for the proxy of `web.proxy`
    #[arg(long = "for", value_name = "USER")]
    person: Option<String>,
    /// List the sessions
    #[arg(long, conflicts_with_all = ["print", "person", "revoke"])]
    sessions: bool,
    /// End a session, or all
    #[arg(
        long,
        value_name = "ID|all",
        num_args = 0..=1,
        default_missing_value = "all",
        conflicts_with_all = ["print", "person"]
    )]
    revoke: Option<String>,
}

/// The link with the way in from another host.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    link: &'a WebLink,
    ssh: String,
}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    let Arguments { print, person, sessions, revoke } = arguments;
    if sessions {
        return list(session);
    }
    if let Some(which) = revoke {
        return end(which, session);
    }
    let is_for_other = person.is_some();
    let link: WebLink = session.client()?.post("/v1/web/links", &MakeWebLink { person })?;
    let ssh = ssh_line(&link, host_name().as_deref());
    if session.output.is_json() {
        session.output.json(&Shown { link: &link, ssh })?;
        return Ok(CliExit::Ok);
    }
    session.output.line(&link.url)?;
    if let Some(url) = &link.proxy_url {
        session.output.line(url)?;
    }
    let until = session.times().exact(link.expires_at);
    let name = one_line(&link.name);
    session.output.line(format!("Logs in {name} once, until {until}"))?;
    if print {
        session.output.line(format!("From another host first: {ssh}"))?;
    }
    if let Some(user) = session.ambient.var("SUDO_USER").filter(|_| !is_for_other) {
        let user = one_line(user);
        session.output.complain(&format!(
            "note: for a browser of {user}: sudo kanban dashboard --for {user}"
        ));
    } else if !print && !is_for_other && has_display(session) {
        open(&link.url, session);
    }
    Ok(CliExit::Ok)
}

/// What makes the port reachable from another host, for the user who is logged in there by it.
fn ssh_line(link: &WebLink, host: Option<&str>) -> String {
    let WebLink { port, address, name, .. } = link;
    format!("ssh -N -L {port}:{address} {name}@{}", host.unwrap_or("HOST"))
}

fn has_display(session: &Session) -> bool {
    let has = |name| session.ambient.var(name).is_some_and(|value| !value.is_empty());
    std::io::stdout().is_terminal() && (has("DISPLAY") || has("WAYLAND_DISPLAY"))
}

/// The link stands in the arguments of a process, which others can read. It is no use to them: it is for one user.
fn open(url: &str, session: &mut Session) {
    let mut command = Command::new("xdg-open");
    command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let opened = command.status().is_ok_and(|status| status.success());
    if !opened {
        session.output.complain("note: no browser was opened; open the link yourself");
    }
}

fn list(session: &mut Session) -> Ended {
    let sessions: Vec<WebSession> = session.client()?.get("/v1/web/sessions", &Nothing {})?;
    if session.output.is_json() {
        session.output.json(&sessions)?;
    } else if sessions.is_empty() {
        session.output.line("(nobody is logged in)")?;
    } else {
        let times = session.times();
        for line in lines(&sessions, &times) {
            session.output.line(line)?;
        }
    }
    Ok(CliExit::Ok)
}

fn lines(sessions: &[WebSession], times: &Times) -> Vec<String> {
    let head = ["ID", "USER", "WAY", "SINCE", "UNTIL"].map(str::to_owned);
    let row = |session: &WebSession| {
        [
            one_line(&session.id),
            one_line(&session.name),
            if session.proxy { "proxy" } else { "local" }.to_owned(),
            times.exact(session.created_at),
            times.exact(session.expires_at),
        ]
    };
    let rows: Vec<[String; 5]> = std::iter::once(head).chain(sessions.iter().map(row)).collect();
    let mut columns = [0; 5];
    for row in &rows {
        for (column, cell) in columns.iter_mut().zip(row) {
            *column = width(cell).max(*column);
        }
    }
    let line = |row: &[String; 5]| {
        let cells: Vec<String> =
            row.iter().zip(columns).map(|(cell, columns)| pad(cell, columns)).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

fn end(which: String, session: &mut Session) -> Ended {
    let request = RevokeWebSession { session: which };
    let reply: RevokeWebSessionReply =
        session.client()?.post("/v1/web/sessions/revoke", &request)?;
    if session.output.is_json() {
        session.output.json(&reply)?;
    } else {
        let plural = if reply.ended == 1 { "" } else { "s" };
        session.output.line(format!("Ended {} session{plural}", reply.ended))?;
    }
    Ok(CliExit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_for_another_host_leads_to_the_daemons_address() {
        let link = WebLink {
            url: String::new(),
            proxy_url: None,
            name: "ada".to_owned(),
            port: 9119,
            address: "[::1]:9119".to_owned(),
            expires_at: 0,
        };
        let line = ssh_line(&link, Some("build-1"));
        assert_eq!(line, "ssh -N -L 9119:[::1]:9119 ada@build-1");
    }
}
