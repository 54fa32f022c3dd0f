//! `link`.

use serde_json::json;

use crate::harness::Board;

#[test]
fn a_linked_child_waits() {
    let board = Board::quiet();
    let (parent, child) = (board.create("p", &[]), board.create("c", &[]));
    assert_eq!(board.say(["link", &parent, &child]).ok(), format!("Linked {parent} -> {child}\n"));
    assert_eq!(board.status(&child), "todo");
    let again = board.say(["link", &parent, &child]).ok();
    assert_eq!(again, format!("Already linked: {parent} -> {child}\n"));
    assert_eq!(
        board.say(["link", &parent, &child, "--json"]).json(),
        json!({"parent_id": parent, "child_id": child, "board": "default", "linked": false, "child_status": "todo"})
    );
}

#[test]
fn a_task_never_waits_for_itself() {
    let board = Board::quiet();
    let (a, b) = (board.create("a", &[]), board.create("b", &[]));
    let own = board.say(["link", &a, &a]).failed(1);
    assert!(own.contains("cannot depend on itself"), "{own}");
    board.say(["link", &a, &b]).ok();
    let circle = board.say(["link", &b, &a]).failed(1);
    assert!(circle.contains("would create a cycle"), "{circle}");
    let unknown = board.say(["link", &a, "t_dead"]).failed(1);
    assert!(unknown.contains("unknown task(s): t_dead") && unknown.contains("hint: "), "{unknown}");
}
