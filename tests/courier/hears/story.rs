//! What people do, the same at every provider, with a daemon and a courier that really run.

use support::command_line::Config;
use support::wait::until_or;

use crate::stage::{Stage, hasty, with_channel};

/// A message of the bot as people see it.
#[derive(Debug, Clone)]
pub struct Shown {
    pub id: String,
    pub text: String,
    /// What may be pressed.
    pub labels: Vec<String>,
}

/// A provider with a room in which people write.
pub trait Town {
    /// Its kind, and the credential of its bot.
    const KIND: &'static str;
    const CREDENTIAL: &'static str;
    /// The address of the room, and ids of people: one of role lead, one of role member, one whom nobody knows.
    const ROOM: &'static str;
    const ADA: &'static str;
    const BO: &'static str;
    const EVE: &'static str;
    /// Whether anything can be pressed there.
    const HAS_BUTTONS: bool;

    /// Whether the daemon keeps how far was heard.
    const HAS_CURSOR: bool;

    fn start() -> Self;
    fn url(&self) -> String;
    /// What the bot has written in the room, as it stands there now.
    fn shown(&self) -> Vec<Shown>;
    /// A person writes to the bot.
    fn command(&self, user: &str, line: &str);
    /// A person answers to a message.
    fn reply(&self, user: &str, to: &Shown, text: &str);
    /// A person presses a button.
    fn press(&self, user: &str, at: &Shown, label: &str);
    /// Whether the bot hears.
    fn is_heard(&self) -> bool;
    /// Whether the provider has handed out everything, and need not do so again, as far as it knows.
    fn is_taken(&self) -> bool;
}

/// Its people at a board.
pub struct Scene<T> {
    pub town: T,
    pub stage: Stage,
}

/// A worker that asks, and whose summary is what it heard.
const ASKS: &str = "heard=$(kanban ask $KANBAN_TASK 'Which colour?') && \
                    exec kanban complete $KANBAN_TASK --summary \"heard $heard\"";

impl<T: Town> Scene<T> {
    pub fn start() -> Self {
        let town = T::start();
        let stage = Stage::start(&Self::config(&town));
        for (user, name, role) in [(T::ADA, "ada", "lead"), (T::BO, "bo", "member")] {
            stage.board.say(["chat", "allow", T::KIND, user, "--as", name, "--role", role]).ok();
        }
        let cursors = || stage.number("SELECT count(*) FROM chat_cursors") > 0;
        stage.until(|| (town.is_heard() && (!T::HAS_CURSOR || cursors())).then_some(()));
        Self { town, stage }
    }

    fn config(town: &T) -> Config {
        let key = |key: &str| format!("channels.{}.{key}", T::KIND);
        with_channel(&hasty(), T::KIND, Some(town.url()))
            .with(&key("credential"), T::CREDENTIAL)
            .with(&key("listen"), true)
            .with_worker("asker", "report", ASKS)
            .with_worker("sleeper", "report", "exec sleep 600")
    }

    /// A task whose chat is the room.
    fn subscribed(&self, assignee: &str) -> String {
        let id = self.stage.board.create("Paint the door", &["--assignee", assignee]);
        self.stage.subscribe(&id, T::KIND, T::ROOM);
        id
    }

    /// Waits for the message with these words, and until the daemon knows its id.
    fn message(&self, words: &str) -> Shown {
        let found = || self.town.shown().into_iter().find(|it| it.text.contains(words));
        let explain = || format!("{words}: {:#?}\n{}", self.town.shown(), self.stage.log());
        let found = until_or(explain, found);
        self.stage.settle();
        found
    }

    /// As it stands there now.
    fn now(&self, message: &Shown) -> Shown {
        self.town.shown().into_iter().find(|it| it.id == message.id).unwrap()
    }

    fn until_status(&self, id: &str, status: &str) {
        self.stage.until(|| (self.stage.board.status(id) == status).then_some(()));
    }

    fn taken(&self) {
        self.stage.until(|| self.town.is_taken().then_some(()));
    }
}

