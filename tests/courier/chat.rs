//! Daemon, courier and a fake of Telegram: what people write and press there acts on the board, once, and as far as they may.

mod random_lines;

use serde_json::json;
use support::command_line::Config;
use support::fakes::Fake;
use support::fakes::telegram::{Message, Telegram};
use support::wait::until_or;

use crate::harness::TOKEN;
use crate::stage::{Stage, hasty, with_channel};

/// People: one of role lead, one of role member, one whom nobody knows.
const ADA: i64 = 815;
const BO: i64 = 816;
const EVE: i64 = 999;
const GROUP: &str = "-1001234567890123";

/// A worker that asks, and whose summary is what it heard.
const ASKS: &str = "heard=$(kanban ask $KANBAN_TASK 'Which colour?' --choice red --choice blue) && \
                    exec kanban complete $KANBAN_TASK --summary \"heard $heard\"";

/// The same without choices.
const ASKS_FREELY: &str = "heard=$(kanban ask $KANBAN_TASK 'Which colour?') && \
                           exec kanban complete $KANBAN_TASK --summary \"heard $heard\"";

/// A board whose people write in a group.
struct Scene {
    fake: Fake<Telegram>,
    stage: Stage,
}

fn config(fake: &Fake<Telegram>) -> Config {
    with_channel(&hasty(), "telegram", Some(fake.url()))
        .with_worker("asker", "report", ASKS)
        .with_worker("free", "report", ASKS_FREELY)
        .with_worker("sleeper", "report", "exec sleep 600")
}

impl Scene {
    fn start() -> Self {
        let fake = Fake::start(Telegram::new(TOKEN));
        let stage = Stage::start(&config(&fake));
        for (user, name, role) in [(ADA, "ada", "lead"), (BO, "bo", "member")] {
            let user = user.to_string();
            stage
                .board
                .say(["chat", "allow", "telegram", &user, "--as", name, "--role", role])
                .ok();
        }
        Self { fake, stage }
    }

    fn shown(&self) -> Vec<Message> {
        self.fake.with(|it| it.of_chat(GROUP).into_iter().cloned().collect())
    }

    /// Waits for the message with these words, and until the daemon knows its number there; what it is now.
    fn message(&self, words: &str) -> Message {
        let found = || self.shown().into_iter().find(|it| text(it).contains(words));
        let found =
            until_or(|| format!("{words}: {:#?}\n{}", self.shown(), self.stage.log()), found);
        self.stage.settle();
        found
    }

    /// The same for the output of a command.
    fn output(&self, words: &str) -> Message {
        let is_output = |it: &Message| it.fields["entities"][0]["type"] == "pre";
        let found =
            || self.shown().into_iter().find(|it| is_output(it) && text(it).contains(words));
        until_or(|| format!("{words}: {:#?}\n{}", self.shown(), self.stage.log()), found)
    }

    fn write(&self, user: i64, words: &str) -> i64 {
        self.fake.with(|it| it.write(user, GROUP, words, &json!({})))
    }

    fn reply(&self, user: i64, to: &Message, words: &str) -> i64 {
        self.fake.with(|it| it.reply(user, GROUP, to.id, words))
    }

    /// Presses, and waits for what the one who pressed is answered.
    fn press(&self, user: i64, at: &Message, label: &str) -> String {
        let press = self.fake.with(|it| it.press(user, GROUP, at.id, label));
        let answer = || self.fake.with(|it| it.answer_to(&press).cloned());
        let answer = self.stage.until(answer);
        answer["text"].as_str().unwrap_or_default().to_owned()
    }

    /// A task of a profile, whose chat is the group.
    fn subscribed(&self, assignee: &str) -> String {
        let id = self.stage.board.create("Paint the door", &["--assignee", assignee]);
        self.stage.subscribe(&id, "telegram", GROUP);
        id
    }

    fn until_status(&self, id: &str, status: &str) {
        self.stage.until(|| (self.stage.board.status(id) == status).then_some(()));
    }

    /// Waits until everything that was done has been taken in.
    fn taken(&self) {
        self.stage.until(|| self.fake.with(|it| it.updates.is_empty()).then_some(()));
    }

    fn summary(&self, id: &str) -> String {
        let runs = self.stage.board.runs(id);
        runs.last().unwrap()["summary"].as_str().unwrap_or_default().to_owned()
    }
}

fn text(message: &Message) -> String {
    message.fields["text"].as_str().unwrap().to_owned()
}

