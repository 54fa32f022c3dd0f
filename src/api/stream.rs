//! The stream of a page: one WebSocket with what changes on the board that it shows, and the log that it follows.
//!
//! | the page sends | the daemon sends |
//! |---|---|
//! | `{"subscribe": {"board", "after"}}` | `hello` at once; `delta`, `seen`, `facts`, `resync` from then on |
//! | `{"log": {"task", "run"}}`, `{"log": null}` | `log` pieces |
//! | `{"pong": n}` | `{"ping": n}` at least every 20 s |
//!
//! A page that reads nothing holds up nobody: its queue is bounded, and behind it it reads the board again. A frame that cannot be
//! written for 30 s ends the connection.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts as _, Request};
use axum::response::Response;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::actors::root::Life;
use crate::api::Api;
use crate::api::error::ApiError;
use crate::api::gate::Seat;
use crate::api::gate::ledger::Thing;
use crate::api::gate::shed::Phase;
use crate::api::origin::Origin;
use crate::api::reply::Held;
use crate::api::web::assets;
use crate::api::web::visit::Visit;
use crate::kernel::caller::Caller;
use crate::kernel::error::ErrorCode;
use crate::kernel::ids::{BoardName, RunId};
use crate::kernel::queries::cursor_at;
use crate::service::board::feed::{CaughtUp, catch_up};
use crate::service::board::pages::{Page, PageFrame};
use crate::service::life::wait_for_life;
use crate::service::log::{self, GetLog};
use crate::service::{Requester, ServiceError};
use crate::text;

/// Longest silence of the daemon.
const PING_TIME: Duration = Duration::from_secs(20);

/// Longest time to write one frame.
const WRITE_TIME: Duration = Duration::from_secs(30);

/// Bytes that are read ahead of a page's words, and of one of its messages at most: they are short.
const READ_BUFFER_BYTES: usize = 4 * 1024;
/// See [`READ_BUFFER_BYTES`].
const MESSAGE_BYTES_MAX: usize = 16 * 1024;

/// Bytes of a followed log that the page begins with.
const LOG_BYTES_FIRST: u64 = 1024 * 1024;

/// Pieces of a followed log that wait for the page.
const LOG_PIECES_MAX: usize = 4;

