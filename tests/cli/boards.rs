//! `boards`, `profiles`, `assignees`, `notify-…`, `gc`, `doctor`: what the operator looks at.

use std::os::unix::fs::MetadataExt as _;

use serde_json::{Value, json};
use support::skip;

use crate::harness::{Board, keys, quiet, until};

#[test]
fn boards_are_made_once_and_keep_their_tasks_apart() {
    let board = Board::quiet();
    let message = board.say(["boards", "create", "shop", "--description", "the web shop"]).ok();
    assert_eq!(message, "Created board shop\n");
    assert_eq!(board.say(["boards", "create", "shop"]).ok(), "Board already exists: shop\n");
    assert_eq!(board.say(["boards"]).ok(), "default\nshop     the web shop\n");
    let listed = board.say(["boards", "list", "--json"]).json();
    assert_eq!(keys(&listed[1]), ["created_at", "description", "name"]);
    let here = board.create("here", &[]);
    let there = board.create("there", &["--board", "shop"]);
    let ids = |arguments: &[&str]| -> Vec<String> {
        let tasks = board.say(["list", "--json"].iter().chain(arguments)).json();
        let id = |task: &Value| task["id"].as_str().unwrap().to_owned();
        tasks.as_array().unwrap().iter().map(id).collect()
    };
    assert_eq!(ids(&[]), [here.as_str()]);
    assert_eq!(ids(&["--board", "shop"]), [there.as_str()]);
    let said = board.say_with(&[("KANBAN_BOARD", "shop")], &["list"]);
    assert!(said.ok().contains(&there));
    let message = board.say(["archive", &here, "--board", "shop"]).failed(1);
    assert!(message.contains("is not on board shop"), "{message}");
}

#[test]
fn profiles_show_what_would_run_and_what_stops_it() {
    let board = Board::with(
        "[dispatch]\nenabled = false\n[profiles.dev]\nargv = [\"/bin/sh\", \"-c\", \"true\"]\nmax_running = 2\n",
    );
    let message = board.say(["profiles"]).ok();
    let mut lines = message.lines();
    assert_eq!(lines.next(), Some("NAME  LAUNCHER  VERDICT  MAX  COMMAND"));
    let row = lines.next().unwrap();
    assert!(row.starts_with("dev   ") && row.ends_with("2    /bin/sh -c true"), "{message}");
    board.say(["profiles", "check"]).ok();
    let broken =
        Board::with("[dispatch]\nenabled = false\n[profiles.dev]\nargv = [\"/nowhere/x\"]\n");
    let said = broken.say(["profiles", "check"]);
    assert_eq!(said.code, 1);
    assert!(said.out.contains("  problem: program `/nowhere/x` not found"), "{said:?}");
    assert_eq!(broken.say(["profiles", "--json"]).json()[0]["name"], "dev");
    let doctor = broken.say(["doctor"]);
    assert_eq!((doctor.code, doctor.err.as_str()), (1, ""));
    let failed = doctor.out.lines().position(|line| line.starts_with("FAIL  profile dev"));
    let fix = doctor.out.lines().nth(failed.unwrap() + 1).unwrap();
    assert!(fix.contains("fix: install it, or correct [profiles.dev]"), "{doctor:?}");
}

