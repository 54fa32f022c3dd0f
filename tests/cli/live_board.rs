//! The live board, and what Ctrl-C leaves behind.

use std::io::Write as _;

use support::terminal::Terminal;

use crate::harness::{Board, until};

const ON_SCREEN: [(&str, &str); 3] = [("TERM", "xterm"), ("LANG", "C.UTF-8"), ("NO_COLOR", "1")];

/// A worker that waits for a file `go` in the folder of the test, then completes its task.
fn board_with_worker() -> Board {
    let script = "while [ ! -e \"$HOME/go\" ]; do sleep 0.05; done; kanban complete \"$KANBAN_TASK\" --summary 'All went well'";
    Board::with_workers(&[("dev", script)])
}

fn watch(board: &Board, columns: u16) -> Terminal {
    let mut command = board.command(["board", "--watch"]);
    command.envs(ON_SCREEN);
    Terminal::start(&command, columns, 30)
}

#[test]
fn the_live_board_is_drawn_again_as_a_worker_goes_on_and_gives_the_terminal_back() {
    let board = board_with_worker();
    let home = board.path("");
    let mut terminal = watch(&board, 80);
    terminal.until_shows("0 of ");
    let id = board.create("Build the API", &["--assignee", "dev"]);
    terminal.until_shows("READY (1)");
    board.say(["dispatch"]).ok();
    terminal.until_shows("RUNNING (1)");
    assert!(!terminal.screen().contains("READY"), "{}", terminal.screen());
    std::fs::write(home.join("go"), "").unwrap();
    terminal.until_shows("DONE TODAY (1)");
    terminal.until_shows("All went well");
    let other = board.create("Paint it", &[]);
    terminal.until_shows(&other);
    // What was selected first stays selected wherever it goes; Enter shows it.
    terminal.keys("\r");
    terminal.until_shows(&format!("Task {id}: Build the API"));
    terminal.keys("\n");
    terminal.until_shows("q quit");
    terminal.keys("\u{1b}[A");
    terminal.keys("\r");
    terminal.until_shows(&format!("Task {other}: Paint it"));
    terminal.keys("\n");
    terminal.until_shows("q quit");
    terminal.keys("q");
    let (code, written) = terminal.end();
    assert_eq!(code, Some(0));
    assert!(
        written.ends_with("\u{1b}[?25h\u{1b}[?1049l"),
        "the terminal is as it was: {written:?}"
    );
}

#[test]
fn a_wide_live_board_has_lanes_and_ctrl_c_ends_it() {
    let board = board_with_worker();
    board.create("Build the API", &["--assignee", "dev"]);
    let done = board.create("Draw it", &[]);
    board.say(["complete", &done]).ok();
    let mut terminal = watch(&board, 140);
    terminal.until_shows("DONE TODAY (1)");
    let screen = terminal.screen();
    let heads = screen.lines().find(|line| line.contains("DONE TODAY")).unwrap();
    assert!(heads.contains("READY (1)"), "{screen}");
    terminal.keys("\u{3}");
    assert_eq!(terminal.end().0, Some(0));
}

#[test]
fn the_live_board_asks_nothing_of_the_daemon_while_nothing_happens() {
    let board = Board::quiet();
    board.create("Build the API", &[]);
    let mut terminal = watch(&board, 80);
    terminal.until_shows("READY (1)");
    let before = board.figure("database_reads");
    // It has drawn what came before the stream when it moves the mark for a key.
    for _ in 0..20 {
        terminal.keys("j");
    }
    board.create("Paint it", &[]);
    terminal.until_shows("READY (2)");
    let reads = board.figure("database_reads") - before;
    assert!(reads <= 12, "{reads} reads for twenty keys and one new task");
    terminal.keys("q");
    assert_eq!(terminal.end().0, Some(0));
}

