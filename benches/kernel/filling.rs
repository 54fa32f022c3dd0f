//! A board like one that has been worked on: half done, with attempts and comments, the rest in every other status.

use std::path::{Path, PathBuf};

use kanband::kernel::board::Batch;
use kanband::kernel::ids::TaskId;
use kanband::kernel::store::search::SearchIndex;
use kanband::kernel::store::{self};
use kanband::kernel::verbs::{BlockTask, CommentTask, CompleteTask, CreateTask};

use crate::side::{Side, open, person, run};

/// Assignees that share the work.
pub const ASSIGNEES: usize = 8;

/// A database that nobody has open, and what lies on it.
pub struct Filled {
    pub path: PathBuf,
    pub size: usize,
    /// Time after the last request.
    pub now: i64,
    pub done: Vec<TaskId>,
    pub ready: Vec<TaskId>,
    pub todo: Vec<TaskId>,
}

impl Filled {
    pub fn bytes(&self) -> u64 {
        std::fs::metadata(&self.path).unwrap().len()
    }
}

pub fn assignee(group: usize) -> String {
    format!("dev{}", group % ASSIGNEES)
}

fn new_task(filled: &Filled, group: usize, nth: usize, parents: &[&TaskId]) -> CreateTask {
    // The same few tasks of every board have the rare word, however large it is.
    let number = group * 10 + nth;
    let rare = if number.is_multiple_of((filled.size / 5).max(1)) { " seldom" } else { "" };
    CreateTask {
        title: format!("Part {number} of the work{rare}"),
        body: Some("Read what is there, change what is needed, say what was done. ".repeat(3)),
        assignee: Some(assignee(group)),
        priority: (group % 3) as i64,
        parents: parents.iter().map(ToString::to_string).collect(),
        ..CreateTask::default()
    }
}

/// Ten tasks: five done, two ready, one that waits for one of them, one blocked, one in triage.
fn group(batch: &mut Batch<'_>, filled: &mut Filled, group: usize) {
    let mut create = |verb: &CreateTask| run(batch, &person(), verb).task.id;
    let done: Vec<TaskId> = (0..5).map(|nth| create(&new_task(filled, group, nth, &[]))).collect();
    let ready = [
        create(&new_task(filled, group, 5, &[])),
        create(&new_task(filled, group, 6, &[&done[0]])),
    ];
    let todo = create(&new_task(filled, group, 7, &[&done[1], &ready[0]]));
    let blocked = create(&new_task(filled, group, 8, &[]));
    create(&CreateTask { triage: true, ..new_task(filled, group, 9, &[]) });
    for id in &done {
        let summary = Some(format!("Changed three files for {id}, all tests pass"));
        run(batch, &person(), &CompleteTask { id: id.to_string(), summary, ..Default::default() });
    }
    for id in done.iter().chain(&ready) {
        let body = "The file format is described in the second chapter".to_owned();
        let verb = CommentTask { id: id.to_string(), body, author: None, board: None };
        run(batch, &person(), &verb);
    }
    let reason = Some("Which of the two formats?".to_owned());
    run(batch, &person(), &BlockTask { id: blocked.to_string(), reason, ..BlockTask::default() });
    // The first done ones have the same history on every board.
    filled.done.extend(done);
    filled.ready.extend(ready);
    filled.todo.push(todo);
}

/// Makes a board of `size` tasks in `folder`, and its search index.
pub fn fill(folder: &Path, size: usize) -> Filled {
    let path = folder.join("filled.db");
    let board = open(&path, 1);
    let mut side = Side { board, now: 1_000_000 };
    let mut filled =
        Filled { path, size, now: 0, done: Vec::new(), ready: Vec::new(), todo: Vec::new() };
    let groups: Vec<usize> = (0..size / 10).collect();
    for some in groups.chunks(100) {
        side.together(|batch| some.iter().for_each(|nth| group(batch, &mut filled, *nth)));
        side.now += 60;
    }
    filled.now = side.now + 1000;
    side.board.close().unwrap();
    let reader = store::open_reader(&filled.path).unwrap();
    let mut index = SearchIndex::open(&filled.path, "n").unwrap();
    index.catch_up(&reader).unwrap();
    drop(index);
    drop(reader);
    filled
}
