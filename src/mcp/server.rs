//! The protocol, on standard input and output.
//!
//! Which tools are shown is settled at the start: inside a run those of a worker, for an orchestrator all of
//! them, for anybody else none (the capability is announced all the same, so that clients do not take it for a fault). What a
//! call may *do* is settled by the daemon, every time.

use std::sync::Arc;
use std::time::Duration;

use rmcp::ErrorData;
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorCode as RpcCode,
    Implementation, ListToolsResult, PaginatedRequestParams, ProgressNotificationParam,
    ServerCapabilities, ServerConfig, Tool as ShownTool,
};
use rmcp::service::{RequestContext, RoleServer, ServerInitializeError, ServiceExt as _};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::api::client::{Client, ClientError};
use crate::config::Ambient;
use crate::kernel::error::{Edge, Hint};
use crate::kernel::run::RunRole;
use crate::mcp::arguments::to_request;
use crate::mcp::calls::{ASK, call};
use crate::mcp::guidance::{GUIDANCE, REVIEW_GUIDANCE};
use crate::mcp::tools::{Audience, TOOLS, Tool, find};
use crate::mcp::wire::Wire;
use crate::mcp::{clipped, predecessor};
use crate::service::whoami::{CallerKind, WhoAmI};
use crate::text::json;

/// Calls that are made at the same time; the others wait. Each has a connection of its own.
const CALLS_MAX: usize = 8;

/// Pause between notifications of progress.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(5);

/// Characters of an error, and of its hint: texts of the caller may be quoted in them.
const ERROR_CHARS_MAX: usize = 1500;

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
        let turns = || Arc::new(Semaphore::new(CALLS_MAX));
        let server = Server { options, part, calls: turns(), asks: turns() };
        let running = match server.serve(Wire::open()).await {
            Ok(running) => running,
            // A client that ends before it has begun wanted nothing.
            Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
            Err(error) => return Err(format!("the client did not initialize: {error}")),
        };
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
    is_review: bool,
    is_orchestrator: bool,
    own_task: Option<String>,
}

impl Part {
    fn of(options: &Options) -> Self {
        let named = options.ambient.var("KANBAN_TASK").filter(|id| !id.is_empty());
        let report = Client::new(&options.ambient)
            .and_then(|client| client.get::<WhoAmI>("/v1/whoami", &json!({})));
        match report {
            Ok(me) if me.kind == CallerKind::Worker => Self {
                is_worker: true,
                is_review: me.role.as_deref() == Some(RunRole::Review.as_str()),
                is_orchestrator: options.is_orchestrator || me.is_orchestrator,
                own_task: me.task_id,
            },
            // The variable shows the tools. What they may do is not decided here.
            Ok(_) | Err(_) => Self {
                is_worker: named.is_some(),
                is_review: options.ambient.var("KANBAN_ROLE") == Some(RunRole::Review.as_str()),
                is_orchestrator: options.is_orchestrator,
                own_task: named.map(str::to_owned),
            },
        }
    }

    fn sees(&self, tool: &Tool) -> bool {
        match tool.audience {
            Audience::Workers => self.is_worker || self.is_orchestrator,
            Audience::Work => (self.is_worker || self.is_orchestrator) && !self.is_review,
            Audience::Reviews => self.is_worker && self.is_review,
            Audience::Orchestrators => self.is_orchestrator,
        }
    }
}

