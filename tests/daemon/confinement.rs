//! What a worker is kept from beside its user's rights: rights of set-user-id programs, and what its neighbours leave in `/tmp` and
//! show in `/proc`.

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use kanband::api::client::task_path;
use kanband::os::run_files::directory::{RunDir, read_identity};
use serde_json::json;
use support::skip;

use crate::harness::{Daemon, config, is_alive, until};
use crate::held::{Held, worker};

/// Where a home can be that is not in `/tmp`.
const ELSEWHERE: &str = "/var/lib";

/// The holder's mounts need a kernel that permits them; says why a test does nothing where it does not.
fn has_mounts(held: &Held) -> bool {
    let check = check(&held.daemon, "run mounts");
    if check["health"] == "ok" {
        return true;
    }
    let message = check["message"].as_str().unwrap_or_default().to_owned();
    assert!(message.contains("Linux 5.8") || message.contains("not permitted"), "{message}");
    skip("mounts are not permitted here");
    false
}

fn check(daemon: &Daemon, name: &str) -> serde_json::Value {
    let doctor = daemon.get("/v1/doctor");
    let checks = doctor["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).cloned().unwrap_or_default()
}

/// A program that prints its effective user and belongs to root, with the bit.
fn set_user_id_program(daemon: &Daemon) -> PathBuf {
    let program = daemon.scratch().join("own-id");
    std::fs::copy("/usr/bin/id", &program).unwrap();
    chown(&program, Some(0), Some(0)).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o4755)).unwrap();
    program
}

#[test]
fn a_set_user_id_program_gives_a_worker_of_another_user_nothing_unless_its_profile_says_so() {
    if worker().is_none() {
        return;
    }
    let script = "until [ -e $KANBAN_WORKSPACE/go ]; do sleep 0.02; done; DIR/own-id -u; grep NoNewPrivs /proc/self/status";
    let daemon = Daemon::prepare("");
    let script = script.replace("DIR", &daemon.scratch().display().to_string());
    let profiles = [("kept", "exit", script.as_str()), ("free", "exit", script.as_str())];
    let settings = [("profiles.free.no_new_privs", toml::Value::Boolean(false))];
    let held = Held::start_with("subreaper", "nnp", &profiles, &settings, daemon, &[]).unwrap();
    set_user_id_program(&held.daemon);
    for (profile, uid, is_set) in [("free", "0", "0"), ("kept", "5", "1")] {
        let id = held.daemon.create(json!({ "assignee": profile }));
        held.daemon.worker_pid(&id);
        std::fs::write(held.daemon.home().join("workspaces").join(&id).join("go"), "").unwrap();
        held.daemon.wait_status(&id, "done");
        let log = held.daemon.run_log(&id);
        let lines: Vec<&str> = log.lines().collect();
        if profile == "free" && lines[0] != "0" {
            skip("set-user-id programs change nothing in /tmp");
            return;
        }
        assert_eq!(lines, [uid, &format!("NoNewPrivs:\t{is_set}")], "{profile}");
    }
}

#[test]
fn a_worker_of_the_daemons_user_keeps_its_set_user_id_programs_unless_its_profile_says_no() {
    let script = "grep NoNewPrivs /proc/self/status";
    let text = config(&[("free", "exit", script), ("kept", "exit", script)])
        .with("profiles.kept.no_new_privs", true);
    let daemon = Daemon::start(&text);
    for (profile, is_set) in [("free", "0"), ("kept", "1")] {
        let id = daemon.create(json!({ "assignee": profile }));
        daemon.wait_status(&id, "done");
        // The tester may have it.
        let own = std::fs::read_to_string("/proc/self/status").unwrap();
        let has_own = own.contains("NoNewPrivs:\t1");
        let expected = if has_own { "1" } else { is_set };
        assert_eq!(daemon.run_log(&id), format!("NoNewPrivs:\t{expected}\n"), "{profile}");
    }
}

/// Tries things, and says of each whether it worked.
const TRY: &str =
    "t() { if eval \"$2\" > /dev/null 2>&1; then echo \"open $1\"; else echo \"shut $1\"; fi; }; ";

