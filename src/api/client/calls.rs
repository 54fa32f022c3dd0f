//! The calls of a client: what reads, and what has something done under a request id of its own.

use bytes::Bytes;
use hyper::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::api::client::error::ClientError;
use crate::api::client::exchange::{BYTES, Client, JSON, Known, Outgoing};
use crate::api::client::query::with_query;
use crate::kernel::error::ErrorCode;
use crate::kernel::json;
use crate::kernel::limits::REQUEST_BYTES_MAX;

/// A reply that is not JSON.
pub struct RawReply {
    /// Its headers.
    pub headers: hyper::HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Client {
    /// Reads.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &impl Serialize,
    ) -> Result<T, ClientError> {
        parse(&self.get_raw(path, query)?.body)
    }

    /// Reads something that is not JSON.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn get_raw(&self, path: &str, query: &impl Serialize) -> Result<RawReply, ClientError> {
        let outgoing = Outgoing {
            method: Method::GET,
            path: with_query(path, query)?,
            body: Bytes::new(),
            content_type: JSON,
            request_id: None,
        };
        self.wait(async {
            let reply = self.patiently(Known::Nothing, async |was_connected| {
                let (parts, body) = self.send_once(&outgoing, was_connected).await?.into_parts();
                Ok(RawReply { headers: parts.headers, body: self.read_all(body).await? })
            });
            reply.await
        })
    }

    /// Has something done.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        self.change(Method::POST, path, body)
    }

    /// Has something done with a body that may be longer than other requests.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn post_large<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let body =
            serde_json::to_vec(body).map_err(|error| ClientError::Local(error.to_string()))?;
        self.change_by(Method::POST, path.to_owned(), body.into(), JSON)
    }

    /// Has some fields changed.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn patch<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        self.change(Method::PATCH, path, body)
    }

    fn change<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let body =
            serde_json::to_vec(body).map_err(|error| ClientError::Local(error.to_string()))?;
        if body.len() > REQUEST_BYTES_MAX {
            // The daemon would hang up in the middle of it.
            let message = format!(
                "the request is too large: {} bytes, at most {REQUEST_BYTES_MAX}",
                body.len()
            );
            return Err(ClientError::refused(ErrorCode::TooLarge, message));
        }
        self.change_by(method, path.to_owned(), body.into(), JSON)
    }

    /// Has something done with bytes. They stay in memory, so that they can be sent again.
    ///
    /// # Errors
    /// [`ClientError`].
    pub(super) fn post_bytes<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &impl Serialize,
        body: Bytes,
    ) -> Result<T, ClientError> {
        self.change_by(Method::POST, with_query(path, query)?, body, BYTES)
    }

    fn change_by<T: DeserializeOwned>(
        &self,
        method: Method,
        path: String,
        body: Bytes,
        content_type: &'static str,
    ) -> Result<T, ClientError> {
        let request_id = Some(self.new_request_id()?);
        let outgoing = Outgoing { method, path, body, content_type, request_id };
        self.wait(async {
            let reply = self.patiently(Known::Nothing, async |was_connected| {
                let response = self.send_once(&outgoing, was_connected).await?;
                self.read_all(response.into_body()).await
            });
            parse(&reply.await?)
        })
    }
}

/// A reply that is JSON.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ClientError> {
    json::from_slice(body).map_err(|error| ClientError::Unreadable(error.to_string()))
}
