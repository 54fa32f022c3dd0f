//! One table for every verb: a call that is right, and calls that are not.
//!
//! Every verb of the command line has to stand in it. The right call has to be understood, and so has every example that the
//! verb's help shows; each wrong one has to be refused with its code and its words, and nothing may have changed.

use clap::{CommandFactory as _, Parser as _};
use kanband::cli::Arguments;
use serde_json::Value;

use crate::harness::Board;

struct Verb {
    name: &'static str,
    /// The fewest words that are right, behind the verb. `{a}` is a ready task that `{b}` waits for, `{run}` is claimed,
    /// `{file}` is a text file in `{dir}`, `{hermes}` a database of Hermes, `{own}` one of our own, `{schedule}` a schedule.
    right: &'static [&'static str],
    /// What is wrong, its exit code, and words that have to be said.
    wrong: &'static [(&'static [&'static str], i32, &'static str)],
}

const fn verb(
    name: &'static str,
    right: &'static [&'static str],
    wrong: &'static [(&'static [&'static str], i32, &'static str)],
) -> Verb {
    Verb { name, right, wrong }
}

const VERBS: &[Verb] = &[
    verb("init", &[], &[(&["x"], 2, "unexpected argument")]),
    verb(
        "create",
        &["t"],
        &[
            (&[], 2, "title is required"),
            (&[""], 1, "title is required"),
            (&[" \t "], 1, "title is required"),
            (&["t", "--parent", "t_dead"], 1, "unknown parent"),
            (&["t", "--parent", "../x"], 1, "unknown parent"),
            (&["t", "--workspace", "attic"], 1, "workspace_kind must be one of"),
            (&["t", "--workspace", "attic:/x"], 1, "workspace_kind must be one of"),
            (&["t", "--workspace", "dir:relative"], 1, "workspace_path"),
            (&["t", "--workspace", "dir:"], 1, "workspace_path"),
            (&["t", "--workspace", "dir"], 1, "workspace_path"),
            (&["t", "--workspace", "scratch:/x"], 1, "workspace_path"),
            (&["t", "--skill", "a,b"], 1, "cannot contain comma"),
            (&["t", "--max-runtime", "abc"], 2, "malformed duration"),
            (&["t", "--max-runtime", "-5"], 2, "--max-runtime"),
            (&["t", "--max-runtime", "-1h"], 2, "--max-runtime"),
            (&["t", "--max-runtime", "0"], 2, "--max-runtime"),
            (&["t", "--max-runtime", "0s"], 2, "--max-runtime"),
            (&["t", "--priority", "highest"], 2, "--priority"),
            (&["t", "--priority", "1000001"], 1, "priority: must be"),
            (&["two\nlines"], 1, "title: must be one line"),
            (&["t", "--workspace", "dir:{dir}/none"], 1, "no such directory"),
            (&["t", "--workspace", "dir:{file}"], 1, "no such directory"),
            (&["t", "--board", "nowhere"], 1, "unknown board"),
            (&["t", "--board", "No Such"], 1, "unknown board"),
            (&["--from-jsonl", "{dir}/none"], 2, "cannot read"),
            (&["--from-jsonl", "{dir}"], 1, "line 1"),
            (&["--from-jsonl", "{file}"], 1, "line 1"),
            (&["t", "--from-jsonl", "{file}"], 2, "cannot be used with"),
            (&["--priority", "1", "--from-jsonl", "{file}"], 2, "cannot be used with"),
        ],
    ),
    verb(
        "list",
        &[],
        &[
            (&["--limit", "0"], 2, "--limit"),
            (&["--limit", "-1"], 2, "--limit"),
            (&["--status", "sleeping"], 2, "--status"),
            (&["--sort", "size"], 2, "--sort"),
            (&["--cursor", "t_dead"], 1, "no such task"),
            (&["--parent", "../x"], 1, "no such task"),
            (&["--created-after", "soon"], 2, "malformed time"),
            (&["--created-after", "2026-02-30"], 2, "malformed time"),
            (&["--until", "soon"], 2, "--created-before: malformed time"),
            (&["--updated", "-2d"], 2, "--updated-since: malformed time"),
            (&["--mine", "--assignee", "x"], 2, "cannot be used with"),
            (&["--board", "nowhere"], 1, "unknown board"),
        ],
    ),
    verb(
        "search",
        &["word"],
        &[
            (&[], 2, "WORDS"),
            (&["* -"], 1, "no word to search for"),
            (&[""], 1, "no word to search for"),
            (&["x", "--limit", "0"], 2, "--limit"),
            (&["x", "--status", "sleeping"], 2, "--status"),
            (&["x", "--parent", "t_dead"], 1, "no such task"),
            (&["x", "--created-after", "-2d"], 2, "malformed time"),
            (&["x", "--board", "nowhere"], 1, "unknown board"),
        ],
    ),
    verb(
        "show",
        &["{a}"],
        &[
            (&[], 2, "ID"),
            (&["t_dead"], 1, "no such task"),
            (&["../../etc/passwd"], 1, "no such task"),
            (&["t_1?x=y#z"], 1, "no such task"),
            (&[""], 1, "no such task"),
        ],
    ),
    verb(
        "edit",
        &["{a}", "--title", "x"],
        &[
            (&["{a}"], 2, "nothing to change"),
            (&["{a}", "--title", " "], 1, "title is required"),
            (&["{a}", "--priority", "highest"], 2, "--priority"),
            (&["{a}", "--priority", "-1000001"], 1, "priority: must be"),
            (&["{a}", "--title", "two\nlines"], 1, "title: must be one line"),
            (&["{a}", "--label", "x", "--unlabel", "x"], 1, "labels"),
            (&["t_dead", "--title", "x"], 1, "no such task"),
            (&["", "--title", "x"], 1, "no such task"),
        ],
    ),
    verb(
        "assign",
        &["{a}", "dev"],
        &[
            (&["{a}"], 2, "PROFILE"),
            (&["{a}", ""], 2, "empty"),
            (&["{a}", " "], 2, "empty"),
            (&["{run}", "dev"], 1, "currently running"),
            (&["t_dead", "dev"], 1, "no such task"),
            (&["{a}", "{b}"], 2, "PROFILE"),
            (&["{a}", "dev", "--where", "tenant=x"], 2, "not both"),
        ],
    ),
    verb(
        "link",
        &["{a}", "{b}"],
        &[
            (&["{a}", "{a}"], 1, "depend on itself"),
            (&["{b}", "{a}"], 1, "create a cycle"),
            (&["{a}", "t_dead"], 1, "unknown task"),
            (&["{a}"], 2, "CHILD"),
        ],
    ),
    verb(
        "unlink",
        &["{a}", "{b}"],
        &[
            (&["{b}", "{a}"], 1, "no such link"),
            (&["x", "../y"], 1, "no such link"),
            (&["{a}"], 2, "CHILD"),
        ],
    ),
    verb(
        "comment",
        &["{a}", "word"],
        &[
            (&["{a}"], 2, "comment body is required"),
            (&["{a}", " ", ""], 1, "comment body is required"),
            (&["t_dead", "x"], 1, "no such task"),
        ],
    ),
    verb(
        "attach",
        &["{a}", "{file}"],
        &[
            (&[], 2, "ID"),
            (&["{a}"], 2, "FILE"),
            (&["{a}", "{dir}/none"], 1, "cannot read"),
            (&["{a}", "{dir}"], 1, "is not a regular file"),
            (&["{a}", "/dev/zero"], 1, "is not a regular file"),
            (&["{a}", "{file}", "--name", "a/b"], 1, "must be the plain name of a file"),
            (&["{a}", "{file}", "--name", ".."], 1, "must be the plain name of a file"),
            (&["{a}", "{file}", "--name", " "], 1, "filename: is required"),
            (&["t_dead", "{file}"], 1, "no such task"),
            (&["", "{file}"], 1, "no such task"),
            (&["{a}", "{file}", "--board", "nowhere"], 1, "no such task"),
        ],
    ),
    verb(
        "attachments",
        &["{a}"],
        &[
            (&[], 2, "ID"),
            (&["t_dead"], 1, "no such task"),
            (&["get", "{a}"], 2, "NAME"),
            (&["get", "{a}", "none"], 1, "no such attachment"),
            (&["get", "{a}", "none", "-o", "{file}"], 1, "no such attachment"),
            (&["get", "t_dead", "none"], 1, "no such task"),
            (&["remove", "{a}"], 2, "NAME"),
            (&["remove", "{a}", "none"], 1, "no such attachment"),
            (&["remove", "{a}", "../x"], 1, "no such attachment"),
        ],
    ),
    verb(
        "claim",
        &["{a}"],
        &[
            (&["t_dead"], 1, "no such task"),
            (&["{a}", "--ttl", "soon"], 2, "malformed duration"),
            (&["{a}", "--ttl", "0"], 1, "ttl_seconds"),
            (&["{b}"], 1, "cannot claim"),
        ],
    ),
    verb(
        "heartbeat",
        &["{run}"],
        &[
            (&["t_dead"], 1, "no such task"),
            (&["{a}"], 1, "cannot heartbeat"),
            (&["{run}", "--claimer", "another-one"], 1, "not by another-one"),
        ],
    ),
    verb(
        "complete",
        &["{a}"],
        &[
            (&[], 2, "ID"),
            (&["t_dead"], 1, "no such task"),
            (&["{a}", "{b}", "--summary", "x"], 2, "per-task"),
            (&["{a}", "{b}", "--artifact", "{file}"], 2, "per-task"),
            (&["{a}", "{b}", "--created-card", "{b}"], 2, "per-task"),
            (&["{a}", "--metadata", "[1]"], 2, "must be a JSON object"),
            (&["{a}", "--artifact", "{dir}/none"], 1, "cannot read"),
            (&["{a}", "--artifact", "{file}", "--artifact", "{dir}"], 1, "is not a regular file"),
            (&["{b}"], 1, "cannot complete"),
        ],
    ),
    verb(
        "block",
        &["{a}"],
        &[
            (&["t_dead", "x"], 1, "no such task"),
            (&["{a}", "x", "--kind", "dependency"], 1, "no unfinished parent"),
            (&["{a}", "x", "--on", "{b}"], 1, "only for blocks of kind dependency"),
            (&["{a}", "x", "--kind", "dependency", "--on", "{b}"], 1, "create a cycle"),
            (&["{a}", "x", "--retry-in", "5m"], 1, "only for blocks of kind transient"),
            (&["{a}", "x", "--kind", "transient", "--retry-in", "soon"], 2, "malformed duration"),
            (&["{a}", "x", "--kind", "transient", "--retry-in", "8d"], 1, "7 days"),
            (&["{a}", "x", "--choice", "a", "--choice", "b"], 1, "only for a question"),
            (&["{a}", "--question", "q", "--choice", "a"], 1, "two or more"),
            (&["{a}", "--question", "q", "--deadline", "0"], 2, "at least one second"),
            (&["{a}", "--question", " "], 1, "question"),
            (&["{a}", "--question", "q", "--kind", "approval", "--default", "y"], 1, "approval"),
            (&[], 2, "ID"),
            (&["--reason", "x"], 2, "ID"),
            (&["{a}", "x", "--reason", "y"], 1, "no such task"),
        ],
    ),
    verb(
        "ask",
        &["{run}", "x", "--no-wait"],
        &[
            (&["{a}", "x", "--no-wait"], 1, "cannot ask"),
            (&["{run}", " ", "--no-wait"], 1, "question"),
            (&["{run}", "x", "--no-wait", "--timeout", "soon"], 2, "malformed duration"),
            (&["{run}", "x", "--no-wait", "--choice", "a"], 1, "two or more"),
            (&["{run}"], 2, "QUESTION"),
            (&["t_dead", "x", "--no-wait"], 1, "no such task"),
            (&[], 2, "ID"),
        ],
    ),
    verb(
        "answer",
        &["{a}", "x"],
        &[
            (&["{a}", "x"], 1, "has no open question"),
            (&["{a}"], 2, "an answer is required"),
            (&["{a}", " "], 1, "answer"),
            (&["{a}", "x", "--question", "q_dead"], 1, "no such question"),
            (&["{a}", "x", "--question", "first"], 1, "no such question"),
            (&["t_dead", "x"], 1, "no such task"),
            (&[], 2, "ID"),
        ],
    ),
    verb(
        "rate-limited",
        &["{run}"],
        &[
            (&["{a}"], 1, "cannot rate limit"),
            (&["{run}", "--retry-after", "soon"], 2, "malformed duration"),
            (&["{run}", "--retry-after", "0"], 2, "at least one second"),
            (&["{run}", "--retry-after", "8d"], 1, "retry_after_seconds"),
            (&["t_dead"], 1, "no such task"),
            (&[], 2, "ID"),
        ],
    ),
    verb("unblock", &["{a}"], &[(&["{a}"], 1, "cannot unblock"), (&[], 2, "ID")]),
    verb(
        "promote",
        &["{a}"],
        &[
            (&["{b}"], 1, "unfinished parents"),
            (&["{a}"], 1, "cannot promote"),
            (&["t_dead"], 1, "no such task"),
            (&[], 2, "ID"),
        ],
    ),
    verb(
        "archive",
        &["{a}"],
        &[
            (&["t_dead"], 1, "no such task"),
            (&[], 2, "ID"),
            (&["--where", "state=x"], 2, "unknown key"),
            (&["{a}", "--where", "status=done"], 2, "cannot be used with"),
        ],
    ),
    verb(
        "unarchive",
        &["{a}"],
        &[(&["{a}"], 1, "not archived"), (&["t_dead"], 1, "no such task"), (&[], 2, "ID")],
    ),
    verb(
        "reopen",
        &["{a}"],
        &[(&["{a}"], 1, "not done"), (&["t_dead"], 1, "no such task"), (&[], 2, "ID")],
    ),
    verb(
        "triage",
        &["{a}"],
        &[(&["{run}"], 1, "cannot triage"), (&["t_dead"], 1, "no such task"), (&[], 2, "ID")],
    ),
    verb(
        "schedule",
        &["{a}", "--in", "1h30m"],
        &[
            (&["{a}", "--at", "soon"], 2, "malformed time"),
            (&["{a}", "--in", "-1h"], 2, "malformed duration"),
            (&["{a}", "--in", "1h", "--at", "mon 9:00"], 2, "cannot be used with"),
            (&["{a}", "--park", "--in", "1h"], 2, "cannot be used with"),
            (&["{a}", "--at", "mon 9:00", "--tz", "Mars/Base"], 2, "unknown time zone"),
            (&["{a}", "--at", "none"], 2, "expected a time"),
            (&["{a}"], 2, "no time given"),
            (&["{run}", "--in", "1h"], 1, "cannot schedule"),
            (&["t_dead", "--park"], 1, "no such task"),
            (&["--park"], 2, "ID"),
        ],
    ),
    verb(
        "unschedule",
        &["{a}"],
        &[
            (&["{a}"], 1, "it has no start time"),
            (&["{run}"], 1, "cannot unschedule"),
            (&["t_dead"], 1, "no such task"),
            (&[], 2, "ID"),
        ],
    ),
    verb(
        "approve",
        &["{a}"],
        &[
            (&["{a}"], 1, "(not in review)"),
            (&["{run}"], 1, "(not in review)"),
            (&["t_dead"], 1, "no such task"),
            (&[], 2, "ID"),
        ],
    ),
    verb(
        "request-changes",
        &["{a}", "more", "tests"],
        &[
            (&["{a}", "more tests"], 1, "(not in review)"),
            (&["{a}"], 2, "say what has to change"),
            (&["{a}", " "], 2, "say what has to change"),
            (&["{a}", "{b}"], 2, "expected a reason"),
            (&["t_dead", "x"], 1, "no such task"),
            (&[], 2, "ID"),
        ],
    ),
    verb(
        "request-review",
        &["{a}"],
        &[(&["{a}"], 1, "(not done or blocked)"), (&["t_dead"], 1, "no such task"), (&[], 2, "ID")],
    ),
    verb("cancel", &["{a}"], &[(&["t_dead"], 1, "no such task"), (&[], 2, "ID")]),
    verb(
        "restart",
        &["{run}"],
        &[(&["{a}"], 1, "(not running)"), (&["t_dead"], 1, "no such task"), (&[], 2, "ID")],
    ),
    verb(
        "reclaim",
        &["{run}"],
        &[(&["{a}"], 1, "cannot reclaim"), (&["t_dead"], 1, "no such task"), (&[], 2, "ID")],
    ),
    verb(
        "reassign",
        &["{run}", "dev"],
        &[
            (&["{a}", ""], 2, "empty"),
            (&["t_dead", "dev"], 1, "no such task"),
            (&["{a}"], 2, "PROFILE"),
        ],
    ),
    verb(
        "stop",
        &["{run}"],
        &[
            (&["{a}"], 1, "cannot stop"),
            (&["{b}", "--hold"], 1, "(not running)"),
            (&["{run}", "--force"], 1, "not unkillable"),
            (&["{a}", "--force"], 1, "it has no processes"),
            (&["{run}", "--hold", "--cancel"], 2, "cannot be used with"),
            (&["t_dead"], 1, "no such task"),
            (&[], 2, "ID"),
        ],
    ),
    verb("context", &["{a}"], &[(&["t_dead"], 1, "no such task")]),
    verb("runs", &["{a}"], &[(&["T_DEAD"], 1, "no such task")]),
    verb(
        "log",
        &["{a}"],
        &[
            (&["t_dead"], 1, "no such task"),
            (&["../../logs/x"], 1, "no such task"),
            (&["{a}", "--tail", "-1"], 2, "--tail"),
            (&["{a}"], 1, "no log for"),
        ],
    ),
    verb(
        "diff",
        &["{a}"],
        &[
            (&[], 2, "ID"),
            (&["t_dead"], 1, "no such task"),
            (&["{a}", "--run", "x"], 2, "--run"),
            (&["{a}", "--run", "9"], 1, "it has no run 9"),
            (&["{a}"], 1, "cannot show what"),
        ],
    ),
    verb("why", &["{a}"], &[(&["t_dead"], 1, "no such task"), (&[], 2, "ID")]),
    verb(
        "inbox",
        &[],
        &[(&["--board", "nowhere"], 1, "unknown board"), (&["x"], 2, "unexpected argument")],
    ),
    verb(
        "dashboard",
        &[],
        &[
            (&["--for", "no-such-user-here"], 1, "no user no-such-user-here"),
            (&["--revoke", "none"], 1, "no session none"),
            (&["--sessions", "--print"], 2, "cannot be used with"),
            (&["x"], 2, "unexpected argument"),
        ],
    ),
    verb("status", &[], &[(&["x"], 2, "unexpected argument")]),
    verb("stats", &[], &[(&["--board", "nowhere"], 1, "unknown board")]),
    verb("assignees", &[], &[(&["--board", "nowhere"], 1, "unknown board")]),
    verb("profiles", &[], &[(&["paint"], 2, "unrecognized subcommand")]),
    verb(
        "boards",
        &[],
        &[
            (&["create"], 2, "NAME"),
            (&["create", "No Such"], 1, "1 to 64 lower-case letters"),
            (&["create", ""], 1, "1 to 64 lower-case letters"),
            (&["paint"], 2, "unrecognized subcommand"),
        ],
    ),
    verb(
        "schedules",
        &["next", "{schedule}"],
        &[
            (&["add", "x", "--title", "t"], 2, "--cron is required"),
            (&["add", "x", "--cron", "@daily"], 2, "title is required"),
            (&["add", "x", "--cron", "0 0 30 2 *", "--title", "t"], 1, "never fires"),
            (
                &["add", "x", "--cron", "@daily", "--title", "t", "--tz", "Mars/Base"],
                2,
                "unknown time zone",
            ),
            (&["add", "x", "--cron", "@daily", "--title", "t", "--count", "0"], 2, "--count"),
            (
                &["add", "x", "--cron", "@daily", "--title", "t", "--parent", "t_dead"],
                1,
                "unknown parent",
            ),
            (&["add", "a/b", "--cron", "@daily", "--title", "t"], 1, "letters, digits"),
            (&["add", "{schedule}", "--cron", "@daily", "--title", "t"], 1, "already exists"),
            (&["edit", "{schedule}"], 2, "nothing to change"),
            (&["edit", "{schedule}", "--cron", "* * *"], 1, "3 field(s) instead of 5"),
            (&["next", "{schedule}", "--count", "1001"], 1, "count is too large"),
            (&["apply", "/no/such/file"], 2, "cannot read"),
            (&["show", "nothing"], 1, "no such schedule"),
            (&["rm", ""], 1, "no such schedule"),
            (&["run", "../x"], 1, "no such schedule"),
            (&["paint"], 2, "unrecognized subcommand"),
        ],
    ),
    verb(
        "breakers",
        &[],
        &[
            (&["reset"], 2, "KEY"),
            (&["reset", "host"], 1, "no such breaker"),
            (&["reset", "task:{a}"], 1, "no such breaker"),
            (&["reset", "task:t_dead"], 1, "no such task"),
            (&["reset", "everything"], 1, "a breaker is"),
            (&["paint"], 2, "unrecognized subcommand"),
            (&["--board", "nowhere"], 1, "unknown board"),
        ],
    ),
    verb(
        "dispatch",
        &[],
        &[
            (&["--max", "-1"], 2, "--max"),
            (&["--failure-limit", "0"], 2, "--failure-limit"),
            (&["t_dead"], 1, "no such task"),
            (&["{a}", "--where", "status=ready"], 2, "cannot be used with"),
            (&["--where", "status=ready", "--max", "1"], 2, "cannot be used with"),
            (&["--where", "status=ready", "--dry-run"], 2, "cannot be used with"),
            (&["--where", "ready"], 2, "expected KEY=VALUE"),
        ],
    ),
    verb("pause", &[], &[(&["x"], 2, "unexpected argument")]),
    verb("resume", &[], &[(&["x"], 2, "unexpected argument")]),
    verb(
        "drain",
        &[],
        &[
            (&["--timeout", "soon"], 2, "malformed duration"),
            (&["--timeout", "-1"], 2, "malformed duration"),
            (&["--timeout", "1s", "--no-wait"], 2, "cannot be used with"),
        ],
    ),
    verb(
        "wait",
        &["{a}"],
        &[
            (&[], 2, "ID"),
            (&["t_dead"], 1, "no such task"),
            (&["{a}", "--timeout", "soon"], 2, "malformed duration"),
            (&["{a}", "--status", "sleeping"], 2, "--status"),
        ],
    ),
    verb(
        "tail",
        &["{a}"],
        &[
            (&["t_dead"], 1, "no such task"),
            (&["../x"], 1, "no such task"),
            (&["{a}", "--interval", "often"], 2, "--interval"),
        ],
    ),
    verb(
        "board",
        &[],
        &[(&["x"], 2, "unexpected argument"), (&["--watch"], 2, "needs a terminal")],
    ),
    verb("tree", &["{a}"], &[(&[], 2, "<ID>"), (&["t_dead"], 1, "no such task")]),
    verb(
        "watch",
        &[],
        &[
            (&["--interval", "often"], 2, "--interval"),
            (&["--kinds", "completed,blokced"], 2, "no such kind of event: blokced"),
            (&["--kind", "nosuch"], 2, "no such kind of event: nosuch"),
            (&["--board", "No Such"], 1, "unknown board"),
            (&["--board", "nowhere"], 1, "unknown board"),
        ],
    ),
    verb(
        "notify-subscribe",
        &["{a}", "--platform", "telegram", "--chat-id", "-1"],
        &[
            (&["{a}", "--chat-id", "1"], 2, "--platform"),
            (&["{a}", "--platform", "telegram"], 2, "--chat-id"),
            (&["{a}", "--platform", " ", "--chat-id", "1"], 1, "platform: cannot be blank"),
            (&["--platform", "x", "--chat-id", "1", "--kinds", "born"], 1, "no such kind of event"),
            (&["--platform", "x", "--chat-id", "1", "--level", "loud"], 2, "--level"),
            (&["t_dead", "--platform", "telegram", "--chat-id", "1"], 1, "no such task"),
        ],
    ),
    verb("notify-list", &[], &[(&["t_dead"], 1, "no such task")]),
    verb(
        "notify-unsubscribe",
        &["{a}", "--platform", "telegram", "--chat-id", "1"],
        &[
            (&["{a}", "--platform", "telegram", "--chat-id", "1"], 1, "no such subscription"),
            (&["{a}", "--platform", "telegram"], 2, "--chat-id"),
            (&["--platform", "telegram", "--chat-id", "1"], 1, "no such subscription"),
        ],
    ),
    verb(
        "notify",
        &["list"],
        &[
            (&["retry", "0"], 1, "no such message"),
            (&["drop", "x"], 2, "'x'"),
            (&["drop", "0"], 1, "no such message"),
            (&["test", "nowhere", "1"], 1, "no such channel"),
            (&["setup", "nowhere"], 2, "no such channel"),
        ],
    ),
    verb(
        "chat",
        &["list"],
        &[
            (&["allow", "x", "1", "--as", "ada", "--role", "king"], 1, "is not configured"),
            (&["allow", "x", "1", "--as", "a:b", "--role", "member"], 1, "cannot contain"),
            (&["allow", "x", "1", "--role", "member"], 2, "--as"),
            (&["deny", " ", "1"], 1, "cannot be blank"),
        ],
    ),
    verb(
        "gc",
        &[],
        &[
            (&["--older-than-days", "-1"], 2, "--older-than-days"),
            (&["--event-retention-days", "-1"], 2, "'-1'"),
            (&["--log-retention-days", "-1"], 2, "--log-retention-days"),
            (&["--older-than-days", "old"], 2, "--older-than-days"),
        ],
    ),
    verb(
        "export",
        &[],
        &[
            (&["{file}"], 1, "already exists"),
            (&["{dir}/none/x"], 1, "cannot write"),
            (&["--board", "nowhere"], 1, "unknown board"),
        ],
    ),
    verb(
        "import",
        &["hermes", "{hermes}"],
        &[
            (&[], 2, "FILE"),
            (&["hermes"], 2, "missing PATH"),
            (&["hermes", "{dir}/none"], 1, "cannot read"),
            (&["hermes", "{dir}"], 1, "is a directory"),
            (&["hermes", "{file}"], 1, "is not a database of the predecessor"),
            (&["hermes", "{own}"], 1, "it is a database of kanband"),
            (&["hermes", "{hermes}", "--board", "nowhere"], 1, "unknown board"),
            (&["{file}"], 1, "its format is not recognized"),
            (&["{file}", "--format", "csv"], 1, "no column is called title"),
            (&["{file}", "--format", "xml"], 2, "--format"),
            (&["{hermes}"], 1, "is a database"),
            (&["{dir}/none"], 2, "cannot read"),
            (&["{file}", "{file}"], 2, "only `hermes` takes a path"),
        ],
    ),
    verb(
        "backup",
        &["{dir}/new.db"],
        &[
            (&[], 2, "FILE"),
            (&["{file}"], 1, "already exists"),
            (&["{dir}"], 1, "already exists"),
            (&["{dir}", "--force"], 2, "is a directory"),
            (&["{dir}/none/x"], 1, "cannot write"),
            (&["{file}", "--dir", "{dir}"], 2, "cannot be used with"),
            (&["{dir}/x.db", "--keep", "2"], 2, "cannot be used with"),
            (&["--dir", "{dir}", "--keep", "0"], 2, "--keep"),
            (&["--dir", "{file}"], 2, "is not a directory"),
            (&["--dir", "{dir}/none/x"], 2, "cannot create"),
        ],
    ),
    verb(
        "restore",
        &["{own}", "--yes"],
        &[
            (&["{dir}/none", "--yes"], 2, "cannot read"),
            (&["{dir}", "--yes"], 2, "is not a file"),
            (&["{own}"], 2, "no terminal to ask"),
            (&["{file}", "--yes"], 1, "the backup is damaged"),
            (&["{hermes}", "--yes"], 1, "the backup is not a database of kanband"),
        ],
    ),
    verb("doctor", &[], &[(&["x"], 2, "unexpected argument")]),
    verb(
        "config",
        &["show"],
        &[
            (&["get", "dispatch.max_runing"], 1, "unknown key"),
            (&["get", "profiles.nobody.argv"], 1, "is not set"),
            (&["set", "dispatch.max_running", "many"], 1, "dispatch.max_running"),
            (&["set", "nowhere.x", "1"], 1, "unknown key"),
            (&["show", "nowhere"], 1, "unknown key"),
            (&["check", "{file}"], 1, ":1:3: invalid TOML"),
            (&["check", "{dir}/none"], 2, "cannot read"),
        ],
    ),
    verb("reload", &[], &[(&["x"], 2, "unexpected argument")]),
    verb("log-level", &[], &[(&["loud"], 2, "[LEVEL]"), (&["info", "debug"], 2, "unexpected")]),
    verb(
        "slash",
        &["/kanban list"],
        &[
            (&["create 'it"], 2, "unclosed quote"),
            (&["frobnicate"], 2, "unrecognized subcommand"),
            (&["/kanban show t_dead"], 1, "no such task"),
            (&["tail", "{a}"], 2, "not available in a chat"),
        ],
    ),
    verb("mcp", &[], &[(&["x"], 2, "unexpected argument"), (&["--socket"], 2, "--socket")]),
    verb("guidance", &[], &[(&["x"], 2, "unexpected argument")]),
    verb(
        "skills",
        &["install", "--for", "{dir}"],
        &[
            (&["paint"], 2, "unrecognized subcommand"),
            (&["install", "--for", "cluade"], 2, "did you mean claude?"),
            (&["install", "--for", ""], 2, "no such tool"),
            (&["install"], 1, "no folder of claude"),
            (&["install", "--for", "{dir}/file"], 1, "cannot write"),
        ],
    ),
    verb("completions", &["bash"], &[(&["tcsh"], 2, "tcsh"), (&[], 2, "SHELL")]),
    verb(
        "daemon",
        &[],
        &[
            (&[], 2, "DEPRECATED"),
            (&["--interval", "5", "-v"], 2, "DEPRECATED"),
            (&["--force", "--interval", "0"], 2, "--interval"),
            (&["--force", "--max", "-1"], 2, "--max"),
        ],
    ),
];

