//! Programs of channels, as the daemon starts them: what they are given, what follows on their ends, and what they cannot reach.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use support::command_line::{Config, quiet};
use support::processes::is_alive;

use crate::stage::{Stage, hasty};

/// Puts an executable script there.
fn script(path: &Path, text: &str) {
    // Written by another process: a descriptor of ours, open for writing, would be inherited for an instant by whatever another
    // test starts meanwhile, and execve(2) would say ETXTBSY.
    let mut install = Command::new("install")
        .args(["-m", "755", "/dev/stdin"])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    install.stdin.take().unwrap().write_all(format!("#!/bin/bash\n{text}\n").as_bytes()).unwrap();
    assert!(install.wait().unwrap().success());
}

/// A board with a channel `bell` whose program is this script; `$DIR` in it is the folder of the test's own files.
fn with_bell(config: &Config, text: &str) -> Stage {
    let stage = Stage::start(&quiet());
    let program = stage.board.path("bell");
    let dir = stage.board.path("").display().to_string();
    script(&program, &text.replace("$DIR", dir.trim_end_matches('/')));
    let config = config
        .with("channels.bell.kind", "command")
        .with("channels.bell.argv", vec![program.display().to_string(), "an argument".to_owned()])
        .with("channels.bell.retry", vec!["50ms"; 20]);
    stage.configure(&config);
    stage
}

fn lines(stage: &Stage, name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(stage.board.path(name)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Run directories of commands that are left.
fn commands_left(stage: &Stage) -> Vec<String> {
    let entries = std::fs::read_dir(stage.board.home().join("runs")).into_iter().flatten();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("command-")).collect()
}

#[test]
fn a_program_reads_the_json_of_a_webhook_and_has_an_environment_from_empty() {
    let text = "cat > $DIR/read; env | sort > $DIR/env; echo \"$@\" > $DIR/args; echo a warning >&2; \
                echo message-7; echo more";
    let stage = with_bell(&hasty(), text);
    let id = stage.subscribed("bell", "session 42");
    stage.board.say(["complete", &id, "--summary", "Red & <blue>."]).ok();
    stage.settle();
    let rows = stage.rows();
    let done = rows.last().unwrap();
    assert_eq!((done.state.as_str(), done.provider_id.as_deref()), ("sent", Some("message-7")));
    let read: Value =
        serde_json::from_str(&std::fs::read_to_string(stage.board.path("read")).unwrap()).unwrap();
    assert_eq!(read["type"], json!("task.completed"));
    assert_eq!(read["data"]["task"]["id"], json!(id));
    assert_eq!(read["data"]["lines"], json!(["Red & <blue>."]));
    assert_eq!(lines(&stage, "args"), ["an argument"]);
    let env = lines(&stage, "env");
    let expected = [
        ("KANBAN_HOOK_ADDRESS", "session 42"),
        ("KANBAN_HOOK_ATTEMPT", "1"),
        ("KANBAN_HOOK_CHANNEL", "bell"),
        ("KANBAN_HOOK_ID", done.dedupe.as_str()),
        ("KANBAN_RUN", "0"),
    ];
    for (name, value) in expected {
        assert!(env.contains(&format!("{name}={value}")), "{name}: {env:?}");
    }
    let names: Vec<&str> = env.iter().filter_map(|line| line.split('=').next()).collect();
    let own = ["HOME", "PATH", "KANBAN_SOCKET", "USER", "PWD", "SHLVL", "_"];
    let is_known =
        |name: &&&str| own.contains(*name) || expected.iter().any(|(known, _)| known == *name);
    let strange: Vec<_> = names.iter().filter(|name| !is_known(name)).collect();
    assert!(strange.is_empty(), "{strange:?}");
    assert_eq!(commands_left(&stage), [] as [String; 0]);
}

#[test]
fn events_of_a_task_come_in_their_order_and_none_is_folded() {
    let text = "cat >> $DIR/read; sleep 0.02";
    let stage = with_bell(&hasty(), text);
    stage
        .board
        .say(["notify-subscribe", "--platform", "bell", "--chat-id", "all", "--level", "verbose"])
        .ok();
    let id = stage.board.create("Write the page", &["--assignee", "dev"]);
    for number in 0..12 {
        stage.board.say(["comment", &id, &format!("remark {number}")]).ok();
    }
    stage.board.say(["complete", &id]).ok();
    stage.settle();
    let read = lines(&stage, "read");
    let events: Vec<i64> = read
        .iter()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["data"]["event_id"].as_i64().unwrap()
        })
        .collect();
    assert!(events.len() >= 14 && events.is_sorted(), "{events:?}");
    assert!(stage.states().iter().all(|state| state == "sent"), "{:?}", stage.rows());
}

