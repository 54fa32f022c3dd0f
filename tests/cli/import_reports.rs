//! `import`: what does not fit costs nothing else, and the report says what the board holds afterwards.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::harness::Board;
use crate::hermes_files::{LATEST, make};

/// A file of the last release with these rows.
fn file(board: &Board, statements: &str) -> PathBuf {
    let path = board.path("old.db");
    make(&path, &format!("{LATEST}BEGIN;{statements};COMMIT;"));
    path
}

/// The report of an import, which ends with this exit code.
fn report(board: &Board, file: &std::path::Path, code: i32, further: &[&str]) -> Value {
    let words = ["import", "hermes", file.to_str().unwrap(), "--json"];
    let said = board.say(words.iter().chain(further));
    assert_eq!((said.code, said.err.as_str()), (code, ""), "{said:?}");
    serde_json::from_str(&said.out).unwrap()
}

fn notes(report: &Value) -> String {
    report["notes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|note| format!("{}\n", note.as_str().unwrap()))
        .collect()
}

fn left_out(report: &Value) -> String {
    let line = |it: &Value| {
        format!(
            "{} {} {} {}\n",
            it["rows"],
            it["table"].as_str().unwrap(),
            it["task_id"],
            it["reason"]
        )
    };
    report["left_out"].as_array().unwrap().iter().map(line).collect()
}

/// What the board's file holds, by table and by status.
fn held(board: &Board) -> (BTreeMap<String, i64>, BTreeMap<String, i64>) {
    let file = Connection::open(board.home().join("kanban.db")).unwrap();
    let tables = [
        "tasks",
        "task_runs",
        "task_comments",
        "task_events",
        "task_links",
        "task_labels",
        "kanban_notify_subs",
    ];
    let count = |table: &str| -> i64 {
        file.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    };
    let rows = tables.iter().map(|table| ((*table).to_owned(), count(table))).collect();
    let mut by_status = file.prepare("SELECT status, count(*) FROM tasks GROUP BY status").unwrap();
    let found = by_status.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    (rows, found.map(Result::unwrap).collect())
}

/// A report and the board say the same.
fn agrees(report: &Value, board: &Board) {
    let (tables, by_status) = held(board);
    for (table, rows) in tables {
        assert_eq!(
            report["tables"][&table].as_i64().unwrap_or_default(),
            rows,
            "{table}: {report}"
        );
    }
    assert_eq!(report["by_status"], json!(by_status), "{report}");
}

/// Everything on the board can be read.
fn is_readable(board: &Board) {
    board.everything();
    board.say(["list", "--archived"]).ok();
    for task in board.say(["list", "--archived", "--json"]).json().as_array().unwrap() {
        let id = task["id"].as_str().unwrap();
        board.say(["show", id]).ok();
        board.say(["context", id]).ok();
        board.say(["runs", id]).ok();
        board.say(["why", id]).ok();
    }
    assert!(board.say(["doctor", "--json"]).out.contains("\"health\""));
}

#[test]
fn a_dry_run_the_report_and_the_board_say_the_same_of_tasks_that_wait() {
    let board = Board::quiet();
    let file = file(
        &board,
        "insert into tasks(id,title,status,claim_lock,current_run_id) values
           ('t_01','parent','blocked',null,null), ('t_02','in flight','running','h:1',1), ('t_03','forced','ready',null,null),
           ('t_04','done parent','done',null,null), ('t_05','stranded','todo',null,null), ('t_06','free','ready',null,null),
           ('t_07','later','scheduled',null,null), ('t_08','behind it','ready',null,null), ('t_09','away','archived',null,null),
           ('t_0a','behind what is away','todo',null,null);
         insert into task_runs(task_id,status,started_at) values ('t_02','running',1700000000);
         insert into task_links values ('t_01','t_02'),('t_01','t_03'),('t_04','t_05'),('t_07','t_08'),('t_09','t_0a')",
    );
    let dry = report(&board, &file, 0, &["--dry-run"]);
    let (rows, _) = held(&board);
    assert_eq!(rows["tasks"], 0);
    let said = report(&board, &file, 0, &[]);
    agrees(&said, &board);
    assert_eq!((&dry["by_status"], &dry["tables"]), (&said["by_status"], &said["tables"]));
    for (id, status) in [
        ("t_02", "todo"),
        ("t_03", "todo"),
        ("t_05", "ready"),
        ("t_06", "ready"),
        ("t_08", "todo"),
        ("t_0a", "ready"),
    ] {
        assert_eq!(board.status(id), status, "{id}");
    }
    for report in [&dry, &said] {
        let message = notes(report);
        for note in [
            "t_02 depends on t_01 and is now todo",
            "t_03 depends on t_01 and is now todo",
            "t_05 has no unfinished parents and is now ready",
        ] {
            assert!(message.contains(note), "{message}");
        }
    }
    // Its history is what it was, and that it was in flight.
    assert_eq!(board.kinds("t_02"), ["reclaimed"]);
    assert_eq!(board.kinds("t_03"), [] as [&str; 0]);
    let again = report(&board, &file, 0, &[]);
    assert_eq!(
        (&again["imported"], &again["existing"], notes(&again).as_str()),
        (&json!(0), &json!(10), "")
    );
    let dry = report(&board, &file, 0, &["--dry-run"]);
    assert_eq!((&dry["existing_links"], &dry["tables"]["task_links"]), (&json!(5), &json!(0)));
}

#[test]
fn a_task_with_a_long_history_comes_whole_beside_the_others() {
    let board = Board::quiet();
    let file = file(
        &board,
        "insert into tasks(id,title,status) values ('t_01','small','ready'),('t_02','long history','done');
         with recursive n(i) as (select 1 union all select i+1 from n where i<40000)
         insert into task_events(task_id,kind,payload,created_at)
         select 't_02','heartbeat','{\"note\":\"' || hex(zeroblob(100)) || i || '\"}',1700000000+i from n;
         with recursive n(i) as (select 1 union all select i+1 from n where i<2000)
         insert into task_comments(task_id,author,body,created_at) select 't_02','ann','comment '||i,1700000000+i from n;
         with recursive n(i) as (select 1 union all select i+1 from n where i<1000)
         insert into task_runs(task_id,status,outcome,started_at,ended_at) select 't_02','crashed','crashed',i,i from n;
         with recursive n(i) as (select 1 union all select i+1 from n where i<3000)
         insert into tasks(id,title,status) select 't_f'||printf('%06x',i),'child '||i,'todo' from n;
         insert into task_links select 't_01', id from tasks where id like 't_f______'",
    );
    let said = report(&board, &file, 0, &[]);
    agrees(&said, &board);
    assert_eq!(
        (&said["tables"]["task_events"], &said["tables"]["task_links"]),
        (&json!(40000), &json!(3000))
    );
    assert_eq!((notes(&said).as_str(), left_out(&said).as_str()), ("", ""));
    assert_eq!(report(&board, &file, 0, &[])["existing"], 3002);
}

/// Rows of every kind that a damaged or a hand-made file has.
const ODD_ROWS: &str = "insert into tasks(id,title,status,created_at) values ('t_01','fine','done',1), ('nonsense','no id','done',1), (null,'none','done',1),
('T_02','capital','done',1), (7,'a number','done',1), ('t_01','twice','done',1), ('t_03','','done',1),
('t_04',printf('%.*c',9000,'x'),'done',1), ('t_05',x'ff41','done',1), ('t_06','t','frozen','soon');
insert into tasks(id,title,status,created_at,body,assignee,priority,max_runtime_seconds,workspace_kind,workspace_path,skills,
consecutive_failures,started_at,completed_at,tenant,idempotency_key)
values ('t_07','everything','ready',99999999999999,printf('%.*c',2000000,'b'),printf('%.*c',600,'a'),'high',-5,'cloud','x','no',
9223372036854775807,-1,1e300,char(10)||'t',printf('%.*c',600,'k'));
insert into task_runs(id,task_id,status,started_at,ended_at,outcome,metadata,summary) values
('r1','t_01','done',1,2,'completed','{}','s'), ('r2','t_01','done','x',2,'exploded','{','s'),
(3,'t_01','done',1,9223372036854775807,'completed','{\"a\":'||printf('%.*c',200,'[')||'1'||printf('%.*c',200,']')||'}','s'),
(3,'t_01','done',1,2,'completed',null,printf('%.*c',2000000,'s'));
insert into task_comments(id,task_id,author,body,created_at) values
(1,'t_01','ann','one',1), (1,'t_01',null,null,null), ('x','t_01',printf('%.*c',600,'n'),printf('%.*c',2000000,'c'),'y'),
(2,'t_gone','ann','orphan',1), (4,null,'ann','nobody''s',1);
insert into task_events(id,task_id,run_id,kind,payload,created_at) values
(1,'t_01','r1','claimed','{}',1), (1,'t_01','r2','claimed','[1]',1), (2,'t_01',99,null,'{\"a\":1e999}','z'),
(3,'t_01',3,printf('%.*c',600,'k'),'{\"a\":'||printf('%.*c',100,'[')||printf('%.*c',100,']')||'}',-1);
insert into task_links values ('t_01','t_07'), ('t_07','t_01'), ('t_07','t_07'), ('t_01','nonsense'), (null,'t_01'), ('t_01','t_07x');
insert into kanban_notify_subs(task_id,platform,chat_id,created_at) values ('t_01','tg','1','x');";

/// What is left out of them.
const ODD_LEFT_OUT: &[&str] = &[
    "tasks \"nonsense\" \"\\\"nonsense\\\" is not a task id\"",
    "tasks null \"a task without an id\"",
    "tasks \"T_02\"",
    "tasks \"7\"",
    "tasks \"t_01\" \"a second task with the same id\"",
    "task_links \"t_01\" \"skipped link t_07 -> t_01: it would create a cycle\"",
    "task_links \"t_07\" \"skipped link t_07 -> t_07: it would create a cycle\"",
];

/// What is reported of the others.
const ODD_NOTES: &[&str] = &[
    "t_03 had no title",
    "t_04: its title was cut from 9000 to 4096 bytes",
    "t_05: title was not valid UTF-8",
    "t_06 was frozen and is now blocked",
    "t_06: created_at soon is not a number",
    "t_07: created_at was 99999999999999",
    "t_07: its body was cut",
    "t_07: it has no assignee now",
    "t_07: priority high is not a number",
    "t_07: its time limit of -5",
    "t_07: unknown workspace kind cloud",
    "t_07: its skills no are not a JSON list",
    "t_07: spawn_failures was 9223372036854775807",
    "t_07: started_at was -1",
    "t_07: control characters of its tenant",
    "t_07: its idempotency key of 600",
    "run -2 had outcome exploded",
    "metadata of run -2",
    "metadata of run 3",
    "summary of run -3 was cut",
    "comment -2 was cut",
    "t_01: payload of an event [1] is not a JSON object",
    "payload of event 3 was dropped",
    "kind of event 3 was cut",
    "skipped 2 row(s) of task_comments without a task",
    "skipped link t_01 -> nonsense: a task is missing",
];

#[test]
fn every_odd_row_stands_alone() {
    let board = Board::quiet();
    let path = board.path("odd.db");
    // Without a key and without types, as a damaged or a hand-made file has them.
    let tables = LATEST
        .replace("id text primary key", "id")
        .replace("id integer primary key autoincrement", "id");
    make(
        &path,
        &format!(
            "{tables}BEGIN;
             {ODD_ROWS}
             COMMIT;"
        ),
    );
    let dry = report(&board, &path, 1, &["--dry-run"]);
    let said = report(&board, &path, 1, &[]);
    agrees(&said, &board);
    assert_eq!(
        (&dry["by_status"], &dry["tables"], &dry["left_out"]),
        (&said["by_status"], &said["tables"], &said["left_out"])
    );
    assert_eq!(said["imported"], 6);
    let missing = left_out(&said);
    for line in ODD_LEFT_OUT {
        assert!(missing.contains(line), "{line}: {missing}");
    }
    let message = notes(&said);
    for note in ODD_NOTES {
        assert!(message.contains(note), "{note}: {message}");
    }
    let runs = board.runs("t_01");
    assert_eq!(runs.len(), 4);
    // An event keeps its run whatever that was called.
    let events = board.say(["show", "t_01", "--json"]).json()["events"].clone();
    assert_eq!(
        events[0]["run_id"],
        runs.iter()
            .find(|run| run["summary"] == "s" && run["metadata"] == json!({}))
            .map_or(json!(null), |run| run["id"].clone()),
        "{events}"
    );
    is_readable(&board);
    assert_eq!(report(&board, &path, 1, &[])["existing"], 6);
}

#[test]
fn a_damaged_page_ends_its_table_and_not_the_import() {
    let board = Board::quiet();
    let path = file(
        &board,
        "insert into tasks(id,title,status) values ('t_01','first','done'),('t_02','second','ready');
         with recursive n(i) as (select 1 union all select i+1 from n where i<3000)
         insert into task_comments(task_id,author,body,created_at) select 't_01','ann',hex(zeroblob(200)),i from n",
    );
    // The pages of the comments are the last of the file.
    let mut bytes = std::fs::read(&path).unwrap();
    let from = bytes.len() - 3 * 4096;
    bytes[from..from + 4096].fill(0xee);
    std::fs::write(&path, bytes).unwrap();
    let said = report(&board, &path, 1, &[]);
    agrees(&said, &board);
    let comments = said["tables"]["task_comments"].as_i64().unwrap();
    assert!(comments > 1000 && comments < 3000, "{comments}");
    assert!(left_out(&said).contains("cannot read the rest of the table"), "{said}");
    assert_eq!(said["imported"], 2);
}

#[test]
fn columns_without_a_place_are_named_with_what_stands_in_them() {
    let board = Board::quiet();
    let path = file(
        &board,
        "insert into tasks(id,title,status,workspace_kind,branch_name,project_id,max_retries,goal_mode,goal_max_turns,session_id,block_kind,block_recurrences)
           values ('t_01','t','blocked','worktree','feature/x','p1',2,1,7,'s1','needs_input',1), ('t_02','t','done','scratch','',null,null,0,null,null,null,0);
         insert into kanban_notify_subs(task_id,platform,chat_id,notifier_profile,created_at) values('t_01','tg','1','bot2',1700000000);
         create table moods(task_id text, mood text);
         insert into moods values ('t_01','grim'),('t_02','glad')",
    );
    let said = report(&board, &path, 0, &[]);
    let columns: BTreeMap<String, i64> = said["columns_left_out"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["column"].as_str().unwrap().to_owned(), it["values"].as_i64().unwrap()))
        .collect();
    for column in [
        "branch_name",
        "project_id",
        "max_retries",
        "goal_mode",
        "goal_max_turns",
        "session_id",
        "block_recurrences",
    ] {
        assert_eq!(columns[&format!("tasks.{column}")], 1, "{columns:?}");
    }
    assert_eq!((columns["kanban_notify_subs.notifier_profile"], columns["moods"]), (1, 2));
    let board = Board::quiet();
    let message = board.say(["import", "hermes", path.to_str().unwrap()]).ok();
    for line in [
        "not imported: tasks.branch_name, 1 value(s): ",
        "not imported: moods, 2 value(s): unknown table",
    ] {
        assert!(message.contains(line), "{message}");
    }
}

