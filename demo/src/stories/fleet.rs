//! Story 2: a fleet of twelve independent tasks over three profiles, under one tenant; nobody watches.

use crate::check::{Check, summary};
use crate::home::DemoHome;
use crate::stage::Stage;
use crate::stories::{Played, task};
use kanband::cli::failure::Failure;
use kanband::kernel::run::RunOutcome;
use kanband::kernel::task::TaskStatus;
use kanband::kernel::verbs::CreateTask;

/// Profile, title, what is handed in, what must come out.
const FLEET: [(&str, &str, &str, &str); 12] = [
    ("translator", "Translate greeting 1", "good morning world", "bona mateno mondo"),
    ("translator", "Translate greeting 2", "good night", "bona nokto"),
    ("translator", "Translate greeting 3", "the world is new", "la mondo estas nova"),
    ("transcriber", "Transcribe signal 1", "... --- ...", "SOS"),
    ("transcriber", "Transcribe signal 2", "-.- .- -. -... .- -.", "KANBAN"),
    (
        "transcriber",
        "Transcribe signal 3",
        ".... . .-.. .-.. --- / .-- --- .-. .-.. -..",
        "HELLO WORLD",
    ),
    ("transcriber", "Transcribe signal 4", "--.- ..- .. -.-. -.- / ..-. --- -..-", "QUICK FOX"),
    ("transcriber", "Transcribe signal 5", ".--- ..- -- .--. / --.. . ...- -.--", "JUMP ZEVY"),
    (
        "copywriter",
        "Slogan for the kettle",
        "product: Kettle\nbenefit: boils in a minute",
        "Kettle: boils in a minute.",
    ),
    (
        "copywriter",
        "Slogan for the lamp",
        "product: Lamp\nbenefit: never dazzles",
        "Lamp: never dazzles.",
    ),
    (
        "copywriter",
        "Slogan for the chair",
        "product: Chair\nbenefit: holds you all day long, every day, for years to come",
        "Chair. Simply better.",
    ),
    (
        "copywriter",
        "Slogan for the pen",
        "product: Pen\nbenefit: writes upside down",
        "Pen: writes upside down.",
    ),
];

pub(super) fn play(stage: &mut Stage<'_>, _home: &DemoHome) -> Result<Played, Failure> {
    stage
        .announce("Story 2: a fleet of twelve tasks over three profiles, two at a time for each")?;
    let mut tasks = Vec::new();
    for (profile, title, body, _expected) in FLEET {
        let body = Some(body.to_owned());
        tasks.push(stage.create(&CreateTask { body, ..task(title, profile, "content") })?);
    }
    stage.play(&tasks, |_, _| Ok(()))?;
    let seen = stage.all(&tasks)?;
    let ends = Check::ended(
        "fleet: all twelve are done, each at its first attempt",
        &seen.iter().collect::<Vec<_>>(),
        TaskStatus::Done,
        &[RunOutcome::Completed],
    );
    let wrong: Vec<String> = seen
        .iter()
        .zip(FLEET)
        .filter(|(task, (.., expected))| summary(task) != *expected)
        .map(|(task, (_, title, ..))| format!("{title}: {:?}", summary(task)))
        .collect();
    let work = Check::that(
        "fleet: every translation, transcript and slogan is the right one",
        wrong.is_empty(),
        wrong.join("; "),
    );
    Ok(Played { tasks, checks: vec![ends, work] })
}