#[test]
fn the_exit_code_decides_what_follows_and_the_last_line_of_the_errors_says_why() {
    let text = "case $(cat) in *later*) \
                  [ -e $DIR/second ] || { touch $DIR/second; echo busy >&2; exit 75; };; \
                *never*) echo ignored; echo no such device >&2; exit 3;; esac";
    let stage = with_bell(&hasty(), text);
    for title in ["later", "never"] {
        let id = stage.board.create(title, &[]);
        stage.subscribe(&id, "bell", title);
        stage.board.say(["complete", &id]).ok();
    }
    stage.settle();
    let rows = stage.rows();
    let of = |address: &str| rows.iter().rfind(|row| row.address == address).unwrap();
    assert_eq!((of("later").state.as_str(), of("later").attempts), ("sent", 2));
    assert!(!of("later").maybe_sent, "75 says that nothing was sent");
    assert_eq!((of("never").state.as_str(), of("never").attempts), ("dead", 1));
    let dead = stage.board.say(["notify", "dead", "--json"]).json();
    let message = &dead["messages"][0];
    assert_eq!(message["code"], json!("exit_3"));
    assert_eq!(message["error"], json!("it ended with code 3: no such device"));
}

#[test]
fn a_program_that_is_missing_stops_its_channel_and_burns_nothing() {
    let stage = with_bell(&hasty().with("notify.probe", "1h"), "cat >/dev/null");
    let program = stage.board.path("bell");
    std::fs::rename(&program, stage.board.path("moved")).unwrap();
    let id = stage.subscribed("bell", "x");
    stage.board.say(["complete", &id]).ok();
    stage.until(|| {
        let inbox = stage.board.say(["inbox", "--json"]).json().to_string();
        (inbox.contains("the channel bell cannot be used") && inbox.contains("not found"))
            .then_some(())
    });
    assert!(!stage.is_idle());
    std::fs::rename(stage.board.path("moved"), &program).unwrap();
    stage.board.say(["notify", "retry", "bell"]).ok();
    stage.settle();
    assert!(stage.states().iter().all(|state| state == "sent"), "{:?}", stage.rows());
}

#[test]
fn at_its_time_limit_the_whole_tree_is_killed_and_the_row_may_have_been_sent() {
    let text = "[ -e $DIR/pids ] && exit 0; trap '' TERM; \
                setsid bash -c 'trap \"\" TERM; echo $$ >> $DIR/pids; while :; do sleep 100; done' & \
                echo $$ >> $DIR/pids; while :; do sleep 100; done";
    let config = hasty().with("notify.attempt", "500ms");
    let stage = with_bell(&config, text);
    let id = stage.subscribed("bell", "x");
    stage.board.say(["complete", &id]).ok();
    stage.settle();
    let pids = lines(&stage, "pids");
    assert_eq!(pids.len(), 2, "{pids:?}");
    for pid in pids {
        assert!(!is_alive(pid.parse().unwrap()), "{pid}");
    }
    let rows = stage.rows();
    let row = rows.last().unwrap();
    assert_eq!((row.state.as_str(), row.attempts, row.maybe_sent), ("sent", 2, true));
}

#[test]
fn of_what_a_program_prints_no_more_than_a_little_is_kept() {
    let text = "echo id-1; head -c 4000000 /dev/zero | tr '\\0' x; \
                head -c 4000000 /dev/zero | tr '\\0' y >&2; mkfifo $DIR/wait; touch $DIR/printed; read -r < $DIR/wait";
    let stage = with_bell(&hasty(), text);
    let id = stage.subscribed("bell", "x");
    stage.board.say(["complete", &id]).ok();
    stage.until(|| stage.board.path("printed").exists().then_some(()));
    let [command] = commands_left(&stage).try_into().unwrap();
    let dir = stage.board.home().join("runs").join(command);
    let kept = stage.until(|| {
        let size = |name| std::fs::metadata(dir.join(name)).map_or(0, |file| file.len());
        Some([size("log"), size("errors")]).filter(|sizes| sizes.iter().all(|size| *size >= 65_536))
    });
    assert!(kept.iter().all(|size| *size < 70_000), "{kept:?}");
    std::fs::write(stage.board.path("wait"), "\n").unwrap();
    stage.settle();
    let rows = stage.rows();
    assert_eq!(rows.last().unwrap().provider_id.as_deref(), Some("id-1"));
    assert_eq!(commands_left(&stage), [] as [String; 0]);
}

#[test]
fn a_daemon_that_is_killed_while_a_program_runs_sends_again_and_leaves_no_process() {
    let text = "cat > /dev/null; echo $$ ${KANBAN_HOOK_REPEAT:-0} $KANBAN_HOOK_ID >> $DIR/starts; \
                [ -e $DIR/go ] || while :; do sleep 100; done";
    let config = hasty().with("notify.attempt", "2s").with("notify.lease", "3s");
    let mut stage = with_bell(&config, text);
    let id = stage.subscribed("bell", "x");
    stage.board.say(["complete", &id]).ok();
    let first = stage.until(|| lines(&stage, "starts").first().cloned());
    stage.board.kill();
    std::fs::write(stage.board.path("go"), "").unwrap();
    stage.board.start();
    stage.settle();
    let starts = lines(&stage, "starts");
    let words: Vec<Vec<&str>> = starts.iter().map(|line| line.split(' ').collect()).collect();
    assert!(words.len() >= 2, "{starts:?}");
    assert_eq!((words[0][1], words[1][1]), ("0", "1"), "the second says that it may be a repeat");
    assert_eq!(words[0][2], words[1][2], "under the same id");
    let pid = first.split(' ').next().unwrap().parse().unwrap();
    stage.until(|| (!is_alive(pid)).then_some(()));
    stage.until(|| commands_left(&stage).is_empty().then_some(()));
    assert!(stage.states().iter().all(|state| state == "sent"), "{:?}", stage.rows());
}