#[test]
fn every_verb_stands_in_the_table() {
    let command = Arguments::command();
    // The other hidden ones are for the shim.
    let shown = command.get_subcommands().filter(|verb| !verb.is_hide_set());
    let mut known: Vec<String> = shown.map(|verb| verb.get_name().to_owned()).collect();
    let mut listed: Vec<String> = VERBS.iter().map(|verb| verb.name.to_owned()).collect();
    known.sort();
    listed.sort();
    assert_eq!(known, listed);
    for promised in [
        "init",
        "create",
        "list",
        "show",
        "assign",
        "link",
        "unlink",
        "claim",
        "comment",
        "attach",
        "attachments",
        "complete",
        "block",
        "unblock",
        "archive",
        "tail",
        "dispatch",
        "context",
        "gc",
        "watch",
        "stats",
        "notify-subscribe",
        "notify-list",
        "notify-unsubscribe",
        "log",
        "heartbeat",
        "runs",
        "assignees",
        "daemon",
        "slash",
        "edit",
        "promote",
        "reclaim",
        "reassign",
        "stop",
        "breakers",
        "rate-limited",
        "why",
        "doctor",
        "pause",
        "resume",
        "drain",
        "boards",
        "profiles",
        "import",
        "export",
        "backup",
        "restore",
        "search",
        "completions",
        "wait",
        "skills",
    ] {
        assert!(known.iter().any(|name| name == promised), "{promised}");
    }
}