fn labels(message: &Message) -> Vec<String> {
    let rows = message.fields["reply_markup"]["inline_keyboard"].as_array().cloned();
    let buttons =
        rows.unwrap_or_default().into_iter().flat_map(|row| row.as_array().cloned().unwrap());
    buttons.map(|it| it["text"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_typed_answer_reaches_the_worker_that_waits_for_it() {
    let scene = Scene::start();
    let id = scene.subscribed("free");
    scene.stage.board.dispatch();
    let asked = scene.message("Which colour?");
    assert_eq!(labels(&asked), ["Answer"]);
    scene.reply(BO, &asked, "green, like the fence");
    scene.until_status(&id, "done");
    assert_eq!(scene.summary(&id), "heard green, like the fence");
    // Where it was asked it stands who answered, and nothing can be pressed any longer.
    scene.stage.until(|| {
        let now = scene.shown().into_iter().find(|it| it.id == asked.id).unwrap();
        (now.edits > 0 && labels(&now).is_empty() && text(&now).contains("bo")).then_some(())
    });
    // Who comes too late hears who was first, and may keep the words.
    scene.reply(ADA, &asked, "blue");
    let late = scene.message("It is over");
    assert!(text(&late).contains("bo (telegram)"), "{late:?}");
    assert_eq!(scene.press(ADA, &late, "Keep as a comment"), "Kept as a comment.");
    let shown = scene.stage.board.say(["show", &id]).ok();
    assert!(shown.contains("ada (telegram)") && shown.contains("blue"), "{shown}");
}

#[test]
fn a_pressed_choice_reaches_the_worker_that_waits_for_it() {
    let scene = Scene::start();
    let id = scene.subscribed("asker");
    scene.stage.board.dispatch();
    let asked = scene.message("Which colour?");
    assert_eq!(labels(&asked), ["red", "blue"]);
    // One whom nobody knows presses in vain, and is not left waiting.
    assert_eq!(scene.press(EVE, &asked, "red"), "");
    assert!(scene.press(BO, &asked, "blue").contains("Answered: blue"));
    scene.until_status(&id, "done");
    assert_eq!(scene.summary(&id), "heard blue");
}

#[test]
fn an_answer_that_a_button_asks_for_is_the_next_reply() {
    let scene = Scene::start();
    let id = scene.subscribed("free");
    scene.stage.board.dispatch();
    let asked = scene.message("Which colour?");
    scene.press(BO, &asked, "Answer");
    let wanted = scene.message("bo: reply to this message");
    scene.reply(BO, &wanted, "white");
    scene.until_status(&id, "done");
    assert_eq!(scene.summary(&id), "heard white");
}

#[test]
fn a_blocked_task_goes_on_by_a_reply_and_by_a_button() {
    let scene = Scene::start();
    for (number, way) in ["reply", "button"].into_iter().enumerate() {
        let id = scene.subscribed("nobody");
        let reason = format!("No paint, number {number}.");
        scene.stage.board.say(["block", &id, &reason]).ok();
        let asked = scene.message(&reason);
        assert_eq!(labels(&asked), ["Unblock", "Why"]);
        if way == "reply" {
            scene.reply(BO, &asked, "it is in the cellar");
        } else {
            assert_eq!(scene.press(BO, &asked, "Unblock"), "Goes on.");
        }
        scene.until_status(&id, "ready");
        let shown = scene.stage.board.say(["show", &id]).ok();
        assert_eq!(shown.contains("it is in the cellar"), way == "reply", "{shown}");
        let by =
            format!("SELECT actor FROM task_events WHERE task_id = '{id}' AND kind = 'unblocked'");
        assert_eq!(scene.stage.texts(&by), ["bo (telegram)"]);
        scene.stage.until(|| {
            let now = scene.shown().into_iter().find(|it| it.id == asked.id).unwrap();
            labels(&now).is_empty().then_some(())
        });
    }
}

#[test]
fn an_unknown_person_gets_nothing_in_a_group_and_their_number_in_a_chat_of_their_own() {
    let scene = Scene::start();
    let id = scene.subscribed("nobody");
    scene.stage.board.say(["block", &id, "Which colour?"]).ok();
    let asked = scene.message("Which colour?");
    let before = scene.stage.board.everything();
    for words in ["/kanban list", "/kanban create Hello", "@kanban_bot list", "yes K7QX"] {
        scene.write(EVE, words);
    }
    scene.reply(EVE, &asked, "green");
    scene.taken();
    let direct = EVE.to_string();
    scene.fake.with(|it| it.write(EVE, &direct, "/kanban list", &json!({})));
    scene.fake.with(|it| it.write(EVE, &direct, "/kanban list", &json!({})));
    let answers =
        || scene.fake.with(|it| it.of_chat(&direct).into_iter().cloned().collect::<Vec<_>>());
    scene.stage.until(|| (!answers().is_empty()).then_some(()));
    scene.taken();
    assert_eq!(answers().len(), 1, "once an hour: {:?}", answers());
    assert!(text(&answers()[0]).contains("kanban chat allow telegram 999"), "{:?}", answers());
    assert_eq!(scene.stage.board.everything(), before);
    let words: Vec<String> = scene.shown().iter().map(text).collect();
    assert_eq!(words.len(), 2, "the task and the question: {words:?}");
}

#[test]
fn commands_are_done_and_answered_where_they_were_written() {
    let scene = Scene::start();
    scene.write(BO, "/kanban create 'Paint the fence' --assignee nobody");
    let created = scene.message("Created t_");
    assert!(created.fields["reply_parameters"]["message_id"].is_i64(), "{created:?}");
    let id = text(&created)["Created ".len()..][.."t_00000000".len()].to_owned();
    scene.write(ADA, "/k@kanban_bot list");
    let listed = scene.output("Paint the fence");
    assert!(text(&listed).contains(&id), "{listed:?}");
    // Whose tasks are meant is the person's own name.
    scene.stage.board.create("Buy paint", &["--assignee", "bo"]);
    scene.write(BO, "/kanban list --mine");
    assert!(!text(&scene.output("Buy paint")).contains("fence"));
    // The chat that created it hears of it.
    scene.stage.board.say(["complete", &id, "--summary", "It is green."]).ok();
    scene.message("It is green.");
    let shown = scene.stage.board.say(["show", &id]).ok();
    assert!(shown.contains("bo (telegram)"), "{shown}");
    scene.write(BO, "/kanban stop t_00000000");
    scene.message("may not");
    scene.write(BO, "/kanban lst");
    scene.message("unrecognized subcommand");
}

#[test]
fn what_cannot_be_undone_is_asked_back_and_done_by_the_one_who_asked() {
    let scene = Scene::start();
    for way in ["press", "word"] {
        let id = scene.subscribed("sleeper");
        scene.stage.board.dispatch();
        scene.until_status(&id, "running");
        scene.write(ADA, &format!("/kanban stop {id} --reason 'wrong door'"));
        let asked = scene.message(&format!("Stop {id}"));
        assert_eq!(scene.stage.board.status(&id), "running", "nothing is done before");
        let word = text(&asked).rsplit_once("type: ").unwrap().1.to_owned();
        // Not by another person.
        assert!(scene.press(BO, &asked, "Yes").contains("for ada"));
        scene.write(BO, &word);
        scene.taken();
        assert_eq!(scene.stage.board.status(&id), "running");
        if way == "press" {
            scene.press(ADA, &asked, "Yes");
        } else {
            scene.write(ADA, &word.to_lowercase());
        }
        scene.until_status(&id, "blocked");
        scene.message(&format!("Stopped {id}"));
        if way == "press" {
            let now = scene.shown().into_iter().find(|it| it.id == asked.id).unwrap();
            assert!(labels(&now).is_empty(), "a used button is taken away");
        }
        // It was for once.
        scene.write(ADA, &word);
        scene.message("Nothing waits for");
        let runs = scene.stage.board.runs(&id);
        assert_eq!(runs.len(), 1, "{runs:?}");
    }
}

#[test]
fn what_is_heard_twice_acts_once() {
    let scene = Scene::start();
    let id = scene.subscribed("nobody");
    let first = scene.write(BO, &format!("/kanban comment {id} 'one coat'"));
    scene.message("Comment added");
    scene.taken();
    let again = json!({
        "message_id": 77, "date": 1_700_000_000, "text": format!("/kanban comment {id} 'one coat'"),
        "chat": { "id": GROUP.parse::<i64>().unwrap(), "type": "supergroup" },
        "from": { "id": BO, "is_bot": false, "first_name": "Bo" },
    });
    let count = || scene.shown().iter().filter(|it| text(it).contains("Comment added")).count();
    // One that has not learned yet that it was confirmed.
    let polls = || scene.fake.with(|it| it.polls.len());
    let before = polls();
    scene.stage.kill_courier();
    scene.stage.until(|| (polls() > before).then_some(()));
    scene.fake.with(|it| it.updates.push_back(json!({ "update_id": first, "message": again })));
    scene.stage.until(|| (count() == 2).then_some(()));
    let comments = scene.stage.number("SELECT count(*) FROM task_comments");
    assert_eq!(comments, 1, "it is answered again, as before");
}

#[test]
fn nothing_is_lost_and_nothing_is_done_twice_while_both_programs_are_killed() {
    let mut scene = Scene::start();
    let id = scene.subscribed("nobody");
    let total = 12;
    for number in 0..total {
        let words = format!("/kanban comment {id} 'coat {number}'");
        scene.write(if number % 2 == 0 { ADA } else { BO }, &words);
        scene.stage.kill_in_turn(number);
    }
    scene.taken();
    scene.stage.has_each_comment_once(total);
}

#[test]
fn another_poller_is_named_by_the_diagnosis_while_messages_go() {
    let scene = Scene::start();
    scene.stage.until(|| (scene.fake.with(|it| it.waiting()) == 1).then_some(()));
    scene.fake.with(|it| it.has_rival = true);
    let doctor = || scene.stage.board.say(["doctor"]).out;
    let named =
        "nothing is heard of the channel telegram: Conflict: terminated by other getUpdates";
    scene.stage.until(|| doctor().contains(named).then_some(()));
    let id = scene.subscribed("nobody");
    scene.stage.board.say(["complete", &id, "--summary", "It is green."]).ok();
    scene.message("It is green.");
    assert!(doctor().contains(named), "a message that goes changes nothing about that");
    // Once the other one has ended, a reload is enough.
    scene.fake.with(|it| it.has_rival = false);
    scene.stage.board.say(["reload"]).ok();
    scene.write(BO, "/kanban list");
    scene.message("Paint the door");
    assert!(!doctor().contains("nothing is heard"), "{}", doctor());
}
