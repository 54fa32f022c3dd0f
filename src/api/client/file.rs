//! What is too large to hold: a reply that is read in pieces, a request that is sent from a file.

use std::fs::File;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Either};
use hyper::body::Incoming;
use hyper::{HeaderMap, Method};
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
    headers: HeaderMap,
    body: Incoming,
}

impl Download<'_> {
    /// The header of a name, as a value of this type; none when it is not there or not such a value.
    pub fn header<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.headers.get(name)?.to_str().ok()?.parse().ok()
    }

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
        self.open_download(path, query, Known::Nothing)
    }

    /// The same of a daemon that was there a moment ago: it is waited for while it restarts.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn download_again(
        &self,
        path: &str,
        query: &impl Serialize,
    ) -> Result<Download<'_>, ClientError> {
        self.open_download(path, query, Known::WasThere)
    }

    fn open_download(
        &self,
        path: &str,
        query: &impl Serialize,
        known: Known,
    ) -> Result<Download<'_>, ClientError> {
        let outgoing = Outgoing::get(with_query(path, query)?);
        let response = self.wait(self.send_patiently(&outgoing, known))?;
        let (parts, body) = response.into_parts();
        Ok(Download { client: self, headers: parts.headers, body })
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
