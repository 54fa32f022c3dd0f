//! Oracles of the boundaries, independent of the implementation.

use std::collections::BTreeSet;

use kanband::kernel::context::{
    LocalTime, Material, ReviewMaterial, WorkspaceChanges, WorkspaceFacts, render,
};
use kanband::kernel::ids::TaskId;
use kanband::kernel::question::Question;
use kanband::kernel::random::{Random, below};
use kanband::kernel::run::Run;
use kanband::kernel::store::attachments::Attachment;
use kanband::kernel::store::comments::Comment;
use kanband::kernel::store::runs::RecentWork;
use kanband::kernel::task::Task;
use kanband::os::run_files::redact::{REPLACEMENT, Redactor};
use kanband::text::{context, json, log_line, terminal};
use serde_json::{Value, json};

use crate::fuzz::text::{bytes, hostile, hostile_word, once_in, pick, pieces};

/// Line terminators other than the line feed.
const LINE_ENDS: &[char] =
    &['\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];

/// Invisible characters that no text needs.
const UNSEEN: &[char] = &[
    '\0',
    '\u{7}',
    '\u{8}',
    '\u{1b}',
    '\u{7f}',
    '\u{90}',
    '\u{9b}',
    '\u{9d}',
    '\u{ad}',
    '\u{61c}',
    '\u{200b}',
    '\u{200e}',
    '\u{200f}',
    '\u{202a}',
    '\u{202b}',
    '\u{202c}',
    '\u{202d}',
    '\u{202e}',
    '\u{2060}',
    '\u{2066}',
    '\u{2067}',
    '\u{2068}',
    '\u{2069}',
    '\u{3164}',
    '\u{feff}',
    '\u{e0041}',
    '\u{e0100}',
];

/// Whether a text has no control, line end or invisible characters other than the `allowed` ones.
fn is_plain(text: &str, allowed: &[char]) -> bool {
    text.chars().all(|sign| {
        let is_control = sign.is_control() || LINE_ENDS.contains(&sign) || UNSEEN.contains(&sign);
        allowed.contains(&sign) || !is_control
    })
}

/// Renders random hostile material, and the same with every untrusted text replaced by a harmless word. Without quotes and
/// untrusted words, both pages must be equal.
pub fn check_context(random: &mut dyn Random) {
    let hostile = material(random);
    let time = LocalTime::new(jiff::tz::TimeZone::UTC);
    let page = render(&hostile, &time);
    assert!(is_plain(&page, &['\n', '\t']), "{page:?}");
    let plain = render(&harmless(&hostile), &time);
    let is_whole = !page.contains("more characters of context omitted");
    if is_whole {
        assert_eq!(skeleton(&page), skeleton(&plain), "\n{page}\n--- should be as\n{plain}");
    } else {
        let known: BTreeSet<String> = skeleton(&plain).into_iter().collect();
        let strange = skeleton(&page)
            .into_iter()
            .find(|line| !known.contains(line) && !line.contains("omitted"));
        assert_eq!(strange, None, "\n{page}");
    }
}

/// The lines of a page outside of quotes, without untrusted words.
fn skeleton(page: &str) -> Vec<String> {
    let own = [
        "# Kanban task t_1: ",
        "Assignee: ",
        "Tenant:   ",
        "Workspace: ",
        "Branch:   ",
        "Note:     ",
        "_error_: ",
        "_metadata_: ",
        "- ",
        "_created_: ",
        "## Recent work by @",
        "## Changes requested by ",
        "Handed in by ",
        "Answer by **",
        "Its branch is ",
        "Changed against ",
    ];
    let mut lines = Vec::new();
    for line in page.split('\n').filter(|line| !line.starts_with('>')) {
        let begin = own.iter().find(|begin| line.starts_with(**begin));
        let attempt = line.strip_prefix("### Attempt ").and_then(|rest| rest.split_once(" ("));
        lines.push(match (begin, attempt) {
            (Some(begin), _) => (*begin).to_owned(),
            (None, Some((which, _))) => format!("### Attempt {which}"),
            (None, None) if line.starts_with("**") => {
                let end = line.rfind("** (").map_or("", |at| &line[at..]);
                format!("**{end}")
            }
            (None, None) => line.to_owned(),
        });
    }
    lines
}

fn material(random: &mut dyn Random) -> Material {
    let some = |random: &mut dyn Random| (!once_in(random, 4)).then(|| hostile(random, 12));
    let task: Task = serde_json::from_value(json!({
        "id": "t_1", "board": "default", "title": hostile_word(random, 6), "body": some(random),
        "assignee": some(random).map(|_| hostile_word(random, 3)), "status": "ready", "priority": 0,
        "tenant": some(random).map(|_| hostile_word(random, 3)), "workspace_kind": "dir",
        "workspace_path": some(random), "created_at": 0, "spawn_failures": 0, "no_max_runtime": false,
        "auto_starts": 0, "labels": [], "protocol_violations": 0, "review_open": !once_in(random, 2),
    }))
    .unwrap();
    let attempts: Vec<Run> = (0..below(random, 3)).map(|_| run(random)).collect();
    let parents = (0..below(random, 3))
        .map(|n| {
            let mut parent = task.clone();
            parent.id = TaskId::parse(&format!("t_{}", n + 2)).unwrap();
            parent.result = some(random);
            (parent, some(random).map(|_| run(random)))
        })
        .collect::<Vec<_>>();
    let recent = (0..below(random, 3))
        .map(|_| RecentWork {
            task_id: TaskId::parse("t_9").unwrap(),
            title: hostile_word(random, 6),
            ended_at: 0,
            summary: some(random),
        })
        .collect();
    let comments: Vec<Comment> = (0..below(random, 4))
        .map(|id| {
            let length = if once_in(random, 9) { 900 } else { 12 };
            Comment {
                id: id as i64,
                author: hostile_word(random, 4),
                body: hostile(random, length),
                created_at: 0,
            }
        })
        .collect();
    let attachments = (0..below(random, 3))
        .map(|id| Attachment {
            id: id as i64,
            filename: hostile_word(random, 4),
            size_bytes: 7,
            sha256: "0".to_owned(),
            uploaded_by: hostile_word(random, 3),
            created_at: 0,
        })
        .collect();
    let workspace = (!once_in(random, 2)).then(|| WorkspaceFacts {
        run_id: 1.into(),
        branch: (!once_in(random, 3)).then(|| hostile_word(random, 4)),
        notes: (0..below(random, 3)).map(|_| hostile(random, 6)).collect(),
        changes: (!once_in(random, 2)).then(|| changes(random)),
    });
    let questions = (0..below(random, 3)).map(|_| question(random)).collect();
    Material {
        task,
        workspace,
        questions,
        attachments,
        attempt_count: attempts.len() as u64 + below(random, 2),
        attempts,
        parent_count: parents.len() + pick(random, 2),
        parents,
        recent,
        comment_count: comments.len() as u64 + below(random, 2),
        comments,
        review: review_material(random),
    }
}

fn changes(random: &mut dyn Random) -> WorkspaceChanges {
    WorkspaceChanges {
        base: hostile(random, 4),
        files: (0..below(random, 3)).map(|_| hostile(random, 6)).collect(),
        file_count: below(random, 5),
        added: 1,
        deleted: 2,
        notes: (0..below(random, 2)).map(|_| hostile(random, 6)).collect(),
    }
}

fn review_material(random: &mut dyn Random) -> ReviewMaterial {
    ReviewMaterial {
        handed_in: (!once_in(random, 2)).then(|| run(random)),
        others: (0..below(random, 3)).map(|_| run(random)).collect(),
        repository: (!once_in(random, 2)).then(|| hostile(random, 5)),
        sent_back: (!once_in(random, 2)).then(|| run(random)),
    }
}

fn question(random: &mut dyn Random) -> Question {
    let choices: Vec<String> = (0..below(random, 3)).map(|_| hostile_word(random, 5)).collect();
    serde_json::from_value(json!({
        "id": "q_1", "task_id": "t_1", "run_id": 1, "blocks": true, "kind": "needs_input",
        "text": format!("q{}", hostile(random, 10)), "choices": choices, "asked_by": "run:1", "asked_at": 0,
        "outcome": "answered", "ended_at": 1, "answer": format!("a{}", hostile(random, 10)),
        "answer_source": if once_in(random, 3) { "default" } else { "person" },
        "answered_by": hostile_word(random, 4),
    }))
    .unwrap()
}

fn run(random: &mut dyn Random) -> Run {
    let some = |random: &mut dyn Random| (!once_in(random, 3)).then(|| hostile(random, 10));
    let metadata = some(random).map(|text| json!({ hostile(random, 5): [text, 1.5, null] }));
    let artifacts: Vec<Value> = (0..below(random, 3))
        .map(|_| json!({"path": hostile_word(random, 5), "size_bytes": 1, "sha256": "0"}))
        .collect();
    let cards: Vec<String> = (0..below(random, 3)).map(|_| hostile_word(random, 3)).collect();
    serde_json::from_value(json!({
        "id": 1, "task_id": "t_1", "profile": some(random), "status": "crashed", "outcome": "crashed",
        "summary": some(random), "error": some(random), "metadata": metadata, "started_at": 0, "ended_at": 1,
        "closed_at": 1, "state": "closed", "supervised": true, "automatic": true, "log_tail": some(random),
        "artifacts": artifacts, "created_cards": cards,
    }))
    .unwrap()
}

fn harmless_question(question: &Question) -> Question {
    let word = |text: &Option<String>| text.as_ref().map(|_| "x".to_owned());
    Question {
        text: "x".to_owned(),
        choices: question.choices.iter().map(|_| "x".to_owned()).collect(),
        answer: word(&question.answer),
        answered_by: word(&question.answered_by),
        ..question.clone()
    }
}

fn harmless_attachment(file: &Attachment) -> Attachment {
    Attachment { filename: "x".to_owned(), uploaded_by: "x".to_owned(), ..file.clone() }
}

/// The same material with a harmless word for each text that is not blank.
fn harmless(hostile: &Material) -> Material {
    let word = |text: &String| if text.trim().is_empty() { text.clone() } else { "x".to_owned() };
    let some = |text: &Option<String>| text.as_ref().map(word);
    let task = |task: &Task| Task {
        title: "x".to_owned(),
        body: some(&task.body),
        assignee: some(&task.assignee),
        tenant: some(&task.tenant),
        workspace_path: some(&task.workspace_path),
        result: some(&task.result),
        ..task.clone()
    };
    let run = |run: &Run| {
        let mut run = run.clone();
        run.profile = some(&run.profile);
        run.summary = some(&run.summary);
        run.error = some(&run.error);
        run.log_tail = some(&run.log_tail);
        run.metadata = run.metadata.map(|_| json!({"x": "x"}));
        run.artifacts.iter_mut().for_each(|artifact| artifact.path = "x".to_owned());
        run.created_cards.iter_mut().for_each(|card| *card = "x".to_owned());
        run
    };
    Material {
        task: task(&hostile.task),
        workspace: hostile.workspace.as_ref().map(|facts| WorkspaceFacts {
            run_id: facts.run_id,
            branch: some(&facts.branch),
            notes: facts.notes.iter().map(word).collect(),
            changes: facts.changes.as_ref().map(|changes| WorkspaceChanges {
                base: word(&changes.base),
                files: changes.files.iter().map(word).collect(),
                notes: changes.notes.iter().map(word).collect(),
                ..changes.clone()
            }),
        }),
        questions: hostile.questions.iter().map(harmless_question).collect(),
        attempts: hostile.attempts.iter().map(run).collect(),
        review: ReviewMaterial {
            handed_in: hostile.review.handed_in.as_ref().map(run),
            others: hostile.review.others.iter().map(run).collect(),
            repository: some(&hostile.review.repository),
            sent_back: hostile.review.sent_back.as_ref().map(run),
        },
        parents: hostile
            .parents
            .iter()
            .map(|(parent, of)| (task(parent), of.as_ref().map(run)))
            .collect(),
        recent: hostile
            .recent
            .iter()
            .map(|work| RecentWork {
                title: "x".to_owned(),
                summary: some(&work.summary),
                ..work.clone()
            })
            .collect(),
        comments: hostile
            .comments
            .iter()
            .map(|comment| Comment {
                author: "x".to_owned(),
                body: word(&comment.body),
                ..comment.clone()
            })
            .collect(),
        attachments: hostile.attachments.iter().map(harmless_attachment).collect(),
        ..hostile.clone()
    }
}

/// Checks each function of the page separately.
pub fn check_quotes(text: &str) {
    for limit in [0, 7, usize::MAX] {
        for quoted in [context::quoted(text, limit), context::log(text, limit)] {
            assert!(quoted.split('\n').all(|line| line.starts_with('>')), "{text:?}: {quoted:?}");
            assert!(is_plain(&quoted, &['\n', '\t']), "{text:?}: {quoted:?}");
        }
        for line in [context::short_line(text, limit), context::code(text, limit)] {
            assert!(is_plain(&line, &[]), "{text:?}: {line:?}");
        }
    }
    let code = context::code(text, usize::MAX);
    let fence = code.len() - code.trim_start_matches('`').len();
    let inner = &code[fence..code.len() - fence];
    let runs = inner.split(|sign| sign != '`').map(str::len);
    assert!(inner.is_empty() || runs.max() < Some(fence), "{text:?}: {code}");
    for line in [context::line(text), context::name(text)] {
        assert!(is_plain(&line, &[]), "{text:?}: {line:?}");
    }
}

/// The first character that a terminal would interpret instead of displaying it.
pub fn obeyed_by_a_terminal(shown: &str) -> Option<String> {
    let mut column_changes = None;
    for (at, sign) in shown.char_indices() {
        let code = u32::from(sign);
        let is_c0 = code < 0x20 && !matches!(sign, '\n' | '\t');
        let is_c1 = (0x7f..0xa0).contains(&code);
        let turns = matches!(code, 0x61c | 0x200e | 0x200f | 0x202a..=0x202e | 0x2066..=0x2069);
        let separates = matches!(code, 0x2028 | 0x2029);
        if is_c0 || is_c1 || turns || separates {
            column_changes = Some(format!("U+{code:04X} at {at}"));
            break;
        }
    }
    column_changes
}

/// No bytes make a terminal do anything but display characters, however they are cut.
pub fn check_terminal(input: &[u8], random: &mut dyn Random) {
    let whole = terminal::log(input);
    assert_eq!(obeyed_by_a_terminal(&whole), None, "{input:?}: {whole:?}");
    let mut stream = terminal::Stream::default();
    let mut pieced = String::new();
    for piece in pieces(random, input) {
        pieced.push_str(&stream.push(piece));
    }
    pieced.push_str(&stream.finish());
    assert_eq!(pieced, whole, "{input:?} in pieces");
    let text = String::from_utf8_lossy(input);
    let columns = pick(random, 40);
    for shown in [terminal::one_line(&text), terminal::cut(&terminal::one_line(&text), columns)] {
        assert_eq!(obeyed_by_a_terminal(&shown), None, "{text:?}: {shown:?}");
        assert!(!shown.contains(['\n', '\t']), "{text:?}: {shown:?}");
    }
    for shown in [terminal::block(&text), terminal::lines(&text)] {
        assert_eq!(obeyed_by_a_terminal(&shown), None, "{text:?}: {shown:?}");
    }
    let line = terminal::one_line(&text);
    let cut = terminal::cut(&line, columns);
    assert!(terminal::width(&cut) <= columns.max(1), "{line:?} at {columns}: {cut:?}");
    assert!(terminal::width(&terminal::pad(&cut, columns)) >= columns, "{cut:?}");
    if text.chars().all(|sign| sign.is_ascii_graphic() || matches!(sign, ' ' | '\n' | '\t')) {
        assert_eq!(whole, text, "plain text is shown as it is");
    }
}

/// JSON output is one line without invisible characters, and decodes to the same value.
pub fn check_json(random: &mut dyn Random) {
    let value = json_value(random, 3);
    let line = json::to_string(&value).unwrap();
    assert!(is_plain(&line, &[]), "{line:?}");
    let lines = json::to_string_pretty(&value).unwrap();
    assert!(is_plain(&lines, &['\n']), "{lines:?}");
    for text in [line, lines] {
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value, "{text}");
    }
}

