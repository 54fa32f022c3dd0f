//! The door on the web, from the outside: every operation of the table is behind the same checks.

use kanband::api::operation::{Carries, Method, NOT_FOR_WEB};
use kanband::api::operations::OPERATIONS;
use serde_json::json;

use crate::harness::{Daemon, config};
use crate::web_harness::{Ask, Web, token_of};

/// A request for each operation, as a page of the board would make it.
fn of_every_operation(web: &Web) -> Vec<(&'static str, bool, Ask)> {
    let of = |operation: &kanband::api::operation::Operation| {
        let path = operation.path.replace("{id}", "t_00000000").replace("{name}", "none");
        let ask = web.ask(operation.method.as_str(), &path);
        let is_write = operation.method != Method::Get;
        let ask = match operation.carries {
            Carries::File if is_write => {
                let mut ask = ask.with("content-type", Some("application/octet-stream"));
                ask.body = b"x".to_vec();
                ask
            }
            Carries::Fields if is_write => ask.json(&json!({})),
            Carries::Fields | Carries::File => ask,
        };
        (operation.name, is_write, ask)
    };
    OPERATIONS.iter().map(of).collect()
}

#[test]
fn nothing_is_answered_without_a_session() {
    let daemon = Daemon::start(&config(&[]));
    let web = Web::of(&daemon);
    for (name, _, ask) in of_every_operation(&web) {
        for cookie in [None, Some("kanband_1=x"), Some("kanband_9119=")] {
            let reply = web.send(&ask.clone().with("cookie", cookie));
            assert_eq!((reply.status, reply.code().as_str()), (401, "no_session"), "{name}");
        }
        let own = format!("kanband_{}={}", web.address.port(), "0".repeat(64));
        let reply = web.send(&ask.with("cookie", Some(&own)));
        assert_eq!(reply.status, 401, "{name}: a token that is none");
    }
    for path in ["/assets/app.js", "/assets/app.css", "/nothing", "/v1", "/metrics"] {
        assert_eq!(web.get(path).status, 401, "{path}");
    }
}

#[test]
fn a_page_that_is_not_ours_gets_nothing_whatever_cookie_it_sends() {
    let daemon = Daemon::start(&config(&[]));
    let web = Web::logged_in(&daemon);
    let port = web.address.port();
    let other_port = format!("http://127.0.0.1:{}", port ^ 1);
    let foreign = [
        ("origin", "https://evil.example".to_owned()),
        ("origin", other_port),
        ("origin", format!("http://localhost:{port}")),
        ("origin", "null".to_owned()),
        ("sec-fetch-site", "cross-site".to_owned()),
        ("sec-fetch-site", "same-site".to_owned()),
        ("sec-fetch-site", "none".to_owned()),
        ("host", format!("rebound.example.org:{port}")),
        ("host", format!("127.0.0.1.example.org:{port}")),
    ];
    for (name, is_write, ask) in of_every_operation(&web) {
        for (header, value) in &foreign {
            let reply = web.send(&ask.clone().with(header, Some(value)));
            assert_eq!(reply.status, 403, "{name} with {header}: {value}");
            assert_eq!(reply.header("access-control-allow-origin"), None, "{name}");
        }
        let silent = web.send(&ask.clone().with("origin", None));
        assert_eq!(silent.status == 403, is_write || NOT_FOR_WEB.contains(&name), "{name}");
        let stream = ask.clone().with("origin", None).with("upgrade", Some("websocket"));
        assert_eq!(web.send(&stream).status, 403, "{name} as a stream without an origin");
        if is_write {
            let form = ask.with("content-type", Some("text/plain"));
            assert_eq!(web.send(&form).status, 403, "{name} as a form");
        }
    }
}

#[test]
fn what_only_programs_need_and_what_moves_the_whole_board_is_not_on_the_web() {
    let daemon = Daemon::start(&config(&[]));
    let web = Web::logged_in(&daemon);
    for (name, _, ask) in of_every_operation(&web) {
        // It would not end.
        if name == "events" {
            continue;
        }
        let reply = web.send(&ask);
        let is_withheld = NOT_FOR_WEB.contains(&name);
        let says = reply.text().contains("is not available on the web");
        assert_eq!(
            (reply.status == 403, says),
            (is_withheld, is_withheld),
            "{name}: {}",
            reply.text()
        );
        assert_ne!(reply.status, 401, "{name}");
    }
    let id = daemon.create(json!({}));
    let forced = web.post(&format!("/v1/tasks/{id}/stop"), &json!({ "force": true }));
    assert_eq!((forced.status, forced.code().as_str()), (403, "forbidden"));
}

