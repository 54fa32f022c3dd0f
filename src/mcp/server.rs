//! The protocol, on standard input and output.
//!
//! Which tools are shown is settled at the start: inside a run those of a worker, for an orchestrator all of
//! them, for anybody else none (the capability is announced all the same, so that clients do not take it for a fault). What a
//! call may *do* is settled by the daemon, every time.

use std::path::Path;
use std::sync::Arc;

use rmcp::ErrorData;
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorCode as RpcCode,
    Implementation, ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig,
    Tool as ShownTool,
};
use rmcp::service::{RequestContext, RoleServer, ServiceExt as _};
use rmcp::transport::async_rw::AsyncRwTransport;
use serde_json::{Map, Value, json};

use crate::api::client::{Client, ClientError, artifacts_field, task_path};
use crate::api::error::ErrorDetail;
use crate::api::operations::{Carries, Method, Operation};
use crate::api::whoami::{CallerKind, WhoAmI};
use crate::config::Ambient;
use crate::kernel::error::ErrorCode;
use crate::mcp::arguments::to_request;
use crate::mcp::guidance::GUIDANCE;
use crate::mcp::replies;
use crate::mcp::tools::{Audience, Given, TOOLS, Tool, find};
use crate::text::json;

/// Longest message that is read, bytes. Far more than the daemon takes: what is longer is passed over without an answer, and
/// whoever sent it would wait for ever, while up to here it is told that its arguments are too large.
const LINE_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Tasks that are listed when a model does not say how many, and at most: a reply is paid for by the word.
const LIST_DEFAULT: usize = 50;
/// See [`LIST_DEFAULT`].
const LIST_MAX: usize = 200;

/// What the server was started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The process's surroundings; with `--socket` they name that socket.
    pub ambient: Ambient,
    /// Shows the tools of an orchestrator.
    pub is_orchestrator: bool,
}

/// Serves until the client closes its end.
///
/// # Errors
/// One line: the protocol could not be spoken.
pub fn serve(options: Options) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    // Asked before anything is served: the client of the daemon waits, and the protocol's first answer needs it.
    let part = Part::of(&options);
    let options = Arc::new(options);
    let served = runtime.block_on(async {
        let server = Server { options, part };
        let (input, output) = rmcp::transport::io::stdio();
        let transport = AsyncRwTransport::new(input, output).with_max_line_length(LINE_BYTES_MAX);
        let running = server
            .serve(transport)
            .await
            .map_err(|error| format!("the client did not initialize: {error}"))?;
        running.waiting().await.map(drop).map_err(|error| error.to_string())
    });
    // A call whose client is gone is not waited for; what it asked for is done or not, as the board says.
    runtime.shutdown_background();
    served
}

/// The part that this process plays, as far as it is known.
#[derive(Debug, Clone, Default)]
struct Part {
    is_worker: bool,
    is_orchestrator: bool,
    own_task: Option<String>,
}

impl Part {
    fn of(options: &Options) -> Self {
        let named = options.ambient.var("KANBAN_TASK").filter(|id| !id.is_empty());
        let told = Client::new(&options.ambient)
            .and_then(|client| client.get::<WhoAmI>("/v1/whoami", &json!({})));
        match told {
            Ok(me) if me.kind == CallerKind::Worker => Self {
                is_worker: true,
                is_orchestrator: options.is_orchestrator || me.is_orchestrator,
                own_task: me.task_id,
            },
            // The variable shows the tools. What they may do is not decided here.
            Ok(_) | Err(_) => Self {
                is_worker: named.is_some(),
                is_orchestrator: options.is_orchestrator,
                own_task: named.map(str::to_owned),
            },
        }
    }

    fn sees(&self, tool: &Tool) -> bool {
        match tool.audience {
            Audience::Workers => self.is_worker || self.is_orchestrator,
            Audience::Orchestrators => self.is_orchestrator,
        }
    }
}