/// A random value of JSON.
pub fn json_value(random: &mut dyn Random, depth: u64) -> Value {
    match below(random, if depth == 0 { 6 } else { 8 }) {
        0 => Value::Null,
        1 => below(random, 2).eq(&0).into(),
        2 => (random.next() as i64).into(),
        3 => json!(below(random, 1000) as f64 / 8.0),
        4 | 5 => hostile(random, 6).into(),
        6 => (0..below(random, 4)).map(|_| json_value(random, depth - 1)).collect(),
        _ => {
            let pairs = 0..below(random, 4);
            let pair = |_| (hostile(random, 3), json_value(random, depth - 1));
            Value::Object(pairs.map(pair).collect())
        }
    }
}

/// A log line is one line, and its fields are those that were named.
pub fn check_log_line(random: &mut dyn Random) {
    let values: Vec<String> = (0..3).map(|_| hostile(random, 6)).collect();
    let names = ["task", "error", "path"];
    let mut line = String::from("it happened");
    for (name, value) in names.iter().zip(&values) {
        line.push_str(&format!(" {name}={}", log_line::value(value)));
    }
    assert!(is_plain(&line, &[]), "{line:?}");
    assert!(is_plain(&log_line::message(&values[0]), &[]));
    assert_eq!(fields_of(&line), names, "{line}");
}

