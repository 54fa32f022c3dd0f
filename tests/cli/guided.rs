//! `init` on a terminal: it finds agents, writes their profiles, starts a daemon, checks, and creates a first task.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use serde_json::{Value, json};

use crate::background::Background;
use crate::harness::{DEADLINE, Location, until};

/// A call on a terminal, with a person who types.
struct Dialogue {
    child: Child,
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    shown: String,
    /// How much of it was looked at.
    seen: usize,
}

impl Dialogue {
    fn begin(mut command: Command) -> Self {
        let size = nix::pty::Winsize { ws_row: 24, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = nix::pty::openpty(Some(&size), None).unwrap();
        let terminal = || Stdio::from(pty.slave.try_clone().unwrap());
        command.stdin(terminal()).stdout(terminal()).stderr(terminal());
        let child = command.spawn().unwrap();
        // Its copies of the terminal.
        drop(command);
        drop(pty.slave);
        let keyboard = File::from(pty.master.try_clone().unwrap());
        let (send, screen) = channel();
        std::thread::spawn(move || {
            let mut master = File::from(pty.master);
            let mut bytes = [0; 4096];
            while let Ok(length) = master.read(&mut bytes) {
                if length == 0 || send.send(bytes[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, keyboard, screen, shown: String::new(), seen: 0 }
    }

    /// Waits until `text` is shown behind what was waited for before.
    fn until(&mut self, text: &str) {
        loop {
            if let Some(at) = self.shown[self.seen..].find(text) {
                self.seen += at + text.len();
                return;
            }
            let more = self.screen.recv_timeout(DEADLINE);
            let more = more.unwrap_or_else(|_| panic!("{text:?} is not shown: {}", self.shown));
            self.shown.push_str(&String::from_utf8_lossy(&more).replace('\r', ""));
        }
    }

    fn answer(&mut self, question: &str, answer: &str) {
        self.until(question);
        self.keyboard.write_all(answer.as_bytes()).unwrap();
    }

    /// Its exit code, and all that was shown.
    fn end(mut self) -> (i32, String) {
        let ended = until("the call to end", || self.child.try_wait().unwrap());
        while let Ok(more) = self.screen.recv_timeout(DEADLINE) {
            self.shown.push_str(&String::from_utf8_lossy(&more).replace('\r', ""));
        }
        (ended.code().unwrap(), self.shown)
    }
}

/// A location with three agents: one that does its task, one that only has a version, one that lacks its entry of `kanban mcp`.
fn with_agents() -> Location {
    let location = Location::new();
    let folder = location.path("agents");
    std::fs::create_dir(&folder).unwrap();
    for (name, work) in [
        ("claude", "kanban complete \"$KANBAN_TASK\" --summary 'hello from claude'"),
        ("codex", "exit 1"),
        ("gemini", "exit 1"),
    ] {
        let program = folder.join(name);
        let script =
            format!("#!/bin/sh\n[ \"$1\" = --version ] && {{ echo {name} 9.9; exit; }}\n{work}\n");
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    location
}

fn search_path(location: &Location) -> String {
    format!("{}:/usr/bin:/bin", location.path("agents").display())
}

fn init(location: &Location, arguments: &[&str]) -> Command {
    let mut command = location.command(["init"].iter().chain(arguments));
    command.env("PATH", search_path(location));
    command
}

fn profile(location: &Location, name: &str) -> Option<String> {
    std::fs::read_to_string(location.home().join(format!("conf.d/profile-{name}.toml"))).ok()
}

#[test]
fn a_person_gets_from_three_agents_to_a_first_task_that_is_done() {
    let location = with_agents();
    let daemon = Background::of(&location);
    let mut dialogue = Dialogue::begin(init(&location, &[]));
    dialogue.until("Agents that were found here:");
    for (at, name) in ["claude", "codex", "gemini"].iter().enumerate() {
        let program = location.path("agents").join(name);
        dialogue.until(&format!("  {}  {name:<6}  {}\n", at + 1, program.display()));
        dialogue.until(&format!("runs: {name} "));
    }
    dialogue.answer("Numbers, all, none [all]: ", "4\n");
    dialogue.until("4: not a number from 1 to 3");
    dialogue.answer("Numbers, all, none [all]: ", "1-2\n");
    dialogue.until("profile-claude.toml");
    dialogue.until("profile-codex.toml");
    dialogue.until("Start the daemon:");
    dialogue.until("(kanband -d)");
    dialogue.answer("Which? [1]: ", "\n");
    dialogue.until("kanband runs in the background");
    // `profiles check` of each.
    dialogue.until("(claude 9.9)");
    dialogue.until("(codex 9.9)");
    dialogue.answer("A first task for claude, in one line (nothing: none): ", "Say hello\n");
    dialogue.until("Created t_");
    let id = format!("t_{}", &dialogue.shown[dialogue.seen..][..8]);
    let (code, shown) = dialogue.end();
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("The daemon is running. Next:"), "{shown}");
    let text = profile(&location, "claude").unwrap();
    let path = search_path(&location);
    let expected =
        format!("[profiles.claude]\nlauncher = \"claude\"\nenv = {{ PATH = \"{path}\" }}\n");
    assert!(text.ends_with(&expected), "{text}");
    assert!(profile(&location, "codex").is_some() && profile(&location, "gemini").is_none());
    assert!(daemon.pid().is_some());
    location.say(["wait", &id]).ok();
    let runs: Value = location.say(["runs", &id, "--json"]).json();
    assert_eq!(runs[0]["summary"], "hello from claude", "{runs}");
}

#[test]
fn with_yes_it_takes_the_defaults_and_a_second_time_there_is_nothing_to_do() {
    let location = with_agents();
    let daemon = Background::of(&location);
    let init = |arguments: &[&str]| {
        let output = init(&location, arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let shown: Value = serde_json::from_str(&init(&["--yes", "--json"])).unwrap();
    assert_eq!(shown["profiles"], json!(["claude", "codex", "gemini"]));
    assert_eq!(shown["daemon_running"], true);
    let pid = daemon.pid();
    assert!(pid.is_some());
    // What is missing is named, and does not fail it.
    let check = location.say(["profiles", "check", "gemini"]);
    assert!(check.code == 1 && check.out.contains("no MCP server `kanban`"), "{check:?}");
    let before = profile(&location, "claude").unwrap();
    let again = init(&["--yes"]);
    assert!(again.contains("(has a profile)") && !again.contains("Wrote "), "{again}");
    assert!(again.contains("The daemon is running. Next:"), "{again}");
    assert_eq!((profile(&location, "claude").unwrap(), daemon.pid()), (before, pid));
    assert_eq!(location.say(["list", "--json"]).json(), json!([]), "a task nobody asked for");
}

#[test]
fn the_end_of_the_input_is_no_answer_and_nothing_is_written() {
    let location = with_agents();
    let mut dialogue = Dialogue::begin(init(&location, &[]));
    dialogue.answer("Numbers, all, none [all]: ", "\u{4}");
    dialogue.answer("Which? [1]: ", "\u{4}");
    let (code, shown) = dialogue.end();
    assert_eq!(code, 0, "{shown}");
    assert!(profile(&location, "claude").is_none(), "{shown}");
    assert_eq!(Background::of(&location).pid(), None);
}

#[test]
fn lines_that_were_pasted_behind_it_are_no_answers() {
    let location = with_agents();
    let mut shell = location.command_of("sh");
    // It is not read before the line behind it is there.
    shell.args([
        "-c",
        "read first && read ready && \"$0\" init && read rest && echo \"the shell has $rest\"",
    ]);
    shell.arg(support::programs::kanban()).env("PATH", search_path(&location));
    let mut dialogue = Dialogue::begin(shell);
    dialogue.keyboard.write_all(b"first\nready\nthe rest\n").unwrap();
    dialogue.until("the shell has the rest");
    let (code, shown) = dialogue.end();
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("kanban init --yes") && !shown.contains("Which?"), "{shown}");
    assert!(profile(&location, "claude").is_none());
}

#[test]
fn without_a_terminal_it_ends_with_commands_that_work_here() {
    let location = with_agents();
    let daemon = Background::of(&location);
    let output = init(&location, &[]).output().unwrap();
    let message = String::from_utf8(output.stdout).unwrap();
    let command = |mark: &str| {
        let line = message.lines().find(|line| line.contains(mark)).unwrap();
        line.split("  # ").next().unwrap().trim().to_owned()
    };
    let commands = [command("init --yes"), command("kanban create"), command("kanban status")];
    for command in &commands {
        let mut shell = location.command_of("sh");
        let ran = shell.args(["-c", command]).env("PATH", search_path(&location)).output().unwrap();
        assert!(ran.status.success(), "{command}: {ran:?}");
    }
    assert!(daemon.pid().is_some() && commands[1].contains("--assignee claude"), "{commands:?}");
    location.say(["wait", "@last"]).ok();
}
