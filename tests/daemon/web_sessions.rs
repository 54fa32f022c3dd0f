//! Sessions of the board on the web: whose they are, how they end, and what is kept of them.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use serde_json::json;
use support::skip::{is_root_or_skip, skip};

use crate::containment::has_groups;
use crate::harness::{Daemon, config};
use crate::web_harness::{Ask, Reply, Web, cookie_of, parse, token_of};

/// Sends what it reads from standard input to the port in its first argument, and prints the reply.
const CLIENT: &str = "import socket, sys
s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
s.sendall(sys.stdin.buffer.read())
while True:
    d = s.recv(65536)
    if not d: break
    sys.stdout.buffer.write(d)
";

/// The user without rights.
const NOBODY: u32 = 65_534;

fn raw(ask: &Ask) -> Vec<u8> {
    let mut text = format!("{} {} HTTP/1.1\r\n", ask.method, ask.path);
    for (name, value) in &ask.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(&format!("content-length: {}\r\nconnection: close\r\n\r\n", ask.body.len()));
    [text.into_bytes(), ask.body.clone()].concat()
}

/// Sends a request as another user.
fn send_as(uid: u32, web: &Web, ask: &Ask) -> Reply {
    let mut client = Command::new("python3");
    client.args(["-c", CLIENT, &web.address.port().to_string()]).uid(uid).gid(uid);
    client.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = client.spawn().unwrap();
    child.stdin.take().unwrap().write_all(&raw(ask)).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    parse(&output.stdout)
}

fn log_in_request(web: &Web, token: &str) -> Ask {
    web.ask("POST", "/in").json(&json!({ "token": token }))
}

#[test]
fn a_session_outlives_a_restart_at_the_same_port_and_ends_when_it_is_revoked() {
    let mut daemon = Daemon::start(&config(&[]));
    let web = Web::logged_in(&daemon);
    assert_eq!(web.get("/v1/boards").status, 200);
    daemon.kill_9();
    daemon.restart();
    assert_eq!(web.get("/v1/boards").status, 200, "the same port, the same session");
    let sessions = daemon.get("/v1/web/sessions");
    assert_eq!(sessions.as_array().unwrap().len(), 1, "{sessions}");
    let other = Web::logged_in(&daemon);
    let id = sessions[0]["id"].clone();
    let ended = daemon.post("/v1/web/sessions/revoke", &json!({ "session": id }));
    assert_eq!(ended, json!({ "ended": 1 }));
    assert_eq!(web.get("/v1/boards").status, 401);
    assert_eq!(other.get("/v1/boards").status, 200, "another session");
    daemon.post("/v1/web/sessions/revoke", &json!({ "session": "all" }));
    assert_eq!(other.get("/v1/boards").status, 401);
    daemon.kill_9();
    daemon.restart();
    assert_eq!(web.get("/v1/boards").status, 401, "what was revoked stays so");
}

#[test]
fn only_digests_are_kept_in_a_file_that_is_its_owners_and_in_nothing_that_leaves_the_home() {
    let daemon = Daemon::start(&config(&[]));
    let web = Web::logged_in(&daemon);
    let link = token_of(&daemon.post("/v1/web/links", &json!({})));
    daemon.create(json!({ "title": "a task" }));
    let cookie = web.cookie.clone().unwrap();
    let session = cookie.split_once('=').unwrap().1.to_owned();
    let file = daemon.home().join("web-sessions.json");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let kept = std::fs::read_to_string(&file).unwrap();
    let digest = serde_json::from_str::<serde_json::Value>(&kept).unwrap()[0]["digest"].clone();
    let client = daemon.client();
    let backup = client.get_raw("/v1/backup", &json!({})).unwrap().body.to_vec();
    let export = client.get_raw("/v1/export", &json!({})).unwrap().body.to_vec();
    let mut texts =
        vec![kept.into_bytes(), backup.clone(), export.clone(), daemon.log().into_bytes()];
    for entry in std::fs::read_dir(daemon.home()).unwrap().flatten() {
        if entry.file_type().unwrap().is_file() {
            texts.push(std::fs::read(entry.path()).unwrap());
        }
    }
    let holds =
        |text: &[u8], word: &str| text.windows(word.len()).any(|part| part == word.as_bytes());
    for text in &texts {
        for token in [&session, &link] {
            assert!(!holds(text, token), "a token is kept");
        }
    }
    for text in [&backup, &export] {
        assert!(!holds(text, digest.as_str().unwrap()), "a digest leaves the home");
    }
}

#[test]
fn another_user_of_the_host_has_neither_the_session_nor_the_link() {
    if !is_root_or_skip("call as another user") {
        return;
    }
    let daemon = Daemon::start(&config(&[]));
    let web = Web::logged_in(&daemon);
    let stolen = send_as(NOBODY, &web, &web.ask("GET", "/v1/boards"));
    assert_eq!((stolen.status, stolen.code().as_str()), (401, "no_session"), "{}", stolen.text());
    assert_eq!(web.get("/v1/boards").status, 200, "its own user still has it");
    let token = token_of(&daemon.post("/v1/web/links", &json!({})));
    assert_eq!(send_as(NOBODY, &web, &log_in_request(&web, &token)).status, 401);
    assert_eq!(web.log_in(&token).status, 204, "the try did not use it up");
}