/// Waits for what the test says of the victim, then tries to get at it.
const ATTACK: &str = "until [ -e go ]; do sleep 0.02; done; . ./go; \
    t token 'cat $TOKEN'; t scratch 'cat $SCRATCH/draft'; t scratch-write 'echo forged > $SCRATCH/draft'; \
    t environment 'cat /proc/$VICTIM/environ'; t arguments 'cat /proc/$VICTIM/cmdline'; t entry '[ -e /proc/$VICTIM ]'; \
    t signal 'kill -0 $VICTIM'; t tmp '[ -e /tmp/victim ]'; t var-tmp '[ -e /var/tmp/victim ]'; t hosts-tmp '[ -e $HOSTS ]'; \
    t own-tmp 'echo x > /tmp/victim && echo y > /var/tmp/victim && [ \"$(cat /tmp/victim)\" = x ]'; \
    t own-entry '[ -e /proc/$$/environ ]'; t board 'kanban show $KANBAN_TASK'; echo tried; exec sleep 600";

const VICTIM: &str =
    "echo mine > draft; echo x > /tmp/victim; echo x > /var/tmp/victim; echo ready; exec sleep 600";

fn shim_of(daemon: &Daemon, run_id: i64) -> (i32, i32) {
    let dir = RunDir::new(daemon.home().join(format!("runs/{run_id}")));
    let identity = until("the worker's identity", || {
        read_identity(&dir).unwrap().filter(|identity| identity.worker.is_some())
    });
    (identity.shim.pid, identity.worker.unwrap().pid)
}

fn wait_for_log(daemon: &Daemon, id: &str, word: &str) {
    let path = task_path(id, "log").unwrap();
    // There is none before the worker is started.
    until(word, || {
        let reply = daemon.client().get_raw(&path, &json!({})).ok()?;
        String::from_utf8_lossy(&reply.body).contains(word).then_some(())
    });
}