/// What a page says.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum FromPage {
    Subscribe(Subscribe),
    Log(Option<FollowLog>),
    Pong(#[expect(dead_code, reason = "that it came is all")] serde_json::Value),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Subscribe {
    board: String,
    after: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FollowLog {
    task: String,
    #[serde(default)]
    run: Option<RunId>,
}

/// Answers a request for a stream.
pub async fn open(api: Arc<Api>, request: Request) -> Result<Response, ApiError> {
    let (mut parts, _body) = request.into_parts();
    let origin = parts.extensions.get::<Arc<Origin>>().cloned().ok_or_else(|| {
        ApiError::new(ErrorCode::Internal, "the connection of the request is unknown")
    })?;
    let visit = parts.extensions.get::<Arc<Visit>>().cloned();
    let caller = match &visit {
        Some(visit) => {
            visit.check(&api).await?;
            visit.caller()
        }
        None => origin.identify(&api, &parts.headers).await?,
    };
    caller.may_ask("board")?;
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await.map_err(|error| {
        ApiError::new(ErrorCode::BadRequest, format!("this is a WebSocket: {error}"))
    })?;
    let seat = Arc::clone(&origin.seat);
    let held = Held::new(&seat, Phase::Streaming, &[(Thing::Streams, 1)])?;
    let stream = Stream { api, caller, visit, page: None, log: None };
    Ok(upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(MESSAGE_BYTES_MAX)
        .on_upgrade(async move |socket| {
            // The seat is that of the connection, as long as the page is there.
            let (_origin, _held) = (origin, held);
            stream.run(socket, &seat).await;
        }))
}

struct Stream {
    api: Arc<Api>,
    caller: Caller,
    /// The session that it ends with, on the web.
    visit: Option<Arc<Visit>>,
    page: Option<Page>,
    log: Option<mpsc::Receiver<Bytes>>,
}

/// Why a stream ends.
struct Over;

impl Stream {
    async fn run(mut self, mut socket: WebSocket, seat: &Seat) {
        let mut life = self.api.service.life.clone();
        let mut next_ping = Instant::now() + PING_TIME;
        let (api, visit) = (Arc::clone(&self.api), self.visit.clone());
        let mut logged_out = std::pin::pin!(async move {
            match visit {
                Some(visit) => visit.over(&api).await,
                None => std::future::pending().await,
            }
        });
        loop {
            let done = tokio::select! {
                frame = next_frame(&mut self.page) => self.send_frame(&mut socket, frame).await,
                piece = next_piece(&mut self.log) => match piece {
                    Some(piece) => send(&mut socket, piece).await,
                    None => {
                        self.log = None;
                        Ok(())
                    }
                },
                message = socket.recv() => match message {
                    Some(Ok(Message::Text(text))) => self.hear(&mut socket, text.as_str()).await,
                    Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_))) => Ok(()),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => Err(Over),
                },
                () = tokio::time::sleep_until(next_ping) => {
                    send_json(&mut socket, &json!({ "ping": crate::os::host::clock::epoch_seconds() })).await
                }
                () = logged_out.as_mut() => {
                    drop(send_error(&mut socket, "no_session", "the session is over").await);
                    Err(Over)
                }
                () = seat.shed() => Err(Over),
                () = wait_for_life(&mut life, |life| life == Life::Ending) => Err(Over),
            };
            if done.is_err() {
                break;
            }
            if next_ping <= Instant::now() {
                next_ping = Instant::now() + PING_TIME;
            }
        }
        // A page that is still there learns that it is to come again.
        drop(tokio::time::timeout(Duration::from_secs(1), socket.send(Message::Close(None))).await);
    }

    async fn send_frame(&self, socket: &mut WebSocket, frame: PageFrame) -> Result<(), Over> {
        match frame {
            PageFrame::Text(bytes) => send(socket, bytes).await,
            PageFrame::Resync(why) => send_json(socket, &self.resync(why)).await,
        }
    }

    fn resync(&self, why: &str) -> serde_json::Value {
        let service = &self.api.service;
        let cursor = cursor_at(&service.supervision.incarnation(), service.database.newest_event());
        json!({ "resync": { "why": why, "cursor": cursor } })
    }

    async fn hear(&mut self, socket: &mut WebSocket, text: &str) -> Result<(), Over> {
        let heard: FromPage = match serde_json::from_str(text) {
            Ok(heard) => heard,
            Err(error) => return send_error(socket, "bad_request", &error.to_string()).await,
        };
        match heard {
            FromPage::Subscribe(subscribe) => self.subscribe(socket, subscribe).await,
            FromPage::Log(None) => {
                self.log = None;
                Ok(())
            }
            FromPage::Log(Some(wanted)) => {
                self.log = Some(self.follow(wanted));
                Ok(())
            }
            FromPage::Pong(_) => Ok(()),
        }
    }

    async fn subscribe(&mut self, socket: &mut WebSocket, wanted: Subscribe) -> Result<(), Over> {
        let Some(board) = BoardName::parse(&wanted.board) else {
            return send_error(socket, "unknown_board", "there is no such board").await;
        };
        let service = Arc::clone(&self.api.service);
        // The place is taken before the rows are read, so that nothing falls between the two.
        self.page = None;
        self.page = Some(service.board_feed.join(board.clone()).await);
        let incarnation = service.supervision.incarnation();
        let hello = json!({ "hello": {
            "version": env!("CARGO_PKG_VERSION"),
            "bundle": assets::bundle(),
            "incarnation": incarnation,
            "cursor": cursor_at(&incarnation, service.database.newest_event()),
        } });
        send_json(socket, &hello).await?;
        match catch_up(&service, board, wanted.after).await {
            Ok(CaughtUp::Frame(bytes)) => send(socket, bytes).await,
            Ok(CaughtUp::Resync { why, cursor }) => {
                send_json(socket, &json!({ "resync": { "why": why, "cursor": cursor } })).await
            }
            Err(error) => send_refusal(socket, &error).await,
        }
    }

    /// Follows a log on a task of its own; dropping the receiver ends it.
    fn follow(&self, wanted: FollowLog) -> mpsc::Receiver<Bytes> {
        let (pieces, receiver) = mpsc::channel(LOG_PIECES_MAX);
        let service = Arc::clone(&self.api.service);
        let by = Requester { caller: self.caller.clone(), request_id: None };
        let request = GetLog {
            id: wanted.task,
            run: wanted.run,
            tail: Some(LOG_BYTES_FIRST),
            follow: true,
            from: None,
            since: None,
            timestamps: false,
            framed: false,
            board: None,
        };
        tokio::spawn(async move {
            let omitted = match log::read(&service, by.clone(), request.clone()).await {
                Ok(log) => log.omitted_bytes,
                Err(_) => 0,
            };
            let mut followed = match log::follow(service, by, request).await {
                Ok(followed) => followed,
                Err(error) => {
                    drop(pieces.send(refusal(&error)).await);
                    return;
                }
            };
            let (run, mut rest, mut omitted) = (followed.run_id, Vec::new(), omitted);
            loop {
                let next = followed.next().await;
                let is_over = !matches!(next, Ok(Some(_)));
                rest.extend_from_slice(&next.ok().flatten().unwrap_or_default());
                let text = whole_text(&mut rest, is_over);
                let log = json!({ "log": {
                    "run": run, "text": text, "omitted": omitted, "is_over": is_over,
                } });
                omitted = 0;
                let Ok(bytes) = text::json::to_vec(&log) else { return };
                if pieces.send(bytes.into()).await.is_err() || is_over {
                    return;
                }
            }
        });
        receiver
    }
}