#[derive(Debug, Clone)]
struct Server {
    options: Arc<Options>,
    part: Part,
    calls: Arc<Semaphore>,
    asks: Arc<Semaphore>,
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        let server = Implementation::new("kanban", env!("CARGO_PKG_VERSION"));
        let info = ServerConfig::new(capabilities).with_server_info(server);
        match (self.part.is_worker, self.part.is_review) {
            (false, _) => info,
            (true, false) => info.with_instructions(GUIDANCE),
            (true, true) => info.with_instructions(REVIEW_GUIDANCE),
        }
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        if request.is_some_and(|request| request.cursor.is_some()) {
            let message = "cursor: the list of tools has one page";
            return Err(ErrorData::new(RpcCode::INVALID_PARAMS, message, None));
        }
        let shown = TOOLS.iter().filter(|tool| self.part.sees(tool));
        let tools = shown.map(|tool| ShownTool::new(tool.name, tool.about, tool.input_schema()));
        Ok(ListToolsResult::with_all_items(tools.collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        // A verdict of the other role is the daemon's to refuse: it knows what ends this run.
        let is_verdict = |tool: &Tool| matches!(tool.audience, Audience::Work | Audience::Reviews);
        let may_call =
            |tool: &&Tool| self.part.sees(tool) || (self.part.is_worker && is_verdict(tool));
        let tool = find(&request.name).filter(may_call);
        let Some(tool) = tool else {
            let name = crate::kernel::shorten::shorten(&request.name);
            let message = match predecessor::instead_of_tool(&request.name) {
                Some(instead) => format!("unknown tool: {name}; {instead}"),
                None => format!("unknown tool: {name}"),
            };
            return Err(ErrorData::new(RpcCode::INVALID_PARAMS, message, None));
        };
        let arguments = request.arguments.unwrap_or_default();
        let fields = match to_request(tool, &arguments, self.part.own_task.as_deref()) {
            Ok(fields) => fields,
            Err(problem) => return Ok(refused("invalid_arguments", &problem, None).into()),
        };
        let options = Arc::clone(&self.options);
        // A call that waits for a person keeps no other from being made. Never closed, so a call that waited is made.
        let turns = if tool.operation == ASK { &self.asks } else { &self.calls };
        let turn = Arc::clone(turns).acquire_owned().await;
        let called = tokio::task::spawn_blocking(move || call(&options.ambient, tool, &fields));
        let called = with_progress(called, &context).await;
        drop(turn);
        let answer = match called {
            Ok(Ok(reply)) => CallToolResult::success(vec![ContentBlock::text(as_text(&reply))]),
            Ok(Err(error)) => report(&error),
            Err(error) => refused("internal", &error.to_string(), None),
        };
        Ok(answer.into())
    }
}

/// Waits for a call; a client that asked for it hears from time to time that the call goes on.
async fn with_progress<T>(
    called: tokio::task::JoinHandle<T>,
    context: &RequestContext<RoleServer>,
) -> Result<T, tokio::task::JoinError> {
    let Some(token) = context.meta.get_progress_token() else { return called.await };
    let mut called = called;
    let begin = tokio::time::Instant::now();
    loop {
        match tokio::time::timeout(PROGRESS_INTERVAL, &mut called).await {
            Ok(done) => return done,
            Err(_elapsed) => {
                let seconds = begin.elapsed().as_secs_f64();
                let progress = ProgressNotificationParam::new(token.clone(), seconds);
                // A client that has gone needs no progress.
                drop(context.peer.notify_progress(progress).await);
            }
        }
    }
}

fn report(error: &ClientError) -> CallToolResult {
    match error {
        ClientError::Refused(detail) | ClientError::Fault(detail) => {
            // What the client refuses itself has none.
            let of_code = || Hint::of_code(detail.code.known()?)?.render(Edge::Tools);
            let hint = detail.hint.clone().or_else(of_code);
            refused(detail.code.as_str(), &detail.message, hint.as_deref())
        }
        other => refused("unavailable", &other.to_string(), Some("try again in a moment")),
    }
}

/// An error that a model can act on.
fn refused(code: &str, message: &str, hint: Option<&str>) -> CallToolResult {
    let mut error = json!({ "error": clipped(message, ERROR_CHARS_MAX), "code": code });
    if let (Some(hint), Value::Object(fields)) = (hint, &mut error) {
        fields.insert("hint".to_owned(), clipped(hint, ERROR_CHARS_MAX).into());
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

    #[test]
    fn the_schemas_of_a_workers_tools_take_at_most_7500_bytes() {
        let tools: Vec<ShownTool> = TOOLS
            .iter()
            .filter(|tool| matches!(tool.audience, Audience::Workers | Audience::Work))
            .map(|tool| ShownTool::new(tool.name, tool.about, tool.input_schema()))
            .collect();
        let bytes = serde_json::to_string(&tools).unwrap().len();
        assert!(bytes <= 7_500, "{bytes} bytes");
    }
}