fn held_elsewhere(
    mode: &str,
    name: &str,
    profiles: &[(&str, &str, &str)],
    settings: &[(&str, toml::Value)],
    options: &[&'static str],
) -> Option<Held> {
    worker()?;
    let daemon = Daemon::prepare_in(Path::new(ELSEWHERE), "");
    Held::start_with(mode, name, profiles, settings, daemon, options)
}

#[test]
fn runs_of_two_users_get_at_nothing_of_each_other_and_leave_nothing_in_tmp() {
    for mode in crate::held::MODES {
        let attack = format!("{TRY}{ATTACK}");
        let profiles = [("as-mail", "exit", VICTIM), ("as-games", "exit", attack.as_str())];
        let settings = [("profiles.as-mail.env.DEPLOY_TOKEN", "s3cret-of-mail".into())];
        let Some(mut held) = held_elsewhere(mode, "apart", &profiles, &settings, &[]) else {
            continue;
        };
        if !has_mounts(&held) {
            return;
        }
        let daemon = &held.daemon;
        let victim = daemon.create(json!({ "assignee": "as-mail" }));
        wait_for_log(daemon, &victim, "ready");
        let attacker = daemon.create(json!({ "assignee": "as-games" }));
        let (_, attacking) = shim_of(daemon, 2);
        let (shim, worker_pid) = shim_of(daemon, 1);
        let hosts = tempfile::NamedTempFile::new_in("/tmp").unwrap();
        std::fs::set_permissions(hosts.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
        let home = daemon.home();
        let said = format!(
            "TOKEN={home}/runs/1/token; SCRATCH={home}/workspaces/{victim}; VICTIM={worker_pid}; HOSTS={}",
            hosts.path().display(),
            home = home.display(),
        );
        let scratch = home.join("workspaces").join(&attacker);
        std::fs::write(scratch.join("go.new"), said).unwrap();
        std::fs::rename(scratch.join("go.new"), scratch.join("go")).unwrap();
        wait_for_log(daemon, &attacker, "tried");
        let log = daemon.run_log(&attacker);
        let open: Vec<&str> = log.lines().filter_map(|line| line.strip_prefix("open ")).collect();
        assert_eq!(open, ["own-tmp", "own-entry", "board"], "{mode}: {log}");
        assert_eq!(log.lines().filter(|line| line.starts_with("shut ")).count(), 10, "{log}");
        // Every process of the two is killed that could tidy up; the kernel does.
        let pid = |pid: i32| nix::unistd::Pid::from_raw(pid);
        nix::sys::signal::kill(pid(shim), nix::sys::signal::SIGKILL).unwrap();
        // It may have died with its parent already.
        let _is_sent = nix::sys::signal::kill(pid(worker_pid), nix::sys::signal::SIGKILL).is_ok();
        until("the victim's end", || (!is_alive(worker_pid)).then_some(()));
        assert!(!Path::new("/tmp/victim").exists() && !Path::new("/var/tmp/victim").exists());
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(!mounts.contains("kanband-run"), "{mounts}");
        // The other's shim sees its worker through the host's /proc: it stops it by the ladder, and the daemon learns how it ended.
        daemon.post(&format!("/v1/tasks/{attacker}/stop"), &json!({ "then": "cancel" }));
        daemon.wait_closed(&attacker);
        assert!(!is_alive(attacking));
        assert_eq!(daemon.outcomes(&attacker), ["stopped"], "{mode}");
        held.daemon.post("/v1/dispatch/switch", &json!({ "to": "paused" }));
        held.holder.signal(nix::sys::signal::SIGTERM);
        held.holder.wait_end();
    }
}

#[test]
fn a_directory_in_tmp_is_refused_while_tmp_is_the_runs_own_and_used_where_the_profile_says_no() {
    let script = "cat seen; ls -d /proc/1; mount | grep -c kanband-run";
    let profiles = [("own", "exit", script), ("hosts", "exit", script)];
    let settings = [("profiles.hosts.private_tmp", toml::Value::Boolean(false))];
    let Some(held) = held_elsewhere("subreaper", "dirs", &profiles, &settings, &[]) else {
        return;
    };
    if !has_mounts(&held) {
        return;
    }
    let daemon = &held.daemon;
    let dir = tempfile::tempdir_in("/tmp").unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    std::fs::write(dir.path().join("seen"), "seen\n").unwrap();
    let path = dir.path().to_str().unwrap();
    let body = |assignee: Option<&str>| json!({ "title": "t", "assignee": assignee, "workspace_kind": "dir", "workspace_path": path });
    let refused = daemon.client().post::<serde_json::Value>("/v1/tasks", &body(Some("own")));
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("out of sight") && refused.contains("private_tmp"), "{refused}");
    // One that nobody has when it is created is refused when it starts.
    let id = daemon.post("/v1/tasks", &body(None))["id"].as_str().unwrap().to_owned();
    daemon.post(&format!("/v1/tasks/{id}/assign"), &json!({ "assignee": "own" }));
    daemon.wait_status(&id, "blocked");
    let runs = daemon.runs(&id);
    assert!(runs[0]["error"].as_str().unwrap().contains("out of sight"), "{runs:?}");
    let id = daemon.post("/v1/tasks", &body(Some("hosts")))["id"].as_str().unwrap().to_owned();
    until("the run's end", || {
        daemon.runs(&id).first().is_some_and(|run| run["closed_at"].is_i64()).then_some(())
    });
    assert_eq!(daemon.run_log(&id), "seen\n/proc/1\n0\n");
}

#[test]
fn an_artifact_in_the_runs_own_tmp_is_refused_and_one_in_the_workspace_is_not() {
    let script = "echo x > /tmp/a; echo x > b; kanban complete $KANBAN_TASK --summary s --artifact /tmp/a; \
                  kanban complete $KANBAN_TASK --summary s --artifact $PWD/b && echo recorded";
    let profiles = [("sh", "report", script)];
    let Some(held) = held_elsewhere("subreaper", "artifact", &profiles, &[], &[]) else { return };
    if !has_mounts(&held) {
        return;
    }
    let id = held.daemon.create(json!({ "assignee": "sh" }));
    held.daemon.wait_status(&id, "done");
    held.daemon.wait_closed(&id);
    let log = held.daemon.run_log(&id);
    assert!(log.contains("/tmp of its own") && log.contains("recorded"), "{log}");
}

#[test]
fn where_the_holder_can_make_no_mounts_runs_go_on_without_and_doctor_says_so() {
    let script = "[ -e /proc/1/stat ] && mount | grep -c kanband-run; cat /tmp/NAME";
    let hosts = tempfile::NamedTempFile::new_in("/tmp").unwrap();
    std::fs::write(hosts.path(), "the host's\n").unwrap();
    std::fs::set_permissions(hosts.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
    let name = hosts.path().file_name().unwrap().to_str().unwrap();
    let script = script.replace("NAME", name);
    let profiles = [("sh", "exit", script.as_str())];
    let options = ["--no-mounts"];
    let Some(held) = held_elsewhere("subreaper", "without", &profiles, &[], &options) else {
        return;
    };
    let found = check(&held.daemon, "run mounts");
    assert_eq!(found["health"], "warn");
    let message = found["message"].as_str().unwrap();
    for part in ["share /tmp", "share /proc", "--no-mounts is set"] {
        assert!(message.contains(part), "{message}");
    }
    let id = held.daemon.create(json!({ "assignee": "sh" }));
    held.daemon.wait_status(&id, "done");
    assert_eq!(held.daemon.run_log(&id), "0\nthe host's\n");
}

#[test]
fn a_home_in_tmp_keeps_the_hosts_tmp_and_hides_processes_all_the_same() {
    if worker().is_none() {
        return;
    }
    let script = "[ -e /proc/1 ] && echo seen; echo $$ > pid; mount | grep -c kanband-run";
    let held = Held::start("subreaper", "home", &[("sh", "exit", script)]).unwrap();
    let found = check(&held.daemon, "run mounts");
    let message = found["message"].as_str().unwrap();
    assert!(
        message.contains("share /tmp with the host") && message.contains("needed"),
        "{message}"
    );
    if message.contains("share /proc") {
        skip("mounts are not permitted here");
        return;
    }
    let id = held.daemon.create(json!({ "assignee": "sh" }));
    held.daemon.wait_status(&id, "done");
    assert_eq!(held.daemon.run_log(&id), "1\n");
}

#[test]
fn a_worker_with_landlock_writes_in_its_workspace_and_where_its_profile_says_and_nowhere_else() {
    if !kanband::os::processes::landlock::is_supported() {
        skip("this kernel has no Landlock");
        return;
    }
    let daemon = Daemon::prepare("");
    // In /tmp everybody writes, so what is allowed and what is not is elsewhere.
    let elsewhere = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = |name: &str| {
        let path = elsewhere.path().join(name);
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("old"), "old").unwrap();
        path.display().to_string()
    };
    let (allowed, other) = (path("allowed"), path("other"));
    let script = format!(
        "{TRY} t workspace 'echo x > here && mkdir d && mv here d/ && rm -r d'; t null 'echo x > /dev/null'; t tmp 'rm $(mktemp)'; \
         t allowed 'echo x > {allowed}/new && rm {allowed}/old'; t reading 'cat {other}/old'; t making 'echo x > {other}/new'; \
         t changing 'echo x > {other}/old'; t removing 'rm -f {other}/old'; t mounting 'mount -t tmpfs none {allowed}'; \
         grep NoNewPrivs /proc/self/status"
    );
    let text = config(&[("kept", "exit", script.as_str())])
        .with("profiles.kept.landlock_write", vec![allowed.clone(), "/nowhere".to_owned()]);
    daemon.configure(&text);
    let mut daemon = daemon;
    daemon.spawn();
    daemon.wait_until_up();
    let id = daemon.create(json!({ "assignee": "kept" }));
    daemon.wait_status(&id, "done");
    let log = daemon.run_log(&id);
    let open: Vec<&str> = log.lines().filter_map(|line| line.strip_prefix("open ")).collect();
    assert_eq!(open, ["workspace", "null", "tmp", "allowed", "reading"], "{log}");
    assert!(log.contains("NoNewPrivs:\t1"), "{log}");
    assert_eq!(std::fs::read_to_string(format!("{other}/old")).unwrap(), "old");
}
