//! What is too large to hold: a reply that is read in pieces, a request that is sent from a file.

use std::fs::File;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Either};
use hyper::Method;
use hyper::body::Incoming;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::api::client::calls::parse;
use crate::api::client::error::ClientError;
use crate::api::client::exchange::{BYTES, Client, Known, Outgoing};
use crate::api::client::file_body::FileBody;
use crate::api::client::query::with_query;

/// Time in which a file is sent, checked and answered.
const FILE_TIME: Duration = Duration::from_secs(6 * 60 * 60);

/// A reply that comes in pieces.
pub struct Download<'c> {
    client: &'c Client,
    body: Incoming,
}

impl Download<'_> {
    /// The next piece; none at the end.
    ///
    /// # Errors
    /// [`ClientError`]: what came so far is not the whole.
    pub fn piece(&mut self) -> Result<Option<Bytes>, ClientError> {
        loop {
            let broken = |error: hyper::Error| ClientError::Lost(error.to_string());
            let frame = self.client.wait(async { Ok(self.body.frame().await) })?;
            match frame.transpose().map_err(broken)? {
                None => return Ok(None),
                Some(frame) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }
}

impl Client {
    /// Reads something of any size.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn download(
        &self,
        path: &str,
        query: &impl Serialize,
    ) -> Result<Download<'_>, ClientError> {
        let outgoing = Outgoing::get(with_query(path, query)?);
        let response = self.wait(self.send_patiently(&outgoing, Known::Nothing))?;
        Ok(Download { client: self, body: response.into_body() })
    }

    /// Sends a file, once: what became of it is not known when the connection breaks.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn upload<T: DeserializeOwned>(&self, path: &str, file: File) -> Result<T, ClientError> {
        let metadata = file.metadata().map_err(|error| ClientError::Local(error.to_string()))?;
        let body = Either::Right(FileBody::new(file, metadata.len()));
        let outgoing = Outgoing {
            method: Method::POST,
            path: path.to_owned(),
            body: Bytes::new(),
            content_type: BYTES,
            request_id: None,
        };
        let mut was_connected = false;
        self.wait(async {
            let sent = self.send_body(&outgoing, body, FILE_TIME, &mut was_connected).await;
            parse(&self.read_all(sent?.into_body()).await?)
        })
        .map_err(|error| match error {
            ClientError::NotReachable { detail, .. } if was_connected => ClientError::Lost(detail),
            error => error,
        })
    }
}
