//! Random command lines of people of role *member*: none reaches what only operators, or nobody in a chat, may do.

use clap::CommandFactory as _;
use kanband::cli::Arguments;

use super::{Scene, text};

/// Lines of one person in a minute that are heard.
const PACE: usize = 20;

/// Lines in all.
const LINES: usize = 300;

/// The first of the people.
const FIRST: i64 = 2_000;

/// Numbers from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }

    fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }
}

/// Lines that would do what an operator does, were they an operator's.
fn of_operators(id: &str) -> Vec<String> {
    [
        "stop ID",
        "stop ID --cancel",
        "stop ID --force",
        "stop --where status=running",
        "reclaim ID",
        "restart ID",
        "cancel ID",
        "archive ID",
        "unarchive ID",
        "assign ID other",
        "reassign ID other",
        "edit ID --title x",
        "edit ID --priority 9",
        "link ID ID",
        "unlink ID ID",
        "block ID 'no'",
        "schedule ID --in 1h",
        "unschedule ID",
        "reopen ID",
        "triage ID",
        "approve ID",
        "request-changes ID 'more'",
        "request-review ID",
        "diff ID --stat",
        "claim ID",
        "heartbeat ID",
        "rate-limited ID --for 5m",
        "ask ID 'what?' --no-wait",
        "pause",
        "resume",
        "drain --no-wait",
        "dispatch",
        "gc",
        "reload",
        "log-level debug",
        "boards create other",
        "notify-subscribe ID --platform telegram --chat-id 1",
        "notify-unsubscribe ID --platform telegram --chat-id 1",
        "notify test telegram 1",
        "notify retry telegram",
        "chat allow telegram 1 --as eve --role lead",
        "chat deny telegram 1",
        "export /tmp/x",
        "backup /tmp/x",
        "restore /tmp/x --yes",
        "import hermes /tmp/x",
        "context ID",
        "doctor",
        "schedules add nightly '0 3 * * *' --title x",
        "breakers reset host",
        "profiles add claude",
        "dashboard",
        "attach ID /etc/passwd",
        "complete ID --author root",
        "create x --created-by root",
    ]
    .map(|line| line.replace("ID", id))
    .to_vec()
}

fn line(dice: &mut Dice, verbs: &[String], operators: &[String], id: &str) -> String {
    if dice.below(2) == 0 {
        return operators[dice.below(operators.len())].clone();
    }
    let mut words = vec![verbs[dice.below(verbs.len())].clone()];
    for _word in 0..dice.below(5) {
        let pool = [
            id,
            "t_00000000",
            "default",
            "--json",
            "--force",
            "--board",
            "other",
            "--where",
            "status=ready",
            "--all",
            "-",
            "--yes",
            "'two words'",
            "--reason",
            "--cancel",
            "list",
            "--as",
            "root",
            "\"",
            "$(id)",
            "../..",
            "host",
        ];
        words.push(dice.one(&pool).to_owned());
    }
    words.join(" ")
}

#[test]
fn three_hundred_random_lines_of_members_reach_nothing_that_is_not_theirs() {
    let seed = std::env::var("KANBAND_SEED").ok().and_then(|it| it.parse().ok()).unwrap_or(17);
    let mut dice = Dice(seed | 1);
    let scene = Scene::start();
    let id = scene.stage.board.create("Paint the door", &["--assignee", "sleeper"]);
    scene.stage.board.dispatch();
    scene.until_status(&id, "running");
    let people = LINES.div_ceil(PACE);
    for number in 0..people {
        let user = (FIRST + number as i64).to_string();
        let name = format!("member{number}");
        let words = ["chat", "allow", "telegram", &user, "--as", &name, "--role", "member"];
        scene.stage.board.say(words).ok();
    }
    let verbs: Vec<String> =
        Arguments::command().get_subcommands().map(|it| it.get_name().to_owned()).collect();
    // What takes its time to answer by design is left out: a line ends it after twenty seconds.
    let verbs: Vec<String> = verbs.into_iter().filter(|it| it != "wait").collect();
    let operators = of_operators(&id);
    let last_event = scene.stage.number("SELECT max(id) FROM task_events");
    let settings = || {
        let status = scene.stage.board.say(["status", "--json"]).json();
        let people = scene.stage.board.say(["chat", "list"]).ok();
        (
            status["dispatch"].clone(),
            people,
            scene.stage.board.say(["boards"]).ok(),
            scene.stage.board.say(["notify-list"]).ok(),
        )
    };
    let before = settings();
    let mut written = Vec::new();
    for number in 0..LINES {
        let words = line(&mut dice, &verbs, &operators, &id);
        scene.write(FIRST + (number / PACE) as i64, &format!("/kanban {words}"));
        written.push(words);
    }
    scene.taken();
    let shown: Vec<String> = scene.shown().iter().map(text).collect();
    let context = || format!("seed {seed}\n{}\n{}", written.join("\n"), shown.join("\n---\n"));
    // Each line was heard, and answered.
    let heard =
        scene.stage.number("SELECT count(*) FROM inbound WHERE reply ->> '$.run.line' IS NOT NULL");
    assert!(heard >= (LINES - 5) as i64, "{heard}: {}", context());
    let refusals =
        shown.iter().filter(|it| it.contains("may not") || it.contains("not available")).count();
    assert!(refusals >= LINES / 4, "{refusals} refusals: {}", context());
    // What they did is theirs to do.
    let theirs =
        "'created', 'commented', 'completed', 'unblocked', 'promoted', 'answered', 'linked'";
    let strange = scene.stage.texts(&format!(
        "SELECT kind || ' by ' || coalesce(actor, '-') FROM task_events
         WHERE id > {last_event} AND actor LIKE 'member%' AND kind NOT IN ({theirs})"
    ));
    assert!(strange.is_empty(), "{strange:?}: {}", context());
    // Nothing was asked back: a member is refused before that.
    assert_eq!(scene.stage.number("SELECT count(*) FROM chat_tokens WHERE kind = 'confirm'"), 0);
    assert_eq!(settings(), before, "{}", context());
    assert_eq!(scene.stage.board.runs(&id).len(), 1, "{}", context());
}