#[test]
fn a_link_logs_its_user_in_once_and_what_the_page_writes_has_the_users_name() {
    let daemon = Daemon::start(&config(&[]));
    let mut web = Web::of(&daemon);
    let link = daemon.post("/v1/web/links", &json!({}));
    assert_eq!(web.log_in("0123").status, 401);
    let reply = web.log_in(&token_of(&link));
    assert_eq!((reply.status, reply.body.len()), (204, 0));
    let cookie = reply.header("set-cookie").unwrap().to_owned();
    let port = web.address.port();
    assert!(cookie.starts_with(&format!("kanband_{port}=")), "{cookie}");
    assert!(cookie.ends_with("; HttpOnly; SameSite=Strict; Path=/; Max-Age=43200"), "{cookie}");
    assert_eq!(web.log_in(&token_of(&link)).status, 401, "twice");
    web.cookie = Some(crate::web_harness::cookie_of(&reply));
    let created = web.post("/v1/tasks", &json!({ "title": "from the web" }));
    assert_eq!(created.status, 200, "{}", created.text());
    let id = created.json()["id"].as_str().unwrap().to_owned();
    let shown = daemon.show(&id);
    assert_eq!(shown["events"][0]["actor"], link["name"], "{shown}");
    assert_eq!(web.get("/v1/whoami").json()["name"], link["name"]);
}

#[test]
fn pages_and_their_parts_are_served_with_headers_that_shut_everything_else_out() {
    let daemon = Daemon::start(&config(&[]));
    let web = Web::logged_in(&daemon);
    let origin = web.origin();
    for path in ["/", "/in", "/assets/app.js", "/assets/in.css", "/v1/boards"] {
        let reply = web.get(path);
        assert_eq!(reply.status, 200, "{path}");
        let policy = reply.header("content-security-policy").unwrap();
        assert!(policy.contains(&format!("script-src {origin}/assets/;")), "{path}: {policy}");
        for part in ["default-src 'none'", "frame-ancestors 'none'", "trusted-types kanband"] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(reply.header(name), Some(value), "{path}: {name}");
        }
        let is_data = path.starts_with("/v1");
        let caching = if is_data { "no-store" } else { "no-cache" };
        assert_eq!(reply.header("cache-control"), Some(caching), "{path}");
        if let Some(etag) = reply.header("etag") {
            let again = web.send(&web.ask("GET", path).with("if-none-match", Some(etag)));
            assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
        }
    }
    let outside = Web { cookie: None, ..web };
    let refused = outside.get("/");
    assert_eq!(refused.status, 401);
    assert!(refused.text().contains("kanban dashboard"), "{}", refused.text());
    let typed = outside.ask("GET", "/in").with("sec-fetch-site", Some("none"));
    assert_eq!(outside.send(&typed).status, 200, "a typed address");
    let port = outside.address.port();
    let named = typed.with("host", Some(&format!("localhost:{port}")));
    let led = outside.send(&named);
    assert_eq!((led.status, led.header("location")), (307, Some(&*format!("{origin}/in"))));
}

#[test]
fn bytes_of_agents_are_nothing_to_be_shown_or_run() {
    let daemon = Daemon::start(&config(&[("sh", "exit", "echo '<script>alert(1)</script>'")]));
    let web = Web::logged_in(&daemon);
    let id = daemon.create(json!({ "assignee": "sh" }));
    daemon.wait_status(&id, "done");
    daemon.wait_closed(&id);
    let mut upload = web
        .ask("POST", &format!("/v1/tasks/{id}/attach?filename=x.html"))
        .with("content-type", Some("application/octet-stream"));
    upload.body = b"<script>alert(2)</script>".to_vec();
    let attached = web.send(&upload);
    assert_eq!(attached.status, 200, "{}", attached.text());
    for path in
        [format!("/v1/tasks/{id}/log"), format!("/v1/tasks/{id}/attachment?filename=x.html")]
    {
        let reply = web.get(&path);
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        assert!(reply.text().contains("<script>"), "{}", reply.text());
        assert_eq!(reply.header("content-security-policy"), Some("sandbox"), "{path}");
        assert_eq!(reply.header("content-disposition"), Some("attachment"), "{path}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
    }
}
