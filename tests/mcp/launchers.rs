//! The presets of launchers with a program of each name on the PATH: what it is started with, and that it reaches the board's
//! tools the way that program would.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::harness::Board;

/// Programs of these names, which write down how they are started; a home for them.
struct Agents {
    dir: tempfile::TempDir,
}

/// How a worker was started, as it saw it.
struct Facts {
    argv: Vec<String>,
    env: BTreeMap<String, String>,
    cwd: String,
    stdin: String,
}

const HERMES_ENTRY: &str = include_str!("../../integrations/hermes/config.yaml");
const GEMINI_ENTRY: &str = include_str!("../../integrations/gemini/settings.json");

impl Agents {
    fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("kba").tempdir().unwrap();
        let agents = Self { dir };
        for folder in ["bin", "facts", "home/.gemini", "home/.hermes"] {
            std::fs::create_dir_all(agents.path(folder)).unwrap();
        }
        for name in ["claude", "codex", "gemini", "hermes", "opencode"] {
            let path = agents.path("bin").join(name);
            std::fs::write(&path, include_str!("fake_agent.sh")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        std::fs::write(agents.path("home/.hermes/config.yaml"), HERMES_ENTRY).unwrap();
        std::fs::write(agents.path("home/.gemini/settings.json"), GEMINI_ENTRY).unwrap();
        agents
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A board with a profile `p` of this launcher, whose first runs are silent.
    fn board(&self, launcher: &str, silent: u32) -> Board {
        let (bin, facts, home) = (self.path("bin"), self.path("facts"), self.path("home"));
        Board::with(&format!(
            "[dispatch]\nenabled = false\n[profiles.p]\nlauncher = \"{launcher}\"\n\
             env = {{ PATH = \"{}:/usr/bin:/bin\", FACTS = \"{}\", HOME = \"{}\", SILENT = \"{silent}\" }}\n",
            bin.display(),
            facts.display(),
            home.display()
        ))
    }

    fn facts(&self, run: i64) -> Facts {
        let read = |name: &str| {
            std::fs::read_to_string(self.path("facts").join(run.to_string()).join(name)).unwrap()
        };
        let pair = |line: &str| {
            let (name, value) = line.split_once('=')?;
            Some((name.to_owned(), value.to_owned()))
        };
        Facts {
            argv: read("argv").split_terminator('\0').map(str::to_owned).collect(),
            env: read("env").lines().filter_map(pair).collect(),
            cwd: read("cwd").trim_end().to_owned(),
            stdin: read("stdin"),
        }
    }
}

/// Starts the task once and returns when the run is over with all its processes.
fn run_once(board: &Board, id: &str) {
    board.dispatch();
    crate::harness::until("the run to be over", || {
        let runs = board.runs(id);
        runs.iter().all(|run| !run["closed_at"].is_null()).then_some(())
    });
}

fn socket(board: &Board) -> String {
    board.home().join("kanband.sock.worker").to_str().unwrap().to_owned()
}

fn outcomes(board: &Board, id: &str) -> Vec<String> {
    board.runs(id).iter().map(|run| run["outcome"].as_str().unwrap().to_owned()).collect()
}

/// The arguments behind the program, with what differs from run to run named.
fn shown(facts: &Facts, run: &Value, guidance: &str) -> Vec<String> {
    let session = run["session"].as_str().unwrap_or("\0");
    let name = |argument: &String| match argument.as_str() {
        argument if argument == session => "SESSION".to_owned(),
        argument => argument.replace(guidance, "GUIDANCE"),
    };
    facts.argv.iter().map(name).collect()
}

/// What the preset starts for a task with a model, two extra arguments and, where it takes one, an effort.
fn expected(launcher: &str, said: &str, board: &Board) -> Vec<String> {
    let (kanban, socket) = (support::programs::kanban().display().to_string(), socket(board));
    let claude = format!(
        r#"{{"mcpServers":{{"kanban":{{"type":"stdio","command":"{kanban}","args":["mcp","--socket","{socket}"]}}}}}}"#
    );
    let codex = format!(
        r#"mcp_servers.kanban={{command="{kanban}",args=["mcp","--socket","{socket}"],default_tools_approval_mode="approve",required=true}}"#
    );
    let with_rules = format!("GUIDANCE\n\n{said}");
    let parts: [&[&str]; 3] = match launcher {
        "claude" => [
            &[
                "-p",
                said,
                "--session-id",
                "SESSION",
                "--mcp-config",
                &claude,
                "--append-system-prompt",
                "GUIDANCE",
            ],
            &["--allowedTools", "mcp__kanban", "--permission-mode", "acceptEdits", "--model", "M"],
            &["--effort", "high", "--one", "two"],
        ],
        "codex" => [
            &[
                "exec",
                "-c",
                &codex,
                "--skip-git-repo-check",
                "--sandbox",
                "workspace-write",
                "--model",
                "M",
            ],
            &["-c", "model_reasoning_effort=high"],
            &["--one", "two", &with_rules],
        ],
        "gemini" => [
            &[
                "-p",
                &with_rules,
                "--session-id",
                "SESSION",
                "--skip-trust",
                "--approval-mode",
                "auto_edit",
            ],
            &["--model", "M"],
            &["--one", "two"],
        ],
        "hermes" => [
            &["-p", "p", "--skills", "kanban-worker"],
            &["chat", "-m", "M", "--one", "two"],
            &["-q", said],
        ],
        _ => [&["run", "--model", "M"], &["--variant", "high"], &["--one", "two", said]],
    };
    parts.concat().into_iter().map(str::to_owned).collect()
}

#[test]
fn a_worker_of_each_preset_is_started_as_its_program_wants_it_and_completes_through_its_tools() {
    let guidance = Agents::new().board("claude", 0).say(["guidance"]).ok();
    let guidance = guidance.trim_end_matches('\n').to_owned() + "\n";
    for launcher in ["claude", "codex", "gemini", "hermes", "opencode"] {
        let agents = Agents::new();
        let board = agents.board(launcher, 0);
        let mut asked = vec!["--assignee", "p", "--model", "M", "--arg", "--one", "--arg", "two"];
        if !matches!(launcher, "gemini" | "hermes") {
            asked.extend(["--effort", "high"]);
        }
        let id = board.create("Write the page", &asked);
        run_once(&board, &id);
        let run = board.runs(&id).pop().unwrap();
        let log = board.say(["log", &id]).out;
        assert_eq!(run["outcome"], "completed", "{launcher}: {run:#}\n{log}");
        assert_eq!(run["summary"], format!("by {launcher}"), "{log}");
        let facts = agents.facts(run["id"].as_i64().unwrap());
        let said = format!("work kanban task {id}");
        let expected = expected(launcher, &said, &board);
        assert_eq!(shown(&facts, &run, &guidance), expected, "{launcher}");
        assert_eq!((&run["model"], &run["args"]), (&json!("M"), &json!(["--one", "two"])));
        assert_eq!(run["argv"][0], launcher);

        assert_eq!(facts.cwd, run["workspace_path"].as_str().unwrap(), "{launcher}");
        assert_eq!(facts.stdin, "", "{launcher}");
        assert_eq!(facts.env["KANBAN_TASK"], id, "{launcher}");
        assert_eq!(facts.env["KANBAN_SOCKET"], socket(&board), "{launcher}");
        let has_hermes_tools = facts.env.contains_key("HERMES_KANBAN_TASK");
        assert_eq!(has_hermes_tools, launcher != "hermes", "{launcher}");
        let has_config = facts.env.contains_key("OPENCODE_CONFIG_CONTENT");
        assert_eq!(has_config, launcher == "opencode", "{launcher}");
    }
}

#[test]
fn skills_are_arguments_for_hermes_and_files_for_the_others() {
    let agents = Agents::new();
    let board = agents.board("opencode", 0);
    std::fs::create_dir_all(board.home().join("skills/git")).unwrap();
    std::fs::write(board.home().join("skills/git/SKILL.md"), "commit often").unwrap();
    let skills = ["--skill", "git", "--skill", "kanban-worker", "--skill", "nowhere"];
    let asked = [["--assignee", "p"].as_slice(), &skills].concat();
    let id = board.create("t", &asked);
    run_once(&board, &id);
    let run = board.runs(&id).pop().unwrap();
    let said = agents.facts(run["id"].as_i64().unwrap()).argv.pop().unwrap();
    let home = board.home();
    for (name, file) in [("git", "skills/git"), ("kanban-worker", "share/skills/kanban-worker")] {
        let path = home.join(file).join("SKILL.md");
        assert!(said.contains(&format!("\n- {name}: {}", path.display())), "{said}");
        assert!(path.is_file());
    }
    assert!(said.contains("\n- nowhere: load it by its name if you have it"), "{said}");

    let agents = Agents::new();
    let board = agents.board("hermes", 0);
    let id = board.create("t", &asked);
    run_once(&board, &id);
    let run = board.runs(&id).pop().unwrap();
    let argv = agents.facts(run["id"].as_i64().unwrap()).argv;
    let expected = [
        "-p",
        "p",
        "--skills",
        "kanban-worker",
        "--skills",
        "git",
        "--skills",
        "nowhere",
        "chat",
        "-q",
    ];
    assert_eq!(argv[..argv.len() - 1], expected);
}

#[test]
fn a_worker_that_ends_without_a_word_is_reminded_in_its_own_session() {
    for (launcher, resume) in [("claude", "--resume"), ("codex", "resume"), ("gemini", "--resume")]
    {
        let agents = Agents::new();
        let board = agents.board(launcher, 1);
        let id = board.create("t", &["--assignee", "p", "--model", "M"]);
        run_once(&board, &id);
        let first = board.runs(&id).pop().unwrap();
        assert_eq!(first["outcome"], "protocol_violation", "{launcher}");
        let task = board.task(&id);
        assert_eq!(
            (&task["status"], &task["resume_run_id"]),
            (&json!("ready"), &first["id"]),
            "{launcher}"
        );
        assert_eq!((&task["protocol_violations"], &task["not_before"]), (&json!(0), &Value::Null));

        run_once(&board, &id);
        assert_eq!(outcomes(&board, &id), ["protocol_violation", "completed"], "{launcher}");
        let second = board.runs(&id).pop().unwrap();
        assert_eq!(second["resumed_run_id"], first["id"], "{launcher}");
        assert_eq!(second["session"], first["session"], "{launcher}");
        let message = board.say(["runs", &id]).ok();
        assert!(message.contains(&format!("↻ in the session of run {}", first["id"])), "{message}");
        let facts = agents.facts(second["id"].as_i64().unwrap());
        let session = first["session"].as_str().unwrap().to_owned();
        let at = facts.argv.iter().position(|argument| argument == resume).unwrap();
        assert_eq!(facts.argv[at + 1], session, "{launcher}: {:?}", facts.argv);
        let reminder =
            facts.argv.iter().find(|argument| argument.contains("without a verdict")).unwrap();
        assert!(reminder.contains(&id) && reminder.contains("kanban_complete"), "{reminder}");
        assert!(
            facts.argv.iter().any(|argument| argument == "M"),
            "the same model: {:?}",
            facts.argv
        );
        assert_eq!(board.task(&id)["resume_run_id"], Value::Null);
    }
}

#[test]
fn after_one_reminder_comes_one_new_attempt_and_then_a_person() {
    let agents = Agents::new();
    let board = agents.board("claude", 99);
    let id = board.create("t", &["--assignee", "p"]);
    for _ in 0..3 {
        run_once(&board, &id);
    }
    assert_eq!(outcomes(&board, &id), ["protocol_violation", "protocol_violation", "gave_up"]);
    let runs = board.runs(&id);
    let resumed: Vec<&Value> = runs.iter().map(|run| &run["resumed_run_id"]).collect();
    assert_eq!(resumed, [&Value::Null, &runs[0]["id"], &Value::Null]);
    assert_ne!(runs[2]["session"], runs[0]["session"]);
    assert_eq!(runs[2]["cause"], "protocol_violation");
    assert_eq!(board.status(&id), "blocked");
    let warned = agents.facts(runs[2]["id"].as_i64().unwrap()).argv;
    assert!(warned[1].contains("The previous attempt ended without"), "{warned:?}");
    let events = board.say(["show", &id, "--json"]).json()["events"].as_array().unwrap().clone();
    let next: Vec<&Value> = events
        .iter()
        .filter(|event| event["kind"] == "protocol_violation")
        .map(|event| &event["payload"]["next"])
        .collect();
    assert_eq!(next, ["resume", "retry", "blocked"]);
}

/// Hands the task in and sends it back.
fn send_back(board: &Board, id: &str) {
    run_once(board, id);
    assert_eq!(board.status(id), "review");
    board.say(["request-changes", id, "test the limit\nand name it"]).ok();
    assert_eq!(board.status(id), "ready");
    run_once(board, id);
}

#[test]
fn work_that_is_sent_back_goes_on_in_its_own_session_with_the_request_first() {
    for (launcher, resume) in [("claude", "--resume"), ("codex", "resume"), ("gemini", "--resume")]
    {
        let agents = Agents::new();
        let board = agents.board(launcher, 0);
        let id = board.create("t", &["--assignee", "p", "--model", "M", "--review", "human"]);
        send_back(&board, &id);
        let runs: Vec<Value> =
            board.runs(&id).into_iter().filter(|run| run["role"] == "work").collect();
        assert_eq!(runs[1]["resumed_run_id"], runs[0]["id"], "{launcher}");
        assert_eq!(runs[1]["session"], runs[0]["session"], "{launcher}");
        let argv = agents.facts(runs[1]["id"].as_i64().unwrap()).argv;
        let at = argv.iter().position(|argument| argument == resume).unwrap();
        assert_eq!(argv[at + 1], runs[0]["session"].as_str().unwrap(), "{launcher}: {argv:?}");
        let begins = format!(
            "Your work on kanban task {id} was reviewed and sent back. The reviewer asks for these \
             changes:\n\n> test the limit\n> and name it\n\n"
        );
        // Where a preset has no other way for the rules, they stand before it.
        let prompt = argv.iter().find(|argument| argument.contains(&begins));
        let prompt = prompt.unwrap_or_else(|| panic!("{launcher}: {argv:?}"));
        assert!(!prompt.contains("work kanban task"), "{launcher}: {prompt}");
        assert!(launcher != "claude" || prompt.starts_with(&begins), "{prompt}");
        assert!(argv.iter().any(|argument| argument == "M"), "the same model: {argv:?}");
        assert_eq!((board.status(&id).as_str(), runs.len()), ("review", 2), "{launcher}");
    }
}

#[test]
fn work_that_is_sent_back_begins_anew_where_there_are_no_sessions_and_its_context_says_why() {
    let agents = Agents::new();
    let board = agents.board("opencode", 0);
    let id = board.create("t", &["--assignee", "p", "--review", "human"]);
    send_back(&board, &id);
    let run = board.runs(&id).pop().unwrap();
    assert_eq!(run["resumed_run_id"], Value::Null);
    let facts = agents.facts(run["id"].as_i64().unwrap());
    assert_eq!(facts.argv.last().unwrap(), &format!("work kanban task {id}"));
    let said =
        std::fs::read_to_string(agents.path("facts").join(run["id"].to_string()).join("said"));
    // The context is a text in the JSON of a tool, which is a text in JSON.
    let first = r"Make these changes first:\\n\\n> test the limit";
    let said = said.unwrap();
    assert!(said.contains(first), "its context begins with the request: {said}");
}

#[test]
fn a_reviewer_is_started_with_what_its_profile_gives_and_not_with_what_the_worker_is_asked_for() {
    let agents = Agents::new();
    let (bin, facts, home) = (agents.path("bin"), agents.path("facts"), agents.path("home"));
    let env = format!(
        "env = {{ PATH = \"{}:/usr/bin:/bin\", FACTS = \"{}\", HOME = \"{}\" }}",
        bin.display(),
        facts.display(),
        home.display()
    );
    let board = Board::with(&format!(
        "[dispatch]\nenabled = false\n[profiles.p]\nlauncher = \"opencode\"\nreview = \"q\"\n{env}\n\
         [profiles.q]\nlauncher = \"claude\"\nmodel = \"Q\"\neffort = \"low\"\nargs = [\"--of-reviewer\"]\n{env}\n"
    ));
    let asked = [
        "--assignee",
        "p",
        "--model",
        "M",
        "--effort",
        "high",
        "--arg",
        "--of-worker",
        "--skill",
        "git",
    ];
    let id = board.create("t", &asked);
    run_once(&board, &id);
    assert_eq!(board.status(&id), "review");
    run_once(&board, &id);
    let run = board.runs(&id).pop().unwrap();
    assert_eq!((&run["role"], &run["profile"]), (&json!("review"), &json!("q")));
    assert_eq!(
        (&run["model"], &run["effort"], &run["args"]),
        (&json!("Q"), &json!("low"), &json!(["--of-reviewer"]))
    );
    let argv = agents.facts(run["id"].as_i64().unwrap()).argv;
    let behind = argv.iter().position(|argument| argument == "--model").unwrap();
    assert_eq!(argv[behind..], ["--model", "Q", "--effort", "low", "--of-reviewer"]);
    assert!(!argv.iter().any(|argument| argument.contains("git") || argument == "--of-worker"));
    let guidance = board.say(["guidance", "--review"]).ok();
    assert!(argv.iter().any(|argument| argument.trim_end() == guidance.trim_end()), "{argv:?}");
}

#[test]
fn a_program_without_sessions_gets_one_new_attempt_that_is_told_why() {
    let agents = Agents::new();
    let board = agents.board("opencode", 99);
    let id = board.create("t", &["--assignee", "p"]);
    run_once(&board, &id);
    run_once(&board, &id);
    assert_eq!(outcomes(&board, &id), ["protocol_violation", "gave_up"]);
    let runs = board.runs(&id);
    assert!(runs.iter().all(|run| run["session"].is_null() && run["resumed_run_id"].is_null()));
    let said = agents.facts(runs[1]["id"].as_i64().unwrap()).argv.pop().unwrap();
    assert!(said.contains("The previous attempt ended without"), "{said}");
}

#[test]
fn a_new_assignee_does_not_go_on_with_the_session_of_the_one_before() {
    let agents = Agents::new();
    let board = agents.board("claude", 1);
    let id = board.create("t", &["--assignee", "p"]);
    run_once(&board, &id);
    board.say(["assign", &id, "none"]).ok();
    board.say(["assign", &id, "p"]).ok();
    run_once(&board, &id);
    let second = board.runs(&id).pop().unwrap();
    assert_eq!(
        (&second["outcome"], &second["resumed_run_id"]),
        (&json!("completed"), &Value::Null)
    );
}

#[test]
fn what_a_launcher_has_no_place_for_is_refused_by_name() {
    let agents = Agents::new();
    let board = agents.board("hermes", 0);
    let message = board.say(["create", "t", "--assignee", "p", "--effort", "high"]).failed(1);
    assert!(message.contains("does not support effort") && message.contains("hermes"), "{message}");
    assert!(message.contains("kanban profiles check p"), "{message}");
    let id = board.create("t", &["--assignee", "p", "--model", "M", "--arg=--one"]);
    assert!(
        board.say(["edit", &id, "--effort", "high"]).failed(1).contains("does not support effort")
    );
    let edited = board.say(["edit", &id, "--model", "N", "--no-args", "--json"]).json();
    assert_eq!((&edited["model"], &edited["args"]), (&json!("N"), &json!([])));
    assert_eq!(edited["changed"], json!(["model", "args"]));
    let shown = board.say(["show", &id]).ok();
    assert!(shown.lines().any(|line| line.trim() == "model:     N"), "{shown}");
    board.say(["edit", &id, "--model", ""]).ok();
    assert_eq!(board.task(&id)["model"], Value::Null);
    assert!(
        board.say(["create", "t", "--model=-x"]).failed(1).contains("cannot begin with a dash")
    );

    let board = Board::with_workers(&[("dev", "exec sleep 600")]);
    let message = board.say(["create", "t", "--assignee", "dev", "--model", "M"]).failed(1);
    assert!(message.contains("does not support model"), "{message}");
    // Nobody is assigned yet: nothing can be said about it.
    let id = board.create("t", &["--model", "M"]);
    board.say(["assign", &id, "dev"]).ok();
    board.dispatch();
    let run = crate::harness::until("the start to fail", || {
        board.runs(&id).pop().filter(|run| !run["closed_at"].is_null())
    });
    assert_eq!(run["outcome"], "spawn_failed");
    assert!(run["error"].as_str().unwrap().contains("the task sets model"), "{run}");
}

#[test]
fn a_worker_gives_no_other_agent_extra_arguments() {
    let board = Board::with_workers(&[(
        "dev",
        "kanban create sub --assignee dev --arg=--dangerous 2>&1; kanban create sub --assignee dev >/dev/null; exec sleep 600",
    )]);
    let id = board.create("t", &["--assignee", "dev"]);
    board.dispatch();
    crate::harness::until("the second task", || {
        (board.say(["list", "--json"]).json().as_array().unwrap().len() == 2).then_some(())
    });
    let log = board.say(["log", &id]).out;
    assert!(log.contains("may not give an agent extra arguments"), "{log}");
}

#[test]
fn a_check_of_a_profile_says_what_is_there_and_what_is_missing_and_starts_nothing() {
    let agents = Agents::new();
    let board = agents.board("claude", 0);
    let message = board.say(["profiles", "check", "p"]).ok();
    let program = agents.path("bin/claude");
    assert!(message.contains(&format!("{}  (claude 9.9.9)", program.display())), "{message}");
    for phrase in ["the task's workspace", "takes:    model, effort, args", "FACTS", "one reminder"]
    {
        assert!(message.contains(phrase), "{phrase}: {message}");
    }
    let found = board.say(["profiles", "check", "p", "--json"]).json();
    assert_eq!(found[0]["version"], "claude 9.9.9");
    assert_eq!((&found[0]["problems"], &found[0]["argv"][0]), (&json!([]), &json!("claude")));
    assert!(
        std::fs::read_dir(agents.path("facts")).unwrap().next().is_none(),
        "something was started"
    );

    std::fs::remove_file(&program).unwrap();
    let said = board.say(["profiles", "check"]);
    assert_eq!(said.code, 1);
    assert!(said.out.contains("problem: program `claude` not found"), "{said:?}");

    // Every assignee has a launcher that would start it.
    let said = board.say(["profiles", "check", "nobody"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.starts_with("nobody  (launcher hermes)"), "{said:?}");
}

#[test]
fn a_missing_entry_of_the_tools_is_told_by_the_check_and_by_doctor() {
    let agents = Agents::new();
    for launcher in ["hermes", "gemini"] {
        let board = agents.board(launcher, 0);
        let home = agents.path("home");
        let as_worker = [("HOME", home.to_str().unwrap())];
        let message = board.say_with(&as_worker, &["profiles", "check", "p"]).ok();
        assert!(message.contains("tools:    entered in "), "{message}");
        assert!(!board.say_with(&as_worker, &["doctor"]).out.contains("no MCP server"));
        let said = board.say(["profiles", "check", "p"]);
        assert_eq!(said.code, 1);
        assert!(said.out.contains("problem: no MCP server `kanban` in "), "{said:?}");
        assert!(said.out.contains(&format!("integrations/{launcher}")), "{said:?}");
        assert!(board.say(["doctor"]).out.contains("no MCP server `kanban`"));
    }
}