#[derive(Debug, Clone)]
struct Server {
    options: Arc<Options>,
    part: Part,
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        let server = Implementation::new("kanban", env!("CARGO_PKG_VERSION"));
        let info = ServerConfig::new(capabilities).with_server_info(server);
        if self.part.is_worker { info.with_instructions(GUIDANCE) } else { info }
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let shown = TOOLS.iter().filter(|tool| self.part.sees(tool));
        let tools = shown.map(|tool| ShownTool::new(tool.name, tool.about, tool.input_schema()));
        Ok(ListToolsResult::with_all_items(tools.collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let tool = find(&request.name).filter(|tool| self.part.sees(tool));
        let Some(tool) = tool else {
            let message = format!("unknown tool: {}", crate::kernel::tx::shorten(&request.name));
            return Err(ErrorData::new(RpcCode::INVALID_PARAMS, message, None));
        };
        let arguments = request.arguments.unwrap_or_default();
        let fields = match to_request(tool, &arguments, self.part.own_task.as_deref()) {
            Ok(fields) => fields,
            Err(problem) => return Ok(refused("invalid_arguments", &problem, None).into()),
        };
        let options = Arc::clone(&self.options);
        let called = tokio::task::spawn_blocking(move || call(&options, tool, &fields)).await;
        let answer = match called {
            Ok(Ok(reply)) => CallToolResult::success(vec![ContentBlock::text(as_text(&reply))]),
            Ok(Err(error)) => told(&error),
            Err(error) => refused("internal", &error.to_string(), None),
        };
        Ok(answer.into())
    }
}

/// Calls the operation of a tool.
fn call(options: &Options, tool: &Tool, fields: &Map<String, Value>) -> Result<Value, ClientError> {
    let unknown =
        || ClientError::Local(format!("{} calls an operation that is not there", tool.name));
    let operation = tool.operation().ok_or_else(unknown)?;
    let client = Client::new(&options.ambient)?;
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let id = text("id").unwrap_or_default();
    if operation.carries == Carries::File {
        let file = Path::new(text("path").unwrap_or_default());
        let reply = client.attach(id, file, text("filename"), None)?;
        return Ok(replies::of_operation(tool.operation, &json!(reply)));
    }
    let (path, mut fields) = addressed(operation, id, fields)?;
    take_files(tool, &mut fields)?;
    let list_limit = (tool.operation == "list").then(|| take_limit(&mut fields)).transpose()?;
    let reply: Value = match operation.method {
        Method::Get => client.get(&path, &fields)?,
        Method::Post => client.post(&path, &fields)?,
        Method::Patch => client.patch(&path, &fields)?,
    };
    if tool.operation == "show" {
        let context: Value = client.get(&task_path(id, "context")?, &json!({}))?;
        return Ok(replies::of_show(&reply, &context));
    }
    Ok(match list_limit {
        Some(limit) => replies::of_list(&reply, limit),
        None => replies::of_operation(tool.operation, &reply),
    })
}

/// Puts what is recorded of files in the place of their paths.
fn take_files(tool: &Tool, fields: &mut Map<String, Value>) -> Result<(), ClientError> {
    for field in tool.fields.iter().filter(|field| field.given == Given::Paths) {
        if let Some(Value::Array(paths)) = fields.get(field.of) {
            let taken = artifacts_field(paths.iter().filter_map(Value::as_str))?;
            fields.insert(field.of.to_owned(), taken);
        }
    }
    Ok(())
}

/// How many tasks are listed; the request asks for one more, to know whether there is one.
fn take_limit(fields: &mut Map<String, Value>) -> Result<usize, ClientError> {
    let limit = match fields.get("limit").and_then(Value::as_u64) {
        None if fields.contains_key("limit") => None,
        None => Some(LIST_DEFAULT),
        Some(limit) => usize::try_from(limit).ok().filter(|limit| (1..=LIST_MAX).contains(limit)),
    };
    let limit = limit.ok_or_else(|| {
        ClientError::Refused(ErrorDetail {
            code: ErrorCode::InvalidValue,
            message: format!("limit must be between 1 and {LIST_MAX}"),
            hint: Some("go on behind next_cursor for more".to_owned()),
        })
    })?;
    fields.insert("limit".to_owned(), (limit + 1).into());
    Ok(limit)
}

/// The path of a request with the id in its place, and the fields that are left.
fn addressed(
    operation: &Operation,
    id: &str,
    fields: &Map<String, Value>,
) -> Result<(String, Map<String, Value>), ClientError> {
    let Some(rest) = operation.path.strip_prefix("/v1/tasks/{id}") else {
        return Ok((operation.path.to_owned(), fields.clone()));
    };
    let mut fields = fields.clone();
    fields.remove("id");
    Ok((task_path(id, rest.trim_start_matches('/'))?, fields))
}

fn told(error: &ClientError) -> CallToolResult {
    match error {
        ClientError::Refused(detail) | ClientError::Fault(detail) => {
            let code = serde_json::to_value(detail.code).unwrap_or_default();
            refused(code.as_str().unwrap_or("unknown"), &detail.message, detail.hint.as_deref())
        }
        other => refused("unavailable", &other.to_string(), Some("try again in a moment")),
    }
}

/// An error that a model can act on.
fn refused(code: &str, message: &str, hint: Option<&str>) -> CallToolResult {
    let mut error = json!({ "error": message, "code": code });
    if let (Some(hint), Value::Object(fields)) = (hint, &mut error) {
        fields.insert("hint".to_owned(), hint.into());
    }
    CallToolResult::error(vec![ContentBlock::text(as_text(&error))])
}

/// A reply as text.
fn as_text(reply: &Value) -> String {
    // A value of JSON has a form in JSON.
    json::to_string(reply).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every agent carries the schemas through its whole run.
    #[test]
    fn the_schemas_of_all_tools_cost_less_than_2500_tokens() {
        let tools: Vec<ShownTool> = TOOLS
            .iter()
            .map(|tool| ShownTool::new(tool.name, tool.about, tool.input_schema()))
            .collect();
        let bytes = serde_json::to_string(&tools).unwrap().len();
        assert!(bytes / 4 < 2_500, "{} tokens", bytes / 4);
    }
}
