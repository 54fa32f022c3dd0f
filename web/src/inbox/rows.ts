// Rows of `GET /v1/attention` as the page shows them: what is asked, how bad it is, and what finishes it. Pure.

import type { CardQuestion, Status } from "../wire";

/** Something that needs a person, as the daemon sends it. */
export interface Attention {
  kind: string;
  message: string;
  command: string;
  commands: string[];
  tasks: AttentionTask[];
  count: number;
  since: number | null;
  /** Of a breaker: what `reset` takes. */
  key: string | null;
}
export interface AttentionTask {
  id: string;
  title: string;
  board: string;
  status: Status;
  /** The question that waits, with its whole text. */
  question: CardQuestion | null;
}

export type Verb =
  | "answer" | "approve" | "request_changes" | "unblock" | "promote" | "retry" | "cancel" | "complete" | "assign"
  | "reset" | "resume" | "open" | "log" | "diff" | "profiles" | "schedules" | "copy";

export interface Action { verb: Verb; label: string }

export interface Words {
  /** What kind of thing, in a word or two. */
  label: string;
  group: "broken" | "asks" | "late";
  /** The sign of a status, or a sign of its own. */
  status: string | null;
  actions: Action[];
}

const action = (verb: Verb, label: string): Action => ({ verb, label });
const OPEN = action("open", "Open");
const COPY = action("copy", "Copy the command");
const CANCEL = action("cancel", "Cancel…");

const KINDS: Record<string, Words> = {
  board_lost: { label: "Board lost", group: "broken", status: null, actions: [COPY] },
  unkillable: { label: "Cannot be killed", group: "broken", status: "running", actions: [OPEN, COPY] },
  disk: { label: "Disk full", group: "broken", status: null, actions: [COPY] },
  log: { label: "Log", group: "broken", status: null, actions: [COPY] },
  search: { label: "Search", group: "broken", status: null, actions: [COPY] },
  paused: { label: "Dispatch off", group: "broken", status: null, actions: [action("resume", "Resume dispatch")] },
  breaker: { label: "Breaker open", group: "broken", status: null, actions: [action("reset", "Reset the breaker"), action("profiles", "Profiles")] },
  gave_up: { label: "Gave up", group: "asks", status: "blocked", actions: [action("retry", "Retry"), action("log", "Log"), CANCEL] },
  question: { label: "Question", group: "asks", status: "blocked", actions: [action("answer", "Answer"), OPEN] },
  blocked: { label: "Blocked", group: "asks", status: "blocked", actions: [action("answer", "Answer and let go on"), action("unblock", "Unblock"), CANCEL] },
  block_loop: { label: "Blocked again and again", group: "asks", status: "blocked", actions: [OPEN, action("unblock", "Unblock"), CANCEL] },
  held: { label: "Held", group: "asks", status: "blocked", actions: [action("unblock", "Let go on"), CANCEL] },
  handover: { label: "Handed over", group: "asks", status: "triage", actions: [action("promote", "Let go on"), OPEN, CANCEL] },
  review: { label: "Review", group: "asks", status: "review", actions: [action("approve", "Approve"), action("request_changes", "Request changes"), action("diff", "Diff")] },
  waiting_long: { label: "Waits long", group: "late", status: "ready", actions: [OPEN] },
  overdue: { label: "Overdue", group: "late", status: "todo", actions: [OPEN] },
  schedule: { label: "Schedule", group: "late", status: "scheduled", actions: [action("schedules", "Schedules"), COPY] },
  unassigned: { label: "Nobody assigned", group: "late", status: "ready", actions: [action("assign", "Assign…"), OPEN] },
  unknown_profile: { label: "Unknown profile", group: "late", status: "ready", actions: [action("assign", "Assign…"), action("profiles", "Profiles")] },
  unusable_profile: { label: "Profile unusable", group: "late", status: "ready", actions: [action("profiles", "Profiles"), action("assign", "Assign…")] },
  own: { label: "Yours", group: "late", status: "ready", actions: [action("complete", "Complete"), OPEN] },
};

/** A kind that this page does not know is shown with its command. */
export function wordsOf(row: Attention): Words {
  const known = KINDS[row.kind];
  if (known) return known;
  return { label: row.kind.replaceAll("_", " "), group: "asks", status: null, actions: row.tasks.length > 0 ? [OPEN, COPY] : [COPY] };
}

/** Kinds whose tasks are decided one by one, whatever they have in common. */
const ONE_BY_ONE = new Set(["handover", "review", "own"]);

/** The daemon's rows with those taken apart whose tasks each need a look of their own. */
export function apart(rows: readonly Attention[]): Attention[] {
  return rows.flatMap((row) => {
    if (!ONE_BY_ONE.has(row.kind) || row.count === 1) return [row];
    const cause = asked(row);
    const single = row.tasks.map((task): Attention => ({ ...row, tasks: [task], count: 1, message: `${task.id} ${task.title}: ${cause}` }));
    const rest = row.count - row.tasks.length;
    return rest > 0 ? [...single, { ...row, tasks: [], count: rest, message: `and ${rest} more: ${cause}` }] : single;
  });
}

/** Rows keep their place by this: the kind and the first thing it is about. */
export function rowKey(row: Attention): string {
  return `${row.kind}:${row.tasks[0]?.id ?? row.key ?? row.message}`;
}

/** What is asked, without the id and the title that stand beside it. */
export function asked(row: Attention): string {
  const [first] = row.tasks;
  const prefix = first && row.count === 1 ? `${first.id} ${first.title}: ` : `${row.count} tasks: `;
  return row.message.startsWith(prefix) ? row.message.slice(prefix.length) : row.message;
}

export function titleOf(row: Attention): string {
  const [first] = row.tasks;
  if (!first) return row.message;
  return row.count === 1 ? first.title : `${row.count} tasks`;
}

/** Which action a key of the inbox means for a row, if any. */
export function actionOfKey(row: Attention, key: string): Verb | null {
  const wanted: Record<string, Verb[]> = { answer: ["answer"], approve: ["approve"], request_changes: ["request_changes"], unblock: ["unblock", "promote", "retry"], retry: ["retry", "reset", "resume", "unblock"] };
  const verbs = wordsOf(row).actions.map((one) => one.verb);
  // What is not done is cancelled, not archived: its children are held or let go on.
  if (key === "archive") return row.tasks.length > 0 ? "cancel" : null;
  return (wanted[key] ?? []).find((verb) => verbs.includes(verb)) ?? null;
}

/** Where the selection goes when rows have come and gone: to the same row, else to the one that took its place. */
export function selectedAfter(keys: readonly string[], selected: string | null, place: number): number {
  const at = selected === null ? -1 : keys.indexOf(selected);
  if (at >= 0) return at;
  return Math.max(0, Math.min(place, keys.length - 1));
}

export const GROUPS: { id: Words["group"]; title: string }[] = [
  { id: "broken", title: "Nothing starts, or something is broken" },
  { id: "asks", title: "Waits for your word" },
  { id: "late", title: "Does not move" },
];

/** Which rows are new and which are gone since the last look. The first look makes no notices: what waits already is on the page. */
export function changes(before: ReadonlySet<string> | null, now: readonly Attention[]): { fresh: Attention[]; gone: string[] } {
  if (before === null) return { fresh: [], gone: [] };
  const keys = new Set(now.map(rowKey));
  return { fresh: now.filter((row) => !before.has(rowKey(row))), gone: [...before].filter((key) => !keys.has(key)) };
}
