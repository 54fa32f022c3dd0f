//! The API of a real daemon, on both of its sockets: almost valid requests, and mutated ones.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use kanband::kernel::random::{Random, SeededRandom, below};
use serde_json::{Map, Value, json};

use crate::harness::{Daemon, config, is_alive};
use crate::oracles::json_value;
use crate::text::{hostile, mutate, once_in, pick};
use crate::{case, seeds};

/// A reply that takes longer counts as a hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// Largest part of a reply that is read.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// Largest resident set of the daemon, KiB.
const PEAK_KIB_MAX: u64 = 256 * 1024;

/// An operation, from the OpenAPI document.
struct Operation {
    method: String,
    path: String,
    /// Names and types.
    fields: Vec<(String, Value)>,
    is_query: bool,
}

struct Field {
    daemon: Daemon,
    operations: Vec<Operation>,
    ids: Vec<String>,
    token: String,
}

impl Field {
    fn new() -> Self {
        let text = config(&[("sh", "report", "exec sleep 600")]);
        let daemon = Daemon::start(&text.with("dispatch.enabled", false));
        let ids: Vec<String> =
            (0..4).map(|n| daemon.create(json!({"title": format!("t{n}")}))).collect();
        let id = daemon.create(json!({"assignee": "sh"}));
        daemon.post("/v1/dispatch", &json!({}));
        assert!(is_alive(daemon.worker_pid(&id)));
        let run = daemon.runs(&id)[0]["id"].as_i64().unwrap();
        let token = daemon.home().join(format!("runs/{run}/token"));
        let token = std::fs::read_to_string(token).unwrap().trim().to_owned();
        // The worker's own task is not among the ids, so that its token stays valid.
        let operations = operations_of(&daemon.get("/v1/openapi.json"));
        assert!(operations.len() > 40, "{}", operations.len());
        Self { daemon, operations, ids, token }
    }

    fn sockets(&self) -> [PathBuf; 2] {
        let operators = self.daemon.socket();
        let mut workers = operators.clone().into_os_string();
        workers.push(".worker");
        [operators, workers.into()]
    }

    fn request(&self, random: &mut dyn Random) -> Vec<u8> {
        let operation = &self.operations[pick(random, self.operations.len())];
        let mut path = operation.path.clone();
        while let (Some(begin), Some(end)) = (path.find('{'), path.find('}')) {
            path.replace_range(begin..=end, &self.path_word(random));
        }
        let fields = self.fields(operation, random);
        let method = if once_in(random, 40) { "PUT" } else { operation.method.as_str() };
        let mut body = Vec::new();
        if operation.is_query {
            let pairs: Vec<String> = fields
                .iter()
                .map(|(name, value)| {
                    let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    format!("{}={}", quoted(name), quoted(&value))
                })
                .collect();
            path = format!("{path}?{}", pairs.join("&"));
        } else {
            body = Value::Object(fields).to_string().into_bytes();
        }
        let mut head = format!(
            "{} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n",
            method.to_uppercase()
        );
        match below(random, 4) {
            0 => head.push_str(&format!("kanban-token: {}\r\n", self.token)),
            1 if once_in(random, 4) => head.push_str("kanban-token: nonsense\r\n"),
            _ => {}
        }
        if once_in(random, 6) {
            head.push_str(&format!("kanban-request-id: {}\r\n", below(random, 5)));
        }
        if !body.is_empty() || !operation.is_query {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        let mut request = [head.as_bytes(), b"\r\n", &body].concat();
        if once_in(random, 4) {
            for _ in 0..1 + below(random, 6) {
                mutate(random, &mut request);
            }
        }
        request
    }

    fn path_word(&self, random: &mut dyn Random) -> String {
        match below(random, 6) {
            0 => quoted(&hostile(random, 3)),
            1 => "..%2f..%2fetc".to_owned(),
            _ => self.ids[pick(random, self.ids.len())].clone(),
        }
    }

    fn fields(&self, operation: &Operation, random: &mut dyn Random) -> Map<String, Value> {
        let mut fields = Map::new();
        for _ in 0..below(random, 4) {
            let known = operation.fields.get(pick(random, operation.fields.len()));
            let (name, kind) = match known.filter(|_| !once_in(random, 25)) {
                Some((name, kind)) => (name.clone(), kind.as_str().unwrap_or_default()),
                None => (hostile(random, 2), ""),
            };
            let value =
                if once_in(random, 4) { self.value(random) } else { self.fitting(kind, random) };
            fields.insert(name, value);
        }
        // A followed stream does not end.
        fields.remove("follow");
        fields
    }

    /// A value of a field's type.
    fn fitting(&self, kind: &str, random: &mut dyn Random) -> Value {
        let id = &self.ids[pick(random, self.ids.len())];
        match kind {
            "boolean" => json!(once_in(random, 2)),
            "integer" => json!(below(random, 4)),
            "array" if once_in(random, 2) => json!([id]),
            "array" => json!([]),
            "object" => json!({"a": 0.1}),
            "string" if once_in(random, 3) => json!(hostile(random, 3)),
            "string" => json!(["default", "ready", "sh", "1s", "t", id.as_str()][pick(random, 6)]),
            _ => self.value(random),
        }
    }

    fn value(&self, random: &mut dyn Random) -> Value {
        let id = &self.ids[pick(random, self.ids.len())];
        match below(random, 12) {
            0 => json!(id),
            1 => json!([id]),
            2 => json!(below(random, 10)),
            3 => json!(below(random, 2) == 0),
            4 => json!("ready"),
            5 => json!("default"),
            6 => json!("sh"),
            7 => json!(i64::MIN),
            8 => json!(-1),
            9 => json!({"a": 0.1}),
            _ => json_value(random, 3),
        }
    }
}

fn quoted(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

fn operations_of(document: &Value) -> Vec<Operation> {
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, described) in methods.as_object().unwrap() {
            let parameters = described["parameters"].as_array().cloned().unwrap_or_default();
            let in_query = parameters.iter().filter(|parameter| parameter["in"] == "query");
            let typed = |name: &str, schema: &Value| {
                let kind = schema["type"].as_array().map_or(&schema["type"], |kinds| &kinds[0]);
                (name.to_owned(), kind.clone())
            };
            let mut fields: Vec<(String, Value)> =
                in_query.map(|it| typed(it["name"].as_str().unwrap(), &it["schema"])).collect();
            let schema = &described["requestBody"]["content"]["application/json"]["schema"];
            let name = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next());
            let schema = name.map_or(schema, |name| &document["components"]["schemas"][name]);
            if let Some(properties) = schema["properties"].as_object() {
                fields.extend(properties.iter().map(|(name, schema)| typed(name, schema)));
            }
            let is_query = described["requestBody"]["content"]["application/json"].is_null();
            operations.push(Operation {
                method: method.clone(),
                path: path.clone(),
                fields,
                is_query,
            });
        }
    }
    operations
}

