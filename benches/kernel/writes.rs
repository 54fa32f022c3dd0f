//! Operations that write, in transactions of sixteen, as they come out of the daemon under load.

use std::time::Instant;

use kanband::kernel::board::Batch;
use kanband::kernel::caller::Caller;
use kanband::kernel::ids::{BoardName, TaskId};
use kanband::kernel::outcome::{Evidence, ProcessEnd, VerdictMode};
use kanband::kernel::random::{SeededRandom, below};
use kanband::kernel::verbs::{
    ArchiveTask, BlockTask, ClaimTask, CloseRun, CollectGarbage, CommentTask, CompleteTask,
    CreateTask, HeartbeatTask, PassMode, ReclaimTask, RunOrder, StartReadyRuns, UnblockTask,
};
use rusqlite::Connection;

use crate::Plan;
use crate::filling::{ASSIGNEES, Filled, assignee};
use crate::measure::{Compared, Line};
use crate::replay::{Bare, Recorder};
use crate::side::{BATCH, Side, copy, open, open_bare, person, run, system};

/// What the cleaning needs to know of a reply.
pub enum Reply {
    Created(TaskId),
    Started(Vec<RunOrder>),
    Nothing,
}

type Request = Box<dyn Fn(&mut Batch<'_>) -> Reply>;

type Clean = Box<dyn FnOnce(&mut Side, Vec<Reply>)>;

/// The measured requests of one transaction, and what follows unmeasured, so that the board stays as large as it was.
struct Work {
    requests: Vec<Request>,
    /// Operations in these requests.
    operations: usize,
    clean: Clean,
}

/// Prepares one transaction's work, unmeasured. Two sides that are given the same picks do exactly the same.
type Case = fn(&mut Side, &Filled, &mut SeededRandom, usize) -> Work;

const CASES: &[(&str, Case)] = &[
    ("create", create),
    ("create, with a request id", create_with_request_id),
    ("create, with two parents", create_with_parents),
    ("claim", claim),
    ("heartbeat", heartbeat),
    ("comment", comment),
    ("block", block),
    ("unblock", unblock),
    ("dispatch pass, per start of 16", start_runs),
    ("dispatch pass, no slot is free", pass_in_a_full_house),
    ("complete, releasing a child", complete),
];

fn work(requests: Vec<Request>, clean: impl FnOnce(&mut Side, Vec<Reply>) + 'static) -> Work {
    Work { operations: requests.len(), requests, clean: Box::new(clean) }
}

/// Different tasks, from all over the board.
fn pick(from: &[TaskId], random: &mut SeededRandom) -> Vec<TaskId> {
    let mut picked: Vec<TaskId> = Vec::new();
    while picked.len() < BATCH {
        let id = &from[below(random, from.len() as u64) as usize];
        if !picked.contains(id) {
            picked.push(id.clone());
        }
    }
    picked
}

fn new_task(nth: usize) -> CreateTask {
    CreateTask {
        title: format!("New work {nth}"),
        body: Some("What is to be done, in a sentence or two, as people write it.".to_owned()),
        assignee: Some(assignee(nth)),
        ..CreateTask::default()
    }
}

/// Takes tasks off the board, with everything that belongs to them.
fn remove(side: &mut Side, ids: &[TaskId]) {
    side.together(|batch| {
        for id in ids {
            run(
                batch,
                &person(),
                &ArchiveTask { id: id.to_string(), release_children: true, board: None },
            );
        }
    });
    side.now += 1;
    let verb = CollectGarbage { archived_before: side.now };
    side.together(|batch| run(batch, &person(), &verb));
}

fn remove_created(side: &mut Side, replies: Vec<Reply>) {
    let created = replies.into_iter().filter_map(|reply| match reply {
        Reply::Created(id) => Some(id),
        Reply::Started(_) | Reply::Nothing => None,
    });
    remove(side, &created.collect::<Vec<_>>());
}

fn create(_: &mut Side, _: &Filled, _: &mut SeededRandom, _: usize) -> Work {
    let request = |nth| -> Request {
        let verb = new_task(nth);
        Box::new(move |batch| Reply::Created(run(batch, &person(), &verb).task.id))
    };
    work((0..BATCH).map(request).collect(), remove_created)
}

fn create_with_request_id(
    _: &mut Side,
    _: &Filled,
    _: &mut SeededRandom,
    nth_batch: usize,
) -> Work {
    let request = |nth| -> Request {
        let verb = new_task(nth);
        let id = format!("request {nth_batch}/{nth}");
        Box::new(move |batch| {
            Reply::Created(batch.run(&person(), Some(&id), &verb).unwrap().task.id)
        })
    };
    work((0..BATCH).map(request).collect(), remove_created)
}

fn create_with_parents(_: &mut Side, filled: &Filled, random: &mut SeededRandom, _: usize) -> Work {
    let (first, second) = (pick(&filled.ready, random), pick(&filled.done, random));
    let request = |(nth, parents): (usize, (TaskId, TaskId))| -> Request {
        let parents = vec![parents.0.to_string(), parents.1.to_string()];
        let verb = CreateTask { parents, ..new_task(nth) };
        Box::new(move |batch| Reply::Created(run(batch, &person(), &verb).task.id))
    };
    work(first.into_iter().zip(second).enumerate().map(request).collect(), remove_created)
}

fn claim_of(id: &TaskId) -> ClaimTask {
    let workspace = "/tmp/w".to_owned();
    ClaimTask {
        id: id.to_string(),
        ttl_seconds: None,
        claimer: None,
        board: None,
        workspace,
        location: None,
        repository: None,
        branch: None,
    }
}

/// Gives tasks back that are running.
fn reclaim(batch: &mut Batch<'_>, id: &TaskId) {
    run(batch, &person(), &ReclaimTask { id: id.to_string(), ..ReclaimTask::default() });
}

fn claim(_: &mut Side, filled: &Filled, random: &mut SeededRandom, _: usize) -> Work {
    let ids = pick(&filled.ready, random);
    let request = |id: &TaskId| -> Request {
        let verb = claim_of(id);
        Box::new(move |batch| {
            run(batch, &person(), &verb);
            Reply::Nothing
        })
    };
    work(ids.iter().map(request).collect(), move |side, _| {
        side.together(|batch| ids.iter().for_each(|id| reclaim(batch, id)));
    })
}

fn heartbeat(side: &mut Side, filled: &Filled, random: &mut SeededRandom, _: usize) -> Work {
    let ids = pick(&filled.ready, random);
    side.together(|batch| {
        for id in &ids {
            run(batch, &person(), &claim_of(id));
        }
    });
    let request = |id: &TaskId| -> Request {
        let note = Some("half of the files".to_owned());
        let verb = HeartbeatTask { id: id.to_string(), note, claimer: None, board: None };
        Box::new(move |batch| {
            run(batch, &person(), &verb);
            Reply::Nothing
        })
    };
    work(ids.iter().map(request).collect(), move |side, _| {
        side.together(|batch| ids.iter().for_each(|id| reclaim(batch, id)));
    })
}

fn comment(_: &mut Side, filled: &Filled, random: &mut SeededRandom, _: usize) -> Work {
    let request = |id: TaskId| -> Request {
        let body = "It is the second one, see the chapter on formats".to_owned();
        let verb = CommentTask { id: id.to_string(), body, author: None, board: None };
        Box::new(move |batch| {
            run(batch, &person(), &verb);
            Reply::Nothing
        })
    };
    work(pick(&filled.done, random).into_iter().map(request).collect(), |_, _| {})
}

fn block_of(id: &TaskId) -> BlockTask {
    let reason = Some("Which of the two formats?".to_owned());
    BlockTask { id: id.to_string(), reason, ..BlockTask::default() }
}

fn unblock_of(id: &TaskId) -> UnblockTask {
    UnblockTask { id: id.to_string(), more_starts: false, board: None }
}

fn block(_: &mut Side, filled: &Filled, random: &mut SeededRandom, _: usize) -> Work {
    let ids = pick(&filled.ready, random);
    let request = |id: &TaskId| -> Request {
        let verb = block_of(id);
        Box::new(move |batch| {
            run(batch, &person(), &verb);
            Reply::Nothing
        })
    };
    work(ids.iter().map(request).collect(), move |side, _| {
        side.together(|batch| {
            for id in &ids {
                run(batch, &person(), &unblock_of(id));
            }
        });
    })
}

fn unblock(side: &mut Side, filled: &Filled, random: &mut SeededRandom, _: usize) -> Work {
    let ids = pick(&filled.ready, random);
    side.together(|batch| {
        for id in &ids {
            run(batch, &person(), &block_of(id));
        }
    });
    let request = |id: &TaskId| -> Request {
        let verb = unblock_of(id);
        Box::new(move |batch| {
            run(batch, &person(), &verb);
            Reply::Nothing
        })
    };
    work(ids.iter().map(request).collect(), |_, _| {})
}

fn pass() -> Request {
    let verb = StartReadyRuns {
        mode: PassMode::Automatic,
        max: None,
        is_disk_low: false,
        looks: Default::default(),
        only: Vec::new(),
    };
    Box::new(move |batch| Reply::Started(run(batch, &system(), &verb).orders))
}

fn close(batch: &mut Batch<'_>, order: &RunOrder) {
    let verb = CloseRun {
        run_id: order.run_id,
        verdict_mode: VerdictMode::Report,
        evidence: Evidence::of(ProcessEnd::Exited(0)),
        launch: None,
    };
    run(batch, &system(), &verb);
}

/// Takes started tasks back to where they were, and closes their runs.
fn take_back(side: &mut Side, orders: &[RunOrder]) {
    side.together(|batch| {
        for order in orders {
            reclaim(batch, &order.task.id);
            close(batch, order);
        }
    });
}

fn started(replies: Vec<Reply>) -> Vec<RunOrder> {
    let orders = replies.into_iter().filter_map(|reply| match reply {
        Reply::Started(orders) => Some(orders),
        Reply::Created(_) | Reply::Nothing => None,
    });
    orders.flatten().collect()
}

fn start_runs(_: &mut Side, _: &Filled, _: &mut SeededRandom, _: usize) -> Work {
    let clean = |side: &mut Side, replies| {
        let orders = started(replies);
        assert_eq!(orders.len(), BATCH);
        take_back(side, &orders);
    };
    Work { operations: BATCH, ..work(vec![pass()], clean) }
}

/// Every assignee has a ready task, also on the smallest board.
fn pass_in_a_full_house(side: &mut Side, _: &Filled, _: &mut SeededRandom, _: usize) -> Work {
    let waiting = side.together(|batch| {
        let late = |nth| CreateTask { priority: -1, ..new_task(nth) };
        let ids = (0..ASSIGNEES).map(|nth| run(batch, &person(), &late(nth)).task.id);
        ids.collect::<Vec<_>>()
    });
    let orders = side.together(|batch| started(vec![pass()(batch)]));
    work((0..BATCH).map(|_| pass()).collect(), move |side, replies| {
        assert!(started(replies).is_empty());
        take_back(side, &orders);
        remove(side, &waiting);
    })
}

fn complete(side: &mut Side, _: &Filled, _: &mut SeededRandom, _: usize) -> Work {
    let mut ids = side.together(|batch| {
        let urgent = |nth| CreateTask { priority: 100, ..new_task(nth) };
        let mut ids = Vec::new();
        for nth in 0..BATCH {
            let parent = run(batch, &person(), &urgent(nth)).task.id;
            let parents = vec![parent.to_string()];
            ids.push(run(batch, &person(), &CreateTask { parents, ..new_task(nth) }).task.id);
            ids.push(parent);
        }
        ids
    });
    let orders = side.together(|batch| started(vec![pass()(batch)]));
    let request = |order: &RunOrder| -> Request {
        let summary = Some("Changed three files, all tests pass".to_owned());
        let id = order.task.id.to_string();
        let verb = CompleteTask { id, summary, ..CompleteTask::default() };
        let caller = Caller::Worker {
            run_id: order.run_id,
            task_id: order.task.id.clone(),
            board: BoardName::default(),
            profile: order.profile.clone(),
        };
        Box::new(move |batch| {
            assert_eq!(run(batch, &caller, &verb).released, 1);
            Reply::Nothing
        })
    };
    let requests = orders.iter().map(request).collect();
    work(requests, move |side, _| {
        side.together(|batch| orders.iter().for_each(|order| close(batch, order)));
        ids.sort();
        remove(side, &ids);
    })
}

/// Every case on one board.
pub fn measure_all(plan: &Plan, filled: &Filled) -> Vec<Line> {
    let open_side = |path| Side { board: open(path, 2), now: filled.now };
    let (recorded, measured) = (copy(&filled.path, "recorded"), copy(&filled.path, "measured"));
    let bare = copy(&filled.path, "bare");
    let (mut recorded, mut measured) = (open_side(&recorded), open_side(&measured));
    let recorder = Recorder::listen(&mut recorded.board);
    let bare = open_bare(&bare);
    let mut lines = Vec::new();
    for (name, case) in CASES {
        if plan.wants(name) {
            lines.push(measure(
                (name, *case),
                plan,
                filled,
                (&mut recorded, &recorder),
                &mut measured,
                &bare,
            ));
        }
    }
    let kept = open_bare(measured.board.path());
    assert!(rows(&kept) == rows(&bare), "both files must end up with the same rows");
    lines
}

/// Every row of the board, as text.
fn rows(connection: &Connection) -> Vec<String> {
    let mut rows = Vec::new();
    for table in [
        "tasks",
        "task_links",
        "task_runs",
        "task_comments",
        "task_events",
        "task_labels",
        "requests",
        "settings",
        "breakers",
    ] {
        let mut statement =
            connection.prepare(&format!("SELECT * FROM {table} ORDER BY 1, 2")).unwrap();
        let width = statement.column_count();
        let mut found = statement.query([]).unwrap();
        while let Some(row) = found.next().unwrap() {
            let columns = (0..width).map(|index| format!("{:?}", row.get_ref(index).unwrap()));
            rows.push(columns.collect::<Vec<_>>().join("|"));
        }
    }
    rows
}

fn measure(
    (name, case): (&'static str, Case),
    plan: &Plan,
    filled: &Filled,
    (recorded, recorder): (&mut Side, &Recorder),
    measured: &mut Side,
    connection: &Connection,
) -> Line {
    let mut bare = Bare::new(connection);
    let (mut picks_recorded, mut picks_measured) = (SeededRandom::new(3), SeededRandom::new(3));
    let (mut whole, mut inside) = (Compared::default(), Compared::default());
    let (mut statements, mut steps) = (0.0, 0.0);
    recorder.take();
    // The first transactions warm the caches.
    for nth in 0..plan.batches + plan.batches.min(5) {
        let is_measured = nth >= plan.batches.min(5);
        let work = case(recorded, filled, &mut picks_recorded, nth);
        let before = bare.prepare(recorder.take());
        let replies =
            recorded.together(|batch| work.requests.iter().map(|one| one(batch)).collect());
        let script = bare.prepare(recorder.take());
        (work.clean)(recorded, replies);
        let after = bare.prepare(recorder.take());
        statements = script.len() as f64 / work.operations as f64;

        let mut kernel_turn = |is_measured: bool| {
            let work = case(measured, filled, &mut picks_measured, nth);
            let mut replies = Vec::with_capacity(work.requests.len());
            let begun = Instant::now();
            let mut batch = measured.board.batch(measured.now).unwrap();
            replies.extend(work.requests.iter().map(|request| request(&mut batch)));
            let done = begun.elapsed();
            batch.commit().unwrap();
            let durable = begun.elapsed();
            if is_measured {
                inside.kernel.add(done, work.operations);
                whole.kernel.add(durable, work.operations);
            }
            (work.clean)(measured, replies);
        };
        let mut bare_turn = || {
            bare.run_alone("BEGIN IMMEDIATE", &before);
            bare.take_steps();
            let begun = Instant::now();
            let done = bare.run_alone("BEGIN IMMEDIATE", &script) - begun;
            let durable = begun.elapsed();
            if is_measured {
                inside.bare.add(done, work.operations);
                whole.bare.add(durable, work.operations);
                steps += bare.take_steps() as f64 / (work.operations * plan.batches) as f64;
            }
            bare.run_alone("BEGIN IMMEDIATE", &after);
        };
        if nth % 2 == 0 {
            kernel_turn(is_measured);
            bare_turn();
        } else {
            bare_turn();
            kernel_turn(is_measured);
        }
    }
    Line {
        name,
        size: filled.size,
        finds_more: false,
        whole,
        inside: Some(inside),
        statements,
        steps,
    }
}
