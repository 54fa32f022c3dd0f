//! The search index: it takes in a task bit by bit, steps over what it cannot take, and finds every word of an ordinary task together.

use kanband::kernel::error::VerbError;
use kanband::kernel::ids::TaskId;
use kanband::kernel::queries::SearchTasks;
use kanband::kernel::store::{self, search, search::SearchIndex};
use kanband::kernel::verbs::{CommentTask, CreateTask, CreateTasks};
use serde_json::json;

use crate::bench_board::{Bench, wire};

struct Indexed {
    bench: Bench,
    index: SearchIndex,
}

impl Indexed {
    fn new() -> Self {
        let bench = Bench::new();
        let index = SearchIndex::open(&bench.path, "n").unwrap();
        bench.board.read::<_, VerbError>(|c| Ok(search::attach(c, &bench.path)?)).unwrap();
        Self { bench, index }
    }

    fn create(&mut self, title: &str) -> TaskId {
        self.bench.do_it(&wire::<CreateTask>(json!({ "title": title }))).task.id
    }

    fn comment(&mut self, id: &TaskId, body: &str) {
        self.bench.do_it(&wire::<CommentTask>(json!({ "id": id, "body": body })));
    }

    fn catch_up(&mut self) {
        let reader = store::open_reader(&self.bench.path).unwrap();
        self.index.catch_up(&reader).unwrap();
    }

    fn found(&self, text: &str) -> Vec<TaskId> {
        let query = SearchTasks { text: text.into(), ..SearchTasks::default() };
        self.bench.ask(&query).unwrap().into_iter().map(|hit| hit.task.id).collect()
    }

    fn snippet(&self, text: &str) -> String {
        let query = SearchTasks { text: text.into(), ..SearchTasks::default() };
        self.bench.ask(&query).unwrap().remove(0).snippet
    }

    fn skipped(&self) -> Vec<(String, String)> {
        let state = |c: &store::Connection| Ok::<_, VerbError>(search::state(c, 10)?);
        self.bench.board.read(state).unwrap().skipped
    }

    /// Rows of the index itself.
    fn count(&self, sql: &str) -> i64 {
        let index = rusqlite::Connection::open(search::index_path(&self.bench.path)).unwrap();
        index.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

#[test]
fn every_word_of_a_task_is_found_wherever_it_stands_and_however_much_there_is() {
    let mut indexed = Indexed::new();
    let id = indexed.create("title");
    indexed.comment(&id, "early");
    indexed.catch_up();
    assert_eq!(indexed.found("title early"), std::slice::from_ref(&id), "both in one document");
    let filler = "filler ".repeat(9_000);
    for n in 0..40 {
        indexed.comment(&id, &format!("{filler} word{n}"));
        if n % 7 == 0 {
            indexed.catch_up();
        }
    }
    indexed.catch_up();
    for word in ["title", "early", "word0", "word20", "word39"] {
        assert_eq!(indexed.found(word), std::slice::from_ref(&id), "{word}");
    }
    assert_eq!(indexed.found("filler"), [id], "a task with many documents is one hit");
    assert!(indexed.count("SELECT count(*) FROM documents") > 20);
    assert_eq!(indexed.skipped(), []);
}

#[test]
fn a_new_comment_costs_what_it_says_and_not_what_the_task_has() {
    let mut indexed = Indexed::new();
    let id = indexed.create("t");
    for _ in 0..30 {
        indexed.comment(&id, &"filler ".repeat(9_000));
    }
    indexed.catch_up();
    // What is not touched keeps its text; so a mark in each document shows which were written again.
    let index = rusqlite::Connection::open(search::index_path(&indexed.bench.path)).unwrap();
    index.execute("UPDATE documents SET bytes = 7", []).unwrap();
    let all = indexed.count("SELECT count(*) FROM documents");
    indexed.comment(&id, "short");
    indexed.catch_up();
    let untouched = indexed.count("SELECT count(*) FROM documents WHERE bytes = 7");
    assert!(untouched >= all - 1, "{untouched} of {all} were left as they were");
    assert_eq!(indexed.found("short"), [id]);
}

#[test]
fn what_cannot_be_taken_in_is_stepped_over_and_named() {
    let mut indexed = Indexed::new();
    let broken = indexed.create("broken");
    let board = rusqlite::Connection::open(&indexed.bench.path).unwrap();
    board.pragma_update(None, "ignore_check_constraints", true).unwrap();
    // A status that this program never writes.
    board.execute("UPDATE tasks SET status = 'odd' WHERE id = ?1", [broken.as_str()]).unwrap();
    // An event of a task whose name is no name.
    board.pragma_update(None, "foreign_keys", false).unwrap();
    board
        .execute(
            "INSERT INTO task_events (task_id, kind, created_at, actor) VALUES (CAST(x'ff' AS TEXT), 'edited', 1, 'x')",
            [],
        )
        .unwrap();
    let sound = indexed.create("sound");
    indexed.catch_up();
    assert_eq!(indexed.found("sound"), [sound]);
    let skipped = indexed.skipped();
    assert_eq!(skipped.len(), 1, "{skipped:?}");
    assert_eq!(skipped[0].0, broken.as_str());
    board.execute("UPDATE tasks SET status = 'ready' WHERE id = ?1", [broken.as_str()]).unwrap();
    indexed.comment(&broken, "repaired");
    indexed.catch_up();
    assert_eq!((indexed.skipped(), indexed.found("repaired")), (Vec::new(), vec![broken]));
}

#[test]
fn the_passage_is_shown_at_a_cost_that_does_not_grow_with_the_hits() {
    let mut indexed = Indexed::new();
    indexed.create("Migrate the database");
    // The index's own function would take minutes for this one.
    let many = indexed.create("many");
    indexed.comment(&many, &"apple avocado almond ".repeat(30_000));
    indexed.catch_up();
    assert_eq!(indexed.snippet("database"), "Migrate the [database]");
    let passage = indexed.snippet("a* ap* av* al*");
    assert!(passage.contains("[apple] [avocado] [almond]"), "{passage}");
}

#[test]
fn a_word_that_very_many_tasks_have_finds_the_newest_of_them_and_others_find_the_best() {
    let mut indexed = Indexed::new();
    let best = indexed.create("alpha beta beta");
    for _ in 0..3 {
        let tasks = (0..700).map(|_| wire(json!({ "title": "alpha gamma" }))).collect();
        indexed.bench.do_it(&CreateTasks { tasks });
    }
    let rare = indexed.create("alpha beta, among many other words that are here for its length");
    let newest = indexed.create("alpha gamma");
    indexed.catch_up();
    let ask = |text: &str| {
        let query = SearchTasks { text: text.into(), limit: Some(2), ..SearchTasks::default() };
        let hits = indexed.bench.ask(&query).unwrap();
        let ids: Vec<_> = hits.iter().map(|hit| hit.task.id.clone()).collect();
        (ids, hits.iter().all(|hit| hit.ranked), hits.iter().any(|hit| hit.ranked))
    };
    assert_eq!(ask("alpha"), (vec![newest, rare.clone()], false, false), "2,103 have it");
    assert_eq!(ask("alpha beta"), (vec![best, rare], true, true), "two have it");
}
