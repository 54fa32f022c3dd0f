//! Lines and how they are classified.

use serde_json::json;

use super::*;

fn one(line: &[u8]) -> Incoming {
    let mut read = read(line);
    assert_eq!(read.len(), 1, "{}: {read:?}", String::from_utf8_lossy(line));
    read.remove(0)
}

#[test]
fn every_line_that_may_be_a_request_is_one_or_is_refused_with_its_id_and_the_code_of_its_kind() {
    let deep = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"ping\",\"params\":{{\"a\":{}{}}}}}",
        "[".repeat(200),
        "]".repeat(200)
    );
    for (line, id, code) in [
        // No JSON.
        (&br#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"cut \ud83d"}}"#[..], json!(1), PARSE_ERROR),
        (b"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"ping\",\"params\":{\"a\":\"caf\xe9\"}}", json!(2), PARSE_ERROR),
        (br#"{"jsonrpc":"2.0","id":3,"method":"ping","params":{"a":NaN}}"#, json!(3), PARSE_ERROR),
        (deep.as_bytes(), json!(5), PARSE_ERROR),
        (br#"{"jsonrpc":"2.0","id":6,"method":"#, json!(6), PARSE_ERROR),
        (b"{", json!(null), PARSE_ERROR),
        (b"words", json!(null), PARSE_ERROR),
        (b"\xff\xfe", json!(null), PARSE_ERROR),
        // JSON, and no request.
        (b"7", json!(null), INVALID_REQUEST),
        (b"null", json!(null), INVALID_REQUEST),
        (b"\"text\"", json!(null), INVALID_REQUEST),
        (b"[]", json!(null), INVALID_REQUEST),
        (b"[1]", json!(null), INVALID_REQUEST),
        (br#"[{"jsonrpc":"2.0","id":7,"method":"ping"}]"#, json!(7), INVALID_REQUEST),
        (b"{}", json!(null), INVALID_REQUEST),
        (br#"{"id":8,"method":"ping"}"#, json!(8), INVALID_REQUEST),
        (br#"{"jsonrpc":2.0,"id":8,"method":"ping"}"#, json!(8), INVALID_REQUEST),
        (br#"{"jsonrpc":"1.0","id":8,"method":"ping"}"#, json!(8), INVALID_REQUEST),
        (br#"{"jsonrpc":"2.0","id":9}"#, json!(9), INVALID_REQUEST),
        (br#"{"jsonrpc":"2.0","id":9,"method":7}"#, json!(9), INVALID_REQUEST),
        (br#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, json!(1.5), INVALID_REQUEST),
        (br#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, json!(null), INVALID_REQUEST),
        (br#"{"jsonrpc":"2.0","id":{"a":1},"method":"ping"}"#, json!(null), INVALID_REQUEST),
        (br#"{"jsonrpc":"2.0","id":[1],"method":"ping"}"#, json!(null), INVALID_REQUEST),
        (br#"{"jsonrpc":"2.0","id":true,"method":"ping"}"#, json!(null), INVALID_REQUEST),
        (br#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"x"}}"#, json!(null), INVALID_REQUEST),
        (br#"{"jsonrpc":"2.0","method":"tools/dance"}"#, json!(null), INVALID_REQUEST),
        // A notification with an id is a request of a method that is not there.
        (br#"{"jsonrpc":"2.0","id":10,"method":"notifications/initialized"}"#, json!(10), METHOD_NOT_FOUND),
        // Parameters that the method does not take.
        (br#"{"jsonrpc":"2.0","id":11,"method":"ping","params":"text"}"#, json!(11), INVALID_PARAMS),
        (br#"{"jsonrpc":"2.0","id":11,"method":"ping","params":[1]}"#, json!(11), INVALID_PARAMS),
        (br#"{"jsonrpc":"2.0","id":"a","method":"tools/call"}"#, json!("a"), INVALID_PARAMS),
        (br#"{"jsonrpc":"2.0","id":12,"method":"tools/call","params":{"arguments":{}}}"#, json!(12), INVALID_PARAMS),
        (br#"{"jsonrpc":"2.0","id":12,"method":"tools/call","params":{"name":7}}"#, json!(12), INVALID_PARAMS),
        (br#"{"jsonrpc":"2.0","id":12,"method":"tools/call","params":{"name":"x","arguments":"{}"}}"#, json!(12), INVALID_PARAMS),
        (br#"{"jsonrpc":"2.0","id":12,"method":"tools/call","params":{"name":"x","arguments":[]}}"#, json!(12), INVALID_PARAMS),
        (br#"{"jsonrpc":"2.0","id":12,"method":"tools/call","params":{"name":"x","_meta":7}}"#, json!(12), INVALID_PARAMS),
        (br#"{"jsonrpc":"2.0","id":13,"method":"tools/list","params":{"cursor":7}}"#, json!(13), INVALID_PARAMS),
        (br#"{"jsonrpc":"2.0","id":14,"method":"initialize","params":{}}"#, json!(14), INVALID_PARAMS),
    ] {
        let shown = String::from_utf8_lossy(line);
        let Incoming::Refused(refused) = one(line) else { panic!("{shown} is taken") };
        assert_eq!((refused.id.clone().unwrap_or_default(), refused.code), (id, code), "{shown}: {refused:?}");
        assert!(!refused.message.is_empty() && !refused.message.contains('\n'), "{refused:?}");
        let answer: Value = serde_json::from_str(&refused.line()).unwrap();
        assert_eq!(answer["error"]["code"], code, "{answer}");
        assert_eq!(answer["jsonrpc"], "2.0");
    }
}

#[test]
fn what_asks_for_nothing_gets_no_answer() {
    for line in [
        &b""[..],
        b"  \r",
        b"\xef\xbb\xbf",
        br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        br#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":[]}}"#,
        br#"{"jsonrpc":"2.0","method":"notifications/dance","params":7}"#,
        br#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
        br#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"parse error"}}"#,
    ] {
        assert_eq!(read(line), [], "{}", String::from_utf8_lossy(line));
    }
}

#[test]
fn a_request_is_taken_with_any_line_end_a_mark_before_it_and_another_behind_it() {
    let request = |id: Value| {
        Incoming::Request(Request { id, method: "ping".to_owned(), params: Map::new() })
    };
    let ping = |id: &str| format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"ping\"}}");
    for (line, expected) in [
        (ping("1"), vec![request(json!(1))]),
        (format!("\u{feff}{}\r", ping("-1")), vec![request(json!(-1))]),
        (ping("18446744073709551615"), vec![request(json!(u64::MAX))]),
        (ping("2.0"), vec![request(json!(2.0))]),
        (ping("\"\""), vec![request(json!(""))]),
        (ping("1").replace('}', ",\"params\":null}"), vec![request(json!(1))]),
        (format!("{}{}", ping("1"), ping("2")), vec![request(json!(1)), request(json!(2))]),
        (
            format!("{} \t{}", ping("1"), ping("\"b\"")),
            vec![request(json!(1)), request(json!("b"))],
        ),
    ] {
        assert_eq!(read(line.as_bytes()), expected, "{line}");
    }
    // What comes behind a good message and cannot be read is refused by itself.
    let read = read(format!("{}{}", ping("1"), r#"{"id":2,"a":NaN}"#).as_bytes());
    assert_eq!(read[0], request(json!(1)));
    assert!(
        matches!(&read[1], Incoming::Refused(Refused { id: Some(id), code: PARSE_ERROR, .. }) if *id == 2)
    );
    assert_eq!(read.len(), 2);
}

#[test]
fn each_request_of_a_batch_is_refused_by_its_id_up_to_a_limit() {
    let ids = |line: &str| -> Vec<Value> {
        let refused = |incoming: Incoming| match incoming {
            Incoming::Refused(refused) => refused.id.unwrap_or_default(),
            Incoming::Request(request) => panic!("{request:?}"),
        };
        read(line.as_bytes()).into_iter().map(refused).collect()
    };
    assert_eq!(ids(r#"[{"id":1},{"id":null},{"id":"b"},7]"#), [json!(1), json!("b")]);
    let many: Vec<Value> = (0..20_000).map(|id| json!({ "id": id })).collect();
    assert_eq!(ids(&Value::from(many).to_string()).len(), BATCH_ANSWERS_MAX);
}

#[test]
fn a_message_quotes_no_more_than_a_line_of_what_was_sent() {
    let method = "x".repeat(100_000);
    let line = format!("{{\"jsonrpc\":\"2.0\",\"method\":\"{method}\"}}");
    let Incoming::Refused(refused) = one(line.as_bytes()) else { panic!() };
    assert!(refused.message.chars().count() <= MESSAGE_CHARS_MAX + 1);
}
