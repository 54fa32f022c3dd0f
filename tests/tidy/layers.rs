//! House rules that no lint knows: which layer may use which, and where certain things may stand.

use crate::sources::{Source, code_in, sources, test_sources};

/// Code lines: no comments, no text of strings.
fn code_lines(source: &Source) -> impl Iterator<Item = &str> {
    source.code.lines().filter(|line| !line.trim_start().starts_with("//"))
}

/// Names of crates and of own layers that a file mentions as paths.
fn mentions(source: &Source, name: &str) -> bool {
    let path = format!("{name}::");
    code_lines(source).any(|line| {
        line.match_indices(&path).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
        })
    })
}

fn mentions_layer(source: &Source, layer: &str) -> bool {
    code_lines(source).any(|line| line.contains(&format!("crate::{layer}")))
}

/// What each folder may not use: crates, then own layers.
const FORBIDDEN: &[(&str, &[&str], &[&str])] = &[
    (
        "src/text/",
        &[
            "actix", "tokio", "rusqlite", "axum", "hyper", "clap", "config", "nix", "procfs",
            "tracing",
        ],
        &[
            "actors",
            "api",
            "app",
            "cli",
            "config",
            "kernel",
            "mcp",
            "os",
            "service",
            "shim",
            "telemetry",
        ],
    ),
    (
        "src/kernel/",
        &["actix", "tokio", "nix", "procfs", "signal_hook", "axum", "hyper", "clap", "config"],
        &["actors", "api", "app", "cli", "config", "notify", "os", "service", "shim"],
    ),
    (
        "src/os/",
        &["actix", "tokio", "rusqlite", "axum", "hyper", "clap", "config"],
        &["actors", "api", "app", "cli", "config", "kernel", "service", "shim"],
    ),
    (
        "src/shim/",
        &["actix", "tokio", "rusqlite", "axum", "hyper", "clap", "config", "procfs", "tracing"],
        &["actors", "api", "app", "cli", "config", "kernel", "service"],
    ),
    (
        "src/config/",
        &["actix", "tokio", "rusqlite", "axum", "hyper", "clap"],
        &["actors", "api", "app", "cli", "kernel", "os", "service", "shim"],
    ),
    (
        "src/actors/",
        &["rusqlite", "axum", "hyper", "clap", "nix", "procfs"],
        &["api", "app", "cli", "service", "shim"],
    ),
    (
        "src/service/",
        &["actix", "rusqlite", "axum", "hyper", "clap", "nix", "procfs"],
        &["api", "app", "cli", "mcp", "shim"],
    ),
    ("src/api/", &["actix", "rusqlite", "clap", "nix", "procfs"], &["app", "cli", "mcp", "shim"]),
    (
        "src/notify/",
        &["actix", "rusqlite", "axum", "nix", "procfs", "config"],
        &["actors", "app", "cli", "mcp", "service", "shim", "kernel::store", "kernel::board"],
    ),
    (
        "src/cli/",
        &["actix", "tokio", "rusqlite", "axum", "hyper", "nix", "procfs"],
        &["actors", "shim", "kernel::store", "kernel::board"],
    ),
    (
        "src/mcp/",
        &["actix", "rusqlite", "axum", "hyper", "clap", "nix", "procfs"],
        &["actors", "cli", "app", "shim", "os", "kernel::store", "kernel::board"],
    ),
];

