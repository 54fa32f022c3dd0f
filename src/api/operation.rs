//! One row of the table of operations: the description of an operation, and its handler.

use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::api::Api;
use crate::api::call::{Answer, Call, run_query, run_verb};
use crate::api::listing;
use crate::kernel::queries::{Paged, Query};
use crate::kernel::verb::Verb;

/// HTTP methods in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Writes.
    Post,
    /// Changes some fields.
    Patch,
}

/// What a request brings along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carries {
    /// Fields in the query, or a JSON object, of bounded size.
    Fields,
    /// A file, which the operation reads itself.
    File,
}

/// Operations that are not served over TCP: they read or replace the whole board, they change the daemon, or only programs need
/// them. Every other one is.
pub const NOT_FOR_WEB: &[&str] = &[
    "backup",
    "restore",
    "export",
    "plan_import",
    "import",
    "import_large",
    "import_links",
    "reload",
    "log_level",
    "metrics",
    "claim",
    "heartbeat",
    "rate_limited",
    "ask",
    "notify_subscribe",
    "notify_unsubscribe",
    "notify_watch",
    "notify_outbox",
    "notify_retry",
    "notify_drop",
    "notify_test",
    "lease_outbox",
    "settle_outbox",
    "courier_channels",
    "report_channel",
    "chat_inbound",
    "chat_cursors",
    "chat_allow",
    "chat_deny",
    "chat_people",
    "web_link",
    "web_sessions",
    "web_revoke",
];

impl Operation {
    /// Whether the board on the web may ask for it.
    pub fn is_for_web(&self) -> bool {
        !NOT_FOR_WEB.contains(&self.name)
    }
}

impl Method {
    /// As OpenAPI writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Patch => "patch",
        }
    }
}

/// One operation.
pub struct Operation {
    /// Its name: the CLI's verb, where there is one.
    pub name: &'static str,
    /// Method.
    pub method: Method,
    /// Path with `{parameters}`.
    pub path: &'static str,
    /// One line for people.
    pub summary: &'static str,
    /// Schema of the request's fields, those of the path included.
    pub request: fn(&mut SchemaGenerator) -> Schema,
    /// Schema of the reply.
    pub reply: fn(&mut SchemaGenerator) -> Schema,
    /// What its requests bring along.
    pub carries: Carries,
    /// What it does.
    pub run: fn(Arc<Api>, Call) -> Answer,
}

fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// A row whose operation is written by hand.
pub const fn by_hand<Q: JsonSchema, R: JsonSchema>(
    name: &'static str,
    method: Method,
    path: &'static str,
    summary: &'static str,
    run: fn(Arc<Api>, Call) -> Answer,
) -> Operation {
    Operation {
        name,
        method,
        path,
        summary,
        request: schema::<Q>,
        reply: schema::<R>,
        carries: Carries::Fields,
        run,
    }
}

/// A row for a verb that needs nothing but the database.
pub const fn verb<V, R>(path: &'static str, summary: &'static str) -> Operation
where
    V: Verb<Reply = R> + DeserializeOwned + JsonSchema,
    R: JsonSchema + Serialize,
{
    Operation {
        name: V::NAME,
        method: Method::Post,
        path,
        summary,
        request: schema::<V>,
        reply: schema::<R>,
        carries: Carries::Fields,
        run: run_verb::<V>,
    }
}

/// A row for a list.
pub const fn list<P>(path: &'static str, summary: &'static str) -> Operation
where
    P: Paged + DeserializeOwned + JsonSchema,
    P::Item: JsonSchema,
{
    Operation {
        name: <P as Paged>::NAME,
        method: Method::Get,
        path,
        summary,
        request: schema::<P>,
        reply: schema::<Vec<P::Item>>,
        carries: Carries::Fields,
        run: listing::run::<P>,
    }
}

/// A row for a query.
pub const fn query<Q, R>(path: &'static str, summary: &'static str) -> Operation
where
    Q: Query<Reply = R> + DeserializeOwned + JsonSchema,
    R: JsonSchema + Serialize,
{
    Operation {
        name: Q::NAME,
        method: Method::Get,
        path,
        summary,
        request: schema::<Q>,
        reply: schema::<R>,
        carries: Carries::Fields,
        run: run_query::<Q>,
    }
}
