//! A board to look at in a browser (`make demo-board`): tasks in every status, and one that runs until the end.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::home::DemoHome;
use crate::private_daemon::{PrivateDaemon, interrupted};
use crate::stage::NewsDesk;
use kanband::api::client::{Client, task_path};
use kanband::cli::failure::Failure;
use kanband::cli::session::Session;
use kanband::exit_codes::CliExit;
use kanband::os::host::clock::epoch_seconds;
use kanband::service::web::links::{MakeWebLink, WebLink};

/// How long the worker may take to start.
const START_TIME: Duration = Duration::from_secs(20);

/// Pause between two looks at it.
const PAUSE: Duration = Duration::from_millis(20);

/// Seconds of a day.
const DAY_SECONDS: i64 = 24 * 60 * 60;

/// Makes the board, prints the link to it and waits for Ctrl-C, which is how it ends.
///
/// # Errors
/// The daemon's, or the board is not on the web.
pub fn show(
    mut daemon: PrivateDaemon,
    home: &DemoHome,
    desk: &NewsDesk,
    session: &mut Session,
) -> Result<CliExit, Failure> {
    let client = daemon.wait_until_up(|| desk.is_interrupted())?;
    let output = &mut session.output;
    let (pid, path) = (daemon.pid(), home.path().display().to_string());
    output.line_now(format!("A private kanband (pid {pid}) in {path}"))?;
    fill(&client, desk)?;
    let link: WebLink = client.post("/v1/web/links", &MakeWebLink::default())?;
    output.line_now("")?;
    output.line_now(format!("  {}", link.url))?;
    output.line_now("")?;
    output.line_now("The link logs your browser in once, within five minutes. For another one:")?;
    let quoted = format!("'{}'", path.replace('\'', "'\\''"));
    output.line_now(format!("  KANBAN_HOME={quoted} kanban dashboard --print"))?;
    output.line_now("Ctrl-C ends the daemon and its workers, and removes everything.")?;
    desk.follow(daemon.socket().to_owned())
        .map_err(|error| Failure::fault(format!("cannot follow events: {error}")))?;
    desk.wait_for_interrupt()?;
    daemon.end()?;
    session.output.line("The daemon has stopped; everything was removed.")?;
    Ok(CliExit::Ok)
}

/// A task in each status.
fn fill(client: &Client, desk: &NewsDesk) -> Result<(), Failure> {
    let tenant = "shop";
    let create = |title: &str, more: Value| -> Result<String, Failure> {
        let mut task = json!({ "title": title, "tenant": tenant });
        if let (Some(task), Value::Object(more)) = (task.as_object_mut(), more) {
            task.extend(more);
        }
        let made: Value = client.post("/v1/tasks", &task)?;
        Ok(made.get("id").and_then(Value::as_str).unwrap_or_default().to_owned())
    };
    let act = |id: &str, verb: &str, body: Value| -> Result<(), Failure> {
        let _reply: Value = client.post(&task_path(id, verb)?, &body)?;
        Ok(())
    };
    let now = epoch_seconds();
    create("Gift vouchers", json!({ "triage": true, "labels": ["idea"] }))?;
    create("A newsletter on Fridays", json!({ "triage": true, "labels": ["idea"] }))?;
    let guide = create(
        "Write the guide for returns",
        json!({ "priority": 2, "labels": ["docs"], "body": "What a customer does, **step by step**." }),
    )?;
    create("Translate the guide for returns", json!({ "parents": [guide], "labels": ["docs"] }))?;
    create("Count the stock", json!({ "start_at": now + DAY_SECONDS, "assignee": "watcher" }))?;
    let due = json!({ "assignee": "watcher", "due_at": now + DAY_SECONDS, "labels": ["night"] });
    let watched = create("Watch the order queue", due)?;
    let asks = create("Move the price list", json!({ "priority": 3 }))?;
    let question = "In which currency are the new prices?";
    act(&asks, "block", json!({ "question": question, "choices": ["EUR", "CHF"] }))?;
    let reviewed = create("Draft the terms of delivery", json!({}))?;
    act(&reviewed, "complete", json!({ "summary": "Two pages, 14 days everywhere" }))?;
    act(&reviewed, "request_review", json!({}))?;
    let done = create("Choose the payment provider", json!({}))?;
    act(&done, "comment", json!({ "body": "The second one has no fee for **refunds**." }))?;
    act(&done, "complete", json!({ "summary": "The second of three, from March on" }))?;
    let archived = create("Rent a stand at the fair", json!({}))?;
    act(&archived, "complete", json!({ "summary": "Stand 12" }))?;
    act(&archived, "archive", json!({}))?;
    wait_until_running(client, &watched, desk)
}

fn wait_until_running(client: &Client, id: &str, desk: &NewsDesk) -> Result<(), Failure> {
    let began = Instant::now();
    loop {
        let shown: Value = client.get(&task_path(id, "")?, &json!({}))?;
        if shown.pointer("/task/status").and_then(Value::as_str) == Some("running") {
            return Ok(());
        }
        if desk.is_interrupted() {
            return Err(interrupted());
        }
        if began.elapsed() > START_TIME {
            return Err(Failure::timeout("the demo's worker did not start"));
        }
        client.pause(PAUSE);
    }
}
