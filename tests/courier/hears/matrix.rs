//! Matrix, by `/sync`.

use std::time::Duration;

use kanband::kernel::chat::{InboundReply, What};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use support::fakes::matrix::{Matrix, Message, USER};
use support::fakes::{Answer, Fake, Fault};

use super::replies::{deeds, kept, run, say};
use super::story::{self, Scene, Shown, Town};
use crate::harness::{MATRIX_TOKEN, hearing, row};
use crate::program::Stage;

const ROOM: &str = "!room:example.org";
const DIRECT: &str = "!direct:example.org";
const ADA: &str = "@ada:example.org";
const BO: &str = "@bo:example.org";

fn matrix() -> Fake<Matrix> {
    Fake::start(Matrix::new(MATRIX_TOKEN))
}

fn is_listening(fake: &Fake<Matrix>) -> bool {
    fake.with(|it| it.people.waiting() == 1)
}

fn stage(fake: &Fake<Matrix>) -> Stage {
    let stage = Stage::start(vec![hearing("matrix", fake.url(), "matrix")]);
    stage.until(|| is_listening(fake).then_some(()));
    stage
}

fn of_room(fake: &Fake<Matrix>, room: &str) -> Vec<Message> {
    fake.with(|it| it.of_room(room).into_iter().cloned().collect())
}

fn body(message: &Message) -> String {
    message.content["body"].as_str().unwrap().to_owned()
}

fn reply_to(message: &str) -> Value {
    json!({ "m.relates_to": { "m.in_reply_to": { "event_id": message } } })
}

struct World(Fake<Matrix>);

impl Town for World {
    const KIND: &'static str = "matrix";
    const CREDENTIAL: &'static str = "matrix";
    const ROOM: &'static str = ROOM;
    const ADA: &'static str = ADA;
    const BO: &'static str = BO;
    const EVE: &'static str = "@eve:example.org";
    const HAS_BUTTONS: bool = false;
    const HAS_CURSOR: bool = true;

    fn start() -> Self {
        Self(matrix())
    }

    fn url(&self) -> String {
        self.0.url()
    }

    fn shown(&self) -> Vec<Shown> {
        let shown = |it: Message| Shown { id: it.id.clone(), text: body(&it), labels: Vec::new() };
        of_room(&self.0, ROOM).into_iter().map(shown).collect()
    }

    fn command(&self, user: &str, line: &str) {
        self.0.with(|it| it.people.write(user, ROOM, &format!("@kanban {line}"), &json!({})));
    }

    fn reply(&self, user: &str, to: &Shown, text: &str) {
        self.0.with(|it| it.people.write(user, ROOM, text, &reply_to(&to.id)));
    }

    fn press(&self, _user: &str, _at: &Shown, label: &str) {
        panic!("nothing can be pressed: {label}");
    }

    fn is_heard(&self) -> bool {
        is_listening(&self.0)
    }

    fn is_taken(&self) -> bool {
        self.0.with(|it| it.people.is_taken())
    }
}

#[test]
fn an_answer_in_matrix_reaches_the_worker_that_waits_for_it() {
    story::an_answer_reaches_the_worker_that_waits::<World>();
}

#[test]
fn a_blocked_task_goes_on_by_a_reply_in_matrix() {
    story::a_blocked_task_goes_on::<World>();
}

#[test]
fn commands_in_matrix_are_done_in_roles_and_asked_back_by_a_word() {
    story::commands_are_done_and_asked_back::<World>();
}

#[test]
fn each_thing_in_matrix_acts_once_while_both_programs_are_killed() {
    story::each_thing_acts_once_while_both_programs_are_killed::<World>();
}

