//! What people see: every verb that lists, on a wide and on a narrow terminal, with and without colours, kept in a file.

use std::fmt::Write as _;
use std::process::Command;

use rusqlite::Connection;
use support::terminal::Terminal;

use crate::harness::Board;

const UPDATE: &str = "KANBAND_UPDATE_FILES";
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/screens.golden.txt");

/// What lists something, and what shows one thing.
const VERBS: [&[&str]; 18] = [
    &[],
    &["board"],
    &["list"],
    &["list", "--all"],
    &["list", "-o", "wide"],
    &["list", "--columns", "id,priority,title"],
    &["search", "grammar"],
    &["inbox"],
    &["tree", "PARENT"],
    &["show", "BLOCKED"],
    &["runs", "BLOCKED"],
    &["why", "CHILD"],
    &["tail", "BLOCKED", "--no-follow"],
    &["attachments", "BLOCKED"],
    &["boards", "list"],
    &["schedules", "list"],
    &["assignees"],
    &["breakers", "list"],
];

/// A board with a task in most statuses, all of it three days old, so that ages are the same whenever it is shown.
fn board() -> (Board, Vec<(&'static str, String)>) {
    let mut board = Board::quiet();
    let parent = board.create("Write the parser", &["--assignee", "ann", "--priority", "3"]);
    let child = board.create("Test the parser", &["--parent", &parent, "--label", "release"]);
    board.create("Document it", &["--parent", &child, "--assignee", "bea"]);
    board.say(["claim", &parent]).ok();
    let blocked = board.create("Choose 日本語 or English", &["--assignee", "bea"]);
    board.say(["claim", &blocked]).ok();
    board.say(["block", &blocked, "which language do the users speak?"]).ok();
    std::fs::write(board.path("notes.txt"), "notes").unwrap();
    board.say(["attach", &blocked, board.path("notes.txt").to_str().unwrap()]).ok();
    let done = board.create("Draw the grammar", &["--assignee", "ann"]);
    board.say(["claim", &done]).ok();
    board.say(["complete", &done, "--summary", "Twelve rules"]).ok();
    board.create("An idea", &["--triage"]);
    board.create(
        "A title that is longer than most terminals are wide, because it is a whole sentence",
        &[],
    );
    board.say(["boards", "create", "shop"]).ok();
    let every =
        ["schedules", "add", "nightly", "--every", "day at 3:00", "--title", "Check", "--paused"];
    let _is_accepted = board.say(every).code == 0;
    board.kill();
    age(&board);
    board.start();
    (board, vec![("PARENT", parent), ("CHILD", child), ("BLOCKED", blocked)])
}

/// Moves every time three days and an hour back.
fn age(board: &Board) {
    let connection = Connection::open(board.home().join("kanban.db")).unwrap();
    let tables = ["tasks", "task_runs", "task_events", "task_comments", "attachments"];
    for table in tables {
        let columns: Vec<String> = connection
            .prepare(&format!("SELECT name FROM pragma_table_info('{table}') WHERE name LIKE '%\\_at' ESCAPE '\\' OR name = 'status_since'"))
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        for column in columns {
            let sql = format!("UPDATE {table} SET {column} = {column} - 262800 WHERE {column} > 0");
            connection.execute(&sql, []).unwrap();
        }
    }
    // A second may have passed between the claim and the block.
    let at_once = "UPDATE task_runs SET ended_at = started_at WHERE ended_at IS NOT NULL";
    connection.execute(at_once, []).unwrap();
}

fn on_terminal(
    board: &Board,
    arguments: &[String],
    columns: u16,
    variables: &[(&str, &str)],
) -> String {
    let mut command: Command = board.command(arguments);
    command.envs([("TERM", "xterm"), ("LANG", "C.UTF-8"), ("PAGER", "cat")]);
    command.envs(variables.iter().copied());
    let (code, written) = Terminal::start(&command, columns, 60).end();
    assert_eq!(code, Some(0), "{arguments:?}: {written}");
    written.replace("\r\n", "\n")
}

/// The screen with what differs from run to run in fixed words of the same width, and colours that can be read.
fn normal(screen: &str, ids: &[(String, String)]) -> String {
    let mut text = screen.to_owned();
    for (id, name) in ids {
        text = text.replace(id.as_str(), name);
    }
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(sign) = rest.chars().next() {
        if let Some(date) = rest.get(..10).filter(|text| is_like(text, "dddd-dd-dd")) {
            out.push_str("2026-01-02");
            rest = &rest[date.len()..];
        } else if let Some(time) = rest.get(..8).filter(|text| is_like(text, "dd:dd:dd")) {
            out.push_str("03:04:05");
            rest = &rest[time.len()..];
        } else if let Some(time) = rest.get(..5).filter(|text| is_like(text, "dd:dd")) {
            out.push_str("03:04");
            rest = &rest[time.len()..];
        } else if let Some(colour) = rest.strip_prefix("\u{1b}[") {
            let (code, after) = colour.split_once('m').unwrap();
            write!(out, "<{code}>").unwrap();
            rest = after;
        } else {
            out.push(sign);
            rest = &rest[sign.len_utf8()..];
        }
    }
    out.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn is_like(text: &str, form: &str) -> bool {
    text.len() == form.len()
        && text.bytes().zip(form.bytes()).all(|(byte, like)| match like {
            b'd' => byte.is_ascii_digit(),
            other => byte == other,
        })
}

#[test]
fn every_verb_that_lists_shows_what_is_on_file() {
    let (board, names) = board();
    let listed = board.say(["list", "--sort", "created", "--quiet"]).ok();
    let ids: Vec<(String, String)> = (1..)
        .zip(listed.lines())
        .map(|(number, id)| (id.to_owned(), format!("t_{number:08}")))
        .chain([(board.home().display().to_string(), "/home/of/the/board".to_owned())])
        .collect();
    let mut screens = String::new();
    for verb in VERBS {
        let named = |word: &&str| {
            let id = names.iter().find(|(name, _)| name == word).map(|(_, id)| id.clone());
            id.unwrap_or_else(|| (*word).to_owned())
        };
        let arguments: Vec<String> = verb.iter().map(named).collect();
        for columns in [80, 40] {
            for (form, variables) in [("", &[("NO_COLOR", "1")][..]), (" in colours", &[])] {
                let shown = on_terminal(&board, &arguments, columns, variables);
                let shown = normal(&shown, &ids);
                let words = verb.iter().map(|word| format!(" {word}")).collect::<String>();
                writeln!(screens, "==== kanban{words}, {columns} columns{form}\n\n{shown}")
                    .unwrap();
            }
        }
    }
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(GOLDEN, &screens).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(GOLDEN).unwrap_or_default();
    let differs = kept.lines().zip(screens.lines()).find(|(one, other)| one != other);
    assert!(kept == screens, "{GOLDEN} differs: {differs:?}; run this test with {UPDATE}=1");
}

#[test]
fn what_people_look_at_fits_on_a_terminal_of_forty_columns() {
    let (board, names) = board();
    let parent = &names[0].1;
    for arguments in [
        &[][..],
        &["board"],
        &["list"],
        &["list", "--all"],
        &["search", "parser"],
        &["tree", parent],
    ] {
        let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
        let shown = on_terminal(&board, &arguments, 40, &[("NO_COLOR", "1")]);
        for line in shown.lines() {
            let columns = kanband::text::terminal::width(line);
            assert!(columns <= 40, "{arguments:?}: {columns}: {line}");
        }
        assert!(shown.contains("parser"), "{arguments:?}: {shown}");
    }
}

#[test]
fn a_terminal_without_utf8_gets_ascii_alone_and_a_pipe_what_was_written() {
    let (board, names) = board();
    let parent = &names[0].1;
    for arguments in
        [&[][..], &["board"], &["list"], &["tree", parent], &["show", &names[2].1], &["inbox"]]
    {
        let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
        let shown = on_terminal(&board, &arguments, 120, &[("LANG", "C"), ("NO_COLOR", "1")]);
        assert!(shown.is_ascii(), "{arguments:?}: {shown}");
        assert!(shown.contains("parser") || shown.contains("English"), "{arguments:?}: {shown}");
        let piped = board
            .say_with(&[("LANG", "C")], &arguments.iter().map(String::as_str).collect::<Vec<_>>())
            .ok();
        assert!(!piped.is_ascii(), "{arguments:?}: {piped}");
    }
}

#[test]
fn colours_are_on_a_terminal_alone_unless_they_are_asked_for() {
    let (board, _) = board();
    let list = ["list".to_owned()];
    let has_colours = |text: &str| text.contains("\u{1b}[");
    assert!(has_colours(&on_terminal(&board, &list, 80, &[])));
    assert!(!has_colours(&on_terminal(&board, &list, 80, &[("NO_COLOR", "1")])));
    assert!(!has_colours(&on_terminal(&board, &list, 80, &[("TERM", "dumb")])));
    let never = ["list".to_owned(), "--color".to_owned(), "never".to_owned()];
    assert!(!has_colours(&on_terminal(&board, &never, 80, &[("CLICOLOR_FORCE", "1")])));
    assert!(!has_colours(&board.say(["list"]).ok()));
    assert!(has_colours(&board.say(["tree", "--color", "always", &board.create("t", &[])]).ok()));
    let error = board.say(["show", "t_dead", "--color", "always"]);
    assert!(error.err.starts_with("\u{1b}[31merror:\u{1b}[0m no such task"), "{error:?}");
    assert!(!has_colours(&board.say(["list", "--json", "--color", "always"]).ok()));
}

#[test]
fn long_output_is_shown_in_a_pager_and_short_output_is_not() {
    let board = Board::quiet();
    let pager = format!("cat > {}", board.path("paged").display());
    let paged = || std::fs::read_to_string(board.path("paged")).ok();
    for n in 0..5 {
        board.create(&format!("task {n}"), &[]);
    }
    let list = |variables: &[(&str, &str)], more: &[&str]| {
        let mut command = board.command(["list"].iter().chain(more));
        command.envs([("TERM", "xterm"), ("LANG", "C.UTF-8"), ("NO_COLOR", "1")]);
        command.envs(variables.iter().copied());
        let (code, written) = Terminal::start(&command, 80, 10).end();
        assert_eq!(code, Some(0), "{written}");
        written
    };
    let short = list(&[("PAGER", &pager)], &[]);
    assert!(short.contains("task 4") && paged().is_none(), "{short}");
    for n in 5..20 {
        board.create(&format!("task {n}"), &[]);
    }
    let long = list(&[("PAGER", &pager)], &[]);
    assert!(!long.contains("task 4"), "{long}");
    let text = paged().unwrap();
    assert_eq!(text.lines().filter(|line| line.contains(" task ")).count(), 20, "{text}");
    std::fs::remove_file(board.path("paged")).unwrap();
    for (variables, more) in [
        (&[("PAGER", pager.as_str())][..], &["--no-pager"][..]),
        (&[("PAGER", "cat")], &[]),
        (&[("PAGER", pager.as_str()), ("KANBAN_PAGER", "cat")], &[]),
        (&[("PAGER", "no-such-program-at-all")], &[]),
    ] {
        let shown = list(variables, more);
        assert!(shown.contains("task 4") && paged().is_none(), "{variables:?}: {shown}");
    }
}

#[test]
fn a_list_on_a_terminal_is_short_and_says_what_it_leaves_out_and_in_a_pipe_it_is_whole() {
    let board = Board::quiet();
    let lines: String = (0..1_000).map(|n| format!("{{\"title\":\"task {n}\"}}\n")).collect();
    board.say_from(lines.as_bytes(), &["create", "--from-jsonl", "-"]).ok();
    let done = board.create("finished", &[]);
    board.say(["complete", &done]).ok();
    let shown = on_terminal(&board, &["list".to_owned()], 80, &[("NO_COLOR", "1")]);
    assert_eq!(shown.lines().count(), 32, "a header, thirty tasks and a line: {shown}");
    assert!(shown.ends_with("… and 970 more; --all shows them\n"), "{shown}");
    assert!(!shown.contains("finished"), "{shown}");
    let few = ["list".to_owned(), "--limit".to_owned(), "2".to_owned()];
    let shown = on_terminal(&board, &few, 80, &[("NO_COLOR", "1")]);
    assert!(shown.ends_with("… and 998 more; --all shows them\n"), "{shown}");
    for arguments in [&["list"][..], &["list", "-q"], &["list", "-o", "jsonl"]] {
        assert_eq!(board.say(arguments).ok().lines().count(), 1_001, "{arguments:?}");
    }
    assert_eq!(board.say(["list", "-o", "json"]).json().as_array().unwrap().len(), 1_001);
    assert_eq!(board.say(["list", "-o", "csv"]).ok().lines().count(), 1_002);
}

/// A daemon that replies to the first request when it may. Returns its socket and what lets it.
fn slow_daemon(board: &Board) -> (String, std::sync::mpsc::Sender<()>) {
    let socket = board.path("slow.sock");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let (let_go, may_reply) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let (mut connection, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let _length = connection.read(&mut request).unwrap();
        may_reply.recv().unwrap();
        let reply =
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n[]";
        connection.write_all(reply.as_bytes()).unwrap();
    });
    (socket.to_str().unwrap().to_owned(), let_go)
}

#[test]
fn a_wait_of_more_than_a_second_is_shown_on_a_terminal_and_gone_when_it_is_over() {
    let board = Board::quiet();
    let (socket, reply) = slow_daemon(&board);
    let mut command = board.command(["boards", "list"]);
    command.envs([("TERM", "xterm"), ("LANG", "C.UTF-8"), ("KANBAN_SOCKET", socket.as_str())]);
    let terminal = Terminal::start(&command, 80, 24);
    terminal.until_shows("waiting for the daemon");
    reply.send(()).unwrap();
    let shown = terminal.end_screen();
    assert_eq!(shown.0, Some(0), "{shown:?}");
    assert!(!shown.1.contains("waiting"), "{shown:?}");
    std::fs::remove_file(&socket).unwrap();
    let (socket, reply) = slow_daemon(&board);
    let mut piped = board.command(["boards", "list"]);
    piped.env("KANBAN_SOCKET", &socket).stdout(std::process::Stdio::piped());
    piped.stderr(std::process::Stdio::piped());
    let child = piped.spawn().unwrap();
    // Longer than a terminal would have to wait for it.
    support::wait::let_pass(std::time::Duration::from_millis(1_500));
    reply.send(()).unwrap();
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr.len()), (Some(0), 0), "{ended:?}");
}
