//! Every verb, flag and word of the predecessor's releases: understood, or refused with a line that names what to use.

use clap::Parser as _;

use super::*;

/// Every command line of the predecessor's reference, with every flag of it, in the releases up to 0.19.
const UNDERSTOOD: &[&str] = &[
    "init",
    "create t --body b --assignee a --parent t_1 --workspace dir:/x --tenant n --priority 1 --triage --idempotency-key k \
     --max-runtime 1.5h --created-by c --skill s --skill t --json --board b",
    "create t --workspace worktree:/x --initial-status running",
    "list --mine --status ready --tenant t --archived --json",
    "ls --assignee a --sort priority",
    "show t_1 --json",
    "assign t_1 none",
    "link t_1 t_2",
    "unlink t_1 t_2",
    "claim t_1 --ttl 900",
    "comment t_1 some words --author a",
    "complete t_1 t_2 --result r",
    "complete t_1 --summary s --metadata {}",
    "block t_1 some words --ids t_2 t_3",
    "block t_1 words --kind needs_input",
    "unblock t_1 t_2",
    "archive t_1 t_2",
    "tail t_1 --interval 1.0",
    "dispatch --dry-run --max 3 --failure-limit 5 --json",
    "daemon --interval 60 --max 2 --failure-limit 5 --pidfile /x -v --force",
    "watch --assignee a --tenant t --kinds completed,blocked --interval 0.5",
    "stats --json",
    "notify-subscribe t_1 --platform p --chat-id c --thread-id t --user-id u",
    "notify-list t_1 --json",
    "notify-unsubscribe t_1 --platform p --chat-id c --thread-id t",
    "log t_1 --tail 100",
    "runs t_1 --json",
    "heartbeat t_1 --note n",
    "assignees --json",
    "context t_1",
    "gc --event-retention-days 30 --log-retention-days 30",
    "boards list",
    "boards create b",
    "boards rename b c",
    "boards rm b",
    "reclaim t_1 --reason r",
    "reassign t_1 p --reclaim --reason r",
    "attach t_1 file",
    "attachments t_1",
    "edit t_1 --title t --body b",
    "promote t_1 some words --force",
    "promote t_1 --ids t_2 t_3 --reason r",
];

/// What is refused, and a word of the line that says what to use.
const REFUSED: &[(&str, &str)] = &[
    ("archive t_1 --rm", "gc"),
    ("boards set-default-workdir b /x", "--workspace"),
    ("boards show b", "stats"),
    ("boards switch b", "--board"),
    ("create t --branch b", "branch"),
    ("create t --goal", "--body"),
    ("create t --goal-max-turns 3", "--max-runtime"),
    ("create t --initial-status blocked", "--triage"),
    ("create t --max-retries 3", "failure_limit"),
    ("create t --project p", "--workspace"),
    ("create t --project=p", "--workspace"),
    ("edit t_1 --metadata {}", "comment"),
    ("edit t_1 --result r", "comment"),
    ("edit t_1 --summary s", "comment"),
    ("list --session s", "--label"),
    ("ls --session s", "--label"),
    ("list --step-key s", "--json"),
    ("list --workflow-template-id w", "--json"),
    ("list --sort priority-desc", "--sort priority"),
    ("promote t_1 --dry-run", "why"),
    ("runs t_1 --state-name s", "--json"),
    ("runs t_1 --state-type s", "--json"),
    ("show t_1 --state-name s", "--json"),
    ("show t_1 --state-type s", "--json"),
    ("unblock t_1 --reason r", "comment"),
    ("attach-rm t_1 f", "attachments remove"),
    ("decompose t_1", "orchestrator"),
    ("diag", "doctor"),
    ("diagnostics --json", "doctor"),
    ("specify t_1", "edit"),
    ("swarm goal --worker a:b", "--parent"),
    ("--board b swarm goal", "--parent"),
];

fn words(line: &str) -> Vec<OsString> {
    std::iter::once("kanban").chain(line.split_whitespace()).map(OsString::from).collect()
}

#[test]
fn what_was_said_before_is_understood() {
    for line in UNDERSTOOD {
        let parsed = Arguments::try_parse_from(words(line));
        assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
    }
}

#[test]
fn what_is_not_here_is_refused_with_a_line_that_names_what_to_use() {
    let mut used = 0;
    for (line, named) in REFUSED {
        let words = words(line);
        let error = Arguments::try_parse_from(&words).expect_err(line);
        let message = instead(&error, &words).unwrap_or_else(|| panic!("{line}: {error}"));
        assert!(message.contains(named) && !message.contains('\n'), "{line}: {message}");
        used += 1;
    }
    // No row of the tables is without its line here.
    assert!(used >= VERBS.len() + BOARDS.len() + FLAGS.len() + VALUES.len());
}

#[test]
fn what_nobody_ever_knew_gets_no_line() {
    for line in
        ["create t --colour red", "dance", "boards dance", "show t_1 --rm", "list --status asleep"]
    {
        let words = words(line);
        let error = Arguments::try_parse_from(&words).unwrap_err();
        assert_eq!(instead(&error, &words), None, "{line}");
    }
}

#[test]
fn the_guide_for_its_users_names_every_verb_and_flag_that_is_not_here() {
    let guide = include_str!("../../../docs/hermes.md");
    let verbs = guide.split("## Verb by verb").nth(1).unwrap().split("\n## ").next().unwrap();
    for (verb, flag, _) in FLAGS {
        let row = verbs.lines().find(|line| {
            line.split('|').nth(1).is_some_and(|names| names.contains(&format!("`{verb}`")))
        });
        assert!(row.is_some_and(|row| row.contains(flag)), "{verb} {flag}");
    }
    for word in VERBS.iter().chain(BOARDS).map(|(word, _)| word) {
        assert!(verbs.contains(&format!("`{word}`")), "{word}");
    }
}

/// What the lines say to type is understood.
#[test]
fn every_flag_that_a_line_names_is_one() {
    let help: String = {
        let mut command = Arguments::command();
        command.build();
        let verbs = command.get_subcommands_mut();
        verbs.map(|verb| verb.render_long_help().to_string()).collect()
    };
    let lines = VERBS.iter().chain(BOARDS).map(|(_, line)| *line);
    let lines = lines.chain(FLAGS.iter().map(|(_, _, line)| *line));
    for line in lines.chain(VALUES.iter().map(|(_, _, _, line)| *line)) {
        for word in line.split(|c: char| c.is_whitespace() || c == ',' || c == ':') {
            let is_flag = word.starts_with("--");
            assert!(!is_flag || help.contains(word), "{line}: {word}");
        }
    }
}