#[test]
fn attached_files_are_named_task_by_task() {
    let board = Board::quiet();
    let path = file(
        &board,
        "insert into tasks(id,title,status) values ('t_01','t','done');
         create table task_attachments(id integer primary key, task_id text, filename text, stored_path text, size integer);
         insert into task_attachments(task_id,filename) values ('t_01','a.pdf'),('t_01','b.png'),('t_gone','c')",
    );
    let said = report(&board, &path, 1, &[]);
    let missing = left_out(&said);
    assert!(
        missing
            .contains("2 task_attachments \"t_01\" \"attachments are not imported: a.pdf, b.png\""),
        "{missing}"
    );
    assert!(missing.contains("\"t_gone\""), "{missing}");
}

#[test]
fn scratch_work_that_stays_behind_is_told_to_people_and_to_the_worker() {
    let board = Board::quiet();
    let work = board.path("kanban/workspaces/t_01");
    std::fs::create_dir_all(&work).unwrap();
    std::fs::write(work.join("draft.txt"), "half").unwrap();
    let path = file(
        &board,
        "insert into tasks(id,title,status,assignee) values ('t_01','t','ready','dev'),('t_02','u','ready','dev')",
    );
    let said = report(&board, &path, 0, &[]);
    agrees(&said, &board);
    let location = work.display().to_string();
    assert!(
        notes(&said).contains(&format!("t_01: the scratch directory {location} was not imported")),
        "{said}"
    );
    assert!(!notes(&said).contains("t_02"), "{said}");
    assert!(board.say(["context", "t_01"]).ok().contains(&location));
    assert!(work.join("draft.txt").exists());
}