fn is_understood(words: &[String]) -> Result<(), String> {
    let program = std::iter::once("kanban".to_owned());
    Arguments::try_parse_from(program.chain(words.iter().cloned()))
        .map(drop)
        .map_err(|error| format!("{words:?}: {error}"))
}

#[test]
fn what_is_right_is_understood() {
    for verb in VERBS {
        let words = std::iter::once(verb.name).chain(verb.right.iter().copied());
        is_understood(&words.map(str::to_owned).collect::<Vec<_>>()).unwrap();
    }
}

/// The calls of `kanban` in a line of an example, each up to the first word that belongs to the shell.
fn calls(line: &str) -> Vec<Vec<String>> {
    let words = shlex::split(line.trim()).unwrap();
    let of_shell = |word: &String| {
        ["|", "&&", "<", ">", "#"].contains(&word.as_str()) || word.starts_with(['<', '>'])
    };
    words
        .split(of_shell)
        .filter(|call| call.first().is_some_and(|word| word == "kanban"))
        .map(|call| call[1..].to_vec())
        .collect()
}

#[test]
fn every_example_in_a_help_text_is_understood() {
    let mut count = 0;
    for verb in Arguments::command().get_subcommands().filter(|verb| !verb.is_hide_set()) {
        let examples = verb.get_after_help().unwrap_or_else(|| panic!("{}", verb.get_name()));
        let examples = examples.to_string().replace("\\\n", " ");
        let calls: Vec<_> =
            examples.lines().filter(|line| line.contains("kanban ")).flat_map(calls).collect();
        assert!(examples.starts_with("Example"), "{}", verb.get_name());
        for words in calls {
            is_understood(&words).unwrap();
            count += 1;
        }
    }
    assert!(count >= VERBS.len(), "{count} examples were found");
}

