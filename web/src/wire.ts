// What the daemon sends and takes, as the page uses it. Field names are those of the API (docs/api.md); times are epoch seconds
// unless the name says otherwise. Statuses, kinds and reason codes are text: later daemons send others.

/** A status as this release knows them; others are shown as text. */
export const STATUSES = ["triage", "todo", "scheduled", "ready", "running", "blocked", "review", "done", "archived"] as const;
export type Status = string;

/** A task as a card shows it. */
export interface Card {
  id: string;
  board: string;
  title: string;
  status: Status;
  priority: number;
  assignee: string | null;
  tenant: string | null;
  labels: string[];
  /** In this status since. */
  since: number | null;
  created_at: number;
  started_at: number | null;
  completed_at: number | null;
  /** Start time of a scheduled task; null and `parked`: until a person lets it go on. */
  start_at: number | null;
  parked: boolean;
  due_at: number | null;
  /** Back-off: not started before. */
  not_before: number | null;
  /** Order of arrival; the last key of every order. */
  seq: number;
  /** Version for `if_version`. */
  version: number;
  /** The run whose processes may be there. */
  run: CardRun | null;
  /** Number of runs so far. */
  attempts: number;
  /** Failures in a row. */
  failures: number;
  /** Why it does not run, or what it waits for. Absent where the status says all. */
  reason: CardReason | null;
  /** Of a task that is done: the first line of its result. */
  summary: string | null;
  /** Open parents: how many, and the first. */
  waits: { count: number; first: NamedTask } | null;
  /** Children: how many, and how many of them are done. */
  children: { count: number; done: number } | null;
  comments: number;
  attachments: number;
  question: CardQuestion | null;
  review: CardReview | null;
}
export interface CardRun {
  id: number;
  /** starting running finishing stopping unkillable; `claimed` for work outside kanband. */
  state: string;
  profile: string | null;
  started_at: number;
  /** Newest sign of life. */
  seen_at: number | null;
  max_runtime_seconds: number | null;
  /** A review run. */
  is_review: boolean;
}
/** `code` is the token of `kanban why`; `text` one sentence of at most 160 characters. */
export interface CardReason { code: string; text: string; until: number | null }
export interface CardQuestion { id: string; text: string; choices: string[]; default: string | null; deadline_at: number | null; kind: string | null }
/** `reviewer` null: a person. */
export interface CardReview { round: number; reviewer: string | null; why: string | null }
export interface NamedTask { id: string; title: string; status: Status }

/** Which tasks: the same fields for the board, a column's windows, counts and bulk (`where`). Lists are comma-separated in a query. */
export interface CardFilter {
  board?: string;
  assignee?: string;   // a,b; "-" = nobody
  tenant?: string;
  label?: string;
  parent?: string;
  text?: string;
}

/** `GET /v1/board?board&assignee&tenant&label&text&window&archived` */
export interface BoardSnapshot {
  cursor: string;
  now: number;
  board: string;
  columns: ColumnWindow[];
  facets: { assignees: Facet[]; tenants: Facet[]; labels: Facet[] };
  facts: BoardFacts;
  boards: BoardEntry[];
  /** Who is logged in, and the name of that person on the board. */
  me: string;
  version: string;
  /** Of a board without a task. */
  first_use?: FirstUse | null;
}
/** `GET /v1/first_use`: who could work on a board. */
export interface FirstUse {
  agents: FoundAgent[];
  profiles: { name: string; argv: string[]; problem: string | null }[];
  people: string[];
  /** Why the daemon adds no profile; null: it does. */
  why_not: string | null;
}
/** A built-in launcher, and what was found of its agent. */
export interface FoundAgent {
  launcher: string;
  profile: string;
  program: string | null;
  argv: string[];
  user: string | null;
  mcp_entry_files: string[];
  is_configured: boolean;
  config: string;
  file: string;
}
export interface ColumnWindow {
  status: Status;
  /** Tasks that the filter lets through; at most 1,000 are counted under a filter. */
  count: number;
  count_is_exact: boolean;
  /** All of this status. */
  total: number;
  cards: Card[];
}
export interface BoardEntry {
  name: string;
  /** Tasks that are neither done nor archived. */
  open: number;
}
export interface Facet { name: string; count: number }
/** What holds for the board as a whole; also in deltas. */
export interface BoardFacts {
  /** "on" "paused" "draining" or "disabled" */
  dispatch: string;
  open_runs: number;
  max_running: number;
  /** Rows of the inbox over all boards. */
  attention: number;
  /** Open breakers, by key. */
  breakers: string[];
  /** Counts the changes of all this: a breaker that was reset and is open again looks as before. */
  changes: number;
  boards: BoardEntry[];
}

