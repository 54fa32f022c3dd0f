//! Directories that tasks are to work in: `edit` and `schedules` look at them as `create` does.

use crate::harness::Board;

#[test]
fn an_edit_moves_no_task_into_a_directory_that_is_missing() {
    let board = Board::quiet();
    let (id, other) = (board.create("t", &[]), board.create("other", &[]));
    let here = format!("dir:{}", board.home().display());
    let missing = format!("dir:{}", board.path("missing").display());
    let file = format!("dir:{}", board.home().join("kanband.toml").display());
    for (workspace, ids) in
        [(&missing, vec![&id]), (&file, vec![&id]), (&missing, vec![&id, &other])]
    {
        let words = ["edit"].into_iter().chain(ids.iter().map(|id| id.as_str()));
        let said = board.say(words.chain(["--workspace", workspace]));
        let message = said.failed(1);
        assert!(message.contains("no such directory"), "{workspace}: {message}");
        // A file becomes no directory; of several tasks each has its line, without advice.
        let is_advised = workspace == &missing && ids.len() == 1;
        assert_eq!(message.contains("--create-dir"), is_advised, "{workspace}: {message}");
    }
    let message = board.say(["edit", "--where", "status=ready", "--workspace", &missing]).failed(1);
    assert_eq!(message.matches("no such directory").count(), 2, "{message}");
    assert_eq!(board.task(&id)["workspace_kind"], "scratch");
    board.say(["edit", &id, &other, "--workspace", &missing, "--create-dir"]).ok();
    assert_eq!(board.task(&other)["workspace_kind"], "dir");
    // A task that is in a missing directory already is changed without a look.
    board.say(["edit", &id, "--title", "x", "--workspace", &missing]).ok();
    board.say(["edit", &id, "--workspace", &here]).ok();
    assert!(board.say(["edit", &id, "--create-dir"]).failed(2).contains("--workspace"));
}

#[test]
fn a_schedule_is_not_given_a_directory_that_is_missing() {
    let board = Board::quiet();
    let here = format!("dir:{}", board.home().display());
    let missing = format!("dir:{}", board.path("missing").display());
    let add = |more: &[&str]| {
        let words = ["schedules", "add", "s", "--cron", "@daily", "--title", "t"];
        board.say([&words, more].concat())
    };
    let message = add(&["--workspace", &missing]).failed(1);
    assert!(message.contains("no such directory") && message.contains("--create-dir"), "{message}");
    assert_eq!(board.say(["schedules", "--json"]).json().as_array().unwrap().len(), 0);
    add(&["--workspace", &here]).ok();
    let message = board.say(["schedules", "edit", "s", "--workspace", &missing]).failed(1);
    assert!(message.contains("no such directory"), "{message}");
    board.say(["schedules", "edit", "s", "--workspace", &missing, "--create-dir"]).ok();
    board.say(["schedules", "edit", "s", "--cron", "@weekly"]).ok();
    let file = board.path("s.toml");
    let path = board.path("missing2");
    let text = format!(
        "[other]\ncron = \"@daily\"\ntask = {{ title = \"t\", workspace_kind = \"dir\", workspace_path = \"{}\" }}\n",
        path.display()
    );
    std::fs::write(&file, text).unwrap();
    let apply = ["schedules", "apply", file.to_str().unwrap(), "--yes"];
    let message = board.say(apply).failed(1);
    assert!(message.contains("no such directory"), "{message}");
    std::fs::create_dir(path).unwrap();
    board.say(apply).ok();
}