/// A worker asks, a person answers to the message, and the worker goes on with the words.
pub fn an_answer_reaches_the_worker_that_waits<T: Town>() {
    let scene = Scene::<T>::start();
    let id = scene.subscribed("asker");
    scene.stage.board.dispatch();
    let asked = scene.message("Which colour?");
    let expected: &[&str] = if T::HAS_BUTTONS { &["Answer"] } else { &[] };
    assert_eq!(asked.labels, expected);
    // Who is not known is not heard.
    scene.town.reply(T::EVE, &asked, "black");
    scene.town.reply(T::BO, &asked, "green, like the fence");
    scene.until_status(&id, "done");
    let runs = scene.stage.board.runs(&id);
    assert_eq!(runs.last().unwrap()["summary"], "heard green, like the fence");
    scene.stage.until(|| scene.now(&asked).text.contains("bo").then_some(()));
    assert!(scene.now(&asked).labels.is_empty(), "what is over cannot be pressed");
    let shown = scene.stage.board.say(["show", &id]).ok();
    assert!(!shown.contains("black"), "{shown}");
    assert!(!scene.stage.log().contains("SENTINEL"), "{}", scene.stage.log());
}

/// A blocked task goes on by a reply, and by a button where there are any.
pub fn a_blocked_task_goes_on<T: Town>() {
    let scene = Scene::<T>::start();
    let ways: &[&str] = if T::HAS_BUTTONS { &["reply", "button"] } else { &["reply"] };
    for (number, way) in ways.iter().enumerate() {
        let id = scene.subscribed("nobody");
        let reason = format!("No paint, number {number}.");
        scene.stage.board.say(["block", &id, &reason]).ok();
        let asked = scene.message(&reason);
        match *way {
            "reply" => scene.town.reply(T::BO, &asked, "it is in the cellar"),
            _ => scene.town.press(T::BO, &asked, "Unblock"),
        }
        scene.until_status(&id, "ready");
        let by =
            format!("SELECT actor FROM task_events WHERE task_id = '{id}' AND kind = 'unblocked'");
        assert_eq!(scene.stage.texts(&by), [format!("bo ({})", T::KIND)]);
        let shown = scene.stage.board.say(["show", &id]).ok();
        assert_eq!(shown.contains("it is in the cellar"), *way == "reply", "{shown}");
        scene.stage.until(|| scene.now(&asked).labels.is_empty().then_some(()));
    }
}

/// Commands are done, in the roles of people; what cannot be undone is asked back.
pub fn commands_are_done_and_asked_back<T: Town>() {
    let scene = Scene::<T>::start();
    scene.town.command(T::EVE, "create 'Steal the fence'");
    scene.town.command(T::BO, "create 'Paint the fence' --assignee nobody");
    let created = scene.message("Created t_");
    let id = created.text.split_once("Created ").unwrap().1[.."t_00000000".len()].to_owned();
    scene.town.command(T::ADA, "list");
    let listed = scene.message("Paint the fence");
    assert!(!listed.text.contains("Steal"), "{listed:?}");
    // The chat that created it hears of it.
    scene.stage.board.say(["complete", &id, "--summary", "It is green."]).ok();
    scene.message("It is green.");
    let asleep = scene.subscribed("sleeper");
    scene.stage.board.dispatch();
    scene.until_status(&asleep, "running");
    scene.town.command(T::BO, &format!("stop {asleep}"));
    scene.message("may not");
    scene.town.command(T::ADA, &format!("stop {asleep}"));
    let asked = scene.message(&format!("Stop {asleep}"));
    let expected: &[&str] = if T::HAS_BUTTONS { &["Yes"] } else { &[] };
    assert_eq!(asked.labels, expected);
    assert_eq!(scene.stage.board.status(&asleep), "running", "nothing is done before");
    if T::HAS_BUTTONS {
        scene.town.press(T::ADA, &asked, "Yes");
        scene.stage.until(|| scene.now(&asked).labels.is_empty().then_some(()));
    } else {
        scene.town.command(T::ADA, asked.text.rsplit_once("type: ").unwrap().1);
    }
    scene.until_status(&asleep, "blocked");
    scene.message(&format!("Stopped {asleep}"));
}

/// Nothing is lost and nothing is done twice while both programs are killed.
pub fn each_thing_acts_once_while_both_programs_are_killed<T: Town>() {
    let mut scene = Scene::<T>::start();
    let id = scene.subscribed("nobody");
    let total = 8;
    for number in 0..total {
        let user = if number % 2 == 0 { T::ADA } else { T::BO };
        scene.town.command(user, &format!("comment {id} 'coat {number}'"));
        scene.stage.kill_in_turn(number);
    }
    scene.taken();
    scene.stage.has_each_comment_once(total);
}
