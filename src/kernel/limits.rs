//! All limits of the board, with their units and reasons.

/// Longest title, in bytes: it is repeated in lists, events and prompts.
pub const TITLE_BYTES_MAX: usize = 4 * 1024;

/// The largest priority; the smallest is its negative.
pub const PRIORITY_MAX: i64 = 1_000_000;

/// Longest task body, comment, summary, result or metadata object, in bytes.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// Longest name (assignee, tenant, author, skill, key …), in bytes.
pub const NAME_BYTES_MAX: usize = 512;

/// Longest workspace path, in bytes (Linux PATH_MAX).
pub const PATH_BYTES_MAX: usize = 4096;

/// Most parents or skills that one request may name.
pub const LIST_ITEMS_MAX: usize = 1000;

/// Most extra arguments that a task may have for its agent.
pub const ARGS_MAX: usize = 64;

/// Longest time of one read for an ordinary answer, milliseconds of processor time: it holds a snapshot and a reading thread.
pub const READ_MS_MAX: u64 = 1_000;

/// Longest time of one such read by the clock on the wall, milliseconds: for a disk or a host that is slow.
pub const READ_WALL_MS_MAX: u64 = 5_000;

/// Longest time of a read that looks at the whole file, by the clock on the wall, milliseconds. One at a time, for persons only.
pub const LONG_READ_MS_MAX: u64 = 60_000;

/// Steps of SQLite's virtual machine between two looks at the time: some ten microseconds.
pub const READ_STEPS_PER_LOOK: i32 = 1_000;

/// Longest request body on the socket, in bytes.
pub const REQUEST_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Most that one task of an import may bring, with its whole history, as JSON, in bytes. It has a request of its own.
pub const IMPORT_RECORD_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Largest file that can be attached to a task, in bytes. It is sent as it is, so the limit of other requests does not hold.
pub const ATTACHMENT_BYTES_MAX: u64 = 25 * 1024 * 1024;

/// Most comments of one task.
pub const COMMENTS_PER_TASK_MAX: u64 = 10_000;

/// Most bytes that the comments of one task have together.
pub const COMMENT_BYTES_PER_TASK_MAX: u64 = 64 * 1024 * 1024;

/// Most events of one task that what need not be done may add to: comments, links, edits, files, subscriptions. What becomes of the
/// work is recorded however many there are.
pub const EVENTS_PER_TASK_MAX: u64 = 20_000;

/// Most events of one task among which heartbeats still leave one each. Beyond it the time of the last one is all that is kept.
pub const HEARTBEAT_EVENTS_PER_TASK_MAX: u64 = 10_000;

/// Longest note of a heartbeat, in bytes.
pub const HEARTBEAT_NOTE_BYTES_MAX: usize = 16 * 1024;

/// Most tasks that one task may wait for.
pub const PARENTS_PER_TASK_MAX: u64 = 1_000;

/// Most tasks that may wait for one task: what its end releases, in one transaction.
pub const CHILDREN_PER_TASK_MAX: u64 = 10_000;

/// Most labels of one task.
pub const LABELS_PER_TASK_MAX: u64 = 100;

/// Most notification subscriptions of one task.
pub const SUBSCRIPTIONS_PER_TASK_MAX: u64 = 100;

/// Deepest nesting of a metadata object, in levels, itself counted.
pub const METADATA_DEPTH_MAX: usize = 64;

/// Deepest nesting of any JSON that is read, in levels: what was stored before there was a limit, in the wrapping of an answer.
pub const JSON_DEPTH_MAX: usize = 256;

/// Comments, events and runs of a task that one `show` has at most of each; the newest.
pub const SHOWN_ITEMS_MAX: usize = 1_000;

/// Bytes of text that one `show` has at most of each of the three.
pub const SHOWN_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Longest text to search for, in bytes.
pub const SEARCH_TEXT_BYTES_MAX: usize = 4 * 1024;

/// Most different words of one search.
pub const SEARCH_WORDS_MAX: usize = 32;

/// Most parts that these have together, as the index takes them apart: `a-b` has two.
pub const SEARCH_TOKENS_MAX: usize = 64;

/// Most of them that stand for every word that begins so.
pub const SEARCH_PREFIXES_MAX: usize = 8;

/// Most files attached to one task.
pub const ATTACHMENTS_PER_TASK_MAX: usize = 100;

/// Longest name of an attached file, in bytes (Linux NAME_MAX).
pub const FILENAME_BYTES_MAX: usize = 255;

/// Most files that one run may declare as its results.
pub const ARTIFACTS_MAX: usize = 100;