#[test]
fn each_layer_uses_only_what_it_may() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (folder, crates, layers) in FORBIDDEN {
            if !source.path.starts_with(folder) {
                continue;
            }
            for name in *crates {
                if mentions(&source, name) {
                    wrong.push(format!("{} uses {name}", source.path));
                }
            }
            for layer in *layers {
                if mentions_layer(&source, layer) {
                    wrong.push(format!("{} uses crate::{layer}", source.path));
                }
            }
        }
    }
    let only_store = |path: &str| path.starts_with("src/kernel/store/");
    for source in sources().iter().filter(|source| source.path.starts_with("src/kernel/")) {
        if mentions(source, "rusqlite") && !only_store(&source.path) {
            wrong.push(format!("{} uses rusqlite", source.path));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn sql_stands_in_the_store_only() {
    let words = [
        "SELECT ",
        "INSERT INTO",
        "UPDATE ",
        "DELETE FROM",
        "CREATE TABLE",
        "PRAGMA ",
        "SAVEPOINT ",
    ];
    for source in sources() {
        if source.path.starts_with("src/kernel/store/") {
            continue;
        }
        for line in code_lines(&source) {
            let is_sql = line.contains('"') && words.iter().any(|word| line.contains(word));
            assert!(!is_sql, "{}: {line}", source.path);
        }
    }
}

#[test]
fn each_verb_stands_in_a_file_of_its_own_that_has_its_name() {
    let mut verbs = 0;
    for source in sources() {
        let implemented: Vec<_> = source.code.split("impl Verb for ").skip(1).collect();
        if !source.path.starts_with("src/kernel/verbs/") {
            let is_import = source.path.starts_with("src/kernel/transfer/import");
            assert!(implemented.is_empty() || is_import, "{} has a verb", source.path);
            continue;
        }
        assert!(implemented.len() <= 1, "{} has {} verbs", source.path, implemented.len());
        for text in implemented {
            let name = text.split("const NAME: &'static str = \"").nth(1).unwrap();
            let name = name.split('"').next().unwrap();
            assert_eq!(source.path, format!("src/kernel/verbs/{name}.rs"));
            verbs += 1;
        }
    }
    assert!(verbs > 30, "{verbs} verbs were found");
}

/// Where a text stands in the code, file by file, each time that it does.
fn locations<'a>(sources: &'a [Source], text: &str) -> Vec<&'a str> {
    let found = sources.iter().flat_map(|source| {
        let count = code_in(&source.code).matches(text).count();
        std::iter::repeat_n(source.path.as_str(), count)
    });
    found.collect()
}

#[test]
fn a_task_moves_and_a_run_ends_in_one_place() {
    let sources = sources();
    let mut writers = 0;
    for source in &sources {
        let code = code_in(&source.code);
        for update in code.split("UPDATE tasks").skip(1) {
            let set = update.split("WHERE").next().unwrap_or_default();
            if set.contains(" status =") {
                assert_eq!(source.path, "src/kernel/store/tasks/moves.rs", "writes {set}");
                writers += 1;
            }
        }
    }
    assert!(writers > 0, "nobody writes the status of a task");
    for (call, caller) in [
        ("tasks::set_status(", "src/kernel/verbs/moves.rs"),
        ("runs::set_verdict_if_none(", "src/kernel/verbs/ending.rs"),
        ("runs::set_closed_if_open(", "src/kernel/verbs/ending.rs"),
    ] {
        assert_eq!(locations(&sources, call), [caller], "{call}");
    }
    for definition in ["fn set_status(", "fn set_verdict_if_none(", "fn set_closed_if_open("] {
        assert_eq!(locations(&sources, definition).len(), 1, "{definition}");
    }
}

#[test]
fn payloads_of_events_are_made_in_one_place() {
    let sources = sources();
    assert_eq!(locations(&sources, "store::events::append("), ["src/kernel/tx.rs"]);
    // What else has the type reads, imports or passes on what stands in a row.
    let mut makers: Vec<&str> = sources
        .iter()
        .filter(|source| source.path.starts_with("src/kernel/"))
        .filter(|source| !source.path.starts_with("src/kernel/store/"))
        .filter(|source| code_in(&source.code).contains("Payload"))
        .map(|source| source.path.as_str())
        .collect();
    makers.sort_unstable();
    assert_eq!(makers, ["src/kernel/event.rs", "src/kernel/event/body.rs", "src/kernel/tx.rs"]);
}

/// The calls of `tracing`'s macros in a source.
fn log_calls(source: &Source) -> impl Iterator<Item = &str> {
    let begins = source.code.match_indices("tracing::").filter_map(|(at, word)| {
        let rest = &source.code[at + word.len()..];
        let (name, _) = rest.split_once("!(")?;
        ["error", "warn", "info", "debug", "trace"].contains(&name).then_some(rest)
    });
    begins.map(|rest| rest.split_once(");").map_or(rest, |(call, _)| call))
}

#[test]
fn values_are_fields_of_log_lines_and_not_parts_of_their_message() {
    let mut calls = 0;
    for source in sources() {
        for call in log_calls(&source) {
            calls += 1;
            let sentence = call.rsplit('"').nth(1).unwrap_or_default();
            assert!(!sentence.contains('{'), "{}: {sentence}", source.path);
        }
    }
    assert!(calls > 30, "{calls} calls were found");
}

#[test]
fn json_leaves_through_its_boundary() {
    // These write JSON that only this program reads.
    let own = [
        "src/text/",
        "src/kernel/",
        "src/os/",
        "src/shim/",
        "src/api/client/calls.rs",
        "src/cli/commands/import/sender.rs",
        "src/cli/commands/workspace.rs",
    ];
    let writers = ["serde_json::to_vec", "serde_json::to_string", "serde_json::to_writer"];
    for source in
        sources().iter().filter(|source| !own.iter().any(|path| source.path.starts_with(path)))
    {
        for line in code_lines(source) {
            let is_writer = writers.iter().any(|writer| line.contains(writer));
            assert!(!is_writer, "{}: {line}: text::json writes JSON", source.path);
        }
    }
}

