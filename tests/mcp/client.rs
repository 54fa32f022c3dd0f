//! A client that speaks the protocol by hand, line by line.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};

use serde_json::{Value, json};

use crate::harness::{Board, DEADLINE, until};

pub struct Mcp {
    child: Child,
    stdin: Option<ChildStdin>,
    /// What it says, line by line; ends when its output does.
    lines: Receiver<String>,
    next_id: i64,
    pub hello: Value,
}

impl Mcp {
    /// Starts it with these arguments and variables, and says hello.
    pub fn start(board: &Board, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut mcp = Self::start_silent(board, arguments, variables);
        mcp.hello = mcp.ask(
            "initialize",
            json!({
                "protocolVersion": "2025-06-18", "capabilities": {},
                "clientInfo": {"name": "test", "version": "1"},
            }),
        )["result"]
            .clone();
        mcp.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string());
        mcp
    }

    /// Starts it and says nothing.
    pub fn start_silent(board: &Board, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut all = vec!["mcp"];
        all.extend_from_slice(arguments);
        let mut command = board.command(&all);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        for (name, value) in variables {
            command.env(name, value);
        }
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, stdin, lines, next_id: 0, hello: Value::Null }
    }

    /// As the worker of the task's run, which is running.
    pub fn in_run_of(board: &Board, id: &str) -> Self {
        let run = board.runs(id).pop().unwrap()["id"].as_i64().unwrap();
        let token = board.home().join(format!("runs/{run}/token"));
        let run = run.to_string();
        Self::start(
            board,
            &[],
            &[
                ("KANBAN_TOKEN_FILE", token.to_str().unwrap()),
                ("KANBAN_RUN", &run),
                ("KANBAN_TASK", id),
            ],
        )
    }

    pub fn send(&mut self, line: &str) {
        self.send_raw(line);
        self.send_raw("\n");
    }

    /// Sends a part of a line.
    pub fn send_raw(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(text.as_bytes()).unwrap();
        stdin.flush().unwrap();
    }

    /// Sends bytes that may be no text.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(bytes).unwrap();
        stdin.flush().unwrap();
    }

    /// The next line that it says; none at its end.
    pub fn line(&mut self) -> Option<Value> {
        self.text_line().map(|line| serde_json::from_str(&line).unwrap())
    }

    /// The same as it was written.
    pub fn text_line(&mut self) -> Option<String> {
        match self.lines.recv_timeout(DEADLINE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("hung: it does not answer"),
        }
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Closes its input; its output can still be read.
    pub fn close_input(&mut self) {
        self.stdin = None;
    }

    pub fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.next_id += 1;
        let id = self.next_id;
        self.send(
            &json!({"jsonrpc": "2.0", "id": id, "method": method, "params": parameters})
                .to_string(),
        );
        loop {
            let answer = self.line().expect("it ended without an answer");
            if answer["id"] == id {
                return answer;
            }
        }
    }

    /// Names of the tools that are shown.
    pub fn tools(&mut self) -> Vec<String> {
        let answer = self.ask("tools/list", json!({}));
        let tools = answer["result"]["tools"].as_array().unwrap_or_else(|| panic!("{answer}"));
        tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    }

    /// Calls a tool: whether it is an error, and what it says.
    pub fn call(&mut self, tool: &str, arguments: Value) -> (bool, Value) {
        let answer = self.ask("tools/call", json!({"name": tool, "arguments": arguments}));
        let result = &answer["result"];
        let text = result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}"));
        (result["isError"] == true, serde_json::from_str(text).unwrap())
    }

    pub fn ok(&mut self, tool: &str, arguments: Value) -> Value {
        let (is_error, said) = self.call(tool, arguments);
        assert!(!is_error, "{tool}: {said}");
        said
    }

    pub fn refused(&mut self, tool: &str, arguments: Value) -> Value {
        let (is_error, said) = self.call(tool, arguments);
        assert!(is_error, "{tool} was not refused: {said}");
        said
    }

    /// Hangs up; returns its exit code.
    pub fn end(mut self) -> Option<i32> {
        self.stdin = None;
        until("the server to end", || self.child.try_wait().unwrap()).code()
    }
}

impl Drop for Mcp {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