/// Longest error text kept on a task or run, in characters.
pub const ERROR_CHARS_MAX: usize = 500;

/// Longest summary line in a `completed` event, in characters.
pub const EVENT_SUMMARY_CHARS_MAX: usize = 400;

/// End of a worker's log kept with its run when it fails, in bytes.
pub const LOG_TAIL_BYTES: usize = 4096;

/// How long the reply to a request is remembered, in seconds. A client gives up repeating far earlier.
pub const REQUEST_MEMORY_SECONDS: i64 = 24 * 60 * 60;

/// Kept replies that a dispatcher pass looks at for their age: bounds the work of one pass under the write lock.
pub const REQUESTS_LOOKED_AT_PER_PASS: i64 = 200;

/// Between two rounds through the kept replies, in seconds: a pass that has nothing to forget reads none of them.
pub const REQUESTS_REST_SECONDS: i64 = 600;

/// Length of a request id made by a client, in bytes.
pub const REQUEST_ID_BYTES_MAX: usize = 64;

/// Requests that one commit may carry, and the time that it may spend collecting them, in milliseconds.
pub const COMMIT_REQUESTS_MAX: usize = 256;
/// See [`COMMIT_REQUESTS_MAX`].
pub const COMMIT_COLLECT_MS_MAX: u64 = 2;

/// Requests that may wait for the database thread before callers are made to wait too.
pub const DATABASE_QUEUE_MAX: usize = 1024;

/// Events that a slow subscriber may lag behind before it has to read again from its cursor.
pub const SUBSCRIBER_QUEUE_MAX: usize = 1024;

/// Runs that one dispatch pass may start: keeps a pass short, the next one follows at once.
pub const STARTS_PER_PASS_MAX: usize = 64;

/// Ready tasks that one automatic pass may put aside because their place is taken; a person's pass puts aside more.
pub const WAITS_PER_PASS_MAX: usize = 256;

/// Up to how many tasks are counted that come before one in the queue: a longer queue says no more to a person, and counting costs.
pub const BEHIND_COUNTED_MAX: u32 = 1000;

/// The same as [`WAITS_PER_PASS_MAX`] for a person's pass, and how many paths are looked at for it.
pub const WAITS_PER_REQUEST_MAX: usize = 4096;

/// Failed starts in a row, of two or more tasks, that open a profile's breaker.
pub const PROFILE_BREAKER_FAILURES: u32 = 5;

/// Failed starts in a row, of two or more tasks, that open a workspace's breaker.
pub const WORKSPACE_BREAKER_FAILURES: u32 = 5;

/// Shims lost in a row that open the host's breaker.
pub const HOST_BREAKER_FAILURES: u32 = 3;

/// First time that a profile's or the host's breaker stays open, in seconds; it doubles with each failed probe.
pub const BREAKER_OPEN_SECONDS: i64 = 30;

/// Longest time that a breaker stays open before the next probe, in seconds.
pub const BREAKER_OPEN_SECONDS_MAX: i64 = 30 * 60;

/// Longest wait for the end of a rate limit that a worker may ask for, in seconds: a week, the longest window of any provider.
pub const RATE_LIMIT_SECONDS_MAX: i64 = 7 * 24 * 60 * 60;

/// Characters of a request for changes that the next attempt reads whole.
pub const CONTEXT_REQUEST_CHARS: usize = 8 * 1024;

/// Runs in the directory of a task under review that its context names.
pub const CONTEXT_DIRECTORY_RUNS: usize = 10;

/// Reviews that one request gives to people; more follow in the next.
pub const REVIEWS_PER_REQUEST: u32 = 256;

/// Of each kind of due thing (starts, due times, deadlines, occurrences), how many one request handles; more follow in the next.
pub const DUE_PER_PASS: u32 = 256;

/// Schedules whose occurrences one firing of the timer makes; more follow in the next.
pub const SCHEDULES_PER_FIRING: u32 = 32;

/// Missed occurrences of one schedule that are made at most.
pub const CATCH_UP_MAX: usize = 100;

/// How late an occurrence may be that is not missed, seconds: the timer is exact, a daemon that restarts is not.
pub const ON_TIME_SECONDS: i64 = 60;

/// Skipped occurrences in a row of which the inbox has a row.
pub const SKIPS_IN_A_ROW: u32 = 3;

/// Longest name of a schedule, in bytes.
pub const SCHEDULE_NAME_BYTES_MAX: usize = 64;

/// Schedules of one board.
pub const SCHEDULES_PER_BOARD_MAX: u32 = 10_000;

/// Coming occurrences that one request shows.
pub const NEXT_OCCURRENCES_MAX: u32 = 1_000;

