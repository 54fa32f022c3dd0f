//! `kanban schedules apply`: a file of schedules, shown before it is applied.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::standing;
use crate::api::client::seen::{AppliedSchedule, ApplySchedulesReply};
use crate::cli::arguments::{time_or_none, whole_seconds, zone_times};
use crate::cli::commands::Ended;
use crate::cli::commands::warnings::print_warnings;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::exit_codes::CliExit;
use crate::kernel::error::ErrorCode;
use crate::kernel::schedule::{CatchUp, Overlap};
use crate::kernel::verbs::{AddSchedule, Applied, ApplySchedules};

/// A schedule of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    cron: String,
    zone: Option<String>,
    #[serde(default)]
    overlap: Overlap,
    #[serde(default)]
    catch_up: CatchUp,
    until: Option<String>,
    count: Option<u32>,
    due_in: Option<String>,
    task: Map<String, Value>,
}

impl Entry {
    fn schedule(self, name: String, session: &Session) -> Result<AddSchedule, Failure> {
        let times = zone_times(self.zone.as_deref(), session)?;
        let at = format!("{name}.until");
        let until_at = self.until.map(|text| time_or_none(&at, &text, &times)).transpose()?;
        let in_ = format!("{name}.due_in");
        Ok(AddSchedule {
            due_in_seconds: self.due_in.map(|text| whole_seconds(&in_, &text)).transpose()?,
            name,
            cron: self.cron,
            zone: self.zone.or_else(|| session.times().zone_name()),
            overlap: self.overlap,
            catch_up: self.catch_up,
            until_at: until_at.filter(|at| *at != 0),
            count: self.count,
            task: self.task,
            ..AddSchedule::default()
        })
    }
}

/// Runs it.
///
/// # Errors
/// A file that cannot be read, the daemon's refusal, no confirmation.
pub(super) fn run(file: &Path, dry_run: bool, yes: bool, session: &mut Session) -> Ended {
    let schedules = read(file, session)?;
    let board = session.board.clone();
    let request = |dry_run| ApplySchedules {
        schedules: schedules.clone(),
        dry_run,
        board: board.clone(),
        ..ApplySchedules::default()
    };
    let client = session.client()?;
    let tried: ApplySchedulesReply = client.post("/v1/schedules/apply", &request(true))?;
    let changes = tried.schedules.iter().filter(|one| one.applied != Applied::Unchanged).count();
    if !session.output.is_json() {
        for one in &tried.schedules {
            let line = line(one, session);
            session.output.line(line)?;
        }
    }
    if dry_run || changes == 0 {
        return finish(&tried, session);
    }
    if !yes
        && session.is_interactive()
        && !session.confirm(&format!("Apply {changes} change(s)?"))?
    {
        return Err(Failure::refused(ErrorCode::BadRequest, "not confirmed; nothing was changed"));
    }
    let done: ApplySchedulesReply = client.post("/v1/schedules/apply", &request(false))?;
    if !session.output.is_json() {
        session.output.line(format!("Applied {changes} change(s)"))?;
    }
    finish(&done, session)
}

fn read(file: &Path, session: &Session) -> Result<Vec<AddSchedule>, Failure> {
    let name = file.display();
    let text = if file == Path::new("-") {
        session.text(&name.to_string(), "-".to_owned())?
    } else {
        std::fs::read_to_string(file)
            .map_err(|error| Failure::usage(format!("cannot read {name}: {error}")))?
    };
    let entries: BTreeMap<String, Entry> = toml::from_str(&text).map_err(|error| {
        let line = error
            .span()
            .map(|span| text.get(..span.start).unwrap_or_default().lines().count().max(1));
        let line = line.map_or_else(String::new, |line| format!(" (line {line})"));
        Failure::usage(format!("cannot read {name}: {}{line}", error.message()))
            .with_hint("kanban schedules apply --help shows the format")
    })?;
    entries.into_iter().map(|(name, entry)| entry.schedule(name, session)).collect()
}

/// What becomes of a schedule, in one line.
fn line(one: &AppliedSchedule, session: &Session) -> String {
    let schedule = &one.schedule;
    let sign = match one.applied {
        Applied::Added => "+",
        Applied::Changed => "~",
        Applied::Unchanged => "=",
    };
    let fields =
        if one.fields.is_empty() { String::new() } else { format!(" {}", one.fields.join(", ")) };
    format!("{sign} {}{fields} ({})", schedule.name, standing(schedule, &session.times()))
}

fn finish(reply: &ApplySchedulesReply, session: &mut Session) -> Ended {
    if session.output.is_json() {
        session.output.json(reply)?;
    } else {
        print_warnings(reply.schedules.iter().flat_map(|one| &one.warnings), session);
    }
    Ok(CliExit::Ok)
}