/// Names of the fields of a line, as a log parser reads them: `name=` outside of quotation marks.
fn fields_of(line: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = line;
    while let Some((word, behind)) = rest.split_once([' ', '=']) {
        let is_field = rest[word.len()..].starts_with('=');
        rest = behind;
        if !is_field {
            continue;
        }
        names.push(word);
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut is_escaped = false;
            let end = quoted.find(|sign: char| {
                let ends = sign == '"' && !is_escaped;
                is_escaped = sign == '\\' && !is_escaped;
                ends
            });
            rest = &quoted[end.expect("a quotation ends") + 1..];
            assert!(rest.is_empty() || rest.starts_with(' '), "{line}");
        }
    }
    names
}

/// The output of the redactor equals that of a naive search, however the stream is cut.
pub fn check_redaction(random: &mut dyn Random) {
    let alphabet: &[u8] = if once_in(random, 2) { b"ab" } else { b"abcXYZ019+/=%\\\"\n-_." };
    let word = |random: &mut dyn Random, longest: usize| -> Vec<u8> {
        (0..pick(random, longest)).map(|_| alphabet[pick(random, alphabet.len())]).collect()
    };
    let secrets: Vec<Vec<u8>> = (0..1 + below(random, 4)).map(|_| word(random, 12)).collect();
    let mut input = Vec::new();
    for _ in 0..below(random, 12) {
        match below(random, 3) {
            0 => input.extend(word(random, 9)),
            1 => input.extend(&secrets[pick(random, secrets.len())]),
            _ => input.extend(bytes(random, 2)),
        }
    }
    let mut redactor = Redactor::new(&secrets);
    let mut out = Vec::new();
    for piece in pieces(random, &input) {
        redactor.push(piece, &mut out);
    }
    redactor.finish(&mut out);
    assert_eq!(out, slowly_redacted(&input, &secrets), "{secrets:?} in {input:?}");
    let mut by_form = Redactor::of_values(&secrets);
    let mut cleared = Vec::new();
    for piece in pieces(random, &input) {
        by_form.push(piece, &mut cleared);
    }
    by_form.finish(&mut cleared);
    for secret in secrets
        .iter()
        .map(|secret| secret.trim_ascii())
        .filter(|secret| secret.len() > REPLACEMENT.len())
    {
        assert!(
            !cleared.windows(secret.len()).any(|window| window == secret),
            "{secret:?} in {cleared:?}"
        );
    }
}

fn slowly_redacted(input: &[u8], secrets: &[Vec<u8>]) -> Vec<u8> {
    let mut is_covered = vec![false; input.len()];
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        for at in 0..input.len() {
            if input[at..].starts_with(secret) {
                is_covered[at..at + secret.len()].fill(true);
            }
        }
    }
    let mut out = Vec::new();
    for (at, byte) in input.iter().enumerate() {
        if !is_covered[at] {
            out.push(*byte);
        } else if at == 0 || !is_covered[at - 1] {
            out.extend_from_slice(REPLACEMENT);
        }
    }
    out
}