#[test]
fn what_is_older_than_the_first_poll_is_not_heard_and_the_next_courier_goes_on_where_it_was() {
    let fake = matrix();
    fake.with(|it| it.people.write(ADA, ROOM, "!kanban list", &json!({})));
    let mut stage = stage(&fake);
    stage.daemon.decide(|_| say("Noted for @ada."));
    assert_eq!(stage.until(|| kept(&stage)), "s1");
    // What is written while no courier runs is heard by the next one.
    stage.end(Signal::SIGKILL);
    let second = fake.with(|it| it.people.write(ADA, ROOM, "!kanban list", &json!({})));
    stage.spawn_and_wait(None);
    stage.until(|| (of_room(&fake, ROOM).len() == 1).then_some(()));
    let found = deeds(&stage);
    assert_eq!((found.len(), found[0].event_id.as_str()), (1, second.as_str()));
    assert_eq!((found[0].from.id.as_str(), found[0].chat.is_direct), (ADA, false));
    let answer = &of_room(&fake, ROOM)[0].content;
    assert_eq!(
        (&answer["msgtype"], &answer["body"]),
        (&json!("m.notice"), &json!("Noted for @\u{200b}ada."))
    );
    assert_eq!(answer["m.relates_to"]["m.in_reply_to"]["event_id"], second.as_str());
    // The answer is an event of the room, and nothing for us.
    stage.until(|| fake.with(|it| it.people.is_taken()).then_some(()));
    assert_eq!(deeds(&stage).len(), 1);
    assert!(!stage.log().contains("SENTINEL"), "{}", stage.log());
}

#[test]
fn a_thing_is_given_again_until_it_is_done_with() {
    let fake = matrix();
    let mut stage = stage(&fake);
    stage.until(|| kept(&stage));
    stage.end(Signal::SIGKILL);
    stage.daemon.decide(|_| run("list"));
    stage.daemon.obey(|_| Answer::json(200, &json!([])));
    fake.with(|it| it.people.write(ADA, ROOM, "!kanban list", &json!({})));
    let points = ["courier-after-inbound", "courier-after-run", "courier-before-confirm"];
    for (round, point) in (1_usize..).zip(points) {
        stage.spawn_and_wait(Some(&format!("{point}=kill")));
        stage.wait_for_end();
        assert_eq!(deeds(&stage).len(), round, "{point}");
    }
    stage.spawn_and_wait(None);
    stage.until(|| (kept(&stage)? != "s0").then_some(()));
    let found = deeds(&stage);
    assert!(found.iter().all(|it| it == &found[0]), "it is the same thing each time");
    assert_eq!(of_room(&fake, ROOM).len(), 1, "the same answer is shown once");
}

#[test]
fn a_room_with_one_other_member_is_a_direct_chat_until_another_one_joins() {
    let fake = matrix();
    let two = || vec![USER.to_owned(), ADA.to_owned()];
    fake.with(|it| it.people.rooms.insert(DIRECT.to_owned(), two()));
    let stage = stage(&fake);
    fake.with(|it| it.people.write(ADA, DIRECT, "hello", &json!({})));
    stage.until(|| (deeds(&stage).len() == 1).then_some(()));
    assert!(deeds(&stage)[0].chat.is_direct);
    fake.with(|it| {
        it.people.rooms.insert(DIRECT.to_owned(), [two(), vec![BO.to_owned()]].concat());
        it.people.happens(DIRECT, BO, "m.room.member", &json!({ "membership": "join" }), "$joined");
        it.people.write(ADA, DIRECT, "hello, bo", &json!({}));
        it.people.write(ADA, DIRECT, "!kanban list", &json!({}));
    });
    stage.until(|| (deeds(&stage).len() == 2).then_some(()));
    assert!(!deeds(&stage)[1].chat.is_direct);
    stage.until(|| fake.with(|it| it.people.is_taken()).then_some(()));
    let text = What::Text { text: "/kanban list".to_owned(), reply_to: None, is_addressed: true };
    assert_eq!(deeds(&stage)[1].what, text);
}

