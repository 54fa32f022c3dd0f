// Numbers for the plots, from the rows of `GET /v1/history`.

import type { History, HistoryRow } from "../wire";

export interface Point {
  at: number;
  started: number;
  done: number;
  failed: number;
  finished: Record<string, number>;
  slots: number;
  queueHalf: number | null;
  queueMost: number | null;
  cycleHalf: number | null;
  cycleMost: number | null;
}

/** Outcomes that are no failure: the work was done, a person acted, or the task waits for something. */
const NO_FAILURE = new Set(["completed", "blocked", "stopped", "reclaimed", "rate_limited"]);
export function isFailure(outcome: string): boolean {
  return !NO_FAILURE.has(outcome);
}

/** One point for each step of the time asked for, all profiles together (or one of them); steps without rows are zero. */
export function points(history: History, profile: string | null): Point[] {
  const byTime = new Map<number, HistoryRow[]>();
  const step = Math.max(1, history.step_seconds);
  for (const row of history.rows) {
    if (profile !== null && row.profile !== profile) continue;
    const at = history.from + Math.floor((row.at - history.from) / step) * step;
    const list = byTime.get(at);
    if (list) list.push(row);
    else byTime.set(at, [row]);
  }
  const list: Point[] = [];
  // More steps than a plot has pixels say nothing; the daemon sends at most 400 rows.
  for (let at = history.from; at < history.to && list.length < 2_000; at += step) {
    list.push(point(at, step, byTime.get(at) ?? [], history.buckets));
  }
  return list;
}

function point(at: number, step: number, rows: HistoryRow[], buckets: number[]): Point {
  const finished: Record<string, number> = {};
  let [started, slotSeconds] = [0, 0];
  const queue: number[] = [];
  const cycle: number[] = [];
  for (const row of rows) {
    started += row.started;
    slotSeconds += row.slot_seconds;
    for (const [outcome, count] of Object.entries(row.finished)) finished[outcome] = (finished[outcome] ?? 0) + count;
    add(queue, row.queue);
    add(cycle, row.cycle);
  }
  let failed = 0;
  for (const [outcome, count] of Object.entries(finished)) if (isFailure(outcome)) failed += count;
  return {
    at, started, failed, finished,
    done: finished["completed"] ?? 0,
    slots: slotSeconds / step,
    queueHalf: quantile(queue, buckets, 0.5),
    queueMost: quantile(queue, buckets, 0.9),
    cycleHalf: quantile(cycle, buckets, 0.5),
    cycleMost: quantile(cycle, buckets, 0.9),
  };
}

function add(to: number[], from: number[]): void {
  from.forEach((count, index) => (to[index] = (to[index] ?? 0) + count));
}

/**
 * A quantile of what is known only by bucket: on the line through the bucket it lies in. The last bucket has no upper bound; what lies
 * there is its lower one, which it is at least.
 */
export function quantile(counts: number[], buckets: number[], part: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  const wanted = part * total;
  let before = 0;
  for (let index = 0; index < counts.length; index += 1) {
    const count = counts[index] ?? 0;
    if (count > 0 && before + count >= wanted) {
      const low = index === 0 ? 0 : (buckets[index - 1] ?? 0);
      const high = buckets[index];
      return high === undefined ? low : low + ((wanted - before) / count) * (high - low);
    }
    before += count;
  }
  return buckets[buckets.length - 1] ?? null;
}

/** Outcomes that failed, the most frequent first. */
export function failures(list: Point[]): { outcome: string; count: number }[] {
  const totals = new Map<string, number>();
  for (const { finished } of list) {
    for (const [outcome, count] of Object.entries(finished)) {
      if (isFailure(outcome) && count > 0) totals.set(outcome, (totals.get(outcome) ?? 0) + count);
    }
  }
  return [...totals].map(([outcome, count]) => ({ outcome, count })).sort((a, b) => b.count - a.count);
}