#[test]
fn a_program_that_no_new_privs_makes_useless_is_named_in_one_line_of_the_check() {
    let warned = |settings: &str| {
        let board = Board::with(&format!(
            "[dispatch]\nenabled = false\n[profiles.dev]\nargv = [\"/bin/sh\", \"-c\", \"sudo true; su - dev\"]\n{settings}"
        ));
        let checked = board.say(["profiles", "check", "dev"]).ok();
        let lines = checked.lines().filter(|line| line.contains("  warning: "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(warned("no_new_privs = false\n"), Vec::<String>::new());
    let lines = warned("no_new_privs = true\n");
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    assert!(line.contains("sudo, su get no rights"), "{line}");
    assert!(line.contains("`profiles.dev.no_new_privs = false`"), "{line}");
}

#[test]
fn assignees_are_everybody_with_a_profile_or_a_task() {
    let board = Board::with(
        "[dispatch]\nenabled = false\n[profiles.dev]\nargv = [\"sh\"]\n[profiles.idle]\nargv = [\"sh\"]\n",
    );
    board.create("a", &["--assignee", "dev"]);
    let done = board.create("b", &["--assignee", "dev"]);
    board.say(["complete", &done]).ok();
    board.create("c", &["--assignee", "stranger"]);
    assert_eq!(
        board.say(["assignees"]).ok(),
        "NAME      ON DISK  COUNTS\n\
         dev       yes      done=1 ready=1\n\
         idle      yes      (idle)\n\
         stranger  no       ready=1\n"
    );
    let json = board.say(["assignees", "--json"]).json();
    assert_eq!(json[0]["counts"], json!({"done": 1, "ready": 1}));
    assert_eq!((&json[2]["name"], &json[2]["on_disk"]), (&json!("stranger"), &json!(false)));
    assert!(keys(&json[0]).contains(&"would_run"));
    let nobody = Board::quiet().say(["assignees"]).ok();
    assert!(nobody.starts_with("(no assignees: "), "{nobody}");
}

#[test]
fn people_are_assignees_for_whom_nothing_is_started() {
    let board = Board::with("[dispatch]\ndefault_launcher = \"auto\"\n[people.eve]\n");
    let me = board.say(["create", "mine", "--assignee", "root", "--json"]).json();
    assert_eq!(me["assignee"], "root", "tests run as root");
    board.create("hers", &["--assignee", "eve"]);
    assert_eq!(
        board.say(["assignees"]).ok(),
        "NAME  ON DISK  COUNTS\n\
         eve   no       ready=1  (person)\n\
         root  no       ready=1  (person)\n"
    );
    let mine = board.say(["list", "--mine", "--json"]).json();
    assert_eq!((mine.as_array().unwrap().len(), &mine[0]["title"]), (1, &json!("mine")));
    let inbox = board.say(["inbox", "--mine", "--json"]).json();
    let own: Vec<_> = inbox.as_array().unwrap().iter().map(|row| &row["kind"]).collect();
    assert_eq!(own, ["own"]);
    let hers = board.say(["inbox", "--json"]).json();
    assert_eq!(hers.as_array().unwrap().len(), 2);
    let command = inbox[0]["commands"][0].as_str().unwrap().strip_prefix("kanban ").unwrap();
    board.say(command.split(' ')).ok();
    assert_eq!(board.say(["inbox", "--mine", "--json"]).json(), json!([]));
}

#[test]
fn a_misspelt_assignee_is_warned_of_by_every_verb_that_assigns() {
    let board = Board::with(
        "[dispatch]\ndefault_launcher = \"auto\"\nenabled = false\n[profiles.counter]\nargv = [\"true\"]\n",
    );
    let warning = "no profile \"cuonter\" (did you mean counter?)";
    let first = board.create("t", &["--assignee", "cuonter"]);
    until("the look for an agent", || {
        let why = board.say(["why", &first, "--json"]).json();
        (why["reason"] == "unknown_profile").then_some(())
    });
    let made = board.say(["create", "t", "--assignee", "cuonter", "--json"]);
    assert!(made.err.contains(&format!("warning: {warning}")), "{made:?}");
    assert_eq!(made.json()["warnings"], json!([warning]));
    for words in [
        vec!["assign", &first, "cuonter"],
        vec!["edit", &first, "--assignee", "cuonter"],
        vec!["reassign", &first, "cuonter"],
    ] {
        let said = board.say(&words);
        assert!(said.err.contains(&format!("warning: {warning}")), "{words:?}: {said:?}");
        assert_eq!(said.code, 0);
    }
    let why = board.say(["why", &first]).ok();
    assert!(why.contains(&format!("kanban assign {first} counter")), "{why}");
}

#[test]
fn chats_are_subscribed_listed_and_unsubscribed() {
    let board = Board::quiet();
    let id = board.create("t", &[]);
    assert_eq!(board.say(["notify-list"]).ok(), "(no subscriptions)\n");
    let chat = ["--platform", "Telegram", "--chat-id", "-100", "--thread-id", "7"];
    let call = |verb: &'static str| [verb, &id].into_iter().chain(chat).collect::<Vec<_>>();
    let message = board.say(call("notify-subscribe")).ok();
    assert_eq!(message, format!("Subscribed telegram:-100:7 to {id}\n"));
    let again = board.say(call("notify-subscribe")).ok();
    assert_eq!(again, format!("Already subscribed: telegram:-100:7 to {id}\n"));
    let rows = board.say(["notify-list", &id, "--json"]).json();
    assert_eq!(
        keys(&rows[0]),
        [
            "board",
            "chat_id",
            "created_at",
            "kinds",
            "last_event_id",
            "level",
            "person",
            "platform",
            "task_id",
            "thread_id",
            "user_id"
        ]
    );
    let since = rows[0]["last_event_id"].as_i64().unwrap();
    let message = board.say(["notify-list"]).ok();
    assert_eq!(message, format!("  {id}  telegram:-100:7  (since event {since})\n"));
    board.say(["boards", "create", "shop"]).ok();
    assert_eq!(board.say(["notify-list", "--board", "shop"]).ok(), "(no subscriptions)\n");
    let message = board.say(call("notify-unsubscribe")).ok();
    assert_eq!(message, format!("Unsubscribed from {id}\n"));
    board.say(call("notify-unsubscribe")).failed(1);
}

#[test]
fn gc_removes_archived_tasks_whole_and_shows_it_first() {
    let board =
        Board::with_workers(&[("dev", "echo a line; kanban complete $KANBAN_TASK --summary s")]);
    let gone = board.create("gone", &["--assignee", "dev"]);
    let kept = board.create("kept", &[]);
    board.dispatch();
    board.say(["wait", &gone, "--closed"]).ok();
    board.say(["archive", &gone]).ok();
    let events = board.kinds(&gone).len();
    let none = board.say(["gc", "--older-than-days", "1"]).ok();
    let nothing = "0 task(s), 0 event row(s), 0 workspace(s), 0 log file(s), 0 attached file(s)";
    assert_eq!(none, format!("GC complete: {nothing} removed\n"));
    // It goes by whole seconds.
    let dry = ["gc", "--event-retention-days", "0", "--dry-run"];
    let what = format!(
        "1 task(s), {events} event row(s), 1 workspace(s), 1 log file(s), 0 attached file(s)"
    );
    until("a second to have passed", || {
        (board.say(dry).ok() == format!("GC would remove: {what}\n")).then_some(())
    });
    assert_eq!(board.status(&gone), "archived");
    assert_eq!(
        board.say(["gc", "--older-than-days", "0"]).ok(),
        format!("GC complete: {what} removed\n")
    );
    board.say(["show", &gone]).failed(1);
    assert_eq!(board.status(&kept), "ready");
    let json = board.say(["gc", "--older-than-days", "0", "--json"]).json();
    assert_eq!(
        keys(&json),
        ["attachments", "dry_run", "events", "kept", "logs", "tasks", "workspaces"]
    );
}

#[test]
fn a_sound_home_passes_the_doctor() {
    // Nothing is missing of what is asked for.
    let config = quiet().with("supervision.containment", "subreaper").with("web.listen", "off");
    let board = Board::with(&config.with_worker("dev", "report", "true"));
    let message = board.say(["doctor"]).ok();
    for name in ["daemon", "database", "dispatch", "disk"] {
        assert!(
            message.lines().any(|line| line.starts_with(&format!("ok    {name}"))),
            "{message}"
        );
    }
    let json = board.say(["doctor", "--json"]).json();
    assert_eq!(json["health"], "ok");
    assert_eq!(keys(&json["checks"][0]), ["health", "message", "name"]);
}

#[test]
fn a_board_gets_another_name_and_keeps_everything() {
    let mut board = Board::quiet();
    board.say(["boards", "create", "shop", "--description", "the web shop"]).ok();
    let id = board.create("t", &["--board", "shop"]);
    board
        .say(["schedules", "add", "nightly", "--cron", "@daily", "--title", "n", "--board", "shop"])
        .ok();
    assert_eq!(
        board.say(["boards", "rename", "shop", "store"]).ok(),
        "Renamed board shop to store\n"
    );
    assert_eq!(board.task(&id)["board"], "store");
    assert!(board.say(["list", "--board", "shop"]).failed(1).contains("unknown board"));
    assert!(board.say(["list", "--board", "store"]).ok().contains(&id));
    assert!(board.say(["schedules", "--board", "store"]).ok().contains("nightly"));
    let counted = |board: &Board| board.say(["stats", "--board", "store", "--json"]).json();
    let before = counted(&board);
    assert_eq!(
        board.say(["status", "--json"]).json()["boards"],
        json!({ "store": { "ready": 1 } })
    );
    board.kill();
    board.start();
    assert_eq!(counted(&board)["by_status"], before["by_status"]);
    let message = board.say(["boards", "rename", "default", "main"]).failed(1);
    assert!(message.contains("cannot rename board default"), "{message}");
    let message = board.say(["boards", "rename", "store", "No Such"]).failed(1);
    assert!(message.contains("1 to 64 lower-case letters"), "{message}");
}

#[test]
fn a_board_is_removed_when_it_is_empty_and_no_task_with_it() {
    let board = Board::quiet();
    board.say(["boards", "create", "shop"]).ok();
    let id = board.create("t", &["--board", "shop"]);
    let message = board.say(["boards", "rm", "shop"]).failed(1);
    assert!(message.contains("it has 1 task(s)") && message.contains("hint: archive"), "{message}");
    board.say(["archive", &id, "--board", "shop"]).ok();
    until("gc to remove the task", || {
        let gone = board.say(["gc", "--older-than-days", "0", "--json"]).json();
        (gone["tasks"] == 1).then_some(())
    });
    assert_eq!(board.say(["boards", "rm", "shop"]).ok(), "Removed board shop\n");
    assert_eq!(board.say(["boards"]).ok(), "default\n");
    board.say(["boards", "rm", "shop"]).failed(1);
    board.say(["boards", "rm", " "]).failed(1);
}

#[test]
fn a_profile_whose_own_user_is_missing_says_what_makes_it() {
    if !support::skip::is_root_or_skip("start workers of other users") {
        return;
    }
    let board = Board::with(
        "[dispatch]\nenabled = false\n[profiles.no-such-profile]\nargv = [\"true\"]\nuser = \"own\"\n",
    );
    let line = "user `kanban-no-such-profile` does not exist: make it with `sudo kanban profiles add-user no-such-profile`";
    let said = board.say(["profiles", "check"]);
    assert!(said.out.contains(line), "{said:?}");
    assert!(board.say(["doctor"]).out.contains(line));
    let id = board.create("t", &["--assignee", "no-such-profile"]);
    board.say(["dispatch"]);
    until("the failed start", || board.say(["show", &id]).out.contains(line).then_some(()));
}

#[test]
fn an_open_planner_and_a_list_that_protects_nothing_are_warned_of() {
    let board = Board::with(
        "[dispatch]\nenabled = false\n[profiles.dev]\nargv = [\"true\"]\nmay_assign = []\n[profiles.qa]\nargv = [\"true\"]\n",
    );
    let said = board.say(["profiles", "check"]).ok();
    let warning = "warning: may_assign is cooperative: the workers run as the daemon's user";
    assert_eq!(said.matches(warning).count(), 1, "{said}");
    assert!(board.say(["doctor"]).out.contains("may_assign is cooperative"));
}

#[test]
fn only_root_makes_users_for_profiles() {
    let mut asked = std::process::Command::new(env!("CARGO_BIN_EXE_kanban"));
    asked.args(["profiles", "add-user", "deployer"]).current_dir("/");
    if std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0) {
        std::os::unix::process::CommandExt::uid(&mut asked, 1);
        std::os::unix::process::CommandExt::gid(&mut asked, 1);
    }
    let Ok(said) = asked.output() else {
        return skip("other users cannot execute the programs under test where they are");
    };
    assert_eq!(said.status.code(), Some(1));
    let said = String::from_utf8(said.stderr).unwrap();
    assert!(said.contains("cannot make user kanban-deployer: only root can"), "{said}");
    assert!(said.contains("sudo kanban profiles add-user deployer"), "{said}");
}
