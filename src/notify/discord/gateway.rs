//! The gateway of Discord: what goes over its WebSocket, and what its end means. Pure.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What is heard: messages of servers and of direct chats. Neither is privileged: without a further right the words of a message are there
/// when it names the bot, answers to it, or is a direct one, and others are none of ours.
pub const INTENTS: u64 = (1 << 9) | (1 << 12);

/// The code of an event.
pub const DISPATCH: u8 = 0;

/// The code of a beat; of the gateway, it asks for one.
pub const HEARTBEAT: u8 = 1;

/// The code with which the gateway wants to be asked elsewhere.
pub const RECONNECT: u8 = 7;

/// The code of a session that is over, or is not resumed now.
pub const INVALID_SESSION: u8 = 9;

/// The code of the gateway's first word.
pub const HELLO: u8 = 10;

/// The code of the answer to a beat.
pub const HEARTBEAT_ACK: u8 = 11;

/// The code with which a connection is ended whose session is to be resumed: 1000 and 1001 would end the session.
pub const GOES_ON: u16 = 4_000;

/// One word of either side.
#[derive(Debug, Default, Deserialize)]
pub struct Frame {
    /// Its code.
    pub op: u8,
    /// More about it.
    #[serde(default)]
    pub d: Value,
    /// The number of an event.
    pub s: Option<u64>,
    /// The kind of an event.
    pub t: Option<String>,
}

/// How far a session was heard: enough to go on with it, also in another process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The session. It is good for nothing without the token.
    pub session: String,
    /// The newest event that was heard.
    pub seq: u64,
    /// Where it is resumed.
    pub url: String,
    /// The id of the bot's user.
    pub user: String,
}

impl Mark {
    /// Of a session that has just begun.
    pub fn of_ready(ready: &Frame) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Some(Self {
            session: text(ready.d.get("session_id")?)?,
            seq: ready.s?,
            url: text(ready.d.get("resume_gateway_url")?)?,
            user: text(ready.d.get("user")?.get("id")?)?,
        })
    }
}

/// Says who we are: a session that goes on, or a new one.
pub fn greeting(token: &str, mark: Option<&Mark>) -> String {
    let said = match mark {
        Some(Mark { session, seq, .. }) => {
            json!({ "op": 6, "d": { "token": token, "session_id": session, "seq": seq } })
        }
        None => json!({ "op": 2, "d": {
            "token": token,
            "intents": INTENTS,
            "properties": { "os": "linux", "browser": "kanban-courier", "device": "kanban-courier" },
        } }),
    };
    said.to_string()
}

/// Says that we are there.
pub fn heartbeat(seq: Option<u64>) -> String {
    json!({ "op": HEARTBEAT, "d": seq }).to_string()
}

/// What follows the end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The session goes on.
    GoesOn,
    /// Another session is begun.
    Fresh,
    /// Nothing is heard, and no other try would change that.
    Deaf(&'static str),
    /// The token is none.
    Dead(&'static str),
}

/// What follows an end with this code.
pub fn ending(code: Option<u16>) -> Ending {
    match code {
        Some(1_000 | 1_001 | 4_003 | 4_007 | 4_009) => Ending::Fresh,
        Some(4_004) => Ending::Dead("the gateway refuses the token (4004)"),
        Some(4_010) => Ending::Deaf("the gateway refuses the shard (4010)"),
        Some(4_011) => Ending::Deaf(
            "the bot is in too many servers for one connection: it needs shards (4011)",
        ),
        Some(4_012) => {
            Ending::Deaf("the gateway has another version (4012): update kanban-courier")
        }
        Some(4_013) => Ending::Deaf("the gateway does not know what is to be heard (4013)"),
        Some(4_014) => Ending::Deaf(
            "the gateway does not let the bot hear messages (4014): see its page at Discord, Bot, Privileged Gateway Intents",
        ),
        Some(_) | None => Ending::GoesOn,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_must_not_be_tried_again_is_not_and_all_else_is() {
        for code in [4_010, 4_011, 4_012, 4_013, 4_014] {
            let Ending::Deaf(reason) = ending(Some(code)) else { panic!("{code}") };
            assert!(reason.contains(&code.to_string()), "{reason}");
        }
        assert!(matches!(ending(Some(4_004)), Ending::Dead(_)));
        for code in [1_000, 1_001, 4_003, 4_007, 4_009] {
            assert_eq!(ending(Some(code)), Ending::Fresh, "{code}");
        }
        for code in
            [None, Some(1_006), Some(4_000), Some(4_001), Some(4_002), Some(4_008), Some(4_999)]
        {
            assert_eq!(ending(code), Ending::GoesOn, "{code:?}");
        }
    }

    #[test]
    fn a_session_is_gone_on_with_from_its_mark_and_begun_without_one() {
        let ready: Frame = serde_json::from_value(json!({
            "op": 0, "t": "READY", "s": 1,
            "d": { "session_id": "abc", "resume_gateway_url": "wss://g.example.org", "user": { "id": "7" } },
        }))
        .unwrap();
        let mark = Mark::of_ready(&ready).unwrap();
        let said: Value = serde_json::from_str(&greeting("x", Some(&mark))).unwrap();
        assert_eq!(said, json!({ "op": 6, "d": { "token": "x", "session_id": "abc", "seq": 1 } }));
        let said: Value = serde_json::from_str(&greeting("x", None)).unwrap();
        assert_eq!((&said["op"], &said["d"]["intents"]), (&json!(2), &json!(4_608)));
        assert_eq!(Mark::of_ready(&Frame::default()), None);
        assert_eq!(heartbeat(None), r#"{"d":null,"op":1}"#);
    }
}
