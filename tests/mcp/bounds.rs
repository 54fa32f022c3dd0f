//! No reply is larger than an agent takes, whatever the task holds and whatever was asked; parts together are the whole.

use serde_json::{Map, Value, json};

use crate::client::Mcp;
use crate::harness::Board;

/// Bytes of a reply's line: about 8,000 tokens.
const REPLY_BYTES_MAX: usize = 24_000;

const HUGE: &str = "t_00c0ffee";

/// A board with a task that has everything in large amounts, as an export would bring it.
fn huge_board() -> Board {
    let board = Board::quiet();
    let deep = (0..50).fold(json!("\"\u{1}\n"), |inner, n| json!({ format!("k{n}"): inner }));
    let comments: Vec<Value> = (0..500)
        .map(|n| {
            let body = if n < 12 { "c\u{1f600}".repeat(4_000) } else { format!("comment {n}") };
            json!({"author": "ann", "body": body, "created_at": 1_700_000_000 + n})
        })
        .collect();
    let runs: Vec<Value> = (0..300)
        .map(|n| {
            json!({
                "id": n + 1, "profile": "dev", "status": "crashed", "outcome": "crashed", "started_at": 1_700_000_000 + n,
                "ended_at": 1_700_000_001 + n, "summary": "s\"\\".repeat(if n % 50 == 0 { 2000 } else { 20 }),
                "error": "e\n".repeat(200), "metadata": json!({"n": n, "deep": deep, "list": vec!["x"; 30]}).to_string(),
            })
        })
        .collect();
    let events: Vec<Value> = (0..900)
        .map(|n| json!({"kind": "heartbeat", "payload": {"note": "n\"".repeat(n)}, "created_at": 1_700_000_000}))
        .collect();
    let task = json!({
        "id": HUGE, "title": "\u{202e}\u{1}t\"".repeat(400), "body": "w".repeat(150_000), "status": "blocked",
        "created_at": 1_700_000_000, "result": "r".repeat(50_000), "tenant": "t\"".repeat(200),
    });
    let mut lines = vec![
        json!({"kanban_export": 1, "board": "default", "source": "test", "tasks": 1001})
            .to_string(),
        json!({"task": task, "comments": comments, "runs": runs, "events": events}).to_string(),
    ];
    for n in 0..1000 {
        let child = json!({"id": format!("t_{n:08x}"), "title": "\"child\\".repeat(60), "status": "todo", "created_at": n});
        lines.push(json!({"task": child, "parents": [HUGE]}).to_string());
    }
    let file = board.path("huge.jsonl");
    std::fs::write(&file, lines.join("\n")).unwrap();
    let said = board.say(["import", file.to_str().unwrap()]);
    assert_eq!(said.code, 0, "{said:?}");
    board
}

/// Calls a tool; the line of its reply, which has to be short, and what it says.
fn call(mcp: &mut Mcp, tool: &str, arguments: &Value) -> Value {
    let request = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments},
    });
    mcp.send(&request.to_string());
    let line = mcp.text_line().unwrap();
    let shown: String = arguments.to_string().chars().take(200).collect();
    assert!(line.len() <= REPLY_BYTES_MAX, "{tool} {shown}: {} bytes", line.len());
    let answer: Value = serde_json::from_str(&line).unwrap();
    let text =
        answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}"));
    serde_json::from_str(text).unwrap()
}

/// Values for an argument: one that is good where there is such a thing, and some of the worst.
fn values(name: &str, schema: &Value) -> Vec<Value> {
    let huge = "\u{1}\"x".repeat(300_000);
    let worst = vec![json!(huge), json!([huge]), json!({ "k": huge }), json!(null), json!(1)];
    let good = match (name, schema["type"].as_str().unwrap()) {
        ("task_id" | "parent_id" | "parent", _) => json!(HUGE),
        ("child_id", _) => json!("t_00000001"),
        ("status", _) => json!("todo"),
        ("kind", _) => json!("needs_input"),
        ("workspace_kind", _) => json!("scratch"),
        ("limit", _) => json!(200),
        ("cursor", _) => json!(""),
        ("path", _) => json!("huge.jsonl"),
        ("parents" | "created_cards", _) => {
            (0..1000).map(|n| json!(format!("t_{n:08x}"))).collect()
        }
        ("artifacts", _) => (0..1000).map(|n| json!(format!("{}/{n}", "d".repeat(4000)))).collect(),
        (_, "array") => (0..1000).map(|n| json!(format!("{}{n}", "s".repeat(500)))).collect(),
        (_, "object") => {
            (0..100).map(|n| (format!("k{n}"), json!("v"))).collect::<Map<_, _>>().into()
        }
        (_, "boolean") => json!(true),
        (_, "integer") => json!(7),
        (_, _) => json!("a word"),
    };
    [vec![good], worst].concat()
}

