//! Lists as replies: a short list at once, a long one page by page while it is read.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::api::Api;
use crate::api::call::{Answer, Call, json_bytes, unwritable};
use crate::api::limits::{LIST_PAGE_BYTES, LIST_PAGE_ITEMS};
use crate::api::outflow::{Outflow, outflow};
use crate::api::reply::Held;
use crate::kernel::caller::Caller;
use crate::kernel::error::VerbError;
use crate::kernel::queries::{PageOf, Paged, Snapshot};
use crate::kernel::store::PageBounds;

const BOUNDS: PageBounds = PageBounds { items: LIST_PAGE_ITEMS, bytes: LIST_PAGE_BYTES };

/// Answers a list.
pub fn run<P: Paged + DeserializeOwned>(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let query: P = call.input.from_query()?;
        let first = move |snapshot: &Snapshot<'_>| query.first(snapshot, BOUNDS);
        let caller = call.by.caller;
        let page = api.service.readers.read_then(caller.clone(), first, written).await?;
        match page {
            (whole, None) => Ok(json_bytes(whole)),
            (beginning, Some(rest)) => {
                let (pieces, body) = outflow(Held::list(&call.seat)?);
                tokio::spawn(send::<P>(api, caller, beginning, rest, pieces));
                Ok(streamed(body))
            }
        }
    })
}

/// A page as a JSON array, and what is still to be read.
fn written<T: Serialize, R>(
    (items, rest): PageOf<T, R>,
) -> Result<(Vec<u8>, Option<R>), VerbError> {
    let json = crate::text::json::to_vec(&items).map_err(|error| unwritable(&error))?;
    Ok((json, rest))
}

fn streamed(body: Body) -> Response {
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}

async fn send<P: Paged>(
    api: Arc<Api>,
    caller: Caller,
    beginning: Vec<u8>,
    rest: P::Rest,
    pieces: Outflow,
) {
    let mut array = Array::default();
    let mut page = (beginning, Some(rest));
    loop {
        let (items, rest) = page;
        let piece = array.piece(items, rest.is_none());
        if pieces.send(piece).await.is_err() {
            return;
        }
        let Some(rest) = rest else { return };
        let next = move |snapshot: &Snapshot<'_>| P::next(rest, snapshot, BOUNDS);
        page = match api.service.readers.read_then(caller.clone(), next, written).await {
            Ok(page) => page,
            Err(error) => {
                // What was sent so far must not pass as the whole.
                return pieces.fail(std::io::Error::other(error.to_string())).await;
            }
        };
    }
}

/// A long array that is written page by page.
#[derive(Debug, Default)]
struct Array {
    is_open: bool,
    has_items: bool,
}

impl Array {
    /// What one more page adds, of which `page` is the array by itself.
    fn piece(&mut self, mut page: Vec<u8>, is_last: bool) -> Bytes {
        let has_items = page.len() > 2;
        // Its closing bracket, and its opening one where there is one already.
        page.pop();
        let mut piece = if self.is_open { page.split_off(1) } else { page };
        if self.has_items && has_items {
            piece.insert(0, b',');
        }
        if is_last {
            piece.push(b']');
        }
        self.is_open = true;
        self.has_items |= has_items;
        piece.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_make_one_array() {
        for (pages, expected) in [
            (vec!["[1]"], "[1]"),
            (vec!["[]"], "[]"),
            (vec!["[1,2]", "[3]"], "[1,2,3]"),
            (vec!["[]", "[3]"], "[3]"),
            (vec!["[1]", "[]", "[2]", "[]"], "[1,2]"),
            (vec!["[]", "[]"], "[]"),
        ] {
            let (mut whole, mut array) = (Vec::new(), Array::default());
            for (nth, page) in pages.iter().enumerate() {
                let is_last = nth + 1 == pages.len();
                whole.extend_from_slice(&array.piece(page.as_bytes().to_vec(), is_last));
            }
            assert_eq!(String::from_utf8(whole).unwrap(), expected, "{pages:?}");
        }
    }
}