#[test]
fn what_is_wrong_is_refused_in_its_words_and_changes_nothing() {
    let board = Board::quiet();
    let [a, b, run] = ["a", "b", "run"].map(|title| board.create(title, &[]));
    board.say(["link", &a, &b]).ok();
    board.say(["claim", &run]).ok();
    let dir = board.path("files");
    std::fs::create_dir(&dir).unwrap();
    std::fs::write(dir.join("file"), "a text\nof two lines\n").unwrap();
    let hermes = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/hermes-2026-04.db");
    board.say(["schedules", "add", "nightly", "--cron", "@daily", "--title", "t"]).ok();
    board.say(["backup", dir.join("own.db").to_str().unwrap()]).ok();
    let fill = |word: &&str| {
        let dir = dir.to_str().unwrap();
        word.replace("{file}", "{dir}/file")
            .replace("{own}", "{dir}/own.db")
            .replace("{hermes}", hermes)
            .replace("{dir}", dir)
            .replace("{a}", &a)
            .replace("{b}", &b)
            .replace("{run}", &run)
            .replace("{schedule}", "nightly")
    };
    let before = board.everything();
    for verb in VERBS {
        for (words, exit, phrase) in verb.wrong {
            let mut words: Vec<String> =
                std::iter::once(verb.name.to_owned()).chain(words.iter().map(fill)).collect();
            let said = board.say(&words);
            let message = format!("{}{}", said.err, said.out);
            assert_eq!(said.code, *exit, "{words:?}: {message}");
            let is_clap = *exit == 2 && message.contains("Usage:");
            let first = message.lines().next().unwrap();
            let location = if is_clap { message.as_str() } else { first };
            assert!(location.contains(phrase) && first.len() < 400, "{words:?}: {message}");
            assert!(first.starts_with("error: "), "{words:?}: {message}");
            if verb.name != "slash" {
                assert!(said.out.is_empty(), "{words:?}: {said:?}");
                words.push("--json".to_owned());
                let said = board.say(&words);
                let object: Value = serde_json::from_str(said.err.lines().last().unwrap()).unwrap();
                assert!(object["error"]["code"].is_string(), "{words:?}: {object}");
                assert_eq!(said.code, *exit, "{words:?}");
            }
        }
    }
    assert_eq!(board.everything(), before);
    let mut left: Vec<_> =
        std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["file", "own.db"], "nothing is left behind");
}
