// The timeline of a task: pages of it joined, filtered, folded, and cut into days.

import type { TimelineItem, TimelinePage } from "../wire";

export type TimelineFilter = "all" | "people" | "runs";

export function itemKey(item: TimelineItem): string {
  return item.type === "run" ? `run:${item.run.id}` : `${item.type}:${item.id}`;
}

/** What is loaded: items by age, oldest first, and where older ones begin. */
export interface Loaded {
  items: TimelineItem[];
  next: string | null;
}

/** A page of older items before what is loaded. */
export function withOlder(loaded: Loaded, page: TimelinePage): Loaded {
  return { items: joined(page.items, loaded.items), next: page.next };
}

/**
 * The newest page over what is loaded. Where it does not reach back to what was loaded, items between them would be missing: what is
 * older then goes, and is asked for again.
 */
export function withNewest(loaded: Loaded | null, page: TimelinePage): Loaded {
  if (!loaded || page.next === null) return { items: joined([], page.items), next: page.next };
  const known = new Set(loaded.items.map(itemKey));
  const touches = page.items.some((item) => known.has(itemKey(item)));
  if (!touches) return { items: joined([], page.items), next: page.next };
  return { items: joined(loaded.items, page.items), next: loaded.next };
}

/** Both, oldest first; of an item that is in both, the one of `newer`. */
function joined(older: TimelineItem[], newer: TimelineItem[]): TimelineItem[] {
  const replaced = new Set(newer.map(itemKey));
  const all = [...older.filter((item) => !replaced.has(itemKey(item))), ...newer];
  // The order of equal times is that of the daemon, which a stable sort keeps; but a task is created before anything runs.
  return all.sort((a, b) => a.at - b.at || Number(isBeginning(b)) - Number(isBeginning(a)));
}

function isBeginning(item: TimelineItem): boolean {
  return item.type === "event" && item.kind === "created";
}

/** Runs that are loaded as open although they are over: what is loaded about them is old. */
export function staleRuns(loaded: Loaded, openRun: number | null): number[] {
  const open = loaded.items.filter((item) => item.type === "run" && item.run.closed_at === null && item.run.ended_at === null);
  return open.flatMap((item) => (item.type === "run" && item.run.id !== openRun ? [item.run.id] : []));
}

export function passes(item: TimelineItem, filter: TimelineFilter): boolean {
  if (filter === "all") return true;
  if (filter === "runs") return item.type === "run" || item.run_id !== null;
  return item.type === "comment" || (item.type === "event" && isPerson(item.actor));
}

/** An actor is a name, `run:ID`, or `kanband:PART`. */
export function isPerson(actor: string): boolean {
  return actor !== "" && !/^(run|kanband):/.test(actor);
}

export type Row = { type: "day"; at: number; key: string } | { type: "item"; item: TimelineItem; key: string; count: number };

/** Rows to show: a separator before each new day, signs of life of one run folded into one row. */
export function rows(items: TimelineItem[], filter: TimelineFilter): Row[] {
  const list: Row[] = [];
  let day = "";
  for (const item of items) {
    if (!passes(item, filter)) continue;
    const on = new Date(item.at * 1000).toDateString();
    if (on !== day) {
      day = on;
      list.push({ type: "day", at: item.at, key: `day:${on}` });
    }
    const last = list[list.length - 1];
    const count = item.type === "event" ? Math.max(1, item.count) : 1;
    if (last?.type === "item" && isSameBeat(last.item, item)) {
      last.count += count;
      last.item = item;
      continue;
    }
    list.push({ type: "item", item, key: itemKey(item), count });
  }
  return list;
}

function isSameBeat(a: TimelineItem, b: TimelineItem): boolean {
  return a.type === "event" && b.type === "event" && a.kind === "heartbeat" && b.kind === "heartbeat" && a.run_id === b.run_id;
}