/// Tasks of one bulk request.
pub const BULK_TASKS_MAX: u32 = 500;

/// Cards of a column that are sent with a board, where nothing else is asked for.
pub const CARDS_PER_WINDOW: u32 = 30;

/// Cards of each column that are sent with a board, at most.
pub const CARDS_PER_COLUMN_MAX: u32 = 100;

/// Cards of a column that are sent at once, at most.
pub const CARDS_PER_WINDOW_MAX: u32 = 500;

/// Tasks of a column that are counted under a filter.
pub const CARDS_COUNTED_MAX: u32 = 1_000;

/// Names of one kind to filter a board by.
pub const FACETS_MAX: u32 = 100;

/// Parents, and waiting children, of a changed task whose cards are read again with it.
pub const NEIGHBOURS_MAX: u32 = 200;

/// Rows of a history.
pub const HISTORY_ROWS_MAX: u32 = 400;

/// Tasks of a graph of dependencies.
pub const GRAPH_TASKS_MAX: u32 = 200;

/// Things of a task's history that are shown at once.
pub const TIMELINE_ITEMS_MAX: u32 = 200;

/// Parents, and children, that the page of a task names.
pub const NAMED_NEIGHBOURS_MAX: u32 = 200;

/// Events that a page may have missed to be brought up to date by deltas; behind more it reads the board again.
pub const MISSED_EVENTS_MAX: u32 = 500;

/// Released tasks that one request promotes.
pub const PROMOTED_PER_REQUEST: usize = 256;

/// Ready tasks that one dispatcher pass tells of because they have waited long: bounds the work under the write lock.
pub const WAITING_TOLD_PER_PASS: u32 = 100;

/// Worker context: characters of the task's body.
pub const CONTEXT_BODY_CHARS: usize = 8192;
/// Worker context: characters of one summary, error, metadata object or parent result.
pub const CONTEXT_FIELD_CHARS: usize = 4096;
/// Worker context: characters of one comment.
pub const CONTEXT_COMMENT_CHARS: usize = 2048;
/// Worker context: newest prior attempts shown.
pub const CONTEXT_ATTEMPTS: usize = 10;
/// Worker context: newest comments shown.
pub const CONTEXT_COMMENTS: usize = 30;
/// Worker context: declared files of one run.
pub const CONTEXT_ARTIFACTS: usize = 20;
/// Worker context: created tasks of one run.
pub const CONTEXT_CREATED_CARDS: usize = 50;
/// Worker context: attached files named.
pub const CONTEXT_ATTACHMENTS: usize = 20;
/// Worker context: recent tasks of the same assignee shown.
pub const CONTEXT_RECENT_TASKS: usize = 5;
/// Worker context: parents whose results are shown.
pub const CONTEXT_PARENTS: usize = 50;
/// Worker context: characters of one line about a recent task.
pub const CONTEXT_RECENT_CHARS: usize = 200;
/// Worker context: characters in all. What does not fit is left out and counted.
pub const CONTEXT_CHARS_MAX: usize = 120_000;

/// How long the calls of a worker are repeated while the daemon does not answer, seconds.
pub const WORKER_PATIENCE_SECONDS: u64 = 60;

/// Longest text of a question, bytes; also that of an answer as the next attempt reads it uncut.
pub const QUESTION_BYTES_MAX: usize = 8 * 1024;

/// Choices of a question.
pub const CHOICES_MAX: usize = 9;

/// Longest choice, bytes.
pub const CHOICE_BYTES_MAX: usize = 512;

/// Questions that a task may have had.
pub const QUESTIONS_PER_TASK_MAX: u64 = 1_000;

/// Longest time until the deadline of a question, seconds: 365 days.
pub const QUESTION_DEADLINE_SECONDS_MAX: i64 = 365 * 24 * 60 * 60;

/// Shortest time until the deadline of a question with which a worker blocks its task, seconds.
pub const WORKER_DEADLINE_SECONDS_MIN: i64 = 10 * 60;

/// Transient blocks in a row after which a task is tried again; the next one is for a person.
pub const TRANSIENT_RETRIES_MAX: u32 = 3;

/// Blocks of one kind in a row, without an answer by a person between them, that are a loop.
pub const BLOCK_LOOP_RUNS: usize = 3;

/// Questions that the context shows, the newest ones.
pub const CONTEXT_QUESTIONS: usize = 5;

/// Characters of the newest question and of its answer in the context.
pub const CONTEXT_QUESTION_CHARS: usize = 8192;

/// The last second of the year 9999: no time is later.
pub const SECONDS_MAX: i64 = 253_402_300_799;
