//! Operations that read, each in a snapshot of its own on a reading connection, as the daemon's readers do.

use std::time::Instant;

use kanband::kernel::context::LocalTime;
use kanband::kernel::counts::Counts;
use kanband::kernel::error::VerbError;
use kanband::kernel::ids::TaskId;
use kanband::kernel::queries::{
    GetContext, GetStats, ListTasks, Query, SearchTasks, ShowTask, Snapshot, stats,
};
use kanband::kernel::random::{SeededRandom, below};
use kanband::kernel::store::transaction::snapshot;
use kanband::kernel::store::{self, Connection, search};

use crate::Plan;
use crate::filling::Filled;
use crate::measure::{Compared, Line};
use crate::replay::{Bare, Recorder};
use crate::side::{copy, open, open_bare, person};

type Read = Box<dyn Fn(&Snapshot<'_>) -> Result<(), VerbError>>;

/// Makes one call, about the task when it is about one.
type Case = fn(&TaskId) -> Read;

type AnyCase = Box<dyn Fn(&TaskId) -> Read>;

const CASES: &[(&str, Case)] = &[
    ("list, ready of one assignee, limit 50", list_ready),
    ("list, ready of one assignee, limit 3", list_next_ready),
    ("list, every status, limit 50", list_open),
    ("list, newest first, limit 50", list_newest),
    ("show", show),
    ("worker context", context),
    ("search, a word in 5 tasks", search_rare),
    ("search, a word in every task", search_common),
];

/// Those that find more on a larger board.
const FINDS_MORE: &[&str] = &["list, ready of one assignee, limit 50"];

fn ask<Q: Query>(query: Q) -> Read {
    Box::new(move |snapshot| query.read(snapshot).map(|reply| drop(std::hint::black_box(reply))))
}

fn list_ready(_: &TaskId) -> Read {
    let (status, assignee) = (Some("ready".to_owned()), Some("dev1".to_owned()));
    ask(ListTasks { status, assignee, limit: Some(50), ..ListTasks::default() })
}

/// As many as the smallest board has.
fn list_next_ready(_: &TaskId) -> Read {
    let (status, assignee) = (Some("ready".to_owned()), Some("dev1".to_owned()));
    ask(ListTasks { status, assignee, limit: Some(3), ..ListTasks::default() })
}

fn list_open(_: &TaskId) -> Read {
    ask(ListTasks { limit: Some(50), ..ListTasks::default() })
}

fn list_newest(_: &TaskId) -> Read {
    ask(ListTasks { sort: Some("-created".to_owned()), limit: Some(50), ..ListTasks::default() })
}

fn show(id: &TaskId) -> Read {
    ask(ShowTask { id: id.to_string(), ..ShowTask::default() })
}

fn context(id: &TaskId) -> Read {
    ask(GetContext { id: id.to_string(), board: None })
}

fn search_rare(_: &TaskId) -> Read {
    ask(SearchTasks { text: "seldom".to_owned(), ..SearchTasks::default() })
}

fn search_common(_: &TaskId) -> Read {
    ask(SearchTasks { text: "work".to_owned(), ..SearchTasks::default() })
}

/// The counts are not read from the file: the daemon's writing thread keeps them.
fn ask_stats(counts: Counts) -> AnyCase {
    Box::new(move |_| {
        let counts = counts.clone();
        Box::new(move |snapshot| {
            let reply = stats(&GetStats::default(), snapshot, &counts)?;
            drop(std::hint::black_box(reply));
            Ok(())
        })
    })
}

/// Every case on one board.
pub fn measure_all(plan: &Plan, filled: &Filled) -> Vec<Line> {
    let path = copy(&filled.path, "read");
    let mut board = open(&path, 2);
    let recorder = Recorder::listen(&mut board);
    board.read::<_, VerbError>(|connection| Ok(search::attach(connection, &path)?)).unwrap();
    let reader = || {
        let connection = store::open_reader(&path).unwrap();
        search::attach(&connection, &path).unwrap();
        connection
    };
    let (kernel, bare) = (reader(), open_bare(&path));
    let index = search::index_path(&path).to_string_lossy().into_owned();
    bare.execute("ATTACH ? AS search", [index]).unwrap();
    let of_stats = ("stats", ask_stats(board.counts().clone()));
    let cases = CASES.iter().map(|(name, case)| (*name, Box::new(*case) as AnyCase));
    let local_time = LocalTime::new(jiff::tz::TimeZone::UTC);
    let caller = person();
    let ask_on = |connection: &Connection, read: &Read| {
        read(&Snapshot { connection, now: filled.now, caller: &caller, local_time: &local_time })
    };
    let mut lines = Vec::new();
    for (name, case) in cases.chain([of_stats]).filter(|(name, _)| plan.wants(name)) {
        // A word of every task is looked for in every task: a few calls say it all.
        let calls = if name.ends_with("every task") { plan.reads.min(20) } else { plan.reads };
        let mut random = SeededRandom::new(4);
        let mut bare = Bare::new(&bare);
        let mut compared = Compared::default();
        let (mut statements, mut steps) = (0.0, 0.0);
        let warm = calls.min(20);
        for nth in 0..calls + warm {
            let pool = if nth % 2 == 0 { &filled.done } else { &filled.todo };
            let read = case(&pool[below(&mut random, pool.len() as u64) as usize]);
            recorder.take();
            board.read(|connection| ask_on(connection, &read)).unwrap();
            let script = bare.prepare(recorder.take());
            statements = script.len() as f64;
            for turn in 0..2 {
                let begun = Instant::now();
                if (turn + nth) % 2 == 0 {
                    snapshot(&kernel, |connection| ask_on(connection, &read)).unwrap();
                    if nth >= warm {
                        compared.kernel.add(begun.elapsed(), 1);
                    }
                } else {
                    bare.run_alone("BEGIN DEFERRED", &script);
                    if nth + 1 == warm {
                        bare.take_steps();
                    }
                    if nth >= warm {
                        compared.bare.add(begun.elapsed(), 1);
                        steps += bare.take_steps() as f64 / calls as f64;
                    }
                }
            }
        }
        lines.push(Line {
            name,
            size: filled.size,
            inside: None,
            finds_more: FINDS_MORE.contains(&name),
            whole: compared,
            statements,
            steps,
        });
    }
    lines
}
