//! `kanban board --watch`: the board drawn in place, fed by the event stream.
//!
//! Two threads tell what happens: one follows the events of the board, one reads the keys. The board is read again when an event
//! has come, at most five times a second; between two events nothing is asked of the daemon, only the ages on the screen grow.

use std::io::{self, BufRead as _};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

use crate::api::client::{Client, ClientError, Interrupt};
use crate::cli::commands::Ended;
use crate::cli::commands::board::keys::{Wish, wish};
use crate::cli::commands::board::lanes::{self, Across, Cell};
use crate::cli::commands::board::screen::Screen;
use crate::cli::commands::board::sections::{self, Drawn, sections};
use crate::cli::commands::board::{LANES_COLUMNS_MIN, Shown, read};
use crate::cli::failure::Failure;
use crate::cli::follow::{Follower, Heard};
use crate::cli::output::seen;
use crate::cli::session::Session;
use crate::cli::style::{Line, Tone};
use crate::cli::table::cell_cut;
use crate::cli::times::Times;
use crate::exit_codes::CliExit;
use crate::os::processes::signals::{SignalWatch, watch};

/// Time between two reads of the board while events keep coming.
const READ_AGAIN: Duration = Duration::from_millis(200);

/// Time until the ages on the screen are drawn again.
const DRAW_AGAIN: Duration = Duration::from_secs(10);

/// Time until a board is read again that could not be.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Entries of a section on the screen: the screen is moved where they do not fit.
const SHOWN_MAX: usize = 50;

/// What the keys do.
const KEYS: &str = "arrows select · Enter show · l log · a answer · s stop · q quit";

/// What happened.
enum News {
    /// Something on the board.
    Board,
    /// A key.
    Key(Wish),
    /// The stream of events ended.
    Ended(ClientError),
    /// The keys have ended, or the process is asked to end.
    Over,
}