/// Takes the text out of bytes that may end within a character, which stays for the next piece.
fn whole_text(bytes: &mut Vec<u8>, is_over: bool) -> String {
    let cut = match std::str::from_utf8(bytes) {
        Err(error) if !is_over && error.error_len().is_none() => error.valid_up_to(),
        Ok(_) | Err(_) => bytes.len(),
    };
    let rest = bytes.split_off(cut);
    let text = String::from_utf8_lossy(bytes).into_owned();
    *bytes = rest;
    text
}

async fn next_frame(page: &mut Option<Page>) -> PageFrame {
    match page {
        Some(page) => page.next().await,
        None => std::future::pending().await,
    }
}

async fn next_piece(log: &mut Option<mpsc::Receiver<Bytes>>) -> Option<Bytes> {
    match log {
        Some(log) => log.recv().await,
        None => std::future::pending().await,
    }
}

fn refusal(error: &ServiceError) -> Bytes {
    let error = json!({ "error": { "code": error.code(), "message": error.to_string() } });
    text::json::to_vec(&error).unwrap_or_default().into()
}

async fn send_refusal(socket: &mut WebSocket, error: &ServiceError) -> Result<(), Over> {
    send(socket, refusal(error)).await
}

async fn send_error(socket: &mut WebSocket, code: &str, message: &str) -> Result<(), Over> {
    send_json(socket, &json!({ "error": { "code": code, "message": message } })).await
}

async fn send_json(socket: &mut WebSocket, value: &serde_json::Value) -> Result<(), Over> {
    send(socket, text::json::to_vec(value).map_err(|_| Over)?.into()).await
}

async fn send(socket: &mut WebSocket, bytes: Bytes) -> Result<(), Over> {
    let text = Utf8Bytes::try_from(bytes).map_err(|_| Over)?;
    match tokio::time::timeout(WRITE_TIME, socket.send(Message::Text(text))).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Over),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_is_never_cut_in_two_and_what_is_none_is_shown_as_such() {
        let mut bytes = "aä".as_bytes().to_vec();
        let last = bytes.pop().unwrap();
        assert_eq!(whole_text(&mut bytes, false), "a");
        bytes.push(last);
        assert_eq!(whole_text(&mut bytes, false), "ä");
        bytes.extend([b'x', 0xff, b'y']);
        assert_eq!(whole_text(&mut bytes, false), "x\u{fffd}y");
        bytes.push(0xc3);
        assert_eq!(whole_text(&mut bytes, true), "\u{fffd}");
        assert!(bytes.is_empty());
    }
}