/// Every tool of the list, with every argument of its schema in every value, one at a time beside good ones.
#[test]
fn no_reply_of_any_tool_is_larger_than_an_agent_takes() {
    let board = huge_board();
    let mut mcp = Mcp::start(&board, &["--orchestrator"], &[("KANBAN_TASK", HUGE)]);
    let listed = mcp.ask("tools/list", json!({}));
    assert!(listed.to_string().len() <= REPLY_BYTES_MAX);
    let tools = listed["result"]["tools"].as_array().unwrap().clone();
    assert!(tools.len() >= 10);
    for tool in tools {
        let name = tool["name"].as_str().unwrap();
        let properties = tool["inputSchema"]["properties"].as_object().unwrap();
        let is_required = |argument: &str| {
            tool["inputSchema"]["required"].to_string().contains(&format!("\"{argument}\""))
        };
        let good: Map<String, Value> = properties
            .iter()
            .filter(|(argument, _)| is_required(argument))
            .map(|(argument, schema)| (argument.clone(), values(argument, schema).remove(0)))
            .collect();
        call(&mut mcp, name, &good.clone().into());
        for (argument, schema) in properties {
            for value in values(argument, schema) {
                let mut arguments = good.clone();
                arguments.insert(argument.clone(), value);
                call(&mut mcp, name, &arguments.into());
            }
        }
        let unknown = json!({ "x".repeat(100_000): 1 });
        assert!(call(&mut mcp, name, &unknown)["error"].is_string());
        let all: Map<String, Value> = properties
            .iter()
            .map(|(name, schema)| (name.clone(), values(name, schema).remove(0)))
            .collect();
        call(&mut mcp, name, &all.into());
    }
    let unknown = mcp.ask("tools/call", json!({"name": "x".repeat(100_000), "arguments": {}}));
    assert!(unknown.to_string().len() <= REPLY_BYTES_MAX);
}

#[test]
fn the_parts_of_a_huge_task_hold_everything_that_it_has() {
    let board = huge_board();
    let mut mcp = Mcp::start(&board, &["--orchestrator"], &[("KANBAN_TASK", HUGE)]);
    let mut parts = vec![call(&mut mcp, "kanban_show", &json!({}))];
    assert_eq!(parts[0]["task"]["id"], HUGE);
    assert!(
        parts[0]["worker_context"].as_str().unwrap().starts_with("# Kanban task"),
        "what to know comes first"
    );
    while let Some(cursor) = parts.last().unwrap().get("next_cursor") {
        let next = call(&mut mcp, "kanban_show", &json!({ "cursor": cursor }));
        assert!(next["error"].is_null(), "{next}");
        parts.push(next);
        assert!(parts.len() < 1000, "there is no end of it");
    }
    let of = |section: &str| -> Vec<&Value> {
        parts.iter().filter_map(|part| part[section].as_array()).flatten().collect()
    };
    // The long texts of the task come behind what a worker has to know.
    assert_eq!(parts[0]["task"]["in_task_texts"], json!(["body", "result", "title"]));
    for (field, text) in [("body", "w".repeat(150_000)), ("result", "r".repeat(50_000))] {
        let pieces = parts.iter().map(|part| &part["task_texts"]);
        let pieces = pieces.filter(|piece| piece["piece"]["field"] == field);
        let given: String = pieces.map(|piece| piece[field].as_str().unwrap()).collect();
        assert!(given == text, "{field}: {} bytes", given.len());
    }
    assert_eq!(of("children").len(), 1000);
    let comments = of("comments");
    assert!(comments.iter().any(|comment| comment["body"] == "comment 499"));
    let whole = comments.iter().filter(|comment| comment["piece"].is_null()).count();
    assert!(whole >= 488, "{whole}");
    let last = board.runs(HUGE).pop().unwrap()["id"].clone();
    assert!(of("runs").iter().any(|run| run["id"] == last));
    assert!(!of("events").is_empty());
}

#[test]
fn a_cursor_that_leads_nowhere_is_refused_with_what_to_do() {
    let board = Board::quiet();
    let id = board.create("t", &[]);
    let mut mcp = Mcp::start(&board, &["--orchestrator"], &[("KANBAN_TASK", &id)]);
    for cursor in ["nonsense.0", "comments.0.body.7", "task.0.mood.0", "a.b.c", "task.-1"] {
        let said = mcp.refused("kanban_show", json!({ "cursor": cursor }));
        assert_eq!(said["code"], "invalid_value", "{said}");
        assert!(said["hint"].as_str().unwrap().contains("next_cursor"), "{said}");
    }
    // A section's name is its beginning.
    let said = mcp.ok("kanban_show", json!({"cursor": "comments"}));
    assert!(said["task"].is_null() && said["next_cursor"].is_null(), "{said}");
}