/** `GET /v1/cards?status&offset&limit&…filter`: a further window of a column, in the column's order. limit ≤ 500. */
export interface CardPage { cursor: string; cards: Card[]; count: number; count_is_exact: boolean }

/** The order of each column: the page sorts what the stream brings by the same keys.
 *  triage: since desc · todo, ready: priority desc · scheduled: start_at asc, parked last · running, blocked, review: since asc
 *  · done: completed_at desc · archived: since desc; then seq (asc where the key is asc or priority, desc where it is desc). */

/** `GET /v1/moves`: what a drop, the Move menu and the keys may do. */
export interface Moves { moves: Move[] }
export interface Move {
  /** Operation and path, as `POST` path with `{id}`. */
  operation: string;
  path: string;
  from: Status;
  /** Columns on which a drop means it; where the task lands is the daemon's decision. */
  to: Status[];
  label: string;
  /** Fixed fields of the request. */
  with: Record<string, unknown>;
  asks: Ask[];
  /** Only for cards with an open question / without. */
  question: boolean | null;
  /** The operation that takes it back, where there is one. */
  undo: string | null;
  is_bulk: boolean;
}
export interface Ask {
  field: string;
  /** text line time choice flag profile */
  kind: string;
  label: string;
  is_required: boolean;
  choices: { value: string; label: string }[];
  default: string | null;
}

/** `GET /v1/tasks/{id}/view` */
export interface TaskView {
  cursor: string;
  card: Card;
  task: Task;
  /** The body as HTML, made by the daemon: a closed set of tags, images as links. */
  body_html: string;
  body_is_whole: boolean;
  why: { code: string; text: string; command: string | null };
  parents: NamedTask[];
  children: NamedTask[];
  attachments: Attachment[];
  artifacts: { path: string; name: string | null }[];
  question: CardQuestion | null;
  schedule: string | null;
  timeline: TimelinePage;
}
/** `GET /v1/tasks/{id}/timeline?before=&limit=`: newest last. `next` asks for older ones. */
export interface TimelinePage { items: TimelineItem[]; next: string | null }
export type TimelineItem =
  | { type: "event"; at: number; id: number; kind: string; actor: string; text: string; run_id: number | null; count: number }
  | { type: "comment"; at: number; id: number; author: string; html: string; run_id: number | null }
  | { type: "run"; at: number; run: Run; summary_html: string | null };
/** The JSON of `show` and `runs`: see docs/api-reference.md. */
export interface Task { id: string; title: string; body: string | null; [field: string]: unknown }
export interface Run { id: number; profile: string | null; status: string; outcome: string | null; started_at: number; ended_at: number | null; closed_at: number | null; summary: string | null; error: string | null; metadata: unknown; [field: string]: unknown }
export interface Attachment { id: number; name: string; bytes: number; [field: string]: unknown }

/** `POST /v1/render {"text"}` */
export interface Rendered { html: string }

/** `GET /v1/tasks/{id}/graph?limit=200` */
export interface Graph { nodes: (NamedTask & { layer: number; assignee: string | null })[]; edges: [string, string][]; left_out: number }

/** `GET /v1/history?board&from&to&step_seconds&profile`: at most 400 rows. */
export interface History { from: number; to: number; step_seconds: number; buckets: number[]; rows: HistoryRow[] }
export interface HistoryRow {
  at: number;
  profile: string | null;
  started: number;
  finished: Record<string, number>;
  queue_seconds: number;
  cycle_seconds: number;
  slot_seconds: number;
  /** Tasks by queue and cycle time, ten buckets each, whose upper bounds are `buckets` (the last has none). */
  queue: number[];
  cycle: number[];
}

/** WebSocket `/v1/stream`. The page sends one ToServer object per frame, the daemon one FromServer object per frame. */
export type ToServer =
  | { subscribe: { board: string; after: string | null } }
  | { log: { task: string; run: number | null } | null }
  | { pong: number };
export type FromServer =
  | { hello: { version: string; bundle: string; incarnation: string; cursor: string } }
  | { delta: Delta }
  /** Signs of life: run id → time; at most one frame a second. */
  | { seen: Record<string, number> }
  | { facts: BoardFacts; cursor: string; reasons: Record<string, CardReason> }
  | { resync: { why: string; cursor: string } }
  | { ping: number }
  | { log: { run: number; text: string; omitted: number; is_over: boolean } }
  | { error: ApiError };
export interface Delta {
  cursor: string;
  now: number;
  board: string;
  cards: Card[];
  /** Ids of tasks that are not on this board any longer. */
  gone: string[];
  /** All tasks by status, without any filter. */
  counts: Record<Status, number>;
}
export interface ApiError { code: string; message: string; hint?: string; current?: unknown }
