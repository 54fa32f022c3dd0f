//! `kanban notify` and subscriptions, as a person uses them.

use kanband::kernel::rules::address::shown;

use crate::harness::Board;

const HOOK: &str = "https://example.org/kanban";

fn board() -> Board {
    Board::with(
        "[dispatch]\nenabled = false\n[notify]\ncourier = \"off\"\n[channels.hook]\nkind = \"webhook\"\n",
    )
}

/// The number that a line of `kanban notify list` begins with.
fn number(board: &Board, of: &str) -> String {
    let shown = board.say(["notify", "list"]).ok();
    let line = shown.lines().find(|line| line.contains(of)).unwrap_or_else(|| panic!("{shown}"));
    line.split(' ').next().unwrap().to_owned()
}

#[test]
fn what_waits_is_listed_with_its_address_and_dropped_by_its_number() {
    let board = board();
    assert_eq!(board.say(["notify", "list"]).ok(), "(no waiting messages)\n");
    assert_eq!(board.say(["notify", "dead"]).ok(), "(no given-up messages)\n");
    board.say(["notify-subscribe", "--platform", "hook", "--chat-id", HOOK]).ok();
    let hook = shown(HOOK);
    let id = board.create("sent", &["--assignee", "dev"]);
    board.say(["complete", &id]).ok();
    let listed = board.say(["notify", "list"]).ok();
    for part in [
        format!("hook:{hook}  ok\n"),
        format!("hook:{hook}  quiet events of all tasks\n"),
        format!("waiting  hook:{hook}  {id}  Done by dev."),
        "0 attempts)\n".to_owned(),
    ] {
        assert!(listed.contains(&part), "{part}\n{listed}");
    }
    let number = number(&board, "Done by dev.");
    assert_eq!(board.say(["notify", "drop", &number]).ok(), "1 message dropped\n");
    let refused = board.say(["notify", "drop", &number]).failed(1);
    assert!(refused.contains("no such message") && refused.contains(&number), "{refused}");
}

#[test]
fn a_test_message_waits_for_the_courier_and_an_unknown_channel_or_a_wrong_address_is_refused() {
    let board = board();
    let shown = board.say(["notify", "test", "hook", HOOK]).ok();
    let number = number(&board, "A test of the channel hook");
    assert!(shown.starts_with(&format!("Message {number} is on its way")), "{shown}");
    let refused = board.say(["notify", "test", "nowhere", HOOK]).failed(1);
    assert!(refused.contains("no such channel") && refused.contains("nowhere"), "{refused}");
    let refused = board.say(["notify", "test", "hook", "4711"]).failed(1);
    assert!(refused.contains("must be a URL"), "{refused}");
    assert_eq!(board.say(["notify", "retry", "hook"]).ok(), "0 messages to send again\n");
}

#[test]
fn a_subscription_says_what_it_covers_is_changed_by_a_second_one_and_ends() {
    let board = board();
    let call = |verb: &str, more: &[&str]| {
        let words = [verb, "--platform", "hook", "--chat-id", HOOK, "--assignee", "qa"];
        board.say(words.iter().chain(more))
    };
    assert_eq!(call("notify-subscribe", &[]).ok(), format!("Subscribed hook:{HOOK}\n"));
    let kinds = ["--kinds", "completed,gave_up"];
    let again = format!("Changed the subscription of hook:{HOOK}\n");
    assert_eq!(call("notify-subscribe", &kinds).ok(), again);
    let listed = board.say(["notify", "list"]).ok();
    let line = format!("hook:{}  completed, gave_up of tasks with assignee=qa\n", shown(HOOK));
    assert!(listed.contains(&line), "{listed}");
    assert_eq!(call("notify-unsubscribe", &[]).ok(), format!("Unsubscribed hook:{HOOK}\n"));
    call("notify-unsubscribe", &[]).failed(1);
    let refused = call("notify-subscribe", &["--kinds", "complet"]).failed(1);
    assert!(refused.contains("no such kind of event"), "{refused}");
}

#[test]
fn a_channel_that_is_not_configured_is_warned_of() {
    let board = board();
    let said = board.say(["notify-subscribe", "--platform", "slack", "--chat-id", "C1"]);
    assert!(said.err.contains("no channel slack is configured"), "{said:?}");
}
