//! The stream of a page is behind the same checks, and ends with its session. Connections of pages take nothing from others.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use serde_json::json;
use support::skip::is_root_or_skip;

use crate::harness::{DEADLINE, Daemon, config};
use crate::web_harness::{Ask, Web};

fn stream_of(web: &Web) -> Ask {
    let origin = web.origin();
    web.ask("GET", "/v1/stream")
        .with("origin", Some(&origin))
        .with("upgrade", Some("websocket"))
        .with("connection", Some("upgrade"))
        .with("sec-websocket-version", Some("13"))
        .with("sec-websocket-key", Some("dGhlIHNhbXBsZSBub25jZQ=="))
}

/// Opens the stream and reads the head of the answer.
fn open(web: &Web) -> TcpStream {
    let ask = stream_of(web);
    let mut head = format!("{} {} HTTP/1.1\r\n", ask.method, ask.path);
    for (name, value) in &ask.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let mut stream = TcpStream::connect(web.address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    stream
}

/// Everything up to the end of a stream.
fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    let _reset = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn a_stream_is_opened_by_a_page_of_the_board_with_a_session_and_by_no_other() {
    let daemon = Daemon::start(&config(&[]));
    let web = Web::logged_in(&daemon);
    drop(open(&web));
    // A refused one would be kept for the next request.
    let ask = stream_of(&web).with("connection", Some("upgrade, close"));
    for (header, value, status) in [
        ("cookie", None, 401),
        ("origin", None, 403),
        ("origin", Some("http://127.0.0.1:1"), 403),
        ("origin", Some("https://evil.example"), 403),
        ("host", Some("rebound.example.org"), 403),
        ("sec-fetch-site", Some("same-site"), 403),
    ] {
        let reply = web.send(&ask.clone().with(header, value));
        assert_eq!(reply.status, status, "{header}: {value:?}");
    }
}

#[test]
fn streams_end_with_their_session_and_those_of_others_go_on() {
    let daemon = Daemon::start(&config(&[]));
    let (web, other) = (Web::logged_in(&daemon), Web::logged_in(&daemon));
    let (streams, others) = ([open(&web), open(&web)], open(&other));
    let id = daemon.get("/v1/web/sessions")[0]["id"].clone();
    daemon.post("/v1/web/sessions/revoke", &json!({ "session": id }));
    for stream in streams {
        let said = rest(stream);
        assert!(said.contains("the session is over"), "{said}");
    }
    daemon.post("/v1/web/sessions/revoke", &json!({ "session": "all" }));
    assert!(rest(others).contains("the session is over"));
    let again = stream_of(&web).with("connection", Some("upgrade, close"));
    assert_eq!(web.send(&again).status, 401);
}

#[test]
fn a_thousand_connections_to_the_web_leave_people_and_programs_their_own() {
    let daemon = Daemon::start(&config(&[("sh", "exit", "kanban show $KANBAN_TASK")]));
    let web = Web::logged_in(&daemon);
    let connect = |_| TcpStream::connect(web.address).ok();
    let idle: Vec<_> = (0..1_000).filter_map(connect).collect();
    let id = daemon.create(json!({ "assignee": "sh" }));
    daemon.wait_status(&id, "done");
    assert_eq!(daemon.get("/v1/whoami")["kind"], "operator");
    drop(idle);
    assert_eq!(web.get("/v1/boards").status, 200);
}

/// Opens a thousand connections to the port in its first argument, says so, and holds them until its input ends.
const HOARDER: &str = "import socket, sys
held = []
for _ in range(1000):
    try: held.append(socket.create_connection(('127.0.0.1', int(sys.argv[1])), 5))
    except OSError: break
print('held', flush=True)
sys.stdin.read()
";

#[test]
fn a_user_without_a_session_takes_no_connection_of_a_page() {
    if !is_root_or_skip("call as another user") {
        return;
    }
    let daemon = Daemon::start(&config(&[]));
    let web = Web::logged_in(&daemon);
    let mut hoarder = Command::new("python3");
    hoarder.args(["-c", HOARDER, &web.address.port().to_string()]).uid(65_534).gid(65_534);
    hoarder.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut hoarder = hoarder.spawn().unwrap();
    let mut said = [0; 5];
    hoarder.stdout.as_mut().unwrap().read_exact(&mut said).unwrap();
    for _ in 0..20 {
        assert_eq!(web.get("/v1/boards").status, 200);
    }
    let stream = open(&web);
    drop(stream);
    drop(hoarder.stdin.take());
    hoarder.wait().unwrap();
}