#[test]
fn an_executable_file_of_hooks_d_gets_every_event_without_a_subscription() {
    let stage = Stage::start(&hasty());
    let folder = stage.board.home().join("hooks.d");
    std::fs::create_dir(&folder).unwrap();
    let read = stage.board.path("read").display().to_string();
    script(&folder.join("10-tell"), &format!("cat >> {read}"));
    script(&folder.join("shared"), &format!("cat >> {read}"));
    std::fs::write(folder.join("notes"), "no program").unwrap();
    use std::os::unix::fs::PermissionsExt as _;
    let open = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(folder.join("shared"), open).unwrap();
    stage.board.say(["reload"]).ok();
    let id = stage.board.create("Write the page", &["--assignee", "dev"]);
    for words in [
        vec!["comment", id.as_str(), "a remark"],
        vec!["claim", &id],
        vec!["complete", &id],
        vec!["archive", &id],
        vec!["dispatch", "--dry-run"],
        vec!["pause"],
    ] {
        stage.board.say(words).ok();
    }
    stage.settle();
    let kinds: Vec<String> = lines(&stage, "read")
        .iter()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["data"]["kind"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    let database = stage.number("SELECT count(*) FROM task_events");
    let of_tasks =
        kinds.iter().filter(|kind| !kind.contains("paused") && !kind.contains("dispatch"));
    assert_eq!(i64::try_from(of_tasks.count()).unwrap(), database, "{kinds:?}");
    for kind in ["created", "commented", "claimed", "completed", "archived"] {
        assert!(kinds.iter().any(|one| one == kind), "{kind}: {kinds:?}");
    }
    let doctor = stage.board.say(["doctor", "--json"]).out;
    assert!(doctor.contains("shared: is writable by other users"), "{doctor}");
    assert!(doctor.contains("cooperative"), "{doctor}");
    assert!(
        stage.board.say(["notify", "list"]).ok().contains("hooks.d/10-tell"),
        "its route is listed"
    );
}

#[test]
fn a_secret_that_the_configuration_knows_is_in_nothing_that_is_sent() {
    let stage = with_bell(&hasty(), "cat >> $DIR/read");
    let keys = stage.board.path("keys");
    crate::harness::put(&keys, "B_KEY=s3cret-of-b\n");
    let config = hasty()
        .with("channels.bell.kind", "command")
        .with("channels.bell.argv", vec![stage.board.path("bell").display().to_string()])
        .with("profiles.a.argv", vec!["/bin/true"])
        .with("profiles.a.env.DEPLOY_TOKEN", "s3cret-of-a")
        .with("profiles.b.argv", vec!["/bin/true"])
        .with("profiles.b.env_file", keys.display().to_string());
    stage.configure(&config);
    let id = stage.board.create("Deploy with s3cret-of-a", &[]);
    stage.subscribe(&id, "bell", "x");
    stage.board.say(["complete", &id, "--summary", "Used s3cret-of-b, and \"s3cret-of-a\"."]).ok();
    stage.settle();
    let read = lines(&stage, "read").join("\n");
    assert!(read.contains("Deploy with [redacted]") && !read.contains("s3cret"), "{read}");
}

#[test]
fn a_program_is_refused_at_every_socket_and_so_is_what_it_leaves_behind() {
    let kanban = support::programs::kanban().display().to_string();
    // Each door by its path; and the same from a session of its own, without what marks it.
    let text = format!(
        "cat > /dev/null; for door in '' .worker .courier; do \
           export KANBAN_SOCKET=$DIR/home/kanband.sock$door; \
           {kanban} list --json >> $DIR/said 2>&1; echo \"code $?\" >> $DIR/codes; \
           env -i KANBAN_SOCKET=$KANBAN_SOCKET setsid {kanban} list --json >> $DIR/said 2>&1; \
           echo \"code $?\" >> $DIR/codes; done"
    );
    let stage = with_bell(&hasty(), &text);
    let id = stage.subscribed("bell", "x");
    stage.board.say(["complete", &id]).ok();
    stage.settle();
    let (codes, said) = (lines(&stage, "codes"), lines(&stage, "said").join("\n"));
    assert_eq!(codes, ["code 1"; 6], "{said}");
    assert_eq!(said.matches("\"unplaced\"").count(), 6, "{said}");
    assert!(!said.contains("Write the page"), "{said}");
}