/// Runs it until `q`.
///
/// # Errors
/// No terminal, or a daemon that goes and does not come back.
pub fn run(session: &mut Session) -> Ended {
    if !session.is_interactive() {
        return Err(Failure::usage("board --watch needs a terminal")
            .with_hint("use `kanban watch`, or `kanban watch --json` for a program"));
    }
    let child_has_terminal = Arc::new(AtomicBool::new(false));
    let (interrupt, _signals) = interrupt_of_signals(child_has_terminal.clone())?;
    let client = session.client()?.interrupted_by(interrupt.clone());
    let shown = read(&client, session.board.clone())?;
    let (tell, news) = channel();
    follow(session.client()?.interrupted_by(interrupt), shown.board.board.clone(), tell.clone())?;
    let go_on = read_keys(tell)?;
    let board = shown.board.board.clone();
    let mut live = Live { client, board, shown, selected: None, first_row: 0, note: None };
    let mut screen = Some(screen()?);
    let mut is_stale = false;
    let mut last_read = Instant::now();
    loop {
        live.draw(session)?;
        let patience = match is_stale {
            true if live.note.is_some() => TRY_AGAIN,
            true => READ_AGAIN.saturating_sub(last_read.elapsed()),
            false => DRAW_AGAIN,
        };
        match news.recv_timeout(patience) {
            Ok(News::Board) => is_stale = true,
            Ok(News::Key(Wish::Quit) | News::Over) | Err(RecvTimeoutError::Disconnected) => break,
            Ok(News::Ended(ClientError::Interrupted)) => break,
            Ok(News::Ended(error)) => {
                drop(screen.take());
                return Err(error.into());
            }
            Ok(News::Key(key)) => {
                if let (Some(verb), Some(id)) = (verb_of(key), live.selected.clone()) {
                    drop(screen.take());
                    child_has_terminal.store(true, Ordering::Relaxed);
                    let ended = live.run_verb(verb, &id, session);
                    child_has_terminal.store(false, Ordering::Relaxed);
                    ended?;
                    screen = Some(self::screen()?);
                    is_stale = true;
                } else {
                    live.select(key, &session.times());
                }
                // The keys are read again only now: what a child reads is the child's.
                let _keys_are_over = go_on.send(());
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        if is_stale && last_read.elapsed() >= READ_AGAIN {
            is_stale = live.read_again();
            last_read = Instant::now();
        }
    }
    drop(screen);
    Ok(CliExit::Ok)
}

fn screen() -> Result<Screen, Failure> {
    Screen::take().map_err(|error| Failure::usage(format!("cannot set up the terminal: {error}")))
}

fn verb_of(key: Wish) -> Option<&'static [&'static str]> {
    match key {
        Wish::Show => Some(&["show"]),
        Wish::Log => Some(&["log", "--follow"]),
        Wish::Answer => Some(&["answer"]),
        Wish::Stop => Some(&["stop"]),
        Wish::Quit | Wish::Up | Wish::Down | Wish::Left | Wish::Right | Wish::Redraw => None,
    }
}

/// What ends every wait with SIGTERM or the terminal's end; an interrupt that a child gets too is the child's.
fn interrupt_of_signals(
    child_has_terminal: Arc<AtomicBool>,
) -> Result<(Interrupt, SignalWatch), Failure> {
    let interrupt = Interrupt::default();
    let of_signals = interrupt.clone();
    let signals = watch(move |_signal| {
        if !child_has_terminal.load(Ordering::Relaxed) {
            of_signals.now();
        }
    });
    let signals = signals
        .map_err(|error| Failure::fault(format!("cannot install signal handlers: {error}")))?;
    Ok((interrupt, signals))
}

fn thread(name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    let started = Builder::new().name(name.to_owned()).spawn(body);
    started.map(drop).map_err(|error| Failure::fault(format!("cannot start a thread: {error}")))
}

/// Tells of every event of the board.
fn follow(client: Client, board: String, tell: Sender<News>) -> Result<(), Failure> {
    thread("events", move || {
        let mut follower = match Follower::from_now(&client, None, Some(&board)) {
            Ok(follower) => follower,
            Err(error) => return drop(tell.send(News::Ended(error))),
        };
        // What happened between the first read and now.
        let mut is_heard = tell.send(News::Board).is_ok();
        while is_heard {
            is_heard = match follower.next(None) {
                Ok(Heard::Event(_) | Heard::Resync) => tell.send(News::Board).is_ok(),
                Ok(Heard::Nothing) => true,
                Err(error) => {
                    drop(tell.send(News::Ended(error)));
                    false
                }
            };
        }
    })
}

/// Tells of every key that means something. After each it waits for a word on the channel that is returned.
fn read_keys(tell: Sender<News>) -> Result<Sender<()>, Failure> {
    let (go_on, may_read) = channel();
    thread("keys", move || {
        loop {
            let Ok(event) = crossterm::event::read() else { return drop(tell.send(News::Over)) };
            let Some(wish) = wish(&event) else { continue };
            if tell.send(News::Key(wish)).is_err() || may_read.recv().is_err() {
                return;
            }
        }
    })?;
    Ok(go_on)
}

struct Live {
    client: Client,
    board: String,
    shown: Shown,
    selected: Option<String>,
    first_row: usize,
    /// Why what is shown may be old.
    note: Option<String>,
}

impl Live {
    /// Reads the board again; whether that has to be tried again.
    fn read_again(&mut self) -> bool {
        match read(&self.client, Some(self.board.clone())) {
            Ok(shown) => {
                (self.shown, self.note) = (shown, None);
                false
            }
            Err(error) => {
                self.note = Some(error.to_string());
                true
            }
        }
    }

    fn rows(&self, times: &Times, columns: usize) -> Vec<Across> {
        let parts = sections(&self.shown.board, &self.shown.inbox, times);
        if columns >= LANES_COLUMNS_MIN {
            return lanes::lines(&parts, columns, SHOWN_MAX);
        }
        let drawn = sections::lines(&parts, Some(columns), SHOWN_MAX);
        let across =
            |Drawn { task, line }| Across { line: line.clone(), cells: vec![Cell { task, line }] };
        drawn.into_iter().map(across).collect()
    }

    fn draw(&mut self, session: &Session) -> Result<(), Failure> {
        let (columns, height) = Screen::size();
        let rows = self.rows(&session.times(), columns);
        let known = tasks(&rows);
        if !self.selected.as_ref().is_some_and(|id| known.iter().any(|lane| lane.contains(id))) {
            self.selected = known.iter().flatten().next().cloned();
        }
        let body = height.saturating_sub(2).max(1);
        self.scroll(&rows, body);
        let style = session.output.style();
        let lane_count = rows.iter().map(|row| row.cells.len()).max().unwrap_or(1).max(1);
        let width = columns.saturating_sub(2 * (lane_count - 1)) / lane_count;
        let marked = |row: &Across| self.marked(row, width, style.has_colours);
        let mut lines = vec![cell_cut(&sections::head(&self.shown.board), columns)];
        lines.extend(rows.iter().skip(self.first_row).take(body).map(marked));
        lines.resize(body + 1, Line::default());
        let foot = match &self.note {
            Some(note) => Line::of(Tone::Bad, note),
            None => Line::of(Tone::Faint, KEYS),
        };
        lines.push(cell_cut(&foot, columns.saturating_sub(1)));
        let rendered: Vec<String> = lines.iter().map(|line| style.render(&seen(line))).collect();
        Ok(Screen::draw(&rendered)?)
    }

    /// Moves the rows so that the selected task is on the screen.
    fn scroll(&mut self, rows: &[Across], body: usize) {
        let is_selected = |cell: &Cell| cell.task.is_some() && cell.task == self.selected;
        let holds = |row: &Across| row.cells.iter().any(is_selected);
        let Some(first) = rows.iter().position(holds) else { return };
        let last = rows.iter().rposition(holds).unwrap_or(first);
        // The heading above the first task is shown with it.
        let wanted = first.saturating_sub(2);
        if wanted < self.first_row {
            self.first_row = wanted;
        } else if last >= self.first_row + body {
            self.first_row = (last + 1).saturating_sub(body);
        }
        self.first_row = self.first_row.min(rows.len().saturating_sub(1));
    }

    /// A row with the selected task marked: reversed, or behind a sign.
    fn marked(&self, row: &Across, width: usize, has_colours: bool) -> Line {
        let mark = |cell: &Cell| {
            if cell.task.is_none() || cell.task != self.selected {
                return cell.clone();
            }
            let text = cell.line.plain();
            let line = match has_colours {
                true => Line::of(Tone::Selected, text),
                false => {
                    Line::of(Tone::Plain, format!(">{}", text.chars().skip(1).collect::<String>()))
                }
            };
            Cell { task: cell.task.clone(), line }
        };
        let cells: Vec<Cell> = row.cells.iter().map(mark).collect();
        lanes::joined(&cells, width)
    }

    fn select(&mut self, key: Wish, times: &Times) {
        let (columns, _) = Screen::size();
        let known = tasks(&self.rows(times, columns));
        self.selected = moved(&known, self.selected.as_deref(), key);
    }

    /// Runs `kanban VERB ID` in the terminal, and waits for a line before the board comes back.
    fn run_verb(&self, verb: &[&str], id: &str, session: &mut Session) -> Result<(), Failure> {
        let program = std::env::current_exe()
            .map_err(|error| Failure::fault(format!("cannot find this program: {error}")))?;
        if verb == ["stop"] && !session.confirm(&format!("Stop {id}?"))? {
            return Ok(());
        }
        let ran = Command::new(program).args(verb).arg(id).args(["--board", &self.board]).status();
        if let Err(error) = ran {
            session
                .output
                .complain(&format!("error: cannot run `kanban {}`: {error}", verb.join(" ")));
        }
        session.output.complain("Press Enter to return to the board.");
        // A terminal that is gone ends the board at its next key.
        drop(io::stdin().lock().read_line(&mut String::new()));
        Ok(())
    }
}

/// The tasks of each lane, in their order.
fn tasks(rows: &[Across]) -> Vec<Vec<String>> {
    let mut lanes: Vec<Vec<String>> = Vec::new();
    for row in rows {
        for (index, cell) in row.cells.iter().enumerate() {
            if lanes.len() <= index {
                lanes.resize(index + 1, Vec::new());
            }
            let (Some(lane), Some(task)) = (lanes.get_mut(index), &cell.task) else { continue };
            if !lane.contains(task) {
                lane.push(task.clone());
            }
        }
    }
    lanes
}

/// The task that is selected after a key.
fn moved(lanes: &[Vec<String>], selected: Option<&str>, key: Wish) -> Option<String> {
    let of_lane = |lane: &Vec<String>| lane.iter().position(|id| Some(id.as_str()) == selected);
    let found = lanes.iter().enumerate().find_map(|(lane, ids)| Some((lane, of_lane(ids)?)));
    let Some((lane, row)) = found else { return lanes.iter().flatten().next().cloned() };
    let in_lane = |lane: usize, row: usize| {
        let ids = lanes.get(lane)?;
        ids.get(row.min(ids.len().checked_sub(1)?)).cloned()
    };
    let next = match key {
        Wish::Up => in_lane(lane, row.saturating_sub(1)),
        Wish::Down => in_lane(lane, row + 1),
        Wish::Left => (0..lane).rev().find_map(|lane| in_lane(lane, row)),
        Wish::Right => (lane + 1..lanes.len()).find_map(|lane| in_lane(lane, row)),
        Wish::Quit | Wish::Show | Wish::Log | Wish::Answer | Wish::Stop | Wish::Redraw => None,
    };
    next.or_else(|| selected.map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_move_within_a_lane_and_to_the_next_lane_with_tasks() {
        let lanes = [vec!["a", "b", "c"], vec![], vec!["d"]];
        let lanes: Vec<Vec<String>> =
            lanes.map(|lane| lane.into_iter().map(str::to_owned).collect()).to_vec();
        for (selected, key, expected) in [
            (None, Wish::Down, Some("a")),
            (Some("gone"), Wish::Down, Some("a")),
            (Some("a"), Wish::Down, Some("b")),
            (Some("c"), Wish::Down, Some("c")),
            (Some("a"), Wish::Up, Some("a")),
            (Some("c"), Wish::Right, Some("d")),
            (Some("d"), Wish::Left, Some("a")),
            (Some("d"), Wish::Right, Some("d")),
            (Some("b"), Wish::Redraw, Some("b")),
        ] {
            assert_eq!(moved(&lanes, selected, key).as_deref(), expected, "{selected:?} {key:?}");
        }
        assert_eq!(moved(&[], None, Wish::Down), None);
    }
}