#[test]
fn the_live_board_needs_a_terminal_and_stop_asks_first() {
    let board = Board::quiet();
    let message = board.say(["board", "--watch"]).failed(2);
    assert!(message.contains("board --watch needs a terminal"), "{message}");
    let id = board.create("Build the API", &[]);
    board.say(["claim", &id]).ok();
    let mut terminal = watch(&board, 80);
    terminal.until_shows("RUNNING (1)");
    terminal.keys("s");
    terminal.until_shows(&format!("Stop {id}? [y/N]"));
    terminal.keys("n\n");
    terminal.until_shows("q quit");
    assert_eq!(board.status(&id), "running");
    terminal.keys("s");
    terminal.until_shows(&format!("Stop {id}? [y/N]"));
    terminal.keys("y\n");
    until("the task to be stopped", || (board.status(&id) == "blocked").then_some(()));
    terminal.until_shows("Press Enter");
    terminal.keys("\n");
    terminal.until_shows("q quit");
    terminal.keys("q");
    assert_eq!(terminal.end().0, Some(0));
}

#[test]
fn after_ctrl_c_in_a_bulk_create_what_is_printed_was_made_and_nothing_else() {
    let board = Board::quiet();
    let fifo = board.path("lines");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
    let mut command = board.command(["create", "--from-jsonl", fifo.to_str().unwrap()]);
    command.envs(ON_SCREEN);
    let mut terminal = Terminal::start(&command, 80, 24);
    let mut lines = std::fs::File::options().write(true).open(&fifo).unwrap();
    let writer = std::thread::spawn(move || {
        // Until the reader has gone.
        let mut line = |n: usize| writeln!(lines, "{{\"title\":\"task {n}\"}}");
        (0_usize..).take_while(|n| line(*n).is_ok()).count()
    });
    until("the first batch", || terminal.written().contains("Created t_").then_some(()));
    terminal.keys("\u{3}");
    let (code, written) = terminal.end();
    writer.join().unwrap();
    assert_eq!(code, Some(1), "{written}");
    let printed = written.lines().filter(|line| line.contains("Created t_")).count();
    let made = board.say(["list", "-q"]).ok().lines().count();
    assert_eq!(printed, made);
    assert!(
        written.contains(&format!("interrupted: {made} tasks were created, the rest was not")),
        "{written}"
    );
}

#[test]
fn ctrl_c_prints_what_was_made_as_json_too() {
    let board = Board::quiet();
    let fifo = board.path("lines");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
    let mut command = board.command(["create", "--json", "--from-jsonl", fifo.to_str().unwrap()]);
    command.envs(ON_SCREEN);
    let mut terminal = Terminal::start(&command, 80, 24);
    let mut lines = std::fs::File::options().write(true).open(&fifo).unwrap();
    for n in 0..250 {
        writeln!(lines, "{{\"title\":\"task {n}\"}}").unwrap();
    }
    // The first batch is made, and the second waits for more lines.
    let made = |board: &Board| board.say(["list", "-q"]).ok().lines().count();
    until("the first batch", || (made(&board) == 200).then_some(()));
    terminal.keys("\u{3}");
    let (code, written) = terminal.end();
    assert_eq!(code, Some(1), "{written}");
    let printed = written.lines().filter(|line| line.trim().starts_with("\"id\": \"t_")).count();
    assert_eq!((printed, made(&board)), (200, 200), "{written}");
    let error = written.lines().find(|line| line.starts_with("{\"error\"")).unwrap();
    assert!(error.contains("interrupted: 200 tasks were created"), "{error}");
}

#[test]
fn ctrl_c_ends_a_bulk_create_that_waits_for_its_next_line() {
    let board = Board::quiet();
    let mut command = board.command(["create", "--from-jsonl", "-"]);
    command.envs(ON_SCREEN);
    let mut terminal = Terminal::start(&command, 80, 24);
    terminal.keys("{\"title\":\"typed\"}\n");
    terminal.until_hears_interrupts();
    terminal.keys("\u{3}");
    let (code, written) = terminal.end();
    assert_eq!(code, Some(1), "{written}");
    assert!(written.contains("interrupted: 0 tasks were created, the rest was not"), "{written}");
    assert_eq!(board.say(["list", "-q"]).ok().lines().count(), 0);
}