#[test]
fn unsafe_code_stands_in_os_only() {
    for source in sources() {
        let has_unsafe =
            code_lines(&source).any(|line| line.contains("unsafe {") || line.contains("unsafe fn"));
        assert!(!has_unsafe || source.path.starts_with("src/os/"), "{}", source.path);
    }
}

/// Who may use the modules that run git: they themselves, and the one command that a shim starts as the worker's user.
const RUN_GIT: [&str; 3] =
    ["src/os/workspaces/git", "src/os/workspaces/worktree", "src/cli/commands/workspace.rs"];

#[test]
fn git_runs_in_commands_that_a_shim_starts_and_nowhere_else() {
    let sources = sources();
    let starts = |source: &&Source| code_lines(source).any(|line| line.contains("\"git\""));
    let starters: Vec<&str> = sources.iter().filter(starts).map(|one| one.path.as_str()).collect();
    assert_eq!(starters, ["src/os/workspaces/git.rs"], "one place starts it");
    for source in &sources {
        let is_allowed = RUN_GIT.iter().any(|path| source.path.starts_with(path));
        for module in [
            "workspaces::git::",
            "workspaces::git;",
            "workspaces::worktree::",
            "workspaces::worktree;",
        ] {
            let is_used = code_lines(source).any(|line| line.contains(module));
            assert!(is_allowed || !is_used, "{} uses {module}", source.path);
        }
    }
    // The daemon starts shims, by code of its own, and nothing else.
    for folder in
        ["src/actors/", "src/api/", "src/app", "src/service/", "src/kernel/", "src/config/"]
    {
        for source in sources.iter().filter(|source| source.path.starts_with(folder)) {
            assert!(!source.code.contains("Command::new"), "{} starts a program", source.path);
        }
    }
}

/// Calls that read or make files, ask the process table, or wait: a slow disk holds up the thread that makes them.
const WAITING: [&str; 16] = [
    "std::fs::",
    "thread::sleep",
    "collect_exit(",
    "end_remains(",
    "find_skill(",
    "free_bytes(",
    ".inspect(",
    "leader_below(",
    "list_run_dirs(",
    "look_at_doors(",
    "low_disk_bytes(",
    "read_exit(",
    "read_identity(",
    "read_prepared(",
    "remove_leaf(",
    "revoke(",
];

/// The text up to the parenthesis that closes the one at its beginning.
fn within_parentheses(text: &str) -> &str {
    let mut depth = 0_usize;
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' if depth == 1 => return &text[..at],
            ')' => depth -= 1,
            _ => {}
        }
    }
    text
}

#[test]
fn what_may_wait_is_called_on_a_thread_of_its_own_and_not_by_an_actor() {
    let mut actors = 0;
    for source in sources().iter().filter(|source| source.path.starts_with("src/actors/")) {
        if !mentions(source, "actix") {
            continue;
        }
        actors += 1;
        let code: String = code_lines(source).collect::<Vec<_>>().join("\n");
        let mut rest = code.clone();
        for (at, word) in code.match_indices("on_own_thread(") {
            let apart = within_parentheses(&code[at + word.len() - 1..]);
            rest = rest.replace(apart, "");
        }
        for call in WAITING {
            assert!(!rest.contains(call), "{} calls {call}…) on the actors' thread", source.path);
        }
    }
    assert!(actors > 15, "{actors} files with actors were found");
}

#[test]
fn every_file_says_what_it_is_for() {
    for source in sources() {
        assert!(source.code.starts_with("//! "), "{} has no first line of docs", source.path);
    }
}

#[test]
fn only_the_harnesses_of_tests_wait() {
    for (path, text) in test_sources() {
        let is_harness = path.ends_with("support/src/wait.rs");
        assert!(is_harness || !text.contains("thread::sleep"), "{}", path.display());
    }
}

/// What is skipped in any other way is not counted by the gate.
#[test]
fn a_test_that_is_skipped_says_so_by_the_one_function() {
    let mut calls = 0;
    for (path, text) in test_sources() {
        calls += text.matches("skip(").count();
        for line in text.lines().filter(|line| line.contains("println!(")) {
            let tells = ["skip", "not installed", "only root"].iter().any(|it| line.contains(it));
            assert!(!tells, "{}: {line}: call support::skip", path.display());
        }
    }
    assert!(calls > 30, "{calls} calls were found");
}
