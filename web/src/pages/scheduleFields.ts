// What the form of a schedule sends. Pure.

/** A schedule as `GET /v1/schedules` lists it. */
export interface Schedule {
  name: string;
  board: string;
  cron: string;
  zone: string;
  state: string;
  task: Record<string, unknown>;
  next_at: number | null;
  overlap: string;
  catch_up: string;
  count: number | null;
  until_at: number | null;
  made: number;
  skipped: number;
  refused_in_a_row: number;
  last_error: string | null;
  paused_why: string | null;
  created_by: string;
}

type Values = Record<string, string | number | boolean | null>;
const OWN = ["name", "cron", "zone", "overlap", "catch_up"];
const OF_TASK = ["title", "body", "assignee"];

const textOf = (value: unknown): string => (typeof value === "string" ? value.trim() : "");

/** The request that adds it: what is empty is left to the daemon. */
export function creationOf(values: Values): Record<string, unknown> {
  const own = OWN.flatMap((name) => (textOf(values[name]) === "" ? [] : [[name, textOf(values[name])]]));
  const task = OF_TASK.flatMap((name) => (textOf(values[name]) === "" ? [] : [[name, textOf(values[name])]]));
  return { ...Object.fromEntries(own), task: Object.fromEntries(task) };
}

/** The request that changes it: only what is another; a field of its tasks that was emptied is cleared by null. */
export function changeOf(values: Values, schedule: Schedule): Record<string, unknown> {
  const change: Record<string, unknown> = {};
  for (const name of OWN) {
    const text = textOf(values[name]);
    if (name in values && text !== "" && text !== schedule[name as keyof Schedule]) change[name] = text;
  }
  const task: Record<string, unknown> = {};
  for (const name of OF_TASK) {
    const text = textOf(values[name]);
    if (name in values && text !== textOf(schedule.task[name])) task[name] = text === "" ? null : text;
  }
  return Object.keys(task).length > 0 ? { ...change, task } : change;
}