/// Sends bytes, closes the sending side, and returns the beginning of the reply.
fn send(socket: &std::path::Path, request: &[u8]) -> Vec<u8> {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    // A server that refuses early may cut the rest of the connection.
    let _is_taken = stream.write_all(request).is_ok();
    let _is_open = stream.shutdown(Shutdown::Write).is_ok();
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    while answer.len() < ANSWER_BYTES_MAX {
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => answer.extend_from_slice(&piece[..length]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                panic!("it hangs: {error}")
            }
            Err(_) => break,
        }
    }
    answer
}

/// The status of a reply; none if the connection was closed without one.
fn status_of(answer: &[u8]) -> Option<u16> {
    let line = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = std::str::from_utf8(line).unwrap();
    line.strip_prefix("HTTP/1.1 ").or(line.strip_prefix("HTTP/1.0 "))?.get(..3)?.parse().ok()
}

/// Sends one request and returns the status of the reply.
fn check(field: &Field, random: &mut SeededRandom) -> Option<u16> {
    let request = field.request(random);
    let sockets = field.sockets();
    let answer = send(&sockets[usize::from(once_in(random, 3))], &request);
    let message =
        || format!("{}\n{}", String::from_utf8_lossy(&request), String::from_utf8_lossy(&answer));
    let status = status_of(&answer)?;
    assert!(status < 500, "{}", message());
    let text = String::from_utf8_lossy(&answer);
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    if status >= 400 && body.starts_with('{') && answer.len() < ANSWER_BYTES_MAX {
        // A mutated request may be two, with two replies.
        let mut values = serde_json::Deserializer::from_str(body).into_iter::<Value>();
        let error = values.next().unwrap().unwrap_or_else(|error| panic!("{error}: {}", message()));
        assert!(
            error["error"]["code"].is_string() && error["error"]["message"].is_string(),
            "{}",
            message()
        );
    }
    Some(status)
}

#[test]
fn whatever_comes_over_the_wire_is_answered_and_breaks_nothing() {
    let field = Field::new();
    let mut statuses = BTreeMap::new();
    let seeds = seeds(5_000);
    for seed in seeds.clone() {
        let mut status = None;
        case(seed, |random| status = check(&field, random));
        *statuses.entry(status.unwrap_or_default()).or_insert(0_u32) += 1;
    }
    // Each kind of reply must have occurred.
    let expected = [200, 400, 403, 404];
    let is_tried = expected.iter().all(|status| statuses.get(status) > Some(&50));
    assert!(seeds.end - seeds.start < 2_000 || is_tried, "{statuses:?}");
    let title = "t".repeat(9 * 1024 * 1024);
    let over = format!(
        "POST /v1/tasks HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{title}",
        title.len()
    );
    let endless = format!("GET /v1/{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(1024 * 1024));
    for socket in field.sockets() {
        for (request, statuses) in [(&over, &[413, 403][..]), (&endless, &[431, 414, 400])] {
            let status = status_of(&send(&socket, request.as_bytes()));
            assert!(status.is_none_or(|status| statuses.contains(&status)), "{status:?}");
        }
    }
    field.daemon.create(json!({"title": "still there"}));
    let log = field.daemon.log();
    assert!(!log.contains("panicked"), "{log}");
    let status = std::fs::read_to_string(format!("/proc/{}/status", field.daemon.pid())).unwrap();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    let peak_kib: u64 = peak.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(peak_kib < PEAK_KIB_MAX, "the daemon grew to {peak_kib} KiB");
}