#[test]
fn a_relative_directory_is_told_and_no_claim_takes_it() {
    let board = Board::with_workers(&[("dev", "exec sleep 600")]);
    // The folder above is everybody's.
    let name = format!("escaped-{}", std::process::id());
    let path = file(
        &board,
        &format!(
            "insert into tasks(id,title,status,workspace_kind,workspace_path) values
               ('t_01','t','ready','dir','../{name}'), ('t_02','t','ready','worktree','repo'), ('t_03','t','ready','dir',null);
             insert into tasks(id,title,status,workspace_kind,workspace_path,assignee) values ('t_04','t','ready','dir','{name}','dev')"
        ),
    );
    let said = report(&board, &path, 0, &[]);
    let message = notes(&said);
    for id in ["t_01", "t_02", "t_04"] {
        assert!(message.contains(&format!("{id}: its workspace path")), "{message}");
    }
    assert!(message.contains("t_03: it names no directory"), "{message}");
    let before = board.everything();
    for id in ["t_01", "t_02"] {
        let refused = board.say(["claim", id]).failed(1);
        assert!(refused.contains("non-absolute workspace_path"), "{refused}");
    }
    assert!(board.say(["claim", "t_03"]).failed(1).contains("names no directory"));
    assert_eq!(board.everything(), before);
    board.say(["resume"]);
    board.dispatch();
    let escaped = [board.path(&name), board.home().join(&name), board.path("..").join(&name)];
    assert!(escaped.iter().all(|path| !path.exists()), "a directory was made");
    assert!(!matches!(board.status("t_04").as_str(), "running" | "done"));
}

#[test]
fn an_export_is_read_as_objects_only_whatever_was_written_before_it() {
    let board = Board::quiet();
    board.create("t", &[]);
    let export = board.say(["export"]).ok();
    let other = Board::quiet();
    let said =
        other.say_from(format!("\u{feff}{export}").as_bytes(), &["import", "-", "--json"]).json();
    assert_eq!(said["imported"], 1);
    let header = export.lines().next().unwrap();
    for input in [
        "[1,\"default\",\"x\",0]\n".to_owned(),
        format!("{header}\n[{{\"id\":\"t_1\"}}]\n"),
        format!("{header}\n\"t_1\"\n"),
        "SQLite format 3\0".to_owned(),
    ] {
        let message = other.say_from(input.as_bytes(), &["import", "-"]).failed(1);
        assert!(
            message.contains("line 1, column 2: expected an object")
                || message.contains("is a database")
                || message.contains("line 2: expected a JSON object"),
            "{message}"
        );
    }
    assert_eq!(other.everything().len(), 1);
}