#[test]
fn an_encrypted_room_is_named_as_one_that_cannot_be_read() {
    let fake = matrix();
    let stage = stage(&fake);
    let secret = json!({ "algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x" });
    fake.with(|it| {
        it.people.happens(ROOM, ADA, "m.room.encrypted", &secret, "$secret1");
        it.people.happens(ROOM, ADA, "m.room.encrypted", &secret, "$secret2");
    });
    let partly_deaf = |stage: &Stage| -> Vec<String> {
        let reports = stage.daemon.reports();
        let those = reports.iter().filter(|it| it["state"] == "partly_deaf");
        those.map(|it| it["reason"].as_str().unwrap().to_owned()).collect()
    };
    stage.until(|| (!partly_deaf(&stage).is_empty()).then_some(()));
    stage.until(|| fake.with(|it| it.people.is_taken()).then_some(()));
    let found = partly_deaf(&stage);
    assert!(found.len() == 1 && found[0].contains(ROOM), "once: {found:?}");
    assert_eq!(deeds(&stage), []);
    // An outage that goes on is reported, and after it what cannot be read.
    let states = |stage: &Stage| -> Vec<String> {
        stage.daemon.reports().iter().map(|it| it["state"].as_str().unwrap().to_owned()).collect()
    };
    let since = states(&stage).len();
    let write = |text: &str| fake.with(|it| it.people.write(ADA, ROOM, text, &json!({})));
    fake.with(|it| it.people.poll_faults = vec![Fault::Rate(Duration::from_millis(5)); 9].into());
    write("good morning");
    stage.until(|| (states(&stage).len() == since + 1).then_some(()));
    // A poll that ends says that it is heard again.
    write("good evening");
    stage.until(|| (states(&stage).len() == since + 2).then_some(()));
    assert_eq!(states(&stage)[since..], ["deaf", "partly_deaf"]);
    assert!(!stage.log().contains("SENTINEL"), "{}", stage.log());
}

#[test]
fn an_encrypted_room_is_named_by_the_diagnosis_until_the_next_reload() {
    let scene = Scene::<World>::start();
    let secret = json!({ "algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x" });
    scene.town.0.with(|it| it.people.happens(ROOM, ADA, "m.room.encrypted", &secret, "$secret"));
    let doctor = || scene.stage.board.say(["doctor"]).out;
    let named = format!(
        "not everything is heard of the channel matrix: encrypted rooms cannot be read: {ROOM};"
    );
    scene.stage.until(|| doctor().contains(&named).then_some(()));
    let inbox = scene.stage.board.say(["inbox", "--json"]).json().to_string();
    assert!(inbox.contains(ROOM), "{inbox}");
    scene.stage.board.say(["reload"]).ok();
    scene.stage.until(|| (!doctor().contains("not everything is heard")).then_some(()));
}

#[test]
fn a_homeserver_that_fails_is_polled_again_and_one_that_refuses_the_token_is_not() {
    let fake = matrix();
    let mut stage = stage(&fake);
    stage.until(|| kept(&stage));
    stage.end(Signal::SIGKILL);
    fake.with(|it| {
        it.people.poll_faults = [
            Fault::Status(500),
            Fault::Status(502),
            Fault::ResetBefore,
            Fault::Rate(Duration::from_millis(50)),
        ]
        .into();
        it.people.write(ADA, ROOM, "!kanban one", &json!({}));
        it.people.write(ADA, ROOM, "!kanban two", &json!({}));
    });
    stage.spawn_and_wait(None);
    stage.until(|| (deeds(&stage).len() == 2).then_some(()));
    fake.with(|it| {
        it.people.poll_faults = [Fault::Status(500), Fault::Status(401)].into();
        it.people.write(ADA, ROOM, "!kanban three", &json!({}));
        it.people.write(ADA, ROOM, "!kanban four", &json!({}));
    });
    let is_broken = |it: &Value| it["state"] == "broken";
    stage.until(|| stage.daemon.reports().iter().any(is_broken).then_some(()));
    stage.daemon.send([row("matrix", ROOM, 1)]);
    assert!(stage.settled(1)[0].starts_with("1 sent"), "{:?}", stage.settled(1));
}

#[test]
fn a_sign_at_the_message_says_that_it_was_understood_in_matrix() {
    let fake = matrix();
    let stage = stage(&fake);
    stage.daemon.decide(|_| InboundReply { is_noted: true, ..InboundReply::default() });
    let message = fake.with(|it| it.people.write(ADA, ROOM, "blue", &reply_to("$asked")));
    stage.until(|| (fake.with(|it| it.people.signs.len()) == 1).then_some(()));
    let sign = (ROOM.to_owned(), message, "👍".to_owned());
    assert_eq!(fake.with(|it| it.people.signs.clone()), [sign]);
    assert!(of_room(&fake, ROOM).is_empty());
}
