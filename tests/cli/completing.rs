//! `completions`: what a shell offers.

use std::process::{Command, Stdio};
use std::time::Instant;

use support::terminal::Terminal;

use crate::harness::{Board, DEADLINE, Location};

/// What is offered behind these words, as a shell asks for it: one candidate per line, with its help behind a tab.
fn offered(location: &Location, words: &[&str]) -> Vec<String> {
    let mut command = location.command(["--", "kanban"].iter().chain(words));
    let answer = command.env("KANBAN_COMPLETE", "fish").output().unwrap();
    assert!(answer.stderr.is_empty(), "{answer:?}");
    String::from_utf8(answer.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn ids_of_the_running_daemon_are_offered_with_their_titles() {
    let board = Board::with("[dispatch]\nenabled = false\n[profiles.dev]\nargv = [\"sh\"]\n");
    let first = board.create("Fix the door", &["--assignee", "carpenter"]);
    let second = board.create("Paint\tit", &[]);
    let both = [format!("{second}\tPaint it"), format!("{first}\tFix the door")];
    for verb in ["show", "complete", "why", "tail", "archive", "edit"] {
        let mut ids = offered(&board, &[verb, "t_"]);
        ids.sort();
        let mut expected = both.to_vec();
        expected.sort();
        assert_eq!(ids, expected, "{verb}");
    }
    assert_eq!(offered(&board, &["show", &first[..9]]), [both[1].clone()]);
    assert_eq!(offered(&board, &["link", &first, &second[..9]]), [both[0].clone()]);
    let names = offered(&board, &["assign", &first, ""]);
    let starts = |name: &str| names.iter().any(|line| line.starts_with(name));
    assert!(starts("carpenter\tready=1") && starts("dev"), "{names:?}");
    assert!(offered(&board, &["list", "--assignee", "carp"]) == ["carpenter\tready=1"]);
    assert!(
        offered(&board, &["list", "--status", "r"]).iter().any(|line| line.starts_with("ready"))
    );
    board.say(["boards", "create", "shop"]).ok();
    let there = board.create("there", &["--board", "shop"]);
    assert_eq!(offered(&board, &["--board", "sh"]), ["shop"]);
    assert_eq!(offered(&board, &["show", "--board", "shop", "t_"]), [format!("{there}\tthere")]);
    assert!(offered(&board, &["pro"]).iter().any(|line| line.starts_with("promote\t")));
}

/// A board with 20,000 tasks, two for each of their first four digits, and one that is alone.
fn large_board() -> Board {
    let mut board = Board::quiet();
    board.kill();
    let file = rusqlite::Connection::open(board.home().join("kanban.db")).unwrap();
    file.execute_batch(
        "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 19999)
         INSERT INTO tasks (id, title, status, created_at)
           SELECT printf('t_%04x%04x', i / 2, i), 'Part ' || i, 'todo', 1 FROM n
             UNION ALL SELECT 't_eeee1234', 'Alone', 'todo', 1",
    )
    .unwrap();
    drop(file);
    board.start();
    board
}

#[test]
fn of_20_000_tasks_those_are_offered_whose_ids_begin_as_typed() {
    let board = large_board();
    // The oldest of them, which no list of the newest has.
    let both = ["t_00000000\tPart 0", "t_00000001\tPart 1"];
    for typed in ["t_0000", "0000", "T_00000"] {
        assert_eq!(offered(&board, &["show", typed]), both, "{typed}");
    }
    assert_eq!(offered(&board, &["show", "t_270f4e1"]).len(), 2);
    assert_eq!(offered(&board, &["show", "t_ffff"]), [] as [&str; 0]);
}

#[test]
fn a_shell_on_a_terminal_completes_the_beginning_of_one_of_20_000_ids() {
    let board = large_board();
    let mut bash = board.command_of("/bin/bash");
    let programs = support::programs::kanban();
    let path = format!("{}:/usr/bin:/bin", programs.parent().unwrap().display());
    bash.args(["--norc", "--noprofile", "-i"]);
    bash.envs([
        ("PATH", path.as_str()),
        ("TERM", "xterm"),
        ("LANG", "C.UTF-8"),
        ("PS1", "ready$ "),
    ]);
    let mut terminal = Terminal::start(&bash, 100, 24);
    terminal.until_shows("ready$");
    terminal.keys("source <(kanban completions bash); echo is-\"there\"\n");
    terminal.until_shows("is-there");
    terminal.keys("kanban show t_eeee\t");
    terminal.until_shows("kanban show t_eeee1234");
    // Two begin so: bash completes what they have in common, and lists them at the second tab.
    terminal.keys("\u{15}kanban show t_0007\t\t\t");
    terminal.until_shows("t_0007000e");
    terminal.until_shows("t_0007000f");
    terminal.keys("\u{15}exit\n");
    assert_eq!(terminal.end().0, Some(0));
}

#[test]
fn without_a_daemon_there_is_nothing_and_no_noise() {
    let location = Location::new();
    assert_eq!(offered(&location, &["show", "t_"]), [] as [&str; 0]);
    assert!(offered(&location, &["sho"]).iter().any(|line| line.starts_with("show\t")));
    // A server listens and never answers.
    std::fs::create_dir(location.home()).unwrap();
    let _silent =
        std::os::unix::net::UnixListener::bind(location.home().join("kanband.sock")).unwrap();
    let begun = Instant::now();
    assert_eq!(offered(&location, &["show", "t_"]), [] as [&str; 0]);
    assert!(begun.elapsed() < DEADLINE / 10, "the user does not wait");
}

#[test]
fn each_shell_gets_its_script_and_bash_offers_ids_with_it() {
    let board = Board::quiet();
    let id = board.create("t", &[]);
    for (shell, word) in [("zsh", "compdef"), ("fish", "complete "), ("bash", "complete ")] {
        let script = board.say(["completions", shell]).ok();
        assert!(script.contains(word) && script.contains("KANBAN_COMPLETE"), "{script}");
    }
    let programs = support::programs::kanban().parent().unwrap().display().to_string();
    let typed = "source <(kanban completions bash); COMP_WORDS=(kanban show t_); COMP_CWORD=2; COMP_TYPE=9; \
         _clap_complete_kanban kanban t_ show; echo \"${COMPREPLY[@]}\"";
    let answer = Command::new("bash")
        .args(["-c", typed])
        .env_clear()
        .env("PATH", format!("{programs}:/usr/bin:/bin"))
        .env("HOME", board.path(""))
        .env("KANBAN_HOME", board.home())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(answer.stdout).unwrap().trim(), id, "{:?}", answer.stderr);
}