#[test]
fn a_user_who_may_not_open_the_operators_socket_has_no_session() {
    if !is_root_or_skip("call as another user") {
        return;
    }
    let daemon = Daemon::start(&config(&[]));
    let web = Web::of(&daemon);
    let token = || token_of(&daemon.post("/v1/web/links", &json!({ "for": "nobody" })));
    let refused = send_as(NOBODY, &web, &log_in_request(&web, &token()));
    assert_eq!(refused.status, 401, "{}", refused.text());
    let socket = std::fs::Permissions::from_mode(0o666);
    std::fs::set_permissions(daemon.socket(), socket).unwrap();
    let reply = send_as(NOBODY, &web, &log_in_request(&web, &token()));
    assert_eq!(reply.status, 204, "{}", reply.text());
    let cookie = cookie_of(&reply);
    let ask = web.ask("POST", "/v1/tasks").with("cookie", Some(&cookie));
    let created = send_as(NOBODY, &web, &ask.json(&json!({ "title": "by nobody" })));
    assert_eq!(created.status, 200, "{}", created.text());
    let id = created.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(daemon.show(&id)["events"][0]["actor"], "nobody");
    let own = web.ask("GET", "/v1/boards").with("cookie", Some(&cookie));
    assert_eq!(web.send(&own).status, 401, "root is another user, too");
}

#[test]
fn a_process_of_a_run_is_refused_whatever_it_holds() {
    let mut daemon = Daemon::prepare(&config(&[]));
    let (client, here) = (daemon.scratch().join("client.py"), daemon.scratch().display());
    std::fs::write(&client, CLIENT).unwrap();
    let script = format!(
        "python3 {here}/client.py $(cat {here}/port) < {here}/request > {here}/reply; true"
    );
    daemon.configure(&config(&[("thief", "exit", &script)]));
    daemon.spawn();
    daemon.wait_until_up();
    if !has_groups(&daemon) {
        return skip("there are no control groups here, so only the user of a page is known");
    }
    let web = Web::logged_in(&daemon);
    std::fs::write(daemon.scratch().join("port"), web.address.port().to_string()).unwrap();
    for ask in [web.ask("GET", "/v1/boards"), web.ask("GET", "/"), log_in_request(&web, "0")] {
        std::fs::write(daemon.scratch().join("request"), raw(&ask)).unwrap();
        let id = daemon.create(json!({ "assignee": "thief" }));
        daemon.wait_status(&id, "done");
        daemon.wait_closed(&id);
        let reply = std::fs::read(daemon.scratch().join("reply"));
        let reply =
            parse(&reply.unwrap_or_else(|error| panic!("{error}: {}", daemon.run_log(&id))));
        let code = (reply.status, reply.code());
        assert_eq!(code, (403, "forbidden".to_owned()), "{}", reply.text());
        assert!(reply.text().contains("belongs to a run"), "{}", reply.text());
    }
    assert_eq!(web.get("/v1/boards").status, 200);
}

#[test]
fn a_port_that_is_taken_is_named_and_nothing_else_fails() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let daemon = Daemon::start(&config(&[]).with("web.listen", port.to_string()));
    let error = daemon.client().post::<serde_json::Value>("/v1/web/links", &json!({}));
    let message = error.unwrap_err().to_string();
    assert!(message.contains(&format!("pid {}", std::process::id())), "{message}");
    let doctor = daemon.get("/v1/doctor");
    let checks = doctor["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == "web").unwrap();
    assert_eq!(check["health"], "warn", "{check}");
    assert!(check["message"].as_str().unwrap().contains("listens there"), "{check}");
    daemon.create(json!({ "title": "works all the same" }));
}

#[test]
fn two_daemons_find_a_port_each_and_one_that_is_off_has_none() {
    let (one, other) = (Daemon::start(&config(&[])), Daemon::start(&config(&[])));
    assert_ne!(Web::of(&one).address, Web::of(&other).address);
    let off = Daemon::start(&config(&[]).with("web.listen", "off"));
    let error = off.client().post::<serde_json::Value>("/v1/web/links", &json!({})).unwrap_err();
    assert!(error.to_string().contains("`web.listen` is \"off\""), "{error}");
}

#[test]
fn a_page_that_is_asked_for_between_two_daemons_is_answered_by_the_second() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let handed = || std::os::fd::OwnedFd::from(listener.try_clone().unwrap());
    let mut daemon = Daemon::prepare(&config(&[]));
    daemon.spawn_with_descriptors(handed(), None);
    daemon.wait_until_up();
    let web = Web::logged_in(&daemon);
    assert_eq!(web.address, listener.local_addr().unwrap());
    daemon.signal(nix::sys::signal::Signal::SIGTERM);
    daemon.wait_end();
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| web.get("/v1/boards"));
        daemon.spawn_with_descriptors(handed(), None);
        daemon.wait_until_up();
        assert_eq!(asked.join().unwrap().status, 200, "the same session");
    });
    assert!(!daemon.home().join("web-port").exists(), "the port is the service manager's");
}
